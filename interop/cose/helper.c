/*
 * Our COSE at the command line, for interop/test_cose.py; every argument and answer is hex.
 *
 *     interop-cose sign1|sign|mac0 PAYLOAD KEY...       print the object; KEY is the private number, of mac0 the secret
 *     interop-cose check OBJECT p256:XY|hmac:K ...      print an error's name and the set of keys that verified
 *     interop-cose encrypt ALG KEK KEY IV PLAINTEXT     print encryption info and ciphertext
 *     interop-cose decrypt KEK INFO CIPHERTEXT          print the plaintext
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports/openssl/keys.h"
#include "updraft/encrypt.h"
#include "updraft/trust.h"

enum { BYTES_MAX = 8192, KEYS_MAX = 4 };

static uint8_t pool[16 * BYTES_MAX];
static size_t pool_used;

static void fail(const char *what, ud_err err)
{
    (void)fprintf(stderr, "interop-cose: %s: %s\n", what, ud_err_name(err));
    exit(1);
}

static struct ud_bytes bytes_of(const char *hex)
{
    uint8_t *out = pool + pool_used;
    const size_t len = strlen(hex) / 2;
    if (len > sizeof pool - pool_used) {
        fail("argument", UD_ERR_LIMIT);
    }
    for (size_t i = 0; i < len; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    pool_used += len;
    return (struct ud_bytes){out, len};
}

static void print_hex(struct ud_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        (void)printf("%02x", bytes.ptr[i]);
    }
    (void)printf("\n");
}

static ud_err mac(void *ctx, ud_alg alg, const struct ud_bytes *parts, size_t count, uint8_t *signature,
                  size_t *signature_bytes)
{
    const struct ud_signer *signer = ctx;
    (void)alg;
    *signature_bytes = UD_HMAC256_BYTES;
    return ud_hmac256((struct ud_bytes){signer->pub, UD_HMAC256_BYTES}, parts, count, signature);
}

static void open_signer(struct ud_signer *signer, const char *key, bool is_mac)
{
    struct ud_key_pair *pair = NULL; /* as long as the program */
    const struct ud_bytes number = bytes_of(key);
    ud_err err = number.len == 32 ? UD_OK : UD_ERR_KEY;
    if (err == UD_OK && is_mac) {
        *signer = (struct ud_signer){.alg = UD_ALG_HMAC256, .type = UD_KEY_HMAC256, .sign = mac, .ctx = signer};
        memcpy(signer->pub, number.ptr, number.len);
        const struct ud_key view = {.pub = number, .type = UD_KEY_HMAC256};
        err = ud_cose_key_thumbprint(&view, signer->kid);
    } else if (err == UD_OK) {
        err = ud_key_pair_from_private(number.ptr, &pair);
        err = err == UD_OK ? ud_key_pair_signer(pair, UD_ALG_ES256, signer) : err;
    }
    if (err != UD_OK) {
        fail("key", err);
    }
}

static void make(const char *kind, struct ud_bytes payload, char **keys, size_t count)
{
    struct ud_signer signers[KEYS_MAX];
    const struct ud_signer *list[KEYS_MAX];
    struct ud_buf out = {pool + sizeof pool - BYTES_MAX, BYTES_MAX, 0};
    const bool is_mac = strcmp(kind, "mac0") == 0;
    for (size_t i = 0; i < count && i < KEYS_MAX; i++) {
        open_signer(&signers[i], keys[i], is_mac);
        list[i] = &signers[i];
    }
    const ud_err err = is_mac                      ? ud_cose_mac0_write(&out, list[0], payload, false)
                       : strcmp(kind, "sign") == 0 ? ud_cose_sign_write(&out, list, count, payload, false)
                                                   : ud_cose_sign1_write(&out, list[0], payload, false);
    if (err != UD_OK) {
        fail(kind, err);
    }
    print_hex(ud_buf_bytes(&out));
}

