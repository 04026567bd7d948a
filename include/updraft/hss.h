/*
 * HSS/LMS signatures (RFC 8554) with SHA-256 and SHA-256/192 (RFC 9858): verification. Hash functions are all that it
 * stands on, so a forged manifest needs more than a quantum computer. A key may sign only a limited number of times,
 * which is the signer's business; whoever verifies keeps no state.
 *
 *     static const struct ud_hss_policy policy = {
 *         .lms_types = UD_HSS_TYPE(UD_LMS_SHA256_M24_H5), .ots_types = UD_HSS_TYPE(8), .levels_max = 1};
 *     err = ud_hss_verify(&policy, pub, &message, 1, signature);
 *
 * A typecode inside key and signature names the parameter set, and COSE's algorithm identifier (-46, RFC 8778) names
 * none. So the device states which sets it takes. SHAKE256 sets are not here.
 */
#ifndef UPDRAFT_HSS_H
#define UPDRAFT_HSS_H

#include "updraft/crypto.h"

#define UD_HSS_LEVELS_MAX 8        /* RFC 8554 section 6 */
#define UD_HSS_PUBLIC_BYTES_MAX 60 /* 52 for SHA-256/192 */

/* Height 5 of each hash; heights 10, 15, 20, 25 follow one by one. */
enum { UD_LMS_SHA256_M32_H5 = 5, UD_LMS_SHA256_M24_H5 = 10 };
/* Winternitz parameter 1 of each hash; 2, 4, 8 follow one by one. */
enum { UD_LMOTS_SHA256_N32_W1 = 1, UD_LMOTS_SHA256_N24_W1 = 5 };

#define UD_HSS_TYPE(typecode) ((uint32_t)1 << (typecode))

/* What is accepted; other typecodes than those named above are refused whatever stands here. */
struct ud_hss_policy {
    uint32_t lms_types; /* set of UD_HSS_TYPE(typecode) */
    uint32_t ots_types; /* the same for LM-OTS */
    uint8_t levels_max; /* 1..UD_HSS_LEVELS_MAX */
};

/**
 * Verify a signature over the concatenated parts.
 *
 * @param pub       HSS public key, u32 levels || LMS public key; exactly that long
 * @param signature HSS signature, exactly as long as its parameters say
 * @return UD_OK only if it verifies; UD_ERR_KEY for a public key that is none; UD_ERR_ALGORITHM for a parameter set or
 *         number of levels that the policy does not have; UD_ERR_SIGNATURE for everything else that is wrong with the
 *         signature; UD_ERR_MEMORY and UD_ERR_CRYPTO from the hash
 *
 * Cost:   for each level about chains x 2^(w-1) hashes of one block (w = 8, n = 24: 3,300; w = 1: 100) and one for
 *         each step of height; about 600 bytes of stack on a 32-bit device, hash states included
 * Source: RFC 8554 sections 4 to 6, RFC 9858
 */
ud_err ud_hss_verify(const struct ud_hss_policy *policy, struct ud_bytes pub, const struct ud_bytes *parts,
                     size_t count, struct ud_bytes signature);

/* What this build accepts, beside its table of algorithms (ud_algorithms), where HSS/LMS is in that. */
extern const struct ud_hss_policy ud_hss_allowed;

/** Row of a table of algorithms: ud_hss_verify() under ud_hss_allowed. */
ud_err ud_hss_lms_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature);

#endif
