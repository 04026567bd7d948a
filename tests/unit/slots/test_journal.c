/* The journal alone: every put and every mount is cut at every flash operation, in many manners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/crc32.h"
#include "flash.h"
#include "hex.h"
#include "slots/area.h"
#include "slots/record.h"
#include "updraft/journal.h"

static const struct geometry {
    const char *name;
    uint32_t sectors;
    uint32_t erase_size;
    uint32_t write_size;
    uint8_t erased_value;
} geometries[] = {
    {"two sectors, byte writes", 2, 1024, 1, 0xff},
    {"two sectors, 8-byte writes", 2, 1024, 8, 0xff},
    {"two sectors of four records", 2, 1024, 32, 0xff},
    {"three sectors, erased to zero", 3, 1024, 16, 0x00},
    {"four sectors, 4-byte writes", 4, 1024, 4, 0xff},
    {"two sectors, 32-byte writes, erased to zero", 2, 2048, 32, 0x00},
};
#define GEOMETRY_COUNT (sizeof geometries / sizeof geometries[0])

static bool long_form(void)
{
    return getenv("UD_TORTURE") != NULL;
}

static uint32_t draw_count(void)
{
    return long_form() ? 24 : 6;
}

static struct ud_area make_area(struct sim_flash *sim, const struct geometry *geometry)
{
    const uint32_t size = geometry->sectors * geometry->erase_size;
    sim_flash_init(sim, size, geometry->erase_size, geometry->write_size, geometry->erased_value);
    return (struct ud_area){&sim->flash, 0, size};
}

/* States differ in every field, and the number tells which one it is. */
static struct ud_slots_state numbered(uint64_t number)
{
    struct ud_slots_state state = {
        .active = (uint8_t)(number & 1),
        .trial = (ud_trial)(number % 3),
        .attempts = (uint8_t)number,
        .blank = (number & 2) != 0,
        .trust_weak = {(number & 8) != 0, (number & 2) != 0},
        .stored = {(uint32_t)number + 1, number * 3},
        .trial_version = {(uint32_t)number + 2, number * 5},
        .outcome = UD_ERR_UNCONFIRMED,
        .install = {.open = (number & 4) != 0, .done_bytes = {(uint32_t)number * 7}},
        .action = {.open = (number & 1) != 0, .id = (uint32_t)number, .flags = (uint32_t)number + 9},
        .boot_count = (uint32_t)number + 3,
        .report_counter = number,
    };
    memset(state.attempted, (int)(number & 0xff), sizeof state.attempted);
    memset(state.install.manifest_digest, (int)((number + 1) & 0xff), UD_DIGEST_BYTES);
    memset(state.action.nonce, (int)((number + 2) & 0xff), UD_NONCE_BYTES);
    memset(state.action.manifest_digest, (int)((number + 3) & 0xff), UD_DIGEST_BYTES);
    return state;
}

static void assert_is_numbered(const struct ud_slots_state *state, uint64_t number)
{
    const struct ud_slots_state want = numbered(number);
    assert_int_equal(state->active, want.active);
    assert_int_equal(state->trial, want.trial);
    assert_int_equal(state->attempts, want.attempts);
    assert_int_equal(state->blank, want.blank);
    assert_memory_equal(state->trust_weak, want.trust_weak, sizeof want.trust_weak);
    assert_int_equal(state->stored.epoch, want.stored.epoch);
    assert_int_equal(state->stored.sequence, want.stored.sequence);
    assert_int_equal(state->trial_version.epoch, want.trial_version.epoch);
    assert_int_equal(state->trial_version.sequence, want.trial_version.sequence);
    assert_int_equal(state->outcome, want.outcome);
    assert_memory_equal(state->attempted, want.attempted, UD_DIGEST_BYTES);
    assert_int_equal(state->install.open, want.install.open);
    assert_memory_equal(state->install.manifest_digest, want.install.manifest_digest, UD_DIGEST_BYTES);
    assert_memory_equal(state->install.done_bytes, want.install.done_bytes, sizeof want.install.done_bytes);
    assert_int_equal(state->action.open, want.action.open);
    assert_int_equal(state->action.id, want.action.id);
    assert_memory_equal(state->action.nonce, want.action.nonce, UD_NONCE_BYTES);
    assert_memory_equal(state->action.manifest_digest, want.action.manifest_digest, UD_DIGEST_BYTES);
    assert_int_equal(state->action.flags, want.action.flags);
    assert_int_equal(state->boot_count, want.boot_count);
    assert_int_equal(state->report_counter, want.report_counter);
}

