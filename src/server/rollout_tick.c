/*
 * The one place where rollouts move by themselves. One call does one bounded step of each kind; docs/design/rollouts.md
 * says what may be relied on in which state.
 */
#include "server/rollout_parts.h"

#include "server/actions.h"
#include "server/store_console.h"

#include "updraft/assert.h"

#include <stdlib.h>

#define EVENTS_MAX 256
#define LIVE_MAX 64
#define CANCELS_MAX 128
#define MOVES_MAX 4000

void ud_tick_note(struct ud_tick *tick, const char *what, int32_t rollout, uint32_t group, int64_t device,
                  const char *state)
{
    if (tick->note_count < UD_TICK_NOTES_MAX) {
        tick->notes[tick->note_count++] = (struct ud_tick_note){what, rollout, group, device, state};
    }
}

struct ud_moment ud_tick_moment(const struct ud_tick *tick, int64_t tenant)
{
    return (struct ud_moment){tick->now_ms, tick->overdue_ms != NULL
                                                ? tick->overdue_ms(tick->overdue_ctx, tenant, tick->now_ms)
                                                : tick->now_ms - INT64_C(24) * 3600 * 1000};
}

void ud_tick_touch(struct ud_tick *tick, int64_t device)
{
    UD_ASSERT(tick->device_count < UD_TICK_DEVICES_MAX); /* the steps below stay within it together */
    tick->devices[tick->device_count++] = device;
}

static bool has_room(const struct ud_tick *tick)
{
    return tick->device_count < UD_TICK_DEVICES_MAX;
}

void ud_tick_wake_at(struct ud_tick *tick, int64_t when_ms)
{
    if (tick->next_ms == 0 || when_ms < tick->next_ms) {
        tick->next_ms = when_ms;
    }
}

/* Members of it moved: the tick notes how it stands when it has looked at all that happened. */
static ud_err moved(struct ud_store *store, struct ud_tick *tick, int32_t rollout)
{
    for (size_t i = 0; i < tick->moved_count; i++) {
        if (tick->moved[i] == rollout) {
            return UD_OK;
        }
    }
    if (tick->moved_count == UD_TICK_MOVED_MAX) {
        return ud_store_course_note(store, rollout, tick->now_ms);
    }
    tick->moved[tick->moved_count++] = rollout;
    return UD_OK;
}

static ud_err note_courses(struct ud_store *store, struct ud_tick *tick)
{
    ud_err err = UD_OK;
    for (size_t i = 0; i < tick->moved_count && err == UD_OK; i++) {
        err = ud_store_course_note(store, tick->moved[i], tick->now_ms);
    }
    return err;
}

/* --- what happened: the queue */

static ud_member_state end_of(const struct ud_row_action *action)
{
    switch (action->state) {
    case UD_ACTION_CONFIRMED:
        return UD_MEMBER_CONFIRMED;
    case UD_ACTION_CLAIMED:
        return UD_MEMBER_CLAIMED;
    case UD_ACTION_REVERTED:
        return UD_MEMBER_REVERTED;
    case UD_ACTION_REFUSED:
    case UD_ACTION_FAILED:
        return UD_MEMBER_FAILED;
    case UD_ACTION_CANCELED:
        return UD_MEMBER_CANCELED;
    case UD_ACTION_OFFERED:
    case UD_ACTION_RETRIEVED:
    case UD_ACTION_DOWNLOADING:
    case UD_ACTION_DOWNLOADED:
    case UD_ACTION_INSTALLING:
    case UD_ACTION_TRIAL:
        break;
    }
    return UD_MEMBER_ACTIVE;
}

/* A finished rollout may run once more: not behind its end, and not with a release that was recalled. */
static bool may_reopen(struct ud_store *store, const struct ud_tick *tick, const struct ud_row_rollout *rollout)
{
    struct ud_row_release release;
    return (rollout->end_ms == 0 || tick->now_ms < rollout->end_ms) &&
           ud_store_release_get(store, rollout->tenant, rollout->release, &release) == UD_OK &&
           release.recalled_ms == 0;
}

/* Give it to this device once more, by policy? */
static bool goes_again(struct ud_store *store, const struct ud_tick *tick, const struct ud_row_rollout *rollout,
                       const struct ud_row_member *member, ud_member_state state)
{
    const bool left = state == UD_MEMBER_REVERTED || state == UD_MEMBER_DRIFTED;
    if (!left || rollout->drift != UD_DRIFT_AGAIN || member->attempt > rollout->again_max) {
        return false;
    }
    return rollout->state == UD_ROLLOUT_RUNNING || rollout->state == UD_ROLLOUT_PAUSED ||
           (rollout->state == UD_ROLLOUT_FINISHED && may_reopen(store, tick, rollout));
}

