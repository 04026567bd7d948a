/*
 * Images that change places, without signatures: what is moved, what it costs, and that both images are whole at the
 * next start, wherever power failed and whatever the flash refused (attacks D1, D2, D4, D10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flash.h"
#include "layout.h"

#define IMAGE_BYTES_MAX (128 * 1024)
#define OLD 0
#define NEW 1

struct geometry {
    const char *name;
    uint32_t erase_size;
    uint32_t write_size;
    uint8_t erased_value;
    uint32_t blocks; /* of the larger sector; of each component */
    uint8_t components;
    uint32_t second_erase_size; /* 0: one chip */
    uint32_t second_write_size;
    uint8_t second_erased_value;
    uint32_t move_sectors;
};

static const struct geometry geometries[] = {
    {"8-byte writes", 1024, 8, 0xff, 4, 1, 0, 0, 0, 2},
    {"byte writes, erased to zero", 1024, 1, 0x00, 3, 1, 0, 0, 0, 2},
    {"32-byte writes, fewer marks than steps", 1024, 32, 0xff, 20, 1, 0, 0, 0, 2},
    {"two components", 1024, 4, 0xff, 3, 2, 0, 0, 0, 2},
    {"second chip with smaller sectors", 2048, 16, 0x00, 3, 1, 512, 1, 0xff, 2},
    {"second chip with larger sectors", 1024, 2, 0xff, 3, 1, 4096, 32, 0x00, 2},
};
#define GEOMETRY_COUNT (sizeof geometries / sizeof geometries[0])

struct rig {
    struct sim_flash sim;
    struct sim_flash_part second;
    struct ud_layout layout;
    struct sim_flash before; /* OLD runs, NEW is installed and requested */
    struct ud_image_sizes sizes;
    uint32_t block_bytes;
    uint64_t differing; /* bit per block: NEW has something else there */
};

/* Byte `at` of a component's image. */
static uint8_t image_byte(const struct rig *rig, uint8_t slot, uint8_t component, uint32_t at)
{
    const uint32_t block = at / rig->block_bytes;
    const bool differs = (rig->differing >> (block % 64) & 1) != 0;
    return (uint8_t)(at * 7 + at / 256 * 3 + component * 50 + (slot == NEW && differs ? 0x55 : 0));
}

static void make_image(const struct rig *rig, uint8_t slot, uint8_t component, uint8_t *out)
{
    for (uint32_t i = 0; i < rig->sizes.bytes[slot][component]; i++) {
        out[i] = image_byte(rig, slot, component, i);
    }
}

static void install(struct rig *rig, struct ud_slots *slots, uint8_t slot)
{
    static uint8_t image[IMAGE_BYTES_MAX];
    static const uint8_t envelope[] = "envelope";
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
    uint8_t digest[UD_DIGEST_BYTES] = {slot, 1};
    assert_int_equal(ud_slots_inactive(slots), slot);
    assert_int_equal(ud_slots_install_begin(slots, ud_slots_state(slots)->active, digest,
                                            rig->sizes.bytes[slot], resume_bytes),
                     UD_OK);
    for (uint8_t i = 0; i < rig->layout.component_count; i++) {
        make_image(rig, slot, i, image);
        assert_int_equal(ud_slots_install_write(slots, i, (struct ud_bytes){image, rig->sizes.bytes[slot][i]}),
                         UD_OK);
    }
    assert_int_equal(ud_slots_envelope_write(slots, (struct ud_bytes){envelope, sizeof envelope}), UD_OK);
}

