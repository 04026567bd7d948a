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
#define UD_SHA512_BYTES 64
#define UD_P256_PUBLIC_BYTES 64    /* x || y, big-endian */
#define UD_P256_SIGNATURE_BYTES 64 /* r || s, big-endian */
#define UD_ED25519_PUBLIC_BYTES 32
#define UD_ED25519_SIGNATURE_BYTES 64
#define UD_HMAC256_BYTES 32       /* of a key, and of a tag */
#define UD_SIGNATURE_BYTES_MAX 64 /* of every algorithm but HSS/LMS, whose parameters say */
#define UD_KEY_BYTES_MAX 64
#define UD_KID_BYTES 32 /* SHA-256 COSE_Key thumbprint, RFC 9679 */

#ifndef UD_HASH_STATE_BYTES
#define UD_HASH_STATE_BYTES 240 /* large enough for every hosted backend; small ports set their own */
#endif

/* COSE algorithm identifiers (RFC 9053, RFC 9864, RFC 8778): signatures and message authentication codes. */
typedef enum ud_alg {
    UD_ALG_NONE = 0,
    UD_ALG_HMAC256 = 5, /* HMAC 256/256: the only one that is no signature */
    UD_ALG_ES256 = -7,
    UD_ALG_ESP256 = -9,
    UD_ALG_ED25519 = -19,
    UD_ALG_HSS_LMS = -46,
} ud_alg;

/* What a key is. It binds the algorithm: a key is never used with one of another kind (attack B8). */
typedef enum ud_key_type {
    UD_KEY_P256 = 0, /* x || y, UD_P256_PUBLIC_BYTES */
    UD_KEY_ED25519,  /* UD_ED25519_PUBLIC_BYTES */
    UD_KEY_HSS_LMS,  /* u32 levels || LMS public key: 60 bytes, or 52 for SHA-256/192 */
    UD_KEY_HMAC256,  /* UD_HMAC256_BYTES, a secret: who can verify with it can also make tags */
} ud_key_type;

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

/* A key to verify with. Borrowed bytes, as its type says; for UD_KEY_HMAC256 they are the secret. */
struct ud_key {
    struct ud_bytes pub;
    ud_key_type type;
};

/* One algorithm that a build has. */
struct ud_algorithm {
    ud_alg alg;
    ud_key_type key;
    ud_err (*verify)(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                     struct ud_bytes signature);
};

/*
 * The algorithms of this build, as many as `ud_algorithm_count`: one file that the build chooses, beside the backend.
 * What it does not name is not linked and costs nothing.
 */
extern const struct ud_algorithm ud_algorithms[];
extern const size_t ud_algorithm_count;

/** The row of this algorithm, or NULL where the build has none. */
const struct ud_algorithm *ud_algorithm_find(int64_t alg);

/**
 * Verify a signature, or a tag in constant time, over the concatenated parts.
 *
 * @return UD_OK only if it verifies; UD_ERR_SIGNATURE if not; UD_ERR_KEY for a point that is not on the curve, of small
 *         order, or of wrong length; UD_ERR_ALGORITHM for one that the build does not have or that does not belong to
 *         this type of key; UD_ERR_CRYPTO, UD_ERR_MEMORY if the library failed
 */
ud_err ud_crypto_verify(ud_alg alg, const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                        struct ud_bytes signature);

/*
 * Rows of a table: each checks the key's length, too. ES256 and Ed25519 are a backend's; HMAC is ours over its hash, and
 * HSS/LMS in updraft/hss.h.
 */
ud_err ud_es256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                       struct ud_bytes signature);
/** The same over a digest that the caller made, of a message that does not lie in memory: for a format of others. */
ud_err ud_es256_verify_digest(const struct ud_key *key, const uint8_t digest[UD_SHA256_BYTES],
                              struct ud_bytes signature);
ud_err ud_ed25519_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature);

/* A message that does not lie in memory: part by part, in order, each byte once; an error of `next` ends it. */
struct ud_message {
    void *ctx;
    /* @param part  out: what comes next, never empty; valid until the next call */
    ud_err (*next)(void *ctx, struct ud_bytes *part);
    uint32_t size_bytes; /* of all parts */
};
/** For a format of others, by backends that have Ed25519. @param digest out: [UD_SHA512_BYTES]. Errors of `next`; UD_ERR_MEMORY, UD_ERR_CRYPTO */
ud_err ud_sha512_message(const struct ud_message *message, uint8_t digest[UD_SHA512_BYTES]);
/** As ud_ed25519_verify(). OpenSSL's takes a message in one piece: UD_ERR_LIMIT above 16 MiB. Errors of `next` */
ud_err ud_ed25519_verify_message(const struct ud_key *key, const struct ud_message *message,
                                 struct ud_bytes signature);
ud_err ud_hmac256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature);

/**
 * For backends of Ed25519: false for a point of small order (a signature of it verifies for many messages) and for one
 * that is not in its one form. Libraries differ in what they let pass; with this first, all say the same.
 */
bool ud_ed25519_point_is_sound(const uint8_t point[UD_ED25519_PUBLIC_BYTES]);

/** HMAC-SHA-256 (RFC 2104) over the parts; a key of at most 64 bytes. UD_ERR_LIMIT, UD_ERR_MEMORY, UD_ERR_CRYPTO */
ud_err ud_hmac256(struct ud_bytes key, const struct ud_bytes *parts, size_t count,
                  uint8_t tag[UD_HMAC256_BYTES]);
/** HKDF-SHA-256 (RFC 5869), at most 32 bytes out. `salt` may be empty. UD_ERR_LIMIT and those of ud_hmac256(). */
ud_err ud_hkdf256(struct ud_bytes salt, struct ud_bytes secret, struct ud_bytes info, struct ud_buf *out,
                  size_t n);

/** Overwrite what was secret, so that no compiler leaves it out. */
void ud_wipe(void *memory, size_t bytes);

/* Whoever can sign: a PEM file, a PKCS#11 token, a secure element. The private key stays behind `sign`. */
struct ud_signer {
    ud_alg alg;
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_KEY_BYTES_MAX];
    /* Sign the concatenated parts; `signature` has room for signature_bytes of this struct. */
    ud_err (*sign)(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                   size_t *signature_bytes);
    void *ctx;
    size_t signature_bytes; /* how long each of its signatures is; 0: UD_SIGNATURE_BYTES_MAX */
    ud_key_type type;       /* of pub */
    uint8_t pub_bytes;      /* 0: as many as pub has room for */
};

#endif
