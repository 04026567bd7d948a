/* An agent beside a MCUboot that the device came with: it asks for tests, and says what became of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_resident.h"
#include "slots/area.h"

static const struct resident_shape usual[] = {
    {"scratch", UD_RESIDENT_SCRATCH, 8, 0xff, 8, 32, 6, 0, false, false},
    {"move", UD_RESIDENT_MOVE, 4, 0xff, 8, 32, 6, 0, false, false},
    {"offset", UD_RESIDENT_OFFSET, 16, 0xff, 16, 16, 8, 0, false, false},
    {"overwrite", UD_RESIDENT_OVERWRITE, 8, 0xff, 8, 0, 4, 0, false, false},
};
#define USUAL (sizeof usual / sizeof usual[0])
#define REVERTING 3 /* of them, the first ones */

static const uint8_t no_digest[UD_DIGEST_BYTES];

static struct resident *make(const struct resident_shape *shape)
{
    print_message("  %s\n", shape->name);
    return resident_make(shape);
}

static const struct ud_slots_state *state_of(const struct resident *resident)
{
    return ud_slots_state(&resident->device.slots);
}

static void expect_report(const struct resident *resident, ud_err result, const struct release *about,
                          const struct release *running)
{
    const struct ud_report report = device_last_report(&resident->device);
    assert_int_equal(report.result, result);
    assert_memory_equal(report.reference_digest.ptr, about->manifest_digest, UD_SHA256_BYTES);
    assert_int_equal(report.claim_count, 1);
    assert_memory_equal(report.claims[0].digest.ptr, running->image_digest, UD_SHA256_BYTES);
}

static void confirm(struct resident *resident)
{
    assert_int_equal(ud_slots_confirm(&resident->device.slots, resident->device.info.slot), UD_OK);
}

/* Reset, try, confirm, report. */
static void try_and_confirm(struct resident *resident, const struct release *release)
{
    assert_int_equal(resident_boot(resident), UD_OK);
    resident_expect_image(resident, release);
    device_expect_running(&resident->device, release);
    assert_int_equal(resident->device.info.reason, UD_BOOT_TRIAL);
    confirm(resident);
    assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
    expect_report(resident, UD_OK, release, release);
}

static void test_a_device_as_it_comes_says_what_runs_without_a_manifest(void **state)
{
    (void)state;
    for (size_t i = 0; i < USUAL; i++) {
        struct resident *resident = make(&usual[i]);
        const struct ud_boot_info *info = &resident->device.info;
        resident_expect_image(resident, &resident->first);
        assert_int_equal(info->reason, UD_BOOT_NORMAL);
        assert_int_equal(info->outcome, UD_OK);
        assert_memory_equal(info->manifest_digest, no_digest, sizeof no_digest);
        const struct ud_report report = device_last_report(&resident->device);
        assert_int_equal(report.result, UD_OK);
        assert_memory_equal(report.claims[0].digest.ptr, resident->first.image_digest, UD_SHA256_BYTES);
        resident_drop(resident);
    }
}

static void test_an_update_is_tried_confirmed_and_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < USUAL; i++) {
        struct resident *resident = make(&usual[i]);
        resident_install(resident, &resident->v2, FLEET_ACTION);
        assert_int_equal(resident_trailer(resident, 1).magic, UD_MCUBOOT_SET);
        assert_int_equal(resident_trailer(resident, 1).image_ok, UD_MCUBOOT_UNSET);
        try_and_confirm(resident, &resident->v2);
        assert_int_equal(state_of(resident)->stored.sequence, 11);
        if (i < REVERTING) {
            assert_int_equal(resident->swap, UD_MCUBOOT_SWAP_TEST);
            assert_int_equal(resident_trailer(resident, 0).image_ok, UD_MCUBOOT_SET);
        }
        resident_install(resident, &resident->v3, FLEET_ACTION + 1);
        try_and_confirm(resident, &resident->v3);
        const uint64_t operations = resident->device.flash.operations;
        assert_int_equal(resident_boot(resident), UD_OK); /* it stays, and such a start writes nothing */
        assert_int_equal(resident->device.flash.operations, operations);
        assert_int_equal(resident->device.info.reason, UD_BOOT_NORMAL);
        device_expect_running(&resident->device, &resident->v3);
        resident_drop(resident);
    }
}