static void lay_out(struct rig *rig, const struct geometry *geometry, const struct ud_mover *mover)
{
    const bool outside = geometry->second_erase_size != 0;
    const uint32_t block =
        geometry->second_erase_size > geometry->erase_size ? geometry->second_erase_size : geometry->erase_size;
    struct sim_layout_shape shape = {
        .journal_sectors = 3,
        .image_sectors = geometry->blocks * block / geometry->erase_size,
        .envelope_sectors = 1,
        .component_count = geometry->components,
        .trial_boots_max = 1,
        .mover = mover,
        .move_sectors = geometry->move_sectors,
        .second = outside ? &rig->second.flash : NULL,
    };
    const uint32_t own = sim_layout_bytes(&shape, geometry->erase_size);
    const uint32_t area = (geometry->blocks + mover->spare_blocks) * block;
    const uint32_t second = outside ? area * geometry->components : 0;
    sim_flash_init(&rig->sim, own + second, geometry->erase_size, geometry->write_size, geometry->erased_value);
    if (outside) {
        shape.second_sectors = area / geometry->second_erase_size;
        sim_flash_part(&rig->second, &rig->sim, second, geometry->second_erase_size,
                       geometry->second_write_size, geometry->second_erased_value);
    }
    sim_layout(&rig->layout, &rig->sim.flash, &shape);
    rig->block_bytes = block;
}

/* Images of old_bytes and new_bytes for every component; 0: the whole capacity. */
static void rig_init(struct rig *rig, const struct geometry *geometry, const struct ud_mover *mover,
                     uint64_t differing, uint32_t old_bytes, uint32_t new_bytes)
{
    struct ud_slots slots;
    memset(rig, 0, sizeof *rig);
    lay_out(rig, geometry, mover);
    rig->differing = differing;
    assert_int_equal(ud_slots_format(&slots, &rig->layout), UD_OK);
    for (uint8_t i = 0; i < geometry->components; i++) {
        const uint32_t capacity = ud_slots_capacity(&slots, i);
        assert_int_equal(capacity, geometry->blocks * rig->block_bytes);
        rig->sizes.bytes[OLD][i] = old_bytes != 0 ? old_bytes : capacity;
        rig->sizes.bytes[NEW][i] = new_bytes != 0 ? new_bytes : capacity;
    }
    install(rig, &slots, OLD);
    assert_int_equal(ud_slots_adopt(&slots, OLD, (struct ud_version){0, 1}), UD_OK);
    install(rig, &slots, NEW);
    assert_int_equal(ud_slots_trial_request(&slots), UD_OK);
    sim_flash_copy(&rig->before, &rig->sim);
}

static void rig_deinit(struct rig *rig)
{
    assert_int_equal(rig->sim.violations, 0);
    sim_flash_deinit(&rig->before);
    sim_flash_deinit(&rig->sim);
}

static void start_over(struct rig *rig, uint64_t seed)
{
    sim_flash_load(&rig->sim, &rig->before);
    sim_flash_seed(&rig->sim, seed);
    sim_flash_rest(&rig->sim);
}

static void mount(struct rig *rig, struct ud_slots *slots)
{
    assert_int_equal(ud_slots_mount(slots, &rig->layout), UD_OK);
}

