/* What the console asks beside its pages: versions by day, refused reports, a person's own filters. */
#include "server/api_shared.h"

#include "server/rollouts.h"
#include "server/store_console.h"

#include <stdio.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define DAYS_MAX 400
#define DAYS_DEFAULT 30
#define RELEASES_MAX 24

/* --- what the fleet runs, by day */

struct versions {
    struct ud_json json;
    int64_t first; /* days */
    int64_t last;
    int32_t release; /* that is being written; INT32_MIN = none */
    int64_t next;    /* the day whose number comes next */
    uint32_t devices;
};

/* A day without a row is as the day before. */
static void days_until(struct versions *v, int64_t day)
{
    for (; v->next < day && v->next <= v->last; v->next++) {
        ud_json_int(&v->json, NULL, v->devices);
    }
}

static void end_release(struct versions *v)
{
    if (v->release != INT32_MIN) {
        days_until(v, v->last + 1);
        ud_json_close(&v->json, ']');
        ud_json_int(&v->json, "now", v->devices);
        ud_json_close(&v->json, '}');
    }
}

static void each_runs(void *ctx, const struct ud_row_runs *row)
{
    struct versions *v = ctx;
    if (row->release != v->release) {
        end_release(v);
        v->release = row->release;
        v->next = v->first;
        v->devices = 0;
        ud_json_open(&v->json, NULL, '{');
        if (row->release <= 0) {
            ud_json_null(&v->json, "release");
        } else {
            ud_json_int(&v->json, "release", row->release);
        }
        ud_json_string(&v->json, "name", row->release <= 0 ? NULL : row->name);
        ud_json_string(&v->json, "version", row->release <= 0 ? NULL : row->version);
        ud_json_string(&v->json, "kind",
                       row->release == UD_RUNS_NOTHING ? "unknown"
                       : row->release == UD_RUNS_OTHER ? "other"
                       : row->foreign                  ? "claimed"
                                                       : "signed");
        ud_json_open(&v->json, "devices", '[');
    }
    days_until(v, row->day);
    v->devices = row->devices;
}

static ud_err list_versions(struct ud_call *call, struct ud_store *store)
{
    struct versions *v = call->data;
    v->json = ud_call_json(call, 200);
    ud_json_open(&v->json, NULL, '{');
    ud_json_int(&v->json, "from", v->first * DAY_MS);
    ud_json_int(&v->json, "days", v->last - v->first + 1);
    ud_json_open(&v->json, "content", '[');
    const ud_err err = ud_store_runs(store, call->tenant, v->first, v->last, RELEASES_MAX, each_runs, v);
    end_release(v);
    ud_json_close(&v->json, ']');
    ud_json_close(&v->json, '}');
    return err;
}

void ud_api_versions(struct ud_call *call)
{
    const char *text = NULL;
    int32_t days = DAYS_DEFAULT;
    struct versions *v = ud_call_alloc(call, sizeof *v);
    if (v == NULL) {
        return;
    }
    if (ud_call_query(call, "days", &text) == UD_OK && (!ud_call_id(text, &days) || days > DAYS_MAX)) {
        ud_call_error(call, UD_ERR_NUMBER_RANGE, "days must be 1 to 400");
        return;
    }
    v->last = call->now_ms / DAY_MS;
    v->first = v->last - days + 1;
    v->release = INT32_MIN;
    call->data = v;
    ud_call_read_or_fail(call, list_versions);
}

/* --- refused reports */

static void each_refused(void *ctx, const struct ud_row_refused *row)
{
    struct ud_listing *listing = ctx;
    struct ud_json *json = &listing->json;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "device", row->device);
    ud_json_string(json, "error", ud_err_name(row->error));
    ud_json_string(json, "message", ud_err_text(row->error));
    ud_json_string(json, "remedy", ud_err_remedy(row->error));
    ud_json_int(json, "times", row->times);
    ud_json_int(json, "first", row->first_ms);
    ud_json_int(json, "last", row->last_ms);
    ud_json_hex(json, "bytes", row->bytes);
    ud_json_close(json, '}');
    listing->count++;
}

static ud_err list_refused(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_refused_list(store, call->tenant, 0, call->person.area, &listing->page, each_refused,
                                 listing);
}

void ud_api_refused(struct ud_call *call)
{
    ud_list(call, list_refused);
}

static ud_err list_refused_of(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_device row;
    const ud_err err = ud_find_device(call, store, call->param[0], &row);
    return err == UD_OK
               ? ud_store_refused_list(store, call->tenant, row.id, "", &listing->page, each_refused, listing)
               : err;
}

void ud_api_devices_refused(struct ud_call *call)
{
    ud_list(call, list_refused_of);
}

/* --- filters */

static void each_filter(void *ctx, const char *name, const char *query, bool shared)
{
    struct ud_listing *listing = ctx;
    ud_json_open(&listing->json, NULL, '{');
    ud_json_string(&listing->json, "name", name);
    ud_json_string(&listing->json, "query", query);
    ud_json_bool(&listing->json, "shared", shared);
    ud_json_close(&listing->json, '}');
    listing->count++;
}

static ud_err list_filters(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    return ud_store_own_filter_list(store, call->tenant, call->person.person, &listing->page, each_filter,
                                    listing);
}

void ud_api_filters_list(struct ud_call *call)
{
    ud_list(call, list_filters);
}

struct own_filter {
    char query[UD_FIQL_BYTES_MAX + 1];
    struct ud_fiql compiled;
};

static ud_err set_filter(struct ud_call *call, struct ud_store *store)
{
    const struct own_filter *filter = call->data;
    return ud_store_own_filter_set(store, call->tenant, call->person.person, call->param[0], filter->query,
                                   call->now_ms);
}

static void filter_done(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_api_filters_set(struct ud_call *call)
{
    struct ud_fiql_wrong wrong;
    struct own_filter *filter = ud_call_alloc(call, sizeof *filter);
    json_t *body = filter == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    ud_err err = ud_take_string(body, "query", filter->query, UD_FIQL_BYTES_MAX, true);
    json_decref(body);
    err = err == UD_OK && strlen(call->param[0]) > UD_TITLE_BYTES_MAX ? UD_ERR_NUMBER_RANGE : err;
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: query, a filter over devices");
        return;
    }
    err = ud_device_filter(&filter->compiled, filter->query, call->tenant, ud_call_moment(call), false, &wrong);
    if (err != UD_OK) {
        ud_answer_wrong_filter(call, err, &wrong);
        return;
    }
    call->data = filter;
    ud_call_write(call, set_filter, filter_done);
}

static ud_err remove_filter(struct ud_call *call, struct ud_store *store)
{
    return ud_store_own_filter_remove(store, call->person.person, call->param[0]);
}

void ud_api_filters_remove(struct ud_call *call)
{
    ud_call_write(call, remove_filter, filter_done);
}
