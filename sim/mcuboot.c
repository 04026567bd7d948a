#include "mcuboot.h"

#include "slots/area.h"

#define FLAG_SET 0x01

static const struct ud_resident *table_of(const struct sim_mcuboot *mcuboot)
{
    return (const struct ud_resident *)mcuboot->layout->mover;
}

static const struct ud_area *slot_of(const struct sim_mcuboot *mcuboot, size_t which)
{
    return &mcuboot->layout->components[0].image[which];
}

/* Where an update is put: not at the start of the secondary slot for swap using offset. */
static struct ud_area update_of(const struct sim_mcuboot *mcuboot)
{
    struct ud_area area = *slot_of(mcuboot, 1);
    if (table_of(mcuboot)->way == UD_RESIDENT_OFFSET) {
        area.offset += area.flash->erase_size;
        area.size -= area.flash->erase_size;
    }
    return area;
}

/* ---- what to do ---- */

static ud_mcuboot_swap wanted(const struct sim_mcuboot *mcuboot, const struct ud_mcuboot_trailer *primary,
                              const struct ud_mcuboot_trailer *secondary)
{
    if (secondary->magic == UD_MCUBOOT_SET && secondary->image_ok == UD_MCUBOOT_UNSET) {
        return UD_MCUBOOT_SWAP_TEST;
    }
    if (secondary->magic == UD_MCUBOOT_SET && secondary->image_ok == UD_MCUBOOT_SET) {
        return UD_MCUBOOT_SWAP_PERMANENT;
    }
    if (primary->magic == UD_MCUBOOT_SET && secondary->magic == UD_MCUBOOT_UNSET &&
        primary->image_ok == UD_MCUBOOT_UNSET && primary->copy_done == UD_MCUBOOT_SET &&
        table_of(mcuboot)->way != UD_RESIDENT_OVERWRITE) {
        return UD_MCUBOOT_SWAP_REVERT;
    }
    return UD_MCUBOOT_SWAP_NONE;
}

/* ---- sectors ---- */

static ud_err read_sector(const struct ud_area *area, uint32_t index, uint8_t *out)
{
    return ud_area_read(area, index * area->flash->erase_size, out, area->flash->erase_size);
}

static ud_err write_sector(const struct ud_area *area, uint32_t index, const uint8_t *data, uint32_t len)
{
    const uint32_t at = index * area->flash->erase_size;
    const ud_err err = ud_area_erase(area, at);
    return err == UD_OK && len > 0 ? ud_area_program(area, at, data, len) : err;
}

/* Of this sector, what may belong to an image. */
static uint32_t image_part(const struct sim_mcuboot *mcuboot, uint32_t index)
{
    const uint32_t capacity = ud_resident_capacity(mcuboot->layout, 0);
    const uint32_t sector = slot_of(mcuboot, 0)->flash->erase_size;
    const uint32_t at = index * sector;
    const uint32_t left = at < capacity ? capacity - at : 0;
    return ud_area_round_up(left < sector ? left : sector, slot_of(mcuboot, 0)->flash->write_size);
}

static uint32_t image_sectors(const struct sim_mcuboot *mcuboot)
{
    const uint32_t sector = slot_of(mcuboot, 0)->flash->erase_size;
    return (ud_resident_capacity(mcuboot->layout, 0) + sector - 1) / sector;
}

/* From `from` of the secondary slot to the primary, and what was there to `to` of the secondary. */
static ud_err change_sector(struct sim_mcuboot *mcuboot, uint32_t index, uint32_t from, uint32_t to)
{
    const uint32_t len = image_part(mcuboot, index);
    ud_err err = read_sector(slot_of(mcuboot, 0), index, mcuboot->sector[0]);
    if (err == UD_OK) {
        err = read_sector(slot_of(mcuboot, 1), from, mcuboot->sector[1]);
    }
    if (err == UD_OK) {
        err = write_sector(slot_of(mcuboot, 0), index, mcuboot->sector[1], len);
    }
    if (err == UD_OK && table_of(mcuboot)->way != UD_RESIDENT_OVERWRITE) {
        err = write_sector(slot_of(mcuboot, 1), to, mcuboot->sector[0], len);
    }
    return err;
}

/* By an offset the old image comes to lie one sector in front of where the new one was; back it goes from the end. */
static ud_err change_images(struct sim_mcuboot *mcuboot, ud_mcuboot_swap swap)
{
    const uint32_t count = image_sectors(mcuboot);
    const uint32_t shift = table_of(mcuboot)->way == UD_RESIDENT_OFFSET ? 1 : 0;
    ud_err err = UD_OK;
    for (uint32_t i = 0; err == UD_OK && i < count; i++) {
        const uint32_t last = count - 1 - i;
        err = swap == UD_MCUBOOT_SWAP_REVERT ? change_sector(mcuboot, last, last, last + shift)
                                             : change_sector(mcuboot, i, i + shift, i);
    }
    return err;
}

