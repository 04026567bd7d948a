/* How a rollout goes: what its failures share, and where it stood when. */
#include "server/rollout_json.h"

#include "server/api_says.h"
#include "server/attributes.h"

#include <stdio.h>

#define HARDWARE_KEY "hardware"
#define FILTER_BYTES (3 * UD_FIQL_BYTES_MAX)

struct clusters {
    struct ud_call *call;
    const char *key;
    struct ud_row_cluster rows[UD_CLUSTERS_MAX];
    size_t count;
    bool failed; /* no memory */
};

static const char *keep(struct clusters *list, const char *text)
{
    const size_t len = strlen(text) + 1;
    char *kept = ud_call_alloc(list->call, len);
    list->failed = list->failed || kept == NULL;
    return kept == NULL ? "" : memcpy(kept, text, len);
}

static void each_cluster(void *ctx, const struct ud_row_cluster *row)
{
    struct clusters *list = ctx;
    if (list->count < UD_CLUSTERS_MAX && !list->failed) {
        struct ud_row_cluster *kept = &list->rows[list->count++];
        *kept = *row;
        kept->hardware = keep(list, row->hardware);
        kept->before_name = keep(list, row->before_name);
        kept->before_version = keep(list, row->before_version);
        kept->example = keep(list, row->example);
    }
}

/* A value as filters read it, whatever is in it. */
static size_t put_quoted(char *out, const char *value)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *value != '\0'; value++) {
        if (strchr("\\\"*", *value) != NULL) {
            out[n++] = '\\';
        }
        out[n++] = *value;
    }
    out[n++] = '"';
    out[n] = '\0';
    return n;
}

/* The devices of a cluster, as far as a filter can say it. NULL where that would be too long for one. */
static const char *filter_of(const struct clusters *list, const struct ud_row_cluster *row, int32_t rollout)
{
    char quoted[2 * UD_FIQL_BYTES_MAX];
    char *text = ud_call_alloc(list->call, FILTER_BYTES);
    if (text == NULL || strlen(row->hardware) > UD_FIQL_BYTES_MAX / 4) {
        return NULL;
    }
    int len = snprintf(text, FILTER_BYTES, "failedin==%d", rollout);
    if (row->from != UD_HARDWARE_NONE) {
        put_quoted(quoted, row->hardware);
        len += snprintf(text + len, FILTER_BYTES - (size_t)len, ";%s%s==%s",
                        row->from == UD_HARDWARE_TYPE ? "type" : "attribute.",
                        row->from == UD_HARDWARE_TYPE ? "" : list->key, quoted);
    }
    return len <= UD_FIQL_BYTES_MAX ? text : NULL;
}

static void render_before(struct ud_json *json, const struct ud_row_cluster *row)
{
    if (row->before == UD_RUNS_NOTHING) {
        ud_json_null(json, "before");
        return;
    }
    ud_json_open(json, "before", '{');
    if (row->before > 0) {
        ud_json_int(json, "release", row->before);
    } else {
        ud_json_null(json, "release");
    }
    ud_json_string(json, "name", row->before_name[0] == '\0' ? NULL : row->before_name);
    ud_json_string(json, "version", row->before_version[0] == '\0' ? NULL : row->before_version);
    ud_json_close(json, '}');
}

static void render_cluster(struct ud_json *json, const struct clusters *list, const struct ud_row_cluster *row,
                           int32_t rollout)
{
    static const char *const from[] = {"unknown", "attribute", "type"};
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "state", ud_member_state_name(row->state));
    ud_json_string(json, "error", row->error == UD_OK ? NULL : ud_err_name(row->error));
    ud_json_string(json, "message",
                   row->error == UD_OK ? "it runs what nobody assigned" : ud_err_text(row->error));
    ud_json_string(json, "remedy", row->error == UD_OK ? NULL : ud_err_remedy(row->error));
    ud_json_string(json, "proof", row->is_signed ? "signed" : "claimed");
    ud_json_string(json, "hardware", row->from == UD_HARDWARE_NONE ? NULL : row->hardware);
    ud_json_string(json, "hardwareFrom", from[row->from]);
    render_before(json, row);
    ud_json_int(json, "devices", row->devices);
    ud_json_string(json, "example", row->example);
    ud_json_string(json, "filter", filter_of(list, row, rollout));
    ud_json_close(json, '}');
}

