#include "updraft/trust_store.h"

#include "manifest/diag.h"
#include "manifest/fields.h"
#include "manifest/trust_policy.h"

enum { FORMAT_VERSION = 1, OBJECT_ELEMENTS = 3 };
enum {
    BODY_NUMBER = 1,
    BODY_ROOTS = 2,
    BODY_TRUST = 3,
    BODY_SEQUENCE_MIN = 4,
    BODY_EXPIRES = 5,
    BODY_REVOKED = 6,
    BODY_KEPT = 7,
    BODY_VENDOR = 8,
    BODY_CLASS = 9,
};

/* ---- roots ---- */

static void read_roots(struct ud_cbor *r, struct ud_trust *roots)
{
    const struct ud_cbor before = *r;
    ud_trust_policy_read(r, roots);
    const ud_err err = r->err == UD_OK ? ud_trust_policy_check(roots) : UD_OK;
    if (err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, err);
    }
}

ud_err ud_trust_roots_parse(struct ud_trust *roots, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cbor r;
    memset(roots, 0, sizeof *roots);
    ud_cbor_init(&r, in);
    read_roots(&r, roots);
    const ud_err err = ud_cbor_finish(&r);
    return ud_diag_set(diag, err, r.err_offset_bytes);
}

/* ---- what a store says ---- */

/* The body is read twice: what is revoked stands behind the keys, and decides about them. */
struct body {
    struct ud_trust_store *store;
    uint32_t roots_number;
    bool with_keys;
};

static void read_number(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->store->trust.number = (uint32_t)ud_fields_number(r, 1, UINT32_MAX);
}

static void read_roots_number(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->roots_number = (uint32_t)ud_fields_number(r, 0, UINT32_MAX);
}

static void read_trust(struct ud_cbor *r, void *into)
{
    struct body *body = into;
    if (body->with_keys) {
        read_roots(r, &body->store->trust); /* the same map and the same check */
    } else {
        (void)ud_cbor_skip(r);
    }
}

static void read_sequence_min(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->store->trust.sequence_min = ud_fields_number(r, 1, UINT64_MAX);
}

static void read_expires(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->store->trust.expires_s = ud_fields_number(r, 1, UINT64_MAX);
}

/* A bstr that holds items of `size` bytes, at least one. */
static struct ud_bytes read_list(struct ud_cbor *r, size_t size)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes list = ud_cbor_bstr(r);
    if (r->err == UD_OK && (list.len == 0 || list.len % size != 0)) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
    return r->err == UD_OK ? list : (struct ud_bytes){NULL, 0};
}

static void read_revoked(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->store->trust.revoked = read_list(r, UD_KID_BYTES);
}

static void read_kept(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->store->trust.kept = read_list(r, UD_SHA256_BYTES);
}

