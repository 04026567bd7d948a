/* A page of new into a flash area. */
#ifndef UPDRAFT_DELTA_PAGE_H
#define UPDRAFT_DELTA_PAGE_H

#include "updraft/flash.h"

/**
 * Program 1..UD_DELTA_PAGE_BYTES bytes; whole sectors are erased as they are reached, and the last page is filled up to what
 * the flash can program. UD_ERR_FLASH, UD_ERR_RANGE
 *
 * @param page [UD_DELTA_PAGE_BYTES]; what lies behind len is overwritten
 */
ud_err delta_page_program(const struct ud_area *area, uint32_t offset, uint8_t *page, uint32_t len);

#endif
