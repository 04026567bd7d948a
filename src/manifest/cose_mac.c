/* COSE_Mac0 and COSE_Mac. */
#include "manifest/cose_headers.h"
#include "manifest/cose_parts.h"

enum { RECIPIENT_ELEMENTS = 3, ALG_DIRECT = -6 };

/* The one recipient that we know of a COSE_Mac names the key: [h'', {1: -6, ? 4: kid}, h'']. */
static void take_tag_and_recipient(struct ud_cbor *r, struct ud_cose *cose)
{
    struct cose_headers headers = {.count = 0};
    cose_take_value(r, cose);
    const uint8_t *at = r->rest.ptr;
    if (ud_cbor_array(r) != 1 || ud_cbor_array(r) != RECIPIENT_ELEMENTS || ud_cbor_bstr(r).len != 0) {
        ud_cbor_fail_from(r, at, UD_ERR_COSE);
    }
    cose_headers_read(r, &headers, true);
    if (ud_cbor_bstr(r).len != 0 || headers.alg != ALG_DIRECT) {
        ud_cbor_fail_from(r, at, UD_ERR_COSE);
    }
    if (cose->body.kid.len == 0) {
        cose->body.kid = headers.kid;
    }
}

const struct ud_cose_form ud_cose_form_mac0 = {UD_COSE_MAC0, 4, "\x84\x64MAC0", true, cose_take_value, NULL};
const struct ud_cose_form ud_cose_form_mac = {UD_COSE_MAC, 5, "\x84\x63MAC", true, take_tag_and_recipient,
                                              NULL};
