/*
 * Examination of one slot. What it finds is in boot->seen; the verdicts are in boot->verdict and
 * boot->confirmed.
 */
#ifndef UD_BOOT_VERIFY_H
#define UD_BOOT_VERIFY_H

#include "updraft/boot.h"

/* What a bootloader with UD_BOOT_LEAST has not. */
static inline struct ud_counter *ud_boot_counter(const struct ud_boot *boot)
{
    return UD_BOOT_LEAST ? NULL : boot->counter;
}

static inline bool ud_boot_has_domains(const struct ud_boot *boot)
{
    return !UD_BOOT_LEAST && boot->domains != NULL;
}

/**
 * The whole chain: envelope to RAM, signatures, version, conditions, images, invoke; then once more by another
 * path. UD_OK means that both verdicts are UD_SURE_YES; everything else leaves both at UD_SURE_NO.
 */
ud_err ud_boot_examine(struct ud_boot *boot, uint8_t slot);

/** Only who signed, and whether they had the right to: envelope to RAM, signatures, version, rights. Both verdicts: UD_SURE_NO. */
ud_err ud_boot_vouch(struct ud_boot *boot, uint8_t slot);

/** May the version of what is examined boot, by the journal and by the hardware's counter? UD_ERR_STALE. */
ud_err ud_boot_check_fresh(const struct ud_boot *boot);

/* What a manifest may ask for at a boot; ctx is a struct ud_boot. */
extern const struct ud_suit_ops ud_boot_ops;
/** Measure the image of a component of the device, and compare. Those of the condition image match. */
ud_err ud_boot_check_image(struct ud_boot *boot, uint8_t place, const struct ud_suit_params *params);
/** Did who signed this manifest have the right to, for every component that it names? UD_ERR_RIGHTS. */
ud_err ud_boot_check_rights(const struct ud_boot *boot, const struct ud_suit_manifest *man);

#endif
