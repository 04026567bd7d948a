#include "author/encrypt_info.h"

#include "author/key.h"
#include "ports/openssl/files.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

enum { TAG_ENCRYPT = 96, LABEL_ALG = 1, LABEL_KID = 4, LABEL_IV = 5, LABEL_EPHEMERAL = -1 };
enum { ALG_A128KW = -3, ALG_A256KW = -5, ALG_ECDH_ES_A128KW = -29, KEK_BITS = 128 };
enum { KTY_EC2 = 2, KTY_SYMMETRIC = 4, CRV_P256 = 1, HALF = UD_P256_PUBLIC_BYTES / 2, WRAPPED_BYTES_MAX = 40 };

/* The secret of a COSE_Key {1: 4, ? 2: kid, ? 3: alg, -1: k}; the order of its labels does not matter. */
static ud_err take_secret(struct ud_bytes in, struct encrypt_recipient *recipient)
{
    struct ud_cbor r;
    struct ud_bytes kid = {NULL, 0};
    struct ud_bytes k = {NULL, 0};
    int64_t kty = 0;
    int64_t alg = 0;
    ud_cbor_init(&r, in);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0 && r.err == UD_OK; pairs--) {
        const int64_t label = ud_cbor_int(&r);
        if (label == 1) {
            kty = ud_cbor_int(&r);
        } else if (label == 2) {
            kid = ud_cbor_bstr(&r);
        } else if (label == 3) {
            alg = ud_cbor_int(&r);
        } else if (label == -1) {
            k = ud_cbor_bstr(&r);
        } else {
            (void)ud_cbor_skip(&r);
        }
    }
    const bool alg_ok = alg == 0 || (alg == ALG_A128KW && k.len == 16) || (alg == ALG_A256KW && k.len == 32);
    if (ud_cbor_finish(&r) != UD_OK || kty != KTY_SYMMETRIC || !alg_ok || (k.len != 16 && k.len != 32) ||
        kid.len == 0 || kid.len > sizeof recipient->kid) {
        return UD_ERR_KEY;
    }
    recipient->secret_bytes = (uint8_t)k.len;
    memcpy(recipient->secret, k.ptr, k.len);
    recipient->kid_bytes = (uint8_t)kid.len;
    memcpy(recipient->kid, kid.ptr, kid.len);
    return UD_OK;
}

ud_err encrypt_recipient_load(struct encrypt_recipient *recipient, const char *path)
{
    struct encrypt_recipient made = {.is_pair = false};
    struct ud_cose_key pub;
    uint8_t bytes[512];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    ud_err err = author_public_load(path, &pub);
    if (err == UD_OK && pub.type == UD_KEY_P256) {
        const struct ud_key key = ud_cose_key_view(&pub);
        made.is_pair = true;
        made.kid_bytes = UD_KID_BYTES;
        memcpy(made.pub, pub.bytes, sizeof made.pub);
        err = ud_cose_key_thumbprint(&key, made.kid);
    } else if (err == UD_OK || err == UD_ERR_KEY) {
        err = ud_small_file_read(path, true, &buf); /* a secret: for its owner alone */
        err = err == UD_OK ? take_secret(ud_buf_bytes(&buf), &made) : err;
    }
    if (err == UD_OK) {
        *recipient = made;
    }
    ud_wipe(&made, sizeof made);
    ud_wipe(bytes, sizeof bytes);
    return err;
}

/* {1: alg}; a cipher without a tag cannot authenticate a head, so its protected header is empty. */
static ud_err put_protected(struct ud_buf *out, const struct ud_seal_cipher *cipher)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    if (cipher->tag_bytes > 0) {
        ud_cbor_put_map(&w, 1);
        ud_cbor_put_uint(&w, LABEL_ALG);
        ud_cbor_put_int(&w, cipher->alg);
    }
    return ud_cbor_written(&w);
}

ud_err encrypt_info_aad(struct ud_buf *out, const struct ud_seal_cipher *cipher)
{
    uint8_t bytes[16];
    struct ud_buf head = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer w;
    const ud_err err = put_protected(&head, cipher);
    if (err != UD_OK || cipher->tag_bytes == 0) {
        return err;
    }
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, 3);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("Encrypt"));
    ud_cbor_put_bstr(&w, ud_buf_bytes(&head));
    ud_cbor_put_bstr(&w, (struct ud_bytes){NULL, 0});
    return ud_cbor_written(&w);
}

static void put_nobody(struct ud_cbor_writer *w)
{
    ud_cbor_put_array(w, 3);
    for (int i = 0; i < 3; i++) {
        ud_cbor_put_null(w);
    }
}

/* COSE_KDF_Context: what the wrapping key is for. */
static ud_err kdf_context(struct ud_buf *out, struct ud_bytes protected_bytes)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_array(&w, 4);
    ud_cbor_put_int(&w, ALG_A128KW); /* of the key that is made, not of the way it is made */
    put_nobody(&w);
    put_nobody(&w);
    ud_cbor_put_array(&w, 3);
    ud_cbor_put_uint(&w, KEK_BITS);
    ud_cbor_put_bstr(&w, protected_bytes);
    ud_cbor_put_bstr(&w, UD_BYTES_LITERAL("SUIT Payload Encryption"));
    return ud_cbor_written(&w);
}

