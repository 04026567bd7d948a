/*
 * updraft/cipher.h by mbedTLS's own functions (2.28). A folder of its own: a build that takes no encrypted images leaves it
 * out, and so its configuration needs no ciphers.
 */
#include <mbedtls/aes.h>
#include <mbedtls/chacha20.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>

#include "updraft/cipher.h"
#include "updraft/crypto.h"

enum mode { RELEASED = 0, AES = 0x5a01, CHACHA20, GCM, CHACHAPOLY }; /* anything else is no cipher under way */

struct state {
    uint32_t mode;
    size_t in_block; /* of the key stream used already */
    uint8_t counter[UD_CIPHER_BLOCK_BYTES];
    uint8_t stream[UD_CIPHER_BLOCK_BYTES];
    union {
        mbedtls_aes_context aes;
        mbedtls_chacha20_context chacha20;
        mbedtls_gcm_context gcm;
        mbedtls_chachapoly_context chachapoly;
    } of;
};

_Static_assert(sizeof(struct state) <= UD_CIPHER_STATE_BYTES, "the state holds mbedTLS's own");
_Static_assert(_Alignof(struct state) <= _Alignof(struct ud_cipher_state), "and is aligned for it");

static struct state *state_of(struct ud_cipher_state *cipher)
{
    return (struct state *)&cipher->state;
}

static unsigned int bits_of(struct ud_bytes key)
{
    return (unsigned int)(8 * key.len);
}

/* What is left of a begin that failed is released. */
static ud_err begun(struct ud_cipher_state *cipher, int status)
{
    if (status != 0) {
        ud_cipher_abort(cipher);
    }
    return status == 0 ? UD_OK : UD_ERR_CRYPTO;
}

ud_err ud_aes_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                     const uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    struct state *state = state_of(cipher);
    mbedtls_aes_init(&state->of.aes);
    state->mode = AES;
    state->in_block = 0;
    memcpy(state->counter, block, sizeof state->counter);
    return begun(cipher, mbedtls_aes_setkey_enc(&state->of.aes, key.ptr, bits_of(key)));
}

ud_err ud_aes_gcm_seal(struct ud_cipher_state *cipher, struct ud_bytes key, const uint8_t iv[UD_AEAD_IV_BYTES],
                       struct ud_bytes aad)
{
    struct state *state = state_of(cipher);
    mbedtls_gcm_init(&state->of.gcm);
    state->mode = GCM;
    int status = mbedtls_gcm_setkey(&state->of.gcm, MBEDTLS_CIPHER_ID_AES, key.ptr, bits_of(key));
    if (status == 0) {
        status =
            mbedtls_gcm_starts(&state->of.gcm, MBEDTLS_GCM_ENCRYPT, iv, UD_AEAD_IV_BYTES, aad.ptr, aad.len);
    }
    return begun(cipher, status);
}

ud_err ud_chacha20_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                          const uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    struct state *state = state_of(cipher);
    const uint32_t counter =
        (uint32_t)block[0] | (uint32_t)block[1] << 8 | (uint32_t)block[2] << 16 | (uint32_t)block[3] << 24;
    if (key.len != UD_CONTENT_KEY_BYTES_MAX) {
        return UD_ERR_KEY;
    }
    mbedtls_chacha20_init(&state->of.chacha20);
    state->mode = CHACHA20;
    int status = mbedtls_chacha20_setkey(&state->of.chacha20, key.ptr);
    if (status == 0) {
        status = mbedtls_chacha20_starts(&state->of.chacha20, block + 4, counter);
    }
    return begun(cipher, status);
}

ud_err ud_chacha20_poly1305_seal(struct ud_cipher_state *cipher, struct ud_bytes key,
                                 const uint8_t iv[UD_AEAD_IV_BYTES], struct ud_bytes aad)
{
    struct state *state = state_of(cipher);
    if (key.len != UD_CONTENT_KEY_BYTES_MAX) {
        return UD_ERR_KEY;
    }
    mbedtls_chachapoly_init(&state->of.chachapoly);
    state->mode = CHACHAPOLY;
    int status = mbedtls_chachapoly_setkey(&state->of.chachapoly, key.ptr);
    if (status == 0) {
        status = mbedtls_chachapoly_starts(&state->of.chachapoly, iv, MBEDTLS_CHACHAPOLY_ENCRYPT);
    }
    if (status == 0) {
        status = mbedtls_chachapoly_update_aad(&state->of.chachapoly, aad.ptr, aad.len);
    }
    return begun(cipher, status);
}

ud_err ud_cipher_update(struct ud_cipher_state *cipher, struct ud_bytes in, uint8_t *out)
{
    struct state *state = state_of(cipher);
    int status = 0;
    if (in.len == 0 && state->mode != RELEASED) {
        return UD_OK;
    }
    switch (state->mode) {
    case AES:
        status = mbedtls_aes_crypt_ctr(&state->of.aes, in.len, &state->in_block, state->counter, state->stream,
                                       in.ptr, out);
        break;
    case CHACHA20:
        status = mbedtls_chacha20_update(&state->of.chacha20, in.len, in.ptr, out);
        break;
    case GCM:
        status = mbedtls_gcm_update(&state->of.gcm, in.len, in.ptr, out);
        break;
    case CHACHAPOLY:
        status = mbedtls_chachapoly_update(&state->of.chachapoly, in.len, in.ptr, out);
        break;
    default:
        return UD_ERR_STATE;
    }
    return status == 0 ? UD_OK : UD_ERR_CRYPTO;
}

