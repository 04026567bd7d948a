/* What the bootloader decides, over real signed envelopes and simulated flash. Power cuts: test_torture.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_board.h"
#include "ports/openssl/keys.h"

static const struct board_shape plain = {.name = "4 KiB of image",
                                         .journal_sectors = 2,
                                         .erase_size = 1024,
                                         .write_size = 8,
                                         .erased_value = 0xff,
                                         .component_count = 1,
                                         .trial_boots_max = 1};
static const struct board_shape pair = {.name = "two components",
                                        .journal_sectors = 2,
                                        .erase_size = 1024,
                                        .write_size = 8,
                                        .erased_value = 0xff,
                                        .component_count = 2,
                                        .trial_boots_max = 1};
static const struct board_shape patient = {.name = "three starts",
                                           .journal_sectors = 2,
                                           .erase_size = 1024,
                                           .write_size = 8,
                                           .erased_value = 0xff,
                                           .component_count = 1,
                                           .trial_boots_max = 3};

static struct keys {
    struct ud_key_pair *author_pair;
    struct ud_key_pair *stranger_pair;
    struct ud_signer author;
    struct ud_signer stranger;
} keys_of_the_group; /* cmocka's group state points here */

static int make_keys(void **state)
{
    struct keys *keys = &keys_of_the_group;
    *state = keys;
    return ud_key_pair_generate(&keys->author_pair) != UD_OK ||
           ud_key_pair_generate(&keys->stranger_pair) != UD_OK ||
           ud_key_pair_signer(keys->author_pair, UD_ALG_ES256, &keys->author) != UD_OK ||
           ud_key_pair_signer(keys->stranger_pair, UD_ALG_ES256, &keys->stranger) != UD_OK;
}

static int drop_keys(void **state)
{
    struct keys *keys = *state;
    ud_key_pair_close(keys->author_pair);
    ud_key_pair_close(keys->stranger_pair);
    return 0;
}

/* A device that runs sequence 5 from slot 0, and a good sequence 6 to go to. */
struct scene {
    struct board board;
    struct release five;
    struct release six;
};

static void scene_init(struct scene *scene, const struct board_shape *shape, const struct keys *keys)
{
    board_init(&scene->board, shape, &keys->author);
    scene->five = release_plain(5, 1500);
    scene->six = release_plain(6, 2222);
    scene->five.component_count = shape->component_count;
    scene->six.component_count = shape->component_count;
    release_make(&scene->five, &keys->author);
    release_make(&scene->six, &keys->author);
    board_factory(&scene->board, &scene->five);
}

static void scene_deinit(struct scene *scene)
{
    board_deinit(&scene->board);
}

static struct ud_version stored_version(struct board *board)
{
    struct ud_slots slots;
    assert_int_equal(ud_slots_mount(&slots, &board->layout), UD_OK);
    return ud_slots_state(&slots)->stored;
}

static void flip_image(struct board *board, uint8_t slot)
{
    sim_flash_flip(&board->sim, board->layout.components[0].image[slot].offset + 700, 3);
}

static void test_a_clean_boot_runs_the_active_slot_and_writes_nothing(void **state)
{
    struct scene scene;
    scene_init(&scene, &plain, *state);
    const uint64_t operations = scene.board.sim.operations;
    board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, UD_OK, "first boot");
    board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, UD_OK, "second boot");
    assert_int_equal(scene.board.sim.operations, operations);
    scene_deinit(&scene);
}

static void test_a_trial_that_confirms_stays_and_only_then_moves_the_stored_version(void **state)
{
    struct scene scene;
    struct ud_boot_info info;
    scene_init(&scene, &plain, *state);
    assert_true(board_install(&scene.board, &scene.six));
    assert_int_equal(board_confirm(&scene.board, 1), UD_ERR_STATE);
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
    assert_int_equal(info.slot, 1);
    assert_int_equal(info.reason, UD_BOOT_TRIAL);
    assert_int_equal(info.confirm_deadline_ms, 60000);
    assert_memory_equal(info.attempted_digest, scene.six.manifest_digest, UD_DIGEST_BYTES);
    assert_int_equal(stored_version(&scene.board).sequence, 5);
    assert_int_equal(board_confirm(&scene.board, 0), UD_ERR_STATE);
    assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
    assert_int_equal(stored_version(&scene.board).sequence, 6);
    board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, "after confirm");
    scene_deinit(&scene);
}

