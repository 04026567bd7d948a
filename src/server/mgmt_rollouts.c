/* hawkBit's rollouts: ours in its shape. */
#include "server/mgmt.h"

#include "server/actions.h"
#include "server/rollout_json.h"
#include "server/scheduler.h"
#include "server/store_people.h"

#include <stdio.h>
#include <stdlib.h>

static void render_counts(struct ud_json *json, const struct ud_group_counts *counts)
{
    const uint32_t *of = counts->of;
    ud_json_open(json, "totalTargetsPerStatus", '{');
    ud_json_int(json, "notstarted", 0);
    ud_json_int(json, "scheduled", of[UD_MEMBER_WAITING] + of[UD_MEMBER_BLOCKED]);
    ud_json_int(json, "running", of[UD_MEMBER_ACTIVE]);
    ud_json_int(json, "error", of[UD_MEMBER_FAILED] + of[UD_MEMBER_REVERTED] + of[UD_MEMBER_DRIFTED]);
    ud_json_int(json, "finished", of[UD_MEMBER_CONFIRMED] + of[UD_MEMBER_CLAIMED]);
    ud_json_int(json, "cancelled", of[UD_MEMBER_CANCELED] + of[UD_MEMBER_SKIPPED]);
    ud_json_close(json, '}');
}

static void render_rollout(struct ud_call *call, struct ud_json *json, const struct ud_row_rollout *row,
                           const struct ud_group_counts *counts)
{
    static const char *const forces[] = {"soft", "forced", "timeforced", "downloadonly"};
    static const char *const verbs[] = {"start",   "pause", "resume", "stop", "triggerNextGroup",
                                        "approve", "deny"};
    const char *base = NULL;
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", row->id);
    ud_json_string(json, "name", row->name);
    ud_json_string(json, "description", row->description);
    ud_json_string(json, "targetFilterQuery", row->filter);
    ud_json_int(json, "distributionSetId", row->release);
    ud_json_string(json, "status", ud_rollout_state_name(row->state));
    ud_json_int(json, "totalTargets", row->total);
    render_counts(json, counts);
    ud_json_int(json, "totalGroups", row->group_count);
    if (row->start_ms != 0) {
        ud_json_int(json, "startAt", row->start_ms);
    }
    ud_json_string(json, "type", forces[row->terms.force]);
    ud_json_int(json, "forcetime", row->terms.force_ms);
    ud_json_int(json, "weight", row->terms.weight);
    ud_json_bool(json, "dynamic", row->dynamic);
    ud_json_bool(json, "deleted", row->state == UD_ROLLOUT_DELETING);
    ud_json_string(json, "approveDecidedBy", row->decided_by[0] == '\0' ? NULL : row->decided_by);
    ud_json_string(json, "approvalRemark", row->remark[0] == '\0' ? NULL : row->remark);
    ud_json_string(json, "createdBy", row->created_by);
    ud_json_int(json, "createdAt", row->created_ms);
    ud_json_string(json, "lastModifiedBy", row->created_by);
    ud_json_int(json, "lastModifiedAt", row->updated_ms);
    ud_json_open(json, "_links", '{');
    if (ud_call_base_url(call, &base) == UD_OK) {
        char href[512];
        for (size_t i = 0; i <= sizeof verbs / sizeof verbs[0]; i++) {
            const char *verb = i == 0 ? "self" : verbs[i - 1];
            snprintf(href, sizeof href, "%s/rest/v1/rollouts/%d%s%s", base, row->id, i == 0 ? "" : "/",
                     i == 0 ? "" : verb);
            ud_json_open(json, verb, '{');
            ud_json_string(json, "href", href);
            ud_json_close(json, '}');
        }
    }
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

struct rollouts {
    struct ud_call *call;
    struct ud_listing *listing;
    ud_err err;
};

static void each_rollout(void *ctx, const struct ud_row_rollout *row)
{
    struct rollouts *list = ctx;
    struct ud_group_counts counts;
    list->err =
        list->err == UD_OK ? ud_store_rollout_counts(list->listing->store, row->id, &counts) : list->err;
    if (list->err == UD_OK) {
        render_rollout(list->call, &list->listing->json, row, &counts);
        list->listing->count++;
    }
}

static ud_err list_rollouts(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct rollouts list = {call, listing, UD_OK};
    listing->store = store;
    const ud_err err =
        ud_store_rollout_list(store, call->tenant, listing->filter, &listing->page, each_rollout, &list);
    return err == UD_OK ? list.err : err;
}

void ud_mgmt_rollouts_list(struct ud_call *call)
{
    ud_list_filtered(call, ud_rollout_fields, list_rollouts);
}

static ud_err get(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_rollout row;
    struct ud_group_counts counts;
    ud_err err = ud_find_rollout(call, store, &row);
    err = err == UD_OK ? ud_store_rollout_counts(store, row.id, &counts) : err;
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        render_rollout(call, &json, &row, &counts);
    }
    return err;
}

