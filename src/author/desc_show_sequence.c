/* Commands as lines of a description. */
#include <stdio.h>

#include "author/desc_show.h"

enum { WORD_BYTES = 96, LIST_BYTES = 512 };

static void word_of_param(int64_t label, char word[WORD_BYTES], desc_kind *kind)
{
    const struct desc_word *row = desc_word_labelled(desc_params, label);
    *kind = row != NULL ? (desc_kind)row->kind : DESC_ANY;
    if (row != NULL) {
        (void)snprintf(word, WORD_BYTES, "%s", row->name);
    } else {
        (void)snprintf(word, WORD_BYTES, "%lld", (long long)label);
    }
}

/* A parameter that has no word and is not a custom one cannot be written. */
static void check_param(struct ud_cbor *r, size_t at, int64_t label)
{
    if (desc_word_labelled(desc_params, label) == NULL && (label >= 0 || label < -99999999)) {
        ud_cbor_fail_at(r, at, UD_ERR_DESCRIPTION);
    }
}

static void show_params(struct desc_show *show, struct ud_cbor *r, const char *prefix, const char *sign)
{
    struct ud_bytes previous = {NULL, 0};
    uint64_t count = ud_cbor_map(r);
    if (count == 0 && r->err == UD_OK) {
        ud_cbor_fail(r, UD_ERR_DESCRIPTION); /* an empty map sets nothing, and no line says that */
    }
    for (; count > 0 && r->err == UD_OK; count--) {
        char name[WORD_BYTES];
        char word[2 * WORD_BYTES];
        desc_kind kind;
        const size_t at = ud_cbor_offset(r);
        ud_cbor_key_order(r, &previous);
        const int64_t label = ud_cbor_int(r);
        check_param(r, at, label);
        word_of_param(label, name, &kind);
        (void)snprintf(word, sizeof word, "%s%s", prefix, name);
        desc_show_value(show, word, sign, kind, r);
    }
}

static void show_multiple(struct desc_show *show, struct ud_cbor *r)
{
    struct ud_bytes previous = {NULL, 0};
    for (uint64_t count = ud_cbor_map(r); count > 0 && r->err == UD_OK; count--) {
        char prefix[WORD_BYTES];
        ud_cbor_key_order(r, &previous);
        desc_show_index(show, ud_cbor_uint(r), prefix, sizeof prefix - 1);
        memcpy(prefix + strlen(prefix), ".", 2);
        show_params(show, r, prefix, "=");
    }
}

static void show_takes(struct desc_show *show, struct ud_cbor *r)
{
    struct ud_bytes previous = {NULL, 0};
    for (uint64_t count = ud_cbor_map(r); count > 0 && r->err == UD_OK; count--) {
        char from[WORD_BYTES];
        char list[LIST_BYTES] = "";
        size_t len = 0;
        ud_cbor_key_order(r, &previous);
        desc_show_index(show, ud_cbor_uint(r), from, sizeof from);
        for (uint64_t labels = ud_cbor_array(r); labels > 0 && r->err == UD_OK; labels--) {
            char word[WORD_BYTES];
            desc_kind kind;
            const size_t at = ud_cbor_offset(r);
            const int64_t label = ud_cbor_int(r);
            check_param(r, at, label);
            word_of_param(label, word, &kind);
            if (len + strlen(word) + 3 > 120) {
                ud_cbor_fail_at(r, at, UD_ERR_LIMIT);
                break;
            }
            len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? ", " : "", word);
        }
        desc_show_print(show, "take %s = %s\n", from, list);
    }
}

static void show_select(struct desc_show *show, struct ud_cbor *r)
{
    char text[WORD_BYTES];
    char list[LIST_BYTES] = "";
    size_t len = 0;
    switch ((int)ud_cbor_peek(r)) {
    case UD_CBOR_BOOL:
        if (!ud_cbor_bool(r)) {
            ud_cbor_fail(r, UD_ERR_DESCRIPTION);
        }
        desc_show_print(show, "select = all\n");
        return;
    case UD_CBOR_UINT:
        desc_show_index(show, ud_cbor_uint(r), text, sizeof text);
        desc_show_print(show, "select = %s\n", text);
        return;
    default:
        break;
    }
    const uint64_t count = ud_cbor_array(r);
    for (uint64_t i = 0; i < count && r->err == UD_OK; i++) {
        desc_show_index(show, ud_cbor_uint(r), text, sizeof text);
        if (len + strlen(text) + 3 > 160) {
            ud_cbor_fail(r, UD_ERR_LIMIT);
            break;
        }
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", text,
                                i + 1 < count || count == 1 ? ", " : "");
    }
    desc_show_print(show, "select = %s\n", list);
}

