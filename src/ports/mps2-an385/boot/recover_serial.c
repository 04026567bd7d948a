#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/uart.h"
#include "recover.h"
#include "updraft/recovery.h"

static void answer(struct ud_recovery *recovery)
{
    uint8_t text[UD_SMP_LINE_BYTES_MAX];
    ud_err err;
    do {
        struct ud_buf line = {text, sizeof text, 0};
        err = ud_recovery_line(recovery, &line);
        ud_uart_put_bytes(ud_buf_bytes(&line));
    } while (err == UD_WAIT);
}

void boot_recover(struct ud_boot *boot)
{
    static struct ud_recovery recovery;
    ud_uart_init();
    ud_recovery_init(&recovery, boot);
    while (!ud_recovery_is_over(&recovery)) {
        if (ud_recovery_take(&recovery, ud_uart_get()) == UD_OK) {
            answer(&recovery);
        }
    }
    ud_cortexm_reset();
}