static void read_vendor(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->store->vendor_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_class(struct ud_cbor *r, void *into)
{
    ((struct body *)into)->store->class_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static const struct ud_field body_fields[] = {
    {BODY_NUMBER, true, read_number},    {BODY_ROOTS, true, read_roots_number},
    {BODY_TRUST, true, read_trust},      {BODY_SEQUENCE_MIN, false, read_sequence_min},
    {BODY_EXPIRES, false, read_expires}, {BODY_REVOKED, false, read_revoked},
    {BODY_KEPT, false, read_kept},       {BODY_VENDOR, false, read_vendor},
    {BODY_CLASS, false, read_class},
};

static ud_err read_body(struct ud_trust_store *store, struct ud_bytes whole, struct ud_bytes payload,
                        struct ud_cbor *r)
{
    struct body body = {.store = store};
    memset(&store->trust, 0, sizeof store->trust);
    for (int pass = 0; pass < 2; pass++) {
        body.with_keys = pass == 1;
        ud_cbor_init_within(r, whole, payload);
        ud_fields_read(r, body_fields, sizeof body_fields / sizeof body_fields[0], &body);
        (void)ud_cbor_finish(r);
        if (r->err != UD_OK) {
            return r->err;
        }
    }
    if (body.roots_number != store->roots.epoch) { /* signed for other roots than its own links lead to */
        ud_cbor_fail(r, UD_ERR_CHAIN);
    }
    return r->err;
}

/* ---- signatures ---- */

/* An attached COSE_Sign by enough of these keys. */
static ud_err check_signed(const struct ud_trust *by, const struct ud_cose *cose)
{
    ud_trust_set signers = 0;
    const ud_err err = ud_trust_verify(by, cose, cose->payload, &signers);
    return err == UD_OK ? ud_trust_enough(by, signers) : err;
}

static ud_err parse_signed(struct ud_cbor *r, struct ud_cose *cose)
{
    const struct ud_bytes content = ud_cbor_bstr(r);
    ud_err err = r->err == UD_OK ? ud_cose_parse(cose, content, NULL) : r->err;
    if (err == UD_OK && (cose->detached || cose->body.form->kind != UD_COSE_SIGN)) {
        err = UD_ERR_COSE;
    }
    return err;
}

/* From the roots before it to its own; store->trust serves as room for them. */
static ud_err take_link(struct ud_trust_store *store, struct ud_cbor *r)
{
    struct ud_cose cose;
    struct ud_trust *next = &store->trust;
    ud_err err = parse_signed(r, &cose);
    err = err == UD_OK ? check_signed(&store->roots, &cose) : err;
    err = err == UD_OK ? ud_trust_roots_parse(next, cose.payload, NULL) : err;
    if (err == UD_OK && next->epoch != store->roots.epoch + 1) {
        err = UD_ERR_CHAIN;
    }
    err = err == UD_OK ? check_signed(next, &cose) : err;
    if (err == UD_OK) {
        store->roots = *next;
        store->link_count++;
    }
    return err;
}

static ud_err take_links(struct ud_trust_store *store, struct ud_cbor *r)
{
    size_t count = ud_cbor_array(r);
    ud_err err = count > UD_TRUST_LINKS_MAX ? UD_ERR_LIMIT : r->err;
    store->links = r->rest;
    for (; err == UD_OK && count > 0; count--) {
        err = take_link(store, r);
    }
    store->links.len -= r->rest.len;
    return err;
}

static ud_err take_object(struct ud_trust_store *store, struct ud_bytes in, struct ud_cbor *r)
{
    struct ud_cose cose;
    ud_cbor_init(r, in);
    if (ud_cbor_array(r) != OBJECT_ELEMENTS) {
        ud_cbor_fail_at(r, 0, UD_ERR_SHAPE);
    }
    if (ud_cbor_uint(r) != FORMAT_VERSION) {
        ud_cbor_fail(r, UD_ERR_VERSION);
    }
    ud_err err = r->err == UD_OK ? take_links(store, r) : r->err;
    err = err == UD_OK ? parse_signed(r, &cose) : err;
    err = err == UD_OK ? ud_cbor_finish(r) : err;
    err = err == UD_OK ? check_signed(&store->roots, &cose) : err;
    return err == UD_OK ? read_body(store, in, cose.payload, r) : err;
}

bool ud_trust_store_is_one(struct ud_bytes in)
{
    struct ud_cbor r;
    ud_cbor_init(&r, in);
    return ud_cbor_peek(&r) == UD_CBOR_ARRAY && ud_cbor_array(&r) == OBJECT_ELEMENTS && r.err == UD_OK;
}

ud_err ud_trust_store_verify(struct ud_trust_store *store, struct ud_bytes in, const struct ud_trust *roots,
                             struct ud_diag *diag)
{
    struct ud_cbor r;
    if (in.len > UD_TRUST_STORE_BYTES_MAX) {
        return ud_diag_set(diag, UD_ERR_LIMIT, UD_TRUST_STORE_BYTES_MAX);
    }
    memset(store, 0, sizeof *store);
    store->roots = *roots;
    store->whole = in;
    const ud_err err = take_object(store, in, &r);
    const uint32_t at = r.err != UD_OK ? r.err_offset_bytes : (uint32_t)ud_cbor_offset(&r);
    if (err != UD_OK) {
        memset(store, 0, sizeof *store); /* a store that did not verify trusts nobody */
    }
    return ud_diag_set(diag, err, at);
}

ud_err ud_trust_store_follows(const struct ud_trust_store *next, const struct ud_trust_store *now,
                              uint32_t provisioned_epoch)
{
    const uint32_t number = now == NULL ? 0 : now->trust.number;
    const uint32_t epoch = now == NULL ? provisioned_epoch : now->trust.epoch;
    const uint8_t link_count = now == NULL ? 0 : now->link_count;
    const struct ud_bytes links = now == NULL ? (struct ud_bytes){NULL, 0} : now->links;
    struct ud_bytes same = {NULL, 0};
    if (next->trust.number <= number) {
        return UD_ERR_STALE;
    }
    if (!ud_bytes_slice(next->links, 0, links.len, &same) || !ud_bytes_equal(same, links)) {
        return UD_ERR_CHAIN; /* other roots than those that this device went through */
    }
    const bool is_next = next->trust.number - number == 1 && next->link_count - link_count <= 1 &&
                         next->trust.epoch >= epoch && next->trust.epoch - epoch <= 1;
    return is_next ? UD_OK : UD_ERR_CHAIN;
}

ud_err ud_trust_store_applies(const struct ud_trust_store *store, struct ud_bytes vendor_id,
                              struct ud_bytes class_id)
{
    if (store->vendor_id.len > 0 && !ud_bytes_equal(store->vendor_id, vendor_id)) {
        return UD_ERR_VENDOR;
    }
    return store->class_id.len == 0 || ud_bytes_equal(store->class_id, class_id) ? UD_OK : UD_ERR_CLASS;
}
