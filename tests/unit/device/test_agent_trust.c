/* A new trust store on its way to a device: taken, refused by name, cut anywhere; what may be installed and booted after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_fleet.h"
#include "stores.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define AREA_BYTES 4096U
#define POLL_PAUSE_MS 400000U /* longer than the agent waits between polls */

/* A fleet whose device was made with roots a, b, c (two of them sign a store) and the fleet's author, f, as its anchor. */
static struct world {
    struct fleet *fleet;
    struct test_stores stores;
    struct sim_flash flash; /* of the trust store: a chip of its own, so that cuts can be told apart */
    struct ud_provision provision;
    uint8_t roots_bytes[1024];
    struct ud_boot_trust trust;
    uint8_t trust_ram[UD_TRUST_STORE_BYTES_MAX];
    struct ud_trust_store next;
    struct ud_agent_trust agent_trust;
    uint8_t object[4][TEST_STORE_BYTES];
    struct release release;
    uint64_t clock_s;
} w;

static struct device *device(void)
{
    return &w.fleet->device;
}

/* A reset, as the port does it: trust first, then the rest. */
static ud_err boot(void)
{
    assert_int_equal(
        ud_boot_trust_load(&w.trust, &w.provision, &w.flash.flash, w.trust_ram, sizeof w.trust_ram), UD_OK);
    device()->trust = w.trust.store.trust;
    w.agent_trust = (struct ud_agent_trust){
        .take = ud_agent_take_trust_store,
        .roots = &w.trust.roots,
        .now = w.trust.in_force ? &w.trust.store : NULL,
        .next = &w.next,
        .twin = &w.trust.twin,
    };
    device()->config.trust_store = &w.agent_trust;
    return device_boot(device(), UD_OK);
}

static uint64_t clock_of(void *ctx)
{
    return *(uint64_t *)ctx;
}

static int set_up(void **state)
{
    if (fleet_setup(state) != 0) {
        return -1;
    }
    memset(&w, 0, sizeof w);
    w.fleet = *state;
    test_stores_open(&w.stores);
    w.stores.keys['f' - 'a'].signer = w.fleet->author;
    sim_flash_init(&w.flash, 2 * AREA_BYTES, 1024, 8, 0xff);
    struct ud_buf roots_buf = {w.roots_bytes, sizeof w.roots_bytes, 0};
    const struct ud_trust roots = test_stores_trust(&w.stores, "abc", 2, 0);
    assert_int_equal(ud_trust_roots_write(&roots_buf, &roots), UD_OK);
    w.provision = (struct ud_provision){
        .trust = device()->trust,
        .trust_store = {{0, AREA_BYTES}, {AREA_BYTES, AREA_BYTES}},
        .roots = ud_buf_bytes(&roots_buf),
        .vendor_id = device()->identity.vendor_id,
        .class_id = device()->identity.class_id,
    };
    device()->config.time_s = clock_of;
    device()->config.time_ctx = &w.clock_s;
    assert_int_equal(boot(), UD_OK);
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
    return 0;
}

static int tear_down(void **state)
{
    assert_int_equal(w.flash.violations, 0);
    sim_flash_deinit(&w.flash);
    test_stores_close(&w.stores);
    return fleet_teardown(state);
}

/* Store `at`, by roots a and b unless the plan says otherwise. */
static struct ud_bytes make(size_t at, struct test_store_plan plan)
{
    struct ud_buf out = {w.object[at], TEST_STORE_BYTES, 0};
    plan.signers = plan.signers != NULL ? plan.signers : "ab";
    plan.threshold = 1;
    plan.roots_number = UINT32_MAX;
    return test_stores_make(&w.stores, &plan, 0, &out);
}

static void offer(struct ud_bytes object, uint32_t action)
{
    device()->road.resource_count = 0;
    (void)sim_road_put(&device()->road, "trust", object);
    device()->now_ms += POLL_PAUSE_MS;
    sim_road_offer(&device()->road, action, "trust", fleet_nonce);
}

/* Offered, reported, and after its reset in force. */
static void take(struct ud_bytes object, uint32_t action)
{
    uint8_t name[UD_SHA256_BYTES];
    assert_int_equal(ud_sha256(&object, 1, name), UD_OK);
    offer(object, action);
    assert_int_equal(device_run_to_rest(device()), UD_OK); /* a reset is wanted */
    const struct ud_report report = device_last_report(device());
    assert_int_equal(report.result, UD_OK);
    assert_memory_equal(report.reference_digest.ptr, name, sizeof name);
    assert_memory_equal(report.nonce.ptr, fleet_nonce, UD_NONCE_BYTES);
    assert_int_equal(boot(), UD_OK);
    assert_true(w.trust.in_force);
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
}

