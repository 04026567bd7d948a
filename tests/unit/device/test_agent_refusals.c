/* Whatever is wrong with an offer: the device says why, signed, keeps what it runs, and takes the next good one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_fleet.h"

static const uint8_t other_uuid[UD_UUID_BYTES] = {0xbd};

static void nothing(struct fleet *fleet, struct release *release)
{
    (void)fleet;
    (void)release;
}

static void flip_image(struct fleet *fleet, struct release *release)
{
    (void)fleet;
    release->image[release->image_bytes / 2] ^= 1;
}

static void shorten_image(struct fleet *fleet, struct release *release)
{
    (void)fleet;
    release->image_bytes--;
}

static void lengthen_image(struct fleet *fleet, struct release *release)
{
    (void)fleet;
    release->image_bytes++;
}

static void flip_manifest(struct fleet *fleet, struct release *release)
{
    (void)fleet;
    release->envelope[release->envelope_bytes / 2] ^= 1;
}

/* The wrapper stands first: tag, map, label, head of the wrapper, head of its array, then digest and block. */
static void flip_signature(struct fleet *fleet, struct release *release)
{
    (void)fleet;
    release->envelope[125] ^= 1;
}

static void cut_envelope(struct fleet *fleet, struct release *release)
{
    (void)fleet;
    release->envelope_bytes -= 5;
}

static void small_buffer(struct fleet *fleet, struct release *release)
{
    (void)release;
    fleet->device.config.envelope_cap = 512;
    release->envelope_bytes = 513;
}

static void revoke_rights(struct fleet *fleet, struct release *release)
{
    (void)release;
    fleet->device.trust.keys[0].class_id = UD_BYTES_ARRAY(other_uuid);
}

static void ask_writers(struct fleet *fleet, struct release *release)
{
    (void)release;
    fleet->device.layout.writers[0] = 1U << 1; /* the author's key is of group 0 */
}

static void raise_threshold(struct fleet *fleet, struct release *release)
{
    (void)release;
    fleet->device.trust.threshold = 2;
}

static ud_err tell_time(void *ctx, uint64_t *now_s)
{
    *now_s = *(const uint64_t *)ctx;
    return UD_OK;
}

static const struct ud_suit_um_ops clock_alone = {.clock = tell_time};
static uint64_t on_time = 999;
static uint64_t too_late = 1000;

static void be_late(struct fleet *fleet, struct release *release)
{
    (void)release;
    fleet->device.config.facts = &clock_alone;
    fleet->device.config.facts_ctx = &too_late;
}

