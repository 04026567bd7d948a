/* Who counts as seen: devices that poll, and devices that said how long they may be silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/fleet.h"

#include <stdio.h>
#include <string.h>

#define NOW_MS INT64_C(1700000000000)
#define MINUTE_MS 60000
#define HOUR_MS (60 * (int64_t)MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define REACH_MS (15 * (int64_t)MINUTE_MS) /* three polls */

static struct ud_fleet *fleet_of(int64_t devices)
{
    struct ud_fleet *fleet = NULL;
    assert_int_equal(ud_fleet_open(&fleet), UD_OK);
    for (int64_t id = 1; id <= devices; id++) {
        struct ud_row_device row = {.id = id, .tenant = UD_TENANT_DEFAULT};
        snprintf(row.name, sizeof row.name, "d%d", (int)id);
        assert_int_equal(ud_fleet_put(fleet, &row), UD_OK);
    }
    return fleet;
}

static size_t reachable(struct ud_fleet *fleet, int64_t at_ms)
{
    return ud_fleet_seen_since(fleet, UD_TENANT_DEFAULT, at_ms - REACH_MS);
}

static void test_a_registered_device_counts_as_long_as_its_registration_lives(void **state)
{
    struct ud_fleet *fleet = fleet_of(3);
    (void)state;
    ud_fleet_lives(fleet, 2, 24 * 3600);
    for (int64_t id = 1; id <= 3; id++) {
        assert_int_equal(ud_fleet_touch(fleet, id, NOW_MS), UD_OK);
    }
    assert_int_equal(reachable(fleet, NOW_MS), 3);
    assert_int_equal(reachable(fleet, NOW_MS + HOUR_MS), 1); /* the two that poll are silent */
    assert_int_equal(reachable(fleet, NOW_MS + DAY_MS), 1);
    assert_int_equal(reachable(fleet, NOW_MS + DAY_MS + HOUR_MS), 0);
    /* said after it was seen: the same; and taken back */
    ud_fleet_lives(fleet, 3, 2 * 3600);
    assert_int_equal(reachable(fleet, NOW_MS + HOUR_MS), 2);
    ud_fleet_lives(fleet, 2, 0);
    assert_int_equal(reachable(fleet, NOW_MS + HOUR_MS), 1);
    struct ud_fleet_device device;
    assert_int_equal(ud_fleet_get(fleet, 3, &device), UD_OK);
    assert_int_equal(device.lives_s, 2 * 3600);
    assert_true(device.last_seen_ms == NOW_MS); /* when it was seen is another question */
    ud_fleet_close(fleet);
}

static void test_what_is_counted_goes_with_the_device_and_never_twice(void **state)
{
    struct ud_fleet *fleet = fleet_of(2);
    (void)state;
    ud_fleet_lives(fleet, 1, 3600);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ud_fleet_touch(fleet, 1, NOW_MS + i * MINUTE_MS), UD_OK);
        assert_int_equal(ud_fleet_seen_since(fleet, UD_TENANT_DEFAULT, NOW_MS - DAY_MS), 1);
    }
    assert_int_equal(ud_fleet_touch(fleet, 2, NOW_MS + HOUR_MS), UD_OK);
    assert_int_equal(ud_fleet_seen_since(fleet, UD_TENANT_DEFAULT, NOW_MS - DAY_MS), 2);
    ud_fleet_remove(fleet, 1);
    assert_int_equal(ud_fleet_seen_since(fleet, UD_TENANT_DEFAULT, NOW_MS - DAY_MS), 1);
    ud_fleet_close(fleet);
}

/* A lifetime may be a year; the count looks a week ahead, and what is further counts until then. */
static void test_a_very_long_lifetime_counts_for_a_week(void **state)
{
    struct ud_fleet *fleet = fleet_of(1);
    (void)state;
    ud_fleet_lives(fleet, 1, UINT32_MAX);
    assert_int_equal(ud_fleet_touch(fleet, 1, NOW_MS), UD_OK);
    assert_int_equal(reachable(fleet, NOW_MS + 7 * DAY_MS), 1);
    assert_int_equal(reachable(fleet, NOW_MS + 8 * DAY_MS), 0);
    ud_fleet_close(fleet);
}

static bool enters(struct ud_fleet *fleet, const struct ud_row_device *row)
{
    struct ud_fleet_device device;
    return ud_fleet_enter(fleet, row->token_hash, NOW_MS, &device) == UD_OK && device.id == row->id;
}