static void expect_reverted(struct resident *resident, const struct release *tried,
                            const struct release *running)
{
    assert_int_equal(resident_boot(resident), UD_OK);
    resident_expect_image(resident, running);
    assert_int_equal(resident->device.info.reason, UD_BOOT_REVERTED);
    assert_int_equal(resident->device.info.outcome, UD_ERR_UNCONFIRMED);
    assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
    expect_report(resident, UD_ERR_UNCONFIRMED, tried, running);
}

static void test_an_image_that_does_not_confirm_is_told_as_reverted(void **state)
{
    (void)state;
    for (size_t i = 0; i < REVERTING; i++) {
        struct resident *resident = make(&usual[i]);
        resident_install(resident, &resident->v2, FLEET_ACTION);
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(resident->device.info.reason, UD_BOOT_TRIAL);
        assert_int_equal(resident->device.info.confirm_deadline_ms, 1000);
        expect_reverted(resident, &resident->v2, &resident->first);
        assert_int_equal(resident->swap, UD_MCUBOOT_SWAP_REVERT);
        assert_int_equal(state_of(resident)->stored.sequence, 0); /* it grows by a confirmation only */
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(resident->device.info.reason, UD_BOOT_NORMAL);
        /* the same again, from an image that has a manifest */
        resident_install(resident, &resident->v2, FLEET_ACTION + 1);
        try_and_confirm(resident, &resident->v2);
        resident_install(resident, &resident->v3, FLEET_ACTION + 2);
        assert_int_equal(resident_boot(resident), UD_OK);
        expect_reverted(resident, &resident->v3, &resident->v2);
        device_expect_running(&resident->device, &resident->v2);
        assert_int_equal(state_of(resident)->stored.sequence, 11);
        resident_drop(resident);
    }
}

/* An image that ends before it comes to our start: nothing of ours says that it ran, MCUboot does. */
static void test_an_image_that_ends_at_once_is_told_as_reverted(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * REVERTING; i++) {
        struct resident_shape shape = usual[i / 2];
        shape.notes_no_swap = i % 2 == 1;
        struct resident *resident = make(&shape);
        resident_install(resident, &resident->v2, FLEET_ACTION);
        assert_int_equal(sim_mcuboot_boot(&resident->mcuboot, &resident->swap), UD_OK);
        assert_int_equal(resident->swap, UD_MCUBOOT_SWAP_TEST);
        expect_reverted(resident, &resident->v2, &resident->first);
        resident_drop(resident);
    }
}

static void test_an_image_that_mcuboot_refuses_is_told_as_that(void **state)
{
    (void)state;
    for (size_t i = 0; i < USUAL; i++) {
        struct resident *resident = make(&usual[i]);
        struct release *bad = malloc(sizeof *bad);
        uint8_t image[2000];
        resident_image(image, sizeof image, 9);
        image[100] ^= 1; /* not what its hash says, and all the same what the manifest says */
        release_make(bad, &(struct release_options){
                              .sequence = 20, .image = UD_BYTES_ARRAY(image), .signer = &resident->author});
        resident_install(resident, bad, FLEET_ACTION);
        assert_int_equal(resident_boot(resident), UD_OK);
        resident_expect_image(resident, &resident->first);
        assert_int_equal(resident->device.info.reason, UD_BOOT_REVERTED);
        assert_int_equal(resident->device.info.outcome, UD_ERR_BOOT_REFUSED);
        assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
        expect_report(resident, UD_ERR_BOOT_REFUSED, bad, &resident->first);
        resident_install(resident, &resident->v2, FLEET_ACTION + 1); /* and the next one finds its way */
        try_and_confirm(resident, &resident->v2);
        free(bad);
        resident_drop(resident);
    }
}

/* A MCUboot that heeds no request: what is asked would be heeded some day, when nobody expects it. */
static void test_a_request_that_is_not_heeded_is_taken_back(void **state)
{
    (void)state;
    struct resident *resident = make(&usual[1]);
    resident_install(resident, &resident->v2, FLEET_ACTION);
    assert_int_equal(resident_start(resident), UD_OK);
    assert_int_equal(resident->device.info.outcome, UD_ERR_BOOT_REFUSED);
    assert_int_equal(resident_trailer(resident, 1).magic, UD_MCUBOOT_UNSET);
    assert_int_equal(resident_boot(resident), UD_OK);
    assert_int_equal(resident->swap, UD_MCUBOOT_SWAP_NONE);
    resident_drop(resident);
}

