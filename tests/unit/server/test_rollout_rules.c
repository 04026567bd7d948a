/* The rules of rollouts: states, limits at their edges, groups of none, one and three, rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/rollout_rules.h"

#include <string.h>

static void test_what_is_not_in_the_table_is_refused_and_every_state_can_be_left_or_is_an_end(void **state)
{
    (void)state;
    for (int from = UD_ROLLOUT_CREATING; from < UD_ROLLOUT_STATE_COUNT; from++) {
        size_t ways = 0;
        for (int event = 0; event < UD_ROLLOUT_EVENT_COUNT; event++) {
            ud_rollout_state next = UD_ROLLOUT_CREATING;
            const ud_err err = ud_rollout_next((ud_rollout_state)from, (ud_rollout_event)event, &next);
            assert_true(err == UD_OK || err == UD_ERR_ROLLOUT_STATE);
            assert_true(err == UD_OK || next == UD_ROLLOUT_CREATING);
            ways += err == UD_OK ? 1 : 0;
        }
        assert_true((ways == 0) == (from == UD_ROLLOUT_DELETING));
        assert_string_not_equal(ud_rollout_state_name((ud_rollout_state)from), "?");
    }
}

static void test_what_may_not_happen(void **state)
{
    static const struct {
        ud_rollout_state state;
        ud_rollout_event event;
    } rows[] = {
        {UD_ROLLOUT_APPROVAL, UD_ROLLOUT_START}, /* the separation of rights stands on this one */
        {UD_ROLLOUT_DENIED, UD_ROLLOUT_START},     {UD_ROLLOUT_CREATING, UD_ROLLOUT_START},
        {UD_ROLLOUT_CREATING, UD_ROLLOUT_APPROVE}, {UD_ROLLOUT_STOPPED, UD_ROLLOUT_RESUME},
        {UD_ROLLOUT_STOPPING, UD_ROLLOUT_RESUME},  {UD_ROLLOUT_FINISHED, UD_ROLLOUT_START},
        {UD_ROLLOUT_PAUSED, UD_ROLLOUT_DONE},      {UD_ROLLOUT_RUNNING, UD_ROLLOUT_START},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ud_rollout_state next;
        assert_int_equal(ud_rollout_next(rows[i].state, rows[i].event, &next), UD_ERR_ROLLOUT_STATE);
    }
}

struct counted {
    uint32_t open, good, claimed, bad, skipped;
    uint16_t success, error;
    bool claims;
    bool is_error, is_success, is_complete;
};

/* I4: limits at their edges, in groups of none, one, three, ten and a hundred */
static void test_i4_limits_at_their_edges(void **state)
{
    static const struct counted rows[] = {
        {0, 0, 0, 0, 0, 5000, 5000, true, false, true, true}, /* nothing to wait for */
        {0, 0, 0, 0, 5, 5000, 0, true, false, true, true},    /* the release was for none of them */
        {1, 0, 0, 0, 0, 5000, 5000, true, false, false, false},
        {0, 1, 0, 0, 0, 10000, 0, true, false, true, true},
        {0, 0, 0, 1, 0, 5000, 5000, true, true, true, true},
        {0, 0, 0, 1, 0, 5000, 10000, true, false, true, true}, /* 100 % may fail: it never stops */
        {2, 1, 0, 0, 0, 3334, 0, true, false, false, false},   /* 33.33 % is below 33.34 */
        {2, 1, 0, 0, 0, 3333, 0, true, false, true, false},
        {2, 0, 0, 1, 0, 5000, 3333, true, true, false, false}, /* a third is more than 33.33 % */
        {2, 0, 0, 1, 0, 5000, 3334, true, false, false, false},
        {9, 0, 0, 1, 0, 5000, 1000, true, false, false, false}, /* exactly the limit is allowed */
        {8, 0, 0, 2, 0, 5000, 1000, true, true, false, false},
        {90, 0, 0, 10, 0, 5000, 1000, true, false, false, false},
        {89, 0, 0, 11, 0, 5000, 1000, true, true, false, false},
        {5, 5, 0, 0, 0, 5000, 1000, true, false, true, false}, /* half is enough for half */
        {6, 4, 0, 0, 0, 5000, 1000, true, false, false, false},
        {5, 0, 5, 0, 0, 5000, 1000, true, false, true, false},
        {5, 0, 5, 0, 0, 5000, 1000, false, false, false, false}, /* claims do not count here */
        {0, 0, 10, 0, 0, 5000, 1000, false, false, true, true},
        {1, 0, 0, 0, 9, 5000, 0, true, false, false, false},
        {0, 1, 0, 0, 9, 10000, 0, true, false, true, true},
        {9, 0, 0, 1, 0, 5000, 0, true, true, false, false}, /* none may fail */
        {10, 0, 0, 0, 0, 0, 0, true, false, true, false}, /* success of nothing: the next one starts at once */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct counted *r = &rows[i];
        const struct ud_group_limits limits = {r->success, r->error, r->claims};
        struct ud_group_counts counts = {{0}};
        counts.of[i % 3] = r->open; /* waiting, blocked and active are open alike */
        counts.of[UD_MEMBER_CONFIRMED] = r->good;
        counts.of[UD_MEMBER_CLAIMED] = r->claimed;
        counts.of[UD_MEMBER_FAILED + i % 3] = r->bad; /* failed, reverted and drifted alike */
        counts.of[UD_MEMBER_SKIPPED] = r->skipped;
        const struct ud_group_verdict got = ud_group_judge(&counts, &limits);
        if (got.error != r->is_error || got.success != r->is_success || got.complete != r->is_complete) {
            fail_msg("row %zu: error %d success %d complete %d", i, got.error, got.success, got.complete);
        }
    }
}

