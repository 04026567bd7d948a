/* Object 5 and the road: the test is server and agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lwm2m.h"

#define URI "coap://127.0.0.1:5683/fw/1-2-ab/manifest.suit"

static const struct ud_bytes nothing = {NULL, 0};

static const struct ud_road *road(struct field *field)
{
    return ud_lwm2m_client_road(&field->client);
}

static ud_err poll(struct field *field, struct ud_road_news *news)
{
    return road(field)->poll(road(field)->ctx, news);
}

static ud_err fetch(struct field *field, const char *uri, uint64_t offset, struct ud_bytes *chunk)
{
    return road(field)->fetch(road(field)->ctx, text_of(uri), offset, chunk);
}

static ud_err permit(struct field *field)
{
    return road(field)->permit(road(field)->ctx);
}

static int value_of(struct field *field, const char *path)
{
    const struct ud_coap_message *m = field_ask(field, UD_COAP_GET, path, -1, nothing);
    int value = 0;
    assert_int_equal(m->code, UD_COAP_205_CONTENT);
    for (size_t i = 0; i < m->payload.len; i++) {
        value = value * 10 + (m->payload.ptr[i] - '0');
    }
    return value;
}

static void assert_state(struct field *field, int state, int result)
{
    assert_int_equal(value_of(field, "5/0/3"), state);
    assert_int_equal(value_of(field, "5/0/5"), result);
}

/* Registered, and the agent has told what there was to tell. */
static void begin(struct field *field)
{
    struct ud_road_news news;
    field_init(field);
    field_register(field);
    assert_int_equal(poll(field, &news), UD_OK);
    assert_int_equal(news.kind, UD_ROAD_NOTHING);
}

static uint8_t write_uri(struct field *field, const char *uri)
{
    return field_ask(field, UD_COAP_PUT, "5/0/1", UD_COAP_FORMAT_TEXT, text_of(uri))->code;
}

/* A block of a body of so many bytes, each the low byte of its place. */
static void give_block(struct field *field, uint32_t body_bytes, const char *etag)
{
    uint8_t room[1500];
    uint8_t part[1024];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    struct ud_coap_part found;
    assert_int_equal(ud_coap_serve(&field->message, body_bytes, UD_COAP_SZX_MAX, &found), UD_OK);
    for (uint32_t i = 0; i < found.len; i++) {
        part[i] = (uint8_t)(found.offset + i);
    }
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_205_CONTENT, field->message.id, field->message.token);
    ud_coap_write_option(&w, UD_COAP_ETAG, text_of(etag));
    ud_coap_write_block(&w, UD_COAP_BLOCK2, found.block);
    ud_coap_write_payload(&w, (struct ud_bytes){part, found.len});
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(field, ud_buf_bytes(&buf));
}

/* ---- pull ---- */

static void test_a_package_uri_becomes_an_offer_with_its_nonce(void **state)
{
    struct field field;
    struct ud_road_news news = {0};
    (void)state;
    begin(&field);
    assert_int_equal(write_uri(&field, URI), UD_COAP_204_CHANGED);
    assert_state(&field, UD_LWM2M_DOWNLOADING, 0);
    assert_int_equal(poll(&field, &news), UD_WAIT);
    assert_true(ud_coap_path_is(field_take(&field), "fw/1-2-ab/updraft.nonce"));
    assert_int_equal(poll(&field, &news), UD_WAIT);
    field_answer_with(&field, UD_COAP_205_CONTENT, 0, nothing, text_of("0123456789abcdef"));
    assert_int_equal(poll(&field, &news), UD_OK);
    assert_int_equal(news.kind, UD_ROAD_OFFER);
    assert_true(news.offer.has_nonce);
    assert_memory_equal(news.offer.nonce, "0123456789abcdef", 16);
    assert_int_not_equal(news.offer.action_id, 0);
    assert_true(
        ud_bytes_equal(text_of(URI), (struct ud_bytes){(uint8_t *)news.offer.uri, news.offer.uri_bytes}));
    const uint32_t id = news.offer.action_id;
    assert_int_equal(poll(&field, &news), UD_OK); /* the same again, and nobody is asked */
    assert_int_equal(news.offer.action_id, id);
    assert_true(field_is_silent(&field));
}

