/* Devices: add, show, remove; their actions and reports. */
#include "server/api_people.h"

#include "server/actions.h"
#include "server/report_json.h"
#include "server/rollouts.h"
#include "server/scheduler.h"

#include <strings.h>

#define CODE_LIFE_MS (INT64_C(24) * 3600 * 1000)

static const char *const boot_reasons[] = {"unknown", "normal", "trial", "reverted", "fallback", "recovery"};

static const char *boot_reason_name(ud_boot_reason reason)
{
    const size_t at = (size_t)reason;
    return at < sizeof boot_reasons / sizeof boot_reasons[0] ? boot_reasons[at] : "unknown";
}

static void int_or_null(struct ud_json *json, const char *key, int64_t value)
{
    if (value == 0) {
        ud_json_null(json, key);
    } else {
        ud_json_int(json, key, value);
    }
}

static void render_running(struct ud_json *json, const struct ud_row_device *device)
{
    if (!device->has_running) {
        ud_json_null(json, "running");
        return;
    }
    ud_json_open(json, "running", '{');
    ud_json_hex(json, "digest", UD_BYTES_ARRAY(device->running_digest));
    ud_json_int(json, "sequence", (int64_t)device->running_sequence);
    int_or_null(json, "release", device->running_release);
    ud_json_string(json, "version", device->running_release == 0 ? NULL : device->running_version);
    ud_json_int(json, "reportedAt", device->reported_ms);
    ud_json_string(json, "bootReason", boot_reason_name(device->boot_reason));
    ud_json_string(json, "proof", "signed");
    ud_json_close(json, '}');
}

static ud_err render_action(struct ud_json *json, const struct ud_row_device *device, struct ud_store *store)
{
    struct ud_row_action action;
    ud_err err = UD_ERR_NOT_FOUND;
    if (device->current_action != 0) {
        err = ud_store_action_get(store, device->tenant, device->current_action, device->id, &action);
    } else {
        err = ud_store_action_newest(store, device->id, &action);
    }
    if (err == UD_ERR_NOT_FOUND) {
        ud_json_null(json, "action");
        return UD_OK;
    }
    if (err == UD_OK) {
        ud_render_action(json, "action", &action, NULL);
    }
    return err;
}

static const char *const status_names[UD_STATUS_COUNT] = {
    [UD_STATUS_UNKNOWN] = "unknown", [UD_STATUS_REGISTERED] = "registered", [UD_STATUS_PENDING] = "pending",
    [UD_STATUS_IN_SYNC] = "in_sync", [UD_STATUS_FAILED] = "failed",         [UD_STATUS_REVERTED] = "reverted",
    [UD_STATUS_DRIFTED] = "drifted",
};

static void render_quarantine(struct ud_json *json, const struct ud_row_device *row)
{
    if (row->quarantine_ms == 0) {
        ud_json_null(json, "quarantine");
        return;
    }
    ud_json_open(json, "quarantine", '{');
    ud_json_int(json, "since", row->quarantine_ms);
    ud_json_string(json, "reason", row->quarantine_reason);
    int_or_null(json, "release", row->quarantine_release);
    ud_json_close(json, '}');
}

static ud_err render_device(struct ud_call *call, struct ud_json *json, const struct ud_row_device *row,
                            struct ud_store *store)
{
    struct ud_fleet_device live;
    const bool known = ud_fleet_find(call->server->fleet, row->tenant, row->name, &live) == UD_OK;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "name", row->name);
    ud_json_string(json, "type", row->type_id == 0 ? NULL : row->type_name);
    ud_json_string(json, "group", row->area[0] == '\0' ? NULL : row->area);
    ud_json_hex(json, "kid", row->has_key ? UD_BYTES_ARRAY(row->kid) : (struct ud_bytes){NULL, 0});
    int_or_null(json, "lastSeen",
                known && live.last_seen_ms > row->last_seen_ms ? live.last_seen_ms : row->last_seen_ms);
    ud_json_int(json, "createdAt", row->created_ms);
    ud_json_string(json, "status", status_names[row->status < UD_STATUS_COUNT ? row->status : 0]);
    int_or_null(json, "assigned", row->assigned_release);
    ud_json_string(json, "zone", row->zone[0] == '\0' ? NULL : row->zone);
    render_quarantine(json, row);
    render_running(json, row);
    const ud_err err = render_action(json, row, store);
    ud_json_close(json, '}');
    return err;
}