static void test_a_trial_that_does_not_confirm_is_reverted_with_its_reason(void **state)
{
    static const struct {
        ud_err ended;
        ud_err want;
    } rows[] = {
        {UD_OK, UD_ERR_UNCONFIRMED},
        {UD_ERR_UNCONFIRMED, UD_ERR_UNCONFIRMED},
        {UD_ERR_CRASHED, UD_ERR_CRASHED},
        {UD_ERR_SIGNATURE, UD_ERR_UNCONFIRMED}, /* not an end of a start: the plain reason */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct ud_boot_info info;
        scene_init(&scene, &plain, *state);
        assert_true(board_install(&scene.board, &scene.six));
        board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "trial");
        assert_int_equal(board_boot(&scene.board, rows[i].ended, &info), UD_OK);
        assert_int_equal(info.reason, UD_BOOT_REVERTED);
        assert_int_equal(info.outcome, rows[i].want);
        assert_int_equal(info.slot, 0);
        assert_memory_equal(info.attempted_digest, scene.six.manifest_digest, UD_DIGEST_BYTES);
        board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, rows[i].want, "remembers why");
        assert_int_equal(board_confirm(&scene.board, 1), UD_ERR_STATE);
        assert_int_equal(stored_version(&scene.board).sequence, 5);
        scene_deinit(&scene);
    }
}

static void test_a_trial_has_as_many_starts_as_the_layout_says(void **state)
{
    struct scene scene;
    scene_init(&scene, &patient, *state);
    assert_true(board_install(&scene.board, &scene.six));
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "first start");
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "second start");
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "third start");
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_UNCONFIRMED, "no fourth");
    scene_deinit(&scene);
}

static void no_harm(struct scene *scene)
{
    (void)scene;
}

static void harm_image(struct scene *scene)
{
    flip_image(&scene->board, 1);
}

static void harm_envelope(struct scene *scene)
{
    sim_flash_flip(&scene->board.sim,
                   scene->board.layout.envelope[1].offset + 16 + (uint32_t)scene->six.envelope_bytes - 20, 0);
}

static void harm_envelope_header(struct scene *scene)
{
    sim_flash_flip(&scene->board.sim, scene->board.layout.envelope[1].offset + 5, 0);
}

static void says_older(struct release *release)
{
    release->sequence = 4;
}

static void says_same_sequence(struct release *release)
{
    release->sequence = 5;
}

static void says_other_vendor(struct release *release)
{
    release->vendor_id[3] ^= 1;
}

static void says_other_class(struct release *release)
{
    release->class_id[15] ^= 1;
}

static void says_no_invoke(struct release *release)
{
    release->no_invoke = true;
}

static void says_no_size(struct release *release)
{
    release->no_size = true;
}

static void says_no_class_check(struct release *release)
{
    release->no_class_check = true;
}

static void says_more_components(struct release *release)
{
    release->component_count = 2;
}

static void says_nothing_new(struct release *release)
{
    (void)release;
}

static void test_the_bootloader_refuses_by_itself_whatever_an_agent_requested(void **state)
{
    static const struct {
        const char *name;
        void (*says)(struct release *release);
        void (*harm)(struct scene *scene);
        bool by_stranger;
        ud_err want;
    } rows[] = {
        {"as it should be", says_nothing_new, no_harm, false, UD_OK},
        {"the same sequence again", says_same_sequence, no_harm, false, UD_OK},
        {"older release", says_older, no_harm, false, UD_ERR_STALE},
        {"unknown key", says_nothing_new, no_harm, true, UD_ERR_UNTRUSTED},
        {"another vendor", says_other_vendor, no_harm, false, UD_ERR_VENDOR},
        {"another class", says_other_class, no_harm, false, UD_ERR_CLASS},
        {"flipped bit in the image", says_nothing_new, harm_image, false, UD_ERR_IMAGE_MISMATCH},
        {"flipped bit in the envelope", says_nothing_new, harm_envelope, false, UD_ERR_DIGEST},
        {"envelope header gone", says_nothing_new, harm_envelope_header, false, UD_ERR_MISSING},
        {"nothing to invoke", says_no_invoke, no_harm, false, UD_ERR_MISSING},
        {"size not signed", says_no_size, no_harm, false, UD_ERR_PARAMETER_UNSET},
        {"class never checked", says_no_class_check, no_harm, false, UD_ERR_MISSING},
        {"component that we do not have", says_more_components, no_harm, false, UD_ERR_COMPONENT},
    };
    const struct keys *keys = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        scene_init(&scene, &plain, keys);
        rows[i].says(&scene.six);
        release_make(&scene.six, rows[i].by_stranger ? &keys->stranger : &keys->author);
        struct release installed = scene.six; /* an agent that does not check writes what it got */
        installed.component_count = 1;
        assert_true(board_install(&scene.board, &installed));
        rows[i].harm(&scene);
        if (rows[i].want == UD_OK) {
            board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, rows[i].name);
        } else {
            struct release good = release_plain(7, 3000);
            board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, rows[i].want, rows[i].name);
            board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, rows[i].want, rows[i].name);
            assert_int_equal(stored_version(&scene.board).sequence, 5);
            release_make(&good, &keys->author);
            assert_true(board_install(&scene.board, &good)); /* the next update goes through */
            board_expect(&scene.board, &good, UD_BOOT_TRIAL, UD_OK, rows[i].name);
        }
        scene_deinit(&scene);
    }
}

