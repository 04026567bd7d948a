/*
 * LwM2M values and the formats that carry them: TLV, SenML in CBOR and JSON, LwM2M CBOR, and single values as text,
 * opaque or CBOR. One record for each value, whatever the format; the reader is a cursor, the writer appends.
 *
 *     struct ud_lwm2m_reader r;
 *     struct ud_lwm2m_record record;
 *     ud_err err = ud_lwm2m_reader_init(&r, content_format, ud_lwm2m_path_of(2, 5, 0, 0, 0), payload);
 *     while (err == UD_OK && (err = ud_lwm2m_next(&r, &record)) == UD_OK) {
 *         if (ud_lwm2m_path_is(&record.path, 3, 5, 0, 3) && ud_lwm2m_as(&record, UD_LWM2M_INT) == UD_OK) {
 *             state = record.integer;
 *         }
 *     }
 *     if (err != UD_ABSENT) { ... malformed: believe nothing of it ... }
 *
 * TLV and text do not say what type a value has: their records are RAW and TEXT, and the reader of a resource, who
 * knows its type, asks for it by ud_lwm2m_as(). The same call converts the harmless differences of clients (1 for
 * 1.0, "3:0" for an object link), so it is always the way to a value.
 *
 * Limits: UD_LWM2M_RECORDS_MAX records, paths of four levels, ids up to 65534. Strings of indefinite length in CBOR
 * are refused (a view cannot hold them); indefinite arrays and maps are read.
 */
#ifndef UPDRAFT_LWM2M_H
#define UPDRAFT_LWM2M_H

#include "updraft/bytes.h"
#include "updraft/err.h"
#include "updraft/limits.h"

#define UD_LWM2M_DEPTH_MAX 4
#define UD_LWM2M_ID_MAX 65534
#define UD_LWM2M_PATH_TEXT_BYTES_MAX 24 /* "/65534/65534/65534/65534" */

/* Object, instance, resource, resource instance: the first `depth` of them. */
struct ud_lwm2m_path {
    uint16_t id[UD_LWM2M_DEPTH_MAX];
    uint8_t depth;
};

typedef enum ud_lwm2m_kind {
    UD_LWM2M_NOTHING, /* a name alone, as in the list of a composite read, or null */
    UD_LWM2M_INT,     /* integers, unsigned ones to INT64_MAX, and time */
    UD_LWM2M_REAL,
    UD_LWM2M_BOOL,
    UD_LWM2M_STRING, /* bytes */
    UD_LWM2M_OPAQUE, /* bytes */
    UD_LWM2M_LINK,   /* link_object, link_instance */
    UD_LWM2M_RAW,    /* bytes of a TLV, type unknown */
    UD_LWM2M_TEXT,   /* bytes of text/plain, type unknown */
} ud_lwm2m_kind;

/**
 * How `bytes` of a string or opaque value becomes that value: append what the text says. The formats set it (JSON's
 * escapes, base64), so a program links only the codings of the formats it has.
 * @return UD_OK; UD_ERR_BUFFER; UD_ERR_SHAPE or UD_ERR_TEXT when the coding is wrong
 */
typedef ud_err ud_lwm2m_decode(struct ud_bytes text, struct ud_buf *out);

struct ud_number;
typedef ud_err ud_lwm2m_number(struct ud_bytes text, struct ud_number *number);

struct ud_lwm2m_record {
    struct ud_lwm2m_path path;
    ud_lwm2m_kind kind;
    int64_t integer;
    double real; /* set for integers too */
    bool boolean;
    ud_lwm2m_decode *decode; /* NULL: the bytes are the value */
    ud_lwm2m_number *number; /* of TEXT: reads it, as far as its format can; NULL: not at all */
    struct ud_bytes bytes;   /* a view into the payload; ud_lwm2m_plain() decodes it */
    uint16_t link_object;
    uint16_t link_instance;
    bool has_time;
    double time_s; /* as sent: below 2^28 relative to now (RFC 8428 section 4.5.3) */
};

/* Paths */

/** A path of `depth` ids; those behind are not looked at. */
struct ud_lwm2m_path ud_lwm2m_path_of(uint8_t depth, uint16_t object, uint16_t instance, uint16_t resource,
                                      uint16_t resource_instance);
/** Is the path of `depth` (up to 3) and these ids? */
bool ud_lwm2m_path_is(const struct ud_lwm2m_path *path, uint8_t depth, uint16_t object, uint16_t instance,
                      uint16_t resource);
/** Does `path` lie at or under `above`? */
bool ud_lwm2m_path_under(const struct ud_lwm2m_path *path, const struct ud_lwm2m_path *above);
/**
 * Read "/5/0/3"; "/" and "" are the root, the first '/' may be absent, one at the end is allowed.
 * @return UD_OK; UD_ERR_SHAPE for what is no number; UD_ERR_NUMBER_RANGE for an id over 65534; UD_ERR_LIMIT for more
 *         than four
 */
ud_err ud_lwm2m_path_parse(struct ud_bytes text, struct ud_lwm2m_path *path);
/** Append "/5/0/3", from level `from` on; "" when nothing is left. @return UD_OK, or UD_ERR_BUFFER */
ud_err ud_lwm2m_path_put(const struct ud_lwm2m_path *path, uint8_t from, struct ud_buf *buf);

/* Formats */