/* A journal with states 0..count-1 put in it, unharmed. */
static void make_journal(struct sim_flash *sim, const struct geometry *geometry, uint64_t count)
{
    struct ud_journal journal;
    const struct ud_area area = make_area(sim, geometry);
    struct ud_slots_state state = numbered(0);
    assert_int_equal(ud_journal_format(&journal, &area, &state), UD_OK);
    for (uint64_t number = 1; number < count; number++) {
        state = numbered(number);
        assert_int_equal(ud_journal_put(&journal, &state), UD_OK);
    }
}

static struct ud_area area_of(struct sim_flash *sim)
{
    return (struct ud_area){&sim->flash, 0, sim->flash.size_bytes};
}

/* The bytes come from docs/formats.md section 11 by another program than ours. */
static void test_a_record_is_byte_for_byte_what_the_format_says(void **unused)
{
    static const char *const want_hex =
        "55444a5201bc0000 09000000 01010104 02000000 0300000000000000 03000000 0500000000000000 45000000"
        "0101010101010101010101010101010101010101010101010101010101010101"
        "0202020202020202020202020202020202020202020202020202020202020202"
        "07000000 00000000 00000000 00000000 01000000 03030303030303030303030303030303"
        "0404040404040404040404040404040404040404040404040404040404040404"
        "0a000000 04000000 0100000000000000 abc7a29c ffffffff";
    uint8_t want[UD_JOURNAL_RECORD_BYTES_MAX];
    uint8_t made[UD_JOURNAL_RECORD_BYTES_MAX];
    const struct ud_flash flash = {.write_size = 8, .erased_value = 0xff};
    const struct ud_record_shape shape = ud_record_shape(&flash);
    const struct ud_slots_state state = numbered(1);
    struct ud_slots_state read;
    struct ud_record record;
    (void)unused;
    const struct ud_bytes bytes = hex_decode(want_hex, want, sizeof want);
    assert_int_equal(ud_record_encode(&shape, 9, &state, made), bytes.len);
    assert_memory_equal(made, bytes.ptr, bytes.len);
    memset(made + bytes.len, 0x00, 8); /* the seal */
    ud_record_decode(&record, &read, &shape, made);
    assert_int_equal(record.kind, UD_RECORD_VALID);
    assert_true(record.sealed);
    assert_int_equal(record.generation, 9);
    assert_is_numbered(&read, 1);
    struct ud_slots_state noted = state; /* byte 7 of the body: an action is open (4), and the notes */
    noted.trust_weak[0] = true;
    (void)ud_record_encode(&shape, 9, &noted, made);
    assert_int_equal(made[UD_RECORD_HEAD_BYTES + 7], 4 | 16);
    noted.trust_weak[1] = true;
    (void)ud_record_encode(&shape, 9, &noted, made);
    assert_int_equal(made[UD_RECORD_HEAD_BYTES + 7], 4 | 16 | 32);
}

static void test_every_field_survives_rotation_through_all_sectors(void **unused)
{
    (void)unused;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        for (uint64_t count = 1; count < 40; count++) {
            struct sim_flash sim;
            struct ud_journal journal;
            struct ud_slots_state state;
            make_journal(&sim, &geometries[g], count);
            const struct ud_area area = area_of(&sim);
            sim.operations = 0;
            assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
            assert_is_numbered(&state, count - 1);
            assert_int_equal(sim.operations, 0); /* a clean mount writes nothing */
            assert_int_equal(sim.violations, 0);
            sim_flash_deinit(&sim);
        }
    }
}

/*
 * After a cut: the old or the new state, and the same one however weak bits read from now on; and it goes on
 * from there.
 */
