#include "updraft/encrypt.h"

#include "manifest/cose_headers.h"
#include "manifest/diag.h"
#include "manifest/encrypt_parts.h"

enum { ENCRYPT_ELEMENTS = 4, RECIPIENT_ELEMENTS = 3 };
enum { AES_BLOCK_BYTES = 16, CHACHA_BLOCK_BYTES = 64 };

const struct ud_content_algorithm *encrypt_algorithm(int64_t alg)
{
    for (size_t i = 0; i < ud_content_algorithm_count; i++) {
        if ((int64_t)ud_content_algorithms[i].alg == alg) {
            return &ud_content_algorithms[i];
        }
    }
    return NULL;
}

struct ud_bytes encrypt_header(struct ud_bytes map, int64_t label)
{
    struct ud_cbor r;
    ud_cbor_init(&r, map);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0 && r.err == UD_OK; pairs--) {
        const bool is_number = ud_cbor_peek(&r) != UD_CBOR_TSTR;
        struct ud_cbor key = r;
        (void)ud_cbor_skip(&r);
        const struct ud_bytes value = ud_cbor_skip(&r);
        if (is_number && ud_cbor_int(&key) == label && r.err == UD_OK) {
            return value;
        }
    }
    return (struct ud_bytes){NULL, 0};
}

/* The bytes of a header that is a byte string. */
static struct ud_bytes header_bstr(struct ud_bytes map, int64_t label)
{
    struct ud_cbor r;
    ud_cbor_init(&r, encrypt_header(map, label));
    return ud_cbor_bstr(&r);
}

/*
 * Both header maps: the protected bstr's content, and the unprotected map as it is encoded.
 * @return is there an algorithm, and in the protected one?
 */
static bool take_headers(struct ud_cbor *r, struct cose_headers *headers, struct ud_bytes *protected_bytes,
                         struct ud_bytes *unprotected)
{
    *protected_bytes = ud_cbor_bstr(r);
    *unprotected = r->rest;
    cose_headers_read(r, headers, true);
    unprotected->len -= r->rest.len;
    const bool is_outside = headers->has_alg;
    cose_headers_read_protected(r, *protected_bytes, headers);
    return headers->has_alg && !is_outside;
}

static void take_recipient(struct ud_cbor *r, struct ud_recipient *recipient)
{
    struct cose_headers headers = {.count = 0};
    const uint8_t *at = r->rest.ptr;
    if (ud_cbor_array(r) != RECIPIENT_ELEMENTS) {
        ud_cbor_fail_from(r, at, UD_ERR_COSE);
    }
    recipient->alg_is_protected =
        take_headers(r, &headers, &recipient->protected_bytes, &recipient->unprotected);
    recipient->wrapped = ud_cbor_bstr(r);
    recipient->alg = headers.alg;
    recipient->kid = headers.kid;
    if (!headers.has_alg) {
        ud_cbor_fail_from(r, at, UD_ERR_COSE);
    }
}

static void take_recipients(struct ud_cbor *r, struct ud_encrypt_info *info)
{
    struct ud_recipient recipient;
    const uint8_t *at = r->rest.ptr;
    const size_t count = ud_cbor_array(r);
    if (count == 0) {
        ud_cbor_fail_from(r, at, UD_ERR_MISSING);
    }
    if (count > UD_ENCRYPT_RECIPIENTS_MAX) {
        ud_cbor_fail_from(r, at, UD_ERR_LIMIT);
        return;
    }
    info->recipients = r->rest;
    for (size_t i = 0; i < count && r->err == UD_OK; i++) {
        take_recipient(r, &recipient);
    }
    info->recipients.len -= r->rest.len;
    info->recipient_count = (uint8_t)count;
}

