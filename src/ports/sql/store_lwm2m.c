/* LwM2M: keys, registrations, commands, observations, values. */
#include "server/store_lwm2m.h"

#include "sql.h"

#include <math.h>
#include <stdlib.h>

/* --- keys */

static const char *words_or_null(struct sql *q)
{
    const bool null = sql_get_null(q);
    const char *words = sql_get_words(q);
    return null ? NULL : words;
}

#define KEY_COLUMNS "SELECT id,tenant,device,mode,bootstrap,identity,secret,created_ms FROM lwm2m_key"

static void get_some(struct sql *q, uint8_t *out, size_t room, size_t *len)
{
    const struct ud_bytes bytes = sql_get_bytes(q);
    if (bytes.len > room) {
        q->err = q->err == UD_OK ? UD_ERR_STORE : q->err; /* files are input too */
        return;
    }
    if (bytes.len > 0) {
        memcpy(out, bytes.ptr, bytes.len);
    }
    *len = bytes.len;
}

static void read_key(struct sql *q, struct ud_row_lwm2m_key *key)
{
    memset(key, 0, sizeof *key);
    key->id = sql_get_int(q);
    key->tenant = sql_get_int(q);
    key->device = sql_get_int(q);
    key->mode = (uint8_t)sql_get_int(q);
    key->bootstrap = (uint8_t)sql_get_int(q);
    get_some(q, key->identity, sizeof key->identity, &key->identity_bytes);
    get_some(q, key->secret, sizeof key->secret, &key->secret_bytes);
    key->created_ms = sql_get_int(q);
}

ud_err ud_store_lwm2m_key_add(struct ud_store *store, struct ud_row_lwm2m_key *key)
{
    struct sql q =
        sql_begin(store, "INSERT INTO lwm2m_key(tenant,device,mode,bootstrap,identity,secret,created_ms)"
                         " VALUES(?,?,?,?,?,?,?) RETURNING id");
    sql_put_int(&q, key->tenant);
    sql_put_int(&q, key->device);
    sql_put_int(&q, key->mode);
    sql_put_int(&q, key->bootstrap);
    sql_put_blob(&q, key->identity, key->identity_bytes);
    sql_put_blob(&q, key->secret, key->secret_bytes);
    sql_put_int(&q, key->created_ms);
    return sql_end_id(&q, &key->id);
}

