/*
 * Banks that remap: one signed image, linked for the lower address, runs from either bank. What is in a bank is a slot, by
 * the chip; where it is seen is the register's, and so there are two layouts, of which bootloader and application use the one
 * that is true. The bootloader runs as the reset left it, bank 0 lower; it sets the register for what it has chosen and starts it.
 * Power cut in every operation of install, trial, confirmation and revert, and in every pair of them. UD_TORTURE=1: in every manner.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "banks.h"
#include "helper_board.h"

#define DRAWS 9 /* manners of tearing */

static const struct board_shape shape = {.name = "banks",
                                         .erase_size = 1024,
                                         .write_size = 8,
                                         .erased_value = 0xff,
                                         .journal_sectors = 3,
                                         .component_count = 1,
                                         .trial_boots_max = 1};

struct scene {
    struct board board;
    struct sim_banks banks;
    struct ud_layout layouts[SIM_BANKS]; /* by which bank is the lower one */
    struct sim_flash before;
    struct release one; /* longer than the other */
    struct release two;
};

static void lay_out(struct scene *scene)
{
    struct ud_layout *low = &scene->layouts[0];
    struct ud_layout *high = &scene->layouts[1];
    const struct ud_area *image = scene->board.layout.components[0].image;
    sim_banks_init(&scene->banks, &scene->board.sim.flash, image[0].offset, image[1].offset, image[0].size);
    assert_int_equal(image[0].size, image[1].size);
    *low = scene->board.layout;
    low->journal.flash = &scene->banks.flash;
    for (size_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        low->envelope[slot].flash = &scene->banks.flash;
        low->components[0].image[slot].flash = &scene->banks.flash;
    }
    *high = *low;
    high->components[0].image[0] = low->components[0].image[1];
    high->components[0].image[1] = low->components[0].image[0];
    assert_int_equal(ud_layout_check(low), UD_OK);
    assert_int_equal(ud_layout_check(high), UD_OK);
}

/* The register, and the layout that is true then. */
static void map(struct scene *scene, uint8_t lower)
{
    scene->banks.lower = lower;
    scene->board.layout = scene->layouts[lower];
}

static void scene_init(struct scene *scene, const struct ud_signer *author)
{
    memset(scene, 0, sizeof *scene);
    board_init(&scene->board, &shape, author);
    lay_out(scene);
    scene->one = release_plain(1, 2100);
    scene->two = release_plain(2, 1500);
    release_make(&scene->one, author);
    release_make(&scene->two, author);
    map(scene, 0);
    board_factory(&scene->board, &scene->one);
    sim_flash_copy(&scene->before, &scene->board.sim);
}

static void scene_deinit(struct scene *scene)
{
    sim_flash_deinit(&scene->before);
    board_deinit(&scene->board);
}

/* What the processor would fetch: not by the code under test, and from the one address that images are linked for. */
static bool lies_where_it_runs(struct scene *scene, const struct release *release)
{
    uint8_t bytes[RELEASE_IMAGE_BYTES_MAX];
    const struct sim_banks *banks = &scene->banks;
    const uint32_t place = banks->at[banks->lower];
    assert_int_equal(banks->chip->read(banks->chip->ctx, place, bytes, release->image_bytes), UD_OK);
    return memcmp(bytes, release->image[0], release->image_bytes) == 0;
}

/* From reset to the image's first instruction. @return NULL: power failed */
static const struct release *start(struct scene *scene, struct ud_boot_info *info)
{
    map(scene, 0);
    const ud_err err = board_boot(&scene->board, UD_OK, info);
    if (sim_flash_is_off(&scene->board.sim)) {
        return NULL;
    }
    assert_int_equal(err, UD_OK);
    map(scene, info->slot);
    const struct release *runs = info->version.sequence == 2 ? &scene->two : &scene->one;
    assert_int_equal(info->version.sequence, runs->sequence);
    assert_true(lies_where_it_runs(scene, runs));
    return runs;
}

/* One power cycle: what the image does once it runs. */
static void live(struct scene *scene, const struct release *install, bool confirms)
{
    struct ud_boot_info info;
    const struct release *runs = start(scene, &info);
    if (runs == NULL) {
        return;
    }
    if (info.reason == UD_BOOT_TRIAL && confirms) {
        (void)board_confirm(&scene->board, info.slot);
    } else if (runs != install && info.outcome == UD_OK) {
        (void)board_try_install(&scene->board, install);
    }
}

static bool live_to_the_end(struct scene *scene, const struct release *install, bool confirms)
{
    for (int cycle = 0; cycle < 4; cycle++) {
        live(scene, install, confirms);
        if (sim_flash_is_off(&scene->board.sim)) {
            return false;
        }
        sim_flash_power_on(&scene->board.sim);
    }
    return true;
}

