/* Below entities: metadata, assigned devices, modules of a set, artifacts of a module, settings, who am I. */
#include "server/mgmt.h"

#include "server/actions.h"
#include "server/rollouts.h"
#include "server/scheduler.h"
#include "server/store_people.h"
#include "server/tenants.h"

#include <stdio.h>
#include <stdlib.h>

#define RELATED_MAX 500
#define VALUE_BYTES_MAX 4000

/* --- what sets and modules show beside their columns */

struct pairs {
    struct ud_json *json;
    size_t count;
};

static void count_pair(void *ctx, const char *key, const char *value, bool visible)
{
    size_t *count = ctx;
    (void)key;
    (void)value;
    (void)visible;
    (*count)++;
}

struct nested {
    struct ud_call *call;
    struct ud_json *json;
    const struct ud_entity *entity;
};

static void render_nested(void *ctx, const struct ud_entity_row *row)
{
    struct nested *nested = ctx;
    ud_json_open(nested->json, NULL, '{');
    ud_mgmt_members(nested->json, nested->entity, row);
    ud_mgmt_self(nested->call, nested->json, nested->entity->name, row->id);
    ud_json_close(nested->json, '}');
}

static ud_err render_modules(struct ud_call *call, struct ud_store *store, struct ud_json *json, int64_t set)
{
    int64_t ids[RELATED_MAX];
    size_t count = 0;
    struct nested nested = {call, json, ud_mgmt_entity_named("softwaremodules")};
    ud_err err = ud_store_relation_list(store, UD_REL_SET_MODULE, set, ids, RELATED_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        err = ud_store_entity_get(store, nested.entity, call->tenant, ids[i], render_nested, &nested);
    }
    return err;
}

ud_err ud_mgmt_more(struct ud_call *call, struct ud_store *store, struct ud_json *json,
                    const struct ud_entity *entity, const struct ud_entity_row *row)
{
    size_t count = 0;
    ud_err err = UD_OK;
    if (strcmp(entity->name, "targetfilters") == 0) {
        err = ud_mgmt_auto_members(store, json, call->tenant, row->id);
    } else if (strcmp(entity->name, "softwaremodules") == 0) {
        err = ud_store_pair_list(store, UD_PAIRS_ARTIFACT, row->id, NULL, count_pair, &count);
        ud_json_bool(json, "complete", count > 0);
        ud_json_bool(json, "locked", false);
        ud_json_bool(json, "encrypted", false);
    } else if (strcmp(entity->name, "distributionsets") == 0) {
        const ud_err whole = ud_mgmt_set_is_whole(store, row->id);
        err = whole == UD_ERR_SET_INCOMPLETE ? UD_OK : whole;
        ud_json_bool(json, "complete", whole == UD_OK);
        ud_json_bool(json, "locked", false);
        ud_json_bool(json, "requiredMigrationStep", false);
        ud_json_open(json, "modules", '[');
        err = err == UD_OK ? render_modules(call, store, json, row->id) : err;
        ud_json_close(json, ']');
    }
    return err;
}

/* --- metadata */

struct owner {
    ud_pairs kind;
    int64_t id;
};

/* Whose metadata does the path name? */
static ud_err owner_of(struct ud_call *call, struct ud_store *store, struct owner *owner)
{
    const char *pattern = call->route->pattern + sizeof "/rest/v1/" - 1;
    if (strncmp(pattern, "targets/", 8) == 0) {
        struct ud_row_device device;
        const ud_err err = ud_find_device(call, store, call->param[0], &device);
        *owner = (struct owner){UD_PAIRS_DEVICE, device.id};
        return err;
    }
    owner->kind = strncmp(pattern, "softwaremodules/", 16) == 0 ? UD_PAIRS_MODULE : UD_PAIRS_SET;
    return ud_mgmt_id(call, 0, &owner->id)
               ? ud_store_entity_exists(store, ud_mgmt_entity_named(pattern), call->tenant, owner->id)
               : UD_ERR_NOT_FOUND;
}

static void render_pair(void *ctx, const char *key, const char *value, bool visible)
{
    struct pairs *pairs = ctx;
    ud_json_open(pairs->json, NULL, '{');
    ud_json_string(pairs->json, "key", key);
    ud_json_string(pairs->json, "value", value);
    ud_json_bool(pairs->json, "targetVisible", visible);
    ud_json_close(pairs->json, '}');
    pairs->count++;
}

