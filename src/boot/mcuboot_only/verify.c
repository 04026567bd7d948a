/*
 * The bootloader for images in MCUboot's format alone: examination of a slot by the image's own signature, in place of
 * ../verify.c and its manifest. Everything else (slots, journal, trial, revert) is the same. A build links one of the two.
 *
 * The version that may not go back is the security counter where the image has one, else its version number.
 */
#include "boot/verify.h"
#include "boot/mcuboot_only/where.h"
#include "updraft/mcuboot.h"

#define COMPONENT 0

static uint64_t sequence_of(const struct ud_mcuboot_image *image)
{
    const struct ud_mcuboot_version *version = &image->version;
    if (image->has_security_counter) {
        return image->security_counter;
    }
    return (uint64_t)version->major << 56 | (uint64_t)version->minor << 48 | (uint64_t)version->revision << 32 |
           version->build;
}

static ud_err first_look(struct ud_boot *boot, struct ud_mcuboot_image *image)
{
    struct ud_mcuboot_view view;
    struct ud_boot_info *seen = &boot->seen;
    if (boot->layout->component_count != 1) {
        return UD_ERR_COMPONENT;
    }
    if (seen->slot == UD_SLOT_RECOVERY && ud_layout_recovery(boot->layout) == NULL) {
        return UD_ERR_RANGE;
    }
    const struct ud_area *area = ud_mcuboot_where(boot, &view);
    ud_err err = ud_mcuboot_parse(image, area);
    if (err == UD_OK) {
        err = image->dependency_count == 0 ? ud_mcuboot_verify(image, area, boot->trust) : UD_ERR_DEPENDENCY;
    }
    if (err != UD_OK) {
        return err;
    }
    seen->version = (struct ud_version){boot->trust->epoch, sequence_of(image)};
    seen->images[COMPONENT].size_bytes = image->signed_bytes;
    boot->unsigned_bytes = image->total_bytes - image->signed_bytes;
    memcpy(seen->images[COMPONENT].digest, image->digest, UD_DIGEST_BYTES);
    memcpy(seen->manifest_digest, image->digest, UD_DIGEST_BYTES); /* it is its own manifest */
    return ud_boot_check_fresh(boot);
}

/* By the verdict that the signature left behind, and the number once more; no return code of the first look counts. */
static ud_sure second_look(const struct ud_boot *boot, const struct ud_mcuboot_image *image)
{
    const struct ud_version version = {boot->trust->epoch, sequence_of(image)};
    if (ud_version_compare(version, boot->seen.version) != 0 || ud_boot_check_fresh(boot) != UD_OK) {
        return UD_SURE_NO;
    }
    return image->verdict;
}

ud_err ud_boot_examine(struct ud_boot *boot, uint8_t slot)
{
    struct ud_mcuboot_image image = {.verdict = UD_SURE_NO};
    boot->verdict = UD_SURE_NO;
    boot->confirmed = UD_SURE_NO;
    memset(&boot->seen, 0, sizeof boot->seen);
    boot->seen.slot = slot;
    boot->seen.image_count = 1;
    const ud_err err = first_look(boot, &image);
    if (err != UD_OK) {
        return err;
    }
    boot->verdict = UD_SURE_YES;
    boot->confirmed = second_look(boot, &image);
    return boot->confirmed == UD_SURE_YES ? UD_OK : UD_ERR_INTERNAL;
}
