#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lwm2m.h"

static const struct ud_bytes nothing = {NULL, 0};

static void assert_query(const struct ud_coap_message *m, const char *key, const char *want)
{
    struct ud_bytes value;
    assert_true(ud_coap_query(m, key, &value));
    assert_int_equal(value.len, strlen(want));
    assert_memory_equal(value.ptr, want, value.len);
}

static void assert_payload(const struct ud_coap_message *m, const char *want)
{
    assert_int_equal(m->payload.len, strlen(want));
    assert_memory_equal(m->payload.ptr, want, m->payload.len);
}

static void assert_format(const struct ud_coap_message *m, uint32_t want)
{
    uint32_t format = UINT32_MAX;
    assert_int_equal(ud_coap_find_uint(m, UD_COAP_CONTENT_FORMAT, &format), UD_OK);
    assert_int_equal(format, want);
}

static ud_lwm2m_stage stage(const struct field *field)
{
    return ud_lwm2m_client_stage(&field->client);
}

/* ---- registration ---- */

static void test_int_101_it_registers_with_what_it_has(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_begin(&field);
    const struct ud_coap_message *m = field_take(&field);
    assert_int_equal(m->type, UD_COAP_CON);
    assert_true(ud_coap_path_is(m, "rd"));
    assert_query(m, "lwm2m", "1.1");
    assert_query(m, "ep", "d1");
    assert_query(m, "lt", "300");
    assert_query(m, "b", "U");
    assert_format(m, UD_COAP_FORMAT_LINKS);
    assert_payload(m, "</>;rt=\"oma.lwm2m\";ct=112,</1/0>,</3/0>,</4/0>,</5/0>,</26241/0>");
    assert_int_equal(stage(&field), UD_LWM2M_REGISTERING);
    field_answer_with(&field, UD_COAP_201_CREATED, UD_COAP_LOCATION_PATH, text_of("rd/abc"), nothing);
    assert_int_equal(stage(&field), UD_LWM2M_UP);
}

static void test_a_lower_version_is_tried_when_the_server_asks_for_it(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field.config.queue = true;
    field_begin(&field);
    (void)field_take(&field);
    field_answer(&field, UD_COAP_412_PRECONDITION);
    field_step(&field);
    const struct ud_coap_message *m = field_take(&field);
    assert_query(m, "lwm2m", "1.0");
    assert_query(m, "b", "UQ");
    field_answer(&field, UD_COAP_412_PRECONDITION);
    assert_int_equal(stage(&field), UD_LWM2M_DOWN); /* there is none below */
}

static void
test_int_102_105_it_updates_before_its_lifetime_is_over_and_registers_anew_when_it_is_unknown(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    field_pass(&field, 300 * 625 - 1);
    assert_true(field_is_silent(&field));
    field_pass(&field, 300 * 125 + 1);
    assert_true(ud_coap_path_is(field_take(&field), "rd/abc"));
    assert_query(&field.message, "lt", "300");
    field_answer(&field, UD_COAP_204_CHANGED);
    assert_int_equal(stage(&field), UD_LWM2M_UP);
    field_pass(&field, 300 * 750);
    (void)field_take(&field);
    field_answer(&field, UD_COAP_404_NOT_FOUND);
    field_step(&field);
    assert_true(ud_coap_path_is(field_take(&field), "rd"));
}

static void test_a_lost_link_is_opened_again_and_keeps_the_registration(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    field_pass(&field, 300 * 750);
    for (int i = 0; i < 5; i++) { /* the update and its four repetitions are lost */
        (void)field_take(&field);
        field_pass(&field, 60000);
    }
    assert_int_equal(stage(&field), UD_LWM2M_DOWN);
    assert_int_equal(ud_lwm2m_client_error(&field.client), UD_ERR_TIMEOUT);
    assert_true(field_is_silent(&field));
    assert_int_equal(field.opened, 1);
    field_pass(&field, 2000);
    field_step(&field);
    field_step(&field);
    assert_int_equal(field.opened, 2);
    assert_true(ud_coap_path_is(field_take(&field), "rd/abc"));
}

