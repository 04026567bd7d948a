#include "manifest/cose_headers.h"

/*
 * A header map has no order (published vectors), so every label is compared with all before.
 * @return its first byte, which says all about the labels that we know; COSE_HEADER_OTHER for any other
 */
static uint8_t take_label(struct ud_cbor *r, struct cose_headers *headers)
{
    const ud_cbor_type type = ud_cbor_peek(r);
    if (type > UD_CBOR_NINT && type != UD_CBOR_TSTR) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
    const struct ud_bytes label = ud_cbor_skip(r);
    size_t before = 0;
    for (; before < headers->count; before++) {
        if (ud_bytes_equal(headers->seen[before], label)) {
            ud_cbor_fail_item(r, UD_ERR_DUPLICATE);
        }
    }
    if (before == UD_COSE_HEADERS_MAX) {
        ud_cbor_fail_item(r, UD_ERR_LIMIT);
    }
    if (r->err != UD_OK) {
        return COSE_HEADER_OTHER;
    }
    headers->seen[before] = label;
    headers->count = (uint8_t)(before + 1);
    return label.len == 1 ? label.ptr[0] : COSE_HEADER_OTHER;
}

static void take_header(struct ud_cbor *r, struct cose_headers *headers, bool alg_allowed)
{
    const uint8_t label = take_label(r, headers);
    if (label == COSE_HEADER_KID) {
        headers->kid = ud_cbor_bstr(r);
    } else if (label == COSE_HEADER_CRIT || (label == COSE_HEADER_ALG && !alg_allowed)) {
        ud_cbor_fail(r, UD_ERR_COSE);
    } else if (label == COSE_HEADER_ALG) {
        if (ud_cbor_peek(r) == UD_CBOR_TSTR) {
            ud_cbor_fail(r, UD_ERR_ALGORITHM);
        }
        headers->alg = ud_cbor_int(r);
        headers->has_alg = true;
    } else {
        (void)ud_cbor_skip(r);
    }
}

void cose_headers_read(struct ud_cbor *r, struct cose_headers *headers, bool alg_allowed)
{
    for (size_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        take_header(r, headers, alg_allowed);
    }
}

void cose_headers_read_protected(struct ud_cbor *r, struct ud_bytes content, struct cose_headers *headers)
{
    const struct ud_bytes behind = r->rest;
    if (r->err == UD_OK && content.len > 0) {
        r->rest = content;
        cose_headers_read(r, headers, true);
        (void)ud_cbor_finish(r);
        r->rest = behind;
    }
}
