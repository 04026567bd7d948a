/* HSS/LMS: published vectors, every parameter set against a signer of our own, and what is refused by which name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_hss.h"
#include "hex.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct ud_hss_policy everything = {
    .lms_types = UINT32_MAX, .ots_types = UINT32_MAX, .levels_max = UD_HSS_LEVELS_MAX};

static const struct ud_bytes message = {(const uint8_t *)"to be signed", 12};

static struct ud_bytes vector(const char *name, const char *what, uint8_t *out, size_t cap)
{
    char path[128];
    (void)snprintf(path, sizeof path, "data/suit/hss-lms/%s.%s.hex", name, what);
    return hex_shared(path, out, cap);
}

struct published {
    uint8_t pub_bytes[UD_HSS_PUBLIC_BYTES_MAX];
    uint8_t msg_bytes[256];
    uint8_t sig_bytes[4096];
    struct ud_bytes pub;
    struct ud_bytes msg;
    struct ud_bytes sig;
};

static const char *const names[] = {"rfc8554-l2-m32-h5-w8", "rfc9858-l1-m24-h5-w8"};

static void published_open(struct published *p, const char *name)
{
    p->pub = vector(name, "pub", p->pub_bytes, sizeof p->pub_bytes);
    p->msg = vector(name, "msg", p->msg_bytes, sizeof p->msg_bytes);
    p->sig = vector(name, "sig", p->sig_bytes, sizeof p->sig_bytes);
}

static void test_the_published_signatures_verify_whole_and_in_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        static struct published p;
        struct ud_bytes parts[2];
        published_open(&p, names[i]);
        assert_int_equal(ud_hss_verify(&everything, p.pub, &p.msg, 1, p.sig), UD_OK);
        parts[1] = p.msg;
        assert_true(ud_bytes_take(&parts[1], 7, &parts[0]));
        assert_int_equal(ud_hss_verify(&everything, p.pub, parts, 2, p.sig), UD_OK);
        assert_int_equal(ud_hss_verify(&everything, p.pub, parts, 1, p.sig), UD_ERR_SIGNATURE);
    }
}

/* One bit of every byte, another bit in each: all bits of all bytes would be minutes of hashing. */
static void check_flips(uint8_t *bytes, size_t len, const struct published *p)
{
    for (size_t at = 0; at < len; at++) {
        const uint8_t bit = (uint8_t)(1u << at % 8);
        bytes[at] ^= bit;
        const ud_err err = ud_hss_verify(&everything, p->pub, &p->msg, 1, p->sig);
        bytes[at] ^= bit;
        if (err != UD_ERR_SIGNATURE && err != UD_ERR_ALGORITHM && err != UD_ERR_KEY) {
            fail_msg("byte %zu of %zu: error %d", at, len, (int)err);
        }
    }
}

static void test_a_changed_byte_of_key_message_or_signature_is_refused(void **state)
{
    (void)state;
    static struct published p;
    published_open(&p, names[1]);
    check_flips(p.pub_bytes, p.pub.len, &p);
    check_flips(p.msg_bytes, p.msg.len, &p);
    check_flips(p.sig_bytes, p.sig.len, &p);
}

static void test_every_truncation_and_a_byte_more_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        static struct published p;
        published_open(&p, names[i]);
        for (size_t len = 0; len <= p.sig.len + 1; len++) {
            uint8_t *exact = malloc(len + 1); /* so that the sanitizer sees a read behind the end */
            memcpy(exact, p.sig_bytes, len);
            const ud_err err = ud_hss_verify(&everything, p.pub, &p.msg, 1, (struct ud_bytes){exact, len});
            assert_int_equal(err, len == p.sig.len ? UD_OK : UD_ERR_SIGNATURE);
            free(exact);
        }
        for (size_t len = 0; len < p.pub.len; len++) {
            assert_int_equal(ud_hss_verify(&everything, (struct ud_bytes){p.pub_bytes, len}, &p.msg, 1, p.sig),
                             UD_ERR_KEY);
        }
    }
}

