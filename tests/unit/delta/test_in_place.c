#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff/diff.h"
#include "flash.h"
#include "helper_images.h"
#include "updraft/delta_in_place.h"
#include "updraft/delta_slot.h"
#include "updraft/slots.h"

/*
 * One slot of six sectors, a patch beside it; records on a chip with large sectors, so that a cut loop has few
 * operations. UD_TORTURE=1: every pair of cuts, more manners of tearing.
 */
enum { SECTOR = 1024, SLOT_SECTORS = 6, PATCH_SECTORS = 5, WRITE = 8, RECORD_SECTOR = 32768, DRAWS = 2 };
enum { SLOT_BYTES = SLOT_SECTORS * SECTOR };

struct device {
    struct sim_flash sim;
    struct sim_flash_part records; /* a part of sim */
};

struct world {
    struct device before; /* old image and patch installed */
    struct ud_bytes old;
    struct ud_bytes new;
    struct ud_bytes patch;
    struct ud_recovery_image recovery;
    struct ud_delta_in_place_job job; /* without areas */
};

static struct ud_delta_in_place in_place;

static bool is_long(void)
{
    return getenv("UD_TORTURE") != NULL;
}

static void device_init(struct device *device)
{
    const uint32_t records = UD_TWIN_COPIES * RECORD_SECTOR;
    sim_flash_init(&device->sim, (SLOT_SECTORS + PATCH_SECTORS) * SECTOR + records, SECTOR, WRITE, 0xff);
    sim_flash_part(&device->records, &device->sim, records, RECORD_SECTOR, WRITE, 0xff);
}

static void install(struct sim_flash *sim, uint32_t offset, uint32_t sectors, struct ud_bytes image)
{
    uint8_t unit[WRITE];
    for (uint32_t i = 0; i < sectors; i++) {
        assert_int_equal(sim->flash.erase(sim->flash.ctx, offset + i * SECTOR), UD_OK);
    }
    for (uint32_t i = 0; i < image.len; i += WRITE) {
        const size_t len = image.len - i < WRITE ? image.len - i : WRITE;
        memset(unit, 0xff, sizeof unit);
        memcpy(unit, image.ptr + i, len);
        assert_int_equal(sim->flash.program(sim->flash.ctx, offset + i, unit, WRITE), UD_OK);
    }
}

static void digest_of(struct ud_bytes bytes, uint8_t digest[UD_SHA256_BYTES])
{
    assert_int_equal(ud_sha256(&bytes, 1, digest), UD_OK);
}

/* Old with so many new bytes before it: everything goes up by nearly the gap, so half of each block reads what is gone soon. */
static struct ud_bytes shifted_image(struct ud_bytes old, uint32_t bytes)
{
    uint8_t *image = malloc(old.len + bytes);
    uint32_t random = 5;
    for (uint32_t i = 0; i < bytes; i++) {
        image[i] = (uint8_t)next_random(&random);
    }
    memcpy(image + bytes, old.ptr, old.len);
    return (struct ud_bytes){image, old.len + bytes};
}

