#include "updraft/report.h"

#include "manifest/diag.h"
#include "manifest/fields.h"
#include "manifest/report_parts.h"
#include "updraft/cose.h"

/* Labels of docs/formats.md section 3. */
enum { KEY_NONCE = 2, KEY_CLAIMS = 3, KEY_RESULT = 4, KEY_REFERENCE = 99, KEY_DEVICE = -257 };
enum { CLAIM_COMPONENT = 0, CLAIM_DIGEST = 3, CLAIM_SIZE = 14, CLAIM_SEQUENCE = -257 };
enum { RESULT_CODE = 5, RESULT_RECORD = 6, RESULT_REASON = 7 };
enum {
    DEVICE_BOOTS = 1,
    DEVICE_COUNTER = 2,
    DEVICE_REASON = 3,
    DEVICE_MEASUREMENT = 4,
    DEVICE_COUNTER_ERR = 5
};

enum { ALG_SHA256 = -16, DIGEST_ITEM_BYTES = 1 + 1 + 2 + UD_SHA256_BYTES };

/* Heads of at most 9 bytes around the views; numbers at their longest. */
enum {
    CLAIM_BYTES_MAX = 1 + 1 + UD_COMPONENT_ID_BYTES_MAX + 1 + 2 + DIGEST_ITEM_BYTES + 1 + 9 + 3 + 1 + 5 + 9,
    PAYLOAD_BYTES_MAX = 1 + (1 + 1 + UD_NONCE_BYTES) + (1 + 1 + UD_COMPONENTS_MAX * CLAIM_BYTES_MAX) +
                        (1 + 1 + 1 + 5 + 1 + 20 + 2 * UD_SUIT_DEPENDENCIES_MAX + 1 + 2) +
                        (2 + 1 + 3 + UD_URI_BYTES_MAX + DIGEST_ITEM_BYTES) + (3 + 1 + 1 + 5 + 1 + 9 + 1 + 1) +
                        (1 + 2 + UD_SHA256_BYTES) + (1 + 2),
};
_Static_assert(PAYLOAD_BYTES_MAX + UD_COSE_SIGN1_OVERHEAD_BYTES_MAX <= UD_REPORT_BYTES_MAX,
               "the largest report fits");

_Static_assert(UD_SUIT_COMPONENTS_MAX <= 24, "the index of a dependency is encoded in one byte");

/* Writing */

void ud_report_put_key(struct ud_cbor_writer *w, int32_t key)
{
    ud_cbor_put_int(w, key);
}

void ud_report_put_pair(struct ud_cbor_writer *w, int32_t key, uint64_t number)
{
    ud_report_put_key(w, key);
    ud_cbor_put_uint(w, number);
}

__attribute__((noinline)) static void put_digest(struct ud_cbor_writer *w, struct ud_bytes digest)
{
    ud_cbor_put_array(w, 2);
    ud_cbor_put_int(w, ALG_SHA256);
    ud_cbor_put_bstr(w, digest);
}

void ud_report_put_wrapped_digest(struct ud_cbor_writer *w, struct ud_bytes digest)
{
    ud_cbor_put_bstr_head(w, DIGEST_ITEM_BYTES);
    put_digest(w, digest);
}

void ud_report_put_claim_image(struct ud_cbor_writer *w, const struct ud_report_claim *claim)
{
    ud_report_put_key(w, CLAIM_COMPONENT);
    ud_cbor_put_raw(w, claim->component_id);
    ud_report_put_key(w, CLAIM_DIGEST);
    ud_report_put_wrapped_digest(w, claim->digest);
    ud_report_put_pair(w, CLAIM_SIZE, claim->image_size);
}

void ud_report_put_claim_sequence(struct ud_cbor_writer *w, const struct ud_report_claim *claim)
{
    ud_report_put_key(w, CLAIM_SEQUENCE);
    ud_cbor_put_array(w, 2);
    ud_cbor_put_uint(w, claim->epoch);
    ud_cbor_put_uint(w, claim->sequence);
}

static void put_claims(struct ud_cbor_writer *w, const struct ud_report *report)
{
    ud_cbor_put_array(w, report->claim_count);
    for (size_t i = 0; i < report->claim_count; i++) {
        ud_cbor_put_map(w, 4);
        ud_report_put_claim_image(w, &report->claims[i]);
        ud_report_put_claim_sequence(w, &report->claims[i]);
    }
}

void ud_report_put_place(struct ud_cbor_writer *w, const struct ud_suit_record *place)
{
    ud_cbor_put_array(w, UD_REPORT_RECORD_ELEMENTS);
    ud_cbor_put_array(w, place->path_len);
    ud_cbor_put_raw(w, (struct ud_bytes){place->path, place->path_len}); /* each is its own encoding */
    ud_cbor_put_uint(w, (uint64_t)place->section);
    ud_cbor_put_uint(w, place->offset_bytes);
    ud_cbor_put_uint(w, place->component);
}

