/*
 * Borrowed bytes, and the one buffer type that we write into (promise P6).
 *
 * Parsers take views and give views into the same buffer; nothing here allocates. Pointer arithmetic on input
 * lives in this header and nowhere else.
 */
#ifndef UPDRAFT_BYTES_H
#define UPDRAFT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed: valid while the buffer it points into is. ptr may be NULL only when len is 0. */
struct ud_bytes {
    const uint8_t *ptr;
    size_t len;
};

/* For wrappers that are shorter in place than called; compilers asked for size think otherwise where there are many. */
#define UD_INLINE static inline __attribute__((always_inline))

/*
 * A view as a function returns it: ud_view_of(bytes) there, ud_view_bytes() where it is called. On 32-bit machines one number
 * comes back in two registers, a struct of two words by way of memory (AAPCS 5.4), which is much longer code.
 */
#if UINTPTR_MAX == UINT32_MAX
typedef uint64_t ud_view;

UD_INLINE ud_view ud_view_of(struct ud_bytes bytes)
{
    return (ud_view)bytes.len << 32 | (uintptr_t)bytes.ptr;
}

UD_INLINE struct ud_bytes ud_view_bytes(ud_view view)
{
    return (struct ud_bytes){(const uint8_t *)(uintptr_t)view, (size_t)(view >> 32)};
}
#else
typedef struct ud_bytes ud_view;

UD_INLINE ud_view ud_view_of(struct ud_bytes bytes)
{
    return bytes;
}

UD_INLINE struct ud_bytes ud_view_bytes(ud_view view)
{
    return view;
}
#endif

/* Written from the front: the first len of cap bytes are ours. */
struct ud_buf {
    uint8_t *ptr;
    size_t cap;
    size_t len;
};

/* A view of a string literal or array, without its terminating NUL. */
#define UD_BYTES_LITERAL(text) ((struct ud_bytes){(const uint8_t *)("" text), sizeof(text) - 1})
#define UD_BYTES_ARRAY(array) ((struct ud_bytes){(array), sizeof(array)})

/* Split off the first n bytes. False, with nothing touched, when fewer remain. */
static inline bool ud_bytes_take(struct ud_bytes *from, size_t n, struct ud_bytes *out)
{
    if (n > from->len) { /* compare lengths: ptr + n could wrap */
        return false;
    }
    *out = (struct ud_bytes){from->ptr, n};
    if (n > 0) {
        from->ptr += n;
        from->len -= n;
    }
    return true;
}

/* Split off the first byte. False, with nothing touched, when there is none. */
static inline bool ud_bytes_first(struct ud_bytes *from, uint8_t *byte)
{
    if (from->len == 0) {
        return false;
    }
    *byte = *from->ptr++;
    from->len--;
    return true;
}

/* The part of `whole` from offset, n bytes long. False, with nothing touched, when it is not inside. */
static inline bool ud_bytes_slice(struct ud_bytes whole, size_t offset, size_t n, struct ud_bytes *out)
{
    struct ud_bytes skipped;
    return ud_bytes_take(&whole, offset, &skipped) && ud_bytes_take(&whole, n, out);
}

/** ud_bytes_equal() with each part in a register of its own. */
bool ud_bytes_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
UD_INLINE bool ud_bytes_equal(struct ud_bytes a, struct ud_bytes b)
{
    return ud_bytes_same(a.ptr, a.len, b.ptr, b.len);
}

/* Time depends on the lengths only: for digests, tokens, nonces. */
static inline bool ud_bytes_equal_secret(struct ud_bytes a, struct ud_bytes b)
{
    uint8_t differ = 0;
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        differ = (uint8_t)(differ | (a.ptr[i] ^ b.ptr[i]));
    }
    return differ == 0;
}

/* Is `part` a view into `whole`? An empty part is within anything. */
static inline bool ud_bytes_within(struct ud_bytes whole, struct ud_bytes part)
{
    if (part.len == 0) {
        return true;
    }
    const uintptr_t whole_at = (uintptr_t)whole.ptr;
    const uintptr_t part_at = (uintptr_t)part.ptr;
    return part_at >= whole_at && part.len <= whole.len && part_at - whole_at <= whole.len - part.len;
}

/* Where `part`, a view into `whole`, begins. */
static inline size_t ud_bytes_offset(struct ud_bytes whole, struct ud_bytes part)
{
    return (size_t)((uintptr_t)part.ptr - (uintptr_t)whole.ptr);
}

/* Append; false, with nothing touched, when it does not fit. */
static inline bool ud_buf_put(struct ud_buf *buf, struct ud_bytes bytes)
{
    if (bytes.len > buf->cap - buf->len) {
        return false;
    }
    if (bytes.len > 0) {
        memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
        buf->len += bytes.len;
    }
    return true;
}

static inline struct ud_bytes ud_buf_bytes(const struct ud_buf *buf)
{
    return (struct ud_bytes){buf->ptr, buf->len};
}

#endif
