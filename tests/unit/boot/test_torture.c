/*
 * Power fails at every flash operation of install, trial, confirm and revert, in several manners of tearing,
 * and again during the recovery (P2). What must hold at every boot after that:
 *
 *   - the old or the new release runs, whole and verified; the bootloader never says that there is no slot
 *   - the new one runs only if its install was complete, and stays only if it confirmed itself
 *   - the stored version is that of a confirmed release
 *   - the next update goes through
 *
 * UD_TORTURE=1 takes every cut in every manner and more geometries, instead of a sample.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_board.h"
#include "ports/openssl/keys.h"

static const struct board_shape shapes[] = {
    {"8-byte writes", 2, 1024, 8, 0xff, 1, 1},
    {"32-byte writes", 2, 2048, 32, 0xff, 1, 1},
    {"byte writes", 2, 1024, 1, 0xff, 1, 1},
    {"16-byte writes, erased to zero, three journal sectors", 3, 1024, 16, 0x00, 1, 1},
    {"two components", 2, 1024, 4, 0xff, 2, 1},
    {"two starts", 2, 1024, 8, 0xff, 1, 2},
    {"one sector for an image", 2, 4096, 8, 0xff, 1, 1},
};
#define SHAPE_COUNT (sizeof shapes / sizeof shapes[0])

struct cast {
    struct ud_key_pair *pair;
    struct ud_signer author;
};

/* The releases of one run: 5 runs, 6 is on its way, 7 is the update after the accident. */
struct scene {
    struct board board;
    struct sim_flash before;
    struct release five;
    struct release six;
    struct release seven;
    bool confirms;         /* six is healthy */
    uint32_t stayed_count; /* stories that ended with six */
};

static bool long_form(void)
{
    return getenv("UD_TORTURE") != NULL;
}

static void make_release(struct release *release, const struct board_shape *shape,
                         const struct ud_signer *signer)
{
    release->component_count = shape->component_count;
    release_make(release, signer);
}

static void scene_init(struct scene *scene, const struct board_shape *shape, const struct ud_signer *author,
                       bool confirms)
{
    board_init(&scene->board, shape, author);
    scene->five = release_plain(5, 900);
    scene->six = release_plain(6, 2100);
    scene->seven = release_plain(7, 1300);
    make_release(&scene->five, shape, author);
    make_release(&scene->six, shape, author);
    make_release(&scene->seven, shape, author);
    board_factory(&scene->board, &scene->five);
    sim_flash_copy(&scene->before, &scene->board.sim);
    scene->confirms = confirms;
    scene->stayed_count = 0;
}

static void scene_deinit(struct scene *scene)
{
    sim_flash_deinit(&scene->before);
    board_deinit(&scene->board);
}

/*
 * One power cycle of a device in the field: boot; then what the image that runs does. False when power failed.
 */
static bool live(struct scene *scene)
{
    struct ud_boot_info info;
    struct board *board = &scene->board;
    const ud_err err = board_boot(board, UD_OK, &info);
    if (sim_flash_is_off(&board->sim)) {
        return false;
    }
    assert_int_equal(err, UD_OK);
    if (info.reason == UD_BOOT_TRIAL && scene->confirms) {
        (void)board_confirm(board, info.slot);
    } else if (info.reason == UD_BOOT_NORMAL && info.version.sequence == 5 && info.outcome == UD_OK) {
        (void)board_try_install(board, &scene->six);
    }
    return !sim_flash_is_off(&board->sim);
}

/* The whole story takes four power cycles: install, trial, revert if it must, normal. */
static bool live_to_the_end(struct scene *scene)
{
    for (int cycle = 0; cycle < 4; cycle++) {
        if (!live(scene)) {
            return false;
        }
        sim_flash_power_on(&scene->board.sim);
    }
    return true;
}

static void assert_stored_is_confirmed(struct scene *scene)
{
    struct ud_slots slots;
    assert_int_equal(ud_slots_mount(&slots, &scene->board.layout), UD_OK);
    const struct ud_slots_state *state = ud_slots_state(&slots);
    const uint64_t stored = state->stored.sequence;
    assert_true(stored == 5 || (stored == 6 && scene->confirms));
    /* slot 0 came from the factory with 5; 6 always went to slot 1 */
    assert_int_equal(state->active, stored == 6 ? 1 : 0);
}

/*
 * A healthy image whose trial lost power before it confirmed is reverted, and says so; every other one stays.
 */
static void expect_end(struct scene *scene)
{
    struct ud_slots slots;
    assert_int_equal(ud_slots_mount(&slots, &scene->board.layout), UD_OK);
    const bool stayed = ud_slots_state(&slots)->active == 1;
    assert_true(scene->confirms || !stayed);
    scene->stayed_count += stayed;
    board_expect(&scene->board, stayed ? &scene->six : &scene->five, UD_BOOT_NORMAL,
                 stayed ? UD_OK : UD_ERR_UNCONFIRMED, "end of the story");
}

/* Power stays now. The story goes on to its end, however weak bits read, and then the next update is made. */
static void assert_recovers(struct scene *scene)
{
    struct board *board = &scene->board;
    struct ud_boot_info info;
    sim_flash_power_on(&board->sim);
    for (int cycle = 0; cycle < 5; cycle++) {
        assert_true(live(scene));
        assert_stored_is_confirmed(scene);
        sim_flash_power_on(&board->sim);
    }
    expect_end(scene);
    assert_true(board_install(board, &scene->seven));
    sim_flash_power_on(&board->sim);
    board_expect(board, &scene->seven, UD_BOOT_TRIAL, UD_OK, "the next update");
    assert_int_equal(board_boot(board, UD_ERR_CRASHED, &info), UD_OK);
    assert_int_equal(board->sim.violations, 0);
}

