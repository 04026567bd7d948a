#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "keys.h"
#include "updraft/cose.h"
#include "updraft/report.h"

static uint8_t component[] = {0x81, 0x43, 'a', 'p', 'p'};
static uint8_t digest[UD_SHA256_BYTES] = {1, 2, 3};
static uint8_t running[UD_SHA256_BYTES] = {4, 5, 6};
static uint8_t nonce[UD_NONCE_BYTES] = {7, 8, 9};

static struct ud_report good(void)
{
    return (struct ud_report){
        .reference_uri = UD_BYTES_LITERAL("https://example.net/m"),
        .reference_digest = UD_BYTES_ARRAY(digest),
        .nonce = UD_BYTES_ARRAY(nonce),
        .claims = {{UD_BYTES_ARRAY(component), UD_BYTES_ARRAY(running), 12345, 0x100000002, 4}},
        .claim_count = 1,
        .result = UD_OK,
        .boot_reason = UD_BOOT_NORMAL,
        .boot_count = 17,
        .counter = 0x123456789a,
    };
}

struct fixture {
    struct test_key device;
    struct test_key other;
    uint8_t bytes[UD_REPORT_BYTES_MAX];
    struct ud_buf out;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.out = (struct ud_buf){fixture.bytes, sizeof fixture.bytes, 0};
    test_key_make(&fixture.device);
    test_key_make(&fixture.other);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    test_key_drop(&f->device);
    test_key_drop(&f->other);
    return 0;
}

static ud_err verify(struct fixture *f, struct ud_report *report)
{
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(f->device.signer.pub)};
    return ud_report_verify(report, ud_buf_bytes(&f->out), &key, NULL);
}

static void test_a_report_of_success_reads_back_the_same(void **state)
{
    struct fixture *f = *state;
    const struct ud_report want = good();
    struct ud_report got;
    struct ud_bytes kid;
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    assert_int_equal(ud_report_kid(ud_buf_bytes(&f->out), &kid), UD_OK);
    assert_memory_equal(kid.ptr, f->device.signer.kid, UD_KID_BYTES);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_true(ud_bytes_equal(got.reference_uri, want.reference_uri));
    assert_true(ud_bytes_equal(got.reference_digest, want.reference_digest));
    assert_true(ud_bytes_equal(got.nonce, want.nonce));
    assert_int_equal(got.claim_count, 1);
    assert_true(ud_bytes_equal(got.claims[0].component_id, want.claims[0].component_id));
    assert_true(ud_bytes_equal(got.claims[0].digest, want.claims[0].digest));
    assert_true(got.claims[0].image_size == 12345 && got.claims[0].sequence == 0x100000002);
    assert_int_equal(got.claims[0].epoch, 4);
    assert_int_equal(got.result, UD_OK);
    assert_int_equal(got.boot_reason, UD_BOOT_NORMAL);
    assert_int_equal(got.boot_count, 17);
    assert_true(got.counter == want.counter);
    assert_int_equal(got.counter_err, UD_OK);
    assert_int_equal(got.measurement.len, 0);
}

static void test_a_report_of_failure_says_what_and_where(void **state)
{
    struct fixture *f = *state;
    struct ud_report want = good();
    struct ud_report got;
    want.nonce = (struct ud_bytes){NULL, 0};
    want.reference_uri = (struct ud_bytes){NULL, 0};
    want.result = UD_ERR_CLASS;
    want.record = (struct ud_suit_record){
        .section = UD_SUIT_RESOLUTION, .offset_bytes = 300, .path_len = 2, .path = {1, 7}, .command = 2};
    want.boot_reason = UD_BOOT_REVERTED;
    want.counter_err = UD_ERR_ROLLBACK_COUNTER;
    want.measurement = UD_BYTES_ARRAY(running);
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_int_equal(got.result, UD_ERR_CLASS);
    assert_int_equal(got.record.section, UD_SUIT_RESOLUTION);
    assert_int_equal(got.record.path_len, 2);
    assert_memory_equal(got.record.path, want.record.path, 2);
    assert_int_equal(got.record.offset_bytes, 300);
    assert_int_equal(got.boot_reason, UD_BOOT_REVERTED);
    assert_int_equal(got.nonce.len, 0);
    assert_int_equal(got.reference_uri.len, 0);
    assert_int_equal(got.counter_err, UD_ERR_ROLLBACK_COUNTER);
    assert_true(ud_bytes_equal(got.measurement, want.measurement));
}

