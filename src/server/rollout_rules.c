#include "server/rollout_rules.h"

#include <stddef.h>

static const char *const state_names[UD_ROLLOUT_STATE_COUNT] = {
    [UD_ROLLOUT_CREATING] = "creating",      [UD_ROLLOUT_APPROVAL] = "waiting_for_approval",
    [UD_ROLLOUT_DENIED] = "approval_denied", [UD_ROLLOUT_READY] = "ready",
    [UD_ROLLOUT_RUNNING] = "running",        [UD_ROLLOUT_PAUSED] = "paused",
    [UD_ROLLOUT_STOPPING] = "stopping",      [UD_ROLLOUT_STOPPED] = "stopped",
    [UD_ROLLOUT_FINISHED] = "finished",      [UD_ROLLOUT_DELETING] = "deleting",
};
static const char *const pause_names[] = {
    [UD_PAUSE_NONE] = "",     [UD_PAUSE_PERSON] = "by a person", [UD_PAUSE_ERRORS] = "error limit",
    [UD_PAUSE_GATE] = "gate", [UD_PAUSE_END] = "end time",       [UD_PAUSE_RECALL] = "recall",
};
static const char *const group_names[UD_GROUP_STATE_COUNT] = {
    [UD_GROUP_CREATING] = "creating", [UD_GROUP_WAITING] = "scheduled", [UD_GROUP_RUNNING] = "running",
    [UD_GROUP_ERROR] = "error",       [UD_GROUP_FINISHED] = "finished",
};
static const char *const member_names[UD_MEMBER_STATE_COUNT] = {
    [UD_MEMBER_WAITING] = "waiting",     [UD_MEMBER_BLOCKED] = "blocked", [UD_MEMBER_ACTIVE] = "active",
    [UD_MEMBER_CONFIRMED] = "confirmed", [UD_MEMBER_CLAIMED] = "claimed", [UD_MEMBER_FAILED] = "failed",
    [UD_MEMBER_REVERTED] = "reverted",   [UD_MEMBER_DRIFTED] = "drifted", [UD_MEMBER_CANCELED] = "canceled",
    [UD_MEMBER_SKIPPED] = "skipped",
};

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
    return value < count && names[value] != NULL ? names[value] : "?";
}

const char *ud_rollout_state_name(ud_rollout_state state)
{
    return name_of(state_names, UD_ROLLOUT_STATE_COUNT, (unsigned)state);
}

const char *ud_rollout_pause_name(ud_rollout_pause reason)
{
    return name_of(pause_names, sizeof pause_names / sizeof pause_names[0], (unsigned)reason);
}

const char *ud_group_state_name(ud_group_state state)
{
    return name_of(group_names, UD_GROUP_STATE_COUNT, (unsigned)state);
}

const char *ud_member_state_name(ud_member_state state)
{
    return name_of(member_names, UD_MEMBER_STATE_COUNT, (unsigned)state);
}

/* clang-format off */
static const struct {
    ud_rollout_state state;
    ud_rollout_event event;
    ud_rollout_state next;
} rules[] = {
    {UD_ROLLOUT_CREATING, UD_ROLLOUT_FILLED,         UD_ROLLOUT_READY},
    {UD_ROLLOUT_CREATING, UD_ROLLOUT_FILLED_UNASKED, UD_ROLLOUT_APPROVAL},
    {UD_ROLLOUT_CREATING, UD_ROLLOUT_STOP,           UD_ROLLOUT_STOPPED},
    {UD_ROLLOUT_CREATING, UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_APPROVAL, UD_ROLLOUT_APPROVE,        UD_ROLLOUT_READY},
    {UD_ROLLOUT_APPROVAL, UD_ROLLOUT_DENY,           UD_ROLLOUT_DENIED},
    {UD_ROLLOUT_APPROVAL, UD_ROLLOUT_STOP,           UD_ROLLOUT_STOPPED},
    {UD_ROLLOUT_APPROVAL, UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_DENIED,   UD_ROLLOUT_APPROVE,        UD_ROLLOUT_READY},
    {UD_ROLLOUT_DENIED,   UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_READY,    UD_ROLLOUT_START,          UD_ROLLOUT_RUNNING},
    {UD_ROLLOUT_READY,    UD_ROLLOUT_STOP,           UD_ROLLOUT_STOPPED},
    {UD_ROLLOUT_READY,    UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_RUNNING,  UD_ROLLOUT_PAUSE,          UD_ROLLOUT_PAUSED},
    {UD_ROLLOUT_RUNNING,  UD_ROLLOUT_TRIGGER,        UD_ROLLOUT_RUNNING},
    {UD_ROLLOUT_RUNNING,  UD_ROLLOUT_STOP,           UD_ROLLOUT_STOPPING},
    {UD_ROLLOUT_RUNNING,  UD_ROLLOUT_DONE,           UD_ROLLOUT_FINISHED},
    {UD_ROLLOUT_RUNNING,  UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_PAUSED,   UD_ROLLOUT_RESUME,         UD_ROLLOUT_RUNNING},
    {UD_ROLLOUT_PAUSED,   UD_ROLLOUT_TRIGGER,        UD_ROLLOUT_RUNNING},
    {UD_ROLLOUT_PAUSED,   UD_ROLLOUT_STOP,           UD_ROLLOUT_STOPPING},
    {UD_ROLLOUT_PAUSED,   UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_STOPPING, UD_ROLLOUT_DRAINED,        UD_ROLLOUT_STOPPED},
    {UD_ROLLOUT_STOPPING, UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_STOPPED,  UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
    {UD_ROLLOUT_FINISHED, UD_ROLLOUT_REOPEN,         UD_ROLLOUT_RUNNING},
    {UD_ROLLOUT_FINISHED, UD_ROLLOUT_DELETE,         UD_ROLLOUT_DELETING},
};
/* clang-format on */

ud_err ud_rollout_next(ud_rollout_state state, ud_rollout_event event, ud_rollout_state *next)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].state == state && rules[i].event == event) {
            *next = rules[i].next;
            return UD_OK;
        }
    }
    return UD_ERR_ROLLOUT_STATE;
}

