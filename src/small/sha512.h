/*
 * SHA-512 (FIPS 180-4) in about 1.3 KB, half of it constants: what Ed25519 hashes with, where no library's is there.
 * Messages below 2^32 bytes.
 */
#ifndef UPDRAFT_SMALL_SHA512_H
#define UPDRAFT_SMALL_SHA512_H

#include "updraft/crypto.h"

#define UD_SHA512_BLOCK_BYTES 128

struct ud_sha512_state {
    uint64_t word[8];
    uint64_t block[UD_SHA512_BLOCK_BYTES / 8];
    uint32_t length_bytes;
};

void ud_sha512_begin(struct ud_sha512_state *state);
void ud_sha512_add(struct ud_sha512_state *state, struct ud_bytes data);
void ud_sha512_end(struct ud_sha512_state *state, uint8_t digest[UD_SHA512_BYTES]);

#endif
