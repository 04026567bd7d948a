#include "updraft/cose.h"

#include "manifest/diag.h"
#include "updraft/cbor.h"

enum { TAG_SIGN1 = 18, SIGN1_ELEMENTS = 4 };

/* Header labels (RFC 9052 section 3.1). */
enum { HEADER_ALG = 1, HEADER_CRIT = 2, HEADER_KID = 4 };

/* COSE_Key labels and values (RFC 9052 section 7, RFC 9053 section 7.1). */
enum { KEY_KTY = 1, KEY_ALG = 3, KEY_CRV = -1, KEY_X = -2, KEY_Y = -3, KEY_D = -4 };
enum { KTY_EC2 = 2, CRV_P256 = 1, COORDINATE_BYTES = 32 };

struct headers {
    struct ud_bytes seen[UD_COSE_HEADERS_MAX]; /* encoded labels of both maps */
    size_t count;
    bool has_alg;
};

static bool alg_known(int64_t alg)
{
    return alg == UD_ALG_ES256 || alg == UD_ALG_ESP256;
}

/* A header map has no order (published vectors), so every label is compared with all before. 0 for a text label. */
static int64_t take_label(struct ud_cbor *r, struct headers *headers)
{
    struct ud_cbor ahead = *r;
    const struct ud_bytes label = ud_cbor_skip(&ahead);
    const ud_cbor_type type = ud_cbor_peek(r);
    for (size_t i = 0; i < headers->count; i++) {
        if (ud_bytes_equal(headers->seen[i], label)) {
            ud_cbor_fail(r, UD_ERR_DUPLICATE);
        }
    }
    if (headers->count == UD_COSE_HEADERS_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
        return 0;
    }
    headers->seen[headers->count++] = label;
    if (type == UD_CBOR_TSTR) {
        (void)ud_cbor_tstr(r);
        return 0;
    }
    return ud_cbor_int(r);
}

static void take_header(struct ud_cbor *r, struct headers *headers, bool is_protected,
                        struct ud_cose_sign1 *sign1)
{
    const int64_t label = take_label(r, headers);
    const ud_cbor_type type = ud_cbor_peek(r);
    if (label == HEADER_ALG && is_protected) {
        if (type == UD_CBOR_TSTR) {
            ud_cbor_fail(r, UD_ERR_ALGORITHM);
        }
        sign1->alg = ud_cbor_int(r);
        headers->has_alg = true;
    } else if (label == HEADER_ALG || label == HEADER_CRIT) {
        ud_cbor_fail(r, UD_ERR_COSE);
    } else if (label == HEADER_KID) {
        sign1->kid = ud_cbor_bstr(r);
    } else {
        (void)ud_cbor_skip(r);
    }
}

static void take_header_map(struct ud_cbor *r, struct headers *headers, bool is_protected,
                            struct ud_cose_sign1 *sign1)
{
    for (size_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        take_header(r, headers, is_protected, sign1);
    }
}

/* The array itself; the protected header stays encoded. */
static void take_structure(struct ud_cbor *r, struct headers *headers, struct ud_cose_sign1 *sign1)
{
    if (ud_cbor_peek(r) != UD_CBOR_TAG && r->rest.len > 0) {
        ud_cbor_fail(r, UD_ERR_COSE);
    }
    const size_t at = ud_cbor_offset(r);
    if (ud_cbor_tag(r) != TAG_SIGN1 || ud_cbor_array(r) != SIGN1_ELEMENTS) {
        ud_cbor_fail_at(r, at, UD_ERR_COSE);
    }
    sign1->protected_bytes = ud_cbor_bstr(r);
    take_header_map(r, headers, false, sign1);
    sign1->detached = ud_cbor_peek(r) == UD_CBOR_NULL;
    if (sign1->detached) {
        ud_cbor_null(r);
    } else {
        sign1->payload = ud_cbor_bstr(r);
    }
    sign1->signature = ud_cbor_bstr(r);
    (void)ud_cbor_finish(r);
}

