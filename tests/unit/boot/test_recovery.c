/* Serial recovery, message by message, over simulated flash: what it takes, what it refuses, and power that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/smp_frame.h"
#include "helper_board.h"
#include "ports/openssl/keys.h"
#include "updraft/cbor.h"

#define CHUNK 300

enum { ENVELOPE = 0, IMAGE = 1 };

static const struct board_shape plain = {.name = "4 KiB of image",
                                         .journal_sectors = 3,
                                         .erase_size = 1024,
                                         .write_size = 8,
                                         .erased_value = 0xff,
                                         .component_count = 1,
                                         .trial_boots_max = 1};

static struct ud_key_pair *pair;
static struct ud_signer author;

static int make_key(void **state)
{
    (void)state;
    return ud_key_pair_generate(&pair) != UD_OK || ud_key_pair_signer(pair, UD_ALG_ES256, &author) != UD_OK;
}

static int drop_key(void **state)
{
    (void)state;
    ud_key_pair_close(pair);
    return 0;
}

/* rc and off of an answer; rc 0 where it has none */
static uint64_t field_of(struct ud_bytes answer, const char *name, uint64_t otherwise)
{
    struct ud_cbor r;
    struct ud_bytes head;
    uint64_t found = otherwise;
    assert_true(ud_bytes_take(&answer, 8, &head));
    ud_cbor_init(&r, answer);
    for (size_t pairs = ud_cbor_map(&r); pairs > 0; pairs--) {
        const struct ud_bytes key = ud_cbor_tstr(&r);
        if (key.len == strlen(name) && memcmp(key.ptr, name, key.len) == 0) {
            found = ud_cbor_uint(&r);
        } else {
            (void)ud_cbor_skip(&r);
        }
    }
    assert_int_equal(ud_cbor_finish(&r), UD_OK);
    return found;
}

/* One piece of an upload. @return the answer, in `room` */
static struct ud_bytes send_piece(struct ud_recovery *recovery, uint64_t image, uint64_t offset,
                                  struct ud_bytes data, uint64_t whole, struct ud_buf *room)
{
    uint8_t text[UD_SMP_MESSAGE_BYTES_MAX] = {2, 0, 0, 0, 0, 1, 1, 1};
    struct ud_buf out = {text, sizeof text, 8};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &out);
    ud_cbor_put_map(&w, 4);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("off"));
    ud_cbor_put_uint(&w, offset);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("image"));
    ud_cbor_put_uint(&w, image);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("len"));
    ud_cbor_put_uint(&w, whole);
    ud_cbor_put_tstr(&w, UD_BYTES_LITERAL("data"));
    ud_cbor_put_bstr(&w, data);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    text[2] = (uint8_t)((out.len - 8) >> 8);
    text[3] = (uint8_t)(out.len - 8);
    room->len = 0;
    ud_recovery_answer(recovery, ud_buf_bytes(&out), room);
    return ud_buf_bytes(room);
}

/* @return rc of the last answer */
static uint64_t upload(struct ud_recovery *recovery, uint64_t image, struct ud_bytes data)
{
    uint8_t bytes[UD_SMP_MESSAGE_BYTES_MAX];
    struct ud_buf room = {bytes, sizeof bytes, 0};
    uint64_t at = 0;
    while (at < data.len) {
        struct ud_bytes part;
        assert_true(ud_bytes_slice(data, at, data.len - at < CHUNK ? data.len - at : CHUNK, &part));
        const struct ud_bytes answer = send_piece(recovery, image, at, part, data.len, &room);
        const uint64_t rc = field_of(answer, "rc", 0);
        if (rc != UD_SMP_OK) {
            return rc;
        }
        at = field_of(answer, "off", UINT64_MAX);
    }
    assert_int_equal(at, data.len);
    return UD_SMP_OK;
}

static struct ud_bytes envelope_of(const struct release *release)
{
    return (struct ud_bytes){release->envelope, release->envelope_bytes};
}

static struct ud_bytes image_of(const struct release *release)
{
    return (struct ud_bytes){release->image[0], release->image_bytes};
}

/* A board that runs nothing: blank, as from the factory of a chip. */
static void dead_board(struct board *board, struct ud_recovery *recovery)
{
    struct ud_boot_info info;
    board_init(board, &plain, &author);
    assert_int_equal(board_boot(board, UD_OK, &info), UD_ERR_NO_SLOT);
    ud_recovery_init(recovery, &board->boot);
}

