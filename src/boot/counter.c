/* The anti-rollback counter of the hardware. A bootloader that has none links none of this. */
#include "updraft/boot.h"

static bool is_all_ones(struct ud_version version)
{
    return version.epoch == UINT32_MAX || version.sequence == UINT64_MAX;
}

static void read_counter(struct ud_boot *boot)
{
    boot->counter->least = (struct ud_version){0, 0};
    boot->counter->err = UD_OK;
    struct ud_version value = {0, 0};
    const ud_err err = boot->counter->read(boot->counter->ctx, &value);
    if (err != UD_ABSENT && (err != UD_OK || is_all_ones(value))) { /* all ones: blank or worn fuses */
        boot->counter->err = UD_ERR_ROLLBACK_COUNTER;
    } else if (err == UD_OK) {
        boot->counter->least = value;
    }
}

/*
 * After the confirmation, by what was verified and not by what the journal says alone. A cut before, in or after this:
 * the next boot does the rest. An image that is only on trial never gets here.
 */
static void advance_counter(struct ud_boot *boot, const struct ud_boot_info *info)
{
    const struct ud_slots_state *state = ud_slots_state(&boot->slots);
    if (boot->verdict != UD_SURE_YES || boot->counter->err != UD_OK || state->trial != UD_TRIAL_NONE ||
        info->slot != state->active || ud_version_compare(info->version, state->stored) != 0 ||
        ud_version_compare(info->version, boot->counter->least) <= 0 || is_all_ones(info->version)) {
        return;
    }
    if (boot->counter->advance(boot->counter->ctx, info->version) != UD_OK) {
        boot->counter->err = UD_ERR_ROLLBACK_COUNTER; /* full or failing; the journal still holds the line */
    }
}

/* Before anything is examined, and once something was chosen. */
static void count(struct ud_boot *boot, const struct ud_boot_info *chosen)
{
    if (chosen == NULL) {
        read_counter(boot);
    } else {
        advance_counter(boot, chosen);
    }
}

void ud_boot_count_with(struct ud_boot *boot, struct ud_counter *counter)
{
    boot->counter = counter;
    if (counter != NULL) {
        counter->count = count;
    }
}
