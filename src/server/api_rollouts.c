/* Rollouts for people: make, see, steer. */
#include "server/rollout_json.h"

#include "server/scheduler.h"
#include "server/store_people.h"
#include "server/tenant_settings.h"

#include <stdio.h>

#define RETRIES_MAX 1000     /* of one rollout */
#define RETRY_NAME_BYTES 117 /* "_retry 1000" follows */

/* --- lists and one */

struct rollouts {
    struct ud_listing *listing;
    int64_t now_ms;
    ud_err err;
};

static void each_rollout(void *ctx, const struct ud_row_rollout *row)
{
    struct rollouts *list = ctx;
    struct ud_group_counts counts;
    if (list->err == UD_OK) {
        list->err = ud_store_rollout_counts(list->listing->store, row->id, &counts);
    }
    if (list->err == UD_OK) {
        ud_render_rollout(&list->listing->json, row, &counts, list->now_ms);
        list->listing->count++;
    }
}

static ud_err list_rollouts(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct rollouts list = {listing, call->now_ms, UD_OK};
    listing->store = store;
    const ud_err err =
        ud_store_rollout_list(store, call->tenant, listing->filter, &listing->page, each_rollout, &list);
    return err == UD_OK ? list.err : err;
}

void ud_api_rollouts_list(struct ud_call *call)
{
    ud_list_filtered(call, ud_rollout_fields, list_rollouts);
}

static ud_err render_one(struct ud_call *call, struct ud_store *store)
{
    struct ud_row_rollout row;
    struct ud_group_counts counts;
    ud_err err = ud_find_rollout(call, store, &row);
    err = err == UD_OK ? ud_store_rollout_counts(store, row.id, &counts) : err;
    if (err == UD_OK) {
        struct ud_json json = ud_call_json(call, 200);
        ud_render_rollout(&json, &row, &counts, call->now_ms);
    }
    return err;
}

void ud_api_rollouts_get(struct ud_call *call)
{
    ud_call_read_or_fail(call, render_one);
}

static void each_group(void *ctx, const struct ud_row_group *group)
{
    struct ud_listing *listing = ctx;
    ud_render_group(&listing->json, group);
    listing->count++;
}

static ud_err list_groups(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_rollout row;
    const ud_err err = ud_find_rollout(call, store, &row);
    return err == UD_OK ? ud_store_group_list(store, row.id, &listing->page, each_group, listing) : err;
}

void ud_api_rollouts_groups(struct ud_call *call)
{
    ud_list(call, list_groups);
}

static void each_member(void *ctx, const struct ud_row_member *member)
{
    struct ud_listing *listing = ctx;
    ud_render_member(&listing->json, member);
    listing->count++;
}

/* ?group=n&state=word */
static ud_err wanted_members(struct ud_call *call, uint32_t *group, int *state)
{
    const char *text = NULL;
    int32_t number = 0;
    *group = 0;
    *state = -1;
    if (ud_call_query(call, "group", &text) == UD_OK) {
        if (!ud_call_id(text, &number)) {
            return UD_ERR_NUMBER_RANGE;
        }
        *group = (uint32_t)number;
    }
    if (ud_call_query(call, "state", &text) == UD_OK) {
        for (int i = 0; i < UD_MEMBER_STATE_COUNT; i++) {
            *state = strcmp(text, ud_member_state_name((ud_member_state)i)) == 0 ? i : *state;
        }
        return *state < 0 ? UD_ERR_SHAPE : UD_OK;
    }
    return UD_OK;
}

static ud_err list_members(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct ud_row_rollout row;
    uint32_t group;
    int state;
    ud_err err = ud_find_rollout(call, store, &row);
    err = err == UD_OK ? wanted_members(call, &group, &state) : err;
    return err == UD_OK
               ? ud_store_member_list(store, row.id, group, state, &listing->page, each_member, listing)
               : err;
}

void ud_api_rollouts_devices(struct ud_call *call)
{
    ud_list(call, list_members);
}

/* --- make */

struct making {
    struct ud_rollout_plan plan;
    json_t *body;
    char words[256];
    int32_t retry_of; /* 0 = none */
    struct ud_fiql filter;
};

/* The caller saw a count: within 1 % of it, or it is not what they meant. */
static ud_err check_count(struct ud_call *call, struct ud_store *store, struct making *making)
{
    struct ud_fiql_wrong wrong;
    uint32_t count = 0;
    if (!making->plan.expects || making->plan.name_count > 0) {
        return UD_OK;
    }
    ud_err err = ud_device_filter(&making->filter, making->plan.rollout.filter, call->tenant,
                                  ud_call_moment(call), false, &wrong);
    err = err == UD_OK ? ud_store_device_count(store, call->tenant, &making->filter, &count) : err;
    const uint32_t far =
        count > making->plan.expected ? count - making->plan.expected : making->plan.expected - count;
    return err == UD_OK && (uint64_t)far * 100 > making->plan.expected ? UD_ERR_COUNT_MOVED : err;
}