static const struct {
    const char *name;
    ud_err want;
    struct release_options options; /* signer and sequence 11 are put in when absent */
    bool by_stranger;
    bool fetches_payload; /* false: refused before any byte of the image was asked for */
    void (*spoil)(struct fleet *fleet, struct release *release);
} rows[] = {
    {"image with one bit changed", UD_ERR_IMAGE_MISMATCH, {.image_bytes = 6000}, false, true, flip_image},
    {"image one byte short", UD_ERR_IMAGE_MISMATCH, {.image_bytes = 6000}, false, true, shorten_image},
    {"image one byte long", UD_ERR_IMAGE_MISMATCH, {.image_bytes = 6000}, false, true, lengthen_image},
    {"image one byte long, at the end of a chunk",
     UD_ERR_IMAGE_MISMATCH,
     {.image_bytes = 5999},
     false,
     true,
     lengthen_image},
    {"signed by a key that nobody knows", UD_ERR_UNTRUSTED, {.image_bytes = 600}, true, false, nothing},
    {"manifest with one bit changed", UD_ERR_DIGEST, {.image_bytes = 600}, false, false, flip_manifest},
    {"signature with one bit changed", UD_ERR_SIGNATURE, {.image_bytes = 600}, false, false, flip_signature},
    {"envelope cut short", UD_ERR_TRUNCATED, {.image_bytes = 600}, false, false, cut_envelope},
    {"envelope larger than the buffer", UD_ERR_TOO_LARGE, {.image_bytes = 600}, false, false, small_buffer},
    {"for another vendor", UD_ERR_VENDOR, {.image_bytes = 600, .vendor_id = other_uuid}, false, false, nothing},
    {"for another class", UD_ERR_CLASS, {.image_bytes = 600, .class_id = other_uuid}, false, false, nothing},
    {"genuine, one older", UD_ERR_STALE, {.sequence = 9, .image_bytes = 600}, false, false, nothing},
    {"genuine, much older", UD_ERR_STALE, {.sequence = 1, .image_bytes = 600}, false, false, nothing},
    {"same sequence, other content", UD_ERR_STALE, {.sequence = 10, .image_bytes = 600}, false, false, nothing},
    {"image larger than the slot", UD_ERR_SPACE, {.image_bytes = DEVICE_SLOT_BYTES + 1}, false, false, nothing},
    {"image of no bytes", UD_ERR_SPACE, {.image_bytes = 0}, false, false, nothing},
    {"component that is not here",
     UD_ERR_COMPONENT,
     {.image_bytes = 600, .component = "radio"},
     false,
     false,
     nothing},
    {"size not stated",
     UD_ERR_PARAMETER_UNSET,
     {.image_bytes = 600, .without_size = true},
     false,
     false,
     nothing},
    {"signer without the right", UD_ERR_RIGHTS, {.image_bytes = 600}, false, false, revoke_rights},
    {"component whose writers have not signed", UD_ERR_RIGHTS, {.image_bytes = 600}, false, false, ask_writers},
    {"one signature where two are asked for",
     UD_ERR_THRESHOLD,
     {.image_bytes = 600},
     false,
     false,
     raise_threshold},
    {"URI that climbs", UD_ERR_URI, {.image_bytes = 600, .uri = "../0"}, false, false, nothing},
    {"URI of another host", UD_ERR_URI, {.image_bytes = 600, .uri = "sim://evil/0"}, false, false, nothing},
    {"URI of another scheme",
     UD_ERR_URI,
     {.image_bytes = 600, .uri = "http://server/0"},
     false,
     false,
     nothing},
    {"beyond its time", UD_ERR_USE_BEFORE, {.image_bytes = 600, .use_before = 1000}, false, false, be_late},
    {"bound to a time on a device without a clock",
     UD_ERR_COMMAND,
     {.image_bytes = 600, .use_before = 1000},
     false,
     false,
     nothing},
    {"payload that is not there", UD_ERR_NOT_FOUND, {.image_bytes = 600, .uri = "gone"}, false, false, nothing},
};

static void expect_refused(struct fleet *fleet, const char *name, ud_err want)
{
    struct device *device = &fleet->device;
    const struct ud_report report = device_last_report(device);
    const ud_err err = report.result;
    if (err != want) {
        fail_msg("%s: %s instead of %s", name, ud_err_name(err), ud_err_name(want));
    }
    assert_int_equal(device->road.last_report_action_id, FLEET_ACTION);
    assert_memory_equal(report.nonce.ptr, fleet_nonce, UD_NONCE_BYTES);
    assert_memory_equal(report.claims[0].digest.ptr, fleet->v1.image_digest, UD_SHA256_BYTES);
    assert_int_equal(ud_slots_state(&device->slots)->trial, UD_TRIAL_NONE);
    assert_int_equal(ud_slots_state(&device->slots)->stored.sequence, 10);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, &fleet->v1);
}

static void offer_and_rest(struct device *device, const struct release *release)
{
    fleet_offer(device, release, FLEET_ACTION);
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
}

static void test_every_wrong_release_is_refused_by_name_and_the_next_good_one_installs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct release *release = calloc(1, sizeof *release);
        struct release_options options = rows[i].options;
        options.sequence = options.sequence == 0 ? 11 : options.sequence;
        options.signer = rows[i].by_stranger ? &fleet->stranger : &fleet->author;
        release_make(release, &options);
        const struct ud_agent_config before = fleet->device.config;
        const struct ud_trust trust = fleet->device.trust;
        const struct ud_layout layout = fleet->device.layout;
        rows[i].spoil(fleet, release);
        offer_and_rest(&fleet->device, release);
        fleet->device.config = before;
        fleet->device.trust = trust;
        fleet->device.layout = layout;
        expect_refused(fleet, rows[i].name, rows[i].want);
        if (!rows[i].fetches_payload && fleet->device.road.resources[1].served_bytes != 0) {
            fail_msg("%s: fetched the payload first", rows[i].name);
        }
        fleet->device.road.resource_count = 0;
        fleet_update(&fleet->device, &fleet->v2, FLEET_ACTION + 1);
        free(release);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