static void start_over(struct scene *scene, uint64_t seed)
{
    sim_flash_load(&scene->board.sim, &scene->before);
    sim_flash_seed(&scene->board.sim, seed);
}

static uint64_t operations_of_the_story(struct scene *scene)
{
    start_over(scene, 1);
    assert_true(live_to_the_end(scene));
    return scene->board.sim.operations;
}

/* @return states visited */
static uint32_t cut_everywhere_once(struct scene *scene, uint32_t draws)
{
    uint32_t visited = 0;
    const uint64_t operations = operations_of_the_story(scene);
    for (uint64_t cut = 0; cut < operations; cut++) {
        for (uint32_t draw = 0; draw < draws; draw++) {
            start_over(scene, cut * 64 + draw);
            sim_flash_cut_after(&scene->board.sim, cut, draw);
            assert_false(live_to_the_end(scene));
            assert_recovers(scene);
            visited++;
        }
    }
    return visited;
}

/* A second cut `again` operations after power came back. @return false when the story ended before it */
static bool cut_twice(struct scene *scene, uint64_t cut, uint64_t again, uint32_t draw)
{
    start_over(scene, cut * 4096 + again * 8 + draw);
    sim_flash_cut_after(&scene->board.sim, cut, draw);
    assert_false(live_to_the_end(scene));
    sim_flash_power_on(&scene->board.sim);
    sim_flash_cut_after(&scene->board.sim, again, (draw + 1 + (uint32_t)again) % 6);
    const bool second = !live_to_the_end(scene);
    if (second) {
        assert_recovers(scene);
    }
    return second;
}

static uint32_t cut_everywhere_twice(struct scene *scene, uint64_t step)
{
    uint32_t visited = 0;
    const uint64_t operations = operations_of_the_story(scene);
    for (uint64_t cut = 0; cut < operations; cut += 1) {
        for (uint64_t again = cut % step; cut_twice(scene, cut, again, (uint32_t)(cut + again) % 6);
             again += step) {
            visited++;
        }
    }
    return visited;
}

static void run_once(const struct cast *cast, bool confirms)
{
    uint32_t visited = 0;
    for (size_t s = 0; s < SHAPE_COUNT; s++) {
        struct scene scene;
        scene_init(&scene, &shapes[s], &cast->author, confirms);
        const uint32_t states = cut_everywhere_once(&scene, long_form() ? 16 : 4);
        assert_true(!confirms ||
                    scene.stayed_count > states / 2); /* the trial itself is a small part of the story */
        visited += states;
        scene_deinit(&scene);
    }
    print_message("          %u states after one cut\n", visited);
    assert_true(visited > 100);
}

static void run_twice(const struct cast *cast, bool confirms)
{
    uint32_t visited = 0;
    for (size_t s = 0; s < (long_form() ? SHAPE_COUNT : 4); s++) {
        struct scene scene;
        scene_init(&scene, &shapes[s], &cast->author, confirms);
        visited += cut_everywhere_twice(&scene, long_form() ? 1 : 3);
        scene_deinit(&scene);
    }
    print_message("          %u states after two cuts\n", visited);
    assert_true(visited > 100);
}

static void test_update_that_confirms_survives_a_cut_anywhere(void **state)
{
    run_once(*state, true);
}

static void test_update_that_reverts_survives_a_cut_anywhere(void **state)
{
    run_once(*state, false);
}

static void test_update_that_confirms_survives_a_second_cut_in_the_recovery(void **state)
{
    run_twice(*state, true);
}

static void test_update_that_reverts_survives_a_second_cut_in_the_recovery(void **state)
{
    run_twice(*state, false);
}

/* Brown-out: power fails in each of many successive starts, soon after the boot. It must not end in nothing. */
static void test_a_device_that_loses_power_at_every_start_still_boots_when_it_is_back(void **state)
{
    const struct cast *cast = *state;
    const uint64_t rounds = long_form() ? 2000 : 100;
    for (uint64_t round = 0; round < rounds; round++) {
        struct scene scene;
        struct ud_boot_info info;
        scene_init(&scene, &shapes[round % SHAPE_COUNT], &cast->author, round % 2 == 0);
        start_over(&scene, round);
        for (uint32_t start = 0; start < 12; start++) {
            sim_flash_cut_after(&scene.board.sim, (round * 7 + start * 3) % 5, (uint32_t)(round + start) % 9);
            (void)live(&scene);
            sim_flash_power_on(&scene.board.sim);
        }
        sim_flash_cut_never(&scene.board.sim);
        assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
        assert_true(info.version.sequence == 5 || info.version.sequence == 6);
        scene_deinit(&scene);
    }
}

static int make_cast(void **state)
{
    static struct cast cast;
    *state = &cast;
    return ud_key_pair_generate(&cast.pair) != UD_OK ||
           ud_key_pair_signer(cast.pair, UD_ALG_ES256, &cast.author) != UD_OK;
}

static int drop_cast(void **state)
{
    struct cast *cast = *state;
    ud_key_pair_close(cast->pair);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_that_confirms_survives_a_cut_anywhere),
        cmocka_unit_test(test_update_that_reverts_survives_a_cut_anywhere),
        cmocka_unit_test(test_update_that_confirms_survives_a_second_cut_in_the_recovery),
        cmocka_unit_test(test_update_that_reverts_survives_a_second_cut_in_the_recovery),
        cmocka_unit_test(test_a_device_that_loses_power_at_every_start_still_boots_when_it_is_back),
    };
    return cmocka_run_group_tests(tests, make_cast, drop_cast);
}
