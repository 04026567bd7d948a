/*
 * A bootloader that is updated itself (attack D14): a first stage that never changes chooses, verifies and starts one of
 * two second stages, by the same code and a layout of its own; the second stage does so with applications. The new second
 * stage is on trial until an application that it started confirms it. Power fails at every operation of that, on the same
 * supply for both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device/boot_info.h"
#include "flash.h"
#include "helper_release.h"
#include "layout.h"
#include "updraft/boot.h"

#define SECTOR 1024
#define APP_FLASH_BYTES (32 * SECTOR)

struct stage {
    struct ud_layout layout;
    struct ud_boot boot;
    struct ud_boot_info info;
    uint8_t measurement[UD_DIGEST_BYTES];
    uint8_t envelope_ram[2048];
};

struct device {
    struct sim_flash sim;
    struct sim_flash_part app_chip;
    struct ud_trust trust;
    struct stage first;  /* its slots hold second stages */
    struct stage second; /* its slots hold applications */
    struct sim_flash before;
    struct release old_stage;
    struct release new_stage;
    struct release app;
    bool new_works; /* the new second stage starts applications; otherwise it hangs */
    uint64_t stayed;
};

/* ---- making one ---- */

static void put(struct ud_slots *slots, const struct release *release)
{
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
    const uint32_t sizes[UD_COMPONENTS_MAX] = {release->image_bytes};
    ud_err err = ud_slots_install_begin(slots, ud_slots_state(slots)->active, release->manifest_digest, sizes,
                                        resume_bytes);
    if (err == UD_OK) {
        err = ud_slots_install_write(
            slots, 0,
            (struct ud_bytes){release->image[0] + resume_bytes[0], release->image_bytes - resume_bytes[0]});
    }
    if (err == UD_OK) {
        (void)ud_slots_envelope_write(slots, (struct ud_bytes){release->envelope, release->envelope_bytes});
    }
}

static void factory(const struct ud_layout *layout, const struct release *release)
{
    struct ud_slots slots;
    assert_int_equal(ud_slots_format(&slots, layout), UD_OK);
    put(&slots, release);
    assert_int_equal(ud_slots_adopt(&slots, 0, (struct ud_version){0, release->sequence}), UD_OK);
}

static void device_init(struct device *device, const struct ud_signer *author, bool new_works)
{
    struct sim_layout_shape shape = {.journal_sectors = 2,
                                     .image_sectors = 4,
                                     .envelope_sectors = 2,
                                     .component_count = 1,
                                     .trial_boots_max = 1};
    memset(device, 0, sizeof *device);
    sim_flash_init(&device->sim, sim_layout_bytes(&shape, SECTOR) + APP_FLASH_BYTES, SECTOR, 8, 0xff);
    sim_flash_part(&device->app_chip, &device->sim, APP_FLASH_BYTES, SECTOR, 8, 0xff);
    sim_layout(&device->first.layout, &device->sim.flash, &shape);
    shape.mover = &ud_move_swap;
    shape.move_sectors = 2;
    sim_layout(&device->second.layout, &device->app_chip.flash, &shape);
    device->trust.threshold = 1;
    assert_int_equal(ud_trust_add(&device->trust, author->pub, 1), UD_OK);
    device->old_stage = release_plain(11, 2000);
    device->new_stage = release_plain(12, 4096);
    device->app = release_plain(5, 3000);
    release_make(&device->old_stage, author);
    release_make(&device->new_stage, author);
    release_make(&device->app, author);
    factory(&device->first.layout, &device->old_stage);
    factory(&device->second.layout, &device->app);
    device->new_works = new_works;
    sim_flash_copy(&device->before, &device->sim);
}

static void device_deinit(struct device *device)
{
    assert_int_equal(device->sim.violations, 0);
    sim_flash_deinit(&device->before);
    sim_flash_deinit(&device->sim);
}

/* ---- a start ---- */

static ud_err start_stage(struct device *device, struct stage *stage)
{
    const bool is_second =
        stage == &device->second; /* a stage measures what it starts into the next one's chain */
    const struct ud_bytes before = {device->first.measurement, is_second ? UD_DIGEST_BYTES : 0};
    const struct ud_boot_identity identity = {
        .vendor_id = UD_BYTES_ARRAY(release_vendor),
        .class_id = UD_BYTES_ARRAY(release_class),
    };
    ud_boot_init(&stage->boot, &stage->layout, &device->trust, &identity, stage->envelope_ram,
                 sizeof stage->envelope_ram);
    if (stage->layout.mover != NULL) {
        ud_boot_move(&stage->boot);
    }
    const ud_err err = ud_boot_choose(&stage->boot, UD_OK, &stage->info);
    if (err == UD_OK && ud_boot_allows(&stage->boot, &stage->info) != UD_SURE_YES) {
        return UD_ERR_NO_SLOT;
    }
    return err == UD_OK ? ud_boot_info_measure(&stage->info, before, stage->measurement) : err;
}

