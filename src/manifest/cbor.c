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

struct head {
    uint64_t argument;
    uint8_t major;
    uint8_t info;
    uint8_t bytes;
};

size_t ud_cbor_head_bytes(uint64_t argument)
{
    if (argument < INFO_ONE_BYTE) {
        return 1;
    }
    return argument <= UINT8_MAX ? 2 : argument <= UINT16_MAX ? 3 : argument <= UINT32_MAX ? 5 : 9;
}

/* Reader */

void ud_cbor_init(struct ud_cbor *reader, struct ud_bytes input)
{
    *reader = (struct ud_cbor){.rest = input, .end_bytes = input.len, .err = UD_OK};
}

void ud_cbor_init_within(struct ud_cbor *reader, struct ud_bytes whole, struct ud_bytes part)
{
    ud_cbor_init(reader, part);
    reader->end_bytes += ud_bytes_offset(whole, part);
}

size_t ud_cbor_offset(const struct ud_cbor *reader)
{
    return reader->end_bytes - reader->rest.len;
}

void ud_cbor_fail_at(struct ud_cbor *reader, size_t offset_bytes, ud_err err)
{
    if (reader->err == UD_OK) {
        reader->err = err;
        reader->err_offset_bytes = (uint32_t)offset_bytes;
    }
}

void ud_cbor_fail(struct ud_cbor *reader, ud_err err)
{
    ud_cbor_fail_at(reader, ud_cbor_offset(reader), err);
}

ud_cbor_type ud_cbor_peek(const struct ud_cbor *reader)
{
    if (reader->err != UD_OK || reader->rest.len == 0) {
        return UD_CBOR_END;
    }
    const uint8_t initial = reader->rest.ptr[0];
    const uint8_t info = initial & 0x1f;
    if (initial >> 5 != MAJOR_SIMPLE) {
        return (ud_cbor_type)(initial >> 5);
    }
    return info == INFO_FALSE || info == INFO_TRUE ? UD_CBOR_BOOL
           : info == INFO_NULL                     ? UD_CBOR_NULL
                                                   : UD_CBOR_OTHER;
}

static ud_err read_head(struct ud_bytes rest, struct head *head)
{
    struct ud_bytes follow;
    if (!ud_bytes_take(&rest, 1, &follow)) {
        return UD_ERR_TRUNCATED;
    }
    head->major = follow.ptr[0] >> 5;
    head->info = follow.ptr[0] & 0x1f;
    head->argument = head->info;
    head->bytes = 1;
    if (head->info < INFO_ONE_BYTE) {
        return UD_OK;
    }
    if (head->info > INFO_EIGHT_BYTES) {
        return head->info == INFO_INDEFINITE ? UD_ERR_NOT_DETERMINISTIC : UD_ERR_SHAPE;
    }
    if (!ud_bytes_take(&rest, (size_t)1 << (head->info - INFO_ONE_BYTE), &follow)) {
        return UD_ERR_TRUNCATED;
    }
    head->argument = 0;
    for (size_t i = 0; i < follow.len; i++) {
        head->argument = head->argument << 8 | follow.ptr[i];
    }
    head->bytes = (uint8_t)(1 + follow.len);
    if (head->major ==
        MAJOR_SIMPLE) { /* floats keep their width; a simple value below 32 has a one-byte form */
        return head->info == INFO_ONE_BYTE && head->argument < 32 ? UD_ERR_SHAPE : UD_OK;
    }
    return head->bytes == ud_cbor_head_bytes(head->argument) ? UD_OK : UD_ERR_NOT_DETERMINISTIC;
}

/* The least number of bytes that must follow this head; UINT64_MAX where the true one would overflow. */
static uint64_t least_to_follow(const struct head *head)
{
    switch (head->major) {
    case UD_CBOR_BSTR:
    case UD_CBOR_TSTR:
    case UD_CBOR_ARRAY:
        return head->argument;
    case UD_CBOR_MAP:
        return head->argument > UINT64_MAX / 2 ? UINT64_MAX : 2 * head->argument;
    default:
        return head->major == UD_CBOR_TAG;
    }
}

