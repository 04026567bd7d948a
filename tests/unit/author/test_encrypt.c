/* What `updraft encrypt` writes, a device decrypts: every algorithm for every kind of recipient. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "author/cli.h"
#include "author/offline.h"
#include "ports/openssl/agree.h"
#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"
#include "updraft/cbor.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum {
    IMAGE_BYTES = 3 * 65536 + 1003,
    PIECE_BYTES = 1024,
    RESUMED_AT = 100001,
    WORDS_MAX = 9 + 2 * (UD_ENCRYPT_TO_MAX + 1) + 1
};

static const char *const files[] = {"app.bin", "app.enc", "app.info", "pair.pub", "short.cose", "long.cose"};

static struct fixture {
    char folder[64];
    struct ud_key_pair *pair;
    uint8_t secret[32];
    uint8_t image[IMAGE_BYTES];
    uint8_t ciphertext[IMAGE_BYTES + UD_AEAD_TAG_BYTES + 1];
    uint8_t plain[IMAGE_BYTES];
    uint8_t info_bytes[8192];
    struct ud_buf info;
    struct ud_encrypt_info parsed;
} f;

static void put(const char *name, struct ud_bytes content)
{
    assert_int_equal(ud_small_file_write(name, 0600, true, content), UD_OK);
}

/* {1: 4, 2: kid, -1: k} */
static void put_secret(const char *name, size_t secret_bytes)
{
    uint8_t bytes[128];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &out);
    ud_cbor_put_map(&w, 3);
    ud_cbor_put_int(&w, 1);
    ud_cbor_put_int(&w, 4);
    ud_cbor_put_int(&w, 2);
    ud_cbor_put_bstr(&w, UD_BYTES_LITERAL("group"));
    ud_cbor_put_int(&w, -1);
    ud_cbor_put_bstr(&w, (struct ud_bytes){f.secret, secret_bytes});
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    put(name, ud_buf_bytes(&out));
}

static int set_up(void **state)
{
    (void)state;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    (void)snprintf(f.folder, sizeof f.folder, "/tmp/updraft-encrypt-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    assert_int_equal(chdir(f.folder), 0);
    assert_int_equal(ud_key_pair_generate(&f.pair), UD_OK);
    ud_key_pair_public(f.pair, pub);
    assert_int_equal(ud_public_key_save(pub, "pair.pub", false), UD_OK);
    assert_int_equal(ud_random(f.secret, sizeof f.secret), UD_OK);
    put_secret("short.cose", 16);
    put_secret("long.cose", 32);
    assert_int_equal(ud_random(f.image, sizeof f.image), UD_OK);
    put("app.bin", UD_BYTES_ARRAY(f.image));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        (void)unlink(files[i]);
    }
    ud_key_pair_close(f.pair);
    return chdir("/") == 0 ? rmdir(f.folder) : -1;
}

static int encrypt(char *alg, char *const *recipients, size_t count)
{
    char *argv[WORDS_MAX] = {"encrypt",  "app.bin", "--output", "app.enc", "--info",
                             "app.info", "--json",  "--alg",    alg};
    int argc = 9;
    for (size_t i = 0; i < count; i++) {
        argv[argc++] = "--recipient";
        argv[argc++] = recipients[i];
    }
    optind = 0; /* from the start */
    return offline_encrypt(argc, argv);
}

static struct ud_bytes load(void)
{
    struct ud_buf ciphertext = {f.ciphertext, sizeof f.ciphertext, 0};
    struct ud_diag diag = {0};
    f.info = (struct ud_buf){f.info_bytes, sizeof f.info_bytes, 0};
    assert_int_equal(ud_small_file_read("app.enc", false, &ciphertext), UD_OK);
    assert_int_equal(ud_small_file_read("app.info", false, &f.info), UD_OK);
    assert_int_equal(ud_encrypt_info_parse(&f.parsed, ud_buf_bytes(&f.info), &diag), UD_OK);
    assert_int_equal(ciphertext.len, IMAGE_BYTES + f.parsed.tag_bytes);
    return ud_buf_bytes(&ciphertext);
}

/* From `from` until `to`, in pieces, by a program that knows nothing of the one before. */
static void decrypt_part(const struct ud_decrypt_key *key, size_t from, size_t to)
{
    const struct ud_decrypt_keys keys = {key, 1};
    struct ud_decrypt decrypt;
    assert_int_equal(ud_decrypt_open(&decrypt, &f.parsed, &keys), UD_OK);
    assert_int_equal(ud_decrypt_seek(&decrypt, from), UD_OK);
    for (size_t at = from; at < to; at += PIECE_BYTES) {
        const size_t piece = to - at < PIECE_BYTES ? to - at : PIECE_BYTES;
        assert_int_equal(ud_decrypt_update(&decrypt, (struct ud_bytes){f.ciphertext + at, piece}, f.plain + at),
                         UD_OK);
    }
    ud_decrypt_close(&decrypt);
}

static ud_err check_tag(const struct ud_decrypt_key *key, struct ud_bytes tag)
{
    const struct ud_decrypt_keys keys = {key, 1};
    struct ud_decrypt decrypt;
    uint8_t scratch[PIECE_BYTES];
    assert_int_equal(ud_decrypt_open(&decrypt, &f.parsed, &keys), UD_OK);
    assert_int_equal(ud_decrypt_check_begin(&decrypt), UD_OK);
    for (size_t at = 0; at < IMAGE_BYTES; at += PIECE_BYTES) {
        const size_t piece = IMAGE_BYTES - at < PIECE_BYTES ? IMAGE_BYTES - at : PIECE_BYTES;
        assert_int_equal(ud_decrypt_check_update(&decrypt, (struct ud_bytes){f.plain + at, piece}, scratch),
                         UD_OK);
    }
    const ud_err err = ud_decrypt_check_end(&decrypt, tag);
    ud_decrypt_close(&decrypt);
    return err;
}

