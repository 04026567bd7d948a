#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ports/posix/bell.h"

static struct ud_bytes text(const char *from)
{
    return (struct ud_bytes){(const uint8_t *)from, strlen(from)};
}

static const struct {
    const char *json;
    ud_err want;
    uint64_t seq;
    ud_bell_kind kind;
    uint32_t action;
} notices[] = {
    {"{\"seq\":7,\"action\":\"12\",\"kind\":\"update\",\"type\":\"soft\",\"not_before\":0}", UD_OK, 7,
     UD_BELL_UPDATE, 12},
    {"{\"seq\":8,\"action\":\"12\",\"kind\":\"cancel\"}", UD_OK, 8, UD_BELL_CANCEL, 12},
    {"{\"seq\":9,\"kind\":\"none\"}", UD_OK, 9, UD_BELL_NONE, 0},
    {"", UD_ABSENT, 0, 0, 0},
    {"{\"seq\":0,\"action\":\"12\",\"kind\":\"update\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":-1,\"action\":\"12\",\"kind\":\"update\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":\"7\",\"action\":\"12\",\"kind\":\"update\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":7,\"kind\":\"update\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":7,\"action\":\"2147483648\",\"kind\":\"update\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":7,\"action\":\"1x\",\"kind\":\"update\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":7,\"action\":\"12\",\"kind\":\"install\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":7,\"seq\":8,\"action\":\"12\",\"kind\":\"update\"}", UD_ERR_PROTOCOL, 0, 0, 0},
    {"{\"seq\":7,\"action\":\"12\",\"kind\":\"update\"} x", UD_ERR_PROTOCOL, 0, 0, 0},
    {"[]", UD_ERR_PROTOCOL, 0, 0, 0},
};

static void test_a_notice_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof notices / sizeof notices[0]; i++) {
        struct ud_bell_notify notify = {.seq = 99};
        const ud_err err = ud_bell_notify_parse(text(notices[i].json), &notify);
        const bool right = err == notices[i].want &&
                           (err == UD_OK ? notify.seq == notices[i].seq && notify.kind == notices[i].kind &&
                                               notify.action_id == notices[i].action
                                         : notify.seq == 99);
        if (!right) {
            fail_msg("%s: %s", notices[i].json, ud_err_name(err));
        }
    }
}

static void test_a_notice_counts_once_and_never_after_a_newer_one(void **state)
{
    (void)state;
    struct ud_bell_seen seen = {0};
    const struct {
        uint64_t seq;
        ud_err want;
    } order[] = {{5, UD_OK}, {5, UD_ERR_REPLAY}, {4, UD_ERR_REPLAY},
                 {9, UD_OK}, {8, UD_ERR_REPLAY}, {10, UD_OK}};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const struct ud_bell_notify notify = {.seq = order[i].seq, .kind = UD_BELL_UPDATE, .action_id = 1};
        assert_int_equal(ud_bell_take_notify(&seen, &notify), order[i].want);
    }
}

static void test_a_command_is_poll_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        ud_err want;
    } rows[] = {
        {"{\"id\":3,\"cmd\":\"poll\",\"deadline\":1800000000000}", UD_OK},
        {"{\"id\":3,\"cmd\":\"install\",\"deadline\":1800000000000}", UD_ERR_PROTOCOL},
        {"{\"id\":3,\"cmd\":\"poll\"}", UD_ERR_PROTOCOL},
        {"{\"id\":0,\"cmd\":\"poll\",\"deadline\":1}", UD_ERR_PROTOCOL},
        {"{\"id\":3,\"cmd\":[\"poll\"],\"deadline\":1}", UD_ERR_PROTOCOL},
        {"", UD_ERR_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_bell_cmd cmd;
        if (ud_bell_cmd_parse(text(rows[i].json), &cmd) != rows[i].want) {
            fail_msg("%s", rows[i].json);
        }
    }
}

