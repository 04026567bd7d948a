/*
 * Signatures for firmware that verifies them, as a host's test writes them into the flash file: count (4 bytes,
 * little-endian), then for each: x || y, digest, r || s, verdict (4 bytes, little-endian).
 */
#ifndef UD_TESTS_P256_CASES_H
#define UD_TESTS_P256_CASES_H

#include "updraft/crypto.h"

struct p256_case {
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t digest[UD_SHA256_BYTES];
    uint8_t signature[UD_P256_SIGNATURE_BYTES];
    uint32_t verdict;
};

struct p256_cases {
    uint32_t count;
    struct p256_case cases[];
};

#endif
