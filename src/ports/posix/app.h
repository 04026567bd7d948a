/*
 * For the application that is updated: what it needs to know of Updraft, and no more.
 *
 *     struct ud_app *app;
 *     if (ud_app_open(&app) != UD_OK) { ... }        // started by updraft-boot
 *     if (my_health_check()) { ud_app_confirm(app); }   // or be reverted
 *     bool reset = false;
 *     ud_app_run(app, &stop, &reset);                // fetches, installs, reports; your threads do the work
 *     ud_app_close(app);
 *     return reset ? UD_APP_STATUS_RESET : 0;
 *
 * An application with a loop of its own calls ud_app_step() from it instead of ud_app_run(). One thread at a time.
 */
#ifndef UPDRAFT_POSIX_APP_H
#define UPDRAFT_POSIX_APP_H

#include <signal.h>

#include "updraft/agent.h"

#define UD_APP_STATUS_RESET 75 /* exit status that asks the bootloader for a reset */

struct ud_app;

/**
 * Take over from the bootloader: device folder, flash, key, settings, agent.
 *
 * @return UD_ERR_STATE when not started by updraft-boot; UD_ERR_BUSY when another process has the flash; errors of the
 *         files; every one is also a log line on stderr that names the part
 */
ud_err ud_app_open(struct ud_app **app);
/** NULL is allowed. */
void ud_app_close(struct ud_app *app);

/** What the bootloader found: slot, reason, version. Borrowed. */
const struct ud_boot_info *ud_app_boot_info(const struct ud_app *app);
/** Started on trial and not confirmed yet? */
bool ud_app_is_on_trial(const struct ud_app *app);

/**
 * This image is healthy: keep it. Durable when it returns UD_OK; again, or without a trial, it does nothing.
 * UD_ERR_STATE, UD_ERR_FLASH: the image stays on trial.
 */
ud_err ud_app_confirm(struct ud_app *app);

/** One step of the agent. As ud_agent_step(): UD_WAIT, UD_OK when a reset is wanted, or an error of the storage. */
ud_err ud_app_step(struct ud_app *app, uint32_t *wait_ms);
/** Sleep until the network has something or wait_ms is over. */
void ud_app_sleep(struct ud_app *app, uint32_t wait_ms);
/** Step and sleep until *stop or until a reset is wanted. Errors of the storage are logged and tried again. */
void ud_app_run(struct ud_app *app, const volatile sig_atomic_t *stop, bool *reset);

#endif
