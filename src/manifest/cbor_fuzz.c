/*
 * The CBOR reader and writer. Whatever the reader takes item by item, the writer gives back byte for byte: there is
 * one encoding only. An item that is skipped whole is a view into the input.
 */
#include <stdlib.h>

#include "updraft/assert.h"
#include "updraft/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy_item(struct ud_cbor *r, struct ud_cbor_writer *w)
{
    switch (ud_cbor_peek(r)) {
    case UD_CBOR_UINT:
        ud_cbor_put_uint(w, ud_cbor_uint(r));
        break;
    case UD_CBOR_NINT:
        ud_cbor_put_int(w, ud_cbor_int(r));
        break;
    case UD_CBOR_BSTR:
        ud_cbor_put_bstr(w, ud_cbor_bstr(r));
        break;
    case UD_CBOR_TSTR:
        ud_cbor_put_tstr(w, ud_cbor_tstr(r));
        break;
    case UD_CBOR_ARRAY:
        ud_cbor_put_array(w, ud_cbor_array(r));
        break;
    case UD_CBOR_MAP:
        ud_cbor_put_map(w, ud_cbor_map(r));
        break;
    case UD_CBOR_TAG:
        ud_cbor_put_tag(w, ud_cbor_tag(r));
        break;
    case UD_CBOR_BOOL:
        ud_cbor_put_bool(w, ud_cbor_bool(r));
        break;
    case UD_CBOR_NULL:
        ud_cbor_null(r);
        ud_cbor_put_null(w);
        break;
    case UD_CBOR_OTHER:
        ud_cbor_put_raw(w, ud_cbor_skip(r));
        break;
    case UD_CBOR_END:
        break;
    }
}

static void check_round_trip(struct ud_bytes in)
{
    struct ud_buf buf = {malloc(in.len + 1), in.len, 0};
    struct ud_cbor r;
    struct ud_cbor_writer w;
    struct ud_bytes taken = {NULL, 0};
    ud_cbor_init(&r, in);
    ud_cbor_writer_init(&w, &buf);
    while (r.err == UD_OK && r.rest.len > 0) {
        UD_ASSERT(ud_bytes_slice(in, 0, ud_cbor_offset(&r), &taken));
        UD_ASSERT(ud_cbor_written(&w) == UD_OK && ud_bytes_equal(taken, ud_buf_bytes(&buf)));
        copy_item(&r, &w);
    }
    UD_ASSERT(r.err != UD_OK || ud_bytes_equal(in, ud_buf_bytes(&buf)));
    UD_ASSERT(r.err == UD_OK || r.err_offset_bytes <= in.len);
    free(buf.ptr);
}

static void check_skip(struct ud_bytes in)
{
    struct ud_cbor r;
    struct ud_cbor again;
    struct ud_bytes previous = {NULL, 0};
    ud_cbor_init(&r, in);
    const struct ud_bytes item = ud_cbor_skip(&r);
    UD_ASSERT(r.err == UD_OK ? item.len > 0 && ud_bytes_within(in, item) : item.len == 0);
    if (r.err == UD_OK) {
        ud_cbor_init(&again, item);
        UD_ASSERT(ud_bytes_equal(ud_cbor_skip(&again), item) && ud_cbor_finish(&again) == UD_OK);
    }
    ud_cbor_init(&again, in);
    ud_cbor_key_order(&again, &previous);
    UD_ASSERT(again.err == r.err && (r.err != UD_OK || ud_bytes_equal(previous, item)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    check_skip(in);
    check_round_trip(in);
    return 0;
}
