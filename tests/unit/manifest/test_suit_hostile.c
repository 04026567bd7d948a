/*
 * Every published envelope, spoiled in every way that one change can: cut anywhere, any byte made any other.
 *
 * The property: what still authenticates has the same manifest, byte for byte, and every part of it that a device acts by
 * is among the signed bytes or vouched for by a digest in them. What may change unnoticed is listed: an integrated payload
 * and its name (a digest in the manifest is checked when it is used), and what a COSE header leaves unprotected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_keys.h"
#include "hex.h"
#include "updraft/suit.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define BYTES_MAX 1024

static const struct {
    const char *name;
    const char *key;
} envelopes[] = {
    {"manifest/example0", "example"},
    {"manifest/example1", "example"},
    {"manifest/example2", "example"},
    {"manifest/example2.severed", "example"},
    {"manifest/example3", "example"},
    {"manifest/example4", "example"},
    {"manifest/example5", "example"},
    {"trust-domains/dependency", "example"},
    {"trust-domains/process-dependency", "example"},
    {"trust-domains/integrated-dependency", "example"},
    {"encryption/esdh-gcm-write", "example"},
    {"encryption/esdh-gcm-dependency", "distributor"},
};

struct vector {
    uint8_t original[BYTES_MAX];
    uint8_t spoiled[BYTES_MAX];
    struct ud_bytes bytes;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_trust trust;
};

static void read_vector(struct vector *vector, size_t i)
{
    char path[128];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    (void)snprintf(path, sizeof path, "data/suit/%s.hex", envelopes[i].name);
    vector->bytes = hex_shared(path, vector->original, sizeof vector->original);
    helper_published_key(envelopes[i].key, pub);
    vector->trust = (struct ud_trust){.threshold = 1};
    assert_int_equal(ud_trust_add(&vector->trust, pub, 1), UD_OK);
    assert_int_equal(ud_suit_envelope_parse(&vector->env, vector->bytes, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&vector->env, &vector->trust, NULL), UD_OK);
    assert_int_equal(ud_suit_manifest_parse(&vector->man, &vector->env, NULL), UD_OK);
}

static ud_err read_envelope(struct ud_bytes in, const struct ud_trust *trust, struct ud_suit_envelope *env,
                            struct ud_suit_manifest *man)
{
    ud_err err = ud_suit_envelope_parse(env, in, NULL);
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(env, trust, NULL);
    }
    return err == UD_OK ? ud_suit_manifest_parse(man, env, NULL) : err;
}

static void test_every_cut_of_every_published_envelope_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(envelopes); i++) {
        static struct vector vector;
        read_vector(&vector, i);
        for (size_t len = 0; len < vector.bytes.len; len++) {
            struct ud_suit_envelope env;
            struct ud_suit_manifest man;
            struct ud_bytes cut = {NULL, len};
            uint8_t *exact = malloc(len + 1); /* a read beyond the end is seen by the sanitizer */
            assert_non_null(exact);
            memcpy(exact, vector.original, len);
            cut.ptr = exact;
            const ud_err err = read_envelope(cut, &vector.trust, &env, &man);
            free(exact);
            if (err == UD_OK) {
                fail_msg("%s is accepted when cut to %zu bytes", envelopes[i].name, len);
            }
        }
    }
}

static void expect_same(const struct vector *vector, const char *name, size_t at,
                        const struct ud_suit_envelope *env, const struct ud_suit_manifest *man)
{
    const bool same = ud_bytes_equal(env->manifest, vector->env.manifest) &&
                      ud_bytes_equal(env->digest_item, vector->env.digest_item) &&
                      man->sequence == vector->man.sequence &&
                      man->component_count == vector->man.component_count;
    if (!same) {
        fail_msg("%s: with byte %zu changed, another manifest is accepted", name, at);
    }
    for (size_t i = 0; i < UD_SUIT_MEMBER_COUNT; i++) {
        const bool severed = man->severed[i] && man->member[i].len == 0;
        if (!severed && !ud_bytes_equal(man->member[i], vector->man.member[i])) {
            fail_msg("%s: with byte %zu changed, another member %zu is accepted", name, at, i);
        }
    }
}

/* Signatures are verified for the bytes of the wrapper only: behind it a digest decides, and costs a thousandth. */
static void test_no_changed_byte_of_a_published_envelope_changes_what_is_done(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x20, 0x1f};
    for (size_t i = 0; i < COUNT(envelopes); i++) {
        static struct vector vector;
        read_vector(&vector, i);
        const size_t wrapper_end = ud_bytes_offset(vector.bytes, vector.env.manifest_item);
        for (size_t at = 0; at < vector.bytes.len; at++) {
            const bool in_wrapper = at < wrapper_end;
            const unsigned values = in_wrapper ? (unsigned)COUNT(flips) : 255;
            memcpy(vector.spoiled, vector.original, vector.bytes.len);
            for (unsigned value = 0; value < values; value++) {
                struct ud_suit_envelope env;
                struct ud_suit_manifest man;
                const uint8_t flip = in_wrapper ? flips[value] : (uint8_t)(value + 1);
                const struct ud_bytes in = {vector.spoiled, vector.bytes.len};
                vector.spoiled[at] = vector.original[at] ^ flip;
                if (ud_suit_envelope_parse(&env, in, NULL) != UD_OK ||
                    ud_suit_envelope_check_digest(&env, NULL) != UD_OK) {
                    continue;
                }
                if (read_envelope(in, &vector.trust, &env, &man) == UD_OK) {
                    expect_same(&vector, envelopes[i].name, at, &env, &man);
                }
            }
        }
    }
}

/* What a device is asked does not depend on payloads that a manifest does not fetch. */
static void test_members_swapped_between_envelopes_are_refused(void **state)
{
    (void)state;
    static struct vector vector;
    read_vector(&vector, 2);
    const struct ud_bytes install = vector.env.member_item[UD_SUIT_MEMBER_INSTALL];
    const struct ud_bytes text = vector.env.member_item[UD_SUIT_MEMBER_TEXT];
    assert_true(install.len > 0 && text.len > 0);
    for (size_t i = 0; i < install.len; i++) { /* one byte of one member from the other */
        struct ud_suit_envelope env;
        struct ud_suit_manifest man;
        const size_t at = ud_bytes_offset(vector.bytes, install) + i;
        memcpy(vector.spoiled, vector.original, vector.bytes.len);
        vector.spoiled[at] = text.ptr[i % text.len];
        if (vector.spoiled[at] == vector.original[at]) {
            continue;
        }
        assert_int_not_equal(
            read_envelope((struct ud_bytes){vector.spoiled, vector.bytes.len}, &vector.trust, &env, &man),
            UD_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_of_every_published_envelope_is_refused),
        cmocka_unit_test(test_no_changed_byte_of_a_published_envelope_changes_what_is_done),
        cmocka_unit_test(test_members_swapped_between_envelopes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
