/*
 * The forms of imgtool that hash by SHA-512, with Ed25519 alone: `--sha 512`, a signature over that hash, and `--pure`, one
 * over the image itself. A build has them with UD_MCUBOOT_SHA512=1, and then a backend with ud_ed25519_verify_message().
 */
#ifndef UPDRAFT_BOOT_MCUBOOT_SHA512_H
#define UPDRAFT_BOOT_MCUBOOT_SHA512_H

#include "updraft/mcuboot.h"

#ifndef UD_MCUBOOT_SHA512
#define UD_MCUBOOT_SHA512 0
#endif

/* image->form: what was found of them; none of it: SHA-256 */
enum {
    UD_MCUBOOT_FORM_HASH = 1, /* the image's hash */
    UD_MCUBOOT_FORM_KEY = 2,  /* the key's */
    UD_MCUBOOT_FORM_PURE = 4,
};

/** An entry of no other meaning, where nobody signs. UD_OK: of none here either; UD_ERR_IMAGE_ENTRY; UD_ERR_ALGORITHM: SHA-384 */
ud_err ud_mcuboot_sha512_take(struct ud_mcuboot_image *image, const struct ud_area *area, uint32_t type,
                              uint32_t at, uint32_t len);
/** A key's hash, of either length. */
ud_err ud_mcuboot_sha512_take_key_hash(struct ud_mcuboot_image *image, uint32_t at, uint32_t len);
/** Do image and key have hashes of one kind? UD_ERR_IMAGE_ENTRY */
ud_err ud_mcuboot_sha512_check(const struct ud_mcuboot_image *image);
/** What ud_mcuboot_verify() does, for an image with a form; the verdict is the caller's. image->digest: SHA-256 of the same bytes. */
ud_err ud_mcuboot_sha512_verify(struct ud_mcuboot_image *image, const struct ud_area *area,
                                const struct ud_trust *trust);

#endif
