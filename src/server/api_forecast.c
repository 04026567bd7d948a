/* POST /rollouts/forecast: the body of a rollout that is not made. Nothing is changed. */
#include "server/rollout_json.h"

#include "server/api_says.h"
#include "server/forecast.h"

#include <stdio.h>

#define EXAMPLES 10
#define SILENT_POLLS 3
#define DEVICE_MS_ASSUMED (INT64_C(10) * 60 * 1000) /* beside two polls, where nothing was measured yet */
#define TIMES_MAX 200

struct forecasting {
    struct ud_rollout_plan plan;
    json_t *body;
    char words[256];
    struct ud_fiql filter;
    struct ud_row_release release;
    struct ud_window window;
    bool has_window;
    struct ud_fit fit;
    bool exact;
    bool measured;
    int64_t device_ms;
    uint64_t bytes;
    struct ud_forecast forecast;
    const char *examples[EXAMPLES];
    size_t example_count;
    struct ud_call *call;
};

/* --- counting */

static void take_example(void *ctx, const struct ud_row_device *device)
{
    struct forecasting *f = ctx;
    const size_t len = strlen(device->name) + 1;
    char *kept = f->example_count < EXAMPLES ? ud_call_alloc(f->call, len) : NULL;
    if (kept != NULL) {
        memcpy(kept, device->name, len);
        f->examples[f->example_count++] = kept;
    }
}

static void count_named(struct ud_fit *fit, const struct ud_row_device *device,
                        const struct ud_row_release *release, int64_t silent_ms)
{
    const bool fits = !release->foreign || (device->foreign && device->type_id == release->type_id) ||
                      (device->foreign && release->type_id == 0);
    fit->matched++;
    fit->runs_it += device->running_release == release->id ? 1U : 0U;
    fit->not_for_it += fits ? 0U : 1U;
    fit->quarantined += device->quarantine_ms != 0 ? 1U : 0U;
    fit->busy += device->current_action != 0 ? 1U : 0U;
    fit->never += device->last_seen_ms == 0 ? 1U : 0U;
    fit->silent += device->last_seen_ms != 0 && device->last_seen_ms < silent_ms ? 1U : 0U;
}

static ud_err count_names(struct ud_call *call, struct ud_store *store, struct forecasting *f,
                          int64_t silent_ms)
{
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < f->plan.name_count; i++) {
        struct ud_row_device device;
        err = ud_find_device(call, store, f->plan.names[i], &device);
        if (err == UD_OK) {
            const int64_t lives_ms = ud_lives_s(call, store, &device) * INT64_C(1000);
            count_named(&f->fit, &device, &f->release,
                        call->now_ms - lives_ms < silent_ms ? call->now_ms - lives_ms : silent_ms);
            take_example(f, &device);
        }
    }
    return err;
}

static ud_err count_filtered(struct ud_call *call, struct ud_store *store, struct forecasting *f,
                             int64_t silent_ms)
{
    struct ud_fiql_wrong wrong;
    struct ud_page page = {.limit = EXAMPLES, .total = 1};
    bool exact;
    ud_err err =
        ud_device_filter(&f->filter, f->plan.rollout.filter, call->tenant, ud_call_moment(call), false, &wrong);
    err = err == UD_OK ? ud_store_device_search(store, call->tenant, "", &f->filter, "d.id", &page, &exact,
                                                take_example, f)
                       : err;
    if (err == UD_OK && f->plan.rollout.filter[0] == '\0') {
        const size_t reachable = ud_fleet_seen_since(call->server->fleet, call->tenant, silent_ms);
        return ud_store_fleet_fit(store, call->tenant, &f->release, (uint32_t)reachable, &f->fit);
    }
    err = err == UD_OK ? ud_store_device_fit(store, call->tenant, &f->filter, &f->release, silent_ms,
                                             call->now_ms, &f->fit)
                       : err;
    if (err == UD_ERR_FILTER_COST) { /* who does not get it costs too much: how many there are is worth more */
        f->exact = false;
        err = ud_store_device_count(store, call->tenant, &f->filter, &f->fit.matched);
    }
    return err;
}

