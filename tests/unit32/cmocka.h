/*
 * As much of cmocka's interface as the unit tests use, in our own code: there is no packaged cmocka of a second width. One test program, one
 * thread. Every test runs; the program's result is how many failed.
 */
#ifndef UPDRAFT_TESTS_UNIT32_CMOCKA_H
#define UPDRAFT_TESTS_UNIT32_CMOCKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction setup_func;
    CMFixtureFunction teardown_func;
    void *initial_state;
};

#define cmocka_unit_test(test)                                                                                 \
    {                                                                                                          \
#test, test, NULL, NULL, NULL                                                                          \
    }
#define cmocka_unit_test_setup_teardown(test, setup, teardown)                                                 \
    {                                                                                                          \
#test, test, setup, teardown, NULL                                                                     \
    }
#define cmocka_run_group_tests(tests, setup, teardown)                                                         \
    unit32_run(tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)

/** @return how many tests failed; a fixture that fails counts as one */
int unit32_run(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
               CMFixtureFunction teardown);

/* Each of these ends the test at work unless it holds. */
void unit32_true(bool holds, const char *what, const char *file, int line);
void unit32_equal(uintmax_t a, uintmax_t b, bool wanted, const char *what, const char *file, int line);
void unit32_texts(const char *a, const char *b, const char *file, int line);
void unit32_memory(const void *a, const void *b, size_t bytes, bool wanted, const char *file, int line);
void unit32_range(uintmax_t value, uintmax_t low, uintmax_t high, const char *file, int line);
void unit32_fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void unit32_skip(void) __attribute__((noreturn));
void print_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define assert_true(c) unit32_true((c) ? true : false, #c, __FILE__, __LINE__)
#define assert_false(c) unit32_true((c) ? false : true, "not " #c, __FILE__, __LINE__)
#define assert_non_null(p) unit32_true((p) != NULL, #p " is there", __FILE__, __LINE__)
#define assert_null(p) unit32_true((p) == NULL, #p " is NULL", __FILE__, __LINE__)
#define assert_int_equal(a, b)                                                                                 \
    unit32_equal((uintmax_t)(a), (uintmax_t)(b), true, #a " == " #b, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)                                                                             \
    unit32_equal((uintmax_t)(a), (uintmax_t)(b), false, #a " != " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b) unit32_texts(a, b, __FILE__, __LINE__)
#define assert_memory_equal(a, b, bytes) unit32_memory(a, b, bytes, true, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, bytes) unit32_memory(a, b, bytes, false, __FILE__, __LINE__)
#define assert_in_range(value, low, high)                                                                      \
    unit32_range((uintmax_t)(value), (uintmax_t)(low), (uintmax_t)(high), __FILE__, __LINE__)
#define fail_msg(...) unit32_fail(__FILE__, __LINE__, __VA_ARGS__)
#define fail() unit32_fail(__FILE__, __LINE__, "failed")
#define skip() unit32_skip()

#endif
