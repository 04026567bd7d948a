/*
 * RAM that keeps its content across a reset: how the last start ended, and what the bootloader tells the application.
 * Zero, or anything, when power comes; the magic word tells the two apart. Only reasons are taken from here, no
 * permission: whoever writes it can make the bootloader say something wrong, never start something wrong.
 */
#ifndef UPDRAFT_MPS2_HANDOFF_H
#define UPDRAFT_MPS2_HANDOFF_H

#include "device/boot_info.h"

struct ud_handoff {
    uint32_t magic;
    uint32_t ended;      /* value of the ud_err that the last start ended with; 0 a plain reset */
    uint32_t cut_left;   /* flash operations until the test's power cut; 0 none is wanted */
    uint32_t operations; /* on flash, since power came */
    uint32_t info_bytes;
    uint8_t info[UD_BOOT_INFO_BYTES_MAX];
};

struct ud_handoff *ud_handoff(void);

/** Make it valid. @return how the last start ended: UD_OK, UD_ERR_CRASHED or UD_ERR_UNCONFIRMED */
ud_err ud_handoff_open(void);

/* The next two are those of the last bootloader before the application, in handoff_last.c, or those of the first of two. */
/** Bootloader: take it over. @return how the last start ended: UD_OK, UD_ERR_CRASHED or UD_ERR_UNCONFIRMED */
ud_err ud_handoff_begin(void);
/** Bootloader: for the application about to start. */
ud_err ud_handoff_write(const struct ud_boot_info *info);
/** Application: UD_ERR_STATE when no bootloader started it; those of ud_boot_info_parse(). */
ud_err ud_handoff_read(struct ud_boot_info *info);

#endif
