/*
 * Filling a rollout: count the devices that meet its filter, then put them into groups, in slices of device ids, so that a
 * million devices are so many short transactions. Where it stands is in the rollout's row.
 */
#include "server/rollout_parts.h"

#include <stdlib.h>

struct filling {
    struct ud_fiql filter;
    struct ud_fiql group_filter;
    struct ud_row_group group;
    struct ud_slice slice;
};

static ud_err finish_filling(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout)
{
    const ud_rollout_event event = rollout->needs_approval ? UD_ROLLOUT_FILLED_UNASKED : UD_ROLLOUT_FILLED;
    const ud_err err = ud_rollout_next(rollout->state, event, &rollout->state);
    ud_tick_note(tick, "filled", rollout->id, 0, 0, ud_rollout_state_name(rollout->state));
    (void)store;
    return err;
}

/* On to the next group: how many of those that are left are for it? */
static ud_err begin_group(struct ud_store *store, struct ud_row_rollout *rollout, struct filling *filling)
{
    const struct ud_row_group *group = &filling->group;
    const ud_err err = ud_store_group_get(store, rollout->id, rollout->fill_group, &filling->group);
    const bool last = group->position == rollout->group_count;
    const bool filtered = group->filter[0] != '\0';
    if (err != UD_OK) {
        return err;
    }
    if (last || filtered) {
        rollout->fill_cursor =
            0; /* from everywhere, and the last one takes also those who came since the count */
    }
    rollout->fill_counting = filtered && !last && group->size == 0;
    rollout->fill_left = last                     ? UINT32_MAX
                         : rollout->fill_counting ? 0
                         : group->size != 0       ? group->size
                                            : ud_group_share(rollout->fill_matched, group->percent, false);
    return UD_OK;
}

/* Of those that meet the group's own filter, its share. */
static ud_err count_for_group(struct ud_store *store, struct ud_row_rollout *rollout, struct filling *filling)
{
    struct ud_slice *slice = &filling->slice;
    slice->rollout = rollout->id;
    slice->span = UD_TICK_COUNT_SPAN;
    slice->group_filter = &filling->group_filter;
    const ud_err err = ud_store_slice_count(store, slice);
    rollout->fill_left += slice->matched;
    rollout->fill_cursor = slice->cursor;
    if (slice->end) {
        rollout->fill_left = ud_group_share(rollout->fill_left, filling->group.percent, false);
        rollout->fill_counting = false;
        rollout->fill_cursor = 0;
    }
    return err;
}

static ud_err end_group(struct ud_store *store, struct ud_row_rollout *rollout, struct filling *filling)
{
    struct ud_row_group *group = &filling->group;
    group->state = UD_GROUP_WAITING;
    const ud_err err = ud_store_group_set(store, group);
    const uint32_t took = ud_group_total(&group->counts);
    rollout->fill_matched = took < rollout->fill_matched ? rollout->fill_matched - took : 0;
    rollout->fill_group++;
    if (group->filter[0] != '\0') {
        rollout->fill_cursor = 0;
    }
    return err;
}

static ud_err fill_slice(struct ud_store *store, struct ud_row_rollout *rollout, struct filling *filling)
{
    struct ud_slice *slice = &filling->slice;
    ud_err err = ud_store_group_get(store, rollout->id, rollout->fill_group, &filling->group);
    if (err != UD_OK) {
        return err;
    }
    if (rollout->fill_left == 0) {
        return end_group(store, rollout, filling);
    }
    const uint32_t most = rollout->fill_left < UD_TICK_SPAN ? rollout->fill_left : UD_TICK_SPAN;
    slice->rollout = rollout->id;
    slice->span = UD_TICK_SPAN;
    slice->group_filter = filling->group.filter[0] == '\0' ? NULL : &filling->group_filter;
    err = ud_store_slice_fill(store, slice, rollout->fill_group, most);
    rollout->fill_cursor = slice->cursor;
    rollout->total += slice->matched;
    if (rollout->fill_left != UINT32_MAX) {
        rollout->fill_left -= slice->matched;
    }
    err = err == UD_OK ? ud_store_group_get(store, rollout->id, rollout->fill_group, &filling->group) : err;
    return err == UD_OK && (slice->end || rollout->fill_left == 0) ? end_group(store, rollout, filling) : err;
}

static ud_err count_slice(struct ud_store *store, struct ud_row_rollout *rollout, struct filling *filling)
{
    filling->slice.span = UD_TICK_COUNT_SPAN;
    const ud_err err = ud_store_slice_count(store, &filling->slice);
    rollout->fill_matched += filling->slice.matched;
    rollout->fill_cursor = filling->slice.cursor;
    if (filling->slice.end) {
        rollout->fill_group = 1;
        rollout->fill_cursor = 0;
    }
    return err;
}

/* *unread: why this program does not understand a filter (any more); the rest are failures of the store. */
static ud_err compile_for_filling(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout,
                                  struct filling *filling, ud_err *unread)
{
    struct ud_fiql_wrong wrong;
    ud_err err = UD_OK;
    *unread = ud_device_filter(&filling->filter, rollout->filter, rollout->tenant,
                               ud_tick_moment(tick, rollout->tenant), true, &wrong);
    filling->slice = (struct ud_slice){
        .tenant = rollout->tenant, .cursor = rollout->fill_cursor, .filter = &filling->filter};
    if (*unread == UD_OK && rollout->fill_group > 0) {
        err = ud_store_group_get(store, rollout->id, rollout->fill_group, &filling->group);
        *unread = err == UD_OK
                      ? ud_device_filter(&filling->group_filter, filling->group.filter, rollout->tenant,
                                         ud_tick_moment(tick, rollout->tenant), true, &wrong)
                      : UD_OK;
    }
    return err;
}

/* One rollout's filter must not hold up everybody else's: it is stopped, and the log says why. */
static ud_err give_up(struct ud_tick *tick, struct ud_row_rollout *rollout, ud_err unread)
{
    ud_tick_note(tick, "filter", rollout->id, rollout->fill_group, 0, ud_err_name(unread));
    return ud_rollout_next(rollout->state, UD_ROLLOUT_STOP, &rollout->state);
}

ud_err ud_rollout_fill(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout)
{
    if (rollout->listed || rollout->fill_group > rollout->group_count) {
        return finish_filling(store, tick, rollout);
    }
    struct filling *filling = calloc(1, sizeof *filling);
    if (filling == NULL) {
        return UD_ERR_MEMORY;
    }
    const uint32_t before = rollout->fill_group;
    ud_err unread = UD_OK;
    ud_err err = compile_for_filling(store, tick, rollout, filling, &unread);
    if (err == UD_OK && unread != UD_OK) {
        err = give_up(tick, rollout, unread);
    } else if (err == UD_OK) {
        err = rollout->fill_group == 0 ? count_slice(store, rollout, filling)
              : rollout->fill_counting ? count_for_group(store, rollout, filling)
                                       : fill_slice(store, rollout, filling);
    }
    if (err == UD_OK && rollout->fill_group != before && rollout->fill_group <= rollout->group_count) {
        err = begin_group(store, rollout, filling);
    }
    free(filling);
    tick->more = true;
    return err;
}
