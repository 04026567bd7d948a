/* The signed trust store: what it says, who must sign it, and the only chain that is legal (A13, A17, E2, E3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stores.h"
#include "updraft/cbor.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct test_stores stores;
static uint8_t room[2][TEST_STORE_BYTES];
static struct ud_buf out[2];

static int set_up(void **state)
{
    (void)state;
    test_stores_open(&stores);
    for (size_t i = 0; i < COUNT(out); i++) {
        out[i] = (struct ud_buf){room[i], TEST_STORE_BYTES, 0};
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_stores_close(&stores);
    return 0;
}

/* Roots 0 are a, b, c; two of them must sign. */
static struct ud_trust roots0(void)
{
    return test_stores_trust(&stores, "abc", 2, 0);
}

static void test_a_store_says_what_was_written(void **state)
{
    (void)state;
    static uint8_t digests[2 * UD_SHA256_BYTES] = {1, 2, 3};
    static const uint8_t id[UD_UUID_BYTES] = {7};
    static struct ud_trust_store store;
    const struct ud_trust roots = roots0();
    const struct test_store_plan plan = {.number = 5,
                                         .epoch = 2,
                                         .links = {"abd|abd", "de|adbe"},
                                         .link_threshold = 2,
                                         .roots_number = UINT32_MAX,
                                         .signers = "de",
                                         .anchors = "fg",
                                         .threshold = 2,
                                         .sequence_min = 77,
                                         .expires_s = 4102444800,
                                         .revoked = "h",
                                         .kept = UD_BYTES_ARRAY(digests),
                                         .vendor_id = UD_BYTES_ARRAY(id),
                                         .class_id = UD_BYTES_ARRAY(id)};
    const struct ud_bytes in = test_stores_make(&stores, &plan, 0, &out[0]);
    struct ud_diag diag = {0};
    const ud_err err = ud_trust_store_verify(&store, in, &roots, &diag);
    if (err != UD_OK) {
        fail_msg("%s at %u", ud_err_name(err), (unsigned)diag.offset_bytes);
    }
    assert_int_equal(store.trust.number, 5);
    assert_int_equal(store.trust.epoch, 2);
    assert_int_equal(store.trust.key_count, 2);
    assert_int_equal(store.trust.threshold, 2);
    assert_int_equal(store.trust.sequence_min, 77);
    assert_true(store.trust.expires_s == 4102444800);
    assert_int_equal(store.roots.epoch, 2);
    assert_int_equal(store.roots.key_count, 2);
    assert_int_equal(store.link_count, 2);
    assert_true(ud_bytes_equal(store.trust.revoked, UD_BYTES_ARRAY(stores.keys['h' - 'a'].signer.kid)));
    assert_true(ud_trust_keeps(&store.trust, (struct ud_bytes){digests, UD_SHA256_BYTES}));
    assert_true(ud_trust_keeps(&store.trust, (struct ud_bytes){digests + UD_SHA256_BYTES, UD_SHA256_BYTES}));
    assert_false(ud_trust_keeps(&store.trust, (struct ud_bytes){digests + 1, UD_SHA256_BYTES}));
    assert_int_equal(ud_trust_store_applies(&store, UD_BYTES_ARRAY(id), UD_BYTES_ARRAY(id)), UD_OK);
    assert_int_equal(ud_trust_store_applies(&store, UD_BYTES_LITERAL("other"), UD_BYTES_ARRAY(id)),
                     UD_ERR_VENDOR);
    assert_int_equal(ud_trust_store_applies(&store, UD_BYTES_ARRAY(id), UD_BYTES_LITERAL("other")),
                     UD_ERR_CLASS);
    assert_true(ud_trust_store_is_one(in));
    assert_false(ud_trust_store_is_one(UD_BYTES_LITERAL("\xd8\x6b\xa2")));
    assert_true(ud_bytes_equal(store.whole, in));
}