static void test_a_server_without_nonces_is_asked_once_and_others_never(void **state)
{
    struct field field;
    struct ud_road_news news = {0};
    (void)state;
    begin(&field);
    assert_int_equal(write_uri(&field, URI), UD_COAP_204_CHANGED);
    assert_int_equal(poll(&field, &news), UD_WAIT);
    (void)field_take(&field);
    field_answer(&field, UD_COAP_404_NOT_FOUND);
    assert_int_equal(poll(&field, &news), UD_OK);
    assert_false(news.offer.has_nonce);
    assert_int_equal(write_uri(&field, ""), UD_COAP_204_CHANGED);
    assert_int_equal(write_uri(&field, "coap://127.0.0.1/image.bin"), UD_COAP_204_CHANGED);
    assert_int_equal(poll(&field, &news), UD_OK);
    assert_int_equal(news.kind, UD_ROAD_OFFER);
    assert_true(field_is_silent(&field));
}

static void test_a_body_is_fetched_block_by_block_from_any_byte(void **state)
{
    struct field field;
    struct ud_bytes chunk = nothing;
    (void)state;
    begin(&field);
    uint32_t at = 1500; /* in the middle of a block */
    while (at < 5000) {
        ud_err err = fetch(&field, URI, at, &chunk);
        if (err == UD_WAIT && !field_is_silent(&field)) {
            (void)field_take(&field);
            give_block(&field, 5000, "e1");
            continue;
        }
        assert_int_equal(err, UD_OK);
        assert_true(chunk.len > 0);
        for (size_t i = 0; i < chunk.len; i++) {
            assert_int_equal(chunk.ptr[i], (uint8_t)(at + i));
        }
        at += (uint32_t)chunk.len;
    }
    assert_int_equal(at, 5000);
    assert_int_equal(fetch(&field, URI, at, &chunk), UD_OK);
    assert_int_equal(chunk.len, 0); /* the end, without asking */
    assert_true(field_is_silent(&field));
}

static void test_a_download_keeps_its_rate(void **state)
{
    struct field field;
    struct ud_bytes chunk = nothing;
    (void)state;
    begin(&field);
    field.config.rate_max = 10240; /* a block in 100 ms */
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_WAIT);
    (void)field_take(&field);
    give_block(&field, 5000, "e1");
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_OK);
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT);
    assert_true(field_is_silent(&field));
    field_step(&field);
    assert_int_equal(field.wait_ms, 100);
    field_pass(&field, 99);
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT);
    assert_true(field_is_silent(&field));
    field_pass(&field, 1);
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT);
    assert_false(field_is_silent(&field));
}

static void test_another_body_behind_the_same_uri_ends_the_fetch(void **state)
{
    struct field field;
    struct ud_bytes chunk = nothing;
    (void)state;
    begin(&field);
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_WAIT);
    (void)field_take(&field);
    give_block(&field, 5000, "e1");
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_OK);
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT);
    (void)field_take(&field);
    give_block(&field, 5000, "e2");
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_ERR_PROTOCOL);
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT); /* and can be begun anew */
}

static const struct {
    const char *uri;
    ud_err want;
} places[] = {
    {"coap://127.0.0.1/fw/x", UD_WAIT},
    {"coap://127.0.0.1:5683/fw/x", UD_WAIT},
    {"coap://127.0.0.1:5684/fw/x", UD_ERR_URI},
    {"coap://127.0.0.2/fw/x", UD_ERR_URI},
    {"coaps://127.0.0.1/fw/x", UD_ERR_URI},
    {"http://127.0.0.1/fw/x", UD_ERR_URI},
    {"coap://user@127.0.0.1/fw/x", UD_ERR_URI},
    {"coap://127.0.0.1", UD_ERR_URI},
    {"/fw/x", UD_ERR_URI},
    {"", UD_ERR_URI},
};

static void test_B5_nothing_is_fetched_from_another_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct field field;
        struct ud_bytes chunk = nothing;
        begin(&field);
        const ud_err err = fetch(&field, places[i].uri, 0, &chunk);
        if (err != places[i].want || field_is_silent(&field) != (err != UD_WAIT)) {
            fail_msg("%s: %s", places[i].uri, ud_err_name(err));
        }
    }
}

