#include "slots/area.h"
#include "slots/commit.h"
#include "updraft/assert.h"
#include "updraft/slots.h"

#define COMPONENT_NONE 0xff

static struct ud_area target_area(const struct ud_slots *slots, uint8_t component)
{
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    if (mover != NULL) {
        return mover->target(slots, component);
    }
    return slots->layout->components[component].image[ud_slots_inactive(slots)];
}

/* ---- progress ---- */

/* Of so many components the journal knows progress in larger units, and no images beyond what it can count (S5). */
static bool is_many(const struct ud_slots *slots)
{
    return UD_COMPONENTS_MAX > UD_JOURNAL_COMPONENTS_FEW &&
           ud_layout_components(slots->layout) > UD_JOURNAL_COMPONENTS_FEW;
}

/* What the journal says of an image that is complete. */
static uint32_t complete_bytes(const struct ud_slots *slots, uint32_t size_bytes)
{
    return is_many(slots) ? ud_area_round_up(size_bytes, UD_JOURNAL_PROGRESS_UNIT) : size_bytes;
}

static bool is_progress(const struct ud_slots *slots, uint32_t done_bytes)
{
    return !is_many(slots) || done_bytes % UD_JOURNAL_PROGRESS_UNIT == 0;
}

/* ---- begin, abort ---- */

static ud_err check_sizes(const struct ud_slots *slots, const uint32_t *size_bytes)
{
    for (uint8_t i = 0; i < ud_layout_components(slots->layout); i++) {
        if (size_bytes[i] == 0) {
            return UD_ERR_LIMIT;
        }
        if (size_bytes[i] > ud_slots_capacity(slots, i) ||
            (is_many(slots) && size_bytes[i] > UD_JOURNAL_PROGRESS_MAX)) {
            return UD_ERR_SPACE;
        }
    }
    return UD_OK;
}

static ud_err may_begin(const struct ud_slots *slots, uint8_t running, const uint32_t *size_bytes)
{
    const struct ud_slots_state *state = &slots->state;
    if (running == UD_SLOT_RECOVERY) {
        return state->trial != UD_TRIAL_NONE ? UD_ERR_BUSY : check_sizes(slots, size_bytes);
    }
    if (running != state->active || (!state->blank && ud_slots_resident(slots, running) != running)) {
        return UD_ERR_STATE;
    }
    return slots->state.trial != UD_TRIAL_NONE ? UD_ERR_BUSY : check_sizes(slots, size_bytes);
}

static ud_err put_install(struct ud_slots *slots, const struct ud_install_state *install)
{
    struct ud_slots_state next = slots->state;
    next.install = *install;
    return ud_slots_commit(slots, &next);
}

static bool is_same_install(const struct ud_slots *slots, const uint8_t *manifest_digest)
{
    const struct ud_install_state *install = &slots->state.install;
    return install->open && memcmp(install->manifest_digest, manifest_digest, UD_DIGEST_BYTES) == 0;
}

/* The journal is input: progress that this module would not have written is none. */
static uint32_t resume_at(const struct ud_slots *slots, uint8_t component, uint32_t size_bytes)
{
    const uint32_t done_bytes = slots->state.install.done_bytes[component];
    const bool at_sector = done_bytes % target_area(slots, component).flash->erase_size == 0;
    if (done_bytes == complete_bytes(slots, size_bytes)) {
        return size_bytes;
    }
    return done_bytes < size_bytes && at_sector ? done_bytes : 0;
}

static ud_err begin_another(const struct ud_slots *slots)
{
    const struct ud_mover *mover = ud_layout_mover(slots->layout);
    return mover != NULL && mover->begin != NULL ? mover->begin(slots) : UD_OK;
}

ud_err ud_slots_install_begin(struct ud_slots *slots, uint8_t running, const uint8_t *manifest_digest,
                              const uint32_t *size_bytes, uint32_t *resume_bytes)
{
    struct ud_install_state install = {.open = true, .many = is_many(slots)};
    ud_err err = may_begin(slots, running, size_bytes);
    slots->writing = false;
    slots->from_recovery = running == UD_SLOT_RECOVERY;
    if (err == UD_OK && !is_same_install(slots, manifest_digest)) {
        err = begin_another(slots);
    }
    if (err == UD_OK && !is_same_install(slots, manifest_digest)) {
        memcpy(install.manifest_digest, manifest_digest, UD_DIGEST_BYTES);
        err = put_install(slots, &install);
    }
    if (err != UD_OK) {
        return err;
    }
    for (uint8_t i = 0; i < ud_layout_components(slots->layout); i++) {
        slots->size_bytes[i] = size_bytes[i];
        slots->state.install.done_bytes[i] = resume_at(slots, i, size_bytes[i]);
        resume_bytes[i] = slots->state.install.done_bytes[i];
    }
    slots->component = COMPONENT_NONE;
    slots->written_bytes = 0;
    slots->fill_bytes = 0;
    slots->envelope_stored = false;
    slots->writing = true;
    return UD_OK;
}

ud_err ud_slots_install_abort(struct ud_slots *slots)
{
    struct ud_slots_state next = slots->state;
    slots->writing = false;
    if (!next.install.open) {
        return UD_OK;
    }
    ud_slots_close_install(slots, &next, ud_slots_resident(slots, 0));
    return ud_slots_commit(slots, &next);
}

/* ---- write ---- */

uint32_t ud_slots_install_offset(const struct ud_slots *slots, uint8_t component)
{
    if (component >= ud_layout_components(slots->layout) || !slots->state.install.open) {
        return 0;
    }
    if (slots->writing && component == slots->component) {
        return slots->written_bytes + slots->fill_bytes;
    }
    return slots->state.install.done_bytes[component];
}

