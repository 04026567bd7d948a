#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/uart.h"
#include "say.h"

#ifndef UD_BOOT_NAME /* of several, the one that speaks */
#define UD_BOOT_NAME "boot"
#endif

static const char *reason_name(ud_boot_reason reason)
{
    static const char *const names[] = {"unknown", "normal", "trial", "reverted", "fallback", "recovery"};
    return (size_t)reason < sizeof names / sizeof names[0] ? names[reason] : "?";
}

void boot_say_trust(const struct ud_boot_trust *store)
{
    if (store != NULL) {
        ud_uart_init();
        ud_uart_put(UD_BOOT_NAME " event=trust");
        ud_mps2_log_number("number", store->store.trust.number);
        ud_mps2_log_number("epoch", store->store.trust.epoch);
        ud_mps2_log_text("outcome", ud_err_name(store->outcome));
        ud_uart_put("\n");
    }
}

void boot_say_choice(const struct ud_boot_info *info, ud_err err)
{
    ud_uart_init();
    ud_uart_put(UD_BOOT_NAME " event=choose");
    ud_mps2_log_number("slot", info->slot);
    ud_mps2_log_text("reason", reason_name(info->reason));
    ud_mps2_log_number("sequence", info->version.sequence);
    ud_mps2_log_text("outcome", ud_err_name(info->outcome));
    ud_mps2_log_text("err", ud_err_name(err));
    ud_uart_put("\n");
}

void boot_say_halt(ud_err err)
{
    ud_uart_init();
    ud_uart_put(UD_BOOT_NAME " event=halt");
    ud_mps2_log_text("err", ud_err_name(err));
    ud_mps2_log_text("next", ud_err_remedy(err));
    ud_uart_put("\n");
}