ud_err ud_store_lwm2m_key_find(struct ud_store *store, uint8_t mode, struct ud_bytes identity,
                               struct ud_row_lwm2m_key *key)
{
    struct ud_row_lwm2m_key row;
    struct sql q = sql_begin(store, KEY_COLUMNS " WHERE identity=? AND mode=?");
    sql_put_blob(&q, identity.ptr, identity.len);
    sql_put_int(&q, mode);
    const bool found = sql_row(&q);
    if (found) {
        read_key(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *key = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_lwm2m_key_list(struct ud_store *store, int64_t device,
                               void (*each)(void *ctx, const struct ud_row_lwm2m_key *key), void *ctx)
{
    struct sql q = sql_begin(store, KEY_COLUMNS " WHERE device=? ORDER BY id");
    sql_put_int(&q, device);
    while (sql_row(&q)) {
        struct ud_row_lwm2m_key key;
        read_key(&q, &key);
        each(ctx, &key);
    }
    return sql_end(&q);
}

ud_err ud_store_lwm2m_key_remove(struct ud_store *store, int64_t device, int64_t id)
{
    struct sql q = sql_begin(store, "DELETE FROM lwm2m_key WHERE device=? AND id=?");
    sql_put_int(&q, device);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_lwm2m_keys_clear(struct ud_store *store, int64_t device, bool bootstrap, int64_t but)
{
    struct sql q = sql_begin(store, "DELETE FROM lwm2m_key WHERE device=? AND (bootstrap<>0)=(?<>0) AND id<>?");
    sql_put_int(&q, device);
    sql_put_int(&q, bootstrap);
    sql_put_int(&q, but);
    return sql_end(&q);
}

ud_err ud_store_lwm2m_run(struct ud_store *store, uint32_t least, int64_t *run)
{
    struct sql q =
        sql_begin(store, "INSERT INTO counter(name,value) VALUES('oscore-run',?) ON CONFLICT(name) DO UPDATE "
                         "SET value=CASE WHEN counter.value+1>excluded.value THEN counter.value+1 ELSE "
                         "excluded.value END RETURNING value");
    sql_put_int(&q, least);
    return sql_end_id(&q, run);
}

/* --- registrations */

ud_err ud_store_lwm2m_registration_set(struct ud_store *store, const struct ud_row_lwm2m_registration *row)
{
    struct sql q = sql_begin(
        store,
        "INSERT INTO lwm2m_registration(device,tenant,location,version,queue,mode,lifetime_s,binding,address,"
        "objects,registered_ms,updated_ms) VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(device) DO UPDATE SET"
        " location=excluded.location,version=excluded.version,queue=excluded.queue,mode=excluded.mode,"
        "lifetime_s=excluded.lifetime_s,binding=excluded.binding,address=excluded.address,"
        "objects=excluded.objects,registered_ms=excluded.registered_ms,updated_ms=excluded.updated_ms");
    sql_put_int(&q, row->device);
    sql_put_int(&q, row->tenant);
    sql_put_u64(&q, row->location);
    sql_put_int(&q, row->version);
    sql_put_int(&q, row->queue);
    sql_put_int(&q, row->mode);
    sql_put_int(&q, row->lifetime_s);
    sql_put_text(&q, row->binding);
    sql_put_text(&q, row->address);
    sql_put_text(&q, row->objects);
    sql_put_int(&q, row->registered_ms);
    sql_put_int(&q, row->updated_ms);
    return sql_end(&q);
}

ud_err ud_store_lwm2m_registration_remove(struct ud_store *store, int64_t device, uint64_t location)
{
    struct sql q = sql_begin(store, "DELETE FROM lwm2m_registration WHERE device=? AND location=?");
    sql_put_int(&q, device);
    sql_put_u64(&q, location);
    return sql_end(&q);
}

ud_err ud_store_lwm2m_registration_list(struct ud_store *store, int64_t device,
                                        void (*each)(void *ctx, const struct ud_row_lwm2m_registration *row),
                                        void *ctx)
{
    struct sql q = sql_begin(
        store,
        "SELECT device,tenant,location,version,queue,mode,lifetime_s,binding,address,registered_ms,updated_ms,"
        "objects FROM lwm2m_registration WHERE ?1=0 OR device=?1 ORDER BY device");
    sql_put_int(&q, device);
    while (sql_row(&q)) {
        struct ud_row_lwm2m_registration row = {.device = sql_get_int(&q)};
        row.tenant = sql_get_int(&q);
        row.location = sql_get_u64(&q);
        row.version = (uint8_t)sql_get_int(&q);
        row.queue = sql_get_int(&q) != 0;
        row.mode = (uint8_t)sql_get_int(&q);
        row.lifetime_s = (uint32_t)sql_get_int(&q);
        sql_get_text(&q, row.binding, sizeof row.binding);
        sql_get_text(&q, row.address, sizeof row.address);
        row.registered_ms = sql_get_int(&q);
        row.updated_ms = sql_get_int(&q);
        row.objects = sql_get_words(&q);
        each(ctx, &row);
    }
    return sql_end(&q);
}

/* --- commands */

#define COMMAND_COLUMNS                                                                                        \
    "SELECT id,tenant,device,state,error,created_ms,updated_ms,by_whom,spec,answer FROM lwm2m_command"

typedef void each_command(void *ctx, const struct ud_row_command *command);

static uint32_t tell_commands(struct sql *q, each_command *each, void *ctx)
{
    uint32_t count = 0;
    while (sql_row(q)) {
        struct ud_row_command row = {.id = sql_get_int(q)};
        row.tenant = sql_get_int(q);
        row.device = sql_get_int(q);
        row.state = (ud_command_state)sql_get_int(q);
        row.error = (ud_err)sql_get_int(q);
        row.created_ms = sql_get_int(q);
        row.updated_ms = sql_get_int(q);
        row.by = sql_get_words(q);
        row.spec = sql_get_words(q);
        row.answer = words_or_null(q);
        each(ctx, &row);
        count++;
    }
    return count;
}

ud_err ud_store_command_add(struct ud_store *store, struct ud_row_command *command)
{
    struct sql q =
        sql_begin(store, "INSERT INTO lwm2m_command(tenant,device,state,error,created_ms,updated_ms,by_whom,"
                         "spec) VALUES(?,?,?,0,?,?,?,?) RETURNING id");
    sql_put_int(&q, command->tenant);
    sql_put_int(&q, command->device);
    sql_put_int(&q, command->state);
    sql_put_int(&q, command->created_ms);
    sql_put_int(&q, command->created_ms);
    sql_put_text(&q, command->by);
    sql_put_text(&q, command->spec);
    return sql_end_id(&q, &command->id);
}

ud_err ud_store_command_set(struct ud_store *store, const struct ud_row_command *command)
{
    struct sql q = sql_begin(
        store, "UPDATE lwm2m_command SET state=?,error=?,answer=?,updated_ms=? WHERE id=? AND state IN (1,5)");
    sql_put_int(&q, command->state);
    sql_put_int(&q, command->error);
    if (command->answer == NULL) {
        sql_put_null(&q);
    } else {
        sql_put_text(&q, command->answer);
    }
    sql_put_int(&q, command->updated_ms);
    sql_put_int(&q, command->id);
    return sql_end_changed(&q);
}

static ud_err tell_one(struct sql *q, each_command *each, void *ctx)
{
    const uint32_t count = tell_commands(q, each, ctx);
    const ud_err err = sql_end(q);
    return err == UD_OK && count == 0 ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_command_next(struct ud_store *store, int64_t device, each_command *each, void *ctx)
{
    struct sql q = sql_begin(store, COMMAND_COLUMNS " WHERE device=? AND state IN (1,5) ORDER BY id LIMIT 1");
    sql_put_int(&q, device);
    return tell_one(&q, each, ctx);
}

ud_err ud_store_command_get(struct ud_store *store, int64_t tenant, int64_t id, each_command *each, void *ctx)
{
    struct sql q = sql_begin(store, COMMAND_COLUMNS " WHERE tenant=? AND id=?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, id);
    return tell_one(&q, each, ctx);
}

static ud_err count_of(struct ud_store *store, const char *text, int64_t device, uint32_t *count)
{
    struct sql q = sql_begin(store, text);
    sql_put_int(&q, device);
    const uint32_t found = sql_row(&q) ? (uint32_t)sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *count = found;
    }
    return err;
}

ud_err ud_store_command_list(struct ud_store *store, int64_t device, struct ud_page *page, each_command *each,
                             void *ctx)
{
    const ud_err err =
        count_of(store, "SELECT count(*) FROM lwm2m_command WHERE device=?", device, &page->total);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, COMMAND_COLUMNS " WHERE device=? ORDER BY id DESC LIMIT ? OFFSET ?");
    sql_put_int(&q, device);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    tell_commands(&q, each, ctx);
    return sql_end(&q);
}

ud_err ud_store_command_count(struct ud_store *store, int64_t device, uint32_t *waiting)
{
    return count_of(store, "SELECT count(*) FROM lwm2m_command WHERE device=? AND state IN (1,5)", device,
                    waiting);
}

ud_err ud_store_command_newest(struct ud_store *store, int64_t *id)
{
    struct sql q = sql_begin(store, "SELECT coalesce(max(id),0) FROM lwm2m_command");
    const int64_t newest = sql_row(&q) ? sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *id = newest;
    }
    return err;
}

ud_err ud_store_command_since(struct ud_store *store, int64_t *after, uint32_t max,
                              void (*each)(void *ctx, int64_t device), void *ctx)
{
    struct sql q = sql_begin(store, "SELECT id,device FROM lwm2m_command WHERE id>? ORDER BY id LIMIT ?");
    uint32_t count = 0;
    sql_put_int(&q, *after);
    sql_put_int(&q, max);
    while (sql_row(&q)) {
        *after = sql_get_int(&q);
        each(ctx, sql_get_int(&q));
        count++;
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && count == 0 ? UD_ABSENT : err;
}

static ud_err devices_of(struct ud_store *store, const char *text, void (*each)(void *ctx, int64_t device),
                         void *ctx)
{
    struct sql q = sql_begin(store, text);
    while (sql_row(&q)) {
        each(ctx, sql_get_int(&q));
    }
    return sql_end(&q);
}

ud_err ud_store_command_devices(struct ud_store *store, void (*each)(void *ctx, int64_t device), void *ctx)
{
    return devices_of(store, "SELECT DISTINCT device FROM lwm2m_command WHERE state IN (1,5)", each, ctx);
}

/* --- what is observed */

ud_err ud_store_watch_add(struct ud_store *store, int64_t device, const char *path)
{
    struct sql q = sql_begin(
        store, "INSERT INTO lwm2m_watch(device,path) VALUES(?,?) ON CONFLICT(device,path) DO NOTHING");
    sql_put_int(&q, device);
    sql_put_text(&q, path);
    return sql_end(&q);
}

ud_err ud_store_watch_remove(struct ud_store *store, int64_t device, const char *path)
{
    struct sql q = sql_begin(store, "DELETE FROM lwm2m_watch WHERE device=? AND path=?");
    sql_put_int(&q, device);
    sql_put_text(&q, path);
    return sql_end(&q);
}

ud_err ud_store_watch_list(struct ud_store *store, int64_t device, void (*each)(void *ctx, const char *path),
                           void *ctx)
{
    struct sql q = sql_begin(store, "SELECT path FROM lwm2m_watch WHERE device=? ORDER BY path");
    sql_put_int(&q, device);
    while (sql_row(&q)) {
        each(ctx, sql_get_words(&q));
    }
    return sql_end(&q);
}

ud_err ud_store_watch_count(struct ud_store *store, int64_t device, uint32_t *count)
{
    return count_of(store, "SELECT count(*) FROM lwm2m_watch WHERE device=?", device, count);
}

ud_err ud_store_watch_devices(struct ud_store *store, void (*each)(void *ctx, int64_t device), void *ctx)
{
    return devices_of(store, "SELECT DISTINCT device FROM lwm2m_watch", each, ctx);
}

/* --- values */

#define VALUE_COLUMNS "SELECT v.device,v.at_ms,v.samples,v.path,v.value,v.low,v.high FROM lwm2m_value v"

typedef void each_value(void *ctx, const struct ud_row_value *value);

static uint32_t tell_values(struct sql *q, each_value *each, void *ctx)
{
    uint32_t count = 0;
    while (sql_row(q)) {
        struct ud_row_value row = {.device = sql_get_int(q)};
        row.at_ms = sql_get_int(q);
        row.count = (uint32_t)sql_get_int(q);
        row.path = sql_get_words(q);
        row.value = sql_get_words(q);
        row.low = words_or_null(q);
        row.high = words_or_null(q);
        each(ctx, &row);
        count++;
    }
    return count;
}

static void put_or_null(struct sql *q, const char *text)
{
    if (text == NULL) {
        sql_put_null(q);
    } else {
        sql_put_text(q, text);
    }
}

ud_err ud_store_value_add(struct ud_store *store, const struct ud_row_value *value)
{
    struct sql q = sql_begin(
        store, "INSERT INTO lwm2m_value(device,path,at_ms,samples,value,low,high) VALUES(?,?,?,?,?,?,?)");
    sql_put_int(&q, value->device);
    sql_put_text(&q, value->path);
    sql_put_int(&q, value->at_ms);
    sql_put_int(&q, value->count);
    sql_put_text(&q, value->value);
    put_or_null(&q, value->low);
    put_or_null(&q, value->high);
    return sql_end(&q);
}

ud_err ud_store_value_list(struct ud_store *store, int64_t device, const char *path, int64_t from_ms,
                           int64_t until_ms, struct ud_page *page, each_value *each, void *ctx)
{
    const char *any = path == NULL ? "" : path;
    struct sql count =
        sql_begin(store, "SELECT count(*) FROM lwm2m_value WHERE device=?1 AND (?2='' OR path=?2)"
                         " AND at_ms>=?3 AND at_ms<?4");
    sql_put_int(&count, device);
    sql_put_text(&count, any);
    sql_put_int(&count, from_ms);
    sql_put_int(&count, until_ms);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, VALUE_COLUMNS " WHERE v.device=?1 AND (?2='' OR v.path=?2) AND v.at_ms>=?3"
                                                  " AND v.at_ms<?4 ORDER BY v.at_ms,v.id LIMIT ?5 OFFSET ?6");
    sql_put_int(&q, device);
    sql_put_text(&q, any);
    sql_put_int(&q, from_ms);
    sql_put_int(&q, until_ms);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    tell_values(&q, each, ctx);
    return sql_end(&q);
}

ud_err ud_store_value_newest(struct ud_store *store, int64_t device, each_value *each, void *ctx)
{
    struct sql q =
        sql_begin(store, VALUE_COLUMNS " JOIN (SELECT max(id) AS newest FROM lwm2m_value WHERE device=?"
                                       " GROUP BY path) n ON n.newest=v.id ORDER BY v.path");
    sql_put_int(&q, device);
    tell_values(&q, each, ctx);
    return sql_end(&q);
}

/* --- making room */

#define HOUR_MS 3600000
#define NUMBER_CHARS 32

struct hour {
    int64_t device;
    int64_t from_ms;
    char path[UD_LWM2M_PATH_BYTES_MAX + 1];
};

struct merged {
    uint32_t samples;
    bool numbers;
    double low;
    double high;
    char low_text[NUMBER_CHARS];
    char high_text[NUMBER_CHARS];
    int64_t at_ms;
    struct ud_text value;
};

static bool is_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end); /* written by ourselves, in the C locale */
    return end != text && *end == '\0' && isfinite(*number);
}

static void merge(void *ctx, const struct ud_row_value *row)
{
    struct merged *m = ctx;
    double low;
    double high;
    const char *low_text = row->low == NULL ? row->value : row->low;
    const char *high_text = row->high == NULL ? row->value : row->high;
    const bool numbers = strlen(low_text) < NUMBER_CHARS && strlen(high_text) < NUMBER_CHARS &&
                         is_number(low_text, &low) && is_number(high_text, &high);
    m->numbers = numbers && (m->samples == 0 || m->numbers);
    if (m->numbers && (m->samples == 0 || low < m->low)) {
        m->low = low;
        memcpy(m->low_text, low_text, strlen(low_text) + 1);
    }
    if (m->numbers && (m->samples == 0 || high > m->high)) {
        m->high = high;
        memcpy(m->high_text, high_text, strlen(high_text) + 1);
    }
    m->samples += row->count;
    m->at_ms = row->at_ms;
    m->value.len = 0;
    ud_text_puts(&m->value, row->value);
}

static ud_err thin_hour(struct ud_store *store, const struct hour *hour)
{
    struct merged m = {.samples = 0};
    ud_text_init(&m.value, 65536);
    struct sql q = sql_begin(store, VALUE_COLUMNS " WHERE v.device=? AND v.path=? AND v.at_ms>=? AND v.at_ms<?"
                                                  " ORDER BY v.at_ms,v.id");
    sql_put_int(&q, hour->device);
    sql_put_text(&q, hour->path);
    sql_put_int(&q, hour->from_ms);
    sql_put_int(&q, hour->from_ms + HOUR_MS);
    tell_values(&q, merge, &m);
    ud_err err = sql_end(&q);
    err = err == UD_OK && !ud_text_ok(&m.value) ? UD_ERR_MEMORY : err;
    if (err == UD_OK) {
        struct sql gone =
            sql_begin(store, "DELETE FROM lwm2m_value WHERE device=? AND path=? AND at_ms>=? AND at_ms<?");
        sql_put_int(&gone, hour->device);
        sql_put_text(&gone, hour->path);
        sql_put_int(&gone, hour->from_ms);
        sql_put_int(&gone, hour->from_ms + HOUR_MS);
        err = sql_end(&gone);
    }
    if (err == UD_OK) {
        const struct ud_row_value row = {.device = hour->device,
                                         .path = hour->path,
                                         .at_ms = m.at_ms,
                                         .count = m.samples,
                                         .value = m.value.ptr,
                                         .low = m.numbers ? m.low_text : NULL,
                                         .high = m.numbers ? m.high_text : NULL};
        err = ud_store_value_add(store, &row);
    }
    ud_text_free(&m.value);
    return err;
}

static bool next_hour(struct ud_store *store, int64_t fine_ms, struct hour *hour, ud_err *err)
{
    struct sql q =
        sql_begin(store, "SELECT device,at_ms/3600000*3600000 AS hour,path FROM lwm2m_value WHERE at_ms<?"
                         " GROUP BY device,path,at_ms/3600000*3600000 HAVING count(*)>1 LIMIT 1");
    sql_put_int(&q, fine_ms);
    const bool found = sql_row(&q);
    if (found) {
        hour->device = sql_get_int(&q);
        hour->from_ms = sql_get_int(&q);
        sql_get_text(&q, hour->path, sizeof hour->path);
    }
    *err = sql_end(&q);
    return *err == UD_OK && found;
}

ud_err ud_store_value_thin(struct ud_store *store, int64_t fine_ms, int64_t all_ms, uint32_t max, bool *done)
{
    struct hour hour;
    struct sql q = sql_begin(store, "DELETE FROM lwm2m_value WHERE at_ms<?");
    sql_put_int(&q, all_ms);
    ud_err err = sql_end(&q);
    *done = false;
    for (uint32_t n = 0; n < max && err == UD_OK; n++) {
        if (!next_hour(store, fine_ms / HOUR_MS * HOUR_MS, &hour, &err)) {
            *done = err == UD_OK;
            break;
        }
        err = thin_hour(store, &hour);
    }
    return err;
}

ud_err ud_store_lwm2m_forget(struct ud_store *store, int64_t device)
{
    static const char *const texts[] = {
        "DELETE FROM lwm2m_key WHERE device=?",     "DELETE FROM lwm2m_registration WHERE device=?",
        "DELETE FROM lwm2m_command WHERE device=?", "DELETE FROM lwm2m_watch WHERE device=?",
        "DELETE FROM lwm2m_value WHERE device=?",
    };
    ud_err err = UD_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && err == UD_OK; i++) {
        struct sql q = sql_begin(store, texts[i]);
        sql_put_int(&q, device);
        err = sql_end(&q);
    }
    return err;
}
