/* What goes into the outbox, in the transaction of the fact. docs/formats.md section 14. */
#ifndef UD_SERVER_EVENTS_H
#define UD_SERVER_EVENTS_H

#include "server/store_events.h"

#define UD_EVENT_BYTES_MAX 4096

/** Kind "action": an action as it is now, if its state is another than when it was read. device_name must be set. */
ud_err ud_event_action(struct ud_store *store, struct ud_row_action *action, int64_t now_ms);
/** Kind "change": what a person did; `body` is JSON. */
ud_err ud_event_change(struct ud_store *store, int64_t tenant, const char *body, int64_t now_ms);

#endif
