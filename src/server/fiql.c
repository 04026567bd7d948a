#include "server/fiql.h"

#include "updraft/assert.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX 160
#define NEAR_MAX 2 /* edits between a wrong word and what is proposed for it */

typedef enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_OUT, OP_COUNT } op;

static const struct {
    const char *text;
    const char *sql;
    const char *means;
} ops[OP_COUNT] = {
    [OP_EQ] = {"==", "=", "is"},          [OP_NE] = {"!=", "=", "is not"},
    [OP_LT] = {"=lt=", "<", "less than"}, [OP_LE] = {"=le=", "<=", "at most"},
    [OP_GT] = {"=gt=", ">", "more than"}, [OP_GE] = {"=ge=", ">=", "at least"},
    [OP_IN] = {"=in=", "=", "one of"},    [OP_OUT] = {"=out=", "=", "none of"},
};

struct parser {
    struct ud_fiql *filter;
    const struct ud_fiql_field *fields;
    const struct ud_fiql_scope *scope;
    struct ud_fiql_wrong *wrong;
    const char *text;
    size_t len;
    size_t at;
    size_t depth;
};

/* The part that is wrong never reaches past the filter's end, where there is none. */
static ud_err refuse(struct parser *p, ud_err err, size_t at, size_t bytes, const char *words)
{
    p->wrong->at = at;
    p->wrong->bytes = bytes < p->len - at ? bytes : p->len - at;
    snprintf(p->wrong->words, sizeof p->wrong->words, "character %zu: %s", at + 1, words);
    return err;
}

/* --- output */

static bool put_n(struct ud_fiql *filter, const char *text, size_t len)
{
    if (len >= sizeof filter->sql - filter->sql_len) {
        return false;
    }
    memcpy(filter->sql + filter->sql_len, text, len);
    filter->sql_len += len;
    filter->sql[filter->sql_len] = '\0';
    return true;
}

static bool put(struct ud_fiql *filter, const char *text)
{
    return put_n(filter, text, strlen(text));
}

static bool bind_number(struct ud_fiql *filter, int64_t number)
{
    if (filter->param_count == UD_FIQL_PARAMS_MAX) {
        return false;
    }
    filter->params[filter->param_count++] = (struct ud_fiql_param){false, number, NULL};
    return true;
}

static bool bind_text(struct ud_fiql *filter, const char *text, size_t len)
{
    if (filter->param_count == UD_FIQL_PARAMS_MAX || len >= sizeof filter->values - filter->values_len) {
        return false;
    }
    char *kept = filter->values + filter->values_len;
    memcpy(kept, text, len);
    kept[len] = '\0';
    filter->values_len += len + 1;
    filter->params[filter->param_count++] = (struct ud_fiql_param){true, 0, kept};
    return true;
}

/* --- input */

static void skip_space(struct parser *p)
{
    while (p->at < p->len && (p->text[p->at] == ' ' || p->text[p->at] == '\t')) {
        p->at++;
    }
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == '/' || (unsigned char)c >= 0x80;
}

/* "and" or "or" as a word of its own */
static bool takes_word(struct parser *p, const char *word)
{
    const size_t len = strlen(word);
    if (p->len - p->at < len || strncasecmp(p->text + p->at, word, len) != 0 ||
        (p->at + len < p->len && is_name_char(p->text[p->at + len]))) {
        return false;
    }
    p->at += len;
    return true;
}

/* Edits (insert, delete, replace) from a to b, both short; stops mattering above NEAR_MAX. */
static size_t distance(const char *a, size_t a_len, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    const size_t b_len = strlen(b);
    if (a_len > NAME_BYTES_MAX || b_len > NAME_BYTES_MAX) {
        return NAME_BYTES_MAX;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t above = row[j];
            const size_t swap = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            const size_t side = (above < row[j - 1] ? above : row[j - 1]) + 1;
            row[j] = swap < side ? swap : side;
            diagonal = above;
        }
    }
    return row[b_len];
}

