/* Formats of one value: text, octets, one CBOR item. */
#include "coap/lwm2m_format.h"
#include "core/base64.h"

/* Take the whole payload as one value, once. */
static bool take_all(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record, ud_lwm2m_kind kind)
{
    if (reader->begun) {
        return false;
    }
    record->kind = kind;
    record->bytes = reader->rest;
    return true;
}

static ud_err text_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    return take_all(reader, record, UD_LWM2M_TEXT) ? UD_OK : UD_ABSENT;
}

static ud_err octets_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    return take_all(reader, record, UD_LWM2M_OPAQUE) ? UD_OK : UD_ABSENT;
}

static ud_err item_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    struct ud_any item;
    if (reader->begun) {
        return reader->rest.len == 0 ? UD_ABSENT : UD_ERR_TRAILING;
    }
    ud_err err = ud_any_take(&reader->rest, &item);
    if (err == UD_OK && item.type == UD_ANY_TAG) { /* time is an integer behind tag 1 */
        err = ud_any_take(&reader->rest, &item);
    }
    return err == UD_OK ? ud_lwm2m_scalar(&item, record) : err;
}

static bool is_only_value(const struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    return writer->count == 0 && record->path.depth == writer->base.depth;
}

/* Numbers and links as decimal text; a bool as 0 or 1. False: it does not fit. */
static bool put_text(struct ud_buf *buf, const struct ud_lwm2m_record *record)
{
    switch (record->kind) {
    case UD_LWM2M_INT:
        return ud_decimal_put_int(buf, record->integer);
    case UD_LWM2M_REAL:
        return ud_decimal_put_real(buf, record->real);
    case UD_LWM2M_BOOL:
        return ud_decimal_put_int(buf, record->boolean);
    case UD_LWM2M_LINK:
        return ud_lwm2m_link_put(record->link_object, record->link_instance, buf);
    case UD_LWM2M_OPAQUE:
        return ud_base64_encode(record->bytes, false, buf);
    case UD_LWM2M_STRING:
    case UD_LWM2M_TEXT:
    case UD_LWM2M_RAW:
    case UD_LWM2M_NOTHING:
        break;
    }
    return ud_buf_put(buf, record->bytes);
}

static ud_err write_text(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    const bool sayable = record->kind != UD_LWM2M_NOTHING && record->kind != UD_LWM2M_RAW &&
                         (record->kind != UD_LWM2M_REAL || ud_decimal_is_finite(record->real));
    if (!is_only_value(writer, record) || !sayable) {
        return UD_ERR_SHAPE;
    }
    return put_text(writer->buf, record) ? UD_OK : UD_ERR_BUFFER;
}

static ud_err octets_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    if (!is_only_value(writer, record) || (record->kind != UD_LWM2M_OPAQUE && record->kind != UD_LWM2M_RAW)) {
        return UD_ERR_SHAPE;
    }
    return ud_buf_put(writer->buf, record->bytes) ? UD_OK : UD_ERR_BUFFER;
}

static ud_err item_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    return is_only_value(writer, record) ? ud_lwm2m_put_scalar(writer->buf, record) : UD_ERR_SHAPE;
}

const struct ud_lwm2m_format ud_lwm2m_format_text = {text_next, write_text, NULL, NULL};
const struct ud_lwm2m_format ud_lwm2m_format_octets = {octets_next, octets_put, NULL, NULL};
const struct ud_lwm2m_format ud_lwm2m_format_item = {item_next, item_put, NULL, NULL};
