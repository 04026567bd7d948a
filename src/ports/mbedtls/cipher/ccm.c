/* AES-CCM of updraft/cipher.h by mbedTLS's own functions: whole messages, for OSCORE. */
#include <mbedtls/ccm.h>

#include "updraft/cipher.h"

static ud_err begin(mbedtls_ccm_context *ccm, struct ud_bytes key, struct ud_bytes aad, size_t bytes)
{
    mbedtls_ccm_init(ccm);
    if (key.len != UD_AES_CCM_KEY_BYTES) {
        return UD_ERR_KEY;
    }
    if (bytes > UINT16_MAX || aad.len > UD_AES_CCM_AAD_BYTES_MAX) {
        return UD_ERR_LIMIT;
    }
    return mbedtls_ccm_setkey(ccm, MBEDTLS_CIPHER_ID_AES, key.ptr, (unsigned int)(8 * key.len)) == 0
               ? UD_OK
               : UD_ERR_CRYPTO;
}

ud_err ud_aes_ccm_seal(struct ud_bytes key, const uint8_t nonce[UD_AES_CCM_NONCE_BYTES], struct ud_bytes aad,
                       struct ud_bytes plain, uint8_t *out, uint8_t tag[UD_AES_CCM_TAG_BYTES])
{
    mbedtls_ccm_context ccm;
    ud_err err = begin(&ccm, key, aad, plain.len);
    if (err == UD_OK && mbedtls_ccm_encrypt_and_tag(&ccm, plain.len, nonce, UD_AES_CCM_NONCE_BYTES, aad.ptr,
                                                    aad.len, plain.ptr, out, tag, UD_AES_CCM_TAG_BYTES) != 0) {
        err = UD_ERR_CRYPTO;
    }
    mbedtls_ccm_free(&ccm);
    return err;
}

ud_err ud_aes_ccm_open(struct ud_bytes key, const uint8_t nonce[UD_AES_CCM_NONCE_BYTES], struct ud_bytes aad,
                       struct ud_bytes sealed, uint8_t *out)
{
    mbedtls_ccm_context ccm;
    struct ud_bytes text;
    if (!ud_bytes_take(
            &sealed, sealed.len < UD_AES_CCM_TAG_BYTES ? SIZE_MAX : sealed.len - UD_AES_CCM_TAG_BYTES, &text)) {
        return UD_ERR_DECRYPT;
    }
    ud_err err = begin(&ccm, key, aad, text.len);
    if (err == UD_OK) {
        const int status = mbedtls_ccm_auth_decrypt(&ccm, text.len, nonce, UD_AES_CCM_NONCE_BYTES, aad.ptr,
                                                    aad.len, text.ptr, out, sealed.ptr, UD_AES_CCM_TAG_BYTES);
        err = status == 0 ? UD_OK : status == MBEDTLS_ERR_CCM_AUTH_FAILED ? UD_ERR_DECRYPT : UD_ERR_CRYPTO;
    }
    mbedtls_ccm_free(&ccm);
    return err;
}
