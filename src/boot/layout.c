#include "updraft/boot.h"

_Static_assert(UD_PROVISION_SLOTS == UD_SLOT_COUNT, "the provisioning file has as many slots as a layout");

static struct ud_area area_of(const struct ud_flash *flash, const struct ud_provision_area *area)
{
    return (struct ud_area){flash, area->offset, area->size};
}

static bool is_same_geometry(const struct ud_provision *provision, const struct ud_flash *flash)
{
    return provision->flash_bytes == flash->size_bytes && provision->erase_size == flash->erase_size &&
           provision->write_size == flash->write_size && provision->erased_value == flash->erased_value;
}

ud_err ud_boot_layout(struct ud_layout *layout, const struct ud_provision *provision,
                      const struct ud_flash *flash)
{
    return ud_boot_layout_with(layout, provision, flash, NULL);
}

ud_err ud_boot_layout_with(struct ud_layout *layout, const struct ud_provision *provision,
                           const struct ud_flash *flash, const struct ud_mover *mover)
{
    if (!is_same_geometry(provision, flash) || provision->component_count > UD_COMPONENTS_MAX ||
        (provision->mover == UD_PROVISION_STAY) != (mover == NULL || mover->bring == NULL)) {
        return UD_ERR_CONFIG;
    }
    memset(layout, 0, sizeof *layout);
    layout->mover = mover;
    layout->move = area_of(flash, &provision->move);
    layout->component_count = provision->component_count;
    for (size_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        for (size_t i = 0; i < provision->component_count; i++) {
            layout->components[i].id = provision->components[i].id;
            layout->writers[i] = provision->components[i].writers;
            layout->components[i].image[slot] = area_of(flash, &provision->components[i].slot[slot]);
        }
        layout->envelope[slot] = area_of(flash, &provision->envelope[slot]);
    }
    layout->journal = area_of(flash, &provision->journal);
    layout->trial_boots_max = provision->trial_boots;
    layout->confirm_deadline_ms = provision->trial_deadline_ms;
    return ud_layout_check(layout);
}
