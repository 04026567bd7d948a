/* What the console asks: docs/formats.md section 22. The counts are kept by triggers: schema_console.h. */
#include "sql.h"

#include "store_device_row.h"

#include "server/store_console.h"

#include <stdio.h>
#include <stdlib.h>

#define STANDS_QUARANTINED 16 /* as in schema_console.h */
#define STANDS_UNSIGNED 32
#define VALUES_COST_MS 60
#define LAST_CHARACTER "\xf4\x8f\xbf\xbf" /* no text goes on with a greater one */

/* --- how devices stand */

static void add_standing(struct ud_standing *standing, int64_t key, uint32_t devices)
{
    const bool unsigned_only = (key & STANDS_UNSIGNED) != 0;
    uint32_t *const by_status[UD_STATUS_COUNT] = {
        [UD_STATUS_UNKNOWN] = &standing->unknown,
        [UD_STATUS_REGISTERED] = &standing->registered,
        [UD_STATUS_PENDING] = &standing->updating,
        [UD_STATUS_IN_SYNC] = unsigned_only ? &standing->claimed : &standing->confirmed,
        [UD_STATUS_FAILED] = &standing->failed,
        [UD_STATUS_REVERTED] = &standing->reverted,
        [UD_STATUS_DRIFTED] = &standing->drifted,
    };
    const int64_t status = key & (STANDS_QUARANTINED - 1);
    standing->total += devices;
    if ((key & STANDS_QUARANTINED) != 0) {
        standing->quarantined += devices;
    } else {
        *by_status[status < UD_STATUS_COUNT ? status : UD_STATUS_UNKNOWN] += devices;
    }
}

ud_err ud_store_standing(struct ud_store *store, int64_t tenant, struct ud_standing *standing)
{
    memset(standing, 0, sizeof *standing);
    struct sql q =
        sql_begin(store, "SELECT kind,key,devices FROM tally WHERE tenant=? AND kind IN(1,2) AND devices>0");
    sql_put_int(&q, tenant);
    while (sql_row(&q)) {
        const int64_t kind = sql_get_int(&q);
        const int64_t key = sql_get_int(&q);
        const uint32_t devices = (uint32_t)sql_get_int(&q);
        if (kind == 1) {
            add_standing(standing, key, devices);
        } else if (kind == 2 && key >= 0 && key < UD_ACTION_STATE_COUNT) {
            standing->open[key] = devices;
        }
    }
    return sql_end(&q);
}

ud_err ud_store_runs(struct ud_store *store, int64_t tenant, int64_t from, int64_t to, uint32_t max,
                     void (*each)(void *ctx, const struct ud_row_runs *row), void *ctx)
{
    /* a release's newest row says what it has now; its last one up to `from` stands for the days before */
    struct sql q = sql_begin(
        store,
        "SELECT r.release,coalesce(e.name,''),coalesce(e.version,''),coalesce(e.is_foreign,0),"
        "CASE WHEN r.day<?2 THEN ?2 ELSE r.day END,r.devices FROM runs_by_day r"
        " LEFT JOIN release e ON e.id=r.release AND e.tenant=?1"
        " WHERE r.tenant=?1 AND r.day<=?3 AND r.day>=coalesce((SELECT max(x.day) FROM runs_by_day x WHERE"
        " x.tenant=?1 AND x.release=r.release AND x.day<=?2),?2) AND r.release IN"
        " (SELECT y.release FROM runs_by_day y WHERE y.tenant=?1 AND y.day=(SELECT max(z.day) FROM runs_by_day"
        " z WHERE z.tenant=?1 AND z.release=y.release AND z.day<=?3) ORDER BY y.devices DESC,y.release DESC "
        "LIMIT ?4)"
        " ORDER BY r.release,r.day");
    sql_put_int(&q, tenant);
    sql_put_int(&q, from);
    sql_put_int(&q, to);
    sql_put_int(&q, max);
    while (sql_row(&q)) {
        struct ud_row_runs row;
        row.release = (int32_t)sql_get_int(&q);
        sql_get_text(&q, row.name, sizeof row.name);
        sql_get_text(&q, row.version, sizeof row.version);
        row.foreign = sql_get_int(&q) != 0;
        row.day = sql_get_int(&q);
        row.devices = (uint32_t)sql_get_int(&q);
        each(ctx, &row);
    }
    return sql_end(&q);
}

