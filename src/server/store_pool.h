/* Reading handles of the store, shared by the connection threads: take one, read, give it back. */
#ifndef UD_SERVER_STORE_POOL_H
#define UD_SERVER_STORE_POOL_H

#include "server/store.h"

struct ud_store_pool;

#define UD_STORE_POOL_MAX 64

/** Handles are opened when first needed, at most `max` (1..UD_STORE_POOL_MAX) at a time. `place` is copied. */
ud_err ud_store_pool_open(struct ud_store_pool **pool, const char *place, size_t max);
void ud_store_pool_close(struct ud_store_pool *pool);
/**
 * Waits for one to be given back when all are taken; a thread holds one at a time.
 *
 * @return UD_ERR_STORE when the database cannot be opened; UD_ERR_RETRY_LATER when none came free for ten seconds
 */
ud_err ud_store_pool_take(struct ud_store_pool *pool, struct ud_store **store);
void ud_store_pool_give(struct ud_store_pool *pool, struct ud_store *store);

#endif
