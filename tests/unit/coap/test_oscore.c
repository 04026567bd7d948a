/* OSCORE: the vectors of RFC 8613 appendix C, and what must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/oscore.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Appendix C.1 to C.3: what is given to both sides, and what comes of it at the client. */
static const struct given {
    const char *name;
    const char *secret;
    const char *salt;
    const char *id_context; /* NULL: none */
    const char *client;
    const char *server;
    const char *client_key;
    const char *server_key;
    const char *common_iv;
} givens[] = {
    {"C.1", "0102030405060708090a0b0c0d0e0f10", "9e7ca92223786340", NULL, "", "01",
     "f0910ed7295e6ad4b54fc793154302ff", "ffb14e093c94c9cac9471648b4f98710", "4622d4dd6d944168eefb54987c"},
    {"C.2", "0102030405060708090a0b0c0d0e0f10", "", NULL, "00", "01", "321b26943253c7ffb6003b0b64d74041",
     "e57b5635815177cd679ab4bcec9d7dda", "be35ae297d2dace910c52e99f9"},
    {"C.3", "0102030405060708090a0b0c0d0e0f10", "9e7ca92223786340", "37cbf3210017a2d3", "", "01",
     "af2a1300a5e95788b356336eeecd2b92", "e39a0c7c77b43f03b4b39ab9a268699f", "2ca58fb85ff1b81c0b7181b85e"},
};

/* Appendix C.4 to C.6: a request, and the same protected with number 20. */
static const struct {
    const char *name;
    size_t given;
    const char *plain;
    const char *sealed;
} requests[] = {
    {"C.4", 0, "44015d1f00003974396c6f63616c686f737483747631",
     "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"},
    {"C.5", 1, "440171c30000b932396c6f63616c686f737483747631",
     "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0"},
    {"C.6", 2, "44012f8eef9bbf7a396c6f63616c686f737483747631",
     "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3"},
};

static struct ud_bytes decode(const char *hex, uint8_t *room, size_t cap)
{
    return hex_decode(hex, room, cap);
}

static void derive(const struct given *given, bool client, struct ud_oscore *context)
{
    uint8_t room[5][32];
    const struct ud_oscore_input input = {
        .secret = decode(given->secret, room[0], 32),
        .salt = decode(given->salt, room[1], 32),
        .id_context =
            given->id_context == NULL ? (struct ud_bytes){NULL, 0} : decode(given->id_context, room[2], 32),
        .sender = decode(client ? given->client : given->server, room[3], 32),
        .recipient = decode(client ? given->server : given->client, room[4], 32),
    };
    assert_int_equal(ud_oscore_derive(context, &input), UD_OK);
    context->fresh = true;
}

static void assert_hex(const uint8_t *got, const char *want)
{
    uint8_t room[64];
    const struct ud_bytes bytes = decode(want, room, sizeof room);
    assert_memory_equal(got, bytes.ptr, bytes.len);
}

static void test_contexts_are_the_published_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(givens); i++) {
        struct ud_oscore client;
        struct ud_oscore server;
        derive(&givens[i], true, &client);
        derive(&givens[i], false, &server);
        assert_hex(client.sender_key, givens[i].client_key);
        assert_hex(client.recipient_key, givens[i].server_key);
        assert_hex(client.common_iv, givens[i].common_iv);
        assert_hex(server.sender_key, givens[i].server_key);
        assert_hex(server.recipient_key, givens[i].client_key);
        assert_hex(server.common_iv, givens[i].common_iv);
    }
}

/* A message of the vectors without its Uri-Host: a client of ours writes none, it would be outside. */
static size_t without_host(const char *hex, uint8_t *room, size_t cap)
{
    struct ud_coap_message message;
    struct ud_coap_options options;
    struct ud_coap_option option;
    struct ud_coap_writer w;
    uint8_t whole[128];
    struct ud_buf out = {room, cap, 0};
    assert_int_equal(ud_coap_parse(decode(hex, whole, sizeof whole), &message), UD_OK);
    ud_coap_write_begin(&w, &out, message.type, message.code, message.id, message.token);
    ud_coap_options(&message, &options);
    while (ud_coap_option_next(&options, &option)) {
        if (option.number != UD_COAP_URI_HOST) {
            ud_coap_write_option(&w, option.number, option.value);
        }
    }
    ud_coap_write_payload(&w, message.payload);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    return out.len;
}

