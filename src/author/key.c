#include "author/key.h"

#include <stdlib.h>

#include "author/cli.h"
#include "author/hss_witness.h"
#include "author/key_cose.h"
#include "ports/openssl/ed25519_key.h"
#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"
#include "ports/pkcs11/token.h"

enum { PATH_BYTES_MAX = 4096 };

struct author_key {
    struct ud_signer signer;
    struct ud_key_pair *p256;
    struct ud_ed25519_pair *ed25519;
    struct ud_token *token;
    uint8_t secret[UD_HMAC256_BYTES];
    /* of an HSS/LMS key */
    char path[PATH_BYTES_MAX];
    uint64_t left;
    bool is_hss;
    struct hss_witness_place *place;
    struct hss_witness witness;
};

static const struct {
    const char *name;
    ud_alg alg;
} algs[] = {{"ES256", UD_ALG_ES256},
            {"ESP256", UD_ALG_ESP256},
            {"Ed25519", UD_ALG_ED25519},
            {"HSS-LMS", UD_ALG_HSS_LMS},
            {"HMAC256", UD_ALG_HMAC256}};

ud_alg author_alg_named(const char *name)
{
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        if (strcmp(algs[i].name, name) == 0) {
            return algs[i].alg;
        }
    }
    return UD_ALG_NONE;
}

const char *author_alg_name(int64_t alg)
{
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        if (algs[i].alg == alg) {
            return algs[i].name;
        }
    }
    return "unknown";
}

static ud_alg alg_or(ud_alg wanted, ud_alg usual)
{
    return wanted != UD_ALG_NONE ? wanted : usual;
}

static bool is_pem(struct ud_bytes file)
{
    static const char head[] = "-----BEGIN";
    return file.len > sizeof head && memcmp(file.ptr, head, sizeof head - 1) == 0;
}

static ud_err open_pem(struct author_key *key, struct ud_bytes pem, const struct author_key_choice *choice)
{
    ud_err err = ud_key_pair_load(&key->p256, choice->name);
    if (err == UD_OK) {
        return ud_key_pair_signer(key->p256, alg_or(choice->alg, UD_ALG_ES256), &key->signer);
    }
    if (err != UD_ERR_KEY) {
        return err;
    }
    err = ud_ed25519_parse(pem, &key->ed25519);
    return err == UD_OK ? ud_ed25519_signer(key->ed25519, alg_or(choice->alg, UD_ALG_ED25519), &key->signer)
                        : err;
}

static ud_err sign_hmac(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                        size_t *signature_bytes)
{
    const struct author_key *key = ctx;
    if (alg != UD_ALG_HMAC256) {
        return UD_ERR_ALGORITHM;
    }
    *signature_bytes = UD_HMAC256_BYTES;
    return ud_hmac256(UD_BYTES_ARRAY(key->secret), parts, count, signature);
}

static ud_err open_hmac(struct author_key *key, const struct author_key_choice *choice)
{
    const struct ud_key secret = {.pub = UD_BYTES_ARRAY(key->secret), .type = UD_KEY_HMAC256};
    if (alg_or(choice->alg, UD_ALG_HMAC256) != UD_ALG_HMAC256) {
        return UD_ERR_ALGORITHM;
    }
    key->signer =
        (struct ud_signer){.alg = UD_ALG_HMAC256, .sign = sign_hmac, .ctx = key, .type = UD_KEY_HMAC256};
    return ud_cose_key_thumbprint(&secret, key->signer.kid);
}

static ud_err open_cose(struct author_key *key, struct ud_bytes file, const struct author_key_choice *choice)
{
    struct key_cose found;
    ud_err err = key_cose_parse(file, &found);
    if (err != UD_OK) {
        return err;
    }
    if (found.type == UD_KEY_P256) {
        err = ud_key_pair_of_secret(found.secret, found.pub, &key->p256);
        err =
            err == UD_OK ? ud_key_pair_signer(key->p256, alg_or(choice->alg, UD_ALG_ES256), &key->signer) : err;
    } else if (found.type == UD_KEY_ED25519) {
        err = ud_ed25519_of_secret(found.secret, &key->ed25519);
        err = err == UD_OK ? ud_ed25519_signer(key->ed25519, alg_or(choice->alg, UD_ALG_ED25519), &key->signer)
                           : err;
        if (err == UD_OK && memcmp(key->signer.pub, found.pub, UD_ED25519_PUBLIC_BYTES) != 0) {
            err = UD_ERR_KEY; /* halves that do not belong together */
        }
    } else {
        memcpy(key->secret, found.secret, sizeof key->secret);
        err = open_hmac(key, choice);
    }
    ud_wipe(&found, sizeof found);
    return err;
}

/* A number is taken for each signature, at the last moment. */
static ud_err sign_hss(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                       size_t *signature_bytes)
{
    struct author_key *key = ctx;
    struct hss_key taken;
    struct ud_buf out = {signature, key->signer.signature_bytes, 0};
    uint64_t number = 0;
    if (alg != UD_ALG_HSS_LMS) {
        return UD_ERR_ALGORITHM;
    }
    ud_err err = hss_key_take(key->path, key->place != NULL ? &key->witness : NULL, &taken, &number);
    if (err == UD_OK) {
        err = hss_sign(&taken.secret, number, parts, count, &out);
        key->left = hss_capacity(taken.secret.levels, taken.secret.level_count) - taken.next;
        *signature_bytes = out.len;
    }
    ud_wipe(&taken, sizeof taken);
    return err;
}

