/* How a key-encryption key comes about: both sides have it, or ECDH on P-256 with HKDF-SHA-256 gives it. */
#include "manifest/cose_headers.h"
#include "manifest/encrypt_parts.h"
#include "updraft/cose.h"

enum { KEK_128_BYTES = 16, BITS = 8 };

ud_err ud_recipient_shared(const struct ud_recipient *recipient, const struct ud_decrypt_key *key, uint8_t *kek)
{
    const size_t want = recipient->alg == UD_ALG_A128KW ? KEK_128_BYTES : UD_CONTENT_KEY_BYTES_MAX;
    if (key->kek.len != want) {
        return UD_ERR_KEY;
    }
    memcpy(kek, key->kek.ptr, want);
    return UD_OK;
}

static void put_party(struct ud_cbor_writer *w)
{
    ud_cbor_put_array(w, 3);
    for (int i = 0; i < 3; i++) {
        ud_cbor_put_null(w);
    }
}

/* COSE_KDF_Context (RFC 9053 section 5.2). The algorithm is the key wrap's that the key is for, not ECDH's. */
static ud_err put_context(struct ud_buf *out, struct ud_bytes recipient_protected)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, 4);
    ud_cbor_put_int(&w, UD_ALG_A128KW);
    put_party(&w);
    put_party(&w);
    ud_cbor_put_array(&w, 3);
    ud_cbor_put_uint(&w, KEK_128_BYTES * BITS);
    ud_cbor_put_bstr(&w, recipient_protected);
    ud_cbor_put_bstr(&w, UD_BYTES_LITERAL("SUIT Payload Encryption"));
    return ud_cbor_written(&w);
}

ud_err encrypt_derive(struct ud_bytes shared, struct ud_bytes salt, struct ud_bytes recipient_protected,
                      uint8_t *kek)
{
    uint8_t room[ENCRYPT_KDF_CONTEXT_BYTES_MAX];
    struct ud_buf context = {room, sizeof room, 0};
    struct ud_buf out = {kek, KEK_128_BYTES, 0};
    ud_err err = put_context(&context, recipient_protected);
    if (err == UD_OK) {
        err = ud_hkdf256(salt, shared, ud_buf_bytes(&context), &out, KEK_128_BYTES);
    }
    return err == UD_ERR_BUFFER ? UD_ERR_LIMIT : err; /* its protected header is longer than any that we know */
}

ud_err ud_recipient_ecdh(const struct ud_recipient *recipient, const struct ud_decrypt_key *key, uint8_t *kek)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t shared[UD_ECDH_SHARED_BYTES];
    struct ud_cbor salt;
    if (!recipient->alg_is_protected || key->agree == NULL) {
        return UD_ERR_COSE;
    }
    ud_cbor_init(&salt, encrypt_header(recipient->unprotected, COSE_HEADER_SALT));
    ud_err err = ud_cose_key_parse(encrypt_header(recipient->unprotected, COSE_HEADER_EPHEMERAL), pub);
    err = err == UD_OK ? key->agree(key->ctx, pub, shared) : err;
    if (err == UD_OK) {
        err = encrypt_derive(UD_BYTES_ARRAY(shared), ud_cbor_bstr(&salt), recipient->protected_bytes, kek);
    }
    ud_wipe(shared, sizeof shared);
    return err;
}