/* The figure that reserves buffers must hold for the worst case, and one byte less must not be overrun. */
static void test_the_largest_report_fits_the_stated_size(void **state)
{
    struct fixture *f = *state;
    static uint8_t uri[UD_URI_BYTES_MAX];
    static uint8_t id[UD_COMPONENT_ID_BYTES_MAX] = {0x81, 0x58, UD_COMPONENT_ID_BYTES_MAX - 3};
    struct ud_report report = good();
    struct ud_report got;
    memset(uri, 'u', sizeof uri);
    report.reference_uri = UD_BYTES_ARRAY(uri);
    report.result = UD_ERR_UNCONFIRMED;
    report.record = (struct ud_suit_record){.section = UD_SUIT_INSTALL,
                                            .offset_bytes = UINT32_MAX,
                                            .component = UINT8_MAX,
                                            .path_len = UD_SUIT_DEPENDENCIES_MAX,
                                            .path = {23, 23, 23},
                                            .command = 21};
    report.boot_count = UINT32_MAX;
    report.counter = UINT64_MAX;
    report.counter_err = UD_ERR_ROLLBACK_COUNTER;
    report.measurement = UD_BYTES_ARRAY(running);
    report.claim_count = UD_COMPONENTS_MAX;
    for (size_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        report.claims[i] = (struct ud_report_claim){UD_BYTES_ARRAY(id), UD_BYTES_ARRAY(running), UINT64_MAX,
                                                    UINT64_MAX, UINT32_MAX};
    }
    assert_int_equal(ud_report_write(&f->out, &report, &f->device.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_int_equal(got.claim_count, UD_COMPONENTS_MAX);
    struct ud_buf small = {f->bytes, f->out.len - 1, 0};
    assert_int_equal(ud_report_write(&small, &report, &f->device.signer), UD_ERR_BUFFER);
}

static void test_every_flipped_bit_and_every_cut_is_noticed(void **state)
{
    struct fixture *f = *state;
    const struct ud_report want = good();
    struct ud_report got;
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    const size_t whole = f->out.len;
    for (size_t i = 0; i < whole; i++) {
        f->bytes[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_not_equal(verify(f, &got), UD_OK);
        f->bytes[i] ^= (uint8_t)(1u << (i % 8));
        f->out.len = i;
        assert_int_not_equal(verify(f, &got), UD_OK);
        f->out.len = whole;
    }
    assert_int_equal(verify(f, &got), UD_OK);
}

static void test_another_devices_key_does_not_speak_for_this_one(void **state)
{
    struct fixture *f = *state;
    const struct ud_report want = good();
    struct ud_report got;
    struct ud_signer forged = f->other.signer;
    assert_int_equal(ud_report_write(&f->out, &want, &f->other.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_ERR_IDENTITY);
    memcpy(forged.kid, f->device.signer.kid, sizeof forged.kid);
    f->out.len = 0;
    assert_int_equal(ud_report_write(&f->out, &want, &forged), UD_OK);
    assert_int_equal(verify(f, &got), UD_ERR_SIGNATURE);
}

/* Payloads by hand: signed well, saying something wrong. REFERENCE, DEVICE, CLAIM and RECORD are good ones. */
#define HASH "0102030405060708010203040506070801020304050607080102030405060708"
#define REFERENCE "1863 82 60 82 2f 5820 " HASH
#define DEVICE "390100 a3 01 01 02 02 03 01"
#define DIGEST "5824 82 2f 5820 " HASH
#define SEQUENCE "390100 82 00 07"
#define CLAIM "a4 00 8143617070 03 " DIGEST " 0e 05 " SEQUENCE
#define RECORD "06 85 80 00 00 00 a0 07 0b"

static const struct {
    const char *name;
    const char *payload;
    ud_err want;
} payloads[] = {
    {"success, no claim", "a4 03 80 04f5" REFERENCE DEVICE, UD_OK},
    {"success, one claim", "a4 03 81" CLAIM "04f5" REFERENCE DEVICE, UD_OK},
    {"nothing", "", UD_ERR_TRUNCATED},
    {"an array", "80", UD_ERR_SHAPE},
    {"bytes behind", "a4 03 80 04f5" REFERENCE DEVICE "00", UD_ERR_TRAILING},
    {"no result", "a3 03 80" REFERENCE DEVICE, UD_ERR_MISSING},
    {"no device part", "a3 03 80 04f5" REFERENCE, UD_ERR_MISSING},
    {"result twice", "a5 03 80 04f5 04f5" REFERENCE DEVICE, UD_ERR_DUPLICATE},
    {"unknown key", "a5 03 80 04f5 05f5" REFERENCE DEVICE, UD_ERR_LABEL_UNKNOWN},
    {"out of order", "a4 03 80" REFERENCE "04f5" DEVICE, UD_ERR_MISSING},
    {"optional key out of order", "a5 03 80 02 50 00000000000000000000000000000000 04f5" REFERENCE DEVICE,
     UD_ERR_NOT_DETERMINISTIC},
    {"short nonce", "a5 02 4f 000000000000000000000000000000 03 80 04f5" REFERENCE DEVICE, UD_ERR_SHAPE},
    {"result false", "a4 03 80 04f4" REFERENCE DEVICE, UD_ERR_SHAPE},
    {"failure with the code of success", "a4 03 80 04 a3 05 00" RECORD REFERENCE DEVICE, UD_ERR_NUMBER_RANGE},
    {"failure with the code of waiting", "a4 03 80 04 a3 05 01" RECORD REFERENCE DEVICE, UD_ERR_NUMBER_RANGE},
    {"failure code over 32 bits", "a4 03 80 04 a3 05 1b0000000100000010" RECORD REFERENCE DEVICE,
     UD_ERR_NUMBER_RANGE},
    {"record of an unknown section", "a4 03 80 04 a3 05 10 06 85 80 0a 00 00 a0 07 01" REFERENCE DEVICE,
     UD_ERR_NUMBER_RANGE},
    {"record deeper than a tree", "a4 03 80 04 a3 05 10 06 85 84 01010101 03 00 00 a0 07 01" REFERENCE DEVICE,
     UD_ERR_LIMIT},
    {"record of a dependency beyond all indices",
     "a4 03 80 04 a3 05 10 06 85 81 1818 03 00 00 a0 07 01" REFERENCE DEVICE, UD_ERR_NUMBER_RANGE},
    {"record with four elements", "a4 03 80 04 a3 05 10 06 84 80 03 00 00 07 01" REFERENCE DEVICE,
     UD_ERR_SHAPE},
    {"unknown boot reason", "a4 03 80 04f5" REFERENCE "390100 a3 01 01 02 02 03 06", UD_ERR_NUMBER_RANGE},
    {"nine claims", "a4 03 89" CLAIM CLAIM CLAIM CLAIM CLAIM CLAIM CLAIM CLAIM CLAIM "04f5" REFERENCE DEVICE,
     UD_ERR_LIMIT},
    {"claim without sequence", "a4 03 81 a3 00 8143617070 03 " DIGEST " 0e 05 04f5" REFERENCE DEVICE,
     UD_ERR_MISSING},
    {"claim with another hash",
     "a4 03 81 a4 00 8143617070 03 5824 82 2a 5820" HASH "0e 05" SEQUENCE "04f5" REFERENCE DEVICE,
     UD_ERR_ALGORITHM},
    {"claim with an empty component id",
     "a4 03 81 a4 00 80 03 " DIGEST " 0e 05" SEQUENCE "04f5" REFERENCE DEVICE, UD_ERR_SHAPE},
    {"epoch over 32 bits",
     "a4 03 81 a4 00 8143617070 03 " DIGEST " 0e 05 390100 82 1b0000000100000000 07 04f5" REFERENCE DEVICE,
     UD_ERR_NUMBER_RANGE},
};

static ud_err verify_payload(struct fixture *f, const char *hex, struct ud_report *got)
{
    uint8_t bytes[UD_REPORT_BYTES_MAX];
    const struct ud_bytes payload = hex_decode(hex, bytes, sizeof bytes);
    f->out.len = 0;
    assert_int_equal(ud_cose_sign1_write(&f->out, &f->device.signer, payload, false), UD_OK);
    return verify(f, got);
}

static void test_what_a_signed_report_says_must_be_of_the_format(void **state)
{
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct ud_report got;
        print_message("  %s\n", payloads[i].name);
        assert_int_equal(verify_payload(*state, payloads[i].payload, &got), payloads[i].want);
    }
}

static void test_a_failure_of_a_kind_from_the_future_stays_a_failure(void **state)
{
    struct ud_report got;
    assert_int_equal(verify_payload(*state, "a4 03 80 04 a3 05 1903e7" RECORD REFERENCE DEVICE, &got), UD_OK);
    assert_int_equal(got.result, UD_ERR_INTERNAL);
}

static void test_a_detached_or_oversized_report_is_refused(void **state)
{
    struct fixture *f = *state;
    static uint8_t large[UD_REPORT_BYTES_MAX + 1];
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(f->device.signer.pub)};
    struct ud_report got;
    assert_int_equal(ud_cose_sign1_write(&f->out, &f->device.signer, UD_BYTES_LITERAL("x"), true), UD_OK);
    assert_int_equal(verify(f, &got), UD_ERR_COSE);
    assert_int_equal(ud_report_verify(&got, UD_BYTES_ARRAY(large), &key, NULL), UD_ERR_LIMIT);
}

static const struct {
    const char *name;
    size_t uri_bytes;
    size_t digest_bytes;
    size_t nonce_bytes;
    uint8_t claim_count;
    ud_err want;
} shapes[] = {
    {"uri too long", UD_URI_BYTES_MAX + 1, UD_SHA256_BYTES, 0, 0, UD_ERR_LIMIT},
    {"short digest", 0, UD_SHA256_BYTES - 1, 0, 0, UD_ERR_SHAPE},
    {"short nonce", 0, UD_SHA256_BYTES, UD_NONCE_BYTES - 1, 0, UD_ERR_SHAPE},
    {"too many claims", 0, UD_SHA256_BYTES, 0, UD_COMPONENTS_MAX + 1, UD_ERR_LIMIT},
    {"claim without anything", 0, UD_SHA256_BYTES, 0, 2, UD_ERR_SHAPE},
};

static void test_a_report_with_views_of_wrong_length_is_not_written(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[UD_URI_BYTES_MAX + 1];
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct ud_report report = good();
        print_message("  %s\n", shapes[i].name);
        report.reference_uri = (struct ud_bytes){bytes, shapes[i].uri_bytes};
        report.reference_digest.len = shapes[i].digest_bytes;
        report.nonce.len = shapes[i].nonce_bytes;
        report.claim_count = shapes[i].claim_count;
        assert_int_equal(ud_report_write(&f->out, &report, &f->device.signer), shapes[i].want);
        assert_int_equal(f->out.len, 0);
    }
}

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(test_a_report_of_success_reads_back_the_same),
        WITH_KEYS(test_a_report_of_failure_says_what_and_where),
        WITH_KEYS(test_the_largest_report_fits_the_stated_size),
        WITH_KEYS(test_every_flipped_bit_and_every_cut_is_noticed),
        WITH_KEYS(test_another_devices_key_does_not_speak_for_this_one),
        WITH_KEYS(test_what_a_signed_report_says_must_be_of_the_format),
        WITH_KEYS(test_a_failure_of_a_kind_from_the_future_stays_a_failure),
        WITH_KEYS(test_a_detached_or_oversized_report_is_refused),
        WITH_KEYS(test_a_report_with_views_of_wrong_length_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
