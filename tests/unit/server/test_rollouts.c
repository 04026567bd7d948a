/* Rollouts over real stores: filling, groups, limits, two rollouts for one device, devices that go and come. */
#include "helper_rollouts.h"

#include "server/actions.h"
#include "server/patches.h"

#include <stdio.h>
#include <stdlib.h>

static void test_i4_groups_share_out_every_device_once(void **state)
{
    static const struct {
        unsigned devices;
        uint32_t groups;
    } rows[] = {{0, 1}, {0, 3}, {1, 1}, {1, 3}, {2, 3}, {3, 3}, {10, 4}, {100, 16}};
    struct fleet *fleet = fleet_of(state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char prefix[16];
        char filter[40];
        snprintf(prefix, sizeof prefix, "r%zu-", i);
        snprintf(filter, sizeof filter, "name==r%zu-*", i);
        add_devices(fleet, prefix, rows[i].devices);
        const int32_t id = make(fleet, plan_of(fleet, prefix, filter, rows[i].groups));
        uint32_t all = 0;
        for (uint32_t g = 1; g <= rows[i].groups; g++) {
            const uint32_t size =
                ud_group_total(&(struct ud_group_counts){{0}}) + group_now(fleet, id, g).counts.of[0];
            assert_true(size <= (rows[i].devices + rows[i].groups - 1) / rows[i].groups);
            all += size;
        }
        assert_int_equal(all, rows[i].devices);
        assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_READY);
        check_counts(fleet, id);
        assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
        assert_int_equal(rollout_now(fleet, id).state,
                         rows[i].devices == 0 ? UD_ROLLOUT_FINISHED : UD_ROLLOUT_RUNNING);
    }
}

static void test_canary_first_by_a_filter_of_its_own_then_a_number_then_the_rest(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "plain-", 30);
    add_devices(fleet, "canary-", 10);
    struct plan *plan = plan_of(fleet, "canary", "", 3);
    snprintf(plan->groups[0].filter, sizeof plan->groups[0].filter, "name==canary-*");
    plan->groups[0].percent = 5000;
    plan->groups[1].size = 7;
    const int32_t id = make(fleet, plan);
    assert_int_equal(group_now(fleet, id, 1).counts.of[0], 5);
    assert_int_equal(group_now(fleet, id, 2).counts.of[0], 7);
    assert_int_equal(group_now(fleet, id, 3).counts.of[0], 28);
    for (unsigned i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "canary-%05u", i);
        assert_int_equal(member_now(fleet, id, device_id(fleet, name)).group, 1);
    }
    check_counts(fleet, id);
}

static void test_slices_put_thousands_into_their_groups(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "many-", UD_TICK_SPAN + 1001);
    const int32_t id = make(fleet, plan_of(fleet, "many", "name==many-*", 4));
    uint32_t all = 0;
    for (uint32_t g = 1; g <= 4; g++) {
        const uint32_t size = group_now(fleet, id, g).counts.of[0];
        assert_in_range(size, 1249, 1252);
        all += size;
    }
    assert_int_equal(all, UD_TICK_SPAN + 1001);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_WAITING], 0);
    check_counts(fleet, id);
}

static void test_the_next_group_starts_at_the_limit_and_not_before(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 6);
    const int32_t id = make(fleet, plan_of(fleet, "steps", "", 2));
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_ACTIVE], 3);
    assert_int_equal(group_now(fleet, id, 2).state, UD_GROUP_WAITING);
    end_action(fleet, device_id(fleet, "d00000"), UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 2).state, UD_GROUP_WAITING); /* a third is not half */
    end_action(fleet, device_id(fleet, "d00001"), UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 2).state, UD_GROUP_RUNNING);
    assert_int_equal(group_now(fleet, id, 1).state, UD_GROUP_RUNNING); /* it goes on with its third device */
    end_action(fleet, device_id(fleet, "d00002"), UD_ACTION_FAILED);
    for (unsigned i = 3; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%05u", i);
        end_action(fleet, device_id(fleet, name), UD_ACTION_CLAIMED);
    }
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 1).state, UD_GROUP_FINISHED);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_FINISHED);
    check_counts(fleet, id);
}

