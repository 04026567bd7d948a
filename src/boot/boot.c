#include "updraft/boot.h"

#include "boot/verify.h"

/* docs/design/slots.md has the table of decisions; the functions below are its rows, from the top. */

void ud_boot_init(struct ud_boot *boot, const struct ud_layout *layout, const struct ud_trust *trust,
                  const struct ud_boot_identity *identity, uint8_t *envelope_ram, size_t envelope_ram_bytes)
{
    memset(boot, 0, sizeof *boot);
    boot->layout = layout;
    boot->trust = trust;
    boot->identity = *identity;
    boot->envelope_ram = envelope_ram;
    boot->envelope_ram_bytes = envelope_ram_bytes;
    boot->verdict = UD_SURE_NO;
    boot->confirmed = UD_SURE_NO;
    boot->ready = ud_boot_examine;
}

/* The recovery image was there before all releases, and may be older than any. */
ud_err ud_boot_check_fresh(const struct ud_boot *boot)
{
    const struct ud_counter *counter = ud_boot_counter(boot);
    if (boot->seen.slot == UD_SLOT_RECOVERY) {
        return UD_OK;
    }
    if (counter != NULL && ud_version_compare(boot->seen.version, counter->least) < 0) {
        return UD_ERR_STALE;
    }
    return ud_slots_fresh(&boot->slots, boot->seen.version);
}

/* What the image is told of how it came to be chosen. The functions below tell it; what was chosen is in boot->seen. */
struct story {
    ud_boot_reason reason;
    ud_err outcome;
    struct ud_suit_record record; /* command 0 = none */
};

static void tell(const struct ud_boot *boot, const struct story *story, ud_err err, struct ud_boot_info *info)
{
    const struct ud_slots_state *state = ud_slots_state(&boot->slots);
    memset(info, 0, sizeof *info);
    if (err == UD_OK) {
        *info = boot->seen;
    }
    info->reason = story->reason;
    info->outcome = story->outcome;
    info->record = story->record;
    memcpy(info->attempted_digest, state->attempted, sizeof info->attempted_digest);
    info->boot_count = state->boot_count;
    if (story->reason == UD_BOOT_TRIAL) {
        info->confirm_deadline_ms = boot->layout->confirm_deadline_ms;
    }
}

/* What is left is the recovery image. Nothing is recorded: the next boot comes here again. */
static ud_err recover(struct ud_boot *boot, ud_err why, struct story *story)
{
    *story = (struct story){.reason = UD_BOOT_RECOVERY, .outcome = why};
    if (ud_layout_recovery(boot->layout) != NULL && ud_boot_examine(boot, UD_SLOT_RECOVERY) == UD_OK) {
        return UD_OK;
    }
    boot->verdict = UD_SURE_NO;
    boot->confirmed = UD_SURE_NO;
    return UD_ERR_NO_SLOT;
}

/* ---- the journal is lost ---- */

/*
 * The slot with the highest version that verifies. A mover's layout no longer knows whose images lie where they can run,
 * but they say so themselves.
 */
static ud_err find_highest(struct ud_boot *boot, uint8_t *slot)
{
    struct ud_version best = {0, 0};
    bool found = false;
    for (uint8_t i = 0; i < UD_SLOT_COUNT; i++) {
        ud_slots_assume(&boot->slots, i);
        if (ud_boot_examine(boot, i) == UD_OK && (!found || ud_version_compare(boot->seen.version, best) > 0)) {
            best = boot->seen.version;
            *slot = i;
            found = true;
        }
    }
    return found ? UD_OK : UD_ERR_NO_SLOT;
}

/*
 * Nothing is known of trials and stored versions. A device without a bootable slot is left as it is, for the
 * factory.
 */
static ud_err choose_without_journal(struct ud_boot *boot, struct story *story)
{
    uint8_t slot = 0;
    if (find_highest(boot, &slot) != UD_OK) {
        return recover(boot, UD_ERR_JOURNAL, story);
    }
    /* a journal that cannot be begun is no reason not to boot: the next boot comes here again */
    const bool begun = ud_slots_format(&boot->slots, boot->layout) == UD_OK;
    ud_slots_assume(&boot->slots, slot);
    if (ud_boot_examine(boot, slot) != UD_OK) {
        return recover(boot, UD_ERR_JOURNAL, story);
    }
    if (begun) {
        (void)ud_slots_adopt(&boot->slots, slot, boot->seen.version);
    }
    story->reason = UD_BOOT_FALLBACK;
    story->outcome = UD_ERR_JOURNAL;
    return UD_OK;
}

/* ---- a trial is requested or was started ---- */

/* Record first, then start: a trial that could not be recorded could be started for ever. */
static ud_err start_trial(struct ud_boot *boot)
{
    const struct ud_counter *counter = ud_boot_counter(boot);
    ud_err err = counter == NULL ? UD_OK : counter->err; /* without it nobody knows what is too old */
    if (err == UD_OK) {
        boot->for_trial = true;
        err = boot->ready(boot, ud_slots_inactive(&boot->slots));
        boot->for_trial = false;
    }
    return err == UD_OK ? ud_slots_trial_start(&boot->slots, boot->seen.version) : err;
}

static ud_err why_ended(ud_err ended)
{
    return ended == UD_ERR_CRASHED ? UD_ERR_CRASHED : UD_ERR_UNCONFIRMED;
}

