/* gt, lt and st: which changes of an observed number are told. The test is the server, and says what is measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lwm2m.h"
#include "updraft/lwm2m_thresholds.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct told {
    struct field field;
    struct ud_lwm2m_thresholds thresholds;
};

static void begin(struct told *told)
{
    field_init(&told->field);
    ud_lwm2m_thresholds_init(&told->thresholds);
    told->field.config.judge = &told->thresholds.judge;
    field_register(&told->field);
}

/* Words of a query, between '&'; code of the answer. */
static uint8_t attributes(struct told *told, const char *path, const char *query)
{
    uint8_t room[128];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_PUT, ++told->field.next_id, text_of("at"));
    ud_coap_write_path(&w, UD_COAP_URI_PATH, path);
    for (const char *at = query; *at != '\0';) {
        const size_t len = strcspn(at, "&");
        ud_coap_write_option(&w, UD_COAP_URI_QUERY, (struct ud_bytes){(const uint8_t *)at, len});
        at += len + (at[len] == '&');
    }
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(&told->field, ud_buf_bytes(&buf));
    return field_take(&told->field)->code;
}

static void observe(struct told *told, const char *path, uint32_t value)
{
    uint8_t room[128];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_GET, ++told->field.next_id, text_of("ob"));
    ud_coap_write_uint(&w, UD_COAP_OBSERVE, value);
    ud_coap_write_path(&w, UD_COAP_URI_PATH, path);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(&told->field, ud_buf_bytes(&buf));
    assert_int_equal(field_take(&told->field)->code, UD_COAP_205_CONTENT);
}

/* Battery level now; a second later, was it told? */
static bool tells(struct told *told, int64_t battery)
{
    told->field.battery = battery;
    field_pass(&told->field, 1000);
    if (field_is_silent(&told->field)) {
        return false;
    }
    const struct ud_coap_message *m = field_take(&told->field);
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)battery);
    assert_true(ud_bytes_equal(m->payload, text_of(text)));
    assert_true(field_is_silent(&told->field));
    return true;
}

/* From 80 on: a level, and whether it is told; below 0 ends. */
static const struct course {
    const char *query;
    struct {
        int64_t level;
        bool told;
    } steps[12];
} courses[] = {
    {"", {{79, true}, {79, false}, {80, true}, {-1, false}}},
    {"gt=85",
     {{81, false}, {85, false}, {84, false}, {86, true}, {90, false}, {85, true}, {70, false}, {-1, false}}},
    {"gt=85.5", {{85, false}, {86, true}, {99, false}, {85, true}, {-1, false}}},
    {"lt=20", {{30, false}, {19, true}, {10, false}, {21, true}, {90, false}, {-1, false}}},
    {"lt=20&gt=85", {{50, false}, {90, true}, {10, true}, {50, true}, {60, false}, {-1, false}}},
    {"st=5", {{82, false}, {84, false}, {85, true}, {81, false}, {80, true}, {90, true}, {-1, false}}},
    {"st=2.5", {{82, false}, {83, true}, {81, false}, {80, true}, {-1, false}}},
    {"st=10&gt=83", {{82, false}, {84, true}, {86, false}, {94, true}, {83, true}, {-1, false}}},
    {"gt=8e1", {{81, true}, {82, false}, {80, true}, {-1, false}}},
};

static void test_only_what_crosses_a_limit_or_makes_a_step_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(courses); i++) {
        struct told told;
        begin(&told);
        if (courses[i].query[0] != '\0') {
            assert_int_equal(attributes(&told, "3/0/9", courses[i].query), UD_COAP_204_CHANGED);
        }
        observe(&told, "3/0/9", 0);
        for (size_t n = 0; courses[i].steps[n].level >= 0; n++) {
            if (tells(&told, courses[i].steps[n].level) != courses[i].steps[n].told) {
                fail_msg("\"%s\", level %lld", courses[i].query, (long long)courses[i].steps[n].level);
            }
        }
    }
}

