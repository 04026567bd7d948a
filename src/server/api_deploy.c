/* POST /releases/{id}/deploy: offer a release to devices, all of them or none. */
#include "server/api_shared.h"

#include "server/actions.h"
#include "server/store_people.h"

#include <stdio.h>

#define DEPLOY_MAX 5000

struct target {
    const char *name; /* of the body, which lives as long as the call */
    bool already;
    int32_t action;
    struct ud_row_device *device; /* as it is after the work */
};

struct deploy {
    int32_t release;
    json_t *body;
    struct target *targets;
    size_t count;
    const char *failed; /* the device that was the reason of an error */
};

static ud_err offer_to(struct ud_call *call, struct ud_store *store, const struct ud_row_release *release,
                       struct target *target)
{
    struct ud_row_action action;
    ud_err err = ud_find_device(call, store, target->name, target->device);
    err = err == UD_OK ? ud_action_offer(store, target->device, release, NULL, call->now_ms, &action) : err;
    if (err == UD_ERR_DUPLICATE) {
        target->already = true;
        return UD_OK;
    }
    if (err != UD_OK) {
        return err;
    }
    target->action = action.id;
    return ud_store_device_get(store, target->device->id, target->device);
}

static ud_err offer_all(struct ud_call *call, struct ud_store *store)
{
    struct deploy *deploy = call->data;
    struct ud_row_release release;
    ud_err err = ud_store_release_get(store, call->tenant, deploy->release, &release);
    err = err == UD_OK ? ud_store_deploy_allowed(store, call->tenant, release.id, call->person.person) : err;
    for (size_t i = 0; i < deploy->count && err == UD_OK; i++) {
        err = offer_to(call, store, &release, &deploy->targets[i]);
        deploy->failed = err == UD_OK ? NULL : deploy->targets[i].name;
    }
    return err;
}

static void deploy_committed(struct ud_call *call)
{
    const struct deploy *deploy = call->data;
    for (size_t i = 0; i < deploy->count; i++) {
        ud_refresh_fleet(call, deploy->targets[i].device);
    }
}

static void render(struct ud_json *json, const struct deploy *deploy)
{
    size_t already = 0;
    for (size_t i = 0; i < deploy->count; i++) {
        already += deploy->targets[i].already ? 1 : 0;
    }
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "assigned", (int64_t)(deploy->count - already));
    ud_json_int(json, "alreadyAssigned", (int64_t)already);
    ud_json_open(json, "actions", '[');
    for (size_t i = 0; i < deploy->count; i++) {
        if (!deploy->targets[i].already) {
            ud_json_open(json, NULL, '{');
            ud_json_int(json, "id", deploy->targets[i].action);
            ud_json_string(json, "device", deploy->targets[i].name);
            ud_json_close(json, '}');
        }
    }
    ud_json_close(json, ']');
    ud_json_close(json, '}');
}

static void deployed(struct ud_call *call, ud_err err)
{
    const struct deploy *deploy = call->data;
    if (err != UD_OK) {
        const size_t room = UD_NAME_BYTES_MAX + 128;
        char *words = deploy->failed == NULL ? NULL : ud_call_alloc(call, room);
        if (words != NULL) {
            snprintf(words, room, "%s: %s", deploy->failed, ud_err_text(err));
        }
        ud_call_error(call, err, words);
        return;
    }
    char count[24];
    ud_log_event(&call->server->log, UD_LOG_INFO, "deployed", "release", call->param[0], "devices",
                 ud_log_int(count, (int64_t)deploy->count), "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 200);
    render(&json, deploy);
}

static void deploy_release(struct ud_call *call)
{
    const struct deploy *deploy = call->data;
    json_decref(deploy->body);
}

static ud_err parse(struct ud_call *call, struct deploy *deploy)
{
    size_t i;
    json_t *name;
    json_t *names = json_object_get(deploy->body, "devices");
    if (!json_is_array(names) || json_array_size(names) == 0) {
        return UD_ERR_MISSING;
    }
    if (json_array_size(names) > DEPLOY_MAX) {
        return UD_ERR_LIMIT;
    }
    deploy->targets = ud_call_alloc(call, json_array_size(names) * sizeof *deploy->targets);
    struct ud_row_device *devices = ud_call_alloc(call, json_array_size(names) * sizeof *devices);
    if (deploy->targets == NULL || devices == NULL) {
        return UD_ERR_MEMORY;
    }
    json_array_foreach(names, i, name)
    {
        if (!json_is_string(name) || json_string_length(name) > UD_NAME_BYTES_MAX) {
            return UD_ERR_SHAPE;
        }
        deploy->targets[i] = (struct target){.name = json_string_value(name), .device = &devices[i]};
        deploy->count++;
    }
    return UD_OK;
}

void ud_api_releases_deploy(struct ud_call *call)
{
    struct deploy *deploy = ud_call_alloc(call, sizeof *deploy);
    if (deploy == NULL) {
        return;
    }
    if (!ud_call_id(call->param[0], &deploy->release)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    deploy->body = ud_call_json_body(call);
    if (deploy->body == NULL) {
        return;
    }
    call->data = deploy;
    call->release = deploy_release;
    const ud_err err = parse(call, deploy);
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: devices, an array of at most 5000 names");
        return;
    }
    ud_call_write_then(call, offer_all, deploy_committed, deployed);
}
