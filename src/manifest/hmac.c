/* HMAC and HKDF with SHA-256, over the running hash of any backend. */
#include "updraft/crypto.h"

enum { BLOCK_BYTES = 64, INNER_PAD = 0x36, OUTER_PAD = 0x5c };

void ud_wipe(void *memory, size_t bytes)
{
    volatile uint8_t *at = memory;
    for (; bytes > 0; bytes--) {
        *at++ = 0;
    }
}

/* Begin a hash with the padded key. */
static ud_err begin(struct ud_hash *hash, struct ud_bytes key, uint8_t pad)
{
    uint8_t block[BLOCK_BYTES];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < key.len; i++) {
        block[i] ^= key.ptr[i];
    }
    ud_err err = ud_hash_init(hash);
    if (err == UD_OK) {
        err = ud_hash_update(hash, UD_BYTES_ARRAY(block));
        if (err != UD_OK) {
            ud_hash_abort(hash);
        }
    }
    ud_wipe(block, sizeof block);
    return err;
}

/* The rest of a hash that was begun, and its result. */
static ud_err end(struct ud_hash *hash, const struct ud_bytes *parts, size_t count,
                  uint8_t digest[UD_SHA256_BYTES])
{
    for (size_t i = 0; i < count; i++) {
        const ud_err err = ud_hash_update(hash, parts[i]);
        if (err != UD_OK) {
            ud_hash_abort(hash);
            return err;
        }
    }
    return ud_hash_final(hash, digest);
}

ud_err ud_hmac256(struct ud_bytes key, const struct ud_bytes *parts, size_t count,
                  uint8_t tag[UD_HMAC256_BYTES])
{
    struct ud_hash hash;
    uint8_t inner[UD_SHA256_BYTES];
    const struct ud_bytes inner_bytes = UD_BYTES_ARRAY(inner);
    if (key.len > BLOCK_BYTES) {
        return UD_ERR_LIMIT;
    }
    ud_err err = begin(&hash, key, INNER_PAD);
    err = err == UD_OK ? end(&hash, parts, count, inner) : err;
    err = err == UD_OK ? begin(&hash, key, OUTER_PAD) : err;
    return err == UD_OK ? end(&hash, &inner_bytes, 1, tag) : err;
}

ud_err ud_hmac256_verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                         struct ud_bytes signature)
{
    uint8_t tag[UD_HMAC256_BYTES];
    if (key->pub.len != UD_HMAC256_BYTES) {
        return UD_ERR_KEY;
    }
    const ud_err err = ud_hmac256(key->pub, parts, count, tag);
    if (err != UD_OK) {
        return err;
    }
    return ud_bytes_equal_secret(UD_BYTES_ARRAY(tag), signature) ? UD_OK : UD_ERR_SIGNATURE;
}

ud_err ud_hkdf256(struct ud_bytes salt, struct ud_bytes secret, struct ud_bytes info, struct ud_buf *out,
                  size_t n)
{
    static const uint8_t first = 1;
    uint8_t key[UD_SHA256_BYTES];
    const struct ud_bytes parts[] = {info, {&first, 1}};
    if (n > sizeof key || n > out->cap - out->len) {
        return UD_ERR_LIMIT;
    }
    ud_err err = ud_hmac256(salt, &secret, 1, key);
    err = err == UD_OK ? ud_hmac256(UD_BYTES_ARRAY(key), parts, 2, key) : err;
    if (err == UD_OK) {
        (void)ud_buf_put(out, (struct ud_bytes){key, n});
    }
    ud_wipe(key, sizeof key);
    return err;
}