static void test_pauses_grow_and_are_not_in_step(void **state)
{
    struct field field;
    uint64_t before = 0;
    (void)state;
    field_init(&field);
    field.open_err = UD_ERR_CONNECT;
    assert_int_equal(ud_lwm2m_client_init(&field.client, &field.config), UD_OK);
    for (unsigned i = 0; i < 12; i++) {
        const unsigned opened = field.opened;
        uint64_t pause = 0;
        while (field.opened == opened) {
            field_step(&field);
            field.now_ms += field.wait_ms;
            pause += field.wait_ms;
            assert_true(pause <= 400000);
        }
        const uint64_t bound = (uint64_t)2000 << (i > 7 ? 8 : i);
        assert_true(i == 0 || pause >= (bound < 300000 ? bound : 300000) / 4);
        before = pause;
    }
    assert_true(before >= 150000); /* at least half of the longest pause */
}

static void test_int_109_queue_mode_sleeps_until_the_next_update(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field.config.queue = true;
    field.config.awake_ms = 5000;
    field_begin(&field);
    assert_query(field_take(&field), "Q", "");
    field_answer_with(&field, UD_COAP_201_CREATED, UD_COAP_LOCATION_PATH, text_of("rd/abc"), nothing);
    field_pass(&field, 4999);
    assert_int_equal(stage(&field), UD_LWM2M_UP);
    field_pass(&field, 1);
    assert_int_equal(stage(&field), UD_LWM2M_ASLEEP);
    field_send(&field, UD_COAP_GET, "3/0/0", -1, nothing); /* nobody hears it */
    assert_true(field_is_silent(&field));
    field_pass(&field, 300 * 750);
    field_step(&field);
    assert_true(ud_coap_path_is(field_take(&field), "rd/abc"));
    assert_int_equal(stage(&field), UD_LWM2M_UP);
    field_step(&field);
    assert_int_equal(field_take(&field)->code, UD_COAP_205_CONTENT); /* what waited */
}

static void test_int_103_it_takes_leave(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    ud_lwm2m_client_leave(&field.client);
    assert_int_equal(field_take(&field)->code, UD_COAP_DELETE);
    assert_true(ud_coap_path_is(&field.message, "rd/abc"));
    field_answer(&field, UD_COAP_202_DELETED);
    assert_int_equal(stage(&field), UD_LWM2M_DOWN);
    field_pass(&field, 100000000);
    assert_int_equal(stage(&field), UD_LWM2M_DOWN);
    assert_true(field_is_silent(&field));
}

/* ---- bootstrap ---- */

static void put(struct ud_lwm2m_writer *w, uint16_t object, uint16_t instance, uint16_t id, ud_lwm2m_kind kind,
                int64_t number, const char *text)
{
    const struct ud_lwm2m_record record = {.path = ud_lwm2m_path_of(3, object, instance, id, 0),
                                           .kind = kind,
                                           .integer = number,
                                           .real = (double)number,
                                           .boolean = number != 0,
                                           .bytes = text == NULL ? nothing : text_of(text)};
    ud_lwm2m_put(w, &record);
}

static struct ud_bytes security(struct ud_buf *buf, const char *uri, int64_t mode, bool bootstrap)
{
    struct ud_lwm2m_writer w;
    buf->len = 0;
    ud_lwm2m_writer_begin(&w, &ud_lwm2m_format_tlv, ud_lwm2m_path_of(2, 0, 1, 0, 0), buf);
    put(&w, 0, 1, 0, UD_LWM2M_STRING, 0, uri);
    put(&w, 0, 1, 1, UD_LWM2M_BOOL, bootstrap, NULL);
    put(&w, 0, 1, 2, UD_LWM2M_INT, mode, NULL);
    put(&w, 0, 1, 3, UD_LWM2M_OPAQUE, 0, "identity");
    put(&w, 0, 1, 5, UD_LWM2M_OPAQUE, 0, "0123456789abcdef");
    put(&w, 0, 1, 10, UD_LWM2M_INT, 7, NULL);
    assert_int_equal(ud_lwm2m_writer_end(&w), UD_OK);
    return ud_buf_bytes(buf);
}

