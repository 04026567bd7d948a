#include "updraft/slots.h"

#include "slots/area.h"
#include "slots/commit.h"
#include "updraft/assert.h"

ud_err ud_slots_commit(struct ud_slots *slots, const struct ud_slots_state *next)
{
    const ud_err err = ud_journal_put(&slots->journal, next);
    if (err == UD_OK) {
        slots->state = *next;
    }
    return err;
}

static uint8_t other(uint8_t slot)
{
    return (uint8_t)(1 - slot);
}

static bool moves(const struct ud_slots *slots)
{
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    return mover != NULL && mover->bring != NULL;
}

/* The install is over. A mover's images are where it put them: the one that ran is home, the other as it came. */
void ud_slots_close_install(const struct ud_slots *slots, struct ud_slots_state *next, uint8_t home)
{
    next->install.open = false;
    if (moves(slots)) {
        ud_layout_mover(slots->layout)->rest(next, home);
    }
}

static void count_boot(struct ud_slots_state *state)
{
    if (state->boot_count < UINT32_MAX) {
        state->boot_count++;
    }
}

ud_err ud_slots_mount(struct ud_slots *slots, const struct ud_layout *layout)
{
    const ud_err err = ud_layout_check(layout);
    if (err != UD_OK) {
        return err;
    }
    memset(slots, 0, sizeof *slots);
    slots->layout = layout;
    return ud_journal_mount(&slots->journal, &layout->journal, &slots->state);
}

ud_err ud_slots_format(struct ud_slots *slots, const struct ud_layout *layout)
{
    const ud_err err = ud_layout_check(layout);
    if (err != UD_OK) {
        return err;
    }
    memset(slots, 0, sizeof *slots);
    slots->layout = layout;
    slots->state.active = 1;
    slots->state.blank = true;
    slots->state.outcome = UD_ABSENT;
    return ud_journal_format(&slots->journal, &layout->journal, &slots->state);
}

ud_err ud_slots_adopt(struct ud_slots *slots, uint8_t slot, struct ud_version version)
{
    struct ud_slots_state next = slots->state;
    if (!next.blank || next.trial != UD_TRIAL_NONE || slot >= UD_SLOT_COUNT) {
        return UD_ERR_STATE;
    }
    next.blank = false;
    next.active = slot;
    next.stored = version;
    ud_slots_close_install(slots, &next, slot);
    slots->writing = false;
    return ud_slots_commit(slots, &next);
}

void ud_slots_assume(struct ud_slots *slots, uint8_t home)
{
    ud_slots_close_install(slots, &slots->state, home);
}

const struct ud_slots_state *ud_slots_state(const struct ud_slots *slots)
{
    return &slots->state;
}

uint8_t ud_slots_inactive(const struct ud_slots *slots)
{
    return other(slots->state.active);
}

int ud_version_compare(struct ud_version a, struct ud_version b)
{
    if (a.epoch != b.epoch) {
        return a.epoch < b.epoch ? -1 : 1;
    }
    return a.sequence < b.sequence ? -1 : a.sequence > b.sequence;
}

ud_err ud_slots_fresh(const struct ud_slots *slots, struct ud_version version)
{
    return ud_version_compare(version, slots->state.stored) < 0 ? UD_ERR_STALE : UD_OK;
}

ud_err ud_slots_component_find(const struct ud_slots *slots, struct ud_bytes id, uint8_t *component)
{
    for (uint8_t i = 0; i < ud_layout_components(slots->layout); i++) {
        if (ud_bytes_equal(slots->layout->components[i].id, id)) {
            *component = i;
            return UD_OK;
        }
    }
    return UD_ERR_COMPONENT;
}

uint8_t ud_slots_resident(const struct ud_slots *slots, uint8_t wanted)
{
    return moves(slots) ? ud_layout_mover(slots->layout)->resident(slots) : wanted;
}

ud_err ud_slots_settle(struct ud_slots *slots)
{
    return moves(slots) ? ud_layout_mover(slots->layout)->settle(slots) : UD_OK;
}

ud_err ud_slots_bring(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes)
{
    return moves(slots) ? ud_layout_mover(slots->layout)->bring(slots, slot, sizes) : UD_OK;
}

uint32_t ud_slots_capacity(const struct ud_slots *slots, uint8_t component)
{
    UD_ASSERT(component < ud_layout_components(slots->layout));
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    if (mover != NULL) {
        return mover->capacity(slots->layout, component);
    }
    const struct ud_area *image = slots->layout->components[component].image;
    return image[0].size < image[1].size ? image[0].size : image[1].size;
}

