/*
 * Slots over simulated flash: what may be written when, byte for byte. Nothing is verified here;
 * tests/unit/boot does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flash.h"
#include "layout.h"
#include "updraft/slots.h"

#define IMAGE_BYTES_MAX 8192

static const struct geometry {
    const char *name;
    uint32_t erase_size;
    uint32_t write_size;
    uint8_t erased_value;
} geometries[] = {
    {"byte writes", 1024, 1, 0xff},
    {"8-byte writes", 1024, 8, 0xff},
    {"16-byte writes, erased to zero", 1024, 16, 0x00},
    {"32-byte writes", 2048, 32, 0xff},
};
#define GEOMETRY_COUNT (sizeof geometries / sizeof geometries[0])

static const uint8_t digest_a[UD_DIGEST_BYTES] = {0xa};
static const uint8_t digest_b[UD_DIGEST_BYTES] = {0xb};

struct rig {
    struct sim_flash sim;
    struct ud_layout layout;
    struct ud_slots slots;
};

static void rig_init(struct rig *rig, const struct geometry *geometry, uint8_t components)
{
    const struct sim_layout_shape shape = {.journal_sectors = 2,
                                           .image_sectors = 3,
                                           .envelope_sectors = 1,
                                           .component_count = components,
                                           .trial_boots_max = 1};
    sim_flash_init(&rig->sim, sim_layout_bytes(&shape, geometry->erase_size), geometry->erase_size,
                   geometry->write_size, geometry->erased_value);
    sim_layout(&rig->layout, &rig->sim.flash, &shape);
    assert_int_equal(ud_slots_format(&rig->slots, &rig->layout), UD_OK);
    assert_int_equal(ud_slots_adopt(&rig->slots, 1, (struct ud_version){0, 1}), UD_OK);
}

static void rig_deinit(struct rig *rig)
{
    assert_int_equal(rig->sim.violations, 0);
    sim_flash_deinit(&rig->sim);
}

static void remount(struct rig *rig)
{
    sim_flash_power_on(&rig->sim);
    assert_int_equal(ud_slots_mount(&rig->slots, &rig->layout), UD_OK);
}

/* Neither 0xff nor 0x00 for long, and different at every address. */
static void fill_image(uint8_t *image, uint32_t len, uint8_t salt)
{
    for (uint32_t i = 0; i < len; i++) {
        image[i] = (uint8_t)(i * 31u + (i >> 8) + salt);
    }
}

static ud_err write_in_chunks(struct rig *rig, uint8_t component, const uint8_t *image, uint32_t len,
                              uint32_t from, uint32_t chunk)
{
    for (uint32_t at = from; at < len;) {
        const uint32_t n = len - at < chunk ? len - at : chunk;
        const ud_err err = ud_slots_install_write(&rig->slots, component, (struct ud_bytes){image + at, n});
        if (err != UD_OK) {
            return err;
        }
        at += n;
    }
    return UD_OK;
}

static void assert_holds(struct rig *rig, uint8_t slot, uint8_t component, const uint8_t *image, uint32_t len)
{
    uint8_t there[IMAGE_BYTES_MAX];
    assert_int_equal(ud_slots_read(&rig->slots, slot, component, 0, there, len), UD_OK);
    assert_memory_equal(there, image, len);
}

static ud_err begin(struct rig *rig, const uint8_t *digest, uint32_t size_bytes, uint32_t *resume_bytes)
{
    return ud_slots_install_begin(&rig->slots, rig->slots.state.active, digest, &size_bytes, resume_bytes);
}

/* A complete install of one component, up to the request. */
static void install(struct rig *rig, const uint8_t *digest, uint32_t size_bytes)
{
    uint8_t image[IMAGE_BYTES_MAX];
    uint32_t resume_bytes = 0;
    fill_image(image, size_bytes, digest[0]);
    assert_int_equal(begin(rig, digest, size_bytes, &resume_bytes), UD_OK);
    assert_int_equal(write_in_chunks(rig, 0, image, size_bytes, resume_bytes, 100), UD_OK);
    assert_int_equal(ud_slots_envelope_write(&rig->slots, UD_BYTES_LITERAL("envelope")), UD_OK);
    assert_int_equal(ud_slots_trial_request(&rig->slots), UD_OK);
}