/* One number. */
static ud_err take_count(struct sql *q, uint32_t *out)
{
    const uint32_t count = sql_row(q) ? (uint32_t)sql_get_int(q) : 0;
    const ud_err err = sql_end(q);
    if (err == UD_OK) {
        *out = count;
    }
    return err;
}

ud_err ud_store_runs_now(struct ud_store *store, int64_t tenant, int32_t release, uint32_t *devices)
{
    struct sql q = sql_begin(
        store, "SELECT devices FROM runs_by_day WHERE tenant=? AND release=? ORDER BY day DESC LIMIT 1");
    sql_put_int(&q, tenant);
    sql_put_int(&q, release);
    return take_count(&q, devices);
}

/* --- refused reports */

ud_err ud_store_refused_add(struct ud_store *store, int64_t tenant, int64_t device, ud_err error,
                            struct ud_bytes bytes, int64_t now_ms)
{
    struct sql q =
        sql_begin(store, "INSERT INTO refused_report(device,error,tenant,times,first_ms,last_ms,bytes)"
                         " SELECT id,?3,tenant,1,?4,?4,?5 FROM device WHERE id=?2 AND tenant=?1"
                         " ON CONFLICT(device,error) DO UPDATE SET times=refused_report.times+1,"
                         "last_ms=excluded.last_ms,bytes=excluded.bytes");
    sql_put_int(&q, tenant);
    sql_put_int(&q, device);
    sql_put_int(&q, (int64_t)error);
    sql_put_int(&q, now_ms);
    sql_put_blob(&q, bytes.ptr, bytes.len);
    return sql_end(&q);
}

#define REFUSED                                                                                                \
    " FROM refused_report r JOIN device d ON d.id=r.device WHERE r.tenant=?1 AND (?2=0 OR r.device=?2)"        \
    " AND (?3='' OR d.area=?3 OR substr(d.area,1,length(?3)+1)=?3||'/')"

static void put_refused(struct sql *q, int64_t tenant, int64_t device, const char *area)
{
    sql_put_int(q, tenant);
    sql_put_int(q, device);
    sql_put_text(q, area);
}

ud_err ud_store_refused_list(struct ud_store *store, int64_t tenant, int64_t device, const char *area,
                             struct ud_page *page, void (*each)(void *ctx, const struct ud_row_refused *row),
                             void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*)" REFUSED);
    put_refused(&count, tenant, device, area);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "SELECT d.name,r.error,r.times,r.first_ms,r.last_ms,r.bytes" REFUSED
                                    " ORDER BY r.last_ms DESC,r.device,r.error LIMIT ?4 OFFSET ?5");
    put_refused(&q, tenant, device, area);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_refused row;
        sql_get_text(&q, row.device, sizeof row.device);
        if (!ud_err_from_value((uint32_t)sql_get_int(&q), &row.error)) {
            row.error = UD_ERR_INTERNAL;
        }
        row.times = (uint32_t)sql_get_int(&q);
        row.first_ms = sql_get_int(&q);
        row.last_ms = sql_get_int(&q);
        row.bytes = sql_get_bytes(&q);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_refused_count(struct ud_store *store, int64_t tenant, int64_t since_ms, uint32_t *devices)
{
    struct sql q =
        sql_begin(store, "SELECT count(DISTINCT device) FROM refused_report WHERE tenant=? AND last_ms>=?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, since_ms);
    return take_count(&q, devices);
}

/* --- filters */

ud_err ud_store_own_filter_set(struct ud_store *store, int64_t tenant, int64_t person, const char *name,
                               const char *query, int64_t now_ms)
{
    uint32_t others = 0;
    struct sql count = sql_begin(store, "SELECT count(*) FROM own_filter WHERE person=? AND name<>?");
    sql_put_int(&count, person);
    sql_put_text(&count, name);
    const ud_err err = take_count(&count, &others);
    if (err != UD_OK || others >= UD_OWN_FILTERS_MAX) {
        return err == UD_OK ? UD_ERR_LIMIT : err;
    }
    struct sql q =
        sql_begin(store, "INSERT INTO own_filter(person,name,tenant,query,created_ms)"
                         " VALUES(?,?,?,?,?) ON CONFLICT(person,name) DO UPDATE SET query=excluded.query");
    sql_put_int(&q, person);
    sql_put_text(&q, name);
    sql_put_int(&q, tenant);
    sql_put_text(&q, query);
    sql_put_int(&q, now_ms);
    return sql_end(&q);
}

ud_err ud_store_own_filter_remove(struct ud_store *store, int64_t person, const char *name)
{
    struct sql q = sql_begin(store, "DELETE FROM own_filter WHERE person=? AND name=?");
    sql_put_int(&q, person);
    sql_put_text(&q, name);
    return sql_end_changed(&q);
}

#define FILTERS                                                                                                \
    "(SELECT name,query,0 AS shared FROM own_filter WHERE person=?1"                                           \
    " UNION ALL SELECT name,query,1 FROM saved_filter WHERE tenant=?2) f"

ud_err ud_store_own_filter_list(struct ud_store *store, int64_t tenant, int64_t person, struct ud_page *page,
                                void (*each)(void *ctx, const char *name, const char *query, bool shared),
                                void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*) FROM " FILTERS);
    sql_put_int(&count, person);
    sql_put_int(&count, tenant);
    const ud_err err = take_count(&count, &page->total);
    if (err != UD_OK) {
        return err;
    }
    struct sql q =
        sql_begin(store, "SELECT name,query,shared FROM " FILTERS " ORDER BY shared,name LIMIT ?3 OFFSET ?4");
    sql_put_int(&q, person);
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        char name[UD_TITLE_BYTES_MAX + 1];
        char query[UD_FIQL_BYTES_MAX + 1];
        sql_get_text(&q, name, sizeof name);
        sql_get_text(&q, query, sizeof query);
        const bool shared = sql_get_int(&q) != 0;
        each(ctx, name, query, shared);
    }
    return sql_end(&q);
}