static struct ud_bytes server_object(struct ud_buf *buf, int64_t lifetime)
{
    struct ud_lwm2m_writer w;
    buf->len = 0;
    ud_lwm2m_writer_begin(&w, &ud_lwm2m_format_tlv, ud_lwm2m_path_of(2, 1, 0, 0, 0), buf);
    put(&w, 1, 0, 0, UD_LWM2M_INT, 7, NULL);
    put(&w, 1, 0, 1, UD_LWM2M_INT, lifetime, NULL);
    assert_int_equal(ud_lwm2m_writer_end(&w), UD_OK);
    return ud_buf_bytes(buf);
}

static void with_bootstrap(struct field *field)
{
    field_init(field);
    field->config.bootstrap = (struct ud_lwm2m_account){
        .security = UD_LWM2M_PSK, .bootstrap = true, .identity_bytes = 2, .key_bytes = 8, .uri_bytes = 12};
    memcpy(field->config.bootstrap.uri, "coaps://boot", 12);
    memcpy(field->config.bootstrap.identity, "bs", 2);
    memset(field->config.bootstrap.key, 1, 8);
    field->config.server = (struct ud_lwm2m_account){0};
}

static const int32_t tlv = UD_COAP_FORMAT_LWM2M_TLV;

static void test_int_0_a_bootstrap_is_kept_before_it_is_answered_and_used_then(void **state)
{
    struct field field;
    uint8_t room[256];
    struct ud_buf buf = {room, sizeof room, 0};
    (void)state;
    with_bootstrap(&field);
    field_begin(&field);
    assert_memory_equal(field.opened_account.uri, "coaps://boot", 12);
    assert_true(ud_coap_path_is(field_take(&field), "bs"));
    assert_query(&field.message, "pct", "112");
    field_answer(&field, UD_COAP_204_CHANGED);
    assert_int_equal(field_ask(&field, UD_COAP_DELETE, "", -1, nothing)->code, UD_COAP_202_DELETED);
    assert_int_equal(field_ask(&field, UD_COAP_POST, "bs", -1, nothing)->code, UD_COAP_406_NOT_ACCEPTABLE);
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "0/1", tlv, security(&buf, "coaps://dm:7", 0, false))->code,
                     UD_COAP_204_CHANGED);
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "1/0", tlv, server_object(&buf, 77))->code,
                     UD_COAP_204_CHANGED);
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "0/0", tlv, security(&buf, "coaps://other", 0, true))->code,
                     UD_COAP_204_CHANGED); /* the bootstrap server's own account: stays as it was made */
    assert_int_equal(field_ask(&field, UD_COAP_GET, "3/0", -1, nothing)->code, UD_COAP_405_METHOD);
    assert_int_equal(field.kept, 0);
    field.keep_err = UD_ERR_IO;
    assert_int_equal(field_ask(&field, UD_COAP_POST, "bs", -1, nothing)->code, UD_COAP_500_INTERNAL);
    field.keep_err = UD_OK;
    assert_int_equal(field_ask(&field, UD_COAP_POST, "bs", -1, nothing)->code, UD_COAP_204_CHANGED);
    assert_int_equal(field.kept, 2);
    for (int i = 0; i < 4; i++) {
        field_step(&field);
    }
    assert_memory_equal(field.opened_account.uri, "coaps://dm:7", 12);
    assert_int_equal(field.opened_account.key_bytes, 16);
    assert_query(field_take(&field), "lt", "77");

    /* and again after a restart, from what was kept */
    struct field next;
    with_bootstrap(&next);
    next.config.kept = (struct ud_bytes){field.kept_bytes, field.kept_len};
    field_begin(&next);
    assert_memory_equal(next.opened_account.uri, "coaps://dm:7", 12);
    assert_true(ud_coap_path_is(field_take(&next), "rd"));
}

static const struct {
    const char *uri;
    int64_t mode;
    uint8_t want;
} accounts[] = {
    {"coaps://dm", UD_LWM2M_PSK, UD_COAP_204_CHANGED},
    {"coaps://dm", UD_LWM2M_X509, UD_COAP_204_CHANGED},
    {"coap://dm", UD_LWM2M_NOSEC, UD_COAP_204_CHANGED},
    {"coap://dm", UD_LWM2M_PSK, UD_COAP_406_NOT_ACCEPTABLE}, /* a key over plain UDP */
    {"coaps://dm", UD_LWM2M_NOSEC, UD_COAP_406_NOT_ACCEPTABLE},
    {"coaps://dm", UD_LWM2M_RPK, UD_COAP_406_NOT_ACCEPTABLE},
    {"http://dm", UD_LWM2M_NOSEC, UD_COAP_406_NOT_ACCEPTABLE},
    {"", UD_LWM2M_NOSEC, UD_COAP_406_NOT_ACCEPTABLE},
};

