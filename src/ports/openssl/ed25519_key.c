#include "ports/openssl/ed25519_key.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "updraft/cose.h"

enum { MESSAGE_BYTES_MAX = 4096 }; /* Ed25519 takes the message in one piece */

struct ud_ed25519_pair {
    EVP_PKEY *key;
    uint8_t pub[UD_ED25519_PUBLIC_BYTES];
};

static ud_err failed(ud_err err)
{
    ERR_clear_error();
    return err;
}

/* Takes `key` over, also on error. */
static ud_err pair_of(EVP_PKEY *key, struct ud_ed25519_pair **pair)
{
    struct ud_ed25519_pair *made = key != NULL ? malloc(sizeof *made) : NULL;
    size_t len = UD_ED25519_PUBLIC_BYTES;
    if (key != NULL && made == NULL) {
        EVP_PKEY_free(key);
        return UD_ERR_MEMORY;
    }
    if (key == NULL || EVP_PKEY_is_a(key, "ED25519") != 1 ||
        EVP_PKEY_get_raw_public_key(key, made->pub, &len) != 1 || len != UD_ED25519_PUBLIC_BYTES) {
        EVP_PKEY_free(key);
        free(made);
        return failed(UD_ERR_KEY);
    }
    made->key = key;
    *pair = made;
    return UD_OK;
}

ud_err ud_ed25519_generate(struct ud_ed25519_pair **pair)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return key == NULL ? failed(UD_ERR_CRYPTO) : pair_of(key, pair);
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

ud_err ud_ed25519_parse(struct ud_bytes pem, struct ud_ed25519_pair **pair)
{
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    const ud_err err = pair_of(key, pair);
    return err == UD_OK ? UD_OK : failed(err);
}

ud_err ud_ed25519_of_secret(const uint8_t secret[32], struct ud_ed25519_pair **pair)
{
    return pair_of(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32), pair);
}

static ud_err put_bio(struct ud_buf *out, BIO *bio)
{
    char *text = NULL;
    const long len = BIO_get_mem_data(bio, &text);
    return ud_buf_put(out, (struct ud_bytes){(const uint8_t *)text, len > 0 ? (size_t)len : 0}) ? UD_OK
                                                                                                : UD_ERR_BUFFER;
}

ud_err ud_ed25519_write(const struct ud_ed25519_pair *pair, struct ud_buf *out)
{
    ud_err err = UD_ERR_CRYPTO;
    BIO *bio = BIO_new(BIO_s_mem()); /* its memory is overwritten when it is freed */
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, pair->key, NULL, NULL, 0, NULL, NULL) == 1) {
        err = put_bio(out, bio);
    }
    BIO_free(bio);
    return err == UD_OK ? UD_OK : failed(err);
}

static ud_err sign(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                   size_t *signature_bytes)
{
    const struct ud_ed25519_pair *pair = ctx;
    uint8_t message[MESSAGE_BYTES_MAX];
    struct ud_buf whole = {message, sizeof message, 0};
    size_t len = UD_ED25519_SIGNATURE_BYTES;
    if (alg != UD_ALG_ED25519) {
        return UD_ERR_ALGORITHM;
    }
    for (size_t i = 0; i < count; i++) {
        if (!ud_buf_put(&whole, parts[i])) {
            return UD_ERR_LIMIT;
        }
    }
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const bool ok = md != NULL && EVP_DigestSignInit(md, NULL, NULL, NULL, pair->key) == 1 &&
                    EVP_DigestSign(md, signature, &len, whole.ptr, whole.len) == 1;
    EVP_MD_CTX_free(md);
    *signature_bytes = len;
    return ok ? UD_OK : failed(UD_ERR_CRYPTO);
}

ud_err ud_ed25519_signer(struct ud_ed25519_pair *pair, ud_alg alg, struct ud_signer *signer)
{
    struct ud_signer made = {
        .alg = alg, .sign = sign, .ctx = pair, .type = UD_KEY_ED25519, .pub_bytes = UD_ED25519_PUBLIC_BYTES};
    const struct ud_key pub = {.pub = {pair->pub, sizeof pair->pub}, .type = UD_KEY_ED25519};
    if (alg != UD_ALG_ED25519) {
        return UD_ERR_ALGORITHM;
    }
    memcpy(made.pub, pair->pub, sizeof pair->pub);
    const ud_err err = ud_cose_key_thumbprint(&pub, made.kid);
    if (err == UD_OK) {
        *signer = made;
    }
    return err;
}

void ud_ed25519_close(struct ud_ed25519_pair *pair)
{
    if (pair != NULL) {
        EVP_PKEY_free(pair->key); /* overwrites the private number */
        free(pair);
    }
}

ud_err ud_ed25519_public_parse(struct ud_bytes pem, uint8_t pub[UD_ED25519_PUBLIC_BYTES])
{
    uint8_t found[UD_ED25519_PUBLIC_BYTES];
    size_t len = sizeof found;
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL) : NULL;
    const bool ok = key != NULL && EVP_PKEY_is_a(key, "ED25519") == 1 &&
                    EVP_PKEY_get_raw_public_key(key, found, &len) == 1 && len == sizeof found;
    BIO_free(bio);
    EVP_PKEY_free(key);
    if (!ok) {
        return failed(UD_ERR_KEY);
    }
    memcpy(pub, found, sizeof found);
    return UD_OK;
}

ud_err ud_ed25519_public_write(struct ud_buf *out, const uint8_t pub[UD_ED25519_PUBLIC_BYTES])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub, UD_ED25519_PUBLIC_BYTES);
    BIO *bio = BIO_new(BIO_s_mem());
    ud_err err = key != NULL ? UD_ERR_CRYPTO : UD_ERR_KEY;
    if (key != NULL && bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
        err = put_bio(out, bio);
    }
    BIO_free(bio);
    EVP_PKEY_free(key);
    return err == UD_OK ? UD_OK : failed(err);
}
