#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"
#include "ports/openssl/p256.h"
#include "updraft/cose.h"

struct ud_key_pair {
    EVP_PKEY *key;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
};

static ud_err failed(ud_err err)
{
    ERR_clear_error();
    return err;
}

static bool put_coordinate(const EVP_PKEY *key, const char *name, uint8_t out[UD_P256_PUBLIC_BYTES / 2])
{
    BIGNUM *value = NULL;
    const bool ok = EVP_PKEY_get_bn_param(key, name, &value) == 1 &&
                    BN_bn2binpad(value, out, UD_P256_PUBLIC_BYTES / 2) == UD_P256_PUBLIC_BYTES / 2;
    BN_free(value);
    return ok;
}

/* x || y of a key that must be on P-256 */
static ud_err public_of(const EVP_PKEY *key, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    char group[32];
    uint8_t out[UD_P256_PUBLIC_BYTES];
    if (key == NULL || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        return failed(UD_ERR_KEY);
    }
    if (!put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out) ||
        !put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out + UD_P256_PUBLIC_BYTES / 2)) {
        return failed(UD_ERR_KEY);
    }
    memcpy(pub, out, sizeof out);
    return UD_OK;
}

EVP_PKEY *ud_key_pair_pkey(const struct ud_key_pair *pair)
{
    return pair->key;
}

ud_err ud_key_pair_of(EVP_PKEY *key, struct ud_key_pair **pair)
{
    struct ud_key_pair made = {.key = key};
    ud_err err = public_of(key, made.pub);
    struct ud_key_pair *out = err == UD_OK ? malloc(sizeof *out) : NULL;
    if (err == UD_OK && out == NULL) {
        err = UD_ERR_MEMORY;
    }
    if (err != UD_OK) {
        EVP_PKEY_free(key);
        return err;
    }
    *out = made;
    *pair = out;
    return UD_OK;
}

ud_err ud_key_pair_generate(struct ud_key_pair **pair)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    return key == NULL ? failed(UD_ERR_CRYPTO) : ud_key_pair_of(key, pair);
}

/* OpenSSL would ask on the terminal for the passphrase of an encrypted key. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static bool halves_match(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    const bool match = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return match;
}

static ud_err private_key_parse(struct ud_bytes pem, struct ud_key_pair **pair)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (key == NULL || EVP_PKEY_is_a(key, "EC") != 1 || !halves_match(key)) {
        EVP_PKEY_free(key);
        return failed(UD_ERR_KEY);
    }
    return ud_key_pair_of(key, pair);
}

static EVP_PKEY *key_of_secret(const uint8_t secret[32], const uint8_t point[1 + UD_P256_PUBLIC_BYTES])
{
    EVP_PKEY *key = NULL;
    BIGNUM *number = BN_bin2bn(secret, 32, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params = NULL;
    if (number != NULL && build != NULL && ctx != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + UD_P256_PUBLIC_BYTES) ==
            1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1) {
        params = OSSL_PARAM_BLD_to_param(build);
    }
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) {
        key = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(number);
    return key;
}

ud_err ud_key_pair_of_secret(const uint8_t secret[32], const uint8_t pub[UD_P256_PUBLIC_BYTES],
                             struct ud_key_pair **pair)
{
    uint8_t point[1 + UD_P256_PUBLIC_BYTES] = {0x04}; /* SEC 1: uncompressed */
    memcpy(point + 1, pub, UD_P256_PUBLIC_BYTES);
    EVP_PKEY *key = key_of_secret(secret, point);
    if (key == NULL || !halves_match(key)) {
        EVP_PKEY_free(key);
        return failed(UD_ERR_KEY);
    }
    return ud_key_pair_of(key, pair);
}

ud_err ud_key_pair_load(struct ud_key_pair **pair, const char *path)
{
    uint8_t pem[UD_PEM_BYTES_MAX];
    struct ud_buf buf = {pem, sizeof pem, 0};
    ud_err err = ud_small_file_read(path, true, &buf);
    if (err == UD_OK) {
        err = private_key_parse(ud_buf_bytes(&buf), pair);
    }
    OPENSSL_cleanse(pem, sizeof pem);
    return err;
}

static struct ud_bytes bio_bytes(BIO *bio)
{
    char *text = NULL;
    const long len = BIO_get_mem_data(bio, &text);
    return (struct ud_bytes){(const uint8_t *)text, len > 0 ? (size_t)len : 0};
}

ud_err ud_key_pair_save(const struct ud_key_pair *pair, const char *path, bool replace)
{
    ud_err err = UD_ERR_CRYPTO;
    BIO *bio = BIO_new(BIO_s_mem()); /* its memory is overwritten when it is freed */
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, pair->key, NULL, NULL, 0, NULL, NULL) == 1) {
        err = ud_small_file_write(path, 0600, replace, bio_bytes(bio));
    }
    BIO_free(bio);
    return err == UD_OK ? UD_OK : failed(err);
}

