/* Formats of one value: text, octets, one CBOR item. */
#include "coap/lwm2m_format.h"
#include "core/base64.h"

static ud_err text_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    record->number = ud_decimal_read;
    return ud_lwm2m_take_only(reader, record, UD_LWM2M_TEXT);
}

static ud_err octets_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    return ud_lwm2m_take_only(reader, record, UD_LWM2M_OPAQUE);
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

static ud_err text_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    bool fits = false;
    if (!ud_lwm2m_is_only(writer, record)) {
        return UD_ERR_SHAPE;
    }
    if (record->kind == UD_LWM2M_REAL && ud_decimal_is_finite(record->real)) {
        fits = ud_decimal_put_real(writer->buf, record->real);
    } else if (record->kind == UD_LWM2M_LINK) {
        fits = ud_lwm2m_link_put(record->link_object, record->link_instance, writer->buf);
    } else if (record->kind == UD_LWM2M_OPAQUE) {
        fits = ud_base64_encode(record->bytes, false, writer->buf);
    } else {
        return ud_lwm2m_format_text_whole.put(writer, record);
    }
    return fits ? UD_OK : UD_ERR_BUFFER;
}

static ud_err octets_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    if (!ud_lwm2m_is_only(writer, record) ||
        (record->kind != UD_LWM2M_OPAQUE && record->kind != UD_LWM2M_RAW)) {
        return UD_ERR_SHAPE;
    }
    return ud_buf_put(writer->buf, record->bytes) ? UD_OK : UD_ERR_BUFFER;
}

static ud_err item_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    return ud_lwm2m_is_only(writer, record) ? ud_lwm2m_put_scalar(writer->buf, record) : UD_ERR_SHAPE;
}

const struct ud_lwm2m_format ud_lwm2m_format_text = {text_next, text_put, NULL, NULL};
const struct ud_lwm2m_format ud_lwm2m_format_octets = {octets_next, octets_put, NULL, NULL};
const struct ud_lwm2m_format ud_lwm2m_format_item = {item_next, item_put, NULL, NULL};
