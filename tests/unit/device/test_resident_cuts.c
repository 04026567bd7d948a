/*
 * Power that fails in any flash operation of an agent beside a resident MCUboot. MCUboot's own operations are not cut: they are
 * its affair. UD_TORTURE=1: every shape, 20 manners of tearing, and a second cut while the first is recovered from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_resident.h"

#define RESETS_MAX 10
#define TORN_DRAWS 20
#define SHORT_SHAPES 4

static const struct resident_shape shapes[] = {
    {"scratch, units of 8", UD_RESIDENT_SCRATCH, 8, 0xff, 8, 16, 6, 0, false, false},
    {"move, units of 4", UD_RESIDENT_MOVE, 4, 0xff, 8, 16, 6, 0, false, false},
    {"offset, units of 32, erased 0x00", UD_RESIDENT_OFFSET, 32, 0x00, 32, 16, 6, 0, false, false},
    {"overwrite, units of 1", UD_RESIDENT_OVERWRITE, 1, 0xff, 8, 16, 4, 3, false, false},
    {"scratch, units of 1, erased 0x00", UD_RESIDENT_SCRATCH, 1, 0x00, 8, 16, 5, 0, false, false},
    {"scratch, units of 2, the image ends in the trailer's sector", UD_RESIDENT_SCRATCH, 2, 0xff, 8, 3, 3, 0,
     false, false},
    {"scratch, units of 32", UD_RESIDENT_SCRATCH, 32, 0xff, 32, 16, 6, 0, false, false},
    {"move, units of 1, units of 8 in the trailer", UD_RESIDENT_MOVE, 1, 0xff, 8, 16, 6, 0, false, true},
    {"move, units of 16", UD_RESIDENT_MOVE, 16, 0xff, 16, 16, 6, 2, false, false},
    {"move, for good", UD_RESIDENT_MOVE, 8, 0xff, 8, 16, 6, 0, true, false},
    {"offset, units of 4", UD_RESIDENT_OFFSET, 4, 0xff, 8, 16, 6, 0, false, false},
    {"offset, units of 8, trailer of 16, erased 0x00", UD_RESIDENT_OFFSET, 8, 0x00, 16, 16, 6, 0, false, true},
    {"overwrite, units of 32, erased 0x00", UD_RESIDENT_OVERWRITE, 32, 0x00, 32, 16, 4, 3, false, false},
    {"overwrite, for good", UD_RESIDENT_OVERWRITE, 8, 0xff, 8, 16, 4, 1, true, false},
};

static uint64_t states_visited;

static bool is_long(void)
{
    return getenv("UD_TORTURE") != NULL;
}

static size_t shape_count(void)
{
    return is_long() ? sizeof shapes / sizeof shapes[0] : SHORT_SHAPES;
}

static uint32_t draw_count(void)
{
    return is_long() ? TORN_DRAWS : 1;
}

/* ---- one life, with a cut in it ---- */

struct course {
    struct resident *resident;
    bool confirms; /* does the new image? */
    uint64_t left; /* operations until the cut */
    uint32_t draw;
    bool endless; /* no cut at all */
};

/* MCUboot between two stretches of ours; it is not cut. */
static ud_err mcuboot(struct course *course, uint64_t began)
{
    struct sim_flash *flash = &course->resident->device.flash;
    course->left -= flash->operations - began;
    sim_flash_cut_never(flash);
    return sim_mcuboot_boot(&course->resident->mcuboot, &course->resident->swap);
}

static uint64_t arm(const struct course *course)
{
    struct sim_flash *flash = &course->resident->device.flash;
    if (!course->endless) {
        sim_flash_cut_after(flash, course->left, course->draw);
    }
    return flash->operations;
}

static bool is_off(const struct course *course)
{
    return sim_flash_is_off(&course->resident->device.flash);
}

/* What the application does between two resets. @return true: a reset is wanted, or it hangs on trial */
static bool live(const struct course *course)
{
    struct resident *resident = course->resident;
    struct device *device = &resident->device;
    if (resident_start(resident) != UD_OK) {
        assert_true(is_off(course));
        return false;
    }
    if (device->info.reason == UD_BOOT_TRIAL && course->confirms &&
        ud_slots_confirm(&device->slots, device->info.slot) != UD_OK) {
        assert_true(is_off(course));
        return false;
    }
    for (uint32_t i = 0; i < DEVICE_STEPS_MAX && !is_off(course); i++) {
        if (ud_agent_status(&device->agent)->state == UD_AGENT_TRIAL && !course->confirms) {
            return true;
        }
        const ud_err err = device_step(device);
        if (err == UD_OK || (err == UD_WAIT && ud_agent_status(&device->agent)->state == UD_AGENT_IDLE &&
                             device->now_ms < device->agent.next_poll_ms)) {
            return err == UD_OK;
        }
    }
    assert_true(is_off(course));
    return false;
}

