/* Several servers on one database. */
#include "driver.h"

#include "server/store_shared.h"

bool ud_store_is_shared(const struct ud_store *store)
{
    return store->driver->wait != NULL;
}

ud_err ud_store_listen(struct ud_store *store)
{
    return store->driver->script(store, "LISTEN updraft");
}

ud_err ud_store_wait(struct ud_store *store, unsigned wait_ms, bool *changed)
{
    return store->driver->wait(store, wait_ms, changed);
}

ud_err ud_store_announce(struct ud_store *store)
{
    return ud_store_is_shared(store) ? store->driver->script(store, "NOTIFY updraft") : UD_OK;
}

ud_err ud_store_now(struct ud_store *store, int64_t *now_ms)
{
    struct sql q = sql_begin(store, store->driver->now);
    const int64_t now = sql_row(&q) ? sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *now_ms = now;
    }
    return err;
}

struct lease {
    char holder[UD_HOLDER_CHARS + 1];
    int64_t fence;
    int64_t until_ms;
};

/* UD_ERR_NOT_FOUND for one that nobody ever held. */
static ud_err find(struct ud_store *store, const char *name, struct lease *lease)
{
    struct sql q = sql_begin_apart(store, "SELECT holder,fence,until_ms FROM lease WHERE name=?");
    sql_put_text(&q, name);
    const bool found = sql_row(&q);
    if (found) {
        sql_get_text(&q, lease->holder, sizeof lease->holder);
        lease->fence = sql_get_int(&q);
        lease->until_ms = sql_get_int(&q);
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

static ud_err put(struct ud_store *store, const char *name, const char *holder, int64_t fence, int64_t until_ms)
{
    struct sql q = sql_begin(store, "INSERT INTO lease(name,holder,fence,until_ms) VALUES(?1,?2,?3,?4)"
                                    " ON CONFLICT(name) DO UPDATE SET holder=?2,fence=?3,until_ms=?4");
    store->leased = NULL;
    sql_put_text(&q, name);
    sql_put_text(&q, holder);
    sql_put_int(&q, fence);
    sql_put_int(&q, until_ms);
    return sql_end(&q);
}

ud_err ud_store_lease_take(struct ud_store *store, const char *name, const char *holder, int64_t ttl_ms,
                           int64_t *fence)
{
    struct lease lease = {.fence = 0, .until_ms = 0};
    int64_t now_ms = 0;
    ud_err err = ud_store_now(store, &now_ms);
    err = err == UD_OK ? find(store, name, &lease) : err;
    if (err != UD_OK && err != UD_ERR_NOT_FOUND) {
        return err;
    }
    const bool ours = strcmp(lease.holder, holder) == 0;
    const bool over =
        now_ms >= lease.until_ms || lease.until_ms > now_ms + 10 * ttl_ms; /* or set by a wrong clock */
    if (err == UD_OK && !over && !ours) {
        return UD_ERR_LEASE;
    }
    /* what ran out may have been given to another in between: only an unbroken lease keeps its number */
    const int64_t next = ours && !over ? lease.fence : lease.fence + 1;
    err = put(store, name, holder, next, now_ms + ttl_ms);
    if (err == UD_OK) {
        *fence = next;
    }
    return err;
}

ud_err ud_store_lease_check(struct ud_store *store, const char *name, int64_t fence)
{
    struct lease lease = {.fence = 0};
    /* writers follow each other: what was so a moment ago in this transaction still is */
    if (store->leased != NULL && store->leased_fence == fence && strcmp(store->leased, name) == 0) {
        return UD_OK;
    }
    const ud_err err = find(store, name, &lease);
    if (err == UD_ERR_NOT_FOUND || (err == UD_OK && lease.fence != fence)) {
        return UD_ERR_LEASE;
    }
    if (err == UD_OK && ud_store_in_transaction(store)) {
        store->leased = name;
        store->leased_fence = fence;
    }
    return err;
}

ud_err ud_store_lease_is_known(struct ud_store *store, const char *name)
{
    struct lease lease = {.fence = 0};
    return find(store, name, &lease);
}

ud_err ud_store_lease_drop(struct ud_store *store, const char *name, int64_t fence)
{
    store->leased = NULL;
    struct sql q = sql_begin(store, "UPDATE lease SET until_ms=0 WHERE name=? AND fence=?");
    sql_put_text(&q, name);
    sql_put_int(&q, fence);
    return sql_end(&q);
}
