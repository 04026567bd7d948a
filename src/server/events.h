/* What goes into the outbox, in the transaction of the fact. docs/formats.md section 14. */
#ifndef UD_SERVER_EVENTS_H
#define UD_SERVER_EVENTS_H

#include "server/store_events.h"

#define UD_EVENT_BYTES_MAX 4096

/** Kind "action": an action as it is now, if its state is another than when it was read. device_name must be set. */
ud_err ud_event_action(struct ud_store *store, struct ud_row_action *action, int64_t now_ms);
/** Kind "change": what a person did; `body` is JSON. Those limited to a group hear of it when this device is in it. */
ud_err ud_event_change(struct ud_store *store, int64_t tenant, const char *device, const char *body,
                       int64_t now_ms);
/** Kind "poll": somebody wants a device to poll now; `id` is the event's, and the command's. */
ud_err ud_event_poll(struct ud_store *store, int64_t tenant, const char *device, int64_t deadline_ms,
                     int64_t now_ms, int64_t *id);
/** Kind "polled": the device answered command `id`. */
ud_err ud_event_polled(struct ud_store *store, int64_t tenant, const char *device, int64_t id, bool taken,
                       int64_t now_ms);

#endif
