/* The message layer: repetition, duplicates, separate answers, Resets, and what an unverified address may get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/coap_peer.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SEEN_COUNT 4

static const struct ud_coap_params params = UD_COAP_PARAMS_DEFAULT;
static const struct ud_coap_params careful = {2000, 1500, 4, 93000, 3};

struct fixture {
    struct ud_coap_peer peer;
    struct ud_coap_seen seen[SEEN_COUNT];
    struct ud_coap_event event;
    uint8_t in[256];
    uint8_t out[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf buf;
};

static struct fixture *fixture_of(const struct ud_coap_params *with)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    f.buf = (struct ud_buf){f.out, sizeof f.out, 0};
    ud_coap_peer_init(&f.peer, with, f.seen, SEEN_COUNT, 0x12345678);
    return &f;
}

static ud_err receive(struct fixture *f, uint64_t now_ms, const char *hex)
{
    return ud_coap_peer_receive(&f->peer, now_ms, hex_decode(hex, f->in, sizeof f->in), &f->event);
}

static void assert_sent(struct ud_bytes sent, const char *hex)
{
    uint8_t bytes[256];
    const struct ud_bytes want = hex_decode(hex, bytes, sizeof bytes);
    assert_int_equal(sent.len, want.len);
    assert_memory_equal(sent.ptr, want.ptr, want.len);
}

/* A message in f->buf: code, token, payload of so many bytes. */
static void write(struct fixture *f, ud_coap_type type, uint8_t code, struct ud_bytes token,
                  size_t payload_bytes)
{
    static const uint8_t payload[1024] = {'x'};
    struct ud_coap_writer writer;
    ud_coap_write_begin(&writer, &f->buf, type, code, 0, token);
    ud_coap_write_payload(&writer, (struct ud_bytes){payload, payload_bytes});
    assert_int_equal(ud_coap_write_end(&writer), UD_OK);
}

static uint16_t request_id(struct ud_bytes datagram)
{
    ud_coap_type type;
    uint16_t id = 0;
    assert_true(ud_coap_parse_head(datagram, &type, &id));
    return id;
}

/* Send GET with token 'T'; gives its message id as hex text "xxxx". */
static const char *send_get(struct fixture *f, ud_coap_type type, uint64_t now_ms)
{
    static char id[5];
    struct ud_bytes send = {NULL, 0};
    write(f, type, UD_COAP_GET, UD_BYTES_LITERAL("T"), 0);
    assert_int_equal(ud_coap_peer_send(&f->peer, now_ms, &f->buf, &send), UD_OK);
    (void)snprintf(id, sizeof id, "%04x", request_id(send));
    return id;
}

static const char *joined(const char *before, const char *id, const char *after)
{
    static char hex[128];
    (void)snprintf(hex, sizeof hex, "%s%s%s", before, id, after);
    return hex;
}

static void test_a_request_is_repeated_with_doubled_timeouts_and_then_given_up(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    uint32_t wait_ms = 0;
    uint32_t previous_ms = 0;
    uint64_t now_ms = 1000;
    send_get(f, UD_COAP_CON, now_ms);
    for (int repetition = 0; repetition <= 4; repetition++) {
        ud_coap_peer_step(&f->peer, now_ms, &f->event, &wait_ms);
        assert_int_equal(f->event.send.len, repetition == 0 ? 0 : 5);
        assert_in_range(wait_ms, 2000u << repetition, 3001u << repetition);
        assert_true(repetition == 0 || wait_ms == 2 * previous_ms);
        ud_coap_peer_step(&f->peer, now_ms + wait_ms - 1, &f->event, &previous_ms);
        assert_int_equal(f->event.send.len, 0); /* not before its time */
        previous_ms = wait_ms;
        now_ms += wait_ms;
    }
    ud_coap_peer_step(&f->peer, now_ms, &f->event, &wait_ms);
    assert_int_equal(f->event.kind, UD_COAP_TIMED_OUT);
    assert_int_equal(f->event.send.len, 0);
    assert_false(ud_coap_peer_is_busy(&f->peer));
    ud_coap_peer_step(&f->peer, now_ms, &f->event, &wait_ms);
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
    assert_int_equal(wait_ms, UINT32_MAX);
}