static void test_int_9_an_account_that_is_of_no_use_is_refused_at_the_finish(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        struct field field;
        uint8_t room[256];
        struct ud_buf buf = {room, sizeof room, 0};
        with_bootstrap(&field);
        field_begin(&field);
        (void)field_take(&field);
        field_answer(&field, UD_COAP_204_CHANGED);
        (void)field_ask(&field, UD_COAP_PUT, "0/1", tlv,
                        security(&buf, accounts[i].uri, accounts[i].mode, false));
        const uint8_t code = field_ask(&field, UD_COAP_POST, "bs", -1, nothing)->code;
        if (code != accounts[i].want) {
            fail_msg("%s, mode %d: %02x", accounts[i].uri, (int)accounts[i].mode, code);
        }
        assert_int_equal(field.kept, accounts[i].want == UD_COAP_204_CHANGED ? 1 : 0);
    }
}

static void test_a_bootstrap_that_breaks_off_leaves_the_account_in_force(void **state)
{
    struct field field;
    uint8_t room[256];
    struct ud_buf buf = {room, sizeof room, 0};
    (void)state;
    with_bootstrap(&field);
    field.config.server =
        (struct ud_lwm2m_account){.security = UD_LWM2M_NOSEC, .uri_bytes = 16, .lifetime_s = 300};
    memcpy(field.config.server.uri, "coap://127.0.0.1", 16);
    field_register(&field);
    assert_int_equal(field_ask(&field, UD_COAP_POST, "1/0/9", -1, nothing)->code, UD_COAP_204_CHANGED);
    for (int i = 0; i < 4; i++) {
        field_step(&field);
    }
    assert_true(ud_coap_path_is(field_take(&field), "bs"));
    field_answer(&field, UD_COAP_204_CHANGED);
    assert_int_equal(field_ask(&field, UD_COAP_DELETE, "", -1, nothing)->code, UD_COAP_202_DELETED);
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "0/1", tlv, security(&buf, "coaps://dm:7", 0, false))->code,
                     UD_COAP_204_CHANGED);
    field_pass(&field, 300000); /* no more is heard */
    assert_int_equal(stage(&field), UD_LWM2M_DOWN);
    assert_memory_equal(field.client.server.uri, "coap://127.0.0.1", 16);
    assert_int_equal(field.kept, 0);
}

static void test_int_7_three_refusals_lead_to_the_bootstrap_server(void **state)
{
    struct field field;
    (void)state;
    with_bootstrap(&field);
    field.config.server =
        (struct ud_lwm2m_account){.security = UD_LWM2M_NOSEC, .uri_bytes = 16, .lifetime_s = 300};
    memcpy(field.config.server.uri, "coap://127.0.0.1", 16);
    field_begin(&field);
    for (int i = 0; i < 3; i++) {
        assert_true(ud_coap_path_is(field_take(&field), "rd"));
        field_answer(&field, UD_COAP_403_FORBIDDEN);
        assert_int_equal(stage(&field), UD_LWM2M_DOWN);
        field_pass(&field, 300000);
        field_step(&field);
        field_step(&field);
    }
    assert_true(ud_coap_path_is(field_take(&field), "bs"));
}

static const char *const damaged[] = {
    "",
    "\x80",
    "\x87\x01",
    "\x87\x02\x68"
    "coap://a\x03\x40\x40\x01\x18\x3c",
    "\x87\x01\x68"
    "coap://a\x04\x40\x40\x01\x18\x3c",
    "\x87\x01\x68"
    "http://a\x03\x40\x40\x01\x18\x3c",
    "\x87\x01\x68"
    "coap://a\x03\x40\x40\x01\x18\x3cx",
};

static void test_a_kept_account_that_is_damaged_counts_as_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct field field;
        with_bootstrap(&field);
        field.config.kept = text_of(damaged[i]);
        field_begin(&field);
        assert_true(ud_coap_path_is(field_take(&field), "bs"));
    }
    struct field field; /* and one that is whole */
    with_bootstrap(&field);
    field.config.kept = text_of("\x87\x01\x68"
                                "coap://a\x03\x40\x40\x01\x18\x3c");
    field_begin(&field);
    assert_true(ud_coap_path_is(field_take(&field), "rd"));
}

