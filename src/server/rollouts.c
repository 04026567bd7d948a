/* What people ask of rollouts, releases and devices. What follows of it is the tick's. */
#include "server/rollouts.h"

#include "server/tenant_settings.h"

#include "server/actions.h"

#include <stdio.h>

#define NAMED_PER_GROUP_MIN 1

/* Named devices go into the groups in the order in which they are named. */
static ud_err add_named(struct ud_store *store, struct ud_row_rollout *rollout, struct ud_row_group *groups,
                        const char *const *names, size_t count)
{
    size_t next = 0;
    ud_err err = UD_OK;
    for (uint32_t g = 0; g < rollout->group_count && err == UD_OK; g++) {
        const bool last = g + 1 == rollout->group_count;
        const uint32_t left = (uint32_t)(count - next);
        uint32_t size =
            groups[g].size != 0 && !last ? groups[g].size : ud_group_share(left, groups[g].percent, last);
        for (size = size < left ? size : left; size > 0 && err == UD_OK; size--) {
            struct ud_row_device device;
            err = ud_store_device_find(store, rollout->tenant, names[next++], &device);
            const struct ud_row_member member = {
                .rollout = rollout->id, .device = device.id, .group = g + 1, .state = UD_MEMBER_WAITING};
            err = err == UD_OK ? ud_store_member_add(store, &member) : err;
            rollout->total++;
        }
    }
    return err;
}

ud_err ud_rollout_approval(struct ud_store *store, struct ud_row_rollout *rollout, const char *setting)
{
    bool asked = false;
    const ud_err err = ud_setting_is_on(store, rollout->tenant, setting, &asked);
    rollout->needs_approval = rollout->needs_approval || asked;
    return err;
}

ud_err ud_rollout_create(struct ud_store *store, struct ud_row_rollout *rollout, struct ud_row_group *groups,
                         const char *const *names, size_t name_count)
{
    struct ud_row_release release;
    ud_err err = ud_store_release_get(store, rollout->tenant, rollout->release, &release);
    if (err == UD_OK && release.recalled_ms != 0) {
        return UD_ERR_RECALLED;
    }
    rollout->state = UD_ROLLOUT_CREATING;
    rollout->pause = UD_PAUSE_NONE;
    rollout->listed = name_count > 0;
    rollout->total = 0;
    rollout->fill_group = 0;
    rollout->fill_cursor = 0;
    rollout->updated_ms = rollout->created_ms;
    err = err == UD_OK ? ud_store_rollout_add(store, rollout) : err;
    for (uint32_t i = 0; i < rollout->group_count && err == UD_OK; i++) {
        groups[i].rollout = rollout->id;
        groups[i].position = i + 1;
        groups[i].state = rollout->listed ? UD_GROUP_WAITING : UD_GROUP_CREATING;
        groups[i].opened = false;
        groups[i].limits.claimed_counts = rollout->claimed_counts;
        err = ud_store_group_add(store, &groups[i]);
    }
    return err == UD_OK && rollout->listed ? add_named(store, rollout, groups, names, name_count) : err;
}

/* The next group that waits, whatever the limits of the running one say. */
static ud_err trigger(struct ud_store *store, const struct ud_row_rollout *rollout, int64_t now_ms)
{
    for (uint32_t position = 1; position <= rollout->group_count; position++) {
        struct ud_row_group group;
        const ud_err err = ud_store_group_get(store, rollout->id, position, &group);
        if (err != UD_OK) {
            return err;
        }
        if (group.state == UD_GROUP_WAITING) {
            group.state = UD_GROUP_RUNNING;
            group.started_ms = now_ms;
            return ud_store_group_set(store, &group);
        }
    }
    return UD_ERR_ROLLOUT_STATE;
}

/* Going on after the error limit: the group that met it runs on, with its limit put out of force. */
static ud_err resume_groups(struct ud_store *store, const struct ud_row_rollout *rollout)
{
    ud_err err = UD_OK;
    for (uint32_t position = 1; position <= rollout->group_count && err == UD_OK; position++) {
        struct ud_row_group group;
        err = ud_store_group_get(store, rollout->id, position, &group);
        if (err == UD_OK && group.state == UD_GROUP_ERROR) {
            err = ud_store_group_lift(store, rollout->id, position);
        }
    }
    return err;
}

static ud_err check_wish(struct ud_store *store, const struct ud_row_rollout *rollout, ud_rollout_event event,
                         const char *by, int64_t now_ms)
{
    struct ud_row_release release;
    const bool goes_on = event == UD_ROLLOUT_START || event == UD_ROLLOUT_RESUME || event == UD_ROLLOUT_TRIGGER;
    if (event == UD_ROLLOUT_APPROVE && strcmp(by, rollout->created_by) == 0) {
        return UD_ERR_FORBIDDEN; /* four eyes */
    }
    if (!goes_on) {
        return UD_OK;
    }
    if (event != UD_ROLLOUT_START && rollout->end_ms != 0 && now_ms >= rollout->end_ms) {
        return UD_ERR_ROLLOUT_STATE; /* its end has come; a later one can be set */
    }
    const ud_err err = ud_store_release_get(store, rollout->tenant, rollout->release, &release);
    return err == UD_OK && release.recalled_ms != 0 ? UD_ERR_RECALLED : err;
}

