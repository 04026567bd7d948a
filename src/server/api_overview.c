/* The overview: where all devices stand, what needs a person, what moves; putting things off. */
#include "server/api_says.h"

#include "server/actions.h"
#include "server/rollout_json.h"

#include <stdio.h>

#define REACH_POLLS 3 /* so many intervals without a word are silence */
#define WEEK_MS (INT64_C(7) * 24 * 3600 * 1000)
#define FLIGHT_MAX 20
#define SNOOZE_MAX_MS (INT64_C(90) * 24 * 3600 * 1000)

void ud_render_says(struct ud_json *json, const char *key, const struct ud_says *says)
{
    ud_json_open(json, key, '{');
    ud_json_string(json, "bold", says->bold);
    ud_json_string(json, "rest", says->rest[0] == '\0' ? NULL : says->rest);
    ud_json_string(json, "lede", says->lede[0] == '\0' ? NULL : says->lede);
    ud_json_close(json, '}');
}

/* --- gathering */

ud_err ud_overview_gather(const struct ud_call *call, struct ud_store *store, struct ud_overview *overview)
{
    struct ud_fleet *fleet = call->server->fleet;
    struct ud_standing *standing = &overview->standing;
    ud_err err = ud_store_standing(store, call->tenant, standing);
    err = err == UD_OK ? ud_store_rollout_states(store, call->tenant, overview->states, UD_ROLLOUT_STATE_COUNT)
                       : err;
    if (err != UD_OK) {
        return err;
    }
    overview->reach_ms = (int64_t)ud_longest_poll_s(call) * 1000 * REACH_POLLS;
    overview->reachable = (uint32_t)ud_fleet_seen_since(fleet, call->tenant, call->now_ms - overview->reach_ms);
    const uint32_t came = standing->total - standing->unknown;
    const uint32_t lately = (uint32_t)ud_fleet_seen_since(fleet, call->tenant, call->now_ms - WEEK_MS);
    const struct ud_todo_facts facts = {
        .tenant = call->tenant,
        .now_ms = call->now_ms,
        .rights = ud_rights_of(call->person.roles),
        .cert_ends_ms = call->server->config.insecure_http ? 0 : call->server->tls.ends_ms,
        .long_silent = came > lately ? came - lately : 0,
    };
    err = ud_todo_collect(store, &facts, standing, overview->todo, &overview->todo_count);
    overview->snoozed = overview->stopped_itself = 0;
    for (size_t i = 0; err == UD_OK && i < overview->todo_count; i++) {
        overview->snoozed += overview->todo[i].snoozed_ms != 0 ? 1U : 0U;
        overview->stopped_itself += strcmp(overview->todo[i].kind, "rollout-stopped") == 0 ? 1U : 0U;
    }
    return err;
}

void ud_overview_says(const struct ud_overview *overview, struct ud_says *says)
{
    const struct ud_overview_facts facts = {
        .todo = (uint32_t)overview->todo_count - overview->snoozed,
        .devices = overview->standing.total,
        .reachable = overview->reachable,
        .running = overview->states[UD_ROLLOUT_RUNNING],
        .paused = overview->states[UD_ROLLOUT_PAUSED],
        .stopped_itself = overview->stopped_itself,
        .waiting = overview->states[UD_ROLLOUT_APPROVAL],
    };
    ud_says_overview(&facts, says);
}

/* --- rendering */

static void render_devices(struct ud_json *json, const struct ud_overview *overview)
{
    const struct ud_standing *standing = &overview->standing;
    ud_json_open(json, "devices", '{');
    ud_json_int(json, "total", standing->total);
    ud_json_int(json, "confirmed", standing->confirmed);
    ud_json_int(json, "claimed", standing->claimed);
    ud_json_int(json, "updating", standing->updating);
    ud_json_int(json, "registered", standing->registered);
    ud_json_int(json, "failed", standing->failed);
    ud_json_int(json, "reverted", standing->reverted);
    ud_json_int(json, "drifted", standing->drifted);
    ud_json_int(json, "quarantined", standing->quarantined);
    ud_json_int(json, "unknown", standing->unknown);
    ud_json_close(json, '}');
    ud_json_open(json, "actions", '{'); /* those that are open, by the step that they reached */
    for (int state = UD_ACTION_OFFERED; state <= UD_ACTION_TRIAL; state++) {
        ud_json_int(json, ud_action_state_name((ud_action_state)state), standing->open[state]);
    }
    ud_json_close(json, '}');
    ud_json_open(json, "reach", '{');
    ud_json_int(json, "within", overview->reach_ms);
    ud_json_int(json, "reachable", overview->reachable);
    const uint32_t came = standing->total - standing->unknown;
    ud_json_int(json, "silent", came > overview->reachable ? came - overview->reachable : 0);
    ud_json_int(json, "never", standing->unknown);
    ud_json_close(json, '}');
}