static void assert_settles(struct sim_flash *sim, uint64_t old)
{
    const struct ud_area area = area_of(sim);
    struct ud_journal journal;
    struct ud_slots_state state;
    sim_flash_cut_never(sim);
    sim_flash_power_on(sim);
    assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
    const uint64_t chosen = state.report_counter;
    assert_true(chosen == old || chosen == old + 1);
    assert_is_numbered(&state, chosen);
    for (int cycle = 0; cycle < 4; cycle++) {
        sim_flash_power_on(sim);
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
        assert_is_numbered(&state, chosen);
    }
    state = numbered(chosen + 1);
    assert_int_equal(ud_journal_put(&journal, &state), UD_OK);
    sim_flash_power_on(sim);
    assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
    assert_is_numbered(&state, chosen + 1);
    assert_int_equal(sim->violations, 0);
}

/* Mount and put state `number`. @return false when power failed on the way */
static bool mount_and_put(struct sim_flash *sim, uint64_t number)
{
    const struct ud_area area = area_of(sim);
    struct ud_journal journal;
    struct ud_slots_state state;
    if (ud_journal_mount(&journal, &area, &state) == UD_OK) {
        state = numbered(number);
        const ud_err err = ud_journal_put(&journal, &state);
        assert_true(err == UD_OK || sim_flash_is_off(sim));
    }
    return !sim_flash_is_off(sim);
}

static uint32_t cut_put_everywhere(const struct sim_flash *before, uint64_t count, uint32_t draw)
{
    uint32_t visited = 0;
    struct sim_flash sim;
    sim_flash_copy(&sim, before);
    for (uint64_t cut = 0;; cut++) {
        sim_flash_load(&sim, before);
        sim_flash_seed(&sim, cut * 1000 + draw);
        sim_flash_cut_after(&sim, cut, draw);
        if (mount_and_put(&sim, count)) {
            break;
        }
        visited++;
        assert_settles(&sim, count - 1);
    }
    sim_flash_deinit(&sim);
    return visited;
}

static void test_a_cut_in_a_put_leaves_the_old_or_the_new_state_for_good(void **unused)
{
    uint32_t visited = 0;
    (void)unused;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        for (uint64_t count = 1; count < 20; count++) {
            struct sim_flash before;
            make_journal(&before, &geometries[g], count);
            for (uint32_t draw = 0; draw < draw_count(); draw++) {
                visited += cut_put_everywhere(&before, count, draw);
            }
            sim_flash_deinit(&before);
        }
    }
    print_message("          %u cuts\n", visited);
    assert_true(visited > 1000);
}

/* Power fails `cuts` times in a row, each time at a place of its own, then stays. */
static void cut_again_and_again(struct sim_flash *sim, uint64_t number, uint32_t cuts, uint64_t seed)
{
    for (uint32_t i = 0; i < cuts; i++) {
        const uint64_t shuffled = (seed + i) * 2654435761u;
        sim_flash_cut_after(sim, (shuffled >> 8) % 4, (uint32_t)(shuffled >> 16) % 7);
        if (mount_and_put(sim, number)) {
            return; /* got through between two cuts; mounts before it may have settled on the old state */
        }
        sim_flash_power_on(sim);
    }
}

static void test_cuts_during_the_recovery_change_nothing(void **unused)
{
    const uint64_t rounds = long_form() ? 20000 : 600;
    (void)unused;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        for (uint64_t seed = 0; seed < rounds; seed++) {
            struct sim_flash sim;
            const uint64_t count = 1 + seed % 17;
            make_journal(&sim, &geometries[g], count);
            sim_flash_seed(&sim, seed);
            sim.flicker = seed % 4 == 3;
            cut_again_and_again(&sim, count, 2 + (uint32_t)(seed % 3), seed);
            assert_settles(&sim, count - 1);
            sim_flash_deinit(&sim);
        }
    }
}

