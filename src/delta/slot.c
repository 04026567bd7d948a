#include "updraft/delta_slot.h"

#include "delta/page.h"
#include "slots/area.h"

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return ud_area_read(&((struct ud_delta_slot *)ctx)->places.old, offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return ud_area_read(&((struct ud_delta_slot *)ctx)->places.new, offset, out, len);
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return ud_area_read(&((struct ud_delta_slot *)ctx)->places.patch, offset, out, len);
}

static ud_err compare(struct ud_delta_slot *slot, uint32_t offset, const uint8_t *data, uint32_t len)
{
    uint8_t there[UD_DELTA_PAGE_BYTES];
    const ud_err err = ud_area_read(&slot->places.new, offset, there, len);
    if (err != UD_OK) {
        return err;
    }
    if (memcmp(there, data, len) != 0) {
        slot->differs = true;
        return UD_ERR_STATE; /* ends the verifying run; never leaves this file */
    }
    slot->in_place = offset + len;
    return UD_OK;
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct ud_delta_slot *slot = ctx;
    if (slot->verifying) {
        return compare(slot, offset, data, len);
    }
    return offset < slot->trusted ? UD_OK
                                  : delta_page_program(&slot->places.new, offset, slot->delta->page, len);
}

static ud_err start(struct ud_delta_slot *slot)
{
    const struct ud_delta_places *places = &slot->places;
    const struct ud_delta_job job = {&slot->io, places->patch_bytes, places->old_bytes, places->new_bytes};
    return ud_delta_init(slot->delta, &job);
}

ud_err ud_delta_slot_init(struct ud_delta_slot *slot, struct ud_delta *delta,
                          const struct ud_delta_places *places)
{
    if (places->old_bytes > places->old.size || places->new_bytes > places->new.size ||
        places->patch_bytes > places->patch.size) {
        return UD_ERR_SPACE;
    }
    if (places->new.flash->erase_size % UD_DELTA_PAGE_BYTES != 0) {
        return UD_ERR_CONFIG;
    }
    *slot = (struct ud_delta_slot){.delta = delta,
                                   .places = *places,
                                   .io = {slot, read_old, read_new, write_new, read_patch},
                                   .verifying = true};
    return start(slot);
}

/* The sector that holds the last good page is made again, and everything behind it. */
static ud_err begin_writing(struct ud_delta_slot *slot)
{
    const uint32_t sector = slot->places.new.flash->erase_size;
    slot->verifying = false;
    slot->trusted = slot->in_place == 0 ? 0 : (slot->in_place - 1) / sector * sector;
    const ud_err err = start(slot);
    return err == UD_OK ? UD_WAIT : err;
}

ud_err ud_delta_slot_step(struct ud_delta_slot *slot)
{
    const ud_err err = ud_delta_step(slot->delta);
    if (slot->verifying && (err == UD_OK || slot->differs)) {
        return begin_writing(slot);
    }
    return err == UD_OK ? ud_area_sync(&slot->places.new) : err;
}
