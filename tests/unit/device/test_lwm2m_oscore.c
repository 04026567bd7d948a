/* The LwM2M client under OSCORE and with Echo, against a server that is written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lwm2m.h"
#include "updraft/lwm2m_oscore.h"

static const struct ud_bytes nothing = {NULL, 0};
static const uint8_t secret[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* A field whose link is protected; the server's side of it. */
struct guarded {
    struct field field;
    struct ud_lwm2m_oscore oscore;
    struct ud_lwm2m_oscore_port port;
    struct ud_oscore server;
    uint64_t number; /* kept by the device */
    unsigned keeps;
    ud_err keep_err;
    struct ud_coap_tie tie;       /* of the device's request that was opened last */
    struct ud_coap_tie own;       /* of the server's */
    struct ud_coap_message inner; /* what was opened last */
    uint8_t room[1500];
    char other_token[2]; /* of the requests from now on; usually "tk" */
};

static ud_err keep_number(void *ctx, uint64_t number)
{
    struct guarded *g = ctx;
    g->keeps++;
    if (g->keep_err == UD_OK) {
        assert_true(number > g->number);
        g->number = number;
    }
    return g->keep_err;
}

static const struct ud_oscore_input device_input = {
    .secret = {secret, sizeof secret}, .sender = {secret, 1}, .recipient = {secret + 1, 1}};

static void server_begins(struct guarded *g)
{
    const struct ud_oscore_input input = {
        .secret = {secret, sizeof secret}, .sender = {secret + 1, 1}, .recipient = {secret, 1}};
    assert_int_equal(ud_oscore_derive(&g->server, &input), UD_OK);
    g->server.until = UD_OSCORE_NUMBER_MAX + 1;
    g->server.fresh = true;
}

static void device_begins(struct guarded *g)
{
    field_init(&g->field);
    g->port = (struct ud_lwm2m_oscore_port){g, keep_number};
    ud_lwm2m_oscore_init(&g->oscore, &g->port, g->number);
    g->field.config.guard = &g->oscore.guard;
    assert_int_equal(ud_lwm2m_oscore_pack(&device_input, &g->field.config.server), UD_OK);
}

static void guarded_init(struct guarded *g)
{
    memset(g, 0, sizeof *g);
    server_begins(g);
    device_begins(g);
}

/* The next message of the device, opened: a request. */
static const struct ud_coap_message *take_request(struct guarded *g)
{
    struct ud_buf room = {g->room, sizeof g->room, 0};
    const struct ud_coap_message *outer = field_take(&g->field);
    assert_int_equal(ud_oscore_open_request(&g->server, outer, &room, &g->inner, &g->tie), UD_OK);
    return &g->inner;
}

/* ... an answer to the server, or a notification. */
static const struct ud_coap_message *take_answer(struct guarded *g, const struct ud_coap_tie *tie,
                                                 uint64_t *newest)
{
    struct ud_buf room = {g->room, sizeof g->room, 0};
    const struct ud_coap_message *outer = field_take(&g->field);
    assert_int_equal(ud_oscore_open_answer(&g->server, outer, tie, newest, &room, &g->inner), UD_OK);
    return &g->inner;
}

static void answer(struct guarded *g, uint8_t code, uint16_t option, struct ud_bytes value)
{
    uint8_t bytes[256];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, code, g->field.message.id, g->field.message.token);
    if (option == UD_COAP_LOCATION_PATH) {
        ud_coap_write_path(&w, option, (const char *)value.ptr);
    } else if (option != 0) {
        ud_coap_write_option(&w, option, value);
    }
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    assert_int_equal(ud_oscore_seal_answer(&g->server, &buf, &g->tie, false), UD_OK);
    field_give(&g->field, ud_buf_bytes(&buf));
}

