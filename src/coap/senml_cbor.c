/* SenML as CBOR (RFC 8428 section 6). */
#include "coap/senml.h"
#include "updraft/cbor.h"

/* Take an item that must be of this type. */
static ud_err take(struct ud_bytes *from, ud_any_type type, struct ud_any *item)
{
    const ud_err err = ud_any_take(from, item);
    if (err != UD_OK || item->type == type) {
        return err;
    }
    return item->type == UD_ANY_END ? UD_ERR_TRUNCATED : UD_ERR_SHAPE;
}

/* Begin the array, and count records. UD_ABSENT when it is over. */
static ud_err next_record(struct ud_lwm2m_reader *r)
{
    struct ud_any item;
    ud_err err = UD_OK;
    if (!r->begun) {
        err = take(&r->rest, UD_ANY_ARRAY, &item);
        if (err != UD_OK) {
            return err;
        }
        r->levels[0].left = item.indefinite ? UD_LWM2M_NO_END : (uint32_t)item.count;
    }
    if (r->levels[0].left == UD_LWM2M_NO_END) {
        struct ud_bytes ahead = r->rest;
        err = ud_any_take(&ahead, &item);
        if (err != UD_OK || item.type != UD_ANY_BREAK) {
            return err;
        }
        r->rest = ahead;
        r->levels[0].left = 0;
    }
    if (r->levels[0].left == 0) {
        return r->rest.len == 0 ? UD_ABSENT : UD_ERR_TRAILING;
    }
    r->levels[0].left--;
    return UD_OK;
}

static ud_err take_pair(struct ud_lwm2m_reader *r, const struct ud_any *key, struct ud_senml_record *record)
{
    struct ud_lwm2m_record value = {.kind = UD_LWM2M_NOTHING};
    struct ud_any item;
    ud_senml_field field = UD_SENML_IGNORED;
    ud_err err = UD_OK;
    if (key->type == UD_ANY_INT) {
        field = ud_senml_field_by_label(key->number.integer);
    } else if (key->type == UD_ANY_TEXT) {
        err = ud_senml_field_by_name(key->bytes, &field);
    } else {
        err = key->type == UD_ANY_END ? UD_ERR_TRUNCATED : UD_ERR_SHAPE;
    }
    if (err == UD_OK && field == UD_SENML_IGNORED) {
        return ud_any_skip(&r->rest);
    }
    err = err == UD_OK ? ud_any_take(&r->rest, &item) : err;
    err = err == UD_OK ? ud_lwm2m_scalar(&item, &value) : err;
    return err == UD_OK ? ud_senml_set(r, record, field, &value) : err;
}

static ud_err next_value(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    struct ud_senml_record fields = {.out = record};
    struct ud_any map;
    struct ud_any key;
    ud_err err = next_record(reader);
    err = err == UD_OK ? take(&reader->rest, UD_ANY_MAP, &map) : err;
    if (err != UD_OK) {
        return err;
    }
    for (uint64_t pairs = 0; map.indefinite || pairs < map.count; pairs++) {
        err = ud_any_take(&reader->rest, &key);
        if (err == UD_OK && map.indefinite && key.type == UD_ANY_BREAK) {
            break;
        }
        if (err == UD_OK) {
            err = take_pair(reader, &key, &fields);
        }
        if (err != UD_OK) {
            return err;
        }
    }
    return ud_senml_finish(reader, &fields);
}

/* Writing: the array's head is put before the records at the end, when their number is known. */

static const uint8_t value_labels[] = {
    [UD_LWM2M_INT] = 2, [UD_LWM2M_REAL] = 2, [UD_LWM2M_BOOL] = 4, [UD_LWM2M_STRING] = 3, [UD_LWM2M_OPAQUE] = 8,
};

static void put_names(struct ud_cbor_writer *cbor, struct ud_bytes base_name, struct ud_bytes name)
{
    if (base_name.len > 0) {
        ud_cbor_put_int(cbor, -2);
        ud_cbor_put_tstr(cbor, base_name);
    }
    if (name.len > 0) {
        ud_cbor_put_uint(cbor, 0);
        ud_cbor_put_tstr(cbor, name);
    }
}

static ud_err put_record(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    uint8_t texts[2][UD_LWM2M_PATH_TEXT_BYTES_MAX + 1];
    struct ud_buf base_name = {texts[0], sizeof texts[0], 0};
    struct ud_buf name = {texts[1], sizeof texts[1], 0};
    struct ud_cbor_writer cbor;
    const bool valued = record->kind != UD_LWM2M_NOTHING;
    const ud_err err = ud_senml_names(writer, record, &base_name, &name);
    if (err != UD_OK) {
        return err;
    }
    if (record->kind == UD_LWM2M_RAW || record->kind == UD_LWM2M_TEXT) {
        return UD_ERR_SHAPE;
    }
    base_name.len = writer->count == 0 ? base_name.len : 0; /* it holds from the first record on */
    ud_cbor_writer_init(&cbor, writer->buf);
    ud_cbor_put_map(&cbor, (size_t)(base_name.len > 0) + (name.len > 0) + valued);
    put_names(&cbor, ud_buf_bytes(&base_name), ud_buf_bytes(&name));
    if (record->kind == UD_LWM2M_LINK) {
        ud_cbor_put_tstr(&cbor, UD_BYTES_LITERAL("vlo"));
    } else if (valued) {
        ud_cbor_put_uint(&cbor, value_labels[record->kind]);
    }
    if (ud_cbor_written(&cbor) != UD_OK) {
        return UD_ERR_BUFFER;
    }
    return valued ? ud_lwm2m_put_scalar(writer->buf, record) : UD_OK;
}

static ud_err end(struct ud_lwm2m_writer *writer)
{
    return ud_lwm2m_insert_head(writer->buf, writer->begin, false, writer->count);
}

const struct ud_lwm2m_format ud_lwm2m_format_senml_cbor = {next_value, put_record, end, NULL};
