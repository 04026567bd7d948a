/*
 * What a compiler itself asks for, small: the C library's are written for speed and weigh 0.5 KB more. Built without the
 * optimisation that would turn these loops into calls of themselves (src/ports/mps2-an385/CMakeLists.txt).
 */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word; /* any bytes, where they lie at a word's address */

static void *copy_up(void *to, const void *from, size_t len)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((((uintptr_t)out | (uintptr_t)in) & (sizeof(word) - 1)) == 0) {
        for (; len >= sizeof(word); len -= sizeof(word)) {
            *(word *)(void *)out = *(const word *)(const void *)in;
            out += sizeof(word);
            in += sizeof(word);
        }
    }
    while (len-- > 0) {
        *out++ = *in++;
    }
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    return copy_up(to, from, len);
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)out <= (uintptr_t)in) {
        return copy_up(to, from, len);
    }
    while (len-- > 0) {
        out[len] = in[len];
    }
    return to;
}

void *memset(void *to, int value, size_t len)
{
    uint8_t *out = to;
    const word four = (uint8_t)value * 0x01010101U;
    if (((uintptr_t)out & (sizeof(word) - 1)) == 0) {
        for (; len >= 2 * sizeof(word); len -= 2 * sizeof(word)) { /* structs are cleared all the time */
            ((word *)(void *)out)[0] = four;
            ((word *)(void *)out)[1] = four;
            out += 2 * sizeof(word);
        }
    }
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