static void test_a_failed_condition_is_reported_with_its_place_in_the_manifest(void **state)
{
    struct scene scene;
    struct ud_boot_info info;
    scene_init(&scene, &plain, *state);
    assert_true(board_install(&scene.board, &scene.six));
    flip_image(&scene.board, 1);
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
    assert_int_equal(info.reason, UD_BOOT_REVERTED);
    assert_int_equal(info.record.section, UD_SUIT_VALIDATE);
    assert_int_equal(info.record.command, 3); /* condition image match */
    scene_deinit(&scene);
}

static void test_every_flipped_bit_of_an_image_or_envelope_keeps_a_slot_from_running(void **state)
{
    struct scene scene;
    struct sim_flash before;
    scene_init(&scene, &plain, *state);
    sim_flash_copy(&before, &scene.board.sim);
    const uint32_t image_at = scene.board.layout.components[0].image[0].offset;
    const uint32_t envelope_at = scene.board.layout.envelope[0].offset + 16;
    const uint32_t envelope_bytes = (uint32_t)scene.five.envelope_bytes;
    for (uint32_t i = 0; i < scene.five.image_bytes + envelope_bytes; i++) {
        struct ud_boot_info info;
        const uint32_t at = i < envelope_bytes ? envelope_at + i : image_at + (i - envelope_bytes);
        sim_flash_load(&scene.board.sim, &before);
        sim_flash_flip(&scene.board.sim, at, (uint8_t)(i % 8));
        assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT);
        assert_int_equal(info.reason, UD_BOOT_RECOVERY);
    }
    sim_flash_deinit(&before);
    scene_deinit(&scene);
}

static void test_a_corrupt_active_slot_gives_way_to_the_other_only_if_that_is_not_older(void **state)
{
    struct scene scene;
    struct ud_boot_info info;
    scene_init(&scene, &plain, *state);
    assert_true(board_install(&scene.board, &scene.six));
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "trial");
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_UNCONFIRMED, "revert");
    flip_image(&scene.board, 0);
    board_expect(&scene.board, &scene.six, UD_BOOT_FALLBACK, UD_ERR_IMAGE_MISMATCH, "fallback to a newer one");
    board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_ERR_IMAGE_MISMATCH,
                 "which is the active one now");
    scene_deinit(&scene);

    scene_init(&scene, &plain, *state);
    assert_true(board_install(&scene.board, &scene.six));
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "trial");
    assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
    flip_image(&scene.board, 1);
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT); /* 5 is below 6 */
    assert_int_equal(info.reason, UD_BOOT_RECOVERY);
    assert_int_equal(info.outcome, UD_ERR_IMAGE_MISMATCH);
    scene_deinit(&scene);
}

static void test_two_corrupt_slots_are_no_slot(void **state)
{
    struct scene scene;
    struct ud_boot_info info;
    scene_init(&scene, &plain, *state);
    assert_true(board_install(&scene.board, &scene.six));
    flip_image(&scene.board, 0);
    flip_image(&scene.board, 1);
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT);
    assert_int_equal(info.reason, UD_BOOT_RECOVERY);
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_ERR_NO_SLOT);
    scene_deinit(&scene);
}

