#include "updraft/cbor.h"
#include "updraft/limits.h"

/* Major types (RFC 8949 section 3); those up to TAG are also our type numbers. */
enum { MAJOR_SIMPLE = 7 };

/* Low five bits of an initial byte. */
enum {
    INFO_FALSE = 20,
    INFO_TRUE = 21,
    INFO_NULL = 22,
    INFO_ONE_BYTE = 24, /* the argument follows in one byte; 25, 26, 27: in two, four, eight */
    INFO_EIGHT_BYTES = 27,
    INFO_INDEFINITE = 31,
};

size_t ud_cbor_head_bytes(uint64_t argument)
{
    uint8_t head[UD_CBOR_HEAD_BYTES_MAX];
    return ud_cbor_head(head, UD_CBOR_UINT, argument);
}

/* Reader */

void ud_cbor_start(struct ud_cbor *reader, const uint8_t *ptr, size_t len)
{
    reader->rest = (struct ud_bytes){ptr, len};
    reader->start = ptr;
    reader->item = ptr;
    reader->err_offset_bytes = 0;
    reader->err = UD_OK;
}

void ud_cbor_fail_at(struct ud_cbor *reader, size_t offset_bytes, ud_err err)
{
    if (reader->err == UD_OK) {
        reader->err = err;
        reader->err_offset_bytes = (uint32_t)offset_bytes;
    }
}

void ud_cbor_fail_from(struct ud_cbor *reader, const uint8_t *at, ud_err err)
{
    ud_cbor_fail_at(reader, (uintptr_t)at - (uintptr_t)reader->start, err);
}

void ud_cbor_fail(struct ud_cbor *reader, ud_err err)
{
    ud_cbor_fail_from(reader, reader->rest.ptr, err);
}

void ud_cbor_fail_item(struct ud_cbor *reader, ud_err err)
{
    ud_cbor_fail_from(reader, reader->item, err);
}

size_t ud_cbor_open(struct ud_cbor *reader)
{
    const struct ud_bytes content = ud_cbor_bstr(reader);
    const size_t outside = reader->rest.len;
    if (reader->err == UD_OK) {
        reader->rest = content;
    }
    return outside;
}

void ud_cbor_close(struct ud_cbor *reader, size_t outside)
{
    if (ud_cbor_finish(reader) == UD_OK) {
        reader->rest.len = outside;
    }
}

ud_cbor_type ud_cbor_peek(const struct ud_cbor *reader)
{
    if (reader->err != UD_OK || reader->rest.len == 0) {
        return UD_CBOR_END;
    }
    enum { SIMPLE = MAJOR_SIMPLE << 5 };
    const uint32_t initial = reader->rest.ptr[0];
    return initial < SIMPLE                                                      ? (ud_cbor_type)(initial >> 5)
           : initial == (SIMPLE | INFO_NULL)                                     ? UD_CBOR_NULL
           : initial == (SIMPLE | INFO_FALSE) || initial == (SIMPLE | INFO_TRUE) ? UD_CBOR_BOOL
                                                                                 : UD_CBOR_OTHER;
}

/* Major type of the item whose head was read last. */
static uint32_t major_of(const struct ud_cbor *reader)
{
    return reader->item[0] >> 5;
}

/*
 * The argument of a head, from the 1, 2, 4 or 8 bytes behind the initial byte `info` where it does not fit in there.
 * Halves: no shifts of 64 bits.
 */