struct device_listing {
    struct ud_listing *listing;
    struct ud_call *call;
    ud_err err;
};

static void each_device(void *ctx, const struct ud_row_device *device)
{
    struct device_listing *list = ctx;
    if (list->err == UD_OK) {
        list->err = render_device(list->call, &list->listing->json, device, list->listing->store);
        list->listing->count++;
    }
}

/* ?sort=name or -name: by a column, then by id. NULL: there is no such column. */
static const char *order_of(struct ud_call *call)
{
    static const struct {
        const char *sort;
        const char *up;
        const char *down;
    } rows[] = {
        {"id", "d.id", "d.id DESC"},
        {"created", "d.id", "d.id DESC"},
        {"name", "d.name", "d.name DESC"},
        {"status", "d.status,d.id", "d.status DESC,d.id DESC"},
        {"type", "d.type_id,d.id", "d.type_id DESC,d.id DESC"},
        {"group", "d.area,d.id", "d.area DESC,d.id DESC"},
        {"runs", "d.running_release,d.id", "d.running_release DESC,d.id DESC"},
        {"assigned", "d.assigned_release,d.id", "d.assigned_release DESC,d.id DESC"},
        {"lastseen", "d.last_seen_ms,d.id", "d.last_seen_ms DESC,d.id DESC"},
    };
    const char *text = NULL;
    const ud_err err = ud_call_query(call, "sort", &text);
    if (err == UD_ABSENT) {
        return rows[0].up;
    }
    const bool down = err == UD_OK && text[0] == '-';
    for (size_t i = 0; err == UD_OK && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcasecmp(text + (down ? 1 : 0), rows[i].sort) == 0) {
            return down ? rows[i].down : rows[i].up;
        }
    }
    return NULL;
}

static ud_err list_devices(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct device_listing list = {listing, call, UD_OK};
    const char *order = order_of(call);
    if (order == NULL) {
        return UD_ERR_SHAPE;
    }
    listing->store = store;
    bool exact = true;
    ud_know_total(call, listing);
    const ud_err err = ud_store_device_search(store, call->tenant, call->person.area, listing->filter, order,
                                              &listing->page, &exact, each_device, &list);
    listing->inexact = !exact;
    return err == UD_OK ? list.err : err;
}

void ud_api_devices_list(struct ud_call *call)
{
    ud_list_filtered(call, ud_device_fields, list_devices);
}

static ud_err get_device(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device row;
    const ud_err err = ud_find_device(call, store, call->param[0], &row);
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    return render_device(call, &json, &row, store);
}

void ud_api_devices_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_device);
}

/* --- add */

struct addition {
    struct ud_row_device device;
    char type[UD_TITLE_BYTES_MAX + 1];
    bool with_code;
    char secret[UD_SECRET_CHARS_MAX + 1]; /* the token or the code, shown once */
    uint8_t secret_hash[UD_SHA256_BYTES];
};

static ud_err add_device(struct ud_call *call, struct ud_store *store)
{
    struct addition *addition = call->data;
    struct ud_row_device *device = &addition->device;
    ud_err err = UD_OK;
    if (addition->type[0] != '\0') {
        struct ud_row_type type;
        err = ud_store_type_find(store, call->tenant, addition->type, &type);
        device->type_id = err == UD_OK ? type.id : 0;
    }
    const bool has_key = device->has_key;
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    memcpy(kid, device->kid, sizeof kid);
    memcpy(pub, device->pub, sizeof pub);
    err = err == UD_OK ? ud_store_device_add(store, device) : err;
    if (err == UD_OK && has_key) {
        err = ud_store_device_key_set(store, device->id, kid, pub, call->now_ms);
    }
    if (err == UD_OK && addition->with_code) {
        err = ud_store_device_code_set(store, device->id, addition->secret_hash, call->now_ms + CODE_LIFE_MS);
    }
    err = err == UD_OK ? ud_store_fact_device(store, call->tenant, device->id) : err;
    return err == UD_OK ? ud_store_device_get(store, device->id, device) : err;
}