static struct world *make_world(uint32_t shift)
{
    struct world *world = calloc(1, sizeof *world);
    struct ud_delta_in_place_head head;
    struct delta_options options = {
        .profile = 1, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = 0x8000, .in_place = &head};
    uint8_t *patch = NULL;
    world->old = thumb_image(11, 0x8000, 50, 0);
    world->new = shift > 0 ? shifted_image(world->old, shift) : thumb_image(11, 0x8000, 52, 10);
    world->new.len -= 3; /* a last page that no write unit divides */
    assert_int_equal(
        delta_in_place_fit(&head, SLOT_BYTES, SECTOR, (uint32_t)world->old.len, (uint32_t)world->new.len),
        UD_OK);
    assert_int_equal(delta_diff(world->old, world->new, &options, &patch, &world->patch.len, NULL), UD_OK);
    world->patch.ptr = patch;
    assert_true(world->patch.len <= PATCH_SECTORS * SECTOR);
    assert_true(head.gap_bytes < world->old.len); /* moving up overwrites what is to be moved */
    assert_true(world->new.len > 2 * head.block_bytes);
    world->job.old_bytes = (uint32_t)world->old.len;
    world->job.new_bytes = (uint32_t)world->new.len;
    world->job.patch_bytes = (uint32_t)world->patch.len;
    digest_of(world->old, world->job.old_digest);
    digest_of(world->new, world->job.new_digest);
    digest_of(world->patch, world->job.patch_digest);
    world->recovery.image.size = SECTOR;
    world->job.recovery = &world->recovery;
    device_init(&world->before);
    sim_flash_garbage(&world->before.sim);
    install(&world->before.sim, 0, SLOT_SECTORS, world->old);
    install(&world->before.sim, SLOT_BYTES, PATCH_SECTORS, world->patch);
    return world;
}

static void drop_world(struct world *world)
{
    sim_flash_deinit(&world->before.sim);
    free((void *)(uintptr_t)world->old.ptr);
    free((void *)(uintptr_t)world->new.ptr);
    free((void *)(uintptr_t)world->patch.ptr);
    free(world);
}

static int make_worlds(void **state)
{
    *state = make_world(0);
    return 0;
}

static int drop_worlds(void **state)
{
    drop_world(*state);
    return 0;
}

static struct ud_delta_in_place_job job_on(const struct world *world, const struct device *device)
{
    struct ud_delta_in_place_job job = world->job;
    job.slot = (struct ud_area){&device->sim.flash, 0, SLOT_BYTES};
    job.patch = (struct ud_area){&device->sim.flash, SLOT_BYTES, PATCH_SECTORS * SECTOR};
    for (uint32_t i = 0; i < UD_TWIN_COPIES; i++) {
        job.records[i] = (struct ud_area){&device->records.flash, i * RECORD_SECTOR, RECORD_SECTOR};
    }
    return job;
}

static ud_err run_job(const struct ud_delta_in_place_job *job)
{
    ud_err err = ud_delta_in_place_init(&in_place, job);
    err = err == UD_OK ? UD_WAIT : err;
    for (uint32_t steps = 0; err == UD_WAIT; steps++) {
        assert_true(steps < 1000);
        err = ud_delta_in_place_step(&in_place);
    }
    assert_true(ud_delta_in_place_step(&in_place) == err || err != UD_OK);
    return err;
}

/* From reset to the end, or to the cut. */
static ud_err run(const struct world *world, const struct device *device)
{
    const struct ud_delta_in_place_job job = job_on(world, device);
    return run_job(&job);
}

static void assert_slot_holds(const struct device *device, struct ud_bytes image)
{
    uint8_t there[SLOT_BYTES];
    assert_int_equal(device->sim.flash.read(device->sim.flash.ctx, 0, there, (uint32_t)image.len), UD_OK);
    assert_memory_equal(there, image.ptr, image.len);
}

/* Read twice while weak bits read as they like: a bit left weak would show. */
static void assert_new(const struct world *world, struct device *device)
{
    device->sim.flicker = true;
    for (unsigned i = 0; i < 2; i++) {
        sim_flash_power_on(&device->sim);
        assert_slot_holds(device, world->new);
    }
    device->sim.flicker = false;
    assert_int_equal(device->sim.violations, 0);
}

static void test_a_patch_in_the_only_slot_leaves_the_new_image(void **state)
{
    const struct world *world = *state;
    struct device device;
    device_init(&device);
    sim_flash_load(&device.sim, &world->before.sim);
    assert_int_equal(run(world, &device), UD_OK);
    assert_new(world, &device);
    const uint64_t before = device.sim.operations;
    assert_int_equal(run(world, &device), UD_OK); /* once more: nothing is left to do */
    assert_int_equal(device.sim.operations, before);
    sim_flash_deinit(&device.sim);
}

