#include "ports/openssl/jws.h"

#include "updraft/crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

enum { RSA_BYTES_MIN = 256, RSA_BYTES_MAX = 1024, EXPONENT_BYTES_MAX = 8 };

static EVP_PKEY *rsa_key(struct ud_bytes n, struct ud_bytes e)
{
    EVP_PKEY *key = NULL;
    BIGNUM *bn = BN_bin2bn(n.ptr, (int)n.len, NULL);
    BIGNUM *be = BN_bin2bn(e.ptr, (int)e.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (bn != NULL && be != NULL && build != NULL && ctx != NULL &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be) == 1) {
        params = OSSL_PARAM_BLD_to_param(build);
    }
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_free(bn);
    BN_free(be);
    return key;
}

ud_err ud_jws_rs256(struct ud_bytes n, struct ud_bytes e, struct ud_bytes data, struct ud_bytes signature)
{
    if (n.len < RSA_BYTES_MIN || n.len > RSA_BYTES_MAX || e.len == 0 || e.len > EXPONENT_BYTES_MAX) {
        return UD_ERR_KEY;
    }
    EVP_PKEY *key = rsa_key(n, e);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ud_err err = key == NULL ? UD_ERR_KEY : md == NULL ? UD_ERR_CRYPTO : UD_OK;
    if (err == UD_OK && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) != 1) {
        err = UD_ERR_CRYPTO;
    }
    if (err == UD_OK && EVP_DigestVerify(md, signature.ptr, signature.len, data.ptr, data.len) != 1) {
        err = UD_ERR_SIGNATURE;
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return err;
}

ud_err ud_jws_es256(struct ud_bytes x, struct ud_bytes y, struct ud_bytes data, struct ud_bytes signature)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    if (x.len != 32 || y.len != 32) {
        return UD_ERR_KEY;
    }
    memcpy(pub, x.ptr, 32);
    memcpy(pub + 32, y.ptr, 32);
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(pub)};
    return ud_crypto_verify(UD_ALG_ES256, &key, &data, 1, signature);
}

static int digit(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-'             ? 62
           : c == '_'             ? 63
                                  : -1;
}

ud_err ud_base64url_read(struct ud_bytes text, uint8_t *out, size_t room, size_t *len)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        const int value = digit(text.ptr[i]);
        if (value < 0) {
            return UD_ERR_TEXT;
        }
        bits = (bits << 6 | (uint32_t)value) & 0xfff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            if (done == room) {
                return UD_ERR_BUFFER;
            }
            out[done++] = (uint8_t)(bits >> count);
        }
    }
    if (text.len % 4 == 1 || (bits & ((1U << count) - 1)) != 0) {
        return UD_ERR_TEXT; /* bits left over: another writing of the same bytes */
    }
    *len = done;
    return UD_OK;
}

void ud_base64url_write(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        for (count += 8; count >= 6;) {
            count -= 6;
            *out++ = digits[bits >> count & 63];
        }
    }
    if (count > 0) {
        *out++ = digits[bits << (6 - count) & 63];
    }
    *out = '\0';
}
