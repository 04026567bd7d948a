/* Hosts: SUIT_Encryption_Info for any number of recipients, and the content itself. */
#include "manifest/cose_headers.h"
#include "manifest/encrypt_parts.h"
#include "updraft/cose.h"

enum { ENCRYPT_ELEMENTS = 4, RECIPIENT_ELEMENTS = 3, KEK_128_BYTES = 16 };

static ud_err check(const struct ud_content_algorithm *algorithm, struct ud_bytes key, struct ud_bytes iv)
{
    if (algorithm == NULL) {
        return UD_ERR_ALGORITHM;
    }
    if (key.len != algorithm->key_bytes) {
        return UD_ERR_KEY;
    }
    return iv.len == (algorithm->seal != NULL ? UD_AEAD_IV_BYTES : UD_CIPHER_BLOCK_BYTES) ? UD_OK
                                                                                          : UD_ERR_SHAPE;
}

/* {1: alg} */
static struct ud_bytes header_of(int64_t alg, uint8_t *room, size_t room_bytes)
{
    struct ud_buf header = {room, room_bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &header);
    ud_cbor_put_map(&w, 1);
    ud_cbor_put_uint(&w, COSE_HEADER_ALG);
    ud_cbor_put_int(&w, alg);
    return ud_buf_bytes(&header);
}

/* An AEAD's header protected, else unprotected; the IV unprotected. */
static void put_body_headers(struct ud_cbor_writer *w, const struct ud_content_algorithm *algorithm,
                             struct ud_bytes iv)
{
    uint8_t room[8];
    const bool is_aead = algorithm->seal != NULL;
    if (is_aead) {
        ud_cbor_put_bstr(w, header_of(algorithm->alg, room, sizeof room));
        ud_cbor_put_map(w, 1);
    } else {
        ud_cbor_put_bstr_head(w, 0);
        ud_cbor_put_map(w, 2);
        ud_cbor_put_uint(w, COSE_HEADER_ALG);
        ud_cbor_put_int(w, algorithm->alg);
    }
    ud_cbor_put_uint(w, COSE_HEADER_IV);
    ud_cbor_put_bstr(w, iv);
}

static void put_kid(struct ud_cbor_writer *w, struct ud_bytes kid)
{
    if (kid.len > 0) {
        ud_cbor_put_uint(w, COSE_HEADER_KID);
        ud_cbor_put_bstr(w, kid);
    }
}

static ud_err put_wrapped(struct ud_cbor_writer *w, struct ud_bytes kek, struct ud_bytes key)
{
    uint8_t wrapped[UD_CONTENT_KEY_BYTES_MAX + UD_KEY_WRAP_BYTES];
    const ud_err err = ud_aes_key_wrap(kek, key, wrapped);
    if (err == UD_OK) {
        ud_cbor_put_bstr(w, (struct ud_bytes){wrapped, key.len + UD_KEY_WRAP_BYTES});
    }
    return err;
}

static ud_err put_shared(struct ud_cbor_writer *w, const struct ud_encrypt_to *to, struct ud_bytes key)
{
    if (to->kek.len != (to->alg == UD_ALG_A128KW ? KEK_128_BYTES : UD_CONTENT_KEY_BYTES_MAX)) {
        return UD_ERR_KEY;
    }
    ud_cbor_put_bstr_head(w, 0);
    ud_cbor_put_map(w, (uint64_t)1 + (to->kid.len > 0));
    ud_cbor_put_uint(w, COSE_HEADER_ALG);
    ud_cbor_put_int(w, to->alg);
    put_kid(w, to->kid);
    return put_wrapped(w, to->kek, key);
}