static void test_more_errors_than_allowed_stop_it_and_a_person_may_go_on(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 4);
    struct plan *plan = plan_of(fleet, "errors", "", 2);
    plan->groups[0].limits.error = 4999;
    const int32_t id = make(fleet, plan);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    end_action(fleet, device_id(fleet, "d00000"), UD_ACTION_REVERTED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_PAUSED);
    assert_int_equal(rollout_now(fleet, id).pause, UD_PAUSE_ERRORS);
    assert_int_equal(group_now(fleet, id, 1).state, UD_GROUP_ERROR);
    assert_int_equal(group_now(fleet, id, 2).counts.of[UD_MEMBER_WAITING], 2); /* nothing more went out */
    end_action(fleet, device_id(fleet, "d00001"), UD_ACTION_CLAIMED);          /* what was under way goes on */
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_CLAIMED], 1);
    assert_int_equal(group_now(fleet, id, 2).state, UD_GROUP_WAITING);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_RESUME, "anna"), UD_OK);
    assert_int_equal(group_now(fleet, id, 2).state, UD_GROUP_RUNNING);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_RUNNING);
}

static void test_a_gate_waits_for_a_person(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    struct plan *plan = plan_of(fleet, "gate", "", 2);
    plan->groups[0].gate = true;
    const int32_t id = make(fleet, plan);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    end_action(fleet, device_id(fleet, "d00000"), UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_PAUSED);
    assert_int_equal(rollout_now(fleet, id).pause, UD_PAUSE_GATE);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_RESUME, "anna"), UD_OK);
    assert_int_equal(group_now(fleet, id, 2).counts.of[UD_MEMBER_ACTIVE], 1);
}

static void test_who_made_a_rollout_cannot_approve_it(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 1);
    struct plan *plan = plan_of(fleet, "approval", "", 1);
    plan->rollout.needs_approval = true;
    const int32_t id = make(fleet, plan);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_APPROVAL);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "boris"), UD_ERR_ROLLOUT_STATE);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_APPROVE, "anna"), UD_ERR_FORBIDDEN);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_DENY, "boris"), UD_OK);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_ERR_ROLLOUT_STATE);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_APPROVE, "boris"), UD_OK);
    assert_string_equal(rollout_now(fleet, id).decided_by, "boris");
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
}

/* I6: pause and stop while devices are at it */
static void test_i6_pausing_leaves_what_is_under_way_and_stopping_cancels_it(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 4);
    const int32_t id = make(fleet, plan_of(fleet, "race", "", 2));
    struct ud_row_device row;
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_PAUSE, "anna"), UD_OK);
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, "d00000", &row), UD_OK);
    assert_false(row.canceling);
    end_action(fleet, row.id, UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 2).state, UD_GROUP_WAITING); /* half, but paused */
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_RESUME, "anna"), UD_OK);
    assert_int_equal(group_now(fleet, id, 2).counts.of[UD_MEMBER_ACTIVE], 2);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_STOP, "anna"), UD_OK);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_STOPPING);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_RESUME, "anna"), UD_ERR_ROLLOUT_STATE);
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, "d00001", &row), UD_OK);
    assert_true(row.canceling);
    end_action(fleet, row.id, UD_ACTION_CLAIMED); /* it was faster than the cancel: the fact counts */
    end_action(fleet, device_id(fleet, "d00002"), UD_ACTION_CANCELED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_STOPPING);
    end_action(fleet, device_id(fleet, "d00003"), UD_ACTION_CANCELED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_STOPPED);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_CLAIMED], 2);
    assert_int_equal(group_now(fleet, id, 2).counts.of[UD_MEMBER_CANCELED], 2);
    check_counts(fleet, id);
}

