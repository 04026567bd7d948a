/* hawkBit's targets and actions: our devices and actions in its words. */
#include "server/mgmt.h"

#include "server/actions.h"
#include "server/attributes.h"
#include "server/auto_confirm.h"
#include "server/rollout_json.h"
#include "server/rollouts.h"
#include "server/scheduler.h"
#include "server/secret.h"
#include "server/tenants.h"

#include <stdio.h>

/* hawkBit has one word for what we tell apart. */
static const char *const states[UD_STATUS_COUNT] = {
    [UD_STATUS_UNKNOWN] = "unknown", [UD_STATUS_REGISTERED] = "registered", [UD_STATUS_PENDING] = "pending",
    [UD_STATUS_IN_SYNC] = "in_sync", [UD_STATUS_FAILED] = "error",          [UD_STATUS_REVERTED] = "error",
    [UD_STATUS_DRIFTED] = "error",
};

static void link_to(struct ud_call *call, struct ud_json *json, const char *rel, const char *name,
                    const char *tail)
{
    const char *base = NULL;
    char href[1024];
    if (ud_call_base_url(call, &base) == UD_OK) {
        snprintf(href, sizeof href, "%s/rest/v1/targets/%s%s", base, name, tail);
        ud_json_open(json, rel, '{');
        ud_json_string(json, "href", href);
        ud_json_close(json, '}');
    }
}

static void render_poll(struct ud_call *call, struct ud_json *json, int64_t seen_ms, uint32_t told_s)
{
    struct ud_tenant_settings settings;
    ud_tenants_settings(call->server->tenants, call->tenant, &settings);
    const int64_t next = seen_ms + (int64_t)(told_s == 0 ? settings.poll.s : told_s) * 1000;
    ud_json_open(json, "pollStatus", '{');
    ud_json_int(json, "lastRequestAt", seen_ms);
    ud_json_int(json, "nextExpectedRequestAt", next);
    ud_json_bool(json, "overdue", call->now_ms > next + (int64_t)settings.overdue_s * 1000);
    ud_json_close(json, '}');
}

static void render_target(struct ud_call *call, struct ud_store *store, struct ud_json *json,
                          const struct ud_row_device *row)
{
    struct ud_target_words words;
    struct ud_auto_confirm consent;
    struct ud_fleet_device live;
    const bool known = ud_fleet_find(call->server->fleet, row->tenant, row->name, &live) == UD_OK;
    const int64_t seen = known && live.last_seen_ms > row->last_seen_ms ? live.last_seen_ms : row->last_seen_ms;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "controllerId", row->name);
    if (ud_store_target_words_get(store, row->id, &words) != UD_OK || words.title[0] == '\0') {
        snprintf(words.title, sizeof words.title, "%.*s", UD_TITLE_BYTES_MAX, row->name);
    }
    ud_json_string(json, "name", words.title);
    ud_json_string(json, "description", words.description);
    ud_json_string(json, "updateStatus", states[row->status < UD_STATUS_COUNT ? row->status : 0]);
    ud_json_bool(json, "requestAttributes", row->wants_attributes);
    ud_json_bool(json, "autoConfirmActive",
                 ud_auto_confirm_get(store, row->id, &consent) == UD_OK && consent.active);
    if (seen != 0) {
        ud_json_int(json, "lastControllerRequestAt", seen);
        render_poll(call, json, seen, known ? live.told_s : 0);
    }
    if (row->finished_action != 0) {
        ud_json_int(json, "installedAt", row->reported_ms);
    }
    if (row->type_id != 0) {
        ud_json_int(json, "targetType", row->type_id);
        ud_json_string(json, "targetTypeName", row->type_name);
    }
    ud_json_string(json, "group", row->area[0] == '\0' ? NULL : row->area);
    ud_json_int(json, "createdAt", row->created_ms);
    ud_json_int(json, "lastModifiedAt", row->created_ms);
    ud_json_open(json, "_links", '{');
    link_to(call, json, "self", row->name, "");
    link_to(call, json, "assignedDS", row->name, "/assignedDS");
    link_to(call, json, "installedDS", row->name, "/installedDS");
    link_to(call, json, "attributes", row->name, "/attributes");
    link_to(call, json, "actions", row->name, "/actions");
    link_to(call, json, "metadata", row->name, "/metadata");
    link_to(call, json, "autoConfirm", row->name, "/autoConfirm");
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

struct targets {
    struct ud_call *call;
    struct ud_listing *listing;
    struct ud_store *store;
};

static void each_target(void *ctx, const struct ud_row_device *row)
{
    const struct targets *list = ctx;
    render_target(list->call, list->store, &list->listing->json, row);
    list->listing->count++;
}

