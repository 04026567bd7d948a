/* The endpoint's thread, its sockets, its mail. */
#include "server/coap/endpoint_parts.h"

#include "server/secret.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS_MIN 1024
#define ROUND_BATCHES 16    /* of one socket before the other one has its turn */
#define WAIT_MS_MAX 1000    /* the housekeeping of a second */
#define ROTATE_MS 600000    /* of the keys of cookies and Echo values */
#define UNVERIFIED_FACTOR 3 /* INV-3 */

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the thread */

/* A plain peer that has been silent for the life of an exchange has no memory that anybody needs. */
static void sweep(struct ud_endpoint *endpoint)
{
    struct ud_lru *lru = &endpoint->lru[UD_PLAIN];
    for (int n = 0; n < 100000 && lru->oldest != NULL; n++) {
        if (!ud_remotes_is_idle(lru->oldest) ||
            endpoint->now_ms - lru->oldest->used_ms < UD_COAP_EXCHANGE_LIFETIME_MS + UD_USED_STEP_MS) {
            break;
        }
        ud_remotes_drop(endpoint, lru->oldest, false);
    }
    if (endpoint->now_ms >= endpoint->rotate_ms) {
        endpoint->rotate_ms = endpoint->now_ms + ROTATE_MS;
        memcpy(endpoint->echo_secret[1], endpoint->echo_secret[0], UD_ECHO_SECRET_BYTES);
        (void)ud_random(endpoint->echo_secret[0], UD_ECHO_SECRET_BYTES); /* without it the old one serves on */
        if (endpoint->dtls != NULL) {
            ud_dtls_rotate(endpoint->dtls);
        }
    }
}

static void run_mail(struct ud_endpoint *endpoint)
{
    uint64_t ignored;
    /* before the mail is taken: who posts behind that rings again, and must be heard */
    if (read(endpoint->wake, &ignored, sizeof ignored) < 0) {
        /* nothing was written: fine */
    }
    pthread_mutex_lock(&endpoint->lock);
    struct ud_mail *mail = endpoint->mail;
    endpoint->mail = NULL;
    endpoint->mail_end = &endpoint->mail;
    pthread_mutex_unlock(&endpoint->lock);
    while (mail != NULL) {
        struct ud_mail *next = mail->next; /* run() may free it */
        mail->run(mail, endpoint->handler.ctx);
        mail = next;
    }
}