static void test_flash_of_a_first_boot_is_left_as_it_is_when_nothing_verifies(void **state)
{
    const struct keys *keys = *state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct board board;
        struct ud_boot_info info;
        board_init(&board, &plain, &keys->author);
        sim_flash_seed(&board.sim, seed);
        if (seed > 0) { /* seed 0: erased */
            sim_flash_garbage(&board.sim);
        }
        assert_int_equal(board_boot(&board, UD_OK, &info), UD_ERR_NO_SLOT);
        assert_int_equal(info.reason, UD_BOOT_RECOVERY);
        assert_int_equal(info.outcome, UD_ERR_JOURNAL);
        assert_int_equal(board.sim.operations, 0);
        board_deinit(&board);
    }
}

static void erase_journal(struct board *board)
{
    const struct ud_area *journal = &board->layout.journal;
    for (uint32_t at = 0; at < journal->size; at += board->sim.flash.erase_size) {
        assert_int_equal(board->sim.flash.erase(&board->sim, journal->offset + at), UD_OK);
    }
}

static void test_a_lost_journal_is_begun_anew_with_the_highest_version_that_verifies(void **state)
{
    struct scene scene;
    scene_init(&scene, &plain, *state);
    assert_true(board_install(&scene.board, &scene.six));
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "trial");
    assert_int_equal(board_confirm(&scene.board, 1), UD_OK);
    erase_journal(&scene.board);
    board_expect(&scene.board, &scene.six, UD_BOOT_FALLBACK, UD_ERR_JOURNAL, "both verify");
    board_expect(&scene.board, &scene.six, UD_BOOT_NORMAL, UD_OK, "as if nothing had been");
    assert_int_equal(stored_version(&scene.board).sequence, 6);
    erase_journal(&scene.board);
    flip_image(&scene.board, 1);
    board_expect(&scene.board, &scene.five, UD_BOOT_FALLBACK, UD_ERR_JOURNAL, "only the older one verifies");
    scene_deinit(&scene);
}

static void test_components_of_a_slot_run_together_or_not_at_all(void **state)
{
    struct scene scene;
    const struct keys *keys = *state;
    scene_init(&scene, &pair, keys);
    board_expect(&scene.board, &scene.five, UD_BOOT_NORMAL, UD_OK, "both");
    assert_true(board_install(&scene.board, &scene.six));
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "both on trial");
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_UNCONFIRMED, "both reverted");
    assert_true(board_install(&scene.board, &scene.six));
    sim_flash_flip(&scene.board.sim, scene.board.layout.components[1].image[1].offset + 9, 1);
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_IMAGE_MISMATCH, "the second is corrupt");
    scene_deinit(&scene);
}

static void test_a_manifest_that_leaves_out_a_component_of_the_device_does_not_boot(void **state)
{
    struct scene scene;
    const struct keys *keys = *state;
    scene_init(&scene, &pair, keys);
    scene.six.component_count = 1;
    release_make(&scene.six, &keys->author);
    struct release installed = scene.six;
    installed.component_count = 2; /* the agent wrote something to the other one, too */
    assert_true(board_install(&scene.board, &installed));
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_COMPONENT, "half a release");
    scene_deinit(&scene);
}

static void test_an_image_may_fill_its_slot_to_the_byte(void **state)
{
    struct scene scene;
    const struct keys *keys = *state;
    scene_init(&scene, &plain, keys);
    scene.six.image_bytes = RELEASE_IMAGE_BYTES_MAX;
    release_make(&scene.six, &keys->author);
    assert_true(board_install(&scene.board, &scene.six));
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "full slot");
    scene_deinit(&scene);
}

static ud_err refuse_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    (void)ctx;
    (void)address;
    (void)data;
    (void)len;
    return UD_ERR_FLASH;
}

static void test_a_trial_that_cannot_be_recorded_is_not_started(void **state)
{
    struct scene scene;
    scene_init(&scene, &plain, *state);
    assert_true(board_install(&scene.board, &scene.six));
    scene.board.sim.flash.program = refuse_program;
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_FLASH, "no trial");
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_FLASH, "nor at the next boot");
    scene_deinit(&scene);
}

static void test_an_envelope_larger_than_the_memory_given_is_an_error_with_a_name(void **state)
{
    struct scene scene;
    struct ud_boot_info info;
    const struct ud_boot_identity identity = {.vendor_id = UD_BYTES_ARRAY(release_vendor),
                                              .class_id = UD_BYTES_ARRAY(release_class)};
    scene_init(&scene, &plain, *state);
    struct board *board = &scene.board;
    ud_boot_init(&board->boot, &board->layout, &board->trust, &identity, board->envelope_ram,
                 scene.five.envelope_bytes - 1);
    assert_int_equal(ud_boot_choose(&board->boot, UD_OK, &info), UD_ERR_NO_SLOT);
    assert_int_equal(info.outcome, UD_ERR_BUFFER);
    scene_deinit(&scene);
}

