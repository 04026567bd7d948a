#include "slots/area.h"

#include "updraft/assert.h"

#define AREA_CHUNK_BYTES 64 /* compared at a time; stack of the read-back */

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool flash_is_sound(const struct ud_flash *flash)
{
    return is_power_of_two(flash->write_size) && flash->write_size <= UD_FLASH_WRITE_SIZE_MAX &&
           flash->erase_size != 0 && flash->erase_size % flash->write_size == 0 &&
           flash->size_bytes % flash->erase_size == 0 &&
           (flash->erased_value == 0xff || flash->erased_value == 0x00);
}

ud_err ud_area_check(const struct ud_area *area)
{
    const struct ud_flash *flash = area->flash;
    if (flash == NULL || !flash_is_sound(flash)) {
        return UD_ERR_LIMIT;
    }
    if (area->size == 0 || area->size % flash->erase_size != 0 || area->offset % flash->erase_size != 0) {
        return UD_ERR_LIMIT;
    }
    return area->offset <= flash->size_bytes && area->size <= flash->size_bytes - area->offset ? UD_OK
                                                                                               : UD_ERR_LIMIT;
}

uint32_t ud_area_round_up(uint32_t bytes, uint32_t unit)
{
    const uint32_t over = bytes % unit;
    return over == 0 ? bytes : bytes + (unit - over);
}

static bool inside(const struct ud_area *area, uint32_t offset, uint32_t len)
{
    return offset <= area->size && len <= area->size - offset;
}

ud_err ud_area_read(const struct ud_area *area, uint32_t offset, uint8_t *out, uint32_t len)
{
    if (!inside(area, offset, len)) {
        return UD_ERR_RANGE;
    }
    return area->flash->read(area->flash->ctx, area->offset + offset, out, len);
}

static ud_err read_back(const struct ud_area *area, uint32_t offset, struct ud_bytes want)
{
    uint8_t chunk[AREA_CHUNK_BYTES];
    struct ud_bytes part;
    while (want.len > 0) {
        const size_t n = want.len < sizeof chunk ? want.len : sizeof chunk;
        const ud_err err = ud_area_read(area, offset, chunk, (uint32_t)n);
        if (err != UD_OK) {
            return err;
        }
        if (!ud_bytes_take(&want, n, &part) || !ud_bytes_equal(part, (struct ud_bytes){chunk, n})) {
            return UD_ERR_FLASH;
        }
        offset += (uint32_t)n;
    }
    return UD_OK;
}

ud_err ud_area_program(const struct ud_area *area, uint32_t offset, const uint8_t *data, uint32_t len)
{
    const struct ud_flash *flash = area->flash;
    if (!inside(area, offset, len)) {
        return UD_ERR_RANGE;
    }
    UD_ASSERT(offset % flash->write_size == 0 && len % flash->write_size == 0);
    const ud_err err = flash->program(flash->ctx, area->offset + offset, data, len);
    return err != UD_OK ? err : read_back(area, offset, (struct ud_bytes){data, len});
}

ud_err ud_area_erase(const struct ud_area *area, uint32_t offset)
{
    if (!inside(area, offset, area->flash->erase_size)) {
        return UD_ERR_RANGE;
    }
    UD_ASSERT(offset % area->flash->erase_size == 0);
    return area->flash->erase(area->flash->ctx, area->offset + offset);
}

ud_err ud_area_sync(const struct ud_area *area)
{
    return area->flash->sync == NULL ? UD_OK : area->flash->sync(area->flash->ctx);
}
