#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/backoff.h"

static void test_pauses_double_up_to_the_maximum_and_half_of_each_is_chance(void **state)
{
    (void)state;
    struct ud_backoff backoff;
    ud_backoff_init(&backoff, 1000, 60000, 7);
    uint32_t doubled = 1000;
    for (int i = 0; i < 100; i++) {
        const uint32_t whole = doubled < 60000 ? doubled : 60000;
        assert_in_range(ud_backoff_next_ms(&backoff), whole / 2, whole);
        doubled = whole * 2;
    }
    ud_backoff_reset(&backoff);
    assert_in_range(ud_backoff_next_ms(&backoff), 500, 1000);
}

static void test_the_largest_pause_does_not_overflow(void **state)
{
    (void)state;
    struct ud_backoff backoff;
    ud_backoff_init(&backoff, UINT32_MAX, UINT32_MAX, 0);
    for (int i = 0; i < 100; i++) {
        assert_true(ud_backoff_next_ms(&backoff) >= UINT32_MAX / 2);
    }
}

static void test_two_seeds_do_not_walk_in_step(void **state)
{
    (void)state;
    struct ud_backoff one;
    struct ud_backoff two;
    int equal = 0;
    ud_backoff_init(&one, 1000, 60000, 1);
    ud_backoff_init(&two, 1000, 60000, 2);
    for (int i = 0; i < 50; i++) {
        equal += ud_backoff_next_ms(&one) == ud_backoff_next_ms(&two);
    }
    assert_true(equal < 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_double_up_to_the_maximum_and_half_of_each_is_chance),
        cmocka_unit_test(test_the_largest_pause_does_not_overflow),
        cmocka_unit_test(test_two_seeds_do_not_walk_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