static ud_err show_clusters(struct ud_call *call, struct ud_store *store)
{
    struct clusters *list = call->data;
    struct ud_row_rollout row;
    struct ud_group_counts counts;
    struct ud_says says;
    ud_err err = ud_find_rollout(call, store, &row);
    err = err == UD_OK ? ud_store_rollout_counts(store, row.id, &counts) : err;
    err = err == UD_OK ? ud_store_rollout_clusters(store, row.id, list->key, each_cluster, list) : err;
    if (err != UD_OK || list->failed) {
        return err == UD_OK ? UD_ERR_MEMORY : err;
    }
    const uint32_t failed =
        counts.of[UD_MEMBER_FAILED] + counts.of[UD_MEMBER_REVERTED] + counts.of[UD_MEMBER_DRIFTED];
    uint32_t looked = 0;
    ud_says_failures(failed, list->rows, list->count, &says);
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_render_says(&json, "says", &says);
    ud_json_string(&json, "hardware", list->key);
    ud_json_open(&json, "content", '[');
    for (size_t i = 0; i < list->count; i++) {
        render_cluster(&json, list, &list->rows[i], row.id);
        looked += list->rows[i].devices;
    }
    ud_json_close(&json, ']');
    ud_json_int(&json, "failed", failed);
    ud_json_int(&json, "looked", looked);
    ud_json_close(&json, '}');
    return UD_OK;
}

/* A key that stands in a filter as it is. */
static bool is_key(const char *key)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-";
    const size_t len = strlen(key);
    return len > 0 && len <= UD_ATTRIBUTE_CHARS_MAX && key[strspn(key, good)] == '\0';
}

void ud_api_rollouts_clusters(struct ud_call *call)
{
    struct clusters *list = ud_call_alloc(call, sizeof *list);
    if (list == NULL) {
        return;
    }
    list->call = call;
    list->key = HARDWARE_KEY;
    const ud_err err = ud_call_query(call, "hardware", &list->key);
    if ((err != UD_OK && err != UD_ABSENT) || !is_key(list->key)) {
        ud_call_error(call, err == UD_OK || err == UD_ABSENT ? UD_ERR_SHAPE : err,
                      "hardware is the name of an attribute: letters, digits, and _ . : -");
        return;
    }
    call->data = list;
    ud_call_read_or_fail(call, show_clusters);
}

/* --- lists of one rollout */

typedef ud_err list_fn(struct ud_store *store, int32_t rollout, struct ud_json *json);

/* {"content": [...]}, whose items `list` writes. */
static ud_err show(struct ud_call *call, struct ud_store *store, list_fn *list)
{
    struct ud_row_rollout row;
    ud_err err = ud_find_rollout(call, store, &row);
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_open(&json, "content", '[');
    err = list(store, row.id, &json);
    ud_json_close(&json, ']');
    ud_json_close(&json, '}');
    return err;
}

static void each_failure(void *ctx, ud_err error, bool is_signed, uint32_t devices, const char *example)
{
    struct ud_json *json = ctx;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "error", ud_err_name(error));
    ud_json_string(json, "message", ud_err_text(error));
    ud_json_string(json, "remedy", ud_err_remedy(error));
    ud_json_string(json, "proof", is_signed ? "signed" : "claimed");
    ud_json_int(json, "devices", devices);
    ud_json_string(json, "example", example);
    ud_json_close(json, '}');
}

static ud_err list_failures(struct ud_store *store, int32_t rollout, struct ud_json *json)
{
    return ud_store_rollout_failures(store, rollout, each_failure, json);
}

static ud_err show_failures(struct ud_call *call, struct ud_store *store)
{
    return show(call, store, list_failures);
}

void ud_api_rollouts_failures(struct ud_call *call)
{
    ud_call_read_or_fail(call, show_failures);
}

static void each_point(void *ctx, const struct ud_row_course *point)
{
    struct ud_json *json = ctx;
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "at", point->at_ms);
    ud_json_int(json, "total", point->total);
    ud_json_int(json, "active", point->active);
    ud_json_int(json, "confirmed", point->confirmed);
    ud_json_int(json, "claimed", point->claimed);
    ud_json_int(json, "failed", point->failed);
    ud_json_close(json, '}');
}

static ud_err list_course(struct ud_store *store, int32_t rollout, struct ud_json *json)
{
    return ud_store_course_list(store, rollout, each_point, json);
}

static ud_err show_course(struct ud_call *call, struct ud_store *store)
{
    return show(call, store, list_course);
}

void ud_api_rollouts_course(struct ud_call *call)
{
    ud_call_read_or_fail(call, show_course);
}
