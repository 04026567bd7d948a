/* The two header maps of a COSE object, for all that read one. */
#ifndef UPDRAFT_MANIFEST_COSE_HEADERS_H
#define UPDRAFT_MANIFEST_COSE_HEADERS_H

#include "updraft/cbor.h"
#include "updraft/limits.h"

/* Header labels (RFC 9052 section 3.1, RFC 9053 section 6.3.1). */
enum {
    COSE_HEADER_ALG = 1,
    COSE_HEADER_CRIT = 2,
    COSE_HEADER_KID = 4,
    COSE_HEADER_IV = 5,
    COSE_HEADER_EPHEMERAL = -1,
    COSE_HEADER_SALT = -20,
    COSE_HEADER_OTHER = 0xff, /* the first byte of no label */
};

/* COSE_Key labels and values (RFC 9052 section 7, RFC 9053 section 7, RFC 8778). */
enum { COSE_KTY = 1, COSE_KEY_ALG = 3, COSE_CRV = -1, COSE_X = -2, COSE_Y = -3, COSE_D = -4, COSE_K = -1 };
enum { COSE_KTY_OKP = 1, COSE_KTY_EC2 = 2, COSE_KTY_SYMMETRIC = 4, COSE_KTY_HSS_LMS = 5 };
enum { COSE_CRV_P256 = 1, COSE_CRV_ED25519 = 6 };

struct cose_headers {
    struct ud_bytes seen[UD_COSE_HEADERS_MAX]; /* encoded labels of both maps */
    uint8_t count;
    bool has_alg;
    int64_t alg;
    struct ud_bytes kid;
};

/**
 * Read the unprotected map. An algorithm in it is an error unless `alg_allowed` (AES-CTR and key wrapping have nothing to
 * protect it with). UD_ERR_COSE, UD_ERR_ALGORITHM, UD_ERR_DUPLICATE, UD_ERR_LIMIT stay in the reader.
 */
void cose_headers_read(struct ud_cbor *r, struct cose_headers *headers, bool alg_allowed);

/**
 * The protected map, from the content of its bstr: empty is an empty map. It lies in what `r` reads, which is
 * where it was afterwards.
 */
void cose_headers_read_protected(struct ud_cbor *r, struct ud_bytes content, struct cose_headers *headers);

#endif
