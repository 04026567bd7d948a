#include <stdarg.h>
#include <stdio.h>

#include "author/desc_show.h"
#include "author/ids.h"
#include "updraft/limits.h"

enum { CHUNK_CHARS = 120, VALUE_CHARS_MAX = 320 };

void desc_show_print(struct desc_show *show, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const size_t room = show->out->cap - show->out->len;
    const int len = vsnprintf((char *)show->out->ptr + show->out->len, room, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= room) {
        show->full = true;
    } else {
        show->out->len += (size_t)len;
    }
}

void desc_show_hex(struct desc_show *show, const char *word, const char *sign, const char *prefix,
                   struct ud_bytes bytes)
{
    char hex[CHUNK_CHARS + 1];
    do {
        struct ud_bytes part;
        (void)ud_bytes_take(&bytes, bytes.len < CHUNK_CHARS / 2 ? bytes.len : CHUNK_CHARS / 2, &part);
        cli_hex(part, hex);
        desc_show_print(show, "%s %s %s%s\n", word, sign, prefix, hex);
        sign = "+=";
        prefix = "";
    } while (bytes.len > 0);
}

/* Can it stand as it is, with no reader taking part of it for something else? */
static bool is_plain(struct ud_bytes text)
{
    static const char *const prefixes[] = {"\"", "file:", "beside:", "cbor:", "text:", "hex:"};
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e || text.ptr[i] == ';') {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        const size_t len = strlen(prefixes[i]);
        if (text.len >= len && memcmp(text.ptr, prefixes[i], len) == 0) {
            return false;
        }
    }
    return text.len > 0 && text.len <= CHUNK_CHARS;
}

static size_t quote(uint8_t c, char out[5])
{
    if (c == '\n' || c == '\t') {
        return (size_t)snprintf(out, 5, "\\%c", c == '\n' ? 'n' : 't');
    }
    if (c == '"' || c == '\\') {
        return (size_t)snprintf(out, 5, "\\%c", c);
    }
    if (c < 0x20 || c == 0x7f || c == ';') {
        return (size_t)snprintf(out, 5, "\\x%02x", c);
    }
    return (size_t)snprintf(out, 5, "%c", c);
}

void desc_show_text(struct desc_show *show, const char *word, const char *sign, struct ud_bytes text)
{
    if (is_plain(text)) {
        desc_show_print(show, "%s %s %.*s\n", word, sign, (int)text.len, (const char *)text.ptr);
        return;
    }
    do {
        char quoted[CHUNK_CHARS + 8] = "";
        size_t len = 0;
        struct ud_bytes c;
        while (len < CHUNK_CHARS && ud_bytes_take(&text, 1, &c)) {
            len += quote(c.ptr[0], quoted + len);
        }
        desc_show_print(show, "%s %s \"%s\"\n", word, sign, quoted);
        sign = "+=";
    } while (text.len > 0);
}

static bool is_name(struct ud_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c < 0x21 || c > 0x7e || c == '/' || c == ';' || c == '"' || c == ',') {
            return false;
        }
    }
    return text.len > 0 && !(text.len >= 2 && text.ptr[0] == '0' && text.ptr[1] == 'x');
}

bool desc_show_id(struct ud_bytes id, char *text, size_t cap)
{
    struct ud_cbor r;
    size_t len = 0;
    ud_cbor_init(&r, id);
    uint64_t count = ud_cbor_array(&r);
    if (count == 0) {
        (void)snprintf(text, cap, "/");
    }
    for (; count > 0 && r.err == UD_OK; count--) {
        const struct ud_bytes element = ud_cbor_bstr(&r);
        if (len + 2 * element.len + 5 > cap) {
            return false;
        }
        if (is_name(element)) {
            memcpy(text + len, element.ptr, element.len);
            len += element.len;
        } else {
            memcpy(text + len, "0x", 2);
            cli_hex(element, text + len + 2);
            len += 2 + 2 * element.len;
        }
        text[len++] = '/';
        text[len] = '\0';
    }
    if (len > 0) {
        text[len - 1] = '\0';
    }
    return ud_cbor_finish(&r) == UD_OK;
}

bool desc_show_version(struct ud_cbor *r, char *text, size_t cap)
{
    static const char *const releases[] = {"rc", "beta", "alpha"};
    size_t len = 0;
    uint64_t count = ud_cbor_array(r);
    bool ok = count > 0;
    for (uint64_t i = 0; i < count && r->err == UD_OK; i++) {
        const int64_t number = ud_cbor_int(r);
        if (!ok || number < -3 || (number < 0 && i == 0) || len + 24 > cap) {
            ok = false;
            continue; /* consume it all */
        }
        const char *sign = i == 0 ? "" : number < 0 ? "-" : ".";
        const int put = number < 0 ? snprintf(text + len, cap - len, "%s%s", sign, releases[-1 - number])
                                   : snprintf(text + len, cap - len, "%s%lld", sign, (long long)number);
        len += (size_t)put;
    }
    return ok && r->err == UD_OK;
}

bool desc_show_digest(struct ud_cbor *r, char *text, size_t cap)
{
    const uint64_t count = ud_cbor_array(r);
    if (count != 2) {
        return false;
    }
    const int64_t alg = ud_cbor_int(r);
    const struct ud_bytes bytes = ud_cbor_bstr(r);
    const struct desc_word *row = desc_word_labelled(desc_digests, alg);
    if (r->err != UD_OK || row == NULL || row->kind != bytes.len ||
        strlen(row->name) + 2 * bytes.len + 2 > cap) {
        return false;
    }
    const int len = snprintf(text, cap, "%s:", row->name);
    cli_hex(bytes, text + len);
    return true;
}