/* ---- management ---- */

static const struct {
    uint8_t method;
    const char *path;
    int32_t format;
    const char *payload;
    uint8_t want;
    const char *answer; /* NULL: not looked at */
} requests[] = {
    {UD_COAP_GET, "3/0/0", -1, "", UD_COAP_205_CONTENT, "Acme"},
    {UD_COAP_GET, "3/0/3", -1, "", UD_COAP_205_CONTENT, "12"},
    {UD_COAP_GET, "3/0/7/1", -1, "", UD_COAP_205_CONTENT, "3301"},
    {UD_COAP_GET, "3/0/7/2", -1, "", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_GET, "3/0/0/0", -1, "", UD_COAP_404_NOT_FOUND, NULL}, /* it has no instances */
    {UD_COAP_GET, "3/0/7/65534", -1, "", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_GET, "3/0/7", -1, "", UD_COAP_205_CONTENT, NULL},
    {UD_COAP_GET, "3/0", -1, "", UD_COAP_205_CONTENT, NULL},
    {UD_COAP_GET, "3", -1, "", UD_COAP_205_CONTENT, NULL},
    {UD_COAP_GET, "3/1", -1, "", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_GET, "3/0/1", -1, "", UD_COAP_404_NOT_FOUND, NULL}, /* the port does not say */
    {UD_COAP_GET, "3/0/4", -1, "", UD_COAP_405_METHOD, NULL},
    {UD_COAP_GET, "0", -1, "", UD_COAP_401_UNAUTHORIZED, NULL},
    {UD_COAP_GET, "0/0/5", -1, "", UD_COAP_401_UNAUTHORIZED, NULL},
    {UD_COAP_GET, "7/0", -1, "", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_GET, "x", -1, "", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_GET, "3/0/0/0/0", -1, "", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_GET, "70000", -1, "", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_GET, "", -1, "", UD_COAP_405_METHOD, NULL},
    {UD_COAP_PUT, "1/0/1", 0, "400", UD_COAP_204_CHANGED, NULL},
    {UD_COAP_PUT, "1/0/1", 0, "0", UD_COAP_400_BAD_REQUEST, NULL},
    {UD_COAP_PUT, "1/0/1", 0, "abc", UD_COAP_400_BAD_REQUEST, NULL},
    {UD_COAP_PUT, "1/0/1", 50, "400", UD_COAP_415_FORMAT, NULL},
    {UD_COAP_PUT, "1/0/0", 0, "4", UD_COAP_405_METHOD, NULL},
    {UD_COAP_PUT, "3/0/0", 0, "Other", UD_COAP_405_METHOD, NULL},
    {UD_COAP_PUT, "0/0/0", 0, "coap://other", UD_COAP_401_UNAUTHORIZED, NULL},
    {UD_COAP_PUT, "3", 0, "x", UD_COAP_405_METHOD, NULL},
    {UD_COAP_PUT, "1/0/99", 0, "x", UD_COAP_404_NOT_FOUND, NULL},
    {UD_COAP_POST, "3/0/4", -1, "", UD_COAP_204_CHANGED, NULL},
    {UD_COAP_POST, "3/0/0", -1, "", UD_COAP_405_METHOD, NULL},
    {UD_COAP_POST, "5/0/2", -1, "", UD_COAP_405_METHOD, NULL}, /* nothing is downloaded */
    {UD_COAP_POST, "5/0/10", -1, "", UD_COAP_405_METHOD, NULL},
    {UD_COAP_POST, "1/0/9", -1, "", UD_COAP_405_METHOD, NULL}, /* there is no bootstrap server */
    {UD_COAP_POST, "0/0/1", -1, "", UD_COAP_401_UNAUTHORIZED, NULL},
    {UD_COAP_POST, "3", 0, "", UD_COAP_405_METHOD, NULL},
    {UD_COAP_DELETE, "3/0", -1, "", UD_COAP_405_METHOD, NULL},
    {UD_COAP_POST, "bs", -1, "", UD_COAP_404_NOT_FOUND, NULL}, /* not this server's right */
    {UD_COAP_FETCH, "", 50, "[]", UD_COAP_415_FORMAT, NULL},
    {UD_COAP_PUT, "5/0/1", 0, "coap://127.0.0.1/fw", UD_COAP_405_METHOD, NULL}, /* the agent has not told yet */
};

