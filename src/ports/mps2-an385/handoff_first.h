/*
 * Where a bootloader that is updated itself says what its first stage chose: the second stage that runs. Beside the
 * handoff of the last stage, in the same RAM, and like it a reason to report and no permission.
 */
#ifndef UPDRAFT_MPS2_HANDOFF_FIRST_H
#define UPDRAFT_MPS2_HANDOFF_FIRST_H

#include "ports/mps2-an385/handoff.h"

struct ud_handoff_first {
    uint32_t info_bytes; /* of boot information; 0 there is none */
    uint8_t info[UD_BOOT_INFO_BYTES_MAX];
};

struct ud_handoff_first *ud_handoff_first(void);

/** Application: what the first stage chose. UD_ERR_STATE when none did; those of ud_boot_info_parse(). */
ud_err ud_handoff_first_read(struct ud_boot_info *info);

#endif
