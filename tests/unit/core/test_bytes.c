/* The only arithmetic on input pointers: its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "updraft/bytes.h"

static const struct ud_bytes abc = {(const uint8_t *)"abc", 3};

static void test_taking_more_than_is_left_touches_nothing(void **state)
{
    (void)state;
    struct ud_bytes from = abc;
    struct ud_bytes out = {NULL, 7};
    assert_false(ud_bytes_take(&from, 4, &out));
    assert_false(ud_bytes_take(&from, SIZE_MAX, &out));
    assert_int_equal(out.len, 7);
    assert_int_equal(from.len, 3);
    assert_true(ud_bytes_take(&from, 3, &out));
    assert_int_equal(out.len, 3);
    assert_int_equal(from.len, 0);
    assert_true(ud_bytes_take(&from, 0, &out));
    assert_false(ud_bytes_take(&from, 1, &out));
}

static void test_slices_lie_within_or_are_refused(void **state)
{
    (void)state;
    struct ud_bytes out = {NULL, 7};
    assert_true(ud_bytes_slice(abc, 1, 2, &out));
    assert_int_equal(out.ptr[0], 'b');
    assert_int_equal(ud_bytes_offset(abc, out), 1);
    assert_true(ud_bytes_within(abc, out));
    assert_true(ud_bytes_slice(abc, 3, 0, &out));
    assert_false(ud_bytes_slice(abc, 1, 3, &out));
    assert_false(ud_bytes_slice(abc, 4, 0, &out));
    assert_false(ud_bytes_slice(abc, 1, SIZE_MAX, &out));
}

static void test_within_knows_both_ends(void **state)
{
    (void)state;
    const uint8_t bytes[4] = {0};
    const struct ud_bytes middle = {bytes + 1, 2};
    assert_true(ud_bytes_within(middle, (struct ud_bytes){bytes + 1, 2}));
    assert_false(ud_bytes_within(middle, (struct ud_bytes){bytes, 1}));
    assert_false(ud_bytes_within(middle, (struct ud_bytes){bytes + 2, 2}));
    assert_false(ud_bytes_within(middle, (struct ud_bytes){bytes + 3, 1}));
    assert_true(ud_bytes_within(middle, (struct ud_bytes){NULL, 0}));
}

static void test_equality_looks_at_every_byte(void **state)
{
    (void)state;
    const struct ud_bytes other = UD_BYTES_LITERAL("abd");
    const struct ud_bytes shorter = UD_BYTES_LITERAL("ab");
    const struct ud_bytes none = {NULL, 0};
    assert_true(ud_bytes_equal(abc, abc) && ud_bytes_equal_secret(abc, abc));
    assert_false(ud_bytes_equal(abc, other) || ud_bytes_equal_secret(abc, other));
    assert_false(ud_bytes_equal(abc, shorter) || ud_bytes_equal_secret(abc, shorter));
    assert_true(ud_bytes_equal(none, none) && ud_bytes_equal_secret(none, none));
}

static void test_a_full_buffer_takes_nothing_more(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0};
    struct ud_buf buf = {bytes, 3, 0};
    assert_true(ud_buf_put(&buf, UD_BYTES_LITERAL("ab")));
    assert_false(ud_buf_put(&buf, UD_BYTES_LITERAL("cd")));
    assert_int_equal(buf.len, 2);
    assert_true(ud_buf_put(&buf, UD_BYTES_LITERAL("c")));
    assert_true(ud_buf_put(&buf, UD_BYTES_LITERAL("")));
    assert_false(ud_buf_put(&buf, UD_BYTES_LITERAL("d")));
    assert_true(ud_bytes_equal(ud_buf_bytes(&buf), abc));
    assert_int_equal(bytes[3], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taking_more_than_is_left_touches_nothing),
        cmocka_unit_test(test_slices_lie_within_or_are_refused),
        cmocka_unit_test(test_within_knows_both_ends),
        cmocka_unit_test(test_equality_looks_at_every_byte),
        cmocka_unit_test(test_a_full_buffer_takes_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
