/* What a rollout will do: groups, limits, time with rates and windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/forecast.h"
#include "server/window.h"

#include <stdio.h>

#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define NOW INT64_C(1000000000000) /* 2001-09-09 01:46:40 UTC */

struct plan {
    struct ud_row_rollout rollout;
    struct ud_row_group groups[4];
    uint32_t filtered[4];
    struct ud_forecast_group out[4];
    struct ud_forecast forecast;
    struct ud_forecast_facts facts;
};

static void prepare(struct plan *plan, uint32_t groups, uint32_t devices)
{
    memset(plan, 0, sizeof *plan);
    plan->rollout.group_count = groups;
    for (uint32_t i = 0; i < groups; i++) {
        plan->groups[i].percent = (uint16_t)(10000 / (groups - i));
        plan->groups[i].limits = (struct ud_group_limits){9500, 300, false};
        plan->filtered[i] = devices;
    }
    plan->forecast.groups = plan->out;
    plan->facts = (struct ud_forecast_facts){.rollout = &plan->rollout,
                                             .groups = plan->groups,
                                             .devices = devices,
                                             .filtered = plan->filtered,
                                             .device_ms = 10 * MINUTE,
                                             .bytes_each = 1000,
                                             .now_ms = NOW};
}

static void test_groups_take_their_shares_and_the_last_one_the_rest(void **state)
{
    (void)state;
    struct plan plan;
    prepare(&plan, 3, 1000);
    plan.groups[0].size = 7;
    plan.groups[1].percent = 5000;
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_int_equal(plan.out[0].devices, 7);
    assert_int_equal(plan.out[1].devices, 497); /* half of 993, halves up */
    assert_int_equal(plan.out[2].devices, 496);
    assert_int_equal(plan.forecast.devices, 1000);
    assert_int_equal(plan.forecast.bytes, 1000000);
    assert_int_equal(plan.out[0].opens_at, 7); /* 95 % of 7, rounded up */
    assert_int_equal(plan.out[1].stops_above, 14);
}

static void test_a_groups_own_filter_bounds_it(void **state)
{
    (void)state;
    struct plan plan;
    prepare(&plan, 2, 100);
    snprintf(plan.groups[0].filter, sizeof plan.groups[0].filter, "tag==lab");
    plan.groups[0].percent = 10000;
    plan.filtered[0] = 3;
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_int_equal(plan.out[0].devices, 3);
    assert_int_equal(plan.out[1].devices, 97);
}

static void test_time_is_that_of_one_group_after_the_other(void **state)
{
    (void)state;
    struct plan plan;
    prepare(&plan, 2, 1000);
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_true(plan.forecast.start_ms == NOW);
    assert_true(plan.forecast.end_ms == NOW + 20 * MINUTE);
    plan.rollout.rate.per_minute = 50; /* ten minutes for each group's 500 */
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_true(plan.forecast.end_ms == NOW + 40 * MINUTE);
    assert_true(plan.out[1].start_ms == NOW + 20 * MINUTE);
    plan.rollout.rate = (struct ud_rate){.per_minute = 50, .factor = 200, .after = 500, .per_minute_max = 100};
    ud_forecast_make(&plan.facts, &plan.forecast); /* the second half goes twice as fast */
    assert_true(plan.forecast.end_ms == NOW + 35 * MINUTE);
    plan.rollout.rate = (struct ud_rate){.per_minute = 0};
    plan.rollout.bytes_per_s = 100; /* 500 devices of 1000 bytes: 5000 s */
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_true(plan.forecast.end_ms == NOW + 2 * (INT64_C(5000) * 1000 + 10 * MINUTE));
    plan.rollout.start_ms = NOW + HOUR;
    plan.rollout.end_ms = NOW + HOUR + MINUTE;
    plan.groups[0].gate = true;
    plan.groups[1].gate = true; /* behind the last group nobody waits */
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_true(plan.forecast.start_ms == NOW + HOUR);
    assert_true(plan.forecast.late);
    assert_int_equal(plan.forecast.gates, 1);
}

static void test_time_passes_only_while_the_window_is_open(void **state)
{
    (void)state;
    struct ud_window window;
    struct plan plan;
    assert_int_equal(ud_window_parse(&window, "0 0 3 * * ?", "01:00:00", "UTC"), UD_OK); /* 03:00 to 04:00 */
    const int64_t three = NOW / (24 * HOUR) * (24 * HOUR) + 3 * HOUR;
    assert_true(ud_forecast_open_time(&window, NOW, 0) == three);
    assert_true(ud_forecast_open_time(&window, NOW, 30 * MINUTE) == three + 30 * MINUTE);
    assert_true(ud_forecast_open_time(&window, NOW, 90 * MINUTE) == three + 24 * HOUR + 30 * MINUTE);
    assert_true(ud_forecast_open_time(NULL, NOW, HOUR) == NOW + HOUR);
    prepare(&plan, 1, 10);
    plan.facts.window = &window;
    plan.facts.device_ms = INT64_C(90) * MINUTE;
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_true(plan.forecast.start_ms == three);
    assert_true(plan.forecast.end_ms == three + 24 * HOUR + 30 * MINUTE);
    assert_int_equal(ud_window_parse(&window, "0 0 3 1 1 ? 1999", "01:00:00", "UTC"),
                     UD_OK); /* was open once */
    ud_forecast_make(&plan.facts, &plan.forecast);
    assert_true(plan.forecast.start_ms == 0 && plan.forecast.end_ms == 0);
    /* in the zone of the device that asks: no device asks here, UTC stands for all */
    assert_int_equal(ud_window_parse(&window, "0 0 3 * * ?", "01:00:00", UD_ZONE_OF_DEVICE), UD_OK);
    assert_true(ud_forecast_open_time(&window, NOW, 30 * MINUTE) == three + 30 * MINUTE);
}

static void test_it_says_how_many_how_long_and_how_much(void **state)
{
    (void)state;
    struct ud_says says;
    struct ud_forecast forecast = {.devices = 18010,
                                   .bytes = UINT64_C(3328599654),
                                   .start_ms = NOW,
                                   .end_ms = NOW + 4 * 24 * (int64_t)HOUR};
    ud_says_forecast(&forecast, NOW, &says);
    assert_string_equal(says.bold, "18,010 devices, done in about 4 days, at most 3.0 GiB.");
    assert_string_equal(says.rest, "Nothing has started yet.");
    forecast.gates = 2;
    ud_says_forecast(&forecast, NOW, &says);
    assert_string_equal(says.lede, "two steps wait for a person; that waiting is not counted.");
    forecast.end_ms = 0;
    ud_says_forecast(&forecast, NOW, &says);
    assert_string_equal(says.bold, "18,010 devices, no end in sight, at most 3.0 GiB.");
    forecast.devices = 0;
    ud_says_forecast(&forecast, NOW, &says);
    assert_string_equal(says.bold, "No device would get it.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_take_their_shares_and_the_last_one_the_rest),
        cmocka_unit_test(test_a_groups_own_filter_bounds_it),
        cmocka_unit_test(test_time_is_that_of_one_group_after_the_other),
        cmocka_unit_test(test_time_passes_only_while_the_window_is_open),
        cmocka_unit_test(test_it_says_how_many_how_long_and_how_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
