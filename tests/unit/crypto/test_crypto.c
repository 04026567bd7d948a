/* One test set for every backend of updraft/crypto.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/crypto.h"

/* FIPS 180-2 appendix B, and the empty message */
static const struct {
    const char *name;
    const char *message;
    size_t repeat;
    const char *digest;
} sha256_vectors[] = {
    {"nothing", "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a million a", "aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static struct ud_bytes text_bytes(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static void test_sha256_gives_the_published_digests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sha256_vectors / sizeof sha256_vectors[0]; i++) {
        struct ud_hash hash;
        uint8_t want[UD_SHA256_BYTES];
        uint8_t got[UD_SHA256_BYTES];
        print_message("  %s\n", sha256_vectors[i].name);
        (void)hex_decode(sha256_vectors[i].digest, want, sizeof want);
        assert_int_equal(ud_hash_init(&hash), UD_OK);
        for (size_t n = 0; n < sha256_vectors[i].repeat; n++) {
            assert_int_equal(ud_hash_update(&hash, text_bytes(sha256_vectors[i].message)), UD_OK);
        }
        assert_int_equal(ud_hash_final(&hash, got), UD_OK);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void test_parts_hash_like_the_whole_wherever_it_is_cut(void **state)
{
    (void)state;
    const struct ud_bytes whole = text_bytes(sha256_vectors[2].message);
    uint8_t want[UD_SHA256_BYTES];
    (void)hex_decode(sha256_vectors[2].digest, want, sizeof want);
    for (size_t cut = 0; cut <= whole.len; cut++) {
        const struct ud_bytes parts[] = {{whole.ptr, cut}, {NULL, 0}, {whole.ptr + cut, whole.len - cut}};
        uint8_t got[UD_SHA256_BYTES];
        assert_int_equal(ud_sha256(parts, 3, got), UD_OK);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void test_a_hash_can_be_dropped_at_any_time_and_twice(void **state)
{
    (void)state;
    struct ud_hash hash;
    uint8_t digest[UD_SHA256_BYTES];
    memset(&hash, 0, sizeof hash);
    ud_hash_abort(&hash);
    assert_int_equal(ud_hash_init(&hash), UD_OK);
    assert_int_equal(ud_hash_update(&hash, text_bytes("abc")), UD_OK);
    ud_hash_abort(&hash);
    ud_hash_abort(&hash);
    assert_int_equal(ud_hash_update(&hash, text_bytes("abc")), UD_ERR_STATE);
    assert_int_equal(ud_hash_final(&hash, digest), UD_ERR_STATE);
    assert_int_equal(ud_hash_init(&hash), UD_OK);
    assert_int_equal(ud_hash_final(&hash, digest), UD_OK);
    ud_hash_abort(&hash);
}

static void test_two_hashes_at_once_do_not_mix(void **state)
{
    (void)state;
    struct ud_hash first;
    struct ud_hash second;
    uint8_t got[UD_SHA256_BYTES];
    uint8_t want[UD_SHA256_BYTES];
    (void)hex_decode(sha256_vectors[1].digest, want, sizeof want);
    assert_int_equal(ud_hash_init(&first), UD_OK);
    assert_int_equal(ud_hash_init(&second), UD_OK);
    assert_int_equal(ud_hash_update(&first, text_bytes("ab")), UD_OK);
    assert_int_equal(ud_hash_update(&second, text_bytes("something else")), UD_OK);
    assert_int_equal(ud_hash_update(&first, text_bytes("c")), UD_OK);
    assert_int_equal(ud_hash_final(&second, got), UD_OK);
    assert_memory_not_equal(got, want, sizeof want);
    assert_int_equal(ud_hash_final(&first, got), UD_OK);
    assert_memory_equal(got, want, sizeof want);
}

/* RFC 6979 A.2.5 */
#define X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define SAMPLE_R "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define SAMPLE_S "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define TEST_R "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
#define TEST_S "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"
/* the group's order, the field's prime, and neighbours (SEC 2, secp256r1) */
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ORDER_LESS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define PRIME "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define Y_OFF "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462298"
/* order - SAMPLE_S: the twin that also verifies (ECDSA is malleable; we never use a signature as an identity) */
#define SAMPLE_S_TWIN "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9"

static const struct {
    const char *name;
    int alg;
    const char *pub;
    const char *message;
    const char *signature;
    ud_err want;
} verify_vectors[] = {
    {"sample", UD_ALG_ES256, X Y, "sample", SAMPLE_R SAMPLE_S, UD_OK},
    {"test", UD_ALG_ES256, X Y, "test", TEST_R TEST_S, UD_OK},
    {"the same as ESP256", UD_ALG_ESP256, X Y, "sample", SAMPLE_R SAMPLE_S, UD_OK},
    {"twin of s", UD_ALG_ES256, X Y, "sample", SAMPLE_R SAMPLE_S_TWIN, UD_OK},
    {"signature of another message", UD_ALG_ES256, X Y, "sample", TEST_R TEST_S, UD_ERR_SIGNATURE},
    {"another message", UD_ALG_ES256, X Y, "sampl", SAMPLE_R SAMPLE_S, UD_ERR_SIGNATURE},
    {"empty message", UD_ALG_ES256, X Y, "", SAMPLE_R SAMPLE_S, UD_ERR_SIGNATURE},
    {"r and s swapped", UD_ALG_ES256, X Y, "sample", SAMPLE_S SAMPLE_R, UD_ERR_SIGNATURE},
    {"r zero", UD_ALG_ES256, X Y, "sample", ZERO SAMPLE_S, UD_ERR_SIGNATURE},
    {"s zero", UD_ALG_ES256, X Y, "sample", SAMPLE_R ZERO, UD_ERR_SIGNATURE},
    {"both zero", UD_ALG_ES256, X Y, "sample", ZERO ZERO, UD_ERR_SIGNATURE},
    {"r is the order", UD_ALG_ES256, X Y, "sample", ORDER SAMPLE_S, UD_ERR_SIGNATURE},
    {"s is the order", UD_ALG_ES256, X Y, "sample", SAMPLE_R ORDER, UD_ERR_SIGNATURE},
    {"r below the order, wrong", UD_ALG_ES256, X Y, "sample", ORDER_LESS_1 SAMPLE_S, UD_ERR_SIGNATURE},
    {"r all ones", UD_ALG_ES256, X Y, "sample", ONES SAMPLE_S, UD_ERR_SIGNATURE},
    {"s all ones", UD_ALG_ES256, X Y, "sample", SAMPLE_R ONES, UD_ERR_SIGNATURE},
    {"no signature", UD_ALG_ES256, X Y, "sample", "", UD_ERR_SIGNATURE},
    {"half a signature", UD_ALG_ES256, X Y, "sample", SAMPLE_R, UD_ERR_SIGNATURE},
    {"a byte behind", UD_ALG_ES256, X Y, "sample", SAMPLE_R SAMPLE_S "00", UD_ERR_SIGNATURE},
    {"point off the curve", UD_ALG_ES256, X Y_OFF, "sample", SAMPLE_R SAMPLE_S, UD_ERR_KEY},
    {"point at zero", UD_ALG_ES256, ZERO ZERO, "sample", SAMPLE_R SAMPLE_S, UD_ERR_KEY},
    {"x is the prime", UD_ALG_ES256, PRIME Y, "sample", SAMPLE_R SAMPLE_S, UD_ERR_KEY},
    {"x over the prime", UD_ALG_ES256, ONES Y, "sample", SAMPLE_R SAMPLE_S, UD_ERR_KEY},
    {"no key", UD_ALG_ES256, "", "sample", SAMPLE_R SAMPLE_S, UD_ERR_KEY},
    {"short key", UD_ALG_ES256, X, "sample", SAMPLE_R SAMPLE_S, UD_ERR_KEY},
    {"SEC 1 head in front of the key", UD_ALG_ES256, "04" X Y, "sample", SAMPLE_R SAMPLE_S, UD_ERR_KEY},
    {"EdDSA", -8, X Y, "sample", SAMPLE_R SAMPLE_S, UD_ERR_ALGORITHM},
    {"HMAC", 5, X Y, "sample", SAMPLE_R SAMPLE_S, UD_ERR_ALGORITHM},
    {"none", 0, X Y, "sample", SAMPLE_R SAMPLE_S, UD_ERR_ALGORITHM},
};

static void test_verify_accepts_what_was_signed_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verify_vectors / sizeof verify_vectors[0]; i++) {
        uint8_t pub[UD_P256_PUBLIC_BYTES + 1];
        uint8_t signature[UD_P256_SIGNATURE_BYTES + 1];
        const struct ud_key key = {.pub = hex_decode(verify_vectors[i].pub, pub, sizeof pub)};
        const struct ud_bytes part = text_bytes(verify_vectors[i].message);
        print_message("  %s\n", verify_vectors[i].name);
        assert_int_equal(ud_crypto_verify((ud_alg)verify_vectors[i].alg, &key, &part, 1,
                                          hex_decode(verify_vectors[i].signature, signature, sizeof signature)),
                         verify_vectors[i].want);
    }
}

static void test_every_flipped_bit_of_signature_and_key_is_noticed(void **state)
{
    (void)state;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t signature[UD_P256_SIGNATURE_BYTES];
    const struct ud_key key = {.pub = hex_decode(X Y, pub, sizeof pub)};
    const struct ud_bytes sig = hex_decode(SAMPLE_R SAMPLE_S, signature, sizeof signature);
    const struct ud_bytes part = UD_BYTES_LITERAL("sample");
    for (size_t bit = 0; bit < 8 * sizeof signature; bit++) {
        const uint8_t mask = (uint8_t)(1u << (bit % 8));
        signature[bit / 8] ^= mask;
        assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, &part, 1, sig), UD_ERR_SIGNATURE);
        signature[bit / 8] ^= mask;
        pub[bit / 8] ^= mask;
        assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, &part, 1, sig), UD_ERR_KEY);
        pub[bit / 8] ^= mask;
    }
    assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, &part, 1, sig), UD_OK);
}

