/* AES-CCM of updraft/cipher.h by OpenSSL 3: whole messages, for OSCORE. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "updraft/cipher.h"

/* Key, lengths, IV, then the length of all and the additional data: the order that the library asks for. */
static EVP_CIPHER_CTX *begin(struct ud_bytes key, const uint8_t nonce[UD_AES_CCM_NONCE_BYTES],
                             struct ud_bytes aad, size_t bytes, const uint8_t *tag, bool sealing)
{
    int made = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t copy[UD_AES_CCM_TAG_BYTES] = {0};
    if (tag != NULL) {
        memcpy(copy, tag, sizeof copy);
    }
    if (ctx == NULL || EVP_CipherInit_ex2(ctx, EVP_aes_128_ccm(), NULL, NULL, sealing, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, UD_AES_CCM_NONCE_BYTES, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, UD_AES_CCM_TAG_BYTES, sealing ? NULL : copy) != 1 ||
        EVP_CipherInit_ex2(ctx, NULL, key.ptr, nonce, sealing, NULL) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &made, NULL, (int)bytes) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &made, aad.ptr, (int)aad.len) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static ud_err check(struct ud_bytes key, struct ud_bytes aad, size_t bytes)
{
    if (key.len != UD_AES_CCM_KEY_BYTES) {
        return UD_ERR_KEY;
    }
    return bytes > UINT16_MAX || aad.len > UD_AES_CCM_AAD_BYTES_MAX ? UD_ERR_LIMIT : UD_OK;
}

ud_err ud_aes_ccm_seal(struct ud_bytes key, const uint8_t nonce[UD_AES_CCM_NONCE_BYTES], struct ud_bytes aad,
                       struct ud_bytes plain, uint8_t *out, uint8_t tag[UD_AES_CCM_TAG_BYTES])
{
    int made = 0;
    ud_err err = check(key, aad, plain.len);
    if (err != UD_OK) {
        return err;
    }
    EVP_CIPHER_CTX *ctx = begin(key, nonce, aad, plain.len, NULL, true);
    err = ctx != NULL && EVP_CipherUpdate(ctx, out, &made, plain.ptr, (int)plain.len) == 1 &&
                  EVP_CipherFinal_ex(ctx, out + made, &made) == 1 &&
                  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, UD_AES_CCM_TAG_BYTES, tag) == 1
              ? UD_OK
              : UD_ERR_CRYPTO;
    EVP_CIPHER_CTX_free(ctx);
    if (err != UD_OK) {
        ERR_clear_error();
    }
    return err;
}

ud_err ud_aes_ccm_open(struct ud_bytes key, const uint8_t nonce[UD_AES_CCM_NONCE_BYTES], struct ud_bytes aad,
                       struct ud_bytes sealed, uint8_t *out)
{
    int made = 0;
    struct ud_bytes text;
    if (!ud_bytes_take(
            &sealed, sealed.len < UD_AES_CCM_TAG_BYTES ? SIZE_MAX : sealed.len - UD_AES_CCM_TAG_BYTES, &text)) {
        return UD_ERR_DECRYPT;
    }
    ud_err err = check(key, aad, text.len);
    if (err != UD_OK) {
        return err;
    }
    EVP_CIPHER_CTX *ctx = begin(key, nonce, aad, text.len, sealed.ptr, false);
    err = ctx == NULL ? UD_ERR_CRYPTO
          : EVP_CipherUpdate(ctx, out, &made, text.ptr, (int)text.len) == 1
              ? UD_OK /* which compares the tag, too */
              : UD_ERR_DECRYPT;
    EVP_CIPHER_CTX_free(ctx);
    if (err != UD_OK) {
        ERR_clear_error();
    }
    return err;
}