/* I7 */
static void test_i7_of_two_rollouts_the_weightier_one_has_the_device_and_the_other_waits(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 1);
    const int64_t device = device_id(fleet, "d00000");
    const int32_t other = add_release(fleet, "3");
    const int32_t third = add_release(fleet, "4");
    const int32_t first = make(fleet, plan_of(fleet, "first", "", 1));
    assert_int_equal(wish(fleet, first, UD_ROLLOUT_START, "anna"), UD_OK);
    fleet->release = other; /* of the same weight: it waits, without end if need be */
    const int32_t second = make(fleet, plan_of(fleet, "second", "", 1));
    assert_int_equal(wish(fleet, second, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(member_now(fleet, second, device).state, UD_MEMBER_BLOCKED);
    assert_int_equal(member_now(fleet, first, device).state, UD_MEMBER_ACTIVE);
    end_action(fleet, device, UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(member_now(fleet, first, device).state, UD_MEMBER_CLAIMED);
    assert_int_equal(member_now(fleet, second, device).state, UD_MEMBER_ACTIVE);
    fleet->release = third;
    struct plan *plan = plan_of(fleet, "urgent", "", 1);
    plan->rollout.terms.weight = UD_WEIGHT_DEFAULT + 1;
    const int32_t urgent = make(fleet, plan);
    assert_int_equal(wish(fleet, urgent, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(member_now(fleet, urgent, device).state, UD_MEMBER_ACTIVE);
    struct ud_row_device row;
    assert_int_equal(ud_store_device_get(fleet->store, device, &row), UD_OK);
    assert_true(row.canceling); /* the lighter one is to end first */
    assert_int_equal(row.current_release, other);
    end_action(fleet, device, UD_ACTION_CANCELED);
    settle(fleet);
    assert_int_equal(ud_store_device_get(fleet->store, device, &row), UD_OK);
    assert_int_equal(row.current_release, third);
    assert_int_equal(member_now(fleet, second, device).state, UD_MEMBER_CANCELED);
    check_counts(fleet, second);
}

/* I5 */
static void test_i5_devices_that_go_and_come_again_during_a_rollout(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 4);
    const int32_t id = make(fleet, plan_of(fleet, "going", "", 2));
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    static const char *const going[] = {"d00000", "d00003"}; /* one at it, one waiting */
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ud_store_begin(fleet->store), UD_OK);
        assert_int_equal(ud_store_device_remove(fleet->store, device_id(fleet, going[i])), UD_OK);
        assert_int_equal(ud_store_commit(fleet->store), UD_OK);
    }
    settle(fleet);
    check_counts(fleet, id);
    assert_int_equal(rollout_now(fleet, id).total, 2);
    const int64_t again = add_device(fleet, "d00000"); /* a new device with an old name is no member */
    settle(fleet);
    struct ud_row_member member;
    assert_int_equal(ud_store_member_get(fleet->store, id, again, &member), UD_ERR_NOT_FOUND);
    end_action(fleet, device_id(fleet, "d00001"), UD_ACTION_CLAIMED);
    settle(fleet);
    end_action(fleet, device_id(fleet, "d00002"), UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_FINISHED);
}

static void test_new_devices_join_a_dynamic_rollout_and_it_does_not_end(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    struct plan *plan = plan_of(fleet, "dynamic", "name==d*;created=le=${now_ts}", 2);
    plan->rollout.dynamic = true;
    const int32_t id = make(fleet, plan);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    end_action(fleet, device_id(fleet, "d00000"), UD_ACTION_CLAIMED);
    settle(fleet);
    end_action(fleet, device_id(fleet, "d00001"), UD_ACTION_CLAIMED);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_RUNNING);
    const int64_t late = add_device(fleet, "d-late");
    const int64_t stranger = add_device(fleet, "stranger");
    settle(fleet);
    assert_int_equal(member_now(fleet, id, late).state, UD_MEMBER_ACTIVE);
    assert_int_equal(member_now(fleet, id, late).group, 2);
    struct ud_row_member member;
    assert_int_equal(ud_store_member_get(fleet->store, id, stranger, &member), UD_ERR_NOT_FOUND);
    check_counts(fleet, id);
}

/* I2 and redelivery by policy */
static void test_i2_a_device_that_leaves_its_image_is_given_it_again_as_often_as_policy_says(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 1);
    const int64_t device = device_id(fleet, "d00000");
    struct plan *plan = plan_of(fleet, "again", "", 1);
    plan->rollout.drift = UD_DRIFT_AGAIN;
    plan->rollout.again_max = 2;
    plan->rollout.dynamic = true; /* it stays open, so that a late reversal is still its business */
    plan->groups[0].limits.error = 10000;
    const int32_t id = make(fleet, plan);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    end_action(fleet, device, UD_ACTION_REVERTED);
    settle(fleet);
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_ACTIVE);
    assert_int_equal(member_now(fleet, id, device).attempt, 2);
    end_action(fleet, device, UD_ACTION_CONFIRMED);
    settle(fleet);
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_CONFIRMED);
    leave_image(fleet, id, device);
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_ACTIVE);
    assert_int_equal(member_now(fleet, id, device).attempt, 3);
    end_action(fleet, device, UD_ACTION_REVERTED);
    settle(fleet);
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_REVERTED); /* twice again was all */
    check_counts(fleet, id);
}

