/* ECDH on P-256, for encrypted images: `ud_key_pair_agree` is a struct ud_decrypt_key's, `ud_ephemeral_agree` a struct
 * ud_encrypt_to's. */
#ifndef UPDRAFT_PORTS_OPENSSL_AGREE_H
#define UPDRAFT_PORTS_OPENSSL_AGREE_H

#include "ports/openssl/keys.h"
#include "updraft/encrypt.h"

/** @param pair a struct ud_key_pair. UD_ERR_KEY for a point that is not on the curve; UD_ERR_CRYPTO */
ud_err ud_key_pair_agree(void *pair, const uint8_t pub[UD_P256_PUBLIC_BYTES],
                         uint8_t shared[UD_ECDH_SHARED_BYTES]);
/** With a key pair that is made for this and forgotten. */
ud_err ud_ephemeral_agree(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t ephemeral_pub[UD_P256_PUBLIC_BYTES],
                          uint8_t shared[UD_ECDH_SHARED_BYTES]);

#endif