/* Those that meet the rollout's filter and the group's own one. */
static ud_err count_groups(struct ud_call *call, struct ud_store *store, struct forecasting *f,
                           uint32_t *filtered)
{
    ud_err err = UD_OK;
    for (uint32_t i = 0; err == UD_OK && i < f->plan.rollout.group_count; i++) {
        const struct ud_row_group *group = &f->plan.groups[i];
        struct ud_fiql_wrong wrong;
        char both[2 * UD_FIQL_BYTES_MAX + 8];
        filtered[i] = f->fit.matched;
        if (group->filter[0] == '\0') {
            continue;
        }
        if (f->plan.rollout.filter[0] == '\0') {
            snprintf(both, sizeof both, "%s", group->filter);
        } else {
            snprintf(both, sizeof both, "(%s);(%s)", f->plan.rollout.filter, group->filter);
        }
        err = ud_device_filter(&f->filter, both, call->tenant, ud_call_moment(call), false, &wrong);
        if (err == UD_OK) {
            err = ud_store_device_count(store, call->tenant, &f->filter, &filtered[i]);
        } else { /* too long together: as if all met it */
            err = UD_OK;
            f->exact = false;
        }
    }
    return err;
}

static void add_bytes(void *ctx, const struct ud_row_release_artifact *artifact)
{
    uint64_t *bytes = ctx;
    *bytes += artifact->artifact.size;
}

/* Nine of ten devices took no longer lately. */
static ud_err measure(struct ud_call *call, struct ud_store *store, struct forecasting *f)
{
    int64_t times[TIMES_MAX];
    size_t count = 0;
    const ud_err err = ud_store_action_times(store, call->tenant, times, TIMES_MAX, &count);
    f->measured = count >= 10;
    f->device_ms =
        f->measured ? times[count * 9 / 10] : (int64_t)ud_longest_poll_s(call) * 2000 + DEVICE_MS_ASSUMED;
    return err;
}

static ud_err look_ahead(struct ud_call *call, struct ud_store *store)
{
    struct forecasting *f = call->data;
    const struct ud_row_rollout *rollout = &f->plan.rollout;
    const int64_t silent_ms = call->now_ms - (int64_t)ud_longest_poll_s(call) * 1000 * SILENT_POLLS;
    uint32_t *filtered = ud_call_alloc(call, rollout->group_count * sizeof *filtered);
    f->forecast.groups = ud_call_alloc(call, rollout->group_count * sizeof *f->forecast.groups);
    if (filtered == NULL || f->forecast.groups == NULL) {
        return UD_ERR_MEMORY;
    }
    ud_err err = ud_store_release_get(store, call->tenant, rollout->release, &f->release);
    err = err == UD_OK ? ud_store_release_artifacts(store, rollout->release, add_bytes, &f->bytes) : err;
    err = err == UD_OK ? (f->plan.name_count > 0 ? count_names(call, store, f, silent_ms)
                                                 : count_filtered(call, store, f, silent_ms))
                       : err;
    err = err == UD_OK ? count_groups(call, store, f, filtered) : err;
    err = err == UD_OK ? measure(call, store, f) : err;
    if (err != UD_OK) {
        return err;
    }
    const struct ud_forecast_facts facts = {
        .rollout = rollout,
        .groups = f->plan.groups,
        .devices = f->fit.matched - f->fit.not_for_it,
        .filtered = filtered,
        .device_ms = f->device_ms,
        .bytes_each = f->bytes,
        .window = f->has_window ? &f->window : NULL,
        .now_ms = call->now_ms,
    };
    ud_forecast_make(&facts, &f->forecast);
    return UD_OK;
}

/* --- rendering */

static void time_or_null(struct ud_json *json, const char *key, int64_t at_ms)
{
    if (at_ms == 0) {
        ud_json_null(json, key);
    } else {
        ud_json_int(json, key, at_ms);
    }
}

