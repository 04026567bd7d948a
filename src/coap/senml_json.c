/* SenML as JSON (RFC 8428 section 5). */
#include "coap/json.h"
#include "coap/senml.h"
#include "core/base64.h"

static ud_err take_key(struct ud_bytes *from, struct ud_bytes *key)
{
    struct ud_json_token token;
    const ud_err err = ud_json_take(from, &token);
    if (err != UD_OK || token.type != UD_JSON_STRING) {
        return err != UD_OK ? err : token.type == UD_JSON_END ? UD_ERR_TRUNCATED : UD_ERR_SHAPE;
    }
    *key = token.text;
    return ud_json_take_sign(from, ':');
}

static struct ud_lwm2m_record value_of(const struct ud_json_token *token, ud_senml_field field)
{
    struct ud_lwm2m_record value = {.kind = UD_LWM2M_NOTHING,
                                    .bytes = token->text,
                                    .integer = token->number.integer,
                                    .real = token->number.real,
                                    .boolean = token->type == UD_JSON_TRUE,
                                    .decode = token->escaped ? ud_json_unescape : NULL};
    if (token->type == UD_JSON_NUMBER) {
        value.kind = token->number.is_int ? UD_LWM2M_INT : UD_LWM2M_REAL;
    } else if (token->type == UD_JSON_STRING && field == UD_SENML_OPAQUE && !token->escaped) {
        value.kind = UD_LWM2M_OPAQUE;
        value.decode = ud_base64_decode;
    } else if (token->type == UD_JSON_STRING) {
        value.kind = UD_LWM2M_STRING;
    } else if (token->type == UD_JSON_TRUE || token->type == UD_JSON_FALSE) {
        value.kind = UD_LWM2M_BOOL;
    }
    return value;
}

static ud_err take_member(struct ud_lwm2m_reader *r, struct ud_senml_record *record)
{
    struct ud_bytes key;
    struct ud_bytes whole;
    struct ud_json_token token;
    ud_senml_field field = UD_SENML_IGNORED;
    ud_err err = take_key(&r->rest, &key);
    if (err == UD_OK) {
        err = ud_senml_field_by_name(key, &field);
    }
    whole = r->rest;
    if (err == UD_OK) {
        err = ud_json_skip(&r->rest);
    }
    if (err == UD_OK && field != UD_SENML_IGNORED) {
        (void)ud_json_take(&whole, &token); /* it was just walked over */
        const struct ud_lwm2m_record value = value_of(&token, field);
        err = ud_senml_set(r, record, field, &value);
    }
    return err;
}

/* Stand before the next record's brace. UD_ABSENT behind the last. */
static ud_err next_record(struct ud_lwm2m_reader *r)
{
    struct ud_json_token token;
    ud_err err = r->begun ? UD_OK : ud_json_take_sign(&r->rest, '[');
    if (err != UD_OK) {
        return err;
    }
    if (ud_json_try_sign(&r->rest, ']')) {
        err = ud_json_take(&r->rest, &token);
        return err != UD_OK ? err : token.type == UD_JSON_END ? UD_ABSENT : UD_ERR_TRAILING;
    }
    return r->begun ? ud_json_take_sign(&r->rest, ',') : UD_OK;
}

static ud_err next_value(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    struct ud_senml_record fields = {.out = record};
    ud_err err = next_record(reader);
    if (err == UD_OK) {
        err = ud_json_take_sign(&reader->rest, '{');
    }
    bool more = err == UD_OK && !ud_json_try_sign(&reader->rest, '}');
    while (err == UD_OK && more) {
        err = take_member(reader, &fields);
        more = err == UD_OK && ud_json_try_sign(&reader->rest, ',');
        if (err == UD_OK && !more) {
            err = ud_json_take_sign(&reader->rest, '}');
        }
    }
    return err == UD_OK ? ud_senml_finish(reader, &fields) : err;
}

/* Writing */

