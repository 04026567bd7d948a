#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff/diff.h"
#include "helper_images.h"

#define BASE 0x08020000u

/* A device's end of a run: every access is checked, and the n-th callback can fail. */
struct bench {
    struct ud_bytes old;
    struct ud_bytes patch;
    uint8_t *new; /* [new_bytes] */
    uint32_t new_bytes;
    uint32_t written;
    uint32_t patch_read;
    uint32_t calls;
    uint32_t fail_at; /* the call with this number fails; 0: none */
};

static ud_err count(struct bench *bench)
{
    return ++bench->calls == bench->fail_at ? UD_ERR_FLASH : UD_OK;
}

static ud_err bench_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    struct bench *bench = ctx;
    assert_true(len >= 1 && len <= 256 && offset <= bench->old.len && len <= bench->old.len - offset);
    memcpy(out, bench->old.ptr + offset, len);
    return count(bench);
}

static ud_err bench_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    struct bench *bench = ctx;
    assert_true(len >= 1 && offset <= bench->written && len <= bench->written - offset);
    memcpy(out, bench->new + offset, len);
    return count(bench);
}

static ud_err bench_write(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct bench *bench = ctx;
    assert_int_equal(offset, bench->written);
    assert_true(len <= bench->new_bytes - offset);
    assert_true(len == UD_DELTA_PAGE_BYTES || offset + len == bench->new_bytes);
    memcpy(bench->new + offset, data, len);
    bench->written += len;
    return count(bench);
}

static ud_err bench_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    struct bench *bench = ctx;
    assert_int_equal(offset, bench->patch_read);
    assert_true(len >= 1 && len <= bench->patch.len - offset);
    memcpy(out, bench->patch.ptr + offset, len);
    bench->patch_read += len;
    return count(bench);
}

static struct ud_delta delta;

static ud_err run(struct bench *bench)
{
    const struct ud_delta_io io = {bench, bench_old, bench_new, bench_write, bench_patch};
    const struct ud_delta_job job = {&io, (uint32_t)bench->patch.len, (uint32_t)bench->old.len,
                                     bench->new_bytes};
    bench->written = bench->patch_read = bench->calls = 0;
    ud_err err = ud_delta_init(&delta, &job);
    if (err != UD_OK) {
        return err;
    }
    const uint32_t steps_max = (uint32_t)(bench->old.len + bench->new_bytes) / UD_DELTA_PAGE_BYTES + 4;
    uint32_t steps = 0;
    do {
        err = ud_delta_step(&delta);
        assert_true(++steps <= steps_max); /* progress in every step */
    } while (err == UD_WAIT);
    assert_int_equal(ud_delta_step(&delta), err); /* an end stays one */
    assert_true(err != UD_OK || bench->written == bench->new_bytes);
    return err;
}

/* Make a patch and apply it, with all checks. */
static struct ud_bytes round_trip(const char *name, struct ud_bytes old, struct ud_bytes new,
                                  const struct delta_options *options)
{
    uint8_t *patch = NULL;
    size_t len = 0;
    const ud_err made = delta_diff(old, new, options, &patch, &len, NULL);
    if (made != UD_OK) {
        fail_msg("%s: %s", name, ud_err_name(made));
    }
    struct bench bench = {
        .old = old, .patch = {patch, len}, .new = malloc(new.len + 1), .new_bytes = (uint32_t) new.len};
    const ud_err err = run(&bench);
    if (err != UD_OK || memcmp(bench.new, new.ptr, new.len) != 0) {
        fail_msg("%s, profile %u: %s", name, options->profile, ud_err_name(err));
    }
    free(bench.new);
    return bench.patch;
}

static void drop(struct ud_bytes bytes)
{
    free((void *)(uintptr_t)bytes.ptr);
}

static struct ud_bytes pattern(size_t len, uint32_t seed, uint8_t mask, uint8_t fill)
{
    uint8_t *bytes = malloc(len + 1);
    uint32_t random = seed;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)((next_random(&random) & mask) | fill);
    }
    return (struct ud_bytes){bytes, len};
}

