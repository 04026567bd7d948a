#include "server/rollout_json.h"

#include <stdio.h>

ud_err ud_find_rollout(const struct ud_call *call, struct ud_store *store, struct ud_row_rollout *row)
{
    int32_t id;
    return ud_call_id(call->param[0], &id) ? ud_store_rollout_get(store, call->tenant, id, row)
                                           : UD_ERR_NOT_FOUND;
}

void ud_render_counts(struct ud_json *json, const char *key, const struct ud_group_counts *counts)
{
    ud_json_open(json, key, '{');
    ud_json_int(json, "total", ud_group_total(counts));
    for (int state = 0; state < UD_MEMBER_STATE_COUNT; state++) {
        ud_json_int(json, ud_member_state_name((ud_member_state)state), counts->of[state]);
    }
    ud_json_close(json, '}');
}

static uint32_t bad_of(const struct ud_group_counts *counts)
{
    return counts->of[UD_MEMBER_FAILED] + counts->of[UD_MEMBER_REVERTED] + counts->of[UD_MEMBER_DRIFTED];
}

static const char *what_next(const struct ud_row_rollout *rollout)
{
    switch (rollout->state) {
    case UD_ROLLOUT_CREATING:
        return "When every device is in its group, it waits to be started.";
    case UD_ROLLOUT_APPROVAL:
        return "Somebody else than its author approves or denies it.";
    case UD_ROLLOUT_DENIED:
        return "Nothing; it can be approved after all.";
    case UD_ROLLOUT_READY:
        return rollout->start_by == 0 ? "A person starts it." : "It starts by itself at its time.";
    case UD_ROLLOUT_RUNNING:
        return rollout->dynamic ? "New devices that meet its filter join it."
                                : "The next group starts when the running one meets its limit.";
    case UD_ROLLOUT_PAUSED:
        switch (rollout->pause) {
        case UD_PAUSE_ERRORS:
            return "Look at the failures; resume it to go on, or stop it.";
        case UD_PAUSE_GATE:
            return "A person resumes it: then the next group starts.";
        case UD_PAUSE_END:
            return "Give it a later end and resume it, or stop it.";
        case UD_PAUSE_RECALL:
            return "Stop it: its release was recalled.";
        case UD_PAUSE_NONE:
        case UD_PAUSE_PERSON:
            break;
        }
        return "A person resumes or stops it.";
    case UD_ROLLOUT_STOPPING:
        return "It is stopped when no device is at it any more.";
    case UD_ROLLOUT_STOPPED:
    case UD_ROLLOUT_FINISHED:
        return "Nothing; devices that failed can be given it again by a retry.";
    case UD_ROLLOUT_DELETING:
        return "It is gone when its members are.";
    }
    return "";
}

void ud_rollout_words(const struct ud_row_rollout *rollout, const struct ud_group_counts *counts,
                      int64_t now_ms, char now[256], char next[256])
{
    const uint32_t total = ud_group_total(counts);
    const uint32_t bad = bad_of(counts);
    (void)now_ms;
    if (rollout->state == UD_ROLLOUT_CREATING) {
        snprintf(now, 256, "%u devices are in their groups so far.", rollout->total);
    } else {
        snprintf(now, 256, "%u of %u devices confirmed%s%.0u%s, %u failed or left it, %u are at it.",
                 counts->of[UD_MEMBER_CONFIRMED], total, counts->of[UD_MEMBER_CLAIMED] > 0 ? ", " : "",
                 counts->of[UD_MEMBER_CLAIMED],
                 counts->of[UD_MEMBER_CLAIMED] > 0 ? " say that they run it" : "", bad,
                 counts->of[UD_MEMBER_ACTIVE]);
    }
    snprintf(next, 256, "%s", what_next(rollout));
}

static void time_or_null(struct ud_json *json, const char *key, int64_t at_ms)
{
    if (at_ms == 0) {
        ud_json_null(json, key);
    } else {
        ud_json_int(json, key, at_ms);
    }
}

static const char *const force_names[] = {"soft", "forced", "timeforced", "downloadonly"};
static const char *const drift_names[] = {"hold", "again", "alert"};

