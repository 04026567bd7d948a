/* hawkBit's pollingTime: intervals, jitter, and filters with intervals of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/polling.h"

#include <stdio.h>
#include <string.h>

static void test_times_in_either_form(void **state)
{
    static const struct {
        const char *text;
        ud_err want;
        uint32_t s;
    } rows[] = {
        {"00:05:00", UD_OK, 300},
        {"23:59:59", UD_OK, 86399},
        {"1:00:00:00", UD_OK, 86400},
        {"400:00:00:00", UD_OK, UD_DURATION_S_MAX},
        {"400:00:00:01", UD_ERR_NUMBER_RANGE, 0},
        {"99999999999999999999:00:00:00", UD_ERR_NUMBER_RANGE, 0},
        {"PT5M", UD_OK, 300},
        {"P2DT3H4M", UD_OK, 2 * 86400 + 3 * 3600 + 240},
        {"P1D", UD_OK, 86400},
        {"PT0S", UD_OK, 0},
        {"PT99999999999999999999S", UD_ERR_NUMBER_RANGE, 0},
        {"P", UD_ERR_SHAPE, 0},
        {"PT", UD_ERR_SHAPE, 0},
        {"P1DT", UD_ERR_SHAPE, 0},
        {"PT5", UD_ERR_SHAPE, 0},
        {"P5M", UD_ERR_SHAPE, 0}, /* months are none */
        {"PT5M5M", UD_ERR_SHAPE, 0},
        {"PT5M1H", UD_ERR_SHAPE, 0},
        {"PT1.5M", UD_ERR_SHAPE, 0},
        {"-PT5M", UD_ERR_SHAPE, 0},
        {"24:00:00", UD_ERR_SHAPE, 0},
        {"00:60:00", UD_ERR_SHAPE, 0},
        {"00:00:60", UD_ERR_SHAPE, 0},
        {"0:05:00", UD_ERR_SHAPE, 0},
        {"05:00", UD_ERR_SHAPE, 0},
        {"00:05:00 ", UD_ERR_SHAPE, 0},
        {"1:1:00:00:00", UD_ERR_SHAPE, 0},
        {"", UD_ERR_SHAPE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t s = 0;
        const ud_err err = ud_polling_time_parse(rows[i].text, strlen(rows[i].text), &s);
        if (err != rows[i].want || s != rows[i].s) {
            fail_msg("%s: %s, %u", rows[i].text, ud_err_name(err), s);
        }
    }
}

static void test_a_line_with_filters(void **state)
{
    static const char line[] = "01:00:00~10%, group == 'eu,us' -> 00:02:00~15%,(name==a,name==\"->\") -> PT5M";
    struct ud_polling polling;
    size_t at;
    (void)state;
    assert_int_equal(ud_polling_parse(&polling, line, &at), UD_OK);
    assert_int_equal(polling.usual.s, 3600);
    assert_int_equal(polling.usual.jitter_percent, 10);
    assert_int_equal(polling.count, 2);
    assert_int_equal(polling.ways[0].interval.s, 120);
    assert_int_equal(polling.ways[0].interval.jitter_percent, 15);
    assert_int_equal(polling.ways[1].interval.s, 300);
    assert_false(polling.ways[1].interval.has_jitter);
    static const char *const filters[] = {"group == 'eu,us'", "(name==a,name==\"->\")"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(polling.ways[i].filter_bytes, strlen(filters[i]));
        assert_memory_equal(line + polling.ways[i].filter, filters[i], strlen(filters[i]));
    }
}

static void test_lines_that_are_refused(void **state)
{
    static const struct {
        const char *text;
        ud_err want;
    } rows[] = {
        {"", UD_ERR_SHAPE},
        {"00:00:00", UD_ERR_NUMBER_RANGE},
        {"1:00:00:00", UD_ERR_NUMBER_RANGE}, /* clients read hours below 24 */
        {"00:05:00~", UD_ERR_SHAPE},
        {"00:05:00~%", UD_ERR_SHAPE},
        {"00:05:00~10", UD_ERR_SHAPE},
        {"00:05:00~51%", UD_ERR_NUMBER_RANGE},
        {"00:05:00~10%x", UD_ERR_SHAPE},
        {"00:05:00,", UD_ERR_SHAPE},
        {"00:05:00, -> 00:01:00", UD_ERR_SHAPE},
        {"00:05:00, name==a", UD_ERR_SHAPE},
        {"00:05:00, name==a ->", UD_ERR_SHAPE},
        {"00:05:00, name==a -> x", UD_ERR_SHAPE},
        {"00:05:00, name=='a -> 00:01:00", UD_ERR_SHAPE}, /* the quote is open */
        {"00:05:00, name==a -> 00:00:00", UD_ERR_NUMBER_RANGE},
    };
    struct ud_polling polling;
    size_t at;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const ud_err err = ud_polling_parse(&polling, rows[i].text, &at);
        if (err != rows[i].want || at > strlen(rows[i].text)) {
            fail_msg("%s: %s at %zu", rows[i].text, ud_err_name(err), at);
        }
    }
}

static void test_as_many_filters_as_there_may_be(void **state)
{
    struct ud_polling polling;
    char line[UD_POLLING_BYTES_MAX + 2] = "00:05:00";
    size_t at;
    (void)state;
    size_t len = strlen(line);
    for (size_t i = 0; i < UD_POLLING_WAYS_MAX; i++) {
        len += (size_t)snprintf(line + len, sizeof line - len, ", a==b -> PT1M");
    }
    assert_int_equal(ud_polling_parse(&polling, line, &at), UD_OK);
    assert_int_equal(polling.count, UD_POLLING_WAYS_MAX);
    (void)snprintf(line + len, sizeof line - len, ", a==b -> PT1M");
    assert_int_equal(ud_polling_parse(&polling, line, &at), UD_ERR_LIMIT);
    memset(line, ' ', UD_POLLING_BYTES_MAX + 1);
    line[UD_POLLING_BYTES_MAX + 1] = '\0';
    assert_int_equal(ud_polling_parse(&polling, line, &at), UD_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_in_either_form),
        cmocka_unit_test(test_a_line_with_filters),
        cmocka_unit_test(test_lines_that_are_refused),
        cmocka_unit_test(test_as_many_filters_as_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