/* Who must have signed: enough of the old roots and enough of the new (A13); each key once (A17). */
static const struct {
    const char *name;
    struct test_store_plan plan;
    ud_err want;
} rows[] = {
    {"two of three roots", {.signers = "ab"}, UD_OK},
    {"all three", {.signers = "abc"}, UD_OK},
    {"one of them", {.signers = "a"}, UD_ERR_THRESHOLD},
    {"a13 nobody that is a root", {.signers = "fg"}, UD_ERR_UNTRUSTED},
    {"a13 one root and a stranger", {.signers = "af"}, UD_ERR_THRESHOLD},
    {"a17 one root twice", {.signers = "aa"}, UD_ERR_THRESHOLD},
    {"new roots, by old and new", {.links = {"de|abde"}, .signers = "de"}, UD_OK},
    {"one key in both sets counts in both", {.links = {"ad|abd"}, .signers = "ad"}, UD_OK},
    {"a13 new roots, by the new alone", {.links = {"de|de"}, .signers = "de"}, UD_ERR_UNTRUSTED},
    {"a13 new roots, by one old and the new", {.links = {"de|ade"}, .signers = "de"}, UD_ERR_THRESHOLD},
    {"a13 new roots, by the old alone", {.links = {"de|ab"}, .signers = "de"}, UD_ERR_UNTRUSTED},
    {"a13 new roots, by the old and one new", {.links = {"de|abd"}, .signers = "de"}, UD_ERR_THRESHOLD},
    {"a13 new roots, and a store by the old", {.links = {"de|abde"}, .signers = "ab"}, UD_ERR_UNTRUSTED},
    {"two links", {.links = {"de|abde", "fg|defg"}, .signers = "fg"}, UD_OK},
    {"a13 the second link not by the roots of the first",
     {.links = {"de|abde", "fg|abfg"}, .signers = "fg"},
     UD_ERR_UNTRUSTED},
    {"a13 a store that claims other roots",
     {.links = {"de|abde"}, .signers = "de", .roots_number = 0},
     UD_ERR_CHAIN},
    {"a13 a store of later roots without their link", {.signers = "ab", .roots_number = 1}, UD_ERR_CHAIN},
    {"e2 a listed key that is revoked as well",
     {.signers = "ab", .anchors = "f", .revoked = "f"},
     UD_ERR_REVOKED},
};

static void test_a13_a17_only_enough_of_the_old_and_of_the_new_roots_make_a_store(void **state)
{
    (void)state;
    static struct ud_trust_store store;
    const struct ud_trust roots = roots0();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct test_store_plan plan = rows[i].plan;
        plan.number = 1;
        plan.anchors = plan.anchors != NULL ? plan.anchors : "h";
        plan.threshold = 1;
        plan.roots_number =
            strstr(rows[i].name, "claims other") != NULL || strstr(rows[i].name, "later roots") != NULL
                ? plan.roots_number
                : UINT32_MAX;
        const struct ud_bytes in = test_stores_make(&stores, &plan, 0, &out[0]);
        const ud_err err = ud_trust_store_verify(&store, in, &roots, NULL);
        if (err != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(err));
        }
        if (err != UD_OK) { /* and nobody is trusted for it */
            assert_int_equal(store.trust.key_count, 0);
            assert_int_equal(store.trust.threshold, 0);
            assert_int_equal(store.roots.key_count, 0);
        }
    }
}

