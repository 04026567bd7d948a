#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "device/uri.h"

#define BASE "https://host:8443/default/controller/v1/d/softwaremodules/7/artifacts/manifest.suit"
#define PLACE "https://host:8443/default/controller/v1/d/softwaremodules/7/artifacts/"

static struct ud_bytes text(const char *from)
{
    return (struct ud_bytes){(const uint8_t *)from, strlen(from)};
}

static const struct {
    const char *base;
    const char *reference;
    const char *want; /* NULL: UD_ERR_URI */
} rows[] = {
    {BASE, "0123abcd", PLACE "0123abcd"},
    {BASE, "sub/0123", PLACE "sub/0123"},
    {BASE "?c=1", "x", PLACE "x"},
    {"https://host/m?path=/a/b", "x", "https://host/x"},
    {"coap://[2001:db8::1]:5683/m", "x", "coap://[2001:db8::1]:5683/x"},
    {"stick:///manifest.suit", "x", "stick:///x"},
    {BASE, "https://host:8443/elsewhere/x", "https://host:8443/elsewhere/x"},
    {BASE, "HTTPS://HOST:8443/x", "HTTPS://HOST:8443/x"},
    {BASE, "...", PLACE "..."}, /* a name like any other */
    {BASE, "", NULL},
    {BASE, "..", NULL},
    {BASE, ".", NULL},
    {BASE, "../x", NULL},
    {BASE, "a/../x", NULL},
    {BASE, "a/..", NULL},
    {BASE, "a/./x", NULL},
    {BASE, "a//x", NULL},
    {BASE, "a/", NULL},
    {BASE, "/x", NULL},
    {BASE, "//other/x", NULL},
    {BASE, "%2e%2e/x", NULL},
    {BASE, "..%2fx", NULL},
    {BASE, "a\\..\\x", NULL},
    {BASE, "x?y", NULL},
    {BASE, "#image", NULL},
    {BASE, "x y", NULL},
    {BASE, "x\ny", NULL},
    {BASE, "x\x80", NULL},
    {BASE, "http://host:8443/x", NULL},       /* another scheme */
    {BASE, "https://host/x", NULL},           /* another port */
    {BASE, "https://host:8443.evil/x", NULL}, /* another host */
    {BASE, "https://host:8443@evil/x", NULL},
    {BASE, "https://evil/x", NULL},
    {BASE, "https://host:8443/../x", NULL},
    {BASE, "https://host:8443", NULL},
    {BASE, "https://host:8443/", NULL},
    {BASE, "https:x", NULL},
    {BASE, "file:///etc/passwd", NULL},
    {"host/m", "x", NULL},
    {"https://host", "x", NULL},
    {"https://user@host/m", "x", NULL},
    {"", "x", NULL},
};

static void test_a_payload_is_found_beside_its_envelope_and_nowhere_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t room[UD_URI_BYTES_MAX];
        struct ud_buf out = {room, sizeof room, 0};
        const ud_err err = ud_uri_resolve(text(rows[i].base), text(rows[i].reference), &out);
        const struct ud_bytes want = text(rows[i].want == NULL ? "" : rows[i].want);
        if (err != (rows[i].want == NULL ? UD_ERR_URI : UD_OK) || !ud_bytes_equal(ud_buf_bytes(&out), want)) {
            fail_msg("%s with %s: %s", rows[i].base, rows[i].reference, ud_err_name(err));
        }
    }
}

static void test_a_nul_inside_the_reference_is_refused(void **state)
{
    (void)state;
    uint8_t room[UD_URI_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    assert_int_equal(ud_uri_resolve(text(BASE), UD_BYTES_LITERAL("a\0b"), &out), UD_ERR_URI);
}

static void test_the_longest_uri_fits_and_one_more_byte_does_not(void **state)
{
    (void)state;
    uint8_t room[UD_URI_BYTES_MAX + 1];
    char name[UD_URI_BYTES_MAX];
    const size_t fits = UD_URI_BYTES_MAX - strlen("https://h/");
    memset(name, 'a', sizeof name);
    struct ud_buf out = {room, sizeof room, 0};
    const struct ud_bytes longest = {(const uint8_t *)name, fits};
    assert_int_equal(ud_uri_resolve(text("https://h/m"), longest, &out), UD_OK);
    assert_int_equal(out.len, UD_URI_BYTES_MAX);
    out.len = 0;
    const struct ud_bytes longer = {(const uint8_t *)name, fits + 1};
    assert_int_equal(ud_uri_resolve(text("https://h/m"), longer, &out), UD_ERR_LIMIT);
    assert_int_equal(out.len, 0);
    struct ud_buf small = {room, UD_URI_BYTES_MAX - 1, 0};
    assert_int_equal(ud_uri_resolve(text("https://h/m"), longest, &small), UD_ERR_BUFFER);
}

static void test_an_origin_is_scheme_and_authority(void **state)
{
    (void)state;
    assert_true(ud_uri_same_origin(text("https://h:1/a?b"), text("HTTPS://H:1/c")));
    assert_false(ud_uri_same_origin(text("https://h:1/a"), text("http://h:1/a")));
    assert_false(ud_uri_same_origin(text("https://h:1/a"), text("https://h:11/a")));
    assert_false(ud_uri_same_origin(text("https://h:1/a"), text("https://h:1@e/a")));
    assert_false(ud_uri_same_origin(text("a"), text("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_payload_is_found_beside_its_envelope_and_nowhere_else),
        cmocka_unit_test(test_a_nul_inside_the_reference_is_refused),
        cmocka_unit_test(test_an_origin_is_scheme_and_authority),
        cmocka_unit_test(test_the_longest_uri_fits_and_one_more_byte_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