static void test_requests_are_sealed_as_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct ud_oscore client;
        struct ud_coap_tie tie;
        uint8_t want[128];
        uint8_t room[128];
        struct ud_buf message = {room, sizeof room, 0};
        derive(&givens[requests[i].given], true, &client);
        client.next = 20;
        client.until = 21;
        message.len = without_host(requests[i].plain, room, sizeof room);
        const size_t want_bytes = without_host(requests[i].sealed, want, sizeof want);
        assert_int_equal(ud_oscore_seal_request(&client, &message, &tie), UD_OK);
        assert_int_equal(message.len, want_bytes);
        assert_memory_equal(room, want, want_bytes);
        assert_int_equal(client.next, 21);
    }
}

static void open_published(size_t i, struct ud_oscore *server, struct ud_coap_tie *tie)
{
    uint8_t whole[128];
    uint8_t room[128];
    struct ud_buf plain = {room, sizeof room, 0};
    struct ud_coap_message outer;
    struct ud_coap_message inner;
    derive(&givens[requests[i].given], false, server);
    assert_int_equal(ud_coap_parse(decode(requests[i].sealed, whole, sizeof whole), &outer), UD_OK);
    assert_int_equal(ud_oscore_open_request(server, &outer, &plain, &inner, tie), UD_OK);
    assert_int_equal(inner.code, UD_COAP_GET);
    assert_true(ud_coap_path_is(&inner, "tv1"));
    assert_int_equal(inner.id, outer.id);
    assert_int_equal(ud_oscore_open_request(server, &outer, &plain, &inner, tie), UD_ERR_REPLAY);
}

static void test_published_requests_are_opened_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct ud_oscore server;
        struct ud_coap_tie tie;
        open_published(i, &server, &tie);
    }
}

/* Appendix C.7 and C.8: the answer to C.4, by the request's number and by one of its own. */
static void test_answers_are_the_published_ones(void **state)
{
    static const char *const sealed[] = {
        "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106",
        "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e"};
    (void)state;
    for (size_t own = 0; own < 2; own++) {
        struct ud_oscore server;
        struct ud_oscore client;
        struct ud_coap_tie tie;
        struct ud_coap_message outer;
        struct ud_coap_message inner;
        uint8_t want[128];
        uint8_t room[128];
        struct ud_buf message = {room, sizeof room, 0};
        open_published(0, &server, &tie);
        server.until = 1;
        message.len = decode("64455d1f00003974ff48656c6c6f20576f726c6421", room, sizeof room).len;
        const struct ud_bytes want_bytes = decode(sealed[own], want, sizeof want);
        assert_int_equal(ud_oscore_seal_answer(&server, &message, &tie, own == 1), UD_OK);
        assert_int_equal(message.len, want_bytes.len);
        assert_memory_equal(room, want, want_bytes.len);

        derive(&givens[0], true, &client);
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&message), &outer), UD_OK);
        assert_int_equal(ud_oscore_open_answer(&client, &outer, &tie, NULL, &message, &inner), UD_OK);
        assert_int_equal(inner.code, UD_COAP_205_CONTENT);
        assert_true(ud_bytes_equal(inner.payload, UD_BYTES_LITERAL("Hello World!")));
    }
}

/* ---- what must not pass */

struct pair {
    struct ud_oscore client;
    struct ud_oscore server;
};

static struct pair make_pair(void)
{
    struct pair pair;
    derive(&givens[0], true, &pair.client);
    derive(&givens[0], false, &pair.server);
    pair.client.until = pair.server.until = UD_OSCORE_NUMBER_MAX + 1;
    return pair;
}

/* A GET of /x with an Echo if there is one, sealed into `message`. */
static void ask(struct ud_oscore *client, struct ud_buf *message, struct ud_coap_tie *tie, struct ud_bytes echo)
{
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, message, UD_COAP_CON, UD_COAP_GET, 7, UD_BYTES_LITERAL("t"));
    ud_coap_write_path(&w, UD_COAP_URI_PATH, "x");
    if (echo.len > 0) {
        ud_coap_write_option(&w, UD_COAP_ECHO, echo);
    }
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    assert_int_equal(ud_oscore_seal_request(client, message, tie), UD_OK);
}

