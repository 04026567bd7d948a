#include "author/trust_file.h"

#include "manifest/fields.h"

enum { FORMAT_VERSION = 1, OBJECT_ELEMENTS = 3, SIGN_ELEMENTS = 4, SIGNATURE_ELEMENTS = 3 };
enum { HEADER_ALG = 1, HEADER_KID = 4 };
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

/* ---- what a store says ---- */

static void read_number(struct ud_cbor *r, void *into)
{
    ((struct ud_trust_store *)into)->trust.number = (uint32_t)ud_fields_number(r, 1, UINT32_MAX);
}

static void read_roots_number(struct ud_cbor *r, void *into)
{
    const struct ud_cbor before = *r;
    const uint64_t number = ud_fields_number(r, 0, UINT32_MAX);
    if (r->err == UD_OK && number != ((struct ud_trust_store *)into)->link_count) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_CHAIN);
    }
}

static void read_trust(struct ud_cbor *r, void *into)
{
    struct ud_trust *store = &((struct ud_trust_store *)into)->trust;
    struct ud_trust trust;
    struct ud_diag diag = {.err = UD_OK};
    const size_t at = ud_cbor_offset(r);
    const struct ud_bytes item = ud_cbor_skip(r);
    const ud_err err = r->err == UD_OK ? ud_trust_roots_parse(&trust, item, &diag) : r->err;
    if (err != UD_OK) {
        ud_cbor_fail_at(r, at + diag.offset_bytes, err);
        return;
    }
    memcpy(store->keys, trust.keys, sizeof trust.keys);
    memcpy(store->group_need, trust.group_need, sizeof trust.group_need);
    store->key_count = trust.key_count;
    store->threshold = trust.threshold;
    store->epoch = trust.epoch;
}

static void read_sequence_min(struct ud_cbor *r, void *into)
{
    ((struct ud_trust_store *)into)->trust.sequence_min = ud_fields_number(r, 1, UINT64_MAX);
}

static void read_expires(struct ud_cbor *r, void *into)
{
    ((struct ud_trust_store *)into)->trust.expires_s = ud_fields_number(r, 1, UINT64_MAX);
}

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
    ((struct ud_trust_store *)into)->trust.revoked = read_list(r, UD_KID_BYTES);
}

static void read_kept(struct ud_cbor *r, void *into)
{
    ((struct ud_trust_store *)into)->trust.kept = read_list(r, UD_SHA256_BYTES);
}

