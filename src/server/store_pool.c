#include "server/store_pool.h"

#include "server/deadline.h"
#include "server/files.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define WAIT_MS 10000

struct ud_store_pool {
    pthread_mutex_t lock;
    pthread_cond_t given; /* a handle was given back, or one was closed */
    struct ud_store *idle[UD_STORE_POOL_MAX];
    size_t count;
    size_t open; /* idle or taken */
    size_t max;
    char place[UD_PATH_BYTES_MAX];
};

ud_err ud_store_pool_open(struct ud_store_pool **out, const char *place, size_t max)
{
    struct ud_store_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL || strlen(place) >= sizeof pool->place) {
        free(pool);
        return UD_ERR_MEMORY;
    }
    memcpy(pool->place, place, strlen(place) + 1);
    pool->max = max < 1 ? 1 : max > UD_STORE_POOL_MAX ? UD_STORE_POOL_MAX : max;
    pthread_mutex_init(&pool->lock, NULL);
    ud_deadline_cond_init(&pool->given);
    *out = pool;
    return UD_OK;
}

void ud_store_pool_close(struct ud_store_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    while (pool->count > 0) {
        ud_store_close(pool->idle[--pool->count]);
    }
    pthread_cond_destroy(&pool->given);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* One handle more was taken, or is to be opened (*store NULL). UD_ERR_RETRY_LATER: none came free in time. */
static ud_err reserve(struct ud_store_pool *pool, struct ud_store **store)
{
    const struct timespec end = ud_deadline_in(WAIT_MS);
    while (pool->count == 0 && pool->open == pool->max) {
        if (pthread_cond_timedwait(&pool->given, &pool->lock, &end) == ETIMEDOUT) {
            return UD_ERR_RETRY_LATER;
        }
    }
    *store = pool->count > 0 ? pool->idle[--pool->count] : NULL;
    pool->open += *store == NULL ? 1 : 0;
    return UD_OK;
}

/* One handle less is open. */
static void forget(struct ud_store_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->open--;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->lock);
}

ud_err ud_store_pool_take(struct ud_store_pool *pool, struct ud_store **store)
{
    struct ud_store *taken = NULL;
    pthread_mutex_lock(&pool->lock);
    ud_err err = reserve(pool, &taken);
    pthread_mutex_unlock(&pool->lock);
    if (err == UD_OK && taken == NULL) {
        err = ud_store_open(&taken, pool->place, UD_STORE_READER);
        if (err != UD_OK) {
            forget(pool);
        }
    }
    if (err == UD_OK) {
        *store = taken;
    }
    return err;
}

void ud_store_pool_give(struct ud_store_pool *pool, struct ud_store *store)
{
    if (store == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->idle[pool->count++] = store; /* there is room: no more are open than it holds */
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->lock);
}