/* By the code under test, wherever its parts lie. */
static bool reads_whole(const struct rig *rig, const struct ud_slots *slots, uint8_t slot)
{
    uint8_t piece[300];
    for (uint8_t c = 0; c < rig->layout.component_count; c++) {
        const uint32_t size = rig->sizes.bytes[slot][c];
        for (uint32_t at = 0; at < size; at += sizeof piece) {
            const uint32_t n = size - at < sizeof piece ? size - at : (uint32_t)sizeof piece;
            if (ud_slots_read(slots, slot, c, at, piece, n) != UD_OK) {
                return false;
            }
            for (uint32_t i = 0; i < n; i++) {
                if (piece[i] != image_byte(rig, slot, c, at + i)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* Not by the code under test. */
static bool runs_whole(const struct rig *rig, uint8_t slot)
{
    for (uint8_t c = 0; c < rig->layout.component_count; c++) {
        const struct ud_area *area = &rig->layout.components[c].image[0];
        for (uint32_t at = 0; at < rig->sizes.bytes[slot][c]; at++) {
            uint8_t byte = 0;
            assert_int_equal(area->flash->read(area->flash->ctx, area->offset + at, &byte, 1), UD_OK);
            if (byte != image_byte(rig, slot, c, at)) {
                return false;
            }
        }
    }
    return true;
}

static void assert_both_whole(const struct rig *rig, const struct ud_slots *slots, const char *where)
{
    const uint8_t resident = ud_slots_resident(slots, OLD);
    if (!runs_whole(rig, resident) || !reads_whole(rig, slots, OLD) || !reads_whole(rig, slots, NEW)) {
        fail_msg("%s: slot %u resident", where, resident);
    }
}

static void bring(struct rig *rig, struct ud_slots *slots, uint8_t slot, const char *where)
{
    assert_int_equal(ud_slots_bring(slots, slot, &rig->sizes), UD_OK);
    assert_int_equal(ud_slots_resident(slots, OLD), slot);
    assert_both_whole(rig, slots, where);
}

/* ---- what it does and costs ---- */

static void test_images_of_any_two_sizes_change_places_and_change_back(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 700, 1024, 1025, 2500, 0};
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        for (size_t a = 0; a < sizeof sizes / sizeof sizes[0]; a++) {
            for (size_t b = 0; b < sizeof sizes / sizeof sizes[0]; b++) {
                struct rig rig;
                struct ud_slots slots;
                rig_init(&rig, &geometries[g], &ud_move_swap, 0x15, sizes[a], sizes[b]);
                mount(&rig, &slots);
                assert_both_whole(&rig, &slots, geometries[g].name);
                bring(&rig, &slots, NEW, geometries[g].name);
                mount(&rig, &slots);
                bring(&rig, &slots, OLD, geometries[g].name);
                bring(&rig, &slots, NEW, geometries[g].name);
                rig_deinit(&rig);
            }
        }
    }
}

static const struct geometry large = {"128 sectors", 1024, 8, 0xff, 128, 1, 0, 0, 0, 4};

static uint32_t count_differing(const struct rig *rig, uint32_t blocks)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        count += (uint32_t)(rig->differing >> (i % 64) & 1);
    }
    return count;
}

/* A block's sector in either area; in the second one images lie one further on when they were installed. */
static void assert_same_blocks_rest(const struct rig *rig)
{
    const struct ud_area *image = rig->layout.components[0].image;
    for (uint32_t i = 0; i < large.blocks; i++) {
        if ((rig->differing >> (i % 64) & 1) == 0) {
            assert_int_equal(sim_flash_wear(&rig->sim, image[0].offset + i * 1024, 1024), 0);
        }
    }
}

static void test_a_swap_costs_two_erases_for_each_sector_that_differs_and_at_most_four_more(void **state)
{
    (void)state;
    static const uint64_t patterns[] = {
        0, 1, 0x8000000000000000, 0x00ff00ff00ff00ff, 0x5555555555555555, UINT64_MAX};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct rig rig;
        struct ud_slots slots;
        rig_init(&rig, &large, &ud_move_swap, patterns[i], 0, 0);
        const uint32_t differing = count_differing(&rig, large.blocks);
        start_over(&rig, 1);
        mount(&rig, &slots);
        bring(&rig, &slots, NEW, "swap");
        const uint32_t there = sim_flash_erases(&rig.sim);
        bring(&rig, &slots, OLD, "revert");
        const uint32_t back = sim_flash_erases(&rig.sim) - there;
        assert_in_range(there, 2 * differing, 2 * differing + 4);
        assert_in_range(back, 2 * differing, 2 * differing + 4);
        assert_in_range(sim_flash_wear(&rig.sim, 0, rig.sim.flash.size_bytes), 1, 4);
        assert_same_blocks_rest(&rig);
        rig_deinit(&rig);
    }
}

