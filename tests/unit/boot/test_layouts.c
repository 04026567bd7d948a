/*
 * The same promises over every layout: tries, reverts, components that switch together, garbage, and what runs when no
 * slot is valid (attacks D5, D8, D12, D13).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/boot_info.h"
#include "helper_board.h"

static const struct board_shape shapes[] = {
    {.name = "A/B", .component_count = 1},
    {.name = "A/B, recovery", .component_count = 2, .has_recovery = true},
    {.name = "swap", .component_count = 1, .mover = &ud_move_swap},
    {.name = "swap, recovery", .component_count = 2, .mover = &ud_move_swap, .has_recovery = true},
    {.name = "swap with another chip",
     .component_count = 2,
     .mover = &ud_move_swap,
     .second_erase_size = 2048,
     .second_write_size = 1,
     .second_erased_value = 0x00},
    {.name = "swap, encrypted, recovery",
     .component_count = 1,
     .mover = &ud_move_swap,
     .has_cipher = true,
     .has_recovery = true},
    {.name = "RAM, encrypted, recovery",
     .component_count = 1,
     .mover = &ud_move_ram,
     .has_cipher = true,
     .has_recovery = true},
    {.name = "A/B, eight components", .component_count = 8},
    {.name = "swap, eight components, recovery",
     .component_count = 8,
     .mover = &ud_move_swap,
     .has_recovery = true},
    {.name = "overwrite", .component_count = 2, .mover = &ud_move_overwrite},
    {.name = "overwrite, recovery", .component_count = 1, .mover = &ud_move_overwrite, .has_recovery = true},
};
#define SHAPE_COUNT (sizeof shapes / sizeof shapes[0])
#define TRIES 3

struct scene {
    struct board_shape shape;
    struct board board;
    struct release rescue;
    struct release five;
    struct release six;
    struct release seven;
};

static struct release make(const struct scene *scene, uint64_t sequence, uint32_t bytes,
                           const struct ud_signer *signer)
{
    struct release release = release_plain(sequence, bytes);
    release.component_count = scene->shape.component_count;
    release_make(&release, signer);
    return release;
}

static void scene_init(struct scene *scene, const struct board_shape *shape, const struct ud_signer *author)
{
    memset(scene, 0, sizeof *scene);
    scene->shape = *shape;
    scene->shape.journal_sectors = 3;
    scene->shape.erase_size = 1024;
    scene->shape.write_size = 8;
    scene->shape.erased_value = 0xff;
    scene->shape.trial_boots_max = TRIES;
    board_init(&scene->board, &scene->shape, author);
    if (shape->has_recovery) {
        scene->rescue = release_plain(1, 700);
        release_make(&scene->rescue, author);
        board_put_recovery(&scene->board, &scene->rescue);
    }
    scene->five = make(scene, 5, 3000, author);
    scene->six = make(scene, 6, 4096, author);
    scene->seven = make(scene, 7, 2000, author);
    board_factory(&scene->board, &scene->five);
    board_expect(&scene->board, &scene->five, UD_BOOT_NORMAL, UD_OK, shape->name);
}

static void scene_deinit(struct scene *scene)
{
    board_deinit(&scene->board);
}

static bool can_revert(const struct scene *scene)
{
    return scene->shape.mover != &ud_move_overwrite;
}

static void try_release(struct scene *scene, const struct release *release)
{
    assert_true(board_install(&scene->board, release));
    for (int start = 0; start < TRIES; start++) {
        board_expect(&scene->board, release, UD_BOOT_TRIAL, UD_OK, scene->shape.name);
    }
}

static void expect_recovery(struct scene *scene, ud_err outcome)
{
    struct ud_boot_info info;
    const ud_err err = board_boot(&scene->board, UD_OK, &info);
    if (!scene->shape.has_recovery) {
        assert_int_equal(err, UD_ERR_NO_SLOT);
        assert_int_equal(info.reason, UD_BOOT_RECOVERY);
        return;
    }
    if (err != UD_OK || info.slot != UD_SLOT_RECOVERY || info.reason != UD_BOOT_RECOVERY ||
        info.outcome != outcome) {
        fail_msg("%s: %s, slot %u, outcome %s", scene->shape.name, ud_err_name(err), info.slot,
                 ud_err_name(info.outcome));
    }
    assert_memory_equal(info.manifest_digest, scene->rescue.manifest_digest, UD_SHA256_BYTES);
    assert_int_equal(info.image_count, 1);
}

/* ---- D8 ---- */

