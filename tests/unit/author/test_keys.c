#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "keys.h"
#include "ports/openssl/files.h"

/* A folder of its own for each test. */
struct folder {
    char path[64];
    char key[96];
    char pub[96];
};

static int set_up(void **state)
{
    static struct folder folder;
    (void)snprintf(folder.path, sizeof folder.path, "/tmp/updraft-keys-XXXXXX");
    assert_non_null(mkdtemp(folder.path));
    (void)snprintf(folder.key, sizeof folder.key, "%s/a.key", folder.path);
    (void)snprintf(folder.pub, sizeof folder.pub, "%s/a.pub", folder.path);
    *state = &folder;
    return 0;
}

static int tear_down(void **state)
{
    const struct folder *folder = *state;
    (void)unlink(folder->key);
    (void)unlink(folder->pub);
    return rmdir(folder->path);
}

static void put(const char *path, const char *text, mode_t mode)
{
    (void)unlink(path);
    assert_int_equal(
        ud_small_file_write(path, mode, false, (struct ud_bytes){(const uint8_t *)text, strlen(text)}), UD_OK);
}

static void test_a_pair_survives_the_way_through_its_files(void **state)
{
    const struct folder *f = *state;
    struct test_key key;
    struct ud_key_pair *loaded = NULL;
    struct ud_signer signer;
    struct stat info;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t signature[UD_SIGNATURE_BYTES_MAX];
    size_t signature_bytes = 0;
    const struct ud_bytes message[] = {UD_BYTES_LITERAL("in "), UD_BYTES_LITERAL("parts")};
    const struct ud_bytes whole = UD_BYTES_LITERAL("in parts");
    test_key_make(&key);
    assert_int_equal(ud_key_pair_save(key.pair, f->key, false), UD_OK);
    assert_int_equal(ud_public_key_save(key.signer.pub, f->pub, false), UD_OK);
    assert_int_equal(stat(f->key, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);

    assert_int_equal(ud_key_pair_load(&loaded, f->key), UD_OK);
    assert_int_equal(ud_key_pair_signer(loaded, UD_ALG_ES256, &signer), UD_OK);
    assert_memory_equal(signer.pub, key.signer.pub, sizeof signer.pub);
    assert_memory_equal(signer.kid, key.signer.kid, sizeof signer.kid);
    assert_int_equal(ud_public_key_load(f->pub, pub), UD_OK);
    assert_memory_equal(pub, signer.pub, sizeof pub);

    assert_int_equal(signer.sign(signer.ctx, signer.alg, message, 2, signature, &signature_bytes), UD_OK);
    const struct ud_key verifier = {.pub = UD_BYTES_ARRAY(pub)};
    assert_int_equal(
        ud_crypto_verify(UD_ALG_ES256, &verifier, &whole, 1, (struct ud_bytes){signature, signature_bytes}),
        UD_OK);
    ud_key_pair_close(loaded);
    test_key_drop(&key);
}

static void test_a_key_file_is_never_overwritten_unasked(void **state)
{
    const struct folder *f = *state;
    struct test_key first;
    struct test_key second;
    struct ud_key_pair *loaded = NULL;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    test_key_make(&first);
    test_key_make(&second);
    assert_int_equal(ud_key_pair_save(first.pair, f->key, false), UD_OK);
    assert_int_equal(ud_key_pair_save(second.pair, f->key, false), UD_ERR_CONFLICT);
    assert_int_equal(ud_key_pair_load(&loaded, f->key), UD_OK);
    ud_key_pair_public(loaded, pub);
    assert_memory_equal(pub, first.signer.pub, sizeof pub);
    ud_key_pair_close(loaded);
    assert_int_equal(ud_key_pair_save(second.pair, f->key, true), UD_OK);
    assert_int_equal(ud_key_pair_load(&loaded, f->key), UD_OK);
    ud_key_pair_public(loaded, pub);
    assert_memory_equal(pub, second.signer.pub, sizeof pub);
    ud_key_pair_close(loaded);
    test_key_drop(&first);
    test_key_drop(&second);
}

static void test_a_key_that_others_can_read_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0660, 0777};
    const struct folder *f = *state;
    struct test_key key;
    struct ud_key_pair *loaded = NULL;
    test_key_make(&key);
    assert_int_equal(ud_key_pair_save(key.pair, f->key, false), UD_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(f->key, modes[i]), 0);
        assert_int_equal(ud_key_pair_load(&loaded, f->key), UD_ERR_EXPOSED);
    }
    assert_null(loaded);
    assert_int_equal(chmod(f->key, 0400), 0);
    assert_int_equal(ud_key_pair_load(&loaded, f->key), UD_OK);
    ud_key_pair_close(loaded);
    test_key_drop(&key);
}