ud_err ud_slots_read(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                     uint8_t *out, uint32_t len)
{
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    const struct ud_recovery_image *recovery = ud_layout_recovery(slots->layout);
    if (component >= ud_layout_components(slots->layout)) {
        return UD_ERR_COMPONENT;
    }
    if (slot == UD_SLOT_RECOVERY && recovery != NULL && component == 0) {
        return ud_area_read(&recovery->image, offset, out, len);
    }
    if (slot >= UD_SLOT_COUNT) {
        return UD_ERR_RANGE;
    }
    if (mover != NULL) {
        return mover->read(slots, slot, component, offset, out, len);
    }
    return ud_area_read(&slots->layout->components[component].image[slot], offset, out, len);
}

ud_err ud_slots_trial_request(struct ud_slots *slots)
{
    struct ud_slots_state next = slots->state;
    if (!slots->writing || !slots->envelope_stored || !next.install.open) {
        return UD_ERR_STATE;
    }
    for (size_t i = 0; i < ud_layout_components(slots->layout); i++) {
        if (next.install.done_bytes[i] != slots->size_bytes[i]) {
            return UD_ERR_STATE;
        }
    }
    next.trial = UD_TRIAL_REQUESTED;
    next.attempts = 0;
    next.outcome = UD_ABSENT;
    memcpy(next.attempted, next.install.manifest_digest, UD_DIGEST_BYTES);
    ud_slots_close_install(slots, &next, ud_slots_resident(slots, 0));
    slots->writing = false;
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    const ud_err err = ud_slots_commit(slots, &next);
    return err == UD_OK && mover != NULL && mover->request != NULL ? mover->request(slots) : err;
}

ud_err ud_slots_trial_start(struct ud_slots *slots, struct ud_version version)
{
    struct ud_slots_state next = slots->state;
    if (next.trial == UD_TRIAL_NONE || next.attempts >= slots->layout->trial_boots_max) {
        return UD_ERR_STATE;
    }
    next.trial = UD_TRIAL_STARTED;
    next.attempts++;
    next.trial_version = version;
    count_boot(&next);
    return ud_slots_commit(slots, &next);
}

ud_err ud_slots_trial_end(struct ud_slots *slots, ud_err outcome)
{
    struct ud_slots_state next = slots->state;
    UD_ASSERT(outcome != UD_OK);
    if (next.trial == UD_TRIAL_NONE) {
        return UD_ERR_STATE;
    }
    next.trial = UD_TRIAL_NONE;
    next.attempts = 0;
    next.outcome = outcome;
    count_boot(&next);
    return ud_slots_commit(slots, &next);
}

ud_err ud_slots_fall_back(struct ud_slots *slots, ud_err outcome)
{
    struct ud_slots_state next = slots->state;
    if (next.trial != UD_TRIAL_NONE) {
        return UD_ERR_STATE;
    }
    if (next.install.open) { /* it was going to the slot that runs now */
        ud_slots_close_install(slots, &next, ud_slots_resident(slots, 0));
    }
    next.active = other(next.active);
    next.outcome = outcome;
    memset(next.attempted, 0, sizeof next.attempted);
    count_boot(&next);
    return ud_slots_commit(slots, &next);
}

ud_err ud_slots_confirm(struct ud_slots *slots, uint8_t running)
{
    struct ud_slots_state next = slots->state;
    if (next.trial == UD_TRIAL_NONE && running == next.active) {
        return UD_OK;
    }
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    if (next.trial != UD_TRIAL_STARTED || running != other(next.active)) {
        return UD_ERR_STATE;
    }
    const ud_err err = mover != NULL && mover->confirm != NULL ? mover->confirm(slots) : UD_OK;
    if (err != UD_OK) {
        return err;
    }
    next.active = running;
    next.trial = UD_TRIAL_NONE;
    next.attempts = 0;
    next.blank = false;
    next.outcome = UD_OK;
    if (ud_version_compare(next.trial_version, next.stored) > 0) {
        next.stored = next.trial_version;
    }
    return ud_slots_commit(slots, &next);
}

ud_err ud_slots_action_put(struct ud_slots *slots, const struct ud_action_state *action)
{
    struct ud_slots_state next = slots->state;
    next.action = *action;
    return ud_slots_commit(slots, &next);
}

ud_err ud_slots_report_counter(struct ud_slots *slots, uint64_t *counter)
{
    struct ud_slots_state next = slots->state;
    if (next.report_counter == UINT64_MAX) {
        return UD_ERR_COUNTER;
    }
    next.report_counter++;
    const ud_err err = ud_slots_commit(slots, &next);
    if (err == UD_OK) {
        *counter = next.report_counter;
    }
    return err;
}

ud_err ud_slots_count_boot(struct ud_slots *slots)
{
    struct ud_slots_state next = slots->state;
    count_boot(&next);
    return ud_slots_commit(slots, &next);
}
