/*
 * A layout with room for one image: what is installed is a patch, beside the image, and the bootloader makes the new image over
 * the old one (boot_in_place.h). image[0] is where images run, image[1] where a patch waits, `move` the two records of the applier.
 */
#include "slots/area.h"
#include "slots/commit.h"
#include "slots/move.h"
#include "updraft/in_place_layout.h"

#define RUNNING 0
#define WAITING 1

static ud_err patch_check(const struct ud_layout *layout)
{
    if (layout->component_count != 1 || layout->cipher != NULL) {
        return UD_ERR_LIMIT;
    }
    const uint32_t erase_size = layout->move.size == 0 ? 0 : layout->move.flash->erase_size;
    if (erase_size == 0 || layout->move.size % (UD_TWIN_COPIES * erase_size) != 0) {
        return UD_ERR_LIMIT;
    }
    return layout->recovery == NULL ? UD_ERR_IN_PLACE : UD_OK;
}

static uint32_t patch_capacity(const struct ud_layout *layout, uint8_t component)
{
    return layout->components[component].image[RUNNING].size;
}

/* The recovery image's installs come whole, to where they run: the slot is theirs from their first byte on. */
static uint8_t patch_resident(const struct ud_slots *slots)
{
    return slots->writing && slots->from_recovery ? ud_slots_inactive(slots) : ud_move_get(slots).home;
}

static ud_err patch_read(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                         uint8_t *out, uint32_t len)
{
    const struct ud_area *image = slots->layout->components[component].image;
    return ud_area_read(&image[slot == patch_resident(slots) ? RUNNING : WAITING], offset, out, len);
}

static struct ud_area patch_target(const struct ud_slots *slots, uint8_t component)
{
    const struct ud_area *image = slots->layout->components[component].image;
    return image[ud_slots_inactive(slots) == patch_resident(slots) ? RUNNING : WAITING];
}

static ud_err patch_settle(struct ud_slots *slots)
{
    (void)slots;
    return UD_OK; /* an applier that was interrupted goes on when its trial is started again */
}

/* Nobody moves anything: who made the image says so, by ud_slots_made(). */
static ud_err patch_bring(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes)
{
    (void)sizes;
    return ud_slots_resident(slots, slot) == slot ? UD_OK : UD_ERR_STATE;
}

/* Another install: what an applier noted of an older patch, or of an image that is gone, is not of this one. */
static ud_err patch_begin(const struct ud_slots *slots)
{
    struct ud_area records[UD_TWIN_COPIES];
    ud_slots_patch_records(slots->layout, records);
    return ud_twin_forget(records);
}

void ud_slots_patch_records(const struct ud_layout *layout, struct ud_area records[UD_TWIN_COPIES])
{
    const uint32_t bytes = layout->move.size / UD_TWIN_COPIES;
    for (uint32_t i = 0; i < UD_TWIN_COPIES; i++) {
        records[i] = (struct ud_area){layout->move.flash, layout->move.offset + i * bytes, bytes};
    }
}

ud_err ud_slots_made(struct ud_slots *slots, uint8_t slot)
{
    struct ud_slots_state next = slots->state;
    const struct ud_move_state move = {.home = slot};
    if (next.install.open || next.trial != UD_TRIAL_REQUESTED || slot != ud_slots_inactive(slots)) {
        return UD_ERR_STATE;
    }
    ud_move_set(&next, &move);
    return ud_slots_commit(slots, &next);
}

const struct ud_mover ud_move_patch = {
    .spare_blocks = 0,
    .check = patch_check,
    .capacity = patch_capacity,
    .read = patch_read,
    .target = patch_target,
    .resident = patch_resident,
    .rest = ud_move_rest,
    .settle = patch_settle,
    .bring = patch_bring,
    .begin = patch_begin,
};