/* A request of the server into `buf`, not given yet. */
static void make_request(struct guarded *g, struct ud_buf *buf, uint8_t method, const char *path, bool observe,
                         struct ud_bytes echo)
{
    struct ud_coap_writer w;
    const struct ud_bytes token = {(const uint8_t *)(g->other_token[0] != 0 ? g->other_token : "tk"), 2};
    ud_coap_write_begin(&w, buf, UD_COAP_CON, method, ++g->field.next_id, token);
    if (observe) {
        ud_coap_write_uint(&w, UD_COAP_OBSERVE, 0);
    }
    ud_coap_write_path(&w, UD_COAP_URI_PATH, path);
    if (echo.len > 0) {
        ud_coap_write_option(&w, UD_COAP_ECHO, echo);
    }
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    assert_int_equal(ud_oscore_seal_request(&g->server, buf, &g->own), UD_OK);
}

static void ask(struct guarded *g, uint8_t method, const char *path, bool observe, struct ud_bytes echo)
{
    uint8_t bytes[256];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    make_request(g, &buf, method, path, observe, echo);
    field_give(&g->field, ud_buf_bytes(&buf));
}

static void register_it(struct guarded *g)
{
    field_begin(&g->field);
    assert_true(ud_coap_path_is(take_request(g), "rd"));
    answer(g, UD_COAP_201_CREATED, UD_COAP_LOCATION_PATH, text_of("rd/abc"));
    assert_int_equal(ud_lwm2m_client_stage(&g->field.client), UD_LWM2M_UP);
}

/* The first request since the device's start, which must bring its Echo back. */
static void pass_challenge(struct guarded *g)
{
    struct ud_bytes echo;
    uint8_t copy[UD_LWM2M_ECHO_BYTES];
    ask(g, UD_COAP_GET, "3/0/0", false, nothing);
    assert_int_equal(take_answer(g, &g->own, NULL)->code, UD_COAP_401_UNAUTHORIZED);
    assert_true(ud_coap_find(&g->inner, UD_COAP_ECHO, &echo));
    memcpy(copy, echo.ptr, echo.len);
    ask(g, UD_COAP_GET, "3/0/0", false, (struct ud_bytes){copy, echo.len});
    assert_int_equal(take_answer(g, &g->own, NULL)->code, UD_COAP_205_CONTENT);
}

static void test_it_registers_and_is_asked_under_protection(void **state)
{
    struct guarded g;
    (void)state;
    guarded_init(&g);
    register_it(&g);
    pass_challenge(&g);
    assert_true(ud_bytes_equal(g.inner.payload, UD_BYTES_LITERAL("Acme")));
    ask(&g, UD_COAP_GET, "3/0/9", false, nothing);
    assert_true(ud_bytes_equal(take_answer(&g, &g.own, NULL)->payload, UD_BYTES_LITERAL("80")));
}

static void test_what_is_not_protected_is_not_served(void **state)
{
    struct guarded g;
    (void)state;
    guarded_init(&g);
    register_it(&g);
    field_send(&g.field, UD_COAP_GET, "3/0/0", -1, nothing);
    assert_int_equal(field_take(&g.field)->code, UD_COAP_401_UNAUTHORIZED);
    assert_int_equal(g.field.message.payload.len, 0);
    field_send(&g.field, UD_COAP_POST, "3/0/4", -1, nothing);
    assert_int_equal(field_take(&g.field)->code, UD_COAP_401_UNAUTHORIZED);
    assert_int_equal(g.field.reboots, 0);
}

static void test_a_recorded_request_is_not_done_again_nor_after_a_restart(void **state)
{
    struct guarded g;
    uint8_t bytes[256];
    struct ud_buf record = {bytes, sizeof bytes, 0};
    (void)state;
    guarded_init(&g);
    register_it(&g);
    pass_challenge(&g);
    make_request(&g, &record, UD_COAP_POST, "3/0/4", false, nothing);
    field_give(&g.field, ud_buf_bytes(&record));
    assert_int_equal(take_answer(&g, &g.own, NULL)->code, UD_COAP_204_CHANGED);
    assert_int_equal(g.field.reboots, 1);
    ud_coap_set_head(&record, UD_COAP_CON, 999); /* as a new message */
    field_give(&g.field, ud_buf_bytes(&record));
    assert_int_equal(field_take(&g.field)->code, UD_COAP_401_UNAUTHORIZED);
    assert_int_equal(g.field.reboots, 1);

    device_begins(&g); /* the restart */
    register_it(&g);
    field_give(&g.field, ud_buf_bytes(&record));
    const struct ud_coap_message *m = field_take(&g.field);
    struct ud_bytes value;
    assert_true(ud_coap_find(m, UD_COAP_OSCORE, &value)); /* asked for an Echo, under protection */
    assert_int_equal(g.field.reboots, 0);
}