static void test_only_one_exchange_is_under_way(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    struct ud_bytes send = {NULL, 0};
    uint8_t room[16];
    struct ud_buf second = {room, sizeof room, 0};
    struct ud_coap_writer writer;
    const char *id = send_get(f, UD_COAP_CON, 0);
    ud_coap_write_begin(&writer, &second, UD_COAP_CON, UD_COAP_GET, 0, UD_BYTES_LITERAL("U"));
    assert_int_equal(ud_coap_peer_send(&f->peer, 0, &second, &send), UD_ERR_BUSY);
    ud_coap_write_begin(&writer, &second, UD_COAP_CON, UD_COAP_205_CONTENT, 0, UD_BYTES_LITERAL("U"));
    assert_int_equal(ud_coap_peer_send(&f->peer, 0, &second, &send), UD_ERR_BUSY);
    ud_coap_write_begin(&writer, &second, UD_COAP_NON, UD_COAP_205_CONTENT, 0, UD_BYTES_LITERAL("U"));
    assert_int_equal(ud_coap_peer_send(&f->peer, 0, &second, &send),
                     UD_OK); /* a NON notification needs no turn */
    assert_int_equal(receive(f, 10, joined("6145", id, "54 ff68")), UD_OK);
    assert_int_equal(f->event.kind, UD_COAP_RESPONDED);
    assert_false(ud_coap_peer_is_busy(&f->peer));
}

static const struct {
    const char *name;
    const char *before_id;
    const char *after_id;
    ud_coap_event_kind want;
    bool still_busy;
} acks[] = {
    {"piggybacked answer", "6145", "54", UD_COAP_RESPONDED, false},
    {"piggybacked, wrong token", "6145", "55", UD_COAP_NOTHING, true},
    {"piggybacked, no token", "6045", "", UD_COAP_NOTHING, true},
    {"empty acknowledgement", "6000", "", UD_COAP_NOTHING, true},
    {"Reset", "7000", "", UD_COAP_RESET, false},
    {"acknowledgement that carries a request", "6101", "54", UD_COAP_NOTHING, true},
    {"Reset that carries an answer", "7145", "54", UD_COAP_NOTHING, true},
};

static void test_acknowledgements_end_only_the_exchange_they_belong_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(acks); i++) {
        struct fixture *f = fixture_of(&params);
        const char *id = send_get(f, UD_COAP_CON, 0);
        (void)receive(f, 10, joined(acks[i].before_id, id, acks[i].after_id));
        if (f->event.kind != acks[i].want || ud_coap_peer_is_busy(&f->peer) != acks[i].still_busy) {
            fail_msg("%s: %d", acks[i].name, f->event.kind);
        }
        f = fixture_of(&params); /* the same with another message id changes nothing */
        (void)send_get(f, UD_COAP_CON, 0);
        (void)receive(f, 10, joined(acks[i].before_id, "0bad", acks[i].after_id));
        assert_true(ud_coap_peer_is_busy(&f->peer));
    }
}

static void test_a_separate_answer_is_acknowledged_and_its_duplicate_too(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    uint32_t wait_ms = 0;
    const char *id = send_get(f, UD_COAP_CON, 0);
    assert_int_equal(receive(f, 100, joined("6000", id, "")), UD_OK);
    ud_coap_peer_step(&f->peer, 5000, &f->event, &wait_ms);
    assert_int_equal(f->event.send.len, 0); /* acknowledged: no repetition any more */
    assert_int_equal(receive(f, 6000, "4145 0909 54 ff68"), UD_OK);
    assert_int_equal(f->event.kind, UD_COAP_RESPONDED);
    assert_sent(f->event.send, "60000909");
    assert_int_equal(receive(f, 6100, "4145 0909 54 ff68"), UD_OK);
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
    assert_sent(f->event.send, "60000909");
}