/* Cut at each operation, in each manner of tearing; the next start finishes. */
static void survives_every_power_cut(const struct world *world, uint32_t draws)
{
    struct device device;
    device_init(&device);
    uint32_t cuts = 0;
    for (uint32_t draw = 0; draw < draws; draw++) {
        bool finished = false;
        for (uint32_t cut = 0; !finished; cut++) {
            sim_flash_load(&device.sim, &world->before.sim);
            sim_flash_seed(&device.sim, 1 + cut * draws + draw);
            sim_flash_cut_after(&device.sim, cut, draw);
            finished = run(world, &device) == UD_OK;
            sim_flash_cut_never(&device.sim);
            sim_flash_power_on(&device.sim);
            assert_int_equal(run(world, &device), UD_OK);
            assert_new(world, &device);
            cuts += finished ? 0 : 1;
        }
    }
    assert_true(cuts >= draws * 70); /* moves, pages, records: each was cut */
    sim_flash_deinit(&device.sim);
}

static void test_it_survives_every_power_cut(void **state)
{
    struct world *shifted = make_world(1500);
    survives_every_power_cut(*state, is_long() ? 20 : DRAWS);
    survives_every_power_cut(shifted, is_long() ? 20 : 1);
    drop_world(shifted);
}

/* ... and again during the recovery, and a third time in the recovery of that. */
static void test_it_survives_cuts_during_the_recovery(void **state)
{
    const struct world *world = *state;
    const uint32_t stride = is_long() ? 1 : 61;
    struct device torn;
    struct device device;
    device_init(&torn);
    device_init(&device);
    for (uint32_t first = 0;; first++) {
        sim_flash_load(&torn.sim, &world->before.sim);
        sim_flash_seed(&torn.sim, 1000 + first);
        sim_flash_cut_after(&torn.sim, first, first % 5);
        if (run(world, &torn) == UD_OK) {
            break;
        }
        sim_flash_power_on(&torn.sim);
        bool finished = false;
        for (uint32_t second = first % stride; !finished; second += stride) {
            sim_flash_load(&device.sim, &torn.sim);
            sim_flash_seed(&device.sim, 2000 + first * 100 + second);
            sim_flash_cut_after(&device.sim, second, second / stride);
            finished = run(world, &device) == UD_OK;
            if (is_long()) {
                sim_flash_power_on(&device.sim);
                sim_flash_cut_after(&device.sim, (first + second) % 11, second);
                (void)run(world, &device);
            }
            sim_flash_cut_never(&device.sim);
            sim_flash_power_on(&device.sim);
            assert_int_equal(run(world, &device), UD_OK);
            assert_new(world, &device);
        }
    }
    sim_flash_deinit(&torn.sim);
    sim_flash_deinit(&device.sim);
}

/*
 * Cuts that `make torture` found: the erase of a copy of the records was cut, the copy read whole once more and was believed, and
 * the firm one was replaced from it.
 */
static void test_a_copy_whose_erase_was_cut_is_not_taken_for_firm(void **state)
{
    static const struct {
        uint32_t first, second, third;
    } rows[] = {{80, 3, 6}, {80, 4, 7}, {105, 7, 2}, {105, 8, 3}};
    const struct world *world = *state;
    struct device device;
    device_init(&device);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t first = rows[i].first;
        const uint32_t second = rows[i].second;
        sim_flash_load(&device.sim, &world->before.sim);
        sim_flash_seed(&device.sim, 1000 + first);
        sim_flash_cut_after(&device.sim, first, first % 5);
        (void)run(world, &device);
        sim_flash_power_on(&device.sim);
        sim_flash_seed(&device.sim, 2000 + first * 100 + second);
        sim_flash_cut_after(&device.sim, second, second);
        (void)run(world, &device);
        sim_flash_power_on(&device.sim);
        sim_flash_cut_after(&device.sim, rows[i].third, second);
        (void)run(world, &device);
        sim_flash_cut_never(&device.sim);
        sim_flash_power_on(&device.sim);
        assert_int_equal(run(world, &device), UD_OK);
        assert_new(world, &device);
    }
    sim_flash_deinit(&device.sim);
}

