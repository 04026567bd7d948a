#include "server/text.h"

#include <stdlib.h>

void ud_text_init(struct ud_text *text, size_t max)
{
    *text = (struct ud_text){.max = max};
}

void ud_text_free(struct ud_text *text)
{
    free(text->ptr);
    *text = (struct ud_text){.max = text->max};
}

static bool reserve(struct ud_text *text, size_t more)
{
    if (text->failed || more > text->max - text->len) {
        text->failed = true;
        return false;
    }
    if (text->len + more < text->cap) {
        return true;
    }
    size_t cap = text->cap == 0 ? 512 : text->cap * 2;
    while (cap <= text->len + more) {
        cap *= 2;
    }
    char *grown = realloc(text->ptr, cap);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->ptr = grown;
    text->cap = cap;
    return true;
}

void ud_text_put(struct ud_text *text, const char *from, size_t len)
{
    if (!reserve(text, len)) {
        return;
    }
    if (len > 0) {
        memcpy(text->ptr + text->len, from, len);
        text->len += len;
    }
    text->ptr[text->len] = '\0';
}

void ud_text_puts(struct ud_text *text, const char *from)
{
    ud_text_put(text, from, strlen(from));
}

void ud_text_int(struct ud_text *text, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        digits[--at] = '-';
    }
    ud_text_put(text, digits + at, sizeof digits - at);
}

void ud_text_hex(struct ud_text *text, struct ud_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        const char pair[2] = {digits[bytes.ptr[i] >> 4], digits[bytes.ptr[i] & 15]};
        ud_text_put(text, pair, sizeof pair);
    }
}

void ud_text_metric(struct ud_text *text, const char *name, uint64_t value)
{
    ud_text_puts(text, name);
    ud_text_puts(text, " ");
    ud_text_int(text, (int64_t)value);
    ud_text_puts(text, "\n");
}

bool ud_text_ok(const struct ud_text *text)
{
    return !text->failed;
}

char *ud_text_take(struct ud_text *text)
{
    char *taken = text->failed ? NULL : text->ptr;
    if (taken != NULL) {
        text->ptr = NULL;
        ud_text_free(text);
    }
    return taken;
}

/* Length of the UTF-8 sequence at `at`, 0 where there is no valid one (RFC 3629: no overlong, no surrogates). */
static size_t utf8_bytes(const char *at, size_t len)
{
    const uint8_t first = (uint8_t)at[0];
    const size_t need = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
    if (need == 0 || need > len) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if (((uint8_t)at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const uint8_t second = need > 1 ? (uint8_t)at[1] : 0;
    const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
    return bad ? 0 : need;
}

static void put_escaped_byte(struct ud_text *out, char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *known = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);
    if (c != '\0' && known != NULL && (c < ' ' || c == '"' || c == '\\')) {
        const char pair[2] = {'\\', known[1]};
        ud_text_put(out, pair, sizeof pair);
        return;
    }
    const char unicode[6] = {'\\', 'u', '0', '0', digits[(uint8_t)c >> 4], digits[(uint8_t)c & 15]};
    ud_text_put(out, unicode, sizeof unicode);
}

static void put_quoted(struct ud_text *out, const char *value, size_t len)
{
    size_t plain = 0; /* bytes before i that need no escape and are not written yet */
    size_t i = 0;
    ud_text_put(out, "\"", 1);
    while (i < len) {
        const uint8_t c = (uint8_t)value[i];
        const size_t whole = utf8_bytes(value + i, len - i);
        if (whole > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            plain += whole;
            i += whole;
            continue;
        }
        ud_text_put(out, value + i - plain, plain);
        plain = 0;
        if (whole == 0) {
            ud_text_puts(out, "\\ufffd");
        } else {
            put_escaped_byte(out, value[i]);
        }
        i++;
    }
    ud_text_put(out, value + i - plain, plain);
    ud_text_put(out, "\"", 1);
}

static void put_key(struct ud_json *json, const char *key)
{
    if (json->comma) {
        ud_text_put(json->out, ",", 1);
    }
    json->comma = true;
    if (key != NULL) {
        put_quoted(json->out, key, strlen(key));
        ud_text_put(json->out, ":", 1);
    }
}

void ud_json_open(struct ud_json *json, const char *key, char bracket)
{
    put_key(json, key);
    ud_text_put(json->out, &bracket, 1);
    json->comma = false;
}

void ud_json_close(struct ud_json *json, char bracket)
{
    ud_text_put(json->out, &bracket, 1);
    json->comma = true;
}

void ud_json_string_n(struct ud_json *json, const char *key, const char *value, size_t len)
{
    put_key(json, key);
    put_quoted(json->out, value, len);
}

void ud_json_string(struct ud_json *json, const char *key, const char *value)
{
    if (value == NULL) {
        ud_json_null(json, key);
        return;
    }
    ud_json_string_n(json, key, value, strlen(value));
}

void ud_json_int(struct ud_json *json, const char *key, int64_t value)
{
    put_key(json, key);
    ud_text_int(json->out, value);
}

void ud_json_bool(struct ud_json *json, const char *key, bool value)
{
    put_key(json, key);
    ud_text_puts(json->out, value ? "true" : "false");
}

void ud_json_null(struct ud_json *json, const char *key)
{
    put_key(json, key);
    ud_text_puts(json->out, "null");
}

void ud_json_hex(struct ud_json *json, const char *key, struct ud_bytes bytes)
{
    if (bytes.len == 0) {
        ud_json_null(json, key);
        return;
    }
    put_key(json, key);
    ud_text_put(json->out, "\"", 1);
    ud_text_hex(json->out, bytes);
    ud_text_put(json->out, "\"", 1);
}

void ud_json_raw(struct ud_json *json, const char *key, const char *value)
{
    put_key(json, key);
    ud_text_puts(json->out, value);
}