static const struct {
    uint8_t code;
    ud_err want;
} refusals[] = {
    {UD_COAP_404_NOT_FOUND, UD_ERR_NOT_FOUND}, {UD_COAP_401_UNAUTHORIZED, UD_ERR_AUTH},
    {UD_COAP_400_BAD_REQUEST, UD_ERR_RANGE},   {UD_COAP_503_UNAVAILABLE, UD_ERR_RETRY_LATER},
    {UD_COAP_500_INTERNAL, UD_ERR_PROTOCOL},   {UD_COAP_204_CHANGED, UD_ERR_PROTOCOL},
    {UD_COAP_231_CONTINUE, UD_ERR_PROTOCOL},   {UD_COAP_413_TOO_LARGE, UD_ERR_TOO_LARGE},
};

static void test_refusals_of_a_fetch_have_their_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct field field;
        struct ud_bytes chunk = nothing;
        begin(&field);
        assert_int_equal(fetch(&field, URI, 0, &chunk), UD_WAIT);
        (void)field_take(&field);
        field_answer(&field, refusals[i].code);
        const ud_err err = fetch(&field, URI, 0, &chunk);
        if (err != refusals[i].want) {
            fail_msg("%02x: %s", refusals[i].code, ud_err_name(err));
        }
    }
}

static void test_a_fetch_goes_on_over_the_next_link(void **state)
{
    struct field field;
    struct ud_bytes chunk = nothing;
    (void)state;
    begin(&field);
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_WAIT);
    (void)field_take(&field);
    give_block(&field, 5000, "e1");
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_OK);
    field.send_err = UD_ERR_CONNECT;
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT);
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_ERR_CONNECT);
    field.send_err = UD_OK;
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT); /* there is no link yet */
    field_pass(&field, 5000);
    field_step(&field);
    field_step(&field);
    assert_true(ud_coap_path_is(field_take(&field), "rd/abc"));
    field_answer(&field, UD_COAP_204_CHANGED);
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_WAIT);
    (void)field_take(&field);
    give_block(&field, 5000, "e1");
    assert_int_equal(fetch(&field, URI, 1024, &chunk), UD_OK);
    assert_int_equal(chunk.len, 1024);
    assert_int_equal(chunk.ptr[1], 1);
}

static void test_a_notification_does_not_touch_the_request_under_way(void **state)
{
    static const uint8_t observe[] = {0x41, 0x01, 0x7f, 0x01, 'o', 0x60, 0x51, '3', 0x01, '0', 0x01, '9'};
    struct field field;
    struct ud_bytes chunk = nothing;
    (void)state;
    begin(&field);
    field_give(&field, UD_BYTES_ARRAY(observe));
    assert_int_equal(field_take(&field)->code, UD_COAP_205_CONTENT);
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_WAIT);
    const struct ud_coap_message asked = *field_take(&field);
    field.battery = 11;
    field_pass(&field, 1000);
    assert_int_equal(field_take(&field)->type, UD_COAP_NON);
    field_pass(&field, 2500); /* it comes again, unchanged */
    assert_int_equal(field_take(&field)->id, asked.id);
    assert_true(ud_bytes_equal(field.message.options, asked.options));
    give_block(&field, 5000, "e1");
    assert_int_equal(fetch(&field, URI, 0, &chunk), UD_OK);
    assert_int_equal(chunk.len, 1024);
}

/* ---- the states ---- */

static void test_the_servers_update_is_awaited(void **state)
{
    struct field field;
    (void)state;
    begin(&field);
    assert_int_equal(permit(&field), UD_ERR_GONE); /* nothing is offered */
    assert_int_equal(write_uri(&field, URI), UD_COAP_204_CHANGED);
    assert_int_equal(field_ask(&field, UD_COAP_POST, "5/0/2", -1, nothing)->code, UD_COAP_405_METHOD);
    assert_int_equal(permit(&field), UD_WAIT);
    assert_state(&field, UD_LWM2M_DOWNLOADED, 0);
    assert_int_equal(write_uri(&field, URI), UD_COAP_400_BAD_REQUEST); /* a reset comes first */
    assert_int_equal(field_ask(&field, UD_COAP_POST, "5/0/2", -1, nothing)->code, UD_COAP_204_CHANGED);
    assert_state(&field, UD_LWM2M_UPDATING, 0);
    assert_int_equal(permit(&field), UD_OK);
    assert_int_equal(write_uri(&field, ""), UD_COAP_405_METHOD); /* too late */
    assert_int_equal(field_ask(&field, UD_COAP_POST, "5/0/10", -1, nothing)->code, UD_COAP_405_METHOD);
}

