/*
 * Attacks on manifests and keys, each by its id in docs/attacks.md. The device is asked in the order that an agent
 * keeps: signatures, manifest, rights, and only then the commands. What it was asked is in its trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "helper_ops.h"
#include "hex.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"
#include "updraft/slots.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define ONES16 "01010101010101010101010101010101"
#define TWOS16 "02020202020202020202020202020202"
#define IDS "01<" ONES16 "> 02<" TWOS16 ">"
#define DIGEST "03<822f<0404040404040404040404040404040404040404040404040404040404040404>>"
#define TWO "8281410081 4101"
#define SHARED_TWO "8c 0cf5 14a1" DIGEST "0c00 14a2" IDS "010f020f"
#define FETCH_A "14a1156161 150f" /* set the URI `a`, fetch */
#define ASK "vendor 0 01; class 0 02; "

struct opened {
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_run run;
    struct helper_device device;
};

/* As far as it goes. @return the first error */
static ud_err judge(struct opened *o, struct ud_bytes in, const struct ud_trust *trust,
                    ud_suit_procedure procedure)
{
    uint8_t vendor[UD_UUID_BYTES];
    uint8_t class_id[UD_UUID_BYTES];
    ud_err err = ud_suit_envelope_parse(&o->env, in, NULL);
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&o->env, trust, NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_manifest_parse(&o->man, &o->env, NULL);
    }
    for (size_t i = 0; err == UD_OK && i < o->man.component_count; i++) {
        struct ud_bytes id = {NULL, 0};
        assert_int_equal(ud_suit_component_id(&o->man, i, &id), UD_OK);
        err = ud_trust_may_write(trust, o->env.signers, 0, id, hex_decode(ONES16, vendor, sizeof vendor),
                                 hex_decode(TWOS16, class_id, sizeof class_id));
    }
    o->device.trace[0] = '\0';
    return err == UD_OK ? helper_run(&o->run, &o->man, procedure, &o->device) : err;
}

/* Signed by one key that is trusted. */
static ud_err judge_manifest(struct opened *o, const struct helper_manifest *manifest,
                             ud_suit_procedure procedure)
{
    static struct helper_signed made;
    helper_sign(&made, manifest);
    return judge(o, made.envelope, &made.trust, procedure);
}

static const struct helper_manifest fetches = {.install = "84" FETCH_A};

/* An envelope around `fetches`, signed by these keys. */
static struct ud_bytes signed_by(const struct helper_key *keys, size_t key_count, struct ud_buf *out)
{
    uint8_t bytes[1024];
    struct ud_buf manifest = {bytes, sizeof bytes, 0};
    (void)helper_manifest_encode(&fetches, &manifest);
    return helper_envelope_encode(ud_buf_bytes(&manifest), (struct ud_bytes){NULL, 0}, 0, keys, key_count, out);
}

static void test_a1_a_stranger_and_a_key_outside_its_rights_install_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *prefix;
        const char *vendor;
        const char *class_id;
        bool known;
        ud_err want;
    } rows[] = {
        {"a key with every right", "", "", "", true, UD_OK},
        {"a key with just this right", "814100", ONES16, TWOS16, true, UD_OK},
        {"an unknown key", "", "", "", false, UD_ERR_UNTRUSTED},
        {"a key of another component", "814101", "", "", true, UD_ERR_RIGHTS},
        {"a key of another vendor", "", TWOS16, "", true, UD_ERR_RIGHTS},
        {"a key of another class", "", "", ONES16, true, UD_ERR_RIGHTS},
    };
    struct helper_key keys[2];
    helper_key_open(&keys[0], UD_ALG_ES256);
    helper_key_open(&keys[1], UD_ALG_ES256);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[2048];
        uint8_t rights[3][UD_UUID_BYTES];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct opened o = {.device = {.slot = 0}};
        struct ud_trust trust = {.threshold = 1};
        assert_int_equal(ud_trust_add(&trust, keys[rows[i].known ? 0 : 1].signer.pub, 1), UD_OK);
        trust.keys[0].component_prefix = hex_decode(rows[i].prefix, rights[0], UD_UUID_BYTES);
        trust.keys[0].vendor_id = hex_decode(rows[i].vendor, rights[1], UD_UUID_BYTES);
        trust.keys[0].class_id = hex_decode(rows[i].class_id, rights[2], UD_UUID_BYTES);
        const ud_err err = judge(&o, signed_by(keys, 1, &buf), &trust, UD_SUIT_UPDATE);
        if (err != rows[i].want || (o.device.trace[0] != '\0') != (err == UD_OK)) {
            fail_msg("%s: %s, %s", rows[i].name, ud_err_name(err), o.device.trace);
        }
    }
    helper_key_close(&keys[0]);
    helper_key_close(&keys[1]);
}