static void test_garbage_is_no_journal_and_formatting_makes_one(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_flash sim;
        struct ud_journal journal;
        struct ud_slots_state state = numbered(7);
        const struct ud_area area = make_area(&sim, &geometries[seed % GEOMETRY_COUNT]);
        sim_flash_seed(&sim, seed);
        sim_flash_garbage(&sim);
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_ERR_JOURNAL);
        assert_is_numbered(&state, 7); /* untouched */
        assert_int_equal(ud_journal_format(&journal, &area, &state), UD_OK);
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
        assert_is_numbered(&state, 7);
        assert_int_equal(sim.violations, 0);
        sim_flash_deinit(&sim);
    }
}

static void test_an_erased_area_is_no_journal(void **unused)
{
    struct sim_flash sim;
    struct ud_journal journal;
    struct ud_slots_state state;
    (void)unused;
    const struct ud_area area = make_area(&sim, &geometries[0]);
    assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_ERR_JOURNAL);
    sim_flash_deinit(&sim);
}

static void test_a_flipped_bit_anywhere_gives_a_state_that_was_written(void **unused)
{
    struct sim_flash before;
    struct sim_flash sim;
    (void)unused;
    make_journal(&before, &geometries[1], 7); /* four in the first sector, three in the second */
    sim_flash_copy(&sim, &before);
    for (uint32_t bit = 0; bit < before.flash.size_bytes * 8; bit++) {
        const struct ud_area area = area_of(&sim);
        struct ud_journal journal;
        struct ud_slots_state state;
        sim_flash_load(&sim, &before);
        sim_flash_flip(&sim, bit / 8, (uint8_t)(bit % 8));
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
        assert_true(state.report_counter == 5 || state.report_counter == 6);
        assert_is_numbered(&state, state.report_counter);
    }
    sim_flash_deinit(&sim);
    sim_flash_deinit(&before);
}

static void test_worn_places_are_passed_over(void **unused)
{
    (void)unused;
    for (uint32_t address = 0; address < 2048; address += 8) {
        struct sim_flash sim;
        struct ud_journal journal;
        struct ud_slots_state state = numbered(0);
        const struct ud_area area = make_area(&sim, &geometries[1]);
        sim_flash_stick(&sim, address);
        assert_int_equal(ud_journal_format(&journal, &area, &state), UD_OK);
        for (uint64_t number = 1; number < 20; number++) {
            state = numbered(number);
            assert_int_equal(ud_journal_put(&journal, &state), UD_OK);
            assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
            assert_is_numbered(&state, number);
        }
        assert_int_equal(sim.violations, 0);
        sim_flash_deinit(&sim);
    }
}

static ud_err refuse_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    (void)ctx;
    (void)address;
    (void)data;
    (void)len;
    return UD_ERR_FLASH;
}

static void test_a_journal_that_cannot_be_written_still_mounts_and_says_so(void **unused)
{
    struct sim_flash sim;
    struct ud_journal journal;
    struct ud_slots_state state;
    (void)unused;
    make_journal(&sim, &geometries[1], 6);
    const struct ud_area area = area_of(&sim);
    sim.flash.program = refuse_program;
    assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
    assert_is_numbered(&state, 5);
    state = numbered(6);
    assert_int_equal(ud_journal_put(&journal, &state), UD_ERR_FLASH);
    assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
    assert_is_numbered(&state, 5);
    sim_flash_deinit(&sim);
}

/* A record of version 2, whole: this program must not decide from an older one behind its back. */
static void test_a_record_of_a_later_version_stops_the_mount(void **unused)
{
    struct sim_flash sim;
    struct ud_journal journal;
    struct ud_slots_state state;
    uint8_t record[16] = {'U', 'D', 'J', 'R', 2, 8, 0, 0, 9, 0, 0, 0};
    (void)unused;
    const struct ud_area area = make_area(&sim, &geometries[0]);
    const uint32_t crc = ud_crc32((struct ud_bytes){record, 12});
    for (size_t i = 0; i < 4; i++) {
        record[12 + i] = (uint8_t)(crc >> (8 * i));
    }
    assert_int_equal(ud_area_program(&area, 0, record, sizeof record), UD_OK);
    assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_ERR_VERSION);
    sim_flash_deinit(&sim);
}