static void test_numbers_go_on_after_every_restart(void **state)
{
    struct guarded g;
    uint64_t last = 0;
    (void)state;
    guarded_init(&g);
    for (int i = 0; i < 5; i++) {
        register_it(&g);
        assert_true(g.server.newest >= last); /* else the server had refused it, as taken before */
        last = g.server.newest + 1;
        assert_true(g.number > g.server.newest);
        device_begins(&g); /* at once, with nothing written at the end */
    }
    g.keep_err = UD_ERR_IO; /* no number that is not reserved for good */
    field_begin(&g.field);
    assert_true(field_is_silent(&g.field));
}

static void test_a_repeated_request_gets_the_same_bytes(void **state)
{
    struct guarded g;
    uint8_t bytes[256];
    uint8_t first[1500];
    struct ud_buf request = {bytes, sizeof bytes, 0};
    (void)state;
    guarded_init(&g);
    register_it(&g);
    pass_challenge(&g);
    make_request(&g, &request, UD_COAP_GET, "3/0", false,
                 nothing); /* an answer that is too long to be kept with its id */
    field_give(&g.field, ud_buf_bytes(&request));
    const struct datagram *sent = &g.field.from_device[g.field.seen % FIELD_DATAGRAMS];
    const size_t len = sent->len;
    assert_true(len > UD_COAP_REPLY_BYTES_MAX);
    memcpy(first, sent->bytes, len);
    assert_int_equal(take_answer(&g, &g.own, NULL)->code, UD_COAP_205_CONTENT);
    g.field.battery = 11; /* what would be said now is something else: not under the same number */
    field_give(&g.field, ud_buf_bytes(&request));
    sent = &g.field.from_device[g.field.seen % FIELD_DATAGRAMS];
    assert_int_equal(sent->len, len);
    assert_memory_equal(sent->bytes, first, len);
}

static void test_notifications_are_protected_and_counted(void **state)
{
    struct guarded g;
    uint64_t newest = 0;
    (void)state;
    guarded_init(&g);
    register_it(&g);
    pass_challenge(&g);
    ask(&g, UD_COAP_GET, "3/0/9", true, nothing);
    const struct ud_coap_tie tie = g.own;
    assert_true(ud_bytes_equal(take_answer(&g, &tie, &newest)->payload, UD_BYTES_LITERAL("80")));
    for (int i = 0; i < 3; i++) {
        uint32_t observe = 1;
        g.field.battery--;
        field_pass(&g.field, 1000);
        const struct ud_coap_message *m = take_answer(&g, &tie, &newest);
        assert_int_equal(m->code, UD_COAP_205_CONTENT);
        assert_int_equal(ud_coap_find_uint(m, UD_COAP_OBSERVE, &observe), UD_OK);
        assert_int_equal(observe, 0); /* the number is the message's own */
    }
}

/* Servers take a new token each time that they observe something again. */
static void test_an_observation_stays_however_often_another_begins_anew(void **state)
{
    struct guarded g;
    uint64_t newest = 0;
    (void)state;
    guarded_init(&g);
    register_it(&g);
    pass_challenge(&g);
    ask(&g, UD_COAP_GET, "3/0/9", true, nothing);
    const struct ud_coap_tie tie = g.own;
    assert_int_equal(take_answer(&g, &tie, &newest)->code, UD_COAP_205_CONTENT);
    g.other_token[0] = 'o';
    for (int i = 0; i < 3 * UD_LWM2M_WATCHES; i++) {
        g.other_token[1] = (char)('a' + i);
        ask(&g, UD_COAP_GET, i % 2 == 0 ? "3/0/0" : "3/0/999", true, nothing); /* the second one is not there */
        assert_int_equal(take_answer(&g, &g.own, NULL)->code,
                         i % 2 == 0 ? UD_COAP_205_CONTENT : UD_COAP_404_NOT_FOUND);
    }
    g.field.battery--;
    field_pass(&g.field, 1000);
    assert_int_equal(take_answer(&g, &tie, &newest)->code, UD_COAP_205_CONTENT);
}

