#include "ports/openssl/seal.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "ports/openssl/keys.h"
#include "ports/openssl/p256.h"

struct ud_seal {
    const struct ud_seal_cipher *cipher;
    EVP_CIPHER_CTX *ctx;
};

const struct ud_seal_cipher ud_seal_ciphers[] = {
    {"A128GCM", 1, 16, 12, 16},     {"A256GCM", 3, 32, 12, 16},     {"ChaCha20-Poly1305", 24, 32, 12, 16},
    {"A128CTR", -65534, 16, 16, 0}, {"A256CTR", -65532, 32, 16, 0}, {NULL, 0, 0, 0, 0},
};

static ud_err failed(ud_err err)
{
    ERR_clear_error();
    return err;
}

static const EVP_CIPHER *evp_of(int32_t alg)
{
    switch (alg) {
    case 1:
        return EVP_aes_128_gcm();
    case 3:
        return EVP_aes_256_gcm();
    case 24:
        return EVP_chacha20_poly1305();
    case -65534:
        return EVP_aes_128_ctr();
    case -65532:
        return EVP_aes_256_ctr();
    default:
        return NULL;
    }
}

ud_err ud_seal_open(struct ud_seal **seal, const struct ud_seal_cipher *cipher, const uint8_t *key,
                    const uint8_t *iv, struct ud_bytes aad)
{
    struct ud_seal *made = calloc(1, sizeof *made);
    int len = 0;
    if (made == NULL) {
        return UD_ERR_MEMORY;
    }
    made->cipher = cipher;
    made->ctx = EVP_CIPHER_CTX_new();
    if (made->ctx == NULL || EVP_EncryptInit_ex(made->ctx, evp_of(cipher->alg), NULL, key, iv) != 1 ||
        (aad.len > 0 && EVP_EncryptUpdate(made->ctx, NULL, &len, aad.ptr, (int)aad.len) != 1)) {
        ud_seal_close(made);
        return failed(UD_ERR_CRYPTO);
    }
    *seal = made;
    return UD_OK;
}

ud_err ud_seal_update(struct ud_seal *seal, struct ud_bytes plain, uint8_t *out)
{
    int len = 0;
    if (plain.len > UD_SEAL_CHUNK_BYTES ||
        EVP_EncryptUpdate(seal->ctx, out, &len, plain.ptr, (int)plain.len) != 1 || (size_t)len != plain.len) {
        return failed(UD_ERR_CRYPTO);
    }
    return UD_OK;
}

ud_err ud_seal_final(struct ud_seal *seal, uint8_t tag[UD_SEAL_TAG_BYTES])
{
    uint8_t rest[UD_SEAL_IV_BYTES_MAX];
    int len = 0;
    if (EVP_EncryptFinal_ex(seal->ctx, rest, &len) != 1 || len != 0) { /* stream ciphers hold nothing back */
        return failed(UD_ERR_CRYPTO);
    }
    if (seal->cipher->tag_bytes > 0 &&
        EVP_CIPHER_CTX_ctrl(seal->ctx, EVP_CTRL_AEAD_GET_TAG, seal->cipher->tag_bytes, tag) != 1) {
        return failed(UD_ERR_CRYPTO);
    }
    return UD_OK;
}

void ud_seal_close(struct ud_seal *seal)
{
    if (seal != NULL) {
        EVP_CIPHER_CTX_free(seal->ctx); /* overwrites the key */
        free(seal);
    }
}

ud_err ud_seal_wrap(struct ud_bytes kek, struct ud_bytes key, uint8_t *out)
{
    const EVP_CIPHER *cipher = kek.len == 16 ? EVP_aes_128_wrap() : kek.len == 32 ? EVP_aes_256_wrap() : NULL;
    EVP_CIPHER_CTX *ctx = cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
    int len = 0;
    if (cipher == NULL || key.len % 8 != 0 || key.len > UD_SEAL_KEY_BYTES_MAX) {
        EVP_CIPHER_CTX_free(ctx);
        return UD_ERR_KEY;
    }
    if (ctx != NULL) {
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    }
    const bool ok = ctx != NULL && EVP_EncryptInit_ex(ctx, cipher, NULL, kek.ptr, NULL) == 1 &&
                    EVP_EncryptUpdate(ctx, out, &len, key.ptr, (int)key.len) == 1 && (size_t)len == key.len + 8;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? UD_OK : failed(UD_ERR_CRYPTO);
}

static bool put_coordinate(const EVP_PKEY *key, const char *name, uint8_t out[UD_P256_PUBLIC_BYTES / 2])
{
    BIGNUM *value = NULL;
    const bool ok = EVP_PKEY_get_bn_param(key, name, &value) == 1 &&
                    BN_bn2binpad(value, out, UD_P256_PUBLIC_BYTES / 2) == UD_P256_PUBLIC_BYTES / 2;
    BN_free(value);
    return ok;
}

static ud_err derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t ephemeral[UD_P256_PUBLIC_BYTES], uint8_t z[32])
{
    size_t len = 32;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    const bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                    EVP_PKEY_derive(ctx, z, &len) == 1 && len == 32 &&
                    put_coordinate(own, OSSL_PKEY_PARAM_EC_PUB_X, ephemeral) &&
                    put_coordinate(own, OSSL_PKEY_PARAM_EC_PUB_Y, ephemeral + UD_P256_PUBLIC_BYTES / 2);
    EVP_PKEY_CTX_free(ctx);
    return ok ? UD_OK : failed(UD_ERR_CRYPTO);
}

ud_err ud_seal_agree(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t ephemeral[UD_P256_PUBLIC_BYTES],
                     uint8_t z[32])
{
    EVP_PKEY *peer = ud_p256_public(pub);
    EVP_PKEY *own = peer != NULL ? EVP_EC_gen("P-256") : NULL;
    ud_err err = peer == NULL ? UD_ERR_KEY : own == NULL ? UD_ERR_CRYPTO : UD_OK;
    err = err == UD_OK ? derive(own, peer, ephemeral, z) : failed(err);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return err;
}
