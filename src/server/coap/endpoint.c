#include "server/coap/endpoint.h"

#include "server/secret.h"
#include "updraft/assert.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS_MIN 1024
#define ROUND_BATCHES 16    /* of one socket before the other one has its turn */
#define WAIT_MS_MAX 1000    /* the housekeeping of a second */
#define ROTATE_MS 600000    /* of the keys of cookies and Echo values */
#define UNVERIFIED_FACTOR 3 /* INV-3 */
#define SECRET_BYTES 32

enum { PLAIN, SECURE, SOCKETS };

struct lru {
    struct ud_remote *newest;
    struct ud_remote *oldest;
    uint32_t count;
    uint32_t max;
};

struct ud_endpoint {
    struct ud_endpoint_handler handler;
    struct ud_udp *udp[SOCKETS];
    struct ud_dtls *dtls;
    struct ud_coap_params params[SOCKETS];
    struct ud_timers timers;
    struct ud_remote **buckets;
    size_t bucket_count; /* a power of two */
    struct lru lru[SOCKETS];
    uint64_t seed; /* of the hash: peers choose their ports */
    uint8_t echo_secret[2][SECRET_BYTES];
    uint64_t now_ms;
    uint64_t rotate_ms;
    uint8_t scratch[UD_UDP_BYTES_MAX];
    pthread_t thread;
    bool running;
    int wake;
    pthread_mutex_t lock; /* over the mail */
    struct ud_mail *mail;
    struct ud_mail **mail_end;
    atomic_bool ending;
    _Atomic uint64_t received;
    _Atomic uint64_t refused;
    _Atomic uint64_t handshakes;
    _Atomic uint64_t handshakes_failed;
    _Atomic uint32_t counts[SOCKETS];
};

static void remote_due(struct ud_timer *timer, void *ctx);

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- remotes: found by address, the idle ones let go */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 29;
}

static size_t bucket_of(const struct ud_endpoint *endpoint, const struct ud_address *address, bool secure)
{
    uint64_t words[3];
    memcpy(words, address, sizeof words);
    const uint64_t hash = mix(mix(mix(endpoint->seed + secure, words[0]), words[1]), words[2]);
    return (size_t)(mix(hash, hash >> 32) >> 7) & (endpoint->bucket_count - 1);
}

static void lru_unlink(struct lru *lru, struct ud_remote *remote)
{
    *(remote->newer != NULL ? &remote->newer->older : &lru->newest) = remote->older;
    *(remote->older != NULL ? &remote->older->newer : &lru->oldest) = remote->newer;
    remote->newer = remote->older = NULL;
}

static void lru_push(struct lru *lru, struct ud_remote *remote)
{
    remote->older = lru->newest;
    remote->newer = NULL;
    *(lru->newest != NULL ? &lru->newest->newer : &lru->oldest) = remote;
    lru->newest = remote;
}

static void touch(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    struct lru *lru = &endpoint->lru[remote->secure];
    remote->used_ms = endpoint->now_ms;
    if (lru->newest != remote) {
        lru_unlink(lru, remote);
        lru_push(lru, remote);
    }
}

static struct ud_remote *find(const struct ud_endpoint *endpoint, const struct ud_address *address, bool secure)
{
    struct ud_remote *remote = endpoint->buckets[bucket_of(endpoint, address, secure)];
    while (remote != NULL && (remote->secure != secure || !ud_address_equal(&remote->address, address))) {
        remote = remote->next;
    }
    return remote;
}

static void table_unlink(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    struct ud_remote **at = &endpoint->buckets[bucket_of(endpoint, &remote->address, remote->secure)];
    while (*at != remote) {
        at = &(*at)->next;
    }
    *at = remote->next;
}

static void release(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    ud_timers_unreserve(&endpoint->timers, &remote->timer);
    free(remote->out.ptr);
    free(remote);
}

