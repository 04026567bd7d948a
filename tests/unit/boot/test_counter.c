/* The anti-rollback counter of the hardware: when it moves, and what comes of one that does not work (attacks D7, D17). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_board.h"
#include "helper_counter.h"

static const struct board_shape shapes[] = {
    {.name = "A/B",
     .journal_sectors = 2,
     .erase_size = 1024,
     .write_size = 8,
     .erased_value = 0xff,
     .component_count = 1,
     .trial_boots_max = 1},
    {.name = "swap",
     .journal_sectors = 2,
     .erase_size = 1024,
     .write_size = 8,
     .erased_value = 0xff,
     .component_count = 1,
     .trial_boots_max = 1,
     .mover = &ud_move_swap},
};
#define SHAPE_COUNT (sizeof shapes / sizeof shapes[0])

struct scene {
    struct board board;
    struct counter counter;
    struct release five;
    struct release six;
};

static void scene_init(struct scene *scene, const struct board_shape *shape, const struct ud_signer *author)
{
    memset(scene, 0, sizeof *scene);
    board_init(&scene->board, shape, author);
    counter_init(&scene->counter, &scene->board.sim);
    scene->board.counter = &scene->counter.port;
    scene->five = release_plain(5, 900);
    scene->six = release_plain(6, 2100);
    release_make(&scene->five, author);
    release_make(&scene->six, author);
    board_factory(&scene->board, &scene->five);
    board_expect(&scene->board, &scene->five, UD_BOOT_NORMAL, UD_OK, "factory");
    assert_int_equal(scene->counter.value.sequence, 5);
}

static void scene_deinit(struct scene *scene)
{
    board_deinit(&scene->board);
}

static struct ud_boot_info boot(struct scene *scene)
{
    struct ud_boot_info info;
    assert_int_equal(board_boot(&scene->board, UD_OK, &info), UD_OK);
    return info;
}

static void test_d7_the_counter_moves_with_the_first_boot_after_the_confirmation_and_once(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i], *state);
        assert_true(board_install(&scene.board, &scene.six));
        assert_int_equal(boot(&scene).reason, UD_BOOT_TRIAL);
        assert_int_equal(scene.counter.value.sequence, 5);
        assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
        assert_int_equal(scene.counter.value.sequence, 5);
        assert_int_equal(boot(&scene).counter_err, UD_OK);
        assert_int_equal(scene.counter.value.sequence, 6);
        const uint32_t advances = scene.counter.advances;
        (void)boot(&scene);
        assert_int_equal(scene.counter.advances, advances);
        scene_deinit(&scene);
    }
}

static void test_d7_a_release_that_is_reverted_does_not_move_the_counter(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i], *state);
        assert_true(board_install(&scene.board, &scene.six));
        assert_int_equal(boot(&scene).reason, UD_BOOT_TRIAL);
        assert_int_equal(boot(&scene).reason, UD_BOOT_REVERTED);
        (void)boot(&scene);
        assert_int_equal(scene.counter.value.sequence, 5);
        scene_deinit(&scene);
    }
}

/* All of the flash as it was before the update, journal included: only the counter knows better. */
static void test_d7_an_old_copy_of_the_whole_flash_does_not_boot(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        struct sim_flash before;
        struct ud_boot_info info;
        scene_init(&scene, &shapes[i], *state);
        sim_flash_copy(&before, &scene.board.sim);
        assert_true(board_install(&scene.board, &scene.six));
        (void)boot(&scene);
        assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
        (void)boot(&scene);
        sim_flash_load(&scene.board.sim, &before);
        assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT);
        assert_int_equal(info.outcome, UD_ERR_STALE);
        sim_flash_deinit(&before);
        scene_deinit(&scene);
    }
}

