/*
 * In the place of a cryptography library where there is none: 32-bit builds (scripts/fuzz32, tests/unit32). Signatures here prove
 * nothing: whoever has the public key makes them. Hashes, HMAC and HSS/LMS are the real ones.
 */
#include <stdlib.h>
#include <string.h>

#include "ports/openssl/keys.h"
#include "updraft/cipher.h"
#include "updraft/cose.h"
#include "updraft/encrypt.h"

enum { PARTS_MAX = 16 };

/* ---- signatures: twice the hash of public key and message ---- */

static ud_err seal(struct ud_bytes pub, const struct ud_bytes *parts, size_t count,
                   uint8_t out[2 * UD_SHA256_BYTES])
{
    struct ud_bytes all[1 + PARTS_MAX] = {pub};
    if (count > PARTS_MAX) {
        return UD_ERR_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        all[1 + i] = parts[i];
    }
    const ud_err err = ud_sha256(all, 1 + count, out);
    memcpy(out + UD_SHA256_BYTES, out, UD_SHA256_BYTES);
    return err;
}

static ud_err verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                     struct ud_bytes signature)
{
    uint8_t want[2 * UD_SHA256_BYTES];
    const ud_err err = seal(key->pub, parts, count, want);
    if (err != UD_OK) {
        return err;
    }
    /* a fuzzer sees what memcmp() compares, and writes what was wanted into its next input */
    return ud_bytes_equal_secret(signature, UD_BYTES_ARRAY(want)) ? UD_OK : UD_ERR_SIGNATURE;
}

ud_err ud_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                       struct ud_bytes signature)
{
    return key->pub.len != UD_P256_PUBLIC_BYTES ? UD_ERR_KEY : verify(key, parts, count, signature);
}

ud_err ud_ed25519_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature)
{
    return key->pub.len != UD_ED25519_PUBLIC_BYTES ? UD_ERR_KEY : verify(key, parts, count, signature);
}

/* ---- keys ---- */

struct ud_key_pair {
    uint8_t pub[UD_P256_PUBLIC_BYTES];
};

ud_err ud_key_pair_generate(struct ud_key_pair **pair)
{
    static uint8_t number;
    *pair = calloc(1, sizeof **pair);
    if (*pair == NULL) {
        return UD_ERR_MEMORY;
    }
    (*pair)->pub[0] = ++number;
    return UD_OK;
}

ud_err ud_key_pair_from_private(const uint8_t number[UD_P256_PUBLIC_BYTES / 2], struct ud_key_pair **pair)
{
    const ud_err err = ud_key_pair_generate(pair);
    if (err == UD_OK) {
        memcpy((*pair)->pub, number, UD_P256_PUBLIC_BYTES / 2);
        memcpy((*pair)->pub + UD_P256_PUBLIC_BYTES / 2, number, UD_P256_PUBLIC_BYTES / 2);
    }
    return err;
}

static ud_err sign(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                   size_t *signature_bytes)
{
    const struct ud_key_pair *pair = ctx;
    (void)alg;
    *signature_bytes = 2 * UD_SHA256_BYTES;
    return seal(UD_BYTES_ARRAY(pair->pub), parts, count, signature);
}

ud_err ud_key_pair_signer(struct ud_key_pair *pair, ud_alg alg, struct ud_signer *signer)
{
    *signer = (struct ud_signer){.alg = alg, .sign = sign, .ctx = pair};
    memcpy(signer->pub, pair->pub, sizeof pair->pub);
    return ud_cose_key_kid(pair->pub, signer->kid);
}

void ud_key_pair_public(const struct ud_key_pair *pair, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    memcpy(pub, pair->pub, sizeof pair->pub);
}

/* ---- ciphers: they hide nothing ---- */

ud_err ud_aes_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                     const uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    (void)block;
    cipher->state.bytes[0] = key.len > 0 ? key.ptr[0] : 0;
    return key.len == 16 || key.len == 32 ? UD_OK : UD_ERR_KEY;
}

ud_err ud_chacha20_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                          const uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    return key.len == 32 ? ud_aes_stream(cipher, key, block) : UD_ERR_KEY;
}

ud_err ud_aes_gcm_seal(struct ud_cipher_state *cipher, struct ud_bytes key, const uint8_t iv[UD_AEAD_IV_BYTES],
                       struct ud_bytes aad)
{
    (void)iv;
    (void)aad;
    return ud_aes_stream(cipher, key, NULL);
}

ud_err ud_chacha20_poly1305_seal(struct ud_cipher_state *cipher, struct ud_bytes key,
                                 const uint8_t iv[UD_AEAD_IV_BYTES], struct ud_bytes aad)
{
    (void)iv;
    (void)aad;
    return ud_chacha20_stream(cipher, key, NULL);
}

ud_err ud_cipher_update(struct ud_cipher_state *cipher, struct ud_bytes in, uint8_t *out)
{
    for (size_t i = 0; i < in.len; i++) {
        out[i] = in.ptr[i] ^ cipher->state.bytes[0];
    }
    return UD_OK;
}

ud_err ud_cipher_tag(struct ud_cipher_state *cipher, uint8_t tag[UD_AEAD_TAG_BYTES])
{
    memset(tag, cipher->state.bytes[0], UD_AEAD_TAG_BYTES);
    return UD_OK;
}

void ud_cipher_abort(struct ud_cipher_state *cipher)
{
    cipher->state.bytes[0] = 0;
}

/* A wrapped key is the key as it is behind the beginning of a hash: who has the other key can make it, and nobody else. */
static ud_err key_check(struct ud_bytes kek, struct ud_bytes key, uint8_t hash[UD_SHA256_BYTES])
{
    const struct ud_bytes both[] = {kek, key};
    const bool fits = (kek.len == 16 || kek.len == 32) && key.len >= 16 && key.len % 8 == 0;
    return fits ? ud_sha256(both, 2, hash) : UD_ERR_KEY;
}

ud_err ud_aes_key_unwrap(struct ud_bytes kek, struct ud_bytes wrapped, uint8_t *key)
{
    uint8_t hash[UD_SHA256_BYTES];
    struct ud_bytes check;
    if (!ud_bytes_take(&wrapped, UD_KEY_WRAP_BYTES, &check)) {
        return UD_ERR_KEY;
    }
    const ud_err err = key_check(kek, wrapped, hash);
    if (err != UD_OK || memcmp(hash, check.ptr, check.len) != 0) {
        return err != UD_OK ? err : UD_ERR_DECRYPT;
    }
    memcpy(key, wrapped.ptr, wrapped.len);
    return UD_OK;
}

ud_err ud_aes_key_wrap(struct ud_bytes kek, struct ud_bytes key, uint8_t *wrapped)
{
    uint8_t hash[UD_SHA256_BYTES];
    const ud_err err = key_check(kek, key, hash);
    if (err == UD_OK) {
        memcpy(wrapped, hash, UD_KEY_WRAP_BYTES);
        memcpy(wrapped + UD_KEY_WRAP_BYTES, key.ptr, key.len);
    }
    return err;
}