static void device_committed(struct ud_call *call)
{
    const struct addition *addition = call->data;
    ud_refresh_fleet(call, &addition->device);
    ud_scheduler_wake(call->server->scheduler);
}

static void device_added(struct ud_call *call, ud_err err)
{
    const struct addition *addition = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_NOT_FOUND ? "no such device type" : NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "device-added", "device", addition->device.name, "by",
                 call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "name", addition->device.name);
    if (addition->device.has_key) {
        ud_json_hex(&json, "kid", UD_BYTES_ARRAY(addition->device.kid));
    }
    ud_json_string(&json, addition->with_code ? "code" : "token", addition->secret);
    ud_json_close(&json, '}');
}

/* A name is a path segment on every road. */
static bool is_device_name(const char *name)
{
    char decoded[UD_NAME_BYTES_MAX + 1];
    return strchr(name, '%') == NULL && ud_route_decode(decoded, name, strlen(name)) && name[0] != '\0';
}

ud_err ud_take_group(const struct ud_call *call, json_t *body, char area[UD_AREA_BYTES_MAX + 1])
{
    memcpy(area, call->person.area, UD_AREA_BYTES_MAX + 1);
    const ud_err err = ud_take_string(body, "group", area, UD_AREA_BYTES_MAX, false);
    if (err != UD_OK || !ud_is_area(area)) {
        return err == UD_OK ? UD_ERR_SHAPE : err;
    }
    return ud_area_within(area, call->person.area) ? UD_OK : UD_ERR_GROUP;
}

static ud_err parse_addition(const struct ud_call *call, struct addition *addition, json_t *body)
{
    json_t *key = json_object_get(body, "key");
    struct ud_row_device *device = &addition->device;
    ud_err err = ud_take_string(body, "name", device->name, UD_NAME_BYTES_MAX, true);
    err = err == UD_OK && !is_device_name(device->name) ? UD_ERR_SHAPE : err;
    err = err == UD_OK ? ud_take_string(body, "type", addition->type, UD_TITLE_BYTES_MAX, false) : err;
    err = err == UD_OK ? ud_take_bool(body, "code", &addition->with_code) : err;
    err = err == UD_OK ? ud_take_group(call, body, device->area) : err;
    if (err == UD_OK && key != NULL && !json_is_null(key)) {
        err = ud_take_key(body, "key", device->pub, device->kid);
        device->has_key = err == UD_OK;
    }
    return err;
}

static ud_err make_secret(struct addition *addition)
{
    const size_t chars = addition->with_code ? UD_CODE_CHARS : UD_TOKEN_CHARS;
    ud_err err = ud_secret_make(addition->secret, chars);
    err = err == UD_OK ? ud_secret_hash(ud_text_bytes(addition->secret), addition->secret_hash) : err;
    addition->device.has_token = !addition->with_code;
    memcpy(addition->device.token_hash, addition->secret_hash, UD_SHA256_BYTES);
    return err;
}

void ud_api_devices_add(struct ud_call *call)
{
    struct addition *addition = ud_call_alloc(call, sizeof *addition);
    json_t *body = addition == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    ud_err err = parse_addition(call, addition, body);
    json_decref(body);
    err = err == UD_OK ? make_secret(addition) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    addition->device.tenant = call->tenant;
    addition->device.created_ms = call->now_ms;
    call->data = addition;
    ud_call_write_then(call, add_device, device_committed, device_added);
}

/* --- remove */

static ud_err remove_device(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device *row = call->data;
    const ud_err err = ud_find_device(call, store, call->param[0], row);
    return err == UD_OK ? ud_store_device_remove(store, row->id) : err;
}

static void device_gone(struct ud_call *call)
{
    const struct ud_row_device *row = call->data;
    ud_fleet_remove(call->server->fleet, row->id);
    ud_scheduler_wake(call->server->scheduler);
}

static void device_removed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "device-removed", "device", call->param[0], "by",
                 call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_api_devices_remove(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct ud_row_device));
    if (call->data != NULL) {
        ud_call_write_then(call, remove_device, device_gone, device_removed);
    }
}

/* --- its group */

static ud_err set_group(struct ud_call *call, struct ud_store *store)
{
    const char *area = call->data;
    struct ud_row_device row;
    const ud_err err = ud_find_device(call, store, call->param[0], &row);
    if (err != UD_OK) {
        return err;
    }
    const ud_err set = ud_store_device_area_set(store, row.id, area);
    return set == UD_OK ? ud_store_fact_device(store, call->tenant, row.id) : set;
}