static ud_err open_hss(struct author_key *key, struct ud_bytes file, const struct author_key_choice *choice)
{
    struct hss_key found;
    ud_err err = hss_key_parse(file, &found);
    if (err != UD_OK || strlen(choice->name) >= sizeof key->path) {
        return err != UD_OK ? err : UD_ERR_LIMIT;
    }
    if (alg_or(choice->alg, UD_ALG_HSS_LMS) != UD_ALG_HSS_LMS) {
        err = UD_ERR_ALGORITHM;
    }
    memcpy(key->path, choice->name, strlen(choice->name) + 1);
    key->is_hss = true;
    key->left = hss_capacity(found.secret.levels, found.secret.level_count) - found.next;
    key->signer = (struct ud_signer){.alg = UD_ALG_HSS_LMS,
                                     .sign = sign_hss,
                                     .ctx = key,
                                     .signature_bytes =
                                         hss_signature_bytes(found.secret.levels, found.secret.level_count),
                                     .type = UD_KEY_HSS_LMS,
                                     .pub_bytes = found.pub_bytes};
    memcpy(key->signer.pub, found.pub, found.pub_bytes);
    err = err == UD_OK ? hss_key_kid(&found, key->signer.kid) : err;
    if (err == UD_OK && found.witness[0] != '\0') {
        err = hss_witness_open(&key->place, found.witness, choice->pin_file, &key->witness);
        err = err == UD_ERR_NOT_FOUND || err == UD_ERR_TOKEN ? UD_ERR_WITNESS : err;
    }
    ud_wipe(&found, sizeof found);
    return err;
}

static ud_err open_file(struct author_key *key, const struct author_key_choice *choice)
{
    uint8_t bytes[UD_PEM_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    ud_err err = ud_small_file_read(choice->name, true, &buf);
    const struct ud_bytes file = ud_buf_bytes(&buf);
    if (err == UD_OK) {
        err = is_pem(file)       ? open_pem(key, file, choice)
              : hss_key_is(file) ? open_hss(key, file, choice)
                                 : open_cose(key, file, choice);
    }
    ud_wipe(bytes, sizeof bytes);
    return err;
}

static ud_err open_token(struct author_key *key, const struct author_key_choice *choice)
{
    const ud_err err = cli_token_open(&key->token, choice->name, choice->pin_file);
    return err == UD_OK ? ud_token_signer(key->token, choice->alg, &key->signer) : err;
}

ud_err author_key_open(struct author_key **key, const struct author_key_choice *choice)
{
    struct author_key *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return UD_ERR_MEMORY;
    }
    const ud_err err = ud_token_is_uri(choice->name) ? open_token(made, choice) : open_file(made, choice);
    if (err != UD_OK) {
        author_key_close(made);
        return err;
    }
    *key = made;
    return UD_OK;
}

const struct ud_signer *author_key_signer(const struct author_key *key)
{
    return &key->signer;
}

bool author_key_left(const struct author_key *key, uint64_t *left)
{
    if (key->is_hss) {
        *left = key->left;
    }
    return key->is_hss;
}

void author_key_close(struct author_key *key)
{
    if (key != NULL) {
        ud_key_pair_close(key->p256);
        ud_ed25519_close(key->ed25519);
        ud_token_close(key->token);
        hss_witness_close(key->place);
        ud_wipe(key, sizeof *key);
        free(key);
    }
}

static ud_err public_pem(struct ud_bytes pem, struct ud_cose_key *key)
{
    struct ud_cose_key found = {.type = UD_KEY_P256, .len = UD_P256_PUBLIC_BYTES};
    ud_err err = ud_public_key_parse(pem, found.bytes);
    if (err == UD_ERR_KEY) {
        found = (struct ud_cose_key){.type = UD_KEY_ED25519, .len = UD_ED25519_PUBLIC_BYTES};
        err = ud_ed25519_public_parse(pem, found.bytes);
    }
    if (err == UD_OK) {
        *key = found;
    }
    return err;
}

ud_err author_public_load(const char *path, struct ud_cose_key *key)
{
    uint8_t bytes[UD_PEM_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    const ud_err err = ud_small_file_read(path, false, &buf);
    const struct ud_bytes file = ud_buf_bytes(&buf);
    if (err != UD_OK) {
        return err;
    }
    if (is_pem(file)) {
        return public_pem(file, key);
    }
    return ud_cose_key_read(file, key) == UD_OK ? UD_OK : UD_ERR_KEY;
}

ud_err author_public_write(struct ud_buf *out, const struct ud_key *key)
{
    switch (key->type) {
    case UD_KEY_P256:
        return ud_public_key_write(out, key->pub.ptr);
    case UD_KEY_ED25519:
        return ud_ed25519_public_write(out, key->pub.ptr);
    case UD_KEY_HSS_LMS:
    case UD_KEY_HMAC256:
        break;
    }
    return ud_cose_key_put(out, key);
}

const char *author_key_type_name(ud_key_type type)
{
    switch (type) {
    case UD_KEY_P256:
        return "P-256";
    case UD_KEY_ED25519:
        return "Ed25519";
    case UD_KEY_HSS_LMS:
        return "HSS-LMS";
    case UD_KEY_HMAC256:
        return "HMAC 256/256";
    }
    return "unknown";
}
