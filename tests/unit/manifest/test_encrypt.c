/* Encrypted images: the published vectors to their plaintext, every profile both ways, and attacks B11, B21. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_keys.h"
#include "helper_published.h"
#include "hex.h"
#include "ports/openssl/agree.h"
#include "updraft/cbor.h"
#include "updraft/suit.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { PLAIN_BYTES = 1000 };

/* ---- published vectors ---- */

/* Decrypt a ciphertext that is in memory. */
static ud_err decrypt_whole(const struct ud_encrypt_info *info, const struct ud_decrypt_keys *keys,
                            struct ud_bytes ciphertext, uint8_t *plain)
{
    struct ud_decrypt decrypt;
    uint8_t scratch[2048];
    struct ud_bytes rest = ciphertext;
    struct ud_bytes content;
    ud_err err = ud_decrypt_open(&decrypt, info, keys);
    if (err != UD_OK) {
        return err;
    }
    assert_true(ud_bytes_take(&rest, ciphertext.len - info->tag_bytes, &content));
    assert_int_equal(ud_decrypt_seek(&decrypt, 0), UD_OK);
    assert_int_equal(ud_decrypt_update(&decrypt, content, plain), UD_OK);
    if (info->tag_bytes > 0) {
        assert_int_equal(ud_decrypt_check_begin(&decrypt), UD_OK);
        assert_int_equal(ud_decrypt_check_update(&decrypt, (struct ud_bytes){plain, content.len}, scratch),
                         UD_OK);
        err = ud_decrypt_check_end(&decrypt, rest);
    }
    ud_decrypt_close(&decrypt);
    return err;
}

static const char *const vectors[] = {"aeskw-gcm", "aeskw-ctr", "esdh-gcm", "esdh-ctr"};

static void test_every_published_ciphertext_decrypts_to_the_published_plaintext(void **state)
{
    (void)state;
    struct published p = {.pair = NULL};
    open_published(&p);
    for (size_t i = 0; i < COUNT(vectors); i++) {
        char name[100];
        uint8_t info_bytes[512];
        uint8_t cipher_bytes[128];
        uint8_t plain_bytes[64];
        uint8_t got[64];
        struct ud_encrypt_info info;
        (void)snprintf(name, sizeof name, "data/suit/encryption/%s.encryption-info.hex", vectors[i]);
        const ud_err err = ud_encrypt_info_parse(&info, hex_shared(name, info_bytes, sizeof info_bytes), NULL);
        if (err != UD_OK) {
            fail_msg("%s: %s", name, ud_err_name(err));
        }
        (void)snprintf(name, sizeof name, "data/suit/encryption/%s.ciphertext.hex", vectors[i]);
        const struct ud_bytes ciphertext = hex_shared(name, cipher_bytes, sizeof cipher_bytes);
        const struct ud_bytes want =
            hex_shared("data/suit/encryption/plaintext.hex", plain_bytes, sizeof plain_bytes);
        assert_int_equal(ciphertext.len, want.len + info.tag_bytes);
        assert_int_equal(decrypt_whole(&info, &p.all, ciphertext, got), UD_OK);
        assert_memory_equal(got, want.ptr, want.len);
        if (info.tag_bytes > 0) { /* AES-CTR cannot tell; the manifest's digest does */
            cipher_bytes[3] ^= 1;
            assert_int_equal(decrypt_whole(&info, &p.all, ciphertext, got), UD_ERR_DECRYPT);
        }
    }
    ud_key_pair_close(p.pair);
}

/* ---- every profile, made here ---- */

static struct fixture {
    struct ud_key_pair *device;
    struct ud_key_pair *other;
    uint8_t device_pub[UD_P256_PUBLIC_BYTES];
    uint8_t other_pub[UD_P256_PUBLIC_BYTES];
    uint8_t kek[32];
    uint8_t key[UD_CONTENT_KEY_BYTES_MAX];
    uint8_t iv[UD_CIPHER_BLOCK_BYTES];
    uint8_t plain[PLAIN_BYTES];
    uint8_t info_bytes[2048];
    uint8_t sealed_bytes[PLAIN_BYTES + UD_AEAD_TAG_BYTES];
    struct ud_buf info;
    struct ud_buf sealed;
} f;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(ud_key_pair_generate(&f.device), UD_OK);
    assert_int_equal(ud_key_pair_generate(&f.other), UD_OK);
    ud_key_pair_public(f.device, f.device_pub);
    ud_key_pair_public(f.other, f.other_pub);
    assert_int_equal(ud_random(f.kek, sizeof f.kek), UD_OK);
    assert_int_equal(ud_random(f.key, sizeof f.key), UD_OK);
    assert_int_equal(ud_random(f.iv, sizeof f.iv), UD_OK);
    assert_int_equal(ud_random(f.plain, sizeof f.plain), UD_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ud_key_pair_close(f.device);
    ud_key_pair_close(f.other);
    return 0;
}

