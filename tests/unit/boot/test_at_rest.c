/*
 * Images encrypted at rest (updraft/at_rest.h): what lies in flash, byte for byte, and that nothing of an image is to be read
 * where anybody can read it. That they boot, move, revert and survive power cuts: test_torture.c, test_layouts.c, test_many.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper_board.h"
#include "layout.h"

#define WINDOW 16

static const struct board_shape shapes[] = {
    {.name = "swap", .mover = &ud_move_swap},
    {.name = "overwrite", .mover = &ud_move_overwrite},
    {.name = "RAM", .mover = &ud_move_ram},
};
#define SHAPE_COUNT (sizeof shapes / sizeof shapes[0])

struct scene {
    struct board board;
    struct release five;
    struct release six;
};

static void scene_init(struct scene *scene, const struct board_shape *like, const struct ud_signer *author)
{
    struct board_shape shape = *like;
    memset(scene, 0, sizeof *scene);
    shape.erase_size = 1024;
    shape.write_size = 8;
    shape.erased_value = 0xff;
    shape.journal_sectors = 3;
    shape.component_count = 2;
    shape.trial_boots_max = 1;
    shape.has_cipher = true;
    board_init(&scene->board, &shape, author);
    scene->five = release_plain(5, 3000);
    scene->six = release_plain(6, 4000);
    scene->five.component_count = scene->six.component_count = 2;
    release_make(&scene->five, author);
    release_make(&scene->six, author);
    board_factory(&scene->board, &scene->five);
}

static void read_area(const struct ud_area *area, uint8_t *bytes, uint32_t len)
{
    assert_int_equal(area->flash->read(area->flash->ctx, area->offset, bytes, len), UD_OK);
}

/* Windows of the release's images that are found in this area, at whatever place. */
static uint32_t windows_in(const struct ud_area *area, const struct release *release)
{
    static uint8_t bytes[8192];
    uint32_t found = 0;
    assert_true(area->size <= sizeof bytes);
    read_area(area, bytes, area->size);
    for (uint32_t i = 0; i < release->component_count; i++) {
        for (uint32_t at = 0; at + WINDOW <= release->image_bytes; at += WINDOW) {
            for (uint32_t place = 0; place + WINDOW <= area->size; place++) {
                found += memcmp(bytes + place, release->image[i] + at, WINDOW) == 0;
            }
        }
    }
    return found;
}

/* Of both releases, in every area that may lie on a chip that anybody can read. */
static void assert_nothing_to_be_read(struct scene *scene)
{
    const struct ud_layout *layout = &scene->board.layout;
    for (uint8_t i = 0; i < layout->component_count; i++) {
        for (uint8_t area = layout->mover == &ud_move_ram ? 0 : 1; area < UD_SLOT_COUNT; area++) {
            assert_int_equal(windows_in(&layout->components[i].image[area], &scene->five), 0);
            assert_int_equal(windows_in(&layout->components[i].image[area], &scene->six), 0);
        }
    }
}

static void test_nothing_of_an_image_is_to_be_read_where_it_rests(void **state)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        static struct scene scene;
        scene_init(&scene, &shapes[i], *state);
        assert_nothing_to_be_read(&scene);
        assert_true(board_install(&scene.board, &scene.six));
        assert_nothing_to_be_read(&scene);
        board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, shapes[i].name);
        assert_nothing_to_be_read(&scene);
        if (shapes[i].mover != &ud_move_ram) { /* plain where it runs */
            assert_true(windows_in(&scene.board.layout.components[0].image[0], &scene.six) > 0);
        }
        if (shapes[i].mover != &ud_move_overwrite) {
            board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_UNCONFIRMED, shapes[i].name);
            assert_nothing_to_be_read(&scene);
        }
        board_deinit(&scene.board);
    }
}

/* There and back: the second time the same bytes lie at the same place, so nothing is learned from it. */
static void test_what_goes_back_is_the_same_bytes(void **state)
{
    static struct scene scene;
    static uint8_t before[8192];
    static uint8_t after[8192];
    scene_init(&scene, &shapes[0], *state);
    const struct ud_area *area = &scene.board.layout.components[1].image[1];
    assert_true(board_install(&scene.board, &scene.six));
    read_area(area, before, area->size);
    board_expect(&scene.board, &scene.six, UD_BOOT_TRIAL, UD_OK, "tried");
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_UNCONFIRMED, "reverted");
    read_area(area, after, area->size);
    assert_memory_equal(after + 1024, before + 1024, scene.six.image_bytes); /* one block further on */
    board_deinit(&scene.board);
}

