#include "ports/mps2-an385/handoff.h"

#include "ports/mps2-an385/semihost.h"

#define MAGIC 0x75647466U

struct ud_handoff *ud_handoff(void)
{
    static struct ud_handoff kept __attribute__((section(".handoff")));
    return &kept;
}

ud_err ud_handoff_open(void)
{
    struct ud_handoff *kept = ud_handoff();
    if (kept->magic != MAGIC) { /* power came */
        memset(kept, 0, sizeof *kept);
        kept->magic = MAGIC;
        kept->cut_left = ud_semihost_cut();
    }
    const uint32_t ended = kept->ended;
    return ended == UD_ERR_CRASHED || ended == UD_ERR_UNCONFIRMED ? (ud_err)ended : UD_OK;
}

ud_err ud_handoff_read(struct ud_boot_info *info)
{
    const struct ud_handoff *kept = ud_handoff();
    if (kept->magic != MAGIC || kept->info_bytes == 0 || kept->info_bytes > sizeof kept->info) {
        return UD_ERR_STATE;
    }
    return ud_boot_info_parse(info, (struct ud_bytes){kept->info, kept->info_bytes});
}
