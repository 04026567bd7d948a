/* Between the files of this backend only: a P-256 public key as OpenSSL holds it. */
#ifndef UPDRAFT_PORTS_OPENSSL_P256_H
#define UPDRAFT_PORTS_OPENSSL_P256_H

#include <openssl/evp.h>

#include "updraft/crypto.h"

/** @return the caller's (EVP_PKEY_free); NULL for a point that is not on the curve, or without memory. */
EVP_PKEY *ud_p256_public(const uint8_t pub[UD_P256_PUBLIC_BYTES]);

#endif