static void test_a_separate_answer_that_overtakes_its_acknowledgement_counts(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    const char *id = send_get(f, UD_COAP_CON, 0);
    assert_int_equal(receive(f, 100, "5145 0909 54 ff68"), UD_OK);
    assert_int_equal(f->event.kind, UD_COAP_RESPONDED);
    assert_int_equal(receive(f, 101, joined("6000", id, "")), UD_OK);
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
}

static void test_waiting_for_a_separate_answer_ends(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    uint32_t wait_ms = 0;
    const char *id = send_get(f, UD_COAP_CON, 0);
    (void)receive(f, 100, joined("6000", id, ""));
    (void)receive(f, 50000, joined("6000", id, "")); /* a late duplicate does not extend it */
    ud_coap_peer_step(&f->peer, 100 + 93000 - 1, &f->event, &wait_ms);
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
    assert_int_equal(wait_ms, 1);
    ud_coap_peer_step(&f->peer, 100 + 93000, &f->event, &wait_ms);
    assert_int_equal(f->event.kind, UD_COAP_TIMED_OUT);
    f = fixture_of(&params);
    (void)send_get(f, UD_COAP_NON, 0);
    ud_coap_peer_step(&f->peer, 93000, &f->event, &wait_ms);
    assert_int_equal(f->event.kind, UD_COAP_TIMED_OUT);
}

static void test_a_duplicate_request_gets_the_same_bytes_and_is_not_handed_up(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    struct ud_bytes send = {NULL, 0};
    assert_int_equal(receive(f, 1000, "4102 1111 aa b27264"), UD_OK);
    assert_int_equal(f->event.kind, UD_COAP_REQUESTED);
    struct ud_coap_asked asked = f->event.asked;
    (void)receive(f, 1001, "4102 1111 aa b27264"); /* before there is an answer: silence */
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
    assert_int_equal(f->event.send.len, 0);
    write(f, UD_COAP_CON, UD_COAP_201_CREATED, ud_coap_asked_token(&asked), 3);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 1002, &asked, &f->buf, &send), UD_OK);
    assert_sent(send, "6141 1111 aa ff780000");
    (void)receive(f, 1000 + UD_COAP_EXCHANGE_LIFETIME_MS - 1, "4102 1111 aa b27264");
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
    assert_sent(f->event.send, "6141 1111 aa ff780000");
    (void)receive(f, 1000 + UD_COAP_EXCHANGE_LIFETIME_MS, "4102 1111 aa b27264");
    assert_int_equal(f->event.kind, UD_COAP_REQUESTED); /* its lifetime is over: a new one */
}

static void test_a_duplicate_non_request_is_dropped(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    struct ud_bytes send = {NULL, 0};
    (void)receive(f, 0, "5102 1111 aa");
    struct ud_coap_asked asked = f->event.asked;
    write(f, UD_COAP_CON, UD_COAP_204_CHANGED, ud_coap_asked_token(&asked), 0);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 1, &asked, &f->buf, &send), UD_OK);
    assert_int_equal(send.ptr[0] >> 4, 5); /* NON for NON */
    assert_false(ud_coap_peer_is_busy(&f->peer));
    (void)receive(f, UD_COAP_NON_LIFETIME_MS - 1, "5102 1111 aa");
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
    assert_int_equal(f->event.send.len, 0);
    (void)receive(f, UD_COAP_NON_LIFETIME_MS, "5102 1111 aa");
    assert_int_equal(f->event.kind, UD_COAP_REQUESTED);
}

static void test_the_table_of_duplicates_forgets_the_oldest(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    char hex[32];
    for (unsigned id = 0; id <= SEEN_COUNT; id++) {
        (void)snprintf(hex, sizeof hex, "4102 %04x aa", id);
        (void)receive(f, id, hex);
        assert_int_equal(f->event.kind, UD_COAP_REQUESTED);
    }
    (void)receive(f, 10, "4102 0001 aa");
    assert_int_equal(f->event.kind, UD_COAP_NOTHING);
    (void)receive(f, 10, "4102 0000 aa");
    assert_int_equal(f->event.kind, UD_COAP_REQUESTED);
}

