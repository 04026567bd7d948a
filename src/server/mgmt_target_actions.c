/* What a target of hawkBit's management API was given to do: its actions, what was said of them, and steering them. */
#include "server/mgmt.h"

#include "server/actions.h"
#include "server/scheduler.h"

struct wanted {
    struct ud_row_action action;
    struct ud_row_device device;
    bool force;
};

/* "/targets/{name}/actions/{id}" or "/actions/{id}" */
static ud_err find_action(struct ud_call *call, struct ud_store *store, struct wanted *wanted)
{
    const bool of_target = call->param[1] != NULL;
    int32_t id;
    if (!ud_call_id(call->param[of_target ? 1 : 0], &id)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = of_target ? ud_find_device(call, store, call->param[0], &wanted->device) : UD_OK;
    err = err == UD_OK
              ? ud_store_action_get(store, call->tenant, id, of_target ? wanted->device.id : 0, &wanted->action)
              : err;
    if (err == UD_OK && !of_target) {
        err = ud_store_device_get(store, wanted->action.device, &wanted->device);
        err = err == UD_OK && !ud_area_within(wanted->device.area, call->person.area) ? UD_ERR_NOT_FOUND : err;
    }
    return err;
}

static ud_err get_action(struct ud_call *call, struct ud_store *store)
{
    struct wanted *wanted = call->data;
    const ud_err err = find_action(call, store, wanted);
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        ud_mgmt_render_action(call, &json, &wanted->action);
    }
    return err;
}

void ud_mgmt_action_get(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct wanted));
    if (call->data != NULL) {
        ud_call_read_or_fail(call, get_action);
    }
}

/* --- what was said of an action, the newest first */

struct history {
    struct ud_listing *listing;
    struct wanted wanted;
    uint32_t seen;
};

static void each_status(void *ctx, const struct ud_row_status *status)
{
    struct history *history = ctx;
    struct ud_listing *listing = history->listing;
    struct ud_json *json = &listing->json;
    const struct ud_row_action then = {.state = status->state, .canceling = status->canceling};
    const uint32_t number = history->seen++;
    if (number < listing->page.offset || listing->count >= listing->page.limit) {
        return;
    }
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", (int64_t)history->wanted.action.status_count - number);
    ud_json_string(json, "type", ud_mgmt_fine_state(&then));
    ud_json_raw(json, "messages", status->messages);
    ud_json_int(json, "reportedAt", status->at_ms);
    ud_json_int(json, "timestamp", status->at_ms);
    if (status->has_code) {
        ud_json_int(json, "code", status->code);
    }
    ud_json_close(json, '}');
    listing->count++;
}

static ud_err list_statuses(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct history *history = ud_call_alloc(call, sizeof *history);
    if (history == NULL) {
        return UD_ERR_MEMORY;
    }
    history->listing = listing;
    const ud_err err = find_action(call, store, &history->wanted);
    if (err != UD_OK) {
        return err;
    }
    const uint32_t all = history->wanted.action.status_count;
    const uint64_t want = (uint64_t)listing->page.offset + listing->page.limit;
    listing->page.total = all;
    return ud_store_status_list(store, &history->wanted.action, want < all ? (uint32_t)want : all, each_status,
                                history);
}

void ud_mgmt_action_statuses(struct ud_call *call)
{
    ud_list(call, list_statuses);
}

static ud_err cancel(struct ud_call *call, struct ud_store *store)
{
    struct wanted *wanted = call->data;
    ud_err err = find_action(call, store, wanted);
    if (err == UD_OK && wanted->force && !wanted->action.canceling) {
        return UD_ERR_STATE; /* only what was asked to end can be quit */
    }
    if (err == UD_OK) {
        err = wanted->force
                  ? ud_action_quit(store, &wanted->action, call->now_ms, "[\"Update Server: quit by force\"]")
                  : ud_action_cancel(store, &wanted->action, call->now_ms,
                                     "[\"Update Server: cancel was asked for\"]");
    }
    return err == UD_OK ? ud_store_device_get(store, wanted->device.id, &wanted->device) : err;
}

static void cancel_committed(struct ud_call *call)
{
    const struct wanted *wanted = call->data;
    ud_refresh_fleet(call, &wanted->device);
    ud_scheduler_wake(call->server->scheduler);
}

static void canceled(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error_status(call, err == UD_ERR_STATE ? 405 : ud_http_status_of(err), err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_mgmt_action_cancel(struct ud_call *call)
{
    struct wanted *wanted = ud_call_alloc(call, sizeof *wanted);
    const char *force = NULL;
    if (wanted == NULL) {
        return;
    }
    wanted->force = ud_call_query(call, "force", &force) == UD_OK && strcmp(force, "true") == 0;
    call->data = wanted;
    ud_call_write_then(call, cancel, cancel_committed, canceled);
}

/* PUT {"forceType": "forced"}: what was soft, or was to be forced later, is forced now */
static ud_err force(struct ud_call *call, struct ud_store *store)
{
    struct wanted *wanted = call->data;
    ud_err err = find_action(call, store, wanted);
    err = err == UD_OK ? ud_action_force(store, &wanted->action, call->now_ms) : err;
    return err == UD_OK ? ud_store_device_get(store, wanted->device.id, &wanted->device) : err;
}

static void forced(struct ud_call *call, ud_err err)
{
    const struct wanted *wanted = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_STATE ? "it has ended, or is a download only" : NULL);
        return;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_mgmt_render_action(call, &json, &wanted->action);
}

void ud_mgmt_action_force(struct ud_call *call)
{
    struct wanted *wanted = ud_call_alloc(call, sizeof *wanted);
    json_t *body = wanted == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const char *word = json_string_value(json_object_get(body, "forceType"));
    const bool good = word != NULL && strcmp(word, "forced") == 0;
    json_decref(body);
    if (!good) {
        ud_call_error(call, UD_ERR_SHAPE, "forceType may become forced, and nothing else");
        return;
    }
    call->data = wanted;
    ud_call_write_then(call, force, cancel_committed, forced);
}

/* PUT {"confirmation": "confirmed" | "denied"} */
static ud_err confirm(struct ud_call *call, struct ud_store *store)
{
    struct wanted *wanted = call->data;
    ud_err err = find_action(call, store, wanted);
    if (err == UD_OK && (!wanted->action.active || !wanted->action.terms.waits)) {
        return UD_ERR_GONE;
    }
    err = err == UD_OK ? ud_action_consent(store, &wanted->action, wanted->force, "[]", call->now_ms) : err;
    return err == UD_OK ? ud_store_device_get(store, wanted->device.id, &wanted->device) : err;
}

void ud_mgmt_action_confirm(struct ud_call *call)
{
    struct wanted *wanted = ud_call_alloc(call, sizeof *wanted);
    json_t *body = wanted == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const char *word = json_string_value(json_object_get(body, "confirmation"));
    const bool good = word != NULL && (strcmp(word, "confirmed") == 0 || strcmp(word, "denied") == 0);
    wanted->force = good && strcmp(word, "confirmed") == 0;
    json_decref(body);
    if (!good) {
        ud_call_error(call, UD_ERR_SHAPE, "confirmation is confirmed or denied");
        return;
    }
    call->data = wanted;
    ud_call_write_then(call, confirm, cancel_committed, canceled);
}
