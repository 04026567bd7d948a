#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helper_lwm2m.h"

static const struct ud_lwm2m_speaks formats[] = {
    {UD_COAP_FORMAT_SENML_CBOR, &ud_lwm2m_format_senml_cbor},
    {UD_COAP_FORMAT_LWM2M_TLV, &ud_lwm2m_format_tlv},
    {UD_COAP_FORMAT_TEXT, &ud_lwm2m_format_text},
    {UD_COAP_FORMAT_OCTETS, &ud_lwm2m_format_octets},
};

struct ud_bytes text_of(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

/* ---- the port ---- */

static ud_err port_open(void *ctx, const struct ud_lwm2m_account *account)
{
    struct field *field = ctx;
    field->opened++;
    field->opened_account = *account;
    return field->open_err;
}

static void port_close(void *ctx)
{
    struct field *field = ctx;
    field->closed++;
    field->taken = field->given;
}

static ud_err port_send(void *ctx, struct ud_bytes datagram)
{
    struct field *field = ctx;
    struct datagram *slot = &field->from_device[field->sent % FIELD_DATAGRAMS];
    assert_in_range(datagram.len, 1, sizeof slot->bytes);
    if (field->send_err != UD_OK) {
        return field->send_err;
    }
    memcpy(slot->bytes, datagram.ptr, datagram.len);
    slot->len = datagram.len;
    field->sent++;
    return UD_OK;
}

static ud_err port_receive(void *ctx, struct ud_buf *datagram)
{
    struct field *field = ctx;
    if (field->taken == field->given) {
        return UD_WAIT;
    }
    const struct datagram *slot = &field->to_device[field->taken++ % FIELD_DATAGRAMS];
    datagram->len = slot->len < datagram->cap ? slot->len : datagram->cap;
    memcpy(datagram->ptr, slot->bytes, datagram->len);
    return UD_OK;
}

static ud_err port_random(void *ctx, uint8_t *out, size_t len)
{
    struct field *field = ctx;
    for (size_t i = 0; i < len; i++) {
        field->random = field->random * 1664525U + 1013904223U;
        out[i] = (uint8_t)(field->random >> 24);
    }
    return UD_OK;
}

static ud_err port_keep(void *ctx, struct ud_bytes accounts)
{
    struct field *field = ctx;
    field->kept++;
    if (field->keep_err == UD_OK) {
        assert_in_range(accounts.len, 1, sizeof field->kept_bytes);
        memcpy(field->kept_bytes, accounts.ptr, accounts.len);
        field->kept_len = accounts.len;
    }
    return field->keep_err;
}

static bool port_fact(void *ctx, uint16_t object, uint16_t resource, uint8_t n, struct ud_lwm2m_record *record)
{
    const struct field *field = ctx;
    if (object == 3 && resource == 0 && n == 0) {
        record->bytes = text_of("Acme");
        return true;
    }
    if (object == 3 && resource == 7 && n < 2) {
        record->integer = 3300 + n;
        return true;
    }
    if (object == 3 && resource == 9 && n == 0) {
        record->integer = field->battery;
        return true;
    }
    return false;
}

static void port_reboot(void *ctx)
{
    struct field *field = ctx;
    field->reboots++;
}

/* ---- the test's end ---- */

void field_init(struct field *field)
{
    memset(field, 0, sizeof *field);
    field->now_ms = 1000;
    field->random = 7;
    field->battery = 80;
    field->boot.version.sequence = 12;
    field->port = (struct ud_lwm2m_port){field,       port_open, port_close, port_send,  port_receive,
                                         port_random, port_keep, port_fact,  port_reboot};
    field->config = (struct ud_lwm2m_client_config){
        .port = &field->port,
        .endpoint = "d1",
        .server = {.security = UD_LWM2M_NOSEC, .short_id = 1, .lifetime_s = 300},
        .formats = formats,
        .format_count = sizeof formats / sizeof formats[0],
        .boot = &field->boot,
        .szx = UD_COAP_SZX_MAX,
        .seed = 5,
    };
    memcpy(field->config.server.uri, "coap://127.0.0.1", 16);
    field->config.server.uri_bytes = 16;
}

void field_begin(struct field *field)
{
    assert_int_equal(ud_lwm2m_client_init(&field->client, &field->config), UD_OK);
    field_step(field); /* opens */
    field_step(field);
    field_step(field);
}

void field_step(struct field *field)
{
    ud_lwm2m_client_step(&field->client, field->now_ms, &field->wait_ms);
}

void field_pass(struct field *field, uint64_t ms)
{
    field->now_ms += ms;
    field_step(field);
}

bool field_is_silent(const struct field *field)
{
    return field->seen == field->sent;
}

const struct ud_coap_message *field_take(struct field *field)
{
    assert_false(field_is_silent(field));
    const struct datagram *slot = &field->from_device[field->seen++ % FIELD_DATAGRAMS];
    assert_int_equal(ud_coap_parse((struct ud_bytes){slot->bytes, slot->len}, &field->message), UD_OK);
    return &field->message;
}

void field_give(struct field *field, struct ud_bytes datagram)
{
    struct datagram *slot = &field->to_device[field->given++ % FIELD_DATAGRAMS];
    assert_in_range(datagram.len, 0, sizeof slot->bytes);
    memcpy(slot->bytes, datagram.ptr, datagram.len);
    slot->len = datagram.len;
    field_step(field);
}

void field_answer_with(struct field *field, uint8_t code, uint16_t option, struct ud_bytes value,
                       struct ud_bytes payload)
{
    uint8_t room[1500];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, code, field->message.id, field->message.token);
    if (option == UD_COAP_LOCATION_PATH) {
        ud_coap_write_path(&w, option, (const char *)value.ptr);
    } else if (option != 0) {
        ud_coap_write_option(&w, option, value);
    }
    ud_coap_write_payload(&w, payload);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(field, ud_buf_bytes(&buf));
}

void field_answer(struct field *field, uint8_t code)
{
    field_answer_with(field, code, 0, (struct ud_bytes){NULL, 0}, (struct ud_bytes){NULL, 0});
}

void field_send(struct field *field, uint8_t method, const char *path, int32_t format, struct ud_bytes payload)
{
    uint8_t room[1500];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    ud_coap_write_begin(&w, &buf, UD_COAP_CON, method, ++field->next_id, text_of("tk"));
    ud_coap_write_path(&w, UD_COAP_URI_PATH, path);
    if (format >= 0) {
        ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, (uint32_t)format);
    }
    ud_coap_write_payload(&w, payload);
    assert_int_equal(ud_coap_write_end(&w), UD_OK);
    field_give(field, ud_buf_bytes(&buf));
}

const struct ud_coap_message *field_ask(struct field *field, uint8_t method, const char *path, int32_t format,
                                        struct ud_bytes payload)
{
    assert_true(field_is_silent(field));
    field_send(field, method, path, format, payload);
    return field_take(field);
}

void field_register(struct field *field)
{
    field_begin(field);
    assert_int_equal(field_take(field)->code, UD_COAP_POST);
    field_answer_with(field, UD_COAP_201_CREATED, UD_COAP_LOCATION_PATH, text_of("rd/abc"),
                      (struct ud_bytes){NULL, 0});
    assert_int_equal(ud_lwm2m_client_stage(&field->client), UD_LWM2M_UP);
    assert_true(field_is_silent(field));
}
