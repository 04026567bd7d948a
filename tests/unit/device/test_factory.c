/* The first image of a device folder, and what the bootloader makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "helper_fleet.h"
#include "ports/openssl/files.h"
#include "ports/posix/device_folder.h"
#include "ports/posix/factory.h"
#include "ports/posix/launch.h"

#define ERASE 4096U
#define SLOT (8U * ERASE)

struct bench {
    struct fleet *fleet;
    char folder[32];
    char envelope[64];
    char image[64];
    struct ud_device_folder device;
    struct ud_boot boot;
    struct ud_boot_info info;
    uint8_t ram[ERASE];
};

static const uint8_t app_id[] = {0x81, 0x43, 'a', 'p', 'p'};

static void write_file(const struct bench *bench, const char *name, struct ud_bytes content)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/%s", bench->folder, name);
    assert_int_equal(ud_small_file_write(path, 0600, true, content), UD_OK);
}

static void write_provision(const struct bench *bench)
{
    uint8_t room[UD_PROVISION_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    struct ud_provision provision = {
        .vendor_id = UD_BYTES_ARRAY(release_vendor),
        .class_id = UD_BYTES_ARRAY(release_class),
        .trust = bench->fleet->device.trust,
        .component_count = 1,
        .components = {{UD_BYTES_ARRAY(app_id), {{0, SLOT}, {SLOT, SLOT}}, 0}},
        .envelope = {{2 * SLOT, ERASE}, {2 * SLOT + ERASE, ERASE}},
        .journal = {2 * SLOT + 2 * ERASE, 3 * ERASE},
        .flash_bytes = 2 * SLOT + 5 * ERASE,
        .erase_size = ERASE,
        .write_size = 8,
        .erased_value = 0xff,
        .trial_boots = 1,
        .trial_deadline_ms = 1000,
    };
    assert_int_equal(ud_provision_write(&out, &provision), UD_OK);
    write_file(bench, "provisioning.cbor", ud_buf_bytes(&out));
}

static void write_release(const struct bench *bench, const struct release *release)
{
    write_file(bench, "factory.suit", release_envelope(release));
    write_file(bench, "factory.bin", release_image(release));
}

static ud_err choose(struct bench *bench)
{
    const struct ud_boot_identity identity = ud_device_folder_identity(&bench->device);
    ud_boot_init(&bench->boot, &bench->device.layout, &bench->device.provision.trust, &identity, bench->ram,
                 sizeof bench->ram);
    return ud_boot_choose(&bench->boot, UD_OK, &bench->info);
}

static ud_err install(const struct bench *bench)
{
    const char *const images[] = {bench->image};
    return ud_factory_install(bench->folder, bench->envelope, images, 1);
}

static void test_the_factory_image_boots_and_is_what_is_executed(void **state)
{
    struct bench *bench = *state;
    const struct release *release = &bench->fleet->v1;
    uint8_t loaded[RELEASE_IMAGE_BYTES_MAX];
    int fd = -1;
    write_release(bench, release);
    assert_int_equal(install(bench), UD_OK);
    assert_int_equal(ud_device_folder_open(&bench->device, bench->folder, &bench->boot.slots), UD_OK);
    assert_int_equal(ud_device_folder_flash_open(&bench->device), UD_OK);
    assert_int_equal(install(bench), UD_ERR_BUSY); /* one program at a time */
    assert_int_equal(choose(bench), UD_OK);
    assert_int_equal(bench->info.reason, UD_BOOT_NORMAL);
    assert_int_equal(bench->info.version.sequence, 10);
    assert_int_equal(ud_launch_load(&bench->boot.slots, &bench->info, &fd), UD_OK);
    assert_int_equal(pread(fd, loaded, sizeof loaded, 0), release->image_bytes);
    assert_memory_equal(loaded, release->image, release->image_bytes);
    assert_int_equal(pwrite(fd, loaded, 1, 0), -1); /* sealed */
    (void)close(fd);
    ud_device_folder_flash_close(&bench->device);
}

