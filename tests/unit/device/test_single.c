/*
 * A whole device with one slot: agent, bootloader, recovery image, and updates by patches in place that its author signed. Power
 * fails at every flash operation of both halves; UD_TORTURE=1: more manners, and pairs of cuts everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "diff/diff.h"
#include "helper_patch.h"
#include "updraft/agent_in_place.h"

enum { FILES_MAX = 4, PATCH_NUMBER = 2 };

struct single {
    struct fleet *fleet;
    struct device *device;
    struct release rescue;
    struct ud_bytes patch;
};

static struct ud_agent_patching patching;

static bool is_long(void)
{
    return getenv("UD_TORTURE") != NULL;
}

static struct ud_bytes patch_in_place(struct ud_bytes old, struct ud_bytes new)
{
    struct ud_delta_in_place_head head;
    struct delta_options options = {.profile = 3};
    uint8_t *patch = NULL;
    size_t len = 0;
    assert_int_equal(
        delta_in_place_fit(&head, DEVICE_SLOT_BYTES, DEVICE_SECTOR, (uint32_t)old.len, (uint32_t) new.len),
        UD_OK);
    options.in_place = &head;
    assert_int_equal(delta_diff(old, new, &options, &patch, &len, NULL), UD_OK);
    assert_true(len <= DEVICE_PATCH_BYTES);
    return (struct ud_bytes){patch, len};
}

static void attach(struct device *device)
{
    patching = (struct ud_agent_patching){.ops = &ud_agent_in_place_ops, .staging = device_staging};
    device->config.patching = &patching;
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
}

static void single_open(struct single *s)
{
    void *state = NULL;
    assert_int_equal(fleet_setup(&state), 0);
    s->fleet = state;
    s->device = &s->fleet->device;
    device_drop(s->device);
    fleet_release(s->fleet, &s->rescue, 1, 3000, 77);
    device_make_single(s->device, &s->fleet->author, &s->fleet->own, &s->fleet->v1, &s->rescue);
    attach(s->device);
    s->patch = patch_in_place(release_image(&s->fleet->v1), release_image(&s->fleet->v2));
}

static void single_close(struct single *s)
{
    void *state = s->fleet;
    patch_drop(s->patch);
    assert_int_equal(fleet_teardown(&state), 0);
}

/* @param served what the road gives for the patch that the manifest names */
static void offer(struct single *s, struct ud_bytes old, struct ud_bytes named, struct ud_bytes served)
{
    char text[PATCH_TEXT_BYTES_MAX];
    char name[2 * UD_SHA256_BYTES + 1] = "";
    const struct patch_file files[FILES_MAX] = {{"app-1.bin", old},
                                                {"app-2.bin", release_image(&s->fleet->v2)},
                                                {"app.patch", named},
                                                {NULL, {NULL, 0}}};
    patch_example(text);
    patch_describe(&s->fleet->v2, &s->fleet->author, text, files);
    fleet_offer(s->device, &s->fleet->v2, FLEET_ACTION);
    patch_name(named, name);
    (void)sim_road_put(&s->device->road, name, served);
}

static void offer_patch(struct single *s)
{
    offer(s, release_image(&s->fleet->v1), s->patch, s->patch);
}

