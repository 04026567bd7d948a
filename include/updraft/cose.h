/*
 * COSE_Sign1 (RFC 9052, tag 18) and COSE_Key (RFC 9052 section 7, thumbprint RFC 9679).
 *
 * The algorithm must stand in the protected header. Header maps need not be in deterministic order (published
 * SUIT vectors are not), but a key twice, also across the two headers, is an error, and so is `crit`.
 */
#ifndef UPDRAFT_COSE_H
#define UPDRAFT_COSE_H

#include "updraft/crypto.h"
#include "updraft/limits.h"

#define UD_COSE_KEY_BYTES_MAX 128
#define UD_COSE_SIGN1_OVERHEAD_BYTES_MAX 160 /* what ud_cose_sign1_write adds to its payload */

/* Views into the input. */
struct ud_cose_sign1 {
    struct ud_bytes protected_bytes; /* content of the protected bstr */
    struct ud_bytes kid;             /* empty where there is none */
    struct ud_bytes payload;         /* empty when detached */
    struct ud_bytes signature;
    int64_t alg; /* as written; may be one that we do not know */
    bool detached;
};

/**
 * @param in   the whole item, tag 18 included
 * @param diag offsets count from the start of `in`; may be NULL
 * @return UD_ERR_COSE for another structure, no algorithm in the protected header, or `crit`; UD_ERR_ALGORITHM for an
 *         algorithm that is not a number; UD_ERR_DUPLICATE; UD_ERR_LIMIT; errors of the CBOR reader
 */
ud_err ud_cose_sign1_parse(struct ud_cose_sign1 *sign1, struct ud_bytes in, struct ud_diag *diag);

/**
 * Verify over the Sig_structure of "Signature1" with empty external data.
 *
 * @param payload the content that was signed; for an attached payload pass sign1->payload
 * @return as ud_crypto_verify(); UD_ERR_ALGORITHM when alg is not one of ud_alg
 */
ud_err ud_cose_sign1_verify(const struct ud_cose_sign1 *sign1, const struct ud_key *key,
                            struct ud_bytes payload);

/**
 * Append a COSE_Sign1 (tagged; protected {1: alg, 4: kid}). `detached` leaves nil in place of the payload.
 * @return UD_ERR_BUFFER, UD_ERR_ALGORITHM, or the signer's error; `out` is untouched then
 */
ud_err ud_cose_sign1_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                           bool detached);

/**
 * Read an EC2 P-256 COSE_Key; `pub` gets x || y. Whether the point is on the curve shows at the first verification.
 * UD_ERR_KEY for any other kind, a compressed point, or a private key; errors of the CBOR reader.
 */
ud_err ud_cose_key_parse(struct ud_bytes in, uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** Append the deterministic COSE_Key {1: 2, -1: 1, -2: x, -3: y}. */
ud_err ud_cose_key_write(struct ud_buf *out, const uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** kid = SHA-256 over the deterministic encoding of the required COSE_Key members (RFC 9679). */
ud_err ud_cose_key_kid(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t kid[UD_KID_BYTES]);

#endif