static void test_a_slot_whose_images_are_there_is_brought_without_a_write(void **state)
{
    (void)state;
    struct rig rig;
    struct ud_slots slots;
    rig_init(&rig, &geometries[0], &ud_move_swap, UINT64_MAX, 0, 0);
    start_over(&rig, 1);
    mount(&rig, &slots);
    bring(&rig, &slots, OLD, "there already");
    assert_int_equal(rig.sim.operations, 0);
    bring(&rig, &slots, NEW, "swap");
    const uint64_t operations = rig.sim.operations;
    mount(&rig, &slots);
    assert_int_equal(ud_slots_settle(&slots), UD_OK);
    bring(&rig, &slots, NEW, "there now");
    assert_int_equal(rig.sim.operations, operations);
    rig_deinit(&rig);
}

static void test_a_new_install_after_a_swap_goes_beside_what_runs(void **state)
{
    (void)state;
    struct rig rig;
    struct ud_slots slots;
    rig_init(&rig, &geometries[0], &ud_move_swap, UINT64_MAX, 0, 0);
    mount(&rig, &slots);
    bring(&rig, &slots, NEW, "swap");
    assert_int_equal(ud_slots_trial_start(&slots, (struct ud_version){0, 2}), UD_OK);
    assert_int_equal(ud_slots_confirm(&slots, NEW), UD_OK);
    install(&rig, &slots, OLD);
    mount(&rig, &slots);
    assert_both_whole(&rig, &slots, "installed");
    assert_int_equal(ud_slots_install_abort(&slots), UD_OK);
    assert_int_equal(ud_slots_resident(&slots, OLD), NEW);
    rig_deinit(&rig);
}

/* ---- power ---- */

/* There and back, then settled; false when power failed. */
static bool there_and_back(struct rig *rig)
{
    struct ud_slots slots;
    if (ud_slots_mount(&slots, &rig->layout) != UD_OK || ud_slots_settle(&slots) != UD_OK) {
        assert_true(sim_flash_is_off(&rig->sim));
        return false;
    }
    for (uint8_t i = 0; i < 2 && !sim_flash_is_off(&rig->sim); i++) {
        (void)ud_slots_bring(&slots, (uint8_t)(1 - i), &rig->sizes);
    }
    return !sim_flash_is_off(&rig->sim);
}

static void assert_recovers(struct rig *rig, const char *where)
{
    struct ud_slots slots;
    for (int cycle = 0; cycle < 3; cycle++) { /* weak bits read another way each time */
        sim_flash_power_on(&rig->sim);
        mount(rig, &slots);
        assert_int_equal(ud_slots_settle(&slots), UD_OK);
        assert_both_whole(rig, &slots, where);
    }
    bring(rig, &slots, NEW, where);
    bring(rig, &slots, OLD, where);
    assert_int_equal(rig->sim.violations, 0);
}

static void test_d1_both_images_are_whole_after_a_cut_in_any_operation(void **state)
{
    (void)state;
    const bool long_form = getenv("UD_TORTURE") != NULL;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        struct rig rig;
        rig_init(&rig, &geometries[g], &ud_move_swap, 0x5b, 2500, 0);
        bool done = false;
        for (uint32_t cut = 0; !done; cut++) {
            for (uint32_t draw = 0; draw < (long_form ? 20 : 3); draw++) {
                start_over(&rig, cut * 64 + draw);
                sim_flash_cut_after(&rig.sim, cut, draw == 2 ? 3 + cut % 9 : draw);
                done = there_and_back(&rig);
                if (!done) {
                    assert_recovers(&rig, geometries[g].name);
                }
            }
        }
        rig_deinit(&rig);
    }
}