static ud_err refuse_op(struct parser *p)
{
    size_t len = 1;
    char words[UD_FIQL_WORDS_BYTES_MAX - 32];
    while (p->at + len < p->len && len < 8 && p->text[p->at + len - 1] != '\0' &&
           !(len > 1 && p->text[p->at + len - 1] == '=')) {
        len++;
    }
    size_t best = OP_COUNT;
    size_t best_distance = NEAR_MAX;
    for (size_t i = 0; i < OP_COUNT; i++) {
        const size_t far = distance(p->text + p->at, len, ops[i].text);
        if (far < best_distance) {
            best = i;
            best_distance = far;
        }
    }
    if (best < OP_COUNT) {
        snprintf(words, sizeof words, "this is no comparison. Did you mean %s (%s)?", ops[best].text,
                 ops[best].means);
    } else {
        snprintf(words, sizeof words,
                 "a comparison is needed here: == != =lt= =le= =gt= =ge= =in=(a,b) =out=(a,b)");
    }
    return refuse(p, UD_ERR_FILTER, p->at, len, words);
}

static ud_err take_op(struct parser *p, op *out)
{
    skip_space(p);
    for (size_t i = 0; i < OP_COUNT; i++) {
        const size_t len = strlen(ops[i].text);
        if (p->len - p->at >= len && strncasecmp(p->text + p->at, ops[i].text, len) == 0) {
            p->at += len;
            *out = (op)i;
            return UD_OK;
        }
    }
    return refuse_op(p);
}

