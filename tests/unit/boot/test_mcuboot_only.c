/*
 * The bootloader for images in MCUboot's format alone (src/boot/mcuboot_only), over simulated flash. Such an image has more bytes
 * than are signed and measured: its hash and signature lie behind them. All of it must be stored, move and come back, so the
 * tests go by lengths around a sector's border, of what is signed and of all; and power fails in every flash operation.
 *
 * Linked twice: with the reader of slots that stay where they are installed, and with that of slots that may move, which
 * serves both (cmake/tests.cmake). UD_TORTURE=1 takes more lengths, and more manners of tearing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_board.h"
#include "helper_counter.h"
#include "ports/openssl/keys.h"

#define SECTOR 1024
#define HEADER_BYTES 32
#define COUNTER_BYTES 12 /* protected entries: their head, and a security counter */
#define DER_BYTES_MAX 72
/* Behind what is signed: head of the entries, hash, hash of the key, signature, and one that nobody reads for what it is shorter by. */
#define ENTRIES_BYTES (4U + 36U + 36U + 4U + DER_BYTES_MAX + 4U)
#define NEXT_SECTOR (3 * SECTOR)

static const struct board_shape shapes[] = {
#ifndef UD_TEST_SLOTS_STAY /* of where they lie no other reader knows */
    {"swap", 2, SECTOR, 4, 0xff, 1, 1, .mover = &ud_move_swap, .has_recovery = true},
    {"swap with a chip of small sectors", 2, SECTOR, 8, 0xff, 1, 1, .mover = &ud_move_swap,
     .second_erase_size = 512, .second_write_size = 1, .second_erased_value = 0xff},
    {"swap with a chip of large sectors", 2, SECTOR, 16, 0x00, 1, 1, .mover = &ud_move_swap,
     .second_erase_size = 2 * SECTOR, .second_write_size = 32, .second_erased_value = 0x00},
    {"RAM", 2, SECTOR, 4, 0xff, 1, 1, .mover = &ud_move_ram},
#endif
    {"A/B", 2, SECTOR, 32, 0xff, 1, 1, .has_recovery = true},
};
#define SHAPE_COUNT (sizeof shapes / sizeof shapes[0])

/* ---- images ---- */

