#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "updraft/trust.h"

/* Keys need not be on the curve here: rights are decided after signatures. */
static const uint8_t *pub_of(uint8_t number)
{
    static uint8_t pub[UD_P256_PUBLIC_BYTES];
    memset(pub, number, sizeof pub);
    return pub;
}

static struct ud_trust trust_of(const uint8_t *weights, uint8_t count, uint8_t threshold)
{
    struct ud_trust trust = {.threshold = threshold};
    for (uint8_t i = 0; i < count; i++) {
        assert_int_equal(ud_trust_add(&trust, pub_of((uint8_t)(i + 1)), weights[i]), UD_OK);
    }
    return trust;
}

static const struct {
    const char *name;
    uint8_t weights[3];
    uint8_t threshold;
    ud_trust_set signers;
    ud_err want;
} policies[] = {
    {"one of one", {1, 1, 1}, 1, 0x1, UD_OK},
    {"nobody", {1, 1, 1}, 1, 0x0, UD_ERR_UNTRUSTED},
    {"one of two needed", {1, 1, 1}, 2, 0x2, UD_ERR_THRESHOLD},
    {"two of two needed", {1, 1, 1}, 2, 0x6, UD_OK},
    {"a heavy key alone", {1, 2, 1}, 2, 0x2, UD_OK},
    {"two light keys against three", {1, 1, 3}, 3, 0x3, UD_ERR_THRESHOLD},
    {"more than is asked", {200, 200, 200}, 255, 0x7, UD_OK},
    {"threshold 0 is never reached", {1, 1, 1}, 0, 0x7, UD_ERR_THRESHOLD},
    {"bits of keys that do not exist", {1, 1, 1}, 1, 0xfffffff8, UD_ERR_THRESHOLD},
};

static void test_the_weights_of_the_signers_must_reach_the_threshold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        const struct ud_trust trust = trust_of(policies[i].weights, 3, policies[i].threshold);
        print_message("  %s\n", policies[i].name);
        assert_int_equal(ud_trust_enough(&trust, policies[i].signers), policies[i].want);
    }
}

static void test_a_key_is_found_by_its_whole_kid_only(void **state)
{
    (void)state;
    const uint8_t weights[] = {1, 1, 1};
    const struct ud_trust trust = trust_of(weights, 3, 1);
    size_t index = 99;
    struct ud_bytes kid = UD_BYTES_ARRAY(trust.keys[2].kid);
    assert_int_equal(ud_trust_find(&trust, kid, &index), UD_OK);
    assert_int_equal(index, 2);
    kid.len--;
    assert_int_equal(ud_trust_find(&trust, kid, &index), UD_ERR_UNTRUSTED);
    assert_int_equal(ud_trust_find(&trust, (struct ud_bytes){NULL, 0}, &index), UD_ERR_UNTRUSTED);
    assert_int_equal(index, 2);
}

static void test_a_key_is_added_once_with_a_weight_and_up_to_the_limit(void **state)
{
    (void)state;
    struct ud_trust trust = {.threshold = 1};
    assert_int_equal(ud_trust_add(&trust, pub_of(1), 0), UD_ERR_NUMBER_RANGE);
    assert_int_equal(trust.key_count, 0);
    for (uint8_t i = 0; i < UD_TRUST_KEYS_MAX; i++) {
        assert_int_equal(ud_trust_add(&trust, pub_of((uint8_t)(i + 1)), 1), UD_OK);
        if (i + 1 < UD_TRUST_KEYS_MAX) {
            assert_int_equal(ud_trust_add(&trust, pub_of(1), 7), UD_ERR_DUPLICATE);
        }
    }
    assert_int_equal(ud_trust_add(&trust, pub_of(99), 1), UD_ERR_LIMIT);
    assert_int_equal(trust.key_count, UD_TRUST_KEYS_MAX);
}

