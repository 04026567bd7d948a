#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_fleet.h"

static void expect_confirmed(const struct device *device, const struct release *release, bool with_nonce)
{
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, UD_OK);
    assert_memory_equal(report.reference_digest.ptr, release->manifest_digest, UD_SHA256_BYTES);
    assert_int_equal(report.claim_count, 1);
    assert_memory_equal(report.claims[0].digest.ptr, release->image_digest, UD_SHA256_BYTES);
    assert_int_equal(report.nonce.len, with_nonce ? UD_NONCE_BYTES : 0);
    if (with_nonce) {
        assert_memory_equal(report.nonce.ptr, fleet_nonce, UD_NONCE_BYTES);
    }
}

static void test_a_device_that_starts_says_what_runs_and_then_only_polls(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    assert_int_equal(device->road.reports, 1);
    assert_int_equal(device->road.last_report_action_id, 0);
    expect_confirmed(device, &fleet->v1, false);
    const uint32_t polls = device->road.polls;
    const uint64_t start_ms = device->now_ms;
    device->road.news.poll_ms = 60000;
    while (device->road.polls < polls + 11) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    /* the first wait was planned before the road named its interval; the others are it, and up to an eighth more */
    assert_in_range(device->now_ms - start_ms, 10 * 60000, 10 * 67500 + 337500);
    assert_int_equal(device->road.reports, 1);
}

static void test_one_update_goes_from_offer_to_signed_report(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(device), UD_OK);
    assert_int_equal(device->road.last_progress.phase, UD_ROAD_TRIAL);
    assert_int_equal(device->road.reports, 1); /* nothing is said before it runs */

    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device->info.reason, UD_BOOT_TRIAL);
    device_expect_running(device, &fleet->v2);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    assert_int_equal(device->road.reports, 1); /* nor before it confirmed itself */

    assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_int_equal(device->road.reports, 2);
    assert_int_equal(device->road.last_report_action_id, FLEET_ACTION);
    expect_confirmed(device, &fleet->v2, true);
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.claims[0].sequence, 11);
    assert_int_equal(report.boot_reason, UD_BOOT_TRIAL);
    assert_int_equal(device->road.resources[1].served_bytes, fleet->v2.image_bytes);
}

static void test_updates_follow_one_another_and_slots_alternate(void **state)
{
    struct fleet *fleet = *state;
    struct release *next = malloc(sizeof *next);
    for (uint8_t i = 0; i < 5; i++) {
        fleet_release(fleet, next, 11U + i, 3000U + 1111U * i, i);
        fleet_update(&fleet->device, next, FLEET_ACTION + i);
        assert_int_equal(fleet->device.info.slot, (i + 1) % 2);
        expect_confirmed(&fleet->device, next, true);
        fleet->device.road.resource_count = 0;
    }
    free(next);
}

static void test_an_image_inside_the_envelope_needs_no_second_fetch(void **state)
{
    struct fleet *fleet = *state;
    struct release *integrated = malloc(sizeof *integrated);
    release_make(
        integrated,
        &(struct release_options){
            .sequence = 12, .image_bytes = 10000, .fill = 9, .signer = &fleet->author, .integrated = true});
    (void)sim_road_put(&fleet->device.road, integrated->image_name, (struct ud_bytes){NULL, 0});
    fleet_update(&fleet->device, integrated, FLEET_ACTION);
    expect_confirmed(&fleet->device, integrated, true);
    free(integrated);
}

static void test_what_runs_already_is_reported_and_not_installed_again(void **state)
{
    struct fleet *fleet = *state;
    fleet_offer(&fleet->device, &fleet->v1, FLEET_ACTION);
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    expect_confirmed(&fleet->device, &fleet->v1, true);
    assert_int_equal(fleet->device.road.resources[1].served_bytes, 0);
}

static void test_an_image_that_does_not_confirm_is_reverted_and_that_is_reported(void **state)
{
    static const ud_err ends[] = {UD_ERR_CRASHED, UD_ERR_UNCONFIRMED};
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    for (uint32_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        fleet_offer(device, &fleet->v2, FLEET_ACTION + i);
        assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
        assert_int_equal(device_boot(device, UD_OK), UD_OK);
        assert_int_equal(device->info.reason, UD_BOOT_TRIAL);
        assert_int_equal(device_boot(device, ends[i]), UD_OK);
        device_expect_running(device, &fleet->v1);
        assert_int_equal(device_run_to_rest(device), UD_WAIT);
        const struct ud_report report = device_last_report(device);
        assert_int_equal(report.result, ends[i]);
        assert_int_equal(report.boot_reason, UD_BOOT_REVERTED);
        assert_memory_equal(report.reference_digest.ptr, fleet->v2.manifest_digest, UD_SHA256_BYTES);
        assert_memory_equal(report.claims[0].digest.ptr, fleet->v1.image_digest, UD_SHA256_BYTES);
        assert_memory_equal(report.nonce.ptr, fleet_nonce, UD_NONCE_BYTES);
        assert_int_equal(device->road.last_report_action_id, FLEET_ACTION + i);
    }
}