/* Out of the table; the memory stays while it is held. */
static void drop(struct ud_endpoint *endpoint, struct ud_remote *remote, bool say)
{
    struct lru *lru = &endpoint->lru[remote->secure];
    if (endpoint->handler.gone != NULL) {
        endpoint->handler.gone(endpoint->handler.ctx, remote);
    }
    table_unlink(endpoint, remote);
    lru_unlink(lru, remote);
    lru->count--;
    atomic_store_explicit(&endpoint->counts[remote->secure], lru->count, memory_order_relaxed);
    ud_timer_clear(&endpoint->timers, &remote->timer);
    ud_coap_peer_cancel(&remote->peer);
    ud_dtls_end(remote->dtls, say);
    remote->dtls = NULL;
    remote->user = NULL;
    remote->gone = true;
    if (remote->held == 0) {
        release(endpoint, remote);
    }
}

static bool is_idle(const struct ud_remote *remote)
{
    return remote->held == 0 && remote->out.ptr == NULL;
}

/* Room for one more: the one that spoke longest ago goes (INV-2). False: all are in use. */
static bool make_room(struct ud_endpoint *endpoint, bool secure)
{
    struct lru *lru = &endpoint->lru[secure];
    struct ud_remote *remote = lru->oldest;
    if (lru->count < lru->max) {
        return true;
    }
    for (int tries = 0; remote != NULL && tries < UD_UDP_BATCH; tries++) {
        if (is_idle(remote)) {
            drop(endpoint, remote, false);
            return true;
        }
        remote = remote->newer;
    }
    return false;
}

/* Twice the buckets; without memory for them the lists just grow longer. */
static void grow(struct ud_endpoint *endpoint)
{
    struct ud_remote **old = endpoint->buckets;
    const size_t old_count = endpoint->bucket_count;
    struct ud_remote **buckets = calloc(old_count * 2, sizeof(struct ud_remote *));
    if (buckets == NULL) {
        return;
    }
    endpoint->buckets = buckets;
    endpoint->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        struct ud_remote *remote = old[i];
        while (remote != NULL) {
            struct ud_remote *next = remote->next;
            struct ud_remote **head = &buckets[bucket_of(endpoint, &remote->address, remote->secure)];
            remote->next = *head;
            *head = remote;
            remote = next;
        }
    }
    free(old);
}

static struct ud_remote *make(struct ud_endpoint *endpoint, const struct ud_address *address, bool secure)
{
    struct lru *lru = &endpoint->lru[secure];
    struct ud_remote *remote = make_room(endpoint, secure) ? calloc(1, sizeof *remote) : NULL;
    if (remote == NULL || ud_timers_reserve(&endpoint->timers) != UD_OK) {
        free(remote);
        return NULL;
    }
    const uint32_t random = (uint32_t)mix(endpoint->seed ^ endpoint->now_ms, (uint64_t)(uintptr_t)remote);
    remote->address = *address;
    remote->secure = secure;
    remote->mode = UD_SECURITY_NONE;
    remote->timer.due = remote_due;
    ud_coap_peer_init(&remote->peer, &endpoint->params[secure], remote->seen, UD_REMOTE_SEEN, random);
    if (lru->count > endpoint->bucket_count) {
        grow(endpoint);
    }
    struct ud_remote **head = &endpoint->buckets[bucket_of(endpoint, address, secure)];
    remote->next = *head;
    *head = remote;
    lru_push(lru, remote);
    remote->used_ms = endpoint->now_ms;
    lru->count++;
    atomic_store_explicit(&endpoint->counts[secure], lru->count, memory_order_relaxed);
    return remote;
}

void ud_remote_hold(struct ud_remote *remote)
{
    remote->held++;
}

void ud_remote_let(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    UD_ASSERT(remote->held > 0);
    remote->held--;
    if (remote->held == 0 && remote->gone) {
        release(endpoint, remote);
    }
}

void ud_remote_verified(struct ud_remote *remote)
{
    ud_coap_peer_verified(&remote->peer);
}

/* --- out */

static void transmit(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_bytes bytes)
{
    if (bytes.len == 0 || remote->gone) {
        return;
    }
    if (remote->secure) {
        (void)ud_dtls_send(remote->dtls, bytes); /* one that cannot be sent is as one that was lost */
    } else {
        ud_udp_send(endpoint->udp[PLAIN], &remote->address, bytes);
    }
}

static void arm(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    struct ud_coap_event event;
    uint32_t wait_ms;
    if (remote->out.ptr != NULL) {
        ud_coap_peer_step(&remote->peer, endpoint->now_ms, &event,
                          &wait_ms); /* only just sent: nothing is due */
        ud_timer_set(&endpoint->timers, &remote->timer, endpoint->now_ms + wait_ms);
    }
}

