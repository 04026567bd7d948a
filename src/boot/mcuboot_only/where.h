/* Where the image of a slot is read: in the area that it was installed to (stays/), or wherever the mover has it (moved/). A build links one. */
#ifndef UD_BOOT_MCUBOOT_WHERE_H
#define UD_BOOT_MCUBOOT_WHERE_H

#include "updraft/boot.h"

/* What moved/ needs for as long as the area is used. */
struct ud_mcuboot_view {
    struct ud_flash flash;
    struct ud_area area;
    const struct ud_boot *boot;
};

/** The image of boot->seen.slot, with the recovery image a layout that has one; the device has one component. */
const struct ud_area *ud_mcuboot_where(const struct ud_boot *boot, struct ud_mcuboot_view *view);

#endif
