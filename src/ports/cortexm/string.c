/*
 * What a compiler itself asks for, small: the C library's are written for speed and weigh 0.6 KB more. Built without the
 * optimisation that would turn these loops into calls of themselves (src/ports/mps2-an385/CMakeLists.txt).
 */
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    return memmove(to, from, len);
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)out <= (uintptr_t)in) {
        for (size_t i = 0; i < len; i++) {
            out[i] = in[i];
        }
    } else {
        while (len-- > 0) {
            out[len] = in[len];
        }
    }
    return to;
}

void *memset(void *to, int value, size_t len)
{
    uint8_t *out = to;
    while (len-- > 0) {
        *out++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *one = a;
    const uint8_t *other = b;
    for (size_t i = 0; i < len; i++) {
        if (one[i] != other[i]) {
            return one[i] < other[i] ? -1 : 1;
        }
    }
    return 0;
}
