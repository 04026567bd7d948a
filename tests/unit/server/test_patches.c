/* Patches that the server makes: kept while there is room, remembered where they do not pay, right or not at all. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "diff/diff.h"
#include "server/patches.h"

#define IMAGE_BYTES 20000U
#define PATIENCE 6000 /* looks, 10 ms apart */

struct bench {
    char folder[64];
    struct ud_log log;
    struct ud_metrics metrics;
    struct ud_artifacts *artifacts;
    struct ud_patches *patches;
    uint8_t images[4][IMAGE_BYTES]; /* the first three resemble each other, the last one nothing */
    struct ud_row_artifact rows[4];
};

static void open_patches(struct bench *bench, uint64_t image_bytes_max, uint64_t bytes_max)
{
    const struct ud_patches_config config = {.state_folder = bench->folder,
                                             .artifacts = bench->artifacts,
                                             .log = &bench->log,
                                             .metrics = &bench->metrics,
                                             .image_bytes_max = image_bytes_max,
                                             .bytes_max = bytes_max};
    ud_patches_close(bench->patches);
    bench->patches = NULL;
    assert_int_equal(ud_patches_open(&bench->patches, &config), UD_OK);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    uint32_t random = 1;
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/updraft-patches-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->log = (struct ud_log){open("/dev/null", O_WRONLY | O_CLOEXEC), UD_LOG_DEBUG};
    assert_int_equal(ud_artifacts_open(&bench->artifacts, bench->folder, 1U << 20), UD_OK);
    for (uint32_t at = 0; at < IMAGE_BYTES; at++) {
        random = random * 1664525U + 1013904223U;
        for (uint32_t i = 0; i < 3; i++) {
            bench->images[i][at] = (uint8_t)((random >> 24) + (at % 1000 < i ? 1U : 0U));
        }
        bench->images[3][at] = (uint8_t)(random >> 16);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(ud_artifacts_put(bench->artifacts, UD_BYTES_ARRAY(bench->images[i]), &bench->rows[i]),
                         UD_OK);
    }
    open_patches(bench, 1U << 20, 1U << 20);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    char command[128];
    ud_patches_close(bench->patches);
    ud_artifacts_close(bench->artifacts);
    close(bench->log.fd);
    (void)snprintf(command, sizeof command, "rm -rf %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(bench);
    return 0;
}

static struct ud_patch_name name_of(const struct bench *bench, unsigned old, unsigned new)
{
    struct ud_patch_name name = {.profile = 3};
    memcpy(name.old, bench->rows[old].sha256, sizeof name.old);
    memcpy(name.new, bench->rows[new].sha256, sizeof name.new);
    return name;
}

static ud_err ask(const struct bench *bench, unsigned old, unsigned new, uint64_t *bytes)
{
    const struct ud_patch_name name = name_of(bench, old, new);
    int fd = -1;
    const ud_err err = ud_patches_file(bench->patches, &name, &fd, bytes);
    if (err == UD_OK) {
        close(fd);
    }
    return err;
}

static uint64_t count(struct bench *bench, ud_metric metric)
{
    return atomic_load(&bench->metrics.counts[metric]);
}

/* The thread says by a counter that it is through with one more. */
static void await(struct bench *bench, ud_metric metric, uint64_t value)
{
    for (int look = 0; look < PATIENCE && count(bench, metric) < value; look++) {
        (void)nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    assert_int_equal(count(bench, metric), value);
}

static void test_a_patch_is_not_there_then_it_is_and_makes_the_image(void **state)
{
    struct bench *bench = *state;
    const struct ud_patch_name name = name_of(bench, 0, 1);
    uint8_t patch[IMAGE_BYTES];
    uint8_t *made = NULL;
    size_t made_len = 0;
    uint64_t bytes = 0;
    int fd = -1;
    assert_int_equal(ask(bench, 0, 1, &bytes), UD_ERR_NOT_FOUND);
    await(bench, UD_METRIC_PATCHES_MADE, 1);
    assert_int_equal(ud_patches_file(bench->patches, &name, &fd, &bytes), UD_OK);
    assert_true(bytes < IMAGE_BYTES / 4);
    assert_int_equal(read(fd, patch, sizeof patch), (ssize_t)bytes);
    close(fd);
    const struct ud_bytes old = UD_BYTES_ARRAY(bench->images[0]);
    assert_int_equal(delta_patch(old, (struct ud_bytes){patch, (size_t)bytes}, &made, &made_len), UD_OK);
    assert_int_equal(made_len, IMAGE_BYTES);
    assert_memory_equal(made, bench->images[1], IMAGE_BYTES);
    free(made);
    open_patches(bench, 1U << 20, 1U << 20); /* and over a restart */
    assert_int_equal(ask(bench, 0, 1, &bytes), UD_OK);
}

static void test_a_patch_that_saves_too_little_is_tried_once(void **state)
{
    struct bench *bench = *state;
    uint64_t bytes = 0;
    assert_int_equal(ask(bench, 0, 3, &bytes), UD_ERR_NOT_FOUND);
    await(bench, UD_METRIC_PATCHES_USELESS, 1);
    assert_int_equal(ask(bench, 0, 3, &bytes), UD_ERR_NOT_FOUND);
    assert_int_equal(ask(bench, 0, 1, &bytes), UD_ERR_NOT_FOUND);
    await(bench, UD_METRIC_PATCHES_MADE, 1); /* the queue has passed the second question, too */
    assert_int_equal(count(bench, UD_METRIC_PATCHES_USELESS), 1);
}

static void set_asked(struct bench *bench, unsigned old, unsigned new, time_t when)
{
    char hex[2 * UD_SHA256_BYTES + 1];
    char path[256];
    ud_hex_write(hex, bench->rows[new].sha256, UD_SHA256_BYTES);
    int at = snprintf(path, sizeof path, "%s/patches/%s-", bench->folder, hex);
    ud_hex_write(hex, bench->rows[old].sha256, UD_PATCH_PRECURSOR_DIGITS / 2);
    (void)snprintf(path + at, sizeof path - (size_t)at, "%s-p3", hex);
    const struct timespec times[2] = {{when, 0}, {when, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_what_was_not_asked_for_longest_makes_room(void **state)
{
    struct bench *bench = *state;
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t third = 0;
    (void)ask(bench, 0, 1, &first);
    await(bench, UD_METRIC_PATCHES_MADE, 1);
    (void)ask(bench, 0, 2, &second);
    await(bench, UD_METRIC_PATCHES_MADE, 2);
    assert_int_equal(ask(bench, 0, 1, &first), UD_OK);
    assert_int_equal(ask(bench, 0, 2, &second), UD_OK);
    open_patches(bench, 1U << 20, first + second + 10); /* room for no third one */
    set_asked(bench, 0, 1, 2000);
    set_asked(bench, 0, 2, 1000);
    (void)ask(bench, 1, 2, &third);
    await(bench, UD_METRIC_PATCHES_MADE, 3);
    assert_int_equal(ask(bench, 1, 2, &third), UD_OK);
    const uint64_t left = ask(bench, 0, 1, &first) == UD_OK ? first : 0;
    assert_true(left + third <= first + second + 10);
    assert_int_equal(ask(bench, 0, 2, &second), UD_ERR_NOT_FOUND); /* the one that nobody wanted */
    await(bench, UD_METRIC_PATCHES_MADE, 4);                       /* is made again when it is asked for */
}

static void test_no_patch_from_or_to_what_is_too_large_or_absent_or_the_same(void **state)
{
    struct bench *bench = *state;
    uint64_t bytes = 0;
    open_patches(bench, IMAGE_BYTES - 1, 1U << 20);
    assert_int_equal(ask(bench, 0, 1, &bytes), UD_ERR_NOT_FOUND);
    await(bench, UD_METRIC_PATCHES_USELESS, 1);
    open_patches(bench, 0, 1U << 20);
    assert_int_equal(ask(bench, 0, 2, &bytes), UD_ERR_NOT_FOUND);
    open_patches(bench, 1U << 20, 1U << 20);
    assert_int_equal(ask(bench, 1, 1, &bytes), UD_ERR_NOT_FOUND);
    bench->rows[0].sha256[5] ^= 1;
    assert_int_equal(ask(bench, 0, 2, &bytes), UD_ERR_NOT_FOUND); /* an image that nobody uploaded */
    bench->rows[0].sha256[5] ^= 1;
    assert_int_equal(ask(bench, 1, 2, &bytes), UD_ERR_NOT_FOUND);
    await(bench, UD_METRIC_PATCHES_MADE, 1); /* of all these only the last */
    assert_int_equal(count(bench, UD_METRIC_PATCHES_USELESS), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_patch_is_not_there_then_it_is_and_makes_the_image, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_patch_that_saves_too_little_is_tried_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_not_asked_for_longest_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_patch_from_or_to_what_is_too_large_or_absent_or_the_same, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
