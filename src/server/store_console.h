/*
 * ud_store, what the console asks: counts that are kept as devices change (no walk over a fleet answers them), reports that
 * were refused, people's own filters, and what was put off. Part of store.h; docs/formats.md section 22.
 */
#ifndef UD_SERVER_STORE_CONSOLE_H
#define UD_SERVER_STORE_CONSOLE_H

#include "server/fiql.h"
#include "server/rollout_rules.h"
#include "server/store.h"

#define UD_RUNS_NOTHING 0  /* never said what it runs */
#define UD_RUNS_OTHER (-1) /* a signed report of an image that is none of ours */
#define UD_OWN_FILTERS_MAX 100
#define UD_TODO_BYTES_MAX 64

/* How a tenant's devices stand. What follows `total` up to `quarantined` adds up to it. */
struct ud_standing {
    uint32_t total;
    uint32_t unknown;    /* never came */
    uint32_t registered; /* came, was given nothing yet */
    uint32_t updating;
    uint32_t confirmed;
    uint32_t claimed; /* in sync without a signature */
    uint32_t failed;
    uint32_t reverted;
    uint32_t drifted;
    uint32_t quarantined;                 /* however they stand otherwise: in none of the above */
    uint32_t open[UD_ACTION_STATE_COUNT]; /* open actions by state */
};
ud_err ud_store_standing(struct ud_store *store, int64_t tenant, struct ud_standing *standing);

struct ud_row_runs {
    int32_t release; /* or UD_RUNS_NOTHING, UD_RUNS_OTHER */
    char name[UD_TITLE_BYTES_MAX + 1];
    char version[UD_VERSION_BYTES_MAX + 1];
    bool foreign;
    int64_t day; /* since 1970, UTC */
    uint32_t devices;
};
/**
 * What the fleet ran, by release and day: those days of from..to on which a number changed, and before them, as day
 * `from`, what was known then. Ordered by release and day. `max` releases at most: those that the most devices run now.
 */
ud_err ud_store_runs(struct ud_store *store, int64_t tenant, int64_t from, int64_t to, uint32_t max,
                     void (*each)(void *ctx, const struct ud_row_runs *row), void *ctx);

/** How many run it now. */
ud_err ud_store_runs_now(struct ud_store *store, int64_t tenant, int32_t release, uint32_t *devices);

/* --- reports that were refused: one row for each device and error, with the newest bytes */

struct ud_row_refused {
    char device[UD_NAME_BYTES_MAX + 1];
    ud_err error;
    uint32_t times;
    int64_t first_ms;
    int64_t last_ms;
    struct ud_bytes bytes; /* borrowed for the call */
};
ud_err ud_store_refused_add(struct ud_store *store, int64_t tenant, int64_t device, ud_err error,
                            struct ud_bytes bytes, int64_t now_ms);
/** Newest first; `device` 0: of all, and of those in `area` ("" = all). */
ud_err ud_store_refused_list(struct ud_store *store, int64_t tenant, int64_t device, const char *area,
                             struct ud_page *page, void (*each)(void *ctx, const struct ud_row_refused *row),
                             void *ctx);
/** Devices with a refused report since then. */
ud_err ud_store_refused_count(struct ud_store *store, int64_t tenant, int64_t since_ms, uint32_t *devices);

/* --- a person's own filters over devices */

/** Another query under the same name takes its place. UD_ERR_LIMIT beyond UD_OWN_FILTERS_MAX. */
ud_err ud_store_own_filter_set(struct ud_store *store, int64_t tenant, int64_t person, const char *name,
                               const char *query, int64_t now_ms);
/** UD_ERR_NOT_FOUND. */
ud_err ud_store_own_filter_remove(struct ud_store *store, int64_t person, const char *name);
/** The person's own, then those of the tenant (the management API's targetfilters), each by name. */
ud_err ud_store_own_filter_list(struct ud_store *store, int64_t tenant, int64_t person, struct ud_page *page,
                                void (*each)(void *ctx, const char *name, const char *query, bool shared),
                                void *ctx);

/* --- what somebody put off */

ud_err ud_store_snooze_set(struct ud_store *store, int64_t tenant, const char *todo, int64_t until_ms,
                           const char *by);
/** Until when; 0 = not put off. */
ud_err ud_store_snooze_get(struct ud_store *store, int64_t tenant, const char *todo, int64_t *until_ms);

/* --- what needs a person */

/** Releases made since `since_ms` that lack approvals: how many, and the oldest one's id. */
ud_err ud_store_unapproved(struct ud_store *store, int64_t tenant, int64_t since_ms, uint32_t *count,
                           int32_t *first);
/* A trust store whose devices will install nothing more. */
struct ud_trust_end {
    int32_t release;
    char name[UD_TITLE_BYTES_MAX + 1];
    char version[UD_VERSION_BYTES_MAX + 1];
    int64_t ends_s; /* since 1970 */
};
/**
 * Of the trust stores that end, the first to: of each vendor and class only the newest counts, and none that was recalled.
 * UD_ERR_NOT_FOUND: none ends.
 *
 * @param tenant 0: of all tenants
 */
