#include "boot/mcuboot_sha512.h"

#include "boot/mcuboot_signature.h"
#include "slots/area.h"
#include "slots/le.h"

#define CHUNK_BYTES 64

enum {
    ENTRY_SHA384 = 0x11,
    ENTRY_SHA512 = 0x12,
    ENTRY_PURE = 0x25, /* the signature is over the image; one byte, 1 */
};

/* ---- entries ---- */

static ud_err take_hash(struct ud_mcuboot_image *image, uint32_t at, uint32_t len)
{
    if (image->hash_at != 0 || len != UD_SHA512_BYTES) {
        return UD_ERR_IMAGE_ENTRY;
    }
    image->hash_at = at;
    image->form |= UD_MCUBOOT_FORM_HASH;
    return UD_OK;
}

static ud_err take_pure(struct ud_mcuboot_image *image, const struct ud_area *area, uint32_t at, uint32_t len)
{
    uint8_t value = 0;
    if ((image->form & UD_MCUBOOT_FORM_PURE) != 0 || len != 1) {
        return UD_ERR_IMAGE_ENTRY;
    }
    image->form |= UD_MCUBOOT_FORM_PURE;
    const ud_err err = ud_area_read(area, at, &value, 1);
    return err == UD_OK && value != 1 ? UD_ERR_IMAGE_ENTRY : err;
}

ud_err ud_mcuboot_sha512_take(struct ud_mcuboot_image *image, const struct ud_area *area, uint32_t type,
                              uint32_t at, uint32_t len)
{
    switch (type) {
    case ENTRY_SHA384:
        return UD_ERR_ALGORITHM; /* P-384's, which we do not have */
    case ENTRY_SHA512:
        return take_hash(image, at, len);
    case ENTRY_PURE:
        return take_pure(image, area, at, len);
    default:
        return UD_OK;
    }
}

ud_err ud_mcuboot_sha512_take_key_hash(struct ud_mcuboot_image *image, uint32_t at, uint32_t len)
{
    if (image->key_hash_at != 0 || (len != UD_SHA256_BYTES && len != UD_SHA512_BYTES)) {
        return UD_ERR_IMAGE_ENTRY;
    }
    image->key_hash_at = at;
    image->form |= len == UD_SHA512_BYTES ? UD_MCUBOOT_FORM_KEY : 0;
    return UD_OK;
}

ud_err ud_mcuboot_sha512_check(const struct ud_mcuboot_image *image)
{
    const uint8_t both = UD_MCUBOOT_FORM_HASH | UD_MCUBOOT_FORM_KEY;
    return image->form == 0 || (image->form & both) == both ? UD_OK : UD_ERR_IMAGE_ENTRY;
}

/* ---- verification ---- */

/* What is signed, once from its start to its end, while SHA-256 measures the same bytes. */
struct pass {
    const struct ud_area *area;
    uint32_t at;
    uint32_t end;
    struct ud_hash hash;
    uint8_t chunk[CHUNK_BYTES];
};

static ud_err next(void *ctx, struct ud_bytes *part)
{
    struct pass *pass = ctx;
    const uint32_t left = pass->end - pass->at;
    const uint32_t n = left < sizeof pass->chunk ? left : (uint32_t)sizeof pass->chunk;
    ud_err err = ud_area_read(pass->area, pass->at, pass->chunk, n);
    *part = (struct ud_bytes){pass->chunk, n};
    if (err == UD_OK) {
        err = ud_hash_update(&pass->hash, *part);
    }
    pass->at += n;
    return err;
}

/* One message, in one of two ways of using it. @param key  NULL: only its SHA-512 is wanted */
static ud_err go_through(struct ud_mcuboot_image *image, const struct ud_area *area, const struct ud_key *key,
                         struct ud_bytes signature, uint8_t digest[UD_SHA512_BYTES])
{
    struct pass pass = {.area = area, .end = image->signed_bytes};
    const struct ud_message message = {&pass, next, image->signed_bytes};
    ud_err err = ud_hash_init(&pass.hash);
    if (err != UD_OK) {
        return err;
    }
    err =
        key != NULL ? ud_ed25519_verify_message(key, &message, signature) : ud_sha512_message(&message, digest);
    const ud_err measured = ud_hash_final(&pass.hash, image->digest);
    return measured != UD_OK ? measured : err; /* the verdict last: no instruction left out loses it */
}

