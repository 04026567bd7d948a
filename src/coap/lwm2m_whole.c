/* Text as a device needs it whose resources are no reals: half of decimal.c and the library's arithmetic stay out. */
#include "coap/lwm2m_format.h"
#include "core/base64.h"

bool ud_lwm2m_is_only(const struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    return writer->count == 0 && record->path.depth == writer->base.depth;
}

ud_err ud_lwm2m_take_only(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record, ud_lwm2m_kind kind)
{
    if (reader->begun) {
        return UD_ABSENT;
    }
    record->kind = kind;
    record->bytes = reader->rest;
    return UD_OK;
}

/* "-12"; what else a number may look like is none here. */
static ud_err whole_read(struct ud_bytes text, struct ud_number *number)
{
    int64_t value = 0;
    const bool negative = text.len > 0 && text.ptr[0] == '-';
    const size_t first = negative ? 1 : 0;
    if (text.len == first || (text.ptr[first] == '0' && text.len > first + 1)) {
        return UD_ERR_SHAPE;
    }
    for (size_t i = first; i < text.len; i++) {
        const int digit = text.ptr[i] - '0';
        if (digit < 0 || digit > 9) {
            return UD_ERR_SHAPE;
        }
        if (value < INT64_MIN / 10 || (value == INT64_MIN / 10 && digit > -(int)(INT64_MIN % 10))) {
            return UD_ERR_NUMBER_RANGE;
        }
        value = value * 10 - digit; /* below 0 there is room for one more */
    }
    if (!negative && value == INT64_MIN) {
        return UD_ERR_NUMBER_RANGE;
    }
    number->is_int = true;
    number->integer = negative ? value : -value;
    number->real = (double)number->integer;
    return UD_OK;
}

static ud_err whole_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    record->number = whole_read;
    return ud_lwm2m_take_only(reader, record, UD_LWM2M_TEXT);
}

/* Numbers and links as decimal text; a bool as 0 or 1. False: it does not fit. */
static bool put_text(struct ud_buf *buf, const struct ud_lwm2m_record *record)
{
    switch (record->kind) {
    case UD_LWM2M_INT:
        return ud_decimal_put_int(buf, record->integer);
    case UD_LWM2M_BOOL:
        return ud_decimal_put_int(buf, record->boolean);
    case UD_LWM2M_LINK:
        return ud_lwm2m_link_put(record->link_object, record->link_instance, buf);
    case UD_LWM2M_OPAQUE:
        return ud_base64_encode(record->bytes, false, buf);
    case UD_LWM2M_STRING:
    case UD_LWM2M_TEXT:
    case UD_LWM2M_REAL:
    case UD_LWM2M_RAW:
    case UD_LWM2M_NOTHING:
        break;
    }
    return ud_buf_put(buf, record->bytes);
}

static ud_err whole_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    const bool sayable =
        record->kind != UD_LWM2M_NOTHING && record->kind != UD_LWM2M_RAW && record->kind != UD_LWM2M_REAL;
    if (!ud_lwm2m_is_only(writer, record) || !sayable) {
        return UD_ERR_SHAPE;
    }
    return put_text(writer->buf, record) ? UD_OK : UD_ERR_BUFFER;
}

const struct ud_lwm2m_format ud_lwm2m_format_text_whole = {whole_next, whole_put, NULL, NULL};