/* What the counter does, and whether a new release may still be tried. */
static const struct {
    const char *name;
    ud_err read_err;
    ud_err advance_err;
    struct ud_version value;
    bool is_written;
    ud_err counter_err;
    bool tries;
} broken[] = {
    {"never written", UD_OK, UD_OK, {0, 0}, false, UD_OK, true},
    {"missing", UD_ERR_NOT_FOUND, UD_OK, {0, 0}, true, UD_ERR_ROLLBACK_COUNTER, false},
    {"failing", UD_ERR_IO, UD_ERR_IO, {0, 0}, true, UD_ERR_ROLLBACK_COUNTER, false},
    {"all ones", UD_OK, UD_OK, {UINT32_MAX, UINT64_MAX}, true, UD_ERR_ROLLBACK_COUNTER, false},
    {"sequence all ones", UD_OK, UD_OK, {0, UINT64_MAX}, true, UD_ERR_ROLLBACK_COUNTER, false},
    {"full", UD_OK, UD_ERR_SPACE, {0, 4}, true, UD_ERR_ROLLBACK_COUNTER, true},
};

static void test_d7_a_counter_that_does_not_work_stops_updates_and_not_the_device(void **state)
{
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i % SHAPE_COUNT], *state);
        scene.counter.read_err = broken[i].read_err;
        scene.counter.advance_err = broken[i].advance_err;
        scene.counter.value = broken[i].value;
        scene.counter.is_written = broken[i].is_written;
        struct ud_boot_info info = boot(&scene);
        if (info.reason != UD_BOOT_NORMAL || info.counter_err != broken[i].counter_err) {
            fail_msg("%s: reason %d, %s", broken[i].name, (int)info.reason, ud_err_name(info.counter_err));
        }
        assert_true(board_install(&scene.board, &scene.six));
        info = boot(&scene);
        if (info.reason != (broken[i].tries ? UD_BOOT_TRIAL : UD_BOOT_REVERTED)) {
            fail_msg("%s: reason %d", broken[i].name, (int)info.reason);
        }
        assert_int_equal(info.outcome, broken[i].tries ? UD_OK : UD_ERR_ROLLBACK_COUNTER);
        scene_deinit(&scene);
    }
}

static void test_d17_a_cut_while_the_counter_moves_leaves_a_device_that_boots(void **state)
{
    for (uint32_t torn = COUNTER_OLD; torn <= COUNTER_UNREADABLE; torn++) {
        for (size_t i = 0; i < SHAPE_COUNT; i++) {
            struct scene scene;
            struct ud_boot_info info;
            scene_init(&scene, &shapes[i], *state);
            assert_true(board_install(&scene.board, &scene.six));
            (void)boot(&scene);
            assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
            scene.counter.cut_in = scene.counter.advances + 1;
            scene.counter.torn = torn;
            info = boot(&scene);
            assert_int_equal(info.counter_err, UD_ERR_ROLLBACK_COUNTER);
            info = boot(&scene);
            assert_int_equal(info.version.sequence, 6);
            assert_int_equal(info.reason, UD_BOOT_NORMAL);
            if (torn == COUNTER_OLD || torn == COUNTER_NEW) { /* resumed */
                assert_int_equal(info.counter_err, UD_OK);
                assert_int_equal(scene.counter.value.sequence, 6);
            } else {
                assert_int_equal(info.counter_err, UD_ERR_ROLLBACK_COUNTER);
            }
            scene_deinit(&scene);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_d7_the_counter_moves_with_the_first_boot_after_the_confirmation_and_once),
        cmocka_unit_test(test_d7_a_release_that_is_reverted_does_not_move_the_counter),
        cmocka_unit_test(test_d7_an_old_copy_of_the_whole_flash_does_not_boot),
        cmocka_unit_test(test_d7_a_counter_that_does_not_work_stops_updates_and_not_the_device),
        cmocka_unit_test(test_d17_a_cut_while_the_counter_moves_leaves_a_device_that_boots),
    };
    return cmocka_run_group_tests(tests, release_author_setup, release_author_teardown);
}
