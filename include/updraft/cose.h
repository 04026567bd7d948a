/*
 * COSE (RFC 9052): who vouches for a payload. COSE_Sign1 (tag 18), COSE_Sign (98, several signers), COSE_Mac0 (17) and
 * COSE_Mac (97) are read alike, as a payload and its proofs; and COSE_Key (section 7, thumbprint RFC 9679).
 *
 *     struct ud_cose cose;
 *     struct ud_cose_proof proof;
 *     err = ud_cose_parse(&cose, bytes, &diag);
 *     for (size_t i = 0; i < cose.proof_count; i++) {
 *         err = ud_cose_proof(&cose, i, &proof);                   // proof.kid names the key
 *         err = ud_cose_verify(&proof, &key, cose.payload);
 *     }
 *
 * The algorithm of every proof must stand in a protected header. It must belong to the kind of structure and to the type
 * of the key, so none passes for another. Header maps need not be in deterministic order (published SUIT vectors are
 * not), but a label twice, also across the two headers, is an error, and so is `crit`.
 */
#ifndef UPDRAFT_COSE_H
#define UPDRAFT_COSE_H

#include "updraft/crypto.h"
#include "updraft/limits.h"

#define UD_COSE_KEY_BYTES_MAX 128
#define UD_COSE_SIGN1_OVERHEAD_BYTES_MAX 160 /* what ud_cose_sign1_write adds to its payload, HSS/LMS apart */

/* The tag of the structure. */
typedef enum ud_cose_kind {
    UD_COSE_MAC0 = 17,
    UD_COSE_SIGN1 = 18,
    UD_COSE_MAC = 97,
    UD_COSE_SIGN = 98,
} ud_cose_kind;

struct ud_cbor;
struct ud_cose;
struct ud_cose_proof;

/* One structure that a build can read. */
struct ud_cose_form {
    ud_cose_kind kind;
    uint8_t elements;
    const char *context; /* of what is signed, encoded: head of the array, then the text with its head */
    bool is_mac;
    /* what follows the payload, into `cose` */
    void (*take_rest)(struct ud_cbor *r, struct ud_cose *cose);
    /* the signer of proof `i`, into what the body gave; NULL where the body is the only proof */
    ud_err (*take_proof)(const struct ud_cose *cose, size_t i, struct ud_cose_proof *proof);
};

extern const struct ud_cose_form ud_cose_form_sign1;
extern const struct ud_cose_form ud_cose_form_sign;
extern const struct ud_cose_form ud_cose_form_mac0;
extern const struct ud_cose_form ud_cose_form_mac;

/* The structures of this build, beside its algorithms (ud_algorithms); what is not named is not linked. */
extern const struct ud_cose_form *const ud_cose_forms[];
extern const size_t ud_cose_form_count;

/* One signature or tag. Views into the input. */
struct ud_cose_proof {
    const struct ud_cose_form *form;
    int64_t alg;                     /* as written; may be one that we do not know; 0 for a COSE_Sign's body */
    struct ud_bytes body_protected;  /* content of the body's protected bstr */
    struct ud_bytes protected_bytes; /* of the signer, in a COSE_Sign */
    struct ud_bytes kid;             /* empty where there is none; of a COSE_Mac perhaps its recipient's */
    struct ud_bytes value;           /* signature or tag */
};

struct ud_cose {
    bool detached;
    uint8_t proof_count;       /* 1 but for COSE_Sign; at most UD_COSE_PROOFS_MAX */
    struct ud_bytes payload;   /* empty when detached */
    struct ud_bytes signers;   /* of a COSE_Sign: encoded COSE_Signature, one after another */
    struct ud_cose_proof body; /* what the body says; the only proof but in a COSE_Sign */
};

/**
 * Read one of the four structures, whole, with all its signers.
 *
 * @param cose out: undefined after an error
 * @param in   the whole item with its tag
 * @param diag offsets count from the start of `in`; may be NULL
 * @return UD_ERR_COSE for another structure, no algorithm in the protected header, `crit`, a COSE_Mac with other than one
 *         recipient that names the key directly (-6); UD_ERR_ALGORITHM for an algorithm that is not a number;
 *         UD_ERR_MISSING for a COSE_Sign without signers; UD_ERR_DUPLICATE; UD_ERR_LIMIT; errors of the CBOR reader
 */