static void test_d8_a_release_that_never_confirms_has_its_tries_and_is_reverted(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        struct ud_boot_info info;
        scene_init(&scene, &shapes[i], author);
        try_release(&scene, &scene.six);
        if (can_revert(&scene)) {
            assert_int_equal(board_boot(&scene.board, UD_ERR_CRASHED, &info), UD_OK);
            assert_int_equal(info.reason, UD_BOOT_REVERTED);
            assert_int_equal(info.outcome, UD_ERR_CRASHED);
            assert_memory_equal(info.attempted_digest, scene.six.manifest_digest, UD_DIGEST_BYTES);
            board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, UD_ERR_CRASHED, shapes[i].name);
        } else if (scene.shape.has_recovery) {
            expect_recovery(&scene, UD_ERR_UNCONFIRMED);
        } else { /* nothing else is there */
            board_expect(&scene.board, &scene.six, UD_BOOT_FALLBACK, UD_ERR_IMAGE_MISMATCH, shapes[i].name);
        }
        scene_deinit(&scene);
    }
}

static void test_a_release_that_confirms_in_its_last_try_stays(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i], author);
        try_release(&scene, &scene.six);
        assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
        board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        try_release(&scene, &scene.seven);
        assert_int_equal(board_confirm(&scene.board, 0), UD_OK);
        board_expect(&scene.board, &scene.seven, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        scene_deinit(&scene);
    }
}

static void test_a_boot_with_nothing_to_do_writes_nothing(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i], author);
        try_release(&scene, &scene.six);
        assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
        board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        const uint64_t operations = scene.board.sim.operations;
        board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        assert_true(scene.board.sim.operations == operations);
        scene_deinit(&scene);
    }
}

/* ---- D13: components ---- */

/* A bit of the last component flips after the request, where it was installed to. */
static void flip_last_component(struct scene *scene, uint8_t place, uint32_t at)
{
    const struct ud_layout *layout = &scene->board.layout;
    const struct ud_area *area = &layout->components[layout->component_count - 1].image[place];
    const uint32_t base = area->flash == &scene->board.sim.flash ? 0 : scene->board.second.base;
    sim_flash_flip(&scene->board.sim, base + area->offset + at, 3);
}

static void test_d13_one_bad_component_keeps_all_of_them_from_being_tried(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i], author);
        assert_true(board_install(&scene.board, &scene.six));
        flip_last_component(&scene, 1, 3000);
        board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_IMAGE_MISMATCH, shapes[i].name);
        board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, UD_ERR_IMAGE_MISMATCH, shapes[i].name);
        scene_deinit(&scene);
    }
}

static void test_d13_a_component_that_rots_between_tries_takes_all_of_them_back(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        const bool moves = shapes[i].mover != NULL && shapes[i].mover->bring != NULL;
        scene_init(&scene, &shapes[i], author);
        assert_true(board_install(&scene.board, &scene.six));
        board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, shapes[i].name);
        flip_last_component(&scene, moves ? 0 : 1, 2000);
        if (can_revert(&scene)) {
            board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_IMAGE_MISMATCH, shapes[i].name);
        } else {
            expect_recovery(&scene, UD_ERR_IMAGE_MISMATCH);
        }
        scene_deinit(&scene);
    }
}

/* ---- D12: nothing valid ---- */

static void test_d12_a_rotten_active_image_gives_way_to_the_one_before(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        struct ud_boot_info info;
        scene_init(&scene, &shapes[i], author);
        assert_true(board_install(&scene.board, &scene.six));
        board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, shapes[i].name);
        const bool moves = shapes[i].mover != NULL && shapes[i].mover->bring != NULL;
        flip_last_component(&scene, moves ? 0 : 1, 10);
        assert_int_equal(board_boot(&scene.board, UD_OK, &info),
                         can_revert(&scene) || shapes[i].has_recovery ? UD_OK : UD_ERR_NO_SLOT);
        assert_int_equal(info.outcome, UD_ERR_IMAGE_MISMATCH);
        scene_deinit(&scene);
    }
}

