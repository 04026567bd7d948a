/*
 * A patch into the inactive slot, over power cuts (docs/design/delta.md section 6). Old image, new image and patch lie
 * in areas of flash; old and patch are not written. Nothing is journalled: the applier is deterministic, so a run after
 * a reset first compares what it makes with what is there (*verify*), then runs again and writes from the last sector
 * that was in place on (*write*). That sector too, since the last page before a cut may read well today only.
 *
 *     err = ud_delta_slot_init(&slot, &delta, &places);
 *     while (err == UD_OK || err == UD_WAIT) {
 *         err = ud_delta_slot_step(&slot);
 *         if (err == UD_OK) {
 *             break; // now check the digest, as for any image
 *         }
 *     }
 */
#ifndef UPDRAFT_DELTA_SLOT_H
#define UPDRAFT_DELTA_SLOT_H

#include "updraft/delta.h"
#include "updraft/flash.h"

struct ud_delta_places {
    struct ud_area old; /* the images begin at the start of their areas */
    struct ud_area new;
    struct ud_area patch;
    uint32_t old_bytes;
    uint32_t new_bytes;
    uint32_t patch_bytes;
};

struct ud_delta_slot {
    /* private */
    struct ud_delta *delta;
    struct ud_delta_places places;
    struct ud_delta_io io;
    bool verifying;
    bool differs;      /* a page that is not in place was found */
    uint32_t in_place; /* bytes from the start of new that read as they must */
    uint32_t trusted;  /* bytes that are not written again */
};

/**
 * Begin, or go on after a reset; it is the same.
 *
 * @param delta  borrowed for the run, as is what places points to
 * @return UD_OK; UD_ERR_SPACE when an image or the patch is larger than its area; UD_ERR_CONFIG when the sectors of new
 *         are not multiples of UD_DELTA_PAGE_BYTES; those of ud_delta_init()
 */
ud_err ud_delta_slot_init(struct ud_delta_slot *slot, struct ud_delta *delta,
                          const struct ud_delta_places *places);

/**
 * One step of the applier.
 *
 * @return UD_WAIT while there is more; UD_OK when all of new is in its area, synced; those of ud_delta_step(); UD_ERR_FLASH
 *
 * Cost: as ud_delta_step(), and one erase; over all, the part that was in place is made twice
 */
ud_err ud_delta_slot_step(struct ud_delta_slot *slot);

#endif
