/* Wrong attempts are counted by key, forgotten with their window, and bounded whatever comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/throttle.h"

#include <string.h>

#define MOST 3
#define WINDOW_MS 1000

static struct ud_bytes key(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static int setup(void **state)
{
    struct ud_throttle *throttle = NULL;
    assert_int_equal(ud_throttle_open(&throttle, MOST, WINDOW_MS), UD_OK);
    *state = throttle;
    return 0;
}

static int teardown(void **state)
{
    ud_throttle_close(*state);
    return 0;
}

static void test_attempts_are_used_up_and_come_back_with_the_next_window(void **state)
{
    struct ud_throttle *throttle = *state;
    int64_t wait_ms = 0;
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(ud_throttle_ask(throttle, key("a"), 100 + i, &wait_ms), UD_OK);
        ud_throttle_count(throttle, key("a"), 100 + i);
    }
    assert_int_equal(ud_throttle_ask(throttle, key("a"), 200, &wait_ms), UD_ERR_LOCKED);
    assert_int_equal(wait_ms, 900);
    assert_int_equal(ud_throttle_ask(throttle, key("b"), 200, &wait_ms), UD_OK);
    assert_int_equal(ud_throttle_ask(throttle, key("a"), 1099, &wait_ms), UD_ERR_LOCKED);
    assert_int_equal(ud_throttle_ask(throttle, key("a"), 1100, &wait_ms), UD_OK);
}

static void test_a_right_one_forgives_and_a_clock_set_back_locks_nobody_for_ever(void **state)
{
    struct ud_throttle *throttle = *state;
    int64_t wait_ms = 0;
    for (int i = 0; i < MOST; i++) {
        ud_throttle_count(throttle, key("a"), 5000);
        ud_throttle_count(throttle, key("b"), 5000);
    }
    ud_throttle_forgive(throttle, key("a"));
    assert_int_equal(ud_throttle_ask(throttle, key("a"), 5000, &wait_ms), UD_OK);
    assert_int_equal(ud_throttle_ask(throttle, key("b"), 5000, &wait_ms), UD_ERR_LOCKED);
    assert_int_equal(ud_throttle_ask(throttle, key("b"), 4000, &wait_ms), UD_OK);
}

static void test_a_flood_of_keys_costs_no_memory_and_locks_no_stranger(void **state)
{
    struct ud_throttle *throttle = *state;
    int64_t wait_ms = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        ud_throttle_count(
            throttle, UD_BYTES_ARRAY(((uint8_t[]){(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16)})), 100);
    }
    assert_int_equal(ud_throttle_ask(throttle, key("somebody else"), 101, &wait_ms), UD_OK);
    for (int i = 0; i < MOST; i++) {
        ud_throttle_count(throttle, key("c"), 102);
    }
    assert_int_equal(ud_throttle_ask(throttle, key("c"), 103, &wait_ms), UD_ERR_LOCKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_attempts_are_used_up_and_come_back_with_the_next_window, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_right_one_forgives_and_a_clock_set_back_locks_nobody_for_ever,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_flood_of_keys_costs_no_memory_and_locks_no_stranger, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
