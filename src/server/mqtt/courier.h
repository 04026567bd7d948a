/*
 * The courier: a thread that speaks with the message broker (docs/mqtt.md). Out go the events of the one outbox, in their
 * order, and to each device whose action they are about a notice to look; in come progress, which is shown and decides
 * nothing, and signed reports, which are verified as on every road.
 *
 * One server at a time does it (the lease "mqtt"), under one client id, so that the broker itself ends the connection of a
 * server that lost the lease and does not know it yet. How far the outbox was told stands in the store and moves only behind
 * the broker's acknowledgements, in a transaction that checks the lease's number: after a death some events are told twice,
 * none is left out.
 */
#ifndef UD_SERVER_COURIER_H
#define UD_SERVER_COURIER_H

#include "server/store.h"

struct ud_courier;
struct ud_server;

/** *courier is NULL where no broker is configured. UD_ERR_CONFIG, UD_ERR_EXPOSED, UD_ERR_MEMORY. */
ud_err ud_courier_open(struct ud_courier **courier, struct ud_server *server);
/** There may be something to tell. From any thread; cheap. NULL is allowed. */
void ud_courier_wake(struct ud_courier *courier);
/** End the thread; it writes, so before the writer stops. */
void ud_courier_stop(struct ud_courier *courier);
/** After the writer stopped. */
void ud_courier_close(struct ud_courier *courier);

#endif