/* @return why the report says that it was refused; nothing changed on the trust store's chip */
static ud_err refused(struct ud_bytes object, uint32_t action)
{
    const uint64_t before = w.flash.operations;
    const uint32_t number = w.trust.store.trust.number;
    offer(object, action);
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
    assert_int_equal(w.flash.operations, before);
    assert_int_equal(device()->road.last_report_action_id, action);
    const ud_err err = device_last_report(device()).result;
    assert_int_equal(boot(), UD_OK);
    assert_int_equal(w.trust.store.trust.number, number);
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
    return err;
}

static void sign_release(char key, uint64_t sequence, uint8_t fill)
{
    release_make(&w.release, &(struct release_options){.sequence = sequence,
                                                       .image_bytes = 3000,
                                                       .fill = fill,
                                                       .signer = &w.stores.keys[key - 'a'].signer});
}

static void installs(char key, uint64_t sequence, uint32_t action)
{
    sign_release(key, sequence, (uint8_t)action);
    device()->road.resource_count = 0;
    fleet_offer(device(), &w.release, action);
    assert_int_equal(device_run_to(device(), UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(boot(), UD_OK);
    assert_int_equal(device()->info.reason, UD_BOOT_TRIAL);
    device_expect_running(device(), &w.release);
    assert_int_equal(ud_slots_confirm(&device()->slots, device()->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
}

static ud_err is_refused(char key, uint64_t sequence, uint32_t action)
{
    sign_release(key, sequence, (uint8_t)action);
    device()->road.resource_count = 0;
    fleet_offer(device(), &w.release, action);
    device()->now_ms += POLL_PAUSE_MS;
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
    return device_last_report(device()).result;
}

static void test_e2_keys_are_replaced_one_after_another_and_the_old_one_is_worth_nothing(void **state)
{
    (void)state;
    assert_int_equal(is_refused('g', 11, 1), UD_ERR_UNTRUSTED);
    take(make(0, (struct test_store_plan){.number = 1, .anchors = "fg"}), 2);
    assert_int_equal(w.trust.store.trust.number, 1);
    installs('g', 11, 3);
    take(make(1, (struct test_store_plan){.number = 2, .anchors = "g", .revoked = "f"}), 4);
    assert_int_equal(device()->info.reason, UD_BOOT_NORMAL);
    assert_int_equal(is_refused('f', 12, 5), UD_ERR_REVOKED);
    installs('g', 12, 6);
}

static void test_a_store_that_is_offered_again_is_acknowledged_and_written_once(void **state)
{
    (void)state;
    const struct ud_bytes first = make(0, (struct test_store_plan){.number = 1, .anchors = "fg"});
    take(first, 1);
    assert_int_equal(refused(first, 2), UD_OK); /* "refused" only in that nothing is written */
}

static void test_a13_only_the_next_store_by_enough_roots_is_taken(void **state)
{
    (void)state;
    assert_int_equal(refused(make(0, (struct test_store_plan){.number = 2, .anchors = "f"}), 1), UD_ERR_CHAIN);
    assert_int_equal(refused(make(0, (struct test_store_plan){.number = 1, .anchors = "f", .signers = "a"}), 2),
                     UD_ERR_THRESHOLD);
    assert_int_equal(
        refused(make(0, (struct test_store_plan){.number = 1, .anchors = "f", .signers = "fg"}), 3),
        UD_ERR_UNTRUSTED);
    const struct ud_bytes first = make(0, (struct test_store_plan){.number = 1, .anchors = "f"});
    struct ud_bytes cut = first;
    cut.len--;
    assert_int_equal(refused(cut, 4), UD_ERR_TRUNCATED);
    const uint8_t other[UD_UUID_BYTES] = {0xee};
    assert_int_equal(
        refused(
            make(1, (struct test_store_plan){.number = 1, .anchors = "f", .class_id = UD_BYTES_ARRAY(other)}),
            5),
        UD_ERR_CLASS);
    take(first, 6);
    take(make(1, (struct test_store_plan){.number = 2, .anchors = "fg"}), 7);
    assert_int_equal(refused(first, 8), UD_ERR_STALE);
    assert_int_equal(refused(make(2, (struct test_store_plan){.number = 2, .anchors = "f"}), 9), UD_ERR_STALE);
    assert_int_equal(refused(make(2, (struct test_store_plan){.number = 4, .anchors = "f"}), 10), UD_ERR_CHAIN);
    assert_int_equal(refused(make(2, (struct test_store_plan){.number = 3, .epoch = 2, .anchors = "f"}), 11),
                     UD_ERR_CHAIN);
}

/* Rotation of the roots themselves: old and new sign the link, the new sign what comes after. */
static void test_a13_new_roots_take_over_and_the_old_ones_are_done(void **state)
{
    (void)state;
    struct ud_buf out = {w.object[0], TEST_STORE_BYTES, 0};
    struct test_store_plan plan = {.number = 1,
                                   .links = {"de|abde"},
                                   .signers = "de",
                                   .anchors = "f",
                                   .threshold = 1,
                                   .roots_number = UINT32_MAX};
    take(test_stores_make(&w.stores, &plan, 0, &out), 1);
    assert_int_equal(w.trust.store.roots.epoch, 1);
    out = (struct ud_buf){w.object[1], TEST_STORE_BYTES, 0};
    plan.number = 2;
    plan.signers = "ab";
    assert_int_equal(refused(test_stores_make(&w.stores, &plan, 1, &out), 2), UD_ERR_UNTRUSTED);
    plan.signers = "de";
    take(test_stores_make(&w.stores, &plan, 1, &out), 3);
}

/* The last key that signed what runs is gone: without the store's word for it, the store is not taken (E3, T5). */
static void test_e3_a_store_never_strands_the_image_that_runs(void **state)
{
    (void)state;
    assert_int_equal(refused(make(0, (struct test_store_plan){.number = 1, .anchors = "g", .revoked = "f"}), 1),
                     UD_ERR_STRANDED);
    static const uint8_t nothing[UD_SHA256_BYTES] = {1};
    assert_int_equal(
        refused(make(0,
                     (struct test_store_plan){
                         .number = 1, .anchors = "g", .revoked = "f", .kept = UD_BYTES_ARRAY(nothing)}),
                2),
        UD_ERR_STRANDED);
    take(make(0, (struct test_store_plan){.number = 1,
                                          .anchors = "g",
                                          .revoked = "f",
                                          .kept = UD_BYTES_ARRAY(w.fleet->v1.manifest_digest)}),
         3);
    device_expect_running(device(), &w.fleet->v1);
    assert_int_equal(device()->info.reason, UD_BOOT_NORMAL);
    assert_int_equal(is_refused('f', 50, 4), UD_ERR_REVOKED);
    installs('g', 51, 5);
}

/* A stolen key signs the highest number there is; the roots overcome it, and nothing else does (A3). */
static void test_a3_a_rotation_overcomes_the_highest_number_of_a_stolen_key(void **state)
{
    (void)state;
    installs('f', UINT64_MAX, 1);
    assert_int_equal(is_refused('f', UINT64_MAX - 1, 2), UD_ERR_STALE);
    struct test_store_plan plan = {.number = 1, .epoch = 1, .anchors = "g", .revoked = "f", .sequence_min = 12};
    sign_release('f', UINT64_MAX, 1);
    uint8_t running[UD_SHA256_BYTES];
    memcpy(running, device()->info.manifest_digest, sizeof running);
    plan.kept = (struct ud_bytes){running, sizeof running};
    plan.epoch = 0; /* the same epoch: the key is gone, its number stays */
    take(make(0, plan), 3);
    assert_int_equal(is_refused('g', 12, 4), UD_ERR_STALE);
    plan.number = 2;
    plan.epoch = 1;
    take(make(1, plan), 5);
    assert_memory_equal(device()->info.manifest_digest, running, sizeof running);
    assert_int_equal(is_refused('g', 11, 6), UD_ERR_STALE); /* below what was published before the theft */
    assert_int_equal(is_refused('f', UINT64_MAX, 7), UD_ERR_REVOKED);
    installs('g', 12, 8);
    assert_int_equal(ud_slots_state(&device()->slots)->stored.epoch, 1);
    assert_int_equal(ud_slots_state(&device()->slots)->stored.sequence, 12);
}

/* The bootloader asks the store, too: an agent that was talked into it requests the trial in vain. */
static void test_e2_the_bootloader_tries_no_image_of_a_revoked_key(void **state)
{
    (void)state;
    sign_release('f', 20, 3);
    device()->road.resource_count = 0;
    fleet_offer(device(), &w.release, 1);
    assert_int_equal(device_run_to(device(), UD_AGENT_RESET), UD_WAIT); /* requested while f was trusted */
    const struct ud_bytes store = make(
        0,
        (struct test_store_plan){
            .number = 1, .anchors = "g", .revoked = "f", .kept = UD_BYTES_ARRAY(w.fleet->v1.manifest_digest)});
    assert_int_equal(ud_twin_replace(&w.trust.twin, 1, store), UD_OK);
    assert_int_equal(boot(), UD_OK);
    assert_int_equal(device()->info.reason, UD_BOOT_REVERTED);
    assert_int_equal(device()->info.outcome, UD_ERR_REVOKED);
    device_expect_running(device(), &w.fleet->v1);
}

/* Time that is forged forwards, or really over: nothing new is installed, and what runs goes on (A4, A18). */
static void test_a4_a18_expiry_stops_installs_and_never_a_boot(void **state)
{
    (void)state;
    take(make(0, (struct test_store_plan){.number = 1, .anchors = "f", .expires_s = 1000}), 1);
    w.clock_s = 1001;
    assert_int_equal(is_refused('f', 12, 2), UD_ERR_TRUST_EXPIRED);
    w.clock_s = UINT64_MAX;
    assert_int_equal(boot(), UD_OK);
    assert_int_equal(device()->info.reason, UD_BOOT_NORMAL);
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
    assert_int_equal(is_refused('f', 12, 3), UD_ERR_TRUST_EXPIRED);
    take(make(1, (struct test_store_plan){.number = 2, .anchors = "f"}), 4); /* the way out needs no clock */
    installs('f', 13, 5);
}

static void test_a_device_without_roots_takes_no_store(void **state)
{
    (void)state;
    const struct ud_bytes store = make(0, (struct test_store_plan){.number = 1, .anchors = "fg"});
    device()->config.trust_store = NULL;
    offer(store, 1);
    assert_int_equal(device_run_to_rest(device()), UD_WAIT);
    assert_int_equal(device_last_report(device()).result, UD_ERR_SHAPE);
}

/* Both copies lost: the table that the device was made with, and still no way below what was confirmed. */
static void test_both_copies_lost_is_the_provisioned_table_and_boots(void **state)
{
    (void)state;
    take(make(0, (struct test_store_plan){.number = 1, .anchors = "fg"}), 1);
    for (uint32_t copy = 0; copy < UD_TWIN_COPIES; copy++) {
        sim_flash_flip(&w.flash, copy * AREA_BYTES + 40, 2);
    }
    assert_int_equal(boot(), UD_OK);
    assert_false(w.trust.in_force);
    assert_int_equal(w.trust.store.trust.key_count, 1);
    device_expect_running(device(), &w.fleet->v1);
}

/* Power fails in any operation on the store's chip: old or new, whole, and the offer that comes again ends it (A13). */
static void test_a13_power_may_fail_anywhere_in_a_rotation(void **state)
{
    (void)state;
    struct sim_flash before;
    take(make(0, (struct test_store_plan){.number = 1, .anchors = "fg"}), 1);
    const struct ud_bytes second = make(1, (struct test_store_plan){.number = 2, .anchors = "fg"});
    sim_flash_copy(&before, &w.flash);
    bool cut = true;
    for (uint64_t at = 0; cut; at++) {
        sim_flash_load(&w.flash, &before);
        assert_int_equal(boot(), UD_OK);
        assert_int_equal(w.trust.store.trust.number, 1);
        assert_int_equal(device_run_to_rest(device()), UD_WAIT);
        sim_flash_seed(&w.flash, at + 1);
        sim_flash_cut_after(&w.flash, at, (uint32_t)at);
        offer(second, (uint32_t)(10 + 2 * at));
        for (uint32_t i = 0; i < DEVICE_STEPS_MAX && !sim_flash_is_off(&w.flash); i++) {
            if (device_step(device()) == UD_OK) {
                break;
            }
        }
        cut = sim_flash_is_off(&w.flash);
        sim_flash_cut_never(&w.flash);
        sim_flash_power_on(&w.flash);
        assert_int_equal(boot(), UD_OK);
        assert_true(w.trust.in_force);
        assert_in_range(w.trust.store.trust.number, 1, 2);
        device_expect_running(device(), &w.fleet->v1);
        device()->now_ms += POLL_PAUSE_MS;
        if (device_run_to_rest(device()) == UD_OK) { /* offered again, and taken */
            assert_int_equal(boot(), UD_OK);
        }
        assert_int_equal(w.trust.store.trust.number, 2);
    }
    sim_flash_deinit(&before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_e2_keys_are_replaced_one_after_another_and_the_old_one_is_worth_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_store_that_is_offered_again_is_acknowledged_and_written_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a13_only_the_next_store_by_enough_roots_is_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a13_new_roots_take_over_and_the_old_ones_are_done, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_e3_a_store_never_strands_the_image_that_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a3_a_rotation_overcomes_the_highest_number_of_a_stolen_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_e2_the_bootloader_tries_no_image_of_a_revoked_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a4_a18_expiry_stops_installs_and_never_a_boot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_device_without_roots_takes_no_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_both_copies_lost_is_the_provisioned_table_and_boots, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a13_power_may_fail_anywhere_in_a_rotation, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
