/*
 * FIQL (RSQL), the filter language of the management API, compiled in one pass into a bound SQL condition.
 *
 *     field op value, joined by ';' or "and" (binds tighter) and ',' or "or", with parentheses
 *     ==  !=  =lt=  =le=  =gt=  =ge=  =in=(a,b)  =out=(a,b)    '*' in a value of == and != stands for anything
 *
 * What a field means is a table of the entity's (struct ud_fiql_field): values never become SQL text, only parameters; field
 * names never become SQL text at all. Length, depth, comparisons and values have limits, so the statement has one too;
 * what it may cost when it runs is the store's to limit (UD_ERR_FILTER_COST).
 *
 *     struct ud_fiql filter;
 *     struct ud_fiql_wrong wrong;
 *     if (ud_fiql_compile(&filter, text, ud_fiql_device_fields, &scope, &wrong) != UD_OK) { ... wrong.words ... }
 */
#ifndef UD_SERVER_FIQL_H
#define UD_SERVER_FIQL_H

#include "updraft/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UD_FIQL_BYTES_MAX 1024
#define UD_FIQL_DEPTH_MAX 16
#define UD_FIQL_TERMS_MAX 32
#define UD_FIQL_PARAMS_MAX 48
#define UD_FIQL_SQL_BYTES_MAX 16384
#define UD_FIQL_WORDS_BYTES_MAX 192

typedef enum ud_fiql_kind {
    UD_FIQL_TEXT, /* an SQL text, '' where there is none */
    UD_FIQL_INT,
    UD_FIQL_TIME, /* milliseconds; ${now_ts} and ${overdue_ts} are values too */
    UD_FIQL_BOOL, /* 0 or 1 */
    UD_FIQL_WORD, /* an integer with names */
    UD_FIQL_MAP   /* "attribute.": the rest of the field is a key */
} ud_fiql_kind;

/* A name of an integer. The same name may stand for several. The list ends with a NULL name. */
struct ud_fiql_word {
    const char *name;
    int64_t value;
};

struct ud_fiql_field {
    const char *name; /* lower case; of a map with its dot. NULL ends the list */
    ud_fiql_kind kind;
    /*
     * SQL with one '%' where the comparison goes. A map has a '?' for the key before it. '@' stands for the tenant
     * ("?"), bound in its place.
     */
    const char *sql;
    const char *sql_each; /* the form for looking at device after device; NULL: the same */
    const struct ud_fiql_word *words;
};

/* What ${now_ts} and ${overdue_ts} are in a filter. */
struct ud_moment {
    int64_t now_ms;
    int64_t overdue_ms; /* who came last before that is overdue, by the tenant's settings */
};

/* What a compiled filter is about, beside its text. */
struct ud_fiql_scope {
    int64_t tenant;
    int64_t now_ms;
    int64_t overdue_ms;
    bool each; /* the form for a walk in the order of ids */
};

struct ud_fiql_param {
    bool is_text;
    int64_t number;
    const char *text; /* in the filter's own memory */
};

struct ud_fiql {
    char sql[UD_FIQL_SQL_BYTES_MAX];                 /* a condition in parentheses; "1=1" for an empty filter */
    struct ud_fiql_param params[UD_FIQL_PARAMS_MAX]; /* in the order of the '?' */
    size_t param_count;
    /* private */
    size_t sql_len;
    size_t terms;
    char values[4 * UD_FIQL_BYTES_MAX + UD_FIQL_PARAMS_MAX];
    size_t values_len;
};

/* Where and why a filter is refused. */
struct ud_fiql_wrong {
    size_t at;    /* byte, from 0 */
    size_t bytes; /* of the part that is wrong, at least 1 unless the filter ends there */
    char words[UD_FIQL_WORDS_BYTES_MAX];
};

/**
 * Compile. `filter` is written from its start; it holds pointers into itself, so it is not copied.
 *
 * @param text   NULL or empty: everything
 * @param wrong  out on an error: where and why, with the nearest right word where there is one
 * @return UD_OK; UD_ERR_FILTER for grammar, values and limits; UD_ERR_FILTER_FIELD for a field that is not there
 */
ud_err ud_fiql_compile(struct ud_fiql *filter, const char *text, const struct ud_fiql_field *fields,
                       const struct ud_fiql_scope *scope, struct ud_fiql_wrong *wrong);

#endif
