/*
 * Our verdict is OpenSSL's, on what a forger would try: numbers at every edge, points that meet in the middle of the
 * computation, and many random ones. The fuzz target's own peer is the judge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "small/p256_fuzz.c"

#define RANDOM_CASES 8000

struct signed_case {
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    uint8_t digest[UD_SHA256_BYTES];
    uint8_t signature[UD_P256_SIGNATURE_BYTES];
};

/* clang-format off */
static const char *const edges[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000001",
    "0000000000000000000000000000000000000000000000000000000000000002",
    "0000000000000000000000000000000000000000000000000000000000000003",
    "00000000000000000000000000000000000000000000000000000000ffffffff",
    "00000000ffffffff00000000000000004319055258e8617b0c46353d039cdaae", /* prime - order, so that r + order is the prime */
    "0000000100000000000000000000000000000000000000000000000000000000",
    "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8", /* half of the order */
    "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9",
    "8000000000000000000000000000000000000000000000000000000000000000",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", /* order */
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
    "ffffffff00000001000000000000000000000000fffffffffffffffffffffffe",
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", /* prime */
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};
/* clang-format on */
#define EDGES (sizeof edges / sizeof edges[0])

static void edge(size_t i, uint8_t out[NUMBER_BYTES])
{
    (void)hex_decode(edges[i], out, NUMBER_BYTES);
}

static ud_err ours(const struct signed_case *c)
{
    return ud_p256_verify(c->pub, c->digest, UD_BYTES_ARRAY(c->signature));
}

/* For the same test on a microcontroller: UD_P256_CASES=FILE in the environment; layout in tests/mcu/small.c. */
static void write_down(const struct signed_case *c, ud_err verdict)
{
    static FILE *file;
    const char *path = getenv("UD_P256_CASES");
    const uint32_t value = (uint32_t)verdict;
    const uint8_t little[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                               (uint8_t)(value >> 24)};
    if (path == NULL) {
        return;
    }
    if (file == NULL) {
        file = fopen(path, "wb"); /* closed by exit */
        assert_non_null(file);
    }
    assert_int_equal(fwrite(c, sizeof *c, 1, file), 1);
    assert_int_equal(fwrite(little, sizeof little, 1, file), 1);
}

/* @return the verdict, after both agreed */
static ud_err agreed(const struct signed_case *c, const char *what, size_t i)
{
    const ud_err err = ours(c);
    if (err != peer_verify(c->pub, c->digest, c->signature)) {
        fail_msg("%s %zu: ours is %s", what, i, ud_err_name(err));
    }
    write_down(c, err);
    return err;
}

/* The same numbers in every run; SEED=N in the environment: others. */
static uint64_t draw(void)
{
    static uint64_t state;
    if (state == 0) {
        const char *seed = getenv("SEED");
        state = seed != NULL ? strtoull(seed, NULL, 10) : 1;
        print_message("SEED=%llu\n", (unsigned long long)state);
    }
    state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void draw_bytes(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)draw();
    }
}

/* A number that is anything, an edge, or nearly nothing but ones or zeros. */
static void draw_number(uint8_t out[NUMBER_BYTES])
{
    const uint64_t kind = draw() % 8;
    if (kind == 0) {
        edge(draw() % EDGES, out);
    } else if (kind == 1) {
        memset(out, (int)(draw() % 2 * 255), NUMBER_BYTES);
        out[draw() % NUMBER_BYTES] ^= (uint8_t)draw();
    } else {
        draw_bytes(out, NUMBER_BYTES);
    }
}

static void test_digest_r_and_s_at_every_edge(void **state)
{
    struct signed_case c;
    uint8_t three[NUMBER_BYTES];
    (void)state;
    edge(3, three);
    assert_true(fit(c.pub, c.digest, c.signature, three, three, three));
    assert_int_equal(agreed(&c, "good", 0), UD_OK);
    size_t good = 0;
    for (size_t i = 0; i < EDGES * EDGES * EDGES; i++) {
        edge(i % EDGES, c.digest);
        edge(i / EDGES % EDGES, c.signature);
        edge(i / EDGES / EDGES, c.signature + NUMBER_BYTES);
        good += agreed(&c, "edges", i) == UD_OK;
    }
    print_message("  %zu of %zu happen to be good\n", good, EDGES * EDGES * EDGES);
}

static void test_scalars_at_every_edge_so_that_points_meet(void **state)
{
    struct signed_case c;
    uint8_t key[NUMBER_BYTES];
    uint8_t u1[NUMBER_BYTES];
    uint8_t u2[NUMBER_BYTES];
    size_t good = 0;
    (void)state;
    for (size_t i = 0; i < EDGES * EDGES * EDGES; i++) {
        edge(i % EDGES, u1);
        edge(i / EDGES % EDGES, u2);
        edge(i / EDGES / EDGES, key);
        if (fit(c.pub, c.digest, c.signature, key, u1, u2)) {
            assert_int_equal(agreed(&c, "scalars", i), UD_OK);
            good++;
        }
    }
    assert_true(good > 1000);
    print_message("  %zu signatures\n", good);
}