static ud_err make(struct ud_call *call, struct ud_store *store)
{
    struct making *making = call->data;
    struct ud_rollout_plan *plan = &making->plan;
    ud_err err = ud_store_deploy_allowed(store, call->tenant, plan->rollout.release, call->person.person);
    err = err == UD_OK ? ud_rollout_approval(store, &plan->rollout, UD_SETTING_ROLLOUT_APPROVAL) : err;
    return err == UD_OK ? ud_rollout_create(store, &plan->rollout, plan->groups, plan->names, plan->name_count)
                        : err;
}

static ud_err check(struct ud_call *call, struct ud_store *store)
{
    return check_count(call, store, call->data);
}

static void committed(struct ud_call *call)
{
    ud_scheduler_wake(call->server->scheduler);
}

static void made(struct ud_call *call, ud_err err)
{
    const struct making *making = call->data;
    const struct ud_group_counts none = {{0}};
    if (err != UD_OK) {
        ud_call_error(call, err,
                      err == UD_ERR_NOT_FOUND ? "no such release, or a device of the list is not there" : NULL);
        return;
    }
    char id[24];
    ud_log_event(&call->server->log, UD_LOG_INFO, "rollout", "what", "created", "rollout",
                 ud_log_int(id, making->plan.rollout.id), "name", making->plan.rollout.name, "by",
                 call->person.name, NULL);
    struct ud_json json = ud_call_json(call, 201);
    ud_render_rollout(&json, &making->plan.rollout, &none, call->now_ms);
}

static void release_making(struct ud_call *call)
{
    const struct making *making = call->data;
    json_decref(making->body);
}

void ud_api_rollouts_add(struct ud_call *call)
{
    struct making *making = ud_call_alloc(call, sizeof *making);
    if (making == NULL) {
        return;
    }
    making->body = ud_call_json_body(call);
    if (making->body == NULL) {
        return;
    }
    call->data = making;
    call->release = release_making;
    ud_err err = ud_rollout_parse(call, making->body, &making->plan, making->words);
    if (err != UD_OK) {
        ud_call_error(call, err, making->words[0] == '\0' ? NULL : making->words);
        return;
    }
    err = ud_call_read(call, check);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_write_then(call, make, committed, made);
}

/* --- steer */

struct wish {
    ud_rollout_event event;
    char remark[UD_DESCRIPTION_BYTES_MAX + 1];
    struct ud_row_rollout rollout;
    struct ud_group_counts counts;
};

static ud_err do_wish(struct ud_call *call, struct ud_store *store)
{
    struct wish *wish = call->data;
    ud_rollout_state next;
    ud_err err = ud_find_rollout(call, store, &wish->rollout);
    if (err == UD_OK && wish->event == UD_ROLLOUT_START) {
        err = ud_store_deploy_allowed(store, call->tenant, wish->rollout.release, call->person.person);
    } else if (err == UD_OK && wish->event == UD_ROLLOUT_APPROVE &&
               ud_rollout_next(wish->rollout.state, wish->event, &next) == UD_OK) {
        err = ud_store_approve_allowed(store, call->tenant, wish->rollout.release, call->person.person);
    }
    err = err == UD_OK ? ud_rollout_wish(store, &wish->rollout, wish->event, call->person.name, wish->remark,
                                         call->now_ms)
                       : err;
    return err == UD_OK ? ud_store_rollout_counts(store, wish->rollout.id, &wish->counts) : err;
}

static void wish_done(struct ud_call *call, ud_err err)
{
    const struct wish *wish = call->data;
    if (err != UD_OK) {
        char *words = err == UD_ERR_ROLLOUT_STATE ? ud_call_alloc(call, 128) : NULL;
        if (words != NULL) {
            snprintf(words, 128, "the rollout is %s", ud_rollout_state_name(wish->rollout.state));
        }
        ud_call_error(call, err,
                      err == UD_ERR_FORBIDDEN    ? "who made a rollout cannot approve it"
                      : err == UD_ERR_SEPARATION ? "who uploaded its release does not approve a rollout"
                                                 : words);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "rollout", "what",
                 call->param[1] == NULL ? "delete" : call->param[1], "rollout", call->param[0], "by",
                 call->person.name, NULL);
    if (wish->event == UD_ROLLOUT_DELETE) {
        ud_call_status(call, 204);
        return;
    }
    struct ud_json json = ud_call_json(call, 200);
    ud_render_rollout(&json, &wish->rollout, &wish->counts, call->now_ms);
}

