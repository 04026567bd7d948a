/* The flash that is a file: NOR rules, the lock, and what is on disk after a close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ports/posix/flash_file.h"

static const struct ud_flash_shape shape = {16384, 4096, 8, 0xff};

struct place {
    char folder[64];
    char path[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL) {
        return 1;
    }
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/updraft-flash-XXXXXX");
    *state = place;
    if (mkdtemp(place->folder) == NULL) {
        return 1;
    }
    (void)snprintf(place->path, sizeof place->path, "%s/flash.bin", place->folder);
    return 0;
}

static int drop_place(void **state)
{
    struct place *place = *state;
    (void)unlink(place->path);
    const int left = rmdir(place->folder); /* fails when a temporary file was left behind */
    free(place);
    return left;
}

static void test_a_new_file_is_erased_and_private_and_whole(void **state)
{
    const struct place *place = *state;
    struct ud_flash_file file;
    struct stat status;
    uint8_t bytes[4096];
    assert_int_equal(ud_flash_file_open(&file, place->path, &shape), UD_OK);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 16384);
    for (uint32_t at = 0; at < shape.size_bytes; at += sizeof bytes) {
        assert_int_equal(file.flash.read(file.flash.ctx, at, bytes, sizeof bytes), UD_OK);
        for (size_t i = 0; i < sizeof bytes; i++) {
            assert_int_equal(bytes[i], 0xff);
        }
    }
    assert_int_equal(ud_flash_file_close(&file), UD_OK);
    assert_int_equal(ud_flash_file_close(&file), UD_OK); /* again: harmless */
}

static void test_what_was_programmed_is_there_after_a_close(void **state)
{
    const struct place *place = *state;
    const uint8_t data[16] = {1, 2, 3};
    struct ud_flash_file file;
    uint8_t there[16];
    assert_int_equal(ud_flash_file_open(&file, place->path, &shape), UD_OK);
    assert_int_equal(file.flash.program(file.flash.ctx, 4096, data, sizeof data), UD_OK);
    assert_int_equal(file.flash.sync(file.flash.ctx), UD_OK);
    assert_int_equal(ud_flash_file_close(&file), UD_OK);
    assert_int_equal(ud_flash_file_open(&file, place->path, &shape), UD_OK);
    assert_int_equal(file.flash.read(file.flash.ctx, 4096, there, sizeof there), UD_OK);
    assert_memory_equal(there, data, sizeof data);
    assert_int_equal(file.flash.erase(file.flash.ctx, 4096), UD_OK);
    assert_int_equal(file.flash.program(file.flash.ctx, 4096, data, sizeof data), UD_OK);
    assert_int_equal(ud_flash_file_close(&file), UD_OK);
}

static void test_nor_rules_are_kept(void **state)
{
    static const struct {
        const char *name;
        uint32_t address;
        uint32_t len;
        ud_err want;
    } programs[] = {
        {"first of a unit", 0, 8, UD_OK},
        {"the same unit again", 0, 8, UD_ERR_FLASH_RULE},
        {"over it and the next", 0, 16, UD_ERR_FLASH_RULE},
        {"the next", 8, 8, UD_OK},
        {"inside a unit", 20, 8, UD_ERR_FLASH_RULE},
        {"half a unit", 24, 4, UD_ERR_FLASH_RULE},
        {"the last unit", 16376, 8, UD_OK},
        {"past the end", 16376, 16, UD_ERR_FLASH_RULE},
        {"address wraps", 0xfffffff8u, 16, UD_ERR_FLASH_RULE},
    };
    const struct place *place = *state;
    const uint8_t data[16] = {0};
    uint8_t there[16];
    struct ud_flash_file file;
    assert_int_equal(ud_flash_file_open(&file, place->path, &shape), UD_OK);
    const struct ud_flash *flash = &file.flash;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (flash->program(flash->ctx, programs[i].address, data, programs[i].len) != programs[i].want) {
            fail_msg("%s: not %s", programs[i].name, ud_err_name(programs[i].want));
        }
    }
    assert_int_equal(flash->erase(flash->ctx, 100), UD_ERR_FLASH_RULE);
    assert_int_equal(flash->erase(flash->ctx, 16384), UD_ERR_FLASH_RULE);
    assert_int_equal(flash->read(flash->ctx, 16380, there, 8), UD_ERR_FLASH_RULE);
    assert_int_equal(ud_flash_file_close(&file), UD_OK);
}

static void test_a_second_program_is_told_that_the_flash_is_in_use(void **state)
{
    const struct place *place = *state;
    struct ud_flash_file file;
    struct ud_flash_file second;
    int status = 0;
    assert_int_equal(ud_flash_file_open(&file, place->path, &shape), UD_OK);
    assert_int_equal(ud_flash_file_open(&second, place->path, &shape), UD_ERR_BUSY);
    const pid_t child = fork();
    if (child == 0) {
        _exit(ud_flash_file_open(&second, place->path, &shape) == UD_ERR_BUSY ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ud_flash_file_close(&file), UD_OK);
    assert_int_equal(ud_flash_file_open(&second, place->path, &shape), UD_OK);
    assert_int_equal(ud_flash_file_close(&second), UD_OK);
}

static void test_a_file_of_another_size_or_geometry_is_refused_and_kept(void **state)
{
    const struct place *place = *state;
    struct ud_flash_file file;
    struct ud_flash_shape other = shape;
    struct stat status;
    assert_int_equal(ud_flash_file_open(&file, place->path, &shape), UD_OK);
    assert_int_equal(ud_flash_file_close(&file), UD_OK);
    other.size_bytes = 32768;
    assert_int_equal(ud_flash_file_open(&file, place->path, &other), UD_ERR_CONFIG);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_size, 16384);
    other = shape;
    other.write_size = 64;
    assert_int_equal(ud_flash_file_open(&file, place->path, &other), UD_ERR_CONFIG);
    assert_int_equal(ud_flash_file_open(&file, place->folder, &shape), UD_ERR_IO);
    assert_int_equal(ud_flash_file_open(&file, "/nonexistent/flash.bin", &shape), UD_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_file_is_erased_and_private_and_whole, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(test_what_was_programmed_is_there_after_a_close, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(test_nor_rules_are_kept, make_place, drop_place),
        cmocka_unit_test_setup_teardown(test_a_second_program_is_told_that_the_flash_is_in_use, make_place,
                                        drop_place),
        cmocka_unit_test_setup_teardown(test_a_file_of_another_size_or_geometry_is_refused_and_kept, make_place,
                                        drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