static void put_le(uint8_t *at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint8_t *put_entry(uint8_t *at, uint32_t type, struct ud_bytes value)
{
    put_le(at, type, 2);
    put_le(at + 2, (uint32_t)value.len, 2);
    memcpy(at + 4, value.ptr, value.len);
    return at + 4 + value.len;
}

/* r or s as an INTEGER: no zero in front that nothing needs, one where it would be negative. */
static uint8_t *put_integer(uint8_t *at, const uint8_t number[32])
{
    size_t skip = 0;
    while (skip < 31 && number[skip] == 0) {
        skip++;
    }
    const bool negative = (number[skip] & 0x80) != 0;
    *at++ = 0x02;
    *at++ = (uint8_t)(32 - skip + negative);
    if (negative) {
        *at++ = 0;
    }
    memcpy(at, number + skip, 32 - skip);
    return at + (32 - skip);
}

static struct ud_bytes sign(const struct ud_signer *author, struct ud_bytes what, uint8_t der[DER_BYTES_MAX])
{
    uint8_t raw[UD_SIGNATURE_BYTES_MAX];
    size_t raw_bytes = 0;
    assert_int_equal(author->sign(author->ctx, author->alg, &what, 1, raw, &raw_bytes), UD_OK);
    assert_int_equal(raw_bytes, 64);
    const uint8_t *end = put_integer(put_integer(der + 2, raw), raw + 32);
    der[0] = 0x30;
    der[1] = (uint8_t)(end - der - 2);
    return (struct ud_bytes){der, (size_t)(end - der)};
}

static struct ud_bytes hash_of_key(const struct ud_signer *author, uint8_t hash[UD_SHA256_BYTES])
{
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    const struct ud_bytes parts[] = {UD_BYTES_ARRAY(head), {author->pub, UD_P256_PUBLIC_BYTES}};
    assert_int_equal(ud_sha256(parts, 2, hash), UD_OK);
    return (struct ud_bytes){hash, UD_SHA256_BYTES};
}

/* In the format, by a key whose signatures may have any length: of the image all of it has exactly total_bytes. */
static void make_image(struct release *release, uint32_t security_counter, uint32_t total_bytes,
                       const struct ud_signer *author)
{
    static const uint8_t nothing[DER_BYTES_MAX] = {0};
    uint8_t *image = release->image[0];
    uint8_t der[DER_BYTES_MAX];
    uint8_t key_hash[UD_SHA256_BYTES];
    uint8_t counter[4];
    assert_in_range(total_bytes, HEADER_BYTES + 1 + COUNTER_BYTES + ENTRIES_BYTES, RELEASE_IMAGE_BYTES_MAX);
    const uint32_t signed_bytes = total_bytes - ENTRIES_BYTES;
    const uint32_t payload_bytes = signed_bytes - HEADER_BYTES - COUNTER_BYTES;
    *release = release_plain(security_counter, total_bytes);
    memset(image, 0, HEADER_BYTES);
    put_le(image, 0x96f3b83d, 4);
    put_le(image + 8, HEADER_BYTES, 2);
    put_le(image + 10, COUNTER_BYTES, 2);
    put_le(image + 12, payload_bytes, 4);
    put_le(image + 20, security_counter, 1); /* version */
    for (uint32_t i = 0; i < payload_bytes; i++) {
        image[HEADER_BYTES + i] = (uint8_t)(i * 13 + (i >> 8) + security_counter * 101);
    }
    uint8_t *at = image + HEADER_BYTES + payload_bytes;
    put_le(at, 0x6908, 2);
    put_le(at + 2, COUNTER_BYTES, 2);
    put_le(counter, security_counter, sizeof counter);
    at = put_entry(at + 4, 0x50, UD_BYTES_ARRAY(counter));
    const struct ud_bytes all = {image, signed_bytes};
    assert_int_equal(ud_sha256(&all, 1, release->manifest_digest), UD_OK);
    const struct ud_bytes signature = sign(author, all, der);
    put_le(at, 0x6907, 2);
    put_le(at + 2, ENTRIES_BYTES, 2);
    at = put_entry(at + 4, 0x10, UD_BYTES_ARRAY(release->manifest_digest));
    at = put_entry(at, 0x01, hash_of_key(author, key_hash));
    at = put_entry(at, 0x22, signature);
    at = put_entry(at, 0xa0, (struct ud_bytes){nothing, DER_BYTES_MAX - signature.len});
    assert_int_equal(at - image, total_bytes);
}

/* ---- what runs ---- */

/* Every byte of it lies in its slot, wherever that is now, those that nobody signed among them. */
static void assert_whole(const struct board *board, uint8_t slot, const struct release *release,
                         const char *where)
{
    uint8_t bytes[RELEASE_IMAGE_BYTES_MAX];
    const ud_err err = ud_slots_read(&board->boot.slots, slot, 0, 0, bytes, release->image_bytes);
    if (err != UD_OK || memcmp(bytes, release->image[0], release->image_bytes) != 0) {
        fail_msg("%s, %u B: sequence %lu is not whole in slot %u: %s", where, release->image_bytes,
                 (unsigned long)release->sequence, slot, ud_err_name(err));
    }
}

static void expect(struct board *board, const struct release *release, ud_boot_reason reason, ud_err outcome,
                   const char *where)
{
    struct ud_boot_info info;
    const ud_err err = board_boot(board, UD_OK, &info);
    if (err != UD_OK || info.reason != reason || info.outcome != outcome ||
        info.version.sequence != release->sequence) {
        fail_msg("%s, %u B: %s, reason %d, outcome %s, sequence %lu; want reason %d, %s, %lu", where,
                 release->image_bytes, ud_err_name(err), (int)info.reason, ud_err_name(info.outcome),
                 (unsigned long)info.version.sequence, (int)reason, ud_err_name(outcome),
                 (unsigned long)release->sequence);
    }
    assert_memory_equal(info.images[0].digest, release->manifest_digest, UD_SHA256_BYTES);
    assert_int_equal(info.images[0].size_bytes, release->image_bytes - ENTRIES_BYTES);
    if (info.slot != UD_SLOT_RECOVERY && board->layout.mover != &ud_move_ram) {
        assert_whole(board, info.slot, release, where);
    }
}

static void confirm(struct board *board)
{
    assert_int_equal(board_confirm(board, ud_slots_inactive(&board->boot.slots)), UD_OK);
}

/* ---- by lengths ---- */

/* Tried and reverted, tried again and kept, and back by the next update: each image crosses twice. */
static void live(const struct board_shape *shape, const struct ud_signer *author, uint32_t first_bytes,
                 uint32_t second_bytes)
{
    static struct board board;
    static struct release five;
    static struct release six;
    static struct release seven;
    board_init(&board, shape, author);
    make_image(&five, 5, first_bytes, author);
    make_image(&six, 6, second_bytes, author);
    make_image(&seven, 7, first_bytes, author);
    board_factory(&board, &five);
    expect(&board, &five, UD_BOOT_NORMAL, UD_OK, shape->name);
    assert_true(board_install(&board, &six));
    expect(&board, &six, UD_BOOT_TRIAL, UD_OK, shape->name);
    assert_whole(&board, ud_slots_state(&board.boot.slots)->active, &five, shape->name);
    expect(&board, &five, UD_BOOT_REVERTED, UD_ERR_UNCONFIRMED, shape->name);
    assert_whole(&board, ud_slots_inactive(&board.boot.slots), &six, shape->name);
    assert_true(board_install(&board, &six));
    expect(&board, &six, UD_BOOT_TRIAL, UD_OK, shape->name);
    confirm(&board);
    expect(&board, &six, UD_BOOT_NORMAL, UD_OK, shape->name);
    assert_true(board_install(&board, &seven));
    expect(&board, &seven, UD_BOOT_TRIAL, UD_OK, shape->name);
    expect(&board, &six, UD_BOOT_REVERTED, UD_ERR_UNCONFIRMED, shape->name);
    board_deinit(&board);
}

static const uint32_t corners[] = {
    NEXT_SECTOR,
    NEXT_SECTOR + 1,
    NEXT_SECTOR + DER_BYTES_MAX + 4, /* its signature begins a sector */
    NEXT_SECTOR + ENTRIES_BYTES - 1, /* what is signed ends ... */
    NEXT_SECTOR + ENTRIES_BYTES,     /* ... with a sector */
    NEXT_SECTOR + ENTRIES_BYTES + 1,
};
#define CORNER_COUNT (sizeof corners / sizeof corners[0])

/* From where all of it ends at the border, to where nothing but entries lies behind it, and a few bytes to each side. */
static void test_images_of_every_length_around_a_border_change_places_whole(void **state)
{
    const uint32_t step = getenv("UD_TORTURE") != NULL ? 1 : 7;
    const uint32_t least = NEXT_SECTOR - 3;
    const uint32_t most = NEXT_SECTOR + ENTRIES_BYTES + COUNTER_BYTES + 3;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        for (uint32_t bytes = least; bytes <= most; bytes += step) {
            live(&shapes[i], *state, 1300, bytes);
            live(&shapes[i], *state, bytes, 2900);
        }
        for (size_t j = 0; j < CORNER_COUNT; j++) {
            live(&shapes[i], *state, corners[j], corners[j]);
        }
    }
}

