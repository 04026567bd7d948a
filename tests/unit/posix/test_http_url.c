#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ports/posix/http_url.h"

static const struct {
    const char *url;
    bool allowed;
} rows[] = {
    {"https://updates.example.com", true},
    {"https://192.0.2.1:8443/", true},
    {"http://127.0.0.1:8080", true},
    {"http://[::1]:8080", true},
    {"http://localhost", true},
    {"http://updates.example.com", false},
    {"http://192.0.2.1", false},
    {"http://127.0.0.1.example.com", false},
    {"http://localhost.example.com", false},
    {"http://127.0.0.1@192.0.2.1", false},
    {"https://user@updates.example.com", false},
    {"https://user:word@updates.example.com", false},
    {"https://updates.example.com/?q", false},
    {"https://updates.example.com/#f", false},
    {"ftp://127.0.0.1", false},
    {"file:///etc/passwd", false},
    {"updates.example.com", false},
    {"", false},
};

static void test_a_token_goes_over_tls_or_stays_on_loopback(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ud_http_url_allowed(rows[i].url) != rows[i].allowed) {
            fail_msg("%s", rows[i].url);
        }
    }
}

static void test_a_devices_resources_have_encoded_names_and_fit_or_are_refused(void **state)
{
    static const char want[] = "https://h:1/a%20b/controller/v1/d%2F1";
    char base[sizeof want];
    (void)state;
    assert_int_equal(ud_http_url_base("https://h:1//", "a b", "d/1", base, sizeof base), UD_OK);
    assert_string_equal(base, want);
    assert_int_equal(ud_http_url_base("https://h:1", "a b", "d/1", base, sizeof base - 1), UD_ERR_CONFIG);
    assert_int_equal(ud_http_url_base("https://h:1", "a", "d", base, 4), UD_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_goes_over_tls_or_stays_on_loopback),
        cmocka_unit_test(test_a_devices_resources_have_encoded_names_and_fit_or_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
