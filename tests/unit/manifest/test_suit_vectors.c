/* The published examples of the manifest draft: they decode, their digests and signatures verify, and they run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_keys.h"
#include "helper_ops.h"
#include "hex.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"
#include "updraft/suit.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct ud_bytes vector(const char *file, uint8_t *out, size_t cap)
{
    char path[128];
    (void)snprintf(path, sizeof path, "data/suit/manifest/%s", file);
    return hex_shared(path, out, cap);
}

static struct ud_trust example_trust(void)
{
    struct ud_trust trust = {.threshold = 1};
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    helper_example_public(pub);
    assert_int_equal(ud_trust_add(&trust, pub, 1), UD_OK);
    return trust;
}

static struct ud_bytes example(unsigned number, const char *what, uint8_t *out, size_t cap)
{
    char file[64];
    (void)snprintf(file, sizeof file, "example%u.%s", number, what);
    return vector(file, out, cap);
}

static void test_signed_examples_authenticate_and_name_their_digest(void **state)
{
    (void)state;
    const struct ud_trust trust = example_trust();
    for (unsigned i = 0; i < 6; i++) {
        uint8_t bytes[1024];
        uint8_t digest[UD_SHA256_BYTES];
        struct ud_suit_envelope env;
        struct ud_suit_manifest man;
        struct ud_diag diag = {0};
        assert_int_equal(ud_suit_envelope_parse(&env, example(i, "hex", bytes, sizeof bytes), &diag), UD_OK);
        assert_true(ud_bytes_equal(env.digest, example(i, "digest", digest, sizeof digest)));
        assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, &diag), UD_OK);
        assert_int_equal(env.signers, 1);
        assert_int_equal(ud_suit_manifest_parse(&man, &env, &diag), UD_OK);
        assert_int_equal(man.sequence, i);
        assert_int_equal(man.component_count, i == 4 ? 3 : i == 5 ? 2 : 1);
    }
}

static void test_what_is_signed_is_the_published_sig_structure(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        uint8_t bytes[1024];
        uint8_t sig_bytes[128];
        struct ud_suit_envelope env;
        struct ud_cose_sign1 sign1;
        struct ud_bytes block;
        struct ud_cbor r;
        assert_int_equal(ud_suit_envelope_parse(&env, example(i, "hex", bytes, sizeof bytes), NULL), UD_OK);
        assert_int_equal(ud_suit_envelope_block(&env, 0, &block), UD_OK);
        assert_int_equal(ud_cose_sign1_parse(&sign1, block, NULL), UD_OK);
        ud_cbor_init(&r, example(i, "sigstructure.hex", sig_bytes, sizeof sig_bytes));
        assert_int_equal(ud_cbor_array(&r), 4);
        (void)ud_cbor_tstr(&r);
        assert_true(ud_bytes_equal(ud_cbor_bstr(&r), sign1.protected_bytes));
        assert_int_equal(ud_cbor_bstr(&r).len, 0);
        assert_true(ud_bytes_equal(ud_cbor_bstr(&r), env.digest_item));
        assert_int_equal(ud_cbor_finish(&r), UD_OK);
    }
}

static void test_unsigned_examples_are_refused_but_can_be_inspected(void **state)
{
    (void)state;
    static const char *const files[] = {"example0.unsigned.hex", "example1.unsigned.hex",
                                        "example3.unsigned.hex", "example4.unsigned.hex",
                                        "example5.unsigned.hex", "example2.severed.unsigned.hex"};
    const struct ud_trust trust = example_trust();
    for (size_t i = 0; i < COUNT(files); i++) {
        uint8_t bytes[1024];
        struct ud_suit_envelope env;
        struct ud_suit_manifest man;
        struct ud_suit_run run;
        assert_int_equal(ud_suit_envelope_parse(&env, vector(files[i], bytes, sizeof bytes), NULL), UD_OK);
        assert_int_equal(env.block_count, 0);
        assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_ERR_UNSIGNED);
        assert_int_equal(ud_suit_manifest_parse(&man, &env, NULL), UD_ERR_STATE);
        assert_int_equal(ud_suit_manifest_inspect(&man, &env, NULL), UD_OK);
        assert_int_equal(ud_suit_run_init(&run, &man, UD_SUIT_CHECK, &helper_ops, NULL, NULL), UD_ERR_STATE);
        assert_int_equal(ud_suit_run_step(&run, NULL), UD_ERR_STATE);
    }
}

static void test_a_severed_envelope_boots_but_does_not_install(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_run run;
    struct helper_device device = {0};
    const struct ud_trust trust = example_trust();
    assert_int_equal(ud_suit_envelope_parse(&env, vector("example2.severed.hex", bytes, sizeof bytes), NULL),
                     UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_parse(&man, &env, NULL), UD_OK);
    assert_true(man.severed[UD_SUIT_MEMBER_INSTALL]);
    assert_true(man.severed[UD_SUIT_MEMBER_TEXT]);
    assert_false(man.severed[UD_SUIT_MEMBER_FETCH]);
    assert_int_equal(ud_suit_run_init(&run, &man, UD_SUIT_UPDATE, &helper_ops, &device, NULL), UD_ERR_SEVERED);
    assert_int_equal(helper_run(&run, &man, UD_SUIT_INVOCATION, &device), UD_OK);
}

/* What each procedure asks of the device, in order; digests by their first byte, sizes in bytes. */
static const struct {
    unsigned number;
    ud_suit_procedure procedure;
    uint32_t slot;
    const char *trace;
} runs[] = {
    {0, UD_SUIT_CHECK, 0, "vendor 0 fa; class 0 14; "},
    {0, UD_SUIT_UPDATE, 0, "vendor 0 fa; class 0 14; match 0 00/34768; "},
    {0, UD_SUIT_INVOCATION, 0,
     "vendor 0 fa; class 0 14; match 0 00/34768; vendor 0 fa; class 0 14; invoke 0; "},
    {1, UD_SUIT_UPDATE, 0,
     "vendor 0 fa; class 0 14; fetch 0 http://example.com/file.bin; match 0 00/34768; "
     "vendor 0 fa; class 0 14; match 0 00/34768; "},
    {1, UD_SUIT_INVOCATION, 0, "vendor 0 fa; class 0 14; match 0 00/34768; "},
    {2, UD_SUIT_UPDATE, 0,
     "vendor 0 fa; class 0 14; fetch 0 http://example.com/very/long/path/to/file/file.bin; match 0 00/34768; "
     "vendor 0 fa; class 0 14; match 0 00/34768; "},
    {2, UD_SUIT_INVOCATION, 0,
     "vendor 0 fa; class 0 14; match 0 00/34768; vendor 0 fa; class 0 14; invoke 0; "},
    {3, UD_SUIT_UPDATE, 0,
     "slot 0 0; vendor 0 fa; class 0 14; slot 0 0; fetch 0 http://example.com/file1.bin; match 0 00/34768; "
     "slot 0 0; vendor 0 fa; class 0 14; match 0 00/34768; "},
    {3, UD_SUIT_UPDATE, 1,
     "slot 0 0; slot 0 1; vendor 0 fa; class 0 14; slot 0 0; slot 0 1; fetch 0 http://example.com/file2.bin; "
     "match 0 01/76834; slot 0 0; slot 0 1; vendor 0 fa; class 0 14; match 0 01/76834; "},
    {3, UD_SUIT_INVOCATION, 1, "slot 0 0; slot 0 1; vendor 0 fa; class 0 14; match 0 01/76834; "},
    {4, UD_SUIT_UPDATE, 0,
     "vendor 0 fa; class 0 14; fetch 1 http://example.com/file.bin; match 1 00/-; "
     "vendor 0 fa; class 0 14; copy 0 1; match 0 00/34768; vendor 0 fa; class 0 14; match 0 00/34768; "},
    {4, UD_SUIT_INVOCATION, 0,
     "vendor 0 fa; class 0 14; match 0 00/34768; vendor 0 fa; class 0 14; copy 2 0; match 2 01/76834; "
     "vendor 0 fa; class 0 14; invoke 2; "},
    {5, UD_SUIT_UPDATE, 0,
     "vendor 0 fa; class 0 14; fetch 0 http://example.com/file1.bin; match 0 00/34768; "
     "fetch 1 http://example.com/file2.bin; match 1 01/76834; "
     "vendor 0 fa; class 0 14; match 0 00/34768; match 1 01/76834; "},
    {5, UD_SUIT_INVOCATION, 0,
     "vendor 0 fa; class 0 14; match 0 00/34768; match 1 01/76834; vendor 0 fa; class 0 14; invoke 0; "},
};

