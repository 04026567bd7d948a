/*
 * Rollouts: a release for many devices, in groups, as a machine over store rows. Knows no HTTP and no clock.
 *
 * People's wishes (create, start, pause, ...) change one row and are checked against the table of rollout_rules.h.
 * Everything else is decided in one place, ud_rollout_tick(): it runs on the writer thread inside a transaction, does
 * a bounded piece of work, and looks at committed facts only. What happens meanwhile (an action ends, a device is
 * removed) is appended to a queue in the transaction of the fact, and the tick takes it from there.
 *
 *     struct ud_tick tick = {.now_ms = now};
 *     err = ud_rollout_tick(store, &tick);   // in a transaction
 *     ... after COMMIT: bring tick.devices up to date in memory; call again at once if tick.more,
 *         else at tick.next_ms or when something was put into the queue
 */
#ifndef UD_SERVER_ROLLOUTS_H
#define UD_SERVER_ROLLOUTS_H

#include "server/store_rollouts.h"

#define UD_TICK_DEVICES_MAX 512  /* touched by one tick */
#define UD_TICK_SPAN 4000        /* device ids that one tick looks at while it fills a rollout */
#define UD_TICK_COUNT_SPAN 50000 /* and while it only counts */
#define UD_TICK_NOTES_MAX 32
#define UD_TICK_MOVED_MAX 64

/* A decision, for the log. */
struct ud_tick_note {
    const char *what;
    int32_t rollout;
    uint32_t group; /* 0 = the whole */
    int64_t device; /* 0 = none */
    const char *state;
};

struct ud_tick {
    int64_t now_ms;
    /* When, of a tenant; may be NULL: a day of silence is too long then. */
    int64_t (*overdue_ms)(void *ctx, int64_t tenant, int64_t now_ms);
    void *overdue_ctx;
    /* out */
    int64_t devices[UD_TICK_DEVICES_MAX]; /* whose actions changed */
    size_t device_count;
    bool more;       /* there is work left now */
    int64_t next_ms; /* else: when there may be work again; 0 = only when something happens */
    struct ud_tick_note notes[UD_TICK_NOTES_MAX]; /* the rest is dropped */
    size_t note_count;
    /* private */
    int32_t moved[UD_TICK_MOVED_MAX]; /* rollouts whose members moved */
    size_t moved_count;
};

ud_err ud_rollout_tick(struct ud_store *store, struct ud_tick *tick);

/**
 * A new rollout with its groups; it begins to count its devices. `groups` have no rollout yet; their positions are
 * 1..count. Filters were compiled by the caller, so they are right.
 *
 * @param names  devices by name in place of a filter, `name_count` of them; all in the first groups, in order
 * @return UD_ERR_CONFLICT for the name; UD_ERR_NOT_FOUND for release or a named device; UD_ERR_RECALLED
 */
ud_err ud_rollout_create(struct ud_store *store, struct ud_row_rollout *rollout, struct ud_row_group *groups,
                         const char *const *names, size_t name_count);

/** Before it is created: does the tenant's setting of this name ask for somebody's approval? */
ud_err ud_rollout_approval(struct ud_store *store, struct ud_row_rollout *rollout, const char *setting);
/** A person's wish. `by` and `remark` are kept for a decision. UD_ERR_ROLLOUT_STATE, UD_ERR_RECALLED, UD_ERR_FORBIDDEN
 * (who made it cannot approve it). */
ud_err ud_rollout_wish(struct ud_store *store, struct ud_row_rollout *rollout, ud_rollout_event event,
                       const char *by, const char *remark, int64_t now_ms);

/** A release that carries the image of `release` under a higher sequence number than `above`. UD_ERR_NO_WAY_BACK. */
ud_err ud_rollout_way_back(struct ud_store *store, int64_t tenant, int32_t release, uint64_t above,
                           struct ud_row_release *found);

/** Withdraw a release: its rollouts pause for good, its open actions are canceled by the tick. */
ud_err ud_release_recall(struct ud_store *store, int64_t tenant, int32_t id, const char *reason,
                         int64_t now_ms);

/** Hold a device apart: what is under way ends, nothing but `release` (0: nothing) is offered. A signed report that it
 * runs frees the device. */
ud_err ud_device_quarantine(struct ud_store *store, struct ud_row_device *device, int32_t release,
                            const char *reason, int64_t now_ms);
ud_err ud_device_release(struct ud_store *store, struct ud_row_device *device);

/** Fields of filters over devices, in our words (name, type, status, attribute.…). */
extern const struct ud_fiql_field ud_device_fields[];
extern const struct ud_fiql_field ud_rollout_fields[];

/** Compile a filter over devices; either vocabulary is understood. */
ud_err ud_device_filter(struct ud_fiql *filter, const char *text, int64_t tenant, struct ud_moment when,
                        bool each, struct ud_fiql_wrong *wrong);

#endif
