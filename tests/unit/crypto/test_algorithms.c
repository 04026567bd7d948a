/* The table of algorithms of each backend, with published vectors; what a backend does not have it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/crypto.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* RFC 4231 test cases 1, 2, 3, 4, 7 is longer than a block: refused */
static const struct {
    const char *key;
    const char *message;
    const char *tag;
} hmacs[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
};

static void test_hmac_gives_the_published_tags(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hmacs); i++) {
        uint8_t key[32];
        uint8_t message[64];
        uint8_t want[UD_HMAC256_BYTES];
        uint8_t got[UD_HMAC256_BYTES];
        const struct ud_bytes whole = hex_decode(hmacs[i].message, message, sizeof message);
        const struct ud_bytes parts[] = {{whole.ptr, 3}, {whole.ptr + 3, whole.len - 3}};
        (void)hex_decode(hmacs[i].tag, want, sizeof want);
        assert_int_equal(ud_hmac256(hex_decode(hmacs[i].key, key, sizeof key), parts, 2, got), UD_OK);
        assert_memory_equal(got, want, sizeof want);
    }
    uint8_t long_key[65] = {0};
    uint8_t tag[UD_HMAC256_BYTES];
    assert_int_equal(ud_hmac256(UD_BYTES_ARRAY(long_key), NULL, 0, tag), UD_ERR_LIMIT);
}

/* RFC 5869 A.1 and A.3, their first 32 bytes */
static void test_hkdf_gives_the_published_keys(void **state)
{
    (void)state;
    uint8_t secret[22];
    uint8_t salt[13];
    uint8_t info[10];
    uint8_t out[40];
    uint8_t want[32];
    struct ud_buf buf = {out, sizeof out, 0};
    const struct ud_bytes ikm =
        hex_decode("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", secret, sizeof secret);
    assert_int_equal(ud_hkdf256(hex_decode("000102030405060708090a0b0c", salt, sizeof salt), ikm,
                                hex_decode("f0f1f2f3f4f5f6f7f8f9", info, sizeof info), &buf, 32),
                     UD_OK);
    (void)hex_decode("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf", want, sizeof want);
    assert_memory_equal(out, want, sizeof want);
    buf.len = 0;
    assert_int_equal(ud_hkdf256((struct ud_bytes){NULL, 0}, ikm, (struct ud_bytes){NULL, 0}, &buf, 32), UD_OK);
    (void)hex_decode("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d", want, sizeof want);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(ud_hkdf256((struct ud_bytes){NULL, 0}, ikm, ikm, &buf, 9), UD_ERR_LIMIT); /* no room */
    assert_int_equal(buf.len, 32);
}

/* RFC 8032 section 7.1, tests 1 to 3 */
static const struct {
    const char *pub;
    const char *message;
    const char *signature;
} ed25519s[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f05"
     "95bbe24655141438e7a1"
     "00b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb"
     "4302aeeb00d291612bb0"
     "c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e97"
     "16ed28dc027beceea1ec"
     "40a"},
};

static const struct ud_algorithm *row_of(int64_t alg)
{
    const struct ud_algorithm *row = ud_algorithm_find(alg);
    if (row == NULL) {
        print_message("  not of this backend\n");
    }
    return row;
}

static void test_ed25519_verifies_the_published_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ed25519s) && row_of(UD_ALG_ED25519) != NULL; i++) {
        uint8_t pub[UD_ED25519_PUBLIC_BYTES];
        uint8_t message[2];
        uint8_t signature[UD_ED25519_SIGNATURE_BYTES];
        const struct ud_key key = {.pub = hex_decode(ed25519s[i].pub, pub, sizeof pub), .type = UD_KEY_ED25519};
        const struct ud_bytes whole = hex_decode(ed25519s[i].message, message, sizeof message);
        const struct ud_bytes sig = hex_decode(ed25519s[i].signature, signature, sizeof signature);
        assert_int_equal(ud_crypto_verify(UD_ALG_ED25519, &key, &whole, 1, sig), UD_OK);
        for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(ud_crypto_verify(UD_ALG_ED25519, &key, &whole, 1, sig), UD_ERR_SIGNATURE);
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t len = 0; len < sizeof signature; len++) {
            assert_int_equal(
                ud_crypto_verify(UD_ALG_ED25519, &key, &whole, 1, (struct ud_bytes){signature, len}),
                UD_ERR_SIGNATURE);
        }
    }
}