static void run_example(size_t row, uint8_t waits)
{
    uint8_t bytes[1024];
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_run run;
    const struct ud_trust trust = example_trust();
    struct helper_device device = {.slot = runs[row].slot, .waits = waits};
    assert_int_equal(ud_suit_envelope_parse(&env, example(runs[row].number, "hex", bytes, sizeof bytes), NULL),
                     UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &trust, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_parse(&man, &env, NULL), UD_OK);
    const ud_err err = helper_run(&run, &man, runs[row].procedure, &device);
    if (err != UD_OK || strcmp(device.trace, runs[row].trace) != 0) {
        fail_msg("example %u: %s\n%s\nwanted\n%s", runs[row].number, ud_err_name(err), device.trace,
                 runs[row].trace);
    }
}

static void test_examples_ask_of_the_device_what_the_draft_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        run_example(i, 0);
    }
}

static void test_waiting_changes_nothing_of_what_is_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        run_example(i, 2);
    }
}

/*
 * Examples of the drafts that extend the manifest. Each decodes, names its digest, and is authentic by the key that signed it: one
 * signed by another key is refused before its manifest is read. What a device cannot do is refused when it would run.
 */
static const struct {
    const char *name;
    const char *key;
    ud_err authentic;
    ud_err parsed;
} extensions[] = {
    {"trust-domains/dependency", "example", UD_OK, UD_OK},
    {"trust-domains/dependency", "distributor", UD_ERR_UNTRUSTED, UD_ERR_STATE},
    {"trust-domains/process-dependency", "example", UD_OK, UD_OK},
    {"trust-domains/integrated-dependency", "example", UD_OK, UD_OK},
    {"encryption/esdh-gcm-write", "example", UD_OK, UD_OK},
    {"encryption/esdh-gcm-dependency", "distributor", UD_OK, UD_OK},
    {"encryption/esdh-gcm-dependency", "example", UD_ERR_UNTRUSTED, UD_ERR_STATE},
    {"encryption/aeskw-gcm-write", "example", UD_ERR_UNTRUSTED, UD_ERR_STATE},
    {"encryption/aeskw-gcm-write", "hmac256", UD_OK, UD_OK},
    {"encryption/aeskw-gcm-fetch-copy", "hmac256", UD_OK, UD_OK},
    {"encryption/aeskw-gcm-fetch-copy-slots", "hmac256", UD_OK, UD_OK},
};

