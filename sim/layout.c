#include "layout.h"

#define ID_BYTES 5

/* CBOR: array of one bstr of three bytes, "ap0" and so on */
static const uint8_t ids[][ID_BYTES] = {
    {0x81, 0x43, 'a', 'p', '0'},
    {0x81, 0x43, 'a', 'p', '1'},
    {0x81, 0x43, 'a', 'p', '2'},
    {0x81, 0x43, 'a', 'p', '3'},
};
_Static_assert(sizeof ids / sizeof ids[0] >= UD_COMPONENTS_MAX, "an id for every component");

struct ud_bytes sim_layout_id(uint8_t i)
{
    return (struct ud_bytes){ids[i], ID_BYTES};
}

uint32_t sim_layout_bytes(const struct sim_layout_shape *shape, uint32_t erase_size)
{
    const uint32_t slot_sectors = shape->image_sectors * shape->component_count + shape->envelope_sectors;
    return (shape->journal_sectors + UD_SLOT_COUNT * slot_sectors) * erase_size;
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
    for (size_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        for (uint8_t i = 0; i < shape->component_count; i++) {
            layout->components[i].id = sim_layout_id(i);
            layout->components[i].image[slot] = next_area(flash, &sector, shape->image_sectors);
        }
        layout->envelope[slot] = next_area(flash, &sector, shape->envelope_sectors);
    }
}