static void forget_out(struct ud_remote *remote)
{
    free(remote->out.ptr);
    remote->out = (struct ud_buf){NULL, 0, 0};
}

static bool keep_out(struct ud_remote *remote, const struct ud_buf *message)
{
    uint8_t *copy = malloc(message->len);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, message->ptr, message->len);
    remote->out = (struct ud_buf){copy, message->len, message->len};
    return true;
}

ud_err ud_endpoint_request(struct ud_endpoint *endpoint, struct ud_remote *remote, const struct ud_buf *message)
{
    struct ud_bytes send;
    if (remote->gone || (remote->secure && !ud_dtls_is_ready(remote->dtls))) {
        return UD_ERR_CONNECT;
    }
    if (remote->out.ptr != NULL) {
        return UD_ERR_BUSY;
    }
    if (!keep_out(remote, message)) {
        return UD_ERR_MEMORY;
    }
    const ud_err err = ud_coap_peer_send(&remote->peer, endpoint->now_ms, &remote->out, &send);
    if (err != UD_OK) {
        forget_out(remote);
        return err;
    }
    transmit(endpoint, remote, send);
    arm(endpoint, remote);
    return UD_OK;
}

void ud_endpoint_cancel(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    ud_coap_peer_cancel(&remote->peer);
    ud_timer_clear(&endpoint->timers, &remote->timer);
    forget_out(remote);
}

ud_err ud_endpoint_reply(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                         struct ud_buf *response)
{
    struct ud_bytes send = {NULL, 0};
    const bool separate = asked->confirmable && asked->accepted;
    if (remote->gone) {
        return UD_ERR_GONE;
    }
    if (separate && (remote->out.ptr != NULL || !keep_out(remote, response))) {
        return remote->out.ptr != NULL ? UD_ERR_BUSY : UD_ERR_MEMORY;
    }
    const ud_err err =
        ud_coap_peer_reply(&remote->peer, endpoint->now_ms, asked, separate ? &remote->out : response, &send);
    if (separate && !ud_coap_peer_is_busy(&remote->peer)) {
        forget_out(remote); /* refused, or not wanted */
    }
    if (err == UD_OK) {
        transmit(endpoint, remote, send);
        arm(endpoint, remote);
    }
    return err;
}

void ud_endpoint_reply_code(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked,
                            uint8_t code)
{
    uint8_t room[UD_COAP_EMPTY_BYTES + UD_COAP_TOKEN_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, code, 0, ud_coap_asked_token(asked));
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(endpoint, remote, asked, &buf); /* too much for a stranger: silence is right */
    }
}

void ud_endpoint_accept(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked)
{
    struct ud_bytes send = {NULL, 0};
    if (!remote->gone) {
        ud_coap_peer_accept(&remote->peer, endpoint->now_ms, asked, &send);
        transmit(endpoint, remote, send);
    }
}

void ud_endpoint_ignore(struct ud_endpoint *endpoint, struct ud_remote *remote,
                        const struct ud_coap_asked *asked)
{
    if (!remote->gone) {
        ud_coap_peer_ignore(&remote->peer, endpoint->now_ms, asked);
    }
}

/* --- Echo (RFC 9175): a value that only who receives at this address can know */

static bool echo_value(const struct ud_endpoint *endpoint, int which, const struct ud_remote *remote,
                       uint8_t value[UD_ECHO_BYTES])
{
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes parts[] = {
        UD_BYTES_ARRAY(endpoint->echo_secret[which]),
        {(const uint8_t *)&remote->address, sizeof remote->address},
    };
    if (ud_sha256(parts, 2, hash) != UD_OK) {
        return false;
    }
    memcpy(value, hash, UD_ECHO_BYTES);
    return true;
}

bool ud_endpoint_echoed(struct ud_endpoint *endpoint, struct ud_remote *remote,
                        const struct ud_coap_message *request)
{
    uint8_t value[UD_ECHO_BYTES];
    for (int which = 0; which < 2; which++) {
        if (echo_value(endpoint, which, remote, value) && ud_coap_echo_is(request, UD_BYTES_ARRAY(value))) {
            ud_remote_verified(remote);
            return true;
        }
    }
    return false;
}

