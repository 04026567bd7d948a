#include "slots/le.h"

#include "updraft/assert.h"

void ud_le_put(struct ud_buf *out, uint32_t value, size_t bytes)
{
    UD_ASSERT(bytes <= sizeof value && bytes <= out->cap - out->len);
    for (; bytes > 0; bytes--) {
        out->ptr[out->len++] = (uint8_t)value;
        value >>= 8;
    }
}

uint32_t ud_le_take(struct ud_bytes *in, size_t bytes)
{
    struct ud_bytes part = {NULL, 0};
    uint32_t value = 0;
    const bool there = ud_bytes_take(in, bytes, &part);
    UD_ASSERT(there); /* callers check the whole length first */
    while (part.len > 0) {
        value = value << 8 | part.ptr[--part.len];
    }
    return value;
}
