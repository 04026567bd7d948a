/* Text as a device needs it whose resources are no reals and no links: half of decimal.c and the library's arithmetic stay out,
 * and so does base64: opaque values come and go in every other format. */
#include "coap/lwm2m_format.h"

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

static ud_err whole_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    const bool boolean = record->kind == UD_LWM2M_BOOL; /* 0 or 1 */
    bool fits = false;
    if (!ud_lwm2m_is_only(writer, record)) {
        return UD_ERR_SHAPE;
    }
    if (boolean || record->kind == UD_LWM2M_INT) {
        fits = ud_decimal_put_int(writer->buf, boolean ? record->boolean : record->integer);
    } else if (record->kind == UD_LWM2M_STRING || record->kind == UD_LWM2M_TEXT) {
        fits = ud_buf_put(writer->buf, record->bytes);
    } else {
        return UD_ERR_SHAPE;
    }
    return fits ? UD_OK : UD_ERR_BUFFER;
}

const struct ud_lwm2m_format ud_lwm2m_format_text_whole = {whole_next, whole_put, NULL, NULL};