static void test_an_action_that_was_reverted_is_not_tried_again_under_the_same_id(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    device->road.keep_offering = true; /* a server that forgot */
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_boot(device, UD_ERR_CRASHED), UD_OK);
    const uint64_t served = device->road.resources[1].served_bytes;
    const uint32_t reports = device->road.reports;
    const uint64_t start_ms = device->now_ms;
    while (device->road.reports < reports + 4) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    assert_int_equal(device_last_report(device).result, UD_ERR_CRASHED);
    assert_int_equal(device->road.resources[1].served_bytes, served);
    assert_true(device->now_ms - start_ms >= 300000); /* and not in a busy loop */
}

/* ---- reports that get lost or refused ---- */

static void test_a_lost_acknowledgement_sends_the_same_bytes_again(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    uint8_t first[UD_REPORT_BYTES_MAX];
    fleet_offer(device, &fleet->v1, FLEET_ACTION);
    device->road.lost_acknowledgements = 3;
    const uint32_t before = device->road.reports;
    while (device->road.reports == before) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    memcpy(first, device->road.last_report, sizeof first);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_int_equal(device->road.reports, before + 4);
    assert_memory_equal(device->road.last_report, first, device->road.last_report_len);
}

static void test_an_answer_that_was_never_acknowledged_is_given_after_the_next_start(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
    device->road.lost_acknowledgements = 1;
    const uint32_t before = device->road.reports;
    while (device->road.reports == before) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    const uint64_t first_counter = device_last_report(device).counter;
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    expect_confirmed(device, &fleet->v2, true);
    assert_true(device_last_report(device).counter > first_counter);
    /* once acknowledged, it is over */
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    expect_confirmed(device, &fleet->v2, false);
}

static void test_a_refused_counter_gives_a_new_report_and_that_is_bounded(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    const uint64_t counter = device_last_report(device).counter;
    fleet_offer(device, &fleet->v1, FLEET_ACTION);
    device->road.report_err = UD_ERR_COUNTER;
    device->road.report_refusals = 2;
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_int_equal(device_last_report(device).counter, counter + 3);

    const uint32_t before = device->road.reports;
    fleet_offer(device, &fleet->v1, FLEET_ACTION + 1);
    device->road.report_refusals = 1000;
    assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_in_range(device->road.reports - before, 2, 5);
}

static void test_a_closed_action_still_gets_told_what_runs(void **state)
{
    static const ud_err refusals[] = {UD_ERR_NONCE, UD_ERR_GONE};
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    for (uint32_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        fleet_offer(device, &fleet->v1, FLEET_ACTION + i);
        device->road.report_err = refusals[i];
        device->road.report_refusals = 1;
        assert_int_equal(device_run_to(device, UD_AGENT_REPORT), UD_WAIT);
        device->road.news.kind = UD_ROAD_NOTHING;
        assert_int_equal(device_run_to_rest(device), UD_WAIT);
        assert_int_equal(device->road.last_report_action_id, 0);
        expect_confirmed(device, &fleet->v1, false);
    }
}

/* ---- cancel ---- */

static void test_a_cancel_during_the_download_ends_it(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    device->road.chunk_bytes = 16;
    device->road.stall_waits = 1; /* so that the next poll falls into it */
    device->road.news.poll_ms = 10000;
    assert_int_equal(device_run_to(device, UD_AGENT_INSTALL), UD_WAIT);
    sim_road_cancel(&device->road, FLEET_ACTION);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_int_equal(device->road.cancels_done, 1);
    assert_true(device->road.resources[1].served_bytes < fleet->v2.image_bytes);
    assert_false(ud_slots_state(&device->slots)->install.open);
    assert_false(ud_slots_state(&device->slots)->action.open);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, &fleet->v1);

    device->road.stall_waits = 0;
    device->road.chunk_bytes = 1000;
    fleet_update(device, &fleet->v2, FLEET_ACTION + 1); /* and the next one succeeds */
}