ud_err ud_cose_sign1_parse(struct ud_cose_sign1 *sign1, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cose_sign1 found = {0};
    struct headers headers = {.count = 0};
    struct ud_cbor r;
    ud_cbor_init(&r, in);
    take_structure(&r, &headers, &found);
    if (r.err == UD_OK && found.protected_bytes.len > 0) {
        ud_cbor_init_within(&r, in, found.protected_bytes);
        take_header_map(&r, &headers, true, &found);
        (void)ud_cbor_finish(&r);
    }
    if (!headers.has_alg) {
        ud_cbor_fail(&r, UD_ERR_COSE);
    }
    if (r.err == UD_OK) {
        *sign1 = found;
    }
    return ud_diag_set(diag, r.err, r.err_offset_bytes);
}

/* Sig_structure (RFC 9052 section 4.4) as parts: nothing is copied but the heads. */
struct sig_structure {
    uint8_t lead[12 + 9];
    uint8_t middle[1 + 9];
    struct ud_bytes parts[4];
};

enum { SIG_PARTS = 4 };

static void sig_structure_init(struct sig_structure *sig, struct ud_bytes protected_bytes,
                               struct ud_bytes payload)
{
    struct ud_buf lead = {sig->lead, sizeof sig->lead, 0};
    struct ud_buf middle = {sig->middle, sizeof sig->middle, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &lead);
    ud_cbor_put_array(&w, SIGN1_ELEMENTS);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("Signature1"));
    ud_cbor_put_bstr_head(&w, protected_bytes.len);
    ud_cbor_writer_init(&w, &middle);
    ud_cbor_put_bstr_head(&w, 0); /* external data */
    ud_cbor_put_bstr_head(&w, payload.len);
    sig->parts[0] = ud_buf_bytes(&lead);
    sig->parts[1] = protected_bytes;
    sig->parts[2] = ud_buf_bytes(&middle);
    sig->parts[3] = payload;
}

ud_err ud_cose_sign1_verify(const struct ud_cose_sign1 *sign1, const struct ud_key *key,
                            struct ud_bytes payload)
{
    struct sig_structure sig;
    if (!alg_known(sign1->alg)) {
        return UD_ERR_ALGORITHM;
    }
    sig_structure_init(&sig, sign1->protected_bytes, payload);
    return ud_crypto_verify((ud_alg)sign1->alg, key, sig.parts, SIG_PARTS, sign1->signature);
}

static void put_protected(struct ud_buf *out, const struct ud_signer *signer)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_map(&w, 2);
    ud_cbor_put_uint(&w, HEADER_ALG);
    ud_cbor_put_int(&w, signer->alg);
    ud_cbor_put_uint(&w, HEADER_KID);
    ud_cbor_put_bstr(&w, UD_BYTES_ARRAY(signer->kid));
}

static ud_err put_structure(struct ud_buf *out, struct ud_bytes protected_bytes, const struct ud_bytes *payload,
                            struct ud_bytes signature)
{
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, TAG_SIGN1);
    ud_cbor_put_array(&w, SIGN1_ELEMENTS);
    ud_cbor_put_bstr(&w, protected_bytes);
    ud_cbor_put_map(&w, 0);
    if (payload == NULL) {
        ud_cbor_put_null(&w);
    } else {
        ud_cbor_put_bstr(&w, *payload);
    }
    ud_cbor_put_bstr(&w, signature);
    if (ud_cbor_written(&w) != UD_OK) {
        out->len = len_before;
    }
    return ud_cbor_written(&w);
}