#ifndef UD_TEST_SLOTS_STAY
static void test_an_image_that_replaces_another_is_copied_whole(void **state)
{
    static struct board board;
    static struct release five;
    static struct release six;
    const struct board_shape shape = {"overwrite", 2, SECTOR, 8, 0xff, 1, 1, .mover = &ud_move_overwrite};
    for (size_t i = 0; i < CORNER_COUNT; i++) {
        board_init(&board, &shape, *state);
        make_image(&five, 5, 1300, *state);
        make_image(&six, 6, corners[i], *state);
        board_factory(&board, &five);
        assert_true(board_install(&board, &six));
        expect(&board, &six, UD_BOOT_TRIAL, UD_OK, shape.name);
        confirm(&board);
        expect(&board, &six, UD_BOOT_NORMAL, UD_OK, shape.name);
        board_deinit(&board);
    }
}
#endif

static void test_an_image_of_exactly_the_capacity_runs_and_one_byte_more_is_refused(void **state)
{
    static struct board board;
    static struct release more;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct board_shape shape = shapes[i];
        live(&shape, *state, RELEASE_IMAGE_BYTES_MAX, RELEASE_IMAGE_BYTES_MAX);
        shape.image_bytes_max = 2 * SECTOR;
        live(&shape, *state, 1300, 2 * SECTOR);
        live(&shape, *state, 2 * SECTOR, 700);
        board_init(&board, &shape, *state);
        make_image(&more, 5, 1300, *state);
        board_factory(&board, &more);
        assert_int_equal(board_boot(&board, UD_OK, &board.boot.seen), UD_OK);
        assert_int_equal(ud_slots_capacity(&board.boot.slots, 0), 2 * SECTOR);
        make_image(&more, 6, 2 * SECTOR + 1, *state);
        assert_int_equal(board_try_install(&board, &more), UD_ERR_SPACE);
        board_deinit(&board);
    }
}

