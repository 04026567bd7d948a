#include "coap/json.h"

static void drop(struct ud_bytes *from, size_t n)
{
    struct ud_bytes dropped;
    (void)ud_bytes_take(from, n, &dropped);
}

static void drop_space(struct ud_bytes *from)
{
    while (from->len > 0 && from->ptr[0] != 0 && strchr(" \t\r\n", from->ptr[0]) != NULL) {
        drop(from, 1);
    }
}

static int hex_digit(uint8_t c)
{
    const int lower = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The four digits of \uXXXX. */
static ud_err take_unit(struct ud_bytes *from, uint32_t *unit)
{
    struct ud_bytes digits;
    uint32_t value = 0;
    if (!ud_bytes_take(from, 4, &digits)) {
        return UD_ERR_TRUNCATED;
    }
    for (size_t i = 0; i < digits.len; i++) {
        const int digit = hex_digit(digits.ptr[i]);
        if (digit < 0) {
            return UD_ERR_SHAPE;
        }
        value = value << 4 | (uint32_t)digit;
    }
    *unit = value;
    return UD_OK;
}

static const char escapes[] = "\"\\/bfnrt";
static const char escaped_as[] = "\"\\/\b\f\n\r\t";

/* A code point from behind a backslash; surrogates must come in pairs. */
static ud_err take_escape(struct ud_bytes *from, uint32_t *point)
{
    struct ud_bytes c;
    uint32_t low = 0;
    if (!ud_bytes_take(from, 1, &c)) {
        return UD_ERR_TRUNCATED;
    }
    const char *at = c.ptr[0] != 0 ? strchr(escapes, c.ptr[0]) : NULL;
    if (at != NULL) {
        *point = (uint8_t)escaped_as[at - escapes];
        return UD_OK;
    }
    if (c.ptr[0] != 'u') {
        return UD_ERR_SHAPE;
    }
    ud_err err = take_unit(from, point);
    if (err != UD_OK || *point < 0xd800 || *point > 0xdfff) {
        return err;
    }
    if (*point > 0xdbff || from->len < 2 || from->ptr[0] != '\\' || from->ptr[1] != 'u') {
        return UD_ERR_TEXT;
    }
    drop(from, 2);
    err = take_unit(from, &low);
    if (err == UD_OK && (low < 0xdc00 || low > 0xdfff)) {
        return UD_ERR_TEXT;
    }
    *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
    return err;
}

/* Check a string up to its closing quote; `from` begins behind the opening one. */
static ud_err take_string(struct ud_bytes *from, struct ud_json_token *token)
{
    const struct ud_bytes all = *from;
    uint32_t point;
    while (from->len > 0 && from->ptr[0] != '"') {
        const uint8_t c = from->ptr[0];
        if (c < 0x20) {
            return UD_ERR_SHAPE;
        }
        drop(from, 1);
        if (c == '\\') {
            token->escaped = true;
            const ud_err err = take_escape(from, &point);
            if (err != UD_OK) {
                return err;
            }
        }
    }
    if (from->len == 0) {
        return UD_ERR_TRUNCATED;
    }
    token->type = UD_JSON_STRING;
    token->text = (struct ud_bytes){all.ptr, all.len - from->len};
    drop(from, 1);
    return UD_OK;
}

static ud_err take_word(struct ud_bytes *from, struct ud_json_token *token)
{
    static const struct {
        struct ud_bytes word;
        ud_json_type type;
    } words[] = {
        {{(const uint8_t *)"true", 4}, UD_JSON_TRUE},
        {{(const uint8_t *)"false", 5}, UD_JSON_FALSE},
        {{(const uint8_t *)"null", 4}, UD_JSON_NULL},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct ud_bytes rest = *from;
        struct ud_bytes head;
        if (ud_bytes_take(&rest, words[i].word.len, &head) && ud_bytes_equal(head, words[i].word)) {
            token->type = words[i].type;
            *from = rest;
            return UD_OK;
        }
    }
    token->type = UD_JSON_NUMBER;
    return ud_decimal_take(from, &token->number);
}

ud_err ud_json_take(struct ud_bytes *from, struct ud_json_token *token)
{
    *token = (struct ud_json_token){.type = UD_JSON_END};
    drop_space(from);
    if (from->len == 0) {
        return UD_OK;
    }
    const uint8_t c = from->ptr[0];
    if (c == '"') {
        drop(from, 1);
        return take_string(from, token);
    }
    if (c != 0 && strchr("[]{},:", c) != NULL) {
        drop(from, 1);
        token->type = UD_JSON_SIGN;
        token->sign = (char)c;
        return UD_OK;
    }
    return take_word(from, token);
}

bool ud_json_try_sign(struct ud_bytes *from, char sign)
{
    struct ud_bytes rest = *from;
    drop_space(&rest);
    if (rest.len == 0 || rest.ptr[0] != (uint8_t)sign) {
        return false;
    }
    drop(&rest, 1);
    *from = rest;
    return true;
}

ud_err ud_json_take_sign(struct ud_bytes *from, char sign)
{
    if (ud_json_try_sign(from, sign)) {
        return UD_OK;
    }
    drop_space(from);
    return from->len == 0 ? UD_ERR_TRUNCATED : UD_ERR_SHAPE;
}

/* A value that is not looked at: its brackets must match, its commas and colons are not judged. */
ud_err ud_json_skip(struct ud_bytes *from)
{
    char closing[UD_JSON_DEPTH_MAX];
    size_t depth = 0;
    struct ud_json_token token;
    do {
        const ud_err err = ud_json_take(from, &token);
        if (err != UD_OK) {
            return err;
        }
        if (token.type == UD_JSON_END) {
            return UD_ERR_TRUNCATED;
        }
        if (token.type != UD_JSON_SIGN) {
            continue;
        }
        if (token.sign == '[' || token.sign == '{') {
            if (depth == UD_JSON_DEPTH_MAX) {
                return UD_ERR_DEPTH;
            }
            closing[depth++] = token.sign == '[' ? ']' : '}';
        } else if (depth == 0 || ((token.sign == ']' || token.sign == '}') && closing[--depth] != token.sign)) {
            return UD_ERR_SHAPE;
        }
    } while (depth > 0);
    return UD_OK;
}

static bool put_utf8(struct ud_buf *out, uint32_t point)
{
    uint8_t bytes[4];
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        bytes[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    bytes[0] = (uint8_t)(leads[len] | point);
    return ud_buf_put(out, (struct ud_bytes){bytes, len});
}

ud_err ud_json_unescape(struct ud_bytes text, struct ud_buf *out)
{
    while (text.len > 0) {
        const uint8_t c = text.ptr[0];
        uint32_t point = c;
        drop(&text, 1);
        if (c == '\\') {
            const ud_err err = take_escape(&text, &point);
            if (err != UD_OK) {
                return err;
            }
        }
        if (c == '\\' ? !put_utf8(out, point) : !ud_buf_put(out, (struct ud_bytes){&c, 1})) {
            return UD_ERR_BUFFER;
        }
    }
    return UD_OK;
}

bool ud_json_put_string(struct ud_buf *out, struct ud_bytes text)
{
    static const char digits[] = "0123456789abcdef";
    bool fits = ud_buf_put(out, UD_BYTES_LITERAL("\""));
    for (size_t i = 0; i < text.len && fits; i++) {
        const uint8_t c = text.ptr[i];
        const uint8_t unit[] = {'\\', 'u', '0', '0', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
        const uint8_t pair[] = {'\\', c};
        if (c < 0x20) {
            fits = ud_buf_put(out, (struct ud_bytes){unit, sizeof unit});
        } else if (c == '"' || c == '\\') {
            fits = ud_buf_put(out, (struct ud_bytes){pair, sizeof pair});
        } else {
            fits = ud_buf_put(out, (struct ud_bytes){&c, 1});
        }
    }
    return fits && ud_buf_put(out, UD_BYTES_LITERAL("\""));
}
