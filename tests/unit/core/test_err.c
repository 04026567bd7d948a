/* The list of errors: what crosses the wire must not change, and everything has words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "updraft/err.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define VALUE_OF(id, value, lwm2m, reason, text, remedy) value,
static const uint32_t values[] = {UD_ERR_LIST(VALUE_OF)};

static void test_every_error_has_a_name_a_sentence_and_a_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        ud_err err = UD_ERR_INTERNAL;
        assert_true(ud_err_from_value(values[i], &err));
        assert_int_equal(err, values[i]);
        assert_true(strncmp(ud_err_name(err), "UD_", 3) == 0);
        assert_true(strlen(ud_err_text(err)) > 3);
        assert_true(strlen(ud_err_remedy(err)) > 3);
        assert_true(ud_err_lwm2m(err) <= 13);
        assert_true(ud_err_suit_reason(err) <= 12);
    }
}

static void test_values_fit_a_byte_and_none_stands_for_two(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNT(values); i++) {
        assert_true(values[i] > values[i - 1]);
        assert_true(values[i] <= 255);
    }
}

/* Sits in logs, journals and reports already: a change breaks what is in the field. */
static void test_values_that_are_in_the_field_stay(void **state)
{
    (void)state;
    static const struct {
        ud_err err;
        uint32_t value;
        const char *name;
    } fixed[] = {
        {UD_OK, 0, "UD_OK"},
        {UD_ERR_TRUNCATED, 16, "UD_ERR_TRUNCATED"},
        {UD_ERR_UNTRUSTED, 32, "UD_ERR_UNTRUSTED"},
        {UD_ERR_STALE, 48, "UD_ERR_STALE"},
        {UD_ERR_IMAGE_MISMATCH, 53, "UD_ERR_IMAGE_MISMATCH"},
        {UD_ERR_SPACE, 64, "UD_ERR_SPACE"},
        {UD_ERR_CRASHED, 70, "UD_ERR_CRASHED"},
        {UD_ERR_CONNECT, 80, "UD_ERR_CONNECT"},
        {UD_ERR_STORE, 96, "UD_ERR_STORE"},
    };
    for (size_t i = 0; i < COUNT(fixed); i++) {
        assert_int_equal(fixed[i].err, fixed[i].value);
        assert_string_equal(ud_err_name(fixed[i].err), fixed[i].name);
    }
}

static void test_a_value_from_the_wire_that_nobody_knows_is_said_to_be_unknown(void **state)
{
    (void)state;
    static const uint32_t unknown[] = {3, 15, 200, 255, 256, 65536 + 16, UINT32_MAX};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        ud_err err = UD_ERR_BUSY;
        assert_false(ud_err_from_value(unknown[i], &err));
        assert_int_equal(err, UD_ERR_BUSY);
    }
    assert_string_equal(ud_err_name((ud_err)200), "UD_ERR_?");
    assert_true(strlen(ud_err_text((ud_err)200)) > 3);
    assert_int_equal(ud_err_suit_reason((ud_err)200), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_a_name_a_sentence_and_a_remedy),
        cmocka_unit_test(test_values_fit_a_byte_and_none_stands_for_two),
        cmocka_unit_test(test_values_that_are_in_the_field_stay),
        cmocka_unit_test(test_a_value_from_the_wire_that_nobody_knows_is_said_to_be_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
