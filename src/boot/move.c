/* Layouts whose images change places: a slot that was chosen is brought to where it can run. */
#include "boot/verify.h"

static uint32_t stored_bytes(const struct ud_boot *boot, uint8_t component)
{
    return boot->seen.images[component].size_bytes + boot->unsigned_bytes;
}

static void note_sizes(struct ud_boot *boot, uint8_t slot, struct ud_image_sizes *sizes)
{
    const bool for_trial = boot->for_trial; /* this one is not what is tried */
    boot->for_trial = false;
    const bool holds = ud_boot_examine(boot, slot) == UD_OK;
    boot->for_trial = for_trial;
    for (uint8_t i = 0; i < ud_layout_components(boot->layout); i++) {
        sizes->bytes[slot][i] = holds ? stored_bytes(boot, i) : ud_slots_capacity(&boot->slots, i);
    }
}

/*
 * Examine a slot, and with a mover have its images where they can run: examined where they were, brought there,
 * examined again. What lies there now does not verify: it is kept all the same, to its last byte.
 */
static ud_err make_ready(struct ud_boot *boot, uint8_t slot)
{
    struct ud_image_sizes sizes;
    const uint8_t resident = ud_slots_resident(&boot->slots, slot);
    if (resident == slot) {
        return ud_boot_examine(boot, slot);
    }
    if (resident >= UD_SLOT_COUNT) {
        return UD_ERR_STATE;
    }
    note_sizes(boot, resident, &sizes);
    ud_err err = ud_boot_examine(boot, slot);
    if (err != UD_OK) {
        return err;
    }
    for (uint8_t i = 0; i < ud_layout_components(boot->layout); i++) {
        sizes.bytes[slot][i] = stored_bytes(boot, i);
    }
    err = ud_slots_bring(&boot->slots, slot, &sizes);
    if (err != UD_OK) {
        boot->verdict = UD_SURE_NO;
        return err;
    }
    return ud_boot_examine(boot, slot);
}

void ud_boot_move(struct ud_boot *boot)
{
    boot->ready = make_ready;
}
