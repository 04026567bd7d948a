/*
 * ud_store, several servers on one database: changes by others, leases. On SQLite there is one server: nothing to
 * wait for, every lease is free. Part of store.h; docs/design/store.md says how it holds together.
 */
#ifndef UD_SERVER_STORE_SHARED_H
#define UD_SERVER_STORE_SHARED_H

#include "server/store.h"

#define UD_LEASE_NAME_BYTES_MAX 32
#define UD_HOLDER_CHARS 32

/** Can other servers be on this database? */
bool ud_store_is_shared(const struct ud_store *store);
/** Milliseconds since 1970 by the database's clock, which all servers share. */
ud_err ud_store_now(struct ud_store *store, int64_t *now_ms);
/** Hear of changes from here on, on this reading handle. */
ud_err ud_store_listen(struct ud_store *store);
/** Wait until something changed, at most so long; *changed tells. UD_ERR_STORE: the connection was lost. */
ud_err ud_store_wait(struct ud_store *store, unsigned wait_ms, bool *changed);

/** In a transaction: with its commit ud_store_wait() of every server returns. For what is no change of a device. */
ud_err ud_store_announce(struct ud_store *store);

struct ud_store_changes {
    void (*changed)(void *ctx, const struct ud_row_device *device);
    void (*gone)(void *ctx, int64_t id);
    void *ctx;
};
/** The number of the newest change: what is read after this is not older. */
ud_err ud_store_changes_newest(struct ud_store *store, int64_t *newest);
/** Changes after *after, which moves on; a device that changed twice comes once. *more: call again at once. */
ud_err ud_store_changes_read(struct ud_store *store, int64_t *after, uint32_t max,
                             const struct ud_store_changes *changes, bool *more);

/**
 * Hold a task for ttl_ms, by the database's own clock: servers' clocks may differ. Inside a transaction.
 *
 * @param fence out: grows whenever the holder changes. Whoever acts for the lease checks it in the acting transaction
 * @return UD_ERR_LEASE while another holds it
 */
ud_err ud_store_lease_take(struct ud_store *store, const char *name, const char *holder, int64_t ttl_ms,
                           int64_t *fence);
/** UD_ERR_LEASE when somebody else took it since. `name` is a literal: it is remembered until the transaction ends. */
ud_err ud_store_lease_check(struct ud_store *store, const char *name, int64_t fence);
/** Was it ever taken? UD_ERR_NOT_FOUND. */
ud_err ud_store_lease_is_known(struct ud_store *store, const char *name);
/** Give it up, at a clean end. */
ud_err ud_store_lease_drop(struct ud_store *store, const char *name, int64_t fence);

#endif