void desc_show_index(const struct desc_show *show, uint64_t index, char *text, size_t cap)
{
    for (size_t i = 0; i < show->part_count; i++) {
        if (show->parts[i].index == index) {
            (void)snprintf(text, cap, "%s", show->parts[i].name);
            return;
        }
    }
    (void)snprintf(text, cap, "%llu", (unsigned long long)index);
}

/* >= 1.2 */
static bool show_match(struct ud_cbor *r, char *text, size_t cap)
{
    if (ud_cbor_array(r) != 2) {
        return false;
    }
    const struct desc_word *row = desc_word_labelled(desc_comparisons, ud_cbor_int(r));
    if (row == NULL) {
        return false;
    }
    const int len = snprintf(text, cap, "%s ", row->name);
    return desc_show_version(r, text + len, cap - (size_t)len);
}

/* word number, word number */
static bool show_facts(struct ud_cbor *r, const struct desc_word *table, char *text, size_t cap)
{
    enum { TAG_TIME = 1 };
    size_t len = 0;
    struct ud_bytes previous = {NULL, 0};
    for (uint64_t count = ud_cbor_map(r); count > 0 && r->err == UD_OK; count--) {
        ud_cbor_key_order(r, &previous);
        const struct desc_word *row = desc_word_labelled(table, ud_cbor_int(r));
        const bool time = table == desc_metadata && row != NULL && (row->label == 6 || row->label == 7);
        if (time && (ud_cbor_peek(r) != UD_CBOR_TAG || ud_cbor_tag(r) != TAG_TIME)) {
            return false;
        }
        const int64_t number = ud_cbor_int(r);
        if (r->err != UD_OK || row == NULL || (row->kind == DESC_UINT && number < 0) || number == INT64_MIN ||
            len + 48 > cap) {
            return false;
        }
        len += (size_t)snprintf(text + len, cap - len, "%s%s %lld", len > 0 ? ", " : "", row->name,
                                (long long)number);
    }
    return len > 0;
}

bool desc_show_wrapped(struct ud_bytes content, desc_kind kind, char *text, size_t cap)
{
    struct ud_cbor r;
    bool ok = false;
    ud_cbor_init(&r, content);
    if (kind == DESC_DIGEST) {
        ok = desc_show_digest(&r, text, cap);
    } else if (kind == DESC_VERSION) {
        ok = show_match(&r, text, cap);
    } else {
        ok = show_facts(&r, kind == DESC_WAIT ? desc_wait_events : desc_metadata, text, cap);
    }
    return ok && ud_cbor_finish(&r) == UD_OK;
}

static bool show_uuid(struct ud_bytes content, char *text)
{
    if (content.len != UD_UUID_BYTES) {
        return false;
    }
    cli_uuid_text(content.ptr, text);
    return true;
}

/* @return true when `text` holds the value, or it was written already (then text is empty) */
static bool show_known(struct desc_show *show, const char *word, const char *sign, desc_kind kind,
                       struct ud_cbor *r, char text[VALUE_CHARS_MAX])
{
    const ud_cbor_type type = ud_cbor_peek(r);
    text[0] = '\0';
    switch (kind) {
    case DESC_UINT:
    case DESC_SIZE:
        if (type == UD_CBOR_UINT) {
            (void)snprintf(text, VALUE_CHARS_MAX, "%llu", (unsigned long long)ud_cbor_uint(r));
        }
        return type == UD_CBOR_UINT && r->err == UD_OK;
    case DESC_INT: {
        const int64_t number = type == UD_CBOR_UINT || type == UD_CBOR_NINT ? ud_cbor_int(r) : INT64_MIN;
        (void)snprintf(text, VALUE_CHARS_MAX, "%lld", (long long)number);
        return number != INT64_MIN && r->err == UD_OK;
    }
    case DESC_BOOL:
        if (type == UD_CBOR_BOOL) {
            (void)snprintf(text, VALUE_CHARS_MAX, "%s", ud_cbor_bool(r) ? "yes" : "no");
        }
        return type == UD_CBOR_BOOL;
    case DESC_VENDOR:
    case DESC_CLASS:
    case DESC_UUID:
        return type == UD_CBOR_BSTR && show_uuid(ud_cbor_bstr(r), text);
    case DESC_DIGEST:
    case DESC_VERSION:
    case DESC_WAIT:
    case DESC_METADATA:
        return type == UD_CBOR_BSTR && desc_show_wrapped(ud_cbor_bstr(r), kind, text, VALUE_CHARS_MAX);
    case DESC_COMPONENT:
        if (type == UD_CBOR_UINT) {
            desc_show_index(show, ud_cbor_uint(r), text, VALUE_CHARS_MAX);
        }
        return type == UD_CBOR_UINT && r->err == UD_OK;
    case DESC_TEXT:
        if (type == UD_CBOR_TSTR) {
            desc_show_text(show, word, sign, ud_cbor_tstr(r));
        }
        return type == UD_CBOR_TSTR;
    case DESC_BYTES:
        if (type == UD_CBOR_BSTR) {
            desc_show_hex(show, word, sign, "hex:", ud_cbor_bstr(r));
        }
        return type == UD_CBOR_BSTR;
    case DESC_ANY:
        break; /* as CBOR */
    }
    return false;
}

void desc_show_value(struct desc_show *show, const char *word, const char *sign, desc_kind kind,
                     struct ud_cbor *r)
{
    char text[VALUE_CHARS_MAX];
    struct ud_cbor ahead = *r;
    const struct ud_bytes item = ud_cbor_skip(r);
    if (r->err != UD_OK) {
        return;
    }
    if (!show_known(show, word, sign, kind, &ahead, text)) {
        desc_show_hex(show, word, sign, "cbor:", item);
    } else if (text[0] != '\0') {
        desc_show_print(show, "%s %s %s\n", word, sign, text);
    }
}