static ud_err refuse_field(struct parser *p, size_t at, size_t len)
{
    char lower[NAME_BYTES_MAX];
    char words[UD_FIQL_WORDS_BYTES_MAX - 32];
    const char *best = NULL;
    size_t best_distance = NEAR_MAX + 1;
    for (size_t i = 0; i < len; i++) {
        const char c = p->text[at + i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    for (const struct ud_fiql_field *field = p->fields; field->name != NULL; field++) {
        const size_t far = distance(lower, len, field->name);
        if (far < best_distance) {
            best = field->name;
            best_distance = far;
        }
    }
    if (best != NULL) {
        snprintf(words, sizeof words, "there is no such field. Did you mean %s?", best);
    } else {
        snprintf(words, sizeof words, "there is no such field");
    }
    return refuse(p, UD_ERR_FILTER_FIELD, at, len, words);
}

static ud_err take_field(struct parser *p, const struct ud_fiql_field **field, const char **key,
                         size_t *key_len)
{
    const size_t from = p->at;
    while (p->at < p->len && is_name_char(p->text[p->at])) {
        p->at++;
    }
    const size_t len = p->at - from;
    if (len == 0) {
        return refuse(p, UD_ERR_FILTER, from, 1, "a field's name or '(' is needed here");
    }
    if (len >= NAME_BYTES_MAX) {
        return refuse(p, UD_ERR_FILTER, from, len, "this name is too long");
    }
    for (const struct ud_fiql_field *f = p->fields; f->name != NULL; f++) {
        const size_t want = strlen(f->name);
        if (f->kind == UD_FIQL_MAP ? len > want && strncasecmp(p->text + from, f->name, want) == 0
                                   : len == want && strncasecmp(p->text + from, f->name, want) == 0) {
            *field = f;
            *key = p->text + from + want;
            *key_len = len - want;
            return UD_OK;
        }
    }
    return refuse_field(p, from, len);
}

/* --- values */

struct value {
    char text[UD_FIQL_BYTES_MAX + 1]; /* decoded; of a pattern with % and _ escaped, '*' as % */
    size_t len;
    bool pattern;
    size_t at; /* in the filter */
    size_t bytes;
};

/*
 * One value, quoted or not. '*' outside of a backslash makes a pattern; the decoded text then holds SQL's LIKE form, so
 * escapes are decided at the end: `plain` keeps the characters, `star` marks which of them are wildcards.
 */
static ud_err take_value(struct parser *p, struct value *value)
{
    skip_space(p);
    char quote = '\0';
    *value = (struct value){.at = p->at};
    if (p->at < p->len && (p->text[p->at] == '"' || p->text[p->at] == '\'')) {
        quote = p->text[p->at++];
    }
    while (p->at < p->len) {
        char c = p->text[p->at];
        if (quote != '\0' ? c == quote : strchr(" \t();,\"'=!~<>", c) != NULL) {
            break;
        }
        if (c == '\\' && p->at + 1 < p->len) {
            c = p->text[++p->at];
            value->text[value->len++] = c == '*' ? '\x01' : c; /* \x01: a star that is only a star */
        } else if (c == '*') {
            value->pattern = true;
            value->text[value->len++] = '*';
        } else {
            value->text[value->len++] = c;
        }
        p->at++;
    }
    value->bytes = p->at - value->at;
    if (quote != '\0') {
        if (p->at == p->len) {
            return refuse(p, UD_ERR_FILTER, value->at, p->len - value->at, "this quotation does not end");
        }
        p->at++;
        value->bytes++;
    } else if (value->len == 0) {
        return refuse(p, UD_ERR_FILTER, value->at, 1,
                      "a value is needed here; quote it if it holds special characters");
    }
    return UD_OK;
}

static void restore_stars(struct value *value)
{
    for (size_t i = 0; i < value->len; i++) {
        if (value->text[i] == '\x01') {
            value->text[i] = '*';
        }
    }
}

/* "ab*" → LIKE 'ab%' with % _ \ escaped, lower case (ASCII) as lower() of the column is. False: too long. */
static bool to_like(const struct value *value, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < value->len; i++) {
        const char c = value->text[i];
        if (n + 3 > room) {
            return false;
        }
        if (c == '*') {
            out[n++] = '%';
        } else if (c == '\x01') {
            out[n++] = '*';
        } else {
            if (c == '%' || c == '_' || c == '\\') {
                out[n++] = '\\';
            }
            out[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        }
    }
    out[n] = '\0';
    return true;
}

static bool take_integer(const char *text, int64_t *number)
{
    const bool negative = *text == '-';
    int64_t value = 0;
    size_t digits = 0;
    for (text += negative ? 1 : 0; *text >= '0' && *text <= '9'; text++) {
        if (++digits > 18) {
            return false;
        }
        value = value * 10 + (*text - '0');
    }
    *number = negative ? -value : value;
    return digits > 0 && *text == '\0';
}

static bool number_of(const struct parser *p, const struct ud_fiql_field *field, const char *text,
                      int64_t *number)
{
    if (field->kind == UD_FIQL_TIME && strcmp(text, "${now_ts}") == 0) {
        *number = p->scope->now_ms;
        return true;
    }
    if (field->kind == UD_FIQL_TIME && strcmp(text, "${overdue_ts}") == 0) {
        *number = p->scope->overdue_ms;
        return true;
    }
    if (field->kind == UD_FIQL_BOOL) {
        *number = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0 ? 1 : 0;
        return *number == 1 || strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;
    }
    return take_integer(text, number);
}

/* The field's SQL with `comparison` in place of '%'; key and tenant are bound where they stand. */
static bool put_template(struct parser *p, const struct ud_fiql_field *field, const char *key, size_t key_len,
                         const char *comparison)
{
    struct ud_fiql *filter = p->filter;
    const char *sql = p->scope->each && field->sql_each != NULL ? field->sql_each : field->sql;
    bool good = true;
    for (; *sql != '\0' && good; sql++) {
        if (*sql == '%') {
            good = put(filter, comparison);
        } else if (*sql == '@') {
            good = put(filter, "?") && bind_number(filter, p->scope->tenant);
        } else if (*sql == '?') {
            good = put(filter, "?") && bind_text(filter, key, key_len);
        } else {
            good = put_n(filter, sql, 1);
        }
    }
    return good;
}

static ud_err refuse_word(struct parser *p, const struct ud_fiql_field *field, const struct value *value)
{
    char words[UD_FIQL_WORDS_BYTES_MAX - 32];
    int n = snprintf(words, sizeof words, "%s takes one of:", field->name);
    for (const struct ud_fiql_word *word = field->words;
         word->name != NULL && n > 0 && (size_t)n < sizeof words; word++) {
        n += snprintf(words + n, sizeof words - (size_t)n, " %s", word->name);
    }
    return refuse(p, UD_ERR_FILTER, value->at, value->bytes, words);
}

static ud_err too_large(struct parser *p, const struct value *value)
{
    return refuse(p, UD_ERR_FILTER, value->at, value->bytes, "the filter is too large");
}

static ud_err compare_word(struct parser *p, const struct ud_fiql_field *field, op oper,
                           const struct value *value)
{
    bool found = false;
    bool good = true;
    if (oper != OP_EQ) {
        return refuse(p, UD_ERR_FILTER, value->at, value->bytes, "a word can only be compared with == or !=");
    }
    good = put(p->filter, "(");
    for (const struct ud_fiql_word *word = field->words; word->name != NULL && good; word++) {
        if (strcasecmp(word->name, value->text) == 0) {
            good = (!found || put(p->filter, " OR ")) && put_template(p, field, "", 0, "=?") &&
                   bind_number(p->filter, word->value);
            found = true;
        }
    }
    good = good && put(p->filter, ")");
    if (good && !found) {
        return refuse_word(p, field, value);
    }
    return good ? UD_OK : too_large(p, value);
}

static ud_err compare_number(struct parser *p, const struct ud_fiql_field *field, op oper,
                             const struct value *value)
{
    int64_t number;
    char comparison[8];
    if (!number_of(p, field, value->text, &number)) {
        return refuse(p, UD_ERR_FILTER, value->at, value->bytes,
                      field->kind == UD_FIQL_BOOL ? "true or false is needed here"
                      : field->kind == UD_FIQL_TIME
                          ? "a time is a number of milliseconds since 1970, ${now_ts} or ${overdue_ts}"
                          : "a number is needed here");
    }
    snprintf(comparison, sizeof comparison, "%s?", ops[oper].sql);
    const bool good = put(p->filter, "(") && put_template(p, field, "", 0, comparison) &&
                      bind_number(p->filter, number) && put(p->filter, ")");
    return good ? UD_OK : too_large(p, value);
}

static ud_err compare_text(struct parser *p, const struct ud_fiql_field *field, const char *key, size_t key_len,
                           op oper, struct value *value)
{
    struct ud_fiql *filter = p->filter;
    char like[2 * UD_FIQL_BYTES_MAX + 1];
    char comparison[40];
    bool good = put(filter, "(");
    if (value->pattern && oper == OP_EQ) {
        /* the column's own case does not count: templates of text end in a bare column, so wrap by collation */
        good = good && to_like(value, like, sizeof like) &&
               put_template(p, field, key, key_len, " LIKE ? ESCAPE '\\'") &&
               bind_text(filter, like, strlen(like));
    } else if (field->kind == UD_FIQL_MAP && value->len == 0 && oper == OP_EQ) {
        good = good && put(filter, "NOT ") && put_template(p, field, key, key_len, "<>''");
    } else {
        restore_stars(value);
        snprintf(comparison, sizeof comparison, "%s?", ops[oper].sql);
        good = good && put_template(p, field, key, key_len, comparison) &&
               bind_text(filter, value->text, value->len);
    }
    return good && put(filter, ")") ? UD_OK : too_large(p, value);
}

static ud_err compare(struct parser *p, const struct ud_fiql_field *field, const char *key, size_t key_len,
                      op oper, struct value *value)
{
    if (field->kind == UD_FIQL_TEXT || field->kind == UD_FIQL_MAP) {
        return compare_text(p, field, key, key_len, oper, value);
    }
    restore_stars(value);
    value->text[value->len] = '\0';
    return field->kind == UD_FIQL_WORD ? compare_word(p, field, oper, value)
                                       : compare_number(p, field, oper, value);
}

static ud_err take_list(struct parser *p, const struct ud_fiql_field *field, const char *key, size_t key_len)
{
    struct value value;
    skip_space(p);
    if (p->at == p->len || p->text[p->at] != '(') {
        return refuse(p, UD_ERR_FILTER, p->at, 1, "a list in parentheses is needed here");
    }
    p->at++;
    for (bool first = true;; first = false) {
        ud_err err = take_value(p, &value);
        if (err == UD_OK && !first && !put(p->filter, " OR ")) {
            err = too_large(p, &value);
        }
        err = err == UD_OK ? compare(p, field, key, key_len, OP_EQ, &value) : err;
        if (err != UD_OK) {
            return err;
        }
        skip_space(p);
        const char c = p->at < p->len ? p->text[p->at] : '\0';
        if (c == ')') {
            p->at++;
            return UD_OK;
        }
        if (c != ',') {
            return refuse(p, UD_ERR_FILTER, p->at, 1, "',' or ')' is needed here");
        }
        p->at++;
    }
}

static ud_err take_comparison(struct parser *p)
{
    const struct ud_fiql_field *field = NULL;
    const char *key = NULL;
    size_t key_len = 0;
    op oper = OP_EQ;
    const size_t from = p->at;
    if (++p->filter->terms > UD_FIQL_TERMS_MAX) {
        return refuse(p, UD_ERR_FILTER, from, 1, "more comparisons than a filter may have (32)");
    }
    ud_err err = take_field(p, &field, &key, &key_len);
    err = err == UD_OK ? take_op(p, &oper) : err;
    if (err != UD_OK) {
        return err;
    }
    const bool negative = oper == OP_NE || oper == OP_OUT;
    if (!put(p->filter, negative ? "NOT(" : "(")) {
        return refuse(p, UD_ERR_FILTER, from, 1, "the filter is too large");
    }
    if (oper == OP_IN || oper == OP_OUT) {
        err = take_list(p, field, key, key_len);
    } else {
        struct value value;
        err = take_value(p, &value);
        err = err == UD_OK ? compare(p, field, key, key_len, oper == OP_NE ? OP_EQ : oper, &value) : err;
    }
    if (err == UD_OK && !put(p->filter, ")")) {
        err = refuse(p, UD_ERR_FILTER, from, 1, "the filter is too large");
    }
    return err;
}

/* Where an operand may stand: any number of '(', then a comparison. */
static ud_err take_operand(struct parser *p)
{
    skip_space(p);
    while (p->at < p->len && p->text[p->at] == '(') {
        if (++p->depth > UD_FIQL_DEPTH_MAX) {
            return refuse(p, UD_ERR_FILTER, p->at, 1, "more parentheses inside one another than allowed (16)");
        }
        if (!put(p->filter, "(")) {
            return refuse(p, UD_ERR_FILTER, p->at, 1, "the filter is too large");
        }
        p->at++;
        skip_space(p);
    }
    return take_comparison(p);
}

/* Behind an operand: any number of ')', then an oper or the end. *more tells which. */
static ud_err take_joint(struct parser *p, bool *more)
{
    skip_space(p);
    while (p->at < p->len && p->text[p->at] == ')') {
        if (p->depth == 0) {
            return refuse(p, UD_ERR_FILTER, p->at, 1, "this ')' has no '('");
        }
        p->depth--;
        p->at++;
        if (!put(p->filter, ")")) {
            return refuse(p, UD_ERR_FILTER, p->at - 1, 1, "the filter is too large");
        }
        skip_space(p);
    }
    *more = p->at < p->len;
    if (!*more) {
        return p->depth == 0 ? UD_OK : refuse(p, UD_ERR_FILTER, p->at, 0, "a ')' is missing");
    }
    const size_t at = p->at;
    const char c = p->text[at];
    const char *sql = NULL;
    if (c == ';' || c == ',') {
        p->at++;
        sql = c == ';' ? " AND " : " OR ";
    } else if (takes_word(p, "and")) {
        sql = " AND ";
    } else if (takes_word(p, "or")) {
        sql = " OR ";
    } else {
        return refuse(p, UD_ERR_FILTER, at, 1, "';' (and), ',' (or) or the end is needed here");
    }
    return put(p->filter, sql) ? UD_OK : refuse(p, UD_ERR_FILTER, at, 1, "the filter is too large");
}

ud_err ud_fiql_compile(struct ud_fiql *filter, const char *text, const struct ud_fiql_field *fields,
                       const struct ud_fiql_scope *scope, struct ud_fiql_wrong *wrong)
{
    struct parser p = {.filter = filter, .fields = fields, .scope = scope, .wrong = wrong, .text = text};
    filter->sql_len = 0;
    filter->param_count = 0;
    filter->terms = 0;
    filter->values_len = 0;
    p.len = text == NULL ? 0 : strlen(text);
    *wrong = (struct ud_fiql_wrong){0, 0, ""};
    if (p.len > UD_FIQL_BYTES_MAX) {
        return refuse(&p, UD_ERR_FILTER, UD_FIQL_BYTES_MAX, 1, "a filter has at most 1024 bytes");
    }
    skip_space(&p);
    if (p.at == p.len) {
        put(filter, "1=1");
        return UD_OK;
    }
    bool more = true;
    put(filter, "(");
    while (more) {
        ud_err err = take_operand(&p);
        err = err == UD_OK ? take_joint(&p, &more) : err;
        if (err != UD_OK) {
            return err;
        }
    }
    UD_ASSERT(p.depth == 0);
    return put(filter, ")") ? UD_OK : refuse(&p, UD_ERR_FILTER, 0, p.len, "the filter is too large");
}
