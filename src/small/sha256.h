/* SHA-256 (FIPS 180-4), small: under 1 KB of code on Cortex-M3. */
#ifndef UD_SMALL_SHA256_H
#define UD_SMALL_SHA256_H

#include "updraft/crypto.h"

#define UD_SHA256_BLOCK_BYTES 64

struct ud_sha256_state {
    uint32_t word[8];
    uint32_t block[16]; /* filled byte by byte, most significant first */
    uint64_t length_bytes;
};

void ud_sha256_begin(struct ud_sha256_state *state);
void ud_sha256_add(struct ud_sha256_state *state, struct ud_bytes data);
/** The state is used up. */
void ud_sha256_end(struct ud_sha256_state *state, uint8_t digest[UD_SHA256_BYTES]);

#endif
