/* LwM2M TLV (OMA-TS-LightweightM2M_Core 7.4.4): object instances, resources, resource instances within each other. */
#include "coap/lwm2m_format.h"

enum {
    KIND_INSTANCE = 0,
    KIND_RESOURCE_INSTANCE = 1,
    KIND_MULTIPLE = 2,
    KIND_RESOURCE = 3,
    LONG_ID = 0x20,
    LENGTH_SHIFT = 3,
    SHORT_LENGTH_MAX = 7,
    LENGTH_MAX = 0xffffff,
    HEAD_BYTES_MAX = 6,
};

struct head {
    uint8_t kind;
    uint16_t id;
    uint32_t len;
};

static ud_err take_number(struct ud_bytes *from, size_t bytes, uint32_t *number)
{
    struct ud_bytes taken;
    uint32_t value = 0;
    if (!ud_bytes_take(from, bytes, &taken)) {
        return UD_ERR_TRUNCATED;
    }
    for (size_t i = 0; i < taken.len; i++) {
        value = value << 8 | taken.ptr[i];
    }
    *number = value;
    return UD_OK;
}

static ud_err take_head(struct ud_bytes *from, struct head *head)
{
    uint32_t type = 0;
    uint32_t id = 0;
    uint32_t len = 0;
    ud_err err = take_number(from, 1, &type);
    if (err == UD_OK) {
        err = take_number(from, (type & LONG_ID) != 0 ? 2 : 1, &id);
    }
    const size_t length_bytes = type >> LENGTH_SHIFT & 3;
    if (err == UD_OK) {
        err = length_bytes == 0 ? UD_OK : take_number(from, length_bytes, &len);
    }
    if (err != UD_OK) {
        return err;
    }
    if (length_bytes != 0 && (type & SHORT_LENGTH_MAX) != 0) {
        return UD_ERR_SHAPE;
    }
    if (id > UD_LWM2M_ID_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    *head =
        (struct head){(uint8_t)(type >> 6), (uint16_t)id, length_bytes == 0 ? type & SHORT_LENGTH_MAX : len};
    return head->len > from->len ? UD_ERR_TRUNCATED : UD_OK;
}

/* Is such an item allowed here, and what is its path? Levels: object (1), instance (2), multiple resource (3). */
static ud_err locate(const struct ud_lwm2m_reader *r, const struct head *head, struct ud_lwm2m_path *path)
{
    const uint8_t here = r->levels[r->depth].path_depth;
    *path = r->at;
    if (head->kind == KIND_INSTANCE) {
        path->depth = 2;
        path->id[1] = head->id;
        return r->depth == 0 && r->base.depth >= 1 && r->base.depth <= 2 ? UD_OK : UD_ERR_SHAPE;
    }
    if (head->kind == KIND_RESOURCE_INSTANCE) {
        path->depth = 4;
        path->id[3] = head->id;
        return here == 3 ? UD_OK : UD_ERR_SHAPE;
    }
    if (here == 1) { /* a client leaves out the wrapper of an object's only instance */
        path->id[1] = 0;
    }
    path->depth = 3;
    path->id[2] = head->id;
    return r->depth <= 1 && here >= 1 && (here <= 2 || r->depth == 0) ? UD_OK : UD_ERR_SHAPE;
}

static void begin(struct ud_lwm2m_reader *r)
{
    const uint8_t depth = r->base.depth < 3 ? r->base.depth : 3;
    r->levels[0] = (struct ud_lwm2m_level){(uint32_t)r->rest.len, depth};
}

/* Go into an item that holds others. */
static ud_err enter(struct ud_lwm2m_reader *r, const struct head *head, const struct ud_lwm2m_path *path)
{
    if (!ud_lwm2m_path_under(path, &r->base) && path->depth >= r->base.depth) {
        return UD_ERR_SHAPE;
    }
    r->at = *path;
    r->depth++;
    r->levels[r->depth] = (struct ud_lwm2m_level){head->len, path->depth};
    return UD_OK;
}

/* One item: its head, and its bytes if it is a value. */
static ud_err take_item(struct ud_lwm2m_reader *r, struct head *head, struct ud_lwm2m_path *path,
                        struct ud_bytes *value)
{
    struct ud_lwm2m_level *level = &r->levels[r->depth];
    struct ud_bytes inside = {r->rest.ptr, level->left};
    struct ud_bytes skipped;
    ud_err err = take_head(&inside, head);
    if (err == UD_OK) {
        err = locate(r, head, path);
    }
    if (err != UD_OK) {
        return err;
    }
    (void)ud_bytes_take(&r->rest, level->left - inside.len, &skipped);
    level->left = (uint32_t)inside.len - head->len;
    if (head->kind == KIND_RESOURCE || head->kind == KIND_RESOURCE_INSTANCE) {
        (void)ud_bytes_take(&r->rest, head->len, value);
    }
    return UD_OK;
}

static ud_err next_value(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    struct head head;
    struct ud_lwm2m_path path;
    if (!reader->begun) {
        if (reader->rest.len > LENGTH_MAX) {
            return UD_ERR_LIMIT;
        }
        begin(reader);
    }
    for (;;) {
        while (reader->depth > 0 && reader->levels[reader->depth].left == 0) {
            reader->depth--;
        }
        if (reader->levels[reader->depth].left == 0) {
            return UD_ABSENT;
        }
        ud_err err = take_item(reader, &head, &path, &record->bytes);
        if (err == UD_OK && (head.kind == KIND_INSTANCE || head.kind == KIND_MULTIPLE)) {
            err = enter(reader, &head, &path);
        } else if (err == UD_OK) {
            record->path = path;
            record->kind = UD_LWM2M_RAW;
            return UD_OK;
        }
        if (err != UD_OK) {
            return err;
        }
    }
}

/* Writing */

static size_t put_number(uint8_t *out, uint32_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
    }
    return bytes;
}