static void test_a_blank_board_takes_its_first_image_and_then_a_newer_one_on_trial(void **state)
{
    static struct board board;
    static struct ud_recovery recovery;
    static struct release five;
    static struct release six;
    struct ud_boot_info info;
    (void)state;
    five = release_plain(5, 1500);
    six = release_plain(6, 2222);
    release_make(&five, &author);
    release_make(&six, &author);
    dead_board(&board, &recovery);
    assert_int_equal(upload(&recovery, ENVELOPE, envelope_of(&five)), UD_SMP_OK);
    assert_int_equal(upload(&recovery, IMAGE, image_of(&five)), UD_SMP_OK);
    board_expect(&board, &five, UD_BOOT_NORMAL, UD_OK, "the first");
    ud_recovery_init(&recovery, &board.boot);
    assert_int_equal(upload(&recovery, ENVELOPE, envelope_of(&six)), UD_SMP_OK);
    assert_int_equal(upload(&recovery, IMAGE, image_of(&six)), UD_SMP_OK);
    assert_int_equal(board_boot(&board, UD_OK, &info), UD_OK);
    assert_int_equal(info.reason, UD_BOOT_TRIAL);
    assert_int_equal(board_confirm(&board, info.slot), UD_OK);
    board_expect(&board, &six, UD_BOOT_NORMAL, UD_OK, "the newer one");
    ud_recovery_init(&recovery, &board.boot);
    assert_int_equal(upload(&recovery, ENVELOPE, envelope_of(&five)), UD_SMP_OK);
    assert_int_equal(upload(&recovery, IMAGE, image_of(&five)), UD_SMP_DENIED); /* genuine, older */
    board_expect(&board, &six, UD_BOOT_NORMAL, UD_OK, "after an older one");
    board_deinit(&board);
}

static void test_without_a_signed_envelope_nothing_is_taken_nor_written(void **state)
{
    static struct board board;
    static struct ud_recovery recovery;
    static struct release five;
    (void)state;
    five = release_plain(5, 1500);
    release_make(&five, &author);
    dead_board(&board, &recovery);
    const uint64_t before = board.sim.operations;
    assert_int_equal(upload(&recovery, IMAGE, image_of(&five)), UD_SMP_BAD_STATE);
    five.envelope[five.envelope_bytes - 1] ^= 1; /* of the manifest */
    assert_int_equal(upload(&recovery, ENVELOPE, envelope_of(&five)), UD_SMP_INVALID);
    assert_int_equal(upload(&recovery, IMAGE, image_of(&five)), UD_SMP_BAD_STATE);
    assert_int_equal(upload(&recovery, 2, image_of(&five)), UD_SMP_TOO_LARGE);
    assert_int_equal(board.sim.operations, before);
    board_deinit(&board);
}

static void test_a_piece_that_was_lost_or_comes_twice_is_told_where_to_go_on(void **state)
{
    static struct board board;
    static struct ud_recovery recovery;
    static struct release five;
    uint8_t bytes[UD_SMP_MESSAGE_BYTES_MAX];
    struct ud_buf room = {bytes, sizeof bytes, 0};
    (void)state;
    five = release_plain(5, 1500);
    release_make(&five, &author);
    dead_board(&board, &recovery);
    assert_int_equal(upload(&recovery, ENVELOPE, envelope_of(&five)), UD_SMP_OK);
    const struct ud_bytes image = image_of(&five);
    const struct ud_bytes start = {image.ptr, 100};
    assert_int_equal(field_of(send_piece(&recovery, IMAGE, 0, start, image.len, &room), "off", 0), 100);
    assert_int_equal(field_of(send_piece(&recovery, IMAGE, 200, start, image.len, &room), "off", 0), 100);
    assert_int_equal(field_of(send_piece(&recovery, IMAGE, 50, start, image.len, &room), "off", 0), 100);
    assert_int_equal(upload(&recovery, IMAGE, image), UD_SMP_OK);
    board_expect(&board, &five, UD_BOOT_NORMAL, UD_OK, "after it");
    board_deinit(&board);
}

