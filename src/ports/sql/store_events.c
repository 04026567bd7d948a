/* The audit log and the outbox: written with the fact, read in the order of the commits. */
#include "gather.h"

#include "ports/openssl/audit.h"
#include "server/store_events.h"

/* --- audit */

/* Number and hash of the newest entry; 0 and zero bytes where there is none. */
static ud_err newest(struct ud_store *store, int64_t tenant, int64_t *n, uint8_t hash[UD_SHA256_BYTES])
{
    memset(hash, 0, UD_SHA256_BYTES);
    *n = 0;
    struct sql q = sql_begin(store, "SELECT n,hash FROM audit WHERE tenant=? ORDER BY n DESC LIMIT 1");
    sql_put_int(&q, tenant);
    if (sql_row(&q)) {
        *n = sql_get_int(&q);
        sql_get_blob(&q, hash, UD_SHA256_BYTES);
    }
    return sql_end(&q);
}

ud_err ud_store_audit_add(struct ud_store *store, struct ud_row_audit *entry)
{
    uint8_t before[UD_SHA256_BYTES];
    ud_err err = newest(store, entry->tenant, &entry->n, before);
    entry->n++;
    const struct ud_audit_entry hashed = {entry->tenant, entry->n,    entry->at_ms,
                                          entry->who,    entry->what, entry->detail};
    err = err == UD_OK ? ud_audit_hash(&hashed, before, entry->hash) : err;
    if (err != UD_OK) {
        return err;
    }
    struct sql q =
        sql_begin(store, "INSERT INTO audit(tenant,n,at_ms,who,what,detail,hash) VALUES(?,?,?,?,?,?,?)");
    sql_put_int(&q, entry->tenant);
    sql_put_int(&q, entry->n);
    sql_put_int(&q, entry->at_ms);
    sql_put_text(&q, entry->who);
    sql_put_text(&q, entry->what);
    sql_put_text(&q, entry->detail);
    sql_put_blob(&q, entry->hash, sizeof entry->hash);
    return sql_end(&q);
}

ud_err ud_store_audit_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                           void (*each)(void *ctx, const struct ud_row_audit *entry), void *ctx)
{
    uint8_t hash[UD_SHA256_BYTES];
    int64_t last = 0;
    const ud_err err = newest(store, tenant, &last, hash);
    if (err != UD_OK) {
        return err;
    }
    page->total = (uint32_t)last;
    struct sql q = sql_begin(store, "SELECT n,at_ms,who,what,detail,hash FROM audit WHERE tenant=? AND n>?"
                                    " ORDER BY n LIMIT ?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->offset);
    sql_put_int(&q, page->limit);
    while (sql_row(&q)) {
        struct ud_row_audit row = {.tenant = tenant};
        row.n = sql_get_int(&q);
        row.at_ms = sql_get_int(&q);
        sql_get_text(&q, row.who, sizeof row.who);
        sql_get_text(&q, row.what, sizeof row.what);
        sql_get_text(&q, row.detail, sizeof row.detail);
        sql_get_blob(&q, row.hash, sizeof row.hash);
        each(ctx, &row);
    }
    return sql_end(&q);
}

/* --- the outbox */

ud_err ud_store_event_add(struct ud_store *store, struct ud_row_event *event)
{
    ud_err gathered = UD_OK;
    if (sql_gather_event_add(store, event, &gathered)) {
        return gathered;
    }
    struct sql q = sql_begin(
        store, "INSERT INTO event(tenant,at_ms,kind,device,body,area) VALUES(?,?,?,?,?,"
               "coalesce((SELECT d.area FROM device d WHERE d.tenant=? AND d.name=?),'')) RETURNING id");
    sql_put_int(&q, event->tenant);
    sql_put_int(&q, event->at_ms);
    sql_put_text(&q, event->kind);
    sql_put_text(&q, event->device);
    sql_put_text(&q, event->body);
    sql_put_int(&q, event->tenant);
    sql_put_text(&q, event->of == NULL ? event->device : event->of);
    return sql_end_id(&q, &event->id);
}

static ud_err each_event(struct sql *q, void (*each)(void *ctx, const struct ud_row_event *event), void *ctx)
{
    while (sql_row(q)) {
        struct ud_row_event row = {.id = 0};
        row.id = sql_get_int(q);
        row.tenant = sql_get_int(q);
        row.at_ms = sql_get_int(q);
        sql_get_text(q, row.kind, sizeof row.kind);
        sql_get_text(q, row.device, sizeof row.device);
        row.body = sql_get_words(q);
        each(ctx, &row);
    }
    return sql_end(q);
}

ud_err ud_store_event_list(struct ud_store *store, int64_t tenant, int64_t after, uint32_t max,
                           void (*each)(void *ctx, const struct ud_row_event *event), void *ctx)
{
    struct sql q = sql_begin(store, "SELECT id,tenant,at_ms,kind,device,body FROM event"
                                    " WHERE id>?1 AND (?2=0 OR tenant=?2) ORDER BY id LIMIT ?3");
    sql_put_int(&q, after);
    sql_put_int(&q, tenant);
    sql_put_int(&q, max);
    return each_event(&q, each, ctx);
}

ud_err ud_store_event_list_in(struct ud_store *store, int64_t tenant, const char *area, int64_t after,
                              int64_t upto, uint32_t max,
                              void (*each)(void *ctx, const struct ud_row_event *event), void *ctx)
{
    struct sql q =
        sql_begin(store, "SELECT id,tenant,at_ms,kind,device,body FROM event"
                         " WHERE id>?1 AND id<=?2 AND tenant=?3"
                         " AND (area=?4 OR substr(area,1,length(?4)+1)=?4||'/') ORDER BY id LIMIT ?5");
    sql_put_int(&q, after);
    sql_put_int(&q, upto);
    sql_put_int(&q, tenant);
    sql_put_text(&q, area);
    sql_put_int(&q, max);
    return each_event(&q, each, ctx);
}

static ud_err one_id(struct ud_store *store, const char *text, int64_t *id)
{
    struct sql q = sql_begin(store, text);
    const int64_t found = sql_row(&q) ? sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *id = found;
    }
    return err;
}

ud_err ud_store_event_newest(struct ud_store *store, int64_t *id)
{
    return one_id(store, "SELECT coalesce(max(id),0) FROM event", id);
}

ud_err ud_store_event_oldest(struct ud_store *store, int64_t *id)
{
    return one_id(store, "SELECT coalesce(min(id),0) FROM event", id);
}

ud_err ud_store_event_forget(struct ud_store *store, int64_t before_ms, uint32_t max, uint64_t *gone)
{
    /* only the oldest are looked at: they stand in the order of time */
    struct sql q =
        sql_begin(store, "DELETE FROM event WHERE id IN (SELECT o.id FROM (SELECT id,at_ms FROM event"
                         " ORDER BY id LIMIT ?) o WHERE o.at_ms<?)");
    sql_put_int(&q, max);
    sql_put_int(&q, before_ms);
    return sql_end_count(&q, gone);
}
