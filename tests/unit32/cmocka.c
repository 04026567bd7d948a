#include "cmocka.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How a test ends before its end. */
enum { BEGINS, FAILED, SKIPPED };
static jmp_buf end_of_test;

void unit32_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "%s:%d: ", file, line);
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "\n");
    va_end(args);
    longjmp(end_of_test, FAILED);
}

void unit32_skip(void)
{
    longjmp(end_of_test, SKIPPED);
}

void print_message(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
}

void unit32_true(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        unit32_fail(file, line, "%s: it is not so", what);
    }
}

void unit32_equal(uintmax_t a, uintmax_t b, bool wanted, const char *what, const char *file, int line)
{
    if ((a == b) != wanted) {
        unit32_fail(file, line, "%s: %#" PRIxMAX " and %#" PRIxMAX, what, a, b);
    }
}

void unit32_texts(const char *a, const char *b, const char *file, int line)
{
    if (strcmp(a, b) != 0) {
        unit32_fail(file, line, "\"%s\" is not \"%s\"", a, b);
    }
}

void unit32_memory(const void *a, const void *b, size_t bytes, bool wanted, const char *file, int line)
{
    if ((bytes == 0 || memcmp(a, b, bytes) == 0) != wanted) {
        unit32_fail(file, line, "%zu bytes are %s", bytes, wanted ? "different" : "the same");
    }
}

void unit32_range(uintmax_t value, uintmax_t low, uintmax_t high, const char *file, int line)
{
    if (value < low || value > high) {
        unit32_fail(file, line, "%" PRIuMAX " is not within %" PRIuMAX " and %" PRIuMAX, value, low, high);
    }
}

static int run_fixture(CMFixtureFunction fixture, void **state)
{
    return fixture == NULL ? 0 : fixture(state);
}

static void run_one(const struct CMUnitTest *test, void **state)
{
    if (run_fixture(test->setup_func, state) != 0) {
        unit32_fail(test->name, 0, "its setup failed");
    }
    test->test_func(state);
}

int unit32_run(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
               CMFixtureFunction teardown)
{
    static void *state; /* longjmp() leaves what is static as it is */
    static int failed;
    state = NULL;
    failed = 0;
    if (setjmp(end_of_test) != BEGINS || run_fixture(setup, &state) != 0) {
        (void)fprintf(stderr, "the setup of the group failed\n");
        return 1;
    }
    for (volatile size_t i = 0; i < count; i++) {
        static void *own;
        own = tests[i].initial_state != NULL ? tests[i].initial_state : state;
        const int end = setjmp(end_of_test);
        if (end == BEGINS) {
            run_one(&tests[i], &own);
        }
        /* it has failed, or was skipped, or ended well: what it holds goes in any case */
        if (setjmp(end_of_test) != BEGINS || run_fixture(tests[i].teardown_func, &own) != 0) {
            (void)fprintf(stderr, "%s: its teardown failed\n", tests[i].name);
            failed++;
        }
        failed += end == FAILED ? 1 : 0;
        (void)printf("[ %s ] %s\n",
                     end == FAILED    ? "FAILED"
                     : end == SKIPPED ? "SKIPPED"
                                      : "OK",
                     tests[i].name);
    }
    if (setjmp(end_of_test) != BEGINS || run_fixture(teardown, &state) != 0) {
        failed++;
    }
    (void)printf("%zu tests, %d failed\n", count, failed);
    return failed;
}
