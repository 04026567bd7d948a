/*
 * POST /bulk/…: the same for many devices, by filter or by name. One call looks at BATCH devices at most, in one
 * transaction with one line in the audit log, and says where the next one goes on; so no call holds the writer for long, and
 * whoever loses the answer goes on from where the last one was.
 */
#include "server/api_people.h"

#include "server/events.h"
#include "server/rollouts.h"
#include "server/scheduler.h"
#include "server/store_mgmt.h"

#include <stdio.h>

#define BATCH 500
#define DEADLINE_MS (INT64_C(10) * 60 * 1000)
#define AUDIT_BYTES_MAX 3000
#define AUDIT_REST_BYTES 2000 /* a name and what follows the names, escaped */

struct bulk {
    const struct deed *deed;
    json_t *body;
    struct ud_fiql filter;
    char query[UD_FIQL_BYTES_MAX + 1];
    json_t *names; /* in place of a filter; the body's */
    bool expects;  /* the caller has seen a count */
    int64_t expected;
    int64_t after;
    char text[UD_TITLE_BYTES_MAX + 1];
    char area[UD_AREA_BYTES_MAX + 1];
    int64_t tag;
    int64_t ids[BATCH];
    size_t count;
    bool end;
    struct ud_row_device device;
    struct ud_row_device *changed; /* as they are after the work */
    size_t changed_count;
    size_t skipped;
};

/* --- what may be done. UD_ABSENT: this device is like that already */

static ud_err tag_it(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    const ud_err err = ud_store_relation_add(store, UD_REL_DEVICE_TAG, bulk->tag, bulk->device.id);
    return err == UD_OK ? ud_store_fact_device(store, call->tenant, bulk->device.id) : err;
}

static ud_err untag_it(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    const ud_err err = ud_store_relation_remove(store, UD_REL_DEVICE_TAG, bulk->tag, bulk->device.id);
    if (err == UD_ERR_NOT_FOUND) {
        return UD_ABSENT;
    }
    return err == UD_OK ? ud_store_fact_device(store, call->tenant, bulk->device.id) : err;
}

static ud_err move_it(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    if (strcmp(bulk->device.area, bulk->area) == 0) {
        return UD_ABSENT;
    }
    const ud_err err = ud_store_device_area_set(store, bulk->device.id, bulk->area);
    return err == UD_OK ? ud_store_fact_device(store, call->tenant, bulk->device.id) : err;
}

static ud_err ring_it(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    int64_t id;
    return ud_event_poll(store, call->tenant, bulk->device.name, call->now_ms + DEADLINE_MS, call->now_ms, &id);
}

static ud_err hold_it(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    return bulk->device.quarantine_ms != 0
               ? UD_ABSENT
               : ud_device_quarantine(store, &bulk->device, 0, bulk->text, call->now_ms);
}

static ud_err free_it(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    (void)call;
    return bulk->device.quarantine_ms == 0 ? UD_ABSENT : ud_device_release(store, &bulk->device);
}

static const struct deed {
    const char *name;   /* the last segment of the path */
    const char *member; /* of the body, besides the devices; NULL = none */
    ud_err (*run)(struct ud_call *call, struct ud_store *store, struct bulk *bulk);
} deeds[] = {
    {"tag", "tag", tag_it},  {"untag", "tag", untag_it},        {"group", "group", move_it},
    {"poll", NULL, ring_it}, {"quarantine", "reason", hold_it}, {"release", NULL, free_it},
};

/* --- the work */

/* The caller saw a count: within 1 % of it, or it is not what they meant. */
static ud_err check_count(struct ud_call *call, struct ud_store *store, const struct bulk *bulk)
{
    struct ud_page page = {.limit = 1};
    uint32_t count = 0;
    if (!bulk->expects || bulk->after != 0 || bulk->names != NULL) {
        return UD_OK;
    }
    ud_err err;
    if (call->person.area[0] == '\0') {
        err = ud_store_device_count(store, call->tenant, &bulk->filter, &count);
    } else {
        bool exact;
        err = ud_store_device_search(store, call->tenant, call->person.area, &bulk->filter, "d.id", &page,
                                     &exact, ud_ignore_device, NULL);
        err = err == UD_OK && !exact ? UD_ERR_FILTER_COST : err;
        count = page.total;
    }
    const int64_t far = count > bulk->expected ? count - bulk->expected : bulk->expected - count;
    return err == UD_OK && far > bulk->expected / 100 ? UD_ERR_COUNT_MOVED : err;
}