static void test_a_forged_answer_ends_the_link_and_changes_nothing(void **state)
{
    struct guarded g;
    (void)state;
    guarded_init(&g);
    field_begin(&g.field);
    (void)field_take(&g.field);
    field_answer_with(&g.field, UD_COAP_201_CREATED, UD_COAP_LOCATION_PATH, text_of("rd/evil"), nothing);
    assert_int_equal(ud_lwm2m_client_stage(&g.field.client), UD_LWM2M_DOWN);
    assert_int_equal(ud_lwm2m_client_error(&g.field.client), UD_ERR_AUTH);
    field_pass(&g.field, 60000);
    field_step(&g.field);
    field_step(&g.field);
    assert_true(ud_coap_path_is(take_request(&g), "rd"));
}

static void test_the_servers_echo_is_brought_back_once(void **state)
{
    for (int plain = 0; plain < 2; plain++) {
        struct guarded g;
        struct ud_bytes echo;
        (void)state;
        guarded_init(&g);
        if (plain == 1) { /* RFC 9175 is for every link */
            g.field.config.server.security = UD_LWM2M_NOSEC;
        }
        field_begin(&g.field);
        const struct ud_coap_message *m = plain == 1 ? field_take(&g.field) : take_request(&g);
        assert_false(ud_coap_find(m, UD_COAP_ECHO, &echo));
        for (int i = 0; i < 2; i++) {
            if (plain == 1) {
                field_answer_with(&g.field, UD_COAP_401_UNAUTHORIZED, UD_COAP_ECHO, text_of("now?"), nothing);
            } else {
                answer(&g, UD_COAP_401_UNAUTHORIZED, UD_COAP_ECHO, text_of("now?"));
            }
            if (i == 1) { /* a server that is never content */
                assert_int_equal(ud_lwm2m_client_stage(&g.field.client), UD_LWM2M_DOWN);
                break;
            }
            field_step(&g.field);
            m = plain == 1 ? field_take(&g.field) : take_request(&g);
            assert_true(ud_coap_path_is(m, "rd"));
            assert_true(ud_coap_echo_is(m, UD_BYTES_LITERAL("now?")));
        }
    }
}

static void test_an_account_by_oscore_needs_a_guard(void **state)
{
    struct guarded g;
    (void)state;
    guarded_init(&g);
    g.field.config.guard = NULL;
    field_begin(&g.field);
    assert_true(field_is_silent(&g.field));
    assert_int_equal(ud_lwm2m_client_error(&g.field.client), UD_ERR_CONFIG);
}

/* ---- bootstrap ---- */

static void put(struct ud_lwm2m_writer *w, uint16_t object, uint16_t resource, ud_lwm2m_kind kind,
                struct ud_bytes bytes, int64_t number)
{
    const struct ud_lwm2m_record record = {.path = ud_lwm2m_path_of(3, object, 0, resource, 0),
                                           .kind = kind,
                                           .bytes = bytes,
                                           .integer = number,
                                           .real = (double)number};
    ud_lwm2m_put(w, &record);
}