/* ---- power ---- */

/* Trial, revert, normal; or until power fails. @return whether it has not */
static bool boot_until_cut(struct board *board)
{
    struct ud_boot_info info;
    for (int boots = 0; boots < 3 && !sim_flash_is_off(&board->sim); boots++) {
        (void)board_boot(board, UD_OK, &info);
    }
    return !sim_flash_is_off(&board->sim);
}

/* Six is on its way, tried once, never confirmed: whatever was cut, five or six runs, whole, and in the end five. */
static void assert_ends_with_five(struct board *board, const struct release *five, const struct release *six,
                                  const char *name)
{
    struct ud_boot_info info;
    sim_flash_cut_never(&board->sim);
    sim_flash_power_on(&board->sim);
    assert_int_equal(board_boot(board, UD_OK, &info), UD_OK);
    assert_true(info.reason != UD_BOOT_RECOVERY);
    assert_true(info.version.sequence == 5 || info.version.sequence == 6);
    assert_whole(board, info.slot, info.version.sequence == 5 ? five : six, name);
    if (info.version.sequence == 6) {
        assert_int_equal(info.reason, UD_BOOT_TRIAL);
        assert_int_equal(board_boot(board, UD_OK, &info), UD_OK);
    }
    assert_int_equal(info.version.sequence, 5);
    assert_whole(board, ud_slots_inactive(&board->boot.slots), six, name);
    expect(board, five, UD_BOOT_NORMAL, UD_ERR_UNCONFIRMED, name);
}

static void ask_for_six(struct board *board, const struct board_shape *shape, struct release *five,
                        struct release *six, uint32_t first_bytes, uint32_t second_bytes,
                        const struct ud_signer *author)
{
    board_init(board, shape, author);
    make_image(five, 5, first_bytes, author);
    make_image(six, 6, second_bytes, author);
    board_factory(board, five);
    assert_true(board_install(board, six));
}

static void cut_everywhere(const struct board_shape *shape, const struct ud_signer *author,
                           uint32_t first_bytes, uint32_t second_bytes, uint32_t draws)
{
    static struct board board;
    static struct release five;
    static struct release six;
    struct sim_flash asked;
    ask_for_six(&board, shape, &five, &six, first_bytes, second_bytes, author);
    sim_flash_copy(&asked, &board.sim);
    bool finished = false;
    for (uint64_t cut = 0; !finished; cut++) {
        for (uint32_t draw = 0; draw < draws; draw++) {
            sim_flash_load(&board.sim, &asked);
            sim_flash_cut_after(&board.sim, cut, draw);
            finished = boot_until_cut(&board);
            assert_ends_with_five(&board, &five, &six, shape->name);
        }
    }
    sim_flash_deinit(&asked);
    board_deinit(&board);
}