static ud_err take(struct ud_oscore *server, const struct ud_buf *message, struct ud_coap_message *inner,
                   struct ud_coap_tie *tie)
{
    static uint8_t room[256];
    struct ud_buf plain = {room, sizeof room, 0};
    struct ud_coap_message outer;
    const ud_err err = ud_coap_parse(ud_buf_bytes(message), &outer);
    return err == UD_OK ? ud_oscore_open_request(server, &outer, &plain, inner, tie) : err;
}

static void test_no_changed_bit_is_taken(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct ud_coap_message inner;
    struct ud_coap_tie tie;
    uint8_t room[128];
    struct ud_buf message = {room, sizeof room, 0};
    ask(&pair.client, &message, &tie, (struct ud_bytes){NULL, 0});
    for (size_t bit = 0; bit < 8 * message.len; bit++) {
        const size_t at = bit / 8;
        if (at < 5) { /* head and token are the message layer's: not protected */
            continue;
        }
        room[at] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(take(&pair.server, &message, &inner, &tie), UD_OK);
        room[at] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(pair.server.window, 0); /* nothing moved */
    assert_int_equal(take(&pair.server, &message, &inner, &tie), UD_OK);
}

/* One that says another context is not looked at; one made under another, with the same ids, does not open. */
static void test_g3_another_id_context_opens_nothing(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct ud_oscore other;
    struct ud_coap_message inner;
    struct ud_coap_tie tie;
    uint8_t room[128];
    struct ud_buf message = {room, sizeof room, 0};
    derive(&givens[2], true, &other);
    other.until = 10;
    ask(&other, &message, &tie, (struct ud_bytes){NULL, 0});
    assert_int_equal(take(&pair.server, &message, &inner, &tie), UD_ERR_OSCORE_CONTEXT);
    other.has_id_context = false; /* it is not said any more: keys are another's all the same */
    ask(&other, &message, &tie, (struct ud_bytes){NULL, 0});
    assert_int_equal(take(&pair.server, &message, &inner, &tie), UD_ERR_DECRYPT);
    assert_int_equal(pair.server.window, 0);
}

static void test_an_answer_is_good_for_its_own_request_only(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct ud_coap_message inner;
    struct ud_coap_message outer;
    struct ud_coap_tie first;
    struct ud_coap_tie second;
    struct ud_coap_tie seen;
    uint8_t room[128];
    uint8_t plain_room[128];
    struct ud_buf message = {room, sizeof room, 0};
    struct ud_buf plain = {plain_room, sizeof plain_room, 0};
    ask(&pair.client, &message, &first, (struct ud_bytes){NULL, 0});
    assert_int_equal(take(&pair.server, &message, &inner, &seen), UD_OK);
    ask(&pair.client, &message, &second, (struct ud_bytes){NULL, 0});
    message.len = decode("62450007 74", room, sizeof room).len;
    room[0] = 0x61;
    assert_int_equal(ud_oscore_seal_answer(&pair.server, &message, &seen, false), UD_OK);
    assert_int_equal(ud_coap_parse(ud_buf_bytes(&message), &outer), UD_OK);
    assert_int_equal(ud_oscore_open_answer(&pair.client, &outer, &second, NULL, &plain, &inner),
                     UD_ERR_DECRYPT);
    assert_int_equal(ud_oscore_open_answer(&pair.client, &outer, &first, NULL, &plain, &inner), UD_OK);
}

static void test_requests_come_once_in_any_order_within_the_window(void **state)
{
    enum { MESSAGES = 3 * UD_OSCORE_WINDOW };
    static uint8_t rooms[MESSAGES][64];
    (void)state;
    struct pair pair = make_pair();
    struct ud_buf messages[MESSAGES];
    struct ud_coap_message inner;
    struct ud_coap_tie tie;
    for (size_t i = 0; i < MESSAGES; i++) {
        messages[i] = (struct ud_buf){rooms[i], sizeof rooms[i], 0};
        ask(&pair.client, &messages[i], &tie, (struct ud_bytes){NULL, 0});
    }
    for (size_t i = 0; i < MESSAGES; i += 2) { /* pairs that change places */
        assert_int_equal(take(&pair.server, &messages[i + 1], &inner, &tie), UD_OK);
        assert_int_equal(take(&pair.server, &messages[i], &inner, &tie), UD_OK);
    }
    for (size_t i = 0; i < MESSAGES; i++) {
        assert_int_equal(take(&pair.server, &messages[i], &inner, &tie), UD_ERR_REPLAY);
    }
    pair = make_pair(); /* one that is late by more than the window is as one that came */
    assert_int_equal(take(&pair.server, &messages[UD_OSCORE_WINDOW], &inner, &tie), UD_OK);
    assert_int_equal(take(&pair.server, &messages[1], &inner, &tie), UD_OK);
    assert_int_equal(take(&pair.server, &messages[0], &inner, &tie), UD_ERR_REPLAY);
}

static void test_after_a_restart_only_an_echo_opens_the_window(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct ud_coap_message inner;
    struct ud_coap_tie tie;
    uint8_t room[128];
    uint8_t later_room[128];
    struct ud_buf old = {room, sizeof room, 0};
    struct ud_buf later = {later_room, sizeof later_room, 0};
    const struct ud_bytes challenge = UD_BYTES_LITERAL("challenge");
    ask(&pair.client, &old, &tie, (struct ud_bytes){NULL, 0});
    assert_int_equal(take(&pair.server, &old, &inner, &tie), UD_OK);
    derive(&givens[0], false, &pair.server); /* the restart */
    pair.server.fresh = false;
    assert_int_equal(take(&pair.server, &old, &inner, &tie), UD_ERR_OSCORE_FRESH);
    assert_false(ud_coap_echo_is(&inner, challenge));
    ask(&pair.client, &later, &tie, challenge);
    assert_int_equal(take(&pair.server, &later, &inner, &tie), UD_ERR_OSCORE_FRESH);
    assert_true(ud_coap_echo_is(&inner, challenge));
    ud_oscore_proven(&pair.server, &tie);
    assert_int_equal(take(&pair.server, &old, &inner, &tie), UD_ERR_REPLAY);
    assert_int_equal(take(&pair.server, &later, &inner, &tie), UD_ERR_REPLAY);
    ask(&pair.client, &later, &tie, (struct ud_bytes){NULL, 0});
    assert_int_equal(take(&pair.server, &later, &inner, &tie), UD_OK);
}

struct store {
    uint64_t until;
    unsigned count;
    bool fails;
};

static ud_err reserve(void *ctx, uint64_t *until)
{
    struct store *store = ctx;
    if (store->fails) {
        return UD_ERR_IO;
    }
    store->count++;
    store->until = *until + 100;
    *until = store->until;
    return UD_OK;
}

static void test_no_number_is_used_before_it_is_reserved_for_good(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct store store = {0, 0, true};
    struct ud_coap_tie tie;
    struct ud_coap_writer w;
    uint8_t room[128];
    struct ud_buf message = {room, sizeof room, 0};
    pair.client.until = 0;
    pair.client.reserve = reserve;
    pair.client.ctx = &store;
    ud_coap_write_begin(&w, &message, UD_COAP_CON, UD_COAP_GET, 7, UD_BYTES_LITERAL("t"));
    assert_int_equal(ud_oscore_seal_request(&pair.client, &message, &tie), UD_ERR_IO);
    assert_int_equal(room[1], UD_COAP_GET); /* untouched */
    store.fails = false;
    for (unsigned i = 0; i < 250; i++) {
        ask(&pair.client, &message, &tie, (struct ud_bytes){NULL, 0});
        assert_true(pair.client.next <= store.until);
    }
    assert_int_equal(store.count, 3);
}

static void test_numbers_end(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct ud_coap_tie tie;
    struct ud_coap_writer w;
    uint8_t room[128];
    struct ud_buf message = {room, sizeof room, 0};
    pair.client.next = UD_OSCORE_NUMBER_MAX;
    ask(&pair.client, &message, &tie, (struct ud_bytes){NULL, 0});
    ud_coap_write_begin(&w, &message, UD_COAP_CON, UD_COAP_GET, 7, UD_BYTES_LITERAL("t"));
    assert_int_equal(ud_oscore_seal_request(&pair.client, &message, &tie), UD_ERR_OSCORE_SPENT);
    pair.server.until = pair.server.next; /* a server that reserves nothing more */
    message.len = decode("61450007 74", room, sizeof room).len;
    assert_int_equal(ud_oscore_seal_answer(&pair.server, &message, &tie, true), UD_ERR_OSCORE_SPENT);
}

static void test_notifications_go_forward_only(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct ud_coap_message inner;
    struct ud_coap_message outer;
    struct ud_coap_tie tie;
    struct ud_coap_writer w;
    uint64_t newest = 0;
    uint8_t rooms[3][128];
    uint8_t plain_room[128];
    struct ud_buf plain = {plain_room, sizeof plain_room, 0};
    struct ud_buf messages[3];
    pair.server.next = 0x1000002; /* the option has its low 24 bits */
    tie = (struct ud_coap_tie){1, {9}};
    for (size_t i = 0; i < 3; i++) {
        messages[i] = (struct ud_buf){rooms[i], sizeof rooms[i], 0};
        ud_coap_write_begin(&w, &messages[i], UD_COAP_NON, UD_COAP_205_CONTENT, 7, UD_BYTES_LITERAL("t"));
        ud_coap_write_uint(&w, UD_COAP_OBSERVE, 0);
        assert_int_equal(ud_oscore_seal_answer(&pair.server, &messages[i], &tie, false), UD_OK);
        uint32_t observe = 0;
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&messages[i]), &outer), UD_OK);
        assert_int_equal(ud_coap_find_uint(&outer, UD_COAP_OBSERVE, &observe), UD_OK);
        assert_int_equal(observe, 2 + i);
    }
    static const struct {
        size_t message;
        ud_err err;
    } order[] = {{1, UD_OK}, {0, UD_ERR_STALE}, {1, UD_ERR_STALE}, {2, UD_OK}, {1, UD_ERR_STALE}};
    for (size_t i = 0; i < COUNT(order); i++) {
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&messages[order[i].message]), &outer), UD_OK);
        assert_int_equal(ud_oscore_open_answer(&pair.client, &outer, &tie, &newest, &plain, &inner),
                         order[i].err);
    }
}

