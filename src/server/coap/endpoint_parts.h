/* Inside the CoAP endpoint: its state, and what its files call of each other. */
#ifndef UD_SERVER_COAP_ENDPOINT_PARTS_H
#define UD_SERVER_COAP_ENDPOINT_PARTS_H

#include "server/coap/endpoint.h"
#include "server/slab.h"

#include <pthread.h>
#include <stdatomic.h>

#define UD_ECHO_SECRET_BYTES 32
#define UD_USED_STEP_MS 10000 /* who speaks all the time keeps its place in the line so long */

enum { UD_PLAIN, UD_SECURE, UD_SOCKETS };

struct ud_lru {
    struct ud_remote *newest;
    struct ud_remote *oldest;
    uint32_t count;
    uint32_t max;
};

struct ud_endpoint {
    struct ud_endpoint_handler handler;
    struct ud_udp *udp[UD_SOCKETS];
    _Atomic uint64_t until_ms; /* of both */
    struct ud_dtls *dtls;
    struct ud_coap_params params[UD_SOCKETS];
    struct ud_timers timers;
    struct ud_slab slab; /* of remotes */
    struct ud_remote **buckets;
    size_t bucket_count; /* a power of two */
    struct ud_lru lru[UD_SOCKETS];
    uint64_t seed; /* of the hash: peers choose their ports */
    uint8_t echo_secret[2][UD_ECHO_SECRET_BYTES];
    uint64_t now_ms;
    uint64_t rotate_ms;
    uint8_t scratch[UD_UDP_BYTES_MAX];
    struct ud_guards guards;
    struct ud_guard_keys guard_keys;
    uint8_t opened[UD_UDP_BYTES_MAX]; /* the text of what came protected */
    uint8_t sealed[UD_UDP_BYTES_MAX]; /* what goes out protected, while it is made */
    pthread_t thread;
    bool running;
    int wake;
    pthread_mutex_t lock; /* over the mail */
    struct ud_mail *mail;
    struct ud_mail **mail_end;
    atomic_bool ending;
    _Atomic uint64_t received;
    _Atomic uint64_t refused;
    _Atomic uint64_t not_looked_up;
    _Atomic uint64_t handshakes;
    _Atomic uint64_t handshakes_failed;
    _Atomic uint32_t counts[UD_SOCKETS];
};

static inline void ud_endpoint_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* remotes.c */

struct ud_remote *ud_remotes_find(const struct ud_endpoint *endpoint, const struct ud_address *address,
                                  bool secure);
/** These will be looked for, in this order: their memory is fetched while others are served. */
void ud_remotes_expect(const struct ud_endpoint *endpoint, const struct ud_datagram *came, size_t count,
                       bool secure);
/** NULL: no memory, or all there may be are in use. */
struct ud_remote *ud_remotes_make(struct ud_endpoint *endpoint, const struct ud_address *address, bool secure);
/** Heard from it: it is the last one to go. */
void ud_remotes_touch(struct ud_endpoint *endpoint, struct ud_remote *remote);
/** Out of the table; the memory stays while it is held. `say` goodbye to the peer. */
void ud_remotes_drop(struct ud_endpoint *endpoint, struct ud_remote *remote, bool say);
bool ud_remotes_is_idle(const struct ud_remote *remote);

/* traffic.c */

/** Datagrams from one socket, in their order. */
void ud_traffic_take(struct ud_endpoint *endpoint, bool secure, const struct ud_datagram *came, size_t count);
/** A remote's timer. */
void ud_traffic_due(struct ud_timer *timer, void *ctx);

#endif
