#include "manifest/fields.h"
#include "updraft/limits.h"

/* Put `err` where the item began that has just been read. */
static void fail_before(struct ud_cbor *r, const struct ud_cbor *before, ud_err err)
{
    if (r->err == UD_OK) {
        *r = *before;
        ud_cbor_fail(r, err);
    }
}

static const struct ud_field *find(const struct ud_field *fields, size_t count, int64_t key)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].key == key) {
            return &fields[i];
        }
    }
    return NULL;
}

/* Rows from `next` up to `found` have no key in this map. */
static void check_left_out(struct ud_cbor *r, const struct ud_field *next, const struct ud_field *found)
{
    for (; next < found; next++) {
        if (next->required) {
            ud_cbor_fail(r, UD_ERR_MISSING);
        }
    }
}

void ud_fields_read(struct ud_cbor *r, const struct ud_field *fields, size_t count, void *into)
{
    struct ud_bytes previous = {NULL, 0};
    const struct ud_field *next = fields;
    for (uint64_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        const struct ud_cbor before = *r;
        ud_cbor_key_order(r, &previous);
        const struct ud_field *found = find(fields, count, ud_cbor_int(r));
        if (found == NULL) {
            fail_before(r, &before, UD_ERR_LABEL_UNKNOWN);
            return;
        }
        check_left_out(r, next, found);
        if (r->err == UD_OK) {
            found->read(r, into);
            next = found + 1;
        }
    }
    check_left_out(r, next, fields + count);
}

uint64_t ud_fields_number(struct ud_cbor *r, uint64_t low, uint64_t high)
{
    const struct ud_cbor before = *r;
    const uint64_t value = ud_cbor_uint(r);
    if (value < low || value > high) {
        fail_before(r, &before, UD_ERR_NUMBER_RANGE);
    }
    return r->err == UD_OK ? value : 0;
}

void ud_fields_array(struct ud_cbor *r, uint64_t count)
{
    const struct ud_cbor before = *r;
    if (ud_cbor_array(r) != count) {
        fail_before(r, &before, UD_ERR_SHAPE);
    }
}

ud_view ud_fields_bstr_view(struct ud_cbor *r, size_t len)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes value = ud_cbor_bstr(r);
    if (value.len != len) {
        fail_before(r, &before, UD_ERR_SHAPE);
    }
    return ud_view_of(r->err == UD_OK ? value : (struct ud_bytes){NULL, 0});
}

ud_view ud_fields_tstr_view(struct ud_cbor *r, size_t len_max)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes value = ud_cbor_tstr(r);
    if (value.len > len_max) {
        fail_before(r, &before, UD_ERR_LIMIT);
    }
    return ud_view_of(r->err == UD_OK ? value : (struct ud_bytes){NULL, 0});
}

ud_view ud_fields_component_id_view(struct ud_cbor *r)
{
    const struct ud_cbor before = *r;
    uint64_t elements = ud_cbor_array(r);
    if (elements == 0) {
        fail_before(r, &before, UD_ERR_SHAPE);
    }
    for (; elements > 0 && r->err == UD_OK; elements--) {
        (void)ud_cbor_bstr(r);
    }
    const size_t len = before.rest.len - r->rest.len;
    if (len > UD_COMPONENT_ID_BYTES_MAX) {
        fail_before(r, &before, UD_ERR_LIMIT);
    }
    return ud_view_of(r->err == UD_OK ? (struct ud_bytes){before.rest.ptr, len} : (struct ud_bytes){NULL, 0});
}