static void test_a2_no_difference_of_numbers_wraps_round_to_newer(void **state)
{
    (void)state;
    static const uint64_t below[] = {1, 2, (uint64_t)1 << 31, (uint64_t)1 << 32, (uint64_t)1 << 63, UINT64_MAX};
    static const uint64_t stored[] = {UINT64_MAX, (uint64_t)1 << 63, (uint64_t)1 << 32, (uint64_t)1 << 31, 1};
    for (size_t i = 0; i < COUNT(stored); i++) {
        for (size_t k = 0; k < COUNT(below); k++) {
            const struct ud_version have = {3, stored[i]};
            if (below[k] <= stored[i]) {
                const struct ud_version older = {3, stored[i] - below[k]};
                assert_true(ud_version_compare(older, have) < 0);
                assert_true(ud_version_compare(have, older) > 0);
            }
            assert_true(ud_version_compare((struct ud_version){2, below[k]}, have) < 0);
        }
        assert_int_equal(
            ud_version_compare((struct ud_version){3, stored[i]}, (struct ud_version){3, stored[i]}), 0);
    }
}

static void test_a8_genuine_software_for_something_else_is_refused_before_a_download(void **state)
{
    (void)state;
    static const struct {
        const char *refuse;
        ud_err err;
        const char *trace;
    } rows[] = {
        {NULL, UD_OK, ASK "device 0 02; fetch 0 a; "},
        {"vendor", UD_ERR_VENDOR, "vendor 0 01; "},
        {"class", UD_ERR_CLASS, ASK},
        {"device", UD_ERR_DEVICE_ID, ASK "device 0 02; "},
    };
    const struct helper_manifest manifest = {.shared = "88 14a3" IDS "1818<" TWOS16 "> 010f 020f 18180f",
                                             .install = "84" FETCH_A};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct opened o = {.device = {.refuse = rows[i].refuse, .refuse_err = rows[i].err}};
        assert_int_equal(judge_manifest(&o, &manifest, UD_SUIT_UPDATE), rows[i].err);
        assert_string_equal(o.device.trace, rows[i].trace);
    }
}

/* Keys a and b are trusted with weight 1 each, c is not; who signs, how many are asked for. */
static void test_a12_a17_the_threshold_counts_trusted_keys_and_not_signatures(void **state)
{
    (void)state;
    static const struct {
        const char *signs;
        uint8_t threshold;
        ud_err want;
    } rows[] = {
        {"ab", 2, UD_OK},
        {"ba", 2, UD_OK},
        {"a", 2, UD_ERR_THRESHOLD},
        {"b", 2, UD_ERR_THRESHOLD},
        {"aa", 2, UD_ERR_THRESHOLD},
        {"bbbbbbbb", 2, UD_ERR_THRESHOLD},
        {"ac", 2, UD_ERR_THRESHOLD},
        {"c", 1, UD_ERR_UNTRUSTED},
        {"", 1, UD_ERR_UNSIGNED},
        {"", 0, UD_ERR_UNSIGNED},
        {"ab", 0, UD_ERR_THRESHOLD},
    };
    struct helper_key keys[3];
    struct ud_trust trust = {.threshold = 0};
    for (size_t i = 0; i < COUNT(keys); i++) {
        helper_key_open(&keys[i], UD_ALG_ES256);
    }
    assert_int_equal(ud_trust_add(&trust, keys[0].signer.pub, 1), UD_OK);
    assert_int_equal(ud_trust_add(&trust, keys[1].signer.pub, 1), UD_OK);
    assert_int_equal(ud_trust_add(&trust, keys[0].signer.pub, 1), UD_ERR_DUPLICATE);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[4096];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct helper_key chosen[UD_SUIT_SIGNATURES_MAX];
        struct opened o = {.device = {.slot = 0}};
        for (size_t k = 0; k < strlen(rows[i].signs); k++) {
            chosen[k] = keys[rows[i].signs[k] - 'a'];
        }
        trust.threshold = rows[i].threshold;
        const ud_err err = judge(&o, signed_by(chosen, strlen(rows[i].signs), &buf), &trust, UD_SUIT_UPDATE);
        if (err != rows[i].want || (o.device.trace[0] != '\0') != (err == UD_OK)) {
            fail_msg("%s of %u: %s", rows[i].signs, rows[i].threshold, ud_err_name(err));
        }
    }
    for (size_t i = 0; i < COUNT(keys); i++) {
        helper_key_close(&keys[i]);
    }
}

