#include "server/events.h"

#include "server/actions.h"

#include <stdio.h>

static ud_err add(struct ud_store *store, int64_t tenant, const char *kind, const char *device,
                  const char *body, int64_t now_ms)
{
    struct ud_row_event event = {.tenant = tenant, .at_ms = now_ms, .body = body};
    snprintf(event.kind, sizeof event.kind, "%s", kind);
    snprintf(event.device, sizeof event.device, "%s", device);
    return ud_store_event_add(store, &event);
}

ud_err ud_event_action(struct ud_store *store, struct ud_row_action *action, int64_t now_ms)
{
    if (action->state == action->told && action->canceling == action->told_canceling) {
        return UD_OK;
    }
    action->told = action->state;
    action->told_canceling = action->canceling;
    struct ud_text text;
    struct ud_json json = {&text, false};
    ud_text_init(&text, UD_EVENT_BYTES_MAX);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "action", action->id);
    ud_json_int(&json, "release", action->release);
    ud_json_string(&json, "state", action->canceling ? "canceling" : ud_action_state_name(action->state));
    ud_json_bool(&json, "active", action->active);
    if (!action->active) {
        ud_json_string(&json, "proof", action->proof_signed ? "signed" : "claimed");
    }
    if (action->error != UD_OK) {
        ud_json_string(&json, "error", ud_err_name(action->error));
    }
    ud_json_close(&json, '}');
    const ud_err err = ud_text_ok(&text)
                           ? add(store, action->tenant, "action", action->device_name, text.ptr, now_ms)
                           : UD_ERR_MEMORY;
    ud_text_free(&text);
    return err;
}

ud_err ud_event_change(struct ud_store *store, int64_t tenant, const char *device, const char *body,
                       int64_t now_ms)
{
    struct ud_row_event event = {
        .tenant = tenant, .at_ms = now_ms, .kind = "change", .body = body, .of = device};
    return ud_store_event_add(store, &event);
}

ud_err ud_event_poll(struct ud_store *store, int64_t tenant, const char *device, int64_t deadline_ms,
                     int64_t now_ms, int64_t *id)
{
    char body[64];
    struct ud_row_event event = {.tenant = tenant, .at_ms = now_ms, .kind = "poll", .body = body};
    snprintf(body, sizeof body, "{\"deadline\":%lld}", (long long)deadline_ms);
    snprintf(event.device, sizeof event.device, "%s", device);
    const ud_err err = ud_store_event_add(store, &event);
    *id = event.id;
    return err;
}

ud_err ud_event_polled(struct ud_store *store, int64_t tenant, const char *device, int64_t id, bool taken,
                       int64_t now_ms)
{
    char body[64];
    snprintf(body, sizeof body, "{\"poll\":%lld,\"taken\":%s}", (long long)id, taken ? "true" : "false");
    return add(store, tenant, "polled", device, body, now_ms);
}