static void put_record(struct ud_cbor_writer *w, const struct ud_suit_record *record)
{
    ud_report_put_place(w, record); /* all zero where no command was involved */
    ud_cbor_put_map(w, 0);          /* measured values: none */
}

static void put_result(struct ud_cbor_writer *w, const struct ud_report *report)
{
    ud_report_put_key(w, KEY_RESULT);
    if (report->result == UD_OK) {
        ud_cbor_put_bool(w, true);
        return;
    }
    ud_cbor_put_map(w, 3);
    ud_report_put_pair(w, RESULT_CODE, (uint64_t)report->result);
    ud_report_put_key(w, RESULT_RECORD);
    put_record(w, &report->record);
    ud_report_put_pair(w, RESULT_REASON, ud_err_suit_reason(report->result));
}

static void put_reference(struct ud_cbor_writer *w, const struct ud_report *report)
{
    ud_report_put_key(w, KEY_REFERENCE);
    ud_cbor_put_array(w, 2);
    ud_cbor_put_tstr(w, report->reference_uri);
    put_digest(w, report->reference_digest);
}

static void put_device(struct ud_cbor_writer *w, const struct ud_report *report)
{
    ud_report_put_key(w, KEY_DEVICE);
    ud_cbor_put_map(w, 3U + (report->measurement.len > 0 ? 1 : 0) + (report->counter_err != UD_OK ? 1 : 0));
    ud_report_put_pair(w, DEVICE_BOOTS, report->boot_count);
    ud_report_put_pair(w, DEVICE_COUNTER, report->counter);
    ud_report_put_pair(w, DEVICE_REASON, (uint64_t)report->boot_reason);
    if (report->measurement.len > 0) {
        ud_report_put_key(w, DEVICE_MEASUREMENT);
        ud_cbor_put_bstr(w, report->measurement);
    }
    if (report->counter_err != UD_OK) {
        ud_report_put_pair(w, DEVICE_COUNTER_ERR, (uint64_t)report->counter_err);
    }
}

static ud_err check_lengths(const struct ud_report *report)
{
    if (report->reference_uri.len > UD_URI_BYTES_MAX || report->claim_count > UD_COMPONENTS_MAX) {
        return UD_ERR_LIMIT;
    }
    if (report->reference_digest.len != UD_SHA256_BYTES ||
        (report->measurement.len != 0 && report->measurement.len != UD_SHA256_BYTES) ||
        (report->nonce.len != 0 && report->nonce.len != UD_NONCE_BYTES)) {
        return UD_ERR_SHAPE;
    }
    for (size_t i = 0; i < report->claim_count; i++) {
        if (report->claims[i].component_id.len > UD_COMPONENT_ID_BYTES_MAX) {
            return UD_ERR_LIMIT;
        }
        if (report->claims[i].component_id.len == 0 || report->claims[i].digest.len != UD_SHA256_BYTES) {
            return UD_ERR_SHAPE;
        }
    }
    return UD_OK;
}

ud_err ud_report_write(struct ud_buf *out, const struct ud_report *report, const struct ud_signer *signer)
{
    uint8_t payload[PAYLOAD_BYTES_MAX];
    struct ud_buf buf = {payload, sizeof payload, 0};
    struct ud_cbor_writer w;
    const struct ud_report_more *more = report->more;
    ud_err err = check_lengths(report);
    if (err != UD_OK) {
        return err;
    }
    for (;; more = NULL) { /* what has no room stays away */
        buf.len = 0;
        ud_cbor_writer_init(&w, &buf);
        ud_cbor_put_map(&w, 4U + (report->nonce.len > 0) + (more != NULL && more->can != NULL));
        if (report->nonce.len > 0) {
            ud_report_put_key(&w, KEY_NONCE);
            ud_cbor_put_bstr(&w, report->nonce);
        }
        ud_report_put_key(&w, KEY_CLAIMS);
        (more != NULL ? more->ops->list : put_claims)(&w, report);
        put_result(&w, report);
        if (more != NULL) {
            more->ops->capabilities(&w, more);
        }
        put_reference(&w, report);
        put_device(&w, report);
        err = ud_cbor_written(&w);
        if (err == UD_OK || more == NULL) {
            break;
        }
    }
    return err == UD_OK ? ud_cose_sign1_write(out, signer, ud_buf_bytes(&buf), false) : err;
}

/* Reading */

static struct ud_bytes read_digest(struct ud_cbor *r)
{
    const struct ud_cbor before = *r;
    ud_fields_array(r, 2);
    if (ud_cbor_int(r) != ALG_SHA256 && r->err == UD_OK) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_ALGORITHM);
    }
    return ud_fields_bstr(r, UD_SHA256_BYTES);
}

