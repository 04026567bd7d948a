/*
 * A layout for one image (struct ud_mover): an update is a patch that waits beside the image, and the bootloader makes the new
 * image over the old one (boot_in_place.h, docs/design/delta.md section 8). Such a device has no automatic revert: when the new
 * image does not start, only its recovery image brings it back, and a layout without one is UD_ERR_IN_PLACE.
 *
 *     layout.mover = &ud_move_patch;
 *     layout.components[0].image[0]  where the image runs, with free space behind it
 *     layout.components[0].image[1]  where a patch waits
 *     layout.move                    two records of the applier, half of it each
 *     layout.recovery                the recovery image
 *
 * The recovery image installs whole images, to where they run.
 */
#ifndef UPDRAFT_IN_PLACE_LAYOUT_H
#define UPDRAFT_IN_PLACE_LAYOUT_H

#include "updraft/slots.h"
#include "updraft/twin.h"

extern const struct ud_mover ud_move_patch;

/** Where the applier keeps its records. */
void ud_slots_patch_records(const struct ud_layout *layout, struct ud_area records[UD_TWIN_COPIES]);

/**
 * Bootloader: the image of this slot, whose trial is requested, has been made where images run; the other one is gone. One
 * record. UD_ERR_STATE from anybody else; UD_ERR_FLASH.
 */
ud_err ud_slots_made(struct ud_slots *slots, uint8_t slot);

#endif