void ud_endpoint_challenge(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_asked *asked)
{
    uint8_t value[UD_ECHO_BYTES];
    uint8_t room[UD_COAP_EMPTY_BYTES + UD_COAP_TOKEN_BYTES_MAX + UD_ECHO_BYTES + 8];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    if (!echo_value(endpoint, 0, remote, value)) {
        return;
    }
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_401_UNAUTHORIZED, 0, ud_coap_asked_token(asked));
    ud_coap_write_option(&w, UD_COAP_ECHO, UD_BYTES_ARRAY(value));
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(endpoint, remote, asked, &buf);
    }
}

/* --- in */

static void over(struct ud_endpoint *endpoint, struct ud_remote *remote, const struct ud_coap_event *event)
{
    const bool request = ud_coap_is_request(remote->out.ptr[1]);
    ud_timer_clear(&endpoint->timers, &remote->timer);
    forget_out(remote);
    if (request) { /* of a separate answer nobody waits to hear */
        endpoint->handler.response(endpoint->handler.ctx, remote, event);
    }
}

static void deal(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_event *event)
{
    struct ud_bytes send;
    transmit(endpoint, remote, event->send);
    switch (event->kind) {
    case UD_COAP_REQUESTED:
        endpoint->handler.request(endpoint->handler.ctx, remote, event);
        break;
    case UD_COAP_RESPONDED:
        ud_remote_verified(remote); /* our tokens cannot be guessed */
        over(endpoint, remote, event);
        break;
    case UD_COAP_UNASKED: {
        const bool wanted = endpoint->handler.notified(endpoint->handler.ctx, remote, event);
        if (!remote->gone) {
            ud_coap_peer_settle(&remote->peer, endpoint->now_ms, event, wanted, &send);
            transmit(endpoint, remote, send);
        }
        break;
    }
    case UD_COAP_RESET:
    case UD_COAP_ACKNOWLEDGED:
    case UD_COAP_TIMED_OUT:
        if (remote->out.ptr != NULL && !ud_coap_peer_is_busy(&remote->peer)) {
            over(endpoint, remote, event);
        }
        break;
    case UD_COAP_NOTHING:
        break;
    }
}

static void take_message(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_bytes datagram)
{
    struct ud_coap_event event;
    count(&endpoint->received);
    if (ud_coap_peer_receive(&remote->peer, endpoint->now_ms, datagram, &event) != UD_OK) {
        count(&endpoint->refused);
    }
    ud_remote_hold(remote); /* a handler may end its session */
    deal(endpoint, remote, &event);
    ud_remote_let(endpoint, remote);
}

static void take_plain(void *ctx, const struct ud_address *from, struct ud_bytes datagram)
{
    struct ud_endpoint *endpoint = ctx;
    struct ud_remote *remote = find(endpoint, from, false);
    remote = remote == NULL ? make(endpoint, from, false) : remote;
    if (remote != NULL) {
        touch(endpoint, remote);
        take_message(endpoint, remote, datagram);
    }
}

static void arm_handshake(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    const uint32_t wait_ms = ud_dtls_wait_ms(remote->dtls);
    if (wait_ms != UINT32_MAX) {
        ud_timer_set(&endpoint->timers, &remote->timer, endpoint->now_ms + (wait_ms < 10 ? 10 : wait_ms));
    } else if (remote->out.ptr == NULL) {
        ud_timer_clear(&endpoint->timers, &remote->timer);
    }
}

static void handshake_ended(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    const struct ud_dtls_who *who = ud_dtls_who(remote->dtls);
    remote->device = who->device;
    remote->mode = who->mode;
    remote->bootstrap = who->bootstrap;
    count(&endpoint->handshakes);
}

/* Everything that one datagram (or a timer) brings out of a session. */
static void pump(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_bytes datagram)
{
    ud_remote_hold(remote);
    for (;;) {
        struct ud_buf message = {endpoint->scratch, sizeof endpoint->scratch, 0};
        const ud_err err = ud_dtls_receive(remote->dtls, datagram, &message);
        datagram = (struct ud_bytes){NULL, 0};
        if (err == UD_OK) {
            take_message(endpoint, remote, ud_buf_bytes(&message));
        } else if (err == UD_ABSENT) {
            handshake_ended(endpoint, remote);
        } else if (err != UD_WAIT) {
            if (!ud_dtls_is_ready(remote->dtls)) {
                count(&endpoint->handshakes_failed);
            }
            drop(endpoint, remote, false);
        }
        if (remote->gone || (err != UD_OK && err != UD_ABSENT)) {
            break;
        }
    }
    if (!remote->gone) {
        arm_handshake(endpoint, remote);
    }
    ud_remote_let(endpoint, remote);
}