struct refused_row {
    const char *name;
    struct helper_manifest manifest;
    ud_err want;
};

/* Signed and trusted all the same; nothing may be written or started. */
static void check_refused(const struct refused_row *rows, size_t count, ud_suit_procedure procedure)
{
    static const char *const effects[] = {"fetch", "take", "copy", "swap", "invoke"};
    for (size_t i = 0; i < count; i++) {
        struct opened o = {.device = {.slot = 0}};
        const ud_err err = judge_manifest(&o, &rows[i].manifest, procedure);
        if (err != rows[i].want) {
            fail_msg("%s: %s, %s", rows[i].name, ud_err_name(err), o.device.trace);
        }
        for (size_t k = 0; k < COUNT(effects); k++) {
            if (strstr(o.device.trace, effects[k]) != NULL) {
                fail_msg("%s: %s", rows[i].name, o.device.trace);
            }
        }
    }
}

static void test_b2_a_manifest_that_does_not_say_for_what_it_is_has_no_effect(void **state)
{
    (void)state;
    static const struct refused_row rows[] = {
        {"no ids", {.shared = "84 010f 020f", .install = "84" FETCH_A}, UD_ERR_PARAMETER_UNSET},
        {"no class id",
         {.shared = "86 14a1 01<" ONES16 "> 010f 020f", .install = "84" FETCH_A},
         UD_ERR_PARAMETER_UNSET},
        {"ids, but no condition", {.shared = "82 14a2" IDS, .install = "84" FETCH_A}, UD_ERR_MISSING},
        {"conditions in another section",
         {.shared = "82 14a2" IDS, .install = "88 010f 020f" FETCH_A},
         UD_ERR_MISSING},
        {"conditions that may fail",
         {.shared = "84 14a2" IDS "1820<86 14a10df5 0e0f 010f>", .install = "84" FETCH_A},
         UD_ERR_MISSING},
        {"an id too short", {.shared = "86 14a1 01<0101> 010f 020f", .install = "84" FETCH_A}, UD_ERR_SHAPE},
    };
    check_refused(rows, COUNT(rows), UD_SUIT_UPDATE);
}

static void test_b4_commands_reach_no_component_beyond_those_signed_for(void **state)
{
    (void)state;
    static const struct refused_row rows[] = {
        {"index beyond", {.install = "86 0c01" FETCH_A}, UD_ERR_INDEX},
        {"index of 2^32", {.install = "86 0c1b0000000100000000" FETCH_A}, UD_ERR_INDEX},
        {"index in a list", {.install = "86 0c8101" FETCH_A}, UD_ERR_INDEX},
        {"index in a branch", {.install = "82 0f82 <82 030f> <86 0c01" FETCH_A ">"}, UD_ERR_INDEX},
        {"source beyond", {.install = "84 14a11601 160f"}, UD_ERR_INDEX},
        {"onto itself", {.install = "84 14a11600 160f"}, UD_ERR_INDEX},
        {"swapped with itself", {.install = "84 14a11600 181f0f"}, UD_ERR_INDEX},
        {"one place under two indices",
         {.components = "8281410081 4100", .shared = SHARED_TWO},
         UD_ERR_DUPLICATE},
    };
    check_refused(rows, COUNT(rows), UD_SUIT_UPDATE);
}

static void test_b5_a_name_inside_the_envelope_never_becomes_a_request(void **state)
{
    (void)state;
    static const struct refused_row rows[] = {
        {"no such payload", {.install = "84 14a1156223 61 150f"}, UD_ERR_NOT_FOUND},
        {"a fragment that is empty", {.install = "84 14a11561 23 150f"}, UD_ERR_NOT_FOUND},
        {"a fragment with a host in it", {.install = "84 14a11565232f2f2f61 150f"}, UD_ERR_NOT_FOUND},
    };
    check_refused(rows, COUNT(rows), UD_SUIT_UPDATE);
}

