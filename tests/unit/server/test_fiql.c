/* Filters: what is understood, what is refused and where, and that no value ever becomes SQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/fiql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ud_fiql_word states[] = {{"pending", 2}, {"error", 4}, {"error", 5}, {NULL, 0}};
static const struct ud_fiql_field fields[] = {
    {"name", UD_FIQL_TEXT, "d.name%", NULL, NULL},
    {"created", UD_FIQL_TIME, "d.created%", NULL, NULL},
    {"size", UD_FIQL_INT, "d.size%", NULL, NULL},
    {"on", UD_FIQL_BOOL, "d.isOn%", NULL, NULL},
    {"status", UD_FIQL_WORD, "d.status%", NULL, states},
    {"attribute.", UD_FIQL_MAP, "d.id IN(@,?,x%)", "EACH(?,x%)", NULL},
    {NULL, UD_FIQL_TEXT, NULL, NULL, NULL},
};
static const struct ud_fiql_scope scope = {.tenant = 7, .now_ms = 1000, .overdue_ms = 400};

static ud_err compile(struct ud_fiql *filter, const char *text, struct ud_fiql_wrong *wrong)
{
    return ud_fiql_compile(filter, text, fields, &scope, wrong);
}

/* SQL with its parameters put in, for comparing */
static void render(const struct ud_fiql *filter, char *out, size_t room)
{
    size_t n = 0;
    size_t param = 0;
    for (const char *c = filter->sql; *c != '\0'; c++) {
        if (*c != '?') {
            n += (size_t)snprintf(out + n, room - n, "%c", *c);
            continue;
        }
        assert_true(param < filter->param_count);
        const struct ud_fiql_param *p = &filter->params[param++];
        n += p->is_text ? (size_t)snprintf(out + n, room - n, "[%s]", p->text)
                        : (size_t)snprintf(out + n, room - n, "%lld", (long long)p->number);
        assert_true(n < room);
    }
    assert_int_equal(param, filter->param_count);
}

static void test_what_is_understood(void **state)
{
    static const struct {
        const char *text;
        const char *sql;
    } rows[] = {
        {"", "1=1"},
        {"  ", "1=1"},
        {"name==a", "(((d.name=[a])))"},
        {"NAME == a", "(((d.name=[a])))"},
        {"name!=a", "(NOT((d.name=[a])))"},
        {"name==''", "(((d.name=[])))"},
        {"name==\"a b\"", "(((d.name=[a b])))"},
        {"name=='it\\'s'", "(((d.name=[it's])))"},
        {"name==a*", "(((d.name LIKE [a%] ESCAPE '\\')))"},
        {"name==A_b%*", "(((d.name LIKE [a\\_b\\%%] ESCAPE '\\')))"},
        {"name==a\\*", "(((d.name=[a*])))"},
        {"name==a\\*b*", "(((d.name LIKE [a*b%] ESCAPE '\\')))"},
        {"name=in=(a,b)", "(((d.name=[a]) OR (d.name=[b])))"},
        {"name=out=(a, b*)", "(NOT((d.name=[a]) OR (d.name LIKE [b%] ESCAPE '\\')))"},
        {"name=gt=m", "(((d.name>[m])))"},
        {"size=le=-5", "(((d.size<=-5)))"},
        {"created=lt=${now_ts}", "(((d.created<1000)))"},
        {"created=ge=${overdue_ts}", "(((d.created>=400)))"},
        {"on==true", "(((d.isOn=1)))"},
        {"status==pending", "(((d.status=2)))"},
        {"status==ERROR", "(((d.status=4 OR d.status=5)))"},
        {"status!=error", "(NOT((d.status=4 OR d.status=5)))"},
        {"attribute.hw==r2", "(((d.id IN(7,[hw],x=[r2]))))"},
        {"attribute.a.b==r2", "(((d.id IN(7,[a.b],x=[r2]))))"},
        {"attribute.hw==''", "(((NOT d.id IN(7,[hw],x<>''))))"},
        {"name==a;size==1", "(((d.name=[a])) AND ((d.size=1)))"},
        {"name==a and size==1 or on==0", "(((d.name=[a])) AND ((d.size=1)) OR ((d.isOn=0)))"},
        {"name==a;(size==1,size==2)", "(((d.name=[a])) AND (((d.size=1)) OR ((d.size=2))))"},
        {"((name==a))", "(((((d.name=[a])))))"},
        {"name==android;size==1", "(((d.name=[android])) AND ((d.size=1)))"},
        {"name==and;name==or", "(((d.name=[and])) AND ((d.name=[or])))"},
        {"name==\"'; DROP TABLE device; --\"", "(((d.name=['; DROP TABLE device; --])))"},
        {"attribute.x'y==1", NULL},
    };
    (void)state;
    struct ud_fiql *filter = malloc(sizeof *filter);
    assert_non_null(filter);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char got[1024];
        struct ud_fiql_wrong wrong;
        const ud_err err = compile(filter, rows[i].text, &wrong);
        if (rows[i].sql == NULL) {
            assert_int_not_equal(err, UD_OK);
            continue;
        }
        if (err != UD_OK) {
            fail_msg("%s: %s", rows[i].text, wrong.words);
        }
        render(filter, got, sizeof got);
        if (strcmp(got, rows[i].sql) != 0) {
            fail_msg("%s: %s, not %s", rows[i].text, got, rows[i].sql);
        }
    }
    free(filter);
}

