/* Access to one area of a flash, by offsets inside it. Bounds are checked here, once. */
#ifndef UD_SLOTS_AREA_H
#define UD_SLOTS_AREA_H

#include "updraft/flash.h"

/** Geometry within the limits, area of whole sectors inside the flash. UD_ERR_LIMIT. */
ud_err ud_area_check(const struct ud_area *area);

uint32_t ud_area_round_up(uint32_t bytes, uint32_t unit);

/** UD_ERR_RANGE outside the area, otherwise what the port says. The same for the others. */
ud_err ud_area_read(const struct ud_area *area, uint32_t offset, uint8_t *out, uint32_t len);
/** Program and read back: UD_ERR_FLASH when the bytes differ. offset and len are multiples of write_size. */
ud_err ud_area_program(const struct ud_area *area, uint32_t offset, const uint8_t *data, uint32_t len);
/** The sector that starts at offset. */
ud_err ud_area_erase(const struct ud_area *area, uint32_t offset);
ud_err ud_area_sync(const struct ud_area *area);

#endif
