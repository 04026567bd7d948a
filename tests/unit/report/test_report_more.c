/* What a report says beside its result: records of commands, versions, and what the device can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "keys.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"
#include "updraft/report.h"

static uint8_t component[] = {0x81, 0x43, 'a', 'p', 'p'};
static uint8_t digest[UD_SHA256_BYTES] = {1, 2, 3};
static uint8_t vendor[UD_UUID_BYTES] = {0xfa, 0x6b};
static uint8_t version[] = {0x82, 0x03, 0x83, 0x01, 0x02, 0x20};

static const struct ud_report_record records[] = {
    {.where = {.section = UD_SUIT_SHARED, .offset_bytes = 30},
     .measured = UD_SUIT_HAS_VENDOR,
     .bytes = {vendor, sizeof vendor}},
    {.where = {.section = UD_SUIT_INSTALL, .offset_bytes = 6, .component = 1},
     .answer = UD_ERR_IMAGE_MISMATCH,
     .measured = UD_SUIT_HAS_DIGEST | UD_SUIT_HAS_SIZE,
     .bytes = {digest, sizeof digest},
     .number = 700},
    {.where = {.section = UD_SUIT_FETCH, .offset_bytes = 1, .path_len = 1, .path = {2}},
     .answer = UD_ERR_TIMEOUT},
};

static ud_err op(void *ctx, uint8_t index, const struct ud_suit_params *params)
{
    (void)ctx;
    (void)index;
    (void)params;
    return UD_OK;
}

static const struct ud_suit_ops can = {.vendor = op, .image_match = op, .obeys = UD_SUIT_HAS_ENCRYPTION};
static const struct ud_bytes versions[UD_COMPONENTS_MAX] = {{version, sizeof version}};
static const struct ud_bytes ids[] = {{component, sizeof component}};
static const int64_t algorithms[] = {-29, 1};

static struct ud_report_more more(void)
{
    return (struct ud_report_more){.ops = &ud_report_more_ops,
                                   .records = records,
                                   .record_count = 3,
                                   .can = &can,
                                   .components = ids,
                                   .component_count = 1,
                                   .versions = versions,
                                   .algorithms = algorithms,
                                   .algorithm_count = 2};
}

static struct ud_report good(const struct ud_report_more *said)
{
    return (struct ud_report){
        .reference_digest = UD_BYTES_ARRAY(digest),
        .claims = {{UD_BYTES_ARRAY(component), UD_BYTES_ARRAY(digest), 12345, 7, 4}},
        .claim_count = 1,
        .result = UD_ERR_IMAGE_MISMATCH,
        .boot_reason = UD_BOOT_NORMAL,
        .counter = 9,
        .more = said,
    };
}

struct fixture {
    struct test_key device;
    uint8_t bytes[UD_REPORT_BYTES_MAX];
    struct ud_buf out;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.out = (struct ud_buf){fixture.bytes, sizeof fixture.bytes, 0};
    test_key_make(&fixture.device);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    test_key_drop(&f->device);
    return 0;
}

static ud_err verify(struct fixture *f, struct ud_report *report)
{
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(f->device.signer.pub)};
    return ud_report_verify(report, ud_buf_bytes(&f->out), &key, NULL);
}

static bool has_label(struct ud_bytes list, int64_t label)
{
    struct ud_cbor r;
    bool found = false;
    ud_cbor_init(&r, list);
    while (r.err == UD_OK && r.rest.len > 0) {
        found = ud_cbor_int(&r) == label || found;
    }
    assert_int_equal(r.err, UD_OK);
    return found;
}

static void test_records_read_back_as_they_were_written(void **state)
{
    struct fixture *f = *state;
    const struct ud_report_more said = more();
    const struct ud_report want = good(&said);
    struct ud_report got;
    struct ud_report_record record;
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_int_equal(got.record_count, 3);
    assert_int_equal(got.claim_count, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ud_report_record(&got, i, &record), UD_OK);
        assert_int_equal(record.where.section, records[i].where.section);
        assert_int_equal(record.where.offset_bytes, records[i].where.offset_bytes);
        assert_int_equal(record.where.component, records[i].where.component);
        assert_int_equal(record.where.path_len, records[i].where.path_len);
        assert_int_equal(record.where.path[0], records[i].where.path[0]);
        assert_int_equal(record.answer, records[i].answer);
        assert_int_equal(record.measured, records[i].measured);
        assert_true(ud_bytes_equal(record.bytes, records[i].bytes));
        assert_true(record.number == records[i].number);
    }
    assert_int_equal(ud_report_record(&got, 3, &record), UD_ERR_INDEX);
}

static void test_a_claim_carries_the_version_that_the_device_knows(void **state)
{
    struct fixture *f = *state;
    struct ud_report_more said = more();
    const struct ud_report want = good(&said);
    struct ud_report got;
    struct ud_bytes found;
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_int_equal(ud_report_version(&got, 0, &found), UD_OK);
    assert_true(ud_bytes_equal(found, UD_BYTES_ARRAY(version)));
    assert_int_equal(ud_report_version(&got, 1, &found), UD_ERR_INDEX);
    said.versions = NULL;
    f->out.len = 0;
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_int_equal(ud_report_version(&got, 0, &found), UD_OK);
    assert_int_equal(found.len, 0);
}

static void test_capabilities_are_what_the_tables_and_the_functions_say(void **state)
{
    struct fixture *f = *state;
    const struct ud_report_more said = more();
    const struct ud_report want = good(&said);
    struct ud_report got;
    struct ud_capabilities has;
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_int_equal(ud_report_capabilities(got.capabilities, &has), UD_OK);
    assert_true(ud_bytes_equal(has.list[UD_CAPABILITY_COMPONENTS], UD_BYTES_ARRAY(component)));
    assert_true(has_label(has.list[UD_CAPABILITY_COMMANDS], 1));     /* vendor: it has the function */
    assert_true(has_label(has.list[UD_CAPABILITY_COMMANDS], 15));    /* try-each: the interpreter's own */
    assert_false(has_label(has.list[UD_CAPABILITY_COMMANDS], 22));   /* copy: it has none */
    assert_false(has_label(has.list[UD_CAPABILITY_COMMANDS], 26));   /* minimum battery: no facts */
    assert_true(has_label(has.list[UD_CAPABILITY_PARAMETERS], 19));  /* encryption info: obeyed */
    assert_false(has_label(has.list[UD_CAPABILITY_PARAMETERS], 30)); /* metadata: not */
    assert_false(has_label(has.list[UD_CAPABILITY_PARAMETERS], UD_SUIT_PARAM_PATCH));
    assert_true(has_label(has.list[UD_CAPABILITY_ALGORITHMS], UD_ALG_ES256));
    assert_true(has_label(has.list[UD_CAPABILITY_ALGORITHMS], -29));
    assert_true(has_label(has.list[UD_CAPABILITY_ENVELOPE], UD_SUIT_INSTALL));
    assert_true(has_label(has.list[UD_CAPABILITY_MANIFEST], UD_SUIT_INVOKE));
    assert_false(has_label(has.list[UD_CAPABILITY_COMMON], 1)); /* dependencies: no functions for them */
}

