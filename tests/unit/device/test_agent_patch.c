/* Patches instead of images: fewer bytes where they help, the whole image wherever they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_patch.h"

static struct ud_delta delta;
static struct ud_agent_patching patching;

/* An image that resembles v1's, so that a patch is small; and the patch under the name that the agent asks for. */
struct patched {
    struct release release;
    char name[UD_URI_BYTES_MAX];
    uint8_t *patch;
    size_t patch_len;
    uint64_t served;
};

static void name_patch(const struct fleet *fleet, struct patched *to)
{
    char hex[17] = "";
    for (unsigned i = 0; i < 8; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", fleet->v1.image_digest[i]);
    }
    (void)snprintf(to->name, sizeof to->name, "%s/from/%s/p3", to->release.image_name, hex);
}

static void take_patches(struct device *device)
{
    patch_store_err = UD_OK;
    patching = (struct ud_agent_patching){
        .ops = &ud_agent_patching_ops, .delta = &delta, .profile = 3, .store = patch_store};
    device->config.patching = &patching;
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
}

/* v2's image is made of the same bytes as v1's, but for what release_make() fills in. */
static struct patched prepare(struct fleet *fleet, struct ud_bytes patch)
{
    struct patched to = {.release = fleet->v2};
    take_patches(&fleet->device);
    name_patch(fleet, &to);
    fleet_offer(&fleet->device, &fleet->v2, FLEET_ACTION);
    if (patch.ptr != NULL) {
        (void)sim_road_put(&fleet->device.road, to.name, patch);
    }
    return to;
}

static uint64_t served(const struct device *device, unsigned resource)
{
    return device->road.resources[resource].served_bytes;
}

static void test_a_patch_brings_the_image_and_the_image_is_never_asked_for(void **state)
{
    struct fleet *fleet = *state;
    const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
    (void)prepare(fleet, patch);
    assert_int_equal(device_run_to(&fleet->device, UD_AGENT_STORE), UD_WAIT);
    assert_int_equal(ud_agent_status(&fleet->device.agent)->patch_bytes, patch.len);
    patch_finish(fleet);
    assert_int_equal(served(&fleet->device, 1), 0);
    assert_int_equal(served(&fleet->device, 2), patch.len);
    patch_drop(patch);
}

static void test_where_there_is_no_patch_the_whole_image_comes(void **state)
{
    struct fleet *fleet = *state;
    (void)prepare(fleet, (struct ud_bytes){NULL, 0});
    patch_finish(fleet);
    assert_int_equal(served(&fleet->device, 1), fleet->v2.image_bytes);
}

/* Each row spoils the patch in one way. The update arrives all the same, whole. */
static void test_b9_whatever_is_wrong_with_a_patch_the_whole_image_comes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool wrong_precursor; /* made from another image of the same size */
        bool wrong_result;    /* makes another image of the right size */
        bool too_long;        /* for the store */
        bool store_fails;
        int32_t flip; /* byte to spoil, from the end when negative; 0: none */
        size_t cut;   /* bytes taken from its end */
        bool other_format;
    } rows[] = {
        {"for another precursor", .wrong_precursor = true},
        {"for another image", .wrong_result = true},
        {"longer than the place for it", .too_long = true},
        {"a place that fails", .store_fails = true},
        {"spoiled at its start", .flip = 20},
        {"spoiled in the middle", .flip = 33},
        {"spoiled at its end", .flip = -3},
        {"cut short", .cut = 40},
        {"cut to its head", .cut = 100000},
        {"of another format", .other_format = true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        const struct ud_bytes old = release_image(&fleet->v1);
        const struct ud_bytes new = release_image(&fleet->v2);
        uint8_t *other = malloc(new.len);
        memcpy(other, rows[i].wrong_precursor ? old.ptr : new.ptr, rows[i].wrong_precursor ? old.len : new.len);
        other[1234] ^= 1;
        const struct ud_bytes made = patch_of(rows[i].wrong_precursor ? (struct ud_bytes){other, old.len} : old,
                                              rows[i].wrong_result ? (struct ud_bytes){other, new.len} : new);
        uint8_t *spoiled = calloc(1, made.len + PATCH_STORE_BYTES);
        memcpy(spoiled, made.ptr, made.len);
        size_t len = made.len;
        if (rows[i].flip != 0) {
            spoiled[rows[i].flip > 0 ? (size_t)rows[i].flip % made.len : made.len - (size_t)-rows[i].flip] ^=
                0x10;
        }
        if (rows[i].other_format) {
            spoiled[0] ^= 1;
        }
        len = rows[i].too_long    ? PATCH_STORE_BYTES + 1
              : len > rows[i].cut ? len - rows[i].cut
                                  : UD_DELTA_HEAD_BYTES;
        (void)prepare(fleet, (struct ud_bytes){spoiled, len});
        patch_store_err = rows[i].store_fails ? UD_ERR_FLASH : UD_OK;
        patch_finish(fleet);
        if (served(&fleet->device, 1) != fleet->v2.image_bytes) {
            fail_msg("%s: the image was not fetched", rows[i].name);
        }
        if (served(&fleet->device, 2) > PATCH_STORE_BYTES + 4096) {
            fail_msg("%s: the patch was fetched again", rows[i].name);
        }
        free(other);
        free(spoiled);
        patch_drop(made);
        assert_int_equal(fleet_teardown(&fresh), 0);
    }
}

