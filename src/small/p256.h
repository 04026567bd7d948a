/*
 * ECDSA verification on P-256, and nothing else of that curve: no signing, no key, no secret. Everything that goes in is
 * public, so the time it takes may depend on it; that is what makes it small. Code under 2.5 KB on Cortex-M3, no static
 * RAM, no heap, and it needs no random source.
 *
 * docs/design/p256.md says how it computes and why each special case is right.
 */
#ifndef UD_SMALL_P256_H
#define UD_SMALL_P256_H

#include "updraft/crypto.h"

/**
 * @param pub  x || y, big-endian; checked to be on the curve and below the prime
 * @param digest  of the message, 32 bytes, big-endian; a shorter digest is one with zeros in front (SEC 1, 4.1.4)
 * @param signature  r || s, big-endian: UD_P256_SIGNATURE_BYTES, anything else does not verify
 * @return UD_OK only if it verifies; UD_ERR_KEY; UD_ERR_SIGNATURE, also for r or s outside 1..order-1
 *
 * Cost:   about 4 million instructions on Cortex-M3
 * Source: SEC 1 version 2.0, 4.1.4; FIPS 186-5, 6.4.2; curve: SEC 2 version 2.0, 2.4.2
 */
ud_err ud_p256_verify(const uint8_t pub[UD_P256_PUBLIC_BYTES], const uint8_t digest[UD_SHA256_BYTES],
                      struct ud_bytes signature);

#endif