/* The application confirms the bootloader that started it, and installs the new one once. */
static void run_application(struct device *device)
{
    struct ud_slots stages;
    const struct ud_boot_info *stage = &device->first.info;
    if (ud_slots_mount(&stages, &device->first.layout) != UD_OK) {
        return;
    }
    if (stage->reason == UD_BOOT_TRIAL) {
        (void)ud_slots_confirm(&stages, stage->slot);
    } else if (stage->version.sequence == 11 && stage->reason == UD_BOOT_NORMAL && stage->outcome == UD_OK) {
        put(&stages, &device->new_stage);
        (void)ud_slots_trial_request(&stages);
    }
}

/* From reset to the application's end. False when power failed. */
static bool live(struct device *device)
{
    const ud_err first = start_stage(device, &device->first);
    if (sim_flash_is_off(&device->sim)) {
        return false;
    }
    assert_int_equal(first, UD_OK);
    const bool is_new = device->first.info.version.sequence == 12;
    assert_true(is_new || device->first.info.version.sequence == 11);
    if (is_new && !device->new_works) {
        return true; /* it hangs: the watchdog's reset is next */
    }
    const ud_err second = start_stage(device, &device->second);
    if (sim_flash_is_off(&device->sim)) {
        return false;
    }
    assert_int_equal(second, UD_OK);
    assert_int_equal(device->second.info.version.sequence, 5);
    run_application(device);
    return !sim_flash_is_off(&device->sim);
}

static bool live_to_the_end(struct device *device)
{
    for (int start = 0; start < 5; start++) {
        if (!live(device)) {
            return false;
        }
        sim_flash_power_on(&device->sim);
    }
    return true;
}

static void assert_recovers(struct device *device)
{
    struct ud_slots stages;
    sim_flash_power_on(&device->sim);
    assert_true(live_to_the_end(device));
    assert_int_equal(ud_slots_mount(&stages, &device->first.layout), UD_OK);
    const struct ud_slots_state *state = ud_slots_state(&stages);
    const bool stayed = state->active == 1;
    assert_true(device->new_works || !stayed);
    assert_int_equal(state->stored.sequence, stayed ? 12 : 11);
    assert_int_equal(device->first.info.version.sequence, stayed ? 12 : 11);
    assert_int_equal(device->first.info.reason, UD_BOOT_NORMAL);
    device->stayed += stayed;
}

static void start_over(struct device *device, uint64_t seed)
{
    sim_flash_load(&device->sim, &device->before);
    sim_flash_seed(&device->sim, seed);
}

static uint32_t cut_everywhere(struct device *device, uint32_t draws)
{
    uint32_t visited = 0;
    start_over(device, 1);
    assert_true(live_to_the_end(device));
    const uint64_t operations = device->sim.operations;
    for (uint64_t cut = 0; cut < operations; cut++) {
        for (uint32_t draw = 0; draw < draws; draw++) {
            start_over(device, cut * 64 + draw);
            sim_flash_cut_after(&device->sim, cut, draw);
            assert_false(live_to_the_end(device));
            assert_recovers(device);
            visited++;
        }
    }
    return visited;
}

static void test_d14_an_update_of_the_bootloader_survives_a_cut_anywhere(void **state)
{
    const uint32_t draws = getenv("UD_TORTURE") != NULL ? 20 : 4;
    for (int works = 0; works < 2; works++) {
        struct device device;
        device_init(&device, *state, works == 1);
        const uint32_t visited = cut_everywhere(&device, draws);
        assert_true(visited > 50);
        assert_true((device.stayed > visited / 2) == (works == 1));
        print_message("          %u states, %lu kept the new bootloader\n", visited,
                      (unsigned long)device.stayed);
        device_deinit(&device);
    }
}

static void test_d14_a_bootloader_that_nobody_signed_is_not_started(void **state)
{
    struct device device;
    device_init(&device, *state, true);
    const struct ud_area *image = &device.first.layout.components[0].image[0];
    sim_flash_flip(&device.sim, image->offset + 1999, 7);
    assert_int_equal(start_stage(&device, &device.first), UD_ERR_NO_SLOT);
    device_deinit(&device);
}

/* What a later stage measures includes what the earlier one started. */
static void test_the_measurement_of_an_application_depends_on_its_bootloader(void **state)
{
    struct device device;
    uint8_t with_old[UD_DIGEST_BYTES];
    device_init(&device, *state, true);
    assert_true(live(&device));
    memcpy(with_old, device.second.measurement, sizeof with_old);
    assert_true(live(&device));
    assert_int_equal(device.first.info.version.sequence, 12);
    assert_memory_not_equal(with_old, device.second.measurement, sizeof with_old);
    device_deinit(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_d14_an_update_of_the_bootloader_survives_a_cut_anywhere),
        cmocka_unit_test(test_d14_a_bootloader_that_nobody_signed_is_not_started),
        cmocka_unit_test(test_the_measurement_of_an_application_depends_on_its_bootloader),
    };
    return cmocka_run_group_tests(tests, release_author_setup, release_author_teardown);
}
