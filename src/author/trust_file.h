/*
 * The files of `updraft trust`: roots, a link to new roots, a trust store (docs/formats.md section 20). Links and stores
 * are read whoever signed them, also while signatures are missing: who makes one is not who holds every key.
 *
 *     err = trust_file_read(&file, bytes, &diag);
 *     err = trust_file_sign(&out, &file, signer);   // the same with one signature more
 */
#ifndef UPDRAFT_AUTHOR_TRUST_FILE_H
#define UPDRAFT_AUTHOR_TRUST_FILE_H

#include "updraft/trust_store.h"

typedef enum trust_file_kind {
    TRUST_FILE_ROOTS, /* number 0: goes into provisioning files, and is signed by nobody */
    TRUST_FILE_LINK,  /* a COSE_Sign over roots of a higher number */
    TRUST_FILE_STORE, /* the object that devices take */
} trust_file_kind;

/* Views point into the input. Nothing here was verified. */
struct trust_file {
    trust_file_kind kind;
    struct ud_bytes whole;
    struct ud_bytes payload;     /* what is signed; of roots the whole */
    struct ud_bytes signers;     /* encoded COSE_Signature, one after another */
    uint8_t signer_count;        /* 0 while nobody has signed */
    struct ud_trust_store store; /* what it says; of roots and a link in store.roots, and nothing else of it */
};

/**
 * Read a file of any of the three kinds.
 *
 * @return UD_ERR_LIMIT (size, links, signers); UD_ERR_COSE; UD_ERR_SHAPE for nothing of these; UD_ERR_CHAIN for roots whose
 *         number does not fit; UD_ERR_REVOKED and what ud_trust_roots_parse() says of keys and thresholds; errors of the fields
 */
ud_err trust_file_read(struct trust_file *file, struct ud_bytes in, struct ud_diag *diag);
/** Signature `i` of a file that was read: algorithm and kid. UD_ERR_INDEX. */
ud_err trust_file_signature(const struct trust_file *file, size_t i, int64_t *alg, struct ud_bytes *kid);
/** Append the whole file again. UD_ERR_BUFFER, UD_ERR_LIMIT. */
ud_err trust_file_write(struct ud_buf *out, const struct trust_file *file);
/** The same with one signature more. UD_ERR_CONFLICT when the key has signed, UD_ERR_UNSIGNED for roots; the signer's errors. */
ud_err trust_file_sign(struct ud_buf *out, const struct trust_file *file, const struct ud_signer *signer);

#endif
