/* Devices by filter; what rollouts keep about single devices. */
#include "gather.h"

#include "schema_console.h"
#include "store_device_row.h"

#include "server/store_rollouts.h"

#include <stdio.h>

#define SEARCH_SQL_BYTES (UD_FIQL_SQL_BYTES_MAX + 3072)
#define PAGE_COST_MS 2000
#define COUNT_COST_MS 60
/* so many matches are faster sorted than found by a walk in the order that was asked for */
#define SORTED_MAX 50000
#define SORTED_BY_ID_MAX 20000

#define IN_AREA "(d.area=? OR substr(d.area,1,length(?)+1)=?||'/')"

static void put_area(struct sql *q, const char *area)
{
    for (int i = 0; area[0] != '\0' && i < 3; i++) {
        sql_put_text(q, area);
    }
}

static const char *area_sql(const char *area)
{
    return area[0] == '\0' ? "1=1" : IN_AREA;
}

/* "attribute.key==value" and nothing else: its devices stand in the order of ids in one index. */
static bool is_one_attribute(const struct ud_fiql *filter, const char *area)
{
    return area[0] == '\0' && filter->param_count == 3 &&
           strcmp(filter->sql, "(((d.id IN(" UD_DEVICES_WITH_ATTRIBUTE "=?))))") == 0;
}

static ud_err count_matches(struct ud_store *store, int64_t tenant, const char *area,
                            const struct ud_fiql *filter, uint32_t *out)
{
    char text[SEARCH_SQL_BYTES];
    const bool one = is_one_attribute(filter, area);
    if (one) {
        snprintf(text, sizeof text, "SELECT count(*) FROM (" UD_DEVICES_WITH_ATTRIBUTE "=?) y");
    } else {
        snprintf(text, sizeof text, "SELECT count(*) FROM device d WHERE d.tenant=? AND %s AND %s",
                 area_sql(area), filter->sql);
    }
    struct sql q = sql_begin_made(store, text);
    if (!one) {
        sql_put_int(&q, tenant);
        put_area(&q, area);
    }
    sql_put_filter(&q, filter);
    uint32_t total = 0;
    if (sql_row(&q)) {
        total = (uint32_t)sql_get_int(&q);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *out = total;
    }
    return err;
}

ud_err ud_store_device_count(struct ud_store *store, int64_t tenant, const struct ud_fiql *filter,
                             uint32_t *count)
{
    sql_limit(store, PAGE_COST_MS);
    const ud_err err = count_matches(store, tenant, "", filter, count);
    sql_limit(store, 0);
    return err;
}

/* Matches on `page`, counted as far as that is cheap: *exact tells. */
static ud_err learn_total(struct ud_store *store, int64_t tenant, const char *area,
                          const struct ud_fiql *filter, struct ud_page *page, bool *exact)
{
    sql_limit(store, COUNT_COST_MS);
    const ud_err err = count_matches(store, tenant, area, filter, &page->total);
    *exact = err == UD_OK;
    return err == UD_ERR_FILTER_COST ? UD_OK : err;
}

#define MATCHES "FROM device d WHERE d.tenant=? AND %s AND %s"

/* --- all devices by id: the kept counts say in which block of ids a page begins */

struct start {
    int64_t bound; /* the block's first id; of the order downwards the one behind its last */
    uint32_t offset;
};

static ud_err find_start(struct ud_store *store, int64_t tenant, bool down, uint32_t offset,
                         struct start *start)
{
    struct sql q =
        sql_begin(store, down ? "SELECT key,devices FROM tally WHERE tenant=? AND kind=4 AND devices>0"
                                " ORDER BY key DESC"
                              : "SELECT key,devices FROM tally WHERE tenant=? AND kind=4 AND devices>0"
                                " ORDER BY key");
    sql_put_int(&q, tenant);
    *start = (struct start){down ? 0 : INT64_MAX, offset}; /* behind all of them */
    while (sql_row(&q)) {
        const int64_t block = sql_get_int(&q);
        const int64_t devices = sql_get_int(&q);
        if (devices > start->offset) {
            start->bound = (down ? block + 1 : block) * BLOCK_IDS_NUMBER;
            break;
        }
        start->offset -= (uint32_t)devices;
    }
    return sql_end(&q);
}

