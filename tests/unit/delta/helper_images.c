#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delta/thumb.h"
#include "helper_images.h"

const struct shared_pair shared_pairs[] = {{"simba-shell", 0x80000},
                                           {"micropython-pybv11", 0x08020000},
                                           {"micropython-microbit-v1", 0},
                                           {"bitbox02-btc", 0xfdb4}};
const size_t shared_pair_count = sizeof shared_pairs / sizeof shared_pairs[0];

struct ud_bytes shared_image(const char *pair, const char *file)
{
    const char *root = getenv("UPDRAFT_SHARED");
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/data/firmware-pairs/%s/%s", root != NULL ? root : "../shared", pair,
                   file);
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        return (struct ud_bytes){NULL, 0};
    }
    uint8_t *bytes = malloc(UINT32_C(1) << 24);
    const size_t len = bytes != NULL ? fread(bytes, 1, UINT32_C(1) << 24, in) : 0;
    (void)fclose(in);
    return (struct ud_bytes){bytes, len};
}

uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

enum { FUNCTION_BYTES = 64, POINTERS = 4 };

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t place_of(uint32_t function, uint32_t gap)
{
    return function * FUNCTION_BYTES + (function / 16 + 1) * gap;
}

struct ud_bytes thumb_image(uint32_t seed, uint32_t base, uint32_t functions, uint32_t gap)
{
    const uint32_t len = place_of(functions, gap);
    uint8_t *image = calloc(len + 1, 1);
    uint32_t random = seed;
    for (uint32_t i = 0; image != NULL && i < functions; i++) {
        const uint32_t at = place_of(i, gap);
        for (uint32_t k = 0; k < FUNCTION_BYTES; k += 2) {
            put(image + at + k, 0x1800 + (next_random(&random) & 0x7ff), 2); /* ADD, SUB */
        }
        put(image + at, 0xb510, 2);                                            /* PUSH {r4, lr} */
        put(image + at + 10, 0xd000 | (next_random(&random) & 7), 2);          /* BEQ */
        put(image + at + 12, 0x4800 | (next_random(&random) & 3) << 8 | 8, 2); /* LDR from the pool */
        for (uint32_t k = 16; k < 32; k += 8) {
            const uint32_t callee = place_of(next_random(&random) % functions, gap);
            put(image + at + k, delta_call_with(0xd000f000u, callee - (at + k + 4)), 4);
        }
        for (uint32_t k = 0; k < POINTERS; k++) {
            const uint32_t pointee = place_of(next_random(&random) % functions, gap);
            const uint32_t ram = 0x20000000u + next_random(&random) % 4096 * 4 + gap;
            put(image + at + 48 + 4 * k, k % 2 == 0 ? base + pointee + 1 : ram, 4);
        }
    }
    return (struct ud_bytes){image, image != NULL ? len : 0};
}
