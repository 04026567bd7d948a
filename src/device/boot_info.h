/*
 * What the bootloader hands to the image that it starts, as bytes (docs/formats.md section 6): the two are built at
 * different times and outlive each other's versions, so no struct crosses between them.
 */
#ifndef UPDRAFT_DEVICE_BOOT_INFO_H
#define UPDRAFT_DEVICE_BOOT_INFO_H

#include "updraft/boot.h"

#define UD_BOOT_INFO_BYTES_MAX (148 + 40 * UD_COMPONENTS_MAX)

/** Append; UD_BOOT_INFO_BYTES_MAX is enough. UD_ERR_BUFFER */
ud_err ud_boot_info_write(struct ud_buf *out, const struct ud_boot_info *info);

/** UD_ERR_VERSION, UD_ERR_NUMBER_RANGE, UD_ERR_LIMIT, errors of the CBOR reader; `info` is untouched then. */
ud_err ud_boot_info_parse(struct ud_boot_info *info, struct ud_bytes in);

/**
 * A chain of digests over what runs, for whoever attests it: M(0) = 0, M(n+1) = SHA-256(M(n) || x), x in turn `before`
 * (a digest of what ran before the bootloader, or empty), the manifest's digest, each image's. UD_ERR_CRYPTO
 */
ud_err ud_boot_info_measure(const struct ud_boot_info *info, struct ud_bytes before,
                            uint8_t measurement[UD_DIGEST_BYTES]);

#endif