static void serve_socket(struct ud_endpoint *endpoint, int which)
{
    for (int n = 0; n < ROUND_BATCHES; n++) {
        struct ud_datagram came[UD_UDP_BATCH];
        const size_t got = ud_udp_receive(endpoint->udp[which], came);
        ud_traffic_take(endpoint, which == UD_SECURE, came, got);
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
    struct pollfd fds[UD_SOCKETS + 1];
    fds[UD_SOCKETS] = (struct pollfd){endpoint->wake, POLLIN, 0};
    while (!atomic_load(&endpoint->ending)) {
        endpoint->now_ms = clock_ms();
        uint32_t wait_ms = ud_timers_run(&endpoint->timers, endpoint->now_ms, WAIT_MS_MAX, endpoint);
        for (int i = 0; i < UD_SOCKETS; i++) {
            if (endpoint->udp[i] != NULL) {
                ud_udp_flush(endpoint->udp[i]);
            }
            fds[i] =
                (struct pollfd){endpoint->udp[i] == NULL ? -1 : ud_udp_socket(endpoint->udp[i]), POLLIN, 0};
        }
        if (poll(fds, UD_SOCKETS + 1, (int)wait_ms) < 0) {
            continue; /* interrupted */
        }
        endpoint->now_ms = clock_ms();
        for (int i = 0; i < UD_SOCKETS; i++) {
            if (endpoint->udp[i] != NULL && fds[i].revents != 0) {
                serve_socket(endpoint, i);
            }
        }
        if (fds[UD_SOCKETS].revents != 0) {
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
        err = ud_udp_open(&endpoint->udp[UD_PLAIN], config->coap, &endpoint->until_ms);
    }
    if (err == UD_OK && config->coaps[0] != '\0') {
        err = ud_udp_open(&endpoint->udp[UD_SECURE], config->coaps, &endpoint->until_ms);
        err = err == UD_OK ? ud_dtls_open(&endpoint->dtls, endpoint->udp[UD_SECURE], config->cert, config->key,
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
    atomic_store(&endpoint->until_ms, UD_UDP_FOR_EVER);
    endpoint->params[UD_PLAIN] = endpoint->params[UD_SECURE] = defaults;
    endpoint->params[UD_PLAIN].unverified_factor = UNVERIFIED_FACTOR; /* DTLS has shown the address already */
    endpoint->lru[UD_PLAIN].max = config->remotes_max;
    endpoint->lru[UD_SECURE].max = config->sessions_max;
    ud_slab_init(&endpoint->slab, sizeof(struct ud_remote));
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
    endpoint->guard_keys = config->guards;
    err = err == UD_OK ? ud_guards_init(&endpoint->guards, config->run, endpoint->now_ms) : err;
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

void ud_endpoint_await_mail(struct ud_endpoint *endpoint)
{
    struct pollfd fd = {endpoint->wake, POLLIN, 0};
    (void)poll(&fd, 1, WAIT_MS_MAX);
    run_mail(endpoint);
}

void ud_endpoint_shut(struct ud_endpoint *endpoint)
{
    for (int i = 0; i < UD_SOCKETS; i++) {
        if (endpoint->udp[i] != NULL) {
            ud_udp_shut(endpoint->udp[i]);
        }
    }
}

bool ud_endpoint_until(struct ud_endpoint *endpoint, uint64_t until_ms)
{
    return ud_udp_extend(&endpoint->until_ms, until_ms);
}

void ud_endpoint_close(struct ud_endpoint *endpoint)
{
    if (endpoint == NULL) {
        return;
    }
    ud_endpoint_stop(endpoint);
    for (int i = 0; i < UD_SOCKETS; i++) {
        while (endpoint->lru[i].oldest != NULL) {
            endpoint->lru[i].oldest->held = 0;
            ud_remotes_drop(endpoint, endpoint->lru[i].oldest, true);
        }
        if (endpoint->udp[i] != NULL) {
            ud_udp_flush(endpoint->udp[i]);
        }
    }
    ud_guards_free(&endpoint->guards);
    ud_dtls_close(endpoint->dtls);
    ud_udp_close(endpoint->udp[UD_PLAIN]);
    ud_udp_close(endpoint->udp[UD_SECURE]);
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
    if (first) { /* under the lock: whoever has run the mail may close the endpoint */
        ring(endpoint);
    }
    pthread_mutex_unlock(&endpoint->lock);
}

void ud_endpoint_stats(struct ud_endpoint *endpoint, struct ud_endpoint_stats *stats)
{
    *stats = (struct ud_endpoint_stats){
        .received = atomic_load(&endpoint->received),
        .refused = atomic_load(&endpoint->refused),
        .not_looked_up = atomic_load(&endpoint->not_looked_up),
        .handshakes = atomic_load(&endpoint->handshakes),
        .handshakes_failed = atomic_load(&endpoint->handshakes_failed),
        .remotes = atomic_load(&endpoint->counts[UD_PLAIN]),
        .sessions = atomic_load(&endpoint->counts[UD_SECURE]),
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
    if (endpoint->udp[UD_PLAIN] == NULL) {
        return UD_ERR_CONNECT;
    }
    struct ud_remote *remote = ud_remotes_find(endpoint, address, false);
    remote = remote == NULL ? ud_remotes_make(endpoint, address, false) : remote;
    if (remote == NULL) {
        return UD_ERR_MEMORY;
    }
    *out = remote;
    return UD_OK;
}