void ud_mgmt_rollouts_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, get);
}

static void percent(struct ud_json *json, const char *key, const char *name, uint16_t hundredths,
                    const char *action)
{
    char text[16];
    snprintf(text, sizeof text, "%u", hundredths / 100U);
    ud_json_open(json, key, '{');
    ud_json_string(json, name, action == NULL ? "THRESHOLD" : action);
    ud_json_string(json, "expression", action == NULL ? text : "");
    ud_json_close(json, '}');
}

static void render_group(struct ud_json *json, const struct ud_row_group *group)
{
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", group->position);
    ud_json_string(json, "name", group->name);
    ud_json_string(json, "description", group->description);
    ud_json_string(json, "status", ud_group_state_name(group->state));
    ud_json_string(json, "targetFilterQuery", group->filter);
    ud_json_int(json, "targetPercentage", group->percent / 100);
    ud_json_int(json, "totalTargets", ud_group_total(&group->counts) + group->counts.of[UD_MEMBER_SKIPPED]);
    render_counts(json, &group->counts);
    percent(json, "successCondition", "condition", group->limits.success, NULL);
    percent(json, "successAction", "action", 0, group->gate ? "PAUSE" : "NEXTGROUP");
    percent(json, "errorCondition", "condition", group->limits.error, NULL);
    percent(json, "errorAction", "action", 0, "PAUSE");
    ud_json_close(json, '}');
}

static void each_group(void *ctx, const struct ud_row_group *group)
{
    struct ud_listing *listing = ctx;
    render_group(&listing->json, group);
    listing->count++;
}

static ud_err get_group(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_rollout row;
    struct ud_row_group group;
    int32_t position;
    ud_err err = ud_find_rollout(call, store, &row);
    err = err == UD_OK && !ud_call_id(call->param[1], &position) ? UD_ERR_NOT_FOUND : err;
    err = err == UD_OK ? ud_store_group_get(store, row.id, (uint32_t)position, &group) : err;
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        render_group(&json, &group);
    }
    return err;
}

void ud_mgmt_rollouts_group(struct ud_call *call)
{
    ud_call_read_or_fail(call, get_group);
}

static ud_err list_groups(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_rollout row;
    const ud_err err = ud_find_rollout(call, store, &row);
    return err == UD_OK ? ud_store_group_list(store, row.id, &listing->page, each_group, listing) : err;
}

void ud_mgmt_rollouts_groups(struct ud_call *call)
{
    ud_list(call, list_groups);
}

/* --- make: hawkBit's body said in our words, then read as ours */

static void move(json_t *from, const char *name, json_t *to, const char *our_name)
{
    json_t *value = json_object_get(from, name);
    if (value != NULL && !json_is_null(value)) {
        json_object_set(to, our_name, value);
    }
}

/* {"condition": "THRESHOLD", "expression": "50"}: without an expression it means all of them. */
static void move_condition(json_t *from, const char *name, json_t *to, const char *our_name)
{
    json_t *condition = json_object_get(from, name);
    if (json_is_object(condition)) {
        const char *text = json_string_value(json_object_get(condition, "expression"));
        char *end = NULL;
        const double value = text == NULL ? 100 : strtod(text, &end);
        json_object_set_new(
            to, our_name, text != NULL && (end == text || *end != '\0') ? json_string(text) : json_real(value));
    }
}

static void move_conditions(json_t *from, json_t *to)
{
    const char *action = json_string_value(json_object_get(json_object_get(from, "successAction"), "action"));
    move_condition(from, "successCondition", to, "success");
    move_condition(from, "errorCondition", to, "error");
    if (action != NULL && strcmp(action, "PAUSE") == 0) {
        json_object_set_new(to, "gate", json_true());
    }
}