static const struct {
    const char *name;
    size_t old_len;
    uint32_t old_seed;
    uint8_t old_mask;
    size_t new_len;
    uint32_t new_seed;
    uint8_t new_mask;
} odd_pairs[] = {
    {"nothing from nothing", 0, 1, 0xff, 0, 1, 0xff},
    {"nothing from something", 300, 1, 0xff, 0, 1, 0xff},
    {"something from nothing", 0, 1, 0xff, 700, 2, 0xff},
    {"one byte", 0, 1, 0xff, 1, 1, 0xff},
    {"from two bytes", 2, 1, 0xff, 1000, 2, 0x0f},
    {"equal", 5000, 3, 0xff, 5000, 3, 0xff},
    {"equal, and a page long", 256, 3, 0xff, 256, 3, 0xff},
    {"longer", 4096, 3, 0xff, 9001, 3, 0xff},
    {"shorter", 9001, 3, 0xff, 4096, 3, 0xff},
    {"nothing in common", 3000, 5, 0xff, 3001, 6, 0xff},
    {"all zero", 3000, 5, 0, 5000, 6, 0},
    {"zero to noise", 3000, 5, 0, 3000, 6, 0xff},
    {"few values", 3001, 5, 1, 2999, 6, 3},
};

static void test_odd_pairs_come_out_as_they_went_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_pairs / sizeof odd_pairs[0]; i++) {
        const struct ud_bytes old =
            pattern(odd_pairs[i].old_len, odd_pairs[i].old_seed, odd_pairs[i].old_mask, 0);
        const struct ud_bytes new =
            pattern(odd_pairs[i].new_len, odd_pairs[i].new_seed, odd_pairs[i].new_mask, 0);
        for (uint8_t predictor = 0; predictor < UD_DELTA_PREDICTOR_COUNT; predictor++) {
            const struct delta_options options = {.profile = 3, .predictor = predictor};
            drop(round_trip(odd_pairs[i].name, old, new, &options));
        }
        drop(old);
        drop(new);
    }
}

static void test_code_that_moved_comes_out_in_every_profile_and_costs_little(void **state)
{
    (void)state;
    const struct ud_bytes old = thumb_image(7, BASE, 400, 0);
    const struct ud_bytes new = thumb_image(7, BASE, 400, 12);
    for (uint8_t profile = 0; profile < UD_DELTA_PROFILE_COUNT; profile++) {
        const struct delta_options options = {
            .profile = profile, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = BASE};
        const struct delta_options blind = {
            .profile = profile, .predictor = UD_DELTA_PREDICTOR_NONE, .base = BASE};
        const struct ud_bytes patch = round_trip("moved", old, new, &options);
        const struct ud_bytes without = round_trip("moved, no predictor", old, new, &blind);
        assert_true(patch.len < without.len / 2); /* the address models earn their place */
        drop(patch);
        drop(without);
    }
    drop(old);
    drop(new);
}

static void test_halves_swapped_and_odd_offsets_come_out(void **state)
{
    (void)state;
    const struct ud_bytes old = thumb_image(9, BASE, 200, 4);
    uint8_t *new = malloc(old.len + 3);
    const size_t half = old.len / 2;
    memcpy(new, old.ptr + half, old.len - half);
    memset(new + old.len - half, 0xa5, 3);
    memcpy(new + old.len - half + 3, old.ptr, half);
    const struct delta_options options = {.profile = 2, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = BASE};
    drop(round_trip("swapped", old, (struct ud_bytes){new, old.len + 3}, &options));
    free(new);
    drop(old);
}

static void test_the_same_images_give_the_same_patch(void **state)
{
    (void)state;
    const struct ud_bytes old = thumb_image(7, BASE, 300, 0);
    const struct ud_bytes new = thumb_image(7, BASE, 310, 20);
    const struct delta_options options = {.profile = 3, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = BASE};
    const struct ud_bytes first = round_trip("first", old, new, &options);
    const struct ud_bytes second = round_trip("second", old, new, &options);
    assert_true(ud_bytes_equal(first, second));
    drop(first);
    drop(second);
    drop(old);
    drop(new);
}

