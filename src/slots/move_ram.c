/* Images that run from RAM: what is measured is what was loaded, and flash is not read again. */
#include "slots/area.h"
#include "updraft/slots.h"

static ud_err ram_check(const struct ud_layout *layout)
{
    for (uint8_t i = 0; i < ud_layout_components(layout); i++) {
        if (layout->ram == NULL || layout->ram[i].ptr == NULL || layout->ram[i].size_bytes == 0) {
            return UD_ERR_LIMIT;
        }
    }
    return UD_OK;
}

static uint32_t ram_capacity(const struct ud_layout *layout, uint8_t component)
{
    const struct ud_area *image = layout->components[component].image;
    uint32_t least = layout->ram[component].size_bytes;
    for (size_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        if (image[slot].size < least) {
            least = image[slot].size;
        }
    }
    return least;
}

/* Nobody names an address: each component has one place, and bytes beyond it are not read. */
static ud_err ram_load(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                       uint8_t *out, uint32_t len)
{
    const struct ud_layout *layout = slots->layout;
    const uint32_t end = ram_capacity(layout, component);
    if (offset > end || len > end - offset) {
        return UD_ERR_RANGE;
    }
    uint8_t *place = layout->ram[component].ptr + offset;
    ud_err err = ud_area_read(&layout->components[component].image[slot], offset, place, len);
    if (err == UD_OK && ud_layout_cipher(layout) != NULL) {
        err = layout->cipher->apply(layout->cipher->ctx, slot, component, offset, place, len);
    }
    if (err == UD_OK) {
        memcpy(out, place, len);
    }
    return err;
}

static struct ud_area ram_target(const struct ud_slots *slots, uint8_t component)
{
    return slots->layout->components[component].image[ud_slots_inactive(slots)];
}

const struct ud_mover ud_move_ram = {
    .check = ram_check,
    .capacity = ram_capacity,
    .read = ram_load,
    .target = ram_target,
};
