/*
 * The board's PSRAM as flash: sectors of 4 KiB, write units of 8 bytes, erased 0xff. The emulator keeps it in a file, so
 * it outlives resets and the emulator itself; the NOR rules are this driver's.
 *
 * Every unit programmed and every sector erased is one operation. Where the test asked for a power cut (cut=N on the
 * command line), operation N is done by half and the emulator ends with UD_MPS2_STATUS_CUT.
 */
#ifndef UPDRAFT_MPS2_FLASH_H
#define UPDRAFT_MPS2_FLASH_H

#include "updraft/flash.h"

#define UD_MPS2_STATUS_CUT 75

extern const struct ud_flash ud_mps2_flash; /* the whole chip */

#endif
