/*
 * What follows what in a rollout: the states of rollouts and their groups, as tables, and the arithmetic of limits and
 * rates. Pure: no store, no clock. docs/design/rollouts.md has the picture.
 */
#ifndef UD_SERVER_ROLLOUT_RULES_H
#define UD_SERVER_ROLLOUT_RULES_H

#include "updraft/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Values are stored. docs/formats.md section 16. */
typedef enum ud_rollout_state {
    UD_ROLLOUT_CREATING = 1, /* its members are being counted and put into groups */
    UD_ROLLOUT_APPROVAL = 2, /* waits for somebody else's approval */
    UD_ROLLOUT_DENIED = 3,
    UD_ROLLOUT_READY = 4, /* waits for its start, or for its start time */
    UD_ROLLOUT_RUNNING = 5,
    UD_ROLLOUT_PAUSED = 6,
    UD_ROLLOUT_STOPPING = 7, /* its open actions are being canceled */
    UD_ROLLOUT_STOPPED = 8,
    UD_ROLLOUT_FINISHED = 9,
    UD_ROLLOUT_DELETING = 10
} ud_rollout_state;
#define UD_ROLLOUT_STATE_COUNT 11

typedef enum ud_rollout_event {
    UD_ROLLOUT_FILLED,         /* every member is in its group, no approval needed */
    UD_ROLLOUT_FILLED_UNASKED, /* the same, and somebody must approve */
    UD_ROLLOUT_APPROVE,
    UD_ROLLOUT_DENY,
    UD_ROLLOUT_START, /* by a person, or its start time came */
    UD_ROLLOUT_PAUSE, /* by a person, by a limit, by a gate, or its end time came */
    UD_ROLLOUT_RESUME,
    UD_ROLLOUT_TRIGGER, /* start the next group now */
    UD_ROLLOUT_STOP,
    UD_ROLLOUT_DRAINED, /* stopping: nothing is open any more */
    UD_ROLLOUT_DONE,    /* every group is finished */
    UD_ROLLOUT_REOPEN,  /* ... and a device that left its image is to be given it again */
    UD_ROLLOUT_DELETE,
    UD_ROLLOUT_EVENT_COUNT
} ud_rollout_event;

typedef enum ud_rollout_pause {
    UD_PAUSE_NONE = 0,
    UD_PAUSE_PERSON = 1,
    UD_PAUSE_ERRORS = 2, /* a group's error limit */
    UD_PAUSE_GATE = 3,   /* a group is done and the next step is a person's */
    UD_PAUSE_END = 4,    /* the end time came */
    UD_PAUSE_RECALL = 5
} ud_rollout_pause;

typedef enum ud_group_state {
    UD_GROUP_CREATING = 1,
    UD_GROUP_WAITING = 2, /* filled, not started */
    UD_GROUP_RUNNING = 3,
    UD_GROUP_ERROR = 4,
    UD_GROUP_FINISHED = 5
} ud_group_state;
#define UD_GROUP_STATE_COUNT 6

/* One device's part in a rollout. Values are stored, and are columns of a group's counts. */
typedef enum ud_member_state {
    UD_MEMBER_WAITING = 0, /* nothing was offered yet */
    UD_MEMBER_BLOCKED = 1, /* another action, or quarantine, has the device */
    UD_MEMBER_ACTIVE = 2,
    UD_MEMBER_CONFIRMED = 3,
    UD_MEMBER_CLAIMED = 4,
    UD_MEMBER_FAILED = 5, /* failed or refused */
    UD_MEMBER_REVERTED = 6,
    UD_MEMBER_DRIFTED = 7,
    UD_MEMBER_CANCELED = 8,
    UD_MEMBER_SKIPPED = 9 /* the release is not for it */
} ud_member_state;
#define UD_MEMBER_STATE_COUNT 10

const char *ud_rollout_state_name(ud_rollout_state state);
const char *ud_rollout_pause_name(ud_rollout_pause reason);
const char *ud_group_state_name(ud_group_state state);
const char *ud_member_state_name(ud_member_state state);

/** The state after an event. UD_ERR_ROLLOUT_STATE where the table has no row; *next is untouched then. */
ud_err ud_rollout_next(ud_rollout_state state, ud_rollout_event event, ud_rollout_state *next);

/* --- limits of a group */

struct ud_group_counts {
    uint32_t of[UD_MEMBER_STATE_COUNT];
};

struct ud_group_limits {
    uint16_t success; /* hundredths of a percent, 0..10000 */
    uint16_t error;
    bool claimed_counts; /* a claim of success is enough: devices that sign no reports */
};

struct ud_group_verdict {
    bool error; /* more failed than the limit allows: exactly the limit is allowed */
    bool
        success; /* as many succeeded as the limit asks for, or nothing is left that could: the next group may start */
    bool complete; /* nothing waits and nothing is open */
};

/** Devices that the limits count: all but those the release is not for. */
uint32_t ud_group_total(const struct ud_group_counts *counts);
struct ud_group_verdict ud_group_judge(const struct ud_group_counts *counts,
                                       const struct ud_group_limits *limits);

/** Devices of a group: `percent` (hundredths) of those that are left, to the nearest, halves up; the last takes all. */
uint32_t ud_group_share(uint32_t left, uint16_t percent, bool last);

/* --- rates */

struct ud_rate {
    uint32_t per_minute;     /* 0 = as fast as can be */
    uint16_t factor;         /* hundredths; 0 and 100 = constant */
    uint32_t after;          /* confirmed devices that multiply the rate by the factor once more; 0 = never */
    uint32_t per_minute_max; /* 0 = no maximum */
};

/** Offers per minute when so many are confirmed; UINT32_MAX where there is no limit. */
uint32_t ud_rate_at(const struct ud_rate *rate, uint32_t confirmed);

/* A bucket that fills with time and never holds more than a minute's worth. */
struct ud_bucket {
    int64_t filled_ms; /* up to when; 0 = never */
    uint32_t milli;    /* thousandths of an offer */
};
/** How many may go now, at most `most`; the bucket is filled up to now. A clock that steps back gives nothing. */
uint32_t ud_bucket_take(struct ud_bucket *bucket, uint32_t per_minute, int64_t now_ms, uint32_t most);
/** Give back what was taken and not used. */
void ud_bucket_return(struct ud_bucket *bucket, uint32_t count);
/** Milliseconds until one more may go. */
uint32_t ud_bucket_wait_ms(const struct ud_bucket *bucket, uint32_t per_minute);

#endif