struct made {
    struct helper_hss_tree trees[3];
    uint8_t pub_bytes[64];
    uint8_t sig_bytes[HELPER_HSS_SIGNATURE_BYTES_MAX];
    struct ud_buf pub;
    struct ud_buf sig;
};

/* As many levels as trees; each tree but the last signs the key of the next. */
static void sign(struct made *m, uint32_t levels, uint32_t leaf)
{
    m->pub = (struct ud_buf){m->pub_bytes, sizeof m->pub_bytes, 0};
    m->sig = (struct ud_buf){m->sig_bytes, sizeof m->sig_bytes, 0};
    helper_hss_put_u32(&m->pub, levels);
    helper_hss_put_key(&m->pub, &m->trees[0]);
    helper_hss_put_u32(&m->sig, levels - 1);
    for (uint32_t i = 0; i + 1 < levels; i++) {
        uint8_t key_bytes[64];
        struct ud_buf key = {key_bytes, sizeof key_bytes, 0};
        helper_hss_put_key(&key, &m->trees[i + 1]);
        helper_hss_put_signature(&m->sig, &m->trees[i], leaf, ud_buf_bytes(&key));
        assert_true(ud_buf_put(&m->sig, ud_buf_bytes(&key)));
    }
    helper_hss_put_signature(&m->sig, &m->trees[levels - 1], leaf, message);
}

static ud_err verify(const struct ud_hss_policy *policy, const struct made *m)
{
    return ud_hss_verify(policy, ud_buf_bytes(&m->pub), &message, 1, ud_buf_bytes(&m->sig));
}

static void test_every_winternitz_parameter_of_both_hashes_verifies(void **state)
{
    (void)state;
    for (uint32_t ots_type = 1; ots_type <= 8; ots_type++) {
        static struct made m;
        static const size_t sizes[] = {0, 8688, 4464, 2352, 1296, 4960, 2584, 1384, 784};
        helper_hss_make(&m.trees[0], ots_type <= 4 ? UD_LMS_SHA256_M32_H5 : UD_LMS_SHA256_M24_H5, ots_type, 7);
        for (uint32_t leaf = 0; leaf < HELPER_HSS_LEAVES; leaf += HELPER_HSS_LEAVES - 1) {
            sign(&m, 1, leaf);
            assert_int_equal(m.sig.len, sizes[ots_type]);
            assert_int_equal(verify(&everything, &m), UD_OK);
            m.sig_bytes[3 + 4]++; /* another leaf than the one that signed, or none of the tree */
            assert_int_equal(verify(&everything, &m), UD_ERR_SIGNATURE);
        }
    }
}

static void test_a_policy_is_a_list_of_what_is_allowed(void **state)
{
    (void)state;
    const uint32_t m24 = UD_HSS_TYPE(UD_LMS_SHA256_M24_H5);
    const uint32_t w4 = UD_HSS_TYPE(UD_LMOTS_SHA256_N24_W1 + 2);
    const struct {
        const char *name;
        struct ud_hss_policy policy;
        uint32_t levels;
        ud_err want;
    } rows[] = {
        {"just this", {m24, w4, 3}, 3, UD_OK},
        {"one level", {m24, w4, 1}, 1, UD_OK},
        {"fewer levels", {m24, w4, 2}, 3, UD_ERR_ALGORITHM},
        {"no level", {m24, w4, 0}, 1, UD_ERR_ALGORITHM},
        {"another height", {m24 << 1, w4, 3}, 1, UD_ERR_ALGORITHM},
        {"another Winternitz parameter", {m24, w4 << 1, 3}, 1, UD_ERR_ALGORITHM},
        {"nothing", {0, 0, 8}, 1, UD_ERR_ALGORITHM},
    };
    static struct made m;
    for (uint8_t i = 0; i < 3; i++) {
        helper_hss_make(&m.trees[i], UD_LMS_SHA256_M24_H5, UD_LMOTS_SHA256_N24_W1 + 2, i);
    }
    for (size_t i = 0; i < COUNT(rows); i++) {
        sign(&m, rows[i].levels, 5);
        const ud_err err = verify(&rows[i].policy, &m);
        if (err != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(err));
        }
    }
}

