/*
 * MCUboot's image format, for fleets that have it: images made by imgtool are verified from flash, and a test swap is
 * requested from a resident MCUboot, as its own tools do it. docs/mcuboot.md has the whole story.
 *
 *     err = ud_mcuboot_parse(&image, &area);              // shape and limits; nothing is believed yet
 *     err = ud_mcuboot_verify(&image, &area, &trust);     // hash, then signature by a key of `trust`
 *
 * An image: header (32 bytes and padding), payload, then type-length-value entries, first those that the signature
 * covers ("protected"), then the others. Where an entry stands decides what it may be: a security counter that nobody
 * signed is refused, not believed (CVE-2024-32883). Limits: SHA-256; ECDSA on P-256 or Ed25519 over the digest, as the build chooses
 * (src/boot/mcuboot_signatures); with UD_MCUBOOT_SHA512=1 also Ed25519 over SHA-512 and over the image itself; plain images below 4 GiB, UD_MCUBOOT_ENTRIES_MAX entries.
 */
#ifndef UPDRAFT_MCUBOOT_H
#define UPDRAFT_MCUBOOT_H

#include "updraft/flash.h"
#include "updraft/sure.h"
#include "updraft/trust.h"

#define UD_MCUBOOT_ENTRIES_MAX 32
#define UD_MCUBOOT_DEPENDENCIES_MAX 4

struct ud_mcuboot_version {
    uint8_t major;
    uint8_t minor;
    uint16_t revision;
    uint32_t build;
};

/* Another image that this one needs, at this version or above. Signed. */
struct ud_mcuboot_dependency {
    uint8_t image;
    struct ud_mcuboot_version version;
};

struct ud_mcuboot_image {
    uint32_t header_bytes;
    uint32_t payload_bytes;
    uint32_t signed_bytes; /* from the start: header, payload, protected entries */
    uint32_t total_bytes;  /* with everything */
    uint32_t flags;
    uint32_t load_address;
    struct ud_mcuboot_version version;
    bool has_security_counter;
    uint32_t security_counter;
    uint8_t dependency_count;
    struct ud_mcuboot_dependency dependencies[UD_MCUBOOT_DEPENDENCIES_MAX];
    /* by ud_mcuboot_verify(); zero and UD_SURE_NO before */
    uint8_t digest
        [UD_SHA256_BYTES]; /* SHA-256 as measured, over what is signed, also where the image has another hash */
    ud_sure verdict;
    /* private */
    uint32_t hash_at; /* offsets of entries' values; 0 where absent */
    uint32_t key_hash_at;
    uint32_t signature_at;
    uint16_t signature_bytes;
    uint8_t form; /* 0: hashes are SHA-256 */
};

/**
 * Read header and entries of the image at the start of an area.
 *
 * @return UD_ERR_IMAGE_FORMAT: not this format, a length beyond the area, a flag that we do not know (encrypted and
 *         compressed images among them); UD_ERR_ALGORITHM: a hash by SHA-384 (UD_MCUBOOT_SHA512); UD_ERR_IMAGE_ENTRY: an entry twice, missing, of a wrong length, or on the wrong
 *         side of the signature; UD_ERR_LIMIT; UD_ERR_FLASH
 */
ud_err ud_mcuboot_parse(struct ud_mcuboot_image *image, const struct ud_area *area);

/**
 * Hash the image in flash, compare with its entry, verify the signature over that hash by the trusted key that the
 * image names; then image->verdict is UD_SURE_YES, whatever becomes of the return code. One key suffices, so a trust that asks for more is refused.
 *
 * @return UD_OK; UD_ERR_IMAGE_MISMATCH; UD_ERR_UNTRUSTED: nobody that we know; UD_ERR_THRESHOLD; UD_ERR_SIGNATURE;
 *         UD_ERR_IMAGE_ENTRY: a signature of another kind than the key; UD_ERR_ALGORITHM: SHA-512 with a key that is not Ed25519;
 *         UD_ERR_FLASH, errors of the cryptography
 *
 * Cost: reads the whole image once; 64 bytes of it at a time on the stack
 */
ud_err ud_mcuboot_verify(struct ud_mcuboot_image *image, const struct ud_area *area,
                         const struct ud_trust *trust);

/** <0, 0, >0 as a is below, equal, above b; the build number counts last. */
int ud_mcuboot_version_compare(struct ud_mcuboot_version a, struct ud_mcuboot_version b);

/* What stands in a place of a trailer. Anything that is neither is never taken for one of the two. */
typedef enum ud_mcuboot_mark {
    UD_MCUBOOT_UNSET = 0, /* erased */
    UD_MCUBOOT_SET = 1,
    UD_MCUBOOT_BAD = 2, /* torn, foreign, or of an MCUboot of another BOOT_MAX_ALIGN */
} ud_mcuboot_mark;

/* Why MCUboot changed the images of two slots last, as it notes it in the trailer. */
typedef enum ud_mcuboot_swap {
    UD_MCUBOOT_SWAP_UNKNOWN = 0, /* nothing noted, as by old versions; or no number of theirs */
    UD_MCUBOOT_SWAP_NONE = 1,
    UD_MCUBOOT_SWAP_TEST = 2,
    UD_MCUBOOT_SWAP_PERMANENT = 3,
    UD_MCUBOOT_SWAP_REVERT = 4,
} ud_mcuboot_swap;

/* The end of a slot. Flash is input: nothing of it proves what runs. */
struct ud_mcuboot_trailer {
    ud_mcuboot_mark magic;
    ud_mcuboot_mark image_ok;
    ud_mcuboot_mark copy_done;
    ud_mcuboot_swap swap;
    uint8_t image_number; /* of several that MCUboot keeps; 0 where nothing is noted */
};

/**
 * Read a slot's trailer, written by MCUboot, by imgtool or by ud_mcuboot_request().
 * @param max_align  as below
 * @return UD_OK; UD_ERR_LIMIT; UD_ERR_FLASH
 */
ud_err ud_mcuboot_trailer_read(const struct ud_area *slot, uint32_t max_align,
                               struct ud_mcuboot_trailer *trailer);

/**
 * Ask a resident MCUboot to swap in the image of its secondary slot at the next reset: for a test, or for good. Writes
 * the trailer that `imgtool sign --pad` (with --confirm: for good) writes.
 *
 * @param slot  the secondary slot; its last bytes must be erased, as after an erase before the upload
 * @param max_align  BOOT_MAX_ALIGN of that MCUboot: 8, 16 or 32, not below the flash's write size
 * @return UD_OK; UD_ERR_LIMIT: max_align; UD_ERR_STATE: the trailer is not erased; UD_ERR_FLASH
 */
ud_err ud_mcuboot_request(const struct ud_area *slot, uint32_t max_align, bool for_good);

/**
 * The running image, in MCUboot's primary slot after a swap, is healthy: it stays.
 * @return UD_OK, also when it was already; UD_ERR_STATE: there was no swap to confirm; UD_ERR_LIMIT; UD_ERR_FLASH
 */
ud_err ud_mcuboot_confirm(const struct ud_area *primary, uint32_t max_align);

#endif