/* The option's forms (section 6.1), and what none of them is. */
static void test_the_option_is_read_as_the_document_has_it(void **state)
{
    static const struct {
        const char *value;
        ud_err err;
        size_t number_bytes;
        size_t kid_bytes;
        size_t context_bytes;
    } forms[] = {
        {"", UD_OK, 0, 0, 0},
        {"0914", UD_OK, 1, 0, 0},
        {"091400", UD_OK, 1, 1, 0},
        {"19140837cbf3210017a2d3", UD_OK, 1, 0, 8},
        {"0d0102030405aabb", UD_OK, 5, 2, 0},
        {"00", UD_ERR_SHAPE, 0, 0, 0},             /* no flag is no byte */
        {"0e010203040506", UD_ERR_SHAPE, 0, 0, 0}, /* six bytes of number */
        {"2914", UD_ERR_SHAPE, 0, 0, 0},           /* a reserved flag */
        {"8914", UD_ERR_SHAPE, 0, 0, 0},           /* an extension of the flags */
        {"011400", UD_ERR_SHAPE, 0, 0, 0},         /* more, without a flag for it */
        {"0a14", UD_ERR_TRUNCATED, 0, 0, 0},
        {"1914", UD_ERR_TRUNCATED, 0, 0, 0},
        {"191404aabb", UD_ERR_TRUNCATED, 0, 0, 0},
        {"09140102030405060708", UD_ERR_LIMIT, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        uint8_t value_room[32];
        uint8_t room[64];
        struct ud_buf out = {room, sizeof room, 0};
        struct ud_coap_writer w;
        struct ud_coap_message message;
        struct ud_oscore_name name;
        ud_coap_write_begin(&w, &out, UD_COAP_CON, UD_COAP_POST, 1, UD_BYTES_LITERAL("t"));
        ud_coap_write_option(&w, UD_COAP_OSCORE, decode(forms[i].value, value_room, sizeof value_room));
        assert_int_equal(ud_coap_parse(ud_buf_bytes(&out), &message), UD_OK);
        assert_int_equal(ud_oscore_name(&message, &name), forms[i].err);
        if (forms[i].err == UD_OK) {
            assert_int_equal(name.number.len, forms[i].number_bytes);
            assert_int_equal(name.kid.len, forms[i].kid_bytes);
            assert_int_equal(name.id_context.len, forms[i].context_bytes);
        }
    }
}

static void test_bounds_of_what_both_sides_are_given(void **state)
{
    static const uint8_t bytes[80] = {1};
    const struct ud_oscore_input good = {{bytes, 16}, {bytes, 8}, {NULL, 0}, {bytes, 1}, {bytes, 2}};
    struct ud_oscore context;
    (void)state;
    struct ud_oscore_input bad[6] = {good, good, good, good, good, good};
    bad[0].secret.len = 15;
    bad[1].secret.len = UD_OSCORE_SECRET_BYTES_MAX + 1;
    bad[2].salt.len = UD_OSCORE_SALT_BYTES_MAX + 1;
    bad[3].id_context = (struct ud_bytes){bytes, UD_OSCORE_ID_CONTEXT_BYTES_MAX + 1};
    bad[4].sender.len = UD_OSCORE_ID_BYTES_MAX + 1;
    bad[5].recipient.len = 1; /* both the same */
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(ud_oscore_derive(&context, &bad[i]), UD_ERR_CONFIG);
    }
    assert_int_equal(ud_oscore_derive(&context, &good), UD_OK);
}

