/* Reading handles of the store, shared by the connection threads: take one, read, give it back. */
#ifndef UD_SERVER_STORE_POOL_H
#define UD_SERVER_STORE_POOL_H

#include "server/store.h"

struct ud_store_pool;

/** Handles are opened when first needed. `place` is copied. */
ud_err ud_store_pool_open(struct ud_store_pool **pool, const char *place);
void ud_store_pool_close(struct ud_store_pool *pool);
/** UD_ERR_STORE when the database cannot be opened. */
ud_err ud_store_pool_take(struct ud_store_pool *pool, struct ud_store **store);
void ud_store_pool_give(struct ud_store_pool *pool, struct ud_store *store);

#endif