static void expect(struct scene *scene, const struct release *want, ud_boot_reason reason, uint8_t slot)
{
    struct ud_boot_info info;
    assert_ptr_equal(start(scene, &info), want);
    assert_int_equal(info.reason, reason);
    assert_int_equal(info.slot, slot);
}

static void test_one_image_runs_from_either_bank(void **state)
{
    static struct scene scene;
    scene_init(&scene, *state);
    expect(&scene, &scene.one, UD_BOOT_NORMAL, 0);
    assert_true(board_install(&scene.board, &scene.two));
    expect(&scene, &scene.two, UD_BOOT_TRIAL, 1);
    assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
    const uint64_t operations = scene.board.sim.operations;
    expect(&scene, &scene.two, UD_BOOT_NORMAL, 1);
    assert_int_equal(scene.board.sim.operations, operations); /* nothing moves, nothing is written */

    /* the third goes to bank 0, by the layout that is true for who runs from bank 1 */
    struct release three = release_plain(3, 2600);
    release_make(&three, *state);
    assert_true(board_install(&scene.board, &three));
    struct ud_boot_info info;
    map(&scene, 0);
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
    assert_int_equal(info.reason, UD_BOOT_TRIAL);
    map(&scene, info.slot);
    assert_int_equal(info.slot, 0);
    assert_true(lies_where_it_runs(&scene, &three));
    scene_deinit(&scene);
}

/* Whoever takes the other layout writes over himself, or finds nothing: why there are two. */
static void test_the_layout_of_the_other_register_is_another_device(void **state)
{
    static struct scene scene;
    struct ud_boot_info info;
    scene_init(&scene, *state);
    map(&scene, 1);
    scene.board.layout = scene.layouts[0];
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT);
    scene_deinit(&scene);
}

/* Cut, then on with what was begun: in the end what should run does, in its bank. */
static void cut_at(struct scene *scene, uint64_t cut, uint32_t draw, uint64_t again, bool confirms)
{
    sim_flash_load(&scene->board.sim, &scene->before);
    sim_flash_seed(&scene->board.sim, cut + 1);
    sim_flash_cut_after(&scene->board.sim, cut, draw);
    assert_false(live_to_the_end(scene, &scene->two, confirms));
    sim_flash_power_on(&scene->board.sim);
    if (again != UINT64_MAX) {
        sim_flash_cut_after(&scene->board.sim, again, draw);
        (void)live_to_the_end(scene, &scene->two, confirms);
        sim_flash_cut_never(&scene->board.sim);
        sim_flash_power_on(&scene->board.sim);
    }
    for (int life = 0; life < 3;
         life++) { /* a trial that was cut short is reverted, and the next attempt goes through */
        (void)live_to_the_end(scene, &scene->two, confirms);
    }
    struct ud_boot_info info;
    const struct release *runs = start(scene, &info);
    assert_non_null(runs);
    assert_int_equal(info.reason, UD_BOOT_NORMAL);
    assert_int_equal(info.slot, runs == &scene->two ? 1 : 0);
    assert_true(confirms || runs == &scene->one);
}

static uint64_t operations_of_a_life(struct scene *scene, bool confirms)
{
    sim_flash_load(&scene->board.sim, &scene->before);
    const uint64_t before = scene->board.sim.operations;
    assert_true(live_to_the_end(scene, &scene->two, confirms));
    return scene->board.sim.operations - before;
}

static void cuts(void **state, bool confirms)
{
    static struct scene scene;
    uint64_t pairs = 0;
    const bool all = getenv("UD_TORTURE") != NULL;
    scene_init(&scene, *state);
    const uint64_t last = operations_of_a_life(&scene, confirms);
    assert_true(last > 20); /* a program of many units counts as one */
    for (uint64_t cut = 0; cut < last; cut++) {
        for (uint32_t draw = all ? 0 : (uint32_t)(cut % DRAWS); draw < DRAWS; draw += all ? 1 : DRAWS) {
            cut_at(&scene, cut, draw, UINT64_MAX, confirms);
            for (uint64_t again = 0; again < 2 * last; again++) {
                cut_at(&scene, cut, draw, again, confirms);
                pairs++;
            }
        }
    }
    print_message("  %lu operations, %lu pairs cut\n", (unsigned long)last, (unsigned long)pairs);
    scene_deinit(&scene);
}

static void test_power_may_fail_in_every_operation_until_the_new_one_is_confirmed(void **state)
{
    cuts(state, true);
}

static void test_power_may_fail_in_every_operation_until_the_old_one_is_back(void **state)
{
    cuts(state, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_image_runs_from_either_bank),
        cmocka_unit_test(test_the_layout_of_the_other_register_is_another_device),
        cmocka_unit_test(test_power_may_fail_in_every_operation_until_the_new_one_is_confirmed),
        cmocka_unit_test(test_power_may_fail_in_every_operation_until_the_old_one_is_back),
    };
    return cmocka_run_group_tests_name("banks", tests, release_author_setup, release_author_teardown);
}