static void test_an_image_of_any_size_in_chunks_of_any_size_reads_back(void **unused)
{
    static const uint32_t chunks[] = {1, 3, 32, 100, 1000, IMAGE_BYTES_MAX};
    (void)unused;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        const uint32_t sector = geometries[g].erase_size;
        const uint32_t unit = geometries[g].write_size;
        const uint32_t sizes[] = {1,          unit,           unit + 1,       sector - 1, sector,
                                  sector + 1, 2 * sector + 5, 3 * sector - 1, 3 * sector /* capacity */};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] * (sizeof chunks / sizeof chunks[0]); i++) {
            const uint32_t size = sizes[i / (sizeof chunks / sizeof chunks[0])];
            struct rig rig;
            uint8_t image[IMAGE_BYTES_MAX];
            uint32_t resume_bytes = 1;
            rig_init(&rig, &geometries[g], 1);
            fill_image(image, size, 1);
            assert_int_equal(begin(&rig, digest_a, size, &resume_bytes), UD_OK);
            assert_int_equal(resume_bytes, 0);
            assert_int_equal(
                write_in_chunks(&rig, 0, image, size, 0, chunks[i % (sizeof chunks / sizeof chunks[0])]),
                UD_OK);
            assert_int_equal(ud_slots_install_offset(&rig.slots, 0), size);
            assert_holds(&rig, 0, 0, image, size);
            assert_int_equal(ud_slots_install_write(&rig.slots, 0, UD_BYTES_LITERAL("x")),
                             UD_ERR_SPACE); /* one more byte */
            remount(&rig);
            assert_int_equal(begin(&rig, digest_a, size, &resume_bytes), UD_OK);
            assert_int_equal(resume_bytes, size);
            rig_deinit(&rig);
        }
    }
}

static void test_sizes_beyond_the_slot_and_of_nothing_are_refused_before_anything_is_written(void **unused)
{
    struct rig rig;
    uint32_t resume_bytes = 7;
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    const uint32_t capacity = ud_slots_capacity(&rig.slots, 0);
    const uint64_t operations = rig.sim.operations;
    assert_int_equal(capacity, 3 * 1024);
    assert_int_equal(begin(&rig, digest_a, capacity + 1, &resume_bytes), UD_ERR_SPACE);
    assert_int_equal(begin(&rig, digest_a, UINT32_MAX, &resume_bytes), UD_ERR_SPACE);
    assert_int_equal(begin(&rig, digest_a, 0, &resume_bytes), UD_ERR_LIMIT);
    assert_int_equal(resume_bytes, 7);
    assert_int_equal(rig.sim.operations, operations);
    assert_int_equal(begin(&rig, digest_a, capacity, &resume_bytes), UD_OK);
    rig_deinit(&rig);
}

static void test_an_install_from_the_slot_that_it_would_overwrite_is_refused(void **unused)
{
    struct rig rig;
    const uint32_t size = 10;
    uint32_t resume_bytes = 0;
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    assert_int_equal(ud_slots_install_begin(&rig.slots, 0, digest_a, &size, &resume_bytes), UD_ERR_STATE);
    assert_int_equal(ud_slots_install_begin(&rig.slots, 1, digest_a, &size, &resume_bytes), UD_OK);
    rig_deinit(&rig);
}

static uint32_t active_slot_sum(struct rig *rig)
{
    uint32_t sum = 0;
    const struct ud_area *areas[] = {&rig->layout.components[0].image[1], &rig->layout.envelope[1]};
    for (size_t a = 0; a < 2; a++) {
        for (uint32_t at = 0; at < areas[a]->size; at++) {
            uint8_t byte = 0;
            assert_int_equal(rig->sim.flash.read(&rig->sim, areas[a]->offset + at, &byte, 1), UD_OK);
            sum = sum * 33 + byte;
        }
    }
    return sum;
}

