/*
 * CBOR (RFC 8949), the deterministic subset that SUIT uses: definite lengths, shortest heads, no floats but what
 * ud_cbor_skip() walks over. Reader and writer are cursors over the caller's memory: no heap, no recursion.
 *
 * The reader keeps its first error; further calls do nothing and return zero or empty. So decoding reads straight
 * down and checks once, with one rule: believe no value before ud_cbor_finish() or reader.err said UD_OK.
 *
 *     struct ud_cbor r;
 *     ud_cbor_init(&r, input);
 *     size_t count = ud_cbor_array(&r);
 *     uint64_t number = ud_cbor_uint(&r);
 *     struct ud_bytes name = ud_cbor_tstr(&r);
 *     ud_err err = ud_cbor_finish(&r);   // UD_ERR_TRAILING when bytes are left
 *     if (err != UD_OK) { ... r.err_offset_bytes says where ... }
 */
#ifndef UPDRAFT_CBOR_H
#define UPDRAFT_CBOR_H

#include "updraft/bytes.h"
#include "updraft/err.h"

typedef enum ud_cbor_type {
    UD_CBOR_UINT = 0,
    UD_CBOR_NINT = 1,
    UD_CBOR_BSTR = 2,
    UD_CBOR_TSTR = 3,
    UD_CBOR_ARRAY = 4,
    UD_CBOR_MAP = 5,
    UD_CBOR_TAG = 6,
    UD_CBOR_BOOL = 7,
    UD_CBOR_NULL = 8,
    UD_CBOR_OTHER = 9, /* float, undefined, other simple values: only skipped */
    UD_CBOR_END = 10,  /* no more bytes, or the reader has an error */
} ud_cbor_type;

struct ud_cbor {
    /* private, but err and err_offset_bytes may be read */
    struct ud_bytes rest;
    const uint8_t *start; /* offsets count from here */
    const uint8_t *item;  /* whose head was read last */
    uint32_t err_offset_bytes;
    uint32_t err; /* ud_err; a word, which a small device tests in half of the code that a byte takes */
};

/** ud_cbor_init() with each part in a register of its own. */
void ud_cbor_start(struct ud_cbor *reader, const uint8_t *ptr, size_t len);
UD_INLINE void ud_cbor_init(struct ud_cbor *reader, struct ud_bytes input)
{
    ud_cbor_start(reader, input.ptr, input.len);
}
/** Read `part`, a view into `whole`, such as the content of a byte string; offsets count from the start of `whole`. */
static inline void ud_cbor_init_within(struct ud_cbor *reader, struct ud_bytes whole, struct ud_bytes part)
{
    ud_cbor_init(reader, part);
    reader->start = whole.ptr;
}
/** Keep `err` as the reader's error, at its present place, unless it has one already. UD_OK changes nothing. */
void ud_cbor_fail(struct ud_cbor *reader, ud_err err);
/** The same for an item that was read already: it began at `at`, a place in what is read. */
void ud_cbor_fail_from(struct ud_cbor *reader, const uint8_t *at, ud_err err);
/** The same, by the offset where it began. */
void ud_cbor_fail_at(struct ud_cbor *reader, size_t offset_bytes, ud_err err);
/** The same for the item whose head was read last. */
void ud_cbor_fail_item(struct ud_cbor *reader, ud_err err);
/** Type of the next item; nothing is consumed, no error is set. */
ud_cbor_type ud_cbor_peek(const struct ud_cbor *reader);
/** Offset of the next item: the bytes consumed so far, and with ud_cbor_init_within() those before `part`. */
UD_INLINE size_t ud_cbor_offset(const struct ud_cbor *reader)
{
    return (uintptr_t)reader->rest.ptr - (uintptr_t)reader->start;
}

uint64_t ud_cbor_uint(struct ud_cbor *reader);
/** A uint or nint that fits int64_t; UD_ERR_NUMBER_RANGE otherwise. */
int64_t ud_cbor_int(struct ud_cbor *reader);
ud_view ud_cbor_bstr_view(struct ud_cbor *reader);
UD_INLINE struct ud_bytes ud_cbor_bstr(struct ud_cbor *reader)
{
    return ud_view_bytes(ud_cbor_bstr_view(reader));
}
/**
 * Go on inside a byte string. @return what ud_cbor_close() needs to come out again, which checks that nothing of the
 * content is left (UD_ERR_TRAILING).
 */