static void test_g5_an_old_late_or_kept_command_is_dropped(void **state)
{
    (void)state;
    struct ud_bell_seen seen = {0};
    const uint64_t now = UINT64_C(1800000000000);
    const struct ud_bell_cmd good = {7, now + 1};
    const struct ud_bell_cmd late = {8, now - 1};
    const struct ud_bell_cmd old = {6, now + 1};
    assert_int_equal(ud_bell_take_cmd(&seen, &good, true, now), UD_ERR_REPLAY); /* the broker kept it */
    assert_int_equal(ud_bell_take_cmd(&seen, &late, false, now), UD_ERR_REPLAY);
    assert_int_equal(ud_bell_take_cmd(&seen, &good, false, now), UD_OK);
    assert_int_equal(ud_bell_take_cmd(&seen, &good, false, now), UD_ERR_REPLAY);
    assert_int_equal(ud_bell_take_cmd(&seen, &old, false, now), UD_ERR_REPLAY);
    assert_int_equal(ud_bell_take_cmd(&seen, &late, false, 1000), UD_OK); /* a clock that was never set */
}

#define A5 "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"

static void test_an_acknowledgement_names_one_report_and_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        ud_err want;
        ud_err err;
    } rows[] = {
        {"{\"report\":\"" A5 A5 "\",\"error\":\"UD_OK\"}", UD_OK, UD_OK},
        {"{\"report\":\"" A5 A5 "\",\"error\":\"UD_ERR_NONCE\"}", UD_OK, UD_ERR_NONCE},
        /* of a newer server: never taken for success */
        {"{\"report\":\"" A5 A5 "\",\"error\":\"UD_ERR_OF_TOMORROW\"}", UD_OK, UD_ERR_INTERNAL},
        {"{\"report\":\"" A5 A5 "a5\",\"error\":\"UD_OK\"}", UD_ERR_PROTOCOL, UD_OK},
        {"{\"report\":\"" A5 "\",\"error\":\"UD_OK\"}", UD_ERR_PROTOCOL, UD_OK},
        {"{\"report\":\"" A5 A5 "\"}", UD_ERR_PROTOCOL, UD_OK},
        {"{\"error\":\"UD_OK\"}", UD_ERR_PROTOCOL, UD_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_bell_ack ack = {.err = UD_ERR_LIMIT};
        const ud_err err = ud_bell_ack_parse(text(rows[i].json), &ack);
        if (err != rows[i].want || ack.err != (err == UD_OK ? rows[i].err : UD_ERR_LIMIT) ||
            (err == UD_OK && (ack.digest[0] != 0xa5 || ack.digest[31] != 0xa5))) {
            fail_msg("%s", rows[i].json);
        }
    }
}

static void test_progress_is_written_within_its_buffer(void **state)
{
    (void)state;
    uint8_t room[UD_BELL_STATUS_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    const struct ud_road_progress progress = {12, UD_ROAD_DOWNLOADING, 50, 200};
    assert_int_equal(ud_bell_status_write(&out, &progress, 3, 1000), UD_OK);
    const char want[] = "{\"action\":\"12\",\"seq\":3,\"state\":\"downloading\",\"pct\":25,\"ts\":1000}";
    assert_int_equal(out.len, strlen(want));
    assert_memory_equal(room, want, out.len);
    struct ud_buf small = {room, 20, 0};
    assert_int_equal(ud_bell_status_write(&small, &progress, 3, 1000), UD_ERR_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_notice_is_read_or_refused),
        cmocka_unit_test(test_a_notice_counts_once_and_never_after_a_newer_one),
        cmocka_unit_test(test_a_command_is_poll_and_nothing_else),
        cmocka_unit_test(test_g5_an_old_late_or_kept_command_is_dropped),
        cmocka_unit_test(test_an_acknowledgement_names_one_report_and_its_end),
        cmocka_unit_test(test_progress_is_written_within_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