static void request_trial(struct single *s)
{
    offer_patch(s);
    assert_int_equal(device_run_to(s->device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(s->device), UD_OK);
}

static void expect_old_and_why(struct single *s, ud_err why)
{
    device_expect_running(s->device, &s->fleet->v1);
    assert_int_equal(device_run_to_rest(s->device), UD_WAIT);
    const struct ud_report report = device_last_report(s->device);
    assert_int_equal(report.result, why);
}

static void expect_rescue(struct single *s)
{
    assert_int_equal(device_boot(s->device, UD_ERR_CRASHED), UD_OK);
    assert_int_equal(s->device->info.slot, UD_SLOT_RECOVERY);
    assert_int_equal(s->device->info.reason, UD_BOOT_RECOVERY);
    device_expect_running(s->device, &s->rescue);
}

static uint64_t served_bytes(const struct single *s, unsigned resource)
{
    return s->device->road.resources[resource].served_bytes;
}

/* ---- the way it goes ---- */

static void test_a_signed_patch_makes_the_next_image_in_the_only_slot(void **state)
{
    struct single s;
    (void)state;
    single_open(&s);
    request_trial(&s);
    assert_int_equal(ud_agent_status(&s.device->agent)->patch_bytes, s.patch.len);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    assert_int_equal(s.device->info.reason, UD_BOOT_TRIAL);
    device_expect_running(s.device, &s.fleet->v2);
    assert_int_equal(ud_slots_confirm(&s.device->slots, s.device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(s.device), UD_WAIT);
    assert_int_equal(device_last_report(s.device).result, UD_OK);
    assert_int_equal(served_bytes(&s, 1), 0); /* the image never travelled */
    assert_int_equal(served_bytes(&s, PATCH_NUMBER), s.patch.len);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    assert_int_equal(s.device->info.reason, UD_BOOT_NORMAL);
    single_close(&s);
}

/* And back again: slots take turns as names, the place stays. */
static void test_one_update_follows_the_other(void **state)
{
    struct single s;
    (void)state;
    single_open(&s);
    request_trial(&s);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    assert_int_equal(ud_slots_confirm(&s.device->slots, s.device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(s.device), UD_WAIT);
    const struct ud_bytes back = patch_in_place(release_image(&s.fleet->v2), release_image(&s.fleet->v1));
    char text[PATCH_TEXT_BYTES_MAX];
    char name[2 * UD_SHA256_BYTES + 1] = "";
    struct release third = s.fleet->v1;
    const struct patch_file files[FILES_MAX] = {{"app-1.bin", release_image(&s.fleet->v2)},
                                                {"app-2.bin", release_image(&s.fleet->v1)},
                                                {"app.patch", back},
                                                {NULL, {NULL, 0}}};
    patch_example(text);
    patch_replace(text, "sequence = 11", "sequence = 12");
    patch_describe(&third, &s.fleet->author, text, files);
    fleet_offer(s.device, &third, FLEET_ACTION + 1);
    patch_name(back, name);
    (void)sim_road_put(&s.device->road, name, back);
    assert_int_equal(device_run_to(s.device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(s.device), UD_OK);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    device_expect_running(s.device, &third);
    assert_int_equal(ud_slots_confirm(&s.device->slots, s.device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(s.device), UD_WAIT);
    patch_drop(back);
    single_close(&s);
}

/* There is no automatic revert: the recovery image runs, and installs a whole image where images run. */
static void test_an_image_that_crashes_leaves_the_recovery_image_which_installs_a_whole_one(void **state)
{
    struct single s;
    struct release *third = calloc(1, sizeof *third);
    (void)state;
    single_open(&s);
    request_trial(&s);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    device_expect_running(s.device, &s.fleet->v2);
    expect_rescue(&s);
    assert_int_equal(device_run_to_rest(s.device), UD_WAIT);
    assert_int_equal(device_last_report(s.device).result, UD_ERR_CRASHED);
    fleet_release(s.fleet, third, 12, 6000, 9);
    fleet_update(s.device, third, FLEET_ACTION + 1);
    device_expect_running(s.device, third);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    assert_int_equal(s.device->info.reason, UD_BOOT_NORMAL);
    single_close(&s);
    free(third);
}

/* ---- refusals: nothing of the image that runs was erased ---- */

static void test_a_layout_without_a_recovery_image_is_refused(void **state)
{
    struct single s;
    (void)state;
    single_open(&s);
    s.device->layout.recovery = NULL;
    assert_int_equal(ud_layout_check(&s.device->layout), UD_ERR_IN_PLACE);
    assert_int_equal(device_boot(s.device, UD_OK), UD_ERR_IN_PLACE);
    s.device->layout.recovery = &s.device->recovery;
    single_close(&s);
}

static void test_a_recovery_image_that_would_not_start_keeps_the_old_image(void **state)
{
    struct single s;
    (void)state;
    single_open(&s);
    request_trial(&s);
    sim_flash_flip(&s.device->flash, s.device->recovery.image.offset + 100, 1);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    expect_old_and_why(&s, UD_ERR_IN_PLACE);
    single_close(&s);
}

static void test_b9_a_patch_that_is_not_the_signed_one_erases_nothing(void **state)
{
    struct single s;
    (void)state;
    single_open(&s);
    request_trial(&s);
    sim_flash_flip(&s.device->flash, s.device->layout.components[0].image[1].offset + 30, 2);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    expect_old_and_why(&s, UD_ERR_IN_PLACE); /* what is left is the whole image, for which there is no room */
    single_close(&s);
}

/* The agent refuses before the reset what it can refuse. */
static void test_b9_patches_that_do_not_fit_are_refused_before_the_reset(void **state)
{
    static uint8_t other[RELEASE_IMAGE_BYTES_MAX];
    static uint8_t altered[DEVICE_PATCH_BYTES];
    static const struct {
        const char *name;
        bool other_precursor, altered, two_slots;
        ud_err want;
    } rows[] = {
        {"for another image", .other_precursor = true, .want = UD_ERR_IN_PLACE},
        {"altered on its way", .altered = true, .want = UD_ERR_IN_PLACE},
        {"for two slots", .two_slots = true, .want = UD_ERR_VERSION},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct single s;
        single_open(&s);
        const struct ud_bytes old = release_image(&s.fleet->v1);
        memcpy(other, old.ptr, old.len);
        other[17] ^= 1;
        if (rows[i].two_slots) {
            patch_drop(s.patch);
            s.patch = patch_of(old, release_image(&s.fleet->v2));
        }
        memcpy(altered, s.patch.ptr, s.patch.len);
        altered[20] ^= rows[i].altered ? 1 : 0;
        offer(&s, rows[i].other_precursor ? (struct ud_bytes){other, old.len} : old, s.patch,
              (struct ud_bytes){altered, s.patch.len});
        assert_int_equal(device_run_to(s.device, UD_AGENT_REPORT), UD_WAIT);
        assert_int_equal(device_run_to_rest(s.device), UD_WAIT);
        const ud_err got = device_last_report(s.device).result;
        if (got != rows[i].want) {
            fail_msg("%s: %s", rows[i].name, ud_err_name(got));
        }
        assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
        device_expect_running(s.device, &s.fleet->v1);
        single_close(&s);
    }
}

/* A server's own patch is none that the author signed for. */
static void test_a_whole_image_and_a_servers_patch_are_not_taken(void **state)
{
    struct single s;
    struct release *third = calloc(1, sizeof *third);
    (void)state;
    single_open(&s);
    fleet_release(s.fleet, third, 12, 6000, 9);
    fleet_offer(s.device, third, FLEET_ACTION);
    assert_int_equal(device_run_to(s.device, UD_AGENT_REPORT), UD_WAIT);
    expect_old_and_why(&s, UD_ERR_IN_PLACE);
    assert_int_equal(served_bytes(&s, 1), 0);
    single_close(&s);
    free(third);
}

/* ---- power ---- */

/* Boot until it holds; the new image must run in the end, whole, on trial. */
static void expect_new(struct single *s, const char *where, uint32_t first, uint32_t second)
{
    const ud_err err = device_boot(s->device, UD_OK);
    if (err != UD_OK || s->device->info.slot != 1 || s->device->info.reason != UD_BOOT_TRIAL) {
        fail_msg("%s, cut %u, %u: %s, slot %u, %s", where, (unsigned)first, (unsigned)second, ud_err_name(err),
                 s->device->info.slot, ud_err_name(s->device->info.outcome));
    }
    device_expect_running(s->device, &s->fleet->v2);
    assert_int_equal(s->device->flash.violations, 0);
}

/* @return false when power did not fail any more */
static bool boot_is_cut(struct single *s, uint32_t cut, uint32_t draw)
{
    sim_flash_seed(&s->device->flash, cut * 31U + draw + 1);
    sim_flash_cut_after(&s->device->flash, cut, draw);
    (void)device_boot(s->device, UD_OK);
    const bool was_cut = sim_flash_is_off(&s->device->flash);
    sim_flash_cut_never(&s->device->flash);
    sim_flash_power_on(&s->device->flash);
    return was_cut;
}

static void open_before_the_reset(struct single *s, struct sim_flash *before)
{
    single_open(s);
    s->device->layout.trial_boots_max = 8; /* a start that was cut counts, and is not what is looked at here */
    request_trial(s);
    sim_flash_copy(before, &s->device->flash);
}

static void test_power_may_fail_at_every_operation_of_the_bootloader(void **state)
{
    struct single s;
    struct sim_flash before;
    const uint32_t draws = is_long() ? 6 : 1;
    uint32_t cuts = 0;
    (void)state;
    open_before_the_reset(&s, &before);
    for (uint32_t draw = 0; draw < draws; draw++) {
        for (uint32_t cut = 0;; cut++, cuts++) {
            sim_flash_load(&s.device->flash, &before);
            if (!boot_is_cut(&s, cut, draw * 7U + cut)) {
                break;
            }
            expect_new(&s, "once", cut, 0);
        }
    }
    print_message("%u cuts\n", (unsigned)cuts);
    assert_true(cuts > 50);
    sim_flash_deinit(&before);
    single_close(&s);
}

static void test_power_may_fail_again_while_the_bootloader_goes_on(void **state)
{
    struct single s;
    struct sim_flash before;
    struct sim_flash between;
    const uint32_t stride = is_long() ? 1 : 29; /* coprime to the operations of a sector */
    uint32_t pairs = 0;
    (void)state;
    open_before_the_reset(&s, &before);
    sim_flash_copy(&between, &before);
    for (uint32_t first = 3;; first += stride) {
        sim_flash_load(&s.device->flash, &before);
        if (!boot_is_cut(&s, first, first)) {
            break;
        }
        sim_flash_load(&between, &s.device->flash);
        for (uint32_t second = first % stride;; second += stride) {
            sim_flash_load(&s.device->flash, &between);
            if (!boot_is_cut(&s, second, first + second)) {
                break;
            }
            expect_new(&s, "twice", first, second);
            pairs++;
        }
    }
    print_message("%u pairs of cuts\n", (unsigned)pairs);
    assert_true(pairs > 10);
    sim_flash_deinit(&between);
    sim_flash_deinit(&before);
    single_close(&s);
}

static void test_power_may_fail_at_every_operation_of_the_agent(void **state)
{
    bool finished = false;
    uint32_t cuts = 0;
    (void)state;
    for (uint32_t cut = 0; !finished; cut++) {
        struct single s;
        single_open(&s);
        offer_patch(&s);
        finished = patch_cut(s.device, cut);
        device_expect_running(s.device, &s.fleet->v2);
        assert_int_equal(served_bytes(&s, 1), 0);
        assert_int_equal(s.device->flash.violations, 0);
        single_close(&s);
        cuts++;
    }
    assert_true(cuts > 10);
}

/* A record of an older patch, or of an image that the recovery image replaced, is of nothing that goes on. */
static void test_another_install_forgets_what_the_applier_noted(void **state)
{
    struct single s;
    struct ud_area records[UD_TWIN_COPIES];
    struct ud_twin twin;
    uint8_t copy = 0;
    (void)state;
    single_open(&s);
    request_trial(&s);
    assert_int_equal(device_boot(s.device, UD_OK), UD_OK);
    ud_slots_patch_records(&s.device->layout, records);
    assert_int_equal(ud_twin_mount(&twin, records), UD_OK);
    assert_int_equal(ud_twin_candidate(&twin, 0, &copy), UD_OK); /* that it was made */
    expect_rescue(&s);
    assert_int_equal(device_run_to_rest(s.device), UD_WAIT);
    struct release *third = calloc(1, sizeof *third);
    fleet_release(s.fleet, third, 12, 6000, 9);
    fleet_offer(s.device, third, FLEET_ACTION + 1);
    assert_int_equal(device_run_to(s.device, UD_AGENT_STORE), UD_WAIT);
    assert_int_equal(ud_twin_mount(&twin, records), UD_OK);
    assert_int_equal(ud_twin_candidate(&twin, 0, &copy), UD_ABSENT);
    free(third);
    single_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signed_patch_makes_the_next_image_in_the_only_slot),
        cmocka_unit_test(test_one_update_follows_the_other),
        cmocka_unit_test(test_an_image_that_crashes_leaves_the_recovery_image_which_installs_a_whole_one),
        cmocka_unit_test(test_a_layout_without_a_recovery_image_is_refused),
        cmocka_unit_test(test_a_recovery_image_that_would_not_start_keeps_the_old_image),
        cmocka_unit_test(test_b9_a_patch_that_is_not_the_signed_one_erases_nothing),
        cmocka_unit_test(test_b9_patches_that_do_not_fit_are_refused_before_the_reset),
        cmocka_unit_test(test_a_whole_image_and_a_servers_patch_are_not_taken),
        cmocka_unit_test(test_power_may_fail_at_every_operation_of_the_bootloader),
        cmocka_unit_test(test_power_may_fail_again_while_the_bootloader_goes_on),
        cmocka_unit_test(test_power_may_fail_at_every_operation_of_the_agent),
        cmocka_unit_test(test_another_install_forgets_what_the_applier_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