/* r and s such that u1 G + u2 Q is infinity, or one of its steps is */
static void test_a_sum_at_infinity_does_not_verify(void **state)
{
    struct signed_case c;
    uint8_t one_[NUMBER_BYTES];
    uint8_t less[NUMBER_BYTES];
    (void)state;
    edge(1, one_);
    edge(12, less);
    assert_true(fit(c.pub, c.digest, c.signature, less, one_, less)); /* Q = -G */
    for (size_t i = 1; i < EDGES; i++) { /* e = r: u1 = u2, so the sum is infinity */
        edge(i, c.digest);
        edge(i, c.signature);
        edge(2, c.signature + NUMBER_BYTES);
        assert_int_equal(agreed(&c, "infinity", i), UD_ERR_SIGNATURE);
    }
}

/* x of the sum lies between order and prime, so r is x - order: about one in 2^32 signatures, made here by choosing Q. */
static void test_an_x_above_the_order_verifies_as_its_remainder(void **state)
{
    const struct peer *p = peer();
    const BIGNUM *order = EC_GROUP_get0_order(p->group);
    EC_POINT *sum = EC_POINT_new(p->group);
    EC_POINT *q = EC_POINT_new(p->group);
    BIGNUM *x = BN_dup(order);
    BIGNUM *r = BN_new();
    BIGNUM *u1 = BN_new();
    BIGNUM *u2 = BN_new();
    BIGNUM *y = BN_new();
    (void)state;
    for (size_t found = 0; found < 20; assert_int_equal(BN_add_word(x, 1), 1)) {
        struct signed_case c;
        if (EC_POINT_set_compressed_coordinates(p->group, sum, x, (int)(found % 2), p->ctx) != 1) {
            continue;
        }
        (void)BN_set_word(u1, draw() | 1);
        (void)BN_set_word(u2, draw() | 1);
        (void)BN_sub(r, x, order);
        if (BN_is_zero(r)) {
            continue;
        }
        /* Q = (R - u1 G) / u2, s = r / u2, e = u1 s */
        assert_int_equal(EC_POINT_mul(p->group, q, u1, NULL, NULL, p->ctx), 1);
        assert_int_equal(EC_POINT_invert(p->group, q, p->ctx), 1);
        assert_int_equal(EC_POINT_add(p->group, q, sum, q, p->ctx), 1);
        assert_non_null(BN_mod_inverse(u2, u2, order, p->ctx));
        assert_int_equal(EC_POINT_mul(p->group, q, NULL, q, u2, p->ctx), 1);
        assert_int_equal(EC_POINT_get_affine_coordinates(p->group, q, y, NULL, p->ctx), 1);
        (void)BN_bn2binpad(y, c.pub, NUMBER_BYTES);
        assert_int_equal(EC_POINT_get_affine_coordinates(p->group, q, NULL, y, p->ctx), 1);
        (void)BN_bn2binpad(y, c.pub + NUMBER_BYTES, NUMBER_BYTES);
        (void)BN_bn2binpad(r, c.signature, NUMBER_BYTES);
        assert_int_equal(BN_mod_mul(u2, r, u2, order, p->ctx), 1);
        (void)BN_bn2binpad(u2, c.signature + NUMBER_BYTES, NUMBER_BYTES);
        assert_int_equal(BN_mod_mul(u1, u1, u2, order, p->ctx), 1);
        (void)BN_bn2binpad(u1, c.digest, NUMBER_BYTES);
        assert_int_equal(agreed(&c, "above the order", found), UD_OK);
        (void)BN_bn2binpad(x, c.signature, NUMBER_BYTES); /* x itself is no r */
        assert_int_equal(agreed(&c, "x itself", found), UD_ERR_SIGNATURE);
        found++;
    }
    EC_POINT_free(sum);
    EC_POINT_free(q);
    BN_free(x);
    BN_free(r);
    BN_free(u1);
    BN_free(u2);
    BN_free(y);
}

/* Points of which a coordinate is small, written with the prime added: the same point, another encoding. */
static void test_a_coordinate_that_is_not_below_the_prime_is_no_key(void **state)
{
    const struct peer *p = peer();
    BIGNUM *prime_ = BN_new();
    BIGNUM *x = BN_new();
    BIGNUM *y = BN_new();
    EC_POINT *q = EC_POINT_new(p->group);
    size_t found = 0;
    (void)state;
    assert_int_equal(EC_GROUP_get_curve(p->group, prime_, NULL, NULL, p->ctx), 1);
    for (uint64_t i = 0; found < 20; i++) {
        struct signed_case c = {.digest = {1}, .signature = {1}};
        (void)BN_set_word(x, i);
        if (EC_POINT_set_compressed_coordinates(p->group, q, x, 0, p->ctx) != 1) {
            continue;
        }
        assert_int_equal(EC_POINT_get_affine_coordinates(p->group, q, NULL, y, p->ctx), 1);
        (void)BN_bn2binpad(x, c.pub, NUMBER_BYTES);
        (void)BN_bn2binpad(y, c.pub + NUMBER_BYTES, NUMBER_BYTES);
        assert_int_equal(agreed(&c, "small x", i), UD_ERR_SIGNATURE);
        assert_int_equal(BN_add(x, x, prime_), 1);
        (void)BN_bn2binpad(x, c.pub, NUMBER_BYTES);
        assert_int_equal(agreed(&c, "small x and the prime", i), UD_ERR_KEY);
        found++;
    }
    BN_free(prime_);
    BN_free(x);
    BN_free(y);
    EC_POINT_free(q);
}