static void test_attributes_that_cannot_be_are_refused_and_change_nothing(void **state)
{
    static const struct {
        const char *path;
        const char *query;
        uint8_t code;
    } rows[] = {
        {"3/0/9", "gt=x", UD_COAP_400_BAD_REQUEST},
        {"3/0/9", "st=-1", UD_COAP_400_BAD_REQUEST},
        {"3/0/9", "gt=10&lt=10", UD_COAP_400_BAD_REQUEST},
        {"3/0/9", "gt=20&lt=10&st=5", UD_COAP_400_BAD_REQUEST},
        {"3/0/9", "gt=21&lt=10&st=5", UD_COAP_204_CHANGED},
        {"3/0/9", "gt=1e999", UD_COAP_400_BAD_REQUEST},
        {"3/0/0", "gt=1", UD_COAP_400_BAD_REQUEST},
        {"3/0", "st=1", UD_COAP_400_BAD_REQUEST},
        {"3/0/7", "lt=1", UD_COAP_400_BAD_REQUEST},
        {"3/0", "pmin=1", UD_COAP_204_CHANGED},
        {"3/0/99", "gt=1", UD_COAP_404_NOT_FOUND},
        {"3/0/9", "gt=&lt", UD_COAP_204_CHANGED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct told told;
        begin(&told);
        assert_int_equal(attributes(&told, "3/0/9", "st=5"), UD_COAP_204_CHANGED);
        const uint8_t code = attributes(&told, rows[i].path, rows[i].query);
        if (code != rows[i].code) {
            fail_msg("%s?%s: %x", rows[i].path, rows[i].query, code);
        }
        if (code != UD_COAP_204_CHANGED) {
            observe(&told, "3/0/9", 0);
            assert_false(tells(&told, 84));
            assert_true(tells(&told, 85));
        }
    }
}

static void test_they_are_taken_back_changed_and_forgotten_with_the_observation(void **state)
{
    struct told told;
    (void)state;
    begin(&told);
    observe(&told, "3/0/9", 0);
    assert_int_equal(attributes(&told, "3/0/9", "st=5"), UD_COAP_204_CHANGED); /* of one that is under way */
    assert_false(tells(&told, 81));
    assert_int_equal(attributes(&told, "3/0/9", "st=1&gt=90"), UD_COAP_204_CHANGED);
    assert_true(tells(&told, 82));
    assert_int_equal(attributes(&told, "3/0/9", "st"), UD_COAP_204_CHANGED);
    assert_false(tells(&told, 83));
    assert_true(tells(&told, 91)); /* gt stands */
    assert_int_equal(attributes(&told, "3/0/9", "gt"), UD_COAP_204_CHANGED);
    assert_true(tells(&told, 92));
    assert_int_equal(attributes(&told, "3/0/9", "gt=99"), UD_COAP_204_CHANGED);
    observe(&told, "3/0/9", 1); /* ends */
    observe(&told, "3/0/9", 0);
    assert_true(tells(&told, 93));
}

static void test_pmin_waits_and_pmax_tells_in_any_case(void **state)
{
    struct told told;
    (void)state;
    begin(&told);
    assert_int_equal(attributes(&told, "3/0/9", "pmin=3&pmax=6&gt=85"), UD_COAP_204_CHANGED);
    observe(&told, "3/0/9", 0);
    assert_false(tells(&told, 90)); /* crossed, and too soon */
    assert_false(tells(&told, 90));
    assert_true(tells(&told, 90));
    for (int n = 0; n < 5; n++) {
        assert_false(tells(&told, 91));
    }
    assert_true(tells(&told, 91));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_crosses_a_limit_or_makes_a_step_is_told),
        cmocka_unit_test(test_attributes_that_cannot_be_are_refused_and_change_nothing),
        cmocka_unit_test(test_they_are_taken_back_changed_and_forgotten_with_the_observation),
        cmocka_unit_test(test_pmin_waits_and_pmax_tells_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
