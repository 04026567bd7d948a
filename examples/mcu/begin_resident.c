/* Started by a MCUboot: nobody has told us anything, and on trial nobody watches but ourselves. */
#include "begin.h"
#include "ports/mps2-an385/watchdog.h"
#include "resident.h"

ud_err begin(struct app *app)
{
    static struct ud_boot boot;
    app->device.layout = resident_layout(app->device.layout);
    ud_boot_init(&boot, app->device.layout, app->device.trust, &app->device.identity, app->envelope,
                 sizeof app->envelope);
    const ud_err err = ud_resident_start(&boot, &app->info);
    if (err == UD_OK && app->info.reason == UD_BOOT_TRIAL) {
        ud_watchdog_start(app->info.confirm_deadline_ms);
    }
    return err;
}
