/* COSE_Sign1 and COSE_Key: what is refused and why, and signatures both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_keys.h"
#include "hex.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct {
    const char *name;
    const char *hex;
    ud_err want;
    uint32_t offset;
} bad_sign1[] = {
    {"nothing", "", UD_ERR_TRUNCATED, 0},
    {"tag alone", "d2", UD_ERR_TRUNCATED, 0},
    {"no tag", "84 43a10126 a0 f6 40", UD_ERR_COSE, 0},
    {"COSE_Mac0", "d1 84 43a10126 a0 f6 40", UD_ERR_COSE, 0},
    {"COSE_Sign without signers", "d862 84 40 a0 f6 80", UD_ERR_MISSING, 6},
    {"COSE_Sign with an algorithm of its body", "d862 84 43a10126 a0 f6 80", UD_ERR_COSE, 8},
    {"tag 18 in two bytes", "d812 84 43a10126 a0 f6 40", UD_ERR_NOT_DETERMINISTIC, 0},
    {"three elements", "d2 83 43a10126 a0 f6", UD_ERR_COSE, 0},
    {"five elements", "d2 85 43a10126 a0 f6 40 40", UD_ERR_COSE, 0},
    {"a map inside the tag", "d2 a0", UD_ERR_SHAPE, 1},
    {"signature missing", "d2 84 43a10126 a0 f6", UD_ERR_TRUNCATED, 8},
    {"a byte behind the end", "d2 84 43a10126 a0 f6 40 00", UD_ERR_TRAILING, 9},
    {"protected header is not wrapped", "d2 84 a10126 a0 f6 40", UD_ERR_SHAPE, 2},
    {"protected header empty", "d2 84 40 a0 f6 40", UD_ERR_COSE, 4},
    {"protected header is an empty map", "d2 84 41a0 a0 f6 40", UD_ERR_COSE, 5},
    {"algorithm only unprotected", "d2 84 40 a10126 f6 40", UD_ERR_COSE, 5},
    {"algorithm in both", "d2 84 43a10126 a10126 f6 40", UD_ERR_DUPLICATE, 7},
    {"algorithm twice", "d2 84 45a201260126 a0 f6 40", UD_ERR_DUPLICATE, 6},
    {"algorithm as text", "d2 84 43a10160 a0 f6 40", UD_ERR_ALGORITHM, 5},
    {"algorithm as bstr", "d2 84 43a10140 a0 f6 40", UD_ERR_SHAPE, 5},
    {"kid in both headers", "d2 84 46a20126044178 a1044179 f6 40", UD_ERR_DUPLICATE, 10},
    {"critical header", "d2 84 46a20126028104 a0 f6 40", UD_ERR_COSE, 7},
    {"critical header unprotected", "d2 84 43a10126 a1028104 f6 40", UD_ERR_COSE, 8},
    {"kid is text", "d2 84 43a10126 a10460 f6 40", UD_ERR_SHAPE, 8},
    {"label is an array", "d2 84 43a10126 a18000 f6 40", UD_ERR_SHAPE, 7},
    {"bytes behind the protected map", "d2 84 44a1012600 a0 f6 40", UD_ERR_TRAILING, 6},
    {"protected map is cut", "d2 84 42a101 a0 f6 40", UD_ERR_TRUNCATED, 3},
    {"payload is text", "d2 84 43a10126 a0 60 40", UD_ERR_SHAPE, 7},
    {"signature is nil", "d2 84 43a10126 a0 f6 f6", UD_ERR_SHAPE, 8},
    {"nine headers", "d2 84 43a10126 a8 1864f6 1865f6 1866f6 1867f6 1868f6 1869f6 186af6 186bf6 f6 40",
     UD_ERR_LIMIT, 28},
};

static void test_bad_structures_are_refused_with_their_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_sign1); i++) {
        uint8_t bytes[128];
        struct ud_cose_sign1 sign1;
        struct ud_diag diag = {0};
        const struct ud_bytes in = hex_decode(bad_sign1[i].hex, bytes, sizeof bytes);
        const ud_err err = ud_cose_sign1_parse(&sign1, in, &diag);
        if (err != bad_sign1[i].want || diag.err != err || diag.offset_bytes != bad_sign1[i].offset) {
            fail_msg("%s: %s at %u", bad_sign1[i].name, ud_err_name(err), (unsigned)diag.offset_bytes);
        }
    }
}

static void test_headers_that_nobody_knows_are_passed_over_in_any_order(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct ud_cose_sign1 sign1;
    const struct ud_bytes in =
        hex_decode("d2 84 4b a40441aa617821 2003 0128 a119018a8141bb f6 42cccc", bytes, sizeof bytes);
    assert_int_equal(ud_cose_sign1_parse(&sign1, in, NULL), UD_OK);
    assert_int_equal(sign1.alg, UD_ALG_ESP256);
    assert_int_equal(sign1.kid.len, 1);
    assert_int_equal(sign1.kid.ptr[0], 0xaa);
    assert_true(sign1.detached);
    assert_int_equal(sign1.signature.len, 2);
}

static void test_a_written_signature_verifies_attached_and_detached(void **state)
{
    (void)state;
    static const ud_alg algs[] = {UD_ALG_ES256, UD_ALG_ESP256};
    for (size_t i = 0; i < 4; i++) {
        const bool detached = i % 2 == 1;
        uint8_t out[300];
        uint8_t kid[UD_KID_BYTES];
        struct ud_buf buf = {out, sizeof out, 0};
        struct helper_key key;
        struct ud_cose_sign1 sign1;
        const struct ud_bytes payload = UD_BYTES_LITERAL("what is signed");
        helper_key_open(&key, algs[i / 2]);
        assert_int_equal(ud_cose_sign1_write(&buf, &key.signer, payload, detached), UD_OK);
        assert_true(buf.len <= payload.len + UD_COSE_SIGN1_OVERHEAD_BYTES_MAX);
        assert_int_equal(ud_cose_sign1_parse(&sign1, ud_buf_bytes(&buf), NULL), UD_OK);
        assert_int_equal(sign1.alg, algs[i / 2]);
        assert_int_equal(sign1.detached, detached);
        assert_int_equal(ud_cose_key_kid(key.signer.pub, kid), UD_OK);
        assert_true(ud_bytes_equal(sign1.kid, UD_BYTES_ARRAY(kid)));
        assert_true(detached || ud_bytes_equal(sign1.payload, payload));
        const struct ud_key pub = {.pub = UD_BYTES_ARRAY(key.signer.pub)};
        assert_int_equal(ud_cose_sign1_verify(&sign1, &pub, payload), UD_OK);
        assert_int_equal(ud_cose_sign1_verify(&sign1, &pub, UD_BYTES_LITERAL("what was signed")),
                         UD_ERR_SIGNATURE);
        sign1.alg = -8;
        assert_int_equal(ud_cose_sign1_verify(&sign1, &pub, payload), UD_ERR_ALGORITHM);
        helper_key_close(&key);
    }
}

static void test_no_single_bit_of_a_signed_object_can_change_unseen(void **state)
{
    (void)state;
    uint8_t out[300];
    struct ud_buf buf = {out, sizeof out, 0};
    struct helper_key key;
    helper_key_open(&key, UD_ALG_ES256);
    const struct ud_key pub = {.pub = UD_BYTES_ARRAY(key.signer.pub)};
    assert_int_equal(ud_cose_sign1_write(&buf, &key.signer, UD_BYTES_LITERAL("payload"), false), UD_OK);
    for (size_t bit = 0; bit < 8 * buf.len; bit++) {
        struct ud_cose_sign1 sign1;
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const ud_err err = ud_cose_sign1_parse(&sign1, ud_buf_bytes(&buf), NULL);
        if (err == UD_OK && ud_cose_sign1_verify(&sign1, &pub, sign1.payload) == UD_OK) {
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        }
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    helper_key_close(&key);
}

static void test_writing_into_too_small_a_buffer_leaves_it_as_it_was(void **state)
{
    (void)state;
    uint8_t out[300] = {0};
    struct helper_key key;
    helper_key_open(&key, UD_ALG_ES256);
    for (size_t cap = 1; cap < 110; cap += 9) {
        struct ud_buf buf = {out, cap, 1};
        assert_int_equal(ud_cose_sign1_write(&buf, &key.signer, UD_BYTES_LITERAL("payload"), false),
                         UD_ERR_BUFFER);
        assert_int_equal(buf.len, 1);
    }
    struct ud_buf buf = {out, 76, 2};
    assert_int_equal(ud_cose_key_write(&buf, key.signer.pub), UD_ERR_BUFFER);
    assert_int_equal(buf.len, 2);
    helper_key_close(&key);
}

#define X32 "1111111111111111111111111111111111111111111111111111111111111111"
#define Y32 "2222222222222222222222222222222222222222222222222222222222222222"

static const struct {
    const char *name;
    const char *hex;
    ud_err want;
} keys[] = {
    {"as we write it", "a4 0102 2001 215820" X32 "225820" Y32, UD_OK},
    {"with kid, alg and key_ops", "a7 0102 024101 0326 048102 2001 215820" X32 "225820" Y32, UD_OK},
    {"nothing", "", UD_ERR_TRUNCATED},
    {"empty map", "a0", UD_ERR_KEY},
    {"OKP", "a4 0101 2001 215820" X32 "225820" Y32, UD_ERR_KEY},
    {"P-384", "a4 0102 2002 215820" X32 "225820" Y32, UD_ERR_KEY},
    {"EdDSA", "a5 0102 0327 2001 215820" X32 "225820" Y32, UD_ERR_KEY},
    {"compressed point", "a4 0102 2001 215820" X32 "22f5", UD_ERR_KEY},
    {"x one byte short",
     "a4 0102 2001 21581f11111111111111111111111111111111111111111111111111111111111111 225820" Y32,
     UD_ERR_KEY},
    {"y missing", "a3 0102 2001 215820" X32, UD_ERR_KEY},
    {"a private key", "a5 0102 2001 215820" X32 "225820" Y32 "234101", UD_ERR_KEY},
    {"x twice", "a5 0102 2001 215820" X32 "215820" X32 "225820" Y32, UD_ERR_DUPLICATE},
    {"y before x", "a4 0102 2001 225820" Y32 "215820" X32, UD_ERR_NOT_DETERMINISTIC},
    {"a byte behind the end", "a4 0102 2001 215820" X32 "225820" Y32 "00", UD_ERR_TRAILING},
};

static void test_only_public_p256_keys_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(keys); i++) {
        uint8_t bytes[128];
        uint8_t pub[UD_P256_PUBLIC_BYTES] = {0};
        const ud_err err = ud_cose_key_parse(hex_decode(keys[i].hex, bytes, sizeof bytes), pub);
        if (err != keys[i].want || pub[0] != (err == UD_OK ? 0x11 : 0) ||
            pub[63] != (err == UD_OK ? 0x22 : 0)) {
            fail_msg("%s: %s", keys[i].name, ud_err_name(err));
        }
    }
}

static void test_a_key_is_written_as_the_first_row_is_read(void **state)
{
    (void)state;
    uint8_t want[128];
    uint8_t out[128];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    struct ud_buf buf = {out, sizeof out, 0};
    const struct ud_bytes encoded = hex_decode(keys[0].hex, want, sizeof want);
    assert_int_equal(ud_cose_key_parse(encoded, pub), UD_OK);
    assert_int_equal(ud_cose_key_write(&buf, pub), UD_OK);
    assert_true(ud_bytes_equal(ud_buf_bytes(&buf), encoded));
}

/* The thumbprint of the key and the encoding that RFC 9679 section 6 prints. */
static void test_kid_is_the_thumbprint_of_rfc_9679(void **state)
{
    (void)state;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t want[UD_KID_BYTES];
    uint8_t kid[UD_KID_BYTES];
    (void)hex_decode("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
                     "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c",
                     pub, sizeof pub);
    (void)hex_decode("496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec", want, sizeof want);
    assert_int_equal(ud_cose_key_kid(pub, kid), UD_OK);
    assert_memory_equal(kid, want, sizeof kid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_that_nobody_knows_are_passed_over_in_any_order),
        cmocka_unit_test(test_a_written_signature_verifies_attached_and_detached),
        cmocka_unit_test(test_no_single_bit_of_a_signed_object_can_change_unseen),
        cmocka_unit_test(test_writing_into_too_small_a_buffer_leaves_it_as_it_was),
        cmocka_unit_test(test_only_public_p256_keys_are_read),
        cmocka_unit_test(test_a_key_is_written_as_the_first_row_is_read),
        cmocka_unit_test(test_kid_is_the_thumbprint_of_rfc_9679),
        cmocka_unit_test(test_bad_structures_are_refused_with_their_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