static ud_err read_page(struct sql *q, void (*each)(void *ctx, const struct ud_row_device *device), void *ctx,
                        uint32_t *rows)
{
    while (sql_row(q)) {
        struct ud_row_device row;
        sql_read_device(q, &row);
        each(ctx, &row);
        (*rows)++;
    }
    return sql_end(q);
}

static ud_err search_all(struct ud_store *store, int64_t tenant, bool down, const struct ud_page *page,
                         void (*each)(void *ctx, const struct ud_row_device *device), void *ctx, uint32_t *rows)
{
    struct start start;
    const ud_err err = find_start(store, tenant, down, page->offset, &start);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(
        store, down ? DEVICE_COLUMNS " WHERE d.id IN (SELECT d.id FROM device d WHERE d.tenant=? AND d.id<?"
                                     " ORDER BY d.id DESC LIMIT ? OFFSET ?) ORDER BY d.id DESC"
                    : DEVICE_COLUMNS " WHERE d.id IN (SELECT d.id FROM device d WHERE d.tenant=? AND d.id>=?"
                                     " ORDER BY d.id LIMIT ? OFFSET ?) ORDER BY d.id");
    sql_put_int(&q, tenant);
    sql_put_int(&q, start.bound);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, start.offset);
    return read_page(&q, each, ctx, rows);
}

/* Everybody of the tenant, in the order of ids? */
static bool is_all_by_id(const char *area, const struct ud_fiql *filter, const char *order, bool *down)
{
    *down = strcmp(order, "d.id DESC") == 0;
    return area[0] == '\0' && strcmp(filter->sql, "1=1") == 0 && (*down || strcmp(order, "d.id") == 0);
}

/*
 * The page is found in a narrow walk first; what it shows is joined to these rows only. Matches that are few are all
 * read and then sorted: a walk in the order of an index could pass the whole fleet before it meets them.
 */
static void page_sql(char *text, size_t room, const char *area, const struct ud_fiql *filter, const char *order,
                     bool few)
{
    const char *where = area_sql(area);
    if (few && strncmp(order, "d.id", 4) == 0) { /* no other column: an index may have all that is asked */
        snprintf(text, room,
                 DEVICE_COLUMNS " WHERE d.id IN (WITH few AS MATERIALIZED (SELECT d.id " MATCHES
                                ") SELECT d.id FROM few d ORDER BY %s LIMIT ? OFFSET ?) ORDER BY %s",
                 where, filter->sql, order, order);
    } else if (few) {
        snprintf(text, room,
                 DEVICE_COLUMNS
                 " WHERE d.id IN (WITH few AS MATERIALIZED (SELECT d.id,d.name,d.status,d.type_id,"
                 "d.area,d.running_release,d.assigned_release,d.last_seen_ms " MATCHES
                 ") SELECT d.id FROM few d ORDER BY %s LIMIT ? OFFSET ?) ORDER BY %s",
                 where, filter->sql, order, order);
    } else {
        snprintf(text, room,
                 DEVICE_COLUMNS " WHERE d.id IN (SELECT d.id " MATCHES
                                " ORDER BY %s LIMIT ? OFFSET ?) ORDER BY %s",
                 where, filter->sql, order, order);
    }
}

struct search {
    int64_t tenant;
    const char *area;
    const struct ud_fiql *filter;
    const char *order;
    bool one; /* attribute and nothing else, by id */
    bool few; /* matches */
    void (*each)(void *ctx, const struct ud_row_device *device);
    void *ctx;
};

