#include "delta/page.h"

#include "slots/area.h"
#include "updraft/delta.h"

ud_err delta_page_program(const struct ud_area *area, uint32_t offset, uint8_t *page, uint32_t len)
{
    const struct ud_flash *flash = area->flash;
    ud_err err = UD_OK;
    if (offset % flash->erase_size == 0) {
        err = ud_area_erase(area, offset);
    }
    memset(page + len, flash->erased_value, UD_DELTA_PAGE_BYTES - len);
    return err == UD_OK ? ud_area_program(area, offset, page, ud_area_round_up(len, flash->write_size)) : err;
}