static void test_canceled_devices_are_neither_good_nor_bad(void **state)
{
    const struct ud_group_limits limits = {5000, 0, true};
    struct ud_group_counts counts = {{0}};
    (void)state;
    counts.of[UD_MEMBER_CANCELED] = 3;
    counts.of[UD_MEMBER_ACTIVE] = 1;
    assert_false(ud_group_judge(&counts, &limits).error);
    assert_false(ud_group_judge(&counts, &limits).success);
}

static void test_shares_leave_nobody_out(void **state)
{
    (void)state;
    for (uint32_t total = 0; total < 300; total++) {
        for (uint16_t percent = 0; percent <= 10000; percent = (uint16_t)(percent + 500)) {
            const uint32_t first = ud_group_share(total, percent, false);
            assert_true(first <= total);
            assert_int_equal(first + ud_group_share(total - first, 0, true), total);
        }
    }
    assert_int_equal(ud_group_share(3, 5000, false), 2); /* 1.5: halves up */
    assert_int_equal(ud_group_share(1, 4999, false), 0);
    assert_int_equal(ud_group_share(1, 5000, false), 1);
    assert_int_equal(ud_group_share(4000000000U, 10000, false), 4000000000U);
}

static void test_the_rate_grows_with_what_is_confirmed(void **state)
{
    const struct ud_rate rate = {.per_minute = 10, .factor = 200, .after = 100, .per_minute_max = 75};
    const struct ud_rate flat = {.per_minute = 10};
    const struct ud_rate slow = {.per_minute = 1, .factor = 110, .after = 1};
    (void)state;
    assert_int_equal(ud_rate_at(&rate, 0), 10);
    assert_int_equal(ud_rate_at(&rate, 99), 10);
    assert_int_equal(ud_rate_at(&rate, 100), 20);
    assert_int_equal(ud_rate_at(&rate, 299), 40);
    assert_int_equal(ud_rate_at(&rate, 300), 75);
    assert_int_equal(ud_rate_at(&rate, UINT32_MAX), 75);
    assert_int_equal(ud_rate_at(&flat, UINT32_MAX), 10);
    assert_int_equal(ud_rate_at(&slow, 3), 4); /* rounding never keeps it from growing */
    assert_int_equal(ud_rate_at(&slow, UINT32_MAX), UINT32_MAX);
    assert_int_equal(ud_rate_at(&(struct ud_rate){.per_minute = 0}, 0), UINT32_MAX);
}

static void test_a_bucket_gives_the_rate_and_no_more(void **state)
{
    struct ud_bucket bucket = {0, 0};
    (void)state;
    assert_int_equal(ud_bucket_take(&bucket, 60, 1000, 100), 1);
    assert_int_equal(ud_bucket_take(&bucket, 60, 1000, 100), 0);
    assert_int_equal(ud_bucket_wait_ms(&bucket, 60), 1000);
    assert_int_equal(ud_bucket_take(&bucket, 60, 1999, 100), 0);
    assert_int_equal(ud_bucket_take(&bucket, 60, 2000, 100), 1);
    assert_int_equal(ud_bucket_take(&bucket, 60, 12000, 4), 4);
    assert_int_equal(ud_bucket_take(&bucket, 60, 12000, 100), 6);
    /* an hour of silence is worth one minute */
    assert_int_equal(ud_bucket_take(&bucket, 60, 3612000, 1000), 60);
    assert_int_equal(ud_bucket_take(&bucket, UINT32_MAX, 3612000, 1000), 1000);
    ud_bucket_return(&bucket, 2);
    assert_int_equal(ud_bucket_take(&bucket, 60, 3612000, 100), 2);
}

static void test_i8_a_clock_that_steps_gives_no_flood_and_no_standstill(void **state)
{
    struct ud_bucket bucket = {0, 0};
    (void)state;
    assert_int_equal(ud_bucket_take(&bucket, 60, 1000000, 100), 1);
    assert_int_equal(ud_bucket_take(&bucket, 60, 500000, 100), 0); /* back: nothing for it */
    assert_int_equal(ud_bucket_take(&bucket, 60, 502000, 100), 2); /* and time goes on from there */
    assert_int_equal(ud_bucket_take(&bucket, 60, INT64_C(90000000000), 100000), 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_in_the_table_is_refused_and_every_state_can_be_left_or_is_an_end),
        cmocka_unit_test(test_what_may_not_happen),
        cmocka_unit_test(test_i4_limits_at_their_edges),
        cmocka_unit_test(test_canceled_devices_are_neither_good_nor_bad),
        cmocka_unit_test(test_shares_leave_nobody_out),
        cmocka_unit_test(test_the_rate_grows_with_what_is_confirmed),
        cmocka_unit_test(test_a_bucket_gives_the_rate_and_no_more),
        cmocka_unit_test(test_i8_a_clock_that_steps_gives_no_flood_and_no_standstill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
