/* hawkBit's distribution sets beyond their own rows: who has them, how they went, and taking one back. */
#include "server/mgmt.h"

#include "server/scheduler.h"
#include "server/store_people.h"

#include <stdio.h>
#include <stdlib.h>

#define ROLLOUTS_AT_ONCE 100 /* of one set */

static const struct ud_entity *sets(void)
{
    return ud_mgmt_entity_named("distributionsets");
}

struct looking {
    int64_t set;
};

static ud_err is_there(struct ud_call *call, struct ud_store *store)
{
    const struct looking *looking = call->data;
    return ud_store_entity_exists(store, sets(), call->tenant, looking->set);
}

/* False: the reply says that there is no such set. */
static bool find_set(struct ud_call *call, int64_t *set)
{
    struct looking looking = {0};
    ud_err err =
        ud_mgmt_id(call, 0, &looking.set) && looking.set <= UD_ACTION_ID_MAX ? UD_OK : UD_ERR_NOT_FOUND;
    call->data = &looking;
    err = err == UD_OK ? ud_call_read(call, is_there) : err;
    call->data = NULL;
    *set = looking.set;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
    }
    return err == UD_OK;
}

/* --- who has it */

static void list_targets(struct ud_call *call, const char *field)
{
    int64_t set;
    char condition[64];
    if (find_set(call, &set)) {
        snprintf(condition, sizeof condition, "%s==%lld", field, (long long)set);
        ud_mgmt_targets_list_where(call, condition);
    }
}

void ud_mgmt_sets_assigned(struct ud_call *call)
{
    list_targets(call, "assigned");
}

void ud_mgmt_sets_installed(struct ud_call *call)
{
    list_targets(call, "installed");
}

/* Filters that assign it by themselves. */
void ud_mgmt_sets_filters(struct ud_call *call)
{
    int64_t set;
    char condition[64];
    if (find_set(call, &set)) {
        snprintf(condition, sizeof condition, "autoassigndistributionset.id==%lld", (long long)set);
        ud_mgmt_list_where(call, "targetfilters", condition);
    }
}

/* --- how it went, by hawkBit's words in capitals */

struct statistics {
    int64_t set;
    uint32_t rollouts[UD_ROLLOUT_STATE_COUNT];
    struct ud_group_counts members;
    uint32_t direct[UD_ACTION_STATE_COUNT];
    uint32_t canceling;
    uint32_t autos;
};

static ud_err add_rollout(struct ud_store *store, int64_t tenant, int32_t id, struct statistics *statistics)
{
    struct ud_row_rollout rollout;
    struct ud_group_counts counts;
    ud_err err = ud_store_rollout_get(store, tenant, id, &rollout);
    err = err == UD_OK ? ud_store_rollout_counts(store, id, &counts) : err;
    if (err != UD_OK) {
        return err;
    }
    statistics->rollouts[rollout.state]++;
    for (size_t i = 0; i < UD_MEMBER_STATE_COUNT; i++) {
        statistics->members.of[i] += counts.of[i];
    }
    return UD_OK;
}

static ud_err add_rollouts(struct ud_store *store, int64_t tenant, struct statistics *statistics)
{
    int32_t ids[ROLLOUTS_AT_ONCE];
    int32_t after = 0;
    size_t count = ROLLOUTS_AT_ONCE;
    ud_err err = UD_OK;
    while (err == UD_OK && count == ROLLOUTS_AT_ONCE) {
        err = ud_store_rollout_of_set(store, tenant, (int32_t)statistics->set, after, ids, ROLLOUTS_AT_ONCE,
                                      &count);
        for (size_t i = 0; err == UD_OK && i < count; i++) {
            after = ids[i];
            err = add_rollout(store, tenant, ids[i], statistics);
        }
    }
    return err;
}

static ud_err gather(struct ud_call *call, struct ud_store *store)
{
    struct statistics *statistics = call->data;
    ud_err err = ud_store_entity_exists(store, sets(), call->tenant, statistics->set);
    err = err == UD_OK ? add_rollouts(store, call->tenant, statistics) : err;
    err = err == UD_OK ? ud_store_action_direct_counts(store, (int32_t)statistics->set, statistics->direct,
                                                       &statistics->canceling)
                       : err;
    return err == UD_OK ? ud_store_auto_count(store, call->tenant, (int32_t)statistics->set, &statistics->autos)
                        : err;
}

struct part {
    const char *name;
    uint32_t count;
};

/* Members with their total; nothing at all where there is none. */
static void render_part(struct ud_json *json, const char *key, const struct part *parts, size_t count)
{
    uint32_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += parts[i].count;
    }
    if (total == 0) {
        return;
    }
    ud_json_open(json, key, '{');
    for (size_t i = 0; i < count; i++) {
        if (parts[i].count > 0) {
            ud_json_int(json, parts[i].name, parts[i].count);
        }
    }
    ud_json_int(json, "total", total);
    ud_json_close(json, '}');
}

static void render_rollouts(struct ud_json *json, const struct statistics *s)
{
    static const char *const names[UD_ROLLOUT_STATE_COUNT] = {
        [UD_ROLLOUT_CREATING] = "CREATING",      [UD_ROLLOUT_APPROVAL] = "WAITING_FOR_APPROVAL",
        [UD_ROLLOUT_DENIED] = "APPROVAL_DENIED", [UD_ROLLOUT_READY] = "READY",
        [UD_ROLLOUT_RUNNING] = "RUNNING",        [UD_ROLLOUT_PAUSED] = "PAUSED",
        [UD_ROLLOUT_STOPPING] = "STOPPING",      [UD_ROLLOUT_STOPPED] = "STOPPED",
        [UD_ROLLOUT_FINISHED] = "FINISHED",      [UD_ROLLOUT_DELETING] = "DELETING",
    };
    struct part parts[UD_ROLLOUT_STATE_COUNT];
    for (size_t i = 0; i < UD_ROLLOUT_STATE_COUNT; i++) {
        parts[i] = (struct part){names[i] == NULL ? "" : names[i], names[i] == NULL ? 0 : s->rollouts[i]};
    }
    render_part(json, "rollouts", parts, UD_ROLLOUT_STATE_COUNT);
}