static ud_err search_some(struct ud_store *store, const struct search *search, const struct ud_page *page,
                          uint32_t *rows)
{
    char text[SEARCH_SQL_BYTES];
    if (search->one) {
        snprintf(text, sizeof text,
                 DEVICE_COLUMNS " WHERE d.id IN (" UD_DEVICES_WITH_ATTRIBUTE
                                "=? ORDER BY x.device LIMIT ? OFFSET ?) ORDER BY d.id");
    } else {
        page_sql(text, sizeof text, search->area, search->filter, search->order, search->few);
    }
    struct sql q = sql_begin_made(store, text);
    if (!search->one) {
        sql_put_int(&q, search->tenant);
        put_area(&q, search->area);
    }
    sql_put_filter(&q, search->filter);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    return read_page(&q, search->each, search->ctx, rows);
}

ud_err ud_store_device_search(struct ud_store *store, int64_t tenant, const char *area,
                              const struct ud_fiql *filter, const char *order, struct ud_page *page,
                              bool *exact, void (*each)(void *ctx, const struct ud_row_device *device),
                              void *ctx)
{
    uint32_t rows = 0;
    bool down = false;
    const bool known = page->total != 0;
    const bool sorted = strncmp(order, "d.id", 4) != 0;
    const bool all = is_all_by_id(area, filter, order, &down);
    struct search search = {tenant, area, filter, order, .each = each, .ctx = ctx};
    search.one = is_one_attribute(filter, area) && strcmp(order, "d.id") == 0;
    /* a count may cost a writer's transaction its end: there it comes last where it can */
    const bool before = !known && !all && !search.one && (sorted || !ud_store_in_transaction(store));
    *exact = true;
    ud_err err = before ? learn_total(store, tenant, area, filter, page, exact) : UD_OK;
    search.few = before && *exact && page->total <= (sorted ? SORTED_MAX : SORTED_BY_ID_MAX);
    if (err == UD_OK) {
        sql_limit(store, PAGE_COST_MS);
        err = all ? search_all(store, tenant, down, page, each, ctx, &rows)
                  : search_some(store, &search, page, &rows);
    }
    if (err == UD_OK && !known && !before) {
        err = learn_total(store, tenant, area, filter, page, exact);
    }
    if (err == UD_OK && !*exact) {
        page->total = page->offset + rows;
    }
    sql_limit(store, 0);
    return err;
}

/* Of a person's own group only where there is one: the walk is over actions, in the order of their ids. */
static void action_where(char *text, size_t room, const char *what, const char *area,
                         const struct ud_fiql *filter)
{
    snprintf(text, room, "%s FROM action a WHERE a.tenant=? AND %s%s%s AND %s", what,
             area[0] == '\0' ? "1=1" : "a.device IN (SELECT d.id FROM device d WHERE d.tenant=a.tenant AND ",
             area[0] == '\0' ? "" : IN_AREA, area[0] == '\0' ? "" : ")", filter == NULL ? "1=1" : filter->sql);
}

static void put_action_where(struct sql *q, int64_t tenant, const char *area, const struct ud_fiql *filter)
{
    sql_put_int(q, tenant);
    put_area(q, area);
    sql_put_filter(q, filter);
}

ud_err ud_store_action_search(struct ud_store *store, int64_t tenant, const char *area,
                              const struct ud_fiql *filter, const char *order, struct ud_page *page,
                              bool *exact, void (*each)(void *ctx, const struct ud_row_action *action),
                              void *ctx)
{
    char where[SEARCH_SQL_BYTES];
    char text[SEARCH_SQL_BYTES + 1024];
    uint32_t rows = 0;
    action_where(where, sizeof where, "SELECT a.id", area, filter);
    snprintf(text, sizeof text, ACTION_COLUMNS " WHERE a.id IN (%s ORDER BY %s LIMIT ? OFFSET ?) ORDER BY %s",
             where, order, order);
    sql_limit(store, PAGE_COST_MS);
    struct sql q = sql_begin_made(store, text);
    put_action_where(&q, tenant, area, filter);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_action row;
        sql_read_action(&q, &row);
        each(ctx, &row);
        rows++;
    }
    ud_err err = sql_end(&q);
    page->total = page->offset + rows;
    if (err == UD_OK) {
        sql_limit(store, COUNT_COST_MS);
        action_where(where, sizeof where, "SELECT count(*)", area, filter);
        struct sql count = sql_begin_made(store, where);
        put_action_where(&count, tenant, area, filter);
        const uint32_t total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
        err = sql_end(&count);
        *exact = err == UD_OK;
        page->total = err == UD_OK ? total : page->total;
        err = err == UD_ERR_FILTER_COST ? UD_OK : err;
    }
    sql_limit(store, 0);
    return err;
}

