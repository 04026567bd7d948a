/* What comes late to a rollout: devices that leave their image behind its end, join before its start, or wait in many. */
#include "helper_rollouts.h"

#include "server/actions.h"

#include <stdio.h>

static struct plan *plan_again(struct fleet *fleet, const char *name, uint32_t groups)
{
    struct plan *plan = plan_of(fleet, name, "", groups);
    plan->rollout.drift = UD_DRIFT_AGAIN;
    plan->rollout.again_max = 1;
    plan->rollout.start_by = 2;
    for (uint32_t i = 0; i < groups; i++) {
        plan->groups[i].limits.error = 10000;
    }
    return plan;
}

static void test_i2_who_leaves_when_its_group_has_finished_is_served_again(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    const int64_t device = device_id(fleet, "d00000");
    const int32_t id = make(fleet, plan_again(fleet, "groups", 2));
    end_action(fleet, device, UD_ACTION_CONFIRMED);
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 1).state, UD_GROUP_FINISHED);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_RUNNING);
    leave_image(fleet, id, device);
    assert_int_equal(group_now(fleet, id, 1).state, UD_GROUP_RUNNING);
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_ACTIVE);
    end_action(fleet, device_id(fleet, "d00001"), UD_ACTION_CONFIRMED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_RUNNING); /* somebody is at it again */
    end_action(fleet, device, UD_ACTION_CONFIRMED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_FINISHED);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_CONFIRMED], 1);
    check_counts(fleet, id);
}

static void test_i2_a_rollout_that_has_finished_runs_again_for_who_leaves(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 1);
    const int64_t device = device_id(fleet, "d00000");
    const int32_t id = make(fleet, plan_again(fleet, "finished", 1));
    end_action(fleet, device, UD_ACTION_CONFIRMED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_FINISHED);
    leave_image(fleet, id, device);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_RUNNING);
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_ACTIVE);
    assert_int_equal(member_now(fleet, id, device).attempt, 2);
    end_action(fleet, device, UD_ACTION_CONFIRMED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_FINISHED);
    leave_image(fleet, id, device); /* once again was all */
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_REVERTED);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_FINISHED);
    check_counts(fleet, id);
}

static void test_i2_what_has_ended_for_good_stays_so(void **state)
{
    static const enum {
        HELD,
        BEHIND_ITS_END,
        RECALLED,
        STOPPED
    } ways[] = {HELD, BEHIND_ITS_END, RECALLED, STOPPED};
    struct fleet *fleet = fleet_of(state);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%zu", i);
        const int64_t device = add_device(fleet, name);
        struct plan *plan = plan_again(fleet, name, 1);
        snprintf(plan->rollout.filter, sizeof plan->rollout.filter, "name==%s", name);
        plan->rollout.drift = ways[i] == HELD ? UD_DRIFT_HOLD : UD_DRIFT_AGAIN;
        plan->rollout.end_ms = ways[i] == BEHIND_ITS_END ? fleet->now_ms + 1000 : 0;
        const int32_t id = make(fleet, plan);
        if (ways[i] == STOPPED) {
            assert_int_equal(wish(fleet, id, UD_ROLLOUT_STOP, "anna"), UD_OK);
        }
        end_action(fleet, device, UD_ACTION_CONFIRMED);
        settle(fleet);
        const ud_rollout_state end = ways[i] == STOPPED ? UD_ROLLOUT_STOPPED : UD_ROLLOUT_FINISHED;
        assert_int_equal(rollout_now(fleet, id).state, end);
        fleet->now_ms += ways[i] == BEHIND_ITS_END ? 1000 : 0;
        if (ways[i] == RECALLED) {
            assert_int_equal(ud_release_recall(fleet->store, TENANT, fleet->release, "bricks", fleet->now_ms),
                             UD_OK);
        }
        leave_image(fleet, id, device);
        assert_int_equal(rollout_now(fleet, id).state, end);
        assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_REVERTED);
        fleet->release = add_release(fleet, name); /* the next one's was not recalled */
        check_counts(fleet, id);
    }
}

/* One tick, and no more. */
static void tick_once(struct fleet *fleet)
{
    static struct ud_tick tick;
    tick.now_ms = fleet->now_ms;
    assert_int_equal(ud_store_begin(fleet->store), UD_OK);
    assert_int_equal(ud_rollout_tick(fleet->store, &tick), UD_OK);
    assert_int_equal(ud_store_commit(fleet->store), UD_OK);
}

static void test_who_comes_before_a_dynamic_rollout_starts_joins_it(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    struct plan *plan = plan_of(fleet, "early", "name==d*", 2);
    plan->rollout.dynamic = true;
    plan->rollout.needs_approval = true;
    const int32_t id = make(fleet, plan);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_APPROVAL);
    const int64_t asked = add_device(fleet, "d-asked");
    const int64_t stranger = add_device(fleet, "stranger");
    settle(fleet);
    assert_int_equal(member_now(fleet, id, asked).group, 2);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_APPROVE, "boris"), UD_OK);
    const int64_t ready = add_device(fleet, "d-ready");
    settle(fleet);
    assert_int_equal(member_now(fleet, id, ready).state, UD_MEMBER_WAITING);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    struct ud_row_member member;
    assert_int_equal(ud_store_member_get(fleet->store, id, stranger, &member), UD_ERR_NOT_FOUND);
    assert_int_equal(rollout_now(fleet, id).total, 4);
    check_counts(fleet, id);
}

