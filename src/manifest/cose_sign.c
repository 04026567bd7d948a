/* COSE_Sign: several signers of one payload. */
#include "manifest/cose_headers.h"
#include "manifest/cose_parts.h"

enum { SIGNATURE_ELEMENTS = 3 };

/* COSE_Signature: [protected, unprotected, signature]. */
static void take_signer(struct ud_cbor *r, struct ud_cose_proof *proof)
{
    struct cose_headers headers = {.count = 0};
    const uint8_t *at = r->rest.ptr;
    if (ud_cbor_array(r) != SIGNATURE_ELEMENTS) {
        ud_cbor_fail_from(r, at, UD_ERR_COSE);
    }
    proof->protected_bytes = ud_cbor_bstr(r);
    cose_headers_read(r, &headers, false);
    proof->value = ud_cbor_bstr(r);
    cose_headers_read_protected(r, proof->protected_bytes, &headers);
    if (!headers.has_alg) {
        ud_cbor_fail_from(r, at, UD_ERR_COSE);
    }
    proof->kid = headers.kid;
    proof->alg = headers.alg;
}

static void take_signers(struct ud_cbor *r, struct ud_cose *cose)
{
    struct ud_cose_proof proof;
    const uint8_t *at = r->rest.ptr;
    const size_t count = ud_cbor_array(r);
    if (count == 0) {
        ud_cbor_fail_from(r, at, UD_ERR_MISSING);
    }
    if (count > UD_COSE_PROOFS_MAX) {
        ud_cbor_fail_from(r, at, UD_ERR_LIMIT);
        return;
    }
    cose->signers = r->rest;
    for (size_t i = 0; i < count && r->err == UD_OK; i++) {
        take_signer(r, &proof);
    }
    cose->signers.len -= r->rest.len;
    cose->proof_count = (uint8_t)count;
}

static ud_err take_proof(const struct ud_cose *cose, size_t i, struct ud_cose_proof *proof)
{
    struct ud_cbor r;
    ud_cbor_init(&r, cose->signers);
    for (size_t left = i + 1; left > 0; left--) { /* those before it as well: one way to read them, one depth */
        take_signer(&r, proof);
    }
    return r.err;
}

const struct ud_cose_form ud_cose_form_sign = {UD_COSE_SIGN, 4,         "\x85\x69Signature", false,
                                               take_signers, take_proof};
