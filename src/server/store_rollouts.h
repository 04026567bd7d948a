/*
 * ud_store, continued: rollouts, their groups and members, the queue of facts, filters over devices. The same rules as
 * store.h.
 *
 * A member is one device in one rollout. Counts of members by state stand in the group's row and are changed in the same
 * transaction as the member. Facts that a rollout has to look at (an action ended, a device went) are appended to
 * the queue in the transaction of the fact; only the tick (rollout_tick.h) takes them out and decides.
 */
#ifndef UD_SERVER_STORE_ROLLOUTS_H
#define UD_SERVER_STORE_ROLLOUTS_H

#include "server/fiql.h"
#include "server/rollout_rules.h"
#include "server/store.h"

#define UD_ROLLOUT_GROUPS_MAX 500
#define UD_DESCRIPTION_BYTES_MAX 512

/* What to do with a device that does not stay on the image that it was given. Stored. */
typedef enum ud_drift_policy { UD_DRIFT_HOLD = 0, UD_DRIFT_AGAIN = 1, UD_DRIFT_ALERT = 2 } ud_drift_policy;

struct ud_row_rollout {
    int32_t id;
    int64_t tenant;
    char name[UD_TITLE_BYTES_MAX + 1];
    char description[UD_DESCRIPTION_BYTES_MAX + 1];
    char filter[UD_FIQL_BYTES_MAX + 1];
    struct ud_terms terms; /* of its actions; terms.group is not used */
    int32_t release;
    ud_rollout_state state;
    ud_rollout_pause pause;
    int32_t start_by; /* 0 = a person, 1 = at start_ms, 2 = as soon as ready */
    int64_t start_ms;
    int64_t end_ms; /* 0 = none: no offers after it */
    struct ud_rate rate;
    struct ud_bucket bucket;
    uint32_t downloads_max; /* at the same time; 0 = no limit */
    uint64_t bytes_per_s;   /* of all its downloads; 0 = no limit */
    bool dynamic;           /* devices that come to meet the filter later join its last group */
    bool listed;            /* members were named, not filtered */
    bool claimed_counts;
    bool needs_approval;
    ud_drift_policy drift;
    uint32_t again_max; /* offers of the same release to one device, after the first */
    uint32_t group_count;
    uint32_t total;
    char created_by[UD_TITLE_BYTES_MAX + 1];
    char decided_by[UD_TITLE_BYTES_MAX + 1];
    char remark[UD_DESCRIPTION_BYTES_MAX + 1];
    int64_t created_ms;
    int64_t updated_ms;
    /* filling: phase 0 counts, then one phase per group */
    uint32_t fill_group;   /* being filled, from 1; 0 = counting */
    int64_t fill_cursor;   /* devices up to this id were looked at */
    uint32_t fill_left;    /* still to be put into this group */
    uint32_t fill_matched; /* counted so far; then: not yet in any group */
    bool fill_counting;    /* how many meet the group's own filter is being counted, in fill_left */
    /* out only; ud_store_rollout_saved() counts them */
    uint64_t patches; /* that devices fetched in place of images */
    uint64_t saved_bytes;
};

struct ud_row_group {
    int32_t rollout;
    uint32_t position; /* from 1 */
    char name[UD_TITLE_BYTES_MAX + 1];
    char description[UD_DESCRIPTION_BYTES_MAX + 1];
    char filter[UD_FIQL_BYTES_MAX + 1];
    ud_group_state state;
    uint16_t percent; /* hundredths, of those left */
    uint32_t size;    /* devices wanted; 0 = by percent */
    struct ud_group_limits limits;
    bool gate;   /* when it succeeds, a person takes the next step */
    bool opened; /* it has let the next group start */
    struct ud_group_counts counts;
    int64_t started_ms;
};

/** Sets id. UD_ERR_CONFLICT for a name that is there already. */
ud_err ud_store_rollout_add(struct ud_store *store, struct ud_row_rollout *rollout);
/** Has the tenant a rollout of this name? */
ud_err ud_store_rollout_is_named(struct ud_store *store, int64_t tenant, const char *name, bool *is);
/** `tenant` 0: of any. UD_ERR_NOT_FOUND. */
ud_err ud_store_rollout_get(struct ud_store *store, int64_t tenant, int32_t id, struct ud_row_rollout *rollout);
/** One more patch was fetched for it, so many bytes smaller than its image. Nothing where the rollout is gone. */
ud_err ud_store_rollout_saved(struct ud_store *store, int32_t id, uint64_t bytes);

