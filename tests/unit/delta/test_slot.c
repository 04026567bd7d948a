#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff/diff.h"
#include "flash.h"
#include "helper_images.h"
#include "updraft/delta_slot.h"

enum { SECTOR = 1024, AREA_SECTORS = 4, WRITE = 8, DRAWS = 5 };

struct device {
    struct sim_flash before; /* old image and patch installed, the other slot as nobody erased it */
    struct ud_bytes old;
    struct ud_bytes new;
    struct ud_bytes patch;
};

static struct ud_delta delta;

static struct ud_area area(const struct sim_flash *sim, uint32_t index)
{
    return (struct ud_area){&sim->flash, index * AREA_SECTORS * SECTOR, AREA_SECTORS * SECTOR};
}

static void install(struct sim_flash *sim, struct ud_area at, struct ud_bytes image)
{
    uint8_t unit[WRITE];
    for (uint32_t sector = 0; sector < at.size; sector += SECTOR) {
        assert_int_equal(sim->flash.erase(sim->flash.ctx, at.offset + sector), UD_OK);
    }
    for (uint32_t i = 0; i < image.len; i += WRITE) {
        const size_t len = image.len - i < WRITE ? image.len - i : WRITE;
        memset(unit, 0xff, sizeof unit);
        memcpy(unit, image.ptr + i, len);
        assert_int_equal(sim->flash.program(sim->flash.ctx, at.offset + i, unit, WRITE), UD_OK);
    }
}

static int make_device(void **state)
{
    struct device *device = calloc(1, sizeof *device);
    const struct delta_options options = {.profile = 1, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = 0x8000};
    uint8_t *patch = NULL;
    device->old = thumb_image(11, 0x8000, 50, 0);
    device->new = thumb_image(11, 0x8000, 52, 10);
    device->new.len -= 3; /* a last page that no write unit divides */
    if (delta_diff(device->old, device->new, &options, &patch, &device->patch.len, NULL) != UD_OK) {
        return -1;
    }
    device->patch.ptr = patch;
    sim_flash_init(&device->before, 3 * AREA_SECTORS * SECTOR, SECTOR, WRITE, 0xff);
    sim_flash_garbage(&device->before);
    install(&device->before, area(&device->before, 0), device->old);
    install(&device->before, area(&device->before, 2), device->patch);
    *state = device;
    return 0;
}

static int drop_device(void **state)
{
    struct device *device = *state;
    sim_flash_deinit(&device->before);
    free((void *)(uintptr_t)device->old.ptr);
    free((void *)(uintptr_t)device->new.ptr);
    free((void *)(uintptr_t)device->patch.ptr);
    free(device);
    return 0;
}

/* From reset to the end, or to the cut. */
static ud_err run(const struct device *device, const struct sim_flash *sim)
{
    struct ud_delta_slot slot;
    const struct ud_delta_places places = {.old = area(sim, 0),
                                           .new = area(sim, 1),
                                           .patch = area(sim, 2),
                                           .old_bytes = (uint32_t)device->old.len,
                                           .new_bytes = (uint32_t)device->new.len,
                                           .patch_bytes = (uint32_t)device->patch.len};
    ud_err err = ud_delta_slot_init(&slot, &delta, &places);
    err = err == UD_OK ? UD_WAIT : err;
    while (err == UD_WAIT) {
        err = ud_delta_slot_step(&slot);
    }
    return err;
}

static void assert_holds(const struct sim_flash *sim, struct ud_area at, struct ud_bytes image,
                         const char *what)
{
    uint8_t *there = malloc(image.len);
    assert_int_equal(sim->flash.read(sim->flash.ctx, at.offset, there, (uint32_t)image.len), UD_OK);
    const bool same = memcmp(there, image.ptr, image.len) == 0;
    free(there);
    if (!same) {
        fail_msg("%s is not what it must be", what);
    }
}

/* Both images, read twice while weak bits read as they like: a bit left weak would show. */
static void assert_both_images(const struct device *device, struct sim_flash *sim)
{
    sim->flicker = true;
    for (unsigned i = 0; i < 2; i++) {
        sim_flash_power_on(sim);
        assert_holds(sim, area(sim, 0), device->old, "the old image");
        assert_holds(sim, area(sim, 1), device->new, "the new image");
    }
    sim->flicker = false;
    assert_int_equal(sim->violations, 0);
}

static void test_a_patch_ends_in_the_other_slot_over_whatever_lay_there(void **state)
{
    const struct device *device = *state;
    struct sim_flash sim;
    sim_flash_copy(&sim, &device->before);
    assert_int_equal(run(device, &sim), UD_OK);
    assert_both_images(device, &sim);
    assert_int_equal(run(device, &sim), UD_OK); /* once more, from a slot that is complete */
    assert_both_images(device, &sim);
    sim_flash_deinit(&sim);
}

