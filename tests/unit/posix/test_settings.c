#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "ports/posix/settings.h"

static ud_err load(const char *content, struct ud_settings *settings, int *line)
{
    char path[] = "/tmp/updraft-settings-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    (void)close(fd);
    const ud_err err = ud_settings_load(settings, path, line);
    (void)unlink(path);
    return err;
}

#define SERVER "[server]\nurl = https://h:1\nname = d\n"

static const struct {
    const char *name;
    const char *content;
    ud_err want;
    int line;
} rows[] = {
    {"the least", SERVER, UD_OK, 0},
    {"everything",
     SERVER
     "tenant = t ; comment\nca = ca.pem\ntoken = x\nenrol_code = c\n[agent]\npoll_s = 86400\nrate_max = 0\n",
     UD_OK, 0},
    {"looks for the server", SERVER "discover = 1\n", UD_OK, 0},
    {"looks by a word that is none", SERVER "discover = 2\n", UD_ERR_CONFIG, 4},
    {"what is measured", SERVER "[lwm2m]\nbattery = /sys/b\nsignal = s\n", UD_OK, 0},
    {"a measure without a file", SERVER "[lwm2m]\nbattery =\n", UD_ERR_CONFIG, 5},
    {"empty", "", UD_ERR_CONFIG, 0},
    {"no name", "[server]\nurl = https://h\n", UD_ERR_CONFIG, 0},
    {"a name that nobody knows", SERVER "tokn = x\n", UD_ERR_CONFIG, 4},
    {"a section that nobody knows", SERVER "[agnet]\npoll_s = 1\n", UD_ERR_CONFIG, 5},
    {"a number over its limit", SERVER "[agent]\npoll_s = 86401\n", UD_ERR_CONFIG, 5},
    {"a negative number", SERVER "[agent]\npoll_s = -1\n", UD_ERR_CONFIG, 5},
    {"a number with a unit", SERVER "[agent]\nrate_max = 10k\n", UD_ERR_CONFIG, 5},
    {"a number that is empty", SERVER "[agent]\nrate_max =\n", UD_ERR_CONFIG, 5},
};

static void test_a_setting_that_is_wrong_is_named_by_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_settings settings;
        int line = -1;
        const ud_err err = load(rows[i].content, &settings, &line);
        if (err != rows[i].want || line != rows[i].line) {
            fail_msg("%s: %s, line %d", rows[i].name, ud_err_name(err), line);
        }
    }
}

static void test_what_is_not_set_has_its_default(void **state)
{
    (void)state;
    struct ud_settings settings;
    int line;
    assert_int_equal(load(SERVER, &settings, &line), UD_OK);
    assert_string_equal(settings.tenant, "default");
    assert_string_equal(settings.token, "token");
    assert_string_equal(settings.ca, "");
    assert_int_equal(settings.poll_s, 0);
    assert_int_equal(ud_settings_load(&settings, "/nonexistent/agent.ini", &line), UD_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_setting_that_is_wrong_is_named_by_its_line),
        cmocka_unit_test(test_what_is_not_set_has_its_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
