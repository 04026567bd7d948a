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
    const struct ud_mover *mover;  /* NULL: A/B */
    uint32_t move_sectors;         /* with a mover that moves */
    uint32_t recovery_sectors;     /* image; its envelope has envelope_sectors. 0: no recovery image */
    const struct ud_flash *second; /* where the second image areas are; NULL: on the same flash */
    uint32_t second_sectors;       /* of each second image area; 0: as the first and the mover's spare one */
};

/** Bytes of flash that this shape fills. */
uint32_t sim_layout_bytes(const struct sim_layout_shape *shape, uint32_t erase_size);
/** Where the recovery image goes: static memory of the caller, filled by this, needed when recovery_sectors is not 0. */
void sim_layout_recovery(struct ud_layout *layout, struct ud_recovery_image *recovery,
                         const struct sim_layout_shape *shape);
/** Component i has the id ["ap<i>"], see sim_layout_id(). */
void sim_layout(struct ud_layout *layout, const struct ud_flash *flash, const struct sim_layout_shape *shape);
/** Encoded id of component i < UD_COMPONENTS_MAX. Static. */
struct ud_bytes sim_layout_id(uint8_t i);

#endif
