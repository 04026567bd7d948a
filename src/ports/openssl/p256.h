/* Between the files of this backend only: P-256 keys as OpenSSL holds them. */
#ifndef UPDRAFT_PORTS_OPENSSL_P256_H
#define UPDRAFT_PORTS_OPENSSL_P256_H

#include <openssl/evp.h>

#include "ports/openssl/keys.h"

/** @return the caller's (EVP_PKEY_free); NULL for a point that is not on the curve, or without memory. */
EVP_PKEY *ud_p256_public(const uint8_t pub[UD_P256_PUBLIC_BYTES]);

/** Borrowed: the pair's, private half included. */
EVP_PKEY *ud_key_pair_pkey(const struct ud_key_pair *pair);
/** A pair of a key that has both halves; takes `key` over, also on error. UD_ERR_KEY, UD_ERR_MEMORY */
ud_err ud_key_pair_of(EVP_PKEY *key, struct ud_key_pair **pair);

#endif