/* What is read of old later than its check may be something else by then: the digest of what comes out finds it. */
static void test_b9_an_old_image_that_changes_under_the_applier_costs_only_time(void **state)
{
    struct fleet *fleet = *state;
    struct device *device = &fleet->device;
    const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
    (void)prepare(fleet, patch);
    for (uint32_t i = 0; i < DEVICE_STEPS_MAX && ud_agent_status(&device->agent)->done_bytes == 0; i++) {
        assert_int_equal(device_step(device), UD_WAIT);
    }
    assert_true(ud_agent_status(&device->agent)->done_bytes < fleet->v2.image_bytes);
    for (uint32_t at = 0; at < fleet->v1.image_bytes; at += 16) {
        sim_flash_flip(&device->flash, device->layout.components[0].image[device->info.slot].offset + at, 0);
    }
    patch_finish(fleet);
    assert_int_equal(served(device, 1), fleet->v2.image_bytes);
    assert_int_equal(served(device, 2), patch.len); /* once */
    patch_drop(patch);
}

/* A patch without end is not followed further than the place for it. */
static void test_a9_an_endless_patch_ends_at_its_bound(void **state)
{
    struct fleet *fleet = *state;
    const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
    (void)prepare(fleet, patch);
    fleet->device.road.resources[2].endless = true;
    patch_finish(fleet);
    assert_int_equal(served(&fleet->device, 1), fleet->v2.image_bytes);
    assert_true(served(&fleet->device, 2) <= PATCH_STORE_BYTES + 4096);
    patch_drop(patch);
}

/* The slot keeps what was made before the cut; a patch fetched anew makes the rest. */
static void test_power_may_fail_at_every_operation_of_an_update_by_patch(void **state)
{
    (void)state;
    bool finished = false;
    uint32_t cuts = 0;
    for (uint32_t cut = 0; !finished; cut++) {
        void *fresh = NULL;
        assert_int_equal(fleet_setup(&fresh), 0);
        struct fleet *fleet = fresh;
        struct device *device = &fleet->device;
        const struct ud_bytes patch = patch_of(release_image(&fleet->v1), release_image(&fleet->v2));
        (void)prepare(fleet, patch);
        finished = patch_cut(device, cut);
        device_expect_running(device, &fleet->v2);
        assert_int_equal(served(device, 1), 0); /* never the whole image */
        assert_int_equal(device->flash.violations, 0);
        patch_drop(patch);
        assert_int_equal(fleet_teardown(&fresh), 0);
        cuts++;
    }
    assert_true(cuts > 30);
    print_message("%u cuts\n", (unsigned)cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_patch_brings_the_image_and_the_image_is_never_asked_for,
                                        fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_where_there_is_no_patch_the_whole_image_comes, fleet_setup,
                                        fleet_teardown),
        cmocka_unit_test(test_b9_whatever_is_wrong_with_a_patch_the_whole_image_comes),
        cmocka_unit_test_setup_teardown(test_b9_an_old_image_that_changes_under_the_applier_costs_only_time,
                                        fleet_setup, fleet_teardown),
        cmocka_unit_test_setup_teardown(test_a9_an_endless_patch_ends_at_its_bound, fleet_setup,
                                        fleet_teardown),
        cmocka_unit_test(test_power_may_fail_at_every_operation_of_an_update_by_patch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