/* From store N to N + 1 and no other way (A13): skipping, going back, another history, an epoch that leaps (A3). */
static const struct {
    const char *name;
    struct test_store_plan now; /* number 0: the provisioned table */
    struct test_store_plan next;
    size_t keep_links;
    ud_err want;
} steps[] = {
    {"the first", {.number = 0}, {.number = 1}, 0, UD_OK},
    {"a13 the second without the first", {.number = 0}, {.number = 2}, 0, UD_ERR_CHAIN},
    {"the next", {.number = 4, .epoch = 3}, {.number = 5, .epoch = 3}, 0, UD_OK},
    {"the next with a new epoch", {.number = 4, .epoch = 3}, {.number = 5, .epoch = 4}, 0, UD_OK},
    {"a3 an epoch that leaps", {.number = 4, .epoch = 3}, {.number = 5, .epoch = 5}, 0, UD_ERR_CHAIN},
    {"a3 an epoch that goes back", {.number = 4, .epoch = 3}, {.number = 5, .epoch = 2}, 0, UD_ERR_CHAIN},
    {"a3 the first one below the provisioned epoch", {.number = 0}, {.number = 1, .epoch = 0}, 0, UD_OK},
    {"a13 the same number", {.number = 4}, {.number = 4}, 0, UD_ERR_STALE},
    {"a13 an older one", {.number = 4}, {.number = 3}, 0, UD_ERR_STALE},
    {"a13 one left out", {.number = 4}, {.number = 6}, 0, UD_ERR_CHAIN},
    {"a13 the largest number", {.number = 4}, {.number = UINT32_MAX}, 0, UD_ERR_CHAIN},
    {"after the largest number", {.number = UINT32_MAX}, {.number = 1}, 0, UD_ERR_STALE},
    {"the same roots", {.number = 4, .links = {"de|abde"}}, {.number = 5, .links = {"de|abde"}}, 1, UD_OK},
    {"one link more",
     {.number = 4, .links = {"de|abde"}},
     {.number = 5, .links = {"de|abde", "fg|defg"}},
     1,
     UD_OK},
    {"a13 two links more", {.number = 4}, {.number = 5, .links = {"de|abde", "fg|defg"}}, 0, UD_ERR_CHAIN},
    {"a13 a link less", {.number = 4, .links = {"de|abde"}}, {.number = 5}, 0, UD_ERR_CHAIN},
    {"a13 another history to the same number",
     {.number = 4, .links = {"de|abde"}},
     {.number = 5, .links = {"fg|abfg"}},
     0,
     UD_ERR_CHAIN},
};

static void test_a3_a13_a_store_follows_its_predecessor_and_nothing_else(void **state)
{
    (void)state;
    static struct ud_trust_store now;
    static struct ud_trust_store next;
    const struct ud_trust roots = roots0();
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct test_store_plan plans[] = {steps[i].now, steps[i].next};
        struct ud_trust_store *const made[] = {&now, &next};
        for (size_t k = 0; k < 2; k++) {
            const size_t links = plans[k].links[1] != NULL ? 2 : plans[k].links[0] != NULL;
            char last[8] = "ab";
            if (links > 0) {
                memcpy(last, plans[k].links[links - 1], 2);
            }
            plans[k].signers = last;
            plans[k].anchors = "h";
            plans[k].threshold = 1;
            plans[k].roots_number = UINT32_MAX;
            if (plans[k].number > 0) {
                const struct ud_bytes in =
                    test_stores_make(&stores, &plans[k], k == 1 ? steps[i].keep_links : 0, &out[k]);
                assert_int_equal(ud_trust_store_verify(made[k], in, &roots, NULL), UD_OK);
            }
        }
        const ud_err err = ud_trust_store_follows(&next, plans[0].number > 0 ? &now : NULL, 0);
        if (err != steps[i].want) {
            fail_msg("%s: %s", steps[i].name, ud_err_name(err));
        }
    }
}