static ud_err find_names(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    size_t i;
    json_t *name;
    json_array_foreach(bulk->names, i, name)
    {
        const ud_err err = ud_find_device(call, store, json_string_value(name), &bulk->device);
        if (err != UD_OK) {
            return err;
        }
        bulk->ids[bulk->count++] = bulk->device.id;
    }
    bulk->end = true;
    return UD_OK;
}

static ud_err find(struct ud_call *call, struct ud_store *store)
{
    struct bulk *bulk = call->data;
    if (bulk->names != NULL) {
        return find_names(call, store, bulk);
    }
    ud_err err = check_count(call, store, bulk);
    err = err == UD_OK ? ud_store_device_ids(store, call->tenant, call->person.area, &bulk->filter, bulk->after,
                                             bulk->ids, BATCH, &bulk->count)
                       : err;
    bulk->end = bulk->count < BATCH;
    return err;
}

/* As many names as the line has room for; "changed" says how many there are. */
static void note_names(struct ud_json *json, const struct bulk *bulk)
{
    ud_json_open(json, "devices", '[');
    for (size_t i = 0; i < bulk->changed_count && json->out->len < AUDIT_BYTES_MAX - AUDIT_REST_BYTES; i++) {
        ud_json_string(json, NULL, bulk->changed[i].name);
    }
    ud_json_close(json, ']');
}

/* Which devices, and how many of them were changed: a line that says what was done. */
static ud_err note(struct ud_call *call, struct bulk *bulk)
{
    struct ud_text text;
    struct ud_json json = {&text, false};
    ud_text_init(&text, AUDIT_BYTES_MAX);
    ud_json_open(&json, NULL, '{');
    if (bulk->names == NULL) {
        ud_json_string(&json, "filter", bulk->query);
        ud_json_int(&json, "after", bulk->after);
    } else {
        note_names(&json, bulk);
    }
    if (bulk->deed->member != NULL) {
        ud_json_string(&json, bulk->deed->member,
                       strcmp(bulk->deed->member, "group") == 0 ? bulk->area : bulk->text);
    }
    ud_json_int(&json, "changed", (int64_t)bulk->changed_count);
    ud_json_int(&json, "unchanged", (int64_t)bulk->skipped);
    ud_json_close(&json, '}');
    char *kept = ud_text_ok(&text) ? ud_call_alloc(call, text.len + 1) : NULL;
    if (kept != NULL) {
        memcpy(kept, text.ptr, text.len + 1);
        call->audit = kept;
    }
    ud_text_free(&text);
    return kept == NULL ? UD_ERR_MEMORY : UD_OK;
}

static ud_err find_tag(struct ud_call *call, struct ud_store *store, struct bulk *bulk)
{
    if (bulk->deed->member == NULL || strcmp(bulk->deed->member, "tag") != 0) {
        return UD_OK;
    }
    /* a new tag is for the whole tenant: made here only by who may make it alone (POST /targettags) */
    const bool may_make =
        call->person.area[0] == '\0' && (ud_rights_of(call->person.roles) & UD_MAY_DEPLOY) != 0;
    const char *maker = bulk->deed->run == tag_it && bulk->count > 0 && may_make ? call->person.name : NULL;
    const ud_err err = ud_store_device_tag(store, call->tenant, bulk->text, maker, call->now_ms, &bulk->tag);
    return err == UD_ERR_NOT_FOUND && bulk->count == 0 ? UD_OK : err;
}

static ud_err work(struct ud_call *call, struct ud_store *store)
{
    struct bulk *bulk = call->data;
    ud_err err = find_tag(call, store, bulk);
    for (size_t i = 0; i < bulk->count && err == UD_OK; i++) {
        err = ud_store_device_get(store, bulk->ids[i], &bulk->device);
        if (err == UD_ERR_NOT_FOUND ||
            (err == UD_OK && !ud_area_within(bulk->device.area, call->person.area))) {
            err = UD_ABSENT; /* it went, or moved out of reach, since it was looked for */
        }
        err = err == UD_OK ? bulk->deed->run(call, store, bulk) : err;
        err =
            err == UD_OK ? ud_store_device_get(store, bulk->ids[i], &bulk->changed[bulk->changed_count]) : err;
        if (err == UD_OK) {
            bulk->changed_count++;
        } else if (err == UD_ABSENT) {
            bulk->skipped++;
            err = UD_OK;
        }
    }
    return err == UD_OK ? note(call, bulk) : err;
}

static void committed(struct ud_call *call)
{
    const struct bulk *bulk = call->data;
    for (size_t i = 0; i < bulk->changed_count; i++) {
        ud_refresh_fleet(call, &bulk->changed[i]);
    }
    ud_scheduler_wake(call->server->scheduler);
}