size_t ud_cbor_open(struct ud_cbor *reader);
void ud_cbor_close(struct ud_cbor *reader, size_t outside);
ud_view ud_cbor_tstr_view(struct ud_cbor *reader);
/** Checked to be valid UTF-8. */
UD_INLINE struct ud_bytes ud_cbor_tstr(struct ud_cbor *reader)
{
    return ud_view_bytes(ud_cbor_tstr_view(reader));
}
/** Number of elements; every one needs at least a byte, so a count beyond the rest is UD_ERR_TRUNCATED. */
size_t ud_cbor_array(struct ud_cbor *reader);
/** Number of pairs, bounded by the rest in the same way. */
size_t ud_cbor_map(struct ud_cbor *reader);
uint64_t ud_cbor_tag(struct ud_cbor *reader);
bool ud_cbor_bool(struct ud_cbor *reader);
void ud_cbor_null(struct ud_cbor *reader);
ud_view ud_cbor_skip_view(struct ud_cbor *reader);
/**
 * Walk over one item of any kind, whole: well-formed, shortest heads, valid UTF-8. Map keys inside are not compared.
 * @return the encoded item as a view. More than UD_CBOR_DEPTH_MAX containers and tags within each other: UD_ERR_DEPTH.
 */
UD_INLINE struct ud_bytes ud_cbor_skip(struct ud_cbor *reader)
{
    return ud_view_bytes(ud_cbor_skip_view(reader));
}

ud_view ud_cbor_key_view(struct ud_cbor *reader, struct ud_bytes *previous);
/**
 * Read each key of a map that must be in deterministic order, whatever it is. `previous` starts as an empty view.
 * @return the encoded key; UD_ERR_DUPLICATE for an equal key, UD_ERR_NOT_DETERMINISTIC for a lower one
 */
UD_INLINE struct ud_bytes ud_cbor_key(struct ud_cbor *reader, struct ud_bytes *previous)
{
    return ud_view_bytes(ud_cbor_key_view(reader, previous));
}
/**
 * The same, but only to look: called before each key. UD_ERR_DUPLICATE for an equal key, UD_ERR_NOT_DETERMINISTIC for a lower one.
 */
void ud_cbor_key_order(struct ud_cbor *reader, struct ud_bytes *previous);

/** The reader's error, or UD_ERR_TRAILING when bytes are left, or UD_OK. */
ud_err ud_cbor_finish(struct ud_cbor *reader);

/* The writer appends to a ud_buf and remembers the first overflow; check ud_cbor_written() once at the end. */
struct ud_cbor_writer {
    /* private */
    struct ud_buf *buf;
    ud_err err;
};

void ud_cbor_writer_init(struct ud_cbor_writer *writer, struct ud_buf *buf);
void ud_cbor_put_uint(struct ud_cbor_writer *writer, uint64_t value);
void ud_cbor_put_int(struct ud_cbor_writer *writer, int64_t value);
void ud_cbor_put_bstr(struct ud_cbor_writer *writer, struct ud_bytes bytes);
/** Only the head of a bstr; exactly `len` bytes must follow by the other put functions. */
void ud_cbor_put_bstr_head(struct ud_cbor_writer *writer, size_t len);
void ud_cbor_put_tstr(struct ud_cbor_writer *writer, struct ud_bytes text);
void ud_cbor_put_array(struct ud_cbor_writer *writer, size_t count);
void ud_cbor_put_map(struct ud_cbor_writer *writer, size_t pairs);
void ud_cbor_put_tag(struct ud_cbor_writer *writer, uint64_t tag);
void ud_cbor_put_bool(struct ud_cbor_writer *writer, bool value);
void ud_cbor_put_null(struct ud_cbor_writer *writer);
/** Bytes that are encoded CBOR already. */
void ud_cbor_put_raw(struct ud_cbor_writer *writer, struct ud_bytes encoded);
/** UD_OK, or UD_ERR_BUFFER if anything did not fit. */
ud_err ud_cbor_written(const struct ud_cbor_writer *writer);
#define UD_CBOR_HEAD_BYTES_MAX 9
/** Write a head by itself. `type` up to UD_CBOR_TAG. @return its bytes: 1, 2, 3, 5 or 9 */
size_t ud_cbor_head(uint8_t head[UD_CBOR_HEAD_BYTES_MAX], ud_cbor_type type, uint64_t argument);
/** Encoded size of a head with this argument. */
size_t ud_cbor_head_bytes(uint64_t argument);

#endif
