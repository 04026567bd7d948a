/* What an upgrade (upgrade.c) knows goes into the device's action, by a transaction each. Without memory nothing is told: it is looked at again. */
#ifndef UD_SERVER_LWM2M_UPGRADE_TELL_H
#define UD_SERVER_LWM2M_UPGRADE_TELL_H

#include "server/actions.h"
#include "server/lwm2m/hub.h"

#define UD_UPGRADE_WORDS_BYTES_MAX 256 /* more is cut */

/** `words` are stored behind "LwM2M: ". UD_EXECUTION_COUNT: only that the offer was taken. */
void ud_upgrade_tell(struct ud_lwm2m *lw, const struct ud_reg *reg, int32_t action, bool on_cancel,
                     ud_execution execution, ud_finished finished, ud_err error, const char *words);
/** Its window does not open again. */
void ud_upgrade_lapse(struct ud_lwm2m *lw, const struct ud_reg *reg, int32_t action);

#endif
