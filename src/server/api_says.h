/* The sentences of says.h as JSON, and what they are made from. */
#ifndef UD_SERVER_API_SAYS_H
#define UD_SERVER_API_SAYS_H

#include "server/api_shared.h"
#include "server/todo.h"

/** Members "bold", "rest", "lede"; the last two are null where there is none. */
void ud_render_says(struct ud_json *json, const char *key, const struct ud_says *says);

/* What the overview is made from, gathered once. */
struct ud_overview {
    struct ud_standing standing;
    uint32_t states[UD_ROLLOUT_STATE_COUNT]; /* rollouts by state */
    uint32_t stopped_itself;                 /* of the paused ones */
    uint32_t reachable;                      /* devices, within three of their intervals */
    int64_t reach_ms;
    struct ud_todo todo[UD_TODO_MAX];
    size_t todo_count;
    uint32_t snoozed;
};
ud_err ud_overview_gather(const struct ud_call *call, struct ud_store *store, struct ud_overview *overview);
void ud_overview_says(const struct ud_overview *overview, struct ud_says *says);

#endif