static ud_err read_argument(struct ud_bytes *rest, uint32_t major, uint32_t info, uint64_t *argument)
{
    const uint32_t bytes = UINT32_C(1) << (info - INFO_ONE_BYTE);
    uint32_t high = 0;
    uint32_t low = 0;
    if (info > INFO_EIGHT_BYTES) {
        return info == INFO_INDEFINITE ? UD_ERR_NOT_DETERMINISTIC : UD_ERR_SHAPE;
    }
    for (uint32_t left = bytes; left > 0; left--) {
        uint8_t byte;
        if (!ud_bytes_first(rest, &byte)) {
            return UD_ERR_TRUNCATED;
        }
        high = high << 8 | low >> 24;
        low = low << 8 | byte;
    }
    *argument = (uint64_t)high << 32 | low;
    if (major == MAJOR_SIMPLE) { /* floats keep their width; a simple value below 32 has a one-byte form */
        return bytes == 1 && low < 32 ? UD_ERR_SHAPE : UD_OK;
    }
    const bool shortest = bytes == 1 ? low >= INFO_ONE_BYTE : (bytes == 8 ? high : low >> bytes * 4) != 0;
    return shortest ? UD_OK : UD_ERR_NOT_DETERMINISTIC;
}

/* A length or count that cannot be: every element takes a byte, every pair two. */
static bool is_too_long(uint32_t major, uint64_t argument, size_t left)
{
    return major >= UD_CBOR_BSTR && major <= UD_CBOR_MAP ? argument > left >> (major == UD_CBOR_MAP)
                                                         : major == UD_CBOR_TAG && left == 0;
}

/* Consume a head; its length or count is possible within the bytes that are left. @return its argument, 0 on error */
static uint64_t take_head(struct ud_cbor *reader)
{
    struct ud_bytes rest = reader->rest;
    ud_err err = UD_ERR_TRUNCATED;
    uint64_t argument = 0;
    uint8_t initial;
    if (reader->err != UD_OK) {
        return 0;
    }
    reader->item = rest.ptr;
    if (ud_bytes_first(&rest, &initial)) {
        const uint32_t major = initial >> 5;
        argument = initial & 0x1f;
        err = argument < INFO_ONE_BYTE ? UD_OK : read_argument(&rest, major, initial & 0x1f, &argument);
        if (err == UD_OK && is_too_long(major, argument, rest.len)) {
            err = UD_ERR_TRUNCATED;
        }
    }
    if (err != UD_OK) {
        ud_cbor_fail(reader, err);
        return 0;
    }
    reader->rest = rest;
    return argument;
}

static uint64_t take_type(struct ud_cbor *reader, ud_cbor_type type)
{
    if (reader->rest.len > 0 &&
        (type <= UD_CBOR_TAG ? (ud_cbor_type)(reader->rest.ptr[0] >> 5) : ud_cbor_peek(reader)) != type) {
        ud_cbor_fail(reader, UD_ERR_SHAPE);
    }
    return take_head(reader);
}

uint64_t ud_cbor_uint(struct ud_cbor *reader)
{
    return take_type(reader, UD_CBOR_UINT);
}

int64_t ud_cbor_int(struct ud_cbor *reader)
{
    const bool negative = ud_cbor_peek(reader) == UD_CBOR_NINT;
    const uint64_t argument = take_type(reader, negative ? UD_CBOR_NINT : UD_CBOR_UINT);
    if (argument > INT64_MAX) {
        ud_cbor_fail_item(reader, UD_ERR_NUMBER_RANGE);
        return 0;
    }
    return negative && reader->err == UD_OK ? -1 - (int64_t)argument : (int64_t)argument;
}

/* Unicode table 3-7: no lead byte without its continuation bytes, none too long, no surrogate, nothing above 10ffff. */
static bool utf8_valid(struct ud_bytes text)
{
    uint32_t point = 0;
    uint32_t least = 0;
    uint32_t more = 0;
    for (; text.len > 0; text.ptr++, text.len--) {
        const uint32_t byte = *text.ptr;
        if (more > 0) {
            point = point << 6 | (byte & 0x3f);
            more--;
            if (byte >> 6 != 2 || (more == 0 && (point < least || point >> 11 == 0x1b || point > 0x10ffff))) {
                return false;
            }
        } else if (byte >= 0x80) {
            more = 1U + (byte >= 0xe0) + (byte >= 0xf0);
            point = byte & (0x3fU >> more);
            least = UINT32_C(1) << (more * 5 + 1); /* of two bytes: no lead below c2 */
            if (byte < 0xc2 || byte > 0xf4) {
                return false;
            }
        }
    }
    return more == 0;
}

