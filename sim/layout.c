#include "layout.h"

#define ID_BYTES 5

/* CBOR: array of one bstr of three bytes, "ap0" and so on */
static const uint8_t ids[][ID_BYTES] = {
    {0x81, 0x43, 'a', 'p', '0'}, {0x81, 0x43, 'a', 'p', '1'}, {0x81, 0x43, 'a', 'p', '2'},
    {0x81, 0x43, 'a', 'p', '3'}, {0x81, 0x43, 'a', 'p', '4'}, {0x81, 0x43, 'a', 'p', '5'},
    {0x81, 0x43, 'a', 'p', '6'}, {0x81, 0x43, 'a', 'p', '7'},
};
_Static_assert(sizeof ids / sizeof ids[0] >= UD_COMPONENTS_MAX, "an id for every component");

struct ud_bytes sim_layout_id(uint8_t i)
{
    return (struct ud_bytes){ids[i], ID_BYTES};
}

static uint32_t image_sectors(const struct sim_layout_shape *shape, size_t slot)
{
    const uint32_t spare = shape->mover == NULL ? 0 : shape->mover->spare_blocks;
    if (slot == 0) {
        return shape->image_sectors;
    }
    return shape->second_sectors != 0 ? shape->second_sectors : shape->image_sectors + spare;
}

uint32_t sim_layout_bytes(const struct sim_layout_shape *shape, uint32_t erase_size)
{
    uint32_t sectors = shape->journal_sectors + UD_SLOT_COUNT * shape->envelope_sectors + shape->move_sectors;
    for (size_t slot = 0; slot < (shape->second == NULL ? UD_SLOT_COUNT : 1); slot++) {
        sectors += image_sectors(shape, slot) * shape->component_count;
    }
    if (shape->recovery_sectors != 0) {
        sectors += shape->recovery_sectors + shape->envelope_sectors;
    }
    return sectors * erase_size;
}

static struct ud_area next_area(const struct ud_flash *flash, uint32_t *sector, uint32_t sectors)
{
    const struct ud_area area = {flash, *sector * flash->erase_size, sectors * flash->erase_size};
    *sector += sectors;
    return area;
}

void sim_layout(struct ud_layout *layout, const struct ud_flash *flash, const struct sim_layout_shape *shape)
{
    uint32_t sector = 0;
    memset(layout, 0, sizeof *layout);
    layout->component_count = shape->component_count;
    layout->trial_boots_max = shape->trial_boots_max;
    layout->confirm_deadline_ms = 60000;
    layout->journal = next_area(flash, &sector, shape->journal_sectors);
    layout->mover = shape->mover;
    if (shape->move_sectors != 0) {
        layout->move = next_area(flash, &sector, shape->move_sectors);
    }
    uint32_t second_sector = 0;
    for (size_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        const bool outside = slot == 1 && shape->second != NULL;
        for (uint8_t i = 0; i < shape->component_count; i++) {
            layout->components[i].id = sim_layout_id(i);
            layout->components[i].image[slot] =
                next_area(outside ? shape->second : flash, outside ? &second_sector : &sector,
                          image_sectors(shape, slot));
        }
        layout->envelope[slot] = next_area(flash, &sector, shape->envelope_sectors);
    }
}

void sim_layout_recovery(struct ud_layout *layout, struct ud_recovery_image *recovery,
                         const struct sim_layout_shape *shape)
{
    const struct ud_area *last = &layout->envelope[UD_SLOT_COUNT - 1];
    uint32_t sector = (last->offset + last->size) / last->flash->erase_size;
    recovery->image = next_area(last->flash, &sector, shape->recovery_sectors);
    recovery->envelope = next_area(last->flash, &sector, shape->envelope_sectors);
    layout->recovery = recovery;
}
