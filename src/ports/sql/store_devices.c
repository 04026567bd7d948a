/* Devices, their keys and attributes. */
#include "sql.h"

#include "gather.h"
#include "server/store_lwm2m.h"
#include "server/store_shared.h"
#include "store_device_row.h"

#include <stdio.h>

void sql_read_device(struct sql *q, struct ud_row_device *row)
{
    memset(row, 0, sizeof *row);
    row->id = sql_get_int(q);
    row->tenant = sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    row->type_id = sql_get_int(q);
    sql_get_text(q, row->type_name, sizeof row->type_name);
    row->foreign = sql_get_int(q) != 0;
    row->has_token = !sql_get_null(q);
    sql_get_blob(q, row->token_hash, sizeof row->token_hash);
    row->has_key = !sql_get_null(q);
    sql_get_blob(q, row->kid, sizeof row->kid);
    sql_get_blob(q, row->pub, sizeof row->pub);
    row->wants_attributes = sql_get_int(q) != 0;
    row->last_seen_ms = sql_get_int(q);
    row->created_ms = sql_get_int(q);
    row->has_report = !sql_get_null(q);
    row->report_counter = sql_get_u64(q);
    sql_get_blob(q, row->report_hash, sizeof row->report_hash);
    row->reported_ms = sql_get_int(q);
    row->boot_reason = (ud_boot_reason)sql_get_int(q);
    row->has_running = !sql_get_null(q);
    sql_get_blob(q, row->running_digest, sizeof row->running_digest);
    row->running_sequence = sql_get_u64(q);
    row->running_epoch = (uint32_t)sql_get_int(q);
    row->running_release = (int32_t)sql_get_int(q);
    sql_get_text(q, row->running_version, sizeof row->running_version);
    row->finished_action = (int32_t)sql_get_int(q);
    row->finished_release = (int32_t)sql_get_int(q);
    row->status = (ud_device_status)sql_get_int(q);
    row->assigned_release = (int32_t)sql_get_int(q);
    sql_get_text(q, row->zone, sizeof row->zone);
    row->quarantine_ms = sql_get_int(q);
    row->quarantine_release = (int32_t)sql_get_int(q);
    sql_get_text(q, row->quarantine_reason, sizeof row->quarantine_reason);
    row->current_action = (int32_t)sql_get_int(q);
    row->current_release = (int32_t)sql_get_int(q);
    row->canceling = sql_get_int(q) != 0;
    sql_get_text(q, row->area, sizeof row->area);
    row->terms.rollout = (int32_t)sql_get_int(q);
    row->terms.group = (uint32_t)sql_get_int(q);
    sql_get_terms(q, &row->terms);
    row->changed = sql_get_int(q);
}

ud_err ud_store_device_add(struct ud_store *store, struct ud_row_device *device)
{
    struct sql q = sql_begin(store, "INSERT INTO device(tenant,name,type_id,token_hash,created_ms,area)"
                                    " VALUES(?,?,nullif(?,0),?,?,?) RETURNING id");
    sql_put_int(&q, device->tenant);
    sql_put_text(&q, device->name);
    sql_put_int(&q, device->type_id);
    if (device->has_token) {
        sql_put_blob(&q, device->token_hash, sizeof device->token_hash);
    } else {
        sql_put_null(&q);
    }
    sql_put_int(&q, device->created_ms);
    sql_put_text(&q, device->area);
    const ud_err err = sql_end_id(&q, &device->id);
    if (err != UD_OK) {
        return err;
    }
    struct sql back = sql_begin(store, "DELETE FROM pair WHERE kind=8 AND owner=? AND key=?");
    sql_put_int(&back, device->tenant);
    sql_put_text(&back, device->name);
    return sql_end(&back);
}

