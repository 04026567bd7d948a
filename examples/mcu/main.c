/*
 * A sample application for a microcontroller, as a customer would write it: confirm itself when healthy, then take
 * updates over its serial line. Started by the bootloader from RAM; it has the flash to itself.
 *
 *     stage ENVELOPE_BYTES IMAGE_BYTES   then those bytes, see stage.h
 *     patch ENVELOPE_BYTES IMAGE_BYTES PATCH_BYTES   the same by a patch, see patch.h
 *     boot ENVELOPE_BYTES IMAGE_BYTES    a new bootloader, where it is one of two stages, see stages.h
 *     trust STORE_BYTES                  a new trust store, see trust.h
 *     reset                              e.g. into what was staged
 *     off                                ends the emulator
 */
#include "../app/app.h"
#include "begin.h"
#include "patch.h"
#include "ports/cortexm/cortexm.h"
#include "ports/mps2-an385/at_rest/at_rest.h"
#include "ports/mps2-an385/handoff.h"
#include "ports/mps2-an385/log.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"
#include "ports/mps2-an385/uart.h"
#include "ports/mps2-an385/watchdog.h"
#include "stages.h"
#include "trust.h"

#define LINE_BYTES 64
#define STATUS_NOT_STARTED 70

static void say(const char *event, ud_err err)
{
    ud_uart_put("app event=");
    ud_uart_put(event);
    ud_mps2_log_text("err", ud_err_name(err));
    ud_mps2_log_number("operations", ud_handoff()->operations);
    ud_uart_put("\n");
}

static bool is_on_trial(const struct app *app)
{
    return app->info.reason == UD_BOOT_TRIAL && ud_slots_state(&app->slots)->trial != UD_TRIAL_NONE;
}

static const char *reason_name(ud_boot_reason reason)
{
    static const char *const names[] = {"unknown", "normal", "trial", "reverted", "fallback", "recovery"};
    return (size_t)reason < sizeof names / sizeof names[0] ? names[reason] : "?";
}

static void greet(const struct app *app)
{
    ud_uart_put("app version=" APP_VERSION);
    ud_mps2_log_number("slot", app->info.slot);
    ud_mps2_log_text("reason", reason_name(app->info.reason));
    ud_mps2_log_number("sequence", app->info.version.sequence);
    ud_mps2_log_number("ticks", *(volatile uint32_t *)(uintptr_t)UD_MPS2_FPGAIO_COUNTER);
    ud_mps2_log_number("operations", ud_handoff()->operations);
    ud_mps2_log_text("trial", is_on_trial(app) ? "yes" : "no");
    ud_mps2_log_text("outcome", ud_err_name(app->info.outcome));
    ud_uart_put("\n");
}

static void confirm(struct app *app)
{
    const ud_err first = stages_confirm(); /* it has brought us here */
    const ud_err own = ud_slots_confirm(&app->slots, app->info.slot);
    const ud_err err = own != UD_OK ? own : first;
    if (err == UD_OK) {
        ud_watchdog_stop();
    }
    say("confirm", err);
}

/* A line without its end; what does not fit is dropped. */
static void get_line(char line[LINE_BYTES])
{
    size_t len = 0;
    for (uint8_t byte = ud_uart_get(); byte != '\n'; byte = ud_uart_get()) {
        if (len < LINE_BYTES - 1) {
            line[len++] = (char)byte;
        }
    }
    line[len] = '\0';
}

static void obey(struct app *app, const char *line)
{
    static const char stage[] = "stage ";
    static const char patch[] = "patch ";
    static const char boot[] = "boot ";
    static const char trust[] = "trust ";
    if (strncmp(line, stage, sizeof stage - 1) == 0) {
        say("staged", stage_update(app, line + sizeof stage - 1));
    } else if (strncmp(line, patch, sizeof patch - 1) == 0) {
        say("patched", patch_update(app, line + sizeof patch - 1));
    } else if (strncmp(line, boot, sizeof boot - 1) == 0) {
        say("staged", stages_update(line + sizeof boot - 1));
    } else if (strncmp(line, trust, sizeof trust - 1) == 0) {
        say("trust", trust_update(app, line + sizeof trust - 1));
    } else if (strcmp(line, "reset") == 0) {
        ud_cortexm_reset();
    } else if (strcmp(line, "off") == 0) {
        ud_semihost_exit(0);
    } else {
        say("command", UD_ERR_USAGE);
    }
}

static ud_err open(struct app *app)
{
    ud_uart_init();
    ud_err err = ud_mps2_device_open(&app->device);
    if (err == UD_OK) {
        err = begin(app);
    }
    if (err == UD_OK) {
        err = ud_mps2_at_rest_begin_install(app->device.layout, &app->slots);
    }
    if (err == UD_OK) {
        err = ud_slots_mount(&app->slots, app->device.layout);
    }
    return err == UD_OK ? stages_open() : err;
}

int main(void)
{
    static struct app app;
    const ud_err err = open(&app);
    if (err != UD_OK) {
        say("open", err);
        ud_semihost_exit(STATUS_NOT_STARTED);
    }
    stages_greet(&app.info);
    trust_greet();
    greet(&app);
    if (app_is_healthy()) {
        confirm(&app);
    }
    for (;;) {
        char line[LINE_BYTES];
        get_line(line);
        obey(&app, line);
    }
}
