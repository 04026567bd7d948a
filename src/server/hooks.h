/*
 * Webhooks: a thread that tells the outbox to those who asked for it, each in the order of the events, signed, and again
 * until it was taken. One server at a time does it (a lease); how far a hook is stands in the store and moves only with
 * the lease's number, so that a hook that several servers told hears some events twice, but none too late or never.
 */
#ifndef UD_SERVER_HOOKS_H
#define UD_SERVER_HOOKS_H

#include "server/store_events.h"

#define UD_HOOKS_MAX 64 /* of one tenant */

struct ud_hooks;
struct ud_server;

ud_err ud_hooks_open(struct ud_hooks **hooks, struct ud_server *server);
/** There may be something to tell. From any thread; cheap. NULL is allowed. */
void ud_hooks_wake(struct ud_hooks *hooks);
/** End the thread; it writes, so before the writer stops. */
void ud_hooks_stop(struct ud_hooks *hooks);
/** After the writer stopped: it wakes. */
void ud_hooks_close(struct ud_hooks *hooks);

/**
 * "t=<seconds>,v1=<hex>": HMAC-SHA-256 over "<seconds>." and the body.
 *
 * @param out room for 100 bytes
 */
ud_err ud_hook_sign(const char *secret, int64_t now_s, struct ud_bytes body, char out[100]);
/** May this address be told things? Not the networks that only machines inside see, unless the settings say so. */
struct sockaddr;
bool ud_hook_is_public(const struct sockaddr *address);

#endif
