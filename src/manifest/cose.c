#include "updraft/cose.h"

#include "manifest/cose_headers.h"
#include "manifest/cose_parts.h"
#include "manifest/diag.h"

static const struct ud_cose_form *form_of(uint64_t tag)
{
    for (size_t i = 0; i < ud_cose_form_count; i++) {
        if ((uint64_t)ud_cose_forms[i]->kind == tag) {
            return ud_cose_forms[i];
        }
    }
    return NULL;
}

void cose_take_value(struct ud_cbor *r, struct ud_cose *cose)
{
    cose->body.value = ud_cbor_bstr(r);
    cose->proof_count = 1;
}

const struct ud_cose_form ud_cose_form_sign1 = {UD_COSE_SIGN1,   4,   "\x84\x6aSignature1", false,
                                                cose_take_value, NULL};

static void take_structure(struct ud_cbor *r, struct ud_cose *cose)
{
    struct cose_headers headers = {.count = 0};
    if (ud_cbor_peek(r) != UD_CBOR_TAG && r->rest.len > 0) {
        ud_cbor_fail(r, UD_ERR_COSE);
    }
    const struct ud_cose_form *form = form_of(ud_cbor_tag(r));
    if (form == NULL || ud_cbor_array(r) != form->elements) {
        ud_cbor_fail_from(r, r->start, UD_ERR_COSE);
        return;
    }
    cose->body.form = form;
    cose->body.body_protected = ud_cbor_bstr(r);
    cose_headers_read_protected(r, cose->body.body_protected, &headers);
    cose_headers_read(r, &headers, false);
    if (headers.has_alg == (form->take_proof != NULL)) { /* each signer's, or the body's */
        ud_cbor_fail(r, UD_ERR_COSE);
    }
    cose->body.alg = headers.alg;
    cose->body.kid = headers.kid;
    cose->detached = ud_cbor_peek(r) == UD_CBOR_NULL;
    if (cose->detached) {
        ud_cbor_null(r);
    } else {
        cose->payload = ud_cbor_bstr(r);
    }
    form->take_rest(r, cose);
    (void)ud_cbor_finish(r);
}

ud_err ud_cose_parse(struct ud_cose *cose, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cbor r;
    ud_cbor_init(&r, in);
    memset(cose, 0, sizeof *cose);
    take_structure(&r, cose);
    return ud_diag_set(diag, r.err, r.err_offset_bytes);
}

ud_err ud_cose_proof(const struct ud_cose *cose, size_t i, struct ud_cose_proof *proof)
{
    if (i >= cose->proof_count) {
        return UD_ERR_INDEX;
    }
    *proof = cose->body;
    return proof->form->take_proof == NULL ? UD_OK : proof->form->take_proof(cose, i, proof);
}

bool ud_cose_fits(const struct ud_cose_proof *proof, ud_key_type type)
{
    const struct ud_algorithm *row = ud_algorithm_find(proof->alg);
    return row != NULL && row->key == type;
}

/* One more byte string. @return parts so far */
static size_t add_string(struct cose_to_be_proved *to, size_t count, const struct ud_bytes *content)
{
    uint8_t *head = to->heads[count / 2];
    to->parts[count] = (struct ud_bytes){head, ud_cbor_head(head, UD_CBOR_BSTR, content->len)};
    to->parts[count + 1] = *content;
    return count + 2;
}

size_t cose_to_be_proved(const struct ud_cose_proof *proof, const struct ud_bytes *payload,
                         struct cose_to_be_proved *to)
{
    static const uint8_t external[] = {0x40}; /* no external data: an empty string */
    const uint8_t *context = (const uint8_t *)proof->form->context;
    to->parts[0] = (struct ud_bytes){context, 2 + (context[1] & 31U)};
    size_t count = add_string(to, 1, &proof->body_protected);
    if (proof->form->take_proof != NULL) {
        count = add_string(to, count, &proof->protected_bytes);
    }
    to->parts[count] = UD_BYTES_ARRAY(external);
    return add_string(to, count + 1, payload);
}

ud_err ud_cose_verify(const struct ud_cose_proof *proof, const struct ud_key *key, struct ud_bytes payload)
{
    struct cose_to_be_proved to;
    const struct ud_algorithm *row = ud_algorithm_find(proof->alg);
    if (row == NULL || row->key != key->type || proof->form->is_mac != (key->type == UD_KEY_HMAC256)) {
        return UD_ERR_ALGORITHM;
    }
    const size_t count = cose_to_be_proved(proof, &payload, &to);
    return row->verify(key, to.parts, count, proof->value);
}

ud_err ud_cose_sign1_parse(struct ud_cose_sign1 *sign1, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cose cose;
    const ud_err err = ud_cose_parse(&cose, in, diag);
    if (err != UD_OK) {
        return err;
    }
    if (cose.body.form->kind != UD_COSE_SIGN1) {
        return ud_diag_set(diag, UD_ERR_COSE, 0);
    }
    *sign1 = (struct ud_cose_sign1){cose.body.body_protected, cose.body.kid, cose.payload,
                                    cose.body.value,          cose.body.alg, cose.detached};
    return UD_OK;
}

ud_err ud_cose_sign1_verify(const struct ud_cose_sign1 *sign1, const struct ud_key *key,
                            struct ud_bytes payload)
{
    const struct ud_cose_proof proof = {.form = &ud_cose_form_sign1,
                                        .alg = sign1->alg,
                                        .body_protected = sign1->protected_bytes,
                                        .kid = sign1->kid,
                                        .value = sign1->signature};
    return ud_cose_verify(&proof, key, payload);
}
