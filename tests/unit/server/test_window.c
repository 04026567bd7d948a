/* Windows and zones: when a schedule is open, across days, months and moved clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/window.h"

#include <stdio.h>
#include <string.h>

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define SYDNEY "AEST-10AEDT,M10.1.0,M4.1.0/3"

/* "2026-03-29 01:30:00" as milliseconds, UTC */
static int64_t at_utc(const char *text)
{
    unsigned year, month, day, hour, minute, second;
    assert_int_equal(sscanf(text, "%u-%u-%u %u:%u:%u", &year, &month, &day, &hour, &minute, &second), 6);
    const struct ud_date date = {(int32_t)year, (uint8_t)month, (uint8_t)day};
    return (ud_days_from_date(date) * 86400 + hour * 3600 + minute * 60 + second) * INT64_C(1000);
}

static void test_dates_go_both_ways(void **state)
{
    (void)state;
    for (int64_t days = -800000; days < 800000; days += 13) {
        const struct ud_date date = ud_date_from_days(days);
        assert_int_equal(ud_days_from_date(date), days);
        assert_true(date.day >= 1 && date.day <= ud_month_days(date.year, date.month));
    }
    assert_int_equal(ud_days_from_date((struct ud_date){1970, 1, 1}), 0);
    assert_int_equal(ud_days_from_date((struct ud_date){2000, 2, 29}), 11016);
    assert_int_equal(ud_weekday(0), 4); /* a Thursday */
}

static void test_zones_that_are_understood(void **state)
{
    static const struct {
        const char *zone;
        const char *at;
        int32_t offset_s;
    } rows[] = {
        {"Z", "2026-07-01 00:00:00", 0},
        {"UTC", "2026-07-01 00:00:00", 0},
        {"+05:30", "2026-07-01 00:00:00", 19800},
        {"-03", "2026-07-01 00:00:00", -10800},
        {BERLIN, "2026-03-29 00:59:59", 3600},
        {BERLIN, "2026-03-29 01:00:00", 7200},
        {BERLIN, "2026-10-25 00:59:59", 7200},
        {BERLIN, "2026-10-25 01:00:00", 3600},
        {SYDNEY, "2026-01-01 00:00:00", 39600},
        {SYDNEY, "2026-04-04 15:59:59", 39600},
        {SYDNEY, "2026-04-04 16:00:00", 36000},
        {SYDNEY, "2026-10-03 16:00:00", 39600},
        {"<+0330>-3:30", "2026-07-01 00:00:00", 12600},
        {"EST5EDT,M3.2.0,M11.1.0", "2026-07-01 00:00:00", -14400},
        {"XXX0YYY,J60,J300", "2024-02-29 12:00:00", 0},
        {"XXX0YYY,J60,J300", "2024-03-01 12:00:00", 3600},
        {"XXX0YYY,59,300", "2024-02-29 12:00:00", 3600},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_zone zone;
        if (ud_zone_parse(&zone, rows[i].zone) != UD_OK ||
            ud_zone_offset_at(&zone, at_utc(rows[i].at) / 1000) != rows[i].offset_s) {
            fail_msg("%s at %s", rows[i].zone, rows[i].at);
        }
    }
}

static void test_zones_that_are_not_understood(void **state)
{
    static const char *const rows[] = {"",
                                       "+",
                                       "+25:00",
                                       "CE-1",
                                       "CET",
                                       "CET-1CEST",
                                       "+1x",
                                       "CET-200",
                                       "<+02-2",
                                       "CET-1CEST,M3.5.0",
                                       "CET-1CEST,M13.1.0,M10.5.0",
                                       "CET-1CEST,M3.0.0,M10.5.0",
                                       "CET-1CEST,M3.5.7,M10.5.0",
                                       "CET-1CEST,J0,J5",
                                       "CET-1CEST,366,5",
                                       "CET-1CEST,M3.5.0,M10.5.0/3x",
                                       "CET-1CEST,M3.5.0/999,M10.5.0",
                                       "CET-1CEST-5,M3.5.0,M10.5.0", /* jumps by four hours */
                                       "CET-1CEST4,M3.5.0,M10.5.0",  /* by five, back */
                                       "CET-1CEST,J60,J70",          /* summer for ten days */
                                       "CET-1CEST,J1,J364"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_zone zone = {.offset_s = 77};
        if (ud_zone_parse(&zone, rows[i]) != UD_ERR_WINDOW || zone.offset_s != 77) {
            fail_msg("%s", rows[i]);
        }
    }
}

