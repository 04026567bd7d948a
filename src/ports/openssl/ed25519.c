/* Ed25519 by OpenSSL 3, which takes a message in one piece only. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "updraft/crypto.h"

enum { PARTS_BYTES_MAX = 1 << 20, MESSAGE_BYTES_MAX = 16 << 20 };

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

/* What libraries see differently, the same here. */
static ud_err check(const struct ud_key *key, struct ud_bytes signature)
{
    if (key->pub.len != UD_ED25519_PUBLIC_BYTES || !ud_ed25519_point_is_sound(key->pub.ptr)) {
        return UD_ERR_KEY;
    }
    if (signature.len != UD_ED25519_SIGNATURE_BYTES || !ud_ed25519_point_is_sound(signature.ptr)) {
        return UD_ERR_SIGNATURE;
    }
    return UD_OK;
}

ud_err ud_ed25519_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature)
{
    size_t whole = 0;
    ud_err err = check(key, signature);
    if (err != UD_OK) {
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > PARTS_BYTES_MAX - whole) {
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
    err = verify(key, ud_buf_bytes(&message), signature);
    free(message.ptr);
    return err;
}

ud_err ud_ed25519_verify_message(const struct ud_key *key, const struct ud_message *message,
                                 struct ud_bytes signature)
{
    ud_err err = check(key, signature);
    if (err == UD_OK && message->size_bytes > MESSAGE_BYTES_MAX) {
        err = UD_ERR_LIMIT;
    }
    if (err != UD_OK) {
        return err;
    }
    struct ud_buf whole = {malloc((size_t)message->size_bytes + 1), message->size_bytes, 0};
    err = whole.ptr != NULL ? UD_OK : UD_ERR_MEMORY;
    while (err == UD_OK && whole.len < whole.cap) {
        struct ud_bytes part = {NULL, 0};
        err = message->next(message->ctx, &part);
        if (err == UD_OK && !ud_buf_put(&whole, part)) {
            err = UD_ERR_LIMIT;
        }
    }
    err = err == UD_OK ? verify(key, ud_buf_bytes(&whole), signature) : err;
    free(whole.ptr);
    return err;
}

ud_err ud_sha512_message(const struct ud_message *message, uint8_t digest[UD_SHA512_BYTES])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool going = md != NULL && EVP_DigestInit_ex(md, EVP_sha512(), NULL) == 1;
    ud_err err = UD_OK;
    struct ud_bytes part = {NULL, 0};
    for (uint32_t done = 0; going && err == UD_OK && done < message->size_bytes; done += (uint32_t)part.len) {
        err = message->next(message->ctx, &part);
        going = err != UD_OK || EVP_DigestUpdate(md, part.ptr, part.len) == 1;
    }
    going = going && (err != UD_OK || EVP_DigestFinal_ex(md, digest, NULL) == 1);
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return going ? err : UD_ERR_CRYPTO;
}