static void test_news_of_an_earlier_attempt_change_nothing(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 1);
    const int64_t device = device_id(fleet, "d00000");
    struct plan *plan = plan_of(fleet, "late", "", 1);
    plan->rollout.drift = UD_DRIFT_AGAIN;
    plan->rollout.again_max = 1;
    plan->groups[0].limits.error = 10000;
    const int32_t id = make(fleet, plan);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    const int32_t earlier = member_now(fleet, id, device).action;
    end_action(fleet, device, UD_ACTION_REVERTED);
    settle(fleet);
    struct ud_row_action action;
    assert_int_equal(ud_store_action_get(fleet->store, TENANT, earlier, 0, &action), UD_OK);
    assert_int_equal(ud_action_settle(fleet->store, &action), UD_OK);
    settle(fleet);
    assert_int_equal(member_now(fleet, id, device).state, UD_MEMBER_ACTIVE);
}

static void test_times_start_it_and_end_its_offers(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 4);
    struct plan *plan = plan_of(fleet, "times", "", 2);
    plan->rollout.start_by = 1;
    plan->rollout.start_ms = fleet->now_ms + 5000;
    plan->rollout.end_ms = fleet->now_ms + 9000;
    const int32_t id = make(fleet, plan);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_READY);
    assert_int_equal(settle(fleet), fleet->now_ms + 5000);
    fleet->now_ms += 4999;
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_READY);
    fleet->now_ms += 1;
    assert_int_equal(settle(fleet), fleet->now_ms + 4000);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_RUNNING);
    fleet->now_ms -= 100000; /* I8: the clock steps back, and nothing is undone */
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_RUNNING);
    fleet->now_ms += 104000;
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_PAUSED);
    assert_int_equal(rollout_now(fleet, id).pause, UD_PAUSE_END);
    assert_int_equal(group_now(fleet, id, 2).counts.of[UD_MEMBER_WAITING], 2);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_RESUME, "anna"), UD_ERR_ROLLOUT_STATE);
}

static void test_the_rate_limits_how_many_are_offered(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 10);
    struct plan *plan = plan_of(fleet, "rate", "", 1);
    plan->rollout.rate = (struct ud_rate){.per_minute = 2, .factor = 200, .after = 2};
    const int32_t id = make(fleet, plan);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_ACTIVE], 1);
    const int64_t next = settle(fleet);
    assert_in_range(next, fleet->now_ms + 29000, fleet->now_ms + 31000);
    fleet->now_ms += 60000;
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_ACTIVE], 3);
    end_action(fleet, device_id(fleet, "d00000"), UD_ACTION_CONFIRMED);
    end_action(fleet, device_id(fleet, "d00001"), UD_ACTION_CONFIRMED);
    settle(fleet);
    fleet->now_ms += 60000; /* two confirmed: twice as fast */
    settle(fleet);
    assert_int_equal(group_now(fleet, id, 1).counts.of[UD_MEMBER_WAITING], 3);
}

static void test_i9_a_recalled_release_is_offered_no_more_and_ends_where_it_is_open(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 3);
    const int32_t id = make(fleet, plan_of(fleet, "recall", "", 3));
    struct ud_row_device row;
    struct ud_row_release release;
    struct ud_row_action action;
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(ud_release_recall(fleet->store, TENANT, fleet->release, "bricks", fleet->now_ms), UD_OK);
    settle(fleet);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_PAUSED);
    assert_int_equal(rollout_now(fleet, id).pause, UD_PAUSE_RECALL);
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_RESUME, "anna"), UD_ERR_RECALLED);
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, "d00000", &row), UD_OK);
    assert_true(row.canceling);
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, "d00001", &row), UD_OK);
    assert_int_equal(ud_store_release_get(fleet->store, TENANT, fleet->release, &release), UD_OK);
    assert_int_equal(ud_action_offer(fleet->store, &row, &release, NULL, fleet->now_ms, &action),
                     UD_ERR_RECALLED);
    struct plan *again = plan_of(fleet, "once more", "", 1);
    assert_int_equal(ud_rollout_create(fleet->store, &again->rollout, again->groups, NULL, 0), UD_ERR_RECALLED);
}