static uint32_t progress_step(const struct ud_slots *slots, const struct ud_area *area)
{
    const uint32_t sector = area->flash->erase_size;
    const uint32_t wanted = slots->layout->progress_bytes;
    return wanted <= sector ? sector : wanted - wanted % sector;
}

/* Image first, then the record that says so. */
static ud_err put_progress(struct ud_slots *slots, const struct ud_area *area, uint32_t done_bytes)
{
    struct ud_install_state install = slots->state.install;
    const ud_err err = ud_area_sync(area);
    install.done_bytes[slots->component] = done_bytes;
    return err == UD_OK ? put_install(slots, &install) : err;
}

/* Whole units that do not cross into the next sector. A sector is erased when its first unit comes. */
static ud_err put_units(struct ud_slots *slots, const uint8_t *data, uint32_t len)
{
    const struct ud_area area = target_area(slots, slots->component);
    ud_err err = UD_OK;
    if (slots->written_bytes % area.flash->erase_size == 0) {
        err = ud_area_erase(&area, slots->written_bytes);
    }
    if (err == UD_OK) {
        err = ud_area_program(&area, slots->written_bytes, data, len);
    }
    if (err != UD_OK) {
        return err;
    }
    slots->written_bytes += len;
    if (slots->written_bytes < slots->size_bytes[slots->component] &&
        slots->written_bytes % progress_step(slots, &area) == 0 && is_progress(slots, slots->written_bytes)) {
        return put_progress(slots, &area, slots->written_bytes);
    }
    return UD_OK;
}

/* Straight from the caller's memory as far as whole units go, within one sector. */
static ud_err put_bulk(struct ud_slots *slots, struct ud_bytes *data)
{
    const struct ud_flash *flash = target_area(slots, slots->component).flash;
    const uint32_t room = flash->erase_size - slots->written_bytes % flash->erase_size;
    const size_t whole = data->len - data->len % flash->write_size;
    struct ud_bytes part = {NULL, 0};
    const bool taken = ud_bytes_take(data, whole < room ? whole : room, &part);
    UD_ASSERT(taken);
    return put_units(slots, part.ptr, (uint32_t)part.len);
}

static ud_err put_unit(struct ud_slots *slots, struct ud_bytes *data)
{
    const uint32_t unit_bytes = target_area(slots, slots->component).flash->write_size;
    const size_t room = unit_bytes - slots->fill_bytes;
    struct ud_bytes part = {NULL, 0};
    const bool taken = ud_bytes_take(data, data->len < room ? data->len : room, &part);
    UD_ASSERT(taken);
    memcpy(slots->unit + slots->fill_bytes, part.ptr, part.len);
    slots->fill_bytes += (uint32_t)part.len;
    if (slots->fill_bytes < unit_bytes) {
        return UD_OK;
    }
    slots->fill_bytes = 0;
    return put_units(slots, slots->unit, unit_bytes);
}

static ud_err put_last(struct ud_slots *slots)
{
    const struct ud_area area = target_area(slots, slots->component);
    ud_err err = UD_OK;
    if (slots->fill_bytes > 0) {
        memset(slots->unit + slots->fill_bytes, area.flash->erased_value,
               area.flash->write_size - slots->fill_bytes);
        slots->fill_bytes = 0;
        err = put_units(slots, slots->unit, area.flash->write_size);
    }
    if (err == UD_OK) {
        err = put_progress(slots, &area, slots->size_bytes[slots->component]);
    }
    slots->component = COMPONENT_NONE;
    return err;
}

static ud_err put_data(struct ud_slots *slots, struct ud_bytes data)
{
    const uint32_t unit_bytes = target_area(slots, slots->component).flash->write_size;
    ud_err err = UD_OK;
    while (err == UD_OK && data.len > 0) {
        err = slots->fill_bytes > 0 || data.len < unit_bytes ? put_unit(slots, &data) : put_bulk(slots, &data);
    }
    if (err == UD_OK && slots->written_bytes + slots->fill_bytes >= slots->size_bytes[slots->component]) {
        err = put_last(slots);
    }
    return err;
}

static ud_err select_component(struct ud_slots *slots, uint8_t component)
{
    if (!slots->writing || (slots->component != COMPONENT_NONE && slots->component != component)) {
        return UD_ERR_STATE;
    }
    if (slots->component == COMPONENT_NONE &&
        slots->state.install.done_bytes[component] != slots->size_bytes[component]) {
        slots->component = component;
        slots->written_bytes = slots->state.install.done_bytes[component];
        slots->fill_bytes = 0;
    }
    return UD_OK;
}

ud_err ud_slots_install_put(struct ud_slots *slots, uint8_t component, struct ud_bytes data)
{
    if (component >= ud_layout_components(slots->layout)) {
        return UD_ERR_COMPONENT;
    }
    ud_err err = select_component(slots, component);
    if (err != UD_OK) {
        return err;
    }
    if (data.len > slots->size_bytes[component] - ud_slots_install_offset(slots, component)) {
        return UD_ERR_SPACE;
    }
    if (data.len == 0) {
        return UD_OK;
    }
    err = put_data(slots, data);
    slots->writing = err == UD_OK; /* begin again after an error: from what is durable */
    return err;
}

ud_err ud_slots_install_write(struct ud_slots *slots, uint8_t component, struct ud_bytes data)
{
    const struct ud_cipher *cipher = ud_layout_cipher(slots->layout);
    if (cipher == NULL || cipher->write == NULL) {
        return ud_slots_install_put(slots, component, data);
    }
    return cipher->write(cipher->ctx, slots, component, data);
}
