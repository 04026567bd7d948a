#include "coap/senml.h"
#include "core/base64.h"

enum { NAME_BYTES_MAX = 2 * UD_LWM2M_PATH_TEXT_BYTES_MAX };

static const struct {
    const char *name;
    int64_t label;
    ud_senml_field field;
} fields[] = {
    {"bn", -2, UD_SENML_BASE_NAME}, {"bt", -3, UD_SENML_BASE_TIME}, {"bv", -5, UD_SENML_BASE_VALUE},
    {"n", 0, UD_SENML_NAME},        {"v", 2, UD_SENML_NUMBER},      {"vs", 3, UD_SENML_STRING},
    {"vb", 4, UD_SENML_BOOL},       {"vd", 8, UD_SENML_OPAQUE},     {"t", 6, UD_SENML_TIME},
};

static const struct ud_bytes link_name = {(const uint8_t *)"vlo", 3}; /* the same text in both forms */

ud_err ud_senml_field_by_name(struct ud_bytes name, ud_senml_field *field)
{
    *field = UD_SENML_IGNORED;
    if (ud_bytes_equal(name, link_name)) {
        *field = UD_SENML_LINK;
        return UD_OK;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (ud_bytes_equal(name, (struct ud_bytes){(const uint8_t *)fields[i].name, strlen(fields[i].name)})) {
            *field = fields[i].field;
            return UD_OK;
        }
    }
    return name.len > 0 && name.ptr[name.len - 1] == '_' ? UD_ERR_LABEL_UNKNOWN : UD_OK;
}

ud_senml_field ud_senml_field_by_label(int64_t label)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].label == label) {
            return fields[i].field;
        }
    }
    return UD_SENML_IGNORED;
}

/* A value field: sets kind and value of the record. */
static ud_err set_value(struct ud_lwm2m_record *out, ud_senml_field field, const struct ud_senml_value *value)
{
    const bool text = value->type == UD_SENML_IS_TEXT;
    const bool opaque = value->json ? text && value->decode == NULL : value->type == UD_SENML_IS_BYTES;
    out->bytes = value->bytes;
    out->decode = value->decode;
    switch (field) {
    case UD_SENML_NUMBER:
        out->kind = value->number.is_int ? UD_LWM2M_INT : UD_LWM2M_REAL;
        out->integer = value->number.integer;
        out->real = value->number.real;
        return value->type == UD_SENML_IS_NUMBER ? UD_OK : UD_ERR_SHAPE;
    case UD_SENML_BOOL:
        out->kind = UD_LWM2M_BOOL;
        out->boolean = value->boolean;
        return value->type == UD_SENML_IS_BOOL ? UD_OK : UD_ERR_SHAPE;
    case UD_SENML_STRING:
        out->kind = UD_LWM2M_STRING;
        return text ? UD_OK : UD_ERR_SHAPE;
    case UD_SENML_LINK:
        out->kind = UD_LWM2M_LINK;
        return text ? ud_lwm2m_link_parse(value->bytes, &out->link_object, &out->link_instance) : UD_ERR_SHAPE;
    case UD_SENML_OPAQUE:
        out->kind = UD_LWM2M_OPAQUE;
        out->decode = value->json ? ud_base64_decode : NULL;
        return opaque ? UD_OK : UD_ERR_SHAPE;
    case UD_SENML_IGNORED:
    case UD_SENML_BASE_NAME:
    case UD_SENML_BASE_TIME:
    case UD_SENML_BASE_VALUE:
    case UD_SENML_NAME:
    case UD_SENML_TIME:
        break;
    }
    return UD_ERR_SHAPE;
}

static const uint32_t value_fields = 1u << UD_SENML_NUMBER | 1u << UD_SENML_STRING | 1u << UD_SENML_BOOL |
                                     1u << UD_SENML_OPAQUE | 1u << UD_SENML_LINK;

/* The number of a field that must be one. */
static ud_err number_of(const struct ud_senml_value *value, double *out)
{
    if (value->type != UD_SENML_IS_NUMBER) {
        return UD_ERR_SHAPE;
    }
    *out = value->number.real;
    return UD_OK;
}

