#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/config.h"

#include <stdlib.h>
#include <unistd.h>

static char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static char *some_environment(const char *name)
{
    static char poll[] = "60";
    static char threads[] = "3";
    return strcmp(name, "UPDRAFTD_POLL_S") == 0 ? poll : strcmp(name, "UPDRAFTD_THREADS") == 0 ? threads : NULL;
}

#define ARGUMENTS_MAX 8

static ud_config_result read_config(struct ud_config *config, const char *const *words,
                                    char *(*env)(const char *))
{
    char copies[ARGUMENTS_MAX][256];
    char *argv[ARGUMENTS_MAX + 1] = {NULL};
    int argc = 0;
    struct ud_text complaint;
    for (; words[argc] != NULL; argc++) {
        memcpy(copies[argc], words[argc], strlen(words[argc]) + 1);
        argv[argc] = copies[argc];
    }
    ud_text_init(&complaint, 65536);
    const ud_config_result result = ud_config_read(config, argc, argv, env, &complaint);
    assert_true(result == UD_CONFIG_RUN || complaint.len > 0); /* a refusal always says why */
    ud_text_free(&complaint);
    return result;
}

static const struct {
    const char *name;
    const char *const words[ARGUMENTS_MAX];
    ud_config_result want;
} command_lines[] = {
    {"none", {"d", NULL}, UD_CONFIG_RUN},
    {"value behind", {"d", "--poll-s", "1", NULL}, UD_CONFIG_RUN},
    {"value after =", {"d", "--poll-s=86399", NULL}, UD_CONFIG_RUN},
    {"switch", {"d", "--insecure-http", NULL}, UD_CONFIG_RUN},
    {"help", {"d", "--help", NULL}, UD_CONFIG_HELP},
    {"unknown", {"d", "--nonsense", "1", NULL}, UD_CONFIG_WRONG},
    {"value missing", {"d", "--poll-s", NULL}, UD_CONFIG_WRONG},
    {"below its least", {"d", "--poll-s", "0", NULL}, UD_CONFIG_WRONG},
    {"above its most", {"d", "--poll-s", "86400", NULL}, UD_CONFIG_WRONG},
    {"no number", {"d", "--poll-s", "1x", NULL}, UD_CONFIG_WRONG},
    {"beyond 64 bits", {"d", "--poll-s", "18446744073709551617", NULL}, UD_CONFIG_WRONG},
    {"negative", {"d", "--poll-s", "-1", NULL}, UD_CONFIG_WRONG},
    {"not a flag", {"d", "poll", NULL}, UD_CONFIG_WRONG},
    {"only dashes", {"d", "--", NULL}, UD_CONFIG_WRONG},
    {"address without port", {"d", "--listen-people", "127.0.0.1", NULL}, UD_CONFIG_WRONG},
    {"a name is no address", {"d", "--listen-people", "localhost:1", NULL}, UD_CONFIG_WRONG},
    {"port too large", {"d", "--listen-people", "127.0.0.1:65536", NULL}, UD_CONFIG_WRONG},
    {"IPv6", {"d", "--listen-people", "[::1]:0", NULL}, UD_CONFIG_RUN},
    {"IPv6 without brackets", {"d", "--listen-people", "::1:0", NULL}, UD_CONFIG_WRONG},
    {"plain HTTP on all addresses",
     {"d", "--insecure-http", "--listen-devices", "0.0.0.0:0", NULL},
     UD_CONFIG_WRONG},
    {"plain HTTP for people on all",
     {"d", "--insecure-http", "--listen-people", "[::]:0", NULL},
     UD_CONFIG_WRONG},
    {"certificate without key", {"d", "--cert", "x.pem", NULL}, UD_CONFIG_WRONG},
    {"another database", {"d", "--store", "postgresql://updraft@db/updraft", NULL}, UD_CONFIG_RUN},
    {"an unknown database", {"d", "--store", "mysql://db/updraft", NULL}, UD_CONFIG_WRONG},
    {"a password for all to read", {"d", "--store", "postgresql://a:b@db/updraft", NULL}, UD_CONFIG_WRONG},
    {"the same behind =", {"d", "--store=postgresql://db/updraft?password=b", NULL}, UD_CONFIG_WRONG},
    {"file that is not there", {"d", "--config", "build/no-such-file.ini", NULL}, UD_CONFIG_WRONG},
};

static void test_settings_are_taken_or_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof command_lines / sizeof command_lines[0]; i++) {
        struct ud_config config;
        if (read_config(&config, command_lines[i].words, no_environment) != command_lines[i].want) {
            fail_msg("%s", command_lines[i].name);
        }
    }
}

static void test_a_flag_beats_the_environment_and_that_the_file(void **state)
{
    char path[] = "/tmp/updraft-config-XXXXXX";
    static const char text[] = "[server]\npoll_s = 10\nthreads = 2\nname = a.example\n";
    struct ud_config config;
    (void)state;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    const char *const words[] = {"d", "--poll-s", "99", "--config", path, NULL};
    assert_int_equal(read_config(&config, words, some_environment), UD_CONFIG_RUN);
    unlink(path);
    assert_int_equal(config.poll_s, 99);
    assert_int_equal(config.threads, 3);
    assert_string_equal(config.names, "a.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_are_taken_or_refused_with_a_reason),
        cmocka_unit_test(test_a_flag_beats_the_environment_and_that_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
