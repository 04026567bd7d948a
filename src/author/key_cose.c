#include "author/key_cose.h"

#include "updraft/cbor.h"

/* Labels and values of RFC 9053. */
enum {
    LABEL_KTY = 1,
    LABEL_ALG = 3,
    KTY_OKP = 1,
    KTY_EC2 = 2,
    KTY_SYMMETRIC = 4,
    CRV_P256 = 1,
    CRV_ED25519 = 6
};
enum {
    LABEL_CRV = -1,
    LABEL_X = -2,
    LABEL_Y = -3,
    LABEL_D = -4,
    LABEL_K = -1,
    HALF = UD_P256_PUBLIC_BYTES / 2
};

/* What the map holds, by label. */
struct found {
    int64_t kty;
    int64_t alg;
    int64_t crv;
    struct ud_bytes k;
    struct ud_bytes x;
    struct ud_bytes y;
    struct ud_bytes d;
};

static void take_bytes(struct ud_cbor *r, struct ud_bytes *out)
{
    *out = ud_cbor_bstr(r);
}

static void take_pair(struct ud_cbor *r, struct found *found)
{
    const int64_t label = ud_cbor_int(r);
    const bool bytes = ud_cbor_peek(r) == UD_CBOR_BSTR;
    if (label == LABEL_KTY) {
        found->kty = ud_cbor_int(r);
    } else if (label == LABEL_ALG) {
        found->alg = ud_cbor_int(r);
    } else if (label == LABEL_CRV && !bytes) {
        found->crv = ud_cbor_int(r);
    } else if (label == LABEL_K) {
        take_bytes(r, &found->k);
    } else if (label == LABEL_X) {
        take_bytes(r, &found->x);
    } else if (label == LABEL_Y && bytes) {
        take_bytes(r, &found->y);
    } else if (label == LABEL_D) {
        take_bytes(r, &found->d);
    } else {
        (void)ud_cbor_skip(r); /* kid, operations: not what makes the key */
    }
}

ud_err key_cose_parse(struct ud_bytes in, struct key_cose *key)
{
    struct found found = {.kty = 0};
    struct key_cose made = {.type = UD_KEY_P256};
    struct ud_bytes previous = {NULL, 0};
    struct ud_cbor r;
    ud_cbor_init(&r, in);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0 && r.err == UD_OK; pairs--) {
        ud_cbor_key_order(&r, &previous);
        take_pair(&r, &found);
    }
    if (ud_cbor_finish(&r) != UD_OK) {
        return r.err;
    }
    if (found.kty == KTY_EC2 && found.crv == CRV_P256 && found.x.len == HALF && found.y.len == HALF &&
        found.d.len == sizeof made.secret) {
        memcpy(made.pub, found.x.ptr, HALF);
        memcpy(made.pub + HALF, found.y.ptr, HALF);
        memcpy(made.secret, found.d.ptr, sizeof made.secret);
    } else if (found.kty == KTY_OKP && found.crv == CRV_ED25519 && found.x.len == UD_ED25519_PUBLIC_BYTES &&
               found.d.len == sizeof made.secret) {
        made.type = UD_KEY_ED25519;
        memcpy(made.pub, found.x.ptr, found.x.len);
        memcpy(made.secret, found.d.ptr, sizeof made.secret);
    } else if (found.kty == KTY_SYMMETRIC && found.alg == UD_ALG_HMAC256 && found.k.len == sizeof made.secret) {
        made.type = UD_KEY_HMAC256;
        memcpy(made.secret, found.k.ptr, sizeof made.secret);
    } else {
        return UD_ERR_KEY;
    }
    *key = made;
    ud_wipe(&made, sizeof made);
    return UD_OK;
}

static void put_pair(struct ud_cbor_writer *w, int64_t label, const uint8_t *bytes, size_t len)
{
    ud_cbor_put_int(w, label);
    ud_cbor_put_bstr(w, (struct ud_bytes){bytes, len});
}

ud_err key_cose_write(struct ud_buf *out, const struct key_cose *key)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_map(&w, key->type == UD_KEY_P256 ? 5 : key->type == UD_KEY_ED25519 ? 4 : 3);
    ud_cbor_put_int(&w, LABEL_KTY);
    if (key->type == UD_KEY_HMAC256) {
        ud_cbor_put_int(&w, KTY_SYMMETRIC);
        ud_cbor_put_int(&w, LABEL_ALG);
        ud_cbor_put_int(&w, UD_ALG_HMAC256);
        put_pair(&w, LABEL_K, key->secret, sizeof key->secret);
        return ud_cbor_written(&w);
    }
    ud_cbor_put_int(&w, key->type == UD_KEY_P256 ? KTY_EC2 : KTY_OKP);
    ud_cbor_put_int(&w, LABEL_CRV);
    ud_cbor_put_int(&w, key->type == UD_KEY_P256 ? CRV_P256 : CRV_ED25519);
    put_pair(&w, LABEL_X, key->pub, HALF);
    if (key->type == UD_KEY_P256) {
        put_pair(&w, LABEL_Y, key->pub + HALF, HALF);
    }
    put_pair(&w, LABEL_D, key->secret, sizeof key->secret);
    return ud_cbor_written(&w);
}
