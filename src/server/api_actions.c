/* One action: show, cancel. */
#include "server/api_shared.h"

#include "server/actions.h"

#define HISTORY_MAX 200

static void each_status(void *ctx, const struct ud_row_status *status)
{
    struct ud_json *json = ctx;
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "at", status->at_ms);
    ud_json_string(json, "state", status->canceling ? "canceling" : ud_action_state_name(status->state));
    ud_json_raw(json, "messages", status->messages);
    if (status->has_code) {
        ud_json_int(json, "code", status->code);
    } else {
        ud_json_null(json, "code");
    }
    ud_json_close(json, '}');
}

void ud_render_action(struct ud_json *json, const char *key, const struct ud_row_action *action,
                      struct ud_store *store)
{
    const bool failed = action->error != UD_OK;
    ud_json_open(json, key, '{');
    ud_json_int(json, "id", action->id);
    ud_json_string(json, "device", action->device_name);
    ud_json_int(json, "release", action->release);
    ud_json_string(json, "state", action->canceling ? "canceling" : ud_action_state_name(action->state));
    ud_json_string(json, "error", failed ? ud_err_name(action->error) : NULL);
    ud_json_string(json, "message", failed ? ud_err_text(action->error) : NULL);
    ud_json_string(json, "remedy", failed ? ud_err_remedy(action->error) : NULL);
    ud_json_bool(json, "active", action->active);
    ud_json_string(json, "proof", action->active ? NULL : action->proof_signed ? "signed" : "claimed");
    ud_json_int(json, "createdAt", action->created_ms);
    ud_json_int(json, "updatedAt", action->updated_ms);
    if (store != NULL) {
        ud_json_open(json, "history", '[');
        ud_store_status_list(store, action, HISTORY_MAX, each_status, json);
        ud_json_close(json, ']');
    }
    ud_json_close(json, '}');
}

struct asked {
    int32_t id;
    struct ud_row_action action;
    struct ud_row_device device;
};

static struct asked *asked_of(struct ud_call *call)
{
    struct asked *asked = ud_call_alloc(call, sizeof *asked);
    if (asked != NULL && !ud_call_id(call->param[0], &asked->id)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return NULL;
    }
    call->data = asked;
    return asked;
}

/* With its device, which must be one that the caller sees. */
static ud_err find_action(struct ud_call *call, struct ud_store *store, struct asked *asked)
{
    ud_err err = ud_store_action_get(store, call->tenant, asked->id, 0, &asked->action);
    err = err == UD_OK ? ud_store_device_get(store, asked->action.device, &asked->device) : err;
    return err == UD_OK && !ud_area_within(asked->device.area, call->person.area) ? UD_ERR_NOT_FOUND : err;
}

static ud_err get_action(struct ud_call *call, struct ud_store *store)
{
    struct asked *asked = call->data;
    const ud_err err = find_action(call, store, asked);
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        ud_render_action(&json, NULL, &asked->action, store);
    }
    return err;
}

void ud_api_actions_get(struct ud_call *call)
{
    if (asked_of(call) == NULL) {
        return;
    }
    ud_call_read_or_fail(call, get_action);
}

static ud_err cancel(struct ud_call *call, struct ud_store *store)
{
    struct asked *asked = call->data;
    ud_err err = find_action(call, store, asked);
    err = err == UD_OK ? ud_action_cancel(store, &asked->action, call->now_ms,
                                          "[\"Update Server: cancel was asked for\"]")
                       : err;
    return err == UD_OK ? ud_store_device_get(store, asked->action.device, &asked->device) : err;
}

static void cancel_committed(struct ud_call *call)
{
    const struct asked *asked = call->data;
    ud_refresh_fleet(call, &asked->device);
}

static void canceled(struct ud_call *call, ud_err err)
{
    const struct asked *asked = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_STATE ? "the action has ended" : NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "cancel", "device", asked->device.name, "action",
                 call->param[0], "by", call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 200);
    ud_render_action(&json, NULL, &asked->action, NULL);
}

void ud_api_actions_cancel(struct ud_call *call)
{
    if (asked_of(call) != NULL) {
        ud_call_write_then(call, cancel, cancel_committed, canceled);
    }
}
