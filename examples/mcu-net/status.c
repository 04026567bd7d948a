#include "status.h"

#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/uart.h"

#define PERIOD_MS 60000U

void status_say(const struct ud_agent_status *status, uint64_t now_ms)
{
    static uint64_t next_ms = PERIOD_MS;
    static uint32_t errors;
    static ud_err last_err;
    if (status->last_err != last_err) {
        last_err = status->last_err;
        errors += last_err != UD_OK;
    }
    if (now_ms < next_ms) {
        return;
    }
    next_ms = now_ms + PERIOD_MS;
    ud_uart_put("app event=status");
    ud_mps2_log_number("up_s", now_ms / 1000U);
    ud_mps2_log_text("agent", ud_agent_state_name(status->state));
    ud_mps2_log_text("err", ud_err_name(last_err));
    ud_mps2_log_number("errors", errors);
    ud_mps2_log_number("action", status->action_id);
    ud_uart_put("\n");
}
