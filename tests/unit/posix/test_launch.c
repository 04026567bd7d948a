/* Images are real programs here: the system's shell, told what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "ports/posix/launch.h"

/* Run the shell as an image with this script, as a trial of deadline_ms. */
static void run(struct ud_launch *launch, const char *script, uint32_t deadline_ms)
{
    char name[] = "image";
    char option[] = "-c";
    char *line = strdup(script);
    char *const arguments[] = {name, option, line, NULL};
    const struct ud_boot_info info = {.slot = 1, .reason = UD_BOOT_TRIAL};
    const int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ud_launch_start(launch, fd, &info, "/nowhere", arguments), UD_OK);
    assert_int_equal(ud_launch_wait(launch, deadline_ms), UD_OK);
    free(line);
}

static const struct {
    const char *name;
    const char *script;
    uint32_t deadline_ms;
    ud_launch_end end;
    int status;
    bool confirmed;
} rows[] = {
    {"ends by itself", "exit 0", 0, UD_LAUNCH_EXITED, 0, false},
    {"asks for a reset", "exit 75", 0, UD_LAUNCH_EXITED, 75, false},
    {"crashes", "kill -ABRT $$", 0, UD_LAUNCH_KILLED, SIGABRT, false},
    {"confirms itself and ends", "printf 1 >&$UPDRAFT_BOOT_CONFIRMED; exit 75", 60000, UD_LAUNCH_EXITED, 75,
     true},
    {"hangs unconfirmed", "exec sleep 1000", 50, UD_LAUNCH_DEADLINE, SIGKILL, false},
    {"closes its descriptor without a word", "eval \"exec $UPDRAFT_BOOT_CONFIRMED>&-\"; exec sleep 1000", 50,
     UD_LAUNCH_DEADLINE, SIGKILL, false},
    {"outlives its deadline once confirmed", "printf 1 >&$UPDRAFT_BOOT_CONFIRMED; sleep 2.2; exit 5", 2000,
     UD_LAUNCH_EXITED, 5, true},
    {"is told its folder", "test \"$UPDRAFT_DEVICE\" = /nowhere && exit 6", 0, UD_LAUNCH_EXITED, 6, false},
    {"gets boot information", "test -r /proc/self/fd/$UPDRAFT_BOOT_INFO && exit 7", 0, UD_LAUNCH_EXITED, 7,
     false},
    {"cannot change it", "printf x 2>/dev/null >&$UPDRAFT_BOOT_INFO || exit 8", 0, UD_LAUNCH_EXITED, 8, false},
    {"leaves a child that keeps the descriptor", "sleep 1 & exit 9", 0, UD_LAUNCH_EXITED, 9, false},
};

static void test_how_an_image_ends_is_told_apart(void **state)
{
    struct ud_launch *launch = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(launch, rows[i].script, rows[i].deadline_ms);
        if (launch->end != rows[i].end || launch->status != rows[i].status ||
            launch->confirmed != rows[i].confirmed) {
            fail_msg("%s: end %d status %d confirmed %d", rows[i].name, (int)launch->end, launch->status,
                     (int)launch->confirmed);
        }
    }
}

static void test_a_request_to_stop_reaches_the_image(void **state)
{
    struct ud_launch *launch = *state;
    run(launch, "kill -TERM $PPID; exec sleep 1000", 0);
    assert_int_equal(launch->end, UD_LAUNCH_STOPPED);
    assert_int_equal(launch->status, SIGTERM);
}

static void test_a_file_that_is_no_program_ends_at_once(void **state)
{
    struct ud_launch *launch = *state;
    char name[] = "image";
    char *const arguments[] = {name, NULL};
    const struct ud_boot_info info = {.reason = UD_BOOT_TRIAL};
    const int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ud_launch_start(launch, fd, &info, "/nowhere", arguments), UD_OK);
    assert_int_equal(ud_launch_wait(launch, 60000), UD_OK);
    assert_int_equal(launch->end, UD_LAUNCH_EXITED);
    assert_int_equal(launch->status, 126);
}

static int setup(void **state)
{
    struct ud_launch *launch = calloc(1, sizeof *launch);
    *state = launch;
    return launch != NULL && ud_launch_init(launch) == UD_OK ? 0 : -1;
}

static int teardown(void **state)
{
    const struct ud_launch *launch = *state;
    (void)close(launch->signal_fd);
    free(*state);
    return 0;
}

int main(void)
{
    for (int fd = 3; fd < 64; fd++) {
        (void)close(fd); /* inherited: a shell has no name for a descriptor above 9 */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_an_image_ends_is_told_apart),
        cmocka_unit_test(test_a_request_to_stop_reaches_the_image),
        cmocka_unit_test(test_a_file_that_is_no_program_ends_at_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