ud_err ud_store_trust_ending(struct ud_store *store, int64_t tenant, struct ud_trust_end *end);
/** Tokens that end between the two times: how many, and the first one's label and end. */
ud_err ud_store_token_ending(struct ud_store *store, int64_t tenant, int64_t from_ms, int64_t to_ms,
                             uint32_t *count, char label[UD_TITLE_BYTES_MAX + 1], int64_t *first_ms);
/** How many rollouts are in each state, by its number; `states`: room. */
ud_err ud_store_rollout_states(struct ud_store *store, int64_t tenant, uint32_t *counts, size_t states);
/** Rollouts in that state, newest first, at most `max`. */
ud_err ud_store_rollout_in(struct ud_store *store, int64_t tenant, ud_rollout_state state, int32_t *ids,
                           size_t max, size_t *count);

/* --- before a rollout is made */

/* Of the devices that meet a filter: to whom a release would go, and why not. */
struct ud_fit {
    uint32_t matched;
    uint32_t runs_it;    /* by signed report, or as they say */
    uint32_t not_for_it; /* of a type that a foreign release is not for */
    uint32_t quarantined;
    uint32_t busy;   /* something else is under way with them */
    uint32_t silent; /* came, but not lately */
    uint32_t never;  /* never came */
};
/**
 * Of all devices, out of kept counts and indexes. `reachable`: how many came lately, as the fleet in memory knows it.
 */
ud_err ud_store_fleet_fit(struct ud_store *store, int64_t tenant, const struct ud_row_release *release,
                          uint32_t reachable, struct ud_fit *fit);
/** `silent_ms`: not since then. One walk over those that match; UD_ERR_FILTER_COST when it takes too long. */
ud_err ud_store_device_fit(struct ud_store *store, int64_t tenant, const struct ud_fiql *filter,
                           const struct ud_row_release *release, int64_t silent_ms, int64_t now_ms,
                           struct ud_fit *fit);
/** How long the newest successful actions took from offer to end, shortest first; at most `max`. */
ud_err ud_store_action_times(struct ud_store *store, int64_t tenant, int64_t *times, size_t max, size_t *count);

/* --- how a rollout goes */

#define UD_CLUSTERS_MAX 50
#define UD_CLUSTERS_LOOK_MAX 100000 /* failed members that are looked at */

/* Where a device's hardware is known from. */
typedef enum ud_hardware { UD_HARDWARE_NONE, UD_HARDWARE_ATTRIBUTE, UD_HARDWARE_TYPE } ud_hardware;

/* Failed, reverted and drifted members that have all of this in common. Texts are borrowed for the call. */
struct ud_row_cluster {
    ud_member_state state;
    ud_err error; /* UD_OK: none, as of one that drifted */
    bool is_signed;
    ud_hardware from;
    const char *hardware; /* "" = not known */
    int32_t before;       /* release that they ran when it was offered; or UD_RUNS_NOTHING, UD_RUNS_OTHER */
    const char *before_name;
    const char *before_version;
    uint32_t devices;
    const char *example; /* one of them */
};
/**
 * Why members failed and what they share, the most frequent first, UD_CLUSTERS_MAX at most. Hardware is the attribute `key`, or where a
 * device has none its type. UD_ERR_FILTER_COST when it takes too long.
 */
ud_err ud_store_rollout_clusters(struct ud_store *store, int32_t rollout, const char *key,
                                 void (*each)(void *ctx, const struct ud_row_cluster *cluster), void *ctx);

#define UD_COURSE_POINTS_MAX 400

struct ud_row_course {
    int64_t at_ms;
    uint32_t total;
    uint32_t active;
    uint32_t confirmed;
    uint32_t claimed;
    uint32_t failed; /* reverted and drifted ones, too */
};
/**
 * Note where a rollout stands, if that changed. Of each step of time the last note is kept; when there would be more than
 * UD_COURSE_POINTS_MAX the step doubles and every other one goes.
 */
ud_err ud_store_course_note(struct ud_store *store, int32_t rollout, int64_t now_ms);
/** Oldest first. */
ud_err ud_store_course_list(struct ud_store *store, int32_t rollout,
                            void (*each)(void *ctx, const struct ud_row_course *point), void *ctx);

/* --- completions */

/** Values of a field with how many devices have each, the most frequent first; `devices` 0: not counted. */
typedef void (*ud_value_each)(void *ctx, const char *value, uint32_t devices);
/** Keys of attributes that begin so, in order. */
ud_err ud_store_attribute_keys(struct ud_store *store, int64_t tenant, const char *prefix, uint32_t max,
                               ud_value_each each, void *ctx);
/** Values of an attribute that begin so. Where counting costs too much they come uncounted, in order. */
ud_err ud_store_attribute_values(struct ud_store *store, int64_t tenant, const char *key, const char *prefix,
                                 uint32_t max, ud_value_each each, void *ctx);

typedef enum ud_named {
    UD_NAMED_TYPE,
    UD_NAMED_TAG,
    UD_NAMED_RELEASE,
    UD_NAMED_VERSION,
    UD_NAMED_AREA
} ud_named;
/** Names of types, tags, releases, versions, groups of devices that begin so, in order; uncounted. */
ud_err ud_store_names(struct ud_store *store, int64_t tenant, ud_named what, const char *prefix, uint32_t max,
                      ud_value_each each, void *ctx);

#endif
