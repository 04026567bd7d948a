/* What a running group gets in one tick: offers to those who wait, as many as rate and room allow. */
#include "server/rollout_parts.h"

#include "server/actions.h"
#include "server/store_gather.h"

#include <stdlib.h>

#define OFFERS_MAX 128

/* What became of the attempt to offer. */
static ud_err move_after_offer(struct ud_tick *tick, struct ud_member_move *move, ud_err offered,
                               int32_t action)
{
    static const struct {
        ud_err err;
        ud_member_state state;
    } rows[] = {
        {UD_ERR_DUPLICATE, UD_MEMBER_BLOCKED}, /* under way by other hands: look again when that has ended */
        {UD_ERR_BUSY, UD_MEMBER_BLOCKED},      {UD_ERR_QUARANTINED, UD_MEMBER_BLOCKED},
        {UD_ERR_LIMIT, UD_MEMBER_BLOCKED},     {UD_ERR_NOT_FOREIGN, UD_MEMBER_SKIPPED},
        {UD_ERR_TYPES, UD_MEMBER_SKIPPED},
    };
    if (offered == UD_OK) {
        ud_tick_touch(tick, move->member.device);
        move->state = UD_MEMBER_ACTIVE;
        move->action = action;
        move->attempt++;
        return UD_OK;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].err == offered) {
            move->state = rows[i].state;
            return UD_OK;
        }
    }
    return offered;
}

/* The device runs it already: a fact of its signed report, or for what signs nothing its claim. */
static bool is_there(const struct ud_row_device *device, const struct ud_row_release *release,
                     ud_member_state *state)
{
    const bool is =
        release->foreign
            ? device->finished_release == release->id && device->status == UD_STATUS_IN_SYNC
            : device->has_report && device->running_release == release->id && device->current_action == 0;
    if (is) {
        *state = release->foreign ? UD_MEMBER_CLAIMED : UD_MEMBER_CONFIRMED;
    }
    return is;
}

/* `move` comes with the member, and with what it is to stay when nothing becomes of it. */
static ud_err offer_one(struct ud_store *store, struct ud_tick *tick, const struct ud_row_rollout *rollout,
                        const struct ud_row_release *release, struct ud_member_move *move, bool *used)
{
    struct ud_row_device device;
    struct ud_row_action action = {.id = 0};
    ud_err err = ud_store_device_get(store, move->member.device, &device);
    if (err != UD_OK || is_there(&device, release, &move->state)) {
        return err;
    }
    struct ud_terms terms = rollout->terms;
    terms.rollout = rollout->id;
    terms.group = move->member.group;
    err = ud_action_offer(store, &device, release, &terms, tick->now_ms, &action);
    *used = err == UD_OK;
    return move_after_offer(tick, move, err, action.id);
}

struct offers {
    struct ud_row_member members[OFFERS_MAX];
    struct ud_member_move moves[OFFERS_MAX];
    struct ud_store_want wants[OFFERS_MAX];
    const struct ud_store_want *list[OFFERS_MAX];
    size_t count;
};

/* All of them are read and written by few statements, where a statement's round trip is what costs. */
static ud_err look_ahead(struct ud_store *store, struct offers *offers)
{
    for (size_t i = 0; i < offers->count; i++) {
        offers->wants[i] = (struct ud_store_want){.device = offers->members[i].device, .row = true};
        offers->list[i] = &offers->wants[i];
    }
    return ud_store_gather(store, offers->list, offers->count);
}

/* *used: how many got an offer. */
static ud_err offer_each(struct ud_store *store, struct ud_tick *tick, const struct ud_row_rollout *rollout,
                         const struct ud_row_release *release, struct offers *offers, uint32_t *used)
{
    const bool gathers = ud_store_gathers(store) && offers->count > 1;
    ud_err err = gathers ? look_ahead(store, offers) : UD_OK;
    for (size_t i = 0; i < offers->count && err == UD_OK; i++) {
        const struct ud_row_member *member = &offers->members[i];
        bool offered = false;
        offers->moves[i] = (struct ud_member_move){*member, member->state, member->action, member->attempt};
        if (gathers) {
            ud_store_gather_next(store, &offers->wants[i]);
        }
        err = offer_one(store, tick, rollout, release, &offers->moves[i], &offered);
        *used += offered ? 1 : 0;
    }
    if (gathers && err == UD_OK) {
        err = ud_store_gathered(store);
    } else if (gathers) {
        ud_store_scatter(store);
    }
    return err == UD_OK ? ud_store_member_move_each(store, offers->moves, offers->count) : err;
}

ud_err ud_rollout_offer(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout,
                        const struct ud_row_release *release, const struct ud_row_group *group)
{
    struct offers *offers;
    struct ud_group_counts counts;
    const size_t room = UD_TICK_DEVICES_MAX - tick->device_count;
    const uint32_t most = (uint32_t)(room < OFFERS_MAX ? room : OFFERS_MAX);
    if (group->counts.of[UD_MEMBER_WAITING] == 0 || most == 0) {
        tick->more = tick->more || most == 0;
        return UD_OK;
    }
    ud_err err = ud_store_rollout_counts(store, rollout->id, &counts);
    const uint32_t rate = ud_rate_at(&rollout->rate, counts.of[UD_MEMBER_CONFIRMED]);
    uint32_t may = ud_bucket_take(&rollout->bucket, rate, tick->now_ms, most);
    offers = err == UD_OK ? calloc(1, sizeof *offers) : NULL;
    if (offers == NULL) {
        return err == UD_OK ? UD_ERR_MEMORY : err;
    }
    uint32_t used = 0;
    err = ud_store_member_next(store, rollout->id, group->position, UD_MEMBER_WAITING, offers->members, may,
                               &offers->count);
    err = err == UD_OK ? offer_each(store, tick, rollout, release, offers, &used) : err;
    const size_t count = offers->count;
    free(offers);
    may -= used;
    if (rate != UINT32_MAX) {
        ud_bucket_return(&rollout->bucket, may);
    }
    if (count == most) {
        tick->more = true;
    } else if (count < group->counts.of[UD_MEMBER_WAITING]) {
        ud_tick_wake_at(tick, tick->now_ms + 1 + ud_bucket_wait_ms(&rollout->bucket, rate));
    }
    return err;
}
