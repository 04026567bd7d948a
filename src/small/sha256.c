#include "small/sha256.h"

#define ROUNDS 64
#define LENGTH_AT 14 /* word of the last block where the message's length in bits begins */

static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t word, uint32_t right)
{
    return word >> right | word << (32 - right);
}

static uint32_t round_constant_and_word(uint32_t *w, uint32_t i)
{
    uint32_t *now = &w[i % 16];
    if (i >= 16) {
        const uint32_t a = w[(i + 1) % 16];
        const uint32_t b = w[(i + 14) % 16];
        *now += w[(i + 9) % 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    return constants[i] + *now;
}

/* The schedule overwrites the block; it is used up. Apart from put(), which must stay light. */
__attribute__((noinline)) static void mix(struct ud_sha256_state *state)
{
    uint32_t *word = state->word;
    uint32_t a = word[0];
    uint32_t b = word[1];
    uint32_t c = word[2];
    uint32_t d = word[3];
    uint32_t e = word[4];
    uint32_t f = word[5];
    uint32_t g = word[6];
    uint32_t h = word[7];
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const uint32_t t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (g ^ (e & (f ^ g))) +
                            round_constant_and_word(state->block, i);
        const uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) | (c & (a | b)));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    word[0] += a;
    word[1] += b;
    word[2] += c;
    word[3] += d;
    word[4] += e;
    word[5] += f;
    word[6] += g;
    word[7] += h;
}

void ud_sha256_begin(struct ud_sha256_state *state)
{
    memset(state, 0, sizeof *state);
    memcpy(state->word, first, sizeof first);
}

/* One byte, or a whole word where one begins. */
static void put(struct ud_sha256_state *state, uint32_t value, uint32_t bytes)
{
    uint32_t *word = &state->block[state->length_bytes % UD_SHA256_BLOCK_BYTES / 4];
    *word = bytes == 4 ? value
                       : *word << 8 | value; /* what was there before goes out at the top after four bytes */
    state->length_bytes += bytes;
    if (state->length_bytes % UD_SHA256_BLOCK_BYTES == 0) {
        mix(state);
    }
}

void ud_sha256_add(struct ud_sha256_state *state, struct ud_bytes data)
{
    struct ud_bytes part;
    while (data.len > 0) {
        const uint32_t bytes = state->length_bytes % 4 == 0 && data.len >= 4 ? 4 : 1;
        uint32_t value = 0;
        (void)ud_bytes_take(&data, bytes, &part);
        for (size_t i = 0; i < bytes; i++) {
            value = value << 8 | part.ptr[i];
        }
        put(state, value, bytes);
    }
}

void ud_sha256_end(struct ud_sha256_state *state, uint8_t digest[UD_SHA256_BYTES])
{
    const uint64_t bits = state->length_bytes * 8;
    put(state, 0x80, 1);
    while (state->length_bytes % UD_SHA256_BLOCK_BYTES != 4 * LENGTH_AT) {
        put(state, 0, 1);
    }
    put(state, (uint32_t)(bits >> 32), 4);
    put(state, (uint32_t)bits, 4);
    for (size_t i = 0; i < UD_SHA256_BYTES; i++) {
        digest[i] = (uint8_t)(state->word[i / 4] >> (24 - 8 * (i % 4)));
    }
}