static void test_b7_what_changed_after_its_image_match_is_not_invoked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *invoke;
        ud_err want;
    } rows[] = {
        {"unchanged", "84 0c00 170f", UD_OK},
        {"another component", "84 0c01 170f", UD_OK},
        {"written", "88 0c00 14a112<01> 120f 170f", UD_ERR_INSECURE_ORDER},
        {"fetched", "88 0c00" FETCH_A "170f", UD_ERR_INSECURE_ORDER},
        {"copied onto", "88 0c00 14a11601 160f 170f", UD_ERR_INSECURE_ORDER},
        {"copied from", "8a 0c01 14a11600 160f 0c00 170f", UD_OK},
        {"swapped away", "88 0c00 14a11601 181f0f 170f", UD_ERR_INSECURE_ORDER},
        {"swapped in", "8a 0c01 14a11600 181f0f 0c00 170f", UD_ERR_INSECURE_ORDER},
        {"written in a branch", "88 0c00 14a112<01> 0f82<82 120f><82 030f> 170f", UD_ERR_INSECURE_ORDER},
        {"written and matched again", "8a 0c00 14a112<01> 120f 030f 170f", UD_OK},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct opened o = {.device = {.slot = 0}};
        const struct helper_manifest manifest = {
            .components = TWO, .shared = SHARED_TWO, .validate = "84 0cf5 030f", .invoke = rows[i].invoke};
        const ud_err err = judge_manifest(&o, &manifest, UD_SUIT_INVOCATION);
        if (err != rows[i].want || (strstr(o.device.trace, "invoke") != NULL) != (err == UD_OK)) {
            fail_msg("%s: %s, %s", rows[i].name, ud_err_name(err), o.device.trace);
        }
    }
}

/* The block of helper_sign(): d2 84 5826 a2 01 26 04 5820 kid ... f6 5840 signature. */
static void test_b8_only_a_whole_signature_of_the_algorithm_that_is_named_counts(void **state)
{
    (void)state;
    enum { TAG_AT = 0, ALG_AT = 6 };
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        ud_err want;
    } rows[] = {
        {"as it was", ALG_AT, 0x26, UD_OK},
        {"relabelled ESP256", ALG_AT, 0x28, UD_ERR_SIGNATURE},
        {"relabelled EdDSA", ALG_AT, 0x27, UD_ERR_ALGORITHM},
        {"relabelled Ed25519", ALG_AT, 0x32, UD_ERR_ALGORITHM},
        {"relabelled HMAC", ALG_AT, 0x05, UD_ERR_ALGORITHM},
        {"relabelled none", ALG_AT, 0x00, UD_ERR_ALGORITHM},
        {"a MAC by its tag", TAG_AT, 0xd1, UD_ERR_ALGORITHM},
        {"COSE_Encrypt0 by its tag", TAG_AT, 0xd0, UD_ERR_COSE},
    };
    static struct helper_signed made;
    struct opened o = {.device = {.slot = 0}};
    struct ud_bytes block;
    struct ud_cose_sign1 sign1;
    helper_sign(&made, &fetches);
    assert_int_equal(ud_suit_envelope_parse(&o.env, made.envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_block(&o.env, 0, &block), UD_OK);
    const size_t at = ud_bytes_offset(made.envelope, block);
    assert_int_equal(made.bytes[at + ALG_AT], 0x26);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t before = made.bytes[at + rows[i].at];
        made.bytes[at + rows[i].at] = rows[i].value;
        const ud_err err = judge(&o, made.envelope, &made.trust, UD_SUIT_UPDATE);
        if (err != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(err));
        }
        made.bytes[at + rows[i].at] = before;
    }
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(made.trust.keys[0].pub)};
    assert_int_equal(ud_cose_sign1_parse(&sign1, block, NULL), UD_OK);
    assert_int_equal(ud_cose_sign1_verify(&sign1, &key, o.env.digest_item), UD_OK);
    for (size_t len = 0; len < UD_P256_SIGNATURE_BYTES; len++) {
        sign1.signature.len = len;
        assert_int_equal(ud_cose_sign1_verify(&sign1, &key, o.env.digest_item), UD_ERR_SIGNATURE);
    }
}

