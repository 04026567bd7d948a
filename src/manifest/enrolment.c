#include "manifest/diag.h"
#include "manifest/fields.h"
#include "updraft/cose.h"
#include "updraft/report.h"

/* Labels of docs/formats.md section 4. */
enum { KEY_NAME = 1, KEY_COSE_KEY = 2, KEY_CODE = 3 };

/* A map of three, with heads of at most 3 bytes. */
enum {
    PAYLOAD_BYTES_MAX =
        1 + 4 + UD_DEVICE_NAME_BYTES_MAX + 1 + UD_COSE_KEY_BYTES_MAX + 3 + UD_ENROL_CODE_BYTES_MAX,
};
_Static_assert(PAYLOAD_BYTES_MAX + UD_COSE_SIGN1_OVERHEAD_BYTES_MAX <= UD_ENROLMENT_BYTES_MAX,
               "the largest enrolment fits");

static bool length_ok(struct ud_bytes text, size_t len_max)
{
    return text.len > 0 && text.len <= len_max;
}

ud_err ud_enrolment_write(struct ud_buf *out, const struct ud_enrolment *enrolment,
                          const struct ud_signer *signer)
{
    uint8_t payload[PAYLOAD_BYTES_MAX];
    struct ud_buf buf = {payload, sizeof payload, 0};
    struct ud_cbor_writer w;
    if (!length_ok(enrolment->name, UD_DEVICE_NAME_BYTES_MAX) ||
        !length_ok(enrolment->code, UD_ENROL_CODE_BYTES_MAX)) {
        return UD_ERR_LIMIT;
    }
    ud_cbor_writer_init(&w, &buf);
    ud_cbor_put_map(&w, 3);
    ud_cbor_put_uint(&w, KEY_NAME);
    ud_cbor_put_tstr(&w, enrolment->name);
    ud_cbor_put_uint(&w, KEY_COSE_KEY);
    ud_err err = ud_cose_key_write(&buf, signer->pub);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_put_uint(&w, KEY_CODE);
    ud_cbor_put_tstr(&w, enrolment->code);
    err = ud_cbor_written(&w);
    return err == UD_OK ? ud_cose_sign1_write(out, signer, ud_buf_bytes(&buf), false) : err;
}

static struct ud_bytes read_text(struct ud_cbor *r, size_t len_max)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes text = ud_fields_tstr(r, len_max);
    if (r->err == UD_OK && text.len == 0) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_LIMIT);
    }
    return text;
}

static void read_name(struct ud_cbor *r, void *into)
{
    ((struct ud_enrolment *)into)->name = read_text(r, UD_DEVICE_NAME_BYTES_MAX);
}

static void read_cose_key(struct ud_cbor *r, void *into)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes item = ud_cbor_skip(r);
    const ud_err err = r->err == UD_OK ? ud_cose_key_parse(item, ((struct ud_enrolment *)into)->pub) : UD_OK;
    if (err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, err);
    }
}

static void read_code(struct ud_cbor *r, void *into)
{
    ((struct ud_enrolment *)into)->code = read_text(r, UD_ENROL_CODE_BYTES_MAX);
}

static const struct ud_field enrolment_fields[] = {
    {KEY_NAME, true, read_name},
    {KEY_COSE_KEY, true, read_cose_key},
    {KEY_CODE, true, read_code},
};

static ud_err verify(const struct ud_cose_sign1 *sign1, const uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    uint8_t kid[UD_KID_BYTES];
    const struct ud_key key = {.pub = {pub, UD_P256_PUBLIC_BYTES}};
    const ud_err err = ud_cose_key_kid(pub, kid);
    if (err != UD_OK) {
        return err;
    }
    if (!ud_bytes_equal(sign1->kid, UD_BYTES_ARRAY(kid))) {
        return UD_ERR_IDENTITY;
    }
    return ud_cose_sign1_verify(sign1, &key, sign1->payload);
}

ud_err ud_enrolment_verify(struct ud_enrolment *enrolment, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cose_sign1 sign1;
    struct ud_enrolment found = {.name = {NULL, 0}};
    struct ud_cbor r;
    if (in.len > UD_ENROLMENT_BYTES_MAX) {
        return ud_diag_set(diag, UD_ERR_LIMIT, UD_ENROLMENT_BYTES_MAX);
    }
    ud_err err = ud_cose_sign1_parse(&sign1, in, diag);
    if (err != UD_OK || sign1.detached) {
        return err != UD_OK ? err : ud_diag_set(diag, UD_ERR_COSE, 0);
    }
    ud_cbor_init_within(&r, in, sign1.payload);
    ud_fields_read(&r, enrolment_fields, sizeof enrolment_fields / sizeof enrolment_fields[0], &found);
    err = ud_cbor_finish(&r);
    if (err != UD_OK) {
        return ud_diag_set(diag, err, r.err_offset_bytes);
    }
    err = verify(&sign1, found.pub);
    if (err == UD_OK) {
        *enrolment = found;
    }
    return ud_diag_set(diag, err, 0);
}