/* What fills a slot up, or repeats, is said once, however long it is. */
static void test_long_runs_cost_no_more_than_short_ones(void **state)
{
    (void)state;
    const struct ud_bytes old = pattern(70000, 3, 0xff, 0);
    const struct ud_bytes blank = pattern(200000, 3, 0, 0xff);
    uint8_t *twice = malloc(2 * old.len);
    memcpy(twice, old.ptr, old.len);
    memcpy(twice + old.len, old.ptr, old.len);
    const struct delta_options options = {.profile = 3};
    const struct ud_bytes fill = round_trip("fill", old, blank, &options);
    const struct ud_bytes again = round_trip("twice", old, (struct ud_bytes){twice, 2 * old.len}, &options);
    assert_true(fill.len < 48);
    assert_true(again.len < 64);
    drop(fill);
    drop(again);
    free(twice);
    drop(old);
    drop(blank);
}

/* Long images are looked over with less effort, and equal stretches of them passed over. */
static void test_large_images_come_out_and_what_did_not_change_costs_little(void **state)
{
    (void)state;
    const size_t len = (4u << 20) + 12345;
    const struct ud_bytes old = pattern(len, 11, 0xff, 0);
    uint8_t *new = malloc(len + 3000);
    memcpy(new, old.ptr, len / 2);
    const struct ud_bytes fresh = pattern(3000, 12, 0xff, 0);
    memcpy(new + len / 2, fresh.ptr, fresh.len);
    memcpy(new + len / 2 + fresh.len, old.ptr + len / 2, len - len / 2);
    new[77] ^= 1;
    const struct delta_options options = {.profile = 3};
    const struct ud_bytes patch = round_trip("large", old, (struct ud_bytes){new, len + fresh.len}, &options);
    assert_true(patch.len < fresh.len + 400);
    drop(patch);
    drop(fresh);
    free(new);
    drop(old);
}

/* Real releases: they must come out, and no larger than the issue allows (bsdiff 4.3 on the same pairs). */
static void test_shared_pairs_come_out_and_stay_within_their_sizes(void **state)
{
    (void)state;
    static const size_t bsdiff[] = {1613, 40470, 82264, 60422};
    for (size_t i = 0; i < shared_pair_count; i++) {
        const struct ud_bytes old = shared_image(shared_pairs[i].name, "old.bin");
        const struct ud_bytes new = shared_image(shared_pairs[i].name, "new.bin");
        if (old.ptr == NULL || new.ptr == NULL) {
            skip();
        }
        const struct delta_options options = {
            .profile = 3, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = shared_pairs[i].base};
        assert_int_equal(delta_guess_base(old), shared_pairs[i].base);
        assert_int_equal(delta_guess_predictor(old), UD_DELTA_PREDICTOR_THUMB);
        const struct ud_bytes patch = round_trip(shared_pairs[i].name, old, new, &options);
        if (patch.len * 100 > bsdiff[i] * 92) {
            fail_msg("%s: %zu bytes, bsdiff %zu", shared_pairs[i].name, patch.len, bsdiff[i]);
        }
        drop(patch);
        drop(old);
        drop(new);
    }
}

/* One good patch, for what follows. */
struct sample {
    struct ud_bytes old;
    struct ud_bytes new;
    struct ud_bytes patch;
};

static int make_sample(void **state)
{
    struct sample *sample = calloc(1, sizeof *sample);
    if (sample == NULL) {
        return -1;
    }
    const struct delta_options options = {.profile = 3, .predictor = UD_DELTA_PREDICTOR_THUMB, .base = BASE};
    sample->old = thumb_image(3, BASE, 60, 0);
    sample->new = thumb_image(3, BASE, 64, 6);
    uint8_t *patch = NULL;
    if (delta_diff(sample->old, sample->new, &options, &patch, &sample->patch.len, NULL) != UD_OK) {
        return -1;
    }
    sample->patch.ptr = patch;
    *state = sample;
    return 0;
}

static int drop_sample(void **state)
{
    struct sample *sample = *state;
    drop(sample->old);
    drop(sample->new);
    drop(sample->patch);
    free(sample);
    return 0;
}

