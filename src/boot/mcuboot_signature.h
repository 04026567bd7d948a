/*
 * Signatures of images in MCUboot's format. A build knows those of one file of mcuboot_signatures/, which answers by
 * functions and not by a table, so that what it does not know costs it nothing.
 */
#ifndef UPDRAFT_BOOT_MCUBOOT_SIGNATURE_H
#define UPDRAFT_BOOT_MCUBOOT_SIGNATURE_H

#include "updraft/mcuboot.h"

#define UD_MCUBOOT_SIGNATURE_BYTES_MAX                                                                         \
    72 /* of any kind: DER, two numbers of 33 bytes at most, and their heads */

/* ---- the build's choice ---- */

/** Does an entry of this type hold a signature that this build knows? */
bool ud_mcuboot_signature_in(uint32_t entry);
/** Do keys of this type make one? */
bool ud_mcuboot_signature_by(ud_key_type key);
/** What a key's hash begins with: its SubjectPublicKeyInfo up to the key itself. */
struct ud_bytes ud_mcuboot_key_head(ud_key_type key);
/**
 * The signature that the parser found, over image->digest, by a key of a type that this build knows.
 * UD_ERR_IMAGE_ENTRY: it is of another kind than the key; UD_ERR_SIGNATURE, UD_ERR_KEY, UD_ERR_FLASH, errors of the cryptography.
 */
ud_err ud_mcuboot_signature_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                                   const struct ud_trust_key *key);

/* ---- what there is to choose from ---- */

#define UD_MCUBOOT_ENTRY_HEAD_BYTES 4U /* type and length, before each value */
#define UD_MCUBOOT_ENTRY_ECDSA 0x22U
#define UD_MCUBOOT_ENTRY_ED25519 0x24U

/* RFC 5480, up to x || y; RFC 8410, up to the key */
#define UD_MCUBOOT_P256_HEAD                                                                                   \
    {                                                                                                          \
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,  \
            0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04                                         \
    }
#define UD_MCUBOOT_ED25519_HEAD                                                                                \
    {                                                                                                          \
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00                                 \
    }

/** ECDSA on P-256, as DER. */
ud_err ud_mcuboot_p256_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                              const struct ud_trust_key *key);
/** Ed25519 over the digest, as imgtool signs without --pure. */
ud_err ud_mcuboot_ed25519_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                                 const struct ud_trust_key *key);

#endif