static void wish_for(struct ud_call *call, ud_rollout_event event)
{
    const char *remark = NULL;
    struct wish *wish = ud_call_alloc(call, sizeof *wish);
    if (wish == NULL) {
        return;
    }
    wish->event = event;
    if (ud_call_query(call, "remark", &remark) == UD_OK) {
        snprintf(wish->remark, sizeof wish->remark, "%s", remark);
    }
    call->data = wish;
    ud_call_write_then(call, do_wish, committed, wish_done);
}

void ud_api_rollouts_start(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_START);
}

void ud_api_rollouts_pause(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_PAUSE);
}

void ud_api_rollouts_resume(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_RESUME);
}

void ud_api_rollouts_stop(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_STOP);
}

void ud_api_rollouts_next(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_TRIGGER);
}

void ud_api_rollouts_approve(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_APPROVE);
}

void ud_api_rollouts_deny(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_DENY);
}

void ud_api_rollouts_remove(struct ud_call *call)
{
    wish_for(call, UD_ROLLOUT_DELETE);
}

/* --- retry: a new rollout for those of this one that failed, left it, or were canceled */

bool ud_rollout_plan_room(struct ud_call *call, struct ud_rollout_plan *plan)
{
    plan->groups = ud_call_alloc(call, sizeof *plan->groups);
    return plan->groups != NULL;
}

/* The name's beginning, and no half character at its end. */
static int beginning_of(const char *name)
{
    size_t bytes = strnlen(name, RETRY_NAME_BYTES);
    while (bytes > 0 && ((unsigned char)name[bytes] & 0xC0) == 0x80) {
        bytes--;
    }
    return (int)bytes;
}

/* "NAME_retry", then "NAME_retry 2" and so on: the first that is free. */
static ud_err name_retry(struct ud_store *store, const struct ud_row_rollout *old, struct ud_row_rollout *row)
{
    for (unsigned n = 1; n <= RETRIES_MAX; n++) {
        bool taken = true;
        char number[16] = "";
        if (n > 1) {
            snprintf(number, sizeof number, " %u", n);
        }
        snprintf(row->name, sizeof row->name, "%.*s_retry%s", beginning_of(old->name), old->name, number);
        const ud_err err = ud_store_rollout_is_named(store, old->tenant, row->name, &taken);
        if (err != UD_OK || !taken) {
            return err;
        }
    }
    return UD_ERR_CONFLICT;
}

ud_err ud_rollout_plan_retry(struct ud_call *call, struct ud_store *store, struct ud_rollout_plan *plan)
{
    struct ud_row_rollout old;
    struct ud_row_rollout *row = &plan->rollout;
    ud_err err = ud_find_rollout(call, store, &old);
    if (err != UD_OK) {
        return err;
    }
    if (old.state != UD_ROLLOUT_FINISHED && old.state != UD_ROLLOUT_STOPPED) {
        return UD_ERR_ROLLOUT_STATE;
    }
    *row = old;
    err = name_retry(store, &old, row);
    if (err != UD_OK) {
        return err;
    }
    snprintf(row->filter, sizeof row->filter, "failedin==%d", old.id);
    snprintf(row->created_by, sizeof row->created_by, "%s", call->person.name);
    row->created_ms = call->now_ms;
    row->group_count = 1;
    row->dynamic = false;
    row->start_by = 0;
    row->start_ms = row->end_ms = 0;
    row->decided_by[0] = row->remark[0] = '\0';
    row->bucket = (struct ud_bucket){0, 0};
    row->fill_matched = row->fill_left = 0;
    row->fill_counting = false;
    plan->groups[0] = (struct ud_row_group){.name = "group-1", .percent = 10000, .limits = {5000, 5000, false}};
    return UD_OK;
}

static ud_err make_retry(struct ud_call *call, struct ud_store *store)
{
    struct making *making = call->data;
    const ud_err err = ud_rollout_plan_retry(call, store, &making->plan);
    return err == UD_OK ? make(call, store) : err;
}

void ud_api_rollouts_retry(struct ud_call *call)
{
    struct making *making = ud_call_alloc(call, sizeof *making);
    if (making == NULL || !ud_rollout_plan_room(call, &making->plan)) {
        return;
    }
    call->data = making;
    ud_call_write_then(call, make_retry, committed, made);
}