static void test_d2_both_images_are_whole_after_a_second_cut_in_the_recovery(void **state)
{
    (void)state;
    const uint32_t step = getenv("UD_TORTURE") != NULL ? 1 : 5;
    struct rig rig;
    rig_init(&rig, &geometries[1], &ud_move_swap, 0x5, 0, 0);
    bool first_done = false;
    for (uint32_t cut = 0; !first_done; cut++) {
        bool done = false;
        for (uint32_t again = cut % step; !done; again += step) {
            start_over(&rig, cut * 4096 + again);
            sim_flash_cut_after(&rig.sim, cut, (cut + again) % 9);
            first_done = there_and_back(&rig);
            sim_flash_power_on(&rig.sim);
            sim_flash_cut_after(&rig.sim, again, again % 7);
            rig.sim.flicker = again % 2 == 1;
            done = there_and_back(&rig);
            rig.sim.flicker = false;
            sim_flash_cut_never(&rig.sim);
            if (!done) {
                assert_recovers(&rig, "twice");
            }
        }
    }
    rig_deinit(&rig);
}

/* ---- flash that refuses ---- */

static void assert_resident_whole(const struct rig *rig, const struct ud_slots *slots, const char *where)
{
    const uint8_t resident = ud_slots_resident(slots, OLD);
    if (!runs_whole(rig, resident) || !reads_whole(rig, slots, resident)) {
        fail_msg("%s: slot %u resident", where, resident);
    }
}

/*
 * Whatever came of the move, one image runs, whole, and the next start says the same. Where the move was refused it is
 * the one that ran before.
 */
static void assert_refusal_harmless(struct rig *rig, const char *where)
{
    struct ud_slots slots;
    mount(rig, &slots);
    for (uint8_t i = 0; i < 2; i++) {
        const uint8_t before = ud_slots_resident(&slots, OLD);
        const uint8_t wanted = (uint8_t)(1 - i);
        const ud_err err = ud_slots_bring(&slots, wanted, &rig->sizes);
        if (ud_slots_resident(&slots, OLD) != (err == UD_OK ? wanted : before)) {
            fail_msg("%s: to %u: %s, resident %u", where, wanted, ud_err_name(err),
                     ud_slots_resident(&slots, OLD));
        }
        assert_resident_whole(rig, &slots, where);
    }
    mount(rig, &slots);
    assert_int_equal(ud_slots_settle(&slots), UD_OK);
    assert_resident_whole(rig, &slots, where);
}

static void test_d4_a_sector_that_refuses_an_erase_turns_the_move_round(void **state)
{
    (void)state;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        struct rig rig;
        rig_init(&rig, &geometries[g], &ud_move_swap, UINT64_MAX, 0, 0);
        const uint32_t own = rig.sim.flash.erase_size;
        const uint32_t grain = geometries[g].second_erase_size != 0 && geometries[g].second_erase_size < own
                                   ? geometries[g].second_erase_size
                                   : own;
        for (uint32_t at = 0; at < rig.sim.flash.size_bytes; at += grain) {
            start_over(&rig, at);
            sim_flash_refuse_erase(&rig.sim, at);
            assert_refusal_harmless(&rig, geometries[g].name);
        }
        rig_deinit(&rig);
    }
}

/* A cut on the way there or back: what cannot be brought is not brought after it either, and nothing is lost for it. */
typedef void (*fault)(struct sim_flash *sim, uint32_t address);

static void cut_a_refused_move(struct rig *rig, uint32_t at, fault break_it)
{
    struct ud_slots slots;
    start_over(rig, at);
    break_it(&rig->sim, at);
    mount(rig, &slots);
    const ud_err whole_run = ud_slots_bring(&slots, NEW, &rig->sizes);
    const uint64_t operations = rig->sim.operations;
    for (uint64_t cut = at / 1024 % 2; cut < operations; cut += 2) {
        start_over(rig, at * 64 + cut);
        break_it(&rig->sim, at);
        sim_flash_cut_after(&rig->sim, cut, (uint32_t)cut % 7);
        mount(rig, &slots);
        (void)ud_slots_bring(&slots, NEW, &rig->sizes);
        for (int cycle = 0; cycle < 2; cycle++) {
            sim_flash_power_on(&rig->sim);
            mount(rig, &slots);
            (void)ud_slots_settle(&slots);
            assert_resident_whole(rig, &slots, "cut and refused");
            assert_true(whole_run == UD_OK || ud_slots_resident(&slots, OLD) == OLD);
        }
    }
}