/* ---- refusals before the first write ---- */

struct refusal {
    const char *name;
    void (*spoil)(const struct world *world, struct device *device, struct ud_delta_in_place_job *job);
    ud_err want;
};

static void no_recovery(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world, (void)device;
    job->recovery = NULL;
}

static void empty_recovery(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    static const struct ud_recovery_image none;
    (void)world, (void)device;
    job->recovery = &none;
}

static void small_slot(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world, (void)device;
    job->slot.size -= SECTOR;
}

static void large_new(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world, (void)device;
    job->new_bytes = SLOT_BYTES + 1;
}

static void long_patch(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world, (void)device;
    job->patch_bytes = PATCH_SECTORS * SECTOR + 1;
}

static void short_patch(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world, (void)device;
    job->patch_bytes = UD_DELTA_IN_PLACE_HEAD_BYTES - 1;
}

static void small_records(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world;
    for (uint32_t i = 0; i < UD_TWIN_COPIES; i++) {
        job->records[i] = (struct ud_area){&device->sim.flash, (SLOT_SECTORS + i) * SECTOR, SECTOR};
    }
}

static void other_sectors(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    static struct ud_flash wide;
    (void)world;
    wide = device->sim.flash;
    wide.erase_size = 2 * SECTOR;
    wide.size_bytes = SLOT_BYTES;
    job->slot.flash = &wide;
}

static void spoiled_patch(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)job;
    sim_flash_flip(&device->sim, SLOT_BYTES + (uint32_t)world->patch.len - 1, 3);
}

static void spoiled_old(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)job;
    sim_flash_flip(&device->sim, (uint32_t)world->old.len - 1, 0);
}

static void other_old_size(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)device;
    job->old_bytes--;
    digest_of((struct ud_bytes){world->old.ptr, job->old_bytes}, job->old_digest);
}

static void other_new_size(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world, (void)device;
    job->new_bytes--;
}

/* Signed by mistake: the digest is right, and the patch is for another image of the same size. */
static void other_crc(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    uint8_t patch[PATCH_SECTORS * SECTOR];
    memcpy(patch, world->patch.ptr, world->patch.len);
    patch[UD_DELTA_IN_PLACE_PATCH_AT + 12] ^= 1;
    digest_of((struct ud_bytes){patch, world->patch.len}, job->patch_digest);
    sim_flash_flip(&device->sim, SLOT_BYTES + UD_DELTA_IN_PLACE_PATCH_AT + 12, 0);
}

static void for_two_slots(const struct world *world, struct device *device, struct ud_delta_in_place_job *job)
{
    (void)world, (void)job;
    sim_flash_flip(&device->sim, SLOT_BYTES, 0); /* 0xd6 */
}

