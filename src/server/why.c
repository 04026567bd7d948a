#include "server/why.h"

#include "server/actions.h"
#include "server/store_mgmt.h"

#include <stdarg.h>
#include <stdio.h>

#define MINUTE_MS 60000
#define SAID_MAX 20 /* newest entries of an action's history that are looked at */

struct asked {
    struct ud_store *store;
    const struct ud_row_device *device;
    const struct ud_fleet_device *memory;
    int64_t now_ms;
    int64_t silent_ms;
    struct ud_why *why;
    bool has_member;
    struct ud_row_member member;
    struct ud_row_rollout rollout;
    struct ud_row_group group;
    bool has_action;
    struct ud_row_action action; /* the current one, or the member's last, or the newest */
    bool has_release;
    struct ud_row_release release; /* what it is to run */
    struct ud_release_kinds kinds; /* of a release that left the device out */
    bool type_takes;               /* ... and whether the device's type takes such sets now */
};

const char *ud_why_step_name(ud_why_step step)
{
    static const char *const names[UD_WHY_STEP_COUNT] = {
        [UD_WHY_MATCHED] = "matched",     [UD_WHY_APPROVED] = "approved", [UD_WHY_GROUP] = "group",
        [UD_WHY_FREE] = "free",           [UD_WHY_WINDOW] = "window",     [UD_WHY_CONTACT] = "contact",
        [UD_WHY_UNDER_WAY] = "under way", [UD_WHY_RESULT] = "result",
    };
    return names[step];
}

__attribute__((format(printf, 3, 4))) static void holds(struct asked *a, ud_why_step step, const char *format,
                                                        ...)
{
    va_list list;
    va_start(list, format);
    a->why->steps[step].verdict = UD_WHY_HOLDS;
    vsnprintf(a->why->steps[step].evidence, UD_WHY_TEXT_BYTES, format, list);
    va_end(list);
}

/* The check that does not hold: its sentence is the answer. The later ones are not looked at. */
__attribute__((format(printf, 5, 6))) static bool fails(struct asked *a, ud_why_step step, const char *answer,
                                                        const char *remedy, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    a->why->steps[step].verdict = UD_WHY_FAILS;
    vsnprintf(a->why->sentence, UD_WHY_TEXT_BYTES, format, list);
    va_end(list);
    snprintf(a->why->steps[step].evidence, UD_WHY_TEXT_BYTES, "%s", a->why->sentence);
    snprintf(a->why->remedy, UD_WHY_TEXT_BYTES, "%s", remedy);
    a->why->answer = answer;
    return false;
}

/* "3 min", "2 h", "5 days" */
static const char *span(char out[24], int64_t ms)
{
    const int64_t minutes = ms < 0 ? 0 : ms / MINUTE_MS;
    if (minutes < 120) {
        snprintf(out, 24, "%lld min", (long long)minutes);
    } else if (minutes < 48 * 60) {
        snprintf(out, 24, "%lld h", (long long)(minutes / 60));
    } else {
        snprintf(out, 24, "%lld days", (long long)(minutes / 1440));
    }
    return out;
}

/* --- the checks, in the order of the way */

static bool is_matched(struct asked *a)
{
    if (a->has_member) {
        holds(a, UD_WHY_MATCHED, "Rollout \"%s\" names it.", a->rollout.name);
        return true;
    }
    if (a->has_action) {
        holds(a, UD_WHY_MATCHED, "Action %d was given to it by hand.", a->action.id);
        return true;
    }
    return fails(a, UD_WHY_MATCHED, "not_matched", "Deploy a release to it, or widen a rollout's filter.",
                 "No rollout's filter meets it, and nobody deployed anything to it.");
}