ud_err ud_rollout_wish(struct ud_store *store, struct ud_row_rollout *rollout, ud_rollout_event event,
                       const char *by, const char *remark, int64_t now_ms)
{
    ud_rollout_state next;
    ud_err err = ud_rollout_next(rollout->state, event, &next);
    err = err == UD_OK ? check_wish(store, rollout, event, by, now_ms) : err;
    if (err != UD_OK) {
        return err;
    }
    if (event == UD_ROLLOUT_RESUME && rollout->pause == UD_PAUSE_ERRORS) {
        err = resume_groups(store, rollout);
    }
    if (err == UD_OK && event == UD_ROLLOUT_RESUME && rollout->pause == UD_PAUSE_GATE) {
        err = trigger(store, rollout, now_ms);
        err = err == UD_ERR_ROLLOUT_STATE ? UD_OK : err; /* started by hand meanwhile */
    }
    err = err == UD_OK && event == UD_ROLLOUT_TRIGGER ? trigger(store, rollout, now_ms) : err;
    if (event == UD_ROLLOUT_APPROVE || event == UD_ROLLOUT_DENY) {
        snprintf(rollout->decided_by, sizeof rollout->decided_by, "%s", by);
        snprintf(rollout->remark, sizeof rollout->remark, "%s", remark);
    }
    rollout->pause = event == UD_ROLLOUT_PAUSE ? UD_PAUSE_PERSON : UD_PAUSE_NONE;
    rollout->state = next;
    rollout->updated_ms = now_ms;
    return err == UD_OK ? ud_store_rollout_set(store, rollout) : err;
}

ud_err ud_release_recall(struct ud_store *store, int64_t tenant, int32_t id, const char *reason, int64_t now_ms)
{
    return ud_store_release_recall(store, tenant, id, now_ms, reason);
}

#define ACTIVE_MAX 32

static ud_err end_what_goes_on(struct ud_store *store, const struct ud_row_device *device, int32_t but,
                               int64_t now_ms)
{
    int32_t ids[ACTIVE_MAX];
    size_t count = 0;
    ud_err err = ud_store_action_active(store, device->id, ids, ACTIVE_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        struct ud_row_action action;
        err = ud_store_action_get(store, device->tenant, ids[i], device->id, &action);
        if (err == UD_OK && action.release != but) {
            err = ud_action_cancel(store, &action, now_ms, "[\"Update Server: the device is in quarantine\"]");
        }
    }
    return err;
}

/* Members that were blocked: may they now? */
static ud_err ask_again(struct ud_store *store, const struct ud_row_device *device)
{
    const struct ud_row_fact event = {.tenant = device->tenant, .kind = UD_FACT_FREED, .device = device->id};
    return ud_store_fact_add(store, &event);
}

ud_err ud_device_quarantine(struct ud_store *store, struct ud_row_device *device, int32_t release,
                            const char *reason, int64_t now_ms)
{
    struct ud_row_release row;
    ud_err err = release == 0 ? UD_OK : ud_store_release_get(store, device->tenant, release, &row);
    err = err == UD_OK ? ud_store_device_quarantine_set(store, device->id, now_ms, release, reason) : err;
    err = err == UD_OK ? end_what_goes_on(store, device, release, now_ms) : err;
    if (err == UD_OK && release != 0) { /* a rollout of it may have been waiting */
        err = ask_again(store, device);
    }
    return err == UD_OK ? ud_store_device_get(store, device->id, device) : err;
}

ud_err ud_device_release(struct ud_store *store, struct ud_row_device *device)
{
    ud_err err = ud_store_device_quarantine_set(store, device->id, 0, 0, "");
    err = err == UD_OK ? ask_again(store, device) : err;
    return err == UD_OK ? ud_store_device_get(store, device->id, device) : err;
}

/* Any signed release with the same images and a higher number; the newest. */
ud_err ud_rollout_way_back(struct ud_store *store, int64_t tenant, int32_t release, uint64_t above,
                           struct ud_row_release *found)
{
    struct ud_row_release wanted;
    ud_err err = ud_store_release_get(store, tenant, release, &wanted);
    if (err != UD_OK) {
        return err;
    }
    err = ud_store_release_reissued(store, &wanted, found);
    if (err == UD_OK && found->sequence > above) {
        return UD_OK;
    }
    return err == UD_OK || err == UD_ERR_NOT_FOUND ? UD_ERR_NO_WAY_BACK : err;
}