/* What follows the head of a string. @return empty on error */
static ud_view take_rest(struct ud_cbor *reader, uint32_t major, size_t len)
{
    struct ud_bytes content = {NULL, 0};
    if (reader->err == UD_OK) {
        (void)ud_bytes_take(&reader->rest, len, &content); /* take_head() has compared with the rest */
    }
    if (major == UD_CBOR_TSTR && !utf8_valid(content)) {
        ud_cbor_fail_item(reader, UD_ERR_TEXT);
        content.len = 0;
    }
    return ud_view_of(content);
}

/* Not inlined: its callers are a line each. */
__attribute__((noinline)) static ud_view take_string(struct ud_cbor *reader, ud_cbor_type type)
{
    return take_rest(reader, type, (size_t)take_type(reader, type));
}

ud_view ud_cbor_bstr_view(struct ud_cbor *reader)
{
    return take_string(reader, UD_CBOR_BSTR);
}

ud_view ud_cbor_tstr_view(struct ud_cbor *reader)
{
    return take_string(reader, UD_CBOR_TSTR);
}

size_t ud_cbor_array(struct ud_cbor *reader)
{
    return (size_t)take_type(reader, UD_CBOR_ARRAY); /* take_head() has compared with the rest */
}

size_t ud_cbor_map(struct ud_cbor *reader)
{
    return (size_t)take_type(reader, UD_CBOR_MAP);
}

uint64_t ud_cbor_tag(struct ud_cbor *reader)
{
    return take_type(reader, UD_CBOR_TAG);
}

bool ud_cbor_bool(struct ud_cbor *reader)
{
    return (uint32_t)take_type(reader, UD_CBOR_BOOL) == INFO_TRUE;
}

void ud_cbor_null(struct ud_cbor *reader)
{
    (void)take_type(reader, UD_CBOR_NULL);
}

ud_view ud_cbor_skip_view(struct ud_cbor *reader)
{
    struct ud_bytes item = reader->rest;
    size_t left[UD_CBOR_DEPTH_MAX + 1]; /* items of each container that is open */
    size_t *inner = left;
    for (*inner = 1; *inner > 0;) {
        const size_t argument = (size_t)take_head(reader);
        if (reader->err != UD_OK) {
            break;
        }
        const uint32_t major = major_of(reader);
        --*inner;
        if (major == UD_CBOR_BSTR || major == UD_CBOR_TSTR) {
            (void)take_rest(reader, major, argument);
        } else if (major >= UD_CBOR_ARRAY && major <= UD_CBOR_TAG) {
            if (inner == left + UD_CBOR_DEPTH_MAX) {
                ud_cbor_fail_item(reader, UD_ERR_DEPTH);
                break;
            }
            *++inner = major == UD_CBOR_TAG ? 1 : argument << (major == UD_CBOR_MAP);
        }
        while (*inner == 0 && inner > left) {
            inner--;
        }
    }
    item.len = reader->err == UD_OK ? item.len - reader->rest.len : 0;
    return ud_view_of(item);
}

/*
 * The order of encoded keys is bytewise (RFC 8949 section 4.2.1). Two whole items are never prefixes of each other: equal as
 * far as the shorter goes, they are equal.
 */
ud_view ud_cbor_key_view(struct ud_cbor *reader, struct ud_bytes *previous)
{
    const struct ud_bytes key = ud_cbor_skip(reader);
    const size_t shorter = key.len < previous->len ? key.len : previous->len;
    if (shorter > 0) {
        const int order = memcmp(key.ptr, previous->ptr, shorter);
        if (order <= 0) {
            ud_cbor_fail_from(reader, key.ptr, order == 0 ? UD_ERR_DUPLICATE : UD_ERR_NOT_DETERMINISTIC);
        }
    }
    *previous = key;
    return ud_view_of(key);
}

