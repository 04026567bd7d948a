#include "ports/mps2-an385/handoff_first.h"
#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/root.h"
#include "ports/mps2-an385/uart.h"
#include "stage.h"
#include "stages.h"

static struct app first; /* of the first stage: its slots hold second stages */

ud_err stages_open(void)
{
    first.device = (struct ud_mps2_device){&ud_mps2_root_layout, &ud_mps2_root_trust, ud_mps2_root_identity};
    const ud_err err = ud_handoff_first_read(&first.info);
    return err == UD_OK ? ud_slots_mount(&first.slots, first.device.layout) : err;
}

/* The first stage's measurement is the start of the second's. */
static ud_err measure(const struct ud_boot_info *application, uint8_t measurement[UD_DIGEST_BYTES])
{
    uint8_t before[UD_DIGEST_BYTES];
    const ud_err err = ud_boot_info_measure(&first.info, (struct ud_bytes){NULL, 0}, before);
    return err == UD_OK ? ud_boot_info_measure(application, UD_BYTES_ARRAY(before), measurement) : err;
}

static void put_hex(const uint8_t measurement[UD_DIGEST_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * UD_DIGEST_BYTES + 1];
    for (size_t i = 0; i < UD_DIGEST_BYTES; i++) {
        text[2 * i] = digits[measurement[i] >> 4];
        text[2 * i + 1] = digits[measurement[i] & 15];
    }
    text[2 * UD_DIGEST_BYTES] = '\0';
    ud_mps2_log_text("measured", text);
}

void stages_greet(const struct ud_boot_info *application)
{
    uint8_t measurement[UD_DIGEST_BYTES];
    const ud_err err = measure(application, measurement);
    ud_uart_put("app event=stage");
    ud_mps2_log_number("slot", first.info.slot);
    ud_mps2_log_number("reason", (uint64_t)first.info.reason);
    ud_mps2_log_number("sequence", first.info.version.sequence);
    ud_mps2_log_text("outcome", ud_err_name(first.info.outcome));
    ud_mps2_log_text("err", ud_err_name(err));
    if (err == UD_OK) {
        put_hex(measurement);
    }
    ud_uart_put("\n");
}

ud_err stages_confirm(void)
{
    return ud_slots_confirm(&first.slots, first.info.slot);
}

ud_err stages_update(const char *sizes)
{
    return stage_update(&first, sizes);
}