/* Somebody of it is to be served again: a group that had finished, and a rollout that had, run once more. */
static ud_err reopen(struct ud_store *store, struct ud_tick *tick, const struct ud_row_rollout *rollout,
                     uint32_t position)
{
    struct ud_row_group group;
    struct ud_row_rollout again = *rollout;
    ud_err err = ud_store_group_get(store, rollout->id, position, &group);
    if (err == UD_OK && group.state == UD_GROUP_FINISHED) {
        group.state = UD_GROUP_RUNNING;
        ud_tick_note(tick, "group", rollout->id, position, 0, ud_group_state_name(group.state));
        err = ud_store_group_set(store, &group);
    }
    if (err != UD_OK || rollout->state != UD_ROLLOUT_FINISHED) {
        return err;
    }
    err = ud_rollout_next(rollout->state, UD_ROLLOUT_REOPEN, &again.state);
    again.updated_ms = tick->now_ms;
    ud_tick_note(tick, "reopened", rollout->id, 0, 0, NULL);
    return err == UD_OK ? ud_store_rollout_set(store, &again) : err;
}

static ud_err move_by_policy(struct ud_store *store, struct ud_tick *tick, const struct ud_row_rollout *rollout,
                             const struct ud_row_member *member, ud_member_state state)
{
    ud_err err = UD_OK;
    if (goes_again(store, tick, rollout, member, state)) {
        ud_tick_note(tick, "again", rollout->id, member->group, member->device, ud_member_state_name(state));
        state = UD_MEMBER_WAITING;
        err = reopen(store, tick, rollout, member->group);
    } else if (state == UD_MEMBER_REVERTED || state == UD_MEMBER_DRIFTED) {
        ud_tick_note(tick, rollout->drift == UD_DRIFT_ALERT ? "alert" : "hold", rollout->id, member->group,
                     member->device, ud_member_state_name(state));
    }
    if (err != UD_OK || state == member->state) {
        return err;
    }
    err = ud_store_member_move(store, member, state, member->action, member->attempt);
    return err == UD_OK ? moved(store, tick, rollout->id) : err;
}

/* Members of this device that waited for it: they are asked again. */
static ud_err retry_blocked(struct ud_store *store, int64_t device)
{
    struct ud_row_member members[32];
    const size_t most = sizeof members / sizeof members[0];
    size_t count = most;
    ud_err err = UD_OK;
    while (err == UD_OK && count == most) { /* who was moved is not found again */
        err = ud_store_member_blocked(store, device, members, most, &count);
        for (size_t i = 0; i < count && err == UD_OK; i++) {
            err = ud_store_member_move(store, &members[i], UD_MEMBER_WAITING, members[i].action,
                                       members[i].attempt);
        }
    }
    return err;
}

static ud_err take_action_event(struct ud_store *store, struct ud_tick *tick, const struct ud_row_fact *event)
{
    struct ud_row_action action;
    struct ud_row_rollout rollout;
    struct ud_row_member member;
    ud_err err = ud_store_action_get(store, event->tenant, event->action, event->device, &action);
    err = err == UD_OK ? ud_store_rollout_get(store, event->tenant, event->rollout, &rollout) : err;
    err = err == UD_OK ? ud_store_member_get(store, event->rollout, event->device, &member) : err;
    if (err != UD_OK) {
        return err == UD_ERR_NOT_FOUND ? UD_OK : err; /* device or rollout went meanwhile */
    }
    if (member.action == action.id) { /* else it is news of an earlier attempt */
        err = move_by_policy(store, tick, &rollout, &member, end_of(&action));
    }
    return err == UD_OK ? retry_blocked(store, event->device) : err;
}

static ud_err take_drift_event(struct ud_store *store, struct ud_tick *tick, const struct ud_row_fact *event)
{
    struct ud_row_action action;
    struct ud_row_rollout rollout;
    struct ud_row_member member;
    ud_err err = ud_store_action_get(store, event->tenant, event->action, event->device, &action);
    err = err == UD_OK && action.terms.rollout == 0 ? UD_ERR_NOT_FOUND : err;
    err = err == UD_OK ? ud_store_rollout_get(store, event->tenant, action.terms.rollout, &rollout) : err;
    err = err == UD_OK ? ud_store_member_get(store, rollout.id, event->device, &member) : err;
    if (err != UD_OK) {
        ud_tick_note(tick, "drift", 0, 0, event->device, ud_member_state_name(event->state));
        return err == UD_ERR_NOT_FOUND ? UD_OK : err;
    }
    return member.action == action.id ? move_by_policy(store, tick, &rollout, &member, event->state) : UD_OK;
}