static void test_answers_too_long_to_keep_are_only_for_methods_that_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        size_t payload_bytes;
        ud_err want;
        ud_coap_event_kind duplicate;
    } cases[] = {
        {"4101 1111 aa", UD_COAP_REPLY_BYTES_MAX - 6, UD_OK, UD_COAP_NOTHING},
        {"4101 1111 aa", UD_COAP_REPLY_BYTES_MAX - 5, UD_OK, UD_COAP_REQUESTED},
        {"4105 1111 aa", 1000, UD_OK, UD_COAP_REQUESTED},
        {"4102 1111 aa", UD_COAP_REPLY_BYTES_MAX - 6, UD_OK, UD_COAP_NOTHING},
        {"4102 1111 aa", UD_COAP_REPLY_BYTES_MAX - 5, UD_ERR_BUFFER, UD_COAP_NOTHING},
        {"4103 1111 aa", 1000, UD_ERR_BUFFER, UD_COAP_NOTHING},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture *f = fixture_of(&params);
        struct ud_bytes send = {NULL, 0};
        (void)receive(f, 0, cases[i].request);
        struct ud_coap_asked asked = f->event.asked;
        write(f, UD_COAP_CON, UD_COAP_205_CONTENT, ud_coap_asked_token(&asked), cases[i].payload_bytes);
        assert_int_equal(ud_coap_peer_reply(&f->peer, 1, &asked, &f->buf, &send), cases[i].want);
        (void)receive(f, 2, cases[i].request);
        assert_int_equal(f->event.kind, cases[i].duplicate);
    }
}

/* A POST that comes in at now_ms and is answered with so many payload bytes. */
static void answered_post(struct fixture *f, uint64_t now_ms, unsigned id, size_t payload_bytes)
{
    char hex[32];
    struct ud_bytes send = {NULL, 0};
    (void)snprintf(hex, sizeof hex, "4102 %04x aa", id);
    (void)receive(f, now_ms, hex);
    assert_int_equal(f->event.kind, UD_COAP_REQUESTED);
    struct ud_coap_asked asked = f->event.asked;
    write(f, UD_COAP_CON, UD_COAP_204_CHANGED, ud_coap_asked_token(&asked), payload_bytes);
    assert_int_equal(ud_coap_peer_reply(&f->peer, now_ms, &asked, &f->buf, &send), UD_OK);
}

/* Is it a duplicate whose answer has so many payload bytes (0: no marker either)? */
static bool is_known(struct fixture *f, uint64_t now_ms, unsigned id, size_t payload_bytes)
{
    char hex[32];
    const uint8_t head[] = {0x61, UD_COAP_204_CHANGED, (uint8_t)(id >> 8), (uint8_t)id, 0xaa};
    (void)snprintf(hex, sizeof hex, "4102 %04x aa", id);
    (void)receive(f, now_ms, hex);
    if (f->event.kind != UD_COAP_NOTHING) {
        return false;
    }
    assert_int_equal(f->event.send.len, sizeof head + (payload_bytes == 0 ? 0 : payload_bytes + 1));
    assert_memory_equal(f->event.send.ptr, head, sizeof head);
    return true;
}

static void test_answers_share_their_room_and_the_oldest_goes_when_it_is_short(void **state)
{
    (void)state;
    const size_t longest = UD_COAP_REPLY_BYTES_MAX - 6;
    struct fixture *f = fixture_of(&params);
    answered_post(f, 1, 1, 3);
    answered_post(f, 1, 2, 0);
    answered_post(f, 1, 3, 20);
    assert_true(is_known(f, 2, 1, 3) && is_known(f, 2, 2, 0) && is_known(f, 2, 3, 20));
    answered_post(f, 3, 4, longest); /* the room holds that and little more */
    assert_true(is_known(f, 4, 4, longest));
    assert_false(is_known(f, 4, 1, 3));
    f = fixture_of(&params);
    for (unsigned id = 1; id <= 50; id++) { /* any mixture: what came last is always kept whole, and its like */
        const size_t bytes = id * 7 % (longest + 1);
        answered_post(f, id, id, bytes);
        assert_true(is_known(f, id, id, bytes));
    }
}

