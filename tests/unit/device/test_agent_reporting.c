/* Records, versions and capabilities in what a whole device reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_fleet.h"
#include "updraft/agent_reporting.h"
#include "updraft/cbor.h"

static const uint8_t other_uuid[UD_UUID_BYTES] = {0xbd};
static struct ud_agent_reporting reporting;

static int setup(void **state)
{
    if (fleet_setup(state) != 0) {
        return -1;
    }
    struct fleet *fleet = *state;
    reporting = (struct ud_agent_reporting){.ops = &ud_agent_reporting_ops};
    fleet->device.config.reporting = &reporting;
    assert_int_equal(device_boot(&fleet->device, UD_OK), UD_OK);
    return 0;
}

static void offer_and_rest(struct device *device, const struct release *release)
{
    fleet_offer(device, release, FLEET_ACTION);
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
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

static void test_the_first_report_after_a_start_says_what_the_device_can_do_and_the_next_does_not(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct ud_capabilities can;
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, UD_OK);
    assert_int_equal(report.record_count, 0);
    assert_int_equal(ud_report_capabilities(report.capabilities, &can), UD_OK);
    assert_true(ud_bytes_equal(can.list[UD_CAPABILITY_COMPONENTS], device->layout.components[0].id));
    assert_true(has_label(can.list[UD_CAPABILITY_COMMANDS], 21));  /* fetch */
    assert_false(has_label(can.list[UD_CAPABILITY_COMMANDS], 18)); /* write: there is no part for it */
    assert_false(has_label(can.list[UD_CAPABILITY_COMMON], 1));
    fleet->v2.image[fleet->v2.image_bytes / 2] ^= 1;
    offer_and_rest(device, &fleet->v2);
    report = device_last_report(device);
    assert_int_equal(report.result, UD_ERR_IMAGE_MISMATCH);
    assert_int_equal(report.capabilities.len, 0);
}

static void test_a_manifest_beyond_the_device_is_answered_with_what_it_can_do(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct release *release = calloc(1, sizeof *release);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    release_make(release, &(struct release_options){.sequence = 11,
                                                    .image_bytes = 600,
                                                    .signer = &fleet->author,
                                                    .content = UD_BYTES_LITERAL("written")});
    offer_and_rest(device, release);
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, UD_ERR_COMMAND);
    assert_true(report.capabilities.len > 0);
    free(release);
}

/* Which conditions are recorded, and whether with what was found, is the manifest's to say. */
static void test_records_follow_the_reporting_policies_and_say_what_was_measured(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct ud_report_record record;
    uint8_t wrong[UD_SHA256_BYTES];
    bool image = false;
    bool vendor = false;
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    fleet->v2.image[fleet->v2.image_bytes / 2] ^= 1;
    const struct ud_bytes bytes = release_image(&fleet->v2);
    assert_int_equal(ud_sha256(&bytes, 1, wrong), UD_OK);
    offer_and_rest(device, &fleet->v2);
    const struct ud_report report = device_last_report(device);
    assert_true(report.record_count > 0);
    for (size_t i = 0; i < report.record_count; i++) {
        assert_int_equal(ud_report_record(&report, i, &record), UD_OK);
        if (record.measured == UD_SUIT_HAS_VENDOR) {
            vendor = true;
            assert_int_equal(record.answer, UD_OK);
            assert_memory_equal(record.bytes.ptr, release_vendor, UD_UUID_BYTES);
        }
        if ((record.measured & UD_SUIT_HAS_DIGEST) != 0) {
            image = true;
            assert_int_equal(record.answer, UD_ERR_IMAGE_MISMATCH);
            assert_int_equal(record.where.section, UD_SUIT_INSTALL);
            assert_memory_equal(record.bytes.ptr, wrong, sizeof wrong);
            assert_true(record.number == fleet->v2.image_bytes);
        }
    }
    assert_true(vendor);
    assert_true(image);
}

static void test_records_are_of_the_manifest_that_is_reported_on_alone(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct release *release = calloc(1, sizeof *release);
    struct ud_report_record record;
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    fleet->v2.image[0] ^= 1;
    offer_and_rest(device, &fleet->v2);
    release_make(release,
                 &(struct release_options){
                     .sequence = 12, .image_bytes = 600, .signer = &fleet->author, .class_id = other_uuid});
    fleet_offer(device, release, FLEET_ACTION + 1);
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, UD_ERR_CLASS);
    for (size_t i = 0; i < report.record_count; i++) {
        assert_int_equal(ud_report_record(&report, i, &record), UD_OK);
        assert_int_equal(record.where.section, UD_SUIT_SHARED); /* nothing else of it was gone through */
    }
    assert_int_equal(record.answer, UD_ERR_CLASS);
    assert_int_equal(record.measured, UD_SUIT_HAS_CLASS);
    assert_memory_equal(record.bytes.ptr, release_class, UD_UUID_BYTES);
    free(release);
}

static ud_err version(void *ctx, uint8_t component, int64_t *numbers, size_t *count)
{
    (void)ctx;
    assert_int_equal(component, 0);
    assert_true(*count >= 4);
    numbers[0] = 3;
    numbers[1] = 0;
    numbers[2] = -1;
    numbers[3] = 70000;
    *count = 4;
    return UD_OK;
}

static void test_a_version_that_the_application_knows_is_reported(void **state)
{
    static const struct ud_suit_um_ops facts = {.version = version};
    static const uint8_t want[] = {0x82, 0x03, 0x84, 0x03, 0x00, 0x20, 0x1a, 0x00, 0x01, 0x11, 0x70};
    struct fleet *fleet = *state;
    fleet->device.config.facts = &facts;
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    const struct ud_report report = device_last_report(&fleet->device);
    struct ud_bytes found;
    assert_int_equal(ud_report_version(&report, 0, &found), UD_OK);
    assert_true(ud_bytes_equal(found, UD_BYTES_ARRAY(want)));
}

#define WITH_FLEET(test) cmocka_unit_test_setup_teardown(test, setup, fleet_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FLEET(test_the_first_report_after_a_start_says_what_the_device_can_do_and_the_next_does_not),
        WITH_FLEET(test_a_manifest_beyond_the_device_is_answered_with_what_it_can_do),
        WITH_FLEET(test_records_follow_the_reporting_policies_and_say_what_was_measured),
        WITH_FLEET(test_records_are_of_the_manifest_that_is_reported_on_alone),
        WITH_FLEET(test_a_version_that_the_application_knows_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