static void test_a_cancel_of_an_unknown_action_is_acknowledged(void **state)
{
    struct fleet *fleet = *state;
    sim_road_cancel(&fleet->device.road, 99);
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_CANCEL), UD_WAIT);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    assert_int_equal(fleet->device.road.cancels_done, 1);
}

static void test_work_that_is_no_longer_wanted_is_dropped(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    device->road.chunk_bytes = 16;
    device->road.stall_waits = 1;
    device->road.news.poll_ms = 10000;
    assert_int_equal(device_run_to(device, UD_AGENT_INSTALL), UD_WAIT);
    device->road.news.kind = UD_ROAD_NOTHING;
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
    assert_true(device->road.resources[1].served_bytes < fleet->v2.image_bytes);
    assert_int_equal(ud_agent_status(&device->agent)->action_id, 0);
}

/* ---- no globals ---- */

static void test_two_agents_in_one_process_share_nothing(void **state)
{
    struct fleet *fleet = *state;
    void *other_state = NULL;
    assert_int_equal(fleet_setup(&other_state), 0);
    struct fleet *other = other_state;
    struct device *const devices[] = {&fleet->device, &other->device};
    const struct release *const releases[] = {&fleet->v2, &other->v2};
    bool reset[] = {false, false};
    for (int i = 0; i < 2; i++) {
        fleet_offer(devices[i], releases[i], FLEET_ACTION + (uint32_t)i);
        devices[i]->road.chunk_bytes = 300U + 77U * (uint32_t)i;
    }
    for (uint32_t step = 0; step < DEVICE_STEPS_MAX && !(reset[0] && reset[1]); step++) {
        reset[step % 2] = reset[step % 2] || device_step(devices[step % 2]) == UD_OK;
    }
    for (int i = 0; i < 2; i++) {
        assert_true(reset[i]);
        assert_int_equal(device_boot(devices[i], UD_OK), UD_OK);
        device_expect_running(devices[i], releases[i]);
        assert_int_equal(ud_slots_confirm(&devices[i]->slots, devices[i]->info.slot), UD_OK);
        assert_int_equal(device_run_to_rest(devices[i]), UD_WAIT);
        assert_int_equal(devices[i]->road.last_report_action_id, FLEET_ACTION + (uint32_t)i);
        expect_confirmed(devices[i], releases[i], true);
    }
    assert_int_equal(fleet_teardown(&other_state), 0);
}

static void test_a_config_with_a_part_missing_is_refused(void **state)
{
    struct fleet *fleet = *state;
    struct ud_agent *agent = malloc(sizeof *agent);
    struct ud_agent_config config = fleet->device.config;
    config.envelope_cap = 511;
    assert_int_equal(ud_agent_init(agent, &config), UD_ERR_CONFIG);
    config = fleet->device.config;
    config.road = NULL;
    assert_int_equal(ud_agent_init(agent, &config), UD_ERR_CONFIG);
    config = fleet->device.config;
    config.policy.retry_min_ms = 10;
    config.policy.retry_max_ms = 9;
    assert_int_equal(ud_agent_init(agent, &config), UD_ERR_CONFIG);
    free(agent);
}

#define WITH_FLEET(test) cmocka_unit_test_setup_teardown(test, fleet_setup, fleet_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FLEET(test_a_device_that_starts_says_what_runs_and_then_only_polls),
        WITH_FLEET(test_one_update_goes_from_offer_to_signed_report),
        WITH_FLEET(test_updates_follow_one_another_and_slots_alternate),
        WITH_FLEET(test_an_image_inside_the_envelope_needs_no_second_fetch),
        WITH_FLEET(test_what_runs_already_is_reported_and_not_installed_again),
        WITH_FLEET(test_an_image_that_does_not_confirm_is_reverted_and_that_is_reported),
        WITH_FLEET(test_an_action_that_was_reverted_is_not_tried_again_under_the_same_id),
        WITH_FLEET(test_a_lost_acknowledgement_sends_the_same_bytes_again),
        WITH_FLEET(test_an_answer_that_was_never_acknowledged_is_given_after_the_next_start),
        WITH_FLEET(test_a_refused_counter_gives_a_new_report_and_that_is_bounded),
        WITH_FLEET(test_a_closed_action_still_gets_told_what_runs),
        WITH_FLEET(test_a_cancel_during_the_download_ends_it),
        WITH_FLEET(test_a_cancel_of_an_unknown_action_is_acknowledged),
        WITH_FLEET(test_work_that_is_no_longer_wanted_is_dropped),
        WITH_FLEET(test_two_agents_in_one_process_share_nothing),
        WITH_FLEET(test_a_config_with_a_part_missing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
