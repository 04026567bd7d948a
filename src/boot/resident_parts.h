/* Between the files of the resident layout only. */
#ifndef UD_BOOT_RESIDENT_PARTS_H
#define UD_BOOT_RESIDENT_PARTS_H

#include "updraft/resident.h"

/**
 * MCUboot was never asked for what the journal asks: an open install again, with all of its bytes that cannot have been
 * touched by a request that was cut. UD_ERR_FLASH
 */
ud_err ud_resident_reopen(struct ud_slots *slots, uint32_t image_bytes);

#endif
