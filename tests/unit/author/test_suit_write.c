/* Envelopes that we write: against vectors made by another encoder, and through the device's own parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "author/suit_write.h"
#include "helper_desc.h"
#include "hex.h"
#include "keys.h"

#define ENVELOPE_BYTES 8192

static const struct ud_bytes image = {(const uint8_t *)"abc", 3};
static const struct helper_file files[] = {{"abc.bin", {(const uint8_t *)"abc", 3}}, {NULL, {NULL, 0}}};

/* The descriptions that the flags of `updraft create` stand for. */
static const char detached[] = "[manifest]\nsequence = 7\nvendor = example.com\nclass = door-lock\n"
                               "[component image]\nid = app\nimage = abc.bin\n"
                               "vendor-name = example.com\nmodel-name = D1\nversion = 2.1.0\n";
static const char integrated[] = "[manifest]\nsequence = 7\nvendor = example.com\nclass = door-lock\n"
                                 "[component image]\nid = app\nimage = abc.bin\nintegrated = yes\n";

struct made {
    uint8_t bytes[ENVELOPE_BYTES];
    struct ud_buf buf;
    struct ud_suit_envelope env;
};

static void parse(struct made *made)
{
    assert_int_equal(ud_suit_envelope_parse(&made->env, ud_buf_bytes(&made->buf), NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_check_digest(&made->env, NULL), UD_OK);
}

static void make(struct made *made, const char *text)
{
    struct helper_made plain;
    const ud_err err = helper_describe(&plain, (struct ud_bytes){(const uint8_t *)text, strlen(text)}, files);
    if (err != UD_OK) {
        fail_msg("line %u: %s", plain.error.line, plain.error.why);
    }
    made->buf = (struct ud_buf){made->bytes, sizeof made->bytes, 0};
    assert_true(ud_buf_put(&made->buf, plain.envelope));
    parse(made);
}

static void sign(struct made *made, const struct made *from, const struct ud_signer *signer)
{
    made->buf = (struct ud_buf){made->bytes, sizeof made->bytes, 0};
    assert_int_equal(suit_write_signed(&made->buf, &from->env, signer), UD_OK);
    parse(made);
}

static void assert_is_vector(const struct made *made, const char *path)
{
    uint8_t bytes[ENVELOPE_BYTES];
    const struct ud_bytes want = hex_file(path, bytes, sizeof bytes);
    assert_int_equal(made->buf.len, want.len);
    assert_memory_equal(made->bytes, want.ptr, want.len);
}

static void test_an_envelope_is_what_another_encoder_makes_of_the_format(void **state)
{
    (void)state;
    struct made made;
    make(&made, detached);
    assert_is_vector(&made, "tests/vectors/author/detached.hex");
    make(&made, integrated);
    assert_is_vector(&made, "tests/vectors/author/integrated.hex");
}

static void test_a_reissue_is_the_same_envelope_under_a_higher_number(void **state)
{
    (void)state;
    struct test_key author;
    struct made old;
    struct made signed_old;
    struct made made = {.buf = {made.bytes, sizeof made.bytes, 0}};
    test_key_make(&author);
    make(&old, detached);
    sign(&signed_old, &old, &author.signer);
    assert_int_equal(suit_write_reissued(&made.buf, &signed_old.env, 7), UD_ERR_STALE);
    assert_int_equal(suit_write_reissued(&made.buf, &signed_old.env, 6), UD_ERR_STALE);
    assert_int_equal(suit_write_reissued(&made.buf, &signed_old.env, 300), UD_OK);
    assert_is_vector(&made, "tests/vectors/author/reissued.hex");
    test_key_drop(&author);
}

static void test_devices_accept_what_two_parties_signed_one_after_another(void **state)
{
    (void)state;
    struct test_key first;
    struct test_key second;
    struct made plain;
    struct made once;
    struct made twice;
    struct ud_suit_manifest man;
    struct ud_trust trust = {.threshold = 2};
    test_key_make(&first);
    test_key_make(&second);
    assert_int_equal(ud_trust_add(&trust, first.signer.pub, 1), UD_OK);
    assert_int_equal(ud_trust_add(&trust, second.signer.pub, 1), UD_OK);
    second.signer.alg = UD_ALG_ESP256;

    make(&plain, integrated);
    assert_int_equal(ud_suit_envelope_authenticate(&plain.env, &trust, NULL), UD_ERR_UNSIGNED);
    sign(&once, &plain, &first.signer);
    assert_int_equal(ud_suit_envelope_authenticate(&once.env, &trust, NULL), UD_ERR_THRESHOLD);
    sign(&twice, &once, &second.signer);
    assert_int_equal(ud_suit_envelope_authenticate(&twice.env, &trust, NULL), UD_OK);
    assert_int_equal(twice.env.signers, 3);
    assert_int_equal(ud_suit_manifest_parse(&man, &twice.env, NULL), UD_OK);
    assert_true(man.sequence == 7);
    assert_memory_equal(twice.env.digest.ptr, plain.env.digest.ptr, UD_SHA256_BYTES);

    struct ud_bytes payload;
    assert_int_equal(ud_suit_envelope_integrated(&twice.env, UD_BYTES_LITERAL("#image"), &payload), UD_OK);
    assert_true(ud_bytes_equal(payload, image));
    test_key_drop(&first);
    test_key_drop(&second);
}

static void test_a_key_signs_once_and_the_number_of_signatures_has_an_end(void **state)
{
    (void)state;
    struct test_key key;
    struct made odd;
    struct made even;
    make(&even, detached);
    for (size_t i = 0; i < UD_SUIT_SIGNATURES_MAX; i++) {
        struct made *from = i % 2 == 0 ? &even : &odd;
        struct made *to = i % 2 == 0 ? &odd : &even;
        test_key_make(&key);
        sign(to, from, &key.signer);
        struct ud_buf again = {from->bytes, sizeof from->bytes, 0};
        assert_int_equal(suit_write_signed(&again, &to->env, &key.signer), UD_ERR_CONFLICT);
        test_key_drop(&key);
    }
    struct made *full = UD_SUIT_SIGNATURES_MAX % 2 == 0 ? &even : &odd;
    struct made one_more = {.buf = {one_more.bytes, sizeof one_more.bytes, 0}};
    test_key_make(&key);
    assert_int_equal(suit_write_signed(&one_more.buf, &full->env, &key.signer), UD_ERR_LIMIT);
    assert_int_equal(one_more.buf.len, 0);
    test_key_drop(&key);
}

static void test_what_was_not_checked_is_neither_signed_nor_reissued(void **state)
{
    (void)state;
    struct test_key key;
    struct made made;
    uint8_t bytes[ENVELOPE_BYTES];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    test_key_make(&key);
    make(&made, detached);
    assert_int_equal(ud_suit_envelope_parse(&made.env, ud_buf_bytes(&made.buf), NULL), UD_OK);
    assert_int_equal(suit_write_signed(&out, &made.env, &key.signer), UD_ERR_STATE);
    assert_int_equal(suit_write_reissued(&out, &made.env, 99), UD_ERR_STATE);
    test_key_drop(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_envelope_is_what_another_encoder_makes_of_the_format),
        cmocka_unit_test(test_a_reissue_is_the_same_envelope_under_a_higher_number),
        cmocka_unit_test(test_devices_accept_what_two_parties_signed_one_after_another),
        cmocka_unit_test(test_a_key_signs_once_and_the_number_of_signatures_has_an_end),
        cmocka_unit_test(test_what_was_not_checked_is_neither_signed_nor_reissued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
