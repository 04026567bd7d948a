#include "updraft/assert.h"
#include "updraft/coap.h"
#include "updraft/lwm2m.h"

/*
 * First byte: the format, second: the depth of the base path. Every value is a view into the payload, and what was read
 * can be written in SenML CBOR and read again with the same paths and numbers.
 */
static const uint16_t formats[] = {
    UD_COAP_FORMAT_TEXT,       UD_COAP_FORMAT_OCTETS,    UD_COAP_FORMAT_CBOR,      UD_COAP_FORMAT_SENML_JSON,
    UD_COAP_FORMAT_SENML_CBOR, UD_COAP_FORMAT_LWM2M_TLV, UD_COAP_FORMAT_LWM2M_CBOR};

enum { FORMATS = sizeof formats / sizeof formats[0], KEPT = 32, ROOM = 8192 };

struct kept {
    struct ud_lwm2m_record records[KEPT];
    size_t count;
    uint8_t room[ROOM]; /* decoded strings */
    struct ud_buf buf;
};

/* Keep a record as it can be written: plain, and of a kind that SenML has. */
static void keep(struct kept *kept, struct ud_lwm2m_record record)
{
    struct ud_bytes plain = {NULL, 0};
    if (record.kind == UD_LWM2M_RAW || record.kind == UD_LWM2M_TEXT) {
        (void)ud_lwm2m_as(&record, UD_LWM2M_OPAQUE);
    }
    if (kept->count == KEPT || ud_lwm2m_plain(&record, &kept->buf, &plain) != UD_OK) {
        return;
    }
    record.bytes = plain;
    record.decode = NULL;
    kept->records[kept->count++] = record;
}

static bool same_value(const struct ud_lwm2m_record *a, const struct ud_lwm2m_record *b)
{
    switch (a->kind) {
    case UD_LWM2M_INT:
        return a->integer == b->integer;
    case UD_LWM2M_REAL: /* the bits: not a number is not even itself */
        return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    case UD_LWM2M_BOOL:
        return a->boolean == b->boolean;
    case UD_LWM2M_LINK:
        return a->link_object == b->link_object && a->link_instance == b->link_instance;
    case UD_LWM2M_STRING:
    case UD_LWM2M_OPAQUE:
        return ud_bytes_equal(a->bytes, b->bytes);
    case UD_LWM2M_NOTHING:
    case UD_LWM2M_RAW:
    case UD_LWM2M_TEXT:
        break;
    }
    return true;
}

static void write_and_read(const struct kept *kept)
{
    static uint8_t bytes[2 * ROOM];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_lwm2m_writer writer;
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record again;
    const struct ud_lwm2m_path root = {.depth = 0};
    ud_err err = ud_lwm2m_writer_init(&writer, UD_COAP_FORMAT_SENML_CBOR, root, &buf);
    UD_ASSERT(err == UD_OK);
    for (size_t i = 0; i < kept->count; i++) {
        ud_lwm2m_put(&writer, &kept->records[i]);
    }
    err = ud_lwm2m_writer_end(&writer);
    UD_ASSERT(err == UD_OK);
    err = ud_lwm2m_reader_init(&reader, UD_COAP_FORMAT_SENML_CBOR, root, ud_buf_bytes(&buf));
    UD_ASSERT(err == UD_OK);
    for (size_t i = 0; i < kept->count; i++) {
        err = ud_lwm2m_next(&reader, &again);
        UD_ASSERT(err == UD_OK);
        UD_ASSERT(again.kind == kept->records[i].kind && same_value(&kept->records[i], &again));
        UD_ASSERT(ud_lwm2m_path_under(&again.path, &kept->records[i].path));
    }
    err = ud_lwm2m_next(&reader, &again);
    UD_ASSERT(err == UD_ABSENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kept kept;
    struct ud_bytes rest = {data, size};
    struct ud_bytes head;
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    if (!ud_bytes_take(&rest, 2, &head) || rest.len > ROOM / 2) {
        return 0;
    }
    memset(&kept, 0, sizeof kept);
    kept.buf = (struct ud_buf){kept.room, sizeof kept.room, 0};
    const struct ud_lwm2m_path base = ud_lwm2m_path_of(head.ptr[1] % (UD_LWM2M_DEPTH_MAX + 1), 5, 0, 3, 0);
    ud_err err = ud_lwm2m_reader_init(&reader, formats[head.ptr[0] % FORMATS], base, rest);
    UD_ASSERT(err == UD_OK);
    while ((err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        UD_ASSERT(ud_bytes_within(rest, record.bytes));
        UD_ASSERT(ud_lwm2m_path_under(&record.path, &base));
        keep(&kept, record);
    }
    UD_ASSERT(err != UD_WAIT && ud_lwm2m_next(&reader, &record) == err);
    write_and_read(&kept);
    return 0;
}