/* With a point of small order as key, R = s * B verifies for one message in eight, whatever it says (E4). */
static const struct {
    const char *name;
    const char *point;
} unsound[] = {
    {"zero", "0000000000000000000000000000000000000000000000000000000000000000"},
    {"the neutral point", "0100000000000000000000000000000000000000000000000000000000000000"},
    {"the neutral point with a sign", "0100000000000000000000000000000000000000000000000000000000000080"},
    {"order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
    {"order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
    {"order 8 with a sign", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"},
    {"the other of order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
    {"zero in its second form", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
    {"the neutral point in its second form",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
    {"a large y in its second form", "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
};

static void test_e4_points_of_small_order_and_second_forms_are_no_keys(void **state)
{
    (void)state;
    uint8_t point[UD_ED25519_PUBLIC_BYTES];
    for (size_t i = 0; i < COUNT(unsound); i++) {
        uint8_t signature[UD_ED25519_SIGNATURE_BYTES] = {1}; /* R the neutral point, s = 0 */
        const struct ud_key key = {.pub = hex_decode(unsound[i].point, point, sizeof point),
                                   .type = UD_KEY_ED25519};
        const struct ud_bytes message = UD_BYTES_LITERAL("any");
        if (ud_ed25519_point_is_sound(point)) {
            fail_msg("%s", unsound[i].name);
        }
        if (row_of(UD_ALG_ED25519) != NULL) {
            assert_int_equal(ud_crypto_verify(UD_ALG_ED25519, &key, &message, 1, UD_BYTES_ARRAY(signature)),
                             UD_ERR_KEY);
        }
    }
    for (size_t i = 0; i < COUNT(ed25519s); i++) {
        (void)hex_decode(ed25519s[i].pub, point, sizeof point);
        assert_true(ud_ed25519_point_is_sound(point));
    }
}

/* s + L instead of s: the same signature in another form (E4). */
static void test_e4_a_signature_has_one_form(void **state)
{
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    uint8_t pub[UD_ED25519_PUBLIC_BYTES];
    uint8_t signature[UD_ED25519_SIGNATURE_BYTES];
    uint32_t carry = 0;
    const struct ud_key key = {.pub = hex_decode(ed25519s[0].pub, pub, sizeof pub), .type = UD_KEY_ED25519};
    const struct ud_bytes sig = hex_decode(ed25519s[0].signature, signature, sizeof signature);
    if (row_of(UD_ALG_ED25519) == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof order; i++) {
        carry += (uint32_t)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_int_equal(ud_crypto_verify(UD_ALG_ED25519, &key, NULL, 0, sig), UD_ERR_SIGNATURE);
}

static void test_b8_an_algorithm_is_used_with_its_own_type_of_key_only(void **state)
{
    (void)state;
    static const int64_t algs[] = {
        UD_ALG_HMAC256, UD_ALG_ES256, UD_ALG_ESP256, UD_ALG_ED25519, UD_ALG_HSS_LMS, 0, -8, -37};
    static const ud_key_type types[] = {UD_KEY_P256, UD_KEY_ED25519, UD_KEY_HSS_LMS, UD_KEY_HMAC256};
    uint8_t bytes[UD_KEY_BYTES_MAX] = {0};
    for (size_t i = 0; i < COUNT(algs); i++) {
        const struct ud_algorithm *row = ud_algorithm_find(algs[i]);
        for (size_t k = 0; k < COUNT(types); k++) {
            const struct ud_key key = {.pub = UD_BYTES_ARRAY(bytes), .type = types[k]};
            const ud_err err = ud_crypto_verify((ud_alg)algs[i], &key, NULL, 0, UD_BYTES_ARRAY(bytes));
            assert_int_not_equal(err, UD_OK);
            assert_int_equal(err == UD_ERR_ALGORITHM, row == NULL || row->key != types[k]);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac_gives_the_published_tags),
        cmocka_unit_test(test_hkdf_gives_the_published_keys),
        cmocka_unit_test(test_ed25519_verifies_the_published_signatures),
        cmocka_unit_test(test_e4_points_of_small_order_and_second_forms_are_no_keys),
        cmocka_unit_test(test_e4_a_signature_has_one_form),
        cmocka_unit_test(test_b8_an_algorithm_is_used_with_its_own_type_of_key_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
