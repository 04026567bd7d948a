/* Power and programs that end anywhere: the update goes on where it was, and never mixes two releases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_fleet.h"

/* From wherever the device is: boot, and go on until this release runs, confirmed and reported. */
static void finish_update(struct device *device, const struct release *release)
{
    for (int resets = 0; resets < 4; resets++) {
        assert_int_equal(device_boot(device, UD_OK), UD_OK);
        if (device->info.reason == UD_BOOT_TRIAL) {
            device_expect_running(device, release);
            assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
        }
        if (device_run_to_rest(device) != UD_OK) {
            break;
        }
    }
    device_expect_running(device, release);
    assert_int_equal(device_last_report(device).result, UD_OK);
    assert_memory_equal(device_last_report(device).reference_digest.ptr, release->manifest_digest,
                        UD_SHA256_BYTES);
}

static void test_the_program_may_end_after_any_step_and_the_update_still_arrives(void **state)
{
    (void)state;
    bool finished = false;
    uint32_t ends = 0;
    for (uint32_t after = 0; !finished; after++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct device *device = &fleet->device;
        fleet_offer(device, &fleet->v2, FLEET_ACTION);
        for (uint32_t step = 0; step < after && !finished; step++) {
            finished = device_step(device) == UD_OK;
        }
        finish_update(device, &fleet->v2);
        /* at most the sector that was open, and the chunk that was on its way, travel twice */
        assert_true(device->road.resources[1].served_bytes <=
                    fleet->v2.image_bytes + DEVICE_SECTOR + device->road.chunk_bytes);
        assert_int_equal(fleet_teardown(&fresh), 0);
        ends++;
    }
    assert_true(ends > 30);
    print_message("ended after each of %u steps\n", (unsigned)ends);
}

/* Run until the update is through or power is gone. @return true when nothing was cut */
static bool update_until_cut(struct device *device)
{
    for (uint32_t i = 0; i < DEVICE_STEPS_MAX && !sim_flash_is_off(&device->flash); i++) {
        if (device_step(device) != UD_OK) {
            continue;
        }
        if (device_boot(device, UD_OK) != UD_OK || sim_flash_is_off(&device->flash)) {
            return false;
        }
        return ud_slots_confirm(&device->slots, device->info.slot) == UD_OK;
    }
    return false;
}

static void test_power_may_fail_in_any_flash_operation_and_the_update_still_arrives(void **state)
{
    (void)state;
    bool finished = false;
    uint32_t cuts = 0;
    for (uint32_t cut = 0; !finished; cut++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct device *device = &fleet->device;
        fleet_offer(device, &fleet->v2, FLEET_ACTION);
        device->road.keep_offering = true;
        device->road.news.poll_ms = 10000;
        sim_flash_cut_after(&device->flash, cut, cut);
        finished = update_until_cut(device);
        sim_flash_cut_never(&device->flash);
        sim_flash_power_on(&device->flash);
        assert_int_equal(device_boot(device, UD_OK), UD_OK);
        if (device->info.manifest_digest[0] == fleet->v1.manifest_digest[0]) {
            device_expect_running(device, &fleet->v1); /* old or new, complete */
        } else {
            device_expect_running(device, &fleet->v2);
        }
        /* a trial that was cut counts as lost: the same action stays answered, a new one may try again */
        sim_road_offer(&device->road, FLEET_ACTION + 1, "manifest.suit", fleet_nonce);
        device->road.keep_offering = false;
        finish_update(device, &fleet->v2);
        assert_int_equal(fleet_teardown(&fresh), 0);
        cuts++;
    }
    assert_true(cuts > 20);
    print_message("cut in each of %u flash operations\n", (unsigned)cuts);
}

static void test_a_resume_never_mixes_two_releases(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    struct release *other = malloc(sizeof *other);
    fleet_release(fleet, other, 12, fleet->v2.image_bytes, 77); /* of the same size */
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    while (device->road.resources[1].served_bytes < 5000) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    assert_int_equal(device_boot(device, UD_OK), UD_OK); /* the program ends half-way */
    fleet_offer(device, other, FLEET_ACTION + 1);
    finish_update(device, other);
    assert_int_equal(device->road.resources[2].served_bytes, other->image_bytes); /* from its first byte on */
    free(other);
}

static void test_what_was_changed_in_flash_during_the_pause_is_not_resumed_into_an_image(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    fleet_offer(device, &fleet->v2, FLEET_ACTION);
    while (device->road.resources[1].served_bytes < 5000) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    sim_flash_flip(&device->flash, device->layout.components[0].image[1].offset + 100, 3);
    finish_update(device, &fleet->v2); /* found by hashing again; fetched anew */
    assert_true(device->road.resources[1].served_bytes >= fleet->v2.image_bytes + 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_program_may_end_after_any_step_and_the_update_still_arrives),
        cmocka_unit_test(test_power_may_fail_in_any_flash_operation_and_the_update_still_arrives),
        cmocka_unit_test_setup_teardown(test_a_resume_never_mixes_two_releases, fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(
            test_what_was_changed_in_flash_during_the_pause_is_not_resumed_into_an_image, fleet_setup,
            fleet_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