static ud_err take_events(struct ud_store *store, struct ud_tick *tick)
{
    struct ud_row_fact events[EVENTS_MAX];
    size_t count = 0;
    ud_err err = ud_store_fact_take(store, events, EVENTS_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        switch (events[i].kind) {
        case UD_FACT_ACTION:
            err = take_action_event(store, tick, &events[i]);
            break;
        case UD_FACT_FREED:
            err = retry_blocked(store, events[i].device);
            break;
        case UD_FACT_DRIFT:
            err = take_drift_event(store, tick, &events[i]);
            break;
        case UD_FACT_GONE:
            err = ud_store_group_forget(store, &events[i]);
            break;
        case UD_FACT_DEVICE:
            err = ud_rollout_join(store, tick, &events[i]);
            break;
        }
    }
    tick->more = tick->more || count == EVENTS_MAX;
    return err;
}

/* --- running */

static ud_err start_group(struct ud_store *store, struct ud_tick *tick, struct ud_row_group *group)
{
    group->state = UD_GROUP_RUNNING;
    group->started_ms = tick->now_ms;
    ud_tick_note(tick, "group", group->rollout, group->position, 0, ud_group_state_name(group->state));
    tick->more = true;
    return ud_store_group_set(store, group);
}

static ud_err pause_for(struct ud_tick *tick, struct ud_row_rollout *rollout, ud_rollout_pause reason)
{
    const ud_err err = ud_rollout_next(rollout->state, UD_ROLLOUT_PAUSE, &rollout->state);
    rollout->pause = reason;
    ud_tick_note(tick, "paused", rollout->id, 0, 0, ud_rollout_pause_name(reason));
    return err;
}

struct walk {
    struct ud_row_group groups[UD_ROLLOUT_GROUPS_MAX];
    size_t count;
};

static void keep_group(void *ctx, const struct ud_row_group *group)
{
    struct walk *walk = ctx;
    if (walk->count < UD_ROLLOUT_GROUPS_MAX) {
        walk->groups[walk->count++] = *group;
    }
}

/* One running group: offers, then its limits. *stop: the rollout is not running any more. */
static ud_err run_group(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout,
                        const struct ud_row_release *release, struct walk *walk, size_t at)
{
    struct ud_row_group *group = &walk->groups[at];
    ud_err err = ud_rollout_offer(store, tick, rollout, release, group);
    err = err == UD_OK ? ud_store_group_get(store, rollout->id, group->position, group) : err;
    if (err != UD_OK) {
        return err;
    }
    const struct ud_group_verdict verdict = ud_group_judge(&group->counts, &group->limits);
    const bool is_last = at + 1 == walk->count;
    if (verdict.error) {
        group->state = UD_GROUP_ERROR;
        ud_tick_note(tick, "group", rollout->id, group->position, 0, ud_group_state_name(group->state));
        err = ud_store_group_set(store, group);
        return err == UD_OK ? pause_for(tick, rollout, UD_PAUSE_ERRORS) : err;
    }
    const bool opens = verdict.success && !group->opened;
    if (verdict.complete && !(is_last && rollout->dynamic)) {
        group->state = UD_GROUP_FINISHED;
        ud_tick_note(tick, "group", rollout->id, group->position, 0, ud_group_state_name(group->state));
    }
    group->opened = group->opened || verdict.success;
    if (opens || group->state == UD_GROUP_FINISHED) {
        err = ud_store_group_set(store, group);
    }
    if (err == UD_OK && opens && !is_last && walk->groups[at + 1].state == UD_GROUP_WAITING) {
        err = group->gate ? pause_for(tick, rollout, UD_PAUSE_GATE)
                          : start_group(store, tick, &walk->groups[at + 1]);
    }
    return err;
}

/* Nothing runs and something waits: a person resumed after a gate or an error. */
static ud_err open_next(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout,
                        struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->groups[i].state == UD_GROUP_RUNNING) {
            return UD_OK;
        }
    }
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->groups[i].state == UD_GROUP_WAITING) {
            return start_group(store, tick, &walk->groups[i]);
        }
    }
    ud_tick_note(tick, "finished", rollout->id, 0, 0, NULL);
    return ud_rollout_next(rollout->state, UD_ROLLOUT_DONE, &rollout->state);
}