static json_t *in_our_words(const struct ud_call *call, json_t *given)
{
    size_t i;
    json_t *group;
    bool waits = false;
    json_t *ours = json_object();
    json_t *groups = json_object_get(given, "groups");
    move(given, "name", ours, "name");
    move(given, "description", ours, "description");
    move(given, "targetFilterQuery", ours, "filter");
    move(given, "distributionSetId", ours, "release");
    move(given, "type", ours, "force");
    move(given, "forcetime", ours, "forceAt");
    move(given, "weight", ours, "weight");
    move(given, "startAt", ours, "startAt");
    move(given, "dynamic", ours, "dynamic");
    move(given, "confirmationRequired", ours, "consent");
    if (json_object_get(ours, "consent") == NULL && ud_mgmt_take_consent(call, given, &waits) == UD_OK &&
        waits) {
        json_object_set_new(ours, "consent", json_true());
    }
    move(given, "amountGroups", ours, "groups");
    move_conditions(given, ours);
    if (json_is_array(groups)) {
        json_t *list = json_array();
        json_array_foreach(groups, i, group)
        {
            json_t *one = json_object();
            move(group, "name", one, "name");
            move(group, "description", one, "description");
            move(group, "targetFilterQuery", one, "filter");
            move(group, "targetPercentage", one, "percent");
            move_conditions(group, one);
            json_array_append_new(list, one);
        }
        json_object_set_new(ours, "groups", list);
    }
    return ours;
}

struct making {
    struct ud_rollout_plan plan;
    json_t *given;
    json_t *ours;
    char words[256];
};

static void release_making(struct ud_call *call)
{
    const struct making *making = call->data;
    json_decref(making->given);
    json_decref(making->ours);
}

static ud_err make(struct ud_call *call, struct ud_store *store)
{
    struct making *making = call->data;
    struct ud_rollout_plan *plan = &making->plan;
    ud_err err = ud_store_deploy_allowed(store, call->tenant, plan->rollout.release, call->person.person);
    err = err == UD_OK ? ud_rollout_approval(store, &plan->rollout, UD_SETTING_ROLLOUT_APPROVAL) : err;
    return err == UD_OK ? ud_rollout_create(store, &plan->rollout, plan->groups, NULL, 0) : err;
}

