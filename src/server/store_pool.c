#include "server/store_pool.h"

#include "server/files.h"

#include <pthread.h>
#include <stdlib.h>

#define IDLE_MAX 64

struct ud_store_pool {
    pthread_mutex_t lock;
    struct ud_store *idle[IDLE_MAX];
    size_t count;
    char place[UD_PATH_BYTES_MAX];
};

ud_err ud_store_pool_open(struct ud_store_pool **out, const char *place)
{
    struct ud_store_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL || strlen(place) >= sizeof pool->place) {
        free(pool);
        return UD_ERR_MEMORY;
    }
    memcpy(pool->place, place, strlen(place) + 1);
    pthread_mutex_init(&pool->lock, NULL);
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
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

ud_err ud_store_pool_take(struct ud_store_pool *pool, struct ud_store **store)
{
    struct ud_store *taken = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->count > 0) {
        taken = pool->idle[--pool->count];
    }
    pthread_mutex_unlock(&pool->lock);
    if (taken != NULL) {
        *store = taken;
        return UD_OK;
    }
    return ud_store_open(store, pool->place, UD_STORE_READER);
}

void ud_store_pool_give(struct ud_store_pool *pool, struct ud_store *store)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->count < IDLE_MAX) {
        pool->idle[pool->count++] = store;
        store = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    ud_store_close(store);
}
