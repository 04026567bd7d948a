/*
 * The CoAP server's transport: one thread, up to two UDP sockets (coap, coaps), any number of peers.
 *
 * The thread owns everything here; nothing is locked. What other threads want from it they post (ud_endpoint_post),
 * and it runs that between two batches of datagrams. Whoever gives the handler functions (the LwM2M server) is called
 * on this thread only.
 *
 *     datagram -> remote (by address) -> DTLS session, if secure -> ud_coap_peer_receive -> handler
 *
 * INV-1  A remote stays where it is while it is held, has a message of ours under way, or its DTLS session lives.
 * INV-2  What a stranger costs is bounded: `remotes_max` and `sessions_max`; the one that spoke longest ago goes, to
 *        UD_USED_STEP_MS.
 * INV-3  Over plain UDP no address gets more than three times what it sent, until it has shown to be its own:
 *        by answering a token of ours, by an Echo, or by a capability that was given to it (ud_remote_verified). A
 *        capability is no secret on the way, so it never opens more than one answer to a request (`answers`).
 */
#ifndef UD_SERVER_COAP_ENDPOINT_H
#define UD_SERVER_COAP_ENDPOINT_H

#include "server/coap/dtls.h"
#include "server/coap/guard.h"
#include "server/coap/timers.h"
#include "updraft/coap_peer.h"

#define UD_REMOTE_SEEN 4
#define UD_ECHO_BYTES 8

struct ud_endpoint;

/* One peer. Members above the line are the handler's to read; `user` is its own. */
struct ud_remote {
    void *user; /* NULL when new */
    struct ud_address address;
    struct ud_dtls_session *dtls; /* NULL over plain UDP */
    int64_t device;               /* that DTLS has proven; 0 = none */
    bool bootstrap;
    bool secure;
    bool answers; /* it has shown that what we send reaches it: by DTLS, or by an answer of its own */
    uint8_t mode; /* ud_security_mode */
    /* private */
    bool gone;   /* its session ended while it was held */
    bool sealed; /* `out` is a protected request */
    uint16_t again_id;
    uint32_t held;
    /* the handler's to read */
    struct ud_guard *heard; /* under which its last request came; guards stay while the server runs */
    struct ud_guard *guard; /* what goes to it over plain UDP goes under this; NULL: as it is. ud_guard_set() */
    /* private */
    uint64_t used_ms;       /* to UD_USED_STEP_MS */
    struct ud_remote *next; /* of its bucket */
    struct ud_buf *out;     /* our message under way; NULL = none */
    struct ud_buf *again;   /* the answer to again_id, long and protected: guard.h INV-3; NULL = none */
    struct ud_coap_seen seen[UD_REMOTE_SEEN];
    struct ud_coap_peer peer;
    /* what a request seldom looks at comes behind what each one does */
    struct ud_remote *newer;
    struct ud_remote *older;
    struct ud_timer timer;
};
_Static_assert(sizeof(struct ud_remote) <= 376, "of the 1 KB that a device costs: docs/design/lwm2m.md");

struct ud_endpoint_handler {
    void *ctx;
    /* A request. Answer it with ud_endpoint_reply(), now or later (hold the remote then), or drop it. */
    void (*request)(void *ctx, struct ud_remote *remote, struct ud_coap_event *event);
    /* RESPONDED, TIMED_OUT or RESET of our own request. */
    void (*response)(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event);
    /* An answer with a token that is not under way: a notification. False ends it with a Reset. */
    bool (*notified)(void *ctx, struct ud_remote *remote, const struct ud_coap_event *event);
    /* The remote is about to go; `user` is to be forgotten. */
    void (*gone)(void *ctx, struct ud_remote *remote);
    /* Requests that may change something come from the remotes of these users next: the time to fetch memory. Or NULL. */
    void (*expect)(void *ctx, void *const *users, size_t count);
};

struct ud_endpoint_config {
    const char *coap;  /* address:port, "" = none */
    const char *coaps; /* the same; needs cert and key */
    const char *cert;  /* PEM texts */
    const char *key;
    const char *ca; /* path or "" */
    struct ud_dtls_keys keys;
    struct ud_guard_keys guards; /* no functions: no OSCORE */
    uint32_t run;                /* of guard.h */
    uint32_t remotes_max;
    uint32_t sessions_max;
};