/* From a reset on until nothing is left to do. @return false: power failed */
static bool run(struct course *course)
{
    bool again = true;
    for (int resets = 0; again; resets++) {
        const uint64_t began = arm(course);
        again = live(course);
        if (is_off(course)) {
            return false;
        }
        if (again) {
            assert_true(resets < RESETS_MAX);
            assert_int_equal(mcuboot(course, began), UD_OK);
        }
    }
    sim_flash_cut_never(&course->resident->device.flash);
    return true;
}

static void power_on(struct course *course)
{
    struct resident *resident = course->resident;
    sim_flash_power_on(&resident->device.flash);
    assert_int_equal(sim_mcuboot_boot(&resident->mcuboot, &resident->swap), UD_OK);
    assert_true(resident_holds(resident, &resident->first) || resident_holds(resident, &resident->v2));
    states_visited++;
}

/* ---- what must hold at the end ---- */

/* Again and again: what was confirmed stays, what was not never comes back. */
static void expect_settled(struct resident *resident, const struct release *release)
{
    for (int resets = 0; resets < 2; resets++) {
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(resident->swap, UD_MCUBOOT_SWAP_NONE);
        assert_true(resident_holds(resident, release));
        assert_int_equal(ud_slots_state(&resident->device.slots)->trial, UD_TRIAL_NONE);
    }
}

static void expect_end(struct course *course)
{
    struct resident *resident = course->resident;
    const struct device *device = &resident->device;
    const bool reverts = resident->table.way != UD_RESIDENT_OVERWRITE;
    const bool stays = course->confirms || resident->table.for_good;
    const struct ud_report report = device_last_report(device);
    assert_int_equal(report.result, stays ? UD_OK : UD_ERR_UNCONFIRMED);
    assert_memory_equal(report.reference_digest.ptr, resident->v2.manifest_digest, UD_SHA256_BYTES);
    assert_int_equal(ud_slots_state(&device->slots)->stored.sequence, stays ? 11 : 0);
    resident_expect_image(resident, stays || !reverts ? &resident->v2 : &resident->first);
    expect_settled(resident, stays || !reverts ? &resident->v2 : &resident->first);
}

/* A new action: the one before may count as lost by the cut. */
static void offer_again(struct course *course)
{
    sim_road_offer(&course->resident->device.road, FLEET_ACTION + 1, "manifest.suit", fleet_nonce);
    course->resident->device.road.keep_offering = false;
}

/* @return false when no cut came any more */
static bool cut_once(const struct resident_shape *shape, bool confirms, uint32_t cut, uint32_t draw,
                     uint32_t second)
{
    struct course course = {.resident = resident_make(shape), .confirms = confirms, .left = cut, .draw = draw};
    struct device *device = &course.resident->device;
    sim_flash_seed(&device->flash, (uint64_t)cut << 32 | draw);
    fleet_offer(device, &course.resident->v2, FLEET_ACTION);
    device->road.keep_offering = true;
    device->road.news.poll_ms = 10000;
    const bool was_cut = !run(&course);
    if (was_cut) {
        power_on(&course);
        offer_again(&course);
        course.left = second;
        course.endless = second == 0;
        if (!run(&course)) { /* in the recovery of the first */
            power_on(&course);
            sim_road_offer(&device->road, FLEET_ACTION + 2, "manifest.suit", fleet_nonce);
            course.endless = true;
            assert_true(run(&course));
        }
    }
    expect_end(&course);
    resident_drop(course.resident);
    return was_cut;
}

static void cut_everywhere(bool confirms)
{
    for (size_t i = 0; i < shape_count(); i++) {
        uint32_t cuts = 0;
        for (uint32_t draw = 0; draw < draw_count(); draw++) {
            cuts = 0;
            while (cut_once(&shapes[i], confirms, cuts, is_long() ? draw : cuts, 0)) {
                cuts++;
            }
            assert_true(cuts > 20);
        }
        print_message("  %s: each of %u operations\n", shapes[i].name, (unsigned)cuts);
    }
}

static void test_power_may_fail_in_any_operation_and_the_update_still_arrives(void **state)
{
    (void)state;
    cut_everywhere(true);
}

static void test_power_may_fail_in_any_operation_and_what_does_not_confirm_is_reverted(void **state)
{
    (void)state;
    cut_everywhere(false);
}

static void test_power_may_fail_again_while_a_cut_is_recovered_from(void **state)
{
    (void)state;
    const uint32_t step = is_long() ? 1 : 9;
    for (size_t i = 0; i < (is_long() ? shape_count() : 2); i++) {
        for (uint32_t cut = 0; cut_once(&shapes[i], true, cut, cut, 0); cut += step) {
            for (uint32_t second = 1; second <= 20; second += step) {
                (void)cut_once(&shapes[i], second % 2 == 0, cut, cut + second, second);
            }
        }
    }
    print_message("torture: %llu states visited\n", (unsigned long long)states_visited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_may_fail_in_any_operation_and_the_update_still_arrives),
        cmocka_unit_test(test_power_may_fail_in_any_operation_and_what_does_not_confirm_is_reverted),
        cmocka_unit_test(test_power_may_fail_again_while_a_cut_is_recovered_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
