/*
 * Where a verified image runs: in RAM, loaded and hashed there (in_ram.c), or in flash, where it lies or where the mover
 * has brought it (in_flash.c), or in the slot that it was installed to and linked for (in_slot.c). place_ram.c, place_flash.c,
 * place_slot.c and place_by_layout.c choose, and the build links one of these.
 */
#ifndef UPDRAFT_MPS2_BOOT_PLACE_H
#define UPDRAFT_MPS2_BOOT_PLACE_H

#include "updraft/boot.h"

struct boot_place {
    void (*prepare)(struct ud_boot *boot); /* after ud_boot_init() */
    /* Have what was chosen where it runs. @param address out: of its first byte */
    ud_err (*find)(const struct ud_boot *boot, const struct ud_boot_info *info, uint32_t *address);
};

extern const struct boot_place boot_in_ram; /* one component */
extern const struct boot_place boot_in_flash;
extern const struct boot_place boot_in_slot;

const struct boot_place *boot_place(const struct ud_layout *layout);

#endif
