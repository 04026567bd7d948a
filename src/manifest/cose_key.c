#include "manifest/cose_headers.h"
#include "updraft/cose.h"

enum { COORDINATE_BYTES = 32, HSS_SHORT_BYTES = 52, HSS_LONG_BYTES = 60 };

struct members {
    int64_t kty;
    int64_t crv;
    int64_t alg;
    bool has_alg;
    struct ud_bytes first;  /* -1, where it is a bstr: symmetric key, HSS public key */
    struct ud_bytes second; /* -2: x */
    struct ud_bytes third;  /* -3: y */
};

static void take_member(struct ud_cbor *r, struct members *key)
{
    const int64_t label = ud_cbor_int(r);
    const ud_cbor_type type = ud_cbor_peek(r);
    const bool coordinate = label == COSE_X || label == COSE_Y;
    if (label == COSE_D || (coordinate && type == UD_CBOR_BOOL)) {
        ud_cbor_fail(r, UD_ERR_KEY); /* a private half; a compressed point */
    } else if (coordinate) {
        *(label == COSE_X ? &key->second : &key->third) = ud_cbor_bstr(r);
    } else if (label == COSE_CRV && type == UD_CBOR_BSTR) {
        key->first = ud_cbor_bstr(r);
    } else if (label == COSE_KTY || label == COSE_CRV) {
        *(label == COSE_KTY ? &key->kty : &key->crv) = ud_cbor_int(r);
    } else if (label == COSE_KEY_ALG) {
        key->alg = ud_cbor_int(r);
        key->has_alg = true;
    } else {
        (void)ud_cbor_skip(r);
    }
}

/* The bytes of the key, one or two parts, and its type. */
static bool take_kind(const struct members *m, ud_key_type *type, struct ud_bytes part[2])
{
    part[1] = (struct ud_bytes){NULL, 0};
    switch (m->kty) {
    case COSE_KTY_EC2:
        *type = UD_KEY_P256;
        part[0] = m->second;
        part[1] = m->third;
        return m->crv == COSE_CRV_P256 && m->second.len == COORDINATE_BYTES &&
               m->third.len == COORDINATE_BYTES &&
               (!m->has_alg || m->alg == UD_ALG_ES256 || m->alg == UD_ALG_ESP256);
    case COSE_KTY_OKP:
        *type = UD_KEY_ED25519;
        part[0] = m->second;
        return m->crv == COSE_CRV_ED25519 && m->second.len == UD_ED25519_PUBLIC_BYTES &&
               (!m->has_alg || m->alg == UD_ALG_ED25519);
    case COSE_KTY_HSS_LMS:
        *type = UD_KEY_HSS_LMS;
        part[0] = m->first;
        return (m->first.len == HSS_SHORT_BYTES || m->first.len == HSS_LONG_BYTES) &&
               (!m->has_alg || m->alg == UD_ALG_HSS_LMS);
    case COSE_KTY_SYMMETRIC:
        *type = UD_KEY_HMAC256;
        part[0] = m->first;
        return m->first.len == UD_HMAC256_BYTES && m->has_alg && m->alg == UD_ALG_HMAC256;
    default:
        return false;
    }
}

ud_err ud_cose_key_read(struct ud_bytes in, struct ud_cose_key *key)
{
    struct members members = {.kty = 0};
    struct ud_cose_key found = {.len = 0};
    struct ud_bytes previous = {NULL, 0};
    struct ud_bytes part[2];
    struct ud_cbor r;
    ud_cbor_init(&r, in);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0 && r.err == UD_OK; pairs--) {
        ud_cbor_key_order(&r, &previous);
        take_member(&r, &members);
    }
    if (ud_cbor_finish(&r) != UD_OK) {
        return r.err;
    }
    if (!take_kind(&members, &found.type, part)) {
        return UD_ERR_KEY;
    }
    struct ud_buf out = {found.bytes, sizeof found.bytes, 0};
    (void)ud_buf_put(&out, part[0]);
    (void)ud_buf_put(&out, part[1]);
    found.len = (uint8_t)out.len;
    *key = found;
    return UD_OK;
}

