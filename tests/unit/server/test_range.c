#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/range.h"

static const struct {
    const char *header;
    uint64_t size;
    ud_range_kind want;
    uint64_t first;
    uint64_t length;
} ranges[] = {
    {NULL, 10, UD_RANGE_WHOLE, 0, 0},
    {"", 10, UD_RANGE_WHOLE, 0, 0},
    {"bytes=0-9", 10, UD_RANGE_PART, 0, 10},
    {"bytes=0-0", 10, UD_RANGE_PART, 0, 1},
    {"bytes=9-", 10, UD_RANGE_PART, 9, 1},
    {"bytes=10-", 10, UD_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=5-100", 10, UD_RANGE_PART, 5, 5},
    {"bytes=5-18446744073709551615", 10, UD_RANGE_PART, 5, 5},
    {"bytes=5-99999999999999999999999", 10, UD_RANGE_PART, 5, 5},
    {"bytes=18446744073709551616-", 10, UD_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-3", 10, UD_RANGE_PART, 7, 3},
    {"bytes=-30", 10, UD_RANGE_PART, 0, 10},
    {"bytes=-0", 10, UD_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-", 10, UD_RANGE_WHOLE, 0, 0},
    {"bytes=0-", 0, UD_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-1", 0, UD_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=5-4", 10, UD_RANGE_WHOLE, 0, 0},
    {"bytes=1", 10, UD_RANGE_WHOLE, 0, 0},
    {"bytes=a-b", 10, UD_RANGE_WHOLE, 0, 0},
    {"bytes=0-1,3-4", 10, UD_RANGE_WHOLE, 0, 0},
    {"bytes=1-2x", 10, UD_RANGE_WHOLE, 0, 0},
    {"octets=1-2", 10, UD_RANGE_WHOLE, 0, 0},
};

static void test_a_range_is_read_as_rfc_9110_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint64_t first = 0;
        uint64_t length = 0;
        const ud_range_kind got = ud_range_parse(ranges[i].header, ranges[i].size, &first, &length);
        if (got != ranges[i].want || first != ranges[i].first || length != ranges[i].length) {
            fail_msg("%s of %llu", ranges[i].header == NULL ? "(none)" : ranges[i].header,
                     (unsigned long long)ranges[i].size);
        }
    }
}

static const struct {
    const char *header;
    bool want;
} lists[] = {
    {NULL, false},       {"", false},           {"*", true},
    {"\"abc\"", true},   {"W/\"abc\"", true},   {"\"x\", \"abc\"", true},
    {"\"abcd\"", false}, {"abc", false},        {"\"x\",\"y\"", false},
    {"\"ab", false},     {" \t\"abc\" ", true}, {"\"abc\"x", false},
};

static void test_an_entity_tag_is_found_in_a_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (ud_etag_listed(lists[i].header, "\"abc\"") != lists[i].want) {
            fail_msg("%s", lists[i].header == NULL ? "(none)" : lists[i].header);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_range_is_read_as_rfc_9110_says),
        cmocka_unit_test(test_an_entity_tag_is_found_in_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