static void group_set(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_api_devices_group(struct ud_call *call)
{
    char *area = ud_call_alloc(call, UD_AREA_BYTES_MAX + 1);
    json_t *body = area == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const ud_err err = ud_take_group(call, body, area);
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: group, names with / between them, or an empty text");
        return;
    }
    call->data = area;
    ud_call_write(call, set_group, group_set);
}

/* --- actions and reports of one device */

static void each_action(void *ctx, const struct ud_row_action *action)
{
    struct ud_listing *listing = ctx;
    ud_render_action(&listing->json, NULL, action, NULL);
    listing->count++;
}

static ud_err list_actions(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_device row;
    const ud_err err = ud_find_device(call, store, call->param[0], &row);
    return err == UD_OK ? ud_store_action_list(store, row.id, &listing->page, each_action, listing) : err;
}

void ud_api_devices_actions(struct ud_call *call)
{
    ud_list(call, list_actions);
}

/* It was verified when it came. */
static void put_said(struct ud_json *json, struct ud_bytes bytes)
{
    struct ud_report report = {.result = UD_OK};
    (void)ud_report_read(&report, bytes, NULL); /* of a format that is no more: says nothing */
    ud_report_json_claims(json, &report);
    ud_report_json_records(json, &report);
    ud_report_json_capabilities(json, report.capabilities);
}

static void each_report(void *ctx, const struct ud_row_report *report)
{
    struct ud_listing *listing = ctx;
    struct ud_json *json = &listing->json;
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "at", report->at_ms);
    int_or_null(json, "action", report->action);
    ud_json_int(json, "counter", (int64_t)report->counter);
    ud_json_string(json, "result", ud_err_name(report->result));
    ud_json_string(json, "message", ud_err_text(report->result));
    ud_json_string(json, "bootReason", boot_reason_name(report->boot_reason));
    put_said(json, report->bytes);
    ud_json_hex(json, "bytes", report->bytes);
    ud_json_close(json, '}');
    listing->count++;
}

static ud_err list_reports(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_device row;
    const ud_err err = ud_find_device(call, store, call->param[0], &row);
    return err == UD_OK ? ud_store_report_list(store, row.id, &listing->page, each_report, listing) : err;
}

void ud_api_devices_reports(struct ud_call *call)
{
    ud_list(call, list_reports);
}

/* --- what it runs and what it can do, by its own signed word */

struct properties {
    struct ud_json *json;
    bool found;
};

static void put_claims(void *ctx, const struct ud_row_report *row)
{
    struct properties *properties = ctx;
    struct ud_report report = {.result = UD_OK};
    properties->found = true;
    (void)ud_report_read(&report, row->bytes, NULL);
    ud_json_int(properties->json, "reportedAt", row->at_ms);
    ud_report_json_claims(properties->json, &report);
}

static void put_capabilities(void *ctx, const struct ud_row_report *row)
{
    struct properties *properties = ctx;
    struct ud_report report = {.result = UD_OK};
    properties->found = true;
    (void)ud_report_read(&report, row->bytes, NULL);
    ud_json_int(properties->json, "capabilitiesAt", row->at_ms);
    ud_report_json_capabilities(properties->json, report.capabilities);
}

static ud_err read_properties(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device row;
    ud_err err = ud_find_device(call, store, call->param[0], &row);
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    struct properties properties = {.json = &json, .found = false};
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "name", row.name);
    err = ud_store_report_newest(store, row.id, false, put_claims, &properties);
    if (!properties.found) {
        ud_json_null(&json, "reportedAt");
        ud_json_open(&json, "claims", '[');
        ud_json_close(&json, ']');
    }
    properties.found = false;
    err = err == UD_OK ? ud_store_report_newest(store, row.id, true, put_capabilities, &properties) : err;
    if (!properties.found) {
        ud_json_null(&json, "capabilitiesAt");
        ud_json_null(&json, "capabilities");
    }
    ud_json_close(&json, '}');
    return err;
}

void ud_api_devices_properties(struct ud_call *call)
{
    ud_call_read_or_fail(call, read_properties);
}