static ud_err run_groups(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout)
{
    struct ud_row_release release;
    struct walk *walk = calloc(1, sizeof *walk);
    struct ud_page page = {.limit = UD_ROLLOUT_GROUPS_MAX};
    if (walk == NULL) {
        return UD_ERR_MEMORY;
    }
    ud_err err = ud_store_release_get(store, rollout->tenant, rollout->release, &release);
    err = err == UD_OK ? ud_store_group_list(store, rollout->id, &page, keep_group, walk) : err;
    if (err == UD_OK && release.recalled_ms != 0) {
        err = pause_for(tick, rollout, UD_PAUSE_RECALL);
    }
    for (size_t i = 0; i < walk->count && err == UD_OK && rollout->state == UD_ROLLOUT_RUNNING; i++) {
        if (walk->groups[i].state == UD_GROUP_RUNNING) {
            err = run_group(store, tick, rollout, &release, walk, i);
        }
    }
    if (err == UD_OK && rollout->state == UD_ROLLOUT_RUNNING) {
        err = open_next(store, tick, rollout, walk);
    }
    free(walk);
    return err;
}

static ud_err run(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout)
{
    if (rollout->end_ms != 0 && tick->now_ms >= rollout->end_ms) {
        return pause_for(tick, rollout, UD_PAUSE_END);
    }
    if (rollout->end_ms != 0) {
        ud_tick_wake_at(tick, rollout->end_ms);
    }
    return run_groups(store, tick, rollout);
}

/* --- start, stop, delete */

static ud_err start_in_time(struct ud_tick *tick, struct ud_row_rollout *rollout)
{
    if (rollout->start_by == 1 && tick->now_ms < rollout->start_ms) {
        ud_tick_wake_at(tick, rollout->start_ms);
        return UD_OK;
    }
    ud_tick_note(tick, "started", rollout->id, 0, 0, NULL);
    tick->more = true;
    return ud_rollout_next(rollout->state, UD_ROLLOUT_START, &rollout->state);
}

static ud_err cancel_some(struct ud_store *store, struct ud_tick *tick, int64_t tenant, const int32_t *ids,
                          size_t count, const char *why)
{
    ud_err err = UD_OK;
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        struct ud_row_action action;
        err = ud_store_action_get(store, tenant, ids[i], 0, &action);
        err = err == UD_OK ? ud_action_cancel(store, &action, tick->now_ms, why) : err;
        if (err == UD_OK) {
            ud_tick_touch(tick, action.device);
        }
    }
    tick->more = tick->more || count > 0;
    return err;
}

static size_t cancels_left(const struct ud_tick *tick)
{
    const size_t room = UD_TICK_DEVICES_MAX - tick->device_count;
    return room < CANCELS_MAX ? room : CANCELS_MAX;
}

/* Nothing new goes out: those who wait are canceled, in pieces. *none: nobody waits any more. */
static ud_err drop_waiting(struct ud_store *store, struct ud_row_rollout *rollout, bool *none)
{
    ud_err err = UD_OK;
    *none = true;
    for (uint32_t group = 1; group <= rollout->group_count && err == UD_OK && *none; group++) {
        static const ud_member_state from[] = {UD_MEMBER_WAITING, UD_MEMBER_BLOCKED};
        for (size_t i = 0; i < 2 && err == UD_OK; i++) {
            uint32_t moved = 0;
            err = ud_store_member_move_all(store, rollout->id, group, from[i], UD_MEMBER_CANCELED, MOVES_MAX,
                                           &moved);
            *none = *none && moved == 0;
        }
    }
    return err;
}

static ud_err stop(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout)
{
    int32_t ids[CANCELS_MAX];
    size_t count = 0;
    bool open = false;
    bool none = false;
    ud_err err = drop_waiting(store, rollout, &none);
    tick->more = tick->more || !none;
    err = err == UD_OK ? ud_store_action_of_rollout(store, rollout->id, ids, cancels_left(tick), &count, &open)
                       : err;
    err = err == UD_OK ? cancel_some(store, tick, rollout->tenant, ids, count,
                                     "[\"Update Server: the rollout was stopped\"]")
                       : err;
    if (err == UD_OK && none && !open) {
        ud_tick_note(tick, "stopped", rollout->id, 0, 0, NULL);
        err = ud_rollout_next(rollout->state, UD_ROLLOUT_DRAINED, &rollout->state);
    }
    return err;
}