/* A4, B1: a bound on time stops an install that is late, and no image that runs. */
static void test_a4_b1_what_was_installed_in_time_goes_on_booting(void **state)
{
    struct fleet *fleet = *state;
    struct release *release = calloc(1, sizeof *release);
    release_make(release,
                 &(struct release_options){
                     .sequence = 11, .image_bytes = 600, .signer = &fleet->author, .use_before = 1000});
    fleet->device.config.facts = &clock_alone;
    fleet->device.config.facts_ctx = &on_time;
    fleet_update(&fleet->device, release, FLEET_ACTION);
    fleet->device.config.facts_ctx = &too_late; /* whoever asks */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(device_boot(&fleet->device, UD_OK), UD_OK);
        device_expect_running(&fleet->device, release);
    }
    free(release);
}

static void test_an_image_that_never_ends_is_cut_off_at_its_size(void **state)
{
    struct fleet *fleet = *state;
    fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
    fleet->device.road.resources[1].endless = true;
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    expect_refused(fleet, "endless image", UD_ERR_IMAGE_MISMATCH);
    /* tried twice, because a cache may have lied once */
    assert_true(fleet->device.road.resources[1].served_bytes <=
                2 * (fleet->v2.image_bytes + 2 * fleet->device.road.chunk_bytes));
}

static void test_an_envelope_that_never_ends_is_cut_off_at_the_buffer(void **state)
{
    struct fleet *fleet = *state;
    fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
    fleet->device.road.resources[0].endless = true;
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    expect_refused(fleet, "endless envelope", UD_ERR_TOO_LARGE);
    assert_true(fleet->device.road.resources[0].served_bytes <= sizeof fleet->device.envelope + 1000);
}

static void test_an_offer_without_an_envelope_is_refused_as_unsigned(void **state)
{
    struct fleet *fleet = *state;
    fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
    fleet->device.road.news.offer.uri_bytes = 0;
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    expect_refused(fleet, "no envelope", UD_ERR_UNSIGNED);
}

static void test_another_manifest_than_the_one_offered_is_refused(void **state)
{
    struct fleet *fleet = *state;
    fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
    fleet->device.road.news.offer.has_digest = true; /* of zero bytes */
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    expect_refused(fleet, "other manifest", UD_ERR_DIGEST);
}

static void test_the_report_says_which_command_failed(void **state)
{
    struct fleet *fleet = *state;
    struct release *release = calloc(1, sizeof *release);
    release_make(release,
                 &(struct release_options){
                     .sequence = 11, .image_bytes = 600, .signer = &fleet->author, .class_id = other_uuid});
    offer_and_rest(&fleet->device, release);
    struct ud_report report = device_last_report(&fleet->device);
    assert_int_equal(report.record.section, UD_SUIT_SHARED);
    assert_true(report.record.offset_bytes > 0);
    flip_image(fleet, &fleet->v2);
    offer_and_rest(&fleet->device, &fleet->v2);
    report = device_last_report(&fleet->device);
    assert_int_equal(report.result, UD_ERR_IMAGE_MISMATCH);
    assert_int_equal(report.record.section, UD_SUIT_INSTALL);
    free(release);
}

static void test_a_wrong_copy_in_a_cache_is_fetched_once_more_and_then_installs(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct release *lie = malloc(sizeof *lie);
    *lie = fleet->v2;
    flip_image(fleet, lie);
    fleet_offer(device, lie, FLEET_ACTION);
    while (device->road.resources[1].served_bytes < fleet->v2.image_bytes) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    device->road.resources[1].bytes = release_image(&fleet->v2);
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, &fleet->v2);
    free(lie);
}

/* ---- a road that does not carry ---- */