/* @return number of the nested sequence, from 1 */
static size_t nest(struct desc_show *show, struct ud_cbor *r)
{
    const struct ud_bytes content = ud_cbor_bstr(r);
    if (show->nested_count == DESC_SHOW_NESTED_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
        return 0;
    }
    show->nested[show->nested_count++] = content;
    return show->nested_count;
}

static void show_try(struct desc_show *show, struct ud_cbor *r)
{
    const uint64_t count = ud_cbor_array(r);
    if (count > 20) { /* of one line */
        ud_cbor_fail(r, UD_ERR_LIMIT);
        return;
    }
    desc_show_print(show, "try = ");
    for (uint64_t i = 0; i < count && r->err == UD_OK; i++) {
        const char *comma = i > 0 ? ", " : "";
        if (ud_cbor_peek(r) == UD_CBOR_NULL) {
            ud_cbor_null(r);
            desc_show_print(show, "%snothing", comma);
        } else {
            desc_show_print(show, "%ss%zu", comma, nest(show, r));
        }
    }
    desc_show_print(show, "\n");
}

static void show_policy(struct desc_show *show, struct ud_cbor *r, const char *word, const char *name,
                        uint64_t usual)
{
    const uint64_t policy = ud_cbor_uint(r);
    if (policy == usual) {
        desc_show_print(show, "%s = %s\n", word, name);
    } else {
        desc_show_print(show, "%s = %s, report %llu\n", word, name, (unsigned long long)policy);
    }
}

static void show_custom(struct desc_show *show, struct ud_cbor *r, int64_t code)
{
    char word[WORD_BYTES];
    if (ud_cbor_peek(r) == UD_CBOR_NULL) {
        ud_cbor_null(r);
        desc_show_print(show, "do = %lld null\n", (long long)code);
        return;
    }
    (void)snprintf(word, sizeof word, "%lld cbor:", (long long)code);
    desc_show_hex(show, "do", "=", word, ud_cbor_skip(r));
}

/* Lines of parameters that follow each other would be one command. */
static bool joins(int64_t code)
{
    return code == DESC_DO_OVERRIDE || code == DESC_DO_DEFAULT || code == DESC_DO_OVERRIDE_MULTIPLE ||
           code == DESC_DO_TAKE;
}

static void show_command(struct desc_show *show, struct ud_cbor *r)
{
    const size_t at = ud_cbor_offset(r);
    const int64_t code = ud_cbor_int(r);
    if (joins(code) && show->before == code) {
        desc_show_print(show, "then = set\n");
    }
    show->before = code;
    const struct desc_word *check = desc_word_labelled(desc_checks, code);
    const struct desc_word *action = desc_word_labelled(desc_actions, code);
    switch (code) {
    case DESC_DO_SELECT:
        show_select(show, r);
        return;
    case DESC_DO_TRY:
        show_try(show, r);
        return;
    case DESC_DO_RUN:
        desc_show_print(show, "run = s%zu\n", nest(show, r));
        return;
    case DESC_DO_OVERRIDE:
    case DESC_DO_DEFAULT:
        show_params(show, r, "", code == DESC_DO_DEFAULT ? "?=" : "=");
        return;
    case DESC_DO_OVERRIDE_MULTIPLE:
        show_multiple(show, r);
        return;
    case DESC_DO_TAKE:
        show_takes(show, r);
        return;
    default:
        break;
    }
    if (check != NULL) {
        show_policy(show, r, "check", check->name, DESC_POLICY_CHECK);
    } else if (action != NULL) {
        show_policy(show, r, "do", action->name, DESC_POLICY_DO);
    } else if (code < 0 && code >= -99999999) {
        show_custom(show, r, code);
    } else {
        ud_cbor_fail_at(r, at, UD_ERR_DESCRIPTION);
    }
}

void desc_show_sequence(struct desc_show *show, struct ud_cbor *r)
{
    const uint64_t items = ud_cbor_array(r);
    if (items == 0 || items % 2 != 0) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
    show->before = 0;
    for (uint64_t i = 0; i < items / 2 && r->err == UD_OK; i++) {
        show_command(show, r);
    }
}