static bool is_approved(struct asked *a)
{
    if (!a->has_member) {
        holds(a, UD_WHY_APPROVED, "A deployment by hand needs none.");
        return true;
    }
    switch (a->rollout.state) {
    case UD_ROLLOUT_CREATING:
        return fails(a, UD_WHY_APPROVED, "not_started", "Wait until it is filled.",
                     "Rollout \"%s\" is still being filled.", a->rollout.name);
    case UD_ROLLOUT_APPROVAL:
        return fails(a, UD_WHY_APPROVED, "approval", "Have somebody else than its author approve it.",
                     "Rollout \"%s\" waits for approval.", a->rollout.name);
    case UD_ROLLOUT_DENIED:
        return fails(a, UD_WHY_APPROVED, "approval", "Make another rollout, or have it approved after all.",
                     "Rollout \"%s\" was denied by %s.", a->rollout.name, a->rollout.decided_by);
    case UD_ROLLOUT_READY:
        return fails(a, UD_WHY_APPROVED, "not_started", "Start it, or wait for its start time.",
                     a->rollout.start_by == 0 ? "Rollout \"%s\" has not been started."
                                              : "Rollout \"%s\" waits for its start time.",
                     a->rollout.name);
    case UD_ROLLOUT_PAUSED:
    case UD_ROLLOUT_RUNNING:
    case UD_ROLLOUT_STOPPING:
    case UD_ROLLOUT_STOPPED:
    case UD_ROLLOUT_FINISHED:
    case UD_ROLLOUT_DELETING:
        break;
    }
    if (a->rollout.decided_by[0] != '\0') {
        holds(a, UD_WHY_APPROVED, "Approved by %s.", a->rollout.decided_by);
    } else {
        holds(a, UD_WHY_APPROVED, "It needs no approval.");
    }
    return true;
}

/* Only of one that still waits: what is under way or has ended passed this. */
static bool is_its_groups_turn(struct asked *a)
{
    if (!a->has_member) {
        holds(a, UD_WHY_GROUP, "It is in no group.");
        return true;
    }
    if (a->member.state == UD_MEMBER_WAITING && a->rollout.state == UD_ROLLOUT_PAUSED) {
        return fails(a, UD_WHY_GROUP, "paused", "Resume it when its reason is out of the way.",
                     "Rollout \"%s\" is paused (%s).", a->rollout.name,
                     ud_rollout_pause_name(a->rollout.pause));
    }
    if (a->member.state == UD_MEMBER_WAITING && a->group.state == UD_GROUP_WAITING) {
        return fails(a, UD_WHY_GROUP, "group", "Wait for the groups before it, or start the next one now.",
                     "Its group %u of %u (\"%s\") has not started; the one before has not met its limit.",
                     a->group.position, a->rollout.group_count, a->group.name);
    }
    if (a->member.state == UD_MEMBER_WAITING && a->rollout.state == UD_ROLLOUT_RUNNING) {
        return fails(a, UD_WHY_GROUP, "group", "Wait, or raise the rollout's rate.",
                     "Its group %u has started; the rate of offers has not come to it yet.", a->group.position);
    }
    holds(a, UD_WHY_GROUP, "Group %u of %u (\"%s\"), %s.", a->group.position, a->rollout.group_count,
          a->group.name, ud_group_state_name(a->group.state));
    return true;
}

/* The rules of ud_action_offer() in the same order; what was in the way then may be gone now. */
static bool says_why_left_out(struct asked *a)
{
    const struct ud_row_device *device = a->device;
    const char *type = device->type_id == 0 ? "(none)" : device->type_name;
    if (a->release.foreign && !device->foreign) {
        return fails(a, UD_WHY_FREE, "skipped", ud_err_remedy(UD_ERR_NOT_FOREIGN),
                     "The release is not for this kind of device: %s.", ud_err_text(UD_ERR_NOT_FOREIGN));
    }
    if (a->release.foreign && a->release.type_id != 0 && a->release.type_id != device->type_id) {
        return fails(a, UD_WHY_FREE, "skipped",
                     "Deploy a release for its type, or correct the device's type and deploy this one again.",
                     "The release is for devices of type \"%s\"; this one's type is \"%s\".",
                     a->kinds.device_type, type);
    }
    if (!a->type_takes) {
        return fails(a, UD_WHY_FREE, "skipped",
                     "Add that type of set to those that its type takes and deploy this one again, or deploy "
                     "a release of a type that it takes.",
                     "Devices of its type \"%s\" take no sets of type \"%s\", which the release is.", type,
                     a->kinds.set_type);
    }
    return fails(a, UD_WHY_FREE, "skipped", "Deploy the release to it again.",
                 "Rollout \"%s\" left it out, as its type did not fit the release then; now it does.",
                 a->rollout.name);
}