static ud_err put_ecdh(struct ud_cbor_writer *w, const struct ud_encrypt_to *to, struct ud_bytes key)
{
    uint8_t room[8];
    uint8_t ephemeral[UD_P256_PUBLIC_BYTES];
    uint8_t shared[UD_ECDH_SHARED_BYTES];
    uint8_t kek[KEK_128_BYTES];
    const struct ud_bytes header = header_of(to->alg, room, sizeof room);
    if (to->pub == NULL || to->ephemeral == NULL) {
        return UD_ERR_KEY;
    }
    ud_err err = to->ephemeral(to->pub, ephemeral, shared);
    err = err == UD_OK ? encrypt_derive(UD_BYTES_ARRAY(shared), (struct ud_bytes){NULL, 0}, header, kek) : err;
    ud_wipe(shared, sizeof shared);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_put_bstr(w, header);
    ud_cbor_put_map(w, (uint64_t)1 + (to->kid.len > 0));
    put_kid(w, to->kid);
    ud_cbor_put_int(w, COSE_HEADER_EPHEMERAL);
    err = ud_cose_key_write(w->buf, ephemeral);
    err = err == UD_OK ? put_wrapped(w, UD_BYTES_ARRAY(kek), key) : err;
    ud_wipe(kek, sizeof kek);
    return err;
}

static ud_err put_recipient(struct ud_cbor_writer *w, const struct ud_encrypt_to *to, struct ud_bytes key)
{
    ud_cbor_put_array(w, RECIPIENT_ELEMENTS);
    switch (to->alg) {
    case UD_ALG_A128KW:
    case UD_ALG_A256KW:
        return put_shared(w, to, key);
    case UD_ALG_ECDH_ES_A128KW:
        return put_ecdh(w, to, key);
    }
    return UD_ERR_ALGORITHM;
}

ud_err ud_encrypt_info_write(struct ud_buf *out, ud_content_alg alg, struct ud_bytes key, struct ud_bytes iv,
                             const struct ud_encrypt_to *to, size_t count)
{
    const struct ud_content_algorithm *algorithm = encrypt_algorithm(alg);
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    ud_err err = check(algorithm, key, iv);
    if (err != UD_OK) {
        return err;
    }
    if (count == 0 || count > UD_ENCRYPT_TO_MAX) {
        return UD_ERR_LIMIT;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, UD_ENCRYPT_TAG);
    ud_cbor_put_array(&w, ENCRYPT_ELEMENTS);
    put_body_headers(&w, algorithm, iv);
    ud_cbor_put_null(&w);
    ud_cbor_put_array(&w, count);
    for (size_t i = 0; err == UD_OK && i < count; i++) {
        err = put_recipient(&w, &to[i], key);
    }
    err = err == UD_OK ? ud_cbor_written(&w) : err;
    if (err != UD_OK) {
        out->len = len_before;
    }
    return err;
}

ud_err ud_encrypt_begin(struct ud_cipher_state *cipher, ud_content_alg alg, struct ud_bytes key,
                        struct ud_bytes iv)
{
    const struct ud_content_algorithm *algorithm = encrypt_algorithm(alg);
    uint8_t room[8];
    uint8_t aad_room[ENCRYPT_AAD_BYTES_MAX];
    uint8_t block[UD_CIPHER_BLOCK_BYTES];
    struct ud_buf aad = {aad_room, sizeof aad_room, 0};
    const ud_err err = check(algorithm, key, iv);
    if (err != UD_OK) {
        return err;
    }
    if (algorithm->seal != NULL) {
        encrypt_additional_data(header_of(alg, room, sizeof room), &aad);
        return algorithm->seal(cipher, key, iv.ptr, ud_buf_bytes(&aad));
    }
    encrypt_first_block(algorithm, iv.ptr, 0, block);
    return algorithm->stream(cipher, key, block);
}

ud_err ud_encrypt_end(struct ud_cipher_state *cipher, ud_content_alg alg, struct ud_buf *out)
{
    const struct ud_content_algorithm *algorithm = encrypt_algorithm(alg);
    uint8_t tag[UD_AEAD_TAG_BYTES];
    if (algorithm == NULL || algorithm->seal == NULL) {
        ud_cipher_abort(cipher);
        return algorithm == NULL ? UD_ERR_ALGORITHM : UD_OK;
    }
    const ud_err err = ud_cipher_tag(cipher, tag);
    if (err != UD_OK) {
        return err;
    }
    return ud_buf_put(out, UD_BYTES_ARRAY(tag)) ? UD_OK : UD_ERR_BUFFER;
}
