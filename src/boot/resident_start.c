/*
 * The first thing in an application that a resident MCUboot has started: what runs, measured, and what became of the last
 * request. docs/design/resident.md section 4 has the table; the functions below are its rows.
 */
#include "boot/resident_parts.h"
#include "slots/area.h"
#include "slots/commit.h"

struct story {
    ud_boot_reason reason;
    ud_err outcome;
    bool of_a_trial;                    /* `outcome` is of the manifest that was tried last */
    uint8_t attempted[UD_DIGEST_BYTES]; /* that one */
};

static const struct ud_resident *table_of(const struct ud_boot *boot)
{
    return (const struct ud_resident *)boot->layout->mover;
}

static const struct ud_area *primary_of(const struct ud_boot *boot)
{
    return &boot->layout->components[0].image[0];
}

static struct ud_mcuboot_trailer trailer_of(const struct ud_boot *boot, size_t which)
{
    struct ud_mcuboot_trailer trailer = {.magic = UD_MCUBOOT_BAD};
    (void)ud_mcuboot_trailer_read(&boot->layout->components[0].image[which], table_of(boot)->max_align,
                                  &trailer);
    return trailer; /* unreadable: of no use, like a torn one */
}

/* ---- what runs ---- */

/* Does `slot` verify where it would lie if `home` ran? Nothing is written. */
static ud_err examine(struct ud_boot *boot, uint8_t home, uint8_t slot, struct ud_boot_info *info)
{
    struct ud_slots_state *state = &boot->slots.state;
    const ud_trial before = state->trial;
    state->trial = home == state->active ? UD_TRIAL_NONE : UD_TRIAL_STARTED;
    const ud_err err = ud_boot_verify(boot, slot, info);
    state->trial = before;
    return err;
}

static ud_err runs(struct ud_boot *boot, uint8_t slot, struct ud_boot_info *info)
{
    return examine(boot, slot, slot, info);
}

static ud_err measure(struct ud_boot *boot, uint32_t size_bytes, struct ud_boot_image *image)
{
    struct ud_hash hash;
    ud_err err = ud_hash_init(&hash);
    if (err != UD_OK) {
        return err;
    }
    for (uint32_t at = 0; err == UD_OK && at < size_bytes;) {
        const uint32_t left = size_bytes - at;
        const uint32_t n = left < sizeof boot->chunk ? left : (uint32_t)sizeof boot->chunk;
        err = ud_area_read(primary_of(boot), at, boot->chunk, n);
        if (err == UD_OK) {
            err = ud_hash_update(&hash, (struct ud_bytes){boot->chunk, n});
        }
        at += n;
    }
    if (err != UD_OK) {
        ud_hash_abort(&hash);
        return err;
    }
    image->size_bytes = size_bytes;
    return ud_hash_final(&hash, image->digest);
}

/* No envelope here speaks of it: it came by another road. What it is can be said all the same, if it says where it ends. */
static ud_err tell_unknown(struct ud_boot *boot, struct ud_boot_info *info)
{
    struct ud_mcuboot_image image;
    memset(info, 0, sizeof *info);
    info->slot = boot->slots.state.active;
    if (ud_mcuboot_parse(&image, primary_of(boot)) != UD_OK) {
        return UD_OK;
    }
    info->image_count = 1;
    return measure(boot, image.total_bytes, &info->images[0]);
}

/* ---- no trial is on, or none any more ---- */

static ud_err past_outcome(const struct ud_slots_state *state)
{
    return state->outcome == UD_ABSENT ? UD_OK : state->outcome;
}

static void tell_reason(struct story *story, ud_boot_reason reason, ud_err failed, ud_err otherwise)
{
    story->reason = reason;
    story->outcome = failed != UD_OK ? failed : otherwise;
    story->of_a_trial = failed != UD_OK || reason == UD_BOOT_NORMAL;
}

/* It never confirmed itself, and there is nobody to revert it. It has no manifest then: nobody is told that it succeeded. */
static bool has_failed(const struct ud_slots_state *state, const struct ud_boot_info *info)
{
    return past_outcome(state) != UD_OK &&
           memcmp(state->attempted, info->manifest_digest, sizeof state->attempted) == 0;
}