ud_err ud_store_device_ids(struct ud_store *store, int64_t tenant, const char *area,
                           const struct ud_fiql *filter, int64_t after, int64_t *ids, size_t max, size_t *count)
{
    char text[SEARCH_SQL_BYTES];
    snprintf(text, sizeof text,
             "SELECT d.id FROM device d WHERE d.tenant=? AND %s AND %s AND d.id>? ORDER BY d.id LIMIT ?",
             area_sql(area), filter->sql);
    sql_limit(store, PAGE_COST_MS);
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, tenant);
    put_area(&q, area);
    sql_put_filter(&q, filter);
    sql_put_int(&q, after);
    sql_put_int(&q, (int64_t)max);
    for (*count = 0; *count < max && sql_row(&q); (*count)++) {
        ids[*count] = sql_get_int(&q);
    }
    const ud_err err = sql_end(&q);
    sql_limit(store, 0);
    return err;
}

ud_err ud_store_device_matches(struct ud_store *store, int64_t device, const struct ud_fiql *filter,
                               bool *matches)
{
    char text[SEARCH_SQL_BYTES];
    snprintf(text, sizeof text, "SELECT 1 FROM device d WHERE d.id=? AND %s", filter->sql);
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, device);
    sql_put_filter(&q, filter);
    const bool found = sql_row(&q);
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *matches = found;
    }
    return err;
}

ud_err ud_store_device_quarantine_set(struct ud_store *store, int64_t id, int64_t since_ms, int32_t release,
                                      const char *reason)
{
    struct sql q = sql_begin(
        store, "UPDATE device SET quarantine_ms=?,quarantine_release=?,quarantine_reason=? WHERE id=?");
    sql_put_int(&q, since_ms);
    sql_put_int(&q, release);
    sql_put_text(&q, reason);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_zone_set(struct ud_store *store, int64_t id, const char *zone)
{
    struct sql q = sql_begin(store, "UPDATE device SET zone=? WHERE id=?");
    sql_put_text(&q, zone);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_device_status_set(struct ud_store *store, int64_t id, ud_device_status status,
                                  int32_t assigned_release)
{
    if (sql_gather_status_set(store, id, status, assigned_release)) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, "UPDATE device SET status=?,assigned_release=? WHERE id=?");
    sql_put_int(&q, status);
    sql_put_int(&q, assigned_release);
    sql_put_int(&q, id);
    return sql_end_changed(&q);
}

ud_err ud_store_attribute_set(struct ud_store *store, int64_t tenant, int64_t device, const char *key,
                              const char *value)
{
    if (value == NULL) {
        struct sql gone = sql_begin(store, "DELETE FROM device_attribute WHERE device=? AND key=?");
        sql_put_int(&gone, device);
        sql_put_text(&gone, key);
        return sql_end(&gone);
    }
    struct sql q = sql_begin(store, "INSERT INTO device_attribute(device,key,tenant,value) VALUES(?,?,?,?)"
                                    " ON CONFLICT(device,key) DO UPDATE SET value=excluded.value");
    sql_put_int(&q, device);
    sql_put_text(&q, key);
    sql_put_int(&q, tenant);
    sql_put_text(&q, value);
    return sql_end(&q);
}
