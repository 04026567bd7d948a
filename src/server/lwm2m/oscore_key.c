#include "server/lwm2m/oscore_key.h"

#include "server/coap/dtls.h"
#include "updraft/cbor.h"
#include "updraft/crypto.h"

enum { ITEMS = 4 };

ud_err ud_oscore_key_pack(const struct ud_oscore_input *input, struct ud_row_lwm2m_key *row)
{
    struct ud_oscore context;
    struct ud_cbor_writer w;
    struct ud_buf out = {row->secret, sizeof row->secret, 0};
    const ud_err derived = ud_oscore_derive(&context, input);
    ud_wipe(&context, sizeof context);
    if (derived != UD_OK) {
        return derived == UD_ERR_CONFIG ? UD_ERR_KEY : derived;
    }
    ud_cbor_writer_init(&w, &out);
    ud_cbor_put_array(&w, ITEMS);
    ud_cbor_put_bstr(&w, input->secret);
    ud_cbor_put_bstr(&w, input->salt);
    ud_cbor_put_bstr(&w, input->sender);
    if (input->id_context.ptr == NULL) {
        ud_cbor_put_null(&w);
    } else {
        ud_cbor_put_bstr(&w, input->id_context);
    }
    if (ud_cbor_written(&w) != UD_OK) {
        return UD_ERR_KEY;
    }
    row->mode = UD_SECURITY_OSCORE;
    row->secret_bytes = out.len;
    row->identity_bytes = input->recipient.len;
    if (input->recipient.len > 0) {
        memcpy(row->identity, input->recipient.ptr, input->recipient.len);
    }
    return UD_OK;
}

ud_err ud_oscore_key_unpack(const struct ud_row_lwm2m_key *row, struct ud_guard_key *key)
{
    struct ud_cbor r;
    struct ud_buf room = {key->bytes, sizeof key->bytes, 0};
    struct ud_bytes secret = {NULL, 0};
    struct ud_bytes kid;
    if (row->mode != UD_SECURITY_OSCORE ||
        !ud_buf_put(&room, (struct ud_bytes){row->secret, row->secret_bytes}) ||
        !ud_buf_put(&room, (struct ud_bytes){row->identity, row->identity_bytes})) {
        return UD_ERR_STORE;
    }
    struct ud_bytes all = ud_buf_bytes(&room);
    (void)ud_bytes_take(&all, row->secret_bytes, &secret);
    kid = all;
    ud_cbor_init(&r, secret);
    const uint64_t items = ud_cbor_array(&r);
    key->device = row->device;
    key->input =
        (struct ud_oscore_input){.secret = ud_cbor_bstr(&r), .salt = ud_cbor_bstr(&r), .recipient = kid};
    key->input.sender = ud_cbor_bstr(&r);
    if (ud_cbor_peek(&r) == UD_CBOR_NULL) {
        ud_cbor_null(&r);
    } else {
        key->input.id_context = ud_cbor_bstr(&r);
    }
    return ud_cbor_finish(&r) == UD_OK && items == ITEMS ? UD_OK : UD_ERR_STORE;
}