/* Ids: ['app'] 8143617070, ['app','ui'] 8243617070427569, ['ap'] 81426170, ['apple'] 81456170706c65 */
static const struct {
    const char *name;
    const char *prefix;
    const char *vendor;
    const char *class_id;
    const char *asked;
    ud_err want;
} rights[] = {
    {"no limits", "", "", "", "8143617070", UD_OK},
    {"the same component", "8143617070", "", "", "8143617070", UD_OK},
    {"below its prefix", "8143617070", "", "", "8243617070427569", UD_OK},
    {"above its prefix", "8243617070427569", "", "", "8143617070", UD_ERR_RIGHTS},
    {"another component", "8143617070", "", "", "8144626f6f74", UD_ERR_RIGHTS},
    {"bytes that begin alike", "81426170", "", "", "8143617070", UD_ERR_RIGHTS},
    {"longer bytes that begin alike", "8143617070", "", "", "81456170706c65", UD_ERR_RIGHTS},
    {"second element differs", "8243617070427569", "", "", "824361707042756a", UD_ERR_RIGHTS},
    {"asked id is cut", "8143617070", "", "", "81436170", UD_ERR_RIGHTS},
    {"asked id is no array", "8143617070", "", "", "43617070", UD_ERR_RIGHTS},
    {"prefix of text strings", "8163617070", "", "", "8163617070", UD_ERR_RIGHTS},
    {"its vendor and class", "", "11111111111111111111111111111111", "22222222222222222222222222222222",
     "8143617070", UD_OK},
    {"another vendor", "", "12111111111111111111111111111111", "", "8143617070", UD_ERR_RIGHTS},
    {"another class", "", "", "32222222222222222222222222222222", "8143617070", UD_ERR_RIGHTS},
};

static void test_a_key_writes_only_what_it_has_the_right_to(void **state)
{
    (void)state;
    uint8_t vendor[UD_UUID_BYTES];
    uint8_t class_id[UD_UUID_BYTES];
    memset(vendor, 0x11, sizeof vendor);
    memset(class_id, 0x22, sizeof class_id);
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        uint8_t bytes[4][UD_COMPONENT_ID_BYTES_MAX];
        struct ud_trust trust = trust_of((const uint8_t[]){1}, 1, 1);
        trust.keys[0].component_prefix = hex_decode(rights[i].prefix, bytes[0], sizeof bytes[0]);
        trust.keys[0].vendor_id = hex_decode(rights[i].vendor, bytes[1], sizeof bytes[1]);
        trust.keys[0].class_id = hex_decode(rights[i].class_id, bytes[2], sizeof bytes[2]);
        const struct ud_bytes asked = hex_decode(rights[i].asked, bytes[3], sizeof bytes[3]);
        print_message("  %s\n", rights[i].name);
        assert_int_equal(
            ud_trust_may_write(&trust, 1, 0, asked, UD_BYTES_ARRAY(vendor), UD_BYTES_ARRAY(class_id)),
            rights[i].want);
    }
}

static void test_signers_without_the_right_do_not_help_to_the_threshold(void **state)
{
    (void)state;
    uint8_t app[] = {0x81, 0x43, 'a', 'p', 'p'};
    uint8_t net[] = {0x81, 0x43, 'n', 'e', 't'};
    const struct ud_bytes none = {NULL, 0};
    struct ud_trust trust = trust_of((const uint8_t[]){1, 1, 1}, 3, 2);
    trust.keys[2].component_prefix = UD_BYTES_ARRAY(net);
    assert_int_equal(ud_trust_enough(&trust, 0x5), UD_OK);
    assert_int_equal(ud_trust_may_write(&trust, 0x5, 0, UD_BYTES_ARRAY(app), none, none), UD_ERR_RIGHTS);
    assert_int_equal(ud_trust_may_write(&trust, 0x5, 0, UD_BYTES_ARRAY(net), none, none), UD_OK);
    assert_int_equal(ud_trust_may_write(&trust, 0x3, 0, UD_BYTES_ARRAY(app), none, none), UD_OK);
    trust.threshold = 0;
    assert_int_equal(ud_trust_may_write(&trust, 0x3, 0, UD_BYTES_ARRAY(app), none, none), UD_ERR_RIGHTS);
}

