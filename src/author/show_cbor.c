#include "author/show_cbor.h"

#include <stdio.h>
#include <stdlib.h>

#include "author/cli.h"
#include "author/suit_show_steps.h"
#include "updraft/cbor.h"

enum { TEXT_BYTES_MAX = 64 };

static json_t *show_item(struct ud_cbor *r, const struct show_name *names);

static json_t *show_bytes(struct ud_bytes bytes)
{
    char *hex = malloc(CLI_HEX_BYTES(bytes.len));
    json_t *json = NULL;
    if (hex != NULL) {
        cli_hex(bytes, hex);
        json = json_string(hex);
    }
    free(hex);
    return json;
}

static json_t *show_array(struct ud_cbor *r, const struct show_name *names)
{
    json_t *list = json_array();
    for (size_t count = ud_cbor_array(r); count > 0 && r->err == UD_OK; count--) {
        (void)json_array_append_new(list, show_item(r, names));
    }
    return list;
}

static const struct show_name *name_of(const struct show_name *names, int64_t label)
{
    for (; names != NULL && names->name != NULL; names++) {
        if (names->label == label) {
            return names;
        }
    }
    return NULL;
}

/* A key as text: its name, its number, or its own encoding. */
static const struct show_name *take_key(struct ud_cbor *r, const struct show_name *names,
                                        char text[TEXT_BYTES_MAX])
{
    const ud_cbor_type type = ud_cbor_peek(r);
    if (type == UD_CBOR_UINT || type == UD_CBOR_NINT) {
        const int64_t label = ud_cbor_int(r);
        const struct show_name *name = name_of(names, label);
        (void)snprintf(text, TEXT_BYTES_MAX, "%lld", (long long)label);
        if (name != NULL) {
            (void)snprintf(text, TEXT_BYTES_MAX, "%s", name->name);
        }
        return name;
    }
    const struct ud_bytes item = ud_cbor_skip(r);
    const size_t shown = item.len < (TEXT_BYTES_MAX - 1) / 2 ? item.len : (TEXT_BYTES_MAX - 1) / 2;
    cli_hex((struct ud_bytes){item.ptr, shown}, text);
    return NULL;
}

static json_t *show_value(struct ud_cbor *r, const struct show_name *name)
{
    if (name != NULL && name->id) {
        char text[SUIT_SHOW_NAME_BYTES_MAX];
        suit_show_component(ud_cbor_skip(r), text);
        return json_string(text);
    }
    if (name != NULL && name->wrapped && ud_cbor_peek(r) == UD_CBOR_BSTR) {
        const struct ud_bytes content = ud_cbor_bstr(r);
        json_t *inner = show_cbor(content, name->inside);
        return inner != NULL ? inner : show_bytes(content);
    }
    return show_item(r, name != NULL ? name->inside : NULL);
}

static json_t *show_map(struct ud_cbor *r, const struct show_name *names)
{
    json_t *object = json_object();
    for (size_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        char key[TEXT_BYTES_MAX];
        const struct show_name *name = take_key(r, names, key);
        (void)json_object_set_new_nocheck(object, key, show_value(r, name));
    }
    return object;
}

/* Nested no deeper than ud_cbor_skip() lets pass, which show_cbor() asked before. */
static json_t *show_item(struct ud_cbor *r, const struct show_name *names)
{
    struct ud_cbor ahead = *r;
    struct ud_bytes text;
    switch (ud_cbor_peek(r)) {
    case UD_CBOR_UINT:
    case UD_CBOR_NINT: {
        const int64_t number = ud_cbor_int(&ahead);
        if (ahead.err != UD_OK) { /* more than JSON's integers hold */
            return show_bytes(ud_cbor_skip(r));
        }
        *r = ahead;
        return json_integer((json_int_t)number);
    }
    case UD_CBOR_BSTR:
        return show_bytes(ud_cbor_bstr(r));
    case UD_CBOR_TSTR:
        text = ud_cbor_tstr(r);
        return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
    case UD_CBOR_ARRAY:
        return show_array(r, names);
    case UD_CBOR_MAP:
        return show_map(r, names);
    case UD_CBOR_TAG:
        (void)ud_cbor_tag(r);
        return show_item(r, names);
    case UD_CBOR_BOOL:
        return json_boolean(ud_cbor_bool(r));
    case UD_CBOR_NULL:
        ud_cbor_null(r);
        return json_null();
    case UD_CBOR_OTHER:
    case UD_CBOR_END:
        break;
    }
    return show_bytes(ud_cbor_skip(r));
}

json_t *show_cbor(struct ud_bytes item, const struct show_name *names)
{
    struct ud_cbor r;
    ud_cbor_init(&r, item);
    (void)ud_cbor_skip(&r);
    if (ud_cbor_finish(&r) != UD_OK) {
        return NULL;
    }
    ud_cbor_init(&r, item);
    return show_item(&r, names);
}

static void show_plain(const json_t *json)
{
    char *text = json_is_string(json) ? NULL : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    cli_print_text(stdout, json_is_string(json) ? json_string_value(json) : text != NULL ? text : "?", 0);
    free(text);
    printf("\n");
}

/* A list of plain values fits one line. */
static bool is_flat(const json_t *json)
{
    size_t i;
    json_t *item;
    if (json_is_object(json)) {
        return false;
    }
    json_array_foreach(json, i, item)
    {
        if (json_is_object(item) || json_is_array(item)) {
            return false;
        }
    }
    return true;
}

void show_lines(const json_t *json, int depth)
{
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        printf("%*s", 2 * depth, "");
        cli_print_text(stdout, key, 14);
        if (is_flat(value)) {
            printf(" ");
            show_plain(value);
        } else {
            printf("\n");
            show_lines(value, depth + 1);
        }
    }
    json_array_foreach(json, i, value)
    {
        if (is_flat(value)) {
            printf("%*s- ", 2 * depth, "");
            show_plain(value);
        } else {
            printf("%*s-\n", 2 * depth, "");
            show_lines(value, depth + 1);
        }
    }
}