static void test_what_does_not_fit_is_refused_before_anything_is_written(void **state)
{
    static const struct refusal refusals[] = {
        {"no recovery image", no_recovery, UD_ERR_IN_PLACE},
        {"a recovery image of no size", empty_recovery, UD_ERR_IN_PLACE},
        {"a slot without room for the gap", small_slot, UD_ERR_IN_PLACE},
        {"a new image larger than the slot", large_new, UD_ERR_IN_PLACE},
        {"a patch larger than its area", long_patch, UD_ERR_IN_PLACE},
        {"a patch shorter than its head", short_patch, UD_ERR_TRUNCATED},
        {"records without room for a snapshot", small_records, UD_ERR_IN_PLACE},
        {"sectors larger than the patch's", other_sectors, UD_ERR_IN_PLACE},
        {"a patch that was not signed", spoiled_patch, UD_ERR_DIGEST},
        {"another old image", spoiled_old, UD_ERR_PRECURSOR},
        {"an old image of another size", other_old_size, UD_ERR_PRECURSOR},
        {"another size of new", other_new_size, UD_ERR_PATCH},
        {"a signed patch for another old image", other_crc, UD_ERR_PRECURSOR},
        {"a patch for two slots", for_two_slots, UD_ERR_VERSION},
    };
    const struct world *world = *state;
    struct device device;
    device_init(&device);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        sim_flash_load(&device.sim, &world->before.sim);
        struct ud_delta_in_place_job job = job_on(world, &device);
        refusals[i].spoil(world, &device, &job);
        const uint64_t before = device.sim.operations;
        const ud_err got = run_job(&job);
        if (got != refusals[i].want || device.sim.operations != before) {
            fail_msg("%s: %s, %d writes", refusals[i].name, ud_err_name(got),
                     (int)(device.sim.operations - before));
        }
    }
    sim_flash_deinit(&device.sim);
}

static void test_a_patch_in_place_is_refused_for_two_slots(void **state)
{
    const struct world *world = *state;
    static struct ud_delta delta;
    struct ud_delta_slot slot;
    const struct ud_area area = {&world->before.sim.flash, 0, SLOT_BYTES};
    const struct ud_area patch = {&world->before.sim.flash, SLOT_BYTES, PATCH_SECTORS * SECTOR};
    const struct ud_delta_places places = {
        area, area, patch, world->job.old_bytes, world->job.new_bytes, world->job.patch_bytes};
    assert_int_equal(ud_delta_slot_init(&slot, &delta, &places), UD_ERR_VERSION);
}

/* ---- records ---- */

/* Run until the n-th operation from here, cleanly. */
static void run_until(const struct world *world, struct device *device, uint32_t operations)
{
    sim_flash_load(&device->sim, &world->before.sim);
    sim_flash_cut_after(&device->sim, operations, 0);
    assert_int_not_equal(run(world, device), UD_OK);
    sim_flash_cut_never(&device->sim);
    sim_flash_power_on(&device->sim);
}

/* Into the middle of making, where records hold snapshots. */
static void run_into_making(const struct world *world, struct device *device)
{
    for (uint32_t operations = 30;; operations++) {
        run_until(world, device, operations);
        if (in_place.record.note.phase == 2 && in_place.record.delta.made > SECTOR &&
            in_place.record.delta.made % SECTOR > 512) {
            return;
        }
    }
}

static void write_records(const struct device *device, struct ud_bytes content)
{
    struct ud_twin twin;
    const struct ud_area areas[] = {{&device->records.flash, 0, RECORD_SECTOR},
                                    {&device->records.flash, RECORD_SECTOR, RECORD_SECTOR}};
    assert_int_equal(ud_twin_mount(&twin, areas), UD_OK);
    assert_int_equal(ud_twin_replace(&twin, 0, content), UD_OK);
}

/* A record as flash could hold it if somebody wrote there: one field of a good one is another. */
#define FIELD(name, value)                                                                                     \
    {                                                                                                          \
#name " = " #value, offsetof(struct ud_delta_in_place_record, name),                                   \
            sizeof(((struct ud_delta_in_place_record *)0)->name), value                                        \
    }