/* The active image does not run. MCUboot has its own reasons, and somebody with a cable, too. */
static ud_err tell_other(struct ud_boot *boot, ud_err failed, ud_err why, struct story *story,
                         struct ud_boot_info *info)
{
    struct ud_slots *slots = &boot->slots;
    const bool other_runs = runs(boot, ud_slots_inactive(slots), info) == UD_OK;
    if (other_runs && !has_failed(&slots->state, info)) {
        tell_reason(story, UD_BOOT_FALLBACK, failed, why);
        return ud_slots_fall_back(slots, story->outcome);
    }
    if (other_runs) {
        tell_reason(story, UD_BOOT_FALLBACK, past_outcome(&slots->state), why);
        info->slot = slots->state.active;
        info->version = (struct ud_version){0, 0};
        memset(info->manifest_digest, 0, sizeof info->manifest_digest);
        return UD_OK;
    }
    if (slots->state.blank) { /* nobody signed a manifest for what ran first */
        tell_reason(story, failed != UD_OK ? UD_BOOT_REVERTED : UD_BOOT_NORMAL, failed,
                    past_outcome(&slots->state));
    } else {
        tell_reason(story, UD_BOOT_FALLBACK, failed, why);
    }
    return tell_unknown(boot, info);
}

/* @param failed  why a trial ended at this start; UD_OK: none did */
static ud_err tell_active(struct ud_boot *boot, ud_err failed, struct story *story, struct ud_boot_info *info)
{
    const struct ud_slots_state *state = &boot->slots.state;
    const ud_err err = runs(boot, state->active, info);
    if (err != UD_OK) {
        return tell_other(boot, failed, err, story, info);
    }
    tell_reason(story, failed != UD_OK ? UD_BOOT_REVERTED : UD_BOOT_NORMAL, failed, past_outcome(state));
    return UD_OK;
}

static ud_err end_trial(struct ud_boot *boot, ud_err why, struct story *story, struct ud_boot_info *info)
{
    const ud_err err = ud_slots_trial_end(&boot->slots, why);
    return err == UD_OK ? tell_active(boot, why, story, info) : err;
}

/* ---- a trial ---- */

/* A flag that was cut: the application had begun to confirm, and MCUboot reverts by an erased one alone. */
static bool is_half_kept(const struct ud_boot *boot)
{
    const struct ud_mcuboot_trailer trailer = trailer_of(boot, 0);
    return table_of(boot)->way != UD_RESIDENT_OVERWRITE && trailer.magic == UD_MCUBOOT_SET &&
           trailer.image_ok == UD_MCUBOOT_BAD;
}

/* Nobody will revert it: MCUboot was told so, by the application or by the request itself. */
static bool is_kept(const struct ud_boot *boot)
{
    const struct ud_mcuboot_trailer trailer = trailer_of(boot, 0);
    if (table_of(boot)->way == UD_RESIDENT_OVERWRITE) {
        return table_of(boot)->for_good;
    }
    return trailer.magic == UD_MCUBOOT_SET && trailer.image_ok == UD_MCUBOOT_SET;
}

/* The new image runs, as `info` says. R6: a start is noted before it counts. */
static ud_err tell_trial(struct ud_boot *boot, struct story *story, struct ud_boot_info *info)
{
    struct ud_slots *slots = &boot->slots;
    const bool first = slots->state.trial == UD_TRIAL_REQUESTED;
    const bool counts = first || !(is_kept(boot) || is_half_kept(boot));
    if (first) {
        slots->state.attempts = 0; /* it said that MCUboot was asked; from here it counts starts */
    } else if (counts && slots->state.attempts >= boot->layout->trial_boots_max) {
        return end_trial(boot, UD_ERR_UNCONFIRMED, story, info);
    }
    ud_err err = counts ? ud_slots_trial_start(slots, info->version) : UD_OK;
    story->reason = UD_BOOT_TRIAL;
    story->of_a_trial = true;
    if (err == UD_OK && is_kept(boot)) {
        story->reason = UD_BOOT_NORMAL;
        err = ud_slots_confirm(slots, info->slot);
    }
    return err;
}

/* MCUboot was asked, and the old image runs. */
static ud_err why_not(const struct ud_boot *boot, bool is_there)
{
    const struct ud_mcuboot_trailer primary = trailer_of(boot, 0);
    const bool pending = trailer_of(boot, 1).magic != UD_MCUBOOT_UNSET;
    const bool may_have_run = primary.swap == UD_MCUBOOT_SWAP_REVERT || primary.swap == UD_MCUBOOT_SWAP_UNKNOWN;
    return is_there && !pending && may_have_run && table_of(boot)->way != UD_RESIDENT_OVERWRITE
               ? UD_ERR_UNCONFIRMED
               : UD_ERR_BOOT_REFUSED;
}