/* The last author's key is lost or stolen: the roots replace it, and nothing that it signed counts any more (E2, E3). */
static void test_e2_e3_the_roots_replace_the_last_key_that_could_sign(void **state)
{
    (void)state;
    static struct ud_trust_store store;
    uint8_t object[512];
    struct ud_buf buf = {object, sizeof object, 0};
    struct ud_cose cose;
    ud_trust_set signers = 0;
    const struct ud_trust roots = roots0();
    struct test_store_plan plan = {
        .number = 1, .signers = "ab", .anchors = "f", .threshold = 1, .roots_number = UINT32_MAX};
    const struct ud_bytes first = test_stores_make(&stores, &plan, 0, &out[0]);
    assert_int_equal(ud_trust_store_verify(&store, first, &roots, NULL), UD_OK);
    assert_int_equal(
        ud_cose_sign1_write(&buf, &stores.keys['f' - 'a'].signer, UD_BYTES_LITERAL("newer"), false), UD_OK);
    assert_int_equal(ud_cose_parse(&cose, ud_buf_bytes(&buf), NULL), UD_OK);
    assert_int_equal(ud_trust_verify(&store.trust, &cose, cose.payload, &signers), UD_OK);
    plan.number = 2;
    plan.anchors = "g";
    plan.revoked = "f";
    const struct ud_bytes second = test_stores_make(&stores, &plan, 0, &out[1]);
    assert_int_equal(ud_trust_store_verify(&store, second, &roots, NULL), UD_OK);
    signers = 0;
    assert_int_equal(ud_trust_verify(&store.trust, &cose, cose.payload, &signers), UD_ERR_REVOKED);
    assert_int_equal(signers, 0);
}

/* Time stops installs and nothing else (A4, A18). */
static void test_a4_a18_a_store_past_its_time_installs_nothing_new(void **state)
{
    (void)state;
    const struct ud_trust trust = {.sequence_min = 10, .expires_s = 1000};
    const struct ud_trust timeless = {.sequence_min = 0};
    assert_int_equal(ud_trust_may_install(&trust, 10, 1000), UD_OK);
    assert_int_equal(ud_trust_may_install(&trust, 10, 1001), UD_ERR_TRUST_EXPIRED);
    assert_int_equal(ud_trust_may_install(&trust, 10, UINT64_MAX), UD_ERR_TRUST_EXPIRED);
    assert_int_equal(ud_trust_may_install(&trust, 10, 0), UD_OK); /* time unknown: not asked */
    assert_int_equal(ud_trust_may_install(&trust, 9, 1), UD_ERR_STALE);
    assert_int_equal(ud_trust_may_install(&timeless, 0, UINT64_MAX), UD_OK);
}

/* The published example key, whose private half everybody has. */
static void test_e1_a_store_with_a_published_key_is_refused(void **state)
{
    (void)state;
    static struct ud_trust_store store;
    static uint8_t object[2048];
    static const uint8_t x_and_y[UD_P256_PUBLIC_BYTES] = {
        0x84, 0x96, 0x81, 0x1a, 0xae, 0x0b, 0xaa, 0xab, 0xd2, 0x61, 0x57, 0x18, 0x9e, 0xec, 0xda, 0x26,
        0xbe, 0xaa, 0x8b, 0xf1, 0x1b, 0x6f, 0x3f, 0xe6, 0xe2, 0xb5, 0x65, 0x9c, 0x85, 0xdb, 0xc0, 0xad,
        0x3b, 0x1f, 0x2a, 0x4b, 0x6c, 0x09, 0x81, 0x31, 0xc0, 0xa3, 0x6d, 0xac, 0xd1, 0xd7, 0x8b, 0xd3,
        0x81, 0xdc, 0xdf, 0xb0, 0x9c, 0x05, 0x2d, 0xb3, 0x39, 0x91, 0xdb, 0x73, 0x38, 0xb4, 0xa8, 0x96};
    struct ud_trust_store made = {.trust = {.threshold = 1, .number = 1}};
    struct ud_buf body = {room[0], TEST_STORE_BYTES, 0};
    struct ud_buf signed_body = {room[1], TEST_STORE_BYTES, 0};
    struct ud_buf whole = {object, sizeof object, 0};
    const struct ud_signer *signers[UD_COSE_PROOFS_MAX];
    const struct ud_trust roots = roots0();
    assert_int_equal(ud_trust_add(&made.trust, x_and_y, 1), UD_OK);
    assert_int_equal(ud_trust_store_body_write(&body, &made), UD_OK);
    const size_t count = test_stores_signers(&stores, "ab", signers);
    assert_int_equal(ud_cose_sign_write(&signed_body, signers, count, ud_buf_bytes(&body), false), UD_OK);
    assert_int_equal(ud_trust_store_write(&whole, (struct ud_bytes){NULL, 0}, 0, ud_buf_bytes(&signed_body)),
                     UD_OK);
    assert_int_equal(ud_trust_store_verify(&store, ud_buf_bytes(&whole), &roots, NULL), UD_ERR_KEY_PUBLISHED);
}