static void test_d12_the_recovery_image_runs_when_both_slots_are_rotten(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i], author);
        flip_last_component(&scene, 0, 100);
        expect_recovery(&scene, UD_ERR_IMAGE_MISMATCH);
        const uint64_t operations = scene.board.sim.operations;
        expect_recovery(&scene, UD_ERR_IMAGE_MISMATCH);
        assert_true(scene.board.sim.operations == operations);
        if (shapes[i].has_recovery) {
            scene.board.running = UD_SLOT_RECOVERY;
            assert_true(board_install(&scene.board, &scene.six));
            board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, shapes[i].name);
            assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
            board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        }
        scene_deinit(&scene);
    }
}

static void test_a_recovery_image_that_nobody_signed_does_not_run(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        struct ud_boot_info info;
        if (!shapes[i].has_recovery) {
            continue;
        }
        scene_init(&scene, &shapes[i], author);
        flip_last_component(&scene, 0, 100);
        sim_flash_flip(&scene.board.sim, scene.board.recovery.image.offset + 699, 0);
        assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT);
        scene_deinit(&scene);
    }
}

/* The recovery image is for when nothing else runs: nobody confirms it, and it does not take the place of a slot. */
static void test_the_recovery_image_is_no_slot(void **state)
{
    const struct ud_signer *author = *state;
    struct scene scene;
    scene_init(&scene, &shapes[1], author);
    assert_int_equal(board_confirm(&scene.board, UD_SLOT_RECOVERY), UD_ERR_STATE);
    scene.board.running = UD_SLOT_RECOVERY;
    assert_true(board_install(&scene.board, &scene.six));
    assert_int_equal(board_try_install(&scene.board, &scene.seven), UD_ERR_BUSY);
    scene.board.layout.recovery = NULL;
    struct ud_slots slots;
    uint8_t byte;
    assert_int_equal(ud_slots_mount(&slots, &scene.board.layout), UD_OK);
    assert_int_equal(ud_slots_read(&slots, UD_SLOT_RECOVERY, 0, 0, &byte, 1), UD_ERR_RANGE);
    scene.board.layout.recovery = &scene.board.recovery;
    assert_int_equal(ud_slots_read(&slots, UD_SLOT_RECOVERY, 0, scene.board.recovery.image.size, &byte, 1),
                     UD_ERR_RANGE);
    scene_deinit(&scene);
}

/* ---- D5: what lies there at the first boot ---- */

static void test_d5_garbage_everywhere_boots_nothing_and_can_be_installed_over(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        struct ud_boot_info info;
        scene_init(&scene, &shapes[i], author);
        for (uint64_t seed = 0; seed < 10; seed++) {
            sim_flash_seed(&scene.board.sim, seed);
            sim_flash_garbage(&scene.board.sim);
            assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT);
        }
        if (shapes[i].has_recovery) {
            board_put_recovery(&scene.board, &scene.rescue);
        }
        board_factory(&scene.board, &scene.five);
        board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        try_release(&scene, &scene.six);
        scene_deinit(&scene);
    }
}

/* The journal is gone, images and envelopes of earlier generations are still there. */
static void test_d5_without_a_journal_the_image_that_can_run_is_found_by_its_own_envelope(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        scene_init(&scene, &shapes[i], author);
        try_release(&scene, &scene.six);
        assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
        board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        const struct ud_area *journal = &scene.board.layout.journal;
        for (uint32_t at = 0; at < journal->size; at += 1024) {
            assert_int_equal(journal->flash->erase(journal->flash->ctx, journal->offset + at), UD_OK);
        }
        board_expect(&scene.board, &scene.six, UD_BOOT_FALLBACK, UD_ERR_JOURNAL, shapes[i].name);
        board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
        try_release(&scene, &scene.seven);
        scene_deinit(&scene);
    }
}

/* ---- boot measurements ---- */