static void check(struct ud_bytes object, char **keys, size_t count)
{
    struct ud_trust trust = {.threshold = 1};
    struct ud_cose cose;
    ud_trust_set signers = 0;
    for (size_t i = 0; i < count; i++) {
        const bool is_mac = strncmp(keys[i], "hmac:", 5) == 0;
        const struct ud_key key = {.pub = bytes_of(keys[i] + 5), .type = is_mac ? UD_KEY_HMAC256 : UD_KEY_P256};
        const ud_err err = ud_trust_add_key(&trust, &key, 1);
        if (err != UD_OK) {
            fail("key", err);
        }
    }
    ud_err err = ud_cose_parse(&cose, object, NULL);
    err = err == UD_OK ? ud_trust_verify(&trust, &cose, cose.payload, &signers) : err;
    (void)printf("%s %u\n", ud_err_name(err), (unsigned)signers);
}

static ud_recipient_alg wrap_of(struct ud_bytes kek)
{
    return kek.len == 16 ? UD_ALG_A128KW : UD_ALG_A256KW;
}

static void encrypt(char **arguments)
{
    const ud_content_alg alg = (ud_content_alg)atol(arguments[0]);
    const struct ud_bytes kek = bytes_of(arguments[1]);
    const struct ud_bytes key = bytes_of(arguments[2]);
    const struct ud_bytes iv = bytes_of(arguments[3]);
    const struct ud_bytes plain = bytes_of(arguments[4]);
    const struct ud_encrypt_to to = {.alg = wrap_of(kek), .kid = UD_BYTES_LITERAL("device"), .kek = kek};
    struct ud_buf info = {pool + sizeof pool - 2 * BYTES_MAX, BYTES_MAX, 0};
    struct ud_buf sealed = {pool + sizeof pool - BYTES_MAX, BYTES_MAX, plain.len};
    struct ud_cipher_state cipher;
    ud_err err = ud_encrypt_info_write(&info, alg, key, iv, &to, 1);
    err = err == UD_OK ? ud_encrypt_begin(&cipher, alg, key, iv) : err;
    err = err == UD_OK ? ud_cipher_update(&cipher, plain, sealed.ptr) : err;
    err = err == UD_OK ? ud_encrypt_end(&cipher, alg, &sealed) : err;
    if (err != UD_OK) {
        fail("encrypt", err);
    }
    print_hex(ud_buf_bytes(&info));
    print_hex(ud_buf_bytes(&sealed));
}

static void decrypt(char **arguments)
{
    const struct ud_bytes kek = bytes_of(arguments[0]);
    const struct ud_bytes in = bytes_of(arguments[1]);
    struct ud_bytes rest = bytes_of(arguments[2]);
    const struct ud_decrypt_key key = {.alg = wrap_of(kek), .kek = kek};
    const struct ud_decrypt_keys keys = {&key, 1};
    struct ud_encrypt_info info;
    struct ud_decrypt work;
    struct ud_bytes content;
    uint8_t *plain = pool + sizeof pool - BYTES_MAX;
    uint8_t *scratch = pool + sizeof pool - 2 * BYTES_MAX;
    ud_err err = ud_encrypt_info_parse(&info, in, NULL);
    err = err == UD_OK ? ud_decrypt_open(&work, &info, &keys) : err;
    if (err != UD_OK || !ud_bytes_take(&rest, rest.len - info.tag_bytes, &content)) {
        fail("decrypt", err);
    }
    err = ud_decrypt_seek(&work, 0);
    err = err == UD_OK ? ud_decrypt_update(&work, content, plain) : err;
    if (err == UD_OK && info.tag_bytes > 0) {
        err = ud_decrypt_check_begin(&work);
        err =
            err == UD_OK ? ud_decrypt_check_update(&work, (struct ud_bytes){plain, content.len}, scratch) : err;
        err = err == UD_OK ? ud_decrypt_check_end(&work, rest) : err;
    }
    ud_decrypt_close(&work);
    if (err != UD_OK) {
        fail("decrypt", err);
    }
    print_hex((struct ud_bytes){plain, content.len});
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "check") == 0) {
        check(bytes_of(argv[2]), argv + 3, (size_t)argc - 3);
    } else if (argc == 7 && strcmp(argv[1], "encrypt") == 0) {
        encrypt(argv + 2);
    } else if (argc == 5 && strcmp(argv[1], "decrypt") == 0) {
        decrypt(argv + 2);
    } else if (argc >= 4 && argc <= 3 + KEYS_MAX) {
        make(argv[1], bytes_of(argv[2]), argv + 3, (size_t)argc - 3);
    } else {
        return 2;
    }
    return 0;
}
