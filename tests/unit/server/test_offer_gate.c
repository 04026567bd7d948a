/* What a device may see of its action now, and how long it sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/offer_gate.h"

#include "server/window_table.h"

#include <stdio.h>

static const struct ud_zone utc = {.offset_s = 0};

static struct ud_fleet_device device_with(ud_force force)
{
    return (struct ud_fleet_device){.id = 5, .current_action = 7, .force = force, .zone = &utc};
}

static void test_what_is_offered(void **state)
{
    struct ud_offer_gate gate;
    (void)state;
    struct ud_fleet_device device = device_with(UD_FORCE_FORCED);
    ud_offer_look(&device, 1000, &gate);
    assert_true(gate.offered && gate.forced && gate.open && !gate.has_window);
    device.canceling = true;
    ud_offer_look(&device, 1000, &gate);
    assert_false(gate.offered);
    device = device_with(UD_FORCE_SOFT);
    device.waits = true;
    ud_offer_look(&device, 1000, &gate);
    assert_true(gate.waits && !gate.offered && !gate.forced);
    device = (struct ud_fleet_device){.zone = &utc};
    ud_offer_look(&device, 1000, &gate);
    assert_false(gate.offered);
}

static void test_a_timed_action_becomes_forced_at_its_time(void **state)
{
    struct ud_offer_gate gate;
    (void)state;
    struct ud_fleet_device device = device_with(UD_FORCE_TIMED);
    device.force_ms = 5000;
    ud_offer_look(&device, 4999, &gate);
    assert_false(gate.forced);
    ud_offer_look(&device, 5000, &gate);
    assert_true(gate.forced);
}

static void test_windows_by_their_texts(void **state)
{
    struct ud_window_table *table = NULL;
    struct ud_terms terms = {.schedule = "0 0 1 * * ?", .duration = "01:00:00", .zone = "device"};
    const struct ud_terms wrong = {.schedule = "no schedule", .duration = "01:00:00"};
    const struct ud_terms none = {.weight = 1};
    struct ud_offer_gate gate;
    (void)state;
    assert_int_equal(ud_window_table_open(&table), UD_OK);
    struct ud_fleet_device device = device_with(UD_FORCE_FORCED);
    device.window = ud_window_table_find(table, &terms);
    assert_ptr_equal(device.window, ud_window_table_find(table, &terms)); /* parsed once */
    assert_null(ud_window_table_find(table, &none));
    device.zone = ud_zone_table_find(table, "+02:00");
    ud_offer_look(&device, 3600000 * INT64_C(23), &gate); /* one o'clock there */
    assert_true(gate.has_window && gate.open && gate.offered);
    ud_offer_look(&device, 3600000 * INT64_C(22), &gate);
    assert_true(!gate.open && !gate.offered && gate.opens_ms == 3600000 * INT64_C(23));
    device.window = ud_window_table_find(table, &wrong); /* what is not understood never opens: it fails shut */
    ud_offer_look(&device, 3600000, &gate);
    assert_true(gate.has_window && !gate.open && gate.lapsed);
    assert_int_equal(ud_zone_table_find(table, "No/Where")->offset_s, 0);
    ud_window_table_close(table);
}

static uint32_t sleep_of(const struct ud_fleet_device *device, const struct ud_offer_gate *gate,
                         uint32_t poll_s, uint32_t jitter, int64_t now_ms)
{
    const struct ud_interval interval = {.s = poll_s};
    const struct ud_tenant_settings settings = {.jitter_percent = jitter, .window_polls = 3};
    return ud_poll_sleep_s(device, gate, &interval, &settings, now_ms);
}

static void test_sleeps_spread_by_the_jitter_and_are_the_same_at_each_poll(void **state)
{
    const struct ud_offer_gate gate = {.open = true};
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    (void)state;
    for (int64_t id = 1; id < 2000; id++) {
        const struct ud_fleet_device device = {.id = id};
        const uint32_t sleep = sleep_of(&device, &gate, 300, 10, 0);
        assert_int_equal(sleep, sleep_of(&device, &gate, 300, 10, 99999));
        low = sleep < low ? sleep : low;
        high = sleep > high ? sleep : high;
        assert_int_equal(sleep_of(&device, &gate, 300, 0, 0), 300);
    }
    assert_int_equal(low, 270);
    assert_int_equal(high, 330);
    const struct ud_fleet_device device = {.id = 1};
    assert_true(sleep_of(&device, &gate, 86399, 50, 0) <= 86399);
    assert_true(sleep_of(&device, &gate, 1, 50, 0) >= 1);
}

static void test_an_intervals_own_jitter_comes_before_the_servers(void **state)
{
    const struct ud_offer_gate gate = {.open = true};
    const struct ud_tenant_settings settings = {.jitter_percent = 50, .window_polls = 3};
    const struct ud_interval exact = {.s = 300, .has_jitter = true};
    const struct ud_interval some = {.s = 300, .jitter_percent = 10, .has_jitter = true};
    (void)state;
    for (int64_t id = 1; id < 200; id++) {
        const struct ud_fleet_device device = {.id = id};
        assert_int_equal(ud_poll_sleep_s(&device, &gate, &exact, &settings, 0), 300);
        assert_in_range(ud_poll_sleep_s(&device, &gate, &some, &settings, 0), 270, 330);
    }
}

static void test_a_device_is_awake_for_its_window(void **state)
{
    const struct ud_fleet_device device = {.id = 1};
    struct ud_offer_gate gate = {.has_window = true, .opens_ms = 90000};
    (void)state;
    assert_int_equal(sleep_of(&device, &gate, 3600, 0, 0), 30);
    gate.opens_ms = 3600000;
    assert_int_equal(sleep_of(&device, &gate, 3600, 0, 0), 1200);
    gate.opens_ms = INT64_C(360000000);
    assert_int_equal(sleep_of(&device, &gate, 3600, 0, 0), 3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_offered),
        cmocka_unit_test(test_a_timed_action_becomes_forced_at_its_time),
        cmocka_unit_test(test_windows_by_their_texts),
        cmocka_unit_test(test_sleeps_spread_by_the_jitter_and_are_the_same_at_each_poll),
        cmocka_unit_test(test_an_intervals_own_jitter_comes_before_the_servers),
        cmocka_unit_test(test_a_device_is_awake_for_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
