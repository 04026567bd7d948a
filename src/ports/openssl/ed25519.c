/* Ed25519 by OpenSSL 3, which takes a message in one piece only. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "updraft/crypto.h"

enum { MESSAGE_BYTES_MAX = 1 << 20 };

static ud_err verify(const struct ud_key *key, struct ud_bytes message, struct ud_bytes signature)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->pub.ptr, key->pub.len);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ud_err err = pkey == NULL ? UD_ERR_KEY : UD_ERR_CRYPTO;
    if (pkey != NULL && md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1) {
        err = EVP_DigestVerify(md, signature.ptr, signature.len, message.ptr, message.len) == 1
                  ? UD_OK
                  : UD_ERR_SIGNATURE;
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return err;
}

ud_err ud_ed25519_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature)
{
    size_t whole = 0;
    if (key->pub.len != UD_ED25519_PUBLIC_BYTES || !ud_ed25519_point_is_sound(key->pub.ptr)) {
        return UD_ERR_KEY;
    }
    if (signature.len != UD_ED25519_SIGNATURE_BYTES || !ud_ed25519_point_is_sound(signature.ptr)) {
        return UD_ERR_SIGNATURE;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > MESSAGE_BYTES_MAX - whole) {
            return UD_ERR_LIMIT;
        }
        whole += parts[i].len;
    }
    struct ud_buf message = {malloc(whole + 1), whole, 0};
    if (message.ptr == NULL) {
        return UD_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        (void)ud_buf_put(&message, parts[i]);
    }
    const ud_err err = verify(key, ud_buf_bytes(&message), signature);
    free(message.ptr);
    return err;
}