static void done(struct ud_call *call, ud_err err)
{
    const struct bulk *bulk = call->data;
    char number[24];
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_NOT_FOUND ? "no such tag" : NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "bulk", "what", bulk->deed->name, "devices",
                 ud_log_int(number, (int64_t)bulk->changed_count), "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "changed", (int64_t)bulk->changed_count);
    ud_json_int(&json, "unchanged", (int64_t)bulk->skipped);
    if (bulk->end) {
        ud_json_null(&json, "next");
    } else {
        ud_json_int(&json, "next", bulk->ids[bulk->count - 1]);
    }
    ud_json_close(&json, '}');
}

/* --- the body */

static ud_err take_number(json_t *body, const char *name, bool *given, int64_t *number)
{
    json_t *value = json_object_get(body, name);
    if (value == NULL || json_is_null(value)) {
        return UD_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return UD_ERR_SHAPE;
    }
    *given = true;
    *number = json_integer_value(value);
    return UD_OK;
}

static ud_err take_names(struct bulk *bulk)
{
    size_t i;
    json_t *name;
    bulk->names = json_object_get(bulk->body, "devices");
    if (bulk->names == NULL || json_is_null(bulk->names)) {
        bulk->names = NULL;
        return UD_OK;
    }
    if (!json_is_array(bulk->names) || json_object_get(bulk->body, "filter") != NULL) {
        return UD_ERR_SHAPE; /* one or the other */
    }
    if (json_array_size(bulk->names) > BATCH) {
        return UD_ERR_LIMIT;
    }
    json_array_foreach(bulk->names, i, name)
    {
        if (!json_is_string(name) || json_string_length(name) > UD_NAME_BYTES_MAX) {
            return UD_ERR_SHAPE;
        }
    }
    return UD_OK;
}

static ud_err take_body(struct ud_call *call, struct bulk *bulk)
{
    bool given = false;
    ud_err err = take_names(bulk);
    err = err == UD_OK ? ud_take_string(bulk->body, "filter", bulk->query, UD_FIQL_BYTES_MAX, false) : err;
    err = err == UD_OK && bulk->names == NULL && json_object_get(bulk->body, "filter") == NULL ? UD_ERR_MISSING
                                                                                               : err;
    err = err == UD_OK ? take_number(bulk->body, "count", &bulk->expects, &bulk->expected) : err;
    err = err == UD_OK ? take_number(bulk->body, "after", &given, &bulk->after) : err;
    if (err != UD_OK || bulk->deed->member == NULL) {
        return err;
    }
    return strcmp(bulk->deed->member, "group") == 0
               ? (json_is_string(json_object_get(bulk->body, "group"))
                      ? ud_take_group(call, bulk->body, bulk->area)
                      : UD_ERR_MISSING)
               : ud_take_string(bulk->body, bulk->deed->member, bulk->text, UD_TITLE_BYTES_MAX, true);
}

static const struct deed *deed_of(const struct ud_call *call)
{
    const char *name = strrchr(call->route->pattern, '/') + 1;
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(deeds[i].name, name) == 0) {
            return &deeds[i];
        }
    }
    return NULL;
}

static void release_body(struct ud_call *call)
{
    const struct bulk *bulk = call->data;
    json_decref(bulk->body);
}

void ud_api_bulk(struct ud_call *call)
{
    struct ud_fiql_wrong wrong;
    struct bulk *bulk = ud_call_alloc(call, sizeof *bulk);
    json_t *body = bulk == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    bulk->deed = deed_of(call);
    bulk->body = body;
    call->data = bulk;
    call->release = release_body;
    ud_err err = bulk->deed == NULL ? UD_ERR_NOT_FOUND : take_body(call, bulk);
    if (err == UD_OK && bulk->deed->run == ring_it && call->server->courier == NULL) {
        err = UD_ERR_NO_BROKER;
    }
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_LIMIT ? "at most 500 devices by name"
                      : err == UD_ERR_NO_BROKER || err == UD_ERR_NOT_FOUND
                          ? NULL
                          : "needed: filter, or devices by name; with it tag, group or reason");
        return;
    }
    err = bulk->names == NULL
              ? ud_device_filter(&bulk->filter, bulk->query, call->tenant, ud_call_moment(call), false, &wrong)
              : UD_OK;
    if (err != UD_OK) {
        ud_answer_wrong_filter(call, err, &wrong);
        return;
    }
    err = ud_call_read(call, find);
    bulk->changed =
        err == UD_OK && bulk->count > 0 ? ud_call_alloc(call, bulk->count * sizeof *bulk->changed) : NULL;
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_NOT_FOUND ? "a device of the list is not there" : NULL);
        return;
    }
    if (bulk->count == 0 || bulk->changed != NULL) {
        ud_call_write_then(call, work, committed, done);
    }
}