/* --- put off */

ud_err ud_store_snooze_set(struct ud_store *store, int64_t tenant, const char *todo, int64_t until_ms,
                           const char *by)
{
    struct sql q = sql_begin(store, "INSERT INTO snooze(tenant,todo,until_ms,by_whom) VALUES(?,?,?,?)"
                                    " ON CONFLICT(tenant,todo) DO UPDATE SET until_ms=excluded.until_ms,"
                                    "by_whom=excluded.by_whom");
    sql_put_int(&q, tenant);
    sql_put_text(&q, todo);
    sql_put_int(&q, until_ms);
    sql_put_text(&q, by);
    return sql_end(&q);
}

ud_err ud_store_snooze_get(struct ud_store *store, int64_t tenant, const char *todo, int64_t *until_ms)
{
    struct sql q = sql_begin(store, "SELECT until_ms FROM snooze WHERE tenant=? AND todo=?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, todo);
    const int64_t until = sql_row(&q) ? sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *until_ms = until;
    }
    return err;
}

/* --- what needs a person */

ud_err ud_store_unapproved(struct ud_store *store, int64_t tenant, int64_t since_ms, uint32_t *count,
                           int32_t *first)
{
    struct sql q =
        sql_begin(store, "SELECT count(*),coalesce(min(r.id),0) FROM release r JOIN tenant t ON t.id=r.tenant"
                         " WHERE r.tenant=? AND r.recalled_ms=0 AND r.created_ms>=? AND t.approvals>0"
                         " AND (SELECT count(*) FROM approval a WHERE a.release=r.id)<t.approvals");
    sql_put_int(&q, tenant);
    sql_put_int(&q, since_ms);
    *count = 0;
    *first = 0;
    if (sql_row(&q)) {
        *count = (uint32_t)sql_get_int(&q);
        *first = (int32_t)sql_get_int(&q);
    }
    return sql_end(&q);
}