static void test_d4_power_may_fail_on_the_way_back_from_a_sector_that_refuses(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, &geometries[0], &ud_move_swap, UINT64_MAX, 0, 0);
    const struct ud_area *image = rig.layout.components[0].image;
    for (uint8_t place = 0; place < 2; place++) {
        for (uint32_t at = 0; at < image[place].size; at += 1024) {
            cut_a_refused_move(&rig, image[place].offset + at, sim_flash_refuse_erase);
        }
    }
    for (uint32_t at = 0; at < image[1].size; at += 1024) {
        cut_a_refused_move(&rig, image[1].offset + at + 512, sim_flash_stick);
    }
    rig_deinit(&rig);
}

static void stick_in(struct rig *rig, const struct ud_area *area, uint32_t base, const char *where)
{
    const uint32_t write_size = area->flash->write_size;
    for (uint32_t at = 0; at < area->size; at += write_size * 13) {
        start_over(rig, at);
        sim_flash_stick(&rig->sim, base + area->offset + at / write_size * write_size);
        assert_refusal_harmless(rig, where);
    }
}

/* Where images run nothing helps against a unit that takes no bits; everywhere else the move turns round or goes on. */
static void test_d4_a_stuck_unit_in_journal_plan_marks_or_second_area_is_survived(void **state)
{
    (void)state;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        struct rig rig;
        rig_init(&rig, &geometries[g], &ud_move_swap, UINT64_MAX, 0, 0);
        const bool outside = geometries[g].second_erase_size != 0;
        stick_in(&rig, &rig.layout.journal, 0, "journal");
        stick_in(&rig, &rig.layout.move, 0, "plan and marks");
        stick_in(&rig, &rig.layout.components[0].image[1], outside ? rig.second.base : 0, "second area");
        rig_deinit(&rig);
    }
}

static ud_err refuse_to_cipher(void *ctx, uint8_t slot, uint8_t component, uint32_t offset, uint8_t *data,
                               uint32_t len)
{
    const uint32_t *limit = ctx;
    (void)slot;
    (void)component;
    (void)data;
    return offset + len > *limit ? UD_ERR_CRYPTO : UD_OK;
}

static void test_what_a_cipher_refuses_turns_the_move_round(void **state)
{
    (void)state;
    struct rig rig;
    struct ud_slots slots;
    uint32_t limit = 2048;
    const struct ud_cipher cipher = {.ctx = &limit, .apply = refuse_to_cipher};
    rig_init(&rig, &geometries[0], &ud_move_swap, UINT64_MAX, 0, 0);
    mount(&rig, &slots);
    assert_int_equal(ud_slots_bring(&slots, NEW, &rig.sizes), UD_OK);
    rig.layout.cipher = &cipher;
    assert_int_equal(ud_slots_bring(&slots, OLD, &rig.sizes), UD_ERR_CRYPTO);
    rig.layout.cipher = NULL;
    assert_int_equal(ud_slots_resident(&slots, OLD), NEW);
    assert_both_whole(&rig, &slots, "turned round");
    rig_deinit(&rig);
}

/* ---- order and limits ---- */

