#include "device/uri.h"

/* scheme "://" authority, then the path with its leading slash. */
struct uri_parts {
    struct ud_bytes scheme;
    struct ud_bytes authority;
    struct ud_bytes path;
};

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_unreserved(uint8_t c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool is_authority(uint8_t c)
{
    return is_unreserved(c) || c == ':' || c == '[' || c == ']';
}

/* The longest front of `from` whose characters all pass. */
static struct ud_bytes take_while(struct ud_bytes *from, bool (*pass)(uint8_t))
{
    struct ud_bytes taken = {NULL, 0};
    size_t n = 0;
    while (n < from->len && pass(from->ptr[n])) {
        n++;
    }
    (void)ud_bytes_take(from, n, &taken);
    return taken;
}

static bool take_literal(struct ud_bytes *from, struct ud_bytes literal)
{
    struct ud_bytes front;
    struct ud_bytes rest = *from;
    if (!ud_bytes_take(&rest, literal.len, &front) || !ud_bytes_equal(front, literal)) {
        return false;
    }
    *from = rest;
    return true;
}

static bool split(struct ud_bytes uri, struct uri_parts *parts)
{
    parts->scheme = take_while(&uri, is_letter);
    if (parts->scheme.len == 0 || !take_literal(&uri, UD_BYTES_LITERAL("://"))) {
        return false;
    }
    parts->authority = take_while(&uri, is_authority);
    parts->path = uri;
    return uri.len > 0 && uri.ptr[0] == '/';
}

static uint8_t lower(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool equal_ignoring_case(struct ud_bytes a, struct ud_bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_dots(struct ud_bytes segment)
{
    return ud_bytes_equal(segment, UD_BYTES_LITERAL(".")) || ud_bytes_equal(segment, UD_BYTES_LITERAL(".."));
}

/* segment *( "/" segment ), every segment a plain name: nothing in it can climb, decode or change meaning. */
static bool is_plain_path(struct ud_bytes path)
{
    do {
        const struct ud_bytes segment = take_while(&path, is_unreserved);
        if (segment.len == 0 || is_dots(segment)) {
            return false;
        }
    } while (take_literal(&path, UD_BYTES_LITERAL("/")));
    return path.len == 0;
}

/* The folder of a path: up to and with its last slash, the query not looked at. */
static struct ud_bytes folder_of(struct ud_bytes path)
{
    struct ud_bytes folder = {NULL, 0};
    size_t end = 0;
    for (size_t i = 0; i < path.len && path.ptr[i] != '?' && path.ptr[i] != '#'; i++) {
        if (path.ptr[i] == '/') {
            end = i + 1;
        }
    }
    (void)ud_bytes_slice(path, 0, end, &folder);
    return folder;
}

static ud_err put_all(struct ud_buf *out, const struct ud_bytes *parts, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > UD_URI_BYTES_MAX - total) {
            return UD_ERR_LIMIT;
        }
        total += parts[i].len;
    }
    if (total > out->cap - out->len) {
        return UD_ERR_BUFFER;
    }
    for (size_t i = 0; i < count; i++) {
        (void)ud_buf_put(out, parts[i]);
    }
    return UD_OK;
}

static bool same_origin(const struct uri_parts *a, const struct uri_parts *b)
{
    return equal_ignoring_case(a->scheme, b->scheme) && equal_ignoring_case(a->authority, b->authority);
}

bool ud_uri_same_origin(struct ud_bytes a, struct ud_bytes b)
{
    struct uri_parts a_parts;
    struct uri_parts b_parts;
    return split(a, &a_parts) && split(b, &b_parts) && same_origin(&a_parts, &b_parts);
}

ud_err ud_uri_resolve(struct ud_bytes base, struct ud_bytes reference, struct ud_buf *out)
{
    struct uri_parts from;
    struct uri_parts to;
    if (!split(base, &from)) {
        return UD_ERR_URI;
    }
    if (split(reference, &to)) {
        struct ud_bytes path = to.path;
        if (!equal_ignoring_case(from.scheme, to.scheme) ||
            !equal_ignoring_case(from.authority, to.authority) || !take_literal(&path, UD_BYTES_LITERAL("/")) ||
            !is_plain_path(path)) {
            return UD_ERR_URI;
        }
        return put_all(out, &reference, 1);
    }
    if (!is_plain_path(reference)) {
        return UD_ERR_URI;
    }
    const struct ud_bytes parts[] = {from.scheme, UD_BYTES_LITERAL("://"), from.authority, folder_of(from.path),
                                     reference};
    return put_all(out, parts, sizeof parts / sizeof parts[0]);
}