ud_err ud_cipher_tag(struct ud_cipher_state *cipher, uint8_t tag[UD_AEAD_TAG_BYTES])
{
    struct state *state = state_of(cipher);
    uint8_t out[UD_AEAD_TAG_BYTES];
    if (state->mode != GCM && state->mode != CHACHAPOLY) {
        return UD_ERR_STATE;
    }
    const int status = state->mode == GCM ? mbedtls_gcm_finish(&state->of.gcm, out, sizeof out)
                                          : mbedtls_chachapoly_finish(&state->of.chachapoly, out);
    ud_cipher_abort(cipher);
    if (status == 0) {
        memcpy(tag, out, sizeof out);
    }
    return status == 0 ? UD_OK : UD_ERR_CRYPTO;
}

void ud_cipher_abort(struct ud_cipher_state *cipher)
{
    struct state *state = state_of(cipher);
    if (state->mode == GCM) {
        mbedtls_gcm_free(&state->of.gcm); /* has memory of its own */
    }
    ud_wipe(state, sizeof *state);
}

static bool lengths_fit(struct ud_bytes kek, size_t key_bytes)
{
    return (kek.len == 16 || kek.len == 32) && (key_bytes == 16 || key_bytes == UD_CONTENT_KEY_BYTES_MAX);
}

/* RFC 3394 section 2.2: six rounds over the halves, each with its number in the integrity register. */
enum { HALF = UD_KEY_WRAP_BYTES, ROUNDS = 6, INTEGRITY = 0xa6 };

static int one_step(mbedtls_aes_context *aes, bool wrapping, uint32_t number, uint8_t *integrity, uint8_t *half)
{
    uint8_t block[2 * HALF];
    memcpy(block, integrity, HALF);
    memcpy(block + HALF, half, HALF);
    if (!wrapping) {
        block[HALF - 1] ^= (uint8_t)number; /* at most 24: one byte of the number */
    }
    const int status =
        mbedtls_aes_crypt_ecb(aes, wrapping ? MBEDTLS_AES_ENCRYPT : MBEDTLS_AES_DECRYPT, block, block);
    if (wrapping) {
        block[HALF - 1] ^= (uint8_t)number;
    }
    memcpy(integrity, block, HALF);
    memcpy(half, block + HALF, HALF);
    ud_wipe(block, sizeof block);
    return status;
}

/* In place over integrity || key; the halves forwards to wrap, backwards to unwrap. */
static ud_err run(struct ud_bytes kek, bool wrapping, uint8_t *whole, uint32_t halves)
{
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    int status = wrapping ? mbedtls_aes_setkey_enc(&aes, kek.ptr, bits_of(kek))
                          : mbedtls_aes_setkey_dec(&aes, kek.ptr, bits_of(kek));
    for (uint32_t i = 0; status == 0 && i < ROUNDS * halves; i++) {
        const uint32_t step = wrapping ? i : ROUNDS * halves - 1 - i;
        status = one_step(&aes, wrapping, step + 1, whole, whole + (size_t)HALF * (1 + step % halves));
    }
    mbedtls_aes_free(&aes);
    return status == 0 ? UD_OK : UD_ERR_CRYPTO;
}

ud_err ud_aes_key_unwrap(struct ud_bytes kek, struct ud_bytes wrapped, uint8_t *key)
{
    if (wrapped.len < UD_KEY_WRAP_BYTES || !lengths_fit(kek, wrapped.len - UD_KEY_WRAP_BYTES)) {
        return UD_ERR_KEY;
    }
    uint8_t whole[UD_CONTENT_KEY_BYTES_MAX + HALF];
    uint8_t differ = 0;
    const size_t key_bytes = wrapped.len - HALF;
    memcpy(whole, wrapped.ptr, wrapped.len);
    ud_err err = run(kek, false, whole, (uint32_t)(key_bytes / HALF));
    for (size_t i = 0; i < HALF; i++) {
        differ |= whole[i] ^ INTEGRITY;
    }
    if (err == UD_OK && differ != 0) {
        err = UD_ERR_DECRYPT;
    }
    if (err == UD_OK) {
        memcpy(key, whole + HALF, key_bytes);
    }
    ud_wipe(whole, sizeof whole);
    return err;
}

ud_err ud_aes_key_wrap(struct ud_bytes kek, struct ud_bytes key, uint8_t *wrapped)
{
    if (!lengths_fit(kek, key.len)) {
        return UD_ERR_KEY;
    }
    memset(wrapped, INTEGRITY, HALF);
    memcpy(wrapped + HALF, key.ptr, key.len);
    return run(kek, true, wrapped, (uint32_t)(key.len / HALF));
}