static void take_hello(struct ud_endpoint *endpoint, const struct ud_address *from, struct ud_bytes datagram)
{
    struct ud_dtls_session *session = NULL;
    struct ud_remote *remote = find(endpoint, from, true);
    if (ud_dtls_hello(endpoint->dtls, from, datagram, &session) != UD_OK) {
        return; /* a cookie went out; whatever there is stays as it is */
    }
    if (remote != NULL && !ud_dtls_is_ready(remote->dtls) && ud_dtls_is_same_hello(remote->dtls, datagram)) {
        ud_dtls_end(session, false); /* repeated, because our flight was lost */
    } else {
        if (remote != NULL) {
            drop(endpoint, remote, false); /* the device began anew: it has shown that it receives there */
        }
        remote = make(endpoint, from, true);
        if (remote == NULL) {
            ud_dtls_end(session, false);
            return;
        }
        remote->dtls = session;
    }
    touch(endpoint, remote);
    pump(endpoint, remote, datagram);
}

static void take_secure(void *ctx, const struct ud_address *from, struct ud_bytes datagram)
{
    struct ud_endpoint *endpoint = ctx;
    if (ud_dtls_is_hello(datagram)) {
        take_hello(endpoint, from, datagram);
        return;
    }
    struct ud_remote *remote = find(endpoint, from, true);
    if (remote != NULL && datagram.len > 0) {
        touch(endpoint, remote);
        pump(endpoint, remote, datagram);
    }
}

static void remote_due(struct ud_timer *timer, void *ctx)
{
    struct ud_endpoint *endpoint = ctx;
    struct ud_remote *remote =
        (struct ud_remote *)(void *)((unsigned char *)timer - offsetof(struct ud_remote, timer));
    if (remote->secure && !ud_dtls_is_ready(remote->dtls)) {
        pump(endpoint, remote, (struct ud_bytes){NULL, 0});
        return;
    }
    struct ud_coap_event event;
    uint32_t wait_ms;
    ud_coap_peer_step(&remote->peer, endpoint->now_ms, &event, &wait_ms);
    if (wait_ms != UINT32_MAX) {
        ud_timer_set(&endpoint->timers, &remote->timer, endpoint->now_ms + wait_ms);
    }
    ud_remote_hold(remote);
    deal(endpoint, remote, &event);
    ud_remote_let(endpoint, remote);
}

/* --- the thread */

/* A plain peer that has been silent for the life of an exchange has no memory that anybody needs. */
static void sweep(struct ud_endpoint *endpoint)
{
    struct lru *lru = &endpoint->lru[PLAIN];
    for (int n = 0; n < 100000 && lru->oldest != NULL; n++) {
        if (!is_idle(lru->oldest) || endpoint->now_ms - lru->oldest->used_ms < UD_COAP_EXCHANGE_LIFETIME_MS) {
            break;
        }
        drop(endpoint, lru->oldest, false);
    }
    if (endpoint->now_ms >= endpoint->rotate_ms) {
        endpoint->rotate_ms = endpoint->now_ms + ROTATE_MS;
        memcpy(endpoint->echo_secret[1], endpoint->echo_secret[0], SECRET_BYTES);
        (void)ud_random(endpoint->echo_secret[0], SECRET_BYTES); /* without it the old one serves on */
        if (endpoint->dtls != NULL) {
            ud_dtls_rotate(endpoint->dtls);
        }
    }
}

static void run_mail(struct ud_endpoint *endpoint)
{
    uint64_t ignored;
    pthread_mutex_lock(&endpoint->lock);
    struct ud_mail *mail = endpoint->mail;
    endpoint->mail = NULL;
    endpoint->mail_end = &endpoint->mail;
    pthread_mutex_unlock(&endpoint->lock);
    if (read(endpoint->wake, &ignored, sizeof ignored) < 0) {
        /* nothing was written: fine */
    }
    while (mail != NULL) {
        struct ud_mail *next = mail->next; /* run() may free it */
        mail->run(mail, endpoint->handler.ctx);
        mail = next;
    }
}

