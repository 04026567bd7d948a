/* Trust anchors, device types. */
#include "sql.h"

ud_err ud_store_anchor_add(struct ud_store *store, int64_t tenant, const struct ud_row_anchor *anchor)
{
    struct sql q =
        sql_begin(store, "INSERT INTO anchor(tenant,kid,pub,name,weight,created_ms) VALUES(?,?,?,?,?,?)");
    sql_put_int(&q, tenant);
    sql_put_blob(&q, anchor->kid, sizeof anchor->kid);
    sql_put_blob(&q, anchor->pub, sizeof anchor->pub);
    sql_put_text(&q, anchor->name);
    sql_put_int(&q, anchor->weight);
    sql_put_int(&q, anchor->created_ms);
    return sql_end(&q);
}

ud_err ud_store_anchor_remove(struct ud_store *store, int64_t tenant, const uint8_t kid[UD_KID_BYTES])
{
    struct sql q = sql_begin(store, "DELETE FROM anchor WHERE tenant=? AND kid=?");
    sql_put_int(&q, tenant);
    sql_put_blob(&q, kid, UD_KID_BYTES);
    return sql_end_changed(&q);
}

/* The total of a list: `text` counts the rows of one tenant. */
static void count_total(struct ud_store *store, const char *text, int64_t tenant, struct ud_page *page)
{
    struct sql q = sql_begin(store, text);
    sql_put_int(&q, tenant);
    page->total = sql_row(&q) ? (uint32_t)sql_get_int(&q) : 0;
    sql_end(&q);
}

ud_err ud_store_anchor_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_anchor *anchor), void *ctx)
{
    count_total(store, "SELECT count(*) FROM anchor WHERE tenant=?", tenant, page);
    struct sql q = sql_begin(store, "SELECT kid,pub,name,weight,created_ms FROM anchor WHERE tenant=?"
                                    " ORDER BY created_ms,kid LIMIT ? OFFSET ?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_anchor row = {.weight = 0};
        sql_get_blob(&q, row.kid, sizeof row.kid);
        sql_get_blob(&q, row.pub, sizeof row.pub);
        sql_get_text(&q, row.name, sizeof row.name);
        row.weight = (uint8_t)sql_get_int(&q);
        row.created_ms = sql_get_int(&q);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_type_add(struct ud_store *store, int64_t tenant, struct ud_row_type *type)
{
    struct sql q = sql_begin(
        store, "INSERT INTO device_type(tenant,name,is_foreign,created_ms) VALUES(?,?,?,?) RETURNING id");
    sql_put_int(&q, tenant);
    sql_put_text(&q, type->name);
    sql_put_int(&q, type->foreign);
    sql_put_int(&q, type->created_ms);
    return sql_end_id(&q, &type->id);
}

static void read_type(struct sql *q, struct ud_row_type *row)
{
    row->id = sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    row->foreign = sql_get_int(q) != 0;
    row->created_ms = sql_get_int(q);
}

ud_err ud_store_type_find(struct ud_store *store, int64_t tenant, const char *name, struct ud_row_type *type)
{
    struct ud_row_type row = {.id = 0};
    struct sql q =
        sql_begin(store, "SELECT id,name,is_foreign,created_ms FROM device_type WHERE tenant=? AND name=?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, name);
    const bool found = sql_row(&q);
    if (found) {
        read_type(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *type = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_type_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                          void (*each)(void *ctx, const struct ud_row_type *type), void *ctx)
{
    count_total(store, "SELECT count(*) FROM device_type WHERE tenant=?", tenant, page);
    struct sql q = sql_begin(store, "SELECT id,name,is_foreign,created_ms FROM device_type WHERE tenant=?"
                                    " ORDER BY id LIMIT ? OFFSET ?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_type row = {.id = 0};
        read_type(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}