static void test_quarantine_holds_a_device_apart_until_it_is_freed(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    struct ud_row_device row;
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, "d00000", &row), UD_OK);
    assert_int_equal(ud_device_quarantine(fleet->store, &row, 0, "talks to strangers", fleet->now_ms), UD_OK);
    const int32_t id = make(fleet, plan_of(fleet, "plan", "", 1));
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(member_now(fleet, id, row.id).state, UD_MEMBER_BLOCKED);
    assert_int_equal(ud_device_release(fleet->store, &row), UD_OK);
    settle(fleet);
    assert_int_equal(member_now(fleet, id, row.id).state, UD_MEMBER_ACTIVE);
    assert_int_equal(ud_device_quarantine(fleet->store, &row, 0, "again", fleet->now_ms), UD_OK);
    assert_true(row.canceling); /* what was under way ends */
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, "d00001", &row), UD_OK);
    assert_int_equal(ud_device_quarantine(fleet->store, &row, fleet->release, "only this", fleet->now_ms),
                     UD_OK);
    assert_false(row.canceling); /* the release that frees it goes on */
}

static void test_a_device_that_runs_it_already_is_offered_nothing(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 1);
    const int64_t device = device_id(fleet, "d00000");
    const int32_t first = make(fleet, plan_of(fleet, "first", "", 1));
    assert_int_equal(wish(fleet, first, UD_ROLLOUT_START, "anna"), UD_OK);
    end_action(fleet, device, UD_ACTION_CLAIMED);
    settle(fleet);
    const int32_t second = make(fleet, plan_of(fleet, "second", "", 1));
    assert_int_equal(wish(fleet, second, UD_ROLLOUT_START, "anna"), UD_OK);
    assert_int_equal(member_now(fleet, second, device).state, UD_MEMBER_CLAIMED);
    assert_int_equal(member_now(fleet, second, device).action, 0);
    assert_int_equal(rollout_now(fleet, second).state, UD_ROLLOUT_FINISHED);
}

static void test_deleting_ends_everything_and_leaves_the_history(void **state)
{
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 2);
    const int64_t device = device_id(fleet, "d00000");
    const int32_t id = make(fleet, plan_of(fleet, "gone", "", 2));
    struct ud_row_rollout row;
    struct ud_row_action action;
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK);
    const int32_t open = member_now(fleet, id, device).action;
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_DELETE, "anna"), UD_OK);
    assert_int_equal(ud_store_rollout_get(fleet->store, TENANT, id, &row), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_store_action_get(fleet->store, TENANT, open, device, &action), UD_OK);
    assert_int_equal(action.state, UD_ACTION_CANCELED);
    make(fleet, plan_of(fleet, "gone", "", 1)); /* its name is free again */
}

static void test_named_devices_are_members_in_their_order(void **state)
{
    static const char *const names[] = {"d00003", "d00001", "d00000"};
    static const char *const unknown[] = {"d00000", "nobody"};
    struct fleet *fleet = fleet_of(state);
    add_devices(fleet, "d", 4);
    struct plan *plan = plan_of(fleet, "named", "", 2);
    plan->groups[0].size = 1;
    assert_int_equal(ud_rollout_create(fleet->store, &plan->rollout, plan->groups, names, 3), UD_OK);
    settle(fleet);
    const int32_t id = plan->rollout.id;
    assert_int_equal(member_now(fleet, id, device_id(fleet, "d00003")).group, 1);
    assert_int_equal(member_now(fleet, id, device_id(fleet, "d00000")).group, 2);
    assert_int_equal(rollout_now(fleet, id).state, UD_ROLLOUT_READY);
    check_counts(fleet, id);
    plan = plan_of(fleet, "unknown", "", 1);
    assert_int_equal(ud_store_begin(fleet->store), UD_OK);
    assert_int_equal(ud_rollout_create(fleet->store, &plan->rollout, plan->groups, unknown, 2),
                     UD_ERR_NOT_FOUND);
    ud_store_rollback(fleet->store);
}