static ud_err tell_requested(struct ud_boot *boot, struct story *story, struct ud_boot_info *info)
{
    struct ud_slots *slots = &boot->slots;
    const uint8_t slot = ud_slots_inactive(slots);
    if (runs(boot, slot, info) == UD_OK) {
        return tell_trial(boot, story, info);
    }
    const bool was_asked = slots->state.attempts != 0;
    const bool is_there = examine(boot, slots->state.active, slot, info) == UD_OK;
    if (is_there && !was_asked) {
        const ud_err err = ud_resident_reopen(slots, info->images[0].size_bytes);
        return err == UD_OK ? tell_active(boot, UD_OK, story, info) : err;
    }
    const ud_err why = why_not(boot, is_there);
    (void)ud_resident_begin(slots); /* a request that still stands would be heeded some day */
    return end_trial(boot, why, story, info);
}

static ud_err tell_started(struct ud_boot *boot, struct story *story, struct ud_boot_info *info)
{
    return runs(boot, ud_slots_inactive(&boot->slots), info) == UD_OK
               ? tell_trial(boot, story, info)
               : end_trial(boot, UD_ERR_UNCONFIRMED, story, info);
}

/* ---- no journal: the first start of an agent here, or it was lost ---- */

static bool is_on_test(const struct ud_boot *boot)
{
    const struct ud_mcuboot_trailer trailer = trailer_of(boot, 0);
    return table_of(boot)->way != UD_RESIDENT_OVERWRITE && trailer.magic == UD_MCUBOOT_SET &&
           trailer.copy_done == UD_MCUBOOT_SET && trailer.image_ok == UD_MCUBOOT_UNSET;
}

/* It counts as on trial as long as MCUboot would revert it: what is stored grows by a confirmation only. */
static ud_err adopt(struct ud_boot *boot, struct story *story, const struct ud_boot_info *info)
{
    struct ud_slots *slots = &boot->slots;
    tell_reason(story, UD_BOOT_FALLBACK, UD_OK, UD_ERR_JOURNAL);
    if (!is_on_test(boot)) {
        return ud_slots_adopt(slots, info->slot, info->version);
    }
    struct ud_slots_state next = slots->state;
    tell_reason(story, UD_BOOT_TRIAL, UD_OK, UD_OK);
    next.active = (uint8_t)(1 - info->slot);
    next.trial = UD_TRIAL_STARTED;
    next.attempts = 1;
    next.trial_version = info->version;
    memcpy(next.attempted, info->manifest_digest, sizeof next.attempted);
    return ud_slots_commit(slots, &next);
}

static ud_err tell_without_journal(struct ud_boot *boot, struct story *story, struct ud_boot_info *info)
{
    struct ud_slots *slots = &boot->slots;
    bool found = false;
    for (uint8_t slot = 0; slot < UD_SLOT_COUNT && !found; slot++) {
        slots->state.active = slot;
        found = runs(boot, slot, info) == UD_OK;
    }
    const ud_err err = ud_slots_format(slots, boot->layout);
    if (err != UD_OK || found) {
        return err == UD_OK ? adopt(boot, story, info) : err;
    }
    story->reason = UD_BOOT_NORMAL;
    return tell_unknown(boot, info);
}

/* ---- all of it ---- */

static ud_err tell(struct ud_boot *boot, struct story *story, struct ud_boot_info *info)
{
    const ud_err err = ud_slots_mount(&boot->slots, boot->layout);
    if (err == UD_ERR_JOURNAL) {
        return tell_without_journal(boot, story, info);
    }
    if (err != UD_OK) {
        return err;
    }
    memcpy(story->attempted, boot->slots.state.attempted, sizeof story->attempted);
    switch (boot->slots.state.trial) {
    case UD_TRIAL_REQUESTED:
        return tell_requested(boot, story, info);
    case UD_TRIAL_STARTED:
        return tell_started(boot, story, info);
    case UD_TRIAL_NONE:
        break;
    }
    return tell_active(boot, UD_OK, story, info);
}

ud_err ud_resident_start(struct ud_boot *boot, struct ud_boot_info *info)
{
    struct story story = {.reason = UD_BOOT_UNKNOWN};
    struct ud_boot_info seen = {.slot = 0};
    if (boot->layout->mover == NULL || boot->layout->mover->check != ud_resident_check) {
        return UD_ERR_CONFIG;
    }
    const ud_err err = tell(boot, &story, &seen);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_slots_state *state = ud_slots_state(&boot->slots);
    *info = seen;
    info->reason = story.reason;
    info->outcome = story.outcome;
    info->boot_count = state->boot_count;
    if (story.of_a_trial) {
        memcpy(info->attempted_digest, story.attempted, sizeof info->attempted_digest);
    }
    if (story.reason == UD_BOOT_TRIAL) {
        info->confirm_deadline_ms = boot->layout->confirm_deadline_ms;
    }
    return UD_OK;
}