static void test_d10_a_layout_takes_an_image_of_its_capacity_and_not_one_byte_more(void **state)
{
    (void)state;
    static const struct ud_mover *const movers[] = {&ud_move_swap, &ud_move_overwrite};
    for (size_t m = 0; m < 2; m++) {
        for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
            struct rig rig;
            struct ud_slots slots;
            uint32_t sizes[UD_COMPONENTS_MAX];
            uint32_t resume_bytes[UD_COMPONENTS_MAX];
            const uint8_t digest[UD_DIGEST_BYTES] = {9};
            rig_init(&rig, &geometries[g], movers[m], UINT64_MAX, 0, 0); /* of its capacity: installs */
            mount(&rig, &slots);
            assert_int_equal(ud_slots_bring(&slots, NEW, &rig.sizes), UD_OK);
            assert_true(runs_whole(&rig, NEW));
            assert_int_equal(ud_slots_trial_start(&slots, (struct ud_version){0, 2}), UD_OK);
            assert_int_equal(ud_slots_confirm(&slots, NEW), UD_OK);
            for (uint8_t i = 0; i < UD_COMPONENTS_MAX; i++) {
                sizes[i] = rig.sizes.bytes[NEW][0];
            }
            sizes[geometries[g].components - 1]++;
            assert_int_equal(ud_slots_install_begin(&slots, NEW, digest, sizes, resume_bytes), UD_ERR_SPACE);
            rig_deinit(&rig);
        }
    }
}

static void test_an_overwritten_image_is_not_brought_back(void **state)
{
    (void)state;
    struct rig rig;
    struct ud_slots slots;
    rig_init(&rig, &geometries[0], &ud_move_overwrite, UINT64_MAX, 0, 0);
    start_over(&rig, 1);
    mount(&rig, &slots);
    assert_int_equal(ud_slots_bring(&slots, NEW, &rig.sizes), UD_OK);
    assert_true(runs_whole(&rig, NEW));
    assert_in_range(sim_flash_erases(&rig.sim), 4, 4 + 4); /* one for each sector */
    assert_false(reads_whole(&rig, &slots, OLD));
    assert_int_equal(ud_slots_bring(&slots, OLD, &rig.sizes), UD_ERR_STATE);
    assert_true(runs_whole(&rig, NEW));
    rig_deinit(&rig);
}

/* A move under way: power fails in its middle, and nobody settles. */
static void test_nothing_is_read_installed_or_moved_before_a_move_has_ended(void **state)
{
    (void)state;
    struct rig rig;
    struct ud_slots slots;
    uint8_t byte;
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
    const uint8_t digest[UD_DIGEST_BYTES] = {9};
    rig_init(&rig, &geometries[0], &ud_move_swap, UINT64_MAX, 0, 0);
    mount(&rig, &slots);
    assert_int_equal(ud_slots_trial_end(&slots, UD_ERR_CRASHED), UD_OK);
    sim_flash_cut_after(&rig.sim, 20, 0);
    assert_int_not_equal(ud_slots_bring(&slots, NEW, &rig.sizes), UD_OK);
    sim_flash_power_on(&rig.sim);
    mount(&rig, &slots);
    assert_int_equal(ud_slots_read(&slots, OLD, 0, 0, &byte, 1), UD_ERR_STATE);
    assert_int_equal(ud_slots_read(&slots, NEW, 0, 0, &byte, 1), UD_ERR_STATE);
    assert_int_equal(ud_slots_bring(&slots, OLD, &rig.sizes), UD_ERR_STATE);
    assert_int_equal(ud_slots_install_begin(&slots, OLD, digest, rig.sizes.bytes[NEW], resume_bytes),
                     UD_ERR_STATE);
    assert_int_equal(ud_slots_settle(&slots), UD_OK);
    assert_both_whole(&rig, &slots, "settled");
    rig_deinit(&rig);
}

