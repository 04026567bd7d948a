/* The device's first component is executed in place; with a mover from the one address where images run. */
#include "place.h"
#include "ports/mps2-an385/memory.h"

static ud_err locate(const struct ud_boot *boot, const struct ud_boot_info *info, uint32_t *address)
{
    const struct ud_layout *layout = boot->layout;
    const struct ud_recovery_image *recovery = ud_layout_recovery(layout);
    const struct ud_area *area =
        recovery != NULL && info->slot == UD_SLOT_RECOVERY
            ? &recovery->image
            : &layout->components[0].image[ud_layout_mover(layout) != NULL ? 0 : info->slot];
    *address = UD_MPS2_FLASH_BASE + area->offset;
    return UD_OK;
}

const struct boot_place boot_in_flash = {ud_boot_move, locate};
