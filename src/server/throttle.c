#include "server/throttle.h"

#include "ports/openssl/keys.h" /* ud_random */

#include <pthread.h>
#include <stdlib.h>

#define ENTRIES 8192 /* a power of two */
#define NEIGHBOURS 8

struct entry {
    uint64_t key; /* 0 = free */
    uint32_t count;
    int64_t since_ms;
};

struct ud_throttle {
    pthread_mutex_t lock;
    uint64_t seed; /* callers choose the keys; where they lie is not theirs to choose */
    uint32_t most;
    int64_t window_ms;
    struct entry entries[ENTRIES];
};

ud_err ud_throttle_open(struct ud_throttle **out, uint32_t most, int64_t window_ms)
{
    struct ud_throttle *throttle = calloc(1, sizeof *throttle);
    if (throttle == NULL) {
        return UD_ERR_MEMORY;
    }
    throttle->most = most;
    throttle->window_ms = window_ms;
    if (ud_random((uint8_t *)&throttle->seed, sizeof throttle->seed) != UD_OK) {
        free(throttle);
        return UD_ERR_CRYPTO;
    }
    pthread_mutex_init(&throttle->lock, NULL);
    *out = throttle;
    return UD_OK;
}

void ud_throttle_close(struct ud_throttle *throttle)
{
    if (throttle != NULL) {
        pthread_mutex_destroy(&throttle->lock);
        free(throttle);
    }
}

static uint64_t hash_of(const struct ud_throttle *throttle, struct ud_bytes key)
{
    uint64_t hash = throttle->seed;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ key.ptr[i]) * 1099511628211U;
        hash ^= hash >> 29;
    }
    return hash == 0 ? 1 : hash;
}

/* The entry of this key; with `make`, a fresh one where there is none: free, over, or the oldest neighbour. */
static struct entry *entry_of(struct ud_throttle *throttle, uint64_t key, int64_t now_ms, bool make)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        struct entry *entry = &throttle->entries[(key + i) & (ENTRIES - 1)];
        const bool over = entry->key == 0 || now_ms - entry->since_ms >= throttle->window_ms ||
                          now_ms < entry->since_ms; /* the clock was set back */
        if (entry->key == key && !over) {
            return entry;
        }
        if (over) {
            entry->key = 0;
        }
        if (oldest == NULL || (oldest->key != 0 && (entry->key == 0 || entry->since_ms < oldest->since_ms))) {
            oldest = entry;
        }
    }
    if (!make) {
        return NULL;
    }
    *oldest = (struct entry){.key = key, .since_ms = now_ms};
    return oldest;
}

ud_err ud_throttle_ask(struct ud_throttle *throttle, struct ud_bytes key, int64_t now_ms, int64_t *wait_ms)
{
    ud_err err = UD_OK;
    pthread_mutex_lock(&throttle->lock);
    const struct entry *entry = entry_of(throttle, hash_of(throttle, key), now_ms, false);
    if (entry != NULL && entry->count >= throttle->most) {
        *wait_ms = entry->since_ms + throttle->window_ms - now_ms;
        err = UD_ERR_LOCKED;
    }
    pthread_mutex_unlock(&throttle->lock);
    return err;
}

void ud_throttle_count(struct ud_throttle *throttle, struct ud_bytes key, int64_t now_ms)
{
    pthread_mutex_lock(&throttle->lock);
    struct entry *entry = entry_of(throttle, hash_of(throttle, key), now_ms, true);
    entry->count += entry->count < UINT32_MAX ? 1 : 0;
    pthread_mutex_unlock(&throttle->lock);
}

void ud_throttle_forgive(struct ud_throttle *throttle, struct ud_bytes key)
{
    const uint64_t hash = hash_of(throttle, key);
    pthread_mutex_lock(&throttle->lock);
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        struct entry *entry = &throttle->entries[(hash + i) & (ENTRIES - 1)];
        entry->key = entry->key == hash ? 0 : entry->key;
    }
    pthread_mutex_unlock(&throttle->lock);
}