static ud_err list_pairs(struct ud_call *call, struct ud_store *store)
{
    struct owner owner;
    ud_err err = owner_of(call, store, &owner);
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    struct pairs pairs = {&json, 0};
    const char *key = call->param[1];
    if (key == NULL) {
        ud_json_open(&json, NULL, '{');
        ud_json_open(&json, "content", '[');
    }
    err = ud_store_pair_list(store, owner.kind, owner.id, key, render_pair, &pairs);
    if (key != NULL) {
        return err == UD_OK && pairs.count == 0 ? UD_ERR_NOT_FOUND : err;
    }
    ud_json_close(&json, ']');
    ud_json_int(&json, "total", (int64_t)pairs.count);
    ud_json_int(&json, "size", (int64_t)pairs.count);
    ud_json_close(&json, '}');
    return err;
}

void ud_mgmt_pairs_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, list_pairs);
}

struct body {
    json_t *json;
    struct ud_row_device device;
    struct ud_row_device *devices;
    size_t count;
    size_t already;
    int32_t actions[RELATED_MAX];
    size_t action_count;
};

static void release_body(struct ud_call *call)
{
    const struct body *body = call->data;
    json_decref(body->json);
}

static struct body *take_body(struct ud_call *call, bool list)
{
    struct body *body = ud_call_alloc(call, sizeof *body);
    if (body == NULL) {
        return NULL;
    }
    body->json = list ? ud_call_json_list(call) : ud_call_json_body(call);
    call->data = body;
    call->release = release_body;
    return body->json == NULL ? NULL : body;
}

static ud_err set_pair(struct ud_store *store, const struct owner *owner, const char *key, json_t *object)
{
    const char *value = json_string_value(json_object_get(object, "value"));
    if (key == NULL || value == NULL) {
        return UD_ERR_MISSING;
    }
    if (strlen(key) > UD_TITLE_BYTES_MAX || key[0] == '\0' || strlen(value) > VALUE_BYTES_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    return ud_store_pair_set(store, owner->kind, owner->id, key, value,
                             json_is_true(json_object_get(object, "targetVisible")));
}

static ud_err add_pairs(struct ud_call *call, struct ud_store *store)
{
    const struct body *body = call->data;
    struct owner owner;
    size_t i;
    json_t *object;
    ud_err err = owner_of(call, store, &owner);
    if (call->param[1] != NULL) {
        return err == UD_OK ? set_pair(store, &owner, call->param[1], body->json) : err;
    }
    json_array_foreach(body->json, i, object)
    {
        err = err == UD_OK ? set_pair(store, &owner, json_string_value(json_object_get(object, "key")), object)
                           : err;
    }
    return err;
}

static void done(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, strcmp(call->route->method, "POST") == 0 ? 201 : 204);
}

static void done_200(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, strcmp(call->route->method, "POST") == 0 ? 200 : 204);
}

void ud_mgmt_pairs_add(struct ud_call *call)
{
    if (take_body(call, call->param[1] == NULL) != NULL) {
        ud_call_write(call, add_pairs, done);
    }
}

static ud_err remove_pair(struct ud_call *call, struct ud_store *store)
{
    struct owner owner;
    const ud_err err = owner_of(call, store, &owner);
    return err == UD_OK ? ud_store_pair_remove(store, owner.kind, owner.id, call->param[1]) : err;
}

void ud_mgmt_pairs_remove(struct ud_call *call)
{
    ud_call_write(call, remove_pair, done);
}

/* --- modules of a set */

