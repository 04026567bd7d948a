/* HSS/LMS signatures that we make: against RFC 8554's own key, and by the verifier that devices run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "author/hss_sign.h"
#include "hex.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct ud_hss_policy every_set = {
    .lms_types = 0xffffffff, .ots_types = 0xffffffff, .levels_max = 8};

/* RFC 8554 appendix F, test case 2, the topmost tree: seed and identifier are published there with the public key. */
static void test_a_key_from_the_published_seed_is_the_published_key(void **state)
{
    (void)state;
    struct hss_secret secret = {.levels = {{32, 10, 4}}, .level_count = 1};
    uint8_t want[64];
    uint8_t bytes[UD_HSS_PUBLIC_BYTES_MAX];
    struct ud_buf pub = {bytes, sizeof bytes, 0};
    (void)hex_decode("558b8966c48ae9cb898b423c83443aae014a72f1b1ab5cc85cf1d892903b5439", secret.seed,
                     sizeof secret.seed);
    (void)hex_decode("d08fabd4a2091ff0a8cb4ed834e74534", secret.id, sizeof secret.id);
    assert_int_equal(hss_public(&secret, &pub), UD_OK);
    assert_true(ud_bytes_equal(ud_buf_bytes(&pub),
                               hex_decode("00000001 00000006 00000003 d08fabd4a2091ff0a8cb4ed834e74534"
                                          "32a58885cd9ba0431235466bff9651c6c92124404d45fa53cf161c28f1ad5a8e",
                                          want, sizeof want)));
}

static const struct {
    struct hss_level levels[HSS_LEVELS_MAX];
    uint8_t count;
} shapes[] = {
    {{{24, 5, 1}}, 1},
    {{{24, 5, 2}}, 1},
    {{{24, 5, 4}}, 1},
    {{{24, 5, 8}}, 1},
    {{{32, 5, 1}}, 1},
    {{{32, 5, 2}}, 1},
    {{{32, 5, 4}}, 1},
    {{{32, 5, 8}}, 1},
    {{{24, 10, 2}}, 1},
    {{{24, 5, 4}, {24, 5, 2}}, 2},
    {{{32, 5, 2}, {32, 5, 4}, {32, 5, 2}}, 3},
};

static struct hss_secret secret_of(size_t shape)
{
    struct hss_secret secret = {.level_count = shapes[shape].count};
    memcpy(secret.levels, shapes[shape].levels, sizeof secret.levels);
    memset(secret.seed, 0x5e, sizeof secret.seed);
    memset(secret.id, (int)shape, sizeof secret.id);
    return secret;
}

static void check_number(const struct hss_secret *secret, struct ud_bytes pub, uint64_t number)
{
    const struct ud_bytes parts[] = {UD_BYTES_LITERAL("in "), UD_BYTES_LITERAL("parts")};
    const struct ud_bytes whole = UD_BYTES_LITERAL("in parts");
    const struct ud_bytes other = UD_BYTES_LITERAL("in part");
    static uint8_t bytes[32768];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    assert_int_equal(hss_sign(secret, number, parts, 2, &out), UD_OK);
    assert_int_equal(out.len, hss_signature_bytes(secret->levels, secret->level_count));
    assert_int_equal(ud_hss_verify(&every_set, pub, &whole, 1, ud_buf_bytes(&out)), UD_OK);
    assert_int_equal(ud_hss_verify(&every_set, pub, &other, 1, ud_buf_bytes(&out)), UD_ERR_SIGNATURE);
}

static void test_devices_verify_what_each_set_signs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        uint8_t bytes[UD_HSS_PUBLIC_BYTES_MAX];
        struct ud_buf pub = {bytes, sizeof bytes, 0};
        struct hss_secret secret = secret_of(i);
        const uint64_t capacity = hss_capacity(secret.levels, secret.level_count);
        assert_true(hss_levels_ok(secret.levels, secret.level_count));
        assert_int_equal(hss_public(&secret, &pub), UD_OK);
        check_number(&secret, ud_buf_bytes(&pub), 0);
        check_number(&secret, ud_buf_bytes(&pub), capacity / 2 + 1);
        check_number(&secret, ud_buf_bytes(&pub), capacity - 1);
        struct ud_buf none = {NULL, 0, 0};
        assert_int_equal(hss_sign(&secret, capacity, NULL, 0, &none), UD_ERR_USED_UP);
    }
}

/* The leaf of an upper tree signs the tree below more than once, but always the same bytes. */
static void test_a_tree_below_is_signed_with_the_same_bytes_each_time(void **state)
{
    (void)state;
    struct hss_secret secret = secret_of(9);
    static uint8_t first[8192];
    static uint8_t second[8192];
    struct ud_buf one = {first, sizeof first, 0};
    struct ud_buf two = {second, sizeof second, 0};
    const struct ud_bytes a = UD_BYTES_LITERAL("a");
    const struct ud_bytes b = UD_BYTES_LITERAL("b");
    const size_t upper =
        hss_signature_bytes(secret.levels, 1) + 4 + 4 + HSS_ID_BYTES + 24; /* with the key below */
    assert_int_equal(hss_sign(&secret, 33, &a, 1, &one), UD_OK);
    assert_int_equal(hss_sign(&secret, 34, &b, 1, &two), UD_OK);
    assert_memory_equal(first, second, upper);
    assert_memory_not_equal(first + upper, second + upper, one.len - upper);
}

static void test_sets_that_we_do_not_make_are_refused(void **state)
{
    (void)state;
    static const struct hss_level bad[][2] = {
        {{32, 5, 3}, {0, 0, 0}},  {{20, 5, 4}, {0, 0, 0}}, {{32, 6, 4}, {0, 0, 0}},
        {{32, 20, 4}, {0, 0, 0}}, {{32, 0, 4}, {0, 0, 0}}, {{32, 5, 4}, {24, 5, 4}},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(hss_levels_ok(bad[i], i == COUNT(bad) - 1 ? 2 : 1));
    }
    assert_false(hss_levels_ok(shapes[0].levels, 0));
    assert_false(hss_levels_ok(shapes[0].levels, HSS_LEVELS_MAX + 1));
}

static void test_a_buffer_that_is_too_small_is_an_error(void **state)
{
    (void)state;
    struct hss_secret secret = secret_of(3);
    static uint8_t bytes[4096];
    const size_t whole = hss_signature_bytes(secret.levels, 1);
    for (size_t cap = 0; cap < whole; cap += 97) {
        struct ud_buf out = {bytes, cap, 0};
        assert_int_equal(hss_sign(&secret, 1, NULL, 0, &out), UD_ERR_BUFFER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_from_the_published_seed_is_the_published_key),
        cmocka_unit_test(test_devices_verify_what_each_set_signs),
        cmocka_unit_test(test_a_tree_below_is_signed_with_the_same_bytes_each_time),
        cmocka_unit_test(test_sets_that_we_do_not_make_are_refused),
        cmocka_unit_test(test_a_buffer_that_is_too_small_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