static void test_who_comes_while_a_dynamic_rollout_is_filled_is_in_it_once(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    struct plan *plan = plan_of(fleet, "filling", "name==d*", 1);
    plan->rollout.dynamic = true;
    assert_int_equal(ud_rollout_create(fleet->store, &plan->rollout, plan->groups, NULL, 0), UD_OK);
    const int32_t id = plan->rollout.id;
    unsigned ticks = 0;
    while (rollout_now(fleet, id).state == UD_ROLLOUT_CREATING) {
        char name[16];
        snprintf(name, sizeof name, "d-late%u", ticks++); /* one before each step, wherever the walk is */
        add_device(fleet, name);
        tick_once(fleet);
    }
    settle(fleet);
    assert_true(ticks >= 3); /* counted, filled, ended */
    assert_int_equal(rollout_now(fleet, id).total, 2 + ticks);
    check_counts(fleet, id);
}

static void test_who_joins_meets_the_last_groups_own_filter_too(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    struct plan *plan = plan_of(fleet, "own", "name==d*", 2);
    plan->rollout.dynamic = true;
    snprintf(plan->groups[1].filter, sizeof plan->groups[1].filter, "name==*-b");
    const int32_t id = make(fleet, plan);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    const int64_t in = add_device(fleet, "d-b");
    const int64_t out = add_device(fleet, "d-a");
    settle(fleet);
    struct ud_row_member member;
    assert_int_equal(member_now(fleet, id, in).group, 2);
    assert_int_equal(ud_store_member_get(fleet->store, id, out, &member), UD_ERR_NOT_FOUND);
}

static void test_a_device_that_many_rollouts_wait_for_goes_to_the_first(void **state)
{
    struct fleet *fleet = fleet_of(state);
    struct ud_row_device row;
    struct ud_row_release release;
    struct ud_row_action action;
    int32_t first = 0;
    add_devices(fleet, "d", 1);
    const int64_t device = device_id(fleet, "d00000");
    assert_int_equal(ud_store_device_get(fleet->store, device, &row), UD_OK);
    assert_int_equal(ud_store_release_get(fleet->store, TENANT, fleet->release, &release), UD_OK);
    assert_int_equal(ud_action_offer(fleet->store, &row, &release, NULL, fleet->now_ms, &action), UD_OK);
    fleet->release = add_release(fleet, "3");
    for (unsigned i = 0; i < 70; i++) {
        char name[16];
        snprintf(name, sizeof name, "r%u", i);
        struct plan *plan = plan_of(fleet, name, "", 1);
        plan->rollout.start_by = 2;
        const int32_t id = make(fleet, plan);
        first = first == 0 ? id : first;
        assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_BLOCKED);
    }
    end_action(fleet, device, UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(member_now(fleet, first, device).state, UD_MEMBER_ACTIVE);
    end_action(fleet, device, UD_ACTION_CLAIMED); /* and the others see that it runs it */
    settle(fleet);
    assert_int_equal(member_now(fleet, first + 69, device).state, UD_MEMBER_CLAIMED);
}

/* Filters were right when their rollouts were made; a later program may know a field no more. */
static void test_a_filter_that_is_not_understood_holds_up_nobody(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 1);
    struct plan *plan = plan_of(fleet, "joined", "name==d*", 1);
    plan->rollout.dynamic = true;
    plan->rollout.start_by = 2;
    const int32_t joined = make(fleet, plan);
    place_sql(fleet->place, "UPDATE rollout SET filter='name==d*;no-such-field==3' WHERE dynamic=1");
    plan = plan_of(fleet, "filled", "no-such-field==3", 1);
    assert_int_equal(ud_rollout_create(fleet->store, &plan->rollout, plan->groups, NULL, 0), UD_OK);
    const int32_t filled = plan->rollout.id;
    const int64_t late = add_device(fleet, "d-late");
    const int32_t other = make(fleet, plan_of(fleet, "other", "name==d-late", 1));
    struct ud_row_member member;
    assert_int_equal(rollout_now(fleet, filled).state, UD_ROLLOUT_STOPPED);
    assert_int_equal(rollout_now(fleet, joined).state, UD_ROLLOUT_RUNNING);
    assert_int_equal(ud_store_member_get(fleet->store, joined, late, &member), UD_ERR_NOT_FOUND);
    assert_int_equal(member_now(fleet, other, late).state, UD_MEMBER_WAITING);
    assert_int_equal(rollout_now(fleet, other).state, UD_ROLLOUT_READY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_i2_who_leaves_when_its_group_has_finished_is_served_again),
        PLACE_TEST(test_i2_a_rollout_that_has_finished_runs_again_for_who_leaves),
        PLACE_TEST(test_i2_what_has_ended_for_good_stays_so),
        PLACE_TEST(test_who_comes_before_a_dynamic_rollout_starts_joins_it),
        PLACE_TEST(test_who_comes_while_a_dynamic_rollout_is_filled_is_in_it_once),
        PLACE_TEST(test_who_joins_meets_the_last_groups_own_filter_too),
        PLACE_TEST(test_a_device_that_many_rollouts_wait_for_goes_to_the_first),
        PLACE_TEST(test_a_filter_that_is_not_understood_holds_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
