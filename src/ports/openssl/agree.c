/* ECDH on P-256 by OpenSSL 3: for devices on hosts, and for whoever encrypts for a device. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ports/openssl/agree.h"
#include "ports/openssl/p256.h"

static ud_err derive(EVP_PKEY *own, const uint8_t pub[UD_P256_PUBLIC_BYTES],
                     uint8_t shared[UD_ECDH_SHARED_BYTES])
{
    EVP_PKEY *peer = ud_p256_public(pub); /* NULL for a point beside the curve */
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    size_t made = UD_ECDH_SHARED_BYTES;
    ud_err err = peer == NULL ? UD_ERR_KEY : UD_ERR_CRYPTO;
    if (peer != NULL && ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
        EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, shared, &made) == 1 &&
        made == UD_ECDH_SHARED_BYTES) {
        err = UD_OK;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    ERR_clear_error();
    return err;
}

ud_err ud_key_pair_agree(void *pair, const uint8_t pub[UD_P256_PUBLIC_BYTES],
                         uint8_t shared[UD_ECDH_SHARED_BYTES])
{
    return derive(ud_key_pair_pkey(pair), pub, shared);
}

ud_err ud_ephemeral_agree(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t ephemeral_pub[UD_P256_PUBLIC_BYTES],
                          uint8_t shared[UD_ECDH_SHARED_BYTES])
{
    struct ud_key_pair *pair = NULL;
    ud_err err = ud_key_pair_generate(&pair);
    if (err == UD_OK) {
        err = derive(ud_key_pair_pkey(pair), pub, shared);
        ud_key_pair_public(pair, ephemeral_pub);
    }
    ud_key_pair_close(pair);
    return err;
}
