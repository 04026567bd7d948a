/* Peers of the endpoint: found by address, the idle ones let go. */
#include "server/coap/endpoint_parts.h"

#include "updraft/assert.h"

#include <stdlib.h>

#define CACHE_LINE_BYTES 64
#define USER_BYTES 128 /* of what the handler keeps of a peer: what most requests look at */

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

static void lru_unlink(struct ud_lru *lru, struct ud_remote *remote)
{
    *(remote->newer != NULL ? &remote->newer->older : &lru->newest) = remote->older;
    *(remote->older != NULL ? &remote->older->newer : &lru->oldest) = remote->newer;
    remote->newer = remote->older = NULL;
}

static void lru_push(struct ud_lru *lru, struct ud_remote *remote)
{
    remote->older = lru->newest;
    remote->newer = NULL;
    *(lru->newest != NULL ? &lru->newest->newer : &lru->oldest) = remote;
    lru->newest = remote;
}

void ud_remotes_touch(struct ud_endpoint *endpoint, struct ud_remote *remote)
{
    struct ud_lru *lru = &endpoint->lru[remote->secure];
    if (endpoint->now_ms - remote->used_ms >=
        UD_USED_STEP_MS) { /* its neighbours are other memory, seldom near */
        remote->used_ms = endpoint->now_ms;
        lru_unlink(lru, remote);
        lru_push(lru, remote);
    }
}

struct ud_remote *ud_remotes_find(const struct ud_endpoint *endpoint, const struct ud_address *address,
                                  bool secure)
{
    struct ud_remote *remote = endpoint->buckets[bucket_of(endpoint, address, secure)];
    while (remote != NULL && (remote->secure != secure || !ud_address_equal(&remote->address, address))) {
        remote = remote->next;
    }
    return remote;
}

/* To be changed, so that no other processor is asked once more. */
static void fetch(const void *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += CACHE_LINE_BYTES) {
        __builtin_prefetch((const unsigned char *)at + i, 1);
    }
}

/* A guess from the second byte; what is wrong about it costs a little time. */
static bool changes_something(struct ud_bytes datagram)
{
    return datagram.len >= UD_COAP_EMPTY_BYTES && datagram.ptr[1] != UD_COAP_GET;
}

/*
 * With a hundred thousand peers each one is a dozen lines of memory that no cache has: asked for in one go they come
 * side by side, one after the other they would take most of the time that a message takes.
 */
void ud_remotes_expect(const struct ud_endpoint *endpoint, const struct ud_datagram *came, size_t count,
                       bool secure)
{
    struct ud_remote *const *heads[UD_UDP_BATCH];
    void *users[UD_UDP_BATCH];
    size_t user_count = 0;
    for (size_t i = 0; i < count; i++) {
        heads[i] = &endpoint->buckets[bucket_of(endpoint, &came[i].from, secure)];
        __builtin_prefetch(heads[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (*heads[i] != NULL) {
            fetch(*heads[i], offsetof(struct ud_remote, newer));
        }
    }
    for (size_t i = 0; i < count; i++) {
        void *user = *heads[i] == NULL ? NULL : (*heads[i])->user;
        if (user != NULL) {
            fetch(user, USER_BYTES);
        }
        if (user != NULL && (secure || changes_something(came[i].bytes))) {
            users[user_count++] = user;
        }
    }
    if (endpoint->handler.expect != NULL && user_count > 0) {
        endpoint->handler.expect(endpoint->handler.ctx, users, user_count);
    }
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
    free(remote->out);
    free(remote->again);
    ud_slab_give(&endpoint->slab, remote);
}

/* Out of the table; the memory stays while it is held. */
void ud_remotes_drop(struct ud_endpoint *endpoint, struct ud_remote *remote, bool say)
{
    struct ud_lru *lru = &endpoint->lru[remote->secure];
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

bool ud_remotes_is_idle(const struct ud_remote *remote)
{
    return remote->held == 0 && remote->out == NULL;
}

/* Room for one more: the one that spoke longest ago goes (INV-2). False: all are in use. */
static bool make_room(struct ud_endpoint *endpoint, bool secure)
{
    struct ud_lru *lru = &endpoint->lru[secure];
    struct ud_remote *remote = lru->oldest;
    if (lru->count < lru->max) {
        return true;
    }
    for (int tries = 0; remote != NULL && tries < UD_UDP_BATCH; tries++) {
        if (ud_remotes_is_idle(remote)) {
            ud_remotes_drop(endpoint, remote, false);
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

struct ud_remote *ud_remotes_make(struct ud_endpoint *endpoint, const struct ud_address *address, bool secure)
{
    struct ud_lru *lru = &endpoint->lru[secure];
    struct ud_remote *remote = make_room(endpoint, secure) ? ud_slab_take(&endpoint->slab) : NULL;
    if (remote == NULL) {
        return NULL;
    }
    if (ud_timers_reserve(&endpoint->timers) != UD_OK) {
        ud_slab_give(&endpoint->slab, remote);
        return NULL;
    }
    const uint32_t random = (uint32_t)mix(endpoint->seed ^ endpoint->now_ms, (uint64_t)(uintptr_t)remote);
    remote->address = *address;
    remote->secure = secure;
    remote->answers = secure; /* a session begins with a cookie */
    remote->mode = UD_SECURITY_NONE;
    remote->timer.due = ud_traffic_due;
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