/* UD_OK: the trial runs. Otherwise it is over, for this reason, and the active slot is next. */
static ud_err choose_trial(struct ud_boot *boot, ud_err ended)
{
    const struct ud_slots_state *state = ud_slots_state(&boot->slots);
    const bool used_up = state->attempts >= boot->layout->trial_boots_max;
    const ud_err err = used_up ? why_ended(ended) : start_trial(boot);
    if (err != UD_OK) {
        /* when even this is not written the next boot comes here again and ends the same way */
        (void)ud_slots_trial_end(&boot->slots, err);
    }
    return err;
}

/* ---- the active slot, and what is left ---- */

/* Is what was just examined the image whose trial ended last, badly? */
static bool has_failed(const struct ud_boot *boot)
{
    const struct ud_slots_state *state = ud_slots_state(&boot->slots);
    return state->outcome != UD_OK && state->outcome != UD_ABSENT &&
           ud_bytes_equal(UD_BYTES_ARRAY(state->attempted), UD_BYTES_ARRAY(boot->seen.manifest_digest));
}

/* An image that has failed its trial is better than none, and worse than the recovery image. */
static ud_err choose_other(struct ud_boot *boot, ud_err why, struct story *story)
{
    const struct ud_suit_record record = boot->seen.record; /* of the active slot */
    const uint8_t slot = ud_slots_inactive(&boot->slots);
    ud_err err = ud_boot_examine(boot, slot);
    if (err == UD_OK && has_failed(boot) &&
        recover(boot, ud_slots_state(&boot->slots)->outcome, story) == UD_OK) {
        return UD_OK;
    }
    if (err == UD_OK) {
        err = boot->ready(boot, slot);
    }
    if (err != UD_OK) {
        return recover(boot, why, story);
    }
    (void)ud_slots_fall_back(&boot->slots, why); /* not written: decided the same way again at the next boot */
    *story = (struct story){UD_BOOT_FALLBACK, why, record};
    return UD_OK;
}

static ud_err past_outcome(const struct ud_slots_state *state)
{
    return state->outcome == UD_ABSENT ? UD_OK : state->outcome;
}

/* @param failed  why a trial ended in this very boot; UD_OK: none did */
static ud_err choose_active(struct ud_boot *boot, ud_err failed, struct story *story)
{
    const struct ud_slots_state *state = ud_slots_state(&boot->slots);
    story->record = boot->seen.record; /* of the trial, when it failed at this boot */
    const ud_err err = boot->ready(boot, state->active);
    if (err != UD_OK) {
        return choose_other(boot, err, story);
    }
    story->reason = failed != UD_OK ? UD_BOOT_REVERTED : UD_BOOT_NORMAL;
    story->outcome = failed != UD_OK ? failed : past_outcome(state);
    return UD_OK;
}

static ud_err choose(struct ud_boot *boot, ud_err ended, struct story *story)
{
    ud_err failed = UD_OK;
    ud_err err = ud_slots_mount(&boot->slots, boot->layout);
    if (err == UD_ERR_JOURNAL) {
        return choose_without_journal(boot, story);
    }
    if (err == UD_OK) {
        err = ud_slots_settle(&boot->slots);
    }
    if (err != UD_OK) {
        return recover(boot, err, story);
    }
    if (ud_slots_state(&boot->slots)->trial != UD_TRIAL_NONE) {
        failed = choose_trial(boot, ended);
        if (failed == UD_OK) {
            story->reason = UD_BOOT_TRIAL;
            return UD_OK;
        }
    }
    return choose_active(boot, failed, story);
}

ud_err ud_boot_choose(struct ud_boot *boot, ud_err ended, struct ud_boot_info *info)
{
    struct story story = {.reason = UD_BOOT_UNKNOWN};
    memset(&boot->seen, 0, sizeof boot->seen);
    const struct ud_mover *mover = ud_layout_mover(boot->layout);
    ud_err err = ud_layout_check(boot->layout);
    if (err == UD_OK && mover != NULL && mover->bring != NULL && boot->ready == ud_boot_examine) {
        err = UD_ERR_CONFIG;
    }
    if (err != UD_OK) {
        return err;
    }
    struct ud_counter *counter = ud_boot_counter(boot);
    if (counter != NULL) {
        counter->count(boot, NULL);
    }
    err = choose(boot, ended, &story);
    tell(boot, &story, err, info);
    if (counter != NULL) {
        counter->count(boot, info);
        info->counter_err = counter->err;
    }
    return err;
}

ud_sure ud_boot_allows(const struct ud_boot *boot, const struct ud_boot_info *info)
{
    const struct ud_boot_info *seen = &boot->seen;
    if (boot->confirmed != UD_SURE_YES || info->slot != seen->slot) {
        return UD_SURE_NO;
    }
    if (!ud_bytes_equal(UD_BYTES_ARRAY(info->manifest_digest), UD_BYTES_ARRAY(seen->manifest_digest))) {
        return UD_SURE_NO;
    }
    return boot->verdict;
}

ud_err ud_boot_verify(struct ud_boot *boot, uint8_t slot, struct ud_boot_info *info)
{
    if (slot > UD_SLOT_RECOVERY) {
        return UD_ERR_RANGE;
    }
    const ud_err err = ud_boot_examine(boot, slot);
    if (err == UD_OK) {
        *info = boot->seen;
    }
    return err;
}