static void test_a_lower_tree_of_a_set_that_is_not_allowed_is_refused_although_it_is_signed(void **state)
{
    (void)state;
    static struct made m;
    const struct ud_hss_policy upper = {UD_HSS_TYPE(UD_LMS_SHA256_M24_H5),
                                        UD_HSS_TYPE(UD_LMOTS_SHA256_N24_W1 + 2), 2};
    helper_hss_make(&m.trees[0], UD_LMS_SHA256_M24_H5, UD_LMOTS_SHA256_N24_W1 + 2, 1);
    helper_hss_make(&m.trees[1], UD_LMS_SHA256_M24_H5, UD_LMOTS_SHA256_N24_W1, 2);
    sign(&m, 2, 0);
    assert_int_equal(verify(&everything, &m), UD_OK);
    assert_int_equal(verify(&upper, &m), UD_ERR_ALGORITHM);
}

static void test_keys_that_are_none_are_refused_by_name(void **state)
{
    (void)state;
    enum { LEVELS_AT = 3, TYPE_AT = 7, OTS_AT = 11 };
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        ud_err want;
    } rows[] = {
        {"no level", LEVELS_AT, 0, UD_ERR_KEY},
        {"eight levels", LEVELS_AT, 8, UD_ERR_SIGNATURE},
        {"nine levels", LEVELS_AT, 9, UD_ERR_KEY},
        {"2^24 levels and one", 0, 1, UD_ERR_KEY},
        {"LMS type 0", TYPE_AT, 0, UD_ERR_ALGORITHM},
        {"LMS type 4", TYPE_AT, 4, UD_ERR_ALGORITHM},
        {"LMS with SHAKE256", TYPE_AT, 15, UD_ERR_ALGORITHM},
        {"LMS type beyond the set", TYPE_AT, 42, UD_ERR_ALGORITHM},
        {"LM-OTS type 0", OTS_AT, 0, UD_ERR_ALGORITHM},
        {"LM-OTS with SHAKE256", OTS_AT, 9, UD_ERR_ALGORITHM},
        {"LM-OTS type beyond the set", OTS_AT, 40, UD_ERR_ALGORITHM},
        {"LMS of 24 bytes with LM-OTS of 32", OTS_AT, 1, UD_ERR_KEY},
        {"LMS of 32 bytes with LM-OTS of 24", TYPE_AT, 5, UD_ERR_KEY},
        {"a higher tree", TYPE_AT, 11, UD_ERR_SIGNATURE},
        {"another LM-OTS of the same length", OTS_AT, 5, UD_ERR_SIGNATURE},
    };
    static struct made m;
    helper_hss_make(&m.trees[0], UD_LMS_SHA256_M24_H5, UD_LMOTS_SHA256_N24_W1 + 2, 3);
    sign(&m, 1, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t before = m.pub_bytes[rows[i].at];
        m.pub_bytes[rows[i].at] = rows[i].value;
        const ud_err err = verify(&everything, &m);
        m.pub_bytes[rows[i].at] = before;
        if (err != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(err));
        }
    }
    m.pub.len++;
    assert_int_equal(verify(&everything, &m), UD_ERR_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_published_signatures_verify_whole_and_in_parts),
        cmocka_unit_test(test_a_changed_byte_of_key_message_or_signature_is_refused),
        cmocka_unit_test(test_every_truncation_and_a_byte_more_is_refused),
        cmocka_unit_test(test_every_winternitz_parameter_of_both_hashes_verifies),
        cmocka_unit_test(test_a_policy_is_a_list_of_what_is_allowed),
        cmocka_unit_test(test_a_lower_tree_of_a_set_that_is_not_allowed_is_refused_although_it_is_signed),
        cmocka_unit_test(test_keys_that_are_none_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