static void test_a_package_that_is_taken_back_is_offered_no_more(void **state)
{
    static const char *const ways[] = {"uri", "cancel", "package"};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct field field;
        struct ud_road_news news = {0};
        uint8_t code = 0;
        begin(&field);
        assert_int_equal(write_uri(&field, "coap://127.0.0.1/image.bin"), UD_COAP_204_CHANGED);
        if (i == 0) {
            code = write_uri(&field, "");
        } else if (i == 1) {
            code = field_ask(&field, UD_COAP_POST, "5/0/10", -1, nothing)->code;
        } else {
            code = field_ask(&field, UD_COAP_PUT, "5/0/0", UD_COAP_FORMAT_OCTETS,
                             (struct ud_bytes){(const uint8_t *)"", 1})
                       ->code;
        }
        assert_int_equal(code, UD_COAP_204_CHANGED);
        assert_state(&field, UD_LWM2M_IDLE, i == 1 ? 10 : 0);
        assert_int_equal(poll(&field, &news), UD_OK);
        assert_int_equal(news.kind, UD_ROAD_NOTHING);
        assert_int_equal(permit(&field), UD_ERR_GONE);
    }
}

/* ---- the report ---- */

static ud_err report(struct field *field, uint32_t action, ud_err result, size_t len)
{
    static uint8_t bytes[1500];
    const struct ud_road_report report = {action, result, {bytes, len}};
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    return road(field)->report(road(field)->ctx, &report);
}

static void test_the_result_shows_only_after_the_report_was_acknowledged(void **state)
{
    struct field field;
    (void)state;
    field_init(&field);
    field_register(&field);
    assert_state(&field, UD_LWM2M_UPDATING, 0); /* whatever became of it: not told yet */
    assert_int_equal(report(&field, 7, UD_OK, 400), UD_WAIT);
    assert_true(ud_coap_path_is(field_take(&field), "report"));
    assert_int_equal(field.message.payload.len, 400);
    const struct ud_coap_message asked = field.message;
    assert_state(&field, UD_LWM2M_UPDATING, 0);
    field.message = asked;
    field_answer(&field, UD_COAP_204_CHANGED);
    assert_int_equal(report(&field, 7, UD_OK, 400), UD_OK);
    assert_state(&field, UD_LWM2M_IDLE, 1);
}

static void test_a_report_about_no_action_leaves_no_result(void **state)
{
    struct field field;
    struct ud_road_news news;
    (void)state;
    field_init(&field);
    field_register(&field);
    assert_int_equal(report(&field, 0, UD_ERR_UNCONFIRMED, 400), UD_WAIT);
    (void)field_take(&field);
    field_answer(&field, UD_COAP_204_CHANGED);
    assert_int_equal(report(&field, 0, UD_ERR_UNCONFIRMED, 400), UD_OK);
    assert_int_equal(poll(&field, &news), UD_OK);
    assert_state(&field, UD_LWM2M_IDLE, 0);
}

static void test_a_long_report_goes_in_blocks(void **state)
{
    struct field field;
    uint32_t got = 0;
    (void)state;
    begin(&field);
    assert_int_equal(report(&field, 0, UD_OK, 1500), UD_WAIT);
    for (;;) {
        struct ud_coap_block block = {0};
        assert_int_equal(ud_coap_find_block(field_take(&field), UD_COAP_BLOCK1, &block), UD_OK);
        assert_int_equal(ud_coap_block_offset(block), got);
        assert_int_equal(field.message.payload.ptr[0], (uint8_t)got);
        got += (uint32_t)field.message.payload.len;
        uint8_t value[3];
        struct ud_buf option = {value, sizeof value, 0};
        const uint32_t number = ud_coap_block_encode(block);
        for (int shift = 16; shift >= 0; shift -= 8) {
            const uint8_t byte = (uint8_t)(number >> shift);
            if (option.len > 0 || byte != 0) {
                assert_true(ud_buf_put(&option, (struct ud_bytes){&byte, 1}));
            }
        }
        field_answer_with(&field, block.more ? UD_COAP_231_CONTINUE : UD_COAP_204_CHANGED, UD_COAP_BLOCK1,
                          ud_buf_bytes(&option), nothing);
        if (!block.more) {
            break;
        }
        assert_int_equal(report(&field, 0, UD_OK, 1500), UD_WAIT);
    }
    assert_int_equal(got, 1500);
    assert_int_equal(report(&field, 0, UD_OK, 1500), UD_OK);
}

