/* Rollouts, groups and members as JSON (docs/formats.md section 16), and the other way round; which one a path means. */
#ifndef UD_SERVER_ROLLOUT_JSON_H
#define UD_SERVER_ROLLOUT_JSON_H

#include "server/api_shared.h"
#include "server/rollouts.h"

/** The caller's rollout of the number in the path. */
ud_err ud_find_rollout(const struct ud_call *call, struct ud_store *store, struct ud_row_rollout *row);
/** "confirmed": 3, "waiting": 97, ... */
void ud_render_counts(struct ud_json *json, const char *key, const struct ud_group_counts *counts);
/** What is going on and what comes next, as two sentences for a person. */
void ud_rollout_words(const struct ud_row_rollout *rollout, const struct ud_group_counts *counts,
                      int64_t now_ms, char now[256], char next[256]);
void ud_render_rollout(struct ud_json *json, const struct ud_row_rollout *rollout,
                       const struct ud_group_counts *counts, int64_t now_ms);
void ud_render_group(struct ud_json *json, const struct ud_row_group *group);
void ud_render_member(struct ud_json *json, const struct ud_row_member *member);

/* What POST /rollouts says. */
struct ud_rollout_plan {
    struct ud_row_rollout rollout;
    struct ud_row_group *groups; /* [rollout.group_count], in the call's memory */
    const char **names;          /* of devices in place of a filter */
    size_t name_count;
    bool expects; /* the caller has seen a count */
    uint32_t expected;
};
/** Room for a plan's only group, as ud_rollout_plan_retry() wants it. False: the reply is set to the error already. */
bool ud_rollout_plan_room(struct ud_call *call, struct ud_rollout_plan *plan);
/**
 * The plan of another rollout for those of the path's one that failed, left their image, or were canceled: its name with
 * "_retry", or "_retry 2" and so on where that is taken, its release and terms, one group. UD_ERR_NOT_FOUND,
 * UD_ERR_ROLLOUT_STATE, UD_ERR_CONFLICT after a thousand of them.
 */
ud_err ud_rollout_plan_retry(struct ud_call *call, struct ud_store *store, struct ud_rollout_plan *plan);
/**
 * Read a body. `words` says which member is wrong.
 *
 * @return UD_ERR_MISSING, UD_ERR_SHAPE, UD_ERR_NUMBER_RANGE, UD_ERR_FILTER, UD_ERR_FILTER_FIELD, UD_ERR_WINDOW
 */
ud_err ud_rollout_parse(struct ud_call *call, json_t *body, struct ud_rollout_plan *plan, char words[256]);

#endif
