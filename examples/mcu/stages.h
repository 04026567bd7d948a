/*
 * A bootloader of two stages, the second of which is updated like an application (docs/design/slots.md section 7): the
 * first stage's layout, as an application sees it. stages_two.c; stages_none.c is for devices with one bootloader.
 */
#ifndef STAGES_H
#define STAGES_H

#include "updraft/boot.h"

/** Once, before the others. Errors of ud_handoff_first_read(), ud_slots_mount(). */
ud_err stages_open(void);
/** Says which second stage runs and why, and the measurement of all that runs. */
void stages_greet(const struct ud_boot_info *application);
/** The second stage that runs has started a healthy application. Those of ud_slots_confirm(). */
ud_err stages_confirm(void);
/** A new second stage over the serial line; as stage_update(). UD_ERR_USAGE where there is but one stage. */
ud_err stages_update(const char *sizes);

#endif