/* An AEAD protects its header; AES-CTR has nothing to do so with, and its header must be empty (RFC 9459). */
static ud_err check_content(struct ud_encrypt_info *info, const struct cose_headers *headers,
                            bool alg_is_protected)
{
    const struct ud_content_algorithm *algorithm = encrypt_algorithm(headers->alg);
    if (algorithm == NULL) {
        return headers->has_alg ? UD_ERR_ALGORITHM : UD_ERR_COSE;
    }
    const bool is_aead = algorithm->seal != NULL;
    if (alg_is_protected != is_aead || (!is_aead && info->protected_bytes.len > 0)) {
        return UD_ERR_COSE;
    }
    if (info->protected_bytes.len > UD_ENCRYPT_PROTECTED_BYTES_MAX) {
        return UD_ERR_LIMIT;
    }
    if (info->iv.len != (is_aead ? UD_AEAD_IV_BYTES : UD_CIPHER_BLOCK_BYTES)) {
        return info->iv.len == 0 ? UD_ERR_MISSING : UD_ERR_SHAPE;
    }
    info->algorithm = algorithm;
    info->tag_bytes = is_aead ? UD_AEAD_TAG_BYTES : 0;
    return UD_OK;
}

ud_err ud_encrypt_info_parse(struct ud_encrypt_info *info, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_encrypt_info found = {.recipient_count = 0};
    struct cose_headers headers = {.count = 0};
    struct ud_bytes unprotected = {NULL, 0};
    struct ud_cbor r;
    ud_cbor_init(&r, in);
    if (ud_cbor_peek(&r) != UD_CBOR_TAG && in.len > 0) {
        ud_cbor_fail(&r, UD_ERR_COSE);
    }
    if (ud_cbor_tag(&r) != UD_ENCRYPT_TAG || ud_cbor_array(&r) != ENCRYPT_ELEMENTS) {
        ud_cbor_fail_at(&r, 0, UD_ERR_COSE);
    }
    const bool alg_is_protected = take_headers(&r, &headers, &found.protected_bytes, &unprotected);
    if (ud_cbor_peek(&r) != UD_CBOR_NULL) { /* the ciphertext is always elsewhere */
        ud_cbor_fail(&r, UD_ERR_COSE);
    }
    ud_cbor_null(&r);
    take_recipients(&r, &found);
    ud_err err = ud_cbor_finish(&r);
    if (err == UD_OK) {
        found.iv = header_bstr(unprotected, COSE_HEADER_IV);
        err = check_content(&found, &headers, alg_is_protected);
        ud_cbor_fail_at(&r, 0, err);
    }
    if (err == UD_OK) {
        *info = found;
    }
    return ud_diag_set(diag, err, err == UD_OK ? 0 : r.err_offset_bytes);
}

ud_err ud_encrypt_recipient(const struct ud_encrypt_info *info, size_t i, struct ud_recipient *recipient)
{
    struct ud_cbor r;
    if (i >= info->recipient_count) {
        return UD_ERR_INDEX;
    }
    ud_cbor_init(&r, info->recipients);
    for (size_t left = i + 1; left > 0; left--) { /* those before it as well: one way to read them, one depth */
        take_recipient(&r, recipient);
    }
    return r.err;
}

/* ---- whose it is ---- */

static const struct ud_recipient_algorithm *recipient_algorithm(const struct ud_recipient *recipient)
{
    for (size_t i = 0; i < ud_recipient_algorithm_count; i++) {
        if ((int64_t)ud_recipient_algorithms[i].alg == recipient->alg) {
            return &ud_recipient_algorithms[i];
        }
    }
    return NULL;
}

static bool may_be(const struct ud_recipient *recipient, const struct ud_decrypt_key *key)
{
    return (int64_t)key->alg == recipient->alg &&
           (key->kid.len == 0 || recipient->kid.len == 0 || ud_bytes_equal(key->kid, recipient->kid));
}