static void test_options_for_a_proxy_are_not_written_and_not_taken(void **state)
{
    (void)state;
    struct pair pair = make_pair();
    struct ud_coap_tie tie;
    struct ud_coap_writer w;
    struct ud_coap_message inner;
    uint8_t room[128];
    uint8_t with_room[160];
    struct ud_buf message = {room, sizeof room, 0};
    struct ud_buf with = {with_room, sizeof with_room, 0};
    ud_coap_write_begin(&w, &message, UD_COAP_CON, UD_COAP_GET, 7, UD_BYTES_LITERAL("t"));
    ud_coap_write_option(&w, UD_COAP_PROXY_URI, UD_BYTES_LITERAL("coap://h/x"));
    assert_int_equal(ud_oscore_seal_request(&pair.client, &message, &tie), UD_ERR_SHAPE);

    struct ud_coap_message outer;
    struct ud_bytes value;
    ask(&pair.client, &message, &tie, (struct ud_bytes){NULL, 0});
    assert_int_equal(ud_coap_parse(ud_buf_bytes(&message), &outer), UD_OK);
    assert_true(ud_coap_find(&outer, UD_COAP_OSCORE, &value));
    ud_coap_write_begin(&w, &with, UD_COAP_CON, outer.code, 7, outer.token);
    ud_coap_write_option(&w, UD_COAP_OSCORE, value);
    ud_coap_write_option(&w, UD_COAP_PROXY_SCHEME, UD_BYTES_LITERAL("coap"));
    ud_coap_write_payload(&w, outer.payload);
    assert_int_equal(take(&pair.server, &with, &inner, &tie), UD_ERR_SHAPE);
    assert_int_equal(take(&pair.server, &message, &inner, &tie), UD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contexts_are_the_published_ones),
        cmocka_unit_test(test_requests_are_sealed_as_published),
        cmocka_unit_test(test_published_requests_are_opened_once),
        cmocka_unit_test(test_answers_are_the_published_ones),
        cmocka_unit_test(test_no_changed_bit_is_taken),
        cmocka_unit_test(test_g3_another_id_context_opens_nothing),
        cmocka_unit_test(test_an_answer_is_good_for_its_own_request_only),
        cmocka_unit_test(test_requests_come_once_in_any_order_within_the_window),
        cmocka_unit_test(test_after_a_restart_only_an_echo_opens_the_window),
        cmocka_unit_test(test_no_number_is_used_before_it_is_reserved_for_good),
        cmocka_unit_test(test_numbers_end),
        cmocka_unit_test(test_notifications_go_forward_only),
        cmocka_unit_test(test_the_option_is_read_as_the_document_has_it),
        cmocka_unit_test(test_bounds_of_what_both_sides_are_given),
        cmocka_unit_test(test_options_for_a_proxy_are_not_written_and_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