static void test_requests_are_answered_as_the_document_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct field field;
        field_init(&field);
        field_register(&field);
        const struct ud_coap_message *m = field_ask(&field, requests[i].method, requests[i].path,
                                                    requests[i].format, text_of(requests[i].payload));
        if (m->code != requests[i].want) {
            fail_msg("row %zu, %d %s: %02x", i, requests[i].method, requests[i].path, m->code);
        }
        if (requests[i].answer != NULL) {
            assert_payload(m, requests[i].answer);
        }
    }
}

static void test_int_229_several_paths_are_read_at_once(void **state)
{
    static const uint8_t asked[] = {
        0x82, 0xa1, 0x00, 0x66, '/', '3', '/', '0', '/', '0',
        0xa1, 0x00, 0x66, '/',  '9', '/', '0', '/', '0'}; /* the second is not there */
    static const uint8_t answered[] = {0x81, 0xa2, 0x00, 0x66, '/', '3', '/', '0',
                                       '/',  '0',  0x03, 0x64, 'A', 'c', 'm', 'e'};
    static const uint8_t cut[] = {0x81, 0xa1, 0x00};
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    const int32_t cbor = UD_COAP_FORMAT_SENML_CBOR;
    const struct ud_coap_message *m = field_ask(&field, UD_COAP_FETCH, "", cbor, UD_BYTES_ARRAY(asked));
    assert_int_equal(m->code, UD_COAP_205_CONTENT);
    assert_true(ud_bytes_equal(m->payload, UD_BYTES_ARRAY(answered)));
    assert_int_equal(field_ask(&field, UD_COAP_FETCH, "", cbor, UD_BYTES_ARRAY(cut))->code,
                     UD_COAP_400_BAD_REQUEST);
}

static void test_int_256_a_write_of_several_values_is_whole_or_not_at_all(void **state)
{
    struct field field;
    uint8_t room[64];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_lwm2m_writer w;
    (void)state;
    field_init(&field);
    field_register(&field);
    ud_lwm2m_writer_begin(&w, &ud_lwm2m_format_tlv, ud_lwm2m_path_of(2, 1, 0, 0, 0), &buf);
    put(&w, 1, 0, 2, UD_LWM2M_INT, 5, NULL);
    put(&w, 1, 0, 0, UD_LWM2M_INT, 9, NULL); /* read only */
    assert_int_equal(ud_lwm2m_writer_end(&w), UD_OK);
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "1/0", tlv, ud_buf_bytes(&buf))->code, UD_COAP_405_METHOD);
    assert_payload(field_ask(&field, UD_COAP_GET, "1/0/2", -1, nothing), "0");
}

static void test_int_107_a_new_lifetime_is_told_by_an_update(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    assert_int_equal(field_ask(&field, UD_COAP_PUT, "1/0/1", 0, text_of("400"))->code, UD_COAP_204_CHANGED);
    field_step(&field);
    assert_query(field_take(&field), "lt", "400");
}

static void test_int_241_only_the_reboot_that_was_asked_for_happens(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    assert_int_equal(field.reboots, 0);
    (void)field_ask(&field, UD_COAP_POST, "3/0/4", -1, nothing);
    assert_int_equal(field.reboots, 1);
    field.next_id--; /* the same datagram again */
    assert_int_equal(field_ask(&field, UD_COAP_POST, "3/0/4", -1, nothing)->code, UD_COAP_204_CHANGED);
    assert_int_equal(field.reboots, 1);
}

/* ---- observations ---- */

static const struct ud_coap_message *observe(struct field *field, const char *path, uint32_t wish)
{
    uint8_t room[128];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_GET, ++field->next_id, text_of(path));
    ud_coap_write_uint(&w, UD_COAP_OBSERVE, wish);
    ud_coap_write_path(&w, UD_COAP_URI_PATH, path);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(field, ud_buf_bytes(&buf));
    return field_take(field);
}