static const struct profile {
    const char *name;
    ud_content_alg content;
    ud_recipient_alg recipient;
    size_t key_bytes;
} profiles[] = {
    {"A128KW, A128CTR", UD_ALG_A128CTR, UD_ALG_A128KW, 16},
    {"ECDH, A128CTR", UD_ALG_A128CTR, UD_ALG_ECDH_ES_A128KW, 16},
    {"ECDH, A128GCM", UD_ALG_A128GCM, UD_ALG_ECDH_ES_A128KW, 16},
    {"ECDH, ChaCha20/Poly1305", UD_ALG_CHACHA20_POLY1305, UD_ALG_ECDH_ES_A128KW, 32},
    {"A256KW, A256CTR", UD_ALG_A256CTR, UD_ALG_A256KW, 32},
    {"A256KW, A256GCM", UD_ALG_A256GCM, UD_ALG_A256KW, 32},
};

static struct ud_encrypt_to to_device(ud_recipient_alg alg)
{
    return (struct ud_encrypt_to){.alg = alg,
                                  .kid = UD_BYTES_LITERAL("device"),
                                  .kek = {f.kek, alg == UD_ALG_A128KW ? 16 : 32},
                                  .pub = f.device_pub,
                                  .ephemeral = ud_ephemeral_agree};
}

static struct ud_decrypt_key key_of_device(ud_recipient_alg alg)
{
    return (struct ud_decrypt_key){.alg = alg,
                                   .kid = UD_BYTES_LITERAL("device"),
                                   .kek = {f.kek, alg == UD_ALG_A128KW ? 16 : 32},
                                   .agree = ud_key_pair_agree,
                                   .ctx = f.device};
}

static struct ud_bytes iv_of(const struct profile *profile)
{
    const bool aead = profile->content > 0;
    return (struct ud_bytes){f.iv, aead ? UD_AEAD_IV_BYTES : UD_CIPHER_BLOCK_BYTES};
}

static void seal(const struct profile *profile, const struct ud_encrypt_to *to, size_t count)
{
    struct ud_cipher_state cipher;
    const struct ud_bytes key = {f.key, profile->key_bytes};
    f.info = (struct ud_buf){f.info_bytes, sizeof f.info_bytes, 0};
    f.sealed = (struct ud_buf){f.sealed_bytes, sizeof f.sealed_bytes, PLAIN_BYTES};
    assert_int_equal(ud_encrypt_info_write(&f.info, profile->content, key, iv_of(profile), to, count), UD_OK);
    assert_int_equal(ud_encrypt_begin(&cipher, profile->content, key, iv_of(profile)), UD_OK);
    assert_int_equal(ud_cipher_update(&cipher, UD_BYTES_ARRAY(f.plain), f.sealed_bytes), UD_OK);
    assert_int_equal(ud_encrypt_end(&cipher, profile->content, &f.sealed), UD_OK);
}

static struct ud_encrypt_info parsed(void)
{
    struct ud_encrypt_info info;
    struct ud_diag diag = {0};
    const ud_err err = ud_encrypt_info_parse(&info, ud_buf_bytes(&f.info), &diag);
    if (err != UD_OK) {
        fail_msg("%s at %u", ud_err_name(err), (unsigned)diag.offset_bytes);
    }
    return info;
}