/* What became of the action is said in any case. */
static void test_what_has_no_room_stays_away_and_the_result_does_not(void **state)
{
    struct fixture *f = *state;
    static uint8_t uri[UD_URI_BYTES_MAX];
    static uint8_t id[UD_COMPONENT_ID_BYTES_MAX] = {0x81, 0x58, UD_COMPONENT_ID_BYTES_MAX - 3};
    const struct ud_report_more said = more();
    struct ud_report want = good(&said);
    struct ud_report got;
    want.reference_uri = UD_BYTES_ARRAY(uri);
    memset(uri, 'u', sizeof uri);
    want.claim_count = UD_COMPONENTS_MAX;
    for (size_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        want.claims[i] = (struct ud_report_claim){UD_BYTES_ARRAY(id), UD_BYTES_ARRAY(digest), UINT64_MAX,
                                                  UINT64_MAX, UINT32_MAX};
    }
    assert_int_equal(ud_report_write(&f->out, &want, &f->device.signer), UD_OK);
    assert_int_equal(verify(f, &got), UD_OK);
    assert_int_equal(got.result, UD_ERR_IMAGE_MISMATCH);
    assert_int_equal(got.claim_count, UD_COMPONENTS_MAX);
    assert_int_equal(got.record_count, 0);
    assert_int_equal(got.capabilities.len, 0);
}

/* Payloads by hand: signed well, saying something wrong. */
#define HASH "0102030405060708010203040506070801020304050607080102030405060708"
#define REFERENCE "1863 82 60 82 2f 5820 " HASH
#define DEVICE "390100 a3 01 01 02 02 03 01"
#define DIGEST "5824 82 2f 5820 " HASH
#define CLAIM_WITH(version) "a5 00 8143617070 03 " DIGEST " 0e 05 181c " version " 390100 82 00 07"
#define RECORD(map) "a4 03 81 85 80 03 01 00 " map " 04f5" REFERENCE DEVICE
#define ABLE(map) "a5 03 80 04f5 08 " map REFERENCE DEVICE
#define LISTS "01 81 8143617070 02 81 01 03 80 04 81 26"