static void test_b14_bytes_behind_the_end_are_refused_wherever_they_are(void **state)
{
    (void)state;
    static const struct refused_row rows[] = {
        {"behind a sequence", {.install = "84" FETCH_A "00"}, UD_ERR_TRAILING},
        {"behind the shared sequence", {.shared = "84 14a2" IDS "010f 00"}, UD_ERR_TRAILING},
        {"behind a severed member", {.install = "84" FETCH_A "00", .severed = true}, UD_ERR_TRAILING},
        {"behind a branch", {.install = "82 0f82 <82 030f 00> <82 030f>"}, UD_ERR_TRAILING},
    };
    static struct helper_signed made;
    struct opened o = {.device = {.slot = 0}};
    check_refused(rows, COUNT(rows), UD_SUIT_UPDATE);
    helper_sign(&made, &fetches);
    made.bytes[made.envelope.len] = 0;
    made.envelope.len++;
    assert_int_equal(judge(&o, made.envelope, &made.trust, UD_SUIT_UPDATE), UD_ERR_TRAILING);
}

/*
 * No bit of an envelope changes what the device does. Unsigned, and so free to change, is only an integrated payload,
 * which the image match looks at: the device notes the payload itself, so there the trace differs and nowhere else.
 */
static void test_b16_no_changed_bit_changes_what_a_device_is_asked(void **state)
{
    (void)state;
    static struct helper_signed made;
    static struct opened first;
    uint8_t bytes[2048];
    uint8_t member_bytes[128];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_bytes payload = {NULL, 0};
    const struct helper_manifest manifest = {.install = "86 14a1156223 61 150f 030f", .severed = true};
    helper_sign_raw(
        &made, helper_manifest_encode(&manifest, &buf),
        helper_cbor("14<86 14a1156223 61 150f 030f> 622361<796573>", member_bytes, sizeof member_bytes), 2);
    assert_int_equal(judge(&first, made.envelope, &made.trust, UD_SUIT_UPDATE), UD_OK);
    assert_string_equal(first.device.trace, ASK "take 0 yes; match 0 03/1000; ");
    assert_int_equal(ud_suit_envelope_integrated(&first.env, UD_BYTES_LITERAL("#a"), &payload), UD_OK);
    const size_t unsigned_at = ud_bytes_offset(made.envelope, payload);
    for (size_t bit = 0; bit < 8 * made.envelope.len; bit++) {
        struct opened o = {.device = {.slot = 0}};
        const size_t at = bit / 8;
        made.bytes[at] ^= (uint8_t)(1u << bit % 8);
        const ud_err err = judge(&o, made.envelope, &made.trust, UD_SUIT_UPDATE);
        made.bytes[at] ^= (uint8_t)(1u << bit % 8);
        const bool in_payload = at >= unsigned_at && at < unsigned_at + payload.len;
        const bool as_before = err == UD_OK && strcmp(o.device.trace, first.device.trace) == 0;
        if (in_payload ? err != UD_OK || as_before : err == UD_OK) {
            fail_msg("bit %zu of byte %zu: %s, %s", bit % 8, at, ud_err_name(err), o.device.trace);
        }
    }
}

