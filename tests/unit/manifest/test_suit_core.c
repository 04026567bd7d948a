/* The language of the core alone: this program chooses its feature groups itself, as a small device's build does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "helper_ops.h"
#include "manifest/suit_command.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const struct suit_group *const suit_groups[] = {&suit_group_core, NULL};
const struct suit_group *const suit_group_of_trees = NULL;

#define COMMON "03<a1 0281814100>"
#define WITH_VALIDATE(sequence) "a4 0101 0207 " COMMON "07<" sequence ">"
#define WITH_PARAMS(map) WITH_VALIDATE("82 14" map)

static const struct {
    const char *name;
    const char *manifest;
    ud_err want;
} rows[] = {
    {"what it knows", WITH_VALIDATE("82 030f"), UD_OK},
    {"component id of the manifest (5)", "a4 0101 0207 " COMMON "0581 4100", UD_ERR_LABEL_UNKNOWN},
    {"set version (6)", "a4 0101 0207 " COMMON "06<8101>", UD_ERR_LABEL_UNKNOWN},
    {"coswid (14)", "a4 0101 0207 " COMMON "0e<a0>", UD_ERR_LABEL_UNKNOWN},
    {"dependency resolution (15)", "a4 0101 0207 " COMMON "0f<82030f>", UD_ERR_DEPENDENCY},
    {"candidate verification (18)", "a4 0101 0207 " COMMON "12<82030f>", UD_ERR_LABEL_UNKNOWN},
    {"uninstall (24)", "a4 0101 0207 " COMMON "1818<82030f>", UD_ERR_LABEL_UNKNOWN},
    {"dependencies", "a3 0101 0207 03<a2 01a100a0 0281814100>", UD_ERR_DEPENDENCY},
    {"use before (4)", WITH_VALIDATE("82 040f"), UD_ERR_COMMAND},
    {"dependency integrity (7)", WITH_VALIDATE("82 070f"), UD_ERR_COMMAND},
    {"is dependency (8)", WITH_VALIDATE("82 080f"), UD_ERR_COMMAND},
    {"process dependency (11)", WITH_VALIDATE("82 0b0f"), UD_ERR_COMMAND},
    {"set parameters (19)", WITH_VALIDATE("82 13a0"), UD_ERR_COMMAND},
    {"image not match (25)", WITH_VALIDATE("82 18190f"), UD_ERR_COMMAND},
    {"minimum battery (26)", WITH_VALIDATE("82 181a0f"), UD_ERR_COMMAND},
    {"update authorized (27)", WITH_VALIDATE("82 181b0f"), UD_ERR_COMMAND},
    {"version (28)", WITH_VALIDATE("82 181c0f"), UD_ERR_COMMAND},
    {"wait (29)", WITH_VALIDATE("82 181d0f"), UD_ERR_COMMAND},
    {"unlink (33)", WITH_VALIDATE("82 18210f"), UD_ERR_COMMAND},
    {"override multiple (34)", WITH_VALIDATE("82 1822a100a0"), UD_ERR_COMMAND},
    {"copy params (35)", WITH_VALIDATE("82 1823a1008103"), UD_ERR_COMMAND},
    {"parameter use before (4)", WITH_PARAMS("a1 0400"), UD_ERR_PARAMETER},
    {"encryption info (19)", WITH_PARAMS("a1 13<00>"), UD_ERR_PARAMETER},
    {"version match (28)", WITH_PARAMS("a1 181c<82018101>"), UD_ERR_PARAMETER},
    {"metadata (30)", WITH_PARAMS("a1 181e<a0>"), UD_ERR_PARAMETER},
};

static ud_err parse(struct helper_signed *made, struct ud_suit_envelope *env, struct ud_suit_manifest *man,
                    struct ud_bytes manifest)
{
    helper_sign_raw(made, manifest, (struct ud_bytes){NULL, 0}, 0);
    assert_int_equal(ud_suit_envelope_parse(env, made->envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(env, &made->trust, NULL), UD_OK);
    return ud_suit_manifest_parse(man, env, NULL);
}

static void test_what_a_left_out_group_would_know_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        static struct helper_signed made;
        struct ud_suit_envelope env;
        struct ud_suit_manifest man;
        uint8_t bytes[512];
        const ud_err err = parse(&made, &env, &man, helper_cbor(rows[i].manifest, bytes, sizeof bytes));
        if (err != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(err));
        }
    }
}

static void test_members_of_a_left_out_group_are_refused_in_the_envelope(void **state)
{
    (void)state;
    static const char *const members[] = {"0e<a0>", "0f<82030f>", "12<82030f>"};
    for (size_t i = 0; i < COUNT(members); i++) {
        static struct helper_signed made;
        struct ud_suit_envelope env;
        uint8_t bytes[256];
        uint8_t member_bytes[64];
        helper_sign_raw(&made, helper_cbor(WITH_VALIDATE("82 030f"), bytes, sizeof bytes),
                        helper_cbor(members[i], member_bytes, sizeof member_bytes), 1);
        assert_int_equal(ud_suit_envelope_parse(&env, made.envelope, NULL), UD_ERR_LABEL_UNKNOWN);
    }
}

static void test_the_core_installs_and_invokes(void **state)
{
    (void)state;
    static struct helper_signed made;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_run run;
    uint8_t bytes[512];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct helper_device device = {.waits = 1};
    const struct helper_manifest manifest = {
        .install = "84 14a1156161 150f", .validate = "82 030f", .invoke = "82 170f"};
    assert_int_equal(parse(&made, &env, &man, helper_manifest_encode(&manifest, &buf)), UD_OK);
    assert_int_equal(helper_run(&run, &man, UD_SUIT_UPDATE, &device), UD_OK);
    assert_int_equal(helper_run(&run, &man, UD_SUIT_INVOCATION, &device), UD_OK);
    assert_string_equal(device.trace,
                        "vendor 0 01; class 0 02; fetch 0 a; vendor 0 01; class 0 02; match 0 03/1000; "
                        "vendor 0 01; class 0 02; match 0 03/1000; vendor 0 01; class 0 02; invoke 0; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_left_out_group_would_know_is_refused_by_name),
        cmocka_unit_test(test_members_of_a_left_out_group_are_refused_in_the_envelope),
        cmocka_unit_test(test_the_core_installs_and_invokes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