static struct bench bench_of(const struct sample *sample)
{
    return (struct bench){.old = sample->old,
                          .patch = sample->patch,
                          .new = malloc(sample->new.len),
                          .new_bytes = (uint32_t)sample->new.len};
}

static const struct {
    const char *name;
    size_t at;
    uint8_t value;
    ud_err want;
} bad_heads[] = {
    {"another format", 0, 0xd5, UD_ERR_VERSION},
    {"a profile that does not exist", 1, 0x16, UD_ERR_PATCH_PROFILE},
    {"the highest profile number", 1, 0x1f, UD_ERR_PATCH_PROFILE},
    {"a predictor that does not exist", 1, 0x23, UD_ERR_PATCH_PROFILE},
    {"old of another size", 4, 1, UD_ERR_PRECURSOR},
    {"new of another size", 7, 1, UD_ERR_PATCH},
    {"old with another checksum", 12, 0, UD_ERR_PRECURSOR},
};

static void test_a_head_that_does_not_fit_is_refused_before_anything_is_written(void **state)
{
    const struct sample *sample = *state;
    struct bench bench = bench_of(sample);
    uint8_t *patch = malloc(sample->patch.len);
    bench.patch.ptr = patch;
    for (size_t i = 0; i < sizeof bad_heads / sizeof bad_heads[0]; i++) {
        memcpy(patch, sample->patch.ptr, sample->patch.len);
        patch[bad_heads[i].at] = (uint8_t)(patch[bad_heads[i].at] == bad_heads[i].value ? bad_heads[i].value ^ 1
                                                                                        : bad_heads[i].value);
        const ud_err err = run(&bench);
        if (err != bad_heads[i].want || bench.written != 0) {
            fail_msg("%s: %s after %u bytes", bad_heads[i].name, ud_err_name(err), (unsigned)bench.written);
        }
    }
    free(patch);
    free(bench.new);
}

static void test_sizes_over_16_mib_are_refused(void **state)
{
    const struct sample *sample = *state;
    struct bench bench = bench_of(sample);
    const struct ud_delta_io io = {&bench, bench_old, bench_new, bench_write, bench_patch};
    const uint32_t patch_bytes = (uint32_t)sample->patch.len;
    const struct ud_delta_job large_old = {&io, patch_bytes, UD_DELTA_IMAGE_BYTES_MAX + 1, bench.new_bytes};
    const struct ud_delta_job large_new = {&io, patch_bytes, (uint32_t)sample->old.len,
                                           UD_DELTA_IMAGE_BYTES_MAX + 1};
    assert_int_equal(ud_delta_init(&delta, &large_old), UD_ERR_TOO_LARGE);
    assert_int_equal(ud_delta_init(&delta, &large_new), UD_ERR_TOO_LARGE);
    const struct delta_options options = {.profile = 3};
    const struct ud_bytes large = {sample->old.ptr, (size_t)UD_DELTA_IMAGE_BYTES_MAX + 1};
    uint8_t *patch = NULL;
    size_t len = 0;
    assert_int_equal(delta_diff(large, sample->new, &options, &patch, &len, NULL), UD_ERR_TOO_LARGE);
    assert_int_equal(delta_diff(sample->old, large, &options, &patch, &len, NULL), UD_ERR_TOO_LARGE);
    free(bench.new);
}

static void test_the_wrong_old_image_is_refused_before_anything_is_written(void **state)
{
    const struct sample *sample = *state;
    struct bench bench = bench_of(sample);
    uint8_t *old = malloc(sample->old.len);
    bench.old.ptr = old;
    for (size_t at = 0; at < sample->old.len; at += 97) {
        memcpy(old, sample->old.ptr, sample->old.len);
        old[at] ^= 0x10;
        assert_int_equal(run(&bench), UD_ERR_PRECURSOR);
        assert_int_equal(bench.written, 0);
    }
    free(old);
    free(bench.new);
}