static void test_only_names_reach_the_zone_database(void **state)
{
    static const char *const wrong[] = {"",    "/etc/passwd", "../../etc/passwd", "Europe//Berlin", "Europe/",
                                        "a b", "a.b"};
    struct ud_zone zone;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(ud_zone_is_name(wrong[i]));
        assert_int_equal(ud_zone_find(&zone, wrong[i]), UD_ERR_WINDOW);
    }
    assert_true(ud_zone_is_name("America/Argentina/Buenos_Aires"));
    assert_int_equal(ud_zone_find(&zone, "No/Such_Place"), UD_ERR_WINDOW);
    if (ud_zone_find(&zone, "Europe/Berlin") == UD_OK) { /* where the machine has the database */
        assert_int_equal(ud_zone_offset_at(&zone, at_utc("2026-07-01 00:00:00") / 1000), 7200);
    }
}

static void test_the_rule_is_the_last_line_of_a_zone_file(void **state)
{
    uint8_t file[128] = "TZif2";
    struct ud_zone zone;
    (void)state;
    memcpy(file + 44, "\n" BERLIN "\n", sizeof BERLIN + 1);
    const size_t len = 44 + sizeof BERLIN + 1;
    assert_int_equal(ud_zone_from_file(&zone, (struct ud_bytes){file, len}), UD_OK);
    assert_int_equal(zone.summer_s, 7200);
    assert_int_equal(ud_zone_from_file(&zone, (struct ud_bytes){file, len - 1}), UD_ERR_WINDOW);
    assert_int_equal(ud_zone_from_file(&zone, (struct ud_bytes){file, 43}), UD_ERR_WINDOW);
    file[4] = '1'; /* the first version has no such line */
    assert_int_equal(ud_zone_from_file(&zone, (struct ud_bytes){file, len}), UD_ERR_WINDOW);
}

static void test_schedules_that_are_not_understood(void **state)
{
    static const char *const rows[] = {"",
                                       "0 0 1 * *",
                                       "60 0 1 * * ?",
                                       "0 60 1 * * ?",
                                       "0 0 24 * * ?",
                                       "0 0 1 0 * ?",
                                       "0 0 1 32 * ?",
                                       "0 0 1 * 13 ?",
                                       "0 0 1 ? * 8",
                                       "0 0 1 ? * MOO",
                                       "0 0 5-1 * * ?",
                                       "0 0 1/0 * * ?",
                                       "0 0 1,, * * ?",
                                       "0 0 1 15W * ?",
                                       "0 0 1 ? * 2#1",
                                       "0 0 1 * * ? 1969",
                                       "0 0 1 * * ? 2100",
                                       "0 0 1 * * ? 2026 x",
                                       "0 0 1x * * ?"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_window window;
        if (ud_window_parse(&window, rows[i], "01:00:00", NULL) != UD_ERR_WINDOW) {
            fail_msg("%s", rows[i]);
        }
    }
    static const char *const durations[] = {"",         "1",         "01:00",   "00:00:00",
                                            "01:60:00", "168:00:01", "1:2:3:4", "a:b:c"};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        struct ud_window window;
        assert_int_equal(ud_window_parse(&window, "0 0 1 * * ?", durations[i], NULL), UD_ERR_WINDOW);
    }
}