static void read_vendor(struct ud_cbor *r, void *into)
{
    ((struct ud_trust_store *)into)->vendor_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_class(struct ud_cbor *r, void *into)
{
    ((struct ud_trust_store *)into)->class_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static const struct ud_field body_fields[] = {
    {BODY_NUMBER, true, read_number},    {BODY_ROOTS, true, read_roots_number},
    {BODY_TRUST, true, read_trust},      {BODY_SEQUENCE_MIN, false, read_sequence_min},
    {BODY_EXPIRES, false, read_expires}, {BODY_REVOKED, false, read_revoked},
    {BODY_KEPT, false, read_kept},       {BODY_VENDOR, false, read_vendor},
    {BODY_CLASS, false, read_class},
};

/* No key may be listed and revoked: ud_trust_find() names the revoked ones first. */
static ud_err check_revoked(const struct ud_trust *trust)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        size_t index = 0;
        const ud_err err = ud_trust_find(trust, UD_BYTES_ARRAY(trust->keys[i].kid), &index);
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

static ud_err read_body(struct trust_file *file, struct ud_bytes whole, struct ud_cbor *r)
{
    ud_cbor_init_within(r, whole, file->payload);
    ud_fields_read(r, body_fields, sizeof body_fields / sizeof body_fields[0], &file->store);
    const ud_err err = ud_cbor_finish(r);
    return err == UD_OK ? check_revoked(&file->store.trust) : err;
}

/* ---- what is signed, and by whom ---- */

/* A COSE_Sign with attached payload, empty body header, and any number of signers, none as well. */
static ud_err read_signed(struct ud_cbor *r, struct trust_file *file)
{
    struct ud_cose cose;
    const struct ud_bytes whole = r->rest;
    const size_t at = ud_cbor_offset(r);
    if (ud_cbor_tag(r) != UD_COSE_SIGN || ud_cbor_array(r) != SIGN_ELEMENTS || ud_cbor_bstr(r).len != 0 ||
        ud_cbor_map(r) != 0) {
        ud_cbor_fail_at(r, at, UD_ERR_COSE);
    }
    file->payload = ud_cbor_bstr(r);
    const size_t count = ud_cbor_array(r);
    file->signers = r->rest;
    for (size_t i = 0; i < count && r->err == UD_OK; i++) {
        (void)ud_cbor_skip(r);
    }
    if (ud_cbor_finish(r) != UD_OK || count == 0) {
        return r->err;
    }
    file->signer_count = (uint8_t)count;
    return count <= UD_COSE_PROOFS_MAX ? ud_cose_parse(&cose, whole, NULL) : UD_ERR_LIMIT;
}

static ud_err read_link(struct trust_file *file, struct ud_cbor *r, struct ud_diag *diag)
{
    ud_err err = read_signed(r, file);
    err = err == UD_OK ? ud_trust_roots_parse(&file->store.roots, file->payload, diag) : err;
    return err == UD_OK && file->store.roots.epoch == 0 ? UD_ERR_CHAIN : err;
}

static ud_err read_links(struct trust_file *file, struct ud_cbor *r)
{
    const size_t count = ud_cbor_array(r);
    struct ud_trust_store *store = &file->store;
    ud_err err = count > UD_TRUST_LINKS_MAX ? UD_ERR_LIMIT : r->err;
    store->links = r->rest;
    for (size_t i = 0; err == UD_OK && i < count; i++) {
        struct trust_file link = {.kind = TRUST_FILE_LINK};
        struct ud_cbor inside;
        ud_cbor_init(&inside, ud_cbor_bstr(r));
        err = r->err == UD_OK ? read_link(&link, &inside, NULL) : r->err;
        if (err == UD_OK && link.store.roots.epoch != i + 1) {
            err = UD_ERR_CHAIN;
        }
        store->roots = link.store.roots;
        store->link_count++;
    }
    store->links.len -= r->rest.len;
    return err;
}

static ud_err read_store(struct trust_file *file, struct ud_bytes in, struct ud_cbor *r)
{
    struct ud_cbor inside;
    if (ud_cbor_array(r) != OBJECT_ELEMENTS) {
        ud_cbor_fail_at(r, 0, UD_ERR_SHAPE);
    }
    if (ud_cbor_uint(r) != FORMAT_VERSION) {
        ud_cbor_fail_item(r, UD_ERR_VERSION);
    }
    ud_err err = r->err == UD_OK ? read_links(file, r) : r->err;
    const struct ud_bytes content = err == UD_OK ? ud_cbor_bstr(r) : (struct ud_bytes){NULL, 0};
    err = err == UD_OK ? ud_cbor_finish(r) : err;
    if (err == UD_OK) {
        ud_cbor_init_within(&inside, in, content);
        err = read_signed(&inside, file);
    }
    return err == UD_OK ? read_body(file, in, r) : err;
}

ud_err trust_file_read(struct trust_file *file, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_cbor r;
    struct ud_diag inner = {.err = UD_OK};
    ud_err err = UD_OK;
    memset(file, 0, sizeof *file);
    file->whole = in;
    ud_cbor_init(&r, in);
    const ud_cbor_type type = ud_cbor_peek(&r);
    if (in.len > UD_TRUST_STORE_BYTES_MAX) {
        err = UD_ERR_LIMIT;
    } else if (type == UD_CBOR_MAP) {
        file->kind = TRUST_FILE_ROOTS;
        file->payload = in;
        err = ud_trust_roots_parse(&file->store.roots, in, &inner);
        err = err == UD_OK && file->store.roots.epoch != 0 ? UD_ERR_CHAIN : err;
    } else if (type == UD_CBOR_TAG) {
        file->kind = TRUST_FILE_LINK;
        err = read_link(file, &r, &inner);
    } else {
        file->kind = TRUST_FILE_STORE;
        err = read_store(file, in, &r);
    }
    *diag = (struct ud_diag){.err = err,
                             .offset_bytes = inner.err != UD_OK ? inner.offset_bytes : r.err_offset_bytes};
    return err;
}

ud_err trust_file_signature(const struct trust_file *file, size_t i, int64_t *alg, struct ud_bytes *kid)
{
    struct ud_cbor r;
    struct ud_cbor header;
    if (i >= file->signer_count) {
        return UD_ERR_INDEX;
    }
    ud_cbor_init(&r, file->signers);
    while (i-- > 0) {
        (void)ud_cbor_skip(&r);
    }
    *alg = UD_ALG_NONE;
    *kid = (struct ud_bytes){NULL, 0};
    (void)ud_cbor_array(&r);
    ud_cbor_init(&header, ud_cbor_bstr(&r));
    for (size_t pairs = ud_cbor_map(&header); pairs > 0 && header.err == UD_OK; pairs--) {
        const bool number = ud_cbor_peek(&header) == UD_CBOR_UINT;
        const uint64_t label = number ? ud_cbor_uint(&header) : 0;
        if (!number) {
            (void)ud_cbor_skip(&header);
        }
        if (label == HEADER_ALG) {
            *alg = ud_cbor_int(&header);
        } else if (label == HEADER_KID) {
            *kid = ud_cbor_bstr(&header);
        } else {
            (void)ud_cbor_skip(&header);
        }
    }
    return header.err;
}

/* ---- writing ---- */

static void put_signed(struct ud_cbor_writer *w, const struct trust_file *file)
{
    ud_cbor_put_tag(w, UD_COSE_SIGN);
    ud_cbor_put_array(w, SIGN_ELEMENTS);
    ud_cbor_put_bstr_head(w, 0);
    ud_cbor_put_map(w, 0);
    ud_cbor_put_bstr(w, file->payload);
    ud_cbor_put_array(w, file->signer_count);
    ud_cbor_put_raw(w, file->signers);
}

ud_err trust_file_write(struct ud_buf *out, const struct trust_file *file)
{
    uint8_t room[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf whole = {room, sizeof room, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &whole);
    if (file->kind == TRUST_FILE_ROOTS) {
        ud_cbor_put_raw(&w, file->payload);
    } else {
        put_signed(&w, file);
    }
    if (ud_cbor_written(&w) != UD_OK) {
        return UD_ERR_LIMIT;
    }
    if (file->kind == TRUST_FILE_STORE) {
        return ud_trust_store_write(out, file->store.links, file->store.link_count, ud_buf_bytes(&whole));
    }
    return ud_buf_put(out, ud_buf_bytes(&whole)) ? UD_OK : UD_ERR_BUFFER;
}

ud_err trust_file_sign(struct ud_buf *out, const struct trust_file *file, const struct ud_signer *signer)
{
    uint8_t room[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf signers = {room, sizeof room, 0};
    struct trust_file more = *file;
    if (file->kind == TRUST_FILE_ROOTS) {
        return UD_ERR_UNSIGNED;
    }
    for (size_t i = 0; i < file->signer_count; i++) {
        int64_t alg = 0;
        struct ud_bytes kid;
        const ud_err err = trust_file_signature(file, i, &alg, &kid);
        if (err != UD_OK || ud_bytes_equal(kid, UD_BYTES_ARRAY(signer->kid))) {
            return err != UD_OK ? err : UD_ERR_CONFLICT;
        }
    }
    if (file->signer_count == UD_COSE_PROOFS_MAX || !ud_buf_put(&signers, file->signers)) {
        return UD_ERR_LIMIT;
    }
    const ud_err err = ud_cose_signature_write(&signers, signer, (struct ud_bytes){NULL, 0}, file->payload);
    if (err != UD_OK) {
        return err == UD_ERR_BUFFER ? UD_ERR_LIMIT : err;
    }
    more.signers = ud_buf_bytes(&signers);
    more.signer_count++;
    return trust_file_write(out, &more);
}