static void test_what_is_no_image_of_mcuboots_is_never_asked_for(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
    } lies[] = {
        {"no magic", 0, 0},
        {"a header shorter than itself", 8, 31},
        {"a payload of 16 MiB", 15, 1},
        {"encrypted", 16, 4},
        {"compressed", 17, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        print_message("  %s\n", lies[i].name);
        struct resident *resident = resident_make(&usual[i % USUAL]);
        struct release *bad = malloc(sizeof *bad);
        uint8_t image[2000];
        resident_image(image, sizeof image, 9);
        image[lies[i].at] = lies[i].value;
        release_make(bad, &(struct release_options){
                              .sequence = 20, .image = UD_BYTES_ARRAY(image), .signer = &resident->author});
        fleet_offer(&resident->device, bad, FLEET_ACTION);
        assert_int_equal(device_run_to(&resident->device, UD_AGENT_REPORT), UD_WAIT);
        assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
        expect_report(resident, UD_ERR_IMAGE_FORMAT, bad, &resident->first);
        assert_int_equal(resident_trailer(resident, 1).magic, UD_MCUBOOT_UNSET);
        assert_int_equal(resident_boot(resident), UD_OK);
        resident_expect_image(resident, &resident->first);
        free(bad);
        resident_drop(resident);
    }
}

static void test_an_update_for_good_needs_no_confirmation(void **state)
{
    (void)state;
    for (size_t i = 0; i < USUAL; i++) {
        struct resident_shape shape = usual[i];
        shape.for_good = true;
        struct resident *resident = make(&shape);
        resident_install(resident, &resident->v2, FLEET_ACTION);
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(resident->swap, i < REVERTING ? UD_MCUBOOT_SWAP_PERMANENT : UD_MCUBOOT_SWAP_TEST);
        assert_int_equal(resident->device.info.reason, UD_BOOT_NORMAL);
        device_expect_running(&resident->device, &resident->v2);
        assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
        expect_report(resident, UD_OK, &resident->v2, &resident->v2);
        assert_int_equal(state_of(resident)->stored.sequence, 11);
        resident_drop(resident);
    }
}

/* Nothing reverts there: it is never called a success, and the next update comes all the same. */
static void test_where_the_old_image_is_lost_nothing_is_told_as_reverted(void **state)
{
    (void)state;
    struct resident_shape shape = usual[3];
    shape.trial_boots_max = 2;
    struct resident *resident = make(&shape);
    resident_install(resident, &resident->v2, FLEET_ACTION);
    for (int start = 0; start < 2; start++) {
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(resident->device.info.reason, UD_BOOT_TRIAL);
    }
    for (int start = 0; start < 2; start++) {
        assert_int_equal(resident_boot(resident), UD_OK);
        resident_expect_image(resident, &resident->v2);
        assert_memory_equal(resident->device.info.manifest_digest, no_digest, sizeof no_digest);
        assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
        expect_report(resident, UD_ERR_UNCONFIRMED, &resident->v2, &resident->v2);
        assert_int_equal(resident->device.info.reason, UD_BOOT_FALLBACK);
    }
    assert_int_equal(state_of(resident)->stored.sequence, 0);
    resident_install(resident, &resident->v3, FLEET_ACTION + 1);
    try_and_confirm(resident, &resident->v3);
    resident_drop(resident);
}

/* Reads neither erased nor set, as after a cut. MCUboot does not revert then; the application says again that it is well. */
static void test_a_flag_that_was_cut_is_no_confirmation_and_no_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < REVERTING; i++) {
        struct resident *resident = make(&usual[i]);
        const struct ud_area *primary = &resident->device.layout.components[0].image[0];
        const uint32_t align = resident->table.max_align;
        const uint32_t image_ok = primary->size - (16 + align - 1) / align * align - align;
        uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
        memset(unit, 0xff, sizeof unit);
        unit[0] = 0x0f;
        resident_install(resident, &resident->v2, FLEET_ACTION);
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(ud_area_program(primary, image_ok, unit, align), UD_OK);
        for (int start = 0; start < 3; start++) {
            assert_int_equal(resident_boot(resident), UD_OK);
            assert_int_equal(resident->device.info.reason, UD_BOOT_TRIAL);
            assert_int_equal(device_run_to(&resident->device, UD_AGENT_TRIAL), UD_WAIT);
            assert_int_equal(state_of(resident)->stored.sequence, 0);
        }
        confirm(resident);
        assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
        expect_report(resident, UD_OK, &resident->v2, &resident->v2);
        resident_drop(resident);
    }
}