static ud_err unwrap(struct ud_decrypt *decrypt, const struct ud_recipient *recipient,
                     const struct ud_recipient_algorithm *row, const struct ud_decrypt_key *key)
{
    uint8_t kek[UD_CONTENT_KEY_BYTES_MAX];
    if (recipient->wrapped.len != (size_t)decrypt->algorithm->key_bytes + UD_KEY_WRAP_BYTES) {
        return UD_ERR_DECRYPT; /* a key of another cipher */
    }
    ud_err err = row->kek(recipient, key, kek);
    if (err == UD_OK) {
        err = ud_aes_key_unwrap((struct ud_bytes){kek, row->kek_bytes}, recipient->wrapped, decrypt->key);
    }
    ud_wipe(kek, sizeof kek);
    return err;
}

/* Every key that this recipient may mean is tried. UD_ERR_NO_RECIPIENT: none. */
static ud_err try_recipient(struct ud_decrypt *decrypt, const struct ud_recipient *recipient,
                            const struct ud_decrypt_keys *keys)
{
    const struct ud_recipient_algorithm *row = recipient_algorithm(recipient);
    ud_err err = UD_ERR_NO_RECIPIENT;
    for (size_t i = 0; row != NULL && err != UD_OK && i < keys->count; i++) {
        if (may_be(recipient, &keys->keys[i])) {
            err = unwrap(decrypt, recipient, row, &keys->keys[i]);
        }
    }
    return err;
}

ud_err ud_decrypt_open(struct ud_decrypt *decrypt, const struct ud_encrypt_info *info,
                       const struct ud_decrypt_keys *keys)
{
    ud_err reason = UD_ERR_NO_RECIPIENT;
    *decrypt = (struct ud_decrypt){.algorithm = info->algorithm, .protected_bytes = info->protected_bytes};
    memcpy(decrypt->iv, info->iv.ptr, info->iv.len);
    for (size_t i = 0; i < info->recipient_count; i++) {
        struct ud_recipient recipient;
        ud_err err = ud_encrypt_recipient(info, i, &recipient);
        err = err == UD_OK ? try_recipient(decrypt, &recipient, keys) : err;
        if (err == UD_OK) {
            return UD_OK;
        }
        reason = err == UD_ERR_NO_RECIPIENT ? reason : err;
    }
    ud_decrypt_close(decrypt);
    return reason;
}

/* ---- content ---- */

/* Add to a big-endian number of `bytes` bytes; what is carried out of it is lost, as the counters want it. */
static void add_big_endian(uint8_t *number, size_t bytes, uint64_t n)
{
    for (size_t i = bytes; i > 0 && n > 0; i--) {
        n += number[i - 1];
        number[i - 1] = (uint8_t)n;
        n >>= 8;
    }
}

void encrypt_first_block(const struct ud_content_algorithm *algorithm, const uint8_t *iv, uint64_t n,
                         uint8_t block[UD_CIPHER_BLOCK_BYTES])
{
    const size_t iv_bytes = algorithm->seal == NULL ? UD_CIPHER_BLOCK_BYTES : UD_AEAD_IV_BYTES;
    memset(block, 0, UD_CIPHER_BLOCK_BYTES);
    if (algorithm->counter == UD_COUNTER_CHACHA) {
        for (size_t i = 0; i < sizeof(uint32_t); i++) {
            block[i] = (uint8_t)((n + 1) >> 8 * i);
        }
        memcpy(block + sizeof(uint32_t), iv, iv_bytes);
        return;
    }
    memcpy(block, iv, iv_bytes);
    if (algorithm->counter == UD_COUNTER_GCM) {
        add_big_endian(block + iv_bytes, UD_CIPHER_BLOCK_BYTES - iv_bytes, n + 2);
    } else {
        add_big_endian(block, UD_CIPHER_BLOCK_BYTES, n);
    }
}

static struct ud_bytes key_of(const struct ud_decrypt *decrypt)
{
    return (struct ud_bytes){decrypt->key, decrypt->algorithm->key_bytes};
}