/* DER as EVP gives it -> r || s */
static ud_err signature_from_der(const uint8_t *der, size_t der_bytes, uint8_t *signature)
{
    enum { HALF = UD_P256_SIGNATURE_BYTES / 2 };
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)der_bytes);
    const bool ok = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, HALF) == HALF &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + HALF, HALF) == HALF;
    ECDSA_SIG_free(pair);
    return ok ? UD_OK : UD_ERR_CRYPTO;
}

static ud_err sign_parts(EVP_MD_CTX *md, EVP_PKEY *key, const struct ud_bytes *parts, size_t count,
                         uint8_t *signature)
{
    uint8_t der[80]; /* two integers of 33 bytes with their heads */
    size_t der_bytes = sizeof der;
    if (md == NULL || EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) != 1) {
        return UD_ERR_CRYPTO;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0 && EVP_DigestSignUpdate(md, parts[i].ptr, parts[i].len) != 1) {
            return UD_ERR_CRYPTO;
        }
    }
    if (EVP_DigestSignFinal(md, der, &der_bytes) != 1) {
        return UD_ERR_CRYPTO;
    }
    return signature_from_der(der, der_bytes, signature);
}

static ud_err sign(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                   size_t *signature_bytes)
{
    const struct ud_key_pair *pair = ctx;
    uint8_t out[UD_P256_SIGNATURE_BYTES];
    if (alg != UD_ALG_ES256 && alg != UD_ALG_ESP256) {
        return UD_ERR_ALGORITHM;
    }
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const ud_err err = sign_parts(md, pair->key, parts, count, out);
    EVP_MD_CTX_free(md);
    if (err != UD_OK) {
        return failed(err);
    }
    memcpy(signature, out, sizeof out);
    *signature_bytes = sizeof out;
    return UD_OK;
}

ud_err ud_key_pair_signer(struct ud_key_pair *pair, ud_alg alg, struct ud_signer *signer)
{
    struct ud_signer made = {.alg = alg, .sign = sign, .ctx = pair};
    if (alg != UD_ALG_ES256 && alg != UD_ALG_ESP256) {
        return UD_ERR_ALGORITHM;
    }
    memcpy(made.pub, pair->pub, sizeof made.pub);
    const ud_err err = ud_cose_key_kid(made.pub, made.kid);
    if (err == UD_OK) {
        *signer = made;
    }
    return err;
}

void ud_key_pair_public(const struct ud_key_pair *pair, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    memcpy(pub, pair->pub, UD_P256_PUBLIC_BYTES);
}

void ud_key_pair_close(struct ud_key_pair *pair)
{
    if (pair != NULL) {
        EVP_PKEY_free(pair->key); /* overwrites the private number */
        free(pair);
    }
}

ud_err ud_public_key_parse(struct ud_bytes pem, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    if (pem.len > UD_PEM_BYTES_MAX) {
        return UD_ERR_LIMIT;
    }
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
    const ud_err err = public_of(key, pub);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return err == UD_OK ? UD_OK : failed(err);
}

ud_err ud_public_key_write(struct ud_buf *out, const uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    EVP_PKEY *key = ud_p256_public(pub);
    BIO *bio = BIO_new(BIO_s_mem());
    ud_err err = key != NULL ? UD_ERR_CRYPTO : UD_ERR_KEY;
    if (key != NULL && bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
        err = ud_buf_put(out, bio_bytes(bio)) ? UD_OK : UD_ERR_BUFFER;
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return err == UD_OK ? UD_OK : failed(err);
}

ud_err ud_public_key_load(const char *path, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    uint8_t pem[UD_PEM_BYTES_MAX];
    struct ud_buf buf = {pem, sizeof pem, 0};
    const ud_err err = ud_small_file_read(path, false, &buf);
    return err == UD_OK ? ud_public_key_parse(ud_buf_bytes(&buf), pub) : err;
}

ud_err ud_public_key_save(const uint8_t pub[UD_P256_PUBLIC_BYTES], const char *path, bool replace)
{
    uint8_t pem[512];
    struct ud_buf buf = {pem, sizeof pem, 0};
    const ud_err err = ud_public_key_write(&buf, pub);
    return err == UD_OK ? ud_small_file_write(path, 0644, replace, ud_buf_bytes(&buf)) : err;
}

ud_err ud_random(uint8_t *out, size_t len)
{
    if (len > INT_MAX || RAND_bytes(out, (int)len) != 1) {
        return failed(UD_ERR_CRYPTO);
    }
    return UD_OK;
}