static void test_flash_that_changes_between_check_and_start_is_not_executed(void **state)
{
    struct bench *bench = *state;
    int fd = -1;
    write_release(bench, &bench->fleet->v1);
    assert_int_equal(install(bench), UD_OK);
    assert_int_equal(ud_device_folder_open(&bench->device, bench->folder, &bench->boot.slots), UD_OK);
    assert_int_equal(ud_device_folder_flash_open(&bench->device), UD_OK);
    assert_int_equal(choose(bench), UD_OK);
    const uint8_t other = (uint8_t)~bench->fleet->v1.image[100];
    assert_int_equal(pwrite(bench->device.file.fd, &other, 1, 100), 1); /* attacks B7 */
    assert_int_equal(ud_launch_load(&bench->boot.slots, &bench->info, &fd), UD_ERR_IMAGE_MISMATCH);
    assert_int_equal(fd, -1);
    ud_device_folder_flash_close(&bench->device);
}

static void test_a_device_in_use_is_not_given_a_first_image_again(void **state)
{
    struct bench *bench = *state;
    write_release(bench, &bench->fleet->v1);
    assert_int_equal(install(bench), UD_OK);
    write_release(bench, &bench->fleet->v2);
    assert_int_equal(install(bench), UD_ERR_STATE);
}

static void test_what_the_bootloader_would_refuse_is_not_adopted(void **state)
{
    struct bench *bench = *state;
    struct release *wrong = malloc(sizeof *wrong);
    release_make(
        wrong, &(struct release_options){.sequence = 1, .image_bytes = 500, .signer = &bench->fleet->stranger});
    write_release(bench, wrong);
    assert_int_equal(install(bench), UD_ERR_UNTRUSTED);
    *wrong = bench->fleet->v1;
    wrong->image[7] ^= 1;
    write_release(bench, wrong);
    assert_int_equal(install(bench), UD_ERR_IMAGE_MISMATCH);
    release_make(wrong, &(struct release_options){.sequence = 1,
                                                  .image_bytes = 500,
                                                  .signer = &bench->fleet->author,
                                                  .class_id = release_vendor});
    write_release(bench, wrong);
    assert_int_equal(install(bench), UD_ERR_CLASS);
    write_release(bench, &bench->fleet->v1); /* and the right one still goes in */
    assert_int_equal(install(bench), UD_OK);
    free(wrong);
}

static void test_missing_files_are_named_by_their_error(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(install(bench), UD_ERR_NOT_FOUND);
    const char *const images[] = {bench->image, bench->image};
    assert_int_equal(ud_factory_install("/nonexistent", bench->envelope, images, 1), UD_ERR_NOT_FOUND);
    write_release(bench, &bench->fleet->v1);
    assert_int_equal(ud_factory_install(bench->folder, bench->envelope, images, 2), UD_ERR_COMPONENT);
    (void)unlink(bench->image);
    assert_int_equal(install(bench), UD_ERR_NOT_FOUND);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    void *fleet = NULL;
    if (bench == NULL || fleet_setup(&fleet) != 0) {
        return -1;
    }
    bench->fleet = fleet;
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/updraft-device-XXXXXX");
    if (mkdtemp(bench->folder) == NULL) {
        return -1;
    }
    (void)snprintf(bench->envelope, sizeof bench->envelope, "%s/factory.suit", bench->folder);
    (void)snprintf(bench->image, sizeof bench->image, "%s/factory.bin", bench->folder);
    write_provision(bench);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"provisioning.cbor", "flash.bin", "factory.suit", "factory.bin"};
    struct bench *bench = *state;
    void *fleet = bench->fleet;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%s", bench->folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(bench->folder);
    free(bench);
    return fleet_teardown(&fleet);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_the_factory_image_boots_and_is_what_is_executed),
        WITH_BENCH(test_flash_that_changes_between_check_and_start_is_not_executed),
        WITH_BENCH(test_a_device_in_use_is_not_given_a_first_image_again),
        WITH_BENCH(test_what_the_bootloader_would_refuse_is_not_adopted),
        WITH_BENCH(test_missing_files_are_named_by_their_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