static void test_power_may_fail_in_every_flash_operation_of_an_upload(void **state)
{
    static struct board board;
    static struct ud_recovery recovery;
    static struct release five;
    bool finished = false;
    (void)state;
    five = release_plain(5, 1500);
    release_make(&five, &author);
    for (uint32_t cut = 0; !finished; cut++) {
        struct ud_boot_info info;
        dead_board(&board, &recovery);
        sim_flash_cut_after(&board.sim, cut, cut % SIM_FLASH_CORNERS);
        (void)upload(&recovery, ENVELOPE, envelope_of(&five));
        finished = upload(&recovery, IMAGE, image_of(&five)) == UD_SMP_OK;
        sim_flash_power_on(&board.sim);
        const ud_err err = board_boot(&board, UD_OK, &info); /* it, or nothing yet; then again */
        assert_true(err == UD_OK || (err == UD_ERR_NO_SLOT && !finished));
        if (err != UD_OK) {
            ud_recovery_init(&recovery, &board.boot);
            assert_int_equal(upload(&recovery, ENVELOPE, envelope_of(&five)), UD_SMP_OK);
            assert_int_equal(upload(&recovery, IMAGE, image_of(&five)), UD_SMP_OK);
            assert_int_equal(board_boot(&board, UD_OK, &info), UD_OK);
        }
        board_deinit(&board);
    }
}

static void test_a_message_survives_its_lines_at_every_length(void **state)
{
    uint8_t bytes[UD_SMP_MESSAGE_BYTES_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    for (size_t len = 0; len <= UD_SMP_MESSAGE_BYTES_MAX; len++) {
        struct ud_smp_frame_state frame;
        struct ud_bytes message = {NULL, 0};
        uint32_t done = 0;
        ud_err more;
        ud_err taken = UD_WAIT;
        ud_smp_frame_init(&frame);
        do {
            uint8_t text[UD_SMP_LINE_BYTES_MAX];
            struct ud_buf line = {text, sizeof text, 0};
            more = ud_smp_frame_put((struct ud_bytes){bytes, len}, &done, &line);
            for (size_t i = 0; i < line.len; i++) {
                taken = ud_smp_frame_take(&frame, text[i], &message);
            }
        } while (more == UD_WAIT);
        assert_int_equal(more, UD_OK);
        assert_int_equal(taken, UD_OK);
        assert_int_equal(message.len, len);
        assert_memory_equal(message.ptr, bytes, len);
    }
    uint32_t done = 0;
    uint8_t text[UD_SMP_LINE_BYTES_MAX];
    struct ud_buf line = {text, sizeof text, 0};
    assert_int_equal(ud_smp_frame_put(UD_BYTES_ARRAY(bytes), &done, &line), UD_ERR_LIMIT);
}

static const struct {
    const char *name;
    const char *lines;
    ud_err want;
} bad_lines[] = {
    {"goes on with what never began", "\x04\x14QUFB\n", UD_ERR_SHAPE},
    {"no base64", "\x06\x09!!!!\n", UD_ERR_SHAPE},
    {"a wrong CRC",
     "\x06\x09"
     "AARBQkNE\n",
     UD_ERR_DIGEST},
    {"longer than it says",
     "\x06\x09"
     "AANBQkNERQ==\n",
     UD_ERR_SHAPE},
    {"too short for a CRC",
     "\x06\x09"
     "AAFB\n",
     UD_ERR_SHAPE},
    {"claims more than there is room for",
     "\x06\x09"
     "//8A\n",
     UD_ERR_LIMIT},
    {"not of this protocol", "login:\n", UD_WAIT},
    {"an empty line", "\n", UD_WAIT},
};

static void test_bad_lines_are_dropped_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_lines / sizeof bad_lines[0]; i++) {
        struct ud_smp_frame_state frame;
        struct ud_bytes message;
        ud_err err = UD_WAIT;
        print_message("  %s\n", bad_lines[i].name);
        ud_smp_frame_init(&frame);
        for (const char *at = bad_lines[i].lines; *at != '\0'; at++) {
            assert_int_equal(err, UD_WAIT);
            err = ud_smp_frame_take(&frame, (uint8_t)*at, &message);
        }
        assert_int_equal(err, bad_lines[i].want);
    }
    struct ud_smp_frame_state frame;
    struct ud_bytes message;
    ud_smp_frame_init(&frame);
    for (size_t i = 0; i < UD_SMP_LINE_BYTES_MAX + 1; i++) {
        assert_int_equal(ud_smp_frame_take(&frame, 'A', &message), UD_WAIT);
    }
    assert_int_equal(ud_smp_frame_take(&frame, '\n', &message), UD_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_blank_board_takes_its_first_image_and_then_a_newer_one_on_trial),
        cmocka_unit_test(test_without_a_signed_envelope_nothing_is_taken_nor_written),
        cmocka_unit_test(test_a_piece_that_was_lost_or_comes_twice_is_told_where_to_go_on),
        cmocka_unit_test(test_power_may_fail_in_every_flash_operation_of_an_upload),
        cmocka_unit_test(test_a_message_survives_its_lines_at_every_length),
        cmocka_unit_test(test_bad_lines_are_dropped_by_name),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
