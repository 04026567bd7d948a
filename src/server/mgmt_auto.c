/*
 * Filters that assign by themselves. Auto-assignment is a dynamic rollout of
 * one group without limits, named after the filter: it takes in whatever meets the filter, now and later.
 */
#include "server/mgmt.h"

#include "server/actions.h"
#include "server/scheduler.h"
#include "server/store_people.h"

#include <stdio.h>
#include <stdlib.h>

#define ROLLOUT_KEY "rollout"

static const char *const forces[] = {"soft", "forced", "timeforced", "downloadonly"};

/* --- which rollout does a filter have? */

struct found {
    int32_t rollout; /* 0 = none */
};

static void take_rollout(void *ctx, const char *key, const char *value, bool visible)
{
    struct found *found = ctx;
    (void)key;
    (void)visible;
    if (!ud_call_id(value, &found->rollout)) {
        found->rollout = 0;
    }
}

/* UD_ERR_NOT_FOUND: it assigns nothing. */
static ud_err auto_of(struct ud_store *store, int64_t tenant, int64_t filter, struct ud_row_rollout *rollout)
{
    struct found found = {0};
    const ud_err err = ud_store_pair_list(store, UD_PAIRS_FILTER, filter, ROLLOUT_KEY, take_rollout, &found);
    return err != UD_OK         ? err
           : found.rollout == 0 ? UD_ERR_NOT_FOUND
                                : ud_store_rollout_get(store, tenant, found.rollout, rollout);
}

ud_err ud_mgmt_auto_members(struct ud_store *store, struct ud_json *json, int64_t tenant, int64_t filter)
{
    struct ud_row_rollout rollout;
    const ud_err err = auto_of(store, tenant, filter, &rollout);
    if (err == UD_OK) {
        ud_json_int(json, "autoAssignDistributionSet", rollout.release);
        ud_json_string(json, "autoAssignActionType", forces[rollout.terms.force]);
        ud_json_int(json, "autoAssignWeight", rollout.terms.weight);
        ud_json_bool(json, "confirmationRequired", rollout.terms.waits);
    }
    return err == UD_ERR_NOT_FOUND ? UD_OK : err;
}

/* --- begin, change, end */

struct assigning {
    json_t *body;
    int64_t filter;
    char name[UD_TITLE_BYTES_MAX + 1];
    char query[UD_FIQL_BYTES_MAX + 1];
    struct ud_row_rollout rollout;
};

static void take_filter(void *ctx, const struct ud_entity_row *row)
{
    struct assigning *assigning = ctx; /* columns: name, query */
    snprintf(assigning->name, sizeof assigning->name, "%s", row->cells[0].text);
    snprintf(assigning->query, sizeof assigning->query, "%s", row->cells[1].text);
}

static ud_err end_one(struct ud_call *call, struct ud_store *store, int64_t filter)
{
    struct ud_row_rollout rollout;
    ud_err err = auto_of(store, call->tenant, filter, &rollout);
    if (err == UD_OK && rollout.state != UD_ROLLOUT_STOPPED && rollout.state != UD_ROLLOUT_STOPPING) {
        err = ud_rollout_wish(store, &rollout, UD_ROLLOUT_STOP, call->person.name, "auto-assignment ended",
                              call->now_ms);
    }
    if (err == UD_OK || err == UD_ERR_ROLLOUT_STATE) {
        err = ud_store_pair_remove(store, UD_PAIRS_FILTER, filter, ROLLOUT_KEY);
    }
    return err == UD_ERR_NOT_FOUND ? UD_OK : err;
}

static ud_err begin_one(struct ud_call *call, struct ud_store *store)
{
    struct assigning *a = call->data;
    struct ud_row_group group = {.name = "group-1", .percent = 10000, .limits = {10000, 10000, true}};
    char id[16];
    ud_err err = ud_store_entity_get(store, ud_mgmt_entity_named("targetfilters"), call->tenant, a->filter,
                                     take_filter, a);
    err = err == UD_OK ? end_one(call, store, a->filter) : err;
    err = err == UD_OK ? ud_store_deploy_allowed(store, call->tenant, a->rollout.release, call->person.person)
                       : err;
    snprintf(a->rollout.name, sizeof a->rollout.name, "%.80s, by itself since %lld", a->name,
             (long long)call->now_ms);
    snprintf(a->rollout.filter, sizeof a->rollout.filter, "%s", a->query);
    err = err == UD_OK ? ud_rollout_approval(store, &a->rollout, UD_SETTING_AUTO_APPROVAL) : err;
    err = err == UD_OK ? ud_rollout_create(store, &a->rollout, &group, NULL, 0) : err;
    snprintf(id, sizeof id, "%d", a->rollout.id);
    return err == UD_OK ? ud_store_pair_set(store, UD_PAIRS_FILTER, a->filter, ROLLOUT_KEY, id, false) : err;
}