static const struct {
    uint8_t code;
    const char *words;
    ud_err want;
    bool over; /* object 5 shows the result */
} verdicts[] = {
    {UD_COAP_204_CHANGED, "", UD_OK, true},
    {UD_COAP_409_CONFLICT, "UD_ERR_NONCE", UD_ERR_NONCE, true},
    {UD_COAP_409_CONFLICT, "UD_ERR_COUNTER", UD_ERR_COUNTER, false},
    {UD_COAP_409_CONFLICT, "", UD_ERR_NONCE, true},
    {UD_COAP_403_FORBIDDEN, "UD_ERR_IDENTITY", UD_ERR_IDENTITY, true},
    {UD_COAP_403_FORBIDDEN, "UD_ERR_SIGNATURE", UD_ERR_SIGNATURE, true},
    {UD_COAP_400_BAD_REQUEST, "", UD_ERR_SHAPE, true},
    {UD_COAP_404_NOT_FOUND, "", UD_OK, true}, /* a server that has no place for signed reports */
    {UD_COAP_500_INTERNAL, "", UD_ERR_PROTOCOL, false},
    {UD_COAP_503_UNAVAILABLE, "", UD_ERR_RETRY_LATER, false},
};

static void test_verdicts_on_a_report_have_their_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        struct field field;
        begin(&field);
        assert_int_equal(write_uri(&field, "coap://127.0.0.1/image.bin"), UD_COAP_204_CHANGED);
        assert_int_equal(report(&field, 7, UD_ERR_DIGEST, 400), UD_WAIT);
        (void)field_take(&field);
        field_answer_with(&field, verdicts[i].code, 0, nothing, text_of(verdicts[i].words));
        const ud_err err = report(&field, 7, UD_ERR_DIGEST, 400);
        if (err != verdicts[i].want) {
            fail_msg("%02x %s: %s", verdicts[i].code, verdicts[i].words, ud_err_name(err));
        }
        assert_state(&field, verdicts[i].over ? UD_LWM2M_IDLE : UD_LWM2M_DOWNLOADING, verdicts[i].over ? 5 : 0);
    }
}

static void test_a_server_that_forgot_the_device_is_registered_with_before_the_report(void **state)
{
    struct field field;
    (void)state;
    begin(&field);
    assert_int_equal(report(&field, 0, UD_OK, 400), UD_WAIT);
    (void)field_take(&field);
    field_answer(&field, UD_COAP_401_UNAUTHORIZED);
    assert_int_equal(report(&field, 0, UD_OK, 400), UD_ERR_AUTH);
    field_step(&field);
    assert_true(ud_coap_path_is(field_take(&field), "rd"));
}

/* ---- push ---- */

static void send_block(struct field *field, uint32_t num, bool more, struct ud_bytes payload)
{
    uint8_t room[1500];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, UD_COAP_PUT, ++field->next_id, text_of("pu"));
    ud_coap_write_path(&w, UD_COAP_URI_PATH, "5/0/0");
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_OCTETS);
    ud_coap_write_block(&w, UD_COAP_BLOCK1, (struct ud_coap_block){num, more, 0});
    ud_coap_write_payload(&w, payload);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(field, ud_buf_bytes(&buf));
}

static void test_a_pushed_block_is_answered_when_the_agent_has_taken_it(void **state)
{
    static const char body[] = "0123456789abcdefABCDEFGHIJKLMNOPend";
    struct field field;
    struct ud_road_news news = {0};
    struct ud_bytes chunk = nothing;
    char uri[64] = "";
    (void)state;
    begin(&field);
    send_block(&field, 0, true, text_of("0123456789abcdef"));
    assert_true(field_is_silent(&field));
    assert_int_equal(poll(&field, &news), UD_OK);
    assert_int_equal(news.kind, UD_ROAD_OFFER);
    memcpy(uri, news.offer.uri, news.offer.uri_bytes);
    uint64_t at = 0;
    for (uint32_t num = 0; num < 3; num++) {
        assert_int_equal(fetch(&field, uri, at, &chunk), UD_OK);
        assert_memory_equal(chunk.ptr, body + at, chunk.len);
        assert_true(field_is_silent(&field)); /* it has it, but may need time to write it down */
        at += chunk.len;
        if (num == 2) {
            break;
        }
        assert_int_equal(fetch(&field, uri, at, &chunk), UD_WAIT);
        assert_int_equal(field_take(&field)->code, UD_COAP_231_CONTINUE);
        send_block(&field, num + 1, num == 0, num == 0 ? text_of("ABCDEFGHIJKLMNOP") : text_of("end"));
    }
    assert_int_equal(fetch(&field, uri, at, &chunk), UD_OK);
    assert_int_equal(chunk.len, 0);
    assert_int_equal(field_take(&field)->code, UD_COAP_204_CHANGED);
    assert_int_equal(at, sizeof body - 1);
    assert_state(&field, UD_LWM2M_DOWNLOADING, 0);
    assert_int_equal(permit(&field), UD_WAIT);
    assert_state(&field, UD_LWM2M_DOWNLOADED, 0);
    send_block(&field, 0, true, text_of("0123456789abcdef"));
    assert_int_equal(field_take(&field)->code, UD_COAP_405_METHOD);
}

