/* Webhooks. */
#include "sql.h"

#include "server/store_events.h"

ud_err ud_store_hook_add(struct ud_store *store, struct ud_row_hook *hook)
{
    const ud_err err = ud_store_event_newest(store, &hook->sent);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(
        store, "INSERT INTO webhook(tenant,url,secret,sent,created_ms) VALUES(?,?,?,?,?) RETURNING id");
    sql_put_int(&q, hook->tenant);
    sql_put_text(&q, hook->url);
    sql_put_text(&q, hook->secret);
    sql_put_int(&q, hook->sent);
    sql_put_int(&q, hook->created_ms);
    return sql_end_id(&q, &hook->id);
}

ud_err ud_store_hook_remove(struct ud_store *store, int64_t tenant, int64_t id)
{
    struct sql q = sql_begin(store, "DELETE FROM webhook WHERE tenant=? AND id=?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_hook_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                          void (*each)(void *ctx, const struct ud_row_hook *hook), void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*) FROM webhook WHERE ?1=0 OR tenant=?1");
    sql_put_int(&count, tenant);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q =
        sql_begin(store, "SELECT id,tenant,url,secret,sent,failures,next_ms,error,created_ms FROM webhook"
                         " WHERE ?1=0 OR tenant=?1 ORDER BY id LIMIT ?2 OFFSET ?3");
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_hook row = {.id = 0};
        row.id = sql_get_int(&q);
        row.tenant = sql_get_int(&q);
        sql_get_text(&q, row.url, sizeof row.url);
        sql_get_text(&q, row.secret, sizeof row.secret);
        row.sent = sql_get_int(&q);
        row.failures = (uint32_t)sql_get_int(&q);
        row.next_ms = sql_get_int(&q);
        sql_get_text(&q, row.error, sizeof row.error);
        row.created_ms = sql_get_int(&q);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_hook_set(struct ud_store *store, const struct ud_row_hook *hook)
{
    struct sql q = sql_begin(store, "UPDATE webhook SET sent=?,failures=?,next_ms=?,error=? WHERE id=?");
    sql_put_int(&q, hook->sent);
    sql_put_int(&q, hook->failures);
    sql_put_int(&q, hook->next_ms);
    sql_put_text(&q, hook->error);
    sql_put_int(&q, hook->id);
    return sql_end_changed(&q);
}
