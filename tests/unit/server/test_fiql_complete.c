/* What can come next in a filter that is being typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/fiql_complete.h"
#include "server/rollouts.h"

#include <string.h>

static const struct {
    const char *text; /* up to the cursor */
    ud_wanted wanted;
    size_t from;
    const char *prefix;
    const char *field;
} rows[] = {
    {"", UD_WANTED_FIELD, 0, "", ""},
    {"sta", UD_WANTED_FIELD, 0, "sta", ""},
    {"(sta", UD_WANTED_FIELD, 1, "sta", ""},
    {"status=", UD_WANTED_COMPARISON, 6, "=", "status"},
    {"status =l", UD_WANTED_COMPARISON, 7, "=l", "status"},
    {"status==", UD_WANTED_VALUE, 8, "", "status"},
    {"status==er", UD_WANTED_VALUE, 8, "er", "status"},
    {"name==\"a b", UD_WANTED_VALUE, 6, "a b", "name"},
    {"name==a\\;b", UD_WANTED_VALUE, 6, "a\\;b", "name"},
    {"name==a ", UD_WANTED_JOIN, 8, "", "name"},
    {"name==a a", UD_WANTED_JOIN, 8, "a", "name"},
    {"name==a;", UD_WANTED_FIELD, 8, "", "name"},
    {"name==a,(ty", UD_WANTED_FIELD, 9, "ty", "name"},
    {"name==a and ty", UD_WANTED_FIELD, 12, "ty", "name"},
    {"name=in=(a,b", UD_WANTED_VALUE, 11, "b", "name"},
    {"name=in=(\"a,b\", c", UD_WANTED_VALUE, 16, "c", "name"},
    {"name=in=(a,b) ", UD_WANTED_JOIN, 14, "", "name"},
    {"name=in=(a,b);attribute.hw==r", UD_WANTED_VALUE, 28, "r", "attribute.hw"},
    {"name=lx=4", UD_WANTED_COMPARISON, 4, "=lx=4", "name"},
};

static void test_what_is_wanted_follows_from_what_stands_before(void **state)
{
    (void)state;
    static struct ud_completing found;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ud_fiql_completing(rows[i].text, strlen(rows[i].text), &found);
        if (found.wanted != rows[i].wanted || found.from != rows[i].from ||
            strcmp(found.prefix, rows[i].prefix) != 0 || strcmp(found.field, rows[i].field) != 0) {
            fail_msg("%s: wanted %d from %zu '%s' of '%s'", rows[i].text, (int)found.wanted, found.from,
                     found.prefix, found.field);
        }
    }
}

static void test_only_the_text_before_the_cursor_counts(void **state)
{
    (void)state;
    static struct ud_completing found;
    ud_fiql_completing("status==error;name==x", 3, &found);
    assert_int_equal(found.wanted, UD_WANTED_FIELD);
    assert_string_equal(found.prefix, "sta");
}

/* What is proposed is understood. */
static void test_every_word_that_is_proposed_is_one_of_the_language(void **state)
{
    (void)state;
    static struct ud_fiql filter;
    struct ud_fiql_wrong wrong;
    for (const struct ud_fiql_word_of *word = ud_device_field_words; word->text != NULL; word++) {
        const struct ud_fiql_field *field = ud_device_fields;
        while (field->name != NULL && strcmp(field->name, word->text) != 0) {
            field++;
        }
        assert_non_null(field->name);
    }
    for (const struct ud_fiql_word_of *word = ud_fiql_comparisons; word->text != NULL; word++) {
        char text[32] = "created";
        strncat(text, word->text, 8);
        strncat(text, strchr(word->text, '(') != NULL ? "5)" : "5", 3);
        assert_int_equal(ud_device_filter(&filter, text, 1, (struct ud_moment){0, 0}, false, &wrong), UD_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_wanted_follows_from_what_stands_before),
        cmocka_unit_test(test_only_the_text_before_the_cursor_counts),
        cmocka_unit_test(test_every_word_that_is_proposed_is_one_of_the_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