struct ud_row_rollout_saved {
    int32_t rollout;
    uint64_t patches;
    uint64_t saved_bytes;
};
/** What rollouts that run or pause have saved, of all tenants; the newest first, at most `max`. */
ud_err ud_store_rollout_saved_list(struct ud_store *store, struct ud_row_rollout_saved *saved, size_t max,
                                   size_t *count);
/* What devices run, and which patches they say they take. */
struct ud_row_precursor {
    uint8_t digest[UD_SHA256_BYTES];
    char profile[8]; /* their attribute patchProfile, as they gave it: a claim */
};
/**
 * What the devices of a group run by their last signed reports, by the profile that they announced; the most frequent first, at
 * most `max`. Devices that announced none, or something longer, are not counted.
 */
ud_err ud_store_rollout_precursors(struct ud_store *store, int32_t id, uint32_t group,
                                   struct ud_row_precursor *precursors, size_t max, size_t *count);
/** All that may change: state, times, bucket, filling, decision, name and description. */
ud_err ud_store_rollout_set(struct ud_store *store, const struct ud_row_rollout *rollout);
/** Its row and groups; its members must be gone. Actions stay, as history. */
ud_err ud_store_rollout_remove(struct ud_store *store, int32_t id);
/** Ordered by id, newest last; `filter` NULL: all. */
ud_err ud_store_rollout_list(struct ud_store *store, int64_t tenant, const struct ud_fiql *filter,
                             struct ud_page *page,
                             void (*each)(void *ctx, const struct ud_row_rollout *rollout), void *ctx);
/** Ids of rollouts that the tick has to look at, of all tenants: at most `max`, above `after`. */
ud_err ud_store_rollout_live(struct ud_store *store, int32_t after, int32_t *ids, size_t max, size_t *count);
/** Rollouts of a tenant that take in new devices, from their making to their end: at most `max`, above `after`. */
ud_err ud_store_rollout_dynamic(struct ud_store *store, int64_t tenant, int32_t after, int32_t *ids, size_t max,
                                size_t *count);
/** Rollouts of a release that are not at their end: at most `max`, above `after`. */
ud_err ud_store_rollout_of_release(struct ud_store *store, int32_t release, int32_t after, int32_t *ids,
                                   size_t max, size_t *count);
/** All rollouts of a release in a tenant, likewise. */
ud_err ud_store_rollout_of_set(struct ud_store *store, int64_t tenant, int32_t release, int32_t after,
                               int32_t *ids, size_t max, size_t *count);
/**
 * Actions of a release that no rollout made, by state; those that are being canceled are counted apart from them.
 *
 * @param counts  [UD_ACTION_STATE_COUNT]
 */
ud_err ud_store_action_direct_counts(struct ud_store *store, int32_t release, uint32_t *counts,
                                     uint32_t *canceling);
/** Filters of a tenant that assign this release by themselves: how many; and none any more. */
ud_err ud_store_auto_count(struct ud_store *store, int64_t tenant, int32_t release, uint32_t *count);
ud_err ud_store_auto_end(struct ud_store *store, int64_t tenant, int32_t release);

ud_err ud_store_group_add(struct ud_store *store, const struct ud_row_group *group);
ud_err ud_store_group_get(struct ud_store *store, int32_t rollout, uint32_t position,
                          struct ud_row_group *group);
/** state, opened, started_ms; counts are changed by members only. */
ud_err ud_store_group_set(struct ud_store *store, const struct ud_row_group *group);
/** An error limit is put out of force, and the group runs on. */
ud_err ud_store_group_lift(struct ud_store *store, int32_t rollout, uint32_t position);
ud_err ud_store_group_list(struct ud_store *store, int32_t rollout, struct ud_page *page,
                           void (*each)(void *ctx, const struct ud_row_group *group), void *ctx);
/** Sum of all groups' counts. */
ud_err ud_store_rollout_counts(struct ud_store *store, int32_t rollout, struct ud_group_counts *counts);

/* --- members */

struct ud_row_member {
    int32_t rollout;
    int64_t device;
    char device_name[UD_NAME_BYTES_MAX + 1]; /* out of lists only */
    uint32_t group;
    ud_member_state state;
    int32_t action;   /* the last one; 0 = none yet */
    uint32_t attempt; /* offers so far */
};
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_member_get(struct ud_store *store, int32_t rollout, int64_t device,
                           struct ud_row_member *member);
