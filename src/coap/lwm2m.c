/* The common part of every format: limits, the path of the request, order of calls. */
#include "updraft/lwm2m.h"
#include "coap/lwm2m_format.h"
#include "updraft/assert.h"

/* Reading */

void ud_lwm2m_reader_begin(struct ud_lwm2m_reader *reader, const struct ud_lwm2m_format *format,
                           struct ud_lwm2m_path base, struct ud_bytes payload)
{
    *reader = (struct ud_lwm2m_reader){.format = format, .rest = payload, .base = base, .at = base};
}

ud_err ud_lwm2m_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record)
{
    struct ud_lwm2m_record found = {.kind = UD_LWM2M_NOTHING, .path = reader->base};
    if (reader->err != UD_OK) {
        return reader->err;
    }
    reader->err = reader->format->next(reader, &found);
    reader->begun = true;
    if (reader->err == UD_OK && ++reader->count > UD_LWM2M_RECORDS_MAX) {
        reader->err = UD_ERR_LIMIT;
    }
    if (reader->err == UD_OK && !ud_lwm2m_path_under(&found.path, &reader->base)) {
        reader->err = UD_ERR_SHAPE; /* not what was asked for */
    }
    if (reader->err == UD_OK) {
        *record = found;
    }
    return reader->err;
}

ud_err ud_lwm2m_plain(const struct ud_lwm2m_record *record, struct ud_buf *room, struct ud_bytes *value)
{
    const size_t before = room->len;
    if (record->decode == NULL) {
        *value = record->bytes;
        return UD_OK;
    }
    const ud_err err = record->decode(record->bytes, room);
    if (err == UD_OK) {
        *value = (struct ud_bytes){room->ptr + before, room->len - before};
    } else {
        room->len = before;
    }
    return err;
}

/* Writing */

void ud_lwm2m_writer_begin(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_format *format,
                           struct ud_lwm2m_path base, struct ud_buf *buf)
{
    *writer = (struct ud_lwm2m_writer){.format = format, .buf = buf, .base = base, .begin = buf->len};
}

void ud_lwm2m_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record)
{
    UD_ASSERT(ud_lwm2m_path_under(&record->path, &writer->base));
    UD_ASSERT(record->decode == NULL);
    if (writer->err == UD_OK && writer->count == UD_LWM2M_RECORDS_MAX) {
        writer->err = UD_ERR_LIMIT;
    }
    if (writer->err == UD_OK) {
        writer->err = writer->format->put(writer, record);
        writer->count++;
    }
}

ud_err ud_lwm2m_writer_end(struct ud_lwm2m_writer *writer)
{
    if (writer->err == UD_OK && writer->format->end != NULL) {
        writer->err = writer->format->end(writer);
    }
    return writer->err;
}