static void test_a_push_that_begins_again_is_another_offer_and_gaps_are_refused(void **state)
{
    struct field field;
    struct ud_road_news first = {0};
    struct ud_road_news second = {0};
    struct ud_bytes chunk = nothing;
    (void)state;
    begin(&field);
    send_block(&field, 1, true, text_of("0123456789abcdef"));
    assert_int_equal(field_take(&field)->code, UD_COAP_408_INCOMPLETE); /* block 0 was never here */
    send_block(&field, 0, true, text_of("0123456789abcdef"));
    assert_int_equal(poll(&field, &first), UD_OK);
    assert_int_equal(fetch(&field, "push://device/package", 0, &chunk), UD_OK);
    assert_int_equal(fetch(&field, "push://device/package", 16, &chunk), UD_WAIT);
    assert_int_equal(field_take(&field)->code, UD_COAP_231_CONTINUE);
    send_block(&field, 2, true, text_of("0123456789abcdef"));
    assert_int_equal(field_take(&field)->code, UD_COAP_408_INCOMPLETE);
    send_block(&field, 0, true, text_of("fedcba9876543210"));
    assert_int_equal(poll(&field, &second), UD_OK);
    assert_int_not_equal(first.offer.action_id, second.offer.action_id);
    assert_int_equal(fetch(&field, "push://device/package", 16, &chunk), UD_ERR_RANGE); /* of the old one */
}

static void test_a_lost_link_ends_a_push(void **state)
{
    struct field field;
    struct ud_road_news news = {0};
    (void)state;
    begin(&field);
    send_block(&field, 0, true, text_of("0123456789abcdef"));
    assert_int_equal(poll(&field, &news), UD_OK);
    assert_int_equal(news.kind, UD_ROAD_OFFER);
    field_pass(&field, 300 * 750);
    for (int i = 0; i < 5; i++) {
        (void)field_take(&field);
        field_pass(&field, 60000);
    }
    assert_int_equal(poll(&field, &news), UD_OK);
    assert_int_equal(news.kind, UD_ROAD_NOTHING);
    assert_int_equal(field.client.firmware.result, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_package_uri_becomes_an_offer_with_its_nonce),
        cmocka_unit_test(test_a_server_without_nonces_is_asked_once_and_others_never),
        cmocka_unit_test(test_a_body_is_fetched_block_by_block_from_any_byte),
        cmocka_unit_test(test_a_download_keeps_its_rate),
        cmocka_unit_test(test_another_body_behind_the_same_uri_ends_the_fetch),
        cmocka_unit_test(test_B5_nothing_is_fetched_from_another_place),
        cmocka_unit_test(test_refusals_of_a_fetch_have_their_names),
        cmocka_unit_test(test_a_fetch_goes_on_over_the_next_link),
        cmocka_unit_test(test_a_notification_does_not_touch_the_request_under_way),
        cmocka_unit_test(test_the_servers_update_is_awaited),
        cmocka_unit_test(test_a_package_that_is_taken_back_is_offered_no_more),
        cmocka_unit_test(test_the_result_shows_only_after_the_report_was_acknowledged),
        cmocka_unit_test(test_a_report_about_no_action_leaves_no_result),
        cmocka_unit_test(test_a_long_report_goes_in_blocks),
        cmocka_unit_test(test_verdicts_on_a_report_have_their_names),
        cmocka_unit_test(test_a_server_that_forgot_the_device_is_registered_with_before_the_report),
        cmocka_unit_test(test_a_pushed_block_is_answered_when_the_agent_has_taken_it),
        cmocka_unit_test(test_a_push_that_begins_again_is_another_offer_and_gaps_are_refused),
        cmocka_unit_test(test_a_lost_link_ends_a_push),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