static const struct {
    const char *name;
    const char *payload;
    ud_err want;
} payloads[] = {
    {"a record that measured nothing", RECORD("a0"), UD_OK},
    {"a record of a failure", RECORD("a1 390101 18 20"), UD_OK},
    {"a failure of a kind from the future", RECORD("a1 390101 1903e7"), UD_OK},
    {"a failure with the code of success", RECORD("a1 390101 00"), UD_ERR_NUMBER_RANGE},
    {"an image without its size", RECORD("a1 03" DIGEST), UD_OK},
    {"an image with its size", RECORD("a2 03" DIGEST "0e 05"), UD_OK},
    {"two things measured", RECORD("a2 05 01 0e 05"), UD_ERR_SHAPE},
    {"three things measured", RECORD("a3 03" DIGEST "05 01 0e 05"), UD_ERR_SHAPE},
    {"a vendor of 15 bytes", RECORD("a1 01 4f 000000000000000000000000000000"), UD_ERR_SHAPE},
    {"a parameter that nobody measures", RECORD("a1 15 6161"), UD_ERR_LABEL_UNKNOWN},
    {"measured twice", RECORD("a2 05 01 05 01"), UD_ERR_DUPLICATE},
    {"a record of six elements", "a4 03 81 86 80 03 01 00 a0 00 04f5" REFERENCE DEVICE, UD_ERR_SHAPE},
    {"a record of an unknown section", "a4 03 81 85 80 0a 01 00 a0 04f5" REFERENCE DEVICE, UD_ERR_NUMBER_RANGE},
    {"a list of neither records nor claims", "a4 03 81 01 04f5" REFERENCE DEVICE, UD_ERR_SHAPE},
    {"a version", "a4 03 81" CLAIM_WITH("45 82 03 82 01 02") "04f5" REFERENCE DEVICE, UD_OK},
    {"a version that compares otherwise", "a4 03 81" CLAIM_WITH("45 82 01 82 01 02") "04f5" REFERENCE DEVICE,
     UD_ERR_NUMBER_RANGE},
    {"a version without numbers", "a4 03 81" CLAIM_WITH("43 82 03 80") "04f5" REFERENCE DEVICE, UD_ERR_SHAPE},
    {"a version with something behind", "a4 03 81" CLAIM_WITH("45 82 03 81 01 02") "04f5" REFERENCE DEVICE,
     UD_ERR_TRAILING},
    {"capabilities", ABLE("a4" LISTS), UD_OK},
    {"a prefix of components", ABLE("a4 01 81 82 43617070 f5 02 80 03 80 04 80"), UD_OK},
    {"`true` before the end of a component", ABLE("a4 01 81 82 f5 43617070 02 80 03 80 04 80"), UD_ERR_SHAPE},
    {"a command that is a text", ABLE("a4 01 80 02 81 6161 03 80 04 80"), UD_ERR_SHAPE},
    {"capabilities without algorithms", ABLE("a3 01 80 02 80 03 80"), UD_ERR_MISSING},
    {"capabilities of an unknown kind", ABLE("a5" LISTS "18 20 80"), UD_ERR_LABEL_UNKNOWN},
    {"capabilities as a list", ABLE("80"), UD_ERR_SHAPE},
};

static void test_what_is_signed_must_be_of_the_format(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        uint8_t bytes[UD_REPORT_BYTES_MAX];
        struct ud_report got;
        const struct ud_bytes payload = hex_decode(payloads[i].payload, bytes, sizeof bytes);
        print_message("  %s\n", payloads[i].name);
        f->out.len = 0;
        assert_int_equal(ud_cose_sign1_write(&f->out, &f->device.signer, payload, false), UD_OK);
        assert_int_equal(verify(f, &got), payloads[i].want);
    }
}

static ud_err read_with_records(struct fixture *f, size_t count, struct ud_report *got)
{
    static uint8_t payload[UD_REPORT_BYTES_MAX];
    uint8_t tail[128];
    const struct ud_bytes end = hex_decode("04f5" REFERENCE DEVICE, tail, sizeof tail);
    struct ud_buf buf = {payload, sizeof payload, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &buf);
    ud_cbor_put_map(&w, 4);
    ud_cbor_put_uint(&w, 3);
    ud_cbor_put_array(&w, count);
    for (size_t i = 0; i < count; i++) {
        ud_cbor_put_raw(&w, UD_BYTES_LITERAL("\x85\x80\x03\x01\x00\xa0"));
    }
    ud_cbor_put_raw(&w, end);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    f->out.len = 0;
    assert_int_equal(ud_cose_sign1_write(&f->out, &f->device.signer, ud_buf_bytes(&buf), false), UD_OK);
    return verify(f, got);
}

/* As many records as are counted, and all of them can be read; one more is refused. */
static void test_a_report_full_of_records_is_read(void **state)
{
    struct fixture *f = *state;
    struct ud_report got;
    struct ud_report_record record;
    assert_int_equal(read_with_records(f, UINT8_MAX, &got), UD_OK);
    assert_int_equal(got.record_count, UINT8_MAX);
    assert_int_equal(ud_report_record(&got, UINT8_MAX - 1, &record), UD_OK);
    assert_int_equal(read_with_records(f, UINT8_MAX + 1, &got), UD_ERR_LIMIT);
}

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KEYS(test_records_read_back_as_they_were_written),
        WITH_KEYS(test_a_claim_carries_the_version_that_the_device_knows),
        WITH_KEYS(test_capabilities_are_what_the_tables_and_the_functions_say),
        WITH_KEYS(test_what_has_no_room_stays_away_and_the_result_does_not),
        WITH_KEYS(test_what_is_signed_must_be_of_the_format),
        WITH_KEYS(test_a_report_full_of_records_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
