#include "author/encrypt_choice.h"

#include "author/key.h"
#include "manifest/encrypt_parts.h"
#include "ports/openssl/agree.h"
#include "ports/openssl/files.h"
#include "updraft/cose.h"

static const struct {
    int64_t alg;
    const char *name;
} names[] = {
    {UD_ALG_A128GCM, "A128GCM"}, {UD_ALG_A256GCM, "A256GCM"}, {UD_ALG_CHACHA20_POLY1305, "ChaCha20-Poly1305"},
    {UD_ALG_A128CTR, "A128CTR"}, {UD_ALG_A256CTR, "A256CTR"}, {UD_ALG_ECDH_ES_A128KW, "ECDH-ES+A128KW"},
    {UD_ALG_A128KW, "A128KW"},   {UD_ALG_A256KW, "A256KW"},
};

const struct ud_content_algorithm *encrypt_content_named(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0) {
            return encrypt_algorithm(names[i].alg); /* NULL for a recipient's */
        }
    }
    return NULL;
}

const char *encrypt_alg_name(int64_t alg)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].alg == alg) {
            return names[i].name;
        }
    }
    return NULL;
}

static ud_err take_secret(struct ud_bytes in, struct encrypt_recipient *recipient)
{
    struct ud_decrypt_key key;
    const ud_err err = ud_decrypt_key_parse(&key, in);
    if (err != UD_OK || key.kid.len > sizeof recipient->kid) {
        return UD_ERR_KEY;
    }
    recipient->alg = key.alg;
    recipient->secret_bytes = (uint8_t)key.kek.len;
    memcpy(recipient->secret, key.kek.ptr, key.kek.len);
    recipient->kid_bytes = (uint8_t)key.kid.len;
    memcpy(recipient->kid, key.kid.ptr, key.kid.len);
    return UD_OK;
}

ud_err encrypt_recipient_load(struct encrypt_recipient *recipient, const char *path)
{
    struct encrypt_recipient made = {.secret_bytes = 0};
    struct ud_cose_key pub;
    uint8_t bytes[512];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    ud_err err = author_public_load(path, &pub);
    if (err == UD_OK && pub.type == UD_KEY_P256) {
        const struct ud_key key = ud_cose_key_view(&pub);
        made.alg = UD_ALG_ECDH_ES_A128KW;
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

struct ud_encrypt_to encrypt_recipient_to(const struct encrypt_recipient *recipient)
{
    return (struct ud_encrypt_to){.alg = recipient->alg,
                                  .kid = {recipient->kid, recipient->kid_bytes},
                                  .kek = {recipient->secret, recipient->secret_bytes},
                                  .pub = recipient->pub,
                                  .ephemeral = ud_ephemeral_agree};
}