static void test_a15_no_bit_of_a_store_can_change_and_no_byte_be_missing(void **state)
{
    (void)state;
    static struct ud_trust_store store;
    const struct ud_trust roots = roots0();
    const struct test_store_plan plan = {.number = 3,
                                         .links = {"de|abde"},
                                         .roots_number = UINT32_MAX,
                                         .signers = "de",
                                         .anchors = "fg",
                                         .threshold = 2,
                                         .revoked = "h"};
    const struct ud_bytes in = test_stores_make(&stores, &plan, 0, &out[0]);
    for (size_t at = 0; at < in.len; at++) {
        room[0][at] ^= (uint8_t)(1 << at % 8);
        assert_int_not_equal(ud_trust_store_verify(&store, in, &roots, NULL), UD_OK);
        room[0][at] ^= (uint8_t)(1 << at % 8);
        assert_int_not_equal(ud_trust_store_verify(&store, (struct ud_bytes){in.ptr, at}, &roots, NULL), UD_OK);
    }
    assert_int_equal(ud_trust_store_verify(&store, in, &roots, NULL), UD_OK);
    assert_int_equal(
        ud_trust_store_verify(&store, (struct ud_bytes){room[0], UD_TRUST_STORE_BYTES_MAX + 1}, &roots, NULL),
        UD_ERR_LIMIT);
}

static void test_what_no_device_would_take_is_not_written(void **state)
{
    (void)state;
    struct ud_trust_store store = {.trust = {.threshold = 2, .number = 1}};
    assert_int_equal(ud_trust_store_body_write(&out[0], &store), UD_ERR_MISSING);
    assert_int_equal(ud_trust_add(&store.trust, stores.keys[0].signer.pub, 1), UD_OK);
    assert_int_equal(ud_trust_store_body_write(&out[0], &store), UD_ERR_THRESHOLD);
    store.trust.threshold = 1;
    store.trust.group_need[1] = 1;
    assert_int_equal(ud_trust_store_body_write(&out[0], &store), UD_ERR_THRESHOLD);
    store.trust.group_need[1] = 0;
    store.trust.number = 0;
    assert_int_equal(ud_trust_store_body_write(&out[0], &store), UD_ERR_NUMBER_RANGE);
    assert_int_equal(ud_trust_store_write(&out[0], (struct ud_bytes){NULL, 0}, UD_TRUST_LINKS_MAX + 1,
                                          (struct ud_bytes){NULL, 0}),
                     UD_ERR_LIMIT);
    assert_int_equal(out[0].len, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_store_says_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a13_a17_only_enough_of_the_old_and_of_the_new_roots_make_a_store,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a3_a13_a_store_follows_its_predecessor_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_e2_e3_the_roots_replace_the_last_key_that_could_sign, set_up,
                                        tear_down),
        cmocka_unit_test(test_a4_a18_a_store_past_its_time_installs_nothing_new),
        cmocka_unit_test_setup_teardown(test_e1_a_store_with_a_published_key_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a15_no_bit_of_a_store_can_change_and_no_byte_be_missing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_no_device_would_take_is_not_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