static void test_a_walk_uses_the_form_for_walks(void **state)
{
    struct ud_fiql *filter = malloc(sizeof *filter);
    struct ud_fiql_wrong wrong;
    char got[256];
    struct ud_fiql_scope each = scope;
    (void)state;
    assert_non_null(filter);
    each.each = true;
    assert_int_equal(ud_fiql_compile(filter, "attribute.hw==r2", fields, &each, &wrong), UD_OK);
    render(filter, got, sizeof got);
    assert_non_null(strstr(got, "EACH([hw],x=[r2])"));
    free(filter);
}

static void test_refusals_say_where_and_what_would_be_right(void **state)
{
    static const struct {
        const char *text;
        ud_err err;
        size_t at;
        const char *says;
    } rows[] = {
        {"size=lx=3", UD_ERR_FILTER, 4, "Did you mean =lt="},
        {"size=3", UD_ERR_FILTER, 4, "comparison"},
        {"nam==a", UD_ERR_FILTER_FIELD, 0, "Did you mean name?"},
        {"(statsu==error)", UD_ERR_FILTER_FIELD, 1, "Did you mean status?"},
        {"colour==red", UD_ERR_FILTER_FIELD, 0, "no such field"},
        {"attribute.==x", UD_ERR_FILTER_FIELD, 0, "no such field"},
        {"status==broken", UD_ERR_FILTER, 8, "pending error"},
        {"status=gt=error", UD_ERR_FILTER, 10, "== or !="},
        {"size==x", UD_ERR_FILTER, 6, "number"},
        {"size==9999999999999999999", UD_ERR_FILTER, 6, "number"},
        {"created==${yesterday}", UD_ERR_FILTER, 9, "milliseconds"},
        {"on==maybe", UD_ERR_FILTER, 4, "true or false"},
        {"name==", UD_ERR_FILTER, 6, "value is needed"},
        {"name==a;", UD_ERR_FILTER, 8, "field's name"},
        {"name==a name==b", UD_ERR_FILTER, 8, "(and)"},
        {"(name==a", UD_ERR_FILTER, 8, "')' is missing"},
        {"name==a)", UD_ERR_FILTER, 7, "no '('"},
        {"name=='a", UD_ERR_FILTER, 6, "does not end"},
        {"name=in=a", UD_ERR_FILTER, 8, "list in parentheses"},
        {"name=in=(a;b)", UD_ERR_FILTER, 10, "',' or ')'"},
        {"name=in=()", UD_ERR_FILTER, 9, "value is needed"},
        {"==a", UD_ERR_FILTER, 0, "field's name"},
    };
    (void)state;
    struct ud_fiql *filter = malloc(sizeof *filter);
    assert_non_null(filter);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_fiql_wrong wrong;
        const ud_err err = compile(filter, rows[i].text, &wrong);
        if (err != rows[i].err || wrong.at != rows[i].at || strstr(wrong.words, rows[i].says) == NULL) {
            fail_msg("%s: %s at %zu: %s", rows[i].text, ud_err_name(err), wrong.at, wrong.words);
        }
    }
    free(filter);
}

static ud_err compile_repeated(const char *first, const char *more, size_t times, const char *last)
{
    static char text[8192];
    struct ud_fiql *filter = malloc(sizeof *filter);
    struct ud_fiql_wrong wrong;
    size_t n = (size_t)snprintf(text, sizeof text, "%s", first);
    assert_non_null(filter);
    for (size_t i = 0; i < times; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", more);
    }
    snprintf(text + n, sizeof text - n, "%s", last);
    const ud_err err = compile(filter, text, &wrong);
    assert_true(wrong.at + wrong.bytes <= strlen(text)); /* a refusal points into the filter, or at its end */
    free(filter);
    return err;
}

/* F7: every dimension of a filter has a limit, and the limit itself still works */
static void test_f7_a_filter_has_limits_in_every_dimension(void **state)
{
    (void)state;
    assert_int_equal(compile_repeated("size==1", ",size==1", UD_FIQL_TERMS_MAX - 1, ""), UD_OK);
    assert_int_equal(compile_repeated("size==1", ",size==1", UD_FIQL_TERMS_MAX, ""), UD_ERR_FILTER);
    assert_int_equal(compile_repeated("size==1", ",size==1", UD_FIQL_TERMS_MAX - 1, ","), UD_ERR_FILTER);
    assert_int_equal(compile_repeated("", "(", UD_FIQL_DEPTH_MAX, "size==1))))))))))))))))"), UD_OK);
    assert_int_equal(compile_repeated("", "(", UD_FIQL_DEPTH_MAX + 1, "size==1)))))))))))))))))"),
                     UD_ERR_FILTER);
    assert_int_equal(compile_repeated("name==", "a", UD_FIQL_BYTES_MAX - 6, ""), UD_OK);
    assert_int_equal(compile_repeated("name==", "a", UD_FIQL_BYTES_MAX - 5, ""), UD_ERR_FILTER);
    assert_int_equal(compile_repeated("name=in=(a", ",a", UD_FIQL_PARAMS_MAX - 1, ")"), UD_OK);
    assert_int_equal(compile_repeated("name=in=(a", ",a", UD_FIQL_PARAMS_MAX, ")"), UD_ERR_FILTER);
    assert_int_equal(compile_repeated("attribute.", "k", 149, "==1"), UD_OK);
    assert_int_equal(compile_repeated("attribute.", "k", 150, "==1"), UD_ERR_FILTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_understood),
        cmocka_unit_test(test_a_walk_uses_the_form_for_walks),
        cmocka_unit_test(test_refusals_say_where_and_what_would_be_right),
        cmocka_unit_test(test_f7_a_filter_has_limits_in_every_dimension),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