static void test_every_profile_gives_the_plaintext_back_to_its_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(profiles); i++) {
        uint8_t got[PLAIN_BYTES];
        const struct ud_encrypt_to to = to_device(profiles[i].recipient);
        const struct ud_decrypt_key key = key_of_device(profiles[i].recipient);
        const struct ud_decrypt_keys keys = {&key, 1};
        seal(&profiles[i], &to, 1);
        const struct ud_encrypt_info info = parsed();
        const ud_err err = decrypt_whole(&info, &keys, ud_buf_bytes(&f.sealed), got);
        if (err != UD_OK || memcmp(got, f.plain, sizeof got) != 0) {
            fail_msg("%s: %s", profiles[i].name, ud_err_name(err));
        }
        assert_memory_not_equal(f.sealed_bytes, f.plain, 32);
    }
}

/* Power fails, another program goes on: from any byte, as the bytes before it are there (B20). */
static void test_decryption_goes_on_from_any_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(profiles); i++) {
        const struct ud_encrypt_to to = to_device(profiles[i].recipient);
        const struct ud_decrypt_key key = key_of_device(profiles[i].recipient);
        const struct ud_decrypt_keys keys = {&key, 1};
        struct ud_decrypt decrypt;
        seal(&profiles[i], &to, 1);
        const struct ud_encrypt_info info = parsed();
        assert_int_equal(ud_decrypt_open(&decrypt, &info, &keys), UD_OK);
        for (size_t at = 0; at < 200; at++) {
            uint8_t got[100];
            assert_int_equal(ud_decrypt_seek(&decrypt, at), UD_OK);
            assert_int_equal(
                ud_decrypt_update(&decrypt, (struct ud_bytes){f.sealed_bytes + at, sizeof got}, got), UD_OK);
            assert_memory_equal(got, f.plain + at, sizeof got);
        }
        assert_int_equal(ud_decrypt_seek(&decrypt, (uint64_t)1 << 36), UD_ERR_NUMBER_RANGE);
        ud_decrypt_close(&decrypt);
    }
}

/* The counter of AES-CTR is 128 bits wide and may carry through all of them. */
static void test_a_counter_that_carries_is_still_the_same_stream(void **state)
{
    (void)state;
    uint8_t got[64];
    struct ud_decrypt decrypt;
    const struct ud_encrypt_to to = to_device(UD_ALG_A128KW);
    const struct ud_decrypt_key key = key_of_device(UD_ALG_A128KW);
    const struct ud_decrypt_keys keys = {&key, 1};
    memset(f.iv, 0xff, sizeof f.iv);
    seal(&profiles[0], &to, 1);
    const struct ud_encrypt_info info = parsed();
    assert_int_equal(ud_decrypt_open(&decrypt, &info, &keys), UD_OK);
    assert_int_equal(ud_decrypt_seek(&decrypt, 48), UD_OK);
    assert_int_equal(ud_decrypt_update(&decrypt, (struct ud_bytes){f.sealed_bytes + 48, sizeof got}, got),
                     UD_OK);
    assert_memory_equal(got, f.plain + 48, sizeof got);
    ud_decrypt_close(&decrypt);
}

static void test_each_of_several_recipients_finds_itself(void **state)
{
    (void)state;
    uint8_t got[PLAIN_BYTES];
    uint8_t stranger_kek[16] = {9};
    struct ud_encrypt_to to[] = {to_device(UD_ALG_ECDH_ES_A128KW), to_device(UD_ALG_A128KW),
                                 to_device(UD_ALG_ECDH_ES_A128KW)};
    to[0].pub = f.other_pub;
    to[0].kid = UD_BYTES_LITERAL("other");
    to[2].kid = UD_BYTES_LITERAL("again");
    seal(&profiles[2], to, COUNT(to));
    const struct ud_encrypt_info info = parsed();
    assert_int_equal(info.recipient_count, 3);
    const struct ud_decrypt_key known[] = {
        {.alg = UD_ALG_ECDH_ES_A128KW,
         .kid = UD_BYTES_LITERAL("other"),
         .agree = ud_key_pair_agree,
         .ctx = f.other},
        key_of_device(UD_ALG_A128KW),
        {.alg = UD_ALG_ECDH_ES_A128KW,
         .kid = UD_BYTES_LITERAL("again"),
         .agree = ud_key_pair_agree,
         .ctx = f.device},
        {.alg = UD_ALG_ECDH_ES_A128KW, .agree = ud_key_pair_agree, .ctx = f.device}, /* by trying */
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        const struct ud_decrypt_keys keys = {&known[i], 1};
        memset(got, 0, sizeof got);
        assert_int_equal(decrypt_whole(&info, &keys, ud_buf_bytes(&f.sealed), got), UD_OK);
        assert_memory_equal(got, f.plain, sizeof got);
    }
    const struct ud_decrypt_key strangers[] = {
        {.alg = UD_ALG_A128KW, .kid = UD_BYTES_LITERAL("stranger"), .kek = UD_BYTES_ARRAY(stranger_kek)},
        {.alg = UD_ALG_A256KW, .kid = UD_BYTES_LITERAL("device"), .kek = UD_BYTES_ARRAY(f.kek)},
    };
    const struct ud_decrypt_keys keys = {strangers, COUNT(strangers)};
    assert_int_equal(decrypt_whole(&info, &keys, ud_buf_bytes(&f.sealed), got), UD_ERR_NO_RECIPIENT);
    const struct ud_decrypt_keys none = {NULL, 0};
    assert_int_equal(decrypt_whole(&info, &none, ud_buf_bytes(&f.sealed), got), UD_ERR_NO_RECIPIENT);
}

