#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device/boot_info.h"

static struct ud_boot_info full_info(void)
{
    struct ud_boot_info info = {
        .slot = 1,
        .reason = UD_BOOT_REVERTED,
        .outcome = UD_ERR_CRASHED,
        .version = {UINT32_MAX, UINT64_MAX},
        .image_count = UD_COMPONENTS_MAX,
        .boot_count = UINT32_MAX,
        .confirm_deadline_ms = 30000,
        .record = {.section = UD_SUIT_INSTALL, .offset_bytes = 7, .component = 2, .command = -3},
        .counter_err = UD_ERR_ROLLBACK_COUNTER,
    };
    memset(info.attempted_digest, 0xa1, sizeof info.attempted_digest);
    memset(info.manifest_digest, 0xa2, sizeof info.manifest_digest);
    for (uint8_t i = 0; i < info.image_count; i++) {
        memset(info.images[i].digest, i, sizeof info.images[i].digest);
        info.images[i].size_bytes = UINT32_MAX - i;
    }
    return info;
}

static size_t write_full(uint8_t room[UD_BOOT_INFO_BYTES_MAX])
{
    const struct ud_boot_info info = full_info();
    struct ud_buf out = {room, UD_BOOT_INFO_BYTES_MAX, 0};
    assert_int_equal(ud_boot_info_write(&out, &info), UD_OK);
    return out.len;
}

static void test_what_the_bootloader_wrote_is_what_the_image_reads(void **state)
{
    (void)state;
    const struct ud_boot_info want = full_info();
    struct ud_boot_info got = {0};
    uint8_t room[UD_BOOT_INFO_BYTES_MAX];
    const size_t len = write_full(room);
    assert_int_equal(ud_boot_info_parse(&got, (struct ud_bytes){room, len}), UD_OK);
    assert_int_equal(got.slot, want.slot);
    assert_int_equal(got.reason, want.reason);
    assert_int_equal(got.outcome, want.outcome);
    assert_memory_equal(got.attempted_digest, want.attempted_digest, UD_DIGEST_BYTES);
    assert_memory_equal(got.manifest_digest, want.manifest_digest, UD_DIGEST_BYTES);
    assert_int_equal(got.version.epoch, want.version.epoch);
    assert_true(got.version.sequence == want.version.sequence);
    assert_int_equal(got.image_count, want.image_count);
    assert_memory_equal(got.images, want.images, sizeof want.images);
    assert_int_equal(got.boot_count, want.boot_count);
    assert_int_equal(got.confirm_deadline_ms, want.confirm_deadline_ms);
    assert_int_equal(got.record.section, want.record.section);
    assert_int_equal(got.record.offset_bytes, want.record.offset_bytes);
    assert_int_equal(got.record.component, want.record.component);
    assert_true(got.record.command == want.record.command);
    assert_int_equal(got.counter_err, want.counter_err);
}

/* The map's head and the version are one byte each: rewrite them, cut the last pair. */
static void test_what_an_older_or_a_newer_bootloader_wrote_is_read_as_far_as_it_is_known(void **state)
{
    (void)state;
    static const uint8_t last[] = {0x0c, 0x18, 0x84};
    static const uint8_t unknown[] = {0x0d, 0x82, 0x01, 0xa0};
    uint8_t room[UD_BOOT_INFO_BYTES_MAX + sizeof unknown];
    struct ud_boot_info got = {0};
    const size_t len = write_full(room);
    const size_t old_len = len - sizeof last;
    assert_memory_equal(room + old_len, last, sizeof last);
    memcpy(room + len, unknown, sizeof unknown);
    room[0] = 0xad; /* thirteen pairs */
    assert_int_equal(ud_boot_info_parse(&got, (struct ud_bytes){room, len + sizeof unknown}), UD_OK);
    assert_int_equal(got.counter_err, UD_ERR_ROLLBACK_COUNTER);
    room[len] = 0x0c; /* the same key again */
    assert_int_equal(ud_boot_info_parse(&got, (struct ud_bytes){room, len + sizeof unknown}), UD_ERR_SHAPE);
    room[0] = 0xab;
    room[2] = 1;
    assert_int_equal(ud_boot_info_parse(&got, (struct ud_bytes){room, old_len}), UD_OK);
    assert_int_equal(got.counter_err, UD_OK);
    room[4] = UD_SLOT_RECOVERY;
    assert_int_equal(ud_boot_info_parse(&got, (struct ud_bytes){room, old_len}), UD_ERR_NUMBER_RANGE);
}

static void test_a_cut_or_longer_message_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    uint8_t room[UD_BOOT_INFO_BYTES_MAX] = {0};
    struct ud_boot_info got = {.slot = 1};
    const size_t len = write_full(room);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_not_equal(ud_boot_info_parse(&got, (struct ud_bytes){room, cut}), UD_OK);
    }
    assert_int_equal(ud_boot_info_parse(&got, (struct ud_bytes){room, len + 1}), UD_ERR_TRAILING);
    assert_int_equal(got.slot, 1);
    assert_int_equal(got.image_count, 0);
}

static const struct {
    const char *name;
    size_t offset; /* of the byte that is changed */
    uint8_t value;
    ud_err want;
} changes[] = {
    {"a map of another size", 0, 0xaa, UD_ERR_SHAPE},  {"a later version", 2, 0x03, UD_ERR_VERSION},
    {"a fourth slot", 4, 0x03, UD_ERR_NUMBER_RANGE},   {"an unknown boot reason", 6, 0x06, UD_ERR_NUMBER_RANGE},
    {"a key out of its place", 3, 0x03, UD_ERR_SHAPE},
};

static void test_a_message_of_another_shape_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t room[UD_BOOT_INFO_BYTES_MAX];
        struct ud_boot_info got = {0};
        const size_t len = write_full(room);
        room[changes[i].offset] = changes[i].value;
        const ud_err err = ud_boot_info_parse(&got, (struct ud_bytes){room, len});
        if (err != changes[i].want) {
            fail_msg("%s: %s", changes[i].name, ud_err_name(err));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_bootloader_wrote_is_what_the_image_reads),
        cmocka_unit_test(test_what_an_older_or_a_newer_bootloader_wrote_is_read_as_far_as_it_is_known),
        cmocka_unit_test(test_a_cut_or_longer_message_is_refused_and_changes_nothing),
        cmocka_unit_test(test_a_message_of_another_shape_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
