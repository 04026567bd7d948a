/* Genuine words in the wrong place: what was made for another device, and what is known already in another form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_fleet.h"
#include "second_form.h"

static const uint8_t mine[UD_UUID_BYTES] = {0xfe, 0xd1, 7};
static const uint8_t another[UD_UUID_BYTES] = {0xfe, 0xd1, 8};

static struct release *for_device(const struct fleet *fleet, const uint8_t *device_id)
{
    struct release *release = calloc(1, sizeof *release);
    assert_non_null(release);
    release_make(release,
                 &(struct release_options){
                     .sequence = 11, .image_bytes = 6000, .signer = &fleet->author, .device_id = device_id});
    return release;
}

static void expect_refused(struct fleet *fleet, ud_err want)
{
    struct device *device = &fleet->device;
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, want);
    assert_memory_equal(report.claims[0].digest.ptr, fleet->v1.image_digest, UD_SHA256_BYTES);
    assert_int_equal(device->road.resources[1].served_bytes, 0); /* before any byte of the image */
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, &fleet->v1);
}

/* Signed by the right author and newer than what runs: only the device's id says that it is not for this one. */
static void test_a16_a_manifest_for_another_device_is_refused_before_a_download(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct release *theirs = for_device(fleet, another);
    struct release *ours = for_device(fleet, mine);
    fleet_offer(device, theirs, FLEET_ACTION); /* a device without an id is nobody that a manifest can name */
    expect_refused(fleet, UD_ERR_DEVICE_ID);
    device->config.device_id = UD_BYTES_ARRAY(mine);
    device->identity.device_id = UD_BYTES_ARRAY(mine);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device->road.resource_count = 0;
    fleet_offer(device, theirs, FLEET_ACTION + 1);
    expect_refused(fleet, UD_ERR_DEVICE_ID);
    device->road.resource_count = 0;
    fleet_update(device, ours, FLEET_ACTION + 2);
    free(theirs);
    free(ours);
}

/* The wrapper stands first, and the signature is its end: behind a head of two bytes, and in front of the manifest. */
static void turn_signature(struct release *release)
{
    static const uint8_t head[] = {0x58, 0x40};
    for (size_t i = 0; i + sizeof head + 64 < release->envelope_bytes; i++) {
        if (memcmp(release->envelope + i, head, sizeof head) == 0) {
            second_form(release->envelope + i + sizeof head);
            return;
        }
    }
    fail_msg("no signature");
}

/* Nobody needs a key to make the second form. It names the same manifest, so it is that manifest and no other. */
static void test_e4_the_second_form_of_a_signature_is_the_same_release(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct release *again = malloc(sizeof *again);
    assert_non_null(again);
    *again = fleet->v1;
    turn_signature(again);
    assert_memory_not_equal(again->envelope, fleet->v1.envelope, again->envelope_bytes);
    fleet_offer(device, again, FLEET_ACTION);
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT),
                     UD_WAIT); /* it runs already: said, and nothing done */
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, UD_OK);
    assert_memory_equal(report.reference_digest.ptr, fleet->v1.manifest_digest, UD_SHA256_BYTES);
    assert_int_equal(device->road.resources[1].served_bytes, 0);

    fleet_update(device, &fleet->v2, FLEET_ACTION + 1);
    device->road.resource_count = 0;
    fleet_offer(device, again, FLEET_ACTION + 2); /* and it is as old as it was */
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_int_equal(device_last_report(device).result, UD_ERR_STALE);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, &fleet->v2);
    free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a16_a_manifest_for_another_device_is_refused_before_a_download,
                                        fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_e4_the_second_form_of_a_signature_is_the_same_release, fleet_setup,
                                        fleet_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