/* ---- attacks ---- */

/* Another recipient's wrapped key, another context, another image's key or IV: refused, or other bytes than those signed. */
static void test_b21_encryption_info_that_was_exchanged_gives_no_image(void **state)
{
    (void)state;
    uint8_t got[PLAIN_BYTES];
    const struct ud_encrypt_to to = to_device(UD_ALG_ECDH_ES_A128KW);
    const struct ud_decrypt_key key = key_of_device(UD_ALG_ECDH_ES_A128KW);
    const struct ud_decrypt_keys keys = {&key, 1};
    seal(&profiles[2], &to, 1);
    struct ud_encrypt_info info = parsed();
    struct ud_recipient recipient;
    assert_int_equal(ud_encrypt_recipient(&info, 0, &recipient), UD_OK);
    const size_t kid_label = ud_bytes_offset(ud_buf_bytes(&f.info), recipient.kid) - 2;

    /* every byte of the info: its shape, its header (in the tag), its context (in the key), its wrapped key. Only a label
     * that nothing protects may change: then it is the same image still. */
    for (size_t at = 0; at < f.info.len; at++) {
        struct ud_encrypt_info changed;
        f.info_bytes[at] ^= 0x04;
        if (ud_encrypt_info_parse(&changed, ud_buf_bytes(&f.info), NULL) == UD_OK &&
            decrypt_whole(&changed, &keys, ud_buf_bytes(&f.sealed), got) == UD_OK &&
            (changed.recipient_count != 1 || memcmp(got, f.plain, sizeof got) != 0 || at != kid_label)) {
            fail_msg("byte %zu of %zu", at, f.info.len);
        }
        f.info_bytes[at] ^= 0x04;
    }

    /* the IV of another image: the tag notices */
    uint8_t other_iv[UD_AEAD_IV_BYTES] = {1};
    info.iv = UD_BYTES_ARRAY(other_iv);
    assert_int_equal(decrypt_whole(&info, &keys, ud_buf_bytes(&f.sealed), got), UD_ERR_DECRYPT);

    /* the key of another image, replayed into this one's info */
    uint8_t first_bytes[2048];
    memcpy(first_bytes, f.info_bytes, f.info.len);
    const struct ud_bytes first = {first_bytes, f.info.len};
    assert_int_equal(ud_random(f.key, sizeof f.key), UD_OK);
    seal(&profiles[2], &to, 1);
    assert_int_equal(ud_encrypt_info_parse(&info, first, NULL), UD_OK);
    assert_int_equal(decrypt_whole(&info, &keys, ud_buf_bytes(&f.sealed), got), UD_ERR_DECRYPT);
}