static bool is_free(struct asked *a)
{
    const struct ud_row_device *device = a->device;
    if (a->has_release && a->release.recalled_ms != 0 && device->running_release != a->release.id) {
        return fails(a, UD_WHY_FREE, "recalled", "Deploy another release.", "Release %s %s was recalled.",
                     a->release.name, a->release.version);
    }
    if (device->quarantine_ms != 0 && device->quarantine_release != a->release.id) {
        char since[24];
        return fails(a, UD_WHY_FREE, "quarantined", "Deploy the release that frees it, or end the quarantine.",
                     "It has been in quarantine for %s: %s", span(since, a->now_ms - device->quarantine_ms),
                     device->quarantine_reason);
    }
    if (a->has_member && a->member.state == UD_MEMBER_BLOCKED) {
        return fails(a, UD_WHY_FREE, "blocked", "Wait until that ends, or give this rollout a higher weight.",
                     "Action %d, of weight %d, has the device; this rollout's weight is %d.",
                     device->current_action, device->terms.weight, a->rollout.terms.weight);
    }
    if (a->has_member && a->member.state == UD_MEMBER_SKIPPED) {
        return says_why_left_out(a);
    }
    holds(a, UD_WHY_FREE, "Nothing else has it.");
    return true;
}

static bool is_open(struct asked *a)
{
    struct ud_offer_gate gate;
    if (!a->has_action || !a->action.active || a->memory == NULL) {
        holds(a, UD_WHY_WINDOW, "Not asked any more.");
        return true;
    }
    ud_offer_look(a->memory, a->now_ms, &gate);
    if (gate.waits) {
        return fails(a, UD_WHY_WINDOW, "consent", "Confirm the action, here or at the device.",
                     "Action %d waits for consent.", a->action.id);
    }
    if (gate.lapsed && a->action.state >= UD_ACTION_INSTALLING) {
        holds(a, UD_WHY_WINDOW, "Its window is over; the device began before.");
        return true;
    }
    if (gate.lapsed) {
        return fails(a, UD_WHY_WINDOW, "window",
                     "Deploy it with a window that opens; this action ends when the device comes.",
                     "Its window does not open again.");
    }
    if (!gate.open) {
        char left[24];
        return fails(a, UD_WHY_WINDOW, "window", "Wait for it, or change the rollout's window.",
                     "Its window is shut; it opens in %s (device's zone: %s).",
                     span(left, gate.opens_ms - a->now_ms),
                     a->device->zone[0] == '\0' ? "UTC" : a->device->zone);
    }
    holds(a, UD_WHY_WINDOW, gate.has_window ? "Its window is open." : "It has no window.");
    return true;
}

static bool is_in_contact(struct asked *a)
{
    const int64_t seen = a->memory != NULL && a->memory->last_seen_ms > a->device->last_seen_ms
                             ? a->memory->last_seen_ms
                             : a->device->last_seen_ms;
    char ago[24];
    if (!a->has_action || !a->action.active) {
        holds(a, UD_WHY_CONTACT, "Not asked any more.");
        return true;
    }
    if (seen == 0) {
        return fails(a, UD_WHY_CONTACT, "silent", "Check its power, network, address of the server and token.",
                     "It has never come.");
    }
    if (a->now_ms - seen > a->silent_ms) {
        return fails(a, UD_WHY_CONTACT, "silent", "Check its power and network.", "It was last here %s ago.",
                     span(ago, a->now_ms - seen));
    }
    holds(a, UD_WHY_CONTACT, "Last here %s ago.", span(ago, a->now_ms - seen));
    return true;
}

static void is_lapse(void *ctx, const struct ud_row_status *status)
{
    bool *found = ctx;
    *found = *found || strcmp(status->messages, UD_ACTION_LAPSED) == 0;
}

