/* Of two images that have changed places, blocks that are the same in both lie in one area only: the slots know where. */
#include "boot/mcuboot_only/where.h"

static ud_err view_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    const struct ud_mcuboot_view *view = ctx;
    return ud_slots_read(&view->boot->slots, view->boot->seen.slot, 0, address, out, len);
}

const struct ud_area *ud_mcuboot_where(const struct ud_boot *boot, struct ud_mcuboot_view *view)
{
    const struct ud_recovery_image *recovery = ud_layout_recovery(boot->layout);
    const bool recovers = recovery != NULL && boot->seen.slot == UD_SLOT_RECOVERY;
    view->boot = boot;
    view->flash.ctx = view;
    view->flash.read = view_read;
    view->area =
        (struct ud_area){&view->flash, 0, recovers ? recovery->image.size : ud_slots_capacity(&boot->slots, 0)};
    return &view->area;
}