/* AES-CTR has no tag: what comes out was altered, and the digest over the plaintext is what notices. */
static void test_b21_an_altered_ctr_ciphertext_is_another_image(void **state)
{
    (void)state;
    uint8_t got[PLAIN_BYTES];
    uint8_t want_digest[UD_SHA256_BYTES];
    uint8_t got_digest[UD_SHA256_BYTES];
    const struct ud_encrypt_to to = to_device(UD_ALG_A128KW);
    const struct ud_decrypt_key key = key_of_device(UD_ALG_A128KW);
    const struct ud_decrypt_keys keys = {&key, 1};
    const struct ud_bytes plain = UD_BYTES_ARRAY(f.plain);
    const struct ud_bytes out = UD_BYTES_ARRAY(got);
    seal(&profiles[0], &to, 1);
    const struct ud_encrypt_info info = parsed();
    f.sealed_bytes[500] ^= 0x80;
    assert_int_equal(decrypt_whole(&info, &keys, ud_buf_bytes(&f.sealed), got), UD_OK);
    assert_int_equal(got[500], f.plain[500] ^ 0x80);
    assert_int_equal(ud_sha256(&plain, 1, want_digest), UD_OK);
    assert_int_equal(ud_sha256(&out, 1, got_digest), UD_OK);
    assert_memory_not_equal(want_digest, got_digest, sizeof got_digest);
}

static ud_err agree_anything(void *ctx, const uint8_t pub[UD_P256_PUBLIC_BYTES],
                             uint8_t shared[UD_ECDH_SHARED_BYTES])
{
    (void)pub;
    *(bool *)ctx = true;
    memset(shared, 0, UD_ECDH_SHARED_BYTES);
    return UD_OK;
}

/* A point beside the curve, chosen to give the private key away (E4), goes to no multiplication. */
static void test_e4_an_ephemeral_point_beside_the_curve_is_refused(void **state)
{
    (void)state;
    uint8_t got[PLAIN_BYTES];
    bool asked = false;
    const struct ud_encrypt_to to = to_device(UD_ALG_ECDH_ES_A128KW);
    const struct ud_decrypt_key key = key_of_device(UD_ALG_ECDH_ES_A128KW);
    const struct ud_decrypt_keys keys = {&key, 1};
    seal(&profiles[2], &to, 1);
    const struct ud_encrypt_info info = parsed();
    struct ud_recipient recipient;
    assert_int_equal(ud_encrypt_recipient(&info, 0, &recipient), UD_OK);
    const size_t y =
        (size_t)(recipient.wrapped.ptr - 2 - f.info_bytes) - 1; /* the last byte of the ephemeral key */
    f.info_bytes[y] ^= 1;
    assert_int_equal(decrypt_whole(&info, &keys, ud_buf_bytes(&f.sealed), got), UD_ERR_KEY);
    f.info_bytes[y] ^= 1;
    const struct ud_decrypt_key false_key = {
        .alg = UD_ALG_ECDH_ES_A128KW, .agree = agree_anything, .ctx = &asked};
    const struct ud_decrypt_keys false_keys = {&false_key, 1};
    assert_int_equal(decrypt_whole(&info, &false_keys, ud_buf_bytes(&f.sealed), got), UD_ERR_DECRYPT);
    assert_true(asked);
}

/* Neither plaintext nor key is in what travels, and the key is gone from memory when it was used. */
static void test_b11_what_travels_holds_neither_plaintext_nor_key_and_the_key_is_erased(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(profiles); i++) {
        struct ud_decrypt decrypt;
        static const struct ud_decrypt zeros;
        const struct ud_encrypt_to to = to_device(profiles[i].recipient);
        const struct ud_decrypt_key key = key_of_device(profiles[i].recipient);
        const struct ud_decrypt_keys keys = {&key, 1};
        seal(&profiles[i], &to, 1);
        const struct ud_encrypt_info info = parsed();
        for (size_t at = 0; at + 16 <= f.info.len; at++) {
            assert_memory_not_equal(f.info_bytes + at, f.key, 16);
        }
        for (size_t at = 0; at + 16 <= f.sealed.len; at++) {
            assert_memory_not_equal(f.sealed_bytes + at, f.plain, 16);
            assert_memory_not_equal(f.sealed_bytes + at, f.key, 16);
        }
        assert_int_equal(ud_decrypt_open(&decrypt, &info, &keys), UD_OK);
        assert_memory_equal(decrypt.key, f.key, profiles[i].key_bytes);
        assert_int_equal(ud_decrypt_seek(&decrypt, 0), UD_OK);
        ud_decrypt_close(&decrypt);
        assert_memory_equal(&decrypt, &zeros, sizeof decrypt);
    }
}

/* ---- what is refused by its shape ---- */