static void read_nonce(struct ud_cbor *r, void *into)
{
    ((struct ud_report *)into)->nonce = ud_fields_bstr(r, UD_NONCE_BYTES);
}

static void read_claim_component(struct ud_cbor *r, void *into)
{
    ((struct ud_report_claim *)into)->component_id = ud_fields_component_id(r);
}

/* As in a manifest's parameter, the digest stands in a bstr of its own. */
struct ud_bytes ud_report_read_wrapped_digest(struct ud_cbor *r)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes wrapped = ud_fields_bstr(r, DIGEST_ITEM_BYTES);
    struct ud_cbor inner;
    ud_cbor_init(&inner, wrapped);
    const struct ud_bytes digest = read_digest(&inner);
    if (r->err == UD_OK && inner.err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, inner.err);
    }
    return digest;
}

static void read_claim_digest(struct ud_cbor *r, void *into)
{
    ((struct ud_report_claim *)into)->digest = ud_report_read_wrapped_digest(r);
}

static void read_claim_size(struct ud_cbor *r, void *into)
{
    ((struct ud_report_claim *)into)->image_size = ud_cbor_uint(r);
}

static void read_claim_sequence(struct ud_cbor *r, void *into)
{
    struct ud_report_claim *claim = into;
    ud_fields_array(r, 2);
    claim->epoch = (uint32_t)ud_fields_number(r, 0, UINT32_MAX);
    claim->sequence = ud_cbor_uint(r);
}

static void read_claim_version(struct ud_cbor *r, void *into)
{
    (void)into; /* ud_report_version() */
    (void)ud_report_read_version(r);
}

static const struct ud_field claim_fields[] = {
    {CLAIM_COMPONENT, true, read_claim_component}, {CLAIM_DIGEST, true, read_claim_digest},
    {CLAIM_SIZE, true, read_claim_size},           {UD_REPORT_CLAIM_VERSION, false, read_claim_version},
    {CLAIM_SEQUENCE, true, read_claim_sequence},
};

/* Claims are maps, records are arrays. */
static void read_claims(struct ud_cbor *r, void *into)
{
    struct ud_report *report = into;
    uint64_t count = ud_cbor_array(r);
    report->list = r->rest;
    for (; count > 0 && r->err == UD_OK; count--) {
        if (ud_cbor_peek(r) == UD_CBOR_ARRAY) {
            struct ud_report_record record = {.answer = UD_OK};
            if (report->record_count == UINT8_MAX) {
                ud_cbor_fail(r, UD_ERR_LIMIT);
                return;
            }
            ud_report_read_record(r, &record);
            report->record_count++;
            continue;
        }
        if (report->claim_count == UD_COMPONENTS_MAX) {
            ud_cbor_fail(r, UD_ERR_LIMIT);
            return;
        }
        ud_fields_read(r, claim_fields, sizeof claim_fields / sizeof claim_fields[0],
                       &report->claims[report->claim_count++]);
    }
    report->list.len -= r->rest.len;
}

static void read_capabilities(struct ud_cbor *r, void *into)
{
    struct ud_capabilities found;
    const struct ud_cbor before = *r;
    const struct ud_bytes item = ud_cbor_skip(r);
    const ud_err err = r->err == UD_OK ? ud_report_capabilities(item, &found) : UD_OK;
    if (err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, err);
    }
    ((struct ud_report *)into)->capabilities = item;
}

static void read_code(struct ud_cbor *r, void *into)
{
    ud_report_read_failure(r, &((struct ud_report *)into)->result);
}

static void read_record(struct ud_cbor *r, void *into)
{
    ud_report_read_place(r, &((struct ud_report *)into)->record);
    if (ud_cbor_map(r) != 0) {
        ud_cbor_fail(r, UD_ERR_LABEL_UNKNOWN);
    }
}

static void read_reason(struct ud_cbor *r, void *into)
{
    (void)into; /* follows from the code; others who read reports need it */
    (void)ud_fields_number(r, 1, UINT8_MAX);
}

static const struct ud_field failure_fields[] = {
    {RESULT_CODE, true, read_code},
    {RESULT_RECORD, true, read_record},
    {RESULT_REASON, true, read_reason},
};

static void read_result(struct ud_cbor *r, void *into)
{
    const struct ud_cbor before = *r;
    if (ud_cbor_peek(r) == UD_CBOR_MAP) {
        ud_fields_read(r, failure_fields, sizeof failure_fields / sizeof failure_fields[0], into);
    } else if (!ud_cbor_bool(r) && r->err == UD_OK) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_SHAPE); /* `false` says nothing */
    }
}

static void read_reference(struct ud_cbor *r, void *into)
{
    struct ud_report *report = into;
    ud_fields_array(r, 2);
    report->reference_uri = ud_fields_tstr(r, UD_URI_BYTES_MAX);
    report->reference_digest = read_digest(r);
}

