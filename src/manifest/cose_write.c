#include "manifest/cose_headers.h"
#include "manifest/cose_parts.h"

enum { SIGNATURE_ELEMENTS = 3, RECIPIENT_ELEMENTS = 3 };
enum { ALG_DIRECT = -6 };
enum { PROTECTED_BYTES_MAX = 1 + 1 + 3 + 1 + 2 + UD_KID_BYTES };

static void put_alg_and_kid(struct ud_cbor_writer *w, int64_t alg, const struct ud_signer *signer)
{
    ud_cbor_put_map(w, 2);
    ud_cbor_put_uint(w, COSE_HEADER_ALG);
    ud_cbor_put_int(w, alg);
    ud_cbor_put_uint(w, COSE_HEADER_KID);
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(signer->kid));
}

/* The protected header that names algorithm and key. */
static struct ud_bytes protected_of(const struct ud_signer *signer, uint8_t room[PROTECTED_BYTES_MAX])
{
    struct ud_buf header = {room, PROTECTED_BYTES_MAX, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &header);
    put_alg_and_kid(&w, signer->alg, signer);
    return ud_buf_bytes(&header);
}

/* Sign straight into the output: an HSS/LMS signature is too long for a buffer on the stack. */
static ud_err put_proof(struct ud_cbor_writer *w, const struct ud_signer *signer,
                        const struct ud_cose_proof *proof, struct ud_bytes payload)
{
    const size_t room = signer->signature_bytes != 0    ? signer->signature_bytes
                        : signer->alg == UD_ALG_HMAC256 ? UD_HMAC256_BYTES
                                                        : UD_SIGNATURE_BYTES_MAX;
    struct cose_to_be_proved to;
    struct ud_buf *out = w->buf;
    size_t made = 0;
    ud_cbor_put_bstr_head(w, room);
    if (ud_cbor_written(w) != UD_OK || room > out->cap - out->len) {
        return UD_ERR_BUFFER;
    }
    const size_t count = cose_to_be_proved(proof, &payload, &to);
    const ud_err err = signer->sign(signer->ctx, signer->alg, to.parts, count, out->ptr + out->len, &made);
    if (err != UD_OK) {
        return err;
    }
    if (made != room) {
        return UD_ERR_SIGNATURE; /* the signer does not do what it says of itself */
    }
    out->len += made;
    return UD_OK;
}

static void put_body(struct ud_cbor_writer *w, const struct ud_cose_form *form, struct ud_bytes protected_bytes,
                     struct ud_bytes payload, bool detached)
{
    ud_cbor_put_tag(w, (uint64_t)form->kind);
    ud_cbor_put_array(w, form->elements);
    ud_cbor_put_bstr(w, protected_bytes);
    ud_cbor_put_map(w, 0);
    if (detached) {
        ud_cbor_put_null(w);
    } else {
        ud_cbor_put_bstr(w, payload);
    }
}

/* @return err; a failed write leaves nothing behind */
static ud_err settle(struct ud_buf *out, size_t len_before, ud_err err)
{
    if (err != UD_OK) {
        out->len = len_before;
    }
    return err;
}

static ud_err write_one(struct ud_buf *out, const struct ud_cose_form *form, const struct ud_signer *signer,
                        struct ud_bytes payload, bool detached)
{
    uint8_t room[PROTECTED_BYTES_MAX];
    const size_t len_before = out->len;
    const struct ud_algorithm *row = ud_algorithm_find(signer->alg);
    const struct ud_cose_proof proof = {.form = form, .body_protected = protected_of(signer, room)};
    struct ud_cbor_writer w;
    if (row == NULL || (row->key == UD_KEY_HMAC256) != form->is_mac) {
        return UD_ERR_ALGORITHM;
    }
    ud_cbor_writer_init(&w, out);
    put_body(&w, form, proof.body_protected, payload, detached);
    return settle(out, len_before, put_proof(&w, signer, &proof, payload));
}

ud_err ud_cose_sign1_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                           bool detached)
{
    return write_one(out, &ud_cose_form_sign1, signer, payload, detached);
}

ud_err ud_cose_mac0_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                          bool detached)
{
    return write_one(out, &ud_cose_form_mac0, signer, payload, detached);
}

ud_err ud_cose_mac_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                         bool detached)
{
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    const ud_err err = write_one(out, &ud_cose_form_mac, signer, payload, detached);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, 1);
    ud_cbor_put_array(&w, RECIPIENT_ELEMENTS);
    ud_cbor_put_bstr_head(&w, 0);
    put_alg_and_kid(&w, ALG_DIRECT, signer);
    ud_cbor_put_bstr_head(&w, 0);
    return settle(out, len_before, ud_cbor_written(&w));
}

ud_err ud_cose_signature_write(struct ud_buf *out, const struct ud_signer *signer,
                               struct ud_bytes body_protected, struct ud_bytes payload)
{
    uint8_t room[PROTECTED_BYTES_MAX];
    const size_t len_before = out->len;
    const struct ud_algorithm *row = ud_algorithm_find(signer->alg);
    const struct ud_cose_proof proof = {.form = &ud_cose_form_sign,
                                        .body_protected = body_protected,
                                        .protected_bytes = protected_of(signer, room)};
    struct ud_cbor_writer w;
    if (row == NULL || row->key == UD_KEY_HMAC256) {
        return UD_ERR_ALGORITHM;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, SIGNATURE_ELEMENTS);
    ud_cbor_put_bstr(&w, proof.protected_bytes);
    ud_cbor_put_map(&w, 0);
    return settle(out, len_before, put_proof(&w, signer, &proof, payload));
}

ud_err ud_cose_sign_write(struct ud_buf *out, const struct ud_signer *const *signers, size_t count,
                          struct ud_bytes payload, bool detached)
{
    static const struct ud_bytes no_header = {NULL, 0};
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    if (count == 0 || count > UD_COSE_PROOFS_MAX) {
        return UD_ERR_LIMIT;
    }
    ud_cbor_writer_init(&w, out);
    put_body(&w, &ud_cose_form_sign, no_header, payload, detached);
    ud_cbor_put_array(&w, count);
    ud_err err = ud_cbor_written(&w);
    for (size_t i = 0; err == UD_OK && i < count; i++) {
        err = ud_cose_signature_write(out, signers[i], no_header, payload);
    }
    return settle(out, len_before, err);
}
