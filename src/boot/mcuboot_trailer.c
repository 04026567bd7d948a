/*
 * The end of a slot as MCUboot reads it: a magic, and in front of it, each in a unit of its own of BOOT_MAX_ALIGN bytes,
 * the flags "image ok" and "copy done" and the kind of the last swap. What is not written reads erased.
 */
#include "slots/area.h"
#include "updraft/mcuboot.h"

#define MAGIC_BYTES 16
#define FLAG_SET 0x01
#define ALIGN_SMALL 8 /* up to here the magic says nothing of the alignment */

/* Numbers of MCUboot's design document, "Image trailer". */
static const uint8_t magic_small[MAGIC_BYTES] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                                 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};
static const uint8_t magic_large[MAGIC_BYTES] = {0x00, 0x00, 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b,
                                                 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};

struct places {
    uint8_t magic[MAGIC_BYTES];
    uint32_t magic_unit_at; /* the magic ends where this unit of one or two aligns ends */
    uint32_t magic_unit_bytes;
    uint32_t image_ok_at;
    uint32_t copy_done_at;
    uint32_t swap_at;
    uint32_t unit_bytes;
};

static ud_err lay_out(struct places *trailer, const struct ud_area *area, uint32_t max_align)
{
    const bool known = max_align == 8 || max_align == 16 || max_align == 32;
    if (!known || area->flash->write_size > max_align || area->size < 4 * max_align + MAGIC_BYTES) {
        return UD_ERR_LIMIT;
    }
    memcpy(trailer->magic, max_align > ALIGN_SMALL ? magic_large : magic_small, MAGIC_BYTES);
    if (max_align > ALIGN_SMALL) {
        trailer->magic[0] = (uint8_t)max_align;
    }
    trailer->unit_bytes = max_align;
    trailer->magic_unit_bytes = ud_area_round_up(MAGIC_BYTES, max_align);
    trailer->magic_unit_at = area->size - trailer->magic_unit_bytes;
    trailer->image_ok_at = trailer->magic_unit_at - max_align;
    trailer->copy_done_at = trailer->image_ok_at - max_align;
    trailer->swap_at = trailer->copy_done_at - max_align;
    return UD_OK;
}

/* `len` bytes at the end of a unit (the magic) or at its start (a flag); erased around them. */
static ud_err program(const struct ud_area *area, uint32_t at, uint32_t unit_bytes, const uint8_t *bytes,
                      uint32_t len, uint32_t offset)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    memset(unit, area->flash->erased_value, sizeof unit);
    memcpy(unit + offset, bytes, len);
    return ud_area_program(area, at, unit, unit_bytes);
}

static ud_err is_erased(const struct ud_area *area, uint32_t at, uint32_t len, bool *erased)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    const ud_err err = ud_area_read(area, at, unit, len);
    *erased = err == UD_OK;
    for (uint32_t i = 0; err == UD_OK && i < len; i++) {
        *erased = *erased && unit[i] == area->flash->erased_value;
    }
    return err;
}

static ud_err put_flag(const struct ud_area *area, uint32_t at, uint32_t unit_bytes)
{
    const uint8_t set = FLAG_SET;
    return program(area, at, unit_bytes, &set, 1, 0);
}

static ud_err read_magic(const struct ud_area *area, const struct places *places, ud_mcuboot_mark *mark)
{
    uint8_t magic[MAGIC_BYTES];
    bool erased = false;
    ud_err err = is_erased(area, area->size - MAGIC_BYTES, MAGIC_BYTES, &erased);
    if (err == UD_OK) {
        err = ud_area_read(area, area->size - MAGIC_BYTES, magic, sizeof magic);
    }
    if (err == UD_OK) {
        const bool good = memcmp(magic, places->magic, sizeof magic) == 0;
        *mark = good ? UD_MCUBOOT_SET : erased ? UD_MCUBOOT_UNSET : UD_MCUBOOT_BAD;
    }
    return err;
}

