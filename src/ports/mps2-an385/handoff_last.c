/* Of the bootloader that starts the application: what it takes over ends here. */
#include "ports/mps2-an385/handoff.h"

ud_err ud_handoff_begin(void)
{
    struct ud_handoff *kept = ud_handoff();
    const ud_err ended = ud_handoff_open();
    kept->ended = UD_OK;
    kept->info_bytes = 0;
    return ended;
}

ud_err ud_handoff_write(const struct ud_boot_info *info)
{
    struct ud_handoff *kept = ud_handoff();
    struct ud_buf out = {kept->info, sizeof kept->info, 0};
    const ud_err err = ud_boot_info_write(&out, info);
    if (err == UD_OK) {
        kept->info_bytes = (uint32_t)out.len;
    }
    return err;
}