static void test_a_patch_cut_anywhere_is_an_error(void **state)
{
    const struct sample *sample = *state;
    struct bench bench = bench_of(sample);
    for (size_t len = 0; len < sample->patch.len; len++) {
        bench.patch.len = len;
        const ud_err err = run(&bench);
        /* the coder reads four zero bytes behind the end, so what a short cut gives may be found out by the digest only */
        if (err == UD_OK && memcmp(bench.new, sample->new.ptr, sample->new.len) == 0) {
            fail_msg("%zu bytes of %zu gave the image", len, sample->patch.len);
        }
        if (len + 4 < sample->patch.len) {
            assert_int_not_equal(err, UD_OK);
        }
    }
    free(bench.new);
}

static void test_bytes_behind_the_end_are_an_error(void **state)
{
    const struct sample *sample = *state;
    struct bench bench = bench_of(sample);
    uint8_t *patch = malloc(sample->patch.len + 70);
    memset(patch, 0, sample->patch.len + 70);
    memcpy(patch, sample->patch.ptr, sample->patch.len);
    bench.patch = (struct ud_bytes){patch, sample->patch.len + 70};
    assert_int_equal(run(&bench), UD_ERR_TRAILING);
    free(patch);
    free(bench.new);
}

/* The callbacks check every access, the sanitizers every byte. */
static void test_damaged_patches_never_reach_outside(void **state)
{
    const struct sample *sample = *state;
    struct bench bench = bench_of(sample);
    uint8_t *patch = malloc(sample->patch.len);
    bench.patch.ptr = patch;
    uint32_t random = 20;
    for (uint32_t i = 0; i < 1500; i++) {
        memcpy(patch, sample->patch.ptr, sample->patch.len);
        const size_t at =
            UD_DELTA_HEAD_BYTES + next_random(&random) % (sample->patch.len - UD_DELTA_HEAD_BYTES);
        if (i % 3 == 0) {
            for (size_t k = at; k < sample->patch.len; k++) {
                patch[k] = (uint8_t)next_random(&random);
            }
        } else {
            patch[at] ^= (uint8_t)(1u << (i & 7));
        }
        const ud_err err = run(&bench);
        if (err != UD_OK && err != UD_ERR_PATCH && err != UD_ERR_TRUNCATED && err != UD_ERR_TRAILING) {
            fail_msg("%s", ud_err_name(err));
        }
    }
    free(patch);
    free(bench.new);
}

static void test_every_callbacks_error_comes_out_and_ends_the_run(void **state)
{
    const struct sample *sample = *state;
    struct bench bench = bench_of(sample);
    assert_int_equal(run(&bench), UD_OK);
    const uint32_t calls = bench.calls;
    assert_true(calls > 20);
    for (uint32_t n = 1; n <= calls; n++) {
        bench.fail_at = n;
        assert_int_equal(run(&bench), UD_ERR_FLASH);
        assert_true(bench.calls <= n + 2); /* no more than what stood in the same unit */
    }
    free(bench.new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd_pairs_come_out_as_they_went_in),
        cmocka_unit_test(test_code_that_moved_comes_out_in_every_profile_and_costs_little),
        cmocka_unit_test(test_halves_swapped_and_odd_offsets_come_out),
        cmocka_unit_test(test_the_same_images_give_the_same_patch),
        cmocka_unit_test(test_long_runs_cost_no_more_than_short_ones),
        cmocka_unit_test(test_large_images_come_out_and_what_did_not_change_costs_little),
        cmocka_unit_test(test_shared_pairs_come_out_and_stay_within_their_sizes),
        cmocka_unit_test(test_a_head_that_does_not_fit_is_refused_before_anything_is_written),
        cmocka_unit_test(test_sizes_over_16_mib_are_refused),
        cmocka_unit_test(test_the_wrong_old_image_is_refused_before_anything_is_written),
        cmocka_unit_test(test_a_patch_cut_anywhere_is_an_error),
        cmocka_unit_test(test_bytes_behind_the_end_are_an_error),
        cmocka_unit_test(test_damaged_patches_never_reach_outside),
        cmocka_unit_test(test_every_callbacks_error_comes_out_and_ends_the_run),
    };
    return cmocka_run_group_tests(tests, make_sample, drop_sample);
}
