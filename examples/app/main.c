/*
 * A sample application, as a customer would write it: do its own work, confirm itself when healthy, let the agent run.
 * Started by updraft-boot, never by hand.
 */
#include <signal.h>
#include <stdio.h>

#include "app.h"
#include "ports/posix/app.h"

static volatile sig_atomic_t stop;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

static void heed_stop(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}

int main(void)
{
    struct ud_app *app = NULL;
    bool reset = false;
    heed_stop();
    if (ud_app_open(&app) != UD_OK) {
        return 1;
    }
    (void)printf("app version=%s slot=%u trial=%s\n", APP_VERSION, (unsigned)ud_app_boot_info(app)->slot,
                 ud_app_is_on_trial(app) ? "yes" : "no");
    (void)fflush(stdout);
    if (app_is_healthy()) {
        (void)ud_app_confirm(app);
    }
    ud_app_run(app, &stop, &reset);
    ud_app_close(app);
    return reset ? UD_APP_STATUS_RESET : 0;
}
