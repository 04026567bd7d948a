/* Envelopes that we write: against vectors made by another encoder, and through the device's own parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "author/cli.h"
#include "author/suit_write.h"
#include "hex.h"
#include "keys.h"

#define ENVELOPE_BYTES 8192

static const struct ud_bytes image = {(const uint8_t *)"abc", 3};

static struct suit_spec spec_of_vectors(void)
{
    struct suit_spec spec = {
        .sequence = 7,
        .component = UD_BYTES_LITERAL("app"),
        .image_bytes = 3,
        .vendor_name = UD_BYTES_LITERAL("example.com"),
        .model = UD_BYTES_LITERAL("D1"),
        .version = UD_BYTES_LITERAL("2.1.0"),
    };
    assert_int_equal(ud_sha256(&image, 1, spec.image_digest), UD_OK);
    assert_int_equal(cli_vendor("example.com", spec.vendor_id), UD_OK);
    assert_int_equal(cli_class("door-lock", spec.vendor_id, spec.class_id), UD_OK);
    return spec;
}

static struct suit_spec integrated_spec(void)
{
    struct suit_spec spec = spec_of_vectors();
    spec.vendor_name.len = 0;
    spec.model.len = 0;
    spec.version.len = 0;
    spec.integrated = true;
    spec.payload = image;
    return spec;
}

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

static void make(struct made *made, struct suit_spec spec)
{
    made->buf = (struct ud_buf){made->bytes, sizeof made->bytes, 0};
    assert_int_equal(suit_write(&made->buf, &spec), UD_OK);
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
    make(&made, spec_of_vectors());
    assert_is_vector(&made, "tests/vectors/author/detached.hex");
    make(&made, integrated_spec());
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
    make(&old, spec_of_vectors());
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

    make(&plain, integrated_spec());
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
    assert_int_equal(
        ud_suit_envelope_integrated(&twice.env, UD_BYTES_LITERAL(SUIT_WRITE_INTEGRATED_URI), &payload), UD_OK);
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
    make(&even, spec_of_vectors());
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
    make(&made, spec_of_vectors());
    assert_int_equal(ud_suit_envelope_parse(&made.env, ud_buf_bytes(&made.buf), NULL), UD_OK);
    assert_int_equal(suit_write_signed(&out, &made.env, &key.signer), UD_ERR_STATE);
    assert_int_equal(suit_write_reissued(&out, &made.env, 99), UD_ERR_STATE);
    test_key_drop(&key);
}

static void test_names_texts_and_images_have_their_limits(void **state)
{
    (void)state;
    static uint8_t text[SUIT_WRITE_TEXT_BYTES_MAX + 1];
    uint8_t bytes[ENVELOPE_BYTES];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    memset(text, 't', sizeof text);

    struct suit_spec spec = spec_of_vectors();
    spec.component = (struct ud_bytes){text, SUIT_WRITE_NAME_BYTES_MAX};
    spec.vendor_name = (struct ud_bytes){text, SUIT_WRITE_TEXT_BYTES_MAX};
    spec.model = spec.vendor_name;
    spec.version = spec.vendor_name;
    spec.sequence = INT64_MAX;
    spec.image_bytes = UINT64_MAX;
    assert_int_equal(suit_write(&out, &spec), UD_OK);
    assert_true(out.len <= SUIT_WRITE_OVERHEAD_BYTES_MAX);

    struct suit_spec bad[6];
    for (size_t i = 0; i < 6; i++) {
        bad[i] = spec;
    }
    bad[0].component.len++;
    bad[1].component.len = 0;
    bad[2].vendor_name.len++;
    bad[3].model.len++;
    bad[4].version.len++;
    bad[5].image_bytes = 0;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(suit_write(&out, &bad[i]), UD_ERR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_envelope_is_what_another_encoder_makes_of_the_format),
        cmocka_unit_test(test_a_reissue_is_the_same_envelope_under_a_higher_number),
        cmocka_unit_test(test_devices_accept_what_two_parties_signed_one_after_another),
        cmocka_unit_test(test_a_key_signs_once_and_the_number_of_signatures_has_an_end),
        cmocka_unit_test(test_what_was_not_checked_is_neither_signed_nor_reissued),
        cmocka_unit_test(test_names_texts_and_images_have_their_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
