/* LwM2M CBOR (LwM2M 1.2): maps within each other, keyed by ids or by arrays of ids. */
#include "coap/lwm2m_format.h"
#include "updraft/cbor.h"

static ud_err append_id(struct ud_lwm2m_path *path, const struct ud_any *item)
{
    if (item->type != UD_ANY_INT) {
        return item->type == UD_ANY_END ? UD_ERR_TRUNCATED : UD_ERR_SHAPE;
    }
    if (item->number.integer < 0 || item->number.integer > UD_LWM2M_ID_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    if (path->depth == UD_LWM2M_DEPTH_MAX) {
        return UD_ERR_DEPTH;
    }
    path->id[path->depth++] = (uint16_t)item->number.integer;
    return UD_OK;
}

/* A key: one id, or several at once. It must bring at least one, so that nesting ends. */
static ud_err take_key(struct ud_lwm2m_reader *r, const struct ud_any *key, struct ud_lwm2m_path *path)
{
    const uint8_t before = path->depth;
    struct ud_any item;
    if (key->type != UD_ANY_ARRAY) {
        return append_id(path, key);
    }
    for (uint64_t i = 0; key->indefinite || i < key->count; i++) {
        ud_err err = ud_any_take(&r->rest, &item);
        if (err == UD_OK && key->indefinite && item.type == UD_ANY_BREAK) {
            break;
        }
        if (err == UD_OK) {
            err = append_id(path, &item);
        }
        if (err != UD_OK) {
            return err;
        }
    }
    return path->depth > before ? UD_OK : UD_ERR_SHAPE;
}

static void enter(struct ud_lwm2m_reader *r, const struct ud_any *map, uint8_t path_depth)
{
    r->levels[r->depth++] =
        (struct ud_lwm2m_level){map->indefinite ? UD_LWM2M_NO_END : (uint32_t)map->count, path_depth};
}

static ud_err begin(struct ud_lwm2m_reader *r)
{
    struct ud_any map;
    const ud_err err = ud_any_take(&r->rest, &map);
    if (err != UD_OK || map.type != UD_ANY_MAP) {
        return err != UD_OK ? err : map.type == UD_ANY_END ? UD_ERR_TRUNCATED : UD_ERR_SHAPE;
    }
    enter(r, &map, 0);
    return UD_OK;
}

/* The next key in the innermost map that has one; UD_ABSENT when all are over. */
static ud_err next_key(struct ud_lwm2m_reader *r, struct ud_any *key)
{
    while (r->depth > 0) {
        struct ud_lwm2m_level *level = &r->levels[r->depth - 1];
        if (level->left == 0) {
            r->depth--;
            continue;
        }
        const ud_err err = ud_any_take(&r->rest, key);
        if (err != UD_OK) {
            return err;
        }
        if (level->left != UD_LWM2M_NO_END) {
            level->left--;
        } else if (key->type == UD_ANY_BREAK) {
            r->depth--;
            continue;
        }
        return UD_OK;
    }
    return r->rest.len == 0 ? UD_ABSENT : UD_ERR_TRAILING;
}

static ud_err next_value(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    struct ud_any item;
    ud_err err = reader->begun ? UD_OK : begin(reader);
    while (err == UD_OK) {
        err = next_key(reader, &item);
        if (err != UD_OK) {
            return err;
        }
        reader->at.depth = reader->levels[reader->depth - 1].path_depth;
        err = take_key(reader, &item, &reader->at);
        if (err == UD_OK) {
            err = ud_any_take(&reader->rest, &item);
        }
        if (err == UD_OK && item.type == UD_ANY_TAG) { /* time is an integer behind tag 1 */
            err = ud_any_take(&reader->rest, &item);
        }
        if (err == UD_OK && item.type != UD_ANY_MAP) {
            record->path = reader->at;
            return ud_lwm2m_scalar(&item, record);
        }
        if (err == UD_OK) {
            enter(reader, &item, reader->at.depth); /* at most one for each id of a path, and the first */
        }
    }
    return err;
}

/* Writing: one map, the whole path as key. */

static ud_err put_record(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    struct ud_cbor_writer cbor;
    if (record->path.depth == 0) {
        return UD_ERR_SHAPE;
    }
    ud_cbor_writer_init(&cbor, writer->buf);
    ud_cbor_put_array(&cbor, record->path.depth);
    for (uint8_t i = 0; i < record->path.depth; i++) {
        ud_cbor_put_uint(&cbor, record->path.id[i]);
    }
    return ud_cbor_written(&cbor) == UD_OK ? ud_lwm2m_put_scalar(writer->buf, record) : UD_ERR_BUFFER;
}

static ud_err end(struct ud_lwm2m_writer *writer)
{
    return ud_lwm2m_insert_head(writer->buf, writer->begin, true, writer->count);
}

const struct ud_lwm2m_format ud_lwm2m_format_cbor = {next_value, put_record, end, NULL};
