/* ID tokens made elsewhere (tests/vectors/id_token): which are believed, and why the others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/id_token.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX 65536

static char *read_file(const char *path)
{
    char *text = calloc(1, FILE_BYTES_MAX);
    FILE *file = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, FILE_BYTES_MAX - 1, file) > 0);
    fclose(file);
    return text;
}

static struct ud_bytes bytes_of(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static void check(const char *keys, const char *name, const char *want, const char *token)
{
    static const struct ud_id_token_want right = {"https://issuer.example", "updraft", "n-1", 1500};
    char subject[UD_SUBJECT_BYTES_MAX + 1] = "nobody";
    const char *why = NULL;
    const ud_err err = ud_id_token_check(bytes_of(token), bytes_of(keys), &right, subject, &why);
    if (strcmp(want, "ok") == 0) {
        if (err != UD_OK || strcmp(subject, "carol") != 0) {
            fail_msg("%s: refused: %s", name, why);
        }
    } else if (err != UD_ERR_LOGIN || strcmp(subject, "nobody") != 0 || strstr(why, want) == NULL) {
        fail_msg("%s: %s, %s", name, ud_err_name(err), why == NULL ? "" : why);
    }
}

static void test_f8_only_a_token_of_this_provider_for_this_client_and_login_is_believed(void **state)
{
    (void)state;
    char *keys = read_file("tests/vectors/id_token/keys.json");
    char *cases = read_file("tests/vectors/id_token/tokens.txt");
    unsigned count = 0;
    for (char *line = cases; *line != '\0'; count++) {
        char *end = strchr(line, '\n');
        char *want = strchr(line, '|');
        assert_non_null(end);
        assert_non_null(want);
        char *token = strchr(want + 1, '|');
        assert_non_null(token);
        *end = *want = *token = '\0';
        check(keys, line, want + 1, token + 1);
        line = end + 1;
    }
    assert_true(count > 35);
    free(keys);
    free(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f8_only_a_token_of_this_provider_for_this_client_and_login_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
