/* Hosts: making roots, links and stores. What no device would take is not written. */
#include "manifest/trust_policy.h"
#include "updraft/trust_store.h"

enum { FORMAT_VERSION = 1, OBJECT_ELEMENTS = 3 };
enum {
    BODY_NUMBER = 1,
    BODY_ROOTS,
    BODY_TRUST,
    BODY_SEQUENCE_MIN,
    BODY_EXPIRES,
    BODY_REVOKED,
    BODY_KEPT,
    BODY_VENDOR,
    BODY_CLASS
};

static ud_err settle(struct ud_buf *out, size_t len_before, ud_err err)
{
    if (err != UD_OK) {
        out->len = len_before;
    }
    return err;
}

ud_err ud_trust_roots_write(struct ud_buf *out, const struct ud_trust *roots)
{
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    const ud_err err = ud_trust_policy_check(roots);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_trust_policy_put(&w, roots);
    return settle(out, len_before, ud_cbor_written(&w));
}

ud_err ud_trust_link_write(struct ud_buf *out, const struct ud_trust *roots,
                           const struct ud_signer *const *signers, size_t count)
{
    uint8_t room[UD_TRUST_STORE_BYTES_MAX];
    uint8_t signed_room[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf payload = {room, sizeof room, 0};
    struct ud_buf whole = {signed_room, sizeof signed_room, 0};
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    ud_err err = ud_trust_roots_write(&payload, roots);
    err = err == UD_OK ? ud_cose_sign_write(&whole, signers, count, ud_buf_bytes(&payload), false) : err;
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&whole));
    return settle(out, len_before, ud_cbor_written(&w));
}

static void put_number(struct ud_cbor_writer *w, uint64_t key, uint64_t value)
{
    if (value > 0) {
        ud_cbor_put_uint(w, key);
        ud_cbor_put_uint(w, value);
    }
}

static void put_bytes(struct ud_cbor_writer *w, uint64_t key, struct ud_bytes value)
{
    if (value.len > 0) {
        ud_cbor_put_uint(w, key);
        ud_cbor_put_bstr(w, value);
    }
}

ud_err ud_trust_store_body_write(struct ud_buf *out, const struct ud_trust_store *store)
{
    const struct ud_trust *trust = &store->trust;
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    const ud_err err = trust->number == 0 ? UD_ERR_NUMBER_RANGE : ud_trust_policy_check(trust);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_map(&w, (size_t)3 + (trust->sequence_min > 0) + (trust->expires_s > 0) +
                            (trust->revoked.len > 0) + (trust->kept.len > 0) + (store->vendor_id.len > 0) +
                            (store->class_id.len > 0));
    put_number(&w, BODY_NUMBER, trust->number);
    ud_cbor_put_uint(&w, BODY_ROOTS);
    ud_cbor_put_uint(&w, store->roots.epoch);
    ud_cbor_put_uint(&w, BODY_TRUST);
    ud_trust_policy_put(&w, trust);
    put_number(&w, BODY_SEQUENCE_MIN, trust->sequence_min);
    put_number(&w, BODY_EXPIRES, trust->expires_s);
    put_bytes(&w, BODY_REVOKED, trust->revoked);
    put_bytes(&w, BODY_KEPT, trust->kept);
    put_bytes(&w, BODY_VENDOR, store->vendor_id);
    put_bytes(&w, BODY_CLASS, store->class_id);
    return settle(out, len_before, ud_cbor_written(&w));
}

ud_err ud_trust_store_write(struct ud_buf *out, struct ud_bytes links, uint8_t link_count,
                            struct ud_bytes signed_body)
{
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    if (link_count > UD_TRUST_LINKS_MAX) {
        return UD_ERR_LIMIT;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, OBJECT_ELEMENTS);
    ud_cbor_put_uint(&w, FORMAT_VERSION);
    ud_cbor_put_array(&w, link_count);
    ud_cbor_put_raw(&w, links);
    ud_cbor_put_bstr(&w, signed_body);
    ud_err err = ud_cbor_written(&w);
    if (err == UD_OK && out->len - len_before > UD_TRUST_STORE_BYTES_MAX) {
        err = UD_ERR_LIMIT;
    }
    return settle(out, len_before, err);
}