/* Was it asked to end because its window was over? By its history: why somebody canceled it, no state says. */
static bool ended_with_its_window(const struct asked *a)
{
    bool found = false;
    return a->action.terms.schedule[0] != '\0' &&
           ud_store_status_list(a->store, &a->action, SAID_MAX, is_lapse, &found) == UD_OK && found;
}

static bool has_come_to_an_end(struct asked *a)
{
    char since[24];
    if (!a->has_action || !a->action.active) {
        holds(a, UD_WHY_UNDER_WAY, "Nothing is under way.");
        return true;
    }
    span(since, a->now_ms - a->action.updated_ms);
    if (a->action.canceling) {
        return fails(a, UD_WHY_UNDER_WAY, "canceling", "Wait for the device, or quit the action.",
                     "%sction %d is being canceled; the device has not said yes for %s.",
                     ended_with_its_window(a) ? "Its window does not open again: a" : "A", a->action.id, since);
    }
    return fails(a, UD_WHY_UNDER_WAY, "under_way", "Wait.", "Release %s %s is %s, for %s.", a->release.name,
                 a->release.version, ud_action_state_name(a->action.state), since);
}

static bool has_its_error(struct asked *a, const char *answer, const char *verb)
{
    a->why->error = a->action.error;
    return fails(a, UD_WHY_RESULT, answer, ud_err_remedy(a->action.error),
                 "The device %s release %s %s (%s): %s: %s.", verb, a->release.name, a->release.version,
                 a->action.proof_signed ? "signed report" : "its claim", ud_err_name(a->action.error),
                 ud_err_text(a->action.error));
}

static bool is_good(struct asked *a)
{
    const struct ud_row_device *device = a->device;
    if (device->status == UD_STATUS_DRIFTED ||
        (device->status == UD_STATUS_REVERTED && device->finished_action != 0 &&
         a->action.state == UD_ACTION_CONFIRMED)) {
        a->why->error = UD_ERR_DRIFTED;
        return fails(a, UD_WHY_RESULT, device->status == UD_STATUS_DRIFTED ? "drifted" : "reverted",
                     ud_err_remedy(UD_ERR_DRIFTED),
                     "It confirmed release %s %s and now reports another image (sequence %llu%s%s).",
                     a->release.name, a->release.version, (unsigned long long)device->running_sequence,
                     device->running_release != 0 ? ", version " : "", device->running_version);
    }
    switch (a->action.state) {
    case UD_ACTION_REFUSED:
        return has_its_error(a, "refused", "refused");
    case UD_ACTION_FAILED:
        return has_its_error(a, "failed", "failed with");
    case UD_ACTION_REVERTED:
        return has_its_error(a, "reverted", "tried and left");
    case UD_ACTION_CANCELED:
        if (ended_with_its_window(a)) {
            return fails(a, UD_WHY_RESULT, "canceled", "Deploy it with a window that opens.",
                         "Action %d was canceled, as its window does not open again.", a->action.id);
        }
        return fails(a, UD_WHY_RESULT, "canceled", "Deploy it again if it was not meant.",
                     "Action %d was canceled.", a->action.id);
    case UD_ACTION_CLAIMED:
        a->why->answer = "claimed";
        holds(a, UD_WHY_RESULT, "It says that it runs %s %s; it signs nothing.", a->release.name,
              a->release.version);
        break;
    case UD_ACTION_CONFIRMED:
    case UD_ACTION_OFFERED:
    case UD_ACTION_RETRIEVED:
    case UD_ACTION_DOWNLOADING:
    case UD_ACTION_DOWNLOADED:
    case UD_ACTION_INSTALLING:
    case UD_ACTION_TRIAL:
        a->why->answer = "up_to_date";
        holds(a, UD_WHY_RESULT, "A signed report says that it runs %s %s.", a->release.name,
              a->release.version);
        break;
    }
    snprintf(a->why->sentence, UD_WHY_TEXT_BYTES, "%s", a->why->steps[UD_WHY_RESULT].evidence);
    return true;
}