/* MCUboot, too, looks at the first byte alone. */
static ud_err read_flag(const struct ud_area *area, uint32_t at, ud_mcuboot_mark *mark)
{
    uint8_t flag = 0;
    const ud_err err = ud_area_read(area, at, &flag, 1);
    if (err == UD_OK && flag == FLAG_SET) {
        *mark = UD_MCUBOOT_SET;
    } else if (err == UD_OK) {
        *mark = flag == area->flash->erased_value ? UD_MCUBOOT_UNSET : UD_MCUBOOT_BAD;
    }
    return err;
}

/* The kind of the swap below, the number of the image above. */
static ud_err read_swap(const struct ud_area *area, uint32_t at, struct ud_mcuboot_trailer *trailer)
{
    uint8_t info = 0;
    const ud_err err = ud_area_read(area, at, &info, 1);
    const uint8_t kind = info & 0x0f;
    if (err == UD_OK && info != area->flash->erased_value && kind >= UD_MCUBOOT_SWAP_NONE &&
        kind <= UD_MCUBOOT_SWAP_REVERT) {
        trailer->swap = (ud_mcuboot_swap)kind;
        trailer->image_number = info >> 4;
    }
    return err;
}

ud_err ud_mcuboot_trailer_read(const struct ud_area *slot, uint32_t max_align,
                               struct ud_mcuboot_trailer *trailer)
{
    struct places places;
    struct ud_mcuboot_trailer seen = {.swap = UD_MCUBOOT_SWAP_UNKNOWN};
    ud_err err = lay_out(&places, slot, max_align);
    if (err == UD_OK) {
        err = read_magic(slot, &places, &seen.magic);
    }
    if (err == UD_OK) {
        err = read_flag(slot, places.image_ok_at, &seen.image_ok);
    }
    if (err == UD_OK) {
        err = read_flag(slot, places.copy_done_at, &seen.copy_done);
    }
    if (err == UD_OK) {
        err = read_swap(slot, places.swap_at, &seen);
    }
    if (err == UD_OK) {
        *trailer = seen;
    }
    return err;
}

ud_err ud_mcuboot_request(const struct ud_area *slot, uint32_t max_align, bool for_good)
{
    struct places trailer;
    bool erased = false;
    ud_err err = lay_out(&trailer, slot, max_align);
    for (uint32_t at = err == UD_OK ? trailer.copy_done_at : slot->size; err == UD_OK && at < slot->size;
         at += trailer.unit_bytes) {
        err = is_erased(slot, at, trailer.unit_bytes, &erased);
        if (err == UD_OK && !erased) {
            err = UD_ERR_STATE;
        }
    }
    if (err == UD_OK && for_good) { /* before the magic: with the magic alone it is a test */
        err = put_flag(slot, trailer.image_ok_at, trailer.unit_bytes);
    }
    if (err == UD_OK) {
        err = program(slot, trailer.magic_unit_at, trailer.magic_unit_bytes, trailer.magic, MAGIC_BYTES,
                      trailer.magic_unit_bytes - MAGIC_BYTES);
    }
    return err == UD_OK ? ud_area_sync(slot) : err;
}

ud_err ud_mcuboot_confirm(const struct ud_area *primary, uint32_t max_align)
{
    struct places places;
    struct ud_mcuboot_trailer trailer;
    bool erased = false;
    ud_err err = ud_mcuboot_trailer_read(primary, max_align, &trailer);
    if (err == UD_OK && trailer.magic != UD_MCUBOOT_SET) {
        err = UD_ERR_STATE; /* it never came by a swap */
    }
    if (err != UD_OK || trailer.image_ok == UD_MCUBOOT_SET) {
        return err;
    }
    err = lay_out(&places, primary, max_align);
    if (err == UD_OK) {
        err = is_erased(primary, places.image_ok_at, places.unit_bytes, &erased);
    }
    if (err == UD_OK && !erased) {
        err = UD_ERR_STATE; /* neither set nor erased is not taken for either */
    }
    if (err == UD_OK) {
        err = put_flag(primary, places.image_ok_at, places.unit_bytes);
    }
    return err == UD_OK ? ud_area_sync(primary) : err;
}
