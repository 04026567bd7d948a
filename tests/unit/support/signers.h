/* Signers of every kind of key for tests, made anew in every run: Ed25519 by OpenSSL, HMAC by our own function. */
#ifndef UPDRAFT_TESTS_SIGNERS_H
#define UPDRAFT_TESTS_SIGNERS_H

#include <openssl/evp.h>
#include <stdlib.h>

#include "ports/openssl/keys.h"
#include "updraft/cose.h"

static inline ud_err test_signers_ed25519(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count,
                                          uint8_t *signature, size_t *signature_bytes)
{
    uint8_t message[16384];
    struct ud_buf whole = {message, sizeof message, 0};
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(alg, UD_ALG_ED25519);
    for (size_t i = 0; i < count; i++) {
        assert_true(ud_buf_put(&whole, parts[i]));
    }
    *signature_bytes = UD_ED25519_SIGNATURE_BYTES;
    assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, ctx), 1);
    assert_int_equal(EVP_DigestSign(md, signature, signature_bytes, message, whole.len), 1);
    EVP_MD_CTX_free(md);
    return UD_OK;
}

static inline void test_signer_name(struct ud_signer *signer)
{
    const struct ud_key key = {.pub = {signer->pub, signer->pub_bytes}, .type = signer->type};
    assert_int_equal(ud_cose_key_thumbprint(&key, signer->kid), UD_OK);
}

/** @return what EVP_PKEY_free() frees */
static inline EVP_PKEY *test_signer_ed25519(struct ud_signer *signer)
{
    uint8_t seed[32];
    size_t pub_bytes = UD_ED25519_PUBLIC_BYTES;
    assert_int_equal(ud_random(seed, sizeof seed), UD_OK);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    assert_non_null(key);
    *signer = (struct ud_signer){.alg = UD_ALG_ED25519,
                                 .type = UD_KEY_ED25519,
                                 .pub_bytes = UD_ED25519_PUBLIC_BYTES,
                                 .sign = test_signers_ed25519,
                                 .ctx = key};
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, signer->pub, &pub_bytes), 1);
    test_signer_name(signer);
    return key;
}

static inline ud_err test_signers_hmac(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count,
                                       uint8_t *signature, size_t *signature_bytes)
{
    const struct ud_signer *signer = ctx;
    assert_int_equal(alg, UD_ALG_HMAC256);
    *signature_bytes = UD_HMAC256_BYTES;
    return ud_hmac256((struct ud_bytes){signer->pub, UD_HMAC256_BYTES}, parts, count, signature);
}

/** Its key is signer->pub; the struct must not move. */
static inline void test_signer_hmac(struct ud_signer *signer)
{
    *signer = (struct ud_signer){.alg = UD_ALG_HMAC256,
                                 .type = UD_KEY_HMAC256,
                                 .pub_bytes = UD_HMAC256_BYTES,
                                 .sign = test_signers_hmac,
                                 .ctx = signer};
    assert_int_equal(ud_random(signer->pub, UD_HMAC256_BYTES), UD_OK);
    test_signer_name(signer);
}

#endif
