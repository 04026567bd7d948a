/* What to do when no image may run: wait for one on the serial line (recover_serial.c), or nothing (recover_nothing.c). */
#ifndef UPDRAFT_MPS2_BOOT_RECOVER_H
#define UPDRAFT_MPS2_BOOT_RECOVER_H

#include "updraft/boot.h"

/** Returns only when this build does nothing; otherwise the board resets in the end. */
void boot_recover(struct ud_boot *boot);

#endif