/* A whole record without a seal. */
static void put_raw(const struct ud_area *area, uint32_t offset, uint32_t generation,
                    const struct ud_slots_state *state)
{
    uint8_t bytes[UD_JOURNAL_RECORD_BYTES_MAX];
    const struct ud_record_shape shape = ud_record_shape(area->flash);
    const uint32_t len = ud_record_encode(&shape, generation, state, bytes);
    assert_int_equal(ud_area_program(area, offset, bytes, len), UD_OK);
}

static void put_raw_sealed(const struct ud_area *area, uint32_t offset, uint32_t generation,
                           const struct ud_slots_state *state)
{
    uint8_t seal[UD_FLASH_WRITE_SIZE_MAX];
    const struct ud_record_shape shape = ud_record_shape(area->flash);
    memset(seal, (uint8_t)~shape.erased_value, sizeof seal);
    put_raw(area, offset, generation, state);
    assert_int_equal(
        ud_area_program(area, offset + shape.head_bytes + shape.body_bytes, seal, shape.seal_bytes), UD_OK);
}

/*
 * Sector 0 holds a sealed record, the last place of the last sector a newer one without a seal: it cannot be
 * copied within its sector. It may be doubtful, so the sealed one must survive until there is a copy.
 */
static struct ud_area make_last_place_unsealed(struct sim_flash *sim, const struct geometry *geometry,
                                               uint32_t *unsealed_at)
{
    const struct ud_area area = make_area(sim, geometry);
    const struct ud_record_shape shape = ud_record_shape(area.flash);
    const uint32_t places = geometry->erase_size / ud_record_bytes(&shape);
    const struct ud_slots_state old = numbered(4);
    const struct ud_slots_state doubtful = numbered(5);
    *unsealed_at = (geometry->sectors - 1) * geometry->erase_size + (places - 1) * ud_record_bytes(&shape);
    put_raw_sealed(&area, 0, 5, &old);
    put_raw(&area, *unsealed_at, 6, &doubtful);
    return area;
}

static void test_the_sealed_record_outlives_the_copying_of_a_doubtful_one(void **unused)
{
    (void)unused;
    for (uint64_t cut = 0; cut < 3; cut++) { /* erase, record, seal */
        struct sim_flash sim;
        struct ud_journal journal;
        struct ud_slots_state state;
        uint32_t unsealed_at = 0;
        const struct ud_area area = make_last_place_unsealed(&sim, &geometries[3], &unsealed_at);
        sim_flash_cut_after(&sim, cut, 1);
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
        assert_is_numbered(&state, 5);
        assert_true(sim_flash_is_off(&sim));
        sim_flash_power_on(&sim);
        sim_flash_flip(&sim, unsealed_at + 40, 1); /* the doubtful one reads otherwise now */
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
        assert_true(state.report_counter == 4 || (cut > 0 && state.report_counter == 5));
        sim_flash_deinit(&sim);
    }
}

static void
test_with_two_sectors_a_doubtful_record_that_cannot_be_copied_gives_way_to_the_sealed_one(void **unused)
{
    struct sim_flash sim;
    struct ud_journal journal;
    struct ud_slots_state state;
    uint32_t unsealed_at = 0;
    (void)unused;
    const struct ud_area area = make_last_place_unsealed(&sim, &geometries[1], &unsealed_at);
    for (int cycle = 0; cycle < 3; cycle++) {
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_OK);
        assert_is_numbered(&state, 4);
    }
    sim_flash_deinit(&sim);
}

static void test_values_that_make_no_sense_are_no_record_although_the_crc_is_right(void **unused)
{
    struct ud_slots_state bad[4];
    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        bad[i] = numbered(3);
    }
    bad[0].active = 2;
    bad[1].trial = (ud_trial)3;
    bad[2].outcome = (ud_err)5;
    for (size_t i = 0; i < 4; i++) {
        struct sim_flash sim;
        struct ud_journal journal;
        struct ud_slots_state state;
        const struct ud_area area = make_area(&sim, &geometries[0]);
        put_raw(&area, 0, i == 3 ? UD_RECORD_GENERATION_MAX + 1 : 1, &bad[i]);
        assert_int_equal(ud_journal_mount(&journal, &area, &state), UD_ERR_JOURNAL);
        sim_flash_deinit(&sim);
    }
}

