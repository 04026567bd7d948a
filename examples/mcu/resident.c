#include "resident.h"

#define SECTORS 16 /* of a slot */

static const struct ud_resident resident = {
    .mover = UD_RESIDENT_MOVER, .way = UD_RESIDENT_SCRATCH, .max_align = 8, .sectors_max = SECTORS};

const struct ud_layout *resident_layout(const struct ud_layout *provisioned)
{
    static struct ud_layout layout;
    layout = *provisioned;
    layout.components[0].image[1].size = layout.components[0].image[0].size; /* MCUboot has two of one size */
    layout.mover = &resident.mover;
    layout.move.size = 0;
    return &layout;
}