/** One named device. UD_ERR_CONFLICT when it is there already. */
ud_err ud_store_member_add(struct ud_store *store, const struct ud_row_member *member);
/** A new state, action and attempt; the group's counts follow. `member->state` is the old one. */
ud_err ud_store_member_move(struct ud_store *store, const struct ud_row_member *member, ud_member_state state,
                            int32_t action, uint32_t attempt);
/** The same for many members of one group. */
struct ud_member_move {
    struct ud_row_member member;
    ud_member_state state;
    int32_t action;
    uint32_t attempt;
};
ud_err ud_store_member_move_each(struct ud_store *store, const struct ud_member_move *moves, size_t count);
/** At most `max` members of a group in a state, lowest device first. */
ud_err ud_store_member_next(struct ud_store *store, int32_t rollout, uint32_t group, ud_member_state state,
                            struct ud_row_member *members, size_t max, size_t *count);
/** The device's members that something else holds back, at most `max`. */
ud_err ud_store_member_blocked(struct ud_store *store, int64_t device, struct ud_row_member *members,
                               size_t max, size_t *count);
/** All rollouts that the device is a member of, newest first. */
ud_err ud_store_member_of_device(struct ud_store *store, int64_t device, struct ud_row_member *members,
                                 size_t max, size_t *count);
/** `group` 0: of all; `state` < 0: in any. */
ud_err ud_store_member_list(struct ud_store *store, int32_t rollout, uint32_t group, int state,
                            struct ud_page *page, void (*each)(void *ctx, const struct ud_row_member *member),
                            void *ctx);
/** Why members failed: by error and proof, the most frequent first; `example` is one device's name. */
ud_err ud_store_rollout_failures(struct ud_store *store, int32_t rollout,
                                 void (*each)(void *ctx, ud_err error, bool is_signed, uint32_t devices,
                                              const char *example),
                                 void *ctx);
/** Remove at most `max` members with their counts. *count: how many. */
ud_err ud_store_member_drop(struct ud_store *store, int32_t rollout, uint32_t max, uint32_t *count);
/** Move at most `max` of a group's members from one state to another. *count: how many. */
ud_err ud_store_member_move_all(struct ud_store *store, int32_t rollout, uint32_t group, ud_member_state from,
                                ud_member_state to, uint32_t max, uint32_t *count);

/* A slice of a walk over devices in the order of ids: those above `cursor`, at most `span` ids of them. */
struct ud_slice {
    int64_t tenant;
    int64_t cursor; /* in and out: up to which id was looked */
    uint32_t span;
    const struct ud_fiql *filter;       /* compiled with scope.each */
    const struct ud_fiql *group_filter; /* or NULL */
    int32_t rollout;                    /* not those that are members of it; 0 = no matter */
    uint32_t matched;                   /* out */
    bool end;                           /* out: no device lies behind */
};
ud_err ud_store_slice_count(struct ud_store *store, struct ud_slice *slice);
/** Make those that match members of a group, at most `most`. */
ud_err ud_store_slice_fill(struct ud_store *store, struct ud_slice *slice, uint32_t group, uint32_t most);

/* --- the queue of facts */

typedef enum ud_fact_kind {
    UD_FACT_ACTION = 1, /* an action of a rollout ended, or what is known of its end changed */
    UD_FACT_FREED = 2,  /* a device can take an offer again */
    UD_FACT_DRIFT = 3,  /* a device was seen on another image than the one that it had confirmed */
    UD_FACT_GONE = 4,   /* a member's device was removed, and the member with it */
    UD_FACT_DEVICE = 5  /* a device is new, or something that filters ask for changed */
} ud_fact_kind;

struct ud_row_fact {
    int64_t id;
    int64_t tenant;
    ud_fact_kind kind;
    int64_t device;
    int32_t action;
    int32_t rollout;
    uint32_t group;
    ud_member_state state; /* UD_FACT_GONE: of the member that was */
};
ud_err ud_store_fact_add(struct ud_store *store, const struct ud_row_fact *event);
/** An event for the end of this action, if any rollout cares. */
ud_err ud_store_fact_action(struct ud_store *store, const struct ud_row_action *action);
/** An event for a device, if there is a rollout in its tenant that takes in new devices. */
ud_err ud_store_fact_device(struct ud_store *store, int64_t tenant, int64_t device);
/** Take the oldest out of the queue, at most `max`. */
ud_err ud_store_fact_take(struct ud_store *store, struct ud_row_fact *events, size_t max, size_t *count);
/** Take a removed member's device off its group's counts. */
ud_err ud_store_group_forget(struct ud_store *store, const struct ud_row_fact *event);