static void test_an_image_of_another_secret_is_refused(void **state)
{
    static struct scene scene;
    struct ud_boot_info info;
    static const uint8_t other[UD_AT_REST_SECRET_BYTES] = {0x0d};
    scene_init(&scene, &shapes[0], *state);
    assert_true(board_install(&scene.board, &scene.six));
    scene.board.secret = UD_BYTES_ARRAY(other);
    board_expect(&scene.board, &scene.five, UD_BOOT_REVERTED, UD_ERR_IMAGE_MISMATCH, "another device's secret");
    scene.board.secret.len--; /* what runs is plain; what rests cannot be read at all */
    assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
    assert_int_equal(board_try_install(&scene.board, &scene.six), UD_ERR_KEY);
    board_deinit(&scene.board);
}

/* ---- byte for byte ---- */

/* Zeros come out as the stream itself; computed with Python's cryptography from what docs/formats.md says. */
static const struct {
    uint8_t slot;
    uint8_t component;
    uint32_t offset;
    uint8_t stream[8];
} rows[] = {
    {0, 0, 0, {0x40, 0x79, 0x41, 0x93, 0x71, 0x82, 0x61, 0x11}},
    {0, 0, 24, {0xa2, 0x76, 0x11, 0x33, 0xe7, 0xcd, 0x24, 0x48}},
    {0, 1, 4090, {0xb6, 0x99, 0x08, 0x93, 0xa1, 0xc7, 0x16, 0x0b}},
    {1, 0, 0, {0xb6, 0xaa, 0x83, 0xab, 0xeb, 0x75, 0x58, 0x14}},
    {1, 1, 4090, {0x45, 0xdd, 0x4c, 0x4a, 0xd2, 0xfe, 0xe9, 0x33}},
};

static void test_the_stream_is_the_one_that_is_written_down(void **state)
{
    (void)state;
    uint8_t secret[UD_AT_REST_SECRET_BYTES];
    struct ud_slots slots = {.state = {.install = {.open = true, .manifest_digest = {0xd}}}};
    for (uint8_t i = 0; i < sizeof secret; i++) {
        secret[i] = i;
    }
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct ud_at_rest at_rest;
        uint8_t data[8] = {0};
        slots.state.active = (uint8_t)(1 - rows[row].slot);
        ud_at_rest_init(&at_rest, &slots, UD_BYTES_ARRAY(secret));
        assert_int_equal(at_rest.cipher.apply(&at_rest, rows[row].slot, rows[row].component, rows[row].offset,
                                              data, sizeof data),
                         UD_OK);
        assert_memory_equal(data, rows[row].stream, sizeof data);
        ud_at_rest_deinit(&at_rest);
    }
}

/* In pieces of any length at any place it is the same stream. */
static void test_pieces_of_any_length_join(void **state)
{
    (void)state;
    static const uint8_t secret[UD_AT_REST_SECRET_BYTES] = {7};
    struct ud_slots slots = {.state = {.active = 1, .install = {.open = true, .manifest_digest = {1}}}};
    struct ud_at_rest at_rest;
    uint8_t whole[400] = {0};
    ud_at_rest_init(&at_rest, &slots, UD_BYTES_ARRAY(secret));
    assert_int_equal(at_rest.cipher.apply(&at_rest, 0, 3, 1000, whole, sizeof whole), UD_OK);
    for (uint32_t len = 1; len < 150; len += 7) {
        uint8_t pieces[sizeof whole] = {0};
        for (uint32_t at = 0; at < sizeof pieces; at += len) {
            const uint32_t n = sizeof pieces - at < len ? (uint32_t)sizeof pieces - at : len;
            assert_int_equal(at_rest.cipher.apply(&at_rest, 0, 3, 1000 + at, pieces + at, n), UD_OK);
        }
        assert_memory_equal(pieces, whole, sizeof whole);
    }
    ud_at_rest_deinit(&at_rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_of_an_image_is_to_be_read_where_it_rests),
        cmocka_unit_test(test_what_goes_back_is_the_same_bytes),
        cmocka_unit_test(test_an_image_of_another_secret_is_refused),
        cmocka_unit_test(test_the_stream_is_the_one_that_is_written_down),
        cmocka_unit_test(test_pieces_of_any_length_join),
    };
    return cmocka_run_group_tests(tests, release_author_setup, release_author_teardown);
}