static void test_a_record_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        size_t bytes;
        uint64_t value;
    } fields[] = {
        FIELD(note.phase, 0),
        FIELD(note.phase, 1), /* a note of moving is short */
        FIELD(note.phase, 4),
        FIELD(delta.made, UINT32_MAX),
        FIELD(delta.made, 512), /* no block begins here */
        FIELD(delta.patch_at, UINT32_MAX),
        FIELD(delta.token, 3),
        FIELD(delta.from_new, 2),
        FIELD(delta.second, 2),
        FIELD(delta.left, UINT32_MAX),
        FIELD(delta.old_end, UINT32_MAX),
        FIELD(delta.new_end, UINT32_MAX),
        FIELD(delta.segment.end, UINT32_MAX),
        FIELD(delta.segment.start, UINT32_MAX),
        FIELD(delta.weights[7][1], 0x7fffffff),
    };
    const struct world *world = *state;
    static struct ud_delta_in_place_record good;
    struct device device;
    device_init(&device);
    run_into_making(world, &device);
    const uint32_t block = in_place.head.block_bytes;
    uint8_t copy = 0;
    struct ud_buf content = {(uint8_t *)&good, sizeof good, 0};
    const struct ud_delta_in_place_job job = job_on(world, &device);
    assert_int_equal(ud_delta_in_place_init(&in_place, &job), UD_OK);
    assert_int_equal(ud_twin_candidate(&in_place.twin, 0, &copy), UD_OK);
    assert_int_equal(ud_twin_read(&in_place.twin, copy, &content), UD_OK);
    assert_int_equal(content.len, sizeof good);
    assert_true(good.delta.made >= block);
    struct device copy_of;
    device_init(&copy_of);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        static struct ud_delta_in_place_record bad;
        memcpy(&bad, &good, sizeof bad);
        memcpy((uint8_t *)&bad + fields[i].at, &fields[i].value, fields[i].bytes);
        sim_flash_load(&copy_of.sim, &device.sim);
        write_records(&copy_of, (struct ud_bytes){(const uint8_t *)&bad, sizeof bad});
        const ud_err err = run(world, &copy_of);
        if (err != UD_ERR_PATCH_RECORD) {
            fail_msg("%s: %s", fields[i].name, ud_err_name(err));
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        struct ud_delta_map *map = i == 0 ? &good.delta.flash : &good.delta.ram;
        map->region_first = map->region_count = map->exact_first = UINT16_MAX;
        map->exact_bits = map->grain = 31;
    }
    good.delta.floor = UINT32_MAX; /* what is known without the record is not taken from it: it goes on */
    sim_flash_load(&copy_of.sim, &device.sim);
    write_records(&copy_of, (struct ud_bytes){(const uint8_t *)&good, sizeof good});
    assert_int_equal(run(world, &copy_of), UD_OK);
    assert_new(world, &copy_of);
    sim_flash_deinit(&copy_of.sim);
    sim_flash_deinit(&device.sim);
}

static void test_a_false_count_of_moved_sectors_is_found_before_anything_is_made(void **state)
{
    const struct world *world = *state;
    struct device device;
    device_init(&device);
    run_until(world, &device, 14); /* the first record is there, nothing else */
    assert_int_equal(in_place.record.note.phase, 1);
    struct ud_delta_in_place_note note = in_place.record.note;
    static const uint32_t counts[] = {4, 5, UINT32_MAX}; /* there are 4 */
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        note.moved = counts[i];
        write_records(&device, (struct ud_bytes){(const uint8_t *)&note, sizeof note});
        assert_int_equal(run(world, &device), UD_ERR_PRECURSOR);
        assert_slot_holds(&device, world->old);
    }
    sim_flash_deinit(&device.sim);
}

/* Records of another patch, or of another program, are no records: the installed image decides. */
static void test_foreign_records_are_not_followed(void **state)
{
    const struct world *world = *state;
    struct device device;
    device_init(&device);
    for (unsigned i = 0; i < 2; i++) {
        run_into_making(world, &device);
        struct ud_delta_in_place_record record = in_place.record;
        if (i == 0) {
            record.note.patch_digest[31] ^= 1;
        } else {
            record.note.shape++;
        }
        write_records(&device, (struct ud_bytes){(const uint8_t *)&record, sizeof record});
        assert_int_equal(run(world, &device), UD_ERR_PRECURSOR); /* the slot holds half of each image */
        install(&device.sim, 0, SLOT_SECTORS, world->old);
        assert_int_equal(run(world, &device), UD_OK);
        assert_new(world, &device);
    }
    sim_flash_deinit(&device.sim);
}