ud_err ud_store_device_was_removed(struct ud_store *store, int64_t tenant, const char *name, bool *removed)
{
    struct sql q = sql_begin(store, "SELECT 1 FROM pair WHERE kind=8 AND owner=? AND key=?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, name);
    *removed = sql_row(&q);
    return sql_end(&q);
}

static ud_err take_device(struct sql *q, struct ud_row_device *device)
{
    struct ud_row_device row;
    const bool found = sql_row(q);
    if (found) {
        sql_read_device(q, &row);
    }
    const ud_err err = sql_end(q);
    if (err == UD_OK && found) {
        *device = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_device_find(struct ud_store *store, int64_t tenant, const char *name,
                            struct ud_row_device *device)
{
    struct sql q = sql_begin(store, DEVICE_COLUMNS " WHERE d.tenant=? AND d.name=?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, name);
    return take_device(&q, device);
}

ud_err ud_store_device_get(struct ud_store *store, int64_t id, struct ud_row_device *device)
{
    if (sql_gather_device(store, id, device)) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, DEVICE_COLUMNS " WHERE d.id=?");
    sql_put_int(&q, id);
    return take_device(&q, device);
}

/* A statement whose only parameter is the device. */
static ud_err run_for(struct ud_store *store, const char *text, int64_t device)
{
    struct sql q = sql_begin(store, text);
    sql_put_int(&q, device);
    return sql_end(&q);
}

ud_err ud_store_device_remove(struct ud_store *store, int64_t id)
{
    ud_err err = run_for(store,
                         "WITH RECURSIVE chain(id) AS (SELECT last_status FROM action WHERE device=? UNION"
                         " SELECT s.previous FROM action_status s JOIN chain c ON s.id=c.id)"
                         " DELETE FROM action_status WHERE id IN (SELECT id FROM chain)",
                         id);
    err = err != UD_OK ? err
                       : run_for(store,
                                 "WITH RECURSIVE chain(id) AS (SELECT last_report FROM device WHERE id=? UNION"
                                 " SELECT r.previous FROM report r JOIN chain c ON r.id=c.id)"
                                 " DELETE FROM report WHERE id IN (SELECT id FROM chain)",
                                 id);
    err = err != UD_OK ? err
                       : run_for(store,
                                 "INSERT INTO rollout_fact(tenant,kind,device,action,rollout,group_position,"
                                 "state) SELECT o.tenant,4,m.device,m.action,m.rollout,m.group_position,m.state"
                                 " FROM rollout_device m JOIN rollout o ON o.id=m.rollout WHERE m.device=?",
                                 id);
    err = err != UD_OK ? err : run_for(store, "DELETE FROM rollout_device WHERE device=?", id);
    err = err != UD_OK ? err : run_for(store, "DELETE FROM device_tag WHERE device=?", id);
    err = err != UD_OK ? err : run_for(store, "DELETE FROM device_attribute WHERE device=?", id);
    err = err != UD_OK ? err : run_for(store, "DELETE FROM refused_report WHERE device=?", id);
    err = err != UD_OK ? err : run_for(store, "DELETE FROM action WHERE device=?", id);
    err = err != UD_OK ? err : run_for(store, "DELETE FROM device_key WHERE device=?", id);
    /* metadata and consent: another device may get the number */
    err = err != UD_OK ? err : run_for(store, "DELETE FROM pair WHERE kind IN (0,6) AND owner=?", id);
    err = err != UD_OK ? err : ud_store_lwm2m_forget(store, id);
    err = err != UD_OK ? err
                       : run_for(store,
                                 "INSERT INTO pair(kind,owner,key,value) SELECT 8,tenant,name,'{}' FROM device"
                                 " WHERE id=? ON CONFLICT(kind,owner,key) DO NOTHING",
                                 id);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "DELETE FROM device WHERE id=?");
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_device *device), void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*) FROM device WHERE ?1=0 OR tenant=?1");
    sql_put_int(&count, tenant);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q =
        sql_begin(store, DEVICE_COLUMNS " WHERE ?1=0 OR d.tenant=?1 ORDER BY d.id LIMIT ?2 OFFSET ?3");
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_device row;
        sql_read_device(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

#define IN_AREA "tenant=?1 AND (?2='' OR area=?2 OR substr(area,1,length(?2)+1)=?2||'/')"

ud_err ud_store_device_list_area(struct ud_store *store, int64_t tenant, const char *area, struct ud_page *page,
                                 void (*each)(void *ctx, const struct ud_row_device *device), void *ctx)
{
    if (area[0] == '\0') {
        return ud_store_device_list(store, tenant, page, each, ctx);
    }
    struct sql count = sql_begin(store, "SELECT count(*) FROM device WHERE " IN_AREA);
    sql_put_int(&count, tenant);
    sql_put_text(&count, area);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, DEVICE_COLUMNS " WHERE d.id IN (SELECT id FROM device WHERE " IN_AREA
                                                   " ORDER BY id LIMIT ?3 OFFSET ?4) ORDER BY d.id");
    sql_put_int(&q, tenant);
    sql_put_text(&q, area);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_device row;
        sql_read_device(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_device_walk(struct ud_store *store, int64_t after, uint32_t max,
                            void (*each)(void *ctx, const struct ud_row_device *device), void *ctx)
{
    struct sql q = sql_begin(store, DEVICE_COLUMNS " WHERE d.id>? ORDER BY d.id LIMIT ?");
    sql_put_int(&q, after);
    sql_put_int(&q, max);
    while (sql_row(&q)) {
        struct ud_row_device row;
        sql_read_device(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_device_area_set(struct ud_store *store, int64_t id, const char *area)
{
    struct sql q = sql_begin(store, "UPDATE device SET area=? WHERE id=?");
    sql_put_text(&q, area);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_token_set(struct ud_store *store, int64_t id, const uint8_t hash[UD_SHA256_BYTES])
{
    struct sql q = sql_begin(store, "UPDATE device SET token_hash=? WHERE id=?");
    sql_put_blob(&q, hash, UD_SHA256_BYTES);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_code_set(struct ud_store *store, int64_t id, const uint8_t hash[UD_SHA256_BYTES],
                                int64_t expires_ms)
{
    struct sql q = sql_begin(store, "UPDATE device SET code_hash=?,code_expires_ms=? WHERE id=?");
    sql_put_blob(&q, hash, UD_SHA256_BYTES);
    sql_put_int(&q, expires_ms);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_code_use(struct ud_store *store, int64_t id, const uint8_t hash[UD_SHA256_BYTES],
                                int64_t now_ms)
{
    uint8_t stored[UD_SHA256_BYTES];
    int64_t expires_ms = 0;
    struct sql q =
        sql_begin(store, "SELECT code_hash,code_expires_ms FROM device WHERE id=? AND code_hash IS NOT NULL");
    sql_put_int(&q, id);
    const bool found = sql_row(&q);
    if (found) {
        sql_get_blob(&q, stored, sizeof stored);
        expires_ms = sql_get_int(&q);
    }
    const ud_err err = sql_end(&q);
    if (err != UD_OK) {
        return err;
    }
    if (!found || now_ms >= expires_ms ||
        !ud_bytes_equal_secret(UD_BYTES_ARRAY(stored), (struct ud_bytes){hash, UD_SHA256_BYTES})) {
        return UD_ERR_AUTH;
    }
    return run_for(store, "UPDATE device SET code_hash=NULL,code_expires_ms=NULL WHERE id=?", id);
}

static ud_err end_key(struct ud_store *store, int64_t id, int64_t now_ms)
{
    struct sql q = sql_begin(store, "UPDATE device_key SET until_ms=? WHERE device=? AND until_ms IS NULL");
    sql_put_int(&q, now_ms);
    sql_put_int(&q, id);
    return sql_end(&q);
}

static ud_err add_key(struct ud_store *store, int64_t id, const uint8_t *kid, const uint8_t *pub,
                      int64_t now_ms)
{
    struct sql q = sql_begin(store, "INSERT INTO device_key(tenant,device,kid,pub,from_ms)"
                                    " SELECT tenant,id,?,?,? FROM device WHERE id=?");
    sql_put_blob(&q, kid, UD_KID_BYTES);
    sql_put_blob(&q, pub, UD_P256_PUBLIC_BYTES);
    sql_put_int(&q, now_ms);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_key_set(struct ud_store *store, int64_t id, const uint8_t kid[UD_KID_BYTES],
                               const uint8_t pub[UD_P256_PUBLIC_BYTES], int64_t now_ms)
{
    ud_err err = end_key(store, id, now_ms);
    err = err == UD_OK ? add_key(store, id, kid, pub, now_ms) : err;
    if (err != UD_OK) {
        return err;
    }
    /* a new key starts a new line of reports */
    struct sql q =
        sql_begin(store, "UPDATE device SET kid=?,pub=?,report_counter=NULL,report_hash=NULL WHERE id=?");
    sql_put_blob(&q, kid, UD_KID_BYTES);
    sql_put_blob(&q, pub, UD_P256_PUBLIC_BYTES);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_attributes_set(struct ud_store *store, int64_t id, const char *json)
{
    struct sql q = sql_begin(store, "UPDATE device SET attributes=?,wants_attributes=0 WHERE id=?");
    sql_put_text(&q, json);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_attributes_get(struct ud_store *store, int64_t id, struct ud_text *json)
{
    struct sql q = sql_begin(store, "SELECT attributes FROM device WHERE id=?");
    sql_put_int(&q, id);
    const bool found = sql_row(&q);
    if (found) {
        const struct ud_bytes text = sql_get_bytes(&q);
        ud_text_put(json, (const char *)text.ptr, text.len);
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_device_seen_set(struct ud_store *store, int64_t id, int64_t at_ms)
{
    struct sql q =
        sql_begin(store, "UPDATE device SET last_seen_ms=?,status=CASE WHEN status=0 THEN 1 ELSE status END"
                         " WHERE id=?");
    sql_put_int(&q, at_ms);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_report_set(struct ud_store *store, const struct ud_row_device *device)
{
    if (sql_gather_report_set(store, device)) {
        return UD_OK;
    }
    struct sql q =
        sql_begin(store, "UPDATE device SET report_counter=?,report_hash=?,reported_ms=?,boot_reason=?,"
                         "running_digest=?,running_sequence=?,running_epoch=?,running_release=?"
                         " WHERE id=?");
    sql_put_u64(&q, device->report_counter);
    sql_put_blob(&q, device->report_hash, sizeof device->report_hash);
    sql_put_int(&q, device->reported_ms);
    sql_put_int(&q, device->boot_reason);
    if (device->has_running) {
        sql_put_blob(&q, device->running_digest, sizeof device->running_digest);
    } else {
        sql_put_null(&q);
    }
    sql_put_u64(&q, device->running_sequence);
    sql_put_int(&q, device->running_epoch);
    sql_put_int(&q, device->running_release);
    sql_put_int(&q, device->id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_finished_set(struct ud_store *store, int64_t id, int32_t action, int32_t release)
{
    if (sql_gather_finished_set(store, id, action, release)) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, "UPDATE device SET finished_action=?,finished_release=?,wants_attributes=1"
                                    " WHERE id=?");
    sql_put_int(&q, action);
    sql_put_int(&q, release);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

/* --- what other servers changed */

ud_err ud_store_changes_newest(struct ud_store *store, int64_t *newest)
{
    *newest = 0;
    if (!ud_store_is_shared(store)) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, "SELECT greatest((SELECT coalesce(max(changed),0) FROM device),"
                                    "(SELECT coalesce(max(changed),0) FROM device_gone))");
    *newest = sql_row(&q) ? sql_get_int(&q) : 0;
    return sql_end(&q);
}

static ud_err changed_devices(struct ud_store *store, int64_t after, uint32_t max,
                              const struct ud_store_changes *changes, int64_t *last, uint32_t *count)
{
    /* first which ones: what is joined to a row is looked for once it is known that the row is wanted */
    struct sql q = sql_begin(store, DEVICE_COLUMNS " WHERE d.id IN (SELECT id FROM device WHERE changed>?"
                                                   " ORDER BY changed LIMIT ?) ORDER BY d.changed");
    sql_put_int(&q, after);
    sql_put_int(&q, max);
    while (sql_row(&q)) {
        struct ud_row_device row;
        sql_read_device(&q, &row);
        changes->changed(changes->ctx, &row);
        *last = row.changed;
        *count += 1;
    }
    return sql_end(&q);
}

static ud_err gone_devices(struct ud_store *store, int64_t after, uint32_t max,
                           const struct ud_store_changes *changes, int64_t *last, uint32_t *count)
{
    struct sql q =
        sql_begin(store, "SELECT changed,id FROM device_gone WHERE changed>? ORDER BY changed LIMIT ?");
    sql_put_int(&q, after);
    sql_put_int(&q, max);
    while (sql_row(&q)) {
        *last = sql_get_int(&q);
        changes->gone(changes->ctx, sql_get_int(&q));
        *count += 1;
    }
    return sql_end(&q);
}

ud_err ud_store_changes_read(struct ud_store *store, int64_t *after, uint32_t max,
                             const struct ud_store_changes *changes, bool *more)
{
    int64_t last[2] = {*after, *after};
    uint32_t count[2] = {0, 0};
    ud_err err = changed_devices(store, *after, max, changes, &last[0], &count[0]);
    err = err == UD_OK ? gone_devices(store, *after, max, changes, &last[1], &count[1]) : err;
    if (err != UD_OK) {
        return err;
    }
    *more = count[0] == max || count[1] == max;
    if (!*more) {
        *after = last[0] > last[1] ? last[0] : last[1];
    } else { /* only as far as both were read */
        const int64_t full = count[0] == max && (count[1] < max || last[0] < last[1]) ? last[0] : last[1];
        *after = full;
    }
    return UD_OK;
}
