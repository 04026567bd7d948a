#include "slots/area.h"
#include "updraft/slots.h"

#define AREAS_MAX (UD_SLOT_COUNT * (UD_COMPONENTS_MAX + 1) + 4)

struct areas {
    const struct ud_area *list[AREAS_MAX];
    size_t count;
};

static void collect(struct areas *areas, const struct ud_layout *layout)
{
    areas->count = 0;
    for (size_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        for (size_t i = 0; i < ud_layout_components(layout); i++) {
            areas->list[areas->count++] = &layout->components[i].image[slot];
        }
        areas->list[areas->count++] = &layout->envelope[slot];
    }
    areas->list[areas->count++] = &layout->journal;
    if (layout->move.size != 0) {
        areas->list[areas->count++] = &layout->move;
    }
    const struct ud_recovery_image *recovery = ud_layout_recovery(layout);
    if (recovery != NULL) {
        areas->list[areas->count++] = &recovery->image;
        areas->list[areas->count++] = &recovery->envelope;
    }
}

/* Ends cannot wrap: both areas were checked to lie inside their flash. */
static bool overlap(const struct ud_area *a, const struct ud_area *b)
{
    return a->flash == b->flash && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static ud_err check_areas(const struct areas *areas)
{
    for (size_t i = 0; i < areas->count; i++) {
        if (ud_area_check(areas->list[i]) != UD_OK) {
            return UD_ERR_LIMIT;
        }
    }
    for (size_t i = 0; i < areas->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (overlap(areas->list[i], areas->list[j])) {
                return UD_ERR_CONFLICT;
            }
        }
    }
    return UD_OK;
}

static ud_err check_ids(const struct ud_layout *layout)
{
    for (size_t i = 0; i < ud_layout_components(layout); i++) {
        const struct ud_bytes id = layout->components[i].id;
        if (id.len == 0 || id.len > UD_COMPONENT_ID_BYTES_MAX) {
            return UD_ERR_LIMIT;
        }
        for (size_t j = 0; j < i; j++) {
            if (ud_bytes_equal(id, layout->components[j].id)) {
                return UD_ERR_DUPLICATE;
            }
        }
    }
    return UD_OK;
}

ud_err ud_layout_check(const struct ud_layout *layout)
{
    struct areas areas;
    const struct ud_mover *mover = ud_layout_mover(layout);
    if (layout->component_count == 0 || layout->component_count > UD_COMPONENTS_MAX ||
        layout->trial_boots_max == 0) {
        return UD_ERR_LIMIT;
    }
    if (layout->mover != mover || layout->recovery != ud_layout_recovery(layout) ||
        layout->cipher != ud_layout_cipher(layout)) {
        return UD_ERR_CONFIG;
    }
    collect(&areas, layout);
    ud_err err = check_areas(&areas);
    if (err == UD_OK) {
        err = ud_journal_check(&layout->journal);
    }
    if (err == UD_OK && mover != NULL) {
        err = mover->check(layout);
    }
    return err == UD_OK ? check_ids(layout) : err;
}