/* Somebody loaded the old image again: what is noted of this patch's first time does not count. */
static void test_a_patch_can_be_applied_a_second_time(void **state)
{
    const struct world *world = *state;
    struct device device;
    device_init(&device);
    sim_flash_load(&device.sim, &world->before.sim);
    assert_int_equal(run(world, &device), UD_OK);
    install(&device.sim, 0, SLOT_SECTORS, world->old);
    assert_int_equal(run(world, &device), UD_OK);
    assert_new(world, &device);
    run_into_making(world, &device); /* given up half-way: who loads an image has the records forgotten */
    install(&device.sim, 0, SLOT_SECTORS, world->old);
    const struct ud_delta_in_place_job job = job_on(world, &device);
    assert_int_equal(ud_twin_forget(job.records), UD_OK);
    assert_int_equal(run(world, &device), UD_OK);
    assert_new(world, &device);
    sim_flash_deinit(&device.sim);
}

static void test_a_new_image_with_another_digest_is_an_error(void **state)
{
    const struct world *world = *state;
    struct device device;
    device_init(&device);
    sim_flash_load(&device.sim, &world->before.sim);
    struct ud_delta_in_place_job job = job_on(world, &device);
    job.new_digest[0] ^= 1;
    assert_int_equal(run_job(&job), UD_ERR_IMAGE_MISMATCH);
    sim_flash_deinit(&device.sim);
}

/* ---- encoder ---- */

static void test_sizes_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *name;
        uint8_t raw[4];
        size_t len;
        ud_err want;
    } heads[] = {
        {"short", {0xd7, 0x04, 1, 0}, 3, UD_ERR_TRUNCATED},
        {"another format", {0xd6, 0x04, 1, 0}, 4, UD_ERR_VERSION},
        {"sectors of 2 MiB", {0xd7, 0x0d, 1, 0}, 4, UD_ERR_SHAPE},
        {"blocks of 32 MiB", {0xd7, 0xf2, 1, 0}, 4, UD_ERR_SHAPE},
        {"no gap", {0xd7, 0x04, 0, 0}, 4, UD_ERR_SHAPE},
        {"a gap of 16 MiB", {0xd7, 0x04, 0, 0x10}, 4, UD_ERR_SHAPE},
        {"the largest gap", {0xd7, 0x04, 0xff, 0x0f}, 4, UD_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct ud_delta_in_place_head head;
        const ud_err got = ud_delta_in_place_parse((struct ud_bytes){heads[i].raw, heads[i].len}, &head);
        if (got != heads[i].want) {
            fail_msg("%s: %s", heads[i].name, ud_err_name(got));
        }
    }
    struct ud_delta_in_place_head head;
    assert_int_equal(delta_in_place_fit(&head, 8192, 1000, 100, 100), UD_ERR_IN_PLACE);
    assert_int_equal(delta_in_place_fit(&head, 8192, 128, 100, 100), UD_ERR_IN_PLACE);
    assert_int_equal(delta_in_place_fit(&head, 8192, 4096, 8193, 100), UD_ERR_IN_PLACE);
    assert_int_equal(delta_in_place_fit(&head, 8192, 4096, 100, 8193), UD_ERR_IN_PLACE);
    assert_int_equal(delta_in_place_fit(&head, 8192, 4096, 4097, 100), UD_ERR_IN_PLACE); /* no gap */
    assert_int_equal(delta_in_place_fit(&head, 6000, 4096, 5000, 100), UD_ERR_IN_PLACE);
    assert_int_equal(delta_in_place_fit(&head, 65536, 4096, 20000, 24000), UD_OK);
    assert_int_equal(head.gap_bytes, 65536 - 20480);
    assert_int_equal(head.block_bytes, 4 * 4096);
}