static ud_err text_of(const struct ud_senml_value *value, struct ud_bytes *out)
{
    if (value->type != UD_SENML_IS_TEXT) {
        return UD_ERR_SHAPE;
    }
    *out = value->bytes;
    return UD_OK;
}

ud_err ud_senml_set(struct ud_lwm2m_reader *reader, struct ud_senml_record *record, ud_senml_field field,
                    const struct ud_senml_value *value)
{
    const uint32_t bit = 1u << field;
    const uint32_t excluded = (bit & value_fields) != 0 ? value_fields : bit;
    if (field == UD_SENML_IGNORED) {
        return UD_OK;
    }
    if ((record->seen & excluded) != 0) {
        return UD_ERR_DUPLICATE;
    }
    record->seen |= bit;
    switch (field) {
    case UD_SENML_BASE_NAME:
        return text_of(value, &reader->base_name);
    case UD_SENML_NAME:
        return text_of(value, &record->name);
    case UD_SENML_BASE_TIME:
        return number_of(value, &reader->base_time_s);
    case UD_SENML_BASE_VALUE:
        return number_of(value, &reader->base_value);
    case UD_SENML_TIME:
        return number_of(value, &record->time_s);
    case UD_SENML_NUMBER:
    case UD_SENML_STRING:
    case UD_SENML_BOOL:
    case UD_SENML_OPAQUE:
    case UD_SENML_LINK:
    case UD_SENML_IGNORED:
        break;
    }
    return set_value(record->out, field, value);
}

static ud_err add_name(const struct ud_lwm2m_format *format, struct ud_bytes name, struct ud_buf *joined)
{
    if (format->name != NULL) {
        return format->name(name, joined); /* a solidus may stand escaped in JSON */
    }
    return ud_buf_put(joined, name) ? UD_OK : UD_ERR_BUFFER;
}

static ud_err join_names(const struct ud_lwm2m_reader *reader, const struct ud_senml_record *record)
{
    uint8_t text[NAME_BYTES_MAX];
    struct ud_buf joined = {text, sizeof text, 0};
    ud_err err = add_name(reader->format, reader->base_name, &joined);
    if (err == UD_OK) {
        err = add_name(reader->format, record->name, &joined);
    }
    if (err != UD_OK) {
        return err == UD_ERR_BUFFER ? UD_ERR_LIMIT : err;
    }
    return ud_lwm2m_path_parse(ud_buf_bytes(&joined), &record->out->path);
}

ud_err ud_senml_finish(struct ud_lwm2m_reader *reader, struct ud_senml_record *record)
{
    struct ud_lwm2m_record *out = record->out;
    const bool number = out->kind == UD_LWM2M_INT || out->kind == UD_LWM2M_REAL;
    if (number && reader->base_value != 0.0) {
        out->real += reader->base_value;
        out->kind = ud_decimal_to_int(out->real, &out->integer) ? UD_LWM2M_INT : UD_LWM2M_REAL;
    }
    out->time_s = reader->base_time_s + record->time_s;
    out->has_time = out->time_s != 0.0 || (record->seen & 1u << UD_SENML_TIME) != 0;
    return join_names(reader, record);
}

ud_err ud_senml_names(const struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record,
                      struct ud_buf *base_name, struct ud_buf *name)
{
    const struct ud_lwm2m_path *base = &writer->base;
    struct ud_buf text = {name->ptr, name->cap, 0};
    struct ud_bytes slash;
    struct ud_bytes shown;
    ud_err err = ud_lwm2m_path_put(base, 0, base_name);
    if (err == UD_OK && base->depth > 0 && base->depth < UD_LWM2M_DEPTH_MAX &&
        record->path.depth > base->depth) {
        err = ud_buf_put(base_name, UD_BYTES_LITERAL("/")) ? UD_OK : UD_ERR_BUFFER;
    }
    if (err == UD_OK) {
        err = ud_lwm2m_path_put(&record->path, base->depth, &text);
    }
    shown = ud_buf_bytes(&text);
    if (base->depth > 0) {
        (void)ud_bytes_take(&shown, 1,
                            &slash); /* it stands at the end of the base name; nothing to take from "" */
    }
    if (shown.len > 0) {
        memmove(name->ptr, shown.ptr, shown.len);
    }
    name->len = shown.len;
    return err;
}