static void test_the_second_look_allows_only_what_was_examined(void **state)
{
    struct scene scene;
    struct ud_boot_info info;
    scene_init(&scene, &plain, *state);
    struct ud_boot *boot = &scene.board.boot;
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
    assert_int_equal(ud_boot_allows(boot, &info), UD_SURE_YES);
    info.slot = 1;
    assert_int_equal(ud_boot_allows(boot, &info), UD_SURE_NO);
    info.slot = 0;
    info.manifest_digest[31] ^= 1;
    assert_int_equal(ud_boot_allows(boot, &info), UD_SURE_NO);
    info.manifest_digest[31] ^= 1;
    boot->verdict = (ud_sure)1;
    assert_int_not_equal(ud_boot_allows(boot, &info), UD_SURE_YES);
    boot->verdict = UD_SURE_YES;
    boot->confirmed = UD_SURE_NO;
    assert_int_equal(ud_boot_allows(boot, &info), UD_SURE_NO);
    scene_deinit(&scene);
}

static void test_a_layout_comes_from_the_provisioning_file_and_must_fit_the_flash(void **state)
{
    const struct keys *keys = *state;
    struct board board;
    struct ud_layout layout;
    board_init(&board, &pair, &keys->author);
    const struct ud_flash *flash = &board.sim.flash;
    struct ud_provision provision = {
        .component_count = 1,
        .components = {{board.layout.components[0].id, {{2048, 4096}, {8192, 4096}}, 0}},
        .envelope = {{6144, 2048}, {12288, 1024}},
        .journal = {0, 2048},
        .flash_bytes = flash->size_bytes,
        .erase_size = flash->erase_size,
        .write_size = flash->write_size,
        .erased_value = flash->erased_value,
        .trial_boots = 2,
        .trial_deadline_ms = 1234,
    };
    assert_int_equal(ud_boot_layout(&layout, &provision, flash), UD_OK);
    assert_int_equal(layout.components[0].image[1].offset, 8192);
    assert_int_equal(layout.envelope[1].size, 1024);
    assert_int_equal(layout.trial_boots_max, 2);
    assert_int_equal(layout.confirm_deadline_ms, 1234);
    provision.journal.size = 4096;
    assert_int_equal(ud_boot_layout(&layout, &provision, flash), UD_ERR_CONFLICT);
    provision.write_size = 4;
    assert_int_equal(ud_boot_layout(&layout, &provision, flash), UD_ERR_CONFIG);
    board_deinit(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clean_boot_runs_the_active_slot_and_writes_nothing),
        cmocka_unit_test(test_a_trial_that_confirms_stays_and_only_then_moves_the_stored_version),
        cmocka_unit_test(test_a_trial_that_does_not_confirm_is_reverted_with_its_reason),
        cmocka_unit_test(test_a_trial_has_as_many_starts_as_the_layout_says),
        cmocka_unit_test(test_the_bootloader_refuses_by_itself_whatever_an_agent_requested),
        cmocka_unit_test(test_a_failed_condition_is_reported_with_its_place_in_the_manifest),
        cmocka_unit_test(test_every_flipped_bit_of_an_image_or_envelope_keeps_a_slot_from_running),
        cmocka_unit_test(test_a_corrupt_active_slot_gives_way_to_the_other_only_if_that_is_not_older),
        cmocka_unit_test(test_two_corrupt_slots_are_no_slot),
        cmocka_unit_test(test_flash_of_a_first_boot_is_left_as_it_is_when_nothing_verifies),
        cmocka_unit_test(test_a_lost_journal_is_begun_anew_with_the_highest_version_that_verifies),
        cmocka_unit_test(test_components_of_a_slot_run_together_or_not_at_all),
        cmocka_unit_test(test_a_manifest_that_leaves_out_a_component_of_the_device_does_not_boot),
        cmocka_unit_test(test_an_image_may_fill_its_slot_to_the_byte),
        cmocka_unit_test(test_a_trial_that_cannot_be_recorded_is_not_started),
        cmocka_unit_test(test_an_envelope_larger_than_the_memory_given_is_an_error_with_a_name),
        cmocka_unit_test(test_the_second_look_allows_only_what_was_examined),
        cmocka_unit_test(test_a_layout_comes_from_the_provisioning_file_and_must_fit_the_flash),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