struct found {
    size_t count;
    char last[UD_NAME_BYTES_MAX + 1];
};

static void each_found(void *ctx, const struct ud_row_device *device)
{
    struct found *found = ctx;
    found->count++;
    memcpy(found->last, device->name, sizeof found->last);
}

/* F7: filters run as bound statements on both databases, and what costs too much is refused or counted less exactly */
static void test_f7_filters_find_devices_and_no_more(void **state)
{
    static const struct {
        const char *filter;
        uint32_t total;
    } rows[] = {{"", 25},
                {"name==A-*", 20},
                {"name==a-0000?", 0},
                {"name==a_0000*", 0},
                {"name==a-00003", 1},
                {"name=in=(a-00003,b-00001,zz)", 2},
                {"name!=a-*", 5},
                {"name=out=(a-*,b-00000)", 4},
                {"status==unknown", 25},
                {"status==error", 0},
                {"type==gateway", 25},
                {"type!=gateway", 0},
                {"attribute.hw==r2", 1},
                {"attribute.hw!=r2", 24},
                {"attribute.hw==''", 24},
                {"attribute.hw==R*;name==a-*", 1},
                {"attribute.\"hw", 0},
                {"name==\"' OR 1=1 --\"", 0},
                {"quarantined==true", 0},
                {"lastseen=lt=${now_ts};created=gt=5", 25},
                {"runs==0", 25},
                {"tag==canary", 0},
                {"rollout==1", 0}};
    struct fleet *fleet = fleet_of(state);
    struct ud_fiql *filter = malloc(sizeof *filter);
    struct ud_fiql_wrong wrong;
    assert_non_null(filter);
    add_devices(fleet, "a-", 20);
    add_devices(fleet, "b-", 5);
    assert_int_equal(ud_store_attribute_set(fleet->store, TENANT, device_id(fleet, "a-00007"), "hw", "r2"),
                     UD_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_page page = {.offset = 1, .limit = 2};
        struct found found = {.count = 0};
        bool exact = false;
        if (ud_device_filter(filter, rows[i].filter, TENANT, (struct ud_moment){fleet->now_ms, 0}, false,
                             &wrong) != UD_OK) {
            assert_int_equal(rows[i].total, 0);
            continue;
        }
        const ud_err err =
            ud_store_device_search(fleet->store, TENANT, "", filter, "d.id", &page, &exact, each_found, &found);
        const size_t want = rows[i].total <= 1 ? 0 : rows[i].total - 1 < 2 ? rows[i].total - 1 : 2;
        if (err != UD_OK || !exact || page.total != rows[i].total || found.count != want) {
            fail_msg("%s: %s, %u of which %zu: %s", rows[i].filter, ud_err_name(err), page.total, found.count,
                     ud_store_message(fleet->store));
        }
        uint32_t matching = 0; /* one after the other, in the form for walks */
        struct ud_slice slice = {.tenant = TENANT, .span = 7, .filter = filter};
        assert_int_equal(ud_device_filter(filter, rows[i].filter, TENANT, (struct ud_moment){fleet->now_ms, 0},
                                          true, &wrong),
                         UD_OK);
        while (!slice.end) {
            assert_int_equal(ud_store_slice_count(fleet->store, &slice), UD_OK);
            matching += slice.matched;
        }
        assert_int_equal(matching, rows[i].total);
    }
    free(filter);
}

static void runs(struct fleet *fleet, const char *name, uint8_t image)
{
    struct ud_row_device row;
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, name, &row), UD_OK);
    row.has_report = row.has_running = true;
    memset(row.running_digest, image, sizeof row.running_digest);
    assert_int_equal(ud_store_device_report_set(fleet->store, &row), UD_OK);
}

static void announces(struct fleet *fleet, const char *name, const char *profile)
{
    struct ud_row_device row;
    assert_int_equal(ud_store_device_find(fleet->store, TENANT, name, &row), UD_OK);
    assert_int_equal(ud_store_attribute_set(fleet->store, TENANT, row.id, "patchProfile", profile), UD_OK);
}

