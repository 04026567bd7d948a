/* A board that came with MCUboot, built to swap by a scratch area: its two slots, and what of the flash it does not know. */
#ifndef RESIDENT_H
#define RESIDENT_H

#include "updraft/resident.h"

/** The layout of the provisioning file, with the slots as that MCUboot has them. Static memory. */
const struct ud_layout *resident_layout(const struct ud_layout *provisioned);

#endif