static void serve_socket(struct ud_endpoint *endpoint, int which)
{
    for (int n = 0; n < ROUND_BATCHES; n++) {
        const size_t got =
            ud_udp_receive(endpoint->udp[which], which == SECURE ? take_secure : take_plain, endpoint);
        ud_udp_flush(endpoint->udp[which]);
        if (got < UD_UDP_BATCH) {
            break;
        }
    }
}

static void *endpoint_thread(void *ctx)
{
    struct ud_endpoint *endpoint = ctx;
    uint64_t swept_ms = 0;
    struct pollfd fds[SOCKETS + 1];
    for (int i = 0; i < SOCKETS; i++) {
        fds[i] = (struct pollfd){endpoint->udp[i] == NULL ? -1 : ud_udp_socket(endpoint->udp[i]), POLLIN, 0};
    }
    fds[SOCKETS] = (struct pollfd){endpoint->wake, POLLIN, 0};
    while (!atomic_load(&endpoint->ending)) {
        endpoint->now_ms = clock_ms();
        uint32_t wait_ms = ud_timers_run(&endpoint->timers, endpoint->now_ms, WAIT_MS_MAX, endpoint);
        for (int i = 0; i < SOCKETS; i++) {
            if (endpoint->udp[i] != NULL) {
                ud_udp_flush(endpoint->udp[i]);
            }
        }
        if (poll(fds, SOCKETS + 1, (int)wait_ms) < 0) {
            continue; /* interrupted */
        }
        endpoint->now_ms = clock_ms();
        for (int i = 0; i < SOCKETS; i++) {
            if (endpoint->udp[i] != NULL && fds[i].revents != 0) {
                serve_socket(endpoint, i);
            }
        }
        if (fds[SOCKETS].revents != 0) {
            run_mail(endpoint);
        }
        if (endpoint->now_ms - swept_ms >= WAIT_MS_MAX) {
            swept_ms = endpoint->now_ms;
            sweep(endpoint);
        }
    }
    return NULL;
}

/* --- open and close */

static ud_err open_sockets(struct ud_endpoint *endpoint, const struct ud_endpoint_config *config)
{
    ud_err err = UD_OK;
    if (config->coap[0] != '\0') {
        err = ud_udp_open(&endpoint->udp[PLAIN], config->coap);
    }
    if (err == UD_OK && config->coaps[0] != '\0') {
        err = ud_udp_open(&endpoint->udp[SECURE], config->coaps);
        err = err == UD_OK ? ud_dtls_open(&endpoint->dtls, endpoint->udp[SECURE], config->cert, config->key,
                                          config->ca, &config->keys)
                           : err;
    }
    return err;
}

ud_err ud_endpoint_open(struct ud_endpoint **out, const struct ud_endpoint_config *config,
                        const struct ud_endpoint_handler *handler)
{
    const struct ud_coap_params defaults = UD_COAP_PARAMS_DEFAULT;
    struct ud_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (endpoint == NULL) {
        return UD_ERR_MEMORY;
    }
    endpoint->handler = *handler;
    endpoint->params[PLAIN] = endpoint->params[SECURE] = defaults;
    endpoint->params[PLAIN].unverified_factor = UNVERIFIED_FACTOR; /* DTLS has shown the address already */
    endpoint->lru[PLAIN].max = config->remotes_max;
    endpoint->lru[SECURE].max = config->sessions_max;
    endpoint->mail_end = &endpoint->mail;
    endpoint->now_ms = clock_ms();
    endpoint->rotate_ms = endpoint->now_ms + ROTATE_MS;
    pthread_mutex_init(&endpoint->lock, NULL);
    endpoint->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    endpoint->buckets = calloc(BUCKETS_MIN, sizeof(struct ud_remote *));
    endpoint->bucket_count = BUCKETS_MIN;
    ud_err err = endpoint->buckets == NULL || endpoint->wake < 0 ? UD_ERR_MEMORY : UD_OK;
    err = err == UD_OK ? ud_random((uint8_t *)&endpoint->seed, sizeof endpoint->seed) : err;
    err = err == UD_OK ? ud_random(endpoint->echo_secret[0], sizeof endpoint->echo_secret) : err;
    err = err == UD_OK ? open_sockets(endpoint, config) : err;
    if (err != UD_OK) {
        ud_endpoint_close(endpoint);
        return err;
    }
    *out = endpoint;
    return UD_OK;
}