#define KW "83 40 a20122 04416b 5818 000102030405060708090a0b0c0d0e0f1011121314151617"
#define IV16 "0550 000102030405060708090a0b0c0d0e0f"
#define IV12 "054c 000102030405060708090a0b"
static const struct {
    const char *name;
    const char *hex;
    ud_err want;
} infos[] = {
    {"AES-CTR", "d860 84 40 a2 0139fffd " IV16 " f6 81" KW, UD_OK},
    {"AES-GCM", "d860 84 43a10101 a1 " IV12 " f6 81" KW, UD_OK},
    {"no tag", "84 40 a2 0139fffd " IV16 " f6 81" KW, UD_ERR_COSE},
    {"COSE_Encrypt0", "d0 83 43a10101 a1 " IV12 " f6", UD_ERR_COSE},
    {"ciphertext attached", "d860 84 43a10101 a1 " IV12 " 41ff 81" KW, UD_ERR_COSE},
    {"AES-CTR in the protected header", "d860 84 46a10139fffd00 a1 " IV16 " f6 81" KW, UD_ERR_TRAILING},
    {"AES-CTR protected", "d860 84 45a10139fffd a1 " IV16 " f6 81" KW, UD_ERR_COSE},
    {"AES-CTR beside a protected header", "d860 84 44a1186300 a2 0139fffd " IV16 " f6 81" KW, UD_ERR_COSE},
    {"AES-GCM unprotected", "d860 84 40 a2 0101 " IV12 " f6 81" KW, UD_ERR_COSE},
    {"an algorithm twice", "d860 84 43a10101 a2 0101 " IV12 " f6 81" KW, UD_ERR_DUPLICATE},
    {"AES-CBC", "d860 84 40 a2 0139fffa " IV16 " f6 81" KW, UD_ERR_ALGORITHM},
    {"no algorithm", "d860 84 40 a1 " IV16 " f6 81" KW, UD_ERR_COSE},
    {"IV of 16 bytes for GCM", "d860 84 43a10101 a1 " IV16 " f6 81" KW, UD_ERR_SHAPE},
    {"IV of 12 bytes for CTR", "d860 84 40 a2 0139fffd " IV12 " f6 81" KW, UD_ERR_SHAPE},
    {"no IV", "d860 84 43a10101 a0 f6 81" KW, UD_ERR_MISSING},
    {"critical header", "d860 84 46a20101028104 a1 " IV12 " f6 81" KW, UD_ERR_COSE},
    {"no recipients", "d860 84 43a10101 a1 " IV12 " f6 80", UD_ERR_MISSING},
    {"recipient without an algorithm", "d860 84 43a10101 a1 " IV12 " f6 81 83 40 a0 4100", UD_ERR_COSE},
    {"recipient of recipients", "d860 84 43a10101 a1 " IV12 " f6 81 84 40 a10122 4100 80", UD_ERR_COSE},
    {"nine recipients",
     "d860 84 43a10101 a1 " IV12 " f6 89 8340a101224100 8340a101224100 8340a101224100 8340a101224100"
     "8340a101224100 8340a101224100 8340a101224100 8340a101224100 8340a101224100",
     UD_ERR_LIMIT},
    {"behind the end", "d860 84 43a10101 a1 " IV12 " f6 81" KW "00", UD_ERR_TRAILING},
    {"cut", "d860 84 43a10101 a1 " IV12 " f6 81 83 40 a10122 4100 ", UD_OK},
};

static void test_encryption_info_that_may_not_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(infos); i++) {
        uint8_t bytes[300];
        struct ud_encrypt_info info;
        const struct ud_bytes in = hex_decode(infos[i].hex, bytes, sizeof bytes);
        const ud_err err = ud_encrypt_info_parse(&info, in, NULL);
        if (err != infos[i].want) {
            fail_msg("%s: %s", infos[i].name, ud_err_name(err));
        }
        for (size_t len = 0; err == UD_OK && len < in.len; len++) {
            assert_int_not_equal(ud_encrypt_info_parse(&info, (struct ud_bytes){in.ptr, len}, NULL), UD_OK);
        }
    }
}