ud_err ud_cose_sign1_write(struct ud_buf *out, const struct ud_signer *signer, struct ud_bytes payload,
                           bool detached)
{
    uint8_t protected_bytes[4 + 2 + UD_KID_BYTES];
    uint8_t signature[UD_SIGNATURE_BYTES_MAX];
    size_t signature_bytes = 0;
    struct ud_buf header = {protected_bytes, sizeof protected_bytes, 0};
    struct sig_structure sig;
    if (!alg_known(signer->alg)) {
        return UD_ERR_ALGORITHM;
    }
    put_protected(&header, signer);
    sig_structure_init(&sig, ud_buf_bytes(&header), payload);
    const ud_err err =
        signer->sign(signer->ctx, signer->alg, sig.parts, SIG_PARTS, signature, &signature_bytes);
    if (err != UD_OK) {
        return err;
    }
    return put_structure(out, ud_buf_bytes(&header), detached ? NULL : &payload,
                         (struct ud_bytes){signature, signature_bytes});
}

struct key_fields {
    int64_t kty;
    int64_t crv;
    struct ud_bytes x;
    struct ud_bytes y;
};

static void take_key_member(struct ud_cbor *r, struct key_fields *key)
{
    const int64_t label = ud_cbor_int(r);
    const ud_cbor_type type = ud_cbor_peek(r);
    const bool coordinate = label == KEY_X || label == KEY_Y;
    if (label == KEY_D || (coordinate && type == UD_CBOR_BOOL)) {
        ud_cbor_fail(r, UD_ERR_KEY);
    } else if (coordinate) {
        *(label == KEY_X ? &key->x : &key->y) = ud_cbor_bstr(r);
    } else if (label == KEY_KTY || label == KEY_CRV) {
        *(label == KEY_KTY ? &key->kty : &key->crv) = ud_cbor_int(r);
    } else if (label == KEY_ALG) {
        if (!alg_known(ud_cbor_int(r))) {
            ud_cbor_fail(r, UD_ERR_KEY);
        }
    } else {
        (void)ud_cbor_skip(r);
    }
}

ud_err ud_cose_key_parse(struct ud_bytes in, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    struct key_fields key = {0};
    struct ud_bytes previous = {NULL, 0};
    struct ud_cbor r;
    ud_cbor_init(&r, in);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0 && r.err == UD_OK; pairs--) {
        ud_cbor_key_order(&r, &previous);
        take_key_member(&r, &key);
    }
    if (ud_cbor_finish(&r) != UD_OK) {
        return r.err;
    }
    if (key.kty != KTY_EC2 || key.crv != CRV_P256 || key.x.len != COORDINATE_BYTES ||
        key.y.len != COORDINATE_BYTES) {
        return UD_ERR_KEY;
    }
    struct ud_buf out = {pub, UD_P256_PUBLIC_BYTES, 0};
    (void)ud_buf_put(&out, key.x);
    (void)ud_buf_put(&out, key.y);
    return UD_OK;
}

ud_err ud_cose_key_write(struct ud_buf *out, const uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    const size_t len_before = out->len;
    struct ud_bytes rest = {pub, UD_P256_PUBLIC_BYTES};
    struct ud_bytes x;
    struct ud_cbor_writer w;
    (void)ud_bytes_take(&rest, COORDINATE_BYTES, &x);
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_map(&w, 4);
    ud_cbor_put_int(&w, KEY_KTY);
    ud_cbor_put_int(&w, KTY_EC2);
    ud_cbor_put_int(&w, KEY_CRV);
    ud_cbor_put_int(&w, CRV_P256);
    ud_cbor_put_int(&w, KEY_X);
    ud_cbor_put_bstr(&w, x);
    ud_cbor_put_int(&w, KEY_Y);
    ud_cbor_put_bstr(&w, rest);
    if (ud_cbor_written(&w) != UD_OK) {
        out->len = len_before;
    }
    return ud_cbor_written(&w);
}

ud_err ud_cose_key_kid(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t kid[UD_KID_BYTES])
{
    uint8_t encoded[UD_COSE_KEY_BYTES_MAX];
    struct ud_buf buf = {encoded, sizeof encoded, 0};
    const ud_err err = ud_cose_key_write(&buf, pub);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_bytes whole = ud_buf_bytes(&buf);
    return ud_sha256(&whole, 1, kid);
}
