#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/http_route.h"

#include <string.h>

static const struct ud_route table[] = {
    {UD_LISTEN_DEVICES, "GET", "/{a}/v1/{b}", UD_AUTH_NONE, UD_BODY_NONE, NULL, NULL},
    {UD_LISTEN_DEVICES, "POST", "/{a}/v1/{b}/end", UD_AUTH_NONE, UD_BODY_NONE, NULL, NULL},
    {UD_LISTEN_PEOPLE, "GET", "/fixed", UD_AUTH_NONE, UD_BODY_NONE, NULL, NULL},
    {UD_LISTEN_PEOPLE, "HEAD", "/fixed/{x}", UD_AUTH_NONE, UD_BODY_NONE, NULL, NULL},
    {UD_LISTEN_PEOPLE, "GET", "/fixed/{x}", UD_AUTH_NONE, UD_BODY_NONE, NULL, NULL},
};

static const struct {
    ud_listener listener;
    const char *method;
    const char *path;
    int want; /* index in table; -1 not found; -2 another method is there */
} paths[] = {
    {UD_LISTEN_DEVICES, "GET", "/t/v1/d", 0},   {UD_LISTEN_DEVICES, "HEAD", "/t/v1/d", 0},
    {UD_LISTEN_DEVICES, "POST", "/t/v1/d", -2}, {UD_LISTEN_DEVICES, "POST", "/t/v1/d/end", 1},
    {UD_LISTEN_DEVICES, "GET", "/t/v1/", -1},   {UD_LISTEN_DEVICES, "GET", "//v1/d", -1},
    {UD_LISTEN_DEVICES, "GET", "/t/v1/d/", -1}, {UD_LISTEN_DEVICES, "GET", "/t/v2/d", -1},
    {UD_LISTEN_DEVICES, "GET", "/t/v1", -1},    {UD_LISTEN_DEVICES, "GET", "/fixed", -1},
    {UD_LISTEN_PEOPLE, "GET", "/fixed", 2},     {UD_LISTEN_PEOPLE, "GET", "/fixedx", -1},
    {UD_LISTEN_PEOPLE, "HEAD", "/fixed/1", 3},  {UD_LISTEN_PEOPLE, "GET", "/fixed/1", 4},
    {UD_LISTEN_PEOPLE, "GET", "/t/v1/d", -1},   {UD_LISTEN_PEOPLE, "GET", "", -1},
    {UD_LISTEN_PEOPLE, "GET", "fixed", -1},     {UD_LISTEN_PEOPLE, "get", "/fixed", -2},
};

static void test_a_path_finds_its_route_on_its_listener_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct ud_route_match match;
        ud_route_find(table, sizeof table / sizeof table[0], paths[i].listener, paths[i].method, paths[i].path,
                      &match);
        const int got = match.route != NULL ? (int)(match.route - table) : match.path_known ? -2 : -1;
        if (got != paths[i].want) {
            fail_msg("%s %s: %d, wanted %d", paths[i].method, paths[i].path, got, paths[i].want);
        }
    }
}

static const struct {
    const char *from;
    const char *want; /* NULL: refused */
} segments[] = {
    {"plain", "plain"}, {"a%20b", "a b"}, {"%C3%A4", "\xc3\xa4"}, {"100%25", "100%"}, {"%2541", "%41"},
    {"a+b", "a+b"},     {"%", NULL},      {"%4", NULL},           {"%zz", NULL},      {"%00", NULL},
    {"%2f", NULL},      {"a%5Cb", NULL},  {"..", NULL},           {"%2e%2e", NULL},   {".", NULL},
    {"...", "..."},     {"%0a", NULL},    {"%7f", NULL},
};

static void test_a_segment_is_decoded_once_and_stays_one_segment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++) {
        char out[64];
        const bool good = ud_route_decode(out, segments[i].from, strlen(segments[i].from));
        if (good != (segments[i].want != NULL) || (good && strcmp(out, segments[i].want) != 0)) {
            fail_msg("%s", segments[i].from);
        }
    }
}

static void test_no_two_routes_of_the_server_answer_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ud_route_count; i++) {
        for (size_t j = i + 1; j < ud_route_count; j++) {
            assert_false(ud_routes[i].listener == ud_routes[j].listener &&
                         strcmp(ud_routes[i].method, ud_routes[j].method) == 0 &&
                         strcmp(ud_routes[i].pattern, ud_routes[j].pattern) == 0);
        }
        assert_true((ud_routes[i].handle != NULL) != (ud_routes[i].stream != NULL));
    }
}

/* What people may call before they are known. */
static bool is_open(const char *method, const char *pattern)
{
    static const char *const open[] = {"POST /api/v1/session", "GET /api/v1/login",
                                       "GET /api/v1/login/callback", "GET /api/v1/openapi.json"};
    char line[128];
    snprintf(line, sizeof line, "%s %s", method, pattern);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        if (strcmp(open[i], line) == 0) {
            return true;
        }
    }
    return false;
}

static void test_every_management_resource_needs_a_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < ud_route_count; i++) {
        if (strncmp(ud_routes[i].pattern, "/api/", 5) == 0 || strncmp(ud_routes[i].pattern, "/rest/", 6) == 0) {
            const uint32_t may = ud_routes[i].auth & ~UD_IN_GROUP;
            const bool one = may != 0 && (may & (may - 1)) == 0 && may != UD_AUTH_DEVICE;
            const bool open = may == UD_AUTH_NONE && is_open(ud_routes[i].method, ud_routes[i].pattern);
            if (!one && !open) {
                fail_msg("%s %s asks for no right", ud_routes[i].method, ud_routes[i].pattern);
            }
            assert_int_equal(ud_routes[i].listener, UD_LISTEN_PEOPLE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_finds_its_route_on_its_listener_only),
        cmocka_unit_test(test_a_segment_is_decoded_once_and_stays_one_segment),
        cmocka_unit_test(test_no_two_routes_of_the_server_answer_the_same),
        cmocka_unit_test(test_every_management_resource_needs_a_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
