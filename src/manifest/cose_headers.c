#include "manifest/cose_headers.h"

/* A header map has no order (published vectors), so every label is compared with all before. 0 for a text label. */
static int64_t take_label(struct ud_cbor *r, struct cose_headers *headers)
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

static void take_alg(struct ud_cbor *r, struct cose_headers *headers, bool is_protected)
{
    if (ud_cbor_peek(r) == UD_CBOR_TSTR) {
        ud_cbor_fail(r, UD_ERR_ALGORITHM);
    }
    headers->alg = ud_cbor_int(r);
    headers->has_alg = true;
    headers->alg_is_protected = is_protected;
}

static void take_header(struct ud_cbor *r, struct cose_headers *headers, bool is_protected, bool alg_anywhere)
{
    const int64_t label = take_label(r, headers);
    if (label == COSE_HEADER_ALG && (is_protected || alg_anywhere)) {
        take_alg(r, headers, is_protected);
    } else if (label == COSE_HEADER_ALG || label == COSE_HEADER_CRIT) {
        ud_cbor_fail(r, UD_ERR_COSE);
    } else if (label == COSE_HEADER_KID) {
        headers->kid = ud_cbor_bstr(r);
    } else {
        (void)ud_cbor_skip(r);
    }
}

void cose_headers_read(struct ud_cbor *r, struct cose_headers *headers, bool is_protected, bool alg_anywhere)
{
    for (size_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        take_header(r, headers, is_protected, alg_anywhere);
    }
}

void cose_headers_read_protected(struct ud_cbor *r, struct ud_bytes whole, struct ud_bytes content,
                                 struct cose_headers *headers)
{
    struct ud_cbor inner;
    if (r->err != UD_OK || content.len == 0) {
        return;
    }
    ud_cbor_init_within(&inner, whole, content);
    cose_headers_read(&inner, headers, true, false);
    if (ud_cbor_finish(&inner) != UD_OK) {
        *r = inner;
    }
}