static void expect_image(const struct ud_decrypt_key *key, struct ud_bytes ciphertext)
{
    memset(f.plain, 0, sizeof f.plain);
    decrypt_part(key, 0, RESUMED_AT);
    decrypt_part(key, RESUMED_AT, IMAGE_BYTES);
    assert_memory_equal(f.plain, f.image, sizeof f.image);
    if (f.parsed.tag_bytes > 0) {
        uint8_t tag[UD_AEAD_TAG_BYTES];
        memcpy(tag, ciphertext.ptr + IMAGE_BYTES, sizeof tag);
        assert_int_equal(check_tag(key, UD_BYTES_ARRAY(tag)), UD_OK);
        tag[0] ^= 1;
        assert_int_equal(check_tag(key, UD_BYTES_ARRAY(tag)), UD_ERR_DECRYPT);
    }
}

static const struct {
    char *name;
    ud_content_alg alg;
} contents[] = {{"A128GCM", UD_ALG_A128GCM},
                {"A256GCM", UD_ALG_A256GCM},
                {"ChaCha20-Poly1305", UD_ALG_CHACHA20_POLY1305},
                {"A128CTR", UD_ALG_A128CTR},
                {"A256CTR", UD_ALG_A256CTR}};

static char *const recipient_files[] = {"pair.pub", "short.cose", "long.cose"};

/* The device's side of recipient_files[i]. */
static struct ud_decrypt_key key_of(size_t i)
{
    if (i == 0) {
        return (struct ud_decrypt_key){.alg = UD_ALG_ECDH_ES_A128KW, .agree = ud_key_pair_agree, .ctx = f.pair};
    }
    return (struct ud_decrypt_key){.alg = i == 1 ? UD_ALG_A128KW : UD_ALG_A256KW,
                                   .kid = UD_BYTES_LITERAL("group"),
                                   .kek = {f.secret, i == 1 ? 16 : 32}};
}

static void test_a_device_of_each_kind_streams_and_resumes_each_algorithm(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(contents); c++) {
        for (size_t r = 0; r < COUNT(recipient_files); r++) {
            const struct ud_decrypt_key key = key_of(r);
            const struct ud_decrypt_key other = key_of((r + 1) % COUNT(recipient_files));
            const struct ud_decrypt_keys others = {&other, 1};
            struct ud_recipient recipient;
            struct ud_decrypt decrypt;
            print_message("%s for %s\n", contents[c].name, recipient_files[r]);
            assert_int_equal(encrypt(contents[c].name, &recipient_files[r], 1), CLI_OK);
            const struct ud_bytes ciphertext = load();
            assert_int_equal(f.parsed.algorithm->alg, contents[c].alg);
            assert_int_equal(f.parsed.recipient_count, 1);
            assert_int_equal(ud_encrypt_recipient(&f.parsed, 0, &recipient), UD_OK);
            assert_int_equal(recipient.alg, key.alg);
            expect_image(&key, ciphertext);
            assert_int_equal(ud_decrypt_open(&decrypt, &f.parsed, &others), UD_ERR_NO_RECIPIENT);
        }
    }
}

static void test_all_kinds_of_recipient_share_one_ciphertext(void **state)
{
    (void)state;
    assert_int_equal(encrypt("A256GCM", recipient_files, COUNT(recipient_files)), CLI_OK);
    const struct ud_bytes ciphertext = load();
    assert_int_equal(f.parsed.recipient_count, COUNT(recipient_files));
    for (size_t r = 0; r < COUNT(recipient_files); r++) {
        const struct ud_decrypt_key key = key_of(r);
        expect_image(&key, ciphertext);
    }
}

static void test_sixteen_recipients_are_written_and_a_device_of_ours_reads_eight(void **state)
{
    (void)state;
    char *many[UD_ENCRYPT_TO_MAX + 1];
    const struct ud_decrypt_key key = key_of(0);
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = "pair.pub";
    }
    assert_int_equal(encrypt("A128GCM", many, UD_ENCRYPT_TO_MAX + 1), CLI_REFUSED);
    assert_int_equal(access("app.enc", F_OK), -1);
    assert_int_equal(encrypt("A128GCM", many, UD_ENCRYPT_TO_MAX), CLI_OK);
    f.info = (struct ud_buf){f.info_bytes, sizeof f.info_bytes, 0};
    assert_int_equal(ud_small_file_read("app.info", false, &f.info), UD_OK);
    assert_int_equal(ud_encrypt_info_parse(&f.parsed, ud_buf_bytes(&f.info), NULL), UD_ERR_LIMIT);
    assert_int_equal(encrypt("A128GCM", many, UD_ENCRYPT_RECIPIENTS_MAX), CLI_OK);
    const struct ud_bytes ciphertext = load();
    assert_int_equal(f.parsed.recipient_count, UD_ENCRYPT_RECIPIENTS_MAX);
    expect_image(&key, ciphertext);
}

static void test_a_recipients_algorithm_is_none_for_content(void **state)
{
    (void)state;
    static char *const names[] = {"A128KW", "ECDH-ES+A128KW", "a128gcm", ""};
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(encrypt(names[i], recipient_files, 1), CLI_USAGE);
        assert_int_equal(access("app.enc", F_OK), -1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_device_of_each_kind_streams_and_resumes_each_algorithm, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_all_kinds_of_recipient_share_one_ciphertext, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sixteen_recipients_are_written_and_a_device_of_ours_reads_eight,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_recipients_algorithm_is_none_for_content, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
