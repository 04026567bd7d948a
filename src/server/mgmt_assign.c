/* Assigning a set to targets: [{"id", "type", "forcetime", "weight", "confirmationRequired", "maintenanceWindow"}] */
#include "server/mgmt.h"

#include "server/actions.h"
#include "server/rollouts.h"
#include "server/scheduler.h"
#include "server/store_people.h"
#include "server/tenants.h"

#define ASSIGNED_MAX 500 /* of one call */

struct body {
    json_t *json;
    struct ud_row_device *devices;
    size_t count;
    size_t already;
    int32_t actions[ASSIGNED_MAX];
    size_t action_count;
    bool offline; /* it was done already, by other means: a record of it */
};

static void release_body(struct ud_call *call)
{
    const struct body *body = call->data;
    json_decref(body->json);
}

static struct body *take_body(struct ud_call *call)
{
    struct body *body = ud_call_alloc(call, sizeof *body);
    if (body == NULL) {
        return NULL;
    }
    body->json = ud_call_json_list(call);
    call->data = body;
    call->release = release_body;
    return body->json == NULL ? NULL : body;
}

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

static ud_err record_one(struct ud_call *call, struct ud_store *store, struct body *body,
                         const struct ud_row_release *release)
{
    struct ud_row_device *device = &body->devices[body->count];
    int32_t id = 0;
    bool known;
    const ud_err err = ud_action_claim(store, device, release,
                                       "[\"Update Server: a person says that it was installed offline\"]",
                                       call->now_ms, &known, &id);
    if (err == UD_OK && known) {
        body->already++;
        return UD_OK;
    }
    if (err == UD_OK) {
        body->actions[body->action_count++] = id;
        body->count++;
    }
    return err == UD_OK ? ud_store_device_get(store, device->id, device) : err;
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
    if (err == UD_OK && body->offline) {
        return record_one(call, store, body, &release);
    }
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
    const char *offline = NULL;
    struct body *body = take_body(call);
    if (body == NULL) {
        return;
    }
    body->offline = ud_call_query(call, "offline", &offline) == UD_OK && strcmp(offline, "true") == 0;
    if (json_array_size(body->json) > ASSIGNED_MAX) {
        ud_call_error(call, UD_ERR_LIMIT, NULL);
        return;
    }
    body->devices = ud_call_alloc(call, (json_array_size(body->json) + 1) * sizeof *body->devices);
    if (body->devices != NULL) {
        ud_call_write_then(call, assign, assign_committed, assigned);
    }
}
