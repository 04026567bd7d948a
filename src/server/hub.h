/*
 * Live events: streams of the outbox to people (server-sent events, resumable by Last-Event-ID), and the thread that
 * wakes them after commits. A stream reads the outbox itself, so what it sends is what was committed, in order.
 */
#ifndef UD_SERVER_HUB_H
#define UD_SERVER_HUB_H

#include "updraft/err.h"

#define UD_STREAMS_MAX 256

struct ud_hub;
struct ud_server;

ud_err ud_hub_open(struct ud_hub **hub, struct ud_server *server);
/** There may be new events. From any thread; cheap. NULL is allowed. */
void ud_hub_wake(struct ud_hub *hub);
/** End every stream, begin no more. */
void ud_hub_end(struct ud_hub *hub);
void ud_hub_close(struct ud_hub *hub);

#endif