static void put_ephemeral(struct ud_cbor_writer *w, const uint8_t point[UD_P256_PUBLIC_BYTES])
{
    ud_cbor_put_map(w, 4);
    ud_cbor_put_int(w, 1);
    ud_cbor_put_int(w, KTY_EC2);
    ud_cbor_put_int(w, -1);
    ud_cbor_put_int(w, CRV_P256);
    ud_cbor_put_int(w, -2);
    ud_cbor_put_bstr(w, (struct ud_bytes){point, HALF});
    ud_cbor_put_int(w, -3);
    ud_cbor_put_bstr(w, (struct ud_bytes){point + HALF, HALF});
}

static ud_err put_pair(struct ud_cbor_writer *w, const struct encrypt_recipient *recipient, struct ud_bytes key)
{
    static const uint8_t protected_bytes[] = {0xa1, 0x01, 0x38, 0x1c}; /* {1: -29} */
    uint8_t ephemeral[UD_P256_PUBLIC_BYTES];
    uint8_t z[32];
    uint8_t kek[16];
    uint8_t wrapped[WRAPPED_BYTES_MAX];
    uint8_t context[128];
    struct ud_buf info = {context, sizeof context, 0};
    struct ud_buf out = {kek, sizeof kek, 0};
    ud_err err = ud_seal_agree(recipient->pub, ephemeral, z);
    err = err == UD_OK ? kdf_context(&info, UD_BYTES_ARRAY(protected_bytes)) : err;
    err = err == UD_OK
              ? ud_hkdf256((struct ud_bytes){NULL, 0}, UD_BYTES_ARRAY(z), ud_buf_bytes(&info), &out, sizeof kek)
              : err;
    err = err == UD_OK ? ud_seal_wrap(UD_BYTES_ARRAY(kek), key, wrapped) : err;
    ud_wipe(z, sizeof z);
    ud_wipe(kek, sizeof kek);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_put_array(w, 3);
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(protected_bytes));
    ud_cbor_put_map(w, 2);
    ud_cbor_put_uint(w, LABEL_KID);
    ud_cbor_put_bstr(w, (struct ud_bytes){recipient->kid, recipient->kid_bytes});
    ud_cbor_put_int(w, LABEL_EPHEMERAL);
    put_ephemeral(w, ephemeral);
    ud_cbor_put_bstr(w, (struct ud_bytes){wrapped, key.len + 8});
    return UD_OK;
}

static ud_err put_secret(struct ud_cbor_writer *w, const struct encrypt_recipient *recipient,
                         struct ud_bytes key)
{
    uint8_t wrapped[WRAPPED_BYTES_MAX];
    const ud_err err =
        ud_seal_wrap((struct ud_bytes){recipient->secret, recipient->secret_bytes}, key, wrapped);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_put_array(w, 3);
    ud_cbor_put_bstr(w, (struct ud_bytes){NULL, 0});
    ud_cbor_put_map(w, 2);
    ud_cbor_put_uint(w, LABEL_ALG);
    ud_cbor_put_int(w, recipient->secret_bytes == 16 ? ALG_A128KW : ALG_A256KW);
    ud_cbor_put_uint(w, LABEL_KID);
    ud_cbor_put_bstr(w, (struct ud_bytes){recipient->kid, recipient->kid_bytes});
    ud_cbor_put_bstr(w, (struct ud_bytes){wrapped, key.len + 8});
    return UD_OK;
}

ud_err encrypt_info_write(struct ud_buf *out, const struct ud_seal_cipher *cipher, const uint8_t *key,
                          const uint8_t *iv, const struct encrypt_recipient *recipients, size_t count)
{
    uint8_t bytes[16];
    struct ud_buf head = {bytes, sizeof bytes, 0};
    const struct ud_bytes content_key = {key, cipher->key_bytes};
    struct ud_cbor_writer w;
    ud_err err = put_protected(&head, cipher);
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_tag(&w, TAG_ENCRYPT);
    ud_cbor_put_array(&w, 4);
    ud_cbor_put_bstr(&w, ud_buf_bytes(&head));
    ud_cbor_put_map(&w, cipher->tag_bytes > 0 ? 1 : 2);
    if (cipher->tag_bytes == 0) {
        ud_cbor_put_uint(&w, LABEL_ALG);
        ud_cbor_put_int(&w, cipher->alg);
    }
    ud_cbor_put_uint(&w, LABEL_IV);
    ud_cbor_put_bstr(&w, (struct ud_bytes){iv, cipher->iv_bytes});
    ud_cbor_put_null(&w);
    ud_cbor_put_array(&w, count);
    for (size_t i = 0; err == UD_OK && i < count; i++) {
        err = recipients[i].is_pair ? put_pair(&w, &recipients[i], content_key)
                                    : put_secret(&w, &recipients[i], content_key);
    }
    return err == UD_OK ? ud_cbor_written(&w) : err;
}
