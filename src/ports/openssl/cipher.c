/* updraft/cipher.h by OpenSSL 3: the EVP interface only. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "updraft/cipher.h"
#include "updraft/crypto.h"

static ud_err failed(ud_err err)
{
    ERR_clear_error();
    return err;
}

/* The caller's state holds one pointer: the library allocates its own context. */
static ud_err begin(struct ud_cipher_state *cipher, const EVP_CIPHER *kind, struct ud_bytes key,
                    const uint8_t *iv)
{
    EVP_CIPHER_CTX *ctx = NULL;
    cipher->state.align_ptr = NULL;
    if (kind == NULL || key.len != (size_t)EVP_CIPHER_get_key_length(kind)) {
        return UD_ERR_KEY;
    }
    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return failed(UD_ERR_MEMORY);
    }
    cipher->state.align_ptr = ctx;
    if (EVP_EncryptInit_ex2(ctx, kind, key.ptr, iv, NULL) != 1) {
        ud_cipher_abort(cipher);
        return failed(UD_ERR_CRYPTO);
    }
    return UD_OK;
}

static ud_err begin_seal(struct ud_cipher_state *cipher, const EVP_CIPHER *kind, struct ud_bytes key,
                         const uint8_t *iv, struct ud_bytes aad)
{
    int made = 0;
    const ud_err err = begin(cipher, kind, key, iv); /* both kinds take 12 bytes of IV by default */
    if (err == UD_OK && EVP_EncryptUpdate(cipher->state.align_ptr, NULL, &made, aad.ptr, (int)aad.len) != 1) {
        ud_cipher_abort(cipher);
        return failed(UD_ERR_CRYPTO);
    }
    return err;
}

ud_err ud_aes_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                     const uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    return begin(cipher, key.len == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(), key, block);
}

ud_err ud_aes_gcm_seal(struct ud_cipher_state *cipher, struct ud_bytes key, const uint8_t iv[UD_AEAD_IV_BYTES],
                       struct ud_bytes aad)
{
    return begin_seal(cipher, key.len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), key, iv, aad);
}

ud_err ud_chacha20_stream(struct ud_cipher_state *cipher, struct ud_bytes key,
                          const uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    return begin(cipher, EVP_chacha20(), key, block);
}

ud_err ud_chacha20_poly1305_seal(struct ud_cipher_state *cipher, struct ud_bytes key,
                                 const uint8_t iv[UD_AEAD_IV_BYTES], struct ud_bytes aad)
{
    return begin_seal(cipher, EVP_chacha20_poly1305(), key, iv, aad);
}

ud_err ud_cipher_update(struct ud_cipher_state *cipher, struct ud_bytes in, uint8_t *out)
{
    int made = 0;
    if (cipher->state.align_ptr == NULL) {
        return UD_ERR_STATE;
    }
    if (in.len > INT32_MAX) {
        return UD_ERR_LIMIT;
    }
    if (in.len > 0 && EVP_EncryptUpdate(cipher->state.align_ptr, out, &made, in.ptr, (int)in.len) != 1) {
        return failed(UD_ERR_CRYPTO);
    }
    return UD_OK;
}

ud_err ud_cipher_tag(struct ud_cipher_state *cipher, uint8_t tag[UD_AEAD_TAG_BYTES])
{
    EVP_CIPHER_CTX *ctx = cipher->state.align_ptr;
    uint8_t out[UD_AEAD_TAG_BYTES];
    int made = 0;
    if (ctx == NULL) {
        return UD_ERR_STATE;
    }
    const bool done = EVP_EncryptFinal_ex(ctx, out, &made) == 1 &&
                      EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, UD_AEAD_TAG_BYTES, out) == 1;
    ud_cipher_abort(cipher);
    if (!done) {
        return failed(UD_ERR_CRYPTO);
    }
    memcpy(tag, out, sizeof out);
    return UD_OK;
}

void ud_cipher_abort(struct ud_cipher_state *cipher)
{
    EVP_CIPHER_CTX_free(cipher->state.align_ptr); /* overwrites its keys */
    cipher->state.align_ptr = NULL;
}

static ud_err wrap(struct ud_bytes kek, struct ud_bytes in, bool wrapping, uint8_t *out)
{
    uint8_t made[UD_CONTENT_KEY_BYTES_MAX + 2 * UD_KEY_WRAP_BYTES];
    int made_bytes = 0;
    const size_t want = wrapping ? in.len + UD_KEY_WRAP_BYTES : in.len - UD_KEY_WRAP_BYTES;
    const EVP_CIPHER *kind = kek.len == 16 ? EVP_aes_128_wrap() : EVP_aes_256_wrap();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    ud_err err = UD_ERR_MEMORY;
    if (ctx != NULL) {
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        err = UD_ERR_CRYPTO;
    }
    if (ctx != NULL && EVP_CipherInit_ex(ctx, kind, NULL, kek.ptr, NULL, wrapping) == 1) {
        const bool done = EVP_CipherUpdate(ctx, made, &made_bytes, in.ptr, (int)in.len) == 1;
        err = done && (size_t)made_bytes == want ? UD_OK : wrapping ? UD_ERR_CRYPTO : UD_ERR_DECRYPT;
    }
    EVP_CIPHER_CTX_free(ctx);
    if (err == UD_OK) {
        memcpy(out, made, want);
    }
    ud_wipe(made, sizeof made);
    return err == UD_OK ? UD_OK : failed(err);
}

static bool lengths_fit(struct ud_bytes kek, size_t key_bytes)
{
    return (kek.len == 16 || kek.len == 32) && (key_bytes == 16 || key_bytes == UD_CONTENT_KEY_BYTES_MAX);
}

ud_err ud_aes_key_unwrap(struct ud_bytes kek, struct ud_bytes wrapped, uint8_t *key)
{
    if (wrapped.len < UD_KEY_WRAP_BYTES || !lengths_fit(kek, wrapped.len - UD_KEY_WRAP_BYTES)) {
        return UD_ERR_KEY;
    }
    return wrap(kek, wrapped, false, key);
}

ud_err ud_aes_key_wrap(struct ud_bytes kek, struct ud_bytes key, uint8_t *wrapped)
{
    return lengths_fit(kek, key.len) ? wrap(kek, key, true, wrapped) : UD_ERR_KEY;
}
