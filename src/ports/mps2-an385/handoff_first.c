/*
 * Of a bootloader that starts another one (docs/design/slots.md section 7). How the last start ended is left for that one
 * to take; what was chosen here has a place of its own, for the application, which confirms both.
 */
#include "ports/mps2-an385/handoff_first.h"

ud_err ud_handoff_begin(void)
{
    return ud_handoff_open();
}

ud_err ud_handoff_write(const struct ud_boot_info *info)
{
    struct ud_handoff_first *kept = ud_handoff_first();
    struct ud_buf out = {kept->info, sizeof kept->info, 0};
    kept->info_bytes = 0;
    const ud_err err = ud_boot_info_write(&out, info);
    if (err == UD_OK) {
        kept->info_bytes = (uint32_t)out.len;
    }
    return err;
}