static void render_todo(struct ud_json *json, const struct ud_todo *item, uint32_t rights)
{
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "id", item->id);
    ud_json_string(json, "kind", item->kind);
    ud_json_string(json, "what", item->what);
    ud_json_string(json, "why", item->why);
    ud_json_string(json, "action", item->action);
    ud_json_bool(json, "may", (rights & item->right) != 0);
    ud_json_string(json, "page", item->page);
    ud_json_string(json, "of", item->of[0] == '\0' ? NULL : item->of);
    ud_json_int(json, "count", item->count);
    if (item->since_ms == 0) {
        ud_json_null(json, "since");
    } else {
        ud_json_int(json, "since", item->since_ms);
    }
    if (item->snoozed_ms == 0) {
        ud_json_null(json, "snoozedUntil");
    } else {
        ud_json_int(json, "snoozedUntil", item->snoozed_ms);
    }
    ud_json_close(json, '}');
}

/* Those that move or are held, newest first: by what needs somebody. */
static ud_err render_flight(struct ud_call *call, struct ud_store *store, struct ud_json *json)
{
    static const ud_rollout_state order[] = {UD_ROLLOUT_PAUSED,   UD_ROLLOUT_APPROVAL, UD_ROLLOUT_RUNNING,
                                             UD_ROLLOUT_STOPPING, UD_ROLLOUT_READY,    UD_ROLLOUT_CREATING};
    size_t left = FLIGHT_MAX;
    ud_err err = UD_OK;
    ud_json_open(json, "rollouts", '[');
    for (size_t i = 0; err == UD_OK && i < sizeof order / sizeof order[0] && left > 0; i++) {
        int32_t ids[FLIGHT_MAX];
        size_t count = 0;
        err = ud_store_rollout_in(store, call->tenant, order[i], ids, left, &count);
        for (size_t k = 0; err == UD_OK && k < count; k++) {
            struct ud_row_rollout row;
            struct ud_group_counts counts;
            err = ud_store_rollout_get(store, call->tenant, ids[k], &row);
            err = err == UD_OK ? ud_store_rollout_counts(store, ids[k], &counts) : err;
            if (err == UD_OK) {
                ud_render_rollout(json, &row, &counts, call->now_ms);
            }
        }
        left -= count;
    }
    ud_json_close(json, ']');
    return err;
}

static ud_err overview(struct ud_call *call, struct ud_store *store)
{
    struct ud_overview *found = call->data;
    struct ud_says says;
    ud_err err = ud_overview_gather(call, store, found);
    if (err != UD_OK) {
        return err;
    }
    ud_overview_says(found, &says);
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "at", call->now_ms);
    ud_render_says(&json, "says", &says);
    render_devices(&json, found);
    ud_json_open(&json, "todo", '[');
    for (size_t i = 0; i < found->todo_count; i++) {
        render_todo(&json, &found->todo[i], ud_rights_of(call->person.roles));
    }
    ud_json_close(&json, ']');
    ud_json_int(&json, "snoozed", found->snoozed);
    err = render_flight(call, store, &json);
    ud_json_open(&json, "rolloutStates", '{');
    for (int state = UD_ROLLOUT_CREATING; state < UD_ROLLOUT_STATE_COUNT; state++) {
        ud_json_int(&json, ud_rollout_state_name((ud_rollout_state)state), found->states[state]);
    }
    ud_json_close(&json, '}');
    ud_json_close(&json, '}');
    return err;
}

void ud_api_overview(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct ud_overview));
    if (call->data != NULL) {
        ud_call_read_or_fail(call, overview);
    }
}

/* --- put off */

static ud_err snooze(struct ud_call *call, struct ud_store *store)
{
    const int64_t *until_ms = call->data;
    return ud_store_snooze_set(store, call->tenant, call->param[0], *until_ms, call->person.name);
}

static void snoozed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

void ud_api_todo_snooze(struct ud_call *call)
{
    int64_t *until_ms = ud_call_alloc(call, sizeof *until_ms);
    json_t *body = until_ms == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    json_t *value = json_object_get(body, "until"); /* null: not put off any more */
    ud_err err = value == NULL                                   ? UD_ERR_MISSING
                 : json_is_null(value) || json_is_integer(value) ? UD_OK
                                                                 : UD_ERR_SHAPE;
    *until_ms = json_is_integer(value) ? json_integer_value(value) : 0;
    json_decref(body);
    if (err == UD_OK &&
        (strlen(call->param[0]) > UD_TODO_BYTES_MAX ||
         (*until_ms != 0 && (*until_ms < call->now_ms || *until_ms > call->now_ms + SNOOZE_MAX_MS)))) {
        err = UD_ERR_NUMBER_RANGE;
    }
    if (err != UD_OK) {
        ud_call_error(call, err, "needed: until, a time within the next 90 days, or null");
        return;
    }
    call->data = until_ms;
    ud_call_write(call, snooze, snoozed);
}
