/*
 * Where things are. Addresses come from the board's map.h, which the build chooses; those of mps2-an385:
 *
 *     0x00000000   4 MiB  bootloader (loaded anew at every reset, as a ROM would be)
 *     0x01000000  16 KiB  provisioning file (likewise: memory that is written once, at manufacture)
 *     0x20000000   4 KiB  handoff between bootloader and application; keeps its content across a reset;
 *                       its second half belongs to the first stage of a bootloader that has two
 *     0x20001000          bootloader's data and stack, up to 1 MiB
 *     0x20100000   3 MiB  the application: its image, when it is loaded to RAM, then its data and stack
 *     0x21000000  16 MiB  flash: journal, envelopes, slots
 */
#ifndef UPDRAFT_MPS2_MEMORY_H
#define UPDRAFT_MPS2_MEMORY_H

#include "map.h"

#define UD_MPS2_PROVISION_LOG2 14U
#define UD_MPS2_APP_BYTES_MAX 0x00200000U /* of an image; the rest is its data and stack */
#ifndef UD_MPS2_APP_HEADER_BYTES
#define UD_MPS2_APP_HEADER_BYTES 0U /* of an image, before its vector table */
#endif
#define UD_MPS2_FLASH_BYTES 0x01000000U

#endif