static void lose_journal(struct resident *resident)
{
    const struct ud_area *journal = &resident->device.layout.journal;
    for (uint32_t at = 0; at < journal->size; at += DEVICE_SECTOR) {
        assert_int_equal(ud_area_erase(journal, at), UD_OK);
    }
}

static void test_a_lost_journal_is_begun_anew_from_what_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < USUAL; i++) {
        struct resident *resident = make(&usual[i]);
        resident_install(resident, &resident->v2, FLEET_ACTION);
        try_and_confirm(resident, &resident->v2);
        lose_journal(resident);
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(resident->device.info.reason, UD_BOOT_FALLBACK);
        assert_int_equal(resident->device.info.outcome, UD_ERR_JOURNAL);
        device_expect_running(&resident->device, &resident->v2);
        assert_int_equal(state_of(resident)->stored.sequence, 11);
        resident_install(resident, &resident->v3, FLEET_ACTION + 1);
        if (i <
            REVERTING) { /* lost while on trial: what is stored grows by a confirmation only, and MCUboot reverts */
            assert_int_equal(resident_boot(resident), UD_OK);
            lose_journal(resident);
            assert_int_equal(resident_start(resident), UD_OK);
            assert_int_equal(resident->device.info.reason, UD_BOOT_TRIAL);
            assert_int_equal(state_of(resident)->stored.sequence, 0);
            assert_int_equal(resident_boot(resident), UD_OK);
            assert_int_equal(resident->device.info.reason, UD_BOOT_REVERTED);
            device_expect_running(&resident->device, &resident->v2);
        }
        resident_drop(resident);
    }
}

/* By a cable, or by another program that knows MCUboot. */
static void test_an_image_that_came_by_another_road_is_told_and_updated(void **state)
{
    (void)state;
    struct resident *resident = make(&usual[0]);
    const struct ud_area *primary = &resident->device.layout.components[0].image[0];
    struct release *other = malloc(sizeof *other);
    resident_release(resident, other, 15, 2048, 77);
    resident_install(resident, &resident->v2, FLEET_ACTION);
    try_and_confirm(resident, &resident->v2);
    for (uint32_t at = 0; at < 3 * DEVICE_SECTOR; at += DEVICE_SECTOR) {
        assert_int_equal(ud_area_erase(primary, at), UD_OK);
    }
    assert_int_equal(ud_area_program(primary, 0, other->image, other->image_bytes), UD_OK);
    for (int start = 0; start < 2; start++) {
        assert_int_equal(resident_boot(resident), UD_OK);
        assert_int_equal(resident->device.info.reason, UD_BOOT_FALLBACK);
        resident_expect_image(resident, other);
        assert_memory_equal(resident->device.info.manifest_digest, no_digest, sizeof no_digest);
        assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
        assert_int_equal(device_last_report(&resident->device).result, UD_ERR_IMAGE_MISMATCH);
    }
    resident_install(resident, &resident->v3, FLEET_ACTION + 1);
    try_and_confirm(resident, &resident->v3);
    free(other);
    resident_drop(resident);
}

static void test_an_image_fills_the_slot_to_the_last_byte_that_the_table_gives(void **state)
{
    static const uint32_t wanted[USUAL] = {
        6 * DEVICE_SECTOR - (32 * 3 * 8 + 4 * 8 + 16), /* up to the trailer, within a sector */
        4 * DEVICE_SECTOR,                             /* the trailer's sector and a spare one */
        6 * DEVICE_SECTOR,                             /* the same, the spare one in the secondary slot */
        4 * DEVICE_SECTOR - (3 * 8 + 16),
    };
    (void)state;
    for (size_t i = 0; i < USUAL; i++) {
        struct resident *resident = make(&usual[i]);
        struct release *full = malloc(sizeof *full);
        const uint32_t capacity = ud_slots_capacity(&resident->device.slots, 0);
        assert_int_equal(capacity, wanted[i]);
        resident_release(resident, full, 20, capacity, 5);
        resident_install(resident, full, FLEET_ACTION);
        try_and_confirm(resident, full);
        struct release *more = malloc(sizeof *more);
        resident_release(resident, more, 21, capacity + 1, 6);
        fleet_offer(&resident->device, more, FLEET_ACTION + 1);
        assert_int_equal(device_run_to(&resident->device, UD_AGENT_REPORT), UD_WAIT);
        assert_int_equal(device_run_to_rest(&resident->device), UD_WAIT);
        expect_report(resident, UD_ERR_SPACE, more, full);
        free(more);
        free(full);
        resident_drop(resident);
    }
}