/* The device's own word on a component: each of these groups must be among who may write it. */
static void test_a1_a_component_with_writers_takes_nothing_that_they_have_not_signed(void **state)
{
    static const struct {
        const char *name;
        ud_trust_set signers;
        uint8_t writers;
        ud_err want;
    } rows[] = {
        {"nobody in particular", 0x1, 0x0, UD_OK},
        {"group 0, by its key", 0x1, 0x1, UD_OK},
        {"group 1, by a key of group 0", 0x1, 0x2, UD_ERR_RIGHTS},
        {"group 1, by its key", 0x2, 0x2, UD_OK},
        {"both, by one of them", 0x2, 0x3, UD_ERR_RIGHTS},
        {"both", 0x3, 0x3, UD_OK},
        {"group 2, by a key of it that has no right to this component", 0x5, 0x4, UD_ERR_RIGHTS},
        {"group 3, which has no key", 0x7, 0x8, UD_ERR_RIGHTS},
        {"the store keeps the manifest", UD_TRUST_SET_KEPT, 0x3, UD_OK},
        {"nobody signed", 0, 0x0, UD_ERR_RIGHTS},
    };
    static const uint8_t digest[UD_SHA256_BYTES] = {1};
    uint8_t app[] = {0x81, 0x43, 'a', 'p', 'p'};
    uint8_t net[] = {0x81, 0x43, 'n', 'e', 't'};
    const struct ud_bytes none = {NULL, 0};
    (void)state;
    struct ud_trust trust = trust_of((const uint8_t[]){1, 1, 1}, 3, 1);
    trust.kept = UD_BYTES_ARRAY(digest);
    trust.keys[1].group = 1;
    trust.keys[2].group = 2;
    trust.keys[2].component_prefix = UD_BYTES_ARRAY(net);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("  %s\n", rows[i].name);
        assert_int_equal(
            ud_trust_may_write(&trust, rows[i].signers, rows[i].writers, UD_BYTES_ARRAY(app), none, none),
            rows[i].want);
    }
    assert_int_equal(ud_trust_may_write(&trust, 0x5, 0x4, UD_BYTES_ARRAY(net), none, none), UD_OK);
}

/* Three of the author's, two of the operator's: two of the first and one of the second must sign. */
static void test_b10_author_and_operator_each_sign_as_often_as_their_group_asks(void **state)
{
    static const struct {
        ud_trust_set signers;
        ud_err want;
    } rows[] = {
        {0x0b, UD_OK},
        {0x15, UD_OK},
        {0x1f, UD_OK},
        {0x07, UD_ERR_THRESHOLD}, /* all of the author's: weight enough, approved by nobody else */
        {0x19, UD_ERR_THRESHOLD}, /* both of the operator's with one of the author's */
        {0x18, UD_ERR_THRESHOLD},
        {0x03, UD_ERR_THRESHOLD},
        {0x00, UD_ERR_UNTRUSTED},
    };
    (void)state;
    struct ud_trust trust = trust_of((const uint8_t[]){1, 1, 1, 1, 1}, 5, 1);
    trust.keys[3].group = 1;
    trust.keys[4].group = 1;
    trust.group_need[0] = 2;
    trust.group_need[1] = 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("  %x\n", (unsigned)rows[i].signers);
        assert_int_equal(ud_trust_enough(&trust, rows[i].signers), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_weights_of_the_signers_must_reach_the_threshold),
        cmocka_unit_test(test_a_key_is_found_by_its_whole_kid_only),
        cmocka_unit_test(test_a_key_is_added_once_with_a_weight_and_up_to_the_limit),
        cmocka_unit_test(test_a_key_writes_only_what_it_has_the_right_to),
        cmocka_unit_test(test_signers_without_the_right_do_not_help_to_the_threshold),
        cmocka_unit_test(test_a1_a_component_with_writers_takes_nothing_that_they_have_not_signed),
        cmocka_unit_test(test_b10_author_and_operator_each_sign_as_often_as_their_group_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