/* ---- trailers ---- */

/* Sectors in which no image ends that is kept. */
static ud_err erase_trailer(const struct sim_mcuboot *mcuboot, size_t which)
{
    const struct ud_area *area = slot_of(mcuboot, which);
    const uint32_t trailer = ud_resident_trailer_bytes(table_of(mcuboot), area->flash->write_size);
    const uint32_t sector = area->flash->erase_size;
    uint32_t at = (area->size - trailer) / sector * sector;
    ud_err err = UD_OK;
    const bool keeps = which == 0 || table_of(mcuboot)->way != UD_RESIDENT_OVERWRITE;
    if (keeps && at < image_sectors(mcuboot) * sector) {
        at += sector;
    }
    for (; err == UD_OK && at < area->size; at += sector) {
        err = ud_area_erase(area, at);
    }
    return err;
}

/* `number` units of BOOT_MAX_ALIGN in front of the magic. */
static ud_err put_byte(const struct sim_mcuboot *mcuboot, uint32_t number, uint8_t byte)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    const struct ud_area *area = slot_of(mcuboot, 0);
    const uint32_t align = table_of(mcuboot)->max_align;
    const uint32_t magic = ud_area_round_up(16, align);
    memset(unit, area->flash->erased_value, sizeof unit);
    unit[0] = byte;
    return ud_area_program(area, area->size - magic - number * align, unit, align);
}

static ud_err put_trailer(const struct sim_mcuboot *mcuboot, ud_mcuboot_swap swap)
{
    const bool stays = swap != UD_MCUBOOT_SWAP_TEST;
    ud_err err = UD_OK;
    if (!mcuboot->notes_no_swap) {
        err = put_byte(mcuboot, 3, (uint8_t)swap);
    }
    if (err == UD_OK) {
        err = ud_mcuboot_request(slot_of(mcuboot, 0), table_of(mcuboot)->max_align, stays);
    }
    return err == UD_OK ? put_byte(mcuboot, 2, FLAG_SET) : err;
}

/* An image that does not verify is erased, and what runs is no test any more. */
static ud_err refuse(const struct sim_mcuboot *mcuboot, const struct ud_mcuboot_trailer *primary)
{
    const struct ud_area area = update_of(mcuboot);
    ud_err err = UD_OK;
    for (uint32_t at = 0; err == UD_OK && at < area.size; at += area.flash->erase_size) {
        err = ud_area_erase(&area, at);
    }
    if (err == UD_OK && primary->magic == UD_MCUBOOT_SET && primary->image_ok == UD_MCUBOOT_UNSET) {
        err = put_byte(mcuboot, 1, FLAG_SET);
    }
    return err;
}

static ud_err act(struct sim_mcuboot *mcuboot, ud_mcuboot_swap swap)
{
    ud_err err = erase_trailer(mcuboot, 0);
    if (err == UD_OK) {
        err = change_images(mcuboot, swap);
    }
    if (err == UD_OK) {
        err = erase_trailer(mcuboot, 1);
    }
    if (err == UD_OK && table_of(mcuboot)->way == UD_RESIDENT_OVERWRITE) {
        return ud_area_erase(slot_of(mcuboot, 1), 0);
    }
    return err == UD_OK ? put_trailer(mcuboot, swap) : err;
}

ud_err sim_mcuboot_boot(struct sim_mcuboot *mcuboot, ud_mcuboot_swap *swap)
{
    struct ud_mcuboot_trailer trailers[2] = {{0}, {0}};
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < 2; i++) {
        err = ud_mcuboot_trailer_read(slot_of(mcuboot, i), table_of(mcuboot)->max_align, &trailers[i]);
    }
    if (err != UD_OK) {
        return err;
    }
    *swap = wanted(mcuboot, &trailers[0], &trailers[1]);
    const struct ud_area update =
        *swap == UD_MCUBOOT_SWAP_REVERT ? *slot_of(mcuboot, 1) : update_of(mcuboot); /* see change_images() */
    if (*swap != UD_MCUBOOT_SWAP_NONE) {
        const bool good = mcuboot->verify(mcuboot->ctx, &update);
        err = good ? act(mcuboot, *swap) : refuse(mcuboot, &trailers[0]);
        *swap = good ? *swap : UD_MCUBOOT_SWAP_NONE;
    }
    if (err == UD_OK && !mcuboot->verify(mcuboot->ctx, slot_of(mcuboot, 0))) {
        err = UD_ERR_NO_SLOT;
    }
    return err;
}