static bool length_fits(const struct ud_key *key)
{
    switch (key->type) {
    case UD_KEY_P256:
        return key->pub.len == UD_P256_PUBLIC_BYTES;
    case UD_KEY_HSS_LMS:
        return key->pub.len == HSS_SHORT_BYTES || key->pub.len == HSS_LONG_BYTES;
    case UD_KEY_ED25519:
    case UD_KEY_HMAC256:
        break;
    }
    return key->pub.len == UD_ED25519_PUBLIC_BYTES; /* and as long is an HMAC key */
}

_Static_assert(UD_ED25519_PUBLIC_BYTES == UD_HMAC256_BYTES, "length_fits() takes them together");

static void put_point(struct ud_cbor_writer *w, struct ud_bytes pub, bool two_coordinates)
{
    struct ud_bytes x = pub;
    if (two_coordinates) {
        (void)ud_bytes_take(&pub, COORDINATE_BYTES, &x);
    }
    ud_cbor_put_int(w, COSE_CRV);
    ud_cbor_put_int(w, two_coordinates ? COSE_CRV_P256 : COSE_CRV_ED25519);
    ud_cbor_put_int(w, COSE_X);
    ud_cbor_put_bstr(w, x);
    if (two_coordinates) {
        ud_cbor_put_int(w, COSE_Y);
        ud_cbor_put_bstr(w, pub);
    }
}

static void put_key(struct ud_cbor_writer *w, const struct ud_key *key, bool with_alg)
{
    static const uint8_t kty[] = {COSE_KTY_EC2, COSE_KTY_OKP, COSE_KTY_HSS_LMS, COSE_KTY_SYMMETRIC};
    static const uint8_t pairs[] = {4, 3, 2, 2};
    const bool named = with_alg && key->type == UD_KEY_HMAC256; /* a symmetric key says what it is for */
    ud_cbor_put_map(w, (uint64_t)pairs[key->type] + named);
    ud_cbor_put_int(w, COSE_KTY);
    ud_cbor_put_int(w, kty[key->type]);
    if (named) {
        ud_cbor_put_int(w, COSE_KEY_ALG);
        ud_cbor_put_int(w, UD_ALG_HMAC256);
    }
    if (key->type == UD_KEY_P256 || key->type == UD_KEY_ED25519) {
        put_point(w, key->pub, key->type == UD_KEY_P256);
    } else {
        ud_cbor_put_int(w, COSE_K);
        ud_cbor_put_bstr(w, key->pub);
    }
}

static ud_err write_key(struct ud_buf *out, const struct ud_key *key, bool with_alg)
{
    const size_t len_before = out->len;
    struct ud_cbor_writer w;
    if (!length_fits(key)) {
        return UD_ERR_KEY;
    }
    ud_cbor_writer_init(&w, out);
    put_key(&w, key, with_alg);
    if (ud_cbor_written(&w) != UD_OK) {
        out->len = len_before;
    }
    return ud_cbor_written(&w);
}

ud_err ud_cose_key_put(struct ud_buf *out, const struct ud_key *key)
{
    return write_key(out, key, true);
}

ud_err ud_cose_key_thumbprint(const struct ud_key *key, uint8_t kid[UD_KID_BYTES])
{
    uint8_t encoded[UD_COSE_KEY_BYTES_MAX];
    struct ud_buf buf = {encoded, sizeof encoded, 0};
    const ud_err err = write_key(&buf, key, false);
    const struct ud_bytes whole = ud_buf_bytes(&buf);
    return err == UD_OK ? ud_sha256(&whole, 1, kid) : err;
}

/* The three for P-256, which most keys are. */

ud_err ud_cose_key_parse(struct ud_bytes in, uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    struct ud_cose_key key;
    ud_err err = ud_cose_key_read(in, &key);
    if (err == UD_OK && key.type != UD_KEY_P256) {
        err = UD_ERR_KEY;
    }
    if (err == UD_OK) {
        memcpy(pub, key.bytes, UD_P256_PUBLIC_BYTES);
    }
    return err;
}

ud_err ud_cose_key_write(struct ud_buf *out, const uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    const struct ud_key key = {.pub = {pub, UD_P256_PUBLIC_BYTES}};
    return ud_cose_key_put(out, &key);
}

ud_err ud_cose_key_kid(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t kid[UD_KID_BYTES])
{
    const struct ud_key key = {.pub = {pub, UD_P256_PUBLIC_BYTES}};
    return ud_cose_key_thumbprint(&key, kid);
}