static void render_terms(struct ud_json *json, const struct ud_row_rollout *rollout)
{
    const struct ud_terms *terms = &rollout->terms;
    ud_json_int(json, "weight", terms->weight);
    ud_json_string(json, "force", force_names[terms->force]);
    time_or_null(json, "forceAt", terms->force_ms);
    ud_json_bool(json, "consent", terms->waits);
    if (terms->schedule[0] == '\0') {
        ud_json_null(json, "window");
    } else {
        ud_json_open(json, "window", '{');
        ud_json_string(json, "schedule", terms->schedule);
        ud_json_string(json, "duration", terms->duration);
        ud_json_string(json, "zone", terms->zone[0] == '\0' ? "UTC" : terms->zone);
        ud_json_close(json, '}');
    }
    ud_json_open(json, "rate", '{');
    ud_json_int(json, "perMinute", rollout->rate.per_minute);
    ud_json_int(json, "factor", rollout->rate.factor);
    ud_json_int(json, "after", rollout->rate.after);
    ud_json_int(json, "max", rollout->rate.per_minute_max);
    ud_json_close(json, '}');
    ud_json_int(json, "downloadsMax", rollout->downloads_max);
    ud_json_int(json, "bytesPerSecond", (int64_t)rollout->bytes_per_s);
}

static void render_patches(struct ud_json *json, const struct ud_row_rollout *rollout)
{
    ud_json_open(json, "patches", '{');
    ud_json_int(json, "fetched", (int64_t)rollout->patches);
    ud_json_int(json, "savedBytes", (int64_t)rollout->saved_bytes);
    ud_json_close(json, '}');
}

void ud_render_rollout(struct ud_json *json, const struct ud_row_rollout *rollout,
                       const struct ud_group_counts *counts, int64_t now_ms)
{
    char now[256];
    char next[256];
    ud_rollout_words(rollout, counts, now_ms, now, next);
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", rollout->id);
    ud_json_string(json, "name", rollout->name);
    ud_json_string(json, "description", rollout->description);
    ud_json_int(json, "release", rollout->release);
    ud_json_string(json, "filter", rollout->listed ? NULL : rollout->filter);
    ud_json_string(json, "state", ud_rollout_state_name(rollout->state));
    ud_json_string(json, "pausedBy",
                   rollout->pause == UD_PAUSE_NONE ? NULL : ud_rollout_pause_name(rollout->pause));
    ud_json_string(json, "now", now);
    ud_json_string(json, "next", next);
    ud_render_counts(json, "devices", counts);
    ud_json_int(json, "groups", rollout->group_count);
    ud_json_string(json, "start", rollout->start_by == 0 ? "manual" : rollout->start_by == 1 ? "time" : "auto");
    time_or_null(json, "startAt", rollout->start_ms);
    time_or_null(json, "endAt", rollout->end_ms);
    render_terms(json, rollout);
    render_patches(json, rollout);
    ud_json_bool(json, "dynamic", rollout->dynamic);
    ud_json_bool(json, "claimedCounts", rollout->claimed_counts);
    ud_json_string(json, "drift", drift_names[rollout->drift]);
    ud_json_int(json, "again", rollout->again_max);
    ud_json_bool(json, "approval", rollout->needs_approval);
    ud_json_string(json, "decidedBy", rollout->decided_by[0] == '\0' ? NULL : rollout->decided_by);
    ud_json_string(json, "remark", rollout->remark[0] == '\0' ? NULL : rollout->remark);
    ud_json_string(json, "createdBy", rollout->created_by);
    ud_json_int(json, "createdAt", rollout->created_ms);
    ud_json_int(json, "updatedAt", rollout->updated_ms);
    ud_json_close(json, '}');
}

/* Hundredths of a percent as a number with two decimals at most. */
static void percent(struct ud_json *json, const char *key, uint16_t hundredths)
{
    char text[16];
    snprintf(text, sizeof text, hundredths % 100 == 0 ? "%u" : "%u.%02u", hundredths / 100U, hundredths % 100U);
    ud_json_raw(json, key, text);
}

void ud_render_group(struct ud_json *json, const struct ud_row_group *group)
{
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "number", group->position);
    ud_json_string(json, "name", group->name);
    ud_json_string(json, "state", ud_group_state_name(group->state));
    ud_json_string(json, "filter", group->filter[0] == '\0' ? NULL : group->filter);
    percent(json, "percent", group->percent);
    ud_json_int(json, "size", group->size);
    percent(json, "success", group->limits.success);
    percent(json, "error", group->limits.error);
    ud_json_bool(json, "gate", group->gate);
    ud_render_counts(json, "devices", &group->counts);
    time_or_null(json, "startedAt", group->started_ms);
    ud_json_close(json, '}');
}

void ud_render_member(struct ud_json *json, const struct ud_row_member *member)
{
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "device", member->device_name);
    ud_json_int(json, "group", member->group);
    ud_json_string(json, "state", ud_member_state_name(member->state));
    if (member->action == 0) {
        ud_json_null(json, "action");
    } else {
        ud_json_int(json, "action", member->action);
    }
    ud_json_int(json, "offers", member->attempt);
    ud_json_close(json, '}');
}