static uint32_t number_of(const struct ud_coap_message *m)
{
    uint32_t number = UINT32_MAX;
    (void)ud_coap_find_uint(m, UD_COAP_OBSERVE, &number);
    return number;
}

static void attributes(struct field *field, const char *path, const char *first, const char *second)
{
    uint8_t room[128];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_PUT, ++field->next_id, text_of("at"));
    ud_coap_write_path(&w, UD_COAP_URI_PATH, path);
    ud_coap_write_option(&w, UD_COAP_URI_QUERY, text_of(first));
    ud_coap_write_option(&w, UD_COAP_URI_QUERY, text_of(second));
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(field, ud_buf_bytes(&buf));
    assert_int_equal(field_take(field)->code, UD_COAP_204_CHANGED);
}

static void test_int_301_what_is_observed_is_told_when_it_changes(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    const uint32_t first = number_of(observe(&field, "3/0/9", 0));
    assert_payload(&field.message, "80");
    field_pass(&field, 5000);
    assert_true(field_is_silent(&field));
    field.battery = 79;
    field_pass(&field, 1000);
    const struct ud_coap_message *m = field_take(&field);
    assert_payload(m, "79");
    assert_int_equal(m->type, UD_COAP_NON);
    assert_true(ud_bytes_equal(m->token, text_of("3/0/9")));
    assert_true(number_of(m) > first);
    (void)observe(&field, "3/0/9", 1);
    field.battery = 78;
    field_pass(&field, 5000);
    assert_true(field_is_silent(&field));
}

static void test_pmin_and_pmax_bound_the_pauses(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    attributes(&field, "3/0/9", "pmin=10", "pmax=60");
    (void)observe(&field, "3/0/9", 0);
    field.battery = 79;
    for (int second = 1; second < 10; second++) {
        field_pass(&field, 1000);
        assert_true(field_is_silent(&field));
    }
    field_pass(&field, 1000);
    assert_payload(field_take(&field), "79");
    for (int second = 1; second < 60; second++) {
        field_pass(&field, 1000);
        assert_true(field_is_silent(&field));
    }
    field_pass(&field, 1000);
    assert_payload(field_take(&field), "79"); /* nothing new, but it is time */
}

static void test_int_302_a_reset_ends_an_observation(void **state)
{
    struct field field;
    uint8_t reset[UD_COAP_EMPTY_BYTES];
    (void)state;
    field_init(&field);
    field_register(&field);
    (void)observe(&field, "3/0/9", 0);
    field.battery = 79;
    field_pass(&field, 1000);
    ud_coap_write_empty(reset, UD_COAP_RST, field_take(&field)->id);
    field_give(&field, UD_BYTES_ARRAY(reset));
    field.battery = 78;
    field_pass(&field, 5000);
    assert_true(field_is_silent(&field));
}

static void test_more_observations_than_there_is_room_for_are_plain_reads(void **state)
{
    static const char *const paths[] = {"3/0/9", "3/0/0", "3/0/3", "3/0/7", "1/0/0", "1/0/1", "1/0/2", "1/0/3"};
    struct field field;
    (void)state;
    _Static_assert(sizeof paths / sizeof paths[0] == UD_LWM2M_WATCHES, "one path for each place");
    field_init(&field);
    field_register(&field);
    for (size_t i = 0; i < UD_LWM2M_WATCHES; i++) {
        assert_int_not_equal(number_of(observe(&field, paths[i], 0)), UINT32_MAX);
    }
    assert_int_equal(number_of(observe(&field, "5/0/3", 0)), UINT32_MAX);
    assert_int_equal(field.message.code, UD_COAP_205_CONTENT);
}

/* ---- addresses ---- */

static const struct {
    const char *uri;
    ud_err want;
    bool secure;
    const char *host;
    uint16_t port;
} uris[] = {
    {"coap://h", UD_OK, false, "h", 5683},
    {"coaps://h", UD_OK, true, "h", 5684},
    {"coap://10.0.2.2:7/", UD_OK, false, "10.0.2.2", 7},
    {"coaps://[::1]:5684", UD_OK, true, "::1", 5684},
    {"coap://h:0", UD_ERR_URI, false, NULL, 0},
    {"coap://h:65536", UD_ERR_URI, false, NULL, 0},
    {"coap://h:", UD_ERR_URI, false, NULL, 0},
    {"coap://", UD_ERR_URI, false, NULL, 0},
    {"coap://[::1", UD_ERR_URI, false, NULL, 0},
    {"coap://u@h", UD_ERR_URI, false, NULL, 0},
    {"coap://h/x", UD_ERR_URI, false, NULL, 0},
    {"coap+tcp://h", UD_ERR_URI, false, NULL, 0},
    {"http://h", UD_ERR_URI, false, NULL, 0},
    {"", UD_ERR_URI, false, NULL, 0},
};