static void test_what_most_devices_of_a_group_run_comes_first_and_savings_add_up(void **state)
{
    struct fleet *fleet = fleet_of(state);
    struct ud_row_precursor found[4];
    size_t count = 0;
    add_devices(fleet, "p", 10); /* the last three have never said what they take */
    for (unsigned i = 0; i < 7; i++) {
        char name[40];
        snprintf(name, sizeof name, "p%05u", i);
        runs(fleet, name, i < 2 ? 1 : i < 6 ? 2 : 3);
        announces(fleet, name, i == 5 ? "p1" : i == 6 ? "brotli" : "p3");
    }
    runs(fleet, "p00008", 4); /* it takes no patches, or is not ours */
    runs(fleet, "p00009", 4);
    announces(fleet, "p00009", "so long that it can be none of ours");
    const int32_t id = make(fleet, plan_of(fleet, "patches", "name==p*", 1));
    assert_int_equal(ud_store_rollout_precursors(fleet->store, id, 1, found, 4, &count), UD_OK);
    assert_int_equal(count, 4);
    assert_int_equal(found[0].digest[0], 2); /* three of them */
    assert_string_equal(found[0].profile, "p3");
    assert_int_equal(found[1].digest[0], 1); /* two */
    assert_int_equal(found[2].digest[31], 2);
    assert_string_equal(found[2].profile, "p1");
    assert_int_equal(found[3].digest[31], 3);
    uint8_t profile = 0;
    assert_false(ud_patch_profile_parse(found[3].profile, &profile));
    assert_int_equal(ud_store_rollout_precursors(fleet->store, id, 1, found, 1, &count), UD_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ud_store_rollout_precursors(fleet->store, id, 2, found, 4, &count), UD_OK);
    assert_int_equal(count, 0);
    assert_int_equal(ud_store_rollout_saved(fleet->store, id, 5000000000), UD_OK);
    assert_int_equal(ud_store_rollout_saved(fleet->store, id, 7), UD_OK);
    assert_int_equal(ud_store_rollout_saved(fleet->store, id + 1000, 7), UD_OK); /* gone meanwhile */
    assert_int_equal(wish(fleet, id, UD_ROLLOUT_START, "anna"), UD_OK); /* steps leave the sums alone */
    const struct ud_row_rollout row = rollout_now(fleet, id);
    assert_int_equal(row.patches, 2);
    assert_true(row.saved_bytes == 5000000007);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_what_most_devices_of_a_group_run_comes_first_and_savings_add_up),
        PLACE_TEST(test_i4_groups_share_out_every_device_once),
        PLACE_TEST(test_canary_first_by_a_filter_of_its_own_then_a_number_then_the_rest),
        PLACE_TEST(test_slices_put_thousands_into_their_groups),
        PLACE_TEST(test_the_next_group_starts_at_the_limit_and_not_before),
        PLACE_TEST(test_more_errors_than_allowed_stop_it_and_a_person_may_go_on),
        PLACE_TEST(test_a_gate_waits_for_a_person),
        PLACE_TEST(test_who_made_a_rollout_cannot_approve_it),
        PLACE_TEST(test_i6_pausing_leaves_what_is_under_way_and_stopping_cancels_it),
        PLACE_TEST(test_i7_of_two_rollouts_the_weightier_one_has_the_device_and_the_other_waits),
        PLACE_TEST(test_i5_devices_that_go_and_come_again_during_a_rollout),
        PLACE_TEST(test_new_devices_join_a_dynamic_rollout_and_it_does_not_end),
        PLACE_TEST(test_i2_a_device_that_leaves_its_image_is_given_it_again_as_often_as_policy_says),
        PLACE_TEST(test_news_of_an_earlier_attempt_change_nothing),
        PLACE_TEST(test_times_start_it_and_end_its_offers),
        PLACE_TEST(test_the_rate_limits_how_many_are_offered),
        PLACE_TEST(test_i9_a_recalled_release_is_offered_no_more_and_ends_where_it_is_open),
        PLACE_TEST(test_quarantine_holds_a_device_apart_until_it_is_freed),
        PLACE_TEST(test_a_device_that_runs_it_already_is_offered_nothing),
        PLACE_TEST(test_deleting_ends_everything_and_leaves_the_history),
        PLACE_TEST(test_named_devices_are_members_in_their_order),
        PLACE_TEST(test_f7_filters_find_devices_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
