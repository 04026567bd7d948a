/* Executed from the slot that it was installed to: an image is linked for one of the two, and its manifest says which. */
#include "place.h"
#include "ports/mps2-an385/memory.h"

static void prepare(struct ud_boot *boot)
{
    (void)boot;
}

static ud_err locate(const struct ud_boot *boot, const struct ud_boot_info *info, uint32_t *address)
{
    if (info->slot >= UD_SLOT_COUNT) {
        return UD_ERR_RANGE;
    }
    *address = UD_MPS2_FLASH_BASE + boot->layout->components[0].image[info->slot].offset;
    return UD_OK;
}

const struct boot_place boot_in_slot = {prepare, locate};