void ud_cbor_key_order(struct ud_cbor *reader, struct ud_bytes *previous)
{
    const struct ud_bytes before = reader->rest;
    (void)ud_cbor_key(reader, previous);
    if (reader->err == UD_OK) {
        reader->rest = before;
    }
}

ud_err ud_cbor_finish(struct ud_cbor *reader)
{
    if (reader->rest.len > 0) {
        ud_cbor_fail(reader, UD_ERR_TRAILING);
    }
    return reader->err;
}

/* Writer */

void ud_cbor_writer_init(struct ud_cbor_writer *writer, struct ud_buf *buf)
{
    *writer = (struct ud_cbor_writer){.buf = buf, .err = UD_OK};
}

void ud_cbor_put_raw(struct ud_cbor_writer *writer, struct ud_bytes encoded)
{
    if (writer->err == UD_OK && !ud_buf_put(writer->buf, encoded)) {
        writer->err = UD_ERR_BUFFER;
    }
}

size_t ud_cbor_head(uint8_t head[UD_CBOR_HEAD_BYTES_MAX], ud_cbor_type type, uint64_t argument)
{
    size_t bytes = 0; /* behind the first */
    uint32_t info = (uint32_t)argument;
    if (argument >= INFO_ONE_BYTE) {
        info = INFO_ONE_BYTE;
        for (bytes = 1; bytes < 8 && argument >> 8 * bytes != 0; bytes *= 2) {
            info++;
        }
    }
    head[0] = (uint8_t)((uint32_t)type << 5 | info);
    for (size_t i = bytes; i > 0; i--) {
        head[i] = (uint8_t)argument;
        argument >>= 8;
    }
    return 1 + bytes;
}

static void put_head(struct ud_cbor_writer *writer, ud_cbor_type type, uint64_t argument)
{
    uint8_t head[UD_CBOR_HEAD_BYTES_MAX];
    ud_cbor_put_raw(writer, (struct ud_bytes){head, ud_cbor_head(head, type, argument)});
}

void ud_cbor_put_uint(struct ud_cbor_writer *writer, uint64_t value)
{
    put_head(writer, UD_CBOR_UINT, value);
}

void ud_cbor_put_int(struct ud_cbor_writer *writer, int64_t value)
{
    if (value < 0) {
        put_head(writer, UD_CBOR_NINT, (uint64_t)(-1 - value));
    } else {
        put_head(writer, UD_CBOR_UINT, (uint64_t)value);
    }
}

void ud_cbor_put_bstr_head(struct ud_cbor_writer *writer, size_t len)
{
    put_head(writer, UD_CBOR_BSTR, len);
}

void ud_cbor_put_bstr(struct ud_cbor_writer *writer, struct ud_bytes bytes)
{
    put_head(writer, UD_CBOR_BSTR, bytes.len);
    ud_cbor_put_raw(writer, bytes);
}

void ud_cbor_put_tstr(struct ud_cbor_writer *writer, struct ud_bytes text)
{
    put_head(writer, UD_CBOR_TSTR, text.len);
    ud_cbor_put_raw(writer, text);
}

void ud_cbor_put_array(struct ud_cbor_writer *writer, size_t count)
{
    put_head(writer, UD_CBOR_ARRAY, count);
}

void ud_cbor_put_map(struct ud_cbor_writer *writer, size_t pairs)
{
    put_head(writer, UD_CBOR_MAP, pairs);
}

void ud_cbor_put_tag(struct ud_cbor_writer *writer, uint64_t tag)
{
    put_head(writer, UD_CBOR_TAG, tag);
}

void ud_cbor_put_bool(struct ud_cbor_writer *writer, bool value)
{
    put_head(writer, (ud_cbor_type)MAJOR_SIMPLE, value ? INFO_TRUE : INFO_FALSE);
}

void ud_cbor_put_null(struct ud_cbor_writer *writer)
{
    put_head(writer, (ud_cbor_type)MAJOR_SIMPLE, INFO_NULL);
}

ud_err ud_cbor_written(const struct ud_cbor_writer *writer)
{
    return writer->err;
}