static void render_groups(struct ud_json *json, const struct forecasting *f)
{
    ud_json_open(json, "groups", '[');
    for (uint32_t i = 0; i < f->plan.rollout.group_count; i++) {
        const struct ud_forecast_group *group = &f->forecast.groups[i];
        ud_json_open(json, NULL, '{');
        ud_json_int(json, "number", (int64_t)i + 1);
        ud_json_string(json, "name", f->plan.groups[i].name);
        ud_json_int(json, "devices", group->devices);
        ud_json_int(json, "opensAt", group->opens_at);
        ud_json_int(json, "stopsAbove", group->stops_above);
        ud_json_bool(json, "gate", f->plan.groups[i].gate);
        time_or_null(json, "startAt", group->start_ms);
        time_or_null(json, "endAt", group->end_ms);
        ud_json_close(json, '}');
    }
    ud_json_close(json, ']');
}

static void render_fit(struct ud_json *json, const struct forecasting *f)
{
    const struct ud_fit *fit = &f->fit;
    ud_json_open(json, "devices", '{');
    ud_json_int(json, "matched", fit->matched);
    ud_json_bool(json, "exact", f->exact);
    ud_json_int(json, "runsIt", fit->runs_it);
    ud_json_int(json, "notForIt", fit->not_for_it);
    ud_json_int(json, "quarantined", fit->quarantined);
    ud_json_int(json, "busy", fit->busy);
    ud_json_int(json, "silent", fit->silent);
    ud_json_int(json, "never", fit->never);
    ud_json_close(json, '}');
    ud_json_open(json, "examples", '[');
    for (size_t i = 0; i < f->example_count; i++) {
        ud_json_string(json, NULL, f->examples[i]);
    }
    ud_json_close(json, ']');
}

static void answer(struct ud_call *call, const struct forecasting *f)
{
    struct ud_says says;
    ud_says_forecast(&f->forecast, call->now_ms, &says);
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_render_says(&json, "says", &says);
    ud_json_int(&json, "count", f->fit.matched);
    render_fit(&json, f);
    render_groups(&json, f);
    ud_json_open(&json, "bytes", '{');
    ud_json_int(&json, "each", (int64_t)f->bytes);
    ud_json_int(&json, "total", (int64_t)f->forecast.bytes);
    ud_json_close(&json, '}');
    time_or_null(&json, "startAt", f->forecast.start_ms);
    time_or_null(&json, "endAt", f->forecast.end_ms);
    ud_json_bool(&json, "late", f->forecast.late);
    ud_json_int(&json, "gates", f->forecast.gates);
    ud_json_int(&json, "perDevice", f->device_ms);
    ud_json_string(&json, "basis", f->measured ? "measured" : "assumed");
    ud_json_close(&json, '}');
}

static void release_body(struct ud_call *call)
{
    const struct forecasting *f = call->data;
    json_decref(f->body);
}

void ud_api_rollouts_forecast(struct ud_call *call)
{
    struct forecasting *f = ud_call_alloc(call, sizeof *f);
    json_t *body = f == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    f->body = body;
    f->exact = true;
    f->call = call;
    call->data = f;
    call->release = release_body;
    if (json_object_get(body, "name") == NULL) { /* a name comes at the end */
        json_object_set_new(body, "name", json_string("forecast"));
    }
    ud_err err = ud_rollout_parse(call, body, &f->plan, f->words);
    const struct ud_terms *terms = &f->plan.rollout.terms;
    if (err == UD_OK && terms->schedule[0] != '\0') {
        err = ud_window_parse(&f->window, terms->schedule, terms->duration, terms->zone);
        f->has_window = err == UD_OK;
    }
    if (err != UD_OK) {
        ud_call_error(call, err, f->words[0] == '\0' ? NULL : f->words);
        return;
    }
    err = ud_call_read(call, look_ahead);
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_NOT_FOUND ? "no such release, or a device of the list is not there" : NULL);
        return;
    }
    answer(call, f);
}