/* controllerId, name, createdAt, lastControllerRequestAt, updateStatus: what has an index, or is cheap */
static const char *order_of(struct ud_call *call)
{
    static const struct {
        const char *sort;
        const char *order;
    } rows[] = {
        {"controllerid:asc", "d.name"},
        {"controllerid:desc", "d.name DESC"},
        {"name:asc", "d.name"},
        {"name:desc", "d.name DESC"},
        {"id:asc", "d.name"},
        {"id:desc", "d.name DESC"},
        {"createdat:asc", "d.id"},
        {"createdat:desc", "d.id DESC"},
        {"updatestatus:asc", "d.status,d.id"},
        {"updatestatus:desc", "d.status DESC,d.id DESC"},
    };
    const char *text = NULL;
    const ud_err err = ud_call_query_text(call, "sort", &text);
    if (err == UD_ABSENT) {
        return "d.id";
    }
    for (size_t i = 0; err == UD_OK && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcasecmp(text, rows[i].sort) == 0) {
            return rows[i].order;
        }
    }
    return NULL;
}

static ud_err list_targets(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct targets list = {call, listing, store};
    bool exact = true;
    const char *order = order_of(call);
    if (order == NULL) {
        return UD_ERR_SHAPE;
    }
    ud_know_total(call, listing);
    const ud_err err = ud_store_device_search(store, call->tenant, call->person.area, listing->filter, order,
                                              &listing->page, &exact, each_target, &list);
    listing->inexact = !exact;
    return err;
}

void ud_mgmt_targets_list(struct ud_call *call)
{
    ud_list_filtered(call, ud_device_fields, list_targets);
}

void ud_mgmt_targets_list_where(struct ud_call *call, const char *condition)
{
    ud_list_filtered_where(call, ud_device_fields, condition, list_targets);
}

/* --- of one group of a rollout */

static void each_member(void *ctx, const struct ud_row_member *member)
{
    const struct targets *list = ctx;
    struct ud_row_device row;
    if (ud_store_device_get(list->store, member->device, &row) == UD_OK) {
        each_target(ctx, &row);
    }
}

static ud_err list_members(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct targets list = {call, listing, store};
    struct ud_row_rollout rollout;
    struct ud_row_group group;
    int32_t position;
    ud_err err = ud_find_rollout(call, store, &rollout);
    err = err == UD_OK && !ud_call_id(call->param[1], &position) ? UD_ERR_NOT_FOUND : err;
    err = err == UD_OK ? ud_store_group_get(store, rollout.id, (uint32_t)position, &group) : err;
    return err == UD_OK
               ? ud_store_member_list(store, rollout.id, group.position, -1, &listing->page, each_member, &list)
               : err;
}

void ud_mgmt_rollouts_group_targets(struct ud_call *call)
{
    ud_list(call, list_members);
}

static ud_err get_target(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device row;
    const ud_err err = ud_find_device(call, store, call->param[0], &row);
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        render_target(call, store, &json, &row);
    }
    return err;
}

void ud_mgmt_targets_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_target);
}

/* --- add */

#define ADD_MAX 500

struct target {
    struct ud_row_device row;
    struct ud_target_words words;
    char secret[UD_SECRET_CHARS_MAX + 1]; /* shown once */
};

struct adding {
    json_t *body;
    struct target *targets;
    size_t count;
};

static void release_adding(struct ud_call *call)
{
    const struct adding *adding = call->data;
    json_decref(adding->body);
}

static bool is_name(const char *name)
{
    char decoded[UD_NAME_BYTES_MAX + 1];
    return strchr(name, '%') == NULL && ud_route_decode(decoded, name, strlen(name)) && name[0] != '\0';
}

static ud_err parse_target(struct ud_call *call, json_t *object, struct target *target)
{
    ud_err err = ud_take_string(object, "controllerId", target->row.name, UD_NAME_BYTES_MAX, true);
    err = err == UD_OK && !is_name(target->row.name) ? UD_ERR_SHAPE : err;
    err = err == UD_OK ? ud_take_string(object, "securityToken", target->secret, UD_SECRET_CHARS_MAX, false)
                       : err;
    if (err == UD_OK && target->secret[0] == '\0') {
        err = ud_secret_make(target->secret, UD_TOKEN_CHARS);
    } else if (err == UD_OK && strlen(target->secret) < UD_TARGET_SECRET_CHARS_MIN) {
        err = UD_ERR_NUMBER_RANGE; /* could be guessed */
    }
    err = err == UD_OK ? ud_secret_hash(ud_text_bytes(target->secret), target->row.token_hash) : err;
    err = err == UD_OK ? ud_take_string(object, "name", target->words.title, UD_TITLE_BYTES_MAX, false) : err;
    err = err == UD_OK ? ud_take_string(object, "description", target->words.description,
                                        UD_TARGET_DESCRIPTION_BYTES_MAX, false)
                       : err;
    err = err == UD_OK ? ud_take_group(call, object, target->row.area) : err;
    target->row.has_token = true;
    target->row.tenant = call->tenant;
    target->row.created_ms = call->now_ms;
    target->row.type_id = json_integer_value(json_object_get(object, "targetType"));
    return err;
}

