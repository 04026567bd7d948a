/* Observe: the order of notifications over wrap and silence, and what a request asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/coap_observe.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct ud_coap_message notification(bool observe, uint32_t number)
{
    static uint8_t bytes[32];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer writer;
    struct ud_coap_message message;
    ud_coap_write_begin(&writer, &buf, UD_COAP_NON, UD_COAP_205_CONTENT, 1, UD_BYTES_LITERAL("T"));
    if (observe) {
        ud_coap_write_uint(&writer, UD_COAP_OBSERVE, number);
    }
    assert_int_equal(ud_coap_write_end(&writer), UD_OK);
    assert_int_equal(ud_coap_parse(ud_buf_bytes(&buf), &message), UD_OK);
    return message;
}

static const struct {
    uint32_t first;
    uint32_t second;
    uint64_t later_ms;
    ud_err want;
} orders[] = {
    {0, 1, 10, UD_OK},
    {1, 0, 10, UD_ERR_STALE},
    {5, 5, 10, UD_ERR_STALE},
    {0, 0x7fffff, 10, UD_OK},
    {0, 0x800000, 10, UD_ERR_STALE},
    {0, 0x800001, 10, UD_ERR_STALE},
    {0xffffff, 0, 10, UD_OK},
    {0xffffff, 0x7ffffe, 10, UD_OK},
    {0xffffff, 0x7fffff, 10, UD_ERR_STALE},
    {0, 0xffffff, 10, UD_ERR_STALE},
    {5, 4, 128000, UD_ERR_STALE},
    {5, 4, 128001, UD_OK},
    {5, 5, 128001, UD_OK},
};

static void test_the_newer_notification_is_known_over_the_wrap_and_after_silence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct ud_coap_watch watch;
        ud_coap_watch_init(&watch);
        struct ud_coap_message message = notification(true, orders[i].first);
        assert_int_equal(ud_coap_watch_take(&watch, 1000, &message), UD_OK);
        message = notification(true, orders[i].second);
        const ud_err err = ud_coap_watch_take(&watch, 1000 + orders[i].later_ms, &message);
        if (err != orders[i].want) {
            fail_msg("%x after %x: %s", orders[i].second, orders[i].first, ud_err_name(err));
        }
    }
    assert_int_equal(ud_coap_observe_after(0xffffff), 0);
}

static void test_a_stale_notification_changes_nothing(void **state)
{
    (void)state;
    struct ud_coap_watch watch;
    ud_coap_watch_init(&watch);
    static const uint32_t numbers[] = {10, 8, 9, 11};
    static const ud_err wants[] = {UD_OK, UD_ERR_STALE, UD_ERR_STALE, UD_OK};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const struct ud_coap_message message = notification(true, numbers[i]);
        assert_int_equal(ud_coap_watch_take(&watch, i, &message), wants[i]);
    }
    const struct ud_coap_message last = notification(false, 0);
    assert_int_equal(ud_coap_watch_take(&watch, 100, &last), UD_ABSENT);
}

static void test_a_request_asks_to_start_or_stop_only_with_the_right_value_and_a_token(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        ud_coap_observe_wish want;
    } requests[] = {
        {"41010001 aa 60", UD_COAP_OBSERVE_START},  {"41010001 aa 6100", UD_COAP_OBSERVE_START},
        {"41010001 aa 6101", UD_COAP_OBSERVE_STOP}, {"41010001 aa 6102", UD_COAP_OBSERVE_NOT},
        {"41010001 aa", UD_COAP_OBSERVE_NOT},       {"40010001 60", UD_COAP_OBSERVE_NOT},
        {"40010001 6101", UD_COAP_OBSERVE_STOP},    {"41010001 aa 6400000000", UD_COAP_OBSERVE_NOT},
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        uint8_t bytes[32];
        struct ud_coap_message message;
        assert_int_equal(ud_coap_parse(hex_decode(requests[i].hex, bytes, sizeof bytes), &message), UD_OK);
        assert_int_equal(ud_coap_observe_asked(&message), requests[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newer_notification_is_known_over_the_wrap_and_after_silence),
        cmocka_unit_test(test_a_stale_notification_changes_nothing),
        cmocka_unit_test(test_a_request_asks_to_start_or_stop_only_with_the_right_value_and_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