static void test_an_ignored_request_costs_no_other_its_place(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    for (unsigned id = 1; id < SEEN_COUNT; id++) {
        answered_post(f, 1, id, 4);
    }
    for (uint64_t now_ms = 10; now_ms < 20; now_ms++) {
        (void)receive(f, now_ms, "4102 1111 aa");
        assert_int_equal(f->event.kind, UD_COAP_REQUESTED);
        ud_coap_peer_ignore(&f->peer, now_ms, &f->event.asked);
    }
    for (unsigned id = 1; id < SEEN_COUNT; id++) {
        assert_true(is_known(f, 30, id, 4));
    }
    /* an answered one that is forgotten gives its bytes back, and those behind it stay right */
    struct ud_coap_asked first = {.id = 1, .confirmable = true};
    ud_coap_peer_ignore(&f->peer, 31, &first);
    answered_post(f, 32, 1, 9);
    for (unsigned id = 2; id < SEEN_COUNT; id++) {
        assert_true(is_known(f, 33, id, 4));
    }
    assert_true(is_known(f, 33, 1, 9));
}

static void test_an_accepted_request_is_answered_separately_and_repeated_until_acknowledged(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&params);
    struct ud_bytes send = {NULL, 0};
    uint32_t wait_ms = 0;
    (void)receive(f, 0, "4101 1111 aa");
    struct ud_coap_asked asked = f->event.asked;
    ud_coap_peer_accept(&f->peer, 1, &asked, &send);
    assert_sent(send, "60001111");
    (void)receive(f, 2, "4101 1111 aa");
    assert_sent(f->event.send, "60001111");
    write(f, UD_COAP_CON, UD_COAP_205_CONTENT, ud_coap_asked_token(&asked), 1000);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 100, &asked, &f->buf, &send), UD_OK);
    assert_int_equal(send.ptr[0], 0x41);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 100, &asked, &f->buf, &send), UD_ERR_BUSY);
    ud_coap_peer_step(&f->peer, 4000, &f->event, &wait_ms);
    assert_int_equal(f->event.send.len, send.len);
    char ack[16];
    (void)snprintf(ack, sizeof ack, "6000%04x", request_id(send));
    (void)receive(f, 4001, ack);
    assert_int_equal(f->event.kind, UD_COAP_ACKNOWLEDGED);
    assert_false(ud_coap_peer_is_busy(&f->peer));
}

static void test_no_response_silences_the_classes_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        uint8_t code;
        const char *sent;
    } cases[] = {
        /* option 258 = 13 + 245 behind nothing: d1 f5 */
        {"4002 1111 d1f5 02", UD_COAP_204_CHANGED, "60001111"},
        {"4002 1111 d1f5 02", UD_COAP_404_NOT_FOUND, "60841111"},
        {"4002 1111 d1f5 18", UD_COAP_404_NOT_FOUND, "60001111"},
        {"4002 1111 d1f5 18", UD_COAP_500_INTERNAL, "60001111"},
        {"4002 1111 d1f5 18", UD_COAP_204_CHANGED, "60441111"},
        {"4002 1111 d0f5", UD_COAP_204_CHANGED, "60441111"},
        {"5002 1111 d1f5 1a", UD_COAP_204_CHANGED, ""},
        {"4002 1111 d2f5 0202", UD_COAP_204_CHANGED, "60441111"}, /* two bytes are too many: ignored */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture *f = fixture_of(&params);
        struct ud_bytes send = {NULL, 0};
        (void)receive(f, 0, cases[i].request);
        struct ud_coap_asked asked = f->event.asked;
        write(f, UD_COAP_CON, cases[i].code, ud_coap_asked_token(&asked), 0);
        assert_int_equal(ud_coap_peer_reply(&f->peer, 1, &asked, &f->buf, &send), UD_OK);
        assert_sent(send, cases[i].sent);
    }
}

