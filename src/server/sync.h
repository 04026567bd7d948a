/*
 * Keeps what is in memory like the database, where other servers write to it too: a thread that hears of changes
 * (LISTEN/NOTIFY) and reads them again, and reads again after UD_SYNC_MS in any case. On a store of one server there
 * is nothing to do, and no thread.
 */
#ifndef UD_SERVER_SYNC_H
#define UD_SERVER_SYNC_H

#include "server/server.h"

#define UD_SYNC_MS 5000

struct ud_sync;

/** After the fleet was loaded; `after`: the newest change before that. *sync is NULL on a store of one server. */
ud_err ud_sync_open(struct ud_sync **sync, struct ud_server *server, int64_t after);
/**
 * Call `look` on the sync's thread whenever something may have changed, with its reading handle; NULL ends that, and does
 * not return while it is called. No sync: nothing is ever called.
 */
void ud_sync_watch(struct ud_sync *sync, void (*look)(void *ctx, struct ud_store *store), void *ctx);
void ud_sync_close(struct ud_sync *sync);

#endif