static void wake(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void made(struct ud_call *call, ud_err err)
{
    const struct making *making = call->data;
    const struct ud_group_counts none = {{0}};
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct ud_json json = ud_call_json(call, 201);
    render_rollout(call, &json, &making->plan.rollout, &none);
}

static bool is_empty(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL || text[0] == '\0';
}

void ud_mgmt_rollouts_add(struct ud_call *call)
{
    struct making *making = ud_call_alloc(call, sizeof *making);
    if (making == NULL) {
        return;
    }
    call->data = making;
    call->release = release_making;
    making->given = ud_call_json_body(call);
    if (making->given == NULL) {
        return;
    }
    if (is_empty(making->given, "targetFilterQuery") ||
        (json_object_get(making->given, "groups") != NULL &&
         json_object_get(making->given, "amountGroups") != NULL)) {
        ud_call_error(call, UD_ERR_MISSING, "targetFilterQuery is needed, and either groups or amountGroups");
        return;
    }
    making->ours = in_our_words(call, making->given);
    const ud_err err = ud_rollout_parse(call, making->ours, &making->plan, making->words);
    if (err != UD_OK) {
        ud_call_error(call, err, making->words[0] == '\0' ? NULL : making->words);
        return;
    }
    ud_call_write_then(call, make, wake, made);
}

/* --- again, for those that failed */

static ud_err make_again(struct ud_call *call, struct ud_store *store)
{
    struct making *making = call->data;
    const ud_err err = ud_rollout_plan_retry(call, store, &making->plan);
    return err == UD_OK ? make(call, store) : err;
}

static void made_again(struct ud_call *call, ud_err err)
{
    if (err == UD_ERR_ROLLOUT_STATE) {
        ud_call_error_status(call, 400, err, "only what has finished or was stopped can be retried");
        return;
    }
    made(call, err);
}

void ud_mgmt_rollouts_retry(struct ud_call *call)
{
    struct making *making = ud_call_alloc(call, sizeof *making);
    if (making == NULL || !ud_rollout_plan_room(call, &making->plan)) {
        return;
    }
    call->data = making;
    ud_call_write_then(call, make_again, wake, made_again);
}

/* --- its name and description: nothing else of it changes */

struct renaming {
    json_t *body;
    char name[UD_TITLE_BYTES_MAX + 1]; /* "": as it is */
    char description[UD_DESCRIPTION_BYTES_MAX + 1];
};

static void release_renaming(struct ud_call *call)
{
    const struct renaming *renaming = call->data;
    json_decref(renaming->body);
}

static ud_err rename_it(struct ud_call *call, struct ud_store *store)
{
    const struct renaming *renaming = call->data;
    struct ud_row_rollout row;
    const ud_err err = ud_find_rollout(call, store, &row);
    if (err != UD_OK) {
        return err;
    }
    if (renaming->name[0] != '\0') {
        snprintf(row.name, sizeof row.name, "%s", renaming->name);
    }
    if (json_is_string(json_object_get(renaming->body, "description"))) {
        snprintf(row.description, sizeof row.description, "%s", renaming->description);
    }
    row.updated_ms = call->now_ms;
    return ud_store_rollout_set(store, &row);
}

static void renamed(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_mgmt_rollouts_get(call);
}

void ud_mgmt_rollouts_put(struct ud_call *call)
{
    struct renaming *renaming = ud_call_alloc(call, sizeof *renaming);
    if (renaming == NULL) {
        return;
    }
    call->data = renaming;
    call->release = release_renaming;
    renaming->body = ud_call_json_body(call);
    if (renaming->body == NULL) {
        return;
    }
    ud_err err = ud_take_string(renaming->body, "name", renaming->name, UD_TITLE_BYTES_MAX, false);
    err = err == UD_OK ? ud_take_string(renaming->body, "description", renaming->description,
                                        UD_DESCRIPTION_BYTES_MAX, false)
                       : err;
    if (err != UD_OK) {
        ud_call_error(call, err, "name or description");
        return;
    }
    ud_call_write_then(call, rename_it, wake, renamed);
}

/* --- steer */

static const struct {
    const char *verb;
    ud_rollout_event event;
} verbs[] = {
    {"start", UD_ROLLOUT_START},
    {"pause", UD_ROLLOUT_PAUSE},
    {"resume", UD_ROLLOUT_RESUME},
    {"stop", UD_ROLLOUT_STOP},
    {"approve", UD_ROLLOUT_APPROVE},
    {"deny", UD_ROLLOUT_DENY},
    {"triggerNextGroup", UD_ROLLOUT_TRIGGER},
};

struct wish {
    ud_rollout_event event;
    char remark[UD_DESCRIPTION_BYTES_MAX + 1];
};

static ud_err do_wish(struct ud_call *call, struct ud_store *store)
{
    const struct wish *wish = call->data;
    struct ud_row_rollout row;
    ud_rollout_state next;
    ud_err err = ud_find_rollout(call, store, &row);
    if (err == UD_OK && wish->event == UD_ROLLOUT_START) {
        err = ud_store_deploy_allowed(store, call->tenant, row.release, call->person.person);
    } else if (err == UD_OK && wish->event == UD_ROLLOUT_APPROVE &&
               ud_rollout_next(row.state, wish->event, &next) == UD_OK) {
        err = ud_store_approve_allowed(store, call->tenant, row.release, call->person.person);
    }
    return err == UD_OK
               ? ud_rollout_wish(store, &row, wish->event, call->person.name, wish->remark, call->now_ms)
               : err;
}

static void wished(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error_status(call, err == UD_ERR_ROLLOUT_STATE ? 400 : ud_http_status_of(err), err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

static void wish_for(struct ud_call *call, ud_rollout_event event)
{
    const char *remark = NULL;
    struct wish *wish = ud_call_alloc(call, sizeof *wish);
    if (wish == NULL) {
        return;
    }
    wish->event = event;
    if (ud_call_query_text(call, "remark", &remark) == UD_OK) {
        snprintf(wish->remark, sizeof wish->remark, "%s", remark);
    }
    call->data = wish;
    ud_call_write_then(call, do_wish, wake, wished);
}

void ud_mgmt_rollouts_wish(struct ud_call *call)
{
    const char *verb = strrchr(call->route->pattern, '/') + 1;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].verb) == 0) {
            wish_for(call, verbs[i].event);
            return;
        }
    }
    ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
}

void ud_mgmt_rollouts_remove(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_DELETE);
}
