#include "boot/mcuboot_only/where.h"

const struct ud_area *ud_mcuboot_where(const struct ud_boot *boot, struct ud_mcuboot_view *view)
{
    (void)view;
    const struct ud_recovery_image *recovery = ud_layout_recovery(boot->layout);
    return recovery != NULL && boot->seen.slot == UD_SLOT_RECOVERY
               ? &recovery->image
               : &boot->layout->components[0].image[boot->seen.slot];
}