static ud_err stop_one(struct ud_call *call, struct ud_store *store)
{
    const struct assigning *a = call->data;
    const ud_err err =
        ud_store_entity_exists(store, ud_mgmt_entity_named("targetfilters"), call->tenant, a->filter);
    return err == UD_OK ? end_one(call, store, a->filter) : err;
}

static void wake(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void begun(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_NOT_FOUND ? "no such filter, or no such set" : NULL);
        return;
    }
    ud_mgmt_get(call); /* the filter, as it is now */
}

static void stopped(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 204);
}

static ud_err read_body(const struct ud_call *call, struct ud_row_rollout *rollout, json_t *body)
{
    json_t *id = json_object_get(body, "id");
    json_t *weight = json_object_get(body, "weight");
    const char *type = json_string_value(json_object_get(body, "type"));
    ud_terms_init(&rollout->terms);
    if (!json_is_integer(id) || json_integer_value(id) < 1 || json_integer_value(id) > UD_ACTION_ID_MAX) {
        return id == NULL ? UD_ERR_MISSING : UD_ERR_SHAPE;
    }
    rollout->release = (int32_t)json_integer_value(id);
    if (weight != NULL &&
        (!json_is_integer(weight) || json_integer_value(weight) < 0 || json_integer_value(weight) > 1000)) {
        return UD_ERR_NUMBER_RANGE;
    }
    rollout->terms.weight = weight == NULL ? UD_WEIGHT_DEFAULT : (int32_t)json_integer_value(weight);
    bool known = type == NULL;
    for (size_t i = 0; type != NULL && i < sizeof forces / sizeof forces[0]; i++) {
        if (strcmp(type, forces[i]) == 0 && i != UD_FORCE_TIMED) { /* without a time to be forced at */
            rollout->terms.force = (ud_force)i;
            known = true;
        }
    }
    return known ? ud_mgmt_take_consent(call, body, &rollout->terms.waits) : UD_ERR_SHAPE;
}

void ud_mgmt_auto_begin(struct ud_call *call)
{
    struct assigning *a = ud_call_alloc(call, sizeof *a);
    json_t *body = a == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    const ud_err err = read_body(call, &a->rollout, body);
    json_decref(body);
    if (err != UD_OK || !ud_mgmt_id(call, 0, &a->filter)) {
        ud_call_error(call, err == UD_OK ? UD_ERR_NOT_FOUND : err,
                      "needed: id of a set; type, weight if wanted");
        return;
    }
    a->rollout.tenant = call->tenant;
    a->rollout.created_ms = call->now_ms;
    a->rollout.dynamic = true;
    a->rollout.start_by = 2; /* as soon as it is ready */
    a->rollout.claimed_counts = true;
    a->rollout.group_count = 1;
    snprintf(a->rollout.created_by, sizeof a->rollout.created_by, "%s", call->person.name);
    call->data = a;
    ud_call_write_then(call, begin_one, wake, begun);
}

void ud_mgmt_auto_end(struct ud_call *call)
{
    struct assigning *a = ud_call_alloc(call, sizeof *a);
    if (a == NULL) {
        return;
    }
    if (!ud_mgmt_id(call, 0, &a->filter)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    call->data = a;
    ud_call_write_then(call, stop_one, wake, stopped);
}

static ud_err show(struct ud_call *call, struct ud_store *store)
{
    int64_t filter;
    struct ud_row_rollout rollout;
    struct ud_row_release release;
    ud_err err = ud_mgmt_id(call, 0, &filter) ? UD_OK : UD_ERR_NOT_FOUND;
    err = err == UD_OK
              ? ud_store_entity_exists(store, ud_mgmt_entity_named("targetfilters"), call->tenant, filter)
              : err;
    if (err != UD_OK) {
        return err;
    }
    err = auto_of(store, call->tenant, filter, &rollout);
    if (err == UD_ERR_NOT_FOUND) {
        ud_call_status(call, 204);
        return UD_OK;
    }
    err = err == UD_OK ? ud_store_release_get(store, call->tenant, rollout.release, &release) : err;
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        ud_json_open(&json, NULL, '{');
        ud_json_int(&json, "id", release.id);
        ud_json_string(&json, "name", release.name);
        ud_json_string(&json, "version", release.version);
        ud_json_bool(&json, "valid", release.recalled_ms == 0);
        ud_mgmt_self(call, &json, "distributionsets", release.id);
        ud_json_close(&json, '}');
    }
    return err;
}

void ud_mgmt_auto_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, show);
}
