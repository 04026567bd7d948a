/*
 * Eight components, as many as a device may have, switch together or not at all (attack D13), wherever power fails: there
 * is one commit point, and every image that may run belongs to the release that was chosen. UD_TORTURE=1 takes every cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_board.h"

#define COMPONENTS 8
#define STEP 19 /* of cuts tried, in the short form */

_Static_assert(COMPONENTS == UD_COMPONENTS_MAX, "hosts are built for as many as there may be");

static const struct board_shape shapes[] = {
    {.name = "A/B", .erase_size = 1024, .write_size = 8},
    {.name = "swap", .erase_size = 1024, .write_size = 8, .mover = &ud_move_swap},
    {.name = "swap, encrypted at rest",
     .erase_size = 1024,
     .write_size = 32,
     .mover = &ud_move_swap,
     .has_cipher = true},
    {.name = "swap with a chip of large sectors",
     .erase_size = 1024,
     .write_size = 4,
     .mover = &ud_move_swap,
     .second_erase_size = 4096,
     .second_write_size = 16,
     .second_erased_value = 0x00},
};
#define SHAPE_COUNT (sizeof shapes / sizeof shapes[0])

struct scene {
    struct board board;
    struct sim_flash before;
    struct release five;
    struct release six;
};

static void scene_init(struct scene *scene, const struct board_shape *like, const struct ud_signer *author)
{
    struct board_shape shape = *like;
    memset(scene, 0, sizeof *scene);
    shape.erased_value = 0xff;
    shape.journal_sectors = 3;
    shape.component_count = COMPONENTS;
    shape.trial_boots_max = 1;
    board_init(&scene->board, &shape, author);
    scene->five = release_plain(5, 2100);
    scene->six = release_plain(6, 1500);
    scene->five.component_count = scene->six.component_count = COMPONENTS;
    release_make(&scene->five, author);
    release_make(&scene->six, author);
    board_factory(&scene->board, &scene->five);
    sim_flash_copy(&scene->before, &scene->board.sim);
}

static void scene_deinit(struct scene *scene)
{
    sim_flash_deinit(&scene->before);
    board_deinit(&scene->board);
}

/* Whatever runs is one release as a whole: board_boot() looks where images run, this compares with what was released. */
static uint64_t one_release_runs(struct scene *scene, struct ud_boot_info *info)
{
    const ud_err err = board_boot(&scene->board, UD_OK, info);
    if (sim_flash_is_off(&scene->board.sim)) {
        return 0;
    }
    assert_int_equal(err, UD_OK);
    assert_int_equal(info->image_count, COMPONENTS);
    const struct release *runs = info->version.sequence == 6 ? &scene->six : &scene->five;
    assert_int_equal(info->version.sequence, runs->sequence);
    for (size_t i = 0; i < COMPONENTS; i++) {
        const struct ud_bytes image = {runs->image[i], runs->image_bytes};
        uint8_t digest[UD_SHA256_BYTES];
        assert_int_equal(ud_sha256(&image, 1, digest), UD_OK);
        assert_memory_equal(info->images[i].digest, digest, sizeof digest);
    }
    return info->version.sequence;
}

/* One power cycle: boot, and what the image does then. */
static void live(struct scene *scene, bool confirms)
{
    struct ud_boot_info info;
    const uint64_t runs = one_release_runs(scene, &info);
    if (runs == 6 && info.reason == UD_BOOT_TRIAL && confirms) {
        (void)board_confirm(&scene->board, info.slot);
    } else if (runs == 5 && info.reason == UD_BOOT_NORMAL && info.outcome == UD_OK) {
        (void)board_try_install(&scene->board, &scene->six);
    }
}

/* Install, trial, perhaps the revert, and what follows. @return false when power failed on the way */
static bool live_to_the_end(struct scene *scene, bool confirms)
{
    for (int cycle = 0; cycle < 4; cycle++) {
        live(scene, confirms);
        if (sim_flash_is_off(&scene->board.sim)) {
            return false;
        }
        sim_flash_power_on(&scene->board.sim);
    }
    return true;
}

static void cut_at(struct scene *scene, uint64_t cut, bool confirms)
{
    struct ud_boot_info info;
    sim_flash_load(&scene->board.sim, &scene->before);
    sim_flash_seed(&scene->board.sim, cut + 1);
    sim_flash_cut_after(&scene->board.sim, cut, (uint32_t)(cut % 9));
    assert_false(live_to_the_end(scene, confirms));
    sim_flash_power_on(&scene->board.sim);
    for (int cycle = 0; cycle < 4; cycle++) {
        live(scene, confirms);
        assert_false(sim_flash_is_off(&scene->board.sim));
        sim_flash_power_on(&scene->board.sim);
    }
    const uint64_t runs = one_release_runs(scene, &info);
    assert_int_equal(info.reason, UD_BOOT_NORMAL);
    assert_true(runs == 5 || confirms);
    assert_true(runs == 6 || info.outcome == UD_ERR_UNCONFIRMED);
    assert_int_equal(scene->board.sim.violations, 0);
}

static void cut_everywhere(const struct board_shape *shape, const struct ud_signer *author, bool confirms)
{
    static struct scene scene;
    const uint64_t step = getenv("UD_TORTURE") != NULL ? 1 : STEP;
    scene_init(&scene, shape, author);
    const uint64_t begun = scene.board.sim.operations;
    assert_true(live_to_the_end(&scene, confirms));
    const uint64_t operations = scene.board.sim.operations - begun;
    assert_true(operations > COMPONENTS * 10);
    for (uint64_t cut = 0; cut < operations; cut += step) {
        cut_at(&scene, cut, confirms);
    }
    scene_deinit(&scene);
}

static void test_d13_eight_components_switch_together_wherever_power_fails(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        cut_everywhere(&shapes[i], *state, true);
    }
}

static void test_d13_eight_components_go_back_together_wherever_power_fails(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        cut_everywhere(&shapes[i], *state, false);
    }
}

static void test_d13_any_one_of_eight_that_is_bad_keeps_all_of_them(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT * COMPONENTS; i++) {
        static struct scene scene;
        const struct board_shape *shape = &shapes[i / COMPONENTS];
        const size_t bad = i % COMPONENTS;
        scene_init(&scene, shape, *state);
        scene.six.image[bad][700] ^= 0x20;
        assert_true(board_install(&scene.board, &scene.six));
        board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_IMAGE_MISMATCH, shape->name);
        board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, UD_ERR_IMAGE_MISMATCH, shape->name);
        scene_deinit(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_d13_eight_components_switch_together_wherever_power_fails),
        cmocka_unit_test(test_d13_eight_components_go_back_together_wherever_power_fails),
        cmocka_unit_test(test_d13_any_one_of_eight_that_is_bad_keeps_all_of_them),
    };
    return cmocka_run_group_tests(tests, release_author_setup, release_author_teardown);
}
