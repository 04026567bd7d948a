/* Filters from anybody: a compiled one has as many '?' as parameters, and no byte of its input inside the SQL. */
#include <stdlib.h>
#include <string.h>

#include "server/fiql.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ud_fiql_word words[] = {{"error", 4}, {"error", 5}, {"pending", 2}, {NULL, 0}};
static const struct ud_fiql_field fields[] = {
    {"name", UD_FIQL_TEXT, "a%", NULL, NULL},    {"at", UD_FIQL_TIME, "b%", NULL, NULL},
    {"n", UD_FIQL_INT, "c%", NULL, NULL},        {"on", UD_FIQL_BOOL, "d%", NULL, NULL},
    {"status", UD_FIQL_WORD, "e%", NULL, words}, {"attribute.", UD_FIQL_MAP, "f(@,?,x%)", NULL, NULL},
    {NULL, UD_FIQL_TEXT, NULL, NULL, NULL},
};

static void check_sql(const struct ud_fiql *filter)
{
    size_t marks = 0;
    int depth = 0;
    for (const char *c = filter->sql; *c != '\0'; c++) {
        marks += *c == '?' ? 1 : 0;
        depth += *c == '(' ? 1 : *c == ')' ? -1 : 0;
        UD_ASSERT(depth >= 0);
        UD_ASSERT(strchr("abcdefx(),=<>?' 1ANDORTLIKESCP\\", *c) !=
                  NULL); /* what templates and operators hold */
    }
    UD_ASSERT(depth == 0 && marks == filter->param_count);
    for (size_t i = 0; i < filter->param_count; i++) {
        UD_ASSERT(filter->params[i].is_text == (filter->params[i].text != NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ud_fiql filter;
    const struct ud_fiql_scope scope = {.tenant = 1, .now_ms = 2, .overdue_ms = 1};
    struct ud_fiql_wrong wrong;
    char *text = malloc(size + 1);
    UD_ASSERT(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (ud_fiql_compile(&filter, text, fields, &scope, &wrong) == UD_OK) {
        check_sql(&filter);
    } else {
        UD_ASSERT(wrong.at <= strlen(text) && wrong.at + wrong.bytes <= strlen(text) && wrong.words[0] != '\0');
    }
    free(text);
    return 0;
}
