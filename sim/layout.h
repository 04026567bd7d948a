/*
 * A device's layout on one flash: journal, then for each slot its images and its envelope, all next to each
 * other.
 */
#ifndef UD_SIM_LAYOUT_H
#define UD_SIM_LAYOUT_H

#include "updraft/slots.h"

struct sim_layout_shape {
    uint32_t journal_sectors;
    uint32_t image_sectors; /* of each component, each slot */
    uint32_t envelope_sectors;
    uint8_t component_count;
    uint8_t trial_boots_max;
};

/** Bytes of flash that this shape fills. */
uint32_t sim_layout_bytes(const struct sim_layout_shape *shape, uint32_t erase_size);
/** Component i has the id ["ap<i>"], see sim_layout_id(). */
void sim_layout(struct ud_layout *layout, const struct ud_flash *flash, const struct sim_layout_shape *shape);
/** Encoded id of component i < UD_COMPONENTS_MAX. Static. */
struct ud_bytes sim_layout_id(uint8_t i);

#endif
