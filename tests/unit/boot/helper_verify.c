/*
 * Signatures that were verified before, in tests that boot the same releases tens of thousands of times. Linked with
 * --wrap=ud_crypto_verify where cmake/tests.cmake says so; nothing calls it elsewhere. Only what verified is kept, and
 * only under the hash of everything that was asked.
 */
#include "updraft/crypto.h"

#define KEPT_MAX 16

ud_err __real_ud_crypto_verify(ud_alg alg, const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                               struct ud_bytes signature);
ud_err __wrap_ud_crypto_verify(ud_alg alg, const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                               struct ud_bytes signature);

#pragma weak __real_ud_crypto_verify

static bool hash_question(ud_alg alg, const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                          struct ud_bytes signature, uint8_t digest[UD_SHA256_BYTES])
{
    uint8_t inner[UD_SHA256_BYTES];
    const struct ud_bytes whole[] = {
        {(const uint8_t *)&alg, sizeof alg}, key->pub, signature, {inner, sizeof inner}};
    return ud_sha256(parts, count, inner) == UD_OK &&
           ud_sha256(whole, sizeof whole / sizeof whole[0], digest) == UD_OK;
}

ud_err __wrap_ud_crypto_verify(ud_alg alg, const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                               struct ud_bytes signature)
{
    static uint8_t kept[KEPT_MAX][UD_SHA256_BYTES];
    static size_t kept_count;
    uint8_t digest[UD_SHA256_BYTES];
    if (!hash_question(alg, key, parts, count, signature, digest)) {
        return UD_ERR_CRYPTO;
    }
    for (size_t i = 0; i < (kept_count < KEPT_MAX ? kept_count : KEPT_MAX); i++) {
        if (memcmp(kept[i], digest, sizeof digest) == 0) {
            return UD_OK;
        }
    }
    const ud_err err = __real_ud_crypto_verify(alg, key, parts, count, signature);
    if (err == UD_OK) {
        memcpy(kept[kept_count % KEPT_MAX], digest, sizeof digest);
        kept_count++;
    }
    return err;
}