static void trust_published(struct ud_trust *trust, const char *name)
{
    uint8_t bytes[UD_KEY_BYTES_MAX];
    if (strcmp(name, "hmac256") == 0) {
        const struct ud_key key = {.pub = hex_shared("data/suit/keys/hmac256.hex", bytes, sizeof bytes),
                                   .type = UD_KEY_HMAC256};
        assert_int_equal(ud_trust_add_key(trust, &key, 1), UD_OK);
        return;
    }
    helper_published_key(name, bytes);
    assert_int_equal(ud_trust_add(trust, bytes, 1), UD_OK);
}

static void test_examples_of_extensions_decode_and_are_refused_by_what_we_do_not_have(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(extensions); i++) {
        uint8_t bytes[1024];
        uint8_t digest[UD_SHA256_BYTES];
        char path[128];
        struct ud_suit_envelope env;
        struct ud_suit_manifest man;
        struct ud_trust trust = {.threshold = 1};
        trust_published(&trust, extensions[i].key);
        (void)snprintf(path, sizeof path, "data/suit/%s.hex", extensions[i].name);
        assert_int_equal(ud_suit_envelope_parse(&env, hex_shared(path, bytes, sizeof bytes), NULL), UD_OK);
        (void)snprintf(path, sizeof path, "data/suit/%s.digest", extensions[i].name);
        assert_true(ud_bytes_equal(env.digest, hex_shared(path, digest, sizeof digest)));
        assert_int_equal(ud_suit_envelope_check_digest(&env, NULL), UD_OK);
        const ud_err authentic = ud_suit_envelope_authenticate(&env, &trust, NULL);
        const ud_err parsed = ud_suit_manifest_parse(&man, &env, NULL);
        if (authentic != extensions[i].authentic || parsed != extensions[i].parsed) {
            fail_msg("%s with %s: %s, %s", extensions[i].name, extensions[i].key, ud_err_name(authentic),
                     ud_err_name(parsed));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_examples_authenticate_and_name_their_digest),
        cmocka_unit_test(test_what_is_signed_is_the_published_sig_structure),
        cmocka_unit_test(test_unsigned_examples_are_refused_but_can_be_inspected),
        cmocka_unit_test(test_a_severed_envelope_boots_but_does_not_install),
        cmocka_unit_test(test_examples_ask_of_the_device_what_the_draft_says),
        cmocka_unit_test(test_waiting_changes_nothing_of_what_is_asked),
        cmocka_unit_test(test_examples_of_extensions_decode_and_are_refused_by_what_we_do_not_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