/* However deep the header of the first recipient is: what is read can be asked for, with the second one as well. */
static void test_a_recipient_behind_a_deep_header_is_there(void **state)
{
    (void)state;
    static const uint8_t head[] = {0xd8, 0x60, 0x84, 0x43, 0xa1, 0x01, 0x01, /* COSE_Encrypt, A128GCM */
                                   0xa1, 0x05, 0x4c, 1,    2,    3,    4,    5,
                                   6,    7,    8,    9,    10,   11,   12,          /* IV */
                                   0xf6, 0x82, 0x83, 0x40, 0xa2, 0x01, 0x22, 0x20}; /* two of A128KW */
    static const uint8_t tail[] = {0x00, 0x41, 0x01, 0x83, 0x40, 0xa1, 0x01, 0x22, 0x41, 0x02};
    size_t deepest = 0;
    for (size_t tags = 0; tags < UD_CBOR_DEPTH_MAX + 4; tags++) {
        uint8_t bytes[sizeof head + UD_CBOR_DEPTH_MAX + 4 + sizeof tail];
        struct ud_encrypt_info info;
        struct ud_recipient recipient;
        memcpy(bytes, head, sizeof head);
        memset(bytes + sizeof head, 0xc4, tags);
        memcpy(bytes + sizeof head + tags, tail, sizeof tail);
        const struct ud_bytes in = {bytes, sizeof head + tags + sizeof tail};
        if (ud_encrypt_info_parse(&info, in, NULL) == UD_OK) {
            deepest = tags;
            assert_int_equal(info.recipient_count, 2);
            for (uint8_t i = 0; i < 2; i++) {
                assert_int_equal(ud_encrypt_recipient(&info, i, &recipient), UD_OK);
                assert_int_equal(recipient.wrapped.ptr[0], i + 1);
            }
        }
    }
    assert_true(deepest >= UD_CBOR_DEPTH_MAX - 1);
}

static void test_what_no_device_could_read_is_not_written(void **state)
{
    (void)state;
    uint8_t room[512];
    struct ud_buf out = {room, sizeof room, 0};
    const struct ud_encrypt_to to = to_device(UD_ALG_A128KW);
    struct ud_encrypt_to bad = to;
    const struct ud_bytes key = {f.key, 16};
    const struct ud_bytes iv = {f.iv, 16};
    assert_int_equal(ud_encrypt_info_write(&out, (ud_content_alg)2, key, iv, &to, 1), UD_ERR_ALGORITHM);
    assert_int_equal(ud_encrypt_info_write(&out, UD_ALG_A256CTR, key, iv, &to, 1), UD_ERR_KEY);
    assert_int_equal(ud_encrypt_info_write(&out, UD_ALG_A128GCM, key, iv, &to, 1), UD_ERR_SHAPE);
    assert_int_equal(ud_encrypt_info_write(&out, UD_ALG_A128CTR, key, iv, &to, 0), UD_ERR_LIMIT);
    bad.kek.len = 15;
    assert_int_equal(ud_encrypt_info_write(&out, UD_ALG_A128CTR, key, iv, &bad, 1), UD_ERR_KEY);
    bad.alg = (ud_recipient_alg)-6;
    assert_int_equal(ud_encrypt_info_write(&out, UD_ALG_A128CTR, key, iv, &bad, 1), UD_ERR_ALGORITHM);
    assert_int_equal(out.len, 0);
    for (out.cap = 0; out.cap < 60; out.cap++) {
        assert_int_equal(ud_encrypt_info_write(&out, UD_ALG_A128CTR, key, iv, &to, 1), UD_ERR_BUFFER);
        assert_int_equal(out.len, 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_published_ciphertext_decrypts_to_the_published_plaintext),
        cmocka_unit_test_setup_teardown(test_every_profile_gives_the_plaintext_back_to_its_device, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_decryption_goes_on_from_any_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_counter_that_carries_is_still_the_same_stream, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_each_of_several_recipients_finds_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_b21_encryption_info_that_was_exchanged_gives_no_image, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_b21_an_altered_ctr_ciphertext_is_another_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_e4_an_ephemeral_point_beside_the_curve_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_b11_what_travels_holds_neither_plaintext_nor_key_and_the_key_is_erased, set_up, tear_down),
        cmocka_unit_test(test_encryption_info_that_may_not_be),
        cmocka_unit_test(test_a_recipient_behind_a_deep_header_is_there),
        cmocka_unit_test_setup_teardown(test_what_no_device_could_read_is_not_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
