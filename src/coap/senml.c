#include "coap/senml.h"

enum { NAME_BYTES_MAX = 2 * UD_LWM2M_PATH_TEXT_BYTES_MAX };

/* The field of each name and label, and what its value must be; REAL: a number. */
static const struct {
    char name[3];
    int8_t label;
    uint8_t field; /* ud_senml_field */
    uint8_t kind;  /* ud_lwm2m_kind */
} fields[] = {
    {"bn", -2, UD_SENML_BASE_NAME, UD_LWM2M_STRING}, {"bt", -3, UD_SENML_BASE_TIME, UD_LWM2M_REAL},
    {"bv", -5, UD_SENML_BASE_VALUE, UD_LWM2M_REAL},  {"n", 0, UD_SENML_NAME, UD_LWM2M_STRING},
    {"v", 2, UD_SENML_NUMBER, UD_LWM2M_REAL},        {"vs", 3, UD_SENML_STRING, UD_LWM2M_STRING},
    {"vb", 4, UD_SENML_BOOL, UD_LWM2M_BOOL},         {"vd", 8, UD_SENML_OPAQUE, UD_LWM2M_OPAQUE},
    {"t", 6, UD_SENML_TIME, UD_LWM2M_REAL},
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
            *field = (ud_senml_field)fields[i].field;
            return UD_OK;
        }
    }
    return name.len > 0 && name.ptr[name.len - 1] == '_' ? UD_ERR_LABEL_UNKNOWN : UD_OK;
}

ud_senml_field ud_senml_field_by_label(int64_t label)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].label == label) {
            return (ud_senml_field)fields[i].field;
        }
    }
    return UD_SENML_IGNORED;
}

static const uint32_t value_fields = 1u << UD_SENML_NUMBER | 1u << UD_SENML_STRING | 1u << UD_SENML_BOOL |
                                     1u << UD_SENML_OPAQUE | 1u << UD_SENML_LINK;

static bool suits(ud_senml_field field, ud_lwm2m_kind kind)
{
    ud_lwm2m_kind want = UD_LWM2M_STRING; /* of a link */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        want = fields[i].field == field ? (ud_lwm2m_kind)fields[i].kind : want;
    }
    return kind == want || (want == UD_LWM2M_REAL && kind == UD_LWM2M_INT);
}

ud_err ud_senml_set(struct ud_lwm2m_reader *reader, struct ud_senml_record *record, ud_senml_field field,
                    const struct ud_lwm2m_record *value)
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
    if (!suits(field, value->kind)) {
        return UD_ERR_SHAPE;
    }
    switch (field) {
    case UD_SENML_BASE_NAME:
        reader->base_name = value->bytes;
        break;
    case UD_SENML_NAME:
        record->name = value->bytes;
        break;
    case UD_SENML_BASE_TIME:
        reader->base_time_s = value->real;
        break;
    case UD_SENML_BASE_VALUE:
        reader->base_value = value->real;
        break;
    case UD_SENML_TIME:
        record->time_s = value->real;
        break;
    case UD_SENML_LINK:
        record->out->kind = UD_LWM2M_LINK;
        return ud_lwm2m_link_parse(value->bytes, &record->out->link_object, &record->out->link_instance);
    case UD_SENML_NUMBER:
    case UD_SENML_STRING:
    case UD_SENML_BOOL:
    case UD_SENML_OPAQUE:
    case UD_SENML_IGNORED:
        *record->out = *value; /* path and time come last */
        break;
    }
    return UD_OK;
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
