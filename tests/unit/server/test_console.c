/* The console's serving: which encodings a client takes; one-time codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/console.h"
#include "server/sign_in.h"

#include <string.h>

static void an_encoding_that_is_named_counts(void **state)
{
    (void)state;
    assert_true(ud_console_takes_gzip("gzip"));
    assert_true(ud_console_takes_gzip("gzip, deflate, br"));
    assert_true(ud_console_takes_gzip("br;q=1.0, GZIP;q=0.5"));
    assert_true(ud_console_takes_gzip("*"));
    assert_true(ud_console_takes_gzip("*;q=0, gzip"));
    assert_false(ud_console_takes_gzip(NULL));
    assert_false(ud_console_takes_gzip(""));
    assert_false(ud_console_takes_gzip("identity"));
    assert_false(ud_console_takes_gzip("br, gzipped"));
    assert_false(ud_console_takes_gzip("gzip;q=0"));
    assert_false(ud_console_takes_gzip("gzip;q=0, *"));
    assert_false(ud_console_takes_gzip("*;q=0.0"));
    assert_false(ud_console_takes_gzip("gzip;q="));
}

static void the_files_are_there_twice(void **state)
{
    (void)state;
    assert_true(ud_console_file_count >= 3);
    for (size_t i = 0; i < ud_console_file_count; i++) {
        const struct ud_console_file *file = &ud_console_files[i];
        assert_true(file->plain.len > 0);
        assert_true(file->gzip.len > 18);
        assert_int_equal(file->gzip.ptr[0], 0x1f);
        assert_int_equal(file->gzip.ptr[1], 0x8b);
        assert_string_not_equal(file->etag, file->etag_gzip);
    }
}

static struct ud_sign_in_who who_is(int64_t person)
{
    struct ud_sign_in_who who = {.tenant = 1, .person = person};
    memcpy(who.name, "carol", sizeof "carol");
    return who;
}

static void a_code_works_once_and_not_late(void **state)
{
    struct ud_sign_in *codes = NULL;
    struct ud_sign_in_who who = who_is(7);
    struct ud_sign_in_who found = {.tenant = 0};
    const uint8_t one[UD_SHA256_BYTES] = {1};
    const uint8_t two[UD_SHA256_BYTES] = {2};
    (void)state;
    assert_int_equal(ud_sign_in_open(&codes), UD_OK);
    assert_int_equal(ud_sign_in_take(codes, one, 0, &found), UD_ERR_SIGN_IN_CODE);
    ud_sign_in_add(codes, one, &who, 1000);
    ud_sign_in_add(codes, two, &who, 1000);
    assert_int_equal(ud_sign_in_take(codes, one, 1000 + UD_SIGN_IN_MS - 1, &found), UD_OK);
    assert_int_equal(found.person, 7);
    assert_string_equal(found.name, "carol");
    assert_int_equal(ud_sign_in_take(codes, one, 1001, &found), UD_ERR_SIGN_IN_CODE);
    assert_int_equal(ud_sign_in_take(codes, two, 1000 + UD_SIGN_IN_MS, &found), UD_ERR_SIGN_IN_CODE);
    assert_int_equal(ud_sign_in_take(codes, two, 1001, &found), UD_ERR_SIGN_IN_CODE); /* asked for late: gone */
    ud_sign_in_close(codes);
}

static void the_oldest_code_makes_room(void **state)
{
    struct ud_sign_in *codes = NULL;
    struct ud_sign_in_who found = {.tenant = 0};
    uint8_t hash[UD_SHA256_BYTES] = {0};
    (void)state;
    assert_int_equal(ud_sign_in_open(&codes), UD_OK);
    for (uint8_t i = 0; i <= UD_SIGN_IN_CODES_MAX; i++) {
        const struct ud_sign_in_who who = who_is(i + 1);
        hash[0] = i;
        ud_sign_in_add(codes, hash, &who, i);
    }
    hash[0] = 0;
    assert_int_equal(ud_sign_in_take(codes, hash, 100, &found), UD_ERR_SIGN_IN_CODE);
    for (uint8_t i = 1; i <= UD_SIGN_IN_CODES_MAX; i++) {
        hash[0] = i;
        assert_int_equal(ud_sign_in_take(codes, hash, 100, &found), UD_OK);
        assert_int_equal(found.person, i + 1);
    }
    ud_sign_in_close(codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_encoding_that_is_named_counts),
        cmocka_unit_test(the_files_are_there_twice),
        cmocka_unit_test(a_code_works_once_and_not_late),
        cmocka_unit_test(the_oldest_code_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
