/* Values between kinds, and as CBOR items. */
#include "coap/lwm2m_format.h"
#include "core/base64.h"
#include "updraft/cbor.h"

/* Big endian, two's complement, of 1, 2, 4 or 8 bytes. */
static ud_err raw_int(struct ud_bytes raw, int64_t *integer)
{
    if (raw.len != 1 && raw.len != 2 && raw.len != 4 && raw.len != 8) {
        return UD_ERR_SHAPE;
    }
    uint64_t value = (raw.ptr[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < raw.len; i++) {
        value = value << 8 | raw.ptr[i];
    }
    *integer = value <= INT64_MAX ? (int64_t)value : -1 - (int64_t)(UINT64_MAX - value);
    return UD_OK;
}

static ud_err raw_real(struct ud_bytes raw, double *real)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < raw.len && i < sizeof bits; i++) {
        bits = bits << 8 | raw.ptr[i];
    }
    if (raw.len == 4) {
        float narrow;
        const uint32_t low = (uint32_t)bits;
        memcpy(&narrow, &low, sizeof narrow);
        *real = (double)narrow;
        return UD_OK;
    }
    if (raw.len == 8) {
        memcpy(real, &bits, sizeof *real);
        return UD_OK;
    }
    return UD_ERR_SHAPE;
}

static ud_err read_text(const struct ud_lwm2m_record *r, struct ud_number *number)
{
    return r->number == NULL ? UD_ERR_SHAPE : r->number(r->bytes, number);
}

static ud_err as_int(struct ud_lwm2m_record *r)
{
    struct ud_number number = {0};
    ud_err err = UD_ERR_SHAPE;
    if (r->kind == UD_LWM2M_RAW) {
        err = raw_int(r->bytes, &number.integer);
    } else if (r->kind == UD_LWM2M_TEXT) {
        err = read_text(r, &number);
        if (err == UD_OK && !number.is_int) {
            err = UD_ERR_NUMBER_RANGE;
        }
    } else if (r->kind == UD_LWM2M_REAL) {
        err = ud_decimal_to_int(r->real, &number.integer) ? UD_OK : UD_ERR_NUMBER_RANGE;
    }
    if (err == UD_OK) {
        r->integer = number.integer;
        r->real = (double)number.integer;
    }
    return err;
}

static ud_err as_real(struct ud_lwm2m_record *r)
{
    struct ud_number number = {0};
    ud_err err = UD_ERR_SHAPE;
    if (r->kind == UD_LWM2M_INT) {
        return UD_OK; /* real is set for integers too */
    }
    if (r->kind == UD_LWM2M_RAW) {
        err = raw_real(r->bytes, &number.real);
    } else if (r->kind == UD_LWM2M_TEXT) {
        err = read_text(r, &number);
    }
    if (err == UD_OK) {
        r->real = number.real;
    }
    return err;
}

static ud_err as_bool(struct ud_lwm2m_record *r)
{
    struct ud_lwm2m_record number = *r;
    const ud_err err = r->kind == UD_LWM2M_INT ? UD_OK : as_int(&number);
    const bool short_enough = r->kind != UD_LWM2M_RAW || r->bytes.len == 1;
    if (err != UD_OK || !short_enough || number.integer < 0 || number.integer > 1) {
        return UD_ERR_SHAPE;
    }
    r->boolean = number.integer == 1;
    return UD_OK;
}

static ud_err as_string(struct ud_lwm2m_record *r)
{
    return r->kind == UD_LWM2M_RAW || r->kind == UD_LWM2M_TEXT ? UD_OK : UD_ERR_SHAPE;
}

static ud_err as_opaque(struct ud_lwm2m_record *r)
{
    return r->kind == UD_LWM2M_RAW ? UD_OK : UD_ERR_SHAPE;
}

static ud_err as_base64(struct ud_lwm2m_record *r)
{
    if (r->kind != UD_LWM2M_TEXT) {
        return as_opaque(r);
    }
    r->decode = ud_base64_decode;
    return UD_OK;
}

static ud_err as_link(struct ud_lwm2m_record *r)
{
    if (r->kind == UD_LWM2M_TEXT || (r->kind == UD_LWM2M_STRING && r->decode == NULL)) {
        return ud_lwm2m_link_parse(r->bytes, &r->link_object, &r->link_instance);
    }
    if (r->kind != UD_LWM2M_RAW || r->bytes.len != 4) {
        return UD_ERR_SHAPE;
    }
    r->link_object = (uint16_t)(r->bytes.ptr[0] << 8 | r->bytes.ptr[1]);
    r->link_instance = (uint16_t)(r->bytes.ptr[2] << 8 | r->bytes.ptr[3]);
    return UD_OK;
}

typedef ud_err conversion(struct ud_lwm2m_record *record);

static ud_err convert(struct ud_lwm2m_record *record, ud_lwm2m_kind kind, conversion *const *by_kind)
{
    if (record->kind == kind) {
        return UD_OK;
    }
    const ud_err err = kind > UD_LWM2M_LINK || by_kind[kind] == NULL ? UD_ERR_SHAPE : by_kind[kind](record);
    if (err == UD_OK) {
        record->kind = kind;
    }
    return err;
}