static void test_b17_severed_parts_are_those_that_were_signed_or_there_is_no_update(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool severed;
        const char *members;
        size_t count;
        ud_err update;
        ud_err invocation;
    } rows[] = {
        {"there", true, "14<84 " FETCH_A ">", 1, UD_OK, UD_OK},
        {"removed", true, "", 0, UD_ERR_SEVERED, UD_OK},
        {"replaced", true, "14<84 14a1156162 150f>", 1, UD_ERR_DIGEST, UD_ERR_DIGEST},
        {"emptied", true, "1440", 1, UD_ERR_DIGEST, UD_ERR_DIGEST},
        {"twice in the envelope", true, "14<84 " FETCH_A "> 14<84 " FETCH_A ">", 2, UD_ERR_DUPLICATE,
         UD_ERR_DUPLICATE},
        {"in the manifest and in the envelope", false, "14<84 " FETCH_A ">", 1, UD_ERR_DUPLICATE,
         UD_ERR_DUPLICATE},
        {"under another label", true, "10<84 " FETCH_A ">", 1, UD_ERR_DIGEST, UD_ERR_DIGEST},
        {"one more that nobody signed", true, "10<82 030f> 14<84 " FETCH_A ">", 2, UD_ERR_DIGEST,
         UD_ERR_DIGEST},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static struct helper_signed made;
        uint8_t bytes[1024];
        uint8_t members[128];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct opened o = {.device = {.slot = 0}};
        const struct helper_manifest manifest = {
            .install = "84 " FETCH_A, .validate = "82 030f", .severed = rows[i].severed};
        helper_sign_raw(&made, helper_manifest_encode(&manifest, &buf),
                        helper_cbor(rows[i].members, members, sizeof members), rows[i].count);
        const ud_err update = judge(&o, made.envelope, &made.trust, UD_SUIT_UPDATE);
        if (update != rows[i].update || (strstr(o.device.trace, "fetch") != NULL) != (update == UD_OK)) {
            fail_msg("%s: update %s, %s", rows[i].name, ud_err_name(update), o.device.trace);
        }
        assert_int_equal(judge(&o, made.envelope, &made.trust, UD_SUIT_INVOCATION), rows[i].invocation);
    }
}

static void test_b18_no_effect_before_the_checks_nor_in_the_shared_sequence(void **state)
{
    (void)state;
    static const struct refused_row rows[] = {
        {"write", {.shared = "84 14a112<01> 120f"}, UD_ERR_INSECURE_ORDER},
        {"fetch", {.shared = "84" FETCH_A}, UD_ERR_INSECURE_ORDER},
        {"copy", {.shared = "82 160f"}, UD_ERR_INSECURE_ORDER},
        {"invoke", {.shared = "82 170f"}, UD_ERR_INSECURE_ORDER},
        {"swap", {.shared = "82 181f0f"}, UD_ERR_INSECURE_ORDER},
        {"in a branch", {.shared = "82 0f82 <82 010f> <82 170f>"}, UD_ERR_INSECURE_ORDER},
        {"in a run-sequence", {.shared = "82 1820<84" FETCH_A ">"}, UD_ERR_INSECURE_ORDER},
        {"two deep", {.shared = "82 1820<82 1820<82 170f>>"}, UD_ERR_INSECURE_ORDER},
        {"fetch before the checks", {.shared = "82 14a2" IDS, .fetch = "84" FETCH_A}, UD_ERR_MISSING},
        {"an unknown command behind a fetch", {.install = "86" FETCH_A "0a0f"}, UD_ERR_COMMAND},
        {"an unknown parameter behind a fetch", {.install = "86" FETCH_A "14a1181f00"}, UD_ERR_PARAMETER},
        {"an unknown command in the last branch",
         {.install = "86" FETCH_A "0f82 <82 030f> <82 0a0f>"},
         UD_ERR_COMMAND},
    };
    check_refused(rows, COUNT(rows), UD_SUIT_UPDATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a1_a_stranger_and_a_key_outside_its_rights_install_nothing),
        cmocka_unit_test(test_a2_no_difference_of_numbers_wraps_round_to_newer),
        cmocka_unit_test(test_a8_genuine_software_for_something_else_is_refused_before_a_download),
        cmocka_unit_test(test_a12_a17_the_threshold_counts_trusted_keys_and_not_signatures),
        cmocka_unit_test(test_b2_a_manifest_that_does_not_say_for_what_it_is_has_no_effect),
        cmocka_unit_test(test_b4_commands_reach_no_component_beyond_those_signed_for),
        cmocka_unit_test(test_b5_a_name_inside_the_envelope_never_becomes_a_request),
        cmocka_unit_test(test_b7_what_changed_after_its_image_match_is_not_invoked),
        cmocka_unit_test(test_b8_only_a_whole_signature_of_the_algorithm_that_is_named_counts),
        cmocka_unit_test(test_b14_bytes_behind_the_end_are_refused_wherever_they_are),
        cmocka_unit_test(test_b16_no_changed_bit_changes_what_a_device_is_asked),
        cmocka_unit_test(test_b17_severed_parts_are_those_that_were_signed_or_there_is_no_update),
        cmocka_unit_test(test_b18_no_effect_before_the_checks_nor_in_the_shared_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