static void test_a_layout_that_cannot_be_moved_in_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    struct ud_layout layout;
    rig_init(&rig, &geometries[4], &ud_move_swap, UINT64_MAX, 0, 0);
    layout = rig.layout;
    layout.move.size = rig.sim.flash.erase_size; /* a plan and no mark */
    assert_int_equal(ud_layout_check(&layout), UD_ERR_LIMIT);
    layout = rig.layout;
    layout.move.size = 0;
    assert_int_equal(ud_layout_check(&layout), UD_ERR_LIMIT);
    layout = rig.layout;
    layout.move = layout.journal;
    assert_int_equal(ud_layout_check(&layout), UD_ERR_CONFLICT);
    layout = rig.layout;
    layout.components[0].image[1].size = rig.block_bytes; /* the spare block alone */
    assert_int_equal(ud_layout_check(&layout), UD_ERR_LIMIT);
    rig.second.flash.erase_size = 1536; /* neither divides the other */
    rig.second.flash.write_size = 1;
    rig.second.flash.size_bytes = 1536 * 4;
    layout.components[0].image[1] = (struct ud_area){&rig.second.flash, 0, 1536 * 4};
    assert_int_equal(ud_layout_check(&layout), UD_ERR_LIMIT);
    rig_deinit(&rig);
}

/* ---- RAM ---- */

static void test_d10_an_image_is_loaded_to_its_place_in_ram_and_not_beyond(void **state)
{
    (void)state;
    struct rig rig;
    struct ud_slots slots;
    static uint8_t memory[4096 + 16];
    uint8_t piece[512];
    const struct ud_ram ram = {memory + 8, 3000};
    rig_init(&rig, &geometries[0], &ud_move_swap, UINT64_MAX, 2000, 2000);
    rig.layout.mover = &ud_move_ram;
    assert_int_equal(ud_layout_check(&rig.layout), UD_ERR_LIMIT);
    rig.layout.ram = &ram;
    assert_int_equal(ud_layout_check(&rig.layout), UD_OK);
    mount(&rig, &slots);
    memset(memory, 0xa5, sizeof memory);
    assert_int_equal(ud_slots_capacity(&slots, 0), 3000);
    for (uint32_t at = 0; at < 2000; at += 500) {
        assert_int_equal(ud_slots_read(&slots, OLD, 0, at, piece, 500), UD_OK);
        assert_memory_equal(piece, memory + 8 + at, 500);
    }
    for (uint32_t i = 0; i < 2000; i++) {
        assert_int_equal(memory[8 + i], image_byte(&rig, OLD, 0, i));
    }
    assert_int_equal(ud_slots_read(&slots, OLD, 0, 2999, piece, 2), UD_ERR_RANGE);
    assert_int_equal(ud_slots_read(&slots, OLD, 0, UINT32_MAX, piece, 2), UD_ERR_RANGE);
    assert_int_equal(memory[7], 0xa5);
    assert_int_equal(memory[8 + 2000], 0xa5);
    assert_int_equal(memory[8 + 3000], 0xa5);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_of_any_two_sizes_change_places_and_change_back),
        cmocka_unit_test(test_a_swap_costs_two_erases_for_each_sector_that_differs_and_at_most_four_more),
        cmocka_unit_test(test_a_slot_whose_images_are_there_is_brought_without_a_write),
        cmocka_unit_test(test_a_new_install_after_a_swap_goes_beside_what_runs),
        cmocka_unit_test(test_d1_both_images_are_whole_after_a_cut_in_any_operation),
        cmocka_unit_test(test_d2_both_images_are_whole_after_a_second_cut_in_the_recovery),
        cmocka_unit_test(test_d4_a_sector_that_refuses_an_erase_turns_the_move_round),
        cmocka_unit_test(test_d4_power_may_fail_on_the_way_back_from_a_sector_that_refuses),
        cmocka_unit_test(test_d4_a_stuck_unit_in_journal_plan_marks_or_second_area_is_survived),
        cmocka_unit_test(test_what_a_cipher_refuses_turns_the_move_round),
        cmocka_unit_test(test_d10_a_layout_takes_an_image_of_its_capacity_and_not_one_byte_more),
        cmocka_unit_test(test_an_overwritten_image_is_not_brought_back),
        cmocka_unit_test(test_nothing_is_read_installed_or_moved_before_a_move_has_ended),
        cmocka_unit_test(test_a_layout_that_cannot_be_moved_in_is_refused),
        cmocka_unit_test(test_d10_an_image_is_loaded_to_its_place_in_ram_and_not_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