struct ud_endpoint_stats {
    uint64_t received;
    uint64_t refused;       /* datagrams that were no messages */
    uint64_t not_looked_up; /* requests under names of OSCORE that were over the bounds of pace.h */
    uint64_t handshakes;
    uint64_t handshakes_failed;
    uint32_t remotes;
    uint32_t sessions;
};

/* Something to be run on the endpoint's thread. */
struct ud_mail {
    void (*run)(struct ud_mail *mail, void *ctx); /* ctx: the handler's */
    struct ud_mail *next;                         /* private */
};

/** Binds and makes ready; nothing runs yet. */
ud_err ud_endpoint_open(struct ud_endpoint **endpoint, const struct ud_endpoint_config *config,
                        const struct ud_endpoint_handler *handler);
/** Begin: from here on the handler is called on the new thread. */
ud_err ud_endpoint_start(struct ud_endpoint *endpoint);
/** End the thread; mail posted later is not run. */
void ud_endpoint_stop(struct ud_endpoint *endpoint);
/** Run what was posted after it: the caller is the thread now. */
void ud_endpoint_drain_mail(struct ud_endpoint *endpoint);
/** The same, and wait for some first. */
void ud_endpoint_await_mail(struct ud_endpoint *endpoint);
/** After its thread ended: let the ports go, so that another process may have them. */
void ud_endpoint_shut(struct ud_endpoint *endpoint);
/**
 * It may act until then, by ud_udp_clock_ms(); then it falls silent by itself, for good. 0 = now. From any thread; for ever
 * where never called. False: it fell silent before.
 */
bool ud_endpoint_until(struct ud_endpoint *endpoint, uint64_t until_ms);
void ud_endpoint_close(struct ud_endpoint *endpoint);
/** Address that a socket got; false when there is none of this kind. */
bool ud_endpoint_bound(const struct ud_endpoint *endpoint, bool secure, struct ud_address *address);
/** From any thread. */
void ud_endpoint_post(struct ud_endpoint *endpoint, struct ud_mail *mail);
/** From any thread; a snapshot. */
void ud_endpoint_stats(struct ud_endpoint *endpoint, struct ud_endpoint_stats *stats);

/* All below: on the endpoint's thread. */

/** Timers are run with the endpoint as their context; this is the handler's. */
void *ud_endpoint_ctx(const struct ud_endpoint *endpoint);
/** Monotonic; of this round. */
uint64_t ud_endpoint_now_ms(const struct ud_endpoint *endpoint);
struct ud_timers *ud_endpoint_timers(struct ud_endpoint *endpoint);
/** Send `response` (a complete message; type and id are set here). Errors of ud_coap_peer_reply(). */
ud_err ud_endpoint_reply(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                         struct ud_buf *response);
/** A refusal that says why: the name of the error as diagnostic payload (RFC 7252 section 5.5.2). */
void ud_endpoint_reply_err(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                           uint8_t code, ud_err err);
/** A reply of a code alone, with an option more when `number` is not 0. */
void ud_endpoint_reply_code(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                            uint8_t code);
/** 4.01 with an Echo value that this address must send back. */
void ud_endpoint_challenge(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked);
/** Does the request bring it back? Then the address is its own from here on. */
bool ud_endpoint_echoed(struct ud_endpoint *endpoint, struct ud_remote *remote,
                        const struct ud_coap_message *request);
/** Acknowledge now, answer later. */
void ud_endpoint_accept(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked);
/** Too busy: the repetition will count as new. */
void ud_endpoint_ignore(struct ud_endpoint *endpoint, struct ud_remote *remote,
                        const struct ud_coap_asked *asked);
/** Send a request; `message` is copied. UD_ERR_BUSY, UD_ERR_MEMORY, UD_ERR_LIMIT, UD_ERR_CONNECT (no session). */
ud_err ud_endpoint_request(struct ud_endpoint *endpoint, struct ud_remote *remote,
                           const struct ud_buf *message);
/** Forget our request under way; no response follows. */
void ud_endpoint_cancel(struct ud_endpoint *endpoint, struct ud_remote *remote);
/** The plain UDP peer of this address, made when it is not there. UD_ERR_MEMORY, UD_ERR_CONNECT (no such socket). */
ud_err ud_endpoint_plain(struct ud_endpoint *endpoint, const struct ud_address *address,
                         struct ud_remote **remote);
void ud_remote_hold(struct ud_remote *remote);
void ud_remote_let(struct ud_endpoint *endpoint, struct ud_remote *remote);
void ud_remote_verified(struct ud_remote *remote);

#endif