/* Most devices of a fleet over CoAP have neither token nor key, and get them later, or lose them again. */
static void test_a_device_gets_its_token_and_key_and_loses_them(void **state)
{
    struct ud_fleet *fleet = fleet_of(2);
    struct ud_row_device row = {.id = 2, .tenant = UD_TENANT_DEFAULT, .name = "d2"};
    struct ud_fleet_device device;
    const uint8_t nothing[UD_SHA256_BYTES] = {0};
    (void)state;
    assert_int_equal(ud_fleet_get(fleet, 2, &device), UD_OK);
    assert_false(device.has_token || device.has_key);
    assert_memory_equal(device.token_hash, nothing, sizeof nothing);
    memset(row.token_hash, 7, sizeof row.token_hash);
    memset(row.kid, 8, sizeof row.kid);
    assert_false(enters(fleet, &row));
    row.has_token = true;
    assert_int_equal(ud_fleet_put(fleet, &row), UD_OK);
    assert_true(enters(fleet, &row));
    row.has_key = true;
    assert_int_equal(ud_fleet_put(fleet, &row), UD_OK);
    assert_int_equal(ud_fleet_get(fleet, 2, &device), UD_OK);
    assert_true(device.has_token && device.has_key);
    assert_memory_equal(device.kid, row.kid, sizeof row.kid);
    assert_true(enters(fleet, &row));
    struct ud_row_device other = row;
    memset(other.token_hash, 9, sizeof other.token_hash); /* a new token: the old one opens nothing */
    assert_int_equal(ud_fleet_put(fleet, &other), UD_OK);
    assert_true(enters(fleet, &other));
    assert_false(enters(fleet, &row));
    other.has_token = false;
    assert_int_equal(ud_fleet_put(fleet, &other), UD_OK);
    assert_false(enters(fleet, &other));
    ud_fleet_remove(fleet, 2);
    assert_int_equal(ud_fleet_count(fleet), 1);
    ud_fleet_close(fleet);
}

/* In batches of every size, while the table grows: each that was seen is named once, and again only when it was seen again. */
static void test_who_was_seen_is_named_once_however_many_are_asked_for(void **state)
{
    enum { DEVICES = 3000, EXTRA = 2000 };
    static uint8_t named[DEVICES + EXTRA + 1];
    (void)state;
    for (size_t max = 1; max <= 1024; max *= 4) {
        struct ud_fleet *fleet = fleet_of(DEVICES);
        int64_t ids[1024];
        int64_t seen_ms[1024];
        size_t all = 0;
        size_t taken;
        int64_t more = DEVICES;
        memset(named, 0, sizeof named);
        for (int64_t id = 1; id <= DEVICES; id += 3) {
            assert_int_equal(ud_fleet_touch(fleet, id, NOW_MS + id), UD_OK);
        }
        while ((taken = ud_fleet_take_seen(fleet, ids, seen_ms, max)) > 0) {
            for (size_t i = 0; i < taken; i++) {
                assert_true(ids[i] % 3 == 1 && seen_ms[i] == NOW_MS + ids[i] && named[ids[i]]++ == 0);
            }
            all += taken;
            if (more < DEVICES + EXTRA) {
                struct ud_row_device row = {.id = ++more, .tenant = UD_TENANT_DEFAULT};
                snprintf(row.name, sizeof row.name, "d%d", (int)more);
                assert_int_equal(ud_fleet_put(fleet, &row), UD_OK);
            }
        }
        assert_int_equal(all, (DEVICES + 2) / 3);
        assert_int_equal(ud_fleet_touch(fleet, 2, NOW_MS), UD_OK);
        assert_int_equal(ud_fleet_take_seen(fleet, ids, seen_ms, max), 1);
        assert_int_equal(ids[0], 2);
        ud_fleet_close(fleet);
    }
}

static void test_a_name_of_any_length_is_found_and_goes(void **state)
{
    struct ud_fleet *fleet = fleet_of(0);
    struct ud_row_device row = {.tenant = UD_TENANT_DEFAULT};
    struct ud_fleet_device device;
    (void)state;
    for (int turn = 0; turn < 2; turn++) { /* what was given back is used again */
        for (int64_t len = 1; len <= UD_NAME_BYTES_MAX; len++) {
            memset(row.name, 'a' + turn, (size_t)len);
            row.name[len] = '\0';
            row.id = len;
            assert_int_equal(ud_fleet_put(fleet, &row), UD_OK);
        }
        for (int64_t len = 1; len <= UD_NAME_BYTES_MAX; len++) {
            assert_int_equal(ud_fleet_get(fleet, len, &device), UD_OK);
            assert_int_equal(strlen(device.name), len);
            assert_int_equal(ud_fleet_find(fleet, UD_TENANT_DEFAULT, device.name, &device), UD_OK);
            assert_int_equal(device.id, len);
            ud_fleet_remove(fleet, len);
            assert_int_equal(ud_fleet_find(fleet, UD_TENANT_DEFAULT, device.name, &device), UD_ERR_NOT_FOUND);
        }
    }
    ud_fleet_close(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_was_seen_is_named_once_however_many_are_asked_for),
        cmocka_unit_test(test_a_name_of_any_length_is_found_and_goes),
        cmocka_unit_test(test_a_registered_device_counts_as_long_as_its_registration_lives),
        cmocka_unit_test(test_what_is_counted_goes_with_the_device_and_never_twice),
        cmocka_unit_test(test_a_very_long_lifetime_counts_for_a_week),
        cmocka_unit_test(test_a_device_gets_its_token_and_key_and_loses_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