/* Consume a head; its length or count is possible within the bytes that are left. */
static bool take_head(struct ud_cbor *reader, struct head *head)
{
    struct ud_bytes taken;
    if (reader->err != UD_OK) {
        return false;
    }
    ud_err err = read_head(reader->rest, head);
    if (err == UD_OK && least_to_follow(head) > reader->rest.len - head->bytes) {
        err = UD_ERR_TRUNCATED;
    }
    if (err != UD_OK) {
        ud_cbor_fail(reader, err);
        return false;
    }
    return ud_bytes_take(&reader->rest, head->bytes, &taken);
}

static uint64_t take_type(struct ud_cbor *reader, ud_cbor_type type)
{
    struct head head;
    if (ud_cbor_peek(reader) != type && reader->rest.len > 0) {
        ud_cbor_fail(reader, UD_ERR_SHAPE);
    }
    return take_head(reader, &head) ? head.argument : 0;
}

uint64_t ud_cbor_uint(struct ud_cbor *reader)
{
    return take_type(reader, UD_CBOR_UINT);
}

int64_t ud_cbor_int(struct ud_cbor *reader)
{
    const size_t at = ud_cbor_offset(reader);
    const bool negative = ud_cbor_peek(reader) == UD_CBOR_NINT;
    const uint64_t argument = take_type(reader, negative ? UD_CBOR_NINT : UD_CBOR_UINT);
    if (argument > INT64_MAX) {
        ud_cbor_fail_at(reader, at, UD_ERR_NUMBER_RANGE);
        return 0;
    }
    return negative && reader->err == UD_OK ? -1 - (int64_t)argument : (int64_t)argument;
}

static struct ud_bytes take_string(struct ud_cbor *reader, ud_cbor_type type)
{
    struct ud_bytes content = {NULL, 0};
    const uint64_t len = take_type(reader, type);
    if (reader->err == UD_OK) {
        (void)ud_bytes_take(&reader->rest, (size_t)len, &content); /* take_head() has compared with the rest */
    }
    return content;
}

struct ud_bytes ud_cbor_bstr(struct ud_cbor *reader)
{
    return take_string(reader, UD_CBOR_BSTR);
}

/* Number of continuation bytes after a lead byte and the range of the first of them (Unicode table 3-7). */
static bool utf8_lead(uint8_t lead, size_t *more, uint8_t *low, uint8_t *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    *more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    return lead < 0x80 || (lead >= 0xc2 && lead <= 0xf4);
}

static bool utf8_valid(struct ud_bytes text)
{
    size_t more;
    uint8_t low;
    uint8_t high;
    for (size_t i = 0; i < text.len; i++) {
        if (!utf8_lead(text.ptr[i], &more, &low, &high) || more >= text.len - i) {
            return false;
        }
        for (; more > 0; more--, low = 0x80, high = 0xbf) {
            i++;
            if (text.ptr[i] < low || text.ptr[i] > high) {
                return false;
            }
        }
    }
    return true;
}

struct ud_bytes ud_cbor_tstr(struct ud_cbor *reader)
{
    const size_t at = ud_cbor_offset(reader);
    const struct ud_bytes text = take_string(reader, UD_CBOR_TSTR);
    if (!utf8_valid(text)) {
        ud_cbor_fail_at(reader, at, UD_ERR_TEXT);
        return (struct ud_bytes){NULL, 0};
    }
    return text;
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
    return take_type(reader, UD_CBOR_BOOL) == INFO_TRUE;
}

void ud_cbor_null(struct ud_cbor *reader)
{
    (void)take_type(reader, UD_CBOR_NULL);
}