/* SHA-512 of a key's SubjectPublicKeyInfo. */
static ud_err key_info(void *ctx, struct ud_bytes *part)
{
    struct ud_bytes *parts = ctx;
    *part = parts[0];
    parts[0] = parts[1];
    return UD_OK;
}

static ud_err hash_key(const struct ud_key *key, uint8_t digest[UD_SHA512_BYTES])
{
    struct ud_bytes parts[] = {ud_mcuboot_key_head(key->type), key->pub};
    const struct ud_message message = {parts, key_info, (uint32_t)(parts[0].len + parts[1].len)};
    return ud_sha512_message(&message, digest);
}

static ud_err find_key(const struct ud_mcuboot_image *image, const struct ud_area *area,
                       const struct ud_trust *trust, struct ud_key *key)
{
    uint8_t named[UD_SHA512_BYTES];
    uint8_t digest[UD_SHA512_BYTES];
    ud_err err = ud_area_read(area, image->key_hash_at, named, sizeof named);
    for (size_t i = 0; err == UD_OK && i < trust->key_count; i++) {
        *key = ud_trust_key_view(&trust->keys[i]);
        if (ud_mcuboot_signature_by(key->type)) {
            err = hash_key(key, digest);
            if (err == UD_OK && memcmp(digest, named, sizeof digest) == 0) {
                return ud_trust_enough(trust, (ud_trust_set)1 << i);
            }
        }
    }
    return err == UD_OK ? UD_ERR_UNTRUSTED : err;
}

/* ECDSA on P-256 with this hash is none of imgtool's forms. */
static ud_err read_signature(const struct ud_mcuboot_image *image, const struct ud_area *area,
                             const struct ud_key *key, uint8_t signature[UD_ED25519_SIGNATURE_BYTES])
{
    uint8_t type[2];
    struct ud_bytes rest = UD_BYTES_ARRAY(type);
    if (key->type != UD_KEY_ED25519) {
        return UD_ERR_ALGORITHM;
    }
    const ud_err err = ud_area_read(area, image->signature_at - UD_MCUBOOT_ENTRY_HEAD_BYTES, type, sizeof type);
    if (err != UD_OK) {
        return err;
    }
    if (ud_le_take(&rest, sizeof type) != UD_MCUBOOT_ENTRY_ED25519) {
        return UD_ERR_IMAGE_ENTRY;
    }
    if (image->signature_bytes != UD_ED25519_SIGNATURE_BYTES) {
        return UD_ERR_SIGNATURE;
    }
    return ud_area_read(area, image->signature_at, signature, UD_ED25519_SIGNATURE_BYTES);
}

static ud_err verify_hashed(struct ud_mcuboot_image *image, const struct ud_area *area,
                            const struct ud_key *key, struct ud_bytes signature)
{
    uint8_t stated[UD_SHA512_BYTES];
    uint8_t digest[UD_SHA512_BYTES];
    const struct ud_bytes message = UD_BYTES_ARRAY(digest);
    ud_err err = go_through(image, area, NULL, signature, digest);
    if (err == UD_OK) {
        err = ud_area_read(area, image->hash_at, stated, sizeof stated);
    }
    if (err == UD_OK && !ud_bytes_equal_secret(message, UD_BYTES_ARRAY(stated))) {
        err = UD_ERR_IMAGE_MISMATCH;
    }
    return err == UD_OK ? ud_ed25519_verify(key, &message, 1, signature) : err;
}

ud_err ud_mcuboot_sha512_verify(struct ud_mcuboot_image *image, const struct ud_area *area,
                                const struct ud_trust *trust)
{
    struct ud_key key;
    uint8_t bytes[UD_ED25519_SIGNATURE_BYTES];
    const struct ud_bytes signature = UD_BYTES_ARRAY(bytes);
    ud_err err = find_key(image, area, trust, &key);
    if (err == UD_OK) {
        err = read_signature(image, area, &key, bytes);
    }
    if (err != UD_OK) {
        return err;
    }
    return (image->form & UD_MCUBOOT_FORM_PURE) != 0 ? go_through(image, area, &key, signature, NULL)
                                                     : verify_hashed(image, area, &key, signature);
}