static ud_err list_set_modules(struct ud_call *call, struct ud_store *store)
{
    int64_t ids[RELATED_MAX];
    int64_t set;
    size_t count = 0;
    if (!ud_mgmt_id(call, 0, &set)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("distributionsets"), call->tenant, set);
    err = err == UD_OK ? ud_store_relation_list(store, UD_REL_SET_MODULE, set, ids, RELATED_MAX, &count) : err;
    if (err != UD_OK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_open(&json, "content", '[');
    err = render_modules(call, store, &json, set);
    ud_json_close(&json, ']');
    ud_json_int(&json, "total", (int64_t)count);
    ud_json_int(&json, "size", (int64_t)count);
    ud_json_close(&json, '}');
    return err;
}

void ud_mgmt_set_modules(struct ud_call *call)
{
    ud_call_read_or_fail(call, list_set_modules);
}

/* A set that was given to a device is not changed any more. */
static ud_err set_to_change(struct ud_call *call, struct ud_store *store, int64_t *set)
{
    if (!ud_mgmt_id(call, 0, set)) {
        return UD_ERR_NOT_FOUND;
    }
    const ud_err err =
        ud_store_entity_exists(store, ud_mgmt_entity_named("distributionsets"), call->tenant, *set);
    return err == UD_OK && ud_store_release_was_given(store, (int32_t)*set) ? UD_ERR_IN_USE : err;
}

static ud_err add_set_modules(struct ud_call *call, struct ud_store *store)
{
    const struct body *body = call->data;
    int64_t set;
    size_t i;
    json_t *object;
    ud_err err = set_to_change(call, store, &set);
    json_array_foreach(body->json, i, object)
    {
        const int64_t id = json_integer_value(json_object_get(object, "id"));
        err = err == UD_OK
                  ? ud_store_entity_exists(store, ud_mgmt_entity_named("softwaremodules"), call->tenant, id)
                  : err;
        err = err == UD_OK ? ud_mgmt_set_module_add(store, set, id) : err;
    }
    return err;
}

void ud_mgmt_set_modules_add(struct ud_call *call)
{
    if (take_body(call, true) != NULL) {
        ud_call_write(call, add_set_modules, done_200);
    }
}

static ud_err remove_set_module(struct ud_call *call, struct ud_store *store)
{
    int64_t set;
    int64_t module;
    const ud_err err = set_to_change(call, store, &set);
    if (err == UD_OK && !ud_mgmt_id(call, 1, &module)) {
        return UD_ERR_NOT_FOUND;
    }
    return err == UD_OK ? ud_store_relation_remove(store, UD_REL_SET_MODULE, set, module) : err;
}

void ud_mgmt_set_modules_remove(struct ud_call *call)
{
    ud_call_write(call, remove_set_module, done);
}

/* --- assigning a set to targets: [{"id", "type", "forcetime", "weight", "confirmationRequired", "maintenanceWindow"}] */

ud_err ud_mgmt_take_consent(const struct ud_call *call, json_t *given, bool *waits)
{
    struct ud_tenant_settings settings;
    ud_tenants_settings(call->server->tenants, call->tenant, &settings);
    *waits = settings.consent_unasked;
    return ud_take_bool(given, "confirmationRequired", waits);
}

static ud_err take_terms(const struct ud_call *call, json_t *given, struct ud_terms *terms)
{
    static const char *const forces[] = {"soft", "forced", "timeforced", "downloadonly"};
    struct ud_window window;
    struct ud_window_at at;
    const char *type = json_string_value(json_object_get(given, "type"));
    json_t *weight = json_object_get(given, "weight");
    json_t *shut = json_object_get(given, "maintenanceWindow");
    ud_terms_init(terms);
    for (size_t i = 0; type != NULL; i++) {
        if (i == sizeof forces / sizeof forces[0]) {
            return UD_ERR_SHAPE;
        }
        if (strcmp(type, forces[i]) == 0) {
            terms->force = (ud_force)i;
            break;
        }
    }
    terms->force_ms = json_integer_value(json_object_get(given, "forcetime"));
    ud_err err = ud_mgmt_take_consent(call, given, &terms->waits);
    if (err != UD_OK) {
        return err;
    }
    if (json_is_integer(weight) && (json_integer_value(weight) < 0 || json_integer_value(weight) > 1000)) {
        return UD_ERR_NUMBER_RANGE;
    }
    terms->weight = json_is_integer(weight) ? (int32_t)json_integer_value(weight) : UD_WEIGHT_DEFAULT;
    if (!json_is_object(shut)) {
        return UD_OK;
    }
    err = ud_take_string(shut, "schedule", terms->schedule, UD_SCHEDULE_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_string(shut, "duration", terms->duration, UD_DURATION_BYTES_MAX, true) : err;
    err = err == UD_OK ? ud_take_string(shut, "timezone", terms->zone, UD_ZONE_BYTES_MAX, false) : err;
    err = err == UD_OK ? ud_window_parse(&window, terms->schedule, terms->duration, terms->zone) : err;
    if (err == UD_OK && !window.in_device_zone) {
        ud_window_look(&window, NULL, call->now_ms, &at);
        err = at.never ? UD_ERR_WINDOW : err; /* as hawkBit: nothing could come of it */
    }
    return err;
}

static ud_err assign_one(struct ud_call *call, struct ud_store *store, struct body *body, const char *name,
                         int64_t set, json_t *given)
{
    struct ud_row_release release;
    struct ud_row_action action;
    struct ud_terms terms;
    struct ud_row_device *device = &body->devices[body->count];
    ud_err err = take_terms(call, given, &terms);
    err = err == UD_OK ? ud_store_release_get(store, call->tenant, (int32_t)set, &release) : err;
    err = err == UD_OK ? ud_mgmt_set_is_whole(store, set) : err;
    err = err == UD_OK ? ud_store_deploy_allowed(store, call->tenant, release.id, call->person.person) : err;
    err = err == UD_OK ? ud_find_device(call, store, name, device) : err;
    if (err == UD_OK && device->status == UD_STATUS_IN_SYNC && device->finished_release == release.id) {
        body->already++;
        return UD_OK;
    }
    err = err == UD_OK ? ud_action_offer(store, device, &release, &terms, call->now_ms, &action) : err;
    if (err == UD_ERR_DUPLICATE) {
        body->already++;
        return UD_OK;
    }
    if (err == UD_OK) {
        body->actions[body->action_count++] = action.id;
        body->count++;
        err = ud_store_device_get(store, device->id, device);
    }
    return err;
}

static ud_err assign(struct ud_call *call, struct ud_store *store)
{
    struct body *body = call->data;
    const bool to_target = strncmp(call->route->pattern, "/rest/v1/targets/", 17) == 0;
    int64_t set = 0;
    size_t i;
    json_t *given;
    ud_err err = to_target || ud_mgmt_id(call, 0, &set) ? UD_OK : UD_ERR_NOT_FOUND;
    json_array_foreach(body->json, i, given)
    {
        json_t *id = json_object_get(given, "id");
        const char *name = to_target ? call->param[0] : json_string_value(id);
        if (to_target) {
            set = json_integer_value(id);
        }
        if (err == UD_OK && (name == NULL || set < 1 || set > UD_ACTION_ID_MAX)) {
            err = UD_ERR_MISSING;
        }
        err = err == UD_OK ? assign_one(call, store, body, name, set, given) : err;
    }
    return err;
}

static void assign_committed(struct ud_call *call)
{
    const struct body *body = call->data;
    for (size_t i = 0; i < body->count; i++) {
        ud_refresh_fleet(call, &body->devices[i]);
    }
}

static void assigned(struct ud_call *call, ud_err err)
{
    const struct body *body = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "assigned", (int64_t)body->count);
    ud_json_int(&json, "alreadyAssigned", (int64_t)body->already);
    ud_json_int(&json, "total", (int64_t)(body->count + body->already));
    ud_json_open(&json, "assignedActions", '[');
    for (size_t i = 0; i < body->action_count; i++) {
        ud_json_open(&json, NULL, '{');
        ud_json_int(&json, "id", body->actions[i]);
        ud_mgmt_self(call, &json, "actions", body->actions[i]);
        ud_json_close(&json, '}');
    }
    ud_json_close(&json, ']');
    ud_json_close(&json, '}');
}

void ud_mgmt_assign(struct ud_call *call)
{
    struct body *body = take_body(call, true);
    if (body == NULL) {
        return;
    }
    if (json_array_size(body->json) > RELATED_MAX) {
        ud_call_error(call, UD_ERR_LIMIT, NULL);
        return;
    }
    body->devices = ud_call_alloc(call, (json_array_size(body->json) + 1) * sizeof *body->devices);
    if (body->devices != NULL) {
        ud_call_write_then(call, assign, assign_committed, assigned);
    }
}

/* --- tags of targets */

static ud_err tag_target(struct ud_call *call, struct ud_store *store)
{
    struct body *body = call->data;
    int64_t tag;
    if (!ud_mgmt_id(call, 0, &tag)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_entity_exists(store, ud_mgmt_entity_named("targettags"), call->tenant, tag);
    err = err == UD_OK ? ud_find_device(call, store, call->param[1], &body->device) : err;
    if (err != UD_OK) {
        return err;
    }
    err = strcmp(call->route->method, "DELETE") == 0
              ? ud_store_relation_remove(store, UD_REL_DEVICE_TAG, tag, body->device.id)
              : ud_store_relation_add(store, UD_REL_DEVICE_TAG, tag, body->device.id);
    return err == UD_OK ? ud_store_fact_device(store, call->tenant, body->device.id) : err;
}

static void tag_committed(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void tagged(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_tag_target(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct body));
    if (call->data != NULL) {
        ud_call_write_then(call, tag_target, tag_committed, tagged);
    }
}

/* --- who am I */

void ud_mgmt_userinfo(struct ud_call *call)
{
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "tenant", call->tenant == UD_TENANT_DEFAULT ? "DEFAULT" : NULL);
    ud_json_string(&json, "username", call->person.name);
    ud_json_close(&json, '}');
}
