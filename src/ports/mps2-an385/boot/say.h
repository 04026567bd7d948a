/* What the bootloader says on the serial line: in words (say_words.c), or nothing (say_nothing.c); the build links one. */
#ifndef UPDRAFT_MPS2_BOOT_SAY_H
#define UPDRAFT_MPS2_BOOT_SAY_H

#include "updraft/boot.h"

void boot_say_trust(const struct ud_boot_trust *store); /* NULL: there is nothing to say */
void boot_say_choice(const struct ud_boot_info *info, ud_err err);
void boot_say_halt(ud_err err);

#endif