ud_err ud_store_trust_ending(struct ud_store *store, int64_t tenant, struct ud_trust_end *end)
{
    struct sql q = sql_begin(
        store, "SELECT r.id,r.name,r.version,p.value FROM pair p JOIN release r ON r.id=p.owner"
               " WHERE p.kind=11 AND p.value>'000000000000000000' AND (r.tenant=? OR ?=0) AND r.recalled_ms=0"
               " AND NOT EXISTS(SELECT 1 FROM pair o JOIN release n ON n.id=o.owner WHERE o.kind=11"
               " AND n.tenant=r.tenant AND n.recalled_ms=0 AND n.vendor_id=r.vendor_id"
               " AND n.class_id=r.class_id AND n.sequence>r.sequence) ORDER BY p.value,r.id LIMIT 1");
    sql_put_int(&q, tenant);
    sql_put_int(&q, tenant);
    struct ud_trust_end read = {.release = 0};
    const bool found = sql_row(&q);
    if (found) {
        char text[24];
        read.release = (int32_t)sql_get_int(&q);
        sql_get_text(&q, read.name, sizeof read.name);
        sql_get_text(&q, read.version, sizeof read.version);
        sql_get_text(&q, text, sizeof text);
        read.ends_s = strtoll(text, NULL, 10);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *end = read;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_token_ending(struct ud_store *store, int64_t tenant, int64_t from_ms, int64_t to_ms,
                             uint32_t *count, char label[UD_TITLE_BYTES_MAX + 1], int64_t *first_ms)
{
    struct sql q = sql_begin(store, "SELECT name,expires_ms FROM token WHERE tenant=? AND expires_ms>=?"
                                    " AND expires_ms<? ORDER BY expires_ms,id LIMIT 1000");
    sql_put_int(&q, tenant);
    sql_put_int(&q, from_ms);
    sql_put_int(&q, to_ms);
    *count = 0;
    label[0] = '\0';
    *first_ms = 0;
    while (sql_row(&q)) {
        if ((*count)++ == 0) {
            sql_get_text(&q, label, UD_TITLE_BYTES_MAX + 1);
            *first_ms = sql_get_int(&q);
        }
    }
    return sql_end(&q);
}

ud_err ud_store_rollout_states(struct ud_store *store, int64_t tenant, uint32_t *counts, size_t states)
{
    memset(counts, 0, states * sizeof *counts);
    struct sql q = sql_begin(store, "SELECT state,count(*) FROM rollout WHERE tenant=? GROUP BY state");
    sql_put_int(&q, tenant);
    while (sql_row(&q)) {
        const int64_t state = sql_get_int(&q);
        if (state >= 0 && (size_t)state < states) {
            counts[state] = (uint32_t)sql_get_int(&q);
        }
    }
    return sql_end(&q);
}

ud_err ud_store_rollout_in(struct ud_store *store, int64_t tenant, ud_rollout_state state, int32_t *ids,
                           size_t max, size_t *count)
{
    struct sql q =
        sql_begin(store, "SELECT id FROM rollout WHERE tenant=? AND state=? ORDER BY id DESC LIMIT ?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, (int64_t)state);
    sql_put_int(&q, (int64_t)max);
    *count = 0;
    while (sql_row(&q) && *count < max) {
        ids[(*count)++] = (int32_t)sql_get_int(&q);
    }
    return sql_end(&q);
}

/* --- before a rollout is made */

#define FIT_COST_MS 700  /* then a count alone has to do */
#define TIMES_SPAN 20000 /* actions that are looked at */

/* Of which type the release is; any foreign one where it names none. */
static ud_err count_takers(struct ud_store *store, int64_t tenant, const struct ud_row_release *release,
                           uint32_t *takers)
{
    struct sql q =
        sql_begin(store, "SELECT count(*) FROM device d WHERE d.tenant=?1 AND d.type_id IN (SELECT t.id FROM"
                         " device_type t WHERE t.tenant=?1 AND t.is_foreign=1 AND (?2=0 OR t.id=?2))");
    sql_put_int(&q, tenant);
    sql_put_int(&q, release->type_id);
    return take_count(&q, takers);
}

ud_err ud_store_fleet_fit(struct ud_store *store, int64_t tenant, const struct ud_row_release *release,
                          uint32_t reachable, struct ud_fit *fit)
{
    struct ud_fit found = {.matched = 0};
    uint32_t takers = 0;
    struct sql stands = sql_begin(store, "SELECT key,devices FROM tally WHERE tenant=? AND kind=1");
    sql_put_int(&stands, tenant);
    while (sql_row(&stands)) {
        const int64_t key = sql_get_int(&stands);
        const uint32_t devices = (uint32_t)sql_get_int(&stands);
        found.matched += devices;
        found.quarantined += (key & 16) != 0 ? devices : 0;
        found.busy += (key & 15) == UD_STATUS_PENDING ? devices : 0;
    }
    ud_err err = sql_end(&stands);
    if (err != UD_OK) {
        return err;
    }
    struct sql never = sql_begin(store, "SELECT count(*) FROM device WHERE tenant=? AND last_seen_ms=0");
    sql_put_int(&never, tenant);
    err = take_count(&never, &found.never);
    err = err == UD_OK ? ud_store_runs_now(store, tenant, release->id, &found.runs_it) : err;
    err = err == UD_OK && release->foreign ? count_takers(store, tenant, release, &takers) : err;
    if (err != UD_OK) {
        return err;
    }
    found.not_for_it = release->foreign && found.matched > takers ? found.matched - takers : 0;
    const uint32_t came = found.matched > found.never ? found.matched - found.never : 0;
    found.silent = came > reachable ? came - reachable : 0;
    *fit = found;
    return UD_OK;
}

ud_err ud_store_device_fit(struct ud_store *store, int64_t tenant, const struct ud_fiql *filter,
                           const struct ud_row_release *release, int64_t silent_ms, int64_t now_ms,
                           struct ud_fit *fit)
{
    char text[UD_FIQL_SQL_BYTES_MAX + 1024];
    snprintf(
        text, sizeof text,
        "SELECT count(*),coalesce(sum(CASE WHEN coalesce(d.running_release,0)=? OR (d.reported_ms IS NULL AND"
        " d.finished_release=?) THEN 1 ELSE 0 END),0),"
        "coalesce(sum(CASE WHEN ?=1 AND (coalesce(t.is_foreign,0)=0 OR (?<>0 AND d.type_id<>?)) THEN 1 ELSE 0 "
        "END),0),"
        "coalesce(sum(CASE WHEN d.quarantine_ms<>0 THEN 1 ELSE 0 END),0),"
        "coalesce(sum(CASE WHEN d.status=2 THEN 1 ELSE 0 END),0),"
        "coalesce(sum(CASE WHEN d.last_seen_ms<>0 AND d.last_seen_ms<? AND NOT EXISTS(SELECT 1 FROM"
        " lwm2m_registration r WHERE r.device=d.id AND (r.lifetime_s=0 OR d.last_seen_ms+1000*r.lifetime_s>=?))"
        " THEN 1 ELSE 0 END),0),"
        "coalesce(sum(CASE WHEN d.last_seen_ms=0 THEN 1 ELSE 0 END),0)"
        " FROM device d LEFT JOIN device_type t ON t.id=d.type_id WHERE d.tenant=? AND %s",
        filter->sql);
    sql_limit(store, FIT_COST_MS);
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, release->id);
    sql_put_int(&q, release->id);
    sql_put_int(&q, release->foreign ? 1 : 0);
    sql_put_int(&q, release->type_id);
    sql_put_int(&q, release->type_id);
    sql_put_int(&q, silent_ms);
    sql_put_int(&q, now_ms);
    sql_put_int(&q, tenant);
    sql_put_filter(&q, filter);
    struct ud_fit found = {.matched = 0};
    if (sql_row(&q)) {
        uint32_t *const numbers[] = {&found.matched, &found.runs_it, &found.not_for_it, &found.quarantined,
                                     &found.busy,    &found.silent,  &found.never};
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            *numbers[i] = (uint32_t)sql_get_int(&q);
        }
    }
    const ud_err err = sql_end(&q);
    sql_limit(store, 0);
    if (err == UD_OK) {
        *fit = found;
    }
    return err;
}

ud_err ud_store_action_times(struct ud_store *store, int64_t tenant, int64_t *times, size_t max, size_t *count)
{
    struct sql q = sql_begin(
        store,
        "SELECT took FROM (SELECT updated_ms-created_ms AS took FROM action WHERE tenant=?1 AND state IN (7,8)"
        " AND id>coalesce((SELECT max(id) FROM action),0)-?2 ORDER BY id DESC LIMIT ?3) x ORDER BY took");
    sql_put_int(&q, tenant);
    sql_put_int(&q, TIMES_SPAN);
    sql_put_int(&q, (int64_t)max);
    *count = 0;
    while (sql_row(&q) && *count < max) {
        times[(*count)++] = sql_get_int(&q);
    }
    return sql_end(&q);
}

/* --- completions: one index probe for each value that is there, however many rows have it */

struct walk {
    struct ud_store *store;
    const char *sql; /* one value: the least that is greater than (or, the first time, at least) the last one */
    int64_t tenant;
    const char *key; /* NULL: the statement takes none */
    const char *prefix;
    uint32_t max;
    ud_value_each each;
    void *ctx;
};

static ud_err walk_values(const struct walk *walk)
{
    char value[UD_FIQL_BYTES_MAX + 1] = "";
    const size_t prefix_len = strlen(walk->prefix);
    ud_err err = UD_OK;
    for (uint32_t n = 0; err == UD_OK && n < walk->max; n++) {
        struct sql q = sql_begin(walk->store, walk->sql);
        sql_put_int(&q, walk->tenant);
        if (walk->key != NULL) {
            sql_put_text(&q, walk->key);
        }
        sql_put_text(&q, n == 0 ? walk->prefix : value);
        sql_put_int(&q, n == 0 ? 1 : 0);
        char next[sizeof value] = "";
        const bool found = sql_row(&q);
        if (found) {
            sql_get_text(&q, next, sizeof next);
        }
        err = sql_end(&q);
        if (err != UD_OK || !found || strncmp(next, walk->prefix, prefix_len) != 0) {
            break;
        }
        if (next[0] != '\0') {
            walk->each(walk->ctx, next, 0);
        }
        memcpy(value, next, sizeof value);
    }
    return err;
}

ud_err ud_store_attribute_keys(struct ud_store *store, int64_t tenant, const char *prefix, uint32_t max,
                               ud_value_each each, void *ctx)
{
    const struct walk walk = {
        store,
        "SELECT key FROM device_attribute WHERE tenant=?1 AND key>=?2 AND (?3=1 OR key>?2)"
        " ORDER BY key LIMIT 1",
        tenant,
        NULL,
        prefix,
        max,
        each,
        ctx};
    return walk_values(&walk);
}

ud_err ud_store_attribute_values(struct ud_store *store, int64_t tenant, const char *key, const char *prefix,
                                 uint32_t max, ud_value_each each, void *ctx)
{
    char end[UD_FIQL_BYTES_MAX + 8];
    snprintf(end, sizeof end, "%s" LAST_CHARACTER, prefix);
    sql_limit(store, VALUES_COST_MS);
    struct sql q =
        sql_begin(store, "SELECT value,count(*) FROM device_attribute WHERE tenant=? AND key=? AND value>=?"
                         " AND value<? GROUP BY value ORDER BY 2 DESC,1 LIMIT ?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, key);
    sql_put_text(&q, prefix);
    sql_put_text(&q, end);
    sql_put_int(&q, max);
    while (sql_row(&q)) {
        char value[UD_FIQL_BYTES_MAX + 1];
        sql_get_text(&q, value, sizeof value);
        each(ctx, value, (uint32_t)sql_get_int(&q));
    }
    const ud_err err = sql_end(&q);
    sql_limit(store, 0);
    if (err != UD_ERR_FILTER_COST) {
        return err;
    }
    const struct walk walk = {store,
                              "SELECT value FROM device_attribute WHERE tenant=?1 AND key=?2 AND value>=?3"
                              " AND (?4=1 OR value>?3) ORDER BY value LIMIT 1",
                              tenant,
                              key,
                              prefix,
                              max,
                              each,
                              ctx};
    return walk_values(&walk);
}

ud_err ud_store_names(struct ud_store *store, int64_t tenant, ud_named what, const char *prefix, uint32_t max,
                      ud_value_each each, void *ctx)
{
    static const char *const sql[] = {
        [UD_NAMED_TYPE] = "SELECT name FROM device_type WHERE tenant=?1 AND name>=?2 AND (?3=1 OR name>?2)"
                          " ORDER BY name LIMIT 1",
        [UD_NAMED_TAG] = "SELECT name FROM tag WHERE tenant=?1 AND kind=1 AND name>=?2 AND (?3=1 OR name>?2)"
                         " ORDER BY name LIMIT 1",
        [UD_NAMED_RELEASE] = "SELECT name FROM release WHERE tenant=?1 AND name>=?2 AND (?3=1 OR name>?2)"
                             " ORDER BY name LIMIT 1",
        [UD_NAMED_VERSION] =
            "SELECT version FROM release WHERE tenant=?1 AND version>=?2 AND (?3=1 OR version>?2)"
            " ORDER BY version LIMIT 1",
        [UD_NAMED_AREA] = "SELECT area FROM device WHERE tenant=?1 AND area>=?2 AND (?3=1 OR area>?2)"
                          " ORDER BY area LIMIT 1",
    };
    const struct walk walk = {store, sql[what], tenant, NULL, prefix, max, each, ctx};
    return walk_values(&walk);
}