/* Install until power fails. @return true when it got to the end */
static bool install_until_cut(struct rig *rig, const uint8_t *image, uint32_t size, uint32_t *resume_bytes)
{
    if (ud_slots_mount(&rig->slots, &rig->layout) != UD_OK ||
        begin(rig, digest_a, size, resume_bytes) != UD_OK) {
        return false;
    }
    if (*resume_bytes > 0) { /* what is said to be there is there */
        assert_holds(rig, 0, 0, image, *resume_bytes);
    }
    return write_in_chunks(rig, 0, image, size, *resume_bytes, 300) == UD_OK &&
           ud_slots_envelope_write(&rig->slots, UD_BYTES_LITERAL("envelope")) == UD_OK &&
           ud_slots_trial_request(&rig->slots) == UD_OK;
}

static void
test_an_install_cut_anywhere_resumes_from_what_is_durable_and_leaves_the_active_slot_alone(void **unused)
{
    uint8_t image[IMAGE_BYTES_MAX];
    uint32_t visited = 0;
    (void)unused;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        const uint32_t size = 2 * geometries[g].erase_size + 77;
        struct rig rig;
        struct sim_flash before;
        bool finished = false;
        rig_init(&rig, &geometries[g], 1);
        fill_image(image, size, 3);
        sim_flash_copy(&before, &rig.sim);
        const uint32_t sum = active_slot_sum(&rig);
        for (uint32_t cut = 0; !finished; cut++) {
            uint32_t resume_bytes = 0;
            uint32_t resume_again_bytes = 0;
            sim_flash_load(&rig.sim, &before);
            sim_flash_seed(&rig.sim, cut);
            sim_flash_cut_after(&rig.sim, cut / 6, cut % 6);
            finished = install_until_cut(&rig, image, size, &resume_bytes);
            visited++;
            if (finished) {
                break;
            }
            sim_flash_power_on(&rig.sim);
            assert_int_equal(active_slot_sum(&rig), sum);
            remount(&rig);
            if (rig.slots.state.trial == UD_TRIAL_REQUESTED) {
                continue; /* the cut came after the commit point */
            }
            assert_true(install_until_cut(&rig, image, size, &resume_again_bytes));
            assert_holds(&rig, 0, 0, image, size);
            assert_int_equal(rig.sim.violations, 0);
        }
        sim_flash_deinit(&before);
        rig_deinit(&rig);
    }
    print_message("          %u cuts\n", visited);
}