/* Cut at each operation, in each manner of tearing; the next start finishes. */
static void test_a_patch_survives_every_power_cut(void **state)
{
    const struct device *device = *state;
    struct sim_flash sim;
    sim_flash_copy(&sim, &device->before);
    uint32_t cuts = 0;
    for (uint32_t draw = 0; draw < DRAWS; draw++) {
        bool finished = false;
        for (uint32_t cut = 0; !finished; cut++) {
            sim_flash_load(&sim, &device->before);
            sim_flash_seed(&sim, 1 + cut * DRAWS + draw);
            sim_flash_cut_after(&sim, cut, draw);
            finished = run(device, &sim) == UD_OK;
            sim_flash_cut_never(&sim);
            sim_flash_power_on(&sim);
            assert_holds(&sim, area(&sim, 0), device->old, "the old image");
            assert_int_equal(run(device, &sim), UD_OK);
            assert_both_images(device, &sim);
            cuts += finished ? 0 : 1;
        }
    }
    assert_true(cuts >= DRAWS * 16); /* it wrote pages, and each was cut */
    sim_flash_deinit(&sim);
}

/* ... and again during the recovery, at each operation of it. */
static void test_a_patch_survives_a_second_cut_during_the_recovery(void **state)
{
    const struct device *device = *state;
    struct sim_flash torn;
    struct sim_flash sim;
    sim_flash_copy(&torn, &device->before);
    sim_flash_copy(&sim, &device->before);
    for (uint32_t first = 0;; first++) {
        sim_flash_load(&torn, &device->before);
        sim_flash_seed(&torn, 1000 + first);
        sim_flash_cut_after(&torn, first, first);
        if (run(device, &torn) == UD_OK) {
            break;
        }
        sim_flash_power_on(&torn);
        bool finished = false;
        for (uint32_t second = 0; !finished; second++) {
            sim_flash_load(&sim, &torn);
            sim_flash_seed(&sim, 2000 + first * 100 + second);
            sim_flash_cut_after(&sim, second, second);
            finished = run(device, &sim) == UD_OK;
            sim_flash_cut_never(&sim);
            sim_flash_power_on(&sim);
            assert_int_equal(run(device, &sim), UD_OK);
            assert_both_images(device, &sim);
        }
    }
    sim_flash_deinit(&torn);
    sim_flash_deinit(&sim);
}

/* What was in place is not written again, but for the last sector of it. */
static void test_a_cut_late_costs_few_sectors_of_wear(void **state)
{
    const struct device *device = *state;
    struct sim_flash sim;
    sim_flash_copy(&sim, &device->before);
    uint64_t before = sim.operations;
    assert_int_equal(run(device, &sim), UD_OK);
    const uint64_t whole = sim.operations - before;
    before = sim.operations;
    assert_int_equal(run(device, &sim), UD_OK);
    const uint64_t again = sim.operations - before;
    assert_true(again <= 1 + SECTOR / UD_DELTA_PAGE_BYTES && again < whole);
    sim_flash_deinit(&sim);
}

static void test_what_does_not_fit_is_refused_before_the_first_erase(void **state)
{
    const struct device *device = *state;
    struct sim_flash sim;
    struct ud_delta_slot slot;
    sim_flash_copy(&sim, &device->before);
    const uint64_t before = sim.operations;
    const struct ud_delta_places good = {area(&sim, 0),
                                         area(&sim, 1),
                                         area(&sim, 2),
                                         (uint32_t)device->old.len,
                                         (uint32_t)device->new.len,
                                         (uint32_t)device->patch.len};
    struct ud_delta_places places = good;
    places.new_bytes = places.new.size + 1;
    assert_int_equal(ud_delta_slot_init(&slot, &delta, &places), UD_ERR_SPACE);
    places = good;
    places.old_bytes = places.old.size + 1;
    assert_int_equal(ud_delta_slot_init(&slot, &delta, &places), UD_ERR_SPACE);
    places = good;
    places.patch_bytes = places.patch.size + 1;
    assert_int_equal(ud_delta_slot_init(&slot, &delta, &places), UD_ERR_SPACE);
    struct ud_flash narrow = sim.flash;
    narrow.erase_size = 128;
    places = good;
    places.new.flash = &narrow;
    assert_int_equal(ud_delta_slot_init(&slot, &delta, &places), UD_ERR_CONFIG);
    assert_int_equal(sim.operations, before);
    sim_flash_deinit(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_patch_ends_in_the_other_slot_over_whatever_lay_there),
        cmocka_unit_test(test_a_patch_survives_every_power_cut),
        cmocka_unit_test(test_a_patch_survives_a_second_cut_during_the_recovery),
        cmocka_unit_test(test_a_cut_late_costs_few_sectors_of_wear),
        cmocka_unit_test(test_what_does_not_fit_is_refused_before_the_first_erase),
    };
    return cmocka_run_group_tests(tests, make_device, drop_device);
}