/* @return false when `cut` is behind the request */
static bool cut_in_request(const struct resident_shape *shape, uint64_t cut)
{
    struct resident *resident = resident_make(shape);
    struct device *device = &resident->device;
    struct release *full = malloc(sizeof *full);
    resident_release(resident, full, 20, ud_slots_capacity(&device->slots, 0), 5);
    fleet_offer(device, full, FLEET_ACTION);
    sim_flash_cut_after(&device->flash, cut, (uint32_t)cut);
    (void)device_run_to(device, UD_AGENT_RESET);
    const bool was_cut = sim_flash_is_off(&device->flash);
    sim_flash_cut_never(&device->flash);
    sim_flash_power_on(&device->flash);
    assert_int_equal(resident_boot(resident), UD_OK);
    if (resident_holds(resident, &resident->first)) { /* not asked: goes on where it was */
        assert_int_equal(device->info.reason, UD_BOOT_NORMAL);
        assert_true(state_of(resident)->install.open);
        device->road.news.offer.action_id = FLEET_ACTION; /* the same offer */
        assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
        assert_true(device->road.resources[1].served_bytes <=
                    full->image_bytes + DEVICE_SECTOR + device->road.chunk_bytes);
        assert_int_equal(device_step(device), UD_OK);
        assert_int_equal(resident_boot(resident), UD_OK);
    }
    resident_expect_image(resident, full);
    assert_int_equal(device->info.reason, UD_BOOT_TRIAL);
    free(full);
    resident_drop(resident);
    return was_cut;
}

/* The journal asks, MCUboot was not asked yet, or by a torn magic, also where the image ends in the trailer's sector. */
static void test_a_request_that_was_cut_costs_no_download(void **state)
{
    (void)state;
    for (size_t i = 0; i < USUAL; i++) {
        struct resident *resident = make(&usual[i]);
        struct release *full = malloc(sizeof *full);
        const uint64_t began = resident->device.flash.operations;
        resident_release(resident, full, 20, ud_slots_capacity(&resident->device.slots, 0), 5);
        resident_install(resident, full, FLEET_ACTION);
        const uint64_t end = resident->device.flash.operations - began;
        free(full);
        resident_drop(resident);
        uint64_t cut = end - 6; /* two records of two operations, and the magic between them */
        while (cut_in_request(&usual[i], cut)) {
            cut++;
        }
        assert_int_equal(cut, end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_device_as_it_comes_says_what_runs_without_a_manifest),
        cmocka_unit_test(test_an_update_is_tried_confirmed_and_reported),
        cmocka_unit_test(test_an_image_that_does_not_confirm_is_told_as_reverted),
        cmocka_unit_test(test_an_image_that_ends_at_once_is_told_as_reverted),
        cmocka_unit_test(test_an_image_that_mcuboot_refuses_is_told_as_that),
        cmocka_unit_test(test_a_request_that_is_not_heeded_is_taken_back),
        cmocka_unit_test(test_what_is_no_image_of_mcuboots_is_never_asked_for),
        cmocka_unit_test(test_an_update_for_good_needs_no_confirmation),
        cmocka_unit_test(test_where_the_old_image_is_lost_nothing_is_told_as_reverted),
        cmocka_unit_test(test_a_flag_that_was_cut_is_no_confirmation_and_no_end),
        cmocka_unit_test(test_a_lost_journal_is_begun_anew_from_what_runs),
        cmocka_unit_test(test_an_image_that_came_by_another_road_is_told_and_updated),
        cmocka_unit_test(test_a_request_that_was_cut_costs_no_download),
        cmocka_unit_test(test_an_image_fills_the_slot_to_the_last_byte_that_the_table_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