static void test_addresses_of_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        bool secure = false;
        struct ud_bytes host = {NULL, 0};
        uint16_t port = 0;
        const ud_err err = ud_lwm2m_server_parse(text_of(uris[i].uri), &secure, &host, &port);
        if (err != uris[i].want) {
            fail_msg("%s: %s", uris[i].uri, ud_err_name(err));
        }
        if (err == UD_OK && (secure != uris[i].secure || port != uris[i].port ||
                             !ud_bytes_equal(host, text_of(uris[i].host)))) {
            fail_msg("%s: %.*s %u", uris[i].uri, (int)host.len, (const char *)host.ptr, port);
        }
    }
}

static void test_a_client_without_its_parts_does_not_begin(void **state)
{
    struct field field;
    char long_name[66];
    (void)state;
    memset(long_name, 'x', 65);
    long_name[65] = '\0';
    field_init(&field);
    field.config.endpoint = "";
    assert_int_equal(ud_lwm2m_client_init(&field.client, &field.config), UD_ERR_CONFIG);
    field.config.endpoint = long_name;
    assert_int_equal(ud_lwm2m_client_init(&field.client, &field.config), UD_ERR_CONFIG);
    field.config.endpoint = "d1";
    field.config.server.security = UD_LWM2M_PSK; /* over plain UDP */
    assert_int_equal(ud_lwm2m_client_init(&field.client, &field.config), UD_ERR_CONFIG);
    field.config.server.security = UD_LWM2M_NOSEC;
    field.config.format_count = 0;
    assert_int_equal(ud_lwm2m_client_init(&field.client, &field.config), UD_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int_101_it_registers_with_what_it_has),
        cmocka_unit_test(test_a_lower_version_is_tried_when_the_server_asks_for_it),
        cmocka_unit_test(
            test_int_102_105_it_updates_before_its_lifetime_is_over_and_registers_anew_when_it_is_unknown),
        cmocka_unit_test(test_a_lost_link_is_opened_again_and_keeps_the_registration),
        cmocka_unit_test(test_pauses_grow_and_are_not_in_step),
        cmocka_unit_test(test_int_109_queue_mode_sleeps_until_the_next_update),
        cmocka_unit_test(test_int_103_it_takes_leave),
        cmocka_unit_test(test_int_0_a_bootstrap_is_kept_before_it_is_answered_and_used_then),
        cmocka_unit_test(test_int_9_an_account_that_is_of_no_use_is_refused_at_the_finish),
        cmocka_unit_test(test_a_bootstrap_that_breaks_off_leaves_the_account_in_force),
        cmocka_unit_test(test_int_7_three_refusals_lead_to_the_bootstrap_server),
        cmocka_unit_test(test_a_kept_account_that_is_damaged_counts_as_none),
        cmocka_unit_test(test_requests_are_answered_as_the_document_says),
        cmocka_unit_test(test_int_229_several_paths_are_read_at_once),
        cmocka_unit_test(test_int_256_a_write_of_several_values_is_whole_or_not_at_all),
        cmocka_unit_test(test_int_107_a_new_lifetime_is_told_by_an_update),
        cmocka_unit_test(test_int_241_only_the_reboot_that_was_asked_for_happens),
        cmocka_unit_test(test_int_301_what_is_observed_is_told_when_it_changes),
        cmocka_unit_test(test_pmin_and_pmax_bound_the_pauses),
        cmocka_unit_test(test_int_302_a_reset_ends_an_observation),
        cmocka_unit_test(test_more_observations_than_there_is_room_for_are_plain_reads),
        cmocka_unit_test(test_addresses_of_servers),
        cmocka_unit_test(test_a_client_without_its_parts_does_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
