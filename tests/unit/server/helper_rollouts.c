#include "helper_rollouts.h"

#include "server/actions.h"

#include <stdio.h>
#include <string.h>

#define TICKS_MAX 20000

struct fleet *fleet_of(void **state)
{
    static struct fleet fleet;
    struct place *place = *state;
    fleet = (struct fleet){.place = place, .store = place->store, .now_ms = 1000000};
    struct ud_row_type type = {.name = "gateway", .foreign = true};
    assert_int_equal(ud_store_type_add(fleet.store, TENANT, &type), UD_OK);
    fleet.type = type.id;
    struct ud_row_release release = {
        .tenant = TENANT, .name = "os", .version = "2", .foreign = true, .type_id = type.id};
    assert_int_equal(ud_store_release_add(fleet.store, &release), UD_OK);
    fleet.release = release.id;
    return &fleet;
}

int32_t add_release(struct fleet *fleet, const char *version)
{
    struct ud_row_release release = {.tenant = TENANT, .name = "os", .foreign = true, .type_id = fleet->type};
    snprintf(release.version, sizeof release.version, "%s", version);
    assert_int_equal(ud_store_release_add(fleet->store, &release), UD_OK);
    return release.id;
}

int64_t add_device(struct fleet *fleet, const char *name)
{
    struct ud_row_device row = {.tenant = TENANT, .type_id = fleet->type, .created_ms = fleet->now_ms};
    snprintf(row.name, sizeof row.name, "%s", name);
    assert_int_equal(ud_store_device_add(fleet->store, &row), UD_OK);
    assert_int_equal(ud_store_fact_device(fleet->store, TENANT, row.id), UD_OK);
    return row.id;
}

void add_devices(struct fleet *fleet, const char *prefix, unsigned count)
{
    assert_int_equal(ud_store_begin(fleet->store), UD_OK);
    for (unsigned i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s%05u", prefix, i);
        add_device(fleet, name);
    }
    assert_int_equal(ud_store_commit(fleet->store), UD_OK);
}

int64_t device_id(struct fleet *fleet, const char *name)
{
    struct ud_row_device row;
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, name, &row), UD_OK);
    return row.id;
}

int64_t settle(struct fleet *fleet)
{
    static struct ud_tick tick;
    for (unsigned i = 0; i < TICKS_MAX; i++) {
        tick.now_ms = fleet->now_ms;
        assert_int_equal(ud_store_begin(fleet->store), UD_OK);
        const ud_err err = ud_rollout_tick(fleet->store, &tick);
        if (err != UD_OK) {
            fail_msg("tick: %s %s", ud_err_name(err), ud_store_message(fleet->store));
        }
        assert_int_equal(ud_store_commit(fleet->store), UD_OK);
        if (!tick.more) {
            return tick.next_ms;
        }
    }
    fail_msg("the ticks do not come to an end");
    return 0;
}

struct plan *plan_of(struct fleet *fleet, const char *name, const char *filter, uint32_t groups)
{
    static struct plan plan;
    memset(&plan, 0, sizeof plan);
    plan.rollout.tenant = TENANT;
    plan.rollout.release = fleet->release;
    plan.rollout.group_count = groups;
    plan.rollout.claimed_counts = true;
    plan.rollout.created_ms = fleet->now_ms;
    ud_terms_init(&plan.rollout.terms);
    snprintf(plan.rollout.name, sizeof plan.rollout.name, "%s", name);
    snprintf(plan.rollout.filter, sizeof plan.rollout.filter, "%s", filter);
    snprintf(plan.rollout.created_by, sizeof plan.rollout.created_by, "anna");
    for (uint32_t i = 0; i < groups; i++) {
        snprintf(plan.groups[i].name, sizeof plan.groups[i].name, "group-%u", i + 1);
        plan.groups[i].percent = (uint16_t)(10000 / (groups - i));
        plan.groups[i].limits = (struct ud_group_limits){5000, 5000, true};
    }
    return &plan;
}