uint32_t ud_group_total(const struct ud_group_counts *counts)
{
    uint32_t total = 0;
    for (size_t i = 0; i < UD_MEMBER_SKIPPED; i++) {
        total += counts->of[i];
    }
    return total;
}

struct ud_group_verdict ud_group_judge(const struct ud_group_counts *counts,
                                       const struct ud_group_limits *limits)
{
    const uint32_t *of = counts->of;
    const uint64_t total = ud_group_total(counts);
    const uint64_t good = of[UD_MEMBER_CONFIRMED] + (limits->claimed_counts ? of[UD_MEMBER_CLAIMED] : 0U);
    const uint64_t bad = (uint64_t)of[UD_MEMBER_FAILED] + of[UD_MEMBER_REVERTED] + of[UD_MEMBER_DRIFTED];
    struct ud_group_verdict verdict;
    verdict.error = bad * 10000 > limits->error * total;
    verdict.complete = of[UD_MEMBER_WAITING] + of[UD_MEMBER_BLOCKED] + of[UD_MEMBER_ACTIVE] == 0;
    verdict.success = verdict.complete || good * 10000 >= limits->success * total;
    return verdict;
}

uint32_t ud_group_share(uint32_t left, uint16_t percent, bool last)
{
    return last ? left : (uint32_t)(((uint64_t)left * percent + 5000) / 10000);
}

uint32_t ud_rate_at(const struct ud_rate *rate, uint32_t confirmed)
{
    const uint64_t most = rate->per_minute_max == 0 ? UINT32_MAX : rate->per_minute_max;
    uint64_t now = rate->per_minute;
    if (now == 0) {
        return UINT32_MAX;
    }
    if (rate->after > 0 && rate->factor > 100) {
        for (uint32_t steps = confirmed / rate->after; steps > 0 && now < most; steps--) {
            const uint64_t grown = now * rate->factor / 100;
            now = grown > now ? grown : now + 1;
        }
    }
    return (uint32_t)(now < most ? now : most);
}

uint32_t ud_bucket_take(struct ud_bucket *bucket, uint32_t per_minute, int64_t now_ms, uint32_t most)
{
    if (per_minute == UINT32_MAX) {
        bucket->filled_ms = now_ms;
        return most;
    }
    const uint64_t full = (uint64_t)per_minute * 1000 > UINT32_MAX ? UINT32_MAX : (uint64_t)per_minute * 1000;
    uint64_t milli = bucket->milli;
    if (bucket->filled_ms == 0) {
        milli = 1000; /* the first one goes at once */
    } else if (now_ms > bucket->filled_ms) {
        const uint64_t passed = (uint64_t)(now_ms - bucket->filled_ms);
        milli += (passed > 60000 ? 60000 : passed) * per_minute / 60;
    }
    milli = milli > full ? full : milli;
    if (bucket->filled_ms == 0 || now_ms > bucket->filled_ms || bucket->filled_ms - now_ms > 60000) {
        bucket->filled_ms = now_ms; /* after a step back of the clock, time counts from there */
    }
    const uint32_t taken = milli / 1000 < most ? (uint32_t)(milli / 1000) : most;
    bucket->milli = (uint32_t)(milli - (uint64_t)taken * 1000);
    return taken;
}

void ud_bucket_return(struct ud_bucket *bucket, uint32_t count)
{
    const uint64_t milli = (uint64_t)bucket->milli + (uint64_t)count * 1000;
    bucket->milli = milli > UINT32_MAX ? UINT32_MAX : (uint32_t)milli;
}

uint32_t ud_bucket_wait_ms(const struct ud_bucket *bucket, uint32_t per_minute)
{
    if (per_minute == UINT32_MAX || bucket->milli >= 1000) {
        return 0;
    }
    return (uint32_t)(((uint64_t)(1000 - bucket->milli) * 60 + per_minute - 1) /
                      (per_minute == 0 ? 1 : per_minute));
}