/* Consume one item, but of a container only the head. @return how many items it holds */
static size_t step_over(struct ud_cbor *reader, bool *container)
{
    struct head head = {0};
    const ud_cbor_type type = ud_cbor_peek(reader);
    *container = type == UD_CBOR_ARRAY || type == UD_CBOR_MAP || type == UD_CBOR_TAG;
    if (type == UD_CBOR_BSTR) {
        (void)ud_cbor_bstr(reader);
    } else if (type == UD_CBOR_TSTR) {
        (void)ud_cbor_tstr(reader);
    } else if (take_head(reader, &head) && *container) {
        return (size_t)least_to_follow(&head); /* items of an array, keys and values of a map, one for a tag */
    }
    return 0;
}

struct ud_bytes ud_cbor_skip(struct ud_cbor *reader)
{
    const struct ud_bytes from = reader->rest;
    size_t left[UD_CBOR_DEPTH_MAX + 1] = {1};
    size_t depth = 0;
    while (reader->err == UD_OK) {
        bool container;
        const size_t at = ud_cbor_offset(reader);
        const size_t children = step_over(reader, &container);
        left[depth]--;
        if (container && depth == UD_CBOR_DEPTH_MAX) {
            ud_cbor_fail_at(reader, at, UD_ERR_DEPTH);
        } else if (children > 0) {
            left[++depth] = children;
        }
        while (left[depth] == 0) {
            if (depth == 0) {
                return reader->err == UD_OK ? (struct ud_bytes){from.ptr, from.len - reader->rest.len}
                                            : (struct ud_bytes){NULL, 0};
            }
            depth--;
        }
    }
    return (struct ud_bytes){NULL, 0};
}

/* Order of encoded keys, bytewise (RFC 8949 section 4.2.1). Two whole items are never prefixes of each other. */
static int compare_keys(struct ud_bytes a, struct ud_bytes b)
{
    const int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

void ud_cbor_key_order(struct ud_cbor *reader, struct ud_bytes *previous)
{
    struct ud_cbor ahead = *reader;
    const struct ud_bytes key = ud_cbor_skip(&ahead);
    if (ahead.err != UD_OK) {
        *reader = ahead;
        return;
    }
    const int order = previous->len == 0 ? 1 : compare_keys(key, *previous);
    if (order <= 0) {
        ud_cbor_fail(reader, order == 0 ? UD_ERR_DUPLICATE : UD_ERR_NOT_DETERMINISTIC);
        return;
    }
    *previous = key;
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

static void put_head(struct ud_cbor_writer *writer, uint8_t major, uint64_t argument)
{
    uint8_t head[9];
    const size_t bytes = ud_cbor_head_bytes(argument);
    uint8_t info = (uint8_t)argument;
    if (bytes > 1) {
        info = bytes == 2 ? 24 : bytes == 3 ? 25 : bytes == 5 ? 26 : 27;
    }
    head[0] = (uint8_t)(major << 5 | info);
    for (size_t i = bytes - 1; i > 0; i--) {
        head[i] = (uint8_t)argument;
        argument >>= 8;
    }
    ud_cbor_put_raw(writer, (struct ud_bytes){head, bytes});
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

void ud_cbor_put_array(struct ud_cbor_writer *writer, uint64_t count)
{
    put_head(writer, UD_CBOR_ARRAY, count);
}

void ud_cbor_put_map(struct ud_cbor_writer *writer, uint64_t pairs)
{
    put_head(writer, UD_CBOR_MAP, pairs);
}

void ud_cbor_put_tag(struct ud_cbor_writer *writer, uint64_t tag)
{
    put_head(writer, UD_CBOR_TAG, tag);
}

void ud_cbor_put_bool(struct ud_cbor_writer *writer, bool value)
{
    put_head(writer, MAJOR_SIMPLE, value ? INFO_TRUE : INFO_FALSE);
}

void ud_cbor_put_null(struct ud_cbor_writer *writer)
{
    put_head(writer, MAJOR_SIMPLE, INFO_NULL);
}

ud_err ud_cbor_written(const struct ud_cbor_writer *writer)
{
    return writer->err;
}