ud_err ud_endpoint_start(struct ud_endpoint *endpoint)
{
    endpoint->running = pthread_create(&endpoint->thread, NULL, endpoint_thread, endpoint) == 0;
    return endpoint->running ? UD_OK : UD_ERR_MEMORY;
}

static void ring(struct ud_endpoint *endpoint)
{
    const uint64_t one = 1;
    if (write(endpoint->wake, &one, sizeof one) < 0) {
        /* the counter is full: it is awake anyway */
    }
}

void ud_endpoint_stop(struct ud_endpoint *endpoint)
{
    if (endpoint != NULL && endpoint->running) {
        atomic_store(&endpoint->ending, true);
        ring(endpoint);
        pthread_join(endpoint->thread, NULL);
        endpoint->running = false;
    }
}

void ud_endpoint_drain_mail(struct ud_endpoint *endpoint)
{
    run_mail(endpoint);
}

void ud_endpoint_close(struct ud_endpoint *endpoint)
{
    if (endpoint == NULL) {
        return;
    }
    ud_endpoint_stop(endpoint);
    for (int i = 0; i < SOCKETS; i++) {
        while (endpoint->lru[i].oldest != NULL) {
            endpoint->lru[i].oldest->held = 0;
            drop(endpoint, endpoint->lru[i].oldest, true);
        }
        if (endpoint->udp[i] != NULL) {
            ud_udp_flush(endpoint->udp[i]);
        }
    }
    ud_dtls_close(endpoint->dtls);
    ud_udp_close(endpoint->udp[PLAIN]);
    ud_udp_close(endpoint->udp[SECURE]);
    ud_timers_free(&endpoint->timers);
    free(endpoint->buckets);
    if (endpoint->wake >= 0) {
        close(endpoint->wake);
    }
    pthread_mutex_destroy(&endpoint->lock);
    free(endpoint);
}

bool ud_endpoint_bound(const struct ud_endpoint *endpoint, bool secure, struct ud_address *address)
{
    const struct ud_udp *udp = endpoint->udp[secure];
    if (udp != NULL) {
        *address = *ud_udp_bound(udp);
    }
    return udp != NULL;
}

void ud_endpoint_post(struct ud_endpoint *endpoint, struct ud_mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&endpoint->lock);
    const bool first = endpoint->mail == NULL;
    *endpoint->mail_end = mail;
    endpoint->mail_end = &mail->next;
    pthread_mutex_unlock(&endpoint->lock);
    if (first) {
        ring(endpoint);
    }
}

void ud_endpoint_stats(struct ud_endpoint *endpoint, struct ud_endpoint_stats *stats)
{
    *stats = (struct ud_endpoint_stats){
        .received = atomic_load(&endpoint->received),
        .refused = atomic_load(&endpoint->refused),
        .handshakes = atomic_load(&endpoint->handshakes),
        .handshakes_failed = atomic_load(&endpoint->handshakes_failed),
        .remotes = atomic_load(&endpoint->counts[PLAIN]),
        .sessions = atomic_load(&endpoint->counts[SECURE]),
    };
}

void *ud_endpoint_ctx(const struct ud_endpoint *endpoint)
{
    return endpoint->handler.ctx;
}

uint64_t ud_endpoint_now_ms(const struct ud_endpoint *endpoint)
{
    return endpoint->now_ms;
}

struct ud_timers *ud_endpoint_timers(struct ud_endpoint *endpoint)
{
    return &endpoint->timers;
}

ud_err ud_endpoint_plain(struct ud_endpoint *endpoint, const struct ud_address *address, struct ud_remote **out)
{
    if (endpoint->udp[PLAIN] == NULL) {
        return UD_ERR_CONNECT;
    }
    struct ud_remote *remote = find(endpoint, address, false);
    remote = remote == NULL ? make(endpoint, address, false) : remote;
    if (remote == NULL) {
        return UD_ERR_MEMORY;
    }
    *out = remote;
    return UD_OK;
}
