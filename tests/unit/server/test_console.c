/* The console's serving: which encodings a client takes; one-time codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/console.h"
#include "server/sign_in.h"

#include <string.h>

static void the_form_that_is_liked_best_is_sent(void **state)
{
    static const struct {
        const char *accept;
        ud_console_form form;
    } rows[] = {
        {NULL, UD_CONSOLE_PLAIN},
        {"", UD_CONSOLE_PLAIN},
        {"identity", UD_CONSOLE_PLAIN},
        {"gzip", UD_CONSOLE_GZIP},
        {"br", UD_CONSOLE_BROTLI},
        {"gzip, deflate, br", UD_CONSOLE_BROTLI},
        {"gzip, deflate, br, zstd", UD_CONSOLE_BROTLI},
        {"br;q=1.0, GZIP;q=0.5", UD_CONSOLE_BROTLI},
        {"br;q=0.5, gzip;q=0.8", UD_CONSOLE_GZIP},
        {"br;q=0.5,gzip", UD_CONSOLE_GZIP},
        {"br ; Q=0.501 , gzip;q=0.5", UD_CONSOLE_BROTLI},
        {"br;q=0.500, gzip;q=0.501", UD_CONSOLE_GZIP},
        {"BR;x=q=0;q=0.9, gzip;q=0.1", UD_CONSOLE_BROTLI},
        {"identity, br;q=0.9", UD_CONSOLE_PLAIN},
        {"identity;q=0.5, gzip;q=0.5", UD_CONSOLE_GZIP},
        {"*", UD_CONSOLE_BROTLI},
        {"*;q=0, gzip", UD_CONSOLE_GZIP},
        {"br;q=0, *", UD_CONSOLE_GZIP},
        {"br;q=0, gzip;q=0, *", UD_CONSOLE_PLAIN},
        {"bro, gzipped", UD_CONSOLE_PLAIN},
        {"gzip;q=0", UD_CONSOLE_PLAIN},
        {"gzip;q=0, *", UD_CONSOLE_BROTLI},
        {"*;q=0.0", UD_CONSOLE_PLAIN},
        {"identity;q=0, *;q=0", UD_CONSOLE_PLAIN},
        {"gzip;q=", UD_CONSOLE_PLAIN},
        {"br;q=x, gzip;q=0.001", UD_CONSOLE_GZIP},
        {"br;q=99999999999999999999, gzip;q=1", UD_CONSOLE_BROTLI},
        {"br;q=0.0000000000000000001, gzip;q=0.1", UD_CONSOLE_GZIP},
        {";q=1,,;,br;q", UD_CONSOLE_BROTLI},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ud_console_form_for(rows[i].accept) != rows[i].form) {
            fail_msg("%s: not form %d", rows[i].accept, (int)rows[i].form);
        }
    }
}

static void the_files_are_there_in_every_form(void **state)
{
    (void)state;
    assert_true(ud_console_file_count >= 3);
    for (size_t i = 0; i < ud_console_file_count; i++) {
        const struct ud_console_file *file = &ud_console_files[i];
        const struct ud_bytes gzip = file->forms[UD_CONSOLE_GZIP].bytes;
        assert_true(file->forms[UD_CONSOLE_PLAIN].bytes.len > 0);
        assert_true(gzip.len > 18);
        assert_int_equal(gzip.ptr[0], 0x1f);
        assert_int_equal(gzip.ptr[1], 0x8b);
        assert_true(file->forms[UD_CONSOLE_BROTLI].bytes.len > 0);
        assert_true(file->forms[UD_CONSOLE_BROTLI].bytes.len < gzip.len);
        for (int form = 1; form < UD_CONSOLE_FORM_COUNT; form++) {
            assert_string_not_equal(file->forms[0].etag, file->forms[form].etag);
        }
        assert_string_not_equal(file->forms[UD_CONSOLE_GZIP].etag, file->forms[UD_CONSOLE_BROTLI].etag);
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
        cmocka_unit_test(the_form_that_is_liked_best_is_sent),
        cmocka_unit_test(the_files_are_there_in_every_form),
        cmocka_unit_test(a_code_works_once_and_not_late),
        cmocka_unit_test(the_oldest_code_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
