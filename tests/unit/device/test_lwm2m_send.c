/* Send: which values a device tells by itself, and when it does not. The test is the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lwm2m.h"
#include "updraft/lwm2m_send.h"

#define PERIOD_S 600

static const struct ud_lwm2m_path paths[] = {
    {{3, 0, 9}, 3}, {{3, 0, 7}, 3}, {{5, 0, 5}, 3}, {{3303, 0}, 2} /* it has none */};

struct telling {
    struct field field;
    struct ud_lwm2m_send send;
};

static void begin(struct telling *telling)
{
    field_init(&telling->field);
    ud_lwm2m_send_init(&telling->send, paths, sizeof paths / sizeof paths[0], PERIOD_S);
    telling->field.config.sender = &telling->send.sender;
    field_register(&telling->field);
}

static void mute(struct telling *telling, const char *value)
{
    const struct ud_coap_message *answer =
        field_ask(&telling->field, UD_COAP_PUT, "1/0/23", UD_COAP_FORMAT_TEXT, text_of(value));
    assert_int_equal(answer->code, UD_COAP_204_CHANGED);
}

/* The message is a Send with these: level, two voltages, result. */
static void assert_told(const struct ud_coap_message *m, int64_t battery, int64_t result)
{
    const int64_t want[] = {battery, 3300, 3301, result};
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    uint32_t format = 0;
    assert_int_equal(m->code, UD_COAP_POST);
    assert_true(ud_coap_path_is(m, "dp"));
    assert_int_equal(ud_coap_find_uint(m, UD_COAP_CONTENT_FORMAT, &format), UD_OK);
    assert_int_equal(format, UD_COAP_FORMAT_SENML_CBOR);
    assert_int_equal(ud_lwm2m_reader_init(&reader, format, ud_lwm2m_path_of(0, 0, 0, 0, 0), m->payload), UD_OK);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_int_equal(ud_lwm2m_next(&reader, &record), UD_OK);
        assert_int_equal(record.kind, UD_LWM2M_INT);
        assert_int_equal(record.integer, want[i]);
    }
    assert_int_equal(ud_lwm2m_next(&reader, &record), UD_ABSENT);
}

static void test_int_306_307_values_are_told_in_every_period_once_the_server_unmutes(void **state)
{
    struct telling told;
    (void)state;
    begin(&told);
    told.field.client.update_at_ms = UINT64_MAX; /* no registration update in between */
    assert_true(ud_bytes_equal(
        field_ask(&told.field, UD_COAP_GET, "1/0/23", -1, (struct ud_bytes){NULL, 0})->payload, text_of("1")));
    field_pass(&told.field, 100000);
    assert_true(field_is_silent(&told.field));
    mute(&told, "0");
    assert_told(field_take(&told.field), 80, 0);
    field_answer(&told.field, UD_COAP_204_CHANGED);
    told.field.battery = 55;
    for (unsigned i = 0; i < 4; i++) {
        field_pass(&told.field, 30000);
        assert_true(field_is_silent(&told.field)); /* between two periods, whatever changes */
    }
    field_pass(&told.field, PERIOD_S * 1000);
    assert_told(field_take(&told.field), 55, 0);
    field_answer(&told.field, UD_COAP_204_CHANGED);
    mute(&told, "1");
    field_pass(&told.field, 2 * PERIOD_S * 1000);
    assert_true(field_is_silent(&told.field));
}

static void test_the_end_of_an_update_is_told_at_once(void **state)
{
    struct telling told;
    (void)state;
    begin(&told);
    mute(&told, "0");
    assert_told(field_take(&told.field), 80, 0);
    field_answer(&told.field, UD_COAP_204_CHANGED);
    told.field.client.firmware.result = 1;
    field_pass(&told.field, 1);
    assert_told(field_take(&told.field), 80, 1);
    field_answer(&told.field, UD_COAP_204_CHANGED);
    field_pass(&told.field, 1000);
    assert_true(field_is_silent(&told.field));
}

static void test_a_server_that_refuses_is_asked_again_a_period_later(void **state)
{
    struct telling told;
    (void)state;
    begin(&told);
    mute(&told, "0");
    assert_told(field_take(&told.field), 80, 0);
    field_answer(&told.field, UD_COAP_405_METHOD);
    told.field.client.update_at_ms = UINT64_MAX;
    field_pass(&told.field, PERIOD_S * 1000 - 1);
    assert_true(field_is_silent(&told.field));
    field_pass(&told.field, 1);
    assert_told(field_take(&told.field), 80, 0);
}

/* Values whose answer never came are told over the next link. */
static void test_values_lost_with_the_link_are_told_again(void **state)
{
    struct telling told;
    unsigned steps = 0;
    (void)state;
    begin(&told);
    mute(&told, "0");
    assert_told(field_take(&told.field), 80, 0);
    while (ud_lwm2m_client_stage(&told.field.client) != UD_LWM2M_DOWN) {
        assert_true(steps++ < 1000);
        field_pass(&told.field, 1000);
    }
    told.field.seen = told.field.sent; /* repetitions */
    while (field_is_silent(&told.field)) {
        assert_true(steps++ < 1000);
        field_pass(&told.field, 1000);
    }
    assert_true(ud_coap_path_is(field_take(&told.field), "rd/abc"));
    field_answer(&told.field, UD_COAP_204_CHANGED);
    assert_told(field_take(&told.field), 80, 0);
}

static void test_a_device_that_tells_nothing_has_nothing_to_mute(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    assert_int_equal(field_ask(&field, UD_COAP_GET, "1/0/23", -1, (struct ud_bytes){NULL, 0})->code,
                     UD_COAP_404_NOT_FOUND);
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "1/0/23", UD_COAP_FORMAT_TEXT, text_of("0"))->code,
                     UD_COAP_404_NOT_FOUND);
    field_pass(&field, 1000);
    assert_true(field_is_silent(&field));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int_306_307_values_are_told_in_every_period_once_the_server_unmutes),
        cmocka_unit_test(test_the_end_of_an_update_is_told_at_once),
        cmocka_unit_test(test_a_server_that_refuses_is_asked_again_a_period_later),
        cmocka_unit_test(test_values_lost_with_the_link_are_told_again),
        cmocka_unit_test(test_a_device_that_tells_nothing_has_nothing_to_mute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