/* Of rollouts by their kept counts, a device each; and those that were given directly, by their state. */
static void render_actions(struct ud_json *json, const struct statistics *s)
{
    const uint32_t *of = s->members.of;
    const uint32_t *direct = s->direct;
    const struct part parts[] = {
        {"SCHEDULED", of[UD_MEMBER_WAITING] + of[UD_MEMBER_BLOCKED]},
        {"RUNNING", of[UD_MEMBER_ACTIVE] + direct[UD_ACTION_OFFERED] + direct[UD_ACTION_INSTALLING] +
                        direct[UD_ACTION_TRIAL]},
        {"RETRIEVED", direct[UD_ACTION_RETRIEVED]},
        {"DOWNLOAD", direct[UD_ACTION_DOWNLOADING]},
        {"DOWNLOADED", direct[UD_ACTION_DOWNLOADED]},
        {"CANCELING", s->canceling},
        {"FINISHED", of[UD_MEMBER_CONFIRMED] + of[UD_MEMBER_CLAIMED] + direct[UD_ACTION_CONFIRMED] +
                         direct[UD_ACTION_CLAIMED]},
        {"ERROR", of[UD_MEMBER_FAILED] + of[UD_MEMBER_REVERTED] + of[UD_MEMBER_DRIFTED] +
                      direct[UD_ACTION_REFUSED] + direct[UD_ACTION_REVERTED] + direct[UD_ACTION_FAILED]},
        {"CANCELED", of[UD_MEMBER_CANCELED] + direct[UD_ACTION_CANCELED]},
    };
    render_part(json, "actions", parts, sizeof parts / sizeof parts[0]);
}

void ud_mgmt_sets_statistics(struct ud_call *call)
{
    const char *last = strrchr(call->route->pattern, '/') + 1;
    const bool all = strcmp(last, "statistics") == 0;
    struct statistics *statistics = ud_call_alloc(call, sizeof *statistics);
    if (statistics == NULL) {
        return;
    }
    ud_err err =
        ud_mgmt_id(call, 0, &statistics->set) && statistics->set <= UD_ACTION_ID_MAX ? UD_OK : UD_ERR_NOT_FOUND;
    call->data = statistics;
    err = err == UD_OK ? ud_call_read(call, gather) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    if (all || strcmp(last, "actions") == 0) {
        render_actions(&json, statistics);
    }
    if (all || strcmp(last, "rollouts") == 0) {
        render_rollouts(&json, statistics);
    }
    if ((all || strcmp(last, "autoassignments") == 0) && (all || statistics->autos > 0)) {
        ud_json_int(&json, "totalAutoAssignments", statistics->autos);
    }
    ud_json_close(&json, '}');
}

/* --- taking it back */

static ud_err stop_rollouts(const struct ud_call *call, struct ud_store *store, int32_t set)
{
    int32_t ids[ROLLOUTS_AT_ONCE];
    int32_t after = 0;
    size_t count = ROLLOUTS_AT_ONCE;
    ud_err err = UD_OK;
    while (err == UD_OK && count == ROLLOUTS_AT_ONCE) {
        err = ud_store_rollout_of_release(store, set, after, ids, ROLLOUTS_AT_ONCE, &count);
        for (size_t i = 0; err == UD_OK && i < count; i++) {
            struct ud_row_rollout rollout;
            after = ids[i];
            err = ud_store_rollout_get(store, call->tenant, ids[i], &rollout);
            err = err == UD_OK ? ud_rollout_wish(store, &rollout, UD_ROLLOUT_STOP, call->person.name,
                                                 "the set was invalidated", call->now_ms)
                               : err;
        }
    }
    return err;
}

/*
 * A recall (no new offers, open actions are withdrawn in the scheduler's bounded steps); and its rollouts stop, and no
 * filter assigns it any more.
 */
static ud_err invalidate(struct ud_call *call, struct ud_store *store)
{
    int64_t set;
    ud_err err = ud_mgmt_id(call, 0, &set) && set <= UD_ACTION_ID_MAX ? UD_OK : UD_ERR_NOT_FOUND;
    err = err == UD_OK ? ud_store_entity_exists(store, sets(), call->tenant, set) : err;
    err =
        err == UD_OK ? ud_release_recall(store, call->tenant, (int32_t)set, "invalidated", call->now_ms) : err;
    err = err == UD_OK ? stop_rollouts(call, store, (int32_t)set) : err;
    return err == UD_OK ? ud_store_auto_end(store, call->tenant, (int32_t)set) : err;
}

static void wake(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void invalidated(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_WARN, "recall", "release", call->param[0], "reason", "invalidated",
                 "by", call->person.name, NULL);
    ud_call_status(call, 204);
}

void ud_mgmt_sets_invalidate(struct ud_call *call)
{
    json_t *body = ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const char *type = json_string_value(json_object_get(body, "actionCancelationType"));
    const bool known = type != NULL && (strcmp(type, "soft") == 0 || strcmp(type, "force") == 0);
    json_decref(body);
    if (!known) {
        ud_call_error(
            call, UD_ERR_SHAPE,
            "actionCancelationType must be soft or force: what is invalid is withdrawn from devices, too");
        return;
    }
    ud_call_write_then(call, invalidate, wake, invalidated);
}