/* Windows at instants: open until, or closed until. "" = never again. */
static const struct {
    const char *schedule;
    const char *duration;
    const char *zone;
    const char *now;
    bool open;
    const char *until;
} looks[] = {
    {"0 0 1 * * ?", "02:00:00", "Z", "2026-05-04 00:59:59", false, "2026-05-04 01:00:00"},
    {"0 0 1 * * ?", "02:00:00", "Z", "2026-05-04 01:00:00", true, "2026-05-04 03:00:00"},
    {"0 0 1 * * ?", "02:00:00", "Z", "2026-05-04 02:59:59", true, "2026-05-04 03:00:00"},
    {"0 0 1 * * ?", "02:00:00", "Z", "2026-05-04 03:00:00", false, "2026-05-05 01:00:00"},
    {"0 0 23 * * ?", "02:00:00", "Z", "2026-05-05 00:30:00", true, "2026-05-05 01:00:00"},
    {"0 0 23 ? * SUN", "04:00:00", "Z", "2026-05-04 02:30:00", true, "2026-05-04 03:00:00"},
    {"0 0 23 ? * SUN", "04:00:00", "Z", "2026-05-04 03:00:00", false, "2026-05-10 23:00:00"},
    {"0 30 1 ? * MON-FRI", "01:00:00", "Z", "2026-05-01 02:30:00", false, "2026-05-04 01:30:00"},
    {"0 0 0 L * ?", "24:00:00", "Z", "2026-02-27 12:00:00", false, "2026-02-28 00:00:00"},
    {"0 0 0 L * ?", "24:00:00", "Z", "2028-02-28 12:00:00", false, "2028-02-29 00:00:00"},
    {"0 0 0 29 2 ?", "01:00:00", "Z", "2026-05-04 00:00:00", false, "2028-02-29 00:00:00"},
    {"0 0 0 31 2 ?", "01:00:00", "Z", "2026-05-04 00:00:00", false, ""},
    {"0 0 1 * * ? 2025", "01:00:00", "Z", "2026-05-04 00:00:00", false, ""},
    {"0 0 1 * * ? 2026-2027", "01:00:00", "Z", "2027-12-31 12:00:00", false, ""},
    {"0 0/15 2-3 * * ?", "00:10:00", "Z", "2026-05-04 02:20:00", true, "2026-05-04 02:25:00"},
    {"0 0/15 2-3 * * ?", "00:10:00", "Z", "2026-05-04 02:25:00", false, "2026-05-04 02:30:00"},
    {"0 0/15 2-3 * * ?", "00:10:00", "Z", "2026-05-04 03:55:00", false, "2026-05-05 02:00:00"},
    {"0 0 1 * * ?", "168:00:00", "Z", "2026-05-04 00:00:00", true, "2026-05-10 01:00:00"},
    {"0 0 1 * * ?", "01:00:00", "+02:00", "2026-05-04 23:30:00", true, "2026-05-05 00:00:00"},
    /* I8: clocks that move. Berlin's 02:30 of 29 March 2026 does not exist: the window opens half an hour into summer time */
    {"0 30 2 * * ?", "01:00:00", BERLIN, "2026-03-29 01:29:59", false, "2026-03-29 01:30:00"},
    {"0 30 2 * * ?", "01:00:00", BERLIN, "2026-03-29 01:30:00", true, "2026-03-29 02:30:00"},
    {"0 30 2 * * ?", "01:00:00", BERLIN, "2026-03-29 02:30:00", false, "2026-03-30 00:30:00"},
    /* 02:30 of 25 October 2026 comes twice: the first one opens it, the second does not open it again */
    {"0 30 2 * * ?", "01:00:00", BERLIN, "2026-10-25 00:29:59", false, "2026-10-25 00:30:00"},
    {"0 30 2 * * ?", "01:00:00", BERLIN, "2026-10-25 00:30:00", true, "2026-10-25 01:30:00"},
    {"0 30 2 * * ?", "01:00:00", BERLIN, "2026-10-25 01:30:00", false, "2026-10-26 01:30:00"},
    /* a window that is open while the clock moves stays open for its length */
    {"0 0 1 * * ?", "03:00:00", BERLIN, "2026-03-29 02:59:59", true, "2026-03-29 03:00:00"},
    {"0 0 1 * * ?", "03:00:00", SYDNEY, "2026-04-04 16:59:59", true, "2026-04-04 17:00:00"},
};

static void test_i8_when_windows_are_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        struct ud_window window;
        struct ud_zone zone;
        struct ud_window_at at;
        const bool own = strcmp(looks[i].zone, BERLIN) == 0 || strcmp(looks[i].zone, SYDNEY) == 0;
        assert_int_equal(ud_zone_parse(&zone, looks[i].zone), UD_OK);
        assert_int_equal(ud_window_parse(&window, looks[i].schedule, looks[i].duration,
                                         own ? UD_ZONE_OF_DEVICE : looks[i].zone),
                         UD_OK);
        ud_window_look(&window, &zone, at_utc(looks[i].now), &at);
        const int64_t until = at.open ? at.until_ms : at.opens_ms;
        const bool never = looks[i].until[0] == '\0';
        if (at.open != looks[i].open || at.never != never || (!never && until != at_utc(looks[i].until))) {
            fail_msg("row %zu: %s at %s: open %d never %d until %lld", i, looks[i].schedule, looks[i].now,
                     at.open, at.never, (long long)until);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates_go_both_ways),
        cmocka_unit_test(test_zones_that_are_understood),
        cmocka_unit_test(test_zones_that_are_not_understood),
        cmocka_unit_test(test_only_names_reach_the_zone_database),
        cmocka_unit_test(test_the_rule_is_the_last_line_of_a_zone_file),
        cmocka_unit_test(test_schedules_that_are_not_understood),
        cmocka_unit_test(test_i8_when_windows_are_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