static void test_an_unasked_answer_is_acknowledged_or_reset_and_so_is_its_duplicate(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        bool wanted;
        const char *sent;
        const char *again;
    } cases[] = {
        {"4145 0909 77", true, "60000909", "60000909"},
        {"4145 0909 77", false, "70000909", "70000909"},
        {"5145 0909 77", true, "", ""},
        {"5145 0909 77", false, "70000909", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture *f = fixture_of(&params);
        struct ud_bytes send = {NULL, 0};
        (void)receive(f, 0, cases[i].message);
        assert_int_equal(f->event.kind, UD_COAP_UNASKED);
        ud_coap_peer_settle(&f->peer, 0, &f->event, cases[i].wanted, &send);
        assert_sent(send, cases[i].sent);
        (void)receive(f, 1, cases[i].message);
        assert_int_equal(f->event.kind, UD_COAP_NOTHING);
        assert_sent(f->event.send, cases[i].again);
    }
}

static const struct {
    const char *name;
    const char *hex;
    const char *sent;
    ud_err want;
} rejects[] = {
    {"ping", "40000102", "70000102", UD_OK},
    {"malformed CON", "49010102", "70000102", UD_ERR_SHAPE},
    {"malformed NON", "59010102", "", UD_ERR_SHAPE},
    {"malformed acknowledgement", "69450102", "", UD_ERR_SHAPE},
    {"empty NON", "50000102", "", UD_ERR_SHAPE},
    {"another version", "80010102", "", UD_ERR_VERSION},
    {"CON of reserved class 1", "40210102", "70000102", UD_ERR_SHAPE},
    {"CON of reserved class 7", "40e10102", "70000102", UD_ERR_SHAPE},
    {"NON of reserved class 3", "50610102", "", UD_ERR_SHAPE},
    {"acknowledgement with a request", "60010102", "", UD_ERR_SHAPE},
    {"Reset with a code", "70450102", "", UD_ERR_SHAPE},
    {"acknowledgement of nothing", "60000102", "", UD_OK},
    {"too short for a Reset", "4001", "", UD_ERR_TRUNCATED},
};

static void test_what_cannot_be_handled_is_reset_or_ignored(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rejects); i++) {
        struct fixture *f = fixture_of(&params);
        const ud_err err = receive(f, 0, rejects[i].hex);
        if (err != rejects[i].want || f->event.kind != UD_COAP_NOTHING) {
            fail_msg("%s: %s", rejects[i].name, ud_err_name(err));
        }
        assert_sent(f->event.send, rejects[i].sent);
    }
}

/* Attack G6: whoever forges an address must not turn us into an amplifier. */
static void test_an_unverified_address_gets_no_more_than_three_times_what_it_sent(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&careful);
    struct ud_bytes send = {NULL, 0};
    (void)receive(f, 0, "4101 1111 aa b3666f6f"); /* 9 bytes in: 27 out */
    struct ud_coap_asked asked = f->event.asked;
    write(f, UD_COAP_CON, UD_COAP_205_CONTENT, ud_coap_asked_token(&asked), 22);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 1, &asked, &f->buf, &send), UD_ERR_LIMIT);
    write(f, UD_COAP_CON, UD_COAP_401_UNAUTHORIZED, ud_coap_asked_token(&asked), 21);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 1, &asked, &f->buf, &send), UD_OK);
    (void)receive(f, 2, "4101 1111 aa b3666f6f"); /* the duplicate pays for its own answer */
    assert_int_equal(f->event.send.len, 27);
    ud_coap_peer_verified(&f->peer);
    (void)receive(f, 3, "4101 1112 aa b3666f6f");
    asked = f->event.asked;
    write(f, UD_COAP_CON, UD_COAP_205_CONTENT, ud_coap_asked_token(&asked), 1000);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 4, &asked, &f->buf, &send), UD_OK);
}