ud_err ud_decrypt_seek(struct ud_decrypt *decrypt, uint64_t offset_bytes)
{
    const uint32_t unit = decrypt->algorithm != NULL && decrypt->algorithm->counter == UD_COUNTER_CHACHA
                              ? CHACHA_BLOCK_BYTES
                              : AES_BLOCK_BYTES;
    uint8_t block[UD_CIPHER_BLOCK_BYTES];
    uint8_t before[CHACHA_BLOCK_BYTES] = {0};
    if (decrypt->algorithm == NULL) {
        return UD_ERR_STATE;
    }
    if (offset_bytes >> 36 != 0) {
        return UD_ERR_NUMBER_RANGE; /* where a 32-bit counter of blocks would begin anew */
    }
    ud_cipher_abort(&decrypt->cipher);
    encrypt_first_block(decrypt->algorithm, decrypt->iv, offset_bytes / unit, block);
    const struct ud_bytes key = key_of(decrypt);
    ud_err err = decrypt->algorithm->stream(&decrypt->cipher, key, block);
    if (err == UD_OK && offset_bytes % unit != 0) {
        err = ud_cipher_update(&decrypt->cipher, (struct ud_bytes){before, (size_t)(offset_bytes % unit)},
                               before);
    }
    ud_wipe(before, sizeof before); /* key stream */
    return err;
}

ud_err ud_decrypt_update(struct ud_decrypt *decrypt, struct ud_bytes in, uint8_t *out)
{
    return ud_cipher_update(&decrypt->cipher, in, out);
}

/* Enc_structure (RFC 9052 section 5.3): ["Encrypt", protected, h'']. */
void encrypt_additional_data(struct ud_bytes protected_bytes, struct ud_buf *out)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, 3);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("Encrypt"));
    ud_cbor_put_bstr(&w, protected_bytes);
    ud_cbor_put_bstr_head(&w, 0);
}

ud_err ud_decrypt_check_begin(struct ud_decrypt *decrypt)
{
    uint8_t room[ENCRYPT_AAD_BYTES_MAX];
    struct ud_buf aad = {room, sizeof room, 0};
    if (decrypt->algorithm == NULL || decrypt->algorithm->seal == NULL) {
        return UD_ERR_STATE;
    }
    ud_cipher_abort(&decrypt->cipher);
    encrypt_additional_data(decrypt->protected_bytes, &aad);
    const struct ud_bytes key = key_of(decrypt);
    const struct ud_bytes data = ud_buf_bytes(&aad);
    return decrypt->algorithm->seal(&decrypt->cipher, key, decrypt->iv, data);
}

ud_err ud_decrypt_check_update(struct ud_decrypt *decrypt, struct ud_bytes plain, uint8_t *scratch)
{
    return ud_cipher_update(&decrypt->cipher, plain, scratch);
}

ud_err ud_decrypt_check_end(struct ud_decrypt *decrypt, struct ud_bytes tag)
{
    uint8_t made[UD_AEAD_TAG_BYTES];
    const ud_err err = ud_cipher_tag(&decrypt->cipher, made);
    if (err != UD_OK) {
        return err;
    }
    return ud_bytes_equal_secret(UD_BYTES_ARRAY(made), tag) ? UD_OK : UD_ERR_DECRYPT;
}

void ud_decrypt_close(struct ud_decrypt *decrypt)
{
    ud_cipher_abort(&decrypt->cipher);
    ud_wipe(decrypt, sizeof *decrypt);
}

const struct ud_decryption ud_decryption = {
    .info_parse = ud_encrypt_info_parse,
    .open = ud_decrypt_open,
    .seek = ud_decrypt_seek,
    .update = ud_decrypt_update,
    .check_begin = ud_decrypt_check_begin,
    .check_update = ud_decrypt_check_update,
    .check_end = ud_decrypt_check_end,
    .close = ud_decrypt_close,
};