static void extend(uint8_t measurement[UD_SHA256_BYTES], struct ud_bytes digest)
{
    const struct ud_bytes parts[] = {{measurement, UD_SHA256_BYTES}, digest};
    uint8_t next[UD_SHA256_BYTES];
    assert_int_equal(ud_sha256(parts, 2, next), UD_OK);
    memcpy(measurement, next, sizeof next);
}

static void test_the_measurement_is_a_chain_over_manifest_and_images(void **state)
{
    const struct ud_signer *author = *state;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        struct ud_boot_info info;
        uint8_t want[UD_SHA256_BYTES] = {0};
        uint8_t got[UD_SHA256_BYTES];
        scene_init(&scene, &shapes[i], author);
        assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
        extend(want, UD_BYTES_ARRAY(scene.five.manifest_digest));
        for (uint8_t c = 0; c < scene.five.component_count; c++) {
            const struct ud_bytes image = {scene.five.image[c], scene.five.image_bytes};
            uint8_t digest[UD_SHA256_BYTES];
            assert_int_equal(ud_sha256(&image, 1, digest), UD_OK);
            extend(want, UD_BYTES_ARRAY(digest));
        }
        assert_int_equal(ud_boot_info_measure(&info, (struct ud_bytes){NULL, 0}, got), UD_OK);
        assert_memory_equal(got, want, sizeof want);
        scene_deinit(&scene);
    }
}

/* Bytes of images that were read, since the last reset of the count. */
static struct {
    const struct ud_layout *layout;
    ud_err (*read)(void *ctx, uint32_t address, uint8_t *out, uint32_t len);
    uint64_t bytes;
} counted;

static ud_err counting_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    for (uint8_t i = 0; i < counted.layout->component_count; i++) {
        const struct ud_area *area = &counted.layout->components[i].image[0];
        counted.bytes += address >= area->offset && address - area->offset < area->size ? len : 0;
    }
    return counted.read(ctx, address, out, len);
}

/* Slot 0 runs. Where there is a mover, board_boot() looks at the images as well. */
static void test_a_boot_with_nothing_to_do_reads_each_image_once(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct scene scene;
        struct ud_boot_info info;
        scene_init(&scene, &shapes[i], *state);
        struct sim_flash *sim = &scene.board.sim;
        const uint64_t looks = shapes[i].mover != NULL ? 2 : 1;
        const uint64_t before = sim->operations;
        counted.layout = &scene.board.layout;
        counted.read = sim->flash.read;
        counted.bytes = 0;
        sim->flash.read = counting_read;
        assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
        sim->flash.read = counted.read;
        if (counted.bytes != looks * 3000 * shapes[i].component_count || sim->operations != before) {
            fail_msg("%s: %u bytes of images read", shapes[i].name, (unsigned)counted.bytes);
        }
        scene_deinit(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_d8_a_release_that_never_confirms_has_its_tries_and_is_reverted),
        cmocka_unit_test(test_a_release_that_confirms_in_its_last_try_stays),
        cmocka_unit_test(test_a_boot_with_nothing_to_do_writes_nothing),
        cmocka_unit_test(test_a_boot_with_nothing_to_do_reads_each_image_once),
        cmocka_unit_test(test_d13_one_bad_component_keeps_all_of_them_from_being_tried),
        cmocka_unit_test(test_d13_a_component_that_rots_between_tries_takes_all_of_them_back),
        cmocka_unit_test(test_d12_a_rotten_active_image_gives_way_to_the_one_before),
        cmocka_unit_test(test_d12_the_recovery_image_runs_when_both_slots_are_rotten),
        cmocka_unit_test(test_a_recovery_image_that_nobody_signed_does_not_run),
        cmocka_unit_test(test_the_recovery_image_is_no_slot),
        cmocka_unit_test(test_d5_garbage_everywhere_boots_nothing_and_can_be_installed_over),
        cmocka_unit_test(test_d5_without_a_journal_the_image_that_can_run_is_found_by_its_own_envelope),
        cmocka_unit_test(test_the_measurement_is_a_chain_over_manifest_and_images),
    };
    return cmocka_run_group_tests(tests, release_author_setup, release_author_teardown);
}