/* The whole way of RFC 9175 section 2.4: refused with a challenge, repeated with it, served. */
static void test_an_address_proves_itself_by_echo(void **state)
{
    (void)state;
    static const struct {
        const char *request; /* option 252 = 13 + 239: dN ef */
        bool proven;
    } cases[] = {
        {"4101 1111 aa d4ef 63686173", false},
        {"4101 1111 aa d5ef 6368617365", true},
        {"4101 1111 aa d5ef 6368617364", false},
        {"4101 1111 aa d6ef 636861736500", false},
        {"4101 1111 aa d0ef", false},
        {"4101 1111 aa", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture *f = fixture_of(&careful);
        struct ud_bytes send = {NULL, 0};
        (void)receive(f, 0, cases[i].request);
        struct ud_coap_asked asked = f->event.asked;
        const bool proven = ud_coap_echo_is(&f->event.message, UD_BYTES_LITERAL("chase"));
        assert_int_equal(proven, cases[i].proven);
        assert_false(ud_coap_echo_is(&f->event.message, (struct ud_bytes){NULL, 0}));
        if (proven) {
            ud_coap_peer_verified(&f->peer);
        }
        write(f, UD_COAP_CON, UD_COAP_205_CONTENT, ud_coap_asked_token(&asked), 1000);
        assert_int_equal(ud_coap_peer_reply(&f->peer, 1, &asked, &f->buf, &send),
                         proven ? UD_OK : UD_ERR_LIMIT);
    }
}

static void test_repetitions_towards_an_unverified_address_are_bounded_too(void **state)
{
    (void)state;
    struct fixture *f = fixture_of(&careful);
    struct ud_bytes send = {NULL, 0};
    uint64_t now_ms = 1;
    size_t out_bytes = 0;
    (void)receive(f, 0, "4101 1111 aa b3666f6f");
    struct ud_coap_asked asked = f->event.asked;
    ud_coap_peer_accept(&f->peer, 1, &asked, &send);
    out_bytes += send.len;
    write(f, UD_COAP_CON, UD_COAP_205_CONTENT, ud_coap_asked_token(&asked), 5);
    assert_int_equal(ud_coap_peer_reply(&f->peer, 1, &asked, &f->buf, &send), UD_OK);
    out_bytes += send.len;
    do {
        uint32_t wait_ms = 0;
        ud_coap_peer_step(&f->peer, now_ms, &f->event, &wait_ms);
        out_bytes += f->event.send.len;
        now_ms += wait_ms;
    } while (f->event.kind != UD_COAP_TIMED_OUT);
    assert_in_range(out_bytes, 15 + 11, 27);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_repeated_with_doubled_timeouts_and_then_given_up),
        cmocka_unit_test(test_only_one_exchange_is_under_way),
        cmocka_unit_test(test_acknowledgements_end_only_the_exchange_they_belong_to),
        cmocka_unit_test(test_a_separate_answer_is_acknowledged_and_its_duplicate_too),
        cmocka_unit_test(test_a_separate_answer_that_overtakes_its_acknowledgement_counts),
        cmocka_unit_test(test_waiting_for_a_separate_answer_ends),
        cmocka_unit_test(test_a_duplicate_request_gets_the_same_bytes_and_is_not_handed_up),
        cmocka_unit_test(test_a_duplicate_non_request_is_dropped),
        cmocka_unit_test(test_the_table_of_duplicates_forgets_the_oldest),
        cmocka_unit_test(test_answers_too_long_to_keep_are_only_for_methods_that_change_nothing),
        cmocka_unit_test(test_answers_share_their_room_and_the_oldest_goes_when_it_is_short),
        cmocka_unit_test(test_an_ignored_request_costs_no_other_its_place),
        cmocka_unit_test(test_an_accepted_request_is_answered_separately_and_repeated_until_acknowledged),
        cmocka_unit_test(test_no_response_silences_the_classes_it_names),
        cmocka_unit_test(test_an_unasked_answer_is_acknowledged_or_reset_and_so_is_its_duplicate),
        cmocka_unit_test(test_what_cannot_be_handled_is_reset_or_ignored),
        cmocka_unit_test(test_an_unverified_address_gets_no_more_than_three_times_what_it_sent),
        cmocka_unit_test(test_an_address_proves_itself_by_echo),
        cmocka_unit_test(test_repetitions_towards_an_unverified_address_are_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