ud_err ud_lwm2m_as(struct ud_lwm2m_record *record, ud_lwm2m_kind kind)
{
    static conversion *const by_kind[UD_LWM2M_LINK + 1] = {
        [UD_LWM2M_INT] = as_int,       [UD_LWM2M_REAL] = as_real,     [UD_LWM2M_BOOL] = as_bool,
        [UD_LWM2M_STRING] = as_string, [UD_LWM2M_OPAQUE] = as_base64, [UD_LWM2M_LINK] = as_link,
    };
    return convert(record, kind, by_kind);
}

ud_err ud_lwm2m_as_whole(struct ud_lwm2m_record *record, ud_lwm2m_kind kind)
{
    static conversion *const by_kind[UD_LWM2M_LINK + 1] = {
        [UD_LWM2M_INT] = as_int,
        [UD_LWM2M_BOOL] = as_bool,
        [UD_LWM2M_STRING] = as_string,
        [UD_LWM2M_OPAQUE] = as_opaque,
    };
    return convert(record, kind, by_kind);
}

ud_err ud_lwm2m_scalar(const struct ud_any *item, struct ud_lwm2m_record *record)
{
    switch (item->type) {
    case UD_ANY_INT:
        record->kind = UD_LWM2M_INT;
        record->integer = item->number.integer;
        record->real = item->number.real;
        return UD_OK;
    case UD_ANY_REAL:
        record->kind = UD_LWM2M_REAL;
        record->real = item->number.real;
        return UD_OK;
    case UD_ANY_TRUE:
    case UD_ANY_FALSE:
        record->kind = UD_LWM2M_BOOL;
        record->boolean = item->type == UD_ANY_TRUE;
        return UD_OK;
    case UD_ANY_BYTES:
    case UD_ANY_TEXT:
        record->kind = item->type == UD_ANY_BYTES ? UD_LWM2M_OPAQUE : UD_LWM2M_STRING;
        record->bytes = item->bytes;
        return UD_OK;
    case UD_ANY_NULL:
        record->kind = UD_LWM2M_NOTHING;
        return UD_OK;
    case UD_ANY_END:
        return UD_ERR_TRUNCATED;
    case UD_ANY_ARRAY:
    case UD_ANY_MAP:
    case UD_ANY_TAG:
    case UD_ANY_BREAK:
        break;
    }
    return UD_ERR_SHAPE;
}

void ud_lwm2m_put_big(uint64_t value, uint8_t out[8])
{
    for (size_t i = 8; i > 0; i--) {
        out[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

void ud_lwm2m_put_double(double real, uint8_t out[8])
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    ud_lwm2m_put_big(bits, out);
}

static void put_real(struct ud_cbor_writer *cbor, double real)
{
    uint8_t bytes[9] = {0xfb};
    ud_lwm2m_put_double(real, bytes + 1);
    ud_cbor_put_raw(cbor, (struct ud_bytes){bytes, sizeof bytes});
}

ud_err ud_lwm2m_put_scalar(struct ud_buf *buf, const struct ud_lwm2m_record *record)
{
    uint8_t text[12];
    struct ud_buf link = {text, sizeof text, 0};
    struct ud_cbor_writer cbor;
    ud_cbor_writer_init(&cbor, buf);
    switch (record->kind) {
    case UD_LWM2M_INT:
        ud_cbor_put_int(&cbor, record->integer);
        break;
    case UD_LWM2M_REAL:
        put_real(&cbor, record->real);
        break;
    case UD_LWM2M_BOOL:
        ud_cbor_put_bool(&cbor, record->boolean);
        break;
    case UD_LWM2M_STRING:
        ud_cbor_put_tstr(&cbor, record->bytes);
        break;
    case UD_LWM2M_OPAQUE:
        ud_cbor_put_bstr(&cbor, record->bytes);
        break;
    case UD_LWM2M_LINK:
        (void)ud_lwm2m_link_put(record->link_object, record->link_instance, &link); /* 11 bytes at most */
        ud_cbor_put_tstr(&cbor, ud_buf_bytes(&link));
        break;
    case UD_LWM2M_NOTHING:
        ud_cbor_put_null(&cbor);
        break;
    case UD_LWM2M_RAW:
    case UD_LWM2M_TEXT:
        return UD_ERR_SHAPE;
    }
    return ud_cbor_written(&cbor);
}

bool ud_lwm2m_insert(struct ud_buf *buf, size_t begin, struct ud_bytes head)
{
    const size_t behind = buf->len - begin;
    if (head.len > buf->cap - buf->len) {
        return false;
    }
    if (behind > 0) {
        memmove(buf->ptr + begin + head.len, buf->ptr + begin, behind);
    }
    memcpy(buf->ptr + begin, head.ptr, head.len);
    buf->len += head.len;
    return true;
}

ud_err ud_lwm2m_insert_head(struct ud_buf *buf, size_t begin, bool map, size_t count)
{
    uint8_t bytes[9];
    struct ud_buf head = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer cbor;
    ud_cbor_writer_init(&cbor, &head);
    if (map) {
        ud_cbor_put_map(&cbor, count);
    } else {
        ud_cbor_put_array(&cbor, count);
    }
    return ud_lwm2m_insert(buf, begin, ud_buf_bytes(&head)) ? UD_OK : UD_ERR_BUFFER;
}