int32_t make(struct fleet *fleet, struct plan *plan)
{
    assert_int_equal(ud_store_begin(fleet->store), UD_OK);
    assert_int_equal(ud_rollout_create(fleet->store, &plan->rollout, plan->groups, NULL, 0), UD_OK);
    assert_int_equal(ud_store_commit(fleet->store), UD_OK);
    settle(fleet);
    return plan->rollout.id;
}

ud_err wish(struct fleet *fleet, int32_t id, ud_rollout_event event, const char *by)
{
    struct ud_row_rollout row;
    assert_int_equal(ud_store_rollout_get(fleet->store, TENANT, id, &row), UD_OK);
    assert_int_equal(ud_store_begin(fleet->store), UD_OK);
    const ud_err err = ud_rollout_wish(fleet->store, &row, event, by, "", fleet->now_ms);
    if (err == UD_OK) {
        assert_int_equal(ud_store_commit(fleet->store), UD_OK);
        settle(fleet);
    } else {
        ud_store_rollback(fleet->store);
    }
    return err;
}

struct ud_row_rollout rollout_now(struct fleet *fleet, int32_t id)
{
    struct ud_row_rollout row;
    assert_int_equal(ud_store_rollout_get(fleet->store, TENANT, id, &row), UD_OK);
    return row;
}

struct ud_row_group group_now(struct fleet *fleet, int32_t id, uint32_t position)
{
    struct ud_row_group row;
    assert_int_equal(ud_store_group_get(fleet->store, id, position, &row), UD_OK);
    return row;
}

struct ud_row_member member_now(struct fleet *fleet, int32_t id, int64_t device)
{
    struct ud_row_member row;
    assert_int_equal(ud_store_member_get(fleet->store, id, device, &row), UD_OK);
    return row;
}

void end_action(struct fleet *fleet, int64_t device, ud_action_state end)
{
    struct ud_row_device row;
    struct ud_row_action action;
    assert_int_equal(ud_store_device_get(fleet->store, device, &row), UD_OK);
    assert_int_not_equal(row.current_action, 0);
    assert_int_equal(ud_store_begin(fleet->store), UD_OK);
    assert_int_equal(ud_store_action_get(fleet->store, TENANT, row.current_action, 0, &action), UD_OK);
    action.state = end;
    action.active = false;
    action.canceling = false;
    action.error = end >= UD_ACTION_REFUSED ? UD_ERR_DEVICE_FAILED : UD_OK;
    assert_int_equal(ud_store_action_set(fleet->store, &action), UD_OK);
    if (end == UD_ACTION_CLAIMED || end == UD_ACTION_CONFIRMED) {
        assert_int_equal(ud_store_device_finished_set(fleet->store, device, action.id, action.release), UD_OK);
    }
    assert_int_equal(ud_action_settle(fleet->store, &action), UD_OK);
    assert_int_equal(ud_store_commit(fleet->store), UD_OK);
}

void check_counts(struct fleet *fleet, int32_t id)
{
    const struct ud_row_rollout rollout = rollout_now(fleet, id);
    uint32_t all = 0;
    for (uint32_t g = 1; g <= rollout.group_count; g++) {
        const struct ud_row_group group = group_now(fleet, id, g);
        for (int s = 0; s < UD_MEMBER_STATE_COUNT; s++) {
            struct ud_row_member members[512];
            size_t count = 0;
            assert_int_equal(
                ud_store_member_next(fleet->store, id, g, (ud_member_state)s, members, 512, &count), UD_OK);
            if (count < 512) {
                assert_int_equal(group.counts.of[s], count);
            }
            all += group.counts.of[s];
        }
    }
    assert_int_equal(rollout.total, all);
}

void leave_image(struct fleet *fleet, int32_t id, int64_t device)
{
    const struct ud_row_fact left = {.tenant = TENANT,
                                     .kind = UD_FACT_DRIFT,
                                     .device = device,
                                     .action = member_now(fleet, id, device).action,
                                     .state = UD_MEMBER_REVERTED};
    assert_int_equal(ud_store_device_status_set(fleet->store, device, UD_STATUS_REVERTED, fleet->release),
                     UD_OK);
    assert_int_equal(ud_store_fact_add(fleet->store, &left), UD_OK);
    settle(fleet);
}
