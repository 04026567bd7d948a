/*
 * The cryptography that Updraft needs, as one small header. A backend is one folder under src/ports/ that the build
 * chooses (openssl, psa, mbedtls); all pass tests/unit/crypto. Nothing above this header includes a vendor's.
 *
 * Messages are given as parts, so nobody copies them together. No function keeps a pointer after it returns.
 */
#ifndef UPDRAFT_CRYPTO_H
#define UPDRAFT_CRYPTO_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_SHA256_BYTES 32
#define UD_P256_PUBLIC_BYTES 64    /* x || y, big-endian */
#define UD_P256_SIGNATURE_BYTES 64 /* r || s, big-endian */
#define UD_SIGNATURE_BYTES_MAX 64
#define UD_KID_BYTES 32 /* SHA-256 COSE_Key thumbprint, RFC 9679 */

#ifndef UD_HASH_STATE_BYTES
#define UD_HASH_STATE_BYTES 240 /* large enough for every hosted backend; small ports set their own */
#endif

/* COSE algorithm identifiers (RFC 9053, RFC 9864). */
typedef enum ud_alg {
    UD_ALG_ES256 = -7,
    UD_ALG_ESP256 = -9,
} ud_alg;

/* A running SHA-256. Caller's memory; starts with ud_hash_init, ends with ud_hash_final or ud_hash_abort. */
struct ud_hash {
    union {
        uint64_t align;
        void *align_ptr;
        uint8_t bytes[UD_HASH_STATE_BYTES];
    } state; /* private */
};

/**
 * Begin. The state's former content is not looked at, so release it before. After an error there is nothing to
 * release. UD_ERR_MEMORY, UD_ERR_CRYPTO
 */
ud_err ud_hash_init(struct ud_hash *hash);
/** UD_ERR_STATE when the state is zero or released; UD_ERR_CRYPTO. The state stays, also on error. */
ud_err ud_hash_update(struct ud_hash *hash, struct ud_bytes data);
/** @param digest out: [UD_SHA256_BYTES]. The state is released, also on error. Errors as ud_hash_update(). */
ud_err ud_hash_final(struct ud_hash *hash, uint8_t digest[UD_SHA256_BYTES]);
/** Release without a result. Harmless on a state that is zero or already released. */
void ud_hash_abort(struct ud_hash *hash);

/** SHA-256 over `count` parts. @param digest out: [UD_SHA256_BYTES]. UD_ERR_MEMORY, UD_ERR_CRYPTO */
ud_err ud_sha256(const struct ud_bytes *parts, size_t count, uint8_t digest[UD_SHA256_BYTES]);

/* A public key. Borrowed bytes: for ES256 and ESP256 x || y, UD_P256_PUBLIC_BYTES. */
struct ud_key {
    struct ud_bytes pub;
};

/**
 * Verify a signature over the concatenated parts (hashed inside for ES256/ESP256).
 *
 * @return UD_OK only if it verifies; UD_ERR_SIGNATURE if not; UD_ERR_KEY for a point that is not on the curve or of
 *         wrong length; UD_ERR_ALGORITHM; UD_ERR_CRYPTO if the library failed
 */
ud_err ud_crypto_verify(ud_alg alg, const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                        struct ud_bytes signature);

/* Whoever can sign: a PEM file, a PKCS#11 token, a secure element. The private key stays behind `sign`. */
struct ud_signer {
    ud_alg alg;
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    /* Sign the concatenated parts; `signature` has room for UD_SIGNATURE_BYTES_MAX. */
    ud_err (*sign)(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                   size_t *signature_bytes);
    void *ctx;
};

#endif
