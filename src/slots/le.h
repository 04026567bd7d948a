/*
 * Little-endian numbers as the journal and the envelope header store them: a cursor each way over bounded
 * memory.
 */
#ifndef UD_SLOTS_LE_H
#define UD_SLOTS_LE_H

#include "updraft/assert.h"
#include "updraft/bytes.h"

static inline void ud_le_put(struct ud_buf *out, uint64_t value, size_t bytes)
{
    UD_ASSERT(bytes <= 8 && bytes <= out->cap - out->len);
    for (size_t i = 0; i < bytes; i++) {
        out->ptr[out->len++] = (uint8_t)(value >> (8 * i));
    }
}

static inline uint64_t ud_le_take(struct ud_bytes *in, size_t bytes)
{
    struct ud_bytes part = {NULL, 0};
    uint64_t value = 0;
    const bool there = ud_bytes_take(in, bytes, &part);
    UD_ASSERT(there); /* callers check the whole length first */
    for (size_t i = part.len; i > 0; i--) {
        value = (value << 8) | part.ptr[i - 1];
    }
    return value;
}

#endif
