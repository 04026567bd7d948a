/* Why not? Quarantine. Recall. Zones. The way back. */
#include "server/rollout_json.h"

#include "server/scheduler.h"
#include "server/why.h"

#include <stdio.h>

#define SILENT_POLLS 3 /* so many intervals without a word are silence */

/* --- why not? */

static void render_why(struct ud_json *json, const char *device, const struct ud_why *why)
{
    static const char *const verdicts[] = {"holds", "fails", "later"};
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "device", device);
    ud_json_string(json, "answer", why->answer);
    ud_json_string(json, "sentence", why->sentence);
    ud_json_string(json, "remedy", why->remedy[0] == '\0' ? NULL : why->remedy);
    ud_json_string(json, "error", why->error == UD_OK ? NULL : ud_err_name(why->error));
    if (why->rollout == 0) {
        ud_json_null(json, "rollout");
    } else {
        ud_json_int(json, "rollout", why->rollout);
    }
    if (why->action == 0) {
        ud_json_null(json, "action");
    } else {
        ud_json_int(json, "action", why->action);
    }
    ud_json_open(json, "path", '[');
    for (int step = 0; step < UD_WHY_STEP_COUNT; step++) {
        ud_json_open(json, NULL, '{');
        ud_json_string(json, "check", ud_why_step_name((ud_why_step)step));
        ud_json_string(json, "verdict", verdicts[why->steps[step].verdict]);
        ud_json_string(json, "evidence",
                       why->steps[step].verdict == UD_WHY_LATER ? NULL : why->steps[step].evidence);
        ud_json_close(json, '}');
    }
    ud_json_close(json, ']');
    ud_json_close(json, '}');
}

ud_err ud_why_of(struct ud_call *call, struct ud_store *store, const char *name, struct ud_why *why)
{
    struct ud_row_device device;
    struct ud_fleet_device memory;
    const ud_err err = ud_find_device(call, store, name, &device);
    if (err != UD_OK) {
        return err;
    }
    const bool here = ud_fleet_find(call->server->fleet, call->tenant, device.name, &memory) == UD_OK;
    int64_t silent_ms = (int64_t)ud_longest_poll_s(call) * 1000 * SILENT_POLLS;
    const int64_t lives_ms = ud_lives_s(call, store, &device) * INT64_C(1000);
    silent_ms = lives_ms > silent_ms ? lives_ms : silent_ms; /* it said how long it may be silent */
    return ud_why_not(store, &device, here ? &memory : NULL, call->now_ms, silent_ms, why);
}

static ud_err ask_why(struct ud_call *call, struct ud_store *store)
{
    struct ud_why *why = call->data;
    const ud_err err = ud_why_of(call, store, call->param[0], why);
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        render_why(&json, call->param[0], why);
    }
    return err;
}

void ud_api_devices_why(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct ud_why));
    if (call->data == NULL) {
        return;
    }
    ud_call_read_or_fail(call, ask_why);
}

/* --- quarantine, zone, attributes */

struct care {
    int32_t release;
    char text[UD_TITLE_BYTES_MAX + 1];
    struct ud_row_device device;
};

static void care_committed(struct ud_call *call)
{
    const struct care *care = call->data;
    ud_refresh_fleet(call, &care->device);
    ud_scheduler_wake(call->server->scheduler);
}

static void care_done(struct ud_call *call, ud_err err)
{
    const struct care *care = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "device-care", "device", care->device.name, "quarantine",
                 care->device.quarantine_ms != 0 ? "true" : "false", "zone", care->device.zone, "by",
                 call->person.name, NULL);
    ud_call_status(call, 204);
}

static ud_err quarantine(struct ud_call *call, struct ud_store *store)
{
    struct care *care = call->data;
    const ud_err err = ud_find_device(call, store, call->param[0], &care->device);
    return err == UD_OK ? ud_device_quarantine(store, &care->device, care->release, care->text, call->now_ms)
                        : err;
}

static ud_err take_release_id(json_t *body, int32_t *release)
{
    json_t *value = json_object_get(body, "release");
    if (value == NULL || json_is_null(value)) {
        return UD_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > UD_ACTION_ID_MAX) {
        return UD_ERR_SHAPE;
    }
    *release = (int32_t)json_integer_value(value);
    return UD_OK;
}

/* A body with a text, and perhaps a release, then work on the writer. */
static void care_for(struct ud_call *call, const char *member, size_t max, bool required,
                     ud_err (*work)(struct ud_call *call, struct ud_store *store))
{
    struct care *care = ud_call_alloc(call, sizeof *care);
    json_t *body = care == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    ud_err err = ud_take_string(body, member, care->text, max, required);
    err = err == UD_OK ? take_release_id(body, &care->release) : err;
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    call->data = care;
    ud_call_write_then(call, work, care_committed, care_done);
}