static size_t make_head(uint8_t out[HEAD_BYTES_MAX], uint8_t kind, uint16_t id, uint32_t len)
{
    const size_t id_bytes = id > UINT8_MAX ? 2 : 1;
    const size_t length_bytes = len <= SHORT_LENGTH_MAX ? 0 : len <= UINT8_MAX ? 1 : len <= UINT16_MAX ? 2 : 3;
    out[0] = (uint8_t)((unsigned)kind << 6 | (id_bytes == 2 ? LONG_ID : 0u) | length_bytes << LENGTH_SHIFT |
                       (length_bytes == 0 ? len : 0));
    size_t at = 1;
    at += put_number(out + at, id, id_bytes);
    return at + put_number(out + at, len, length_bytes);
}

/* Give what stands in the buffer from `begin` on the head that it needs. */
static ud_err wrap(struct ud_lwm2m_writer *w, size_t begin_bytes, uint8_t kind, uint16_t id)
{
    uint8_t head[HEAD_BYTES_MAX];
    const size_t len = w->buf->len - begin_bytes;
    if (len > LENGTH_MAX) {
        return UD_ERR_LIMIT;
    }
    const size_t head_bytes = make_head(head, kind, id, (uint32_t)len);
    return ud_lwm2m_insert(w->buf, begin_bytes, (struct ud_bytes){head, head_bytes}) ? UD_OK : UD_ERR_BUFFER;
}

static ud_err close_resource(struct ud_lwm2m_writer *w)
{
    if (!w->resource_open) {
        return UD_OK;
    }
    w->resource_open = false;
    return wrap(w, w->resource_begin, KIND_MULTIPLE, w->at.id[2]);
}

static ud_err close_instance(struct ud_lwm2m_writer *w)
{
    const ud_err err = close_resource(w);
    if (err != UD_OK || !w->instance_open) {
        return err;
    }
    w->instance_open = false;
    return wrap(w, w->instance_begin, KIND_INSTANCE, w->at.id[1]);
}

/* Close what the record does not lie in, open what it does. */
static ud_err go_to(struct ud_lwm2m_writer *w, const struct ud_lwm2m_path *path)
{
    ud_err err = UD_OK;
    if (w->instance_open && w->at.id[1] != path->id[1]) {
        err = close_instance(w);
    }
    if (err == UD_OK && w->resource_open && (path->depth != 4 || w->at.id[2] != path->id[2])) {
        err = close_resource(w);
    }
    if (w->base.depth < 2 && !w->instance_open) {
        w->instance_open = true;
        w->instance_begin = w->buf->len;
    }
    if (path->depth == 4 && !w->resource_open) {
        w->resource_open = true;
        w->resource_begin = w->buf->len;
    }
    w->at = *path;
    return err;
}

/* In as few bytes as hold it: 1, 2, 4 or 8, the last ones of `out`. */
static struct ud_bytes int_value(int64_t integer, uint8_t out[8])
{
    const int64_t wider = integer < 0 ? -1 - integer : integer; /* its bits but for the sign */
    const size_t bytes = wider > INT32_MAX ? 8 : wider > INT16_MAX ? 4 : wider > INT8_MAX ? 2 : 1;
    ud_lwm2m_put_big((uint64_t)integer, out);
    return (struct ud_bytes){out + (8 - bytes), bytes};
}

/* The bytes of a value; false where TLV has none. */
static bool value_of(const struct ud_lwm2m_record *record, uint8_t scratch[8], struct ud_bytes *value)
{
    switch (record->kind) {
    case UD_LWM2M_INT:
        *value = int_value(record->integer, scratch);
        return true;
    case UD_LWM2M_REAL:
        ud_lwm2m_put_double(record->real, scratch);
        *value = (struct ud_bytes){scratch, 8};
        return true;
    case UD_LWM2M_BOOL:
        *value = int_value(record->boolean, scratch);
        return true;
    case UD_LWM2M_LINK:
        (void)put_number(scratch, record->link_object, 2);
        (void)put_number(scratch + 2, record->link_instance, 2);
        *value = (struct ud_bytes){scratch, 4};
        return true;
    case UD_LWM2M_STRING:
    case UD_LWM2M_OPAQUE:
    case UD_LWM2M_RAW:
        *value = record->bytes;
        return true;
    case UD_LWM2M_NOTHING:
    case UD_LWM2M_TEXT:
        break;
    }
    return false;
}

static ud_err put_record(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    uint8_t scratch[8];
    uint8_t head[HEAD_BYTES_MAX];
    struct ud_bytes value;
    if (record->path.depth < 3 || writer->base.depth == 0 || !value_of(record, scratch, &value)) {
        return UD_ERR_SHAPE;
    }
    if (value.len > LENGTH_MAX) {
        return UD_ERR_LIMIT;
    }
    const ud_err err = go_to(writer, &record->path);
    if (err != UD_OK) {
        return err;
    }
    const uint8_t kind = record->path.depth == 4 ? KIND_RESOURCE_INSTANCE : KIND_RESOURCE;
    const uint16_t id = record->path.id[record->path.depth - 1];
    const size_t head_bytes = make_head(head, kind, id, (uint32_t)value.len);
    return ud_buf_put(writer->buf, (struct ud_bytes){head, head_bytes}) && ud_buf_put(writer->buf, value)
               ? UD_OK
               : UD_ERR_BUFFER;
}

static ud_err end(struct ud_lwm2m_writer *writer)
{
    return close_instance(writer);
}

const struct ud_lwm2m_format ud_lwm2m_format_tlv = {next_value, put_record, end, NULL};