static void write_object(struct field *field, uint16_t object, int64_t aead, uint8_t want)
{
    uint8_t bytes[256];
    struct ud_buf payload = {bytes, sizeof bytes, 0};
    struct ud_lwm2m_writer w;
    assert_int_equal(
        ud_lwm2m_writer_init(&w, UD_COAP_FORMAT_LWM2M_TLV, ud_lwm2m_path_of(2, object, 0, 0, 0), &payload),
        UD_OK);
    if (object == 0) {
        put(&w, 0, 0, UD_LWM2M_STRING, text_of("coap://127.0.0.1"), 0);
        put(&w, 0, 2, UD_LWM2M_INT, nothing, UD_LWM2M_NOSEC);
        put(&w, 0, 10, UD_LWM2M_INT, nothing, 1);
    } else {
        put(&w, 21, 0, UD_LWM2M_OPAQUE, (struct ud_bytes){secret, sizeof secret}, 0);
        put(&w, 21, 1, UD_LWM2M_OPAQUE, (struct ud_bytes){secret, 1}, 0);
        put(&w, 21, 2, UD_LWM2M_OPAQUE, (struct ud_bytes){secret + 1, 1}, 0);
        put(&w, 21, 3, UD_LWM2M_INT, nothing, aead);
        put(&w, 21, 4, UD_LWM2M_INT, nothing, -10);
    }
    assert_int_equal(ud_lwm2m_writer_end(&w), UD_OK);
    assert_int_equal(field_ask(field, UD_COAP_PUT, object == 0 ? "0/0" : "21/0", UD_COAP_FORMAT_LWM2M_TLV,
                               ud_buf_bytes(&payload))
                         ->code,
                     want);
}

/* Both orders of objects 0 and 21 give the same account, never one without its protection. */
static void test_a_bootstrap_gives_the_key_as_object_21(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct guarded g;
        guarded_init(&g);
        g.field.config.bootstrap = (struct ud_lwm2m_account){.security = UD_LWM2M_PSK, .bootstrap = true};
        g.field.config.bootstrap.uri_bytes = 17;
        memcpy(g.field.config.bootstrap.uri, "coaps://127.0.0.1", 17);
        g.field.config.bootstrap.identity_bytes = g.field.config.bootstrap.key_bytes = 16;
        g.field.config.server = (struct ud_lwm2m_account){0};
        field_begin(&g.field);
        assert_true(ud_coap_path_is(field_take(&g.field), "bs"));
        field_answer(&g.field, UD_COAP_204_CHANGED);
        assert_int_equal(field_ask(&g.field, UD_COAP_DELETE, "", -1, nothing)->code, UD_COAP_202_DELETED);
        write_object(&g.field, 21, 24, UD_COAP_400_BAD_REQUEST); /* an algorithm that is not here */
        write_object(&g.field, order == 0 ? 0 : 21, 10, UD_COAP_204_CHANGED);
        write_object(&g.field, order == 0 ? 21 : 0, 10, UD_COAP_204_CHANGED);
        assert_int_equal(field_ask(&g.field, UD_COAP_POST, "bs", -1, nothing)->code, UD_COAP_204_CHANGED);
        field_step(&g.field);
        field_step(&g.field);
        field_step(&g.field);
        assert_int_equal(g.field.opened_account.security, UD_LWM2M_OSCORE);
        assert_true(ud_coap_path_is(take_request(&g), "rd"));
        /* and so from what was kept */
        g.field.config.kept = (struct ud_bytes){g.field.kept_bytes, g.field.kept_len};
        ud_lwm2m_oscore_init(&g.oscore, &g.port, g.number);
        field_begin(&g.field);
        assert_true(ud_coap_path_is(take_request(&g), "rd"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_registers_and_is_asked_under_protection),
        cmocka_unit_test(test_what_is_not_protected_is_not_served),
        cmocka_unit_test(test_a_recorded_request_is_not_done_again_nor_after_a_restart),
        cmocka_unit_test(test_numbers_go_on_after_every_restart),
        cmocka_unit_test(test_a_repeated_request_gets_the_same_bytes),
        cmocka_unit_test(test_notifications_are_protected_and_counted),
        cmocka_unit_test(test_an_observation_stays_however_often_another_begins_anew),
        cmocka_unit_test(test_a_forged_answer_ends_the_link_and_changes_nothing),
        cmocka_unit_test(test_the_servers_echo_is_brought_back_once),
        cmocka_unit_test(test_an_account_by_oscore_needs_a_guard),
        cmocka_unit_test(test_a_bootstrap_gives_the_key_as_object_21),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