/* Deleting does not wait for devices: open actions are quit, then members, groups and the row go. */
static ud_err drop(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout, bool *gone)
{
    int32_t ids[CANCELS_MAX];
    size_t count = 0;
    uint32_t dropped = 0;
    tick->more = true;
    ud_err err = ud_store_action_open_in(store, rollout->id, ids, cancels_left(tick), &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        struct ud_row_action action;
        err = ud_store_action_get(store, rollout->tenant, ids[i], 0, &action);
        err = err == UD_OK
                  ? ud_action_quit(store, &action, tick->now_ms, "[\"Update Server: the rollout was deleted\"]")
                  : err;
        if (err == UD_OK) {
            ud_tick_touch(tick, action.device);
        }
    }
    if (err != UD_OK || count > 0) {
        return err;
    }
    err = ud_store_member_drop(store, rollout->id, MOVES_MAX, &dropped);
    if (err == UD_OK && dropped == 0) {
        *gone = true;
        ud_tick_note(tick, "deleted", rollout->id, 0, 0, NULL);
        err = ud_store_rollout_remove(store, rollout->id);
    }
    return err;
}

static ud_err step(struct ud_store *store, struct ud_tick *tick, int32_t id)
{
    struct ud_row_rollout rollout;
    bool gone = false;
    ud_err err = ud_store_rollout_get(store, 0, id, &rollout);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_row_rollout before = rollout;
    switch (rollout.state) {
    case UD_ROLLOUT_CREATING:
        err = ud_rollout_fill(store, tick, &rollout);
        break;
    case UD_ROLLOUT_READY:
        err = start_in_time(tick, &rollout);
        break;
    case UD_ROLLOUT_RUNNING:
        err = run(store, tick, &rollout);
        err = err == UD_OK ? moved(store, tick, id) : err;
        break;
    case UD_ROLLOUT_STOPPING:
        err = stop(store, tick, &rollout);
        err = err == UD_OK ? moved(store, tick, id) : err;
        break;
    case UD_ROLLOUT_DELETING:
        err = drop(store, tick, &rollout, &gone);
        break;
    case UD_ROLLOUT_APPROVAL:
    case UD_ROLLOUT_DENIED:
    case UD_ROLLOUT_PAUSED:
    case UD_ROLLOUT_STOPPED:
    case UD_ROLLOUT_FINISHED:
        break;
    }
    if (err != UD_OK || gone || memcmp(&before, &rollout, sizeof before) == 0) {
        return err;
    }
    if (before.state != rollout.state) {
        rollout.updated_ms = tick->now_ms;
        tick->more = true;
    }
    return ud_store_rollout_set(store, &rollout);
}

/* Open actions of recalled releases. */
static ud_err withdraw(struct ud_store *store, struct ud_tick *tick)
{
    int32_t releases[LIVE_MAX];
    size_t count = 0;
    int32_t after = 0;
    ud_err err = UD_OK;
    do {
        err = ud_store_release_recalled(store, after, releases, LIVE_MAX, &count);
        for (size_t i = 0; i < count && err == UD_OK && has_room(tick); i++) {
            int32_t ids[CANCELS_MAX];
            size_t open = 0;
            struct ud_row_action first;
            after = releases[i];
            err = ud_store_action_of_release(store, releases[i], ids, cancels_left(tick), &open);
            if (err == UD_OK && open > 0) {
                err = ud_store_action_get_any(store, ids[0], &first);
                err = err == UD_OK ? cancel_some(store, tick, first.tenant, ids, open,
                                                 "[\"Update Server: the release was recalled\"]")
                                   : err;
            }
        }
    } while (err == UD_OK && count == LIVE_MAX && has_room(tick));
    return err;
}

ud_err ud_rollout_tick(struct ud_store *store, struct ud_tick *tick)
{
    int32_t ids[LIVE_MAX];
    size_t count = 0;
    int32_t after = 0;
    tick->device_count = 0;
    tick->note_count = 0;
    tick->moved_count = 0;
    tick->more = false;
    tick->next_ms = 0;
    ud_err err = take_events(store, tick);
    err = err == UD_OK ? withdraw(store, tick) : err;
    do {
        err = err == UD_OK ? ud_store_rollout_live(store, after, ids, LIVE_MAX, &count) : err;
        for (size_t i = 0; i < count && err == UD_OK; i++) {
            after = ids[i];
            err = step(store, tick, ids[i]);
        }
    } while (err == UD_OK && count == LIVE_MAX);
    return err == UD_OK ? note_courses(store, tick) : err;
}