/* A patch that reads where a block has gone already is refused; in two slots the same tokens are good. */
static void test_what_is_gone_is_not_read(void **state)
{
    const struct world *world = *state;
    struct delta_options options = {.profile = 1, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = 0x8000};
    uint8_t *patch = NULL;
    uint8_t *made = NULL;
    size_t len = 0;
    size_t made_len = 0;
    assert_int_equal(delta_diff(world->old, world->new, &options, &patch, &len, NULL), UD_OK);
    uint8_t *in_one = malloc(len + UD_DELTA_IN_PLACE_PATCH_AT);
    memcpy(in_one + UD_DELTA_IN_PLACE_PATCH_AT, patch, len);
    const struct ud_delta_in_place_head head = {SECTOR, SECTOR, SECTOR};
    delta_in_place_head_write(&head, in_one);
    assert_int_equal(
        delta_patch(world->old, (struct ud_bytes){in_one, len + UD_DELTA_IN_PLACE_PATCH_AT}, &made, &made_len),
        UD_ERR_PATCH);
    free(in_one);
    free(patch);
}

/* Of a real release, in a slot that its growth fits. */
static void test_free_space_for_the_growth_keeps_patches_small(void **state)
{
    (void)state;
    for (size_t i = 0; i < (is_long() ? shared_pair_count : 1); i++) {
        const struct ud_bytes old = shared_image(shared_pairs[i].name, "old.bin");
        const struct ud_bytes new = shared_image(shared_pairs[i].name, "new.bin");
        if (old.ptr == NULL || new.ptr == NULL) {
            skip();
        }
        const size_t larger = old.len > new.len ? old.len : new.len;
        struct ud_delta_in_place_head head;
        struct delta_options options = {
            .profile = 3, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = shared_pairs[i].base};
        uint8_t *two = NULL;
        uint8_t *one = NULL;
        uint8_t *made = NULL;
        size_t two_len = 0;
        size_t one_len = 0;
        size_t made_len = 0;
        assert_int_equal(delta_diff(old, new, &options, &two, &two_len, NULL), UD_OK);
        assert_int_equal(delta_in_place_fit(&head, (uint32_t)(larger / 4096 + 3) * 4096, 4096,
                                            (uint32_t)old.len, (uint32_t) new.len),
                         UD_OK);
        options.in_place = &head;
        assert_int_equal(delta_diff(old, new, &options, &one, &one_len, NULL), UD_OK);
        assert_int_equal(delta_patch(old, (struct ud_bytes){one, one_len}, &made, &made_len), UD_OK);
        assert_true(ud_bytes_equal((struct ud_bytes){made, made_len}, new));
        assert_true(one_len * 100 <= two_len * 102);
        free(one);
        free(two);
        free(made);
        free((void *)(uintptr_t)old.ptr);
        free((void *)(uintptr_t) new.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_patch_in_the_only_slot_leaves_the_new_image),
        cmocka_unit_test(test_it_survives_every_power_cut),
        cmocka_unit_test(test_it_survives_cuts_during_the_recovery),
        cmocka_unit_test(test_a_copy_whose_erase_was_cut_is_not_taken_for_firm),
        cmocka_unit_test(test_what_does_not_fit_is_refused_before_anything_is_written),
        cmocka_unit_test(test_a_patch_in_place_is_refused_for_two_slots),
        cmocka_unit_test(test_a_record_that_makes_no_sense_is_refused),
        cmocka_unit_test(test_a_false_count_of_moved_sectors_is_found_before_anything_is_made),
        cmocka_unit_test(test_foreign_records_are_not_followed),
        cmocka_unit_test(test_a_patch_can_be_applied_a_second_time),
        cmocka_unit_test(test_a_new_image_with_another_digest_is_an_error),
        cmocka_unit_test(test_sizes_that_cannot_be_are_refused),
        cmocka_unit_test(test_what_is_gone_is_not_read),
        cmocka_unit_test(test_free_space_for_the_growth_keeps_patches_small),
    };
    return cmocka_run_group_tests(tests, make_worlds, drop_worlds);
}
