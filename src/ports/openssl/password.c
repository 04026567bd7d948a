#include "ports/openssl/password.h"

#include "ports/openssl/keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

enum { VERSION = 1, LOG2_N = 15, R = 8, P = 1, SALT_AT = 4, SALT_BYTES = 16, KEY_AT = 20, KEY_BYTES = 32 };
#define MEMORY_BYTES_MAX (64U << 20)

static ud_err derive(struct ud_bytes password, const uint8_t *stored, uint8_t key[KEY_BYTES])
{
    if (stored[0] != VERSION || stored[1] < 1 || stored[1] > LOG2_N || stored[2] > R || stored[3] > P) {
        return UD_ERR_CRYPTO;
    }
    const int done =
        EVP_PBE_scrypt((const char *)password.ptr, password.len, stored + SALT_AT, SALT_BYTES,
                       UINT64_C(1) << stored[1], stored[2], stored[3], MEMORY_BYTES_MAX, key, KEY_BYTES);
    return done == 1 ? UD_OK : UD_ERR_CRYPTO;
}

ud_err ud_password_store(struct ud_bytes password, uint8_t stored[UD_PASSWORD_STORED_BYTES])
{
    uint8_t made[UD_PASSWORD_STORED_BYTES] = {VERSION, LOG2_N, R, P};
    if (password.len < UD_PASSWORD_BYTES_MIN || password.len > UD_PASSWORD_BYTES_MAX) {
        return UD_ERR_PASSWORD;
    }
    ud_err err = ud_random(made + SALT_AT, SALT_BYTES);
    err = err == UD_OK ? derive(password, made, made + KEY_AT) : err;
    if (err == UD_OK) {
        memcpy(stored, made, sizeof made);
    }
    return err;
}

ud_err ud_password_check(struct ud_bytes password, const uint8_t *stored)
{
    static const uint8_t nobody[UD_PASSWORD_STORED_BYTES] = {VERSION, LOG2_N, R, P};
    uint8_t key[KEY_BYTES];
    if (password.len > UD_PASSWORD_BYTES_MAX) {
        return UD_ERR_AUTH;
    }
    const uint8_t *against = stored == NULL ? nobody : stored;
    const ud_err err = derive(password, against, key);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_bytes want = {against + KEY_AT, KEY_BYTES};
    const bool same = ud_bytes_equal_secret((struct ud_bytes){key, KEY_BYTES}, want);
    return same && stored != NULL ? UD_OK : UD_ERR_AUTH;
}

ud_err ud_hmac_sha256(struct ud_bytes key, const struct ud_bytes *parts, size_t count, uint8_t mac[32])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = method == NULL ? NULL : EVP_MAC_CTX_new(method);
    const unsigned char *bytes = key.len == 0 ? (const unsigned char *)"" : key.ptr;
    size_t len = 0;
    bool good = ctx != NULL && EVP_MAC_init(ctx, bytes, key.len, params) == 1;
    for (size_t i = 0; good && i < count; i++) {
        good = parts[i].len == 0 || EVP_MAC_update(ctx, parts[i].ptr, parts[i].len) == 1;
    }
    good = good && EVP_MAC_final(ctx, mac, &len, 32) == 1 && len == 32;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(method);
    return good ? UD_OK : UD_ERR_CRYPTO;
}
