/* Dynamic rollouts: a device that is new, or changed, joins those whose filter it meets now. */
#include "server/rollout_parts.h"

#include <stdlib.h>

#define DYNAMIC_MAX 64 /* looked at in one go */

struct joining {
    struct ud_fiql filter;
    struct ud_row_rollout rollout;
    struct ud_row_group last;
};

/* While it is being filled, the walk for its last group comes by everybody that is not behind it yet. */
static bool is_still_walked_to(const struct ud_row_rollout *rollout, int64_t device)
{
    return rollout->state == UD_ROLLOUT_CREATING &&
           (rollout->fill_group < rollout->group_count ||
            (rollout->fill_group == rollout->group_count && device > rollout->fill_cursor));
}

/* A filter that this program does not understand any more meets nobody; it holds nobody else up. */
static ud_err meets(struct ud_store *store, struct ud_tick *tick, const struct ud_row_fact *event,
                    struct joining *joining, const char *filter, bool *matches)
{
    struct ud_fiql_wrong wrong;
    *matches = false;
    const ud_err err = ud_device_filter(&joining->filter, filter, event->tenant,
                                        ud_tick_moment(tick, event->tenant), true, &wrong);
    if (err != UD_OK) {
        ud_tick_note(tick, "filter", joining->rollout.id, 0, event->device, ud_err_name(err));
        return UD_OK;
    }
    return ud_store_device_matches(store, event->device, &joining->filter, matches);
}

static ud_err join(struct ud_store *store, struct ud_tick *tick, const struct ud_row_fact *event,
                   struct joining *joining)
{
    const struct ud_row_rollout *rollout = &joining->rollout;
    struct ud_row_member member = {.rollout = rollout->id, .device = event->device};
    bool matches = false;
    if (is_still_walked_to(rollout, event->device)) {
        return UD_OK;
    }
    ud_err err = ud_store_group_get(store, rollout->id, rollout->group_count, &joining->last);
    err = err == UD_OK ? meets(store, tick, event, joining, rollout->filter, &matches) : err;
    if (err == UD_OK && matches && joining->last.filter[0] != '\0') {
        err = meets(store, tick, event, joining, joining->last.filter, &matches);
    }
    err = err == UD_OK && matches ? ud_store_member_get(store, member.rollout, member.device, &member) : err;
    if (err != UD_ERR_NOT_FOUND) {
        return err; /* a member already, or none for it */
    }
    member.group = joining->last.position;
    member.state = UD_MEMBER_WAITING;
    return ud_store_member_add(store, &member);
}

ud_err ud_rollout_join(struct ud_store *store, struct ud_tick *tick, const struct ud_row_fact *event)
{
    int32_t ids[DYNAMIC_MAX];
    size_t count = DYNAMIC_MAX;
    int32_t after = 0;
    ud_err err = UD_OK;
    struct joining *joining = malloc(sizeof *joining);
    if (joining == NULL) {
        return UD_ERR_MEMORY;
    }
    while (err == UD_OK && count == DYNAMIC_MAX) {
        err = ud_store_rollout_dynamic(store, event->tenant, after, ids, DYNAMIC_MAX, &count);
        for (size_t i = 0; i < count && err == UD_OK; i++) {
            after = ids[i];
            err = ud_store_rollout_get(store, event->tenant, ids[i], &joining->rollout);
            err = err == UD_OK ? join(store, tick, event, joining) : err;
        }
    }
    free(joining);
    return err;
}