/* --- facts */

static ud_err load_member(struct asked *a)
{
    size_t count = 0;
    ud_err err = ud_store_member_of_device(a->store, a->device->id, &a->member, 1, &count);
    if (err != UD_OK || count == 0) {
        return err;
    }
    err = ud_store_rollout_get(a->store, a->device->tenant, a->member.rollout, &a->rollout);
    err = err == UD_OK ? ud_store_group_get(a->store, a->member.rollout, a->member.group, &a->group) : err;
    a->has_member = err == UD_OK;
    return err == UD_ERR_NOT_FOUND ? UD_OK : err;
}

/* The newest thing that somebody wanted of the device: an action by hand behind the rollout's takes its place. */
static ud_err load_action(struct asked *a)
{
    struct ud_row_action newest;
    int32_t id = a->device->current_action;
    ud_err err = ud_store_action_newest(a->store, a->device->id, &newest);
    if (err == UD_ERR_NOT_FOUND) {
        return UD_OK;
    }
    if (err == UD_OK && newest.terms.rollout == 0 && newest.id > a->member.action) {
        a->has_member = a->has_member && a->member.state < UD_MEMBER_ACTIVE;
    }
    if (id == 0) {
        id = a->has_member && a->member.action != 0 ? a->member.action : newest.id;
    }
    err = err == UD_OK ? ud_store_action_get(a->store, a->device->tenant, id, a->device->id, &a->action) : err;
    a->has_action = err == UD_OK;
    return err;
}

static ud_err load_release(struct asked *a)
{
    const int32_t id = a->has_member ? a->rollout.release : a->has_action ? a->action.release : 0;
    const ud_err err =
        id == 0 ? UD_ERR_NOT_FOUND : ud_store_release_get(a->store, a->device->tenant, id, &a->release);
    a->has_release = err == UD_OK;
    return err == UD_ERR_NOT_FOUND ? UD_OK : err;
}

static ud_err load_kinds(struct asked *a)
{
    a->type_takes = true;
    if (!a->has_release || !a->has_member || a->member.state != UD_MEMBER_SKIPPED) {
        return UD_OK;
    }
    const ud_err err = ud_store_release_kinds(a->store, a->release.id, &a->kinds);
    return err == UD_OK && a->release.foreign && a->device->type_id != 0
               ? ud_store_type_takes(a->store, a->device->type_id, a->release.id, &a->type_takes)
               : err;
}

ud_err ud_why_not(struct ud_store *store, const struct ud_row_device *device,
                  const struct ud_fleet_device *in_memory, int64_t now_ms, int64_t silent_ms,
                  struct ud_why *why)
{
    static bool (*const checks[UD_WHY_STEP_COUNT])(struct asked * a) = {
        [UD_WHY_MATCHED] = is_matched,
        [UD_WHY_APPROVED] = is_approved,
        [UD_WHY_GROUP] = is_its_groups_turn,
        [UD_WHY_FREE] = is_free,
        [UD_WHY_WINDOW] = is_open,
        [UD_WHY_CONTACT] = is_in_contact,
        [UD_WHY_UNDER_WAY] = has_come_to_an_end,
        [UD_WHY_RESULT] = is_good,
    };
    struct asked a = {.store = store,
                      .device = device,
                      .memory = in_memory,
                      .now_ms = now_ms,
                      .silent_ms = silent_ms,
                      .why = why};
    memset(why, 0, sizeof *why);
    for (int step = 0; step < UD_WHY_STEP_COUNT; step++) {
        why->steps[step].verdict = UD_WHY_LATER;
    }
    ud_err err = load_member(&a);
    err = err == UD_OK ? load_action(&a) : err;
    err = err == UD_OK ? load_release(&a) : err;
    err = err == UD_OK ? load_kinds(&a) : err;
    for (int step = 0; step < UD_WHY_STEP_COUNT && err == UD_OK && checks[step](&a); step++) {
    }
    why->rollout = a.has_member ? a.rollout.id : 0;
    why->action = a.has_action ? a.action.id : 0;
    return err;
}
