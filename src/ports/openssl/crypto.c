/* updraft/crypto.h by OpenSSL 3: the EVP interface only. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "ports/openssl/p256.h"
#include "updraft/crypto.h"

/* OpenSSL queues its errors per thread; we answer with our own code, so nothing may stay behind. */
static ud_err failed(ud_err err)
{
    ERR_clear_error();
    return err;
}

/* The caller's state holds one pointer: the library allocates its own context. */
ud_err ud_hash_init(struct ud_hash *hash)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    hash->state.align_ptr = md;
    if (md == NULL) {
        return failed(UD_ERR_MEMORY);
    }
    if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        ud_hash_abort(hash);
        return failed(UD_ERR_CRYPTO);
    }
    return UD_OK;
}

ud_err ud_hash_update(struct ud_hash *hash, struct ud_bytes data)
{
    EVP_MD_CTX *md = hash->state.align_ptr;
    if (md == NULL) {
        return UD_ERR_STATE;
    }
    if (data.len > 0 && EVP_DigestUpdate(md, data.ptr, data.len) != 1) {
        return failed(UD_ERR_CRYPTO);
    }
    return UD_OK;
}

ud_err ud_hash_final(struct ud_hash *hash, uint8_t digest[UD_SHA256_BYTES])
{
    EVP_MD_CTX *md = hash->state.align_ptr;
    uint8_t out[EVP_MAX_MD_SIZE];
    unsigned int out_bytes = 0;
    if (md == NULL) {
        return UD_ERR_STATE;
    }
    const int done = EVP_DigestFinal_ex(md, out, &out_bytes);
    ud_hash_abort(hash);
    if (done != 1 || out_bytes != UD_SHA256_BYTES) {
        return failed(UD_ERR_CRYPTO);
    }
    memcpy(digest, out, UD_SHA256_BYTES);
    return UD_OK;
}

void ud_hash_abort(struct ud_hash *hash)
{
    EVP_MD_CTX_free(hash->state.align_ptr);
    hash->state.align_ptr = NULL;
}

EVP_PKEY *ud_p256_public(const uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    uint8_t point[1 + UD_P256_PUBLIC_BYTES] = {0x04}; /* SEC 1: uncompressed */
    char group[] = "prime256v1";
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    memcpy(point + 1, pub, UD_P256_PUBLIC_BYTES);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    /* fromdata refuses a point that is not on the curve */
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}

/* r || s as the DER that EVP wants. @return 0 when the library failed; *der is the caller's, OPENSSL_free */
static size_t signature_to_der(struct ud_bytes signature, unsigned char **der)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.ptr, UD_P256_SIGNATURE_BYTES / 2, NULL);
    BIGNUM *s = BN_bin2bn(signature.ptr + UD_P256_SIGNATURE_BYTES / 2, UD_P256_SIGNATURE_BYTES / 2, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    const int len = i2d_ECDSA_SIG(pair, der);
    ECDSA_SIG_free(pair); /* frees r and s too */
    return len > 0 ? (size_t)len : 0;
}

static ud_err verify_der(EVP_PKEY *key, const uint8_t digest[UD_SHA256_BYTES], const unsigned char *der,
                         size_t der_bytes)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    int verdict = -1;
    if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1) {
        verdict = EVP_PKEY_verify(ctx, der, der_bytes, digest, UD_SHA256_BYTES);
    }
    EVP_PKEY_CTX_free(ctx);
    if (verdict == 1) {
        return UD_OK;
    }
    return verdict == 0 ? UD_ERR_SIGNATURE : UD_ERR_CRYPTO;
}

ud_err ud_es256_verify_digest(const struct ud_key *key, const uint8_t digest[UD_SHA256_BYTES],
                              struct ud_bytes signature)
{
    if (key->pub.len != UD_P256_PUBLIC_BYTES) {
        return UD_ERR_KEY;
    }
    EVP_PKEY *pkey = ud_p256_public(key->pub.ptr);
    if (pkey == NULL) {
        return UD_ERR_KEY;
    }
    ud_err err = UD_ERR_SIGNATURE;
    if (signature.len == UD_P256_SIGNATURE_BYTES) {
        unsigned char *der = NULL;
        const size_t der_bytes = signature_to_der(signature, &der);
        err = der_bytes > 0 ? verify_der(pkey, digest, der, der_bytes) : UD_ERR_CRYPTO;
        OPENSSL_free(der);
    }
    EVP_PKEY_free(pkey);
    return err == UD_OK ? UD_OK : failed(err);
}

ud_err ud_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                       struct ud_bytes signature)
{
    uint8_t digest[UD_SHA256_BYTES];
    const ud_err err = ud_sha256(parts, count, digest);
    return err == UD_OK ? ud_es256_verify_digest(key, digest, signature) : err;
}