static void test_a_road_that_stays_broken_ends_the_offer_after_bounded_tries(void **state)
{
    static const ud_err breaks[] = {UD_ERR_CONNECT, UD_ERR_TLS, UD_ERR_TIMEOUT, UD_ERR_PROTOCOL};
    (void)state;
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
        fleet->device.road.fetch_failures = 1000;
        fleet->device.road.fetch_err = breaks[i];
        assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
        assert_int_equal(fleet->device.road.fetch_failures, 1000 - 10);
        assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
        expect_refused(fleet, ud_err_name(breaks[i]), breaks[i]);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

static void test_a_road_that_breaks_now_and_then_still_delivers_every_byte_once(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    device->road.chunk_bytes = 500;
    device->road.fetch_err = UD_ERR_CONNECT;
    for (int i = 0; i < 9; i++) {
        device->road.fetch_failures = 1;
        while (device->road.fetch_failures > 0) {
            assert_int_equal(device_step(device), UD_WAIT);
        }
    }
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device->road.resources[1].served_bytes, fleet->v2.image_bytes);
}

static void test_a_trickle_below_the_minimum_rate_is_a_timeout(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    device->road.news.poll_ms = 86400000;
    assert_int_equal(device_run_to(device, UD_AGENT_INSTALL), UD_WAIT);
    device->road.chunk_bytes = 1;
    device->road.stall_waits = 59; /* a byte a minute */
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(ud_agent_status(&device->agent)->last_err, UD_ERR_TIMEOUT);
    device->road.stall_waits = 0;
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    expect_refused(fleet, "trickle", UD_ERR_TIMEOUT);
}

static void test_a_slow_road_above_the_minimum_rate_is_patiently_used(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    device->road.news.poll_ms = 86400000;
    device->road.chunk_bytes = 100;
    device->road.stall_waits = 1; /* 100 bytes a second */
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
}

static void test_the_time_that_a_server_names_is_waited_for(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    assert_int_equal(device_run_to(device, UD_AGENT_INSTALL), UD_WAIT);
    const uint64_t start_ms = device->now_ms;
    device->road.fetch_failures = 1;
    device->road.fetch_err = UD_ERR_RETRY_LATER;
    device->road.retry_after_ms = 3600000;
    device->road.news.poll_ms = 86400000;
    while (device->road.resources[1].served_bytes == 0) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    assert_true(device->now_ms - start_ms >= 3600000);
}

static void test_polls_that_fail_back_off(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    device->road.poll_err = UD_ERR_CONNECT;
    device->now_ms += 400000;
    const uint32_t polls = device->road.polls;
    const uint64_t start_ms = device->now_ms;
    while (device->now_ms - start_ms < 3600000) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    assert_in_range(device->road.polls - polls, 12, 40); /* doubling to five minutes, half of it by chance */
    assert_int_equal(ud_agent_status(&device->agent)->last_err, UD_ERR_CONNECT);
}

#define WITH_FLEET(test) cmocka_unit_test_setup_teardown(test, fleet_setup, fleet_teardown)

/* The bootloader asks its own table, whatever an agent let in. */
static void test_a1_a_bootloader_starts_nothing_that_a_component_s_writers_have_not_signed(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    device->layout.writers[0] = 1U << 1;
    assert_int_equal(device_boot(device, UD_OK), UD_ERR_NO_SLOT);
    device->trust.keys[0].group = 1;
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, &fleet->v1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_wrong_release_is_refused_by_name_and_the_next_good_one_installs),
        WITH_FLEET(test_a1_a_bootloader_starts_nothing_that_a_component_s_writers_have_not_signed),
        WITH_FLEET(test_a4_b1_what_was_installed_in_time_goes_on_booting),
        WITH_FLEET(test_an_image_that_never_ends_is_cut_off_at_its_size),
        WITH_FLEET(test_an_envelope_that_never_ends_is_cut_off_at_the_buffer),
        WITH_FLEET(test_an_offer_without_an_envelope_is_refused_as_unsigned),
        WITH_FLEET(test_another_manifest_than_the_one_offered_is_refused),
        WITH_FLEET(test_the_report_says_which_command_failed),
        WITH_FLEET(test_a_wrong_copy_in_a_cache_is_fetched_once_more_and_then_installs),
        cmocka_unit_test(test_a_road_that_stays_broken_ends_the_offer_after_bounded_tries),
        WITH_FLEET(test_a_road_that_breaks_now_and_then_still_delivers_every_byte_once),
        WITH_FLEET(test_a_trickle_below_the_minimum_rate_is_a_timeout),
        WITH_FLEET(test_a_slow_road_above_the_minimum_rate_is_patiently_used),
        WITH_FLEET(test_the_time_that_a_server_names_is_waited_for),
        WITH_FLEET(test_polls_that_fail_back_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