ud_err ud_cose_parse(struct ud_cose *cose, struct ud_bytes in, struct ud_diag *diag);
/** Proof `i` of a structure that was read. UD_ERR_INDEX. */
ud_err ud_cose_proof(const struct ud_cose *cose, size_t i, struct ud_cose_proof *proof);
/** Could this type of key have made the proof? False for an algorithm that the build does not have. */
bool ud_cose_fits(const struct ud_cose_proof *proof, ud_key_type type);
/**
 * Verify, with empty external data.
 *
 * @param payload the content that was signed; for an attached payload pass cose->payload
 * @return as ud_crypto_verify(); UD_ERR_ALGORITHM also for a signature in a MAC structure and the other way round
 */
ud_err ud_cose_verify(const struct ud_cose_proof *proof, const struct ud_key *key, struct ud_bytes payload);

/* COSE_Sign1 by itself. Views into the input. */
struct ud_cose_sign1 {
    struct ud_bytes protected_bytes; /* content of the protected bstr */
    struct ud_bytes kid;             /* empty where there is none */
    struct ud_bytes payload;         /* empty when detached */
    struct ud_bytes signature;
    int64_t alg; /* as written; may be one that we do not know */
    bool detached;
};

/** ud_cose_parse() of a COSE_Sign1: UD_ERR_COSE for any other kind. */
ud_err ud_cose_sign1_parse(struct ud_cose_sign1 *sign1, struct ud_bytes in, struct ud_diag *diag);
/** ud_cose_verify() of it. */
ud_err ud_cose_sign1_verify(const struct ud_cose_sign1 *sign1, const struct ud_key *key,
                            struct ud_bytes payload);

/**
 * Append a COSE_Sign1 (protected {1: alg, 4: kid}). `detached` leaves nil in place of the payload.
 * @return UD_ERR_BUFFER, UD_ERR_ALGORITHM (none, or a MAC), or the signer's error; `out` is untouched then
 */
ud_err ud_cose_sign1_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                           bool detached);
/** The same as a COSE_Mac0; the signer's algorithm is UD_ALG_HMAC256. */
ud_err ud_cose_mac0_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                          bool detached);
/** The same as a COSE_Mac with one recipient: {1: -6, 4: kid}, the key itself. */
ud_err ud_cose_mac_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                         bool detached);
/**
 * A COSE_Sign with an empty body header, each signer's being protected {1: alg, 4: kid}.
 * @param signers [count] 1..UD_COSE_PROOFS_MAX
 * @return as above; UD_ERR_LIMIT
 */
ud_err ud_cose_sign_write(struct ud_buf *out, const struct ud_signer *const *signers, size_t count,
                          struct ud_bytes payload, bool detached);
/**
 * One more COSE_Signature for a COSE_Sign whose signers come one after another: append the array
 * [protected, {}, signature] alone. `body_protected` is the content of the body's protected bstr.
 */
ud_err ud_cose_signature_write(struct ud_buf *out, const struct ud_signer *signer,
                               struct ud_bytes body_protected, struct ud_bytes payload);

/* A key with its own bytes. */
struct ud_cose_key {
    ud_key_type type;
    uint8_t len;
    uint8_t bytes[UD_KEY_BYTES_MAX];
};

/** View it as a key to verify with. */
static inline struct ud_key ud_cose_key_view(const struct ud_cose_key *key)
{
    return (struct ud_key){.pub = {key->bytes, key->len}, .type = key->type};
}

/**
 * Read a COSE_Key of a kind that ud_key_type names: EC2 P-256, OKP Ed25519, HSS-LMS, or Symmetric (alg HMAC 256/256, which
 * must be named). Whether a point is on its curve shows at the first verification.
 *
 * @return UD_ERR_KEY for any other kind, a compressed point, a length that does not fit, an `alg` that does not belong to
 *         the kind, or the private key of a pair; errors of the CBOR reader
 */
ud_err ud_cose_key_read(struct ud_bytes in, struct ud_cose_key *key);
/** Append its deterministic encoding. UD_ERR_KEY for a length that does not fit the type; UD_ERR_BUFFER. */
ud_err ud_cose_key_put(struct ud_buf *out, const struct ud_key *key);
/** kid = SHA-256 over the deterministic encoding of the required members (RFC 9679). */
ud_err ud_cose_key_thumbprint(const struct ud_key *key, uint8_t kid[UD_KID_BYTES]);

/** ud_cose_key_read() of a P-256 key; UD_ERR_KEY for any other. */
ud_err ud_cose_key_parse(struct ud_bytes in, uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** Append the deterministic COSE_Key {1: 2, -1: 1, -2: x, -3: y}. */
ud_err ud_cose_key_write(struct ud_buf *out, const uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** ud_cose_key_thumbprint() of a P-256 key. */
ud_err ud_cose_key_kid(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t kid[UD_KID_BYTES]);

#endif
