#include "ports/mps2-an385/handoff_first.h"

struct ud_handoff_first *ud_handoff_first(void)
{
    static struct ud_handoff_first kept __attribute__((section(".handoff_first")));
    return &kept;
}

ud_err ud_handoff_first_read(struct ud_boot_info *info)
{
    const struct ud_handoff_first *kept = ud_handoff_first();
    if (kept->info_bytes == 0 || kept->info_bytes > sizeof kept->info) {
        return UD_ERR_STATE;
    }
    return ud_boot_info_parse(info, (struct ud_bytes){kept->info, kept->info_bytes});
}