/* And once more in what the next starts do about it. @param step  of the first cut, and as a start of the second */
static uint32_t cut_twice(const struct board_shape *shape, const struct ud_signer *author, uint32_t first_bytes,
                          uint32_t second_bytes, uint64_t step)
{
    static struct board board;
    static struct release five;
    static struct release six;
    struct sim_flash asked;
    struct sim_flash once;
    uint32_t pairs = 0;
    ask_for_six(&board, shape, &five, &six, first_bytes, second_bytes, author);
    sim_flash_copy(&asked, &board.sim);
    sim_flash_copy(&once, &board.sim);
    bool finished = false;
    for (uint64_t first = 0; !finished; first += step) {
        sim_flash_load(&board.sim, &asked);
        sim_flash_cut_after(&board.sim, first, (uint32_t)first);
        finished = boot_until_cut(&board);
        sim_flash_cut_never(&board.sim);
        sim_flash_power_on(&board.sim);
        sim_flash_load(&once, &board.sim);
        bool past = finished;
        for (uint64_t second = first % step; !past; second += step) {
            sim_flash_load(&board.sim, &once);
            sim_flash_cut_after(&board.sim, second, (uint32_t)(first + second));
            past = boot_until_cut(&board);
            assert_ends_with_five(&board, &five, &six, shape->name);
            pairs++;
        }
    }
    sim_flash_deinit(&once);
    sim_flash_deinit(&asked);
    board_deinit(&board);
    return pairs;
}

static void test_power_that_fails_while_they_change_places_leaves_both_whole(void **state)
{
    const bool is_long = getenv("UD_TORTURE") != NULL;
    const uint32_t lengths[] = {NEXT_SECTOR + 60, NEXT_SECTOR + ENTRIES_BYTES,     NEXT_SECTOR,
                                NEXT_SECTOR + 1,  NEXT_SECTOR + ENTRIES_BYTES - 1, RELEASE_IMAGE_BYTES_MAX};
    const size_t count = is_long ? sizeof lengths / sizeof lengths[0] : 1;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        for (size_t j = 0; j < count; j++) {
            cut_everywhere(&shapes[i], *state, 1300, lengths[j], is_long ? 5 : 1);
            cut_everywhere(&shapes[i], *state, lengths[j], 1300, is_long ? 5 : 1);
        }
    }
}

/* UD_TORTURE=1: every pair; else of every seventh operation. */
static void test_power_that_fails_twice_leaves_both_whole(void **state)
{
    const uint64_t step = getenv("UD_TORTURE") != NULL ? 1 : 7;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        const uint32_t pairs = cut_twice(&shapes[i], *state, 1300, NEXT_SECTOR + 60, step);
        print_message("%s: %u pairs of cuts\n", shapes[i].name, pairs);
        assert_true(pairs > 0);
    }
}

/* ---- what is damaged ---- */

/* A signature behind the border is part of an image: one bit of it, and nothing of that image runs. */
static void test_a_bit_of_what_lies_behind_the_border_is_noticed(void **state)
{
    static struct board board;
    static struct release five;
    static struct release six;
    struct ud_boot_info info;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        board_init(&board, &shapes[i], *state);
        make_image(&five, 5, 1300, *state);
        make_image(&six, 6, NEXT_SECTOR + 60, *state);
        board_factory(&board, &five);
        six.image[0][NEXT_SECTOR + 8] ^= 1; /* of its signature */
        assert_true(board_install(&board, &six));
        assert_int_equal(board_boot(&board, UD_OK, &info), UD_OK);
        assert_int_equal(info.reason, UD_BOOT_REVERTED);
        assert_int_equal(info.outcome, UD_ERR_SIGNATURE);
        assert_int_equal(info.version.sequence, 5);
        board_deinit(&board);
    }
}

/* ---- the recovery image, and the counter of the hardware ---- */

static void ruin(struct board *board, uint8_t slot)
{
    const struct ud_area *area = &board->layout.components[0].image[slot];
    for (uint32_t at = 0; at < area->size; at += area->flash->erase_size) {
        assert_int_equal(area->flash->erase(area->flash->ctx, area->offset + at), UD_OK);
    }
}