static ud_err add_targets(struct ud_call *call, struct ud_store *store)
{
    struct adding *adding = call->data;
    ud_err err = UD_OK;
    for (size_t i = 0; i < adding->count && err == UD_OK; i++) {
        struct ud_row_device *row = &adding->targets[i].row;
        if (row->type_id != 0) {
            err =
                ud_store_entity_exists(store, ud_mgmt_entity_named("targettypes"), call->tenant, row->type_id);
        }
        err = err == UD_OK ? ud_store_device_add(store, row) : err;
        err = err == UD_OK ? ud_store_target_words_set(store, row->id, &adding->targets[i].words) : err;
        err = err == UD_OK ? ud_store_fact_device(store, call->tenant, row->id) : err;
        err = err == UD_OK ? ud_store_device_get(store, row->id, row) : err;
    }
    return err;
}

static void targets_committed(struct ud_call *call)
{
    const struct adding *adding = call->data;
    for (size_t i = 0; i < adding->count; i++) {
        ud_refresh_fleet(call, &adding->targets[i].row);
    }
    ud_scheduler_wake(call->server->scheduler);
}

static void targets_added(struct ud_call *call, ud_err err)
{
    const struct adding *adding = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '[');
    for (size_t i = 0; i < adding->count; i++) {
        ud_json_open(&json, NULL, '{');
        ud_json_string(&json, "controllerId", adding->targets[i].row.name);
        ud_json_string(&json, "name",
                       adding->targets[i].words.title[0] == '\0' ? adding->targets[i].row.name
                                                                 : adding->targets[i].words.title);
        ud_json_string(&json, "updateStatus", "unknown");
        ud_json_string(&json, "securityToken",
                       adding->targets[i].secret); /* this once: only its hash is kept */
        ud_json_int(&json, "createdAt", call->now_ms);
        ud_json_open(&json, "_links", '{');
        link_to(call, &json, "self", adding->targets[i].row.name, "");
        ud_json_close(&json, '}');
        ud_json_close(&json, '}');
    }
    ud_json_close(&json, ']');
}

void ud_mgmt_targets_add(struct ud_call *call)
{
    struct adding *adding = ud_call_alloc(call, sizeof *adding);
    if (adding == NULL) {
        return;
    }
    call->data = adding;
    call->release = release_adding;
    adding->body = ud_call_json_list(call);
    if (adding->body == NULL) {
        return;
    }
    const size_t count = json_array_size(adding->body);
    adding->targets = count > ADD_MAX ? NULL : ud_call_alloc(call, (count + 1) * sizeof *adding->targets);
    if (adding->targets == NULL) {
        ud_call_error(call, count > ADD_MAX ? UD_ERR_LIMIT : UD_ERR_MEMORY, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const ud_err err =
            parse_target(call, json_array_get(adding->body, i), &adding->targets[adding->count++]);
        if (err != UD_OK) {
            ud_call_error(call, err, NULL);
            return;
        }
    }
    ud_call_write_then(call, add_targets, targets_committed, targets_added);
}

/* --- what it was given, what it has */

static ud_err get_set(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device row;
    struct ud_row_release release;
    const bool installed = strstr(call->route->pattern, "installedDS") != NULL;
    ud_err err = ud_find_device(call, store, call->param[0], &row);
    const int32_t id = err != UD_OK ? 0 : installed ? row.finished_release : row.assigned_release;
    if (err == UD_OK && id == 0) {
        ud_call_status(call, 204);
        return UD_OK;
    }
    err = err == UD_OK ? ud_store_release_get(store, call->tenant, id, &release) : err;
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        ud_json_open(&json, NULL, '{');
        ud_json_int(&json, "id", release.id);
        ud_json_string(&json, "name", release.name);
        ud_json_string(&json, "version", release.version);
        ud_json_bool(&json, "valid", release.recalled_ms == 0);
        ud_mgmt_self(call, &json, "distributionsets", release.id);
        ud_json_close(&json, '}');
    }
    return err;
}

void ud_mgmt_targets_set(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_set);
}