void ud_api_devices_quarantine(struct ud_call *call)
{
    care_for(call, "reason", UD_TITLE_BYTES_MAX, true, quarantine);
}

static ud_err free_device(struct ud_call *call, struct ud_store *store)
{
    struct care *care = call->data;
    const ud_err err = ud_find_device(call, store, call->param[0], &care->device);
    return err == UD_OK ? ud_device_release(store, &care->device) : err;
}

void ud_api_devices_free(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct care));
    if (call->data != NULL) {
        ud_call_write_then(call, free_device, care_committed, care_done);
    }
}

static ud_err set_zone(struct ud_call *call, struct ud_store *store)
{
    struct care *care = call->data;
    struct ud_zone zone;
    ud_err err = care->text[0] == '\0' ? UD_OK : ud_zone_find(&zone, care->text);
    err = err == UD_OK ? ud_find_device(call, store, call->param[0], &care->device) : err;
    err = err == UD_OK ? ud_store_device_zone_set(store, care->device.id, care->text) : err;
    return err == UD_OK ? ud_store_device_get(store, care->device.id, &care->device) : err;
}

void ud_api_devices_zone(struct ud_call *call)
{
    care_for(call, "zone", UD_ZONE_BYTES_MAX, false, set_zone);
}

static ud_err get_attributes(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_device device;
    struct ud_text text;
    ud_err err = ud_find_device(call, store, call->param[0], &device);
    if (err != UD_OK) {
        return err;
    }
    ud_text_init(&text, UD_REPLY_BYTES_MAX);
    err = ud_store_device_attributes_get(store, device.id, &text);
    if (err == UD_OK) {
        ud_call_text(call, 200, "application/json", text.ptr == NULL ? "{}" : text.ptr);
    }
    ud_text_free(&text);
    return err;
}

void ud_api_devices_attributes(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_attributes);
}

/* --- recall */

static ud_err recall(struct ud_call *call, struct ud_store *store)
{
    const struct care *care = call->data;
    return ud_release_recall(store, call->tenant, care->release, care->text, call->now_ms);
}

static void recall_committed(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void recalled(struct ud_call *call, ud_err err)
{
    const struct care *care = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_WARN, "recall", "release", call->param[0], "reason", care->text,
                 "by", call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_api_releases_recall(struct ud_call *call)
{
    struct care *care = ud_call_alloc(call, sizeof *care);
    json_t *body = care == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const ud_err err = ud_take_string(body, "reason", care->text, UD_TITLE_BYTES_MAX, true);
    json_decref(body);
    if (err != UD_OK || !ud_call_id(call->param[0], &care->release)) {
        ud_call_error(call, err == UD_OK ? UD_ERR_NOT_FOUND : err, NULL);
        return;
    }
    call->data = care;
    ud_call_write_then(call, recall, recall_committed, recalled);
}

/* --- the way back: which release carries this one's image under a number above the newest? */

static ud_err find_way_back(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_release wanted;
    struct ud_row_release found;
    int32_t id;
    int32_t from = 0;
    const char *text = NULL;
    uint64_t above = 0;
    if (!ud_call_id(call->param[0], &id)) {
        return UD_ERR_NOT_FOUND;
    }
    ud_err err = ud_store_release_get(store, call->tenant, id, &wanted);
    if (err == UD_OK && ud_call_query(call, "from", &text) == UD_OK) {
        struct ud_row_release newest;
        err = ud_call_id(text, &from) ? ud_store_release_get(store, call->tenant, from, &newest)
                                      : UD_ERR_NOT_FOUND;
        above = err == UD_OK ? newest.sequence : 0;
    }
    err = err == UD_OK ? ud_rollout_way_back(store, call->tenant, id, above, &found) : err;
    if (err != UD_OK && err != UD_ERR_NO_WAY_BACK) {
        return err;
    }
    struct ud_json json = ud_call_json(call, err == UD_OK ? 200 : 409);
    ud_json_open(&json, NULL, '{');
    if (err == UD_OK) {
        ud_json_int(&json, "release", found.id);
        ud_json_int(&json, "sequence", (int64_t)found.sequence);
    } else { /* without one: who signed the image, and from which number on */
        ud_json_string(&json, "errorCode", ud_err_name(err));
        ud_json_string(&json, "message", ud_err_text(err));
        ud_json_string(&json, "remedy", ud_err_remedy(err));
        ud_json_int(&json, "sequenceAbove", (int64_t)above);
        ud_json_open(&json, "signers", '[');
        for (size_t i = 0; i < wanted.signer_count; i++) {
            ud_json_hex(&json, NULL, UD_BYTES_ARRAY(wanted.signers[i]));
        }
        ud_json_close(&json, ']');
    }
    ud_json_close(&json, '}');
    return UD_OK;
}

void ud_api_releases_way_back(struct ud_call *call)
{
    ud_call_read_or_fail(call, find_way_back);
}