/* --- devices by filter */

/* Devices with an attribute, as filters ask for it; one that asks for nothing else is answered from this set's own index. */
#define UD_DEVICES_WITH_ATTRIBUTE                                                                              \
    "SELECT x.device FROM device_attribute x WHERE x.tenant=? AND x.key=? AND x.value"

/**
 * `area` "": all. `page->total`, where it is not 0, is known to be the number of all matches. `order`: an SQL order of ours ("d.id", "d.name DESC" ...). *exact false: `page->total` is what was counted before
 * the limit of cost was reached. UD_ERR_FILTER_COST when not even the page could be had.
 */
ud_err ud_store_device_search(struct ud_store *store, int64_t tenant, const char *area,
                              const struct ud_fiql *filter, const char *order, struct ud_page *page,
                              bool *exact, void (*each)(void *ctx, const struct ud_row_device *device),
                              void *ctx);
/** Ids of those that match, above `after` in the order of ids, at most `max`. `area` "": all. UD_ERR_FILTER_COST. */
ud_err ud_store_device_ids(struct ud_store *store, int64_t tenant, const char *area,
                           const struct ud_fiql *filter, int64_t after, int64_t *ids, size_t max,
                           size_t *count);
ud_err ud_store_device_count(struct ud_store *store, int64_t tenant, const struct ud_fiql *filter,
                             uint32_t *count);
/** Does this one device match? For single devices that join. */
/** Actions of the tenant's devices by filter over alias a, as ud_store_device_search(). */
ud_err ud_store_action_search(struct ud_store *store, int64_t tenant, const char *area,
                              const struct ud_fiql *filter, const char *order, struct ud_page *page,
                              bool *exact, void (*each)(void *ctx, const struct ud_row_action *action),
                              void *ctx);
ud_err ud_store_device_matches(struct ud_store *store, int64_t device, const struct ud_fiql *filter,
                               bool *matches);

/* --- quarantine, recall, status */

ud_err ud_store_device_quarantine_set(struct ud_store *store, int64_t id, int64_t since_ms, int32_t release,
                                      const char *reason);
ud_err ud_store_device_zone_set(struct ud_store *store, int64_t id, const char *zone);
ud_err ud_store_device_status_set(struct ud_store *store, int64_t id, ud_device_status status,
                                  int32_t assigned_release);
/** Attributes as rows, for filters: a NULL value removes the key. */
ud_err ud_store_attribute_set(struct ud_store *store, int64_t tenant, int64_t device, const char *key,
                              const char *value);
ud_err ud_store_release_recall(struct ud_store *store, int64_t tenant, int32_t id, int64_t now_ms,
                               const char *reason);
/** Recalled releases, of all tenants. */
ud_err ud_store_release_recalled(struct ud_store *store, int32_t after, int32_t *ids, size_t max,
                                 size_t *count);
/** Open actions of a release that are not being canceled yet, at most `max`. */
ud_err ud_store_action_of_release(struct ud_store *store, int32_t release, int32_t *ids, size_t max,
                                  size_t *count);
/** Open actions of a rollout, at most `max`. */
ud_err ud_store_action_open_in(struct ud_store *store, int32_t rollout, int32_t *ids, size_t max,
                               size_t *count);
/** Of whatever tenant. UD_ERR_NOT_FOUND. */
ud_err ud_store_action_get_any(struct ud_store *store, int32_t id, struct ud_row_action *action);
/** The signed, not recalled release with the same images and the highest sequence number. UD_ERR_NOT_FOUND. */
ud_err ud_store_release_reissued(struct ud_store *store, const struct ud_row_release *like,
                                 struct ud_row_release *found);
/** Open actions of a rollout that are not being canceled yet, at most `max`; and how many are open at all. */
ud_err ud_store_action_of_rollout(struct ud_store *store, int32_t rollout, int32_t *ids, size_t max,
                                  size_t *count, bool *open);

#endif