static void test_keys_off_the_curve_and_at_every_edge(void **state)
{
    (void)state;
    for (size_t i = 0; i < EDGES * EDGES; i++) {
        struct signed_case c = {.digest = {1}, .signature = {1}};
        edge(i % EDGES, c.pub);
        edge(i / EDGES, c.pub + NUMBER_BYTES);
        assert_int_equal(agreed(&c, "key", i), UD_ERR_KEY);
    }
}

static void test_thousands_of_random_signatures_good_and_nearly_good(void **state)
{
    size_t good = 0;
    (void)state;
    for (size_t i = 0; i < RANDOM_CASES; i++) {
        struct signed_case c;
        uint8_t key[NUMBER_BYTES];
        uint8_t u1[NUMBER_BYTES];
        uint8_t u2[NUMBER_BYTES];
        draw_number(key);
        draw_number(u1);
        draw_number(u2);
        if (!fit(c.pub, c.digest, c.signature, key, u1, u2)) {
            continue;
        }
        switch (draw() % 8) {
        case 0:
            c.signature[draw() % sizeof c.signature] ^= (uint8_t)(1u << draw() % 8);
            break;
        case 1:
            c.digest[draw() % sizeof c.digest] ^= (uint8_t)(1u << draw() % 8);
            break;
        case 2:
            c.pub[draw() % sizeof c.pub] ^= (uint8_t)(1u << draw() % 8);
            break;
        case 3: /* a digest cut short, as if somebody had signed fewer bytes */
            memmove(c.digest + 12, c.digest, sizeof c.digest - 12);
            memset(c.digest, 0, 12);
            break;
        case 4:
            draw_number(c.signature + draw() % 2 * NUMBER_BYTES);
            break;
        default:
            break;
        }
        good += agreed(&c, "random", i) == UD_OK;
    }
    assert_true(good > RANDOM_CASES / 4 && good < RANDOM_CASES / 4 * 3);
}

static void test_a_signature_of_another_length_does_not_verify(void **state)
{
    struct signed_case c;
    uint8_t longer[UD_P256_SIGNATURE_BYTES + 1] = {0};
    uint8_t three[NUMBER_BYTES];
    (void)state;
    edge(3, three);
    assert_true(fit(c.pub, c.digest, c.signature, three, three, three));
    memcpy(longer, c.signature, sizeof c.signature);
    for (size_t len = 0; len <= sizeof longer; len++) {
        assert_int_equal(ud_p256_verify(c.pub, c.digest, (struct ud_bytes){longer, len}),
                         len == sizeof c.signature ? UD_OK : UD_ERR_SIGNATURE);
    }
}

/* The cases that the microcontroller is tried with (tests/e2e/test_mcu_small.py) */
static void test_the_written_cases_are_what_both_say(void **state)
{
    char line[512];
    size_t count = 0;
    FILE *file = fopen("tests/vectors/p256/cases.txt", "r");
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        struct signed_case c;
        char *rest = NULL;
        const char *word = line[0] == '#' ? NULL : strtok_r(line, " \n", &rest);
        if (word == NULL) {
            continue;
        }
        (void)hex_decode(word, c.pub, sizeof c.pub);
        (void)hex_decode(strtok_r(NULL, " \n", &rest), c.digest, sizeof c.digest);
        (void)hex_decode(strtok_r(NULL, " \n", &rest), c.signature, sizeof c.signature);
        assert_string_equal(ud_err_name(agreed(&c, "written", count)), strtok_r(NULL, " \n", &rest));
        count++;
    }
    fclose(file);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_r_and_s_at_every_edge),
        cmocka_unit_test(test_scalars_at_every_edge_so_that_points_meet),
        cmocka_unit_test(test_a_sum_at_infinity_does_not_verify),
        cmocka_unit_test(test_an_x_above_the_order_verifies_as_its_remainder),
        cmocka_unit_test(test_a_coordinate_that_is_not_below_the_prime_is_no_key),
        cmocka_unit_test(test_keys_off_the_curve_and_at_every_edge),
        cmocka_unit_test(test_thousands_of_random_signatures_good_and_nearly_good),
        cmocka_unit_test(test_the_written_cases_are_what_both_say),
        cmocka_unit_test(test_a_signature_of_another_length_does_not_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