static bool put_member(struct ud_buf *buf, bool *first, const char *key)
{
    const bool comma = *first || ud_buf_put(buf, UD_BYTES_LITERAL(","));
    *first = false;
    return comma && ud_buf_put(buf, UD_BYTES_LITERAL("\"")) &&
           ud_buf_put(buf, (struct ud_bytes){(const uint8_t *)key, strlen(key)}) &&
           ud_buf_put(buf, UD_BYTES_LITERAL("\":"));
}

static bool put_quoted_base64(struct ud_buf *buf, struct ud_bytes bytes)
{
    return ud_buf_put(buf, UD_BYTES_LITERAL("\"")) && ud_base64_encode(bytes, true, buf) &&
           ud_buf_put(buf, UD_BYTES_LITERAL("\""));
}

/* The value's member; RAW, TEXT and numbers that are not finite are sorted out before. */
static bool put_value(struct ud_buf *buf, bool *first, const struct ud_lwm2m_record *record)
{
    switch (record->kind) {
    case UD_LWM2M_INT:
        return put_member(buf, first, "v") && ud_decimal_put_int(buf, record->integer);
    case UD_LWM2M_REAL:
        return put_member(buf, first, "v") && ud_decimal_put_real(buf, record->real);
    case UD_LWM2M_BOOL:
        return put_member(buf, first, "vb") &&
               ud_buf_put(buf, record->boolean ? UD_BYTES_LITERAL("true") : UD_BYTES_LITERAL("false"));
    case UD_LWM2M_STRING:
        return put_member(buf, first, "vs") && ud_json_put_string(buf, record->bytes);
    case UD_LWM2M_OPAQUE:
        return put_member(buf, first, "vd") && put_quoted_base64(buf, record->bytes);
    case UD_LWM2M_LINK:
        return put_member(buf, first, "vlo") && ud_buf_put(buf, UD_BYTES_LITERAL("\"")) &&
               ud_lwm2m_link_put(record->link_object, record->link_instance, buf) &&
               ud_buf_put(buf, UD_BYTES_LITERAL("\""));
    case UD_LWM2M_NOTHING:
    case UD_LWM2M_RAW:
    case UD_LWM2M_TEXT:
        break;
    }
    return true;
}

static ud_err put_record(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    uint8_t texts[2][UD_LWM2M_PATH_TEXT_BYTES_MAX + 1];
    struct ud_buf base_name = {texts[0], sizeof texts[0], 0};
    struct ud_buf name = {texts[1], sizeof texts[1], 0};
    bool first = true;
    const ud_err err = ud_senml_names(writer, record, &base_name, &name);
    if (err != UD_OK) {
        return err;
    }
    if (record->kind == UD_LWM2M_RAW || record->kind == UD_LWM2M_TEXT ||
        (record->kind == UD_LWM2M_REAL && !ud_decimal_is_finite(record->real))) {
        return UD_ERR_SHAPE;
    }
    bool fits = ud_buf_put(writer->buf, writer->count == 0 ? UD_BYTES_LITERAL("[{") : UD_BYTES_LITERAL(",{"));
    if (fits && writer->count == 0 && base_name.len > 0) {
        fits =
            put_member(writer->buf, &first, "bn") && ud_json_put_string(writer->buf, ud_buf_bytes(&base_name));
    }
    if (fits && name.len > 0) {
        fits = put_member(writer->buf, &first, "n") && ud_json_put_string(writer->buf, ud_buf_bytes(&name));
    }
    fits = fits && put_value(writer->buf, &first, record) && ud_buf_put(writer->buf, UD_BYTES_LITERAL("}"));
    return fits ? UD_OK : UD_ERR_BUFFER;
}

static ud_err end(struct ud_lwm2m_writer *writer)
{
    return ud_buf_put(writer->buf, writer->count == 0 ? UD_BYTES_LITERAL("[]") : UD_BYTES_LITERAL("]"))
               ? UD_OK
               : UD_ERR_BUFFER;
}

const struct ud_lwm2m_format ud_lwm2m_format_senml_json = {next_value, put_record, end, ud_json_unescape};