/* It is older than any release, and as large as its area. */
static void test_the_recovery_image_runs_when_no_slot_is_valid(void **state)
{
    static struct board board;
    static struct release rescue;
    static struct release five;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        if (shapes[i].has_recovery) {
            board_init(&board, &shapes[i], *state);
            make_image(&rescue, 1, RELEASE_IMAGE_BYTES_MAX, *state);
            board_put_recovery(&board, &rescue);
            make_image(&five, 5, 1300, *state);
            board_factory(&board, &five);
            expect(&board, &five, UD_BOOT_NORMAL, UD_OK, shapes[i].name);
            ruin(&board, 0);
            ruin(&board, 1);
            expect(&board, &rescue, UD_BOOT_RECOVERY, UD_ERR_IMAGE_FORMAT, shapes[i].name);
            board_deinit(&board);
        }
    }
}

static void test_without_a_recovery_image_none_is_examined(void **state)
{
    static struct board board;
    static struct release five;
    struct ud_boot_info info;
    struct board_shape shape = shapes[SHAPE_COUNT - 1];
    shape.has_recovery = false;
    board_init(&board, &shape, *state);
    make_image(&five, 5, 1300, *state);
    board_factory(&board, &five);
    expect(&board, &five, UD_BOOT_NORMAL, UD_OK, shape.name);
    assert_int_equal(ud_boot_verify(&board.boot, UD_SLOT_RECOVERY, &info), UD_ERR_RANGE);
    ruin(&board, 0);
    assert_int_equal(board_boot(&board, UD_OK, &info), UD_ERR_NO_SLOT);
    board_deinit(&board);
}

/* An old copy of the whole flash: its journal knows nothing of six, the counter does. */
static void test_d7_the_counter_keeps_out_what_an_old_flash_would_start(void **state)
{
    static struct board board;
    static struct release five;
    static struct release six;
    struct counter counter;
    struct sim_flash old;
    struct ud_boot_info info;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        struct board_shape shape = shapes[i];
        shape.has_recovery = false;
        board_init(&board, &shape, *state);
        counter_init(&counter, &board.sim);
        board.counter = &counter.port;
        make_image(&five, 5, 1300, *state);
        make_image(&six, 6, 1300, *state);
        board_factory(&board, &five);
        expect(&board, &five, UD_BOOT_NORMAL, UD_OK, shape.name);
        assert_int_equal(counter.value.sequence, 5);
        sim_flash_copy(&old, &board.sim);
        assert_true(board_install(&board, &six));
        expect(&board, &six, UD_BOOT_TRIAL, UD_OK, shape.name);
        assert_int_equal(counter.value.sequence, 5);
        confirm(&board);
        expect(&board, &six, UD_BOOT_NORMAL, UD_OK, shape.name);
        assert_int_equal(counter.value.sequence, 6);
        sim_flash_load(&board.sim, &old);
        assert_int_equal(board_boot(&board, UD_OK, &info), UD_ERR_NO_SLOT);
        assert_int_equal(info.outcome, UD_ERR_STALE);
        sim_flash_deinit(&old);
        board_deinit(&board);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_of_every_length_around_a_border_change_places_whole),
#ifndef UD_TEST_SLOTS_STAY
        cmocka_unit_test(test_an_image_that_replaces_another_is_copied_whole),
#endif
        cmocka_unit_test(test_an_image_of_exactly_the_capacity_runs_and_one_byte_more_is_refused),
        cmocka_unit_test(test_power_that_fails_while_they_change_places_leaves_both_whole),
        cmocka_unit_test(test_power_that_fails_twice_leaves_both_whole),
        cmocka_unit_test(test_a_bit_of_what_lies_behind_the_border_is_noticed),
        cmocka_unit_test(test_the_recovery_image_runs_when_no_slot_is_valid),
        cmocka_unit_test(test_without_a_recovery_image_none_is_examined),
        cmocka_unit_test(test_d7_the_counter_keeps_out_what_an_old_flash_would_start),
    };
    return cmocka_run_group_tests(tests, release_author_setup, release_author_teardown);
}