/*
 * Each on its own, so that a device links only those that it names (ud_lwm2m_reader_begin(), ud_lwm2m_writer_begin());
 * ud_lwm2m_reader_init() and ud_lwm2m_writer_init() know all of them by their content format.
 */
struct ud_lwm2m_format;
extern const struct ud_lwm2m_format ud_lwm2m_format_text;
extern const struct ud_lwm2m_format
    ud_lwm2m_format_text_whole; /* the same without reals, links and base64: those values are refused */
extern const struct ud_lwm2m_format ud_lwm2m_format_octets;
extern const struct ud_lwm2m_format ud_lwm2m_format_item; /* one CBOR item */
extern const struct ud_lwm2m_format ud_lwm2m_format_senml_json;
extern const struct ud_lwm2m_format ud_lwm2m_format_senml_cbor;
extern const struct ud_lwm2m_format ud_lwm2m_format_tlv;
extern const struct ud_lwm2m_format ud_lwm2m_format_cbor; /* LwM2M CBOR */

/* Reading */

struct ud_lwm2m_level {
    uint32_t left;      /* TLV: bytes; CBOR: items; UINT32_MAX: until a break */
    uint8_t path_depth; /* of what stands in it */
};

struct ud_lwm2m_reader {
    /* private */
    const struct ud_lwm2m_format *format;
    struct ud_bytes rest;
    struct ud_lwm2m_path base;
    struct ud_lwm2m_path at;
    struct ud_lwm2m_level levels[UD_LWM2M_DEPTH_MAX + 1];
    struct ud_bytes base_name;
    double base_time_s;
    double base_value;
    uint32_t count;
    uint8_t depth;
    bool begun;
    ud_err err;
};

/**
 * @param content_format  as the payload's option says; 1541 and 1542, the numbers before 1.0, are taken too
 * @param base            what was read or written: the path of the request
 * @param payload         borrowed while it is read
 * @return UD_OK, or UD_ERR_ALGORITHM for a format that is not read here (answer 4.15)
 */
ud_err ud_lwm2m_reader_init(struct ud_lwm2m_reader *reader, uint32_t content_format, struct ud_lwm2m_path base,
                            struct ud_bytes payload);
/** The same for a format that the caller has chosen. */
void ud_lwm2m_reader_begin(struct ud_lwm2m_reader *reader, const struct ud_lwm2m_format *format,
                           struct ud_lwm2m_path base, struct ud_bytes payload);

/**
 * The next value.
 * @return UD_OK; UD_ABSENT at the end; else the first error, from now on always: UD_ERR_TRUNCATED, UD_ERR_SHAPE,
 *         UD_ERR_NUMBER_RANGE, UD_ERR_DEPTH, UD_ERR_LIMIT, UD_ERR_TEXT, UD_ERR_TRAILING; UD_ERR_LABEL_UNKNOWN for a
 *         SenML label that must be understood
 */
ud_err ud_lwm2m_next(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record);

/**
 * See the record as of this kind, if its value can be that without loss.
 * @return UD_OK, with kind and the kind's members set; UD_ERR_SHAPE, or UD_ERR_NUMBER_RANGE, with nothing touched
 */
ud_err ud_lwm2m_as(struct ud_lwm2m_record *record, ud_lwm2m_kind kind);
/** The same for who links as little: never as REAL or LINK, and no text as OPAQUE. */
ud_err ud_lwm2m_as_whole(struct ud_lwm2m_record *record, ud_lwm2m_kind kind);

/**
 * The bytes of a string or opaque value, decoded into `room` where they are escaped or base64.
 * @param value  out: a view into the payload or into room
 * @return UD_OK; UD_ERR_BUFFER; UD_ERR_SHAPE or UD_ERR_TEXT when the coding is wrong
 */
ud_err ud_lwm2m_plain(const struct ud_lwm2m_record *record, struct ud_buf *room, struct ud_bytes *value);

/* Writing */

struct ud_lwm2m_writer {
    /* private */
    const struct ud_lwm2m_format *format;
    struct ud_buf *buf;
    struct ud_lwm2m_path base;
    struct ud_lwm2m_path at;
    size_t begin;          /* of the payload in buf */
    size_t instance_begin; /* of the open TLV containers */
    size_t resource_begin;
    uint32_t count;
    bool instance_open;
    bool resource_open;
    ud_err err;
};

/**
 * @param base  every record lies at or under it; single-value formats take exactly the one at it
 * @return UD_OK, or UD_ERR_ALGORITHM for a format that is not written here (answer 4.06)
 */
ud_err ud_lwm2m_writer_init(struct ud_lwm2m_writer *writer, uint32_t content_format, struct ud_lwm2m_path base,
                            struct ud_buf *buf);
/** The same for a format that the caller has chosen. */
void ud_lwm2m_writer_begin(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_format *format,
                           struct ud_lwm2m_path base, struct ud_buf *buf);
/** Append a value; those of one instance or resource one after another. Strings and opaque ones are PLAIN. */
void ud_lwm2m_put(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record);
/**
 * @return UD_OK; UD_ERR_BUFFER when it did not fit; UD_ERR_SHAPE when the format cannot hold what was put (several
 *         values in a single-value format, a name alone in TLV, a number that is not finite in JSON or text);
 *         UD_ERR_LIMIT for a TLV over 2^24 - 1 bytes or more than UD_LWM2M_RECORDS_MAX values
 */
ud_err ud_lwm2m_writer_end(struct ud_lwm2m_writer *writer);

#endif