static void test_progress_is_kept_for_the_same_manifest_only(void **unused)
{
    struct rig rig;
    uint8_t image[IMAGE_BYTES_MAX];
    uint32_t resume_bytes = 0;
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    fill_image(image, 3000, 1);
    assert_int_equal(begin(&rig, digest_a, 3000, &resume_bytes), UD_OK);
    assert_int_equal(write_in_chunks(&rig, 0, image, 2100, 0, 70), UD_OK);
    remount(&rig);
    assert_int_equal(begin(&rig, digest_a, 3000, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 2048); /* two sectors of 1024 */
    assert_int_equal(ud_slots_install_offset(&rig.slots, 0), 2048);
    assert_int_equal(begin(&rig, digest_a, 1500, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 0); /* more is done than this size: not the same image */
    assert_int_equal(begin(&rig, digest_b, 3000, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 0);
    assert_int_equal(begin(&rig, digest_a, 3000, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 0);
    rig_deinit(&rig);
}

static void test_progress_can_be_journaled_less_often(void **unused)
{
    struct rig rig;
    uint8_t image[IMAGE_BYTES_MAX];
    uint32_t resume_bytes = 0;
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    rig.layout.progress_bytes = 2500; /* counts as two sectors */
    fill_image(image, 3072, 1);
    assert_int_equal(begin(&rig, digest_a, 3072, &resume_bytes), UD_OK);
    assert_int_equal(write_in_chunks(&rig, 0, image, 2000, 0, 500), UD_OK);
    remount(&rig);
    assert_int_equal(begin(&rig, digest_a, 3072, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 0);
    assert_int_equal(write_in_chunks(&rig, 0, image, 2100, 0, 500), UD_OK);
    remount(&rig);
    assert_int_equal(begin(&rig, digest_a, 3072, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 2048);
    rig_deinit(&rig);
}

static void test_a_trial_is_requested_only_when_everything_is_there(void **unused)
{
    struct rig rig;
    uint8_t image[100];
    const uint32_t sizes[2] = {100, 50};
    uint32_t resume_bytes[2];
    (void)unused;
    rig_init(&rig, &geometries[1], 2);
    fill_image(image, sizeof image, 1);
    assert_int_equal(ud_slots_trial_request(&rig.slots), UD_ERR_STATE);
    assert_int_equal(ud_slots_envelope_write(&rig.slots, UD_BYTES_LITERAL("e")), UD_ERR_STATE);
    assert_int_equal(ud_slots_install_write(&rig.slots, 0, UD_BYTES_LITERAL("e")), UD_ERR_STATE);
    assert_int_equal(ud_slots_install_begin(&rig.slots, 1, digest_a, sizes, resume_bytes), UD_OK);
    assert_int_equal(ud_slots_install_write(&rig.slots, 2, UD_BYTES_LITERAL("e")), UD_ERR_COMPONENT);
    assert_int_equal(ud_slots_install_write(&rig.slots, 1, (struct ud_bytes){image, 20}), UD_OK);
    assert_int_equal(ud_slots_install_write(&rig.slots, 0, (struct ud_bytes){image, 20}), UD_ERR_STATE);
    assert_int_equal(ud_slots_install_write(&rig.slots, 1, (struct ud_bytes){image + 20, 30}), UD_OK);
    assert_int_equal(ud_slots_envelope_write(&rig.slots, UD_BYTES_LITERAL("e")), UD_OK);
    assert_int_equal(ud_slots_trial_request(&rig.slots), UD_ERR_STATE); /* component 0 is missing */
    assert_int_equal(ud_slots_install_write(&rig.slots, 0, (struct ud_bytes){image, 101}), UD_ERR_SPACE);
    assert_int_equal(ud_slots_install_write(&rig.slots, 0, (struct ud_bytes){image, 100}), UD_OK);
    assert_int_equal(ud_slots_trial_request(&rig.slots), UD_OK);
    assert_holds(&rig, 0, 0, image, 100);
    assert_holds(&rig, 0, 1, image, 50);
    rig_deinit(&rig);
}

static void test_an_envelope_fits_to_the_byte_and_reads_back(void **unused)
{
    (void)unused;
    for (size_t g = 0; g < GEOMETRY_COUNT; g++) {
        struct rig rig;
        uint8_t envelope[IMAGE_BYTES_MAX];
        uint8_t there[IMAGE_BYTES_MAX];
        uint32_t resume_bytes = 0;
        rig_init(&rig, &geometries[g], 1);
        const uint32_t capacity = ud_slots_envelope_capacity(&rig.slots);
        fill_image(envelope, capacity + 1, 9);
        assert_int_equal(begin(&rig, digest_a, 10, &resume_bytes), UD_OK);
        struct ud_buf out = {there, capacity, 0};
        assert_int_equal(ud_slots_envelope_read(&rig.slots, 0, &out), UD_ABSENT);
        assert_int_equal(ud_slots_envelope_write(&rig.slots, (struct ud_bytes){envelope, capacity + 1}),
                         UD_ERR_SPACE);
        for (uint32_t shorter = 0; shorter < 40; shorter++) {
            const uint32_t len = shorter == 39 ? 0 : capacity - shorter;
            out.len = 0;
            out.cap = len;
            assert_int_equal(ud_slots_envelope_write(&rig.slots, (struct ud_bytes){envelope, len}), UD_OK);
            assert_int_equal(ud_slots_envelope_read(&rig.slots, 0, &out), UD_OK);
            assert_int_equal(out.len, len);
            assert_memory_equal(there, envelope, len);
        }
        assert_int_equal(ud_slots_envelope_write(&rig.slots, (struct ud_bytes){envelope, 20}), UD_OK);
        out = (struct ud_buf){there, 19, 0};
        assert_int_equal(ud_slots_envelope_read(&rig.slots, 0, &out), UD_ERR_BUFFER);
        assert_int_equal(out.len, 0);
        assert_int_equal(ud_slots_envelope_read(&rig.slots, 2, &out), UD_ERR_RANGE);
        rig_deinit(&rig);
    }
}

static void test_no_bit_of_the_envelope_header_can_lie_about_the_length(void **unused)
{
    (void)unused;
    for (uint32_t bit = 0; bit < 12 * 8; bit++) {
        struct rig rig;
        uint8_t there[IMAGE_BYTES_MAX];
        uint32_t resume_bytes = 0;
        struct ud_buf out = {there, sizeof there, 0};
        rig_init(&rig, &geometries[1], 1);
        assert_int_equal(begin(&rig, digest_a, 10, &resume_bytes), UD_OK);
        assert_int_equal(ud_slots_envelope_write(&rig.slots, UD_BYTES_LITERAL("envelope")), UD_OK);
        sim_flash_flip(&rig.sim, rig.layout.envelope[0].offset + bit / 8, (uint8_t)(bit % 8));
        assert_int_equal(ud_slots_envelope_read(&rig.slots, 0, &out), UD_ABSENT);
        rig_deinit(&rig);
    }
}

static void test_confirm_is_for_the_image_on_trial_alone(void **unused)
{
    struct rig rig;
    uint32_t resume_bytes = 0;
    const struct ud_version two = {0, 2};
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    assert_int_equal(ud_slots_confirm(&rig.slots, 1), UD_OK); /* the active image, nothing pending: as before */
    assert_int_equal(ud_slots_confirm(&rig.slots, 0), UD_ERR_STATE);
    install(&rig, digest_a, 1000);
    assert_int_equal(ud_slots_confirm(&rig.slots, 0), UD_ERR_STATE); /* not started yet */
    assert_int_equal(ud_slots_confirm(&rig.slots, 1), UD_ERR_STATE);
    assert_int_equal(begin(&rig, digest_b, 10, &resume_bytes), UD_ERR_BUSY);
    remount(&rig);
    assert_int_equal(ud_slots_trial_start(&rig.slots, two), UD_OK);
    assert_int_equal(ud_slots_trial_start(&rig.slots, two), UD_ERR_STATE); /* one attempt */
    remount(&rig);
    assert_int_equal(ud_slots_confirm(&rig.slots, 1), UD_ERR_STATE); /* the old image */
    assert_int_equal(begin(&rig, digest_b, 10, &resume_bytes), UD_ERR_BUSY);
    assert_int_equal(rig.slots.state.stored.sequence, 1); /* does not move before confirm */
    assert_int_equal(ud_slots_confirm(&rig.slots, 0), UD_OK);
    assert_int_equal(rig.slots.state.stored.sequence, 2);
    const uint64_t operations = rig.sim.operations;
    assert_int_equal(ud_slots_confirm(&rig.slots, 0), UD_OK); /* again: nothing to write */
    assert_int_equal(rig.sim.operations, operations);
    assert_int_equal(ud_slots_confirm(&rig.slots, 1), UD_ERR_STATE);
    remount(&rig);
    assert_int_equal(rig.slots.state.active, 0);
    assert_int_equal(rig.slots.state.outcome, UD_OK);
    assert_int_equal(ud_slots_fresh(&rig.slots, (struct ud_version){0, 1}), UD_ERR_STALE);
    assert_int_equal(ud_slots_fresh(&rig.slots, two), UD_OK);
    rig_deinit(&rig);
}

static void test_a_trial_that_ended_leaves_everything_but_the_reason_as_it_was(void **unused)
{
    struct rig rig;
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    assert_int_equal(ud_slots_trial_end(&rig.slots, UD_ERR_CRASHED), UD_ERR_STATE);
    install(&rig, digest_a, 1000);
    assert_int_equal(ud_slots_trial_start(&rig.slots, (struct ud_version){0, 9}), UD_OK);
    assert_int_equal(ud_slots_trial_end(&rig.slots, UD_ERR_CRASHED), UD_OK);
    remount(&rig);
    assert_int_equal(rig.slots.state.active, 1);
    assert_int_equal(rig.slots.state.trial, UD_TRIAL_NONE);
    assert_int_equal(rig.slots.state.outcome, UD_ERR_CRASHED);
    assert_memory_equal(rig.slots.state.attempted, digest_a, UD_DIGEST_BYTES);
    assert_int_equal(rig.slots.state.stored.sequence, 1);
    assert_int_equal(ud_slots_confirm(&rig.slots, 0),
                     UD_ERR_STATE); /* the reverted image, still running somehow */
    install(&rig, digest_b, 500);   /* and the next update goes in */
    rig_deinit(&rig);
}

static void test_an_install_that_was_given_up_is_forgotten(void **unused)
{
    struct rig rig;
    uint32_t resume_bytes = 0;
    uint8_t image[2048];
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    fill_image(image, sizeof image, 1);
    assert_int_equal(ud_slots_install_abort(&rig.slots), UD_OK);
    assert_int_equal(begin(&rig, digest_a, sizeof image, &resume_bytes), UD_OK);
    assert_int_equal(write_in_chunks(&rig, 0, image, 1500, 0, 100), UD_OK);
    assert_int_equal(ud_slots_install_abort(&rig.slots), UD_OK);
    assert_int_equal(ud_slots_install_write(&rig.slots, 0, UD_BYTES_LITERAL("x")), UD_ERR_STATE);
    assert_int_equal(begin(&rig, digest_a, sizeof image, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 0);
    rig_deinit(&rig);
}

static void test_a_slot_is_adopted_only_on_a_device_that_never_confirmed_anything(void **unused)
{
    struct rig rig;
    (void)unused;
    rig_init(&rig, &geometries[1], 1); /* adopts */
    assert_int_equal(ud_slots_adopt(&rig.slots, 0, (struct ud_version){0, 0}), UD_ERR_STATE);
    remount(&rig);
    assert_int_equal(ud_slots_adopt(&rig.slots, 0, (struct ud_version){0, 0}), UD_ERR_STATE);
    assert_int_equal(ud_slots_format(&rig.slots, &rig.layout), UD_OK);
    assert_int_equal(ud_slots_adopt(&rig.slots, 2, (struct ud_version){0, 0}), UD_ERR_STATE);
    assert_int_equal(ud_slots_inactive(&rig.slots), 0);
    rig_deinit(&rig);
}

/* Whoever got a counter before the cut: after it, the next one is higher. */
static void test_a_report_counter_is_never_given_twice(void **unused)
{
    uint64_t given = 0;
    (void)unused;
    struct rig rig;
    rig_init(&rig, &geometries[1], 1);
    for (uint32_t cut = 0; cut < 400; cut++) {
        uint64_t counter = 0;
        sim_flash_seed(&rig.sim, cut);
        sim_flash_cut_after(&rig.sim, cut % 5, cut % 7);
        while (ud_slots_report_counter(&rig.slots, &counter) == UD_OK) {
            assert_true(counter > given);
            given = counter;
        }
        remount(&rig);
        assert_int_equal(ud_slots_report_counter(&rig.slots, &counter), UD_OK);
        assert_true(counter > given);
        given = counter;
    }
    rig.slots.state.report_counter = UINT64_MAX;
    assert_int_equal(ud_slots_report_counter(&rig.slots, &given), UD_ERR_COUNTER);
    rig_deinit(&rig);
}

static void test_the_agents_memory_survives(void **unused)
{
    struct rig rig;
    struct ud_action_state action = {
        .open = true, .id = 77, .nonce = {1, 2}, .manifest_digest = {3}, .flags = 4};
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    assert_int_equal(ud_slots_action_put(&rig.slots, &action), UD_OK);
    assert_int_equal(ud_slots_count_boot(&rig.slots), UD_OK);
    install(&rig, digest_a, 1000);
    remount(&rig);
    assert_true(rig.slots.state.action.open);
    assert_int_equal(rig.slots.state.action.id, 77);
    assert_memory_equal(rig.slots.state.action.nonce, action.nonce, UD_NONCE_BYTES);
    assert_int_equal(rig.slots.state.boot_count, 1);
    rig_deinit(&rig);
}

static void test_versions_compare_by_epoch_first(void **unused)
{
    static const struct {
        struct ud_version a;
        struct ud_version b;
        int want;
    } rows[] = {
        {{0, 1}, {0, 1}, 0}, {{0, 1}, {0, 2}, -1},          {{0, 3}, {0, 2}, 1},
        {{1, 0}, {0, 9}, 1}, {{0, UINT64_MAX}, {1, 0}, -1}, {{UINT32_MAX, 0}, {0, UINT64_MAX}, 1},
        {{2, 5}, {2, 5}, 0},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ud_version_compare(rows[i].a, rows[i].b), rows[i].want);
    }
}

static void test_components_are_found_by_their_encoded_id(void **unused)
{
    struct rig rig;
    uint8_t component = 9;
    (void)unused;
    rig_init(&rig, &geometries[1], 2);
    assert_int_equal(ud_slots_component_find(&rig.slots, sim_layout_id(1), &component), UD_OK);
    assert_int_equal(component, 1);
    assert_int_equal(ud_slots_component_find(&rig.slots, sim_layout_id(2), &component), UD_ERR_COMPONENT);
    assert_int_equal(component, 1);
    rig_deinit(&rig);
}

static void test_reads_stay_inside_the_area(void **unused)
{
    struct rig rig;
    uint8_t bytes[8];
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    assert_int_equal(ud_slots_read(&rig.slots, 0, 0, 3072 - 8, bytes, 8), UD_OK);
    assert_int_equal(ud_slots_read(&rig.slots, 0, 0, 3072 - 7, bytes, 8), UD_ERR_RANGE);
    assert_int_equal(ud_slots_read(&rig.slots, 0, 0, UINT32_MAX, bytes, 8), UD_ERR_RANGE);
    assert_int_equal(ud_slots_read(&rig.slots, 2, 0, 0, bytes, 8), UD_ERR_RANGE);
    assert_int_equal(ud_slots_read(&rig.slots, 0, 1, 0, bytes, 8), UD_ERR_COMPONENT);
    rig_deinit(&rig);
}

/* A stuck unit in the slot: the install fails with a name, the device goes on, and nothing was requested. */
static void test_worn_flash_in_the_inactive_slot_is_an_error_of_the_install(void **unused)
{
    struct rig rig;
    uint8_t image[2048];
    uint32_t resume_bytes = 0;
    (void)unused;
    rig_init(&rig, &geometries[1], 1);
    fill_image(image, sizeof image, 1);
    sim_flash_stick(&rig.sim, rig.layout.components[0].image[0].offset + 1200);
    assert_int_equal(begin(&rig, digest_a, sizeof image, &resume_bytes), UD_OK);
    assert_int_equal(write_in_chunks(&rig, 0, image, sizeof image, 0, 64), UD_ERR_FLASH);
    assert_int_equal(ud_slots_install_write(&rig.slots, 0, UD_BYTES_LITERAL("x")), UD_ERR_STATE);
    assert_int_equal(ud_slots_trial_request(&rig.slots), UD_ERR_STATE);
    assert_int_equal(begin(&rig, digest_a, sizeof image, &resume_bytes), UD_OK);
    assert_int_equal(resume_bytes, 1024);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_image_of_any_size_in_chunks_of_any_size_reads_back),
        cmocka_unit_test(test_sizes_beyond_the_slot_and_of_nothing_are_refused_before_anything_is_written),
        cmocka_unit_test(test_an_install_from_the_slot_that_it_would_overwrite_is_refused),
        cmocka_unit_test(
            test_an_install_cut_anywhere_resumes_from_what_is_durable_and_leaves_the_active_slot_alone),
        cmocka_unit_test(test_progress_is_kept_for_the_same_manifest_only),
        cmocka_unit_test(test_progress_can_be_journaled_less_often),
        cmocka_unit_test(test_a_trial_is_requested_only_when_everything_is_there),
        cmocka_unit_test(test_an_envelope_fits_to_the_byte_and_reads_back),
        cmocka_unit_test(test_no_bit_of_the_envelope_header_can_lie_about_the_length),
        cmocka_unit_test(test_confirm_is_for_the_image_on_trial_alone),
        cmocka_unit_test(test_a_trial_that_ended_leaves_everything_but_the_reason_as_it_was),
        cmocka_unit_test(test_an_install_that_was_given_up_is_forgotten),
        cmocka_unit_test(test_a_slot_is_adopted_only_on_a_device_that_never_confirmed_anything),
        cmocka_unit_test(test_a_report_counter_is_never_given_twice),
        cmocka_unit_test(test_the_agents_memory_survives),
        cmocka_unit_test(test_versions_compare_by_epoch_first),
        cmocka_unit_test(test_components_are_found_by_their_encoded_id),
        cmocka_unit_test(test_reads_stay_inside_the_area),
        cmocka_unit_test(test_worn_flash_in_the_inactive_slot_is_an_error_of_the_install),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