/* RFC 8410 section 10.3 (Ed25519), and text that is no key. */
static const struct {
    const char *name;
    const char *text;
} not_keys[] = {
    {"nothing", ""},
    {"text", "hello\n"},
    {"an empty frame", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"},
    {"Ed25519", "-----BEGIN PRIVATE KEY-----\n"
                "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                "-----END PRIVATE KEY-----\n"},
};

static void test_what_is_no_p256_key_is_refused(void **state)
{
    const struct folder *f = *state;
    struct ud_key_pair *loaded = NULL;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    for (size_t i = 0; i < sizeof not_keys / sizeof not_keys[0]; i++) {
        print_message("  %s\n", not_keys[i].name);
        put(f->key, not_keys[i].text, 0600);
        assert_int_equal(ud_key_pair_load(&loaded, f->key), UD_ERR_KEY);
        assert_int_equal(ud_public_key_load(f->key, pub), UD_ERR_KEY);
    }
    assert_int_equal(ud_key_pair_load(&loaded, f->pub), UD_ERR_NOT_FOUND);
    assert_int_equal(ud_key_pair_load(&loaded, f->path), UD_ERR_IO);
    assert_null(loaded);
}

static void test_public_and_private_files_are_not_mixed_up(void **state)
{
    const struct folder *f = *state;
    struct test_key key;
    struct ud_key_pair *loaded = NULL;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    test_key_make(&key);
    assert_int_equal(ud_key_pair_save(key.pair, f->key, false), UD_OK);
    assert_int_equal(ud_public_key_load(f->key, pub), UD_ERR_KEY);
    assert_int_equal(ud_public_key_save(key.signer.pub, f->pub, false), UD_OK);
    assert_int_equal(chmod(f->pub, 0600), 0);
    assert_int_equal(ud_key_pair_load(&loaded, f->pub), UD_ERR_KEY);
    memset(pub, 1, sizeof pub);
    assert_int_equal(ud_public_key_save(pub, f->pub, true), UD_ERR_KEY);
    test_key_drop(&key);
}

static void test_a_file_over_the_limit_is_not_read(void **state)
{
    const struct folder *f = *state;
    static char text[UD_PEM_BYTES_MAX + 2];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    memset(text, ' ', sizeof text - 1);
    put(f->pub, text, 0600);
    assert_int_equal(ud_public_key_load(f->pub, pub), UD_ERR_LIMIT);
}

static void test_random_bytes_are_other_ones_each_time(void **state)
{
    (void)state;
    uint8_t draws[3][32] = {{0}};
    assert_int_equal(ud_random(draws[1], sizeof draws[1]), UD_OK);
    assert_int_equal(ud_random(draws[2], sizeof draws[2]), UD_OK);
    assert_memory_not_equal(draws[1], draws[0], sizeof draws[0]);
    assert_memory_not_equal(draws[2], draws[0], sizeof draws[0]);
    assert_memory_not_equal(draws[1], draws[2], sizeof draws[0]);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_pair_survives_the_way_through_its_files),
        IN_FOLDER(test_a_key_file_is_never_overwritten_unasked),
        IN_FOLDER(test_a_key_that_others_can_read_is_refused),
        IN_FOLDER(test_what_is_no_p256_key_is_refused),
        IN_FOLDER(test_public_and_private_files_are_not_mixed_up),
        IN_FOLDER(test_a_file_over_the_limit_is_not_read),
        cmocka_unit_test(test_random_bytes_are_other_ones_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