static void test_a_message_in_parts_verifies_like_the_whole(void **state)
{
    (void)state;
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t signature[UD_P256_SIGNATURE_BYTES];
    const struct ud_key key = {.pub = hex_decode(X Y, pub, sizeof pub)};
    const struct ud_bytes sig = hex_decode(SAMPLE_R SAMPLE_S, signature, sizeof signature);
    const struct ud_bytes parts[] = {UD_BYTES_LITERAL("sam"), {NULL, 0}, UD_BYTES_LITERAL("ple")};
    const struct ud_bytes swapped[] = {UD_BYTES_LITERAL("ple"), UD_BYTES_LITERAL("sam")};
    assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, parts, 3, sig), UD_OK);
    assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, parts, 1, sig), UD_ERR_SIGNATURE);
    assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, swapped, 2, sig), UD_ERR_SIGNATURE);
}

/* draft-ietf-suit-manifest, example 0: its key, the bytes to be signed, and the signature in its envelope */
static void test_the_signature_of_suit_example_0_verifies(void **state)
{
    (void)state;
    enum {
        SIGNATURE_AT = 57
    }; /* tag, map, wrapper, digest, then the block's head: see the annotated example */
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t tbs[256];
    uint8_t envelope[512];
    const struct ud_key key = {
        .pub = hex_decode("8496811aae0baaabd26157189eecda26beaa8bf11b6f3fe6e2b5659c85dbc0ad"
                          "3b1f2a4b6c098131c0a36dacd1d78bd381dcdfb09c052db33991db7338b4a896",
                          pub, sizeof pub)};
    const struct ud_bytes part = hex_shared("data/suit/manifest/example0.sigstructure.hex", tbs, sizeof tbs);
    const struct ud_bytes whole = hex_shared("data/suit/manifest/example0.hex", envelope, sizeof envelope);
    struct ud_bytes signature;
    assert_true(ud_bytes_slice(whole, SIGNATURE_AT, UD_P256_SIGNATURE_BYTES, &signature));
    assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, &part, 1, signature), UD_OK);
    tbs[part.len - 1] ^= 1;
    assert_int_equal(ud_crypto_verify(UD_ALG_ES256, &key, &part, 1, signature), UD_ERR_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_gives_the_published_digests),
        cmocka_unit_test(test_parts_hash_like_the_whole_wherever_it_is_cut),
        cmocka_unit_test(test_a_hash_can_be_dropped_at_any_time_and_twice),
        cmocka_unit_test(test_two_hashes_at_once_do_not_mix),
        cmocka_unit_test(test_verify_accepts_what_was_signed_and_nothing_else),
        cmocka_unit_test(test_every_flipped_bit_of_signature_and_key_is_noticed),
        cmocka_unit_test(test_a_message_in_parts_verifies_like_the_whole),
        cmocka_unit_test(test_the_signature_of_suit_example_0_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