static void test_an_area_outside_the_limits_is_refused(void **unused)
{
    static const struct {
        const char *name;
        struct ud_area area; /* flash filled in below */
        uint32_t erase_size;
        uint32_t write_size;
        uint8_t erased_value;
        ud_err want;
    } rows[] = {
        {"two sectors", {NULL, 0, 2048}, 1024, 8, 0xff, UD_OK},
        {"one sector", {NULL, 0, 1024}, 1024, 8, 0xff, UD_ERR_LIMIT},
        {"no sector", {NULL, 0, 0}, 1024, 8, 0xff, UD_ERR_LIMIT},
        {"half a sector more", {NULL, 0, 2560}, 1024, 8, 0xff, UD_ERR_LIMIT},
        {"offset inside a sector", {NULL, 512, 2048}, 1024, 8, 0xff, UD_ERR_LIMIT},
        {"past the end", {NULL, 3072, 2048}, 1024, 8, 0xff, UD_ERR_LIMIT},
        {"offset past the end", {NULL, 8192, 2048}, 1024, 8, 0xff, UD_ERR_LIMIT},
        {"length wraps", {NULL, 2048, 0xfffffc00u}, 1024, 8, 0xff, UD_ERR_LIMIT},
        {"sector of two records", {NULL, 0, 2048}, 512, 8, 0xff, UD_ERR_LIMIT},
        {"unit of 64 bytes", {NULL, 0, 2048}, 1024, 64, 0xff, UD_ERR_LIMIT},
        {"unit not a power of two", {NULL, 0, 2048}, 1024, 12, 0xff, UD_ERR_LIMIT},
        {"unit of zero", {NULL, 0, 2048}, 1024, 0, 0xff, UD_ERR_LIMIT},
        {"sector of zero", {NULL, 0, 2048}, 0, 8, 0xff, UD_ERR_LIMIT},
        {"erased to something else", {NULL, 0, 2048}, 1024, 8, 0x55, UD_ERR_LIMIT},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_flash sim;
        struct ud_area area = rows[i].area;
        sim_flash_init(&sim, 4096, 1024, 8, 0xff);
        sim.flash.erase_size = rows[i].erase_size;
        sim.flash.write_size = rows[i].write_size;
        sim.flash.erased_value = rows[i].erased_value;
        area.flash = &sim.flash;
        if (ud_journal_check(&area) != rows[i].want) {
            fail_msg("%s: not %s", rows[i].name, ud_err_name(rows[i].want));
        }
        sim_flash_deinit(&sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_is_byte_for_byte_what_the_format_says),
        cmocka_unit_test(test_every_field_survives_rotation_through_all_sectors),
        cmocka_unit_test(test_a_cut_in_a_put_leaves_the_old_or_the_new_state_for_good),
        cmocka_unit_test(test_cuts_during_the_recovery_change_nothing),
        cmocka_unit_test(test_garbage_is_no_journal_and_formatting_makes_one),
        cmocka_unit_test(test_an_erased_area_is_no_journal),
        cmocka_unit_test(test_a_flipped_bit_anywhere_gives_a_state_that_was_written),
        cmocka_unit_test(test_worn_places_are_passed_over),
        cmocka_unit_test(test_a_journal_that_cannot_be_written_still_mounts_and_says_so),
        cmocka_unit_test(test_a_record_of_a_later_version_stops_the_mount),
        cmocka_unit_test(test_values_that_make_no_sense_are_no_record_although_the_crc_is_right),
        cmocka_unit_test(test_the_sealed_record_outlives_the_copying_of_a_doubtful_one),
        cmocka_unit_test(
            test_with_two_sectors_a_doubtful_record_that_cannot_be_copied_gives_way_to_the_sealed_one),
        cmocka_unit_test(test_an_area_outside_the_limits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