static void read_boots(struct ud_cbor *r, void *into)
{
    ((struct ud_report *)into)->boot_count = (uint32_t)ud_fields_number(r, 0, UINT32_MAX);
}

static void read_counter(struct ud_cbor *r, void *into)
{
    ((struct ud_report *)into)->counter = ud_cbor_uint(r);
}

static void read_boot_reason(struct ud_cbor *r, void *into)
{
    ((struct ud_report *)into)->boot_reason =
        (ud_boot_reason)ud_fields_number(r, UD_BOOT_UNKNOWN, UD_BOOT_RECOVERY);
}

static void read_measurement(struct ud_cbor *r, void *into)
{
    ((struct ud_report *)into)->measurement = ud_fields_bstr(r, UD_SHA256_BYTES);
}

static void read_counter_err(struct ud_cbor *r, void *into)
{
    ud_report_read_failure(r, &((struct ud_report *)into)->counter_err);
}

static const struct ud_field device_fields[] = {
    {DEVICE_BOOTS, true, read_boots},
    {DEVICE_COUNTER, true, read_counter},
    {DEVICE_REASON, true, read_boot_reason},
    {DEVICE_MEASUREMENT, false, read_measurement},
    {DEVICE_COUNTER_ERR, false, read_counter_err},
};

static void read_device(struct ud_cbor *r, void *into)
{
    ud_fields_read(r, device_fields, sizeof device_fields / sizeof device_fields[0], into);
}

static const struct ud_field report_fields[] = {
    {KEY_NONCE, false, read_nonce},        {KEY_CLAIMS, true, read_claims},
    {KEY_RESULT, true, read_result},       {UD_REPORT_CAPABILITIES, false, read_capabilities},
    {KEY_REFERENCE, true, read_reference}, {KEY_DEVICE, true, read_device},
};

static ud_err parse_named(struct ud_cose_sign1 *sign1, struct ud_bytes in, struct ud_diag *diag)
{
    if (in.len > UD_REPORT_BYTES_MAX) {
        return ud_diag_set(diag, UD_ERR_LIMIT, UD_REPORT_BYTES_MAX);
    }
    const ud_err err = ud_cose_sign1_parse(sign1, in, diag);
    if (err != UD_OK) {
        return err;
    }
    return ud_diag_set(diag, sign1->kid.len == UD_KID_BYTES ? UD_OK : UD_ERR_IDENTITY, 0);
}

ud_err ud_report_kid(struct ud_bytes in, struct ud_bytes *kid)
{
    struct ud_cose_sign1 sign1;
    const ud_err err = parse_named(&sign1, in, NULL);
    if (err == UD_OK) {
        *kid = sign1.kid;
    }
    return err;
}

static ud_err verify(const struct ud_cose_sign1 *sign1, const struct ud_key *key)
{
    uint8_t kid[UD_KID_BYTES];
    if (key->pub.len != UD_P256_PUBLIC_BYTES) {
        return UD_ERR_KEY;
    }
    const ud_err err = ud_cose_key_kid(key->pub.ptr, kid);
    if (err != UD_OK) {
        return err;
    }
    if (!ud_bytes_equal(sign1->kid, UD_BYTES_ARRAY(kid))) {
        return UD_ERR_IDENTITY;
    }
    return sign1->detached ? UD_ERR_COSE : ud_cose_sign1_verify(sign1, key, sign1->payload);
}

static ud_err read_payload(struct ud_report *report, struct ud_bytes in, struct ud_bytes payload,
                           struct ud_diag *diag)
{
    struct ud_report found = {.result = UD_OK};
    struct ud_cbor r;
    ud_cbor_init_within(&r, in, payload);
    ud_fields_read(&r, report_fields, sizeof report_fields / sizeof report_fields[0], &found);
    const ud_err err = ud_cbor_finish(&r);
    if (err == UD_OK) {
        *report = found;
    }
    return ud_diag_set(diag, err, r.err_offset_bytes);
}

ud_err ud_report_verify(struct ud_report *report, struct ud_bytes in, const struct ud_key *key,
                        struct ud_diag *diag)
{
    struct ud_cose_sign1 sign1;
    ud_err err = parse_named(&sign1, in, diag);
    if (err != UD_OK) {
        return err;
    }
    err = verify(&sign1, key);
    return err == UD_OK ? read_payload(report, in, sign1.payload, diag) : ud_diag_set(diag, err, 0);
}

ud_err ud_report_read(struct ud_report *report, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cose_sign1 sign1;
    const ud_err err = parse_named(&sign1, in, diag);
    if (err != UD_OK) {
        return err;
    }
    return sign1.detached ? ud_diag_set(diag, UD_ERR_COSE, 0) : read_payload(report, in, sign1.payload, diag);
}
