#include "updraft/links.h"

static void drop(struct ud_bytes *from, size_t n)
{
    struct ud_bytes dropped;
    (void)ud_bytes_take(from, n, &dropped);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void drop_space(struct ud_bytes *from)
{
    while (from->len > 0 && is_space(from->ptr[0])) {
        drop(from, 1);
    }
}

static bool starts_with(struct ud_bytes bytes, char c)
{
    return bytes.len > 0 && bytes.ptr[0] == (uint8_t)c;
}

/* Bytes before the first of the stop characters, all of them when there is none. */
static struct ud_bytes take_until(struct ud_bytes *from, const char *stops)
{
    size_t n = 0;
    struct ud_bytes taken = {NULL, 0};
    while (n < from->len && (from->ptr[n] == 0 || strchr(stops, from->ptr[n]) == NULL)) {
        n++;
    }
    (void)ud_bytes_take(from, n, &taken);
    return taken;
}

/* A quoted string; the view is without its quotes. */
static ud_err take_quoted(struct ud_bytes *from, struct ud_bytes *value)
{
    size_t n = 1;
    while (n < from->len && from->ptr[n] != '"') {
        n += from->ptr[n] == '\\' ? 2 : 1;
    }
    if (n >= from->len) {
        return UD_ERR_TRUNCATED;
    }
    drop(from, 1);
    (void)ud_bytes_take(from, n - 1, value);
    drop(from, 1);
    return UD_OK;
}

/* ";name", ";name=token" or ";name="quoted"", from behind the semicolon. */
static ud_err take_attribute(struct ud_bytes *from, struct ud_bytes *name, struct ud_bytes *value)
{
    drop_space(from);
    *name = take_until(from, "=;, \t\r\n");
    *value = (struct ud_bytes){NULL, 0};
    drop_space(from);
    if (!starts_with(*from, '=')) {
        return UD_OK;
    }
    drop(from, 1);
    drop_space(from);
    if (name->len == 0) {
        return UD_ERR_SHAPE;
    }
    if (starts_with(*from, '"')) {
        return take_quoted(from, value);
    }
    *value = take_until(from, ";, \t\r\n");
    return UD_OK;
}

static ud_err take_attributes(struct ud_bytes *from, struct ud_bytes *attributes)
{
    const struct ud_bytes all = *from;
    struct ud_bytes name;
    struct ud_bytes value;
    drop_space(from);
    while (starts_with(*from, ';')) {
        drop(from, 1);
        const ud_err err = take_attribute(from, &name, &value);
        if (err != UD_OK) {
            return err;
        }
        drop_space(from);
    }
    *attributes = (struct ud_bytes){all.ptr, all.len - from->len};
    return from->len == 0 || starts_with(*from, ',') ? UD_OK : UD_ERR_SHAPE;
}

void ud_links_init(struct ud_links *links, struct ud_bytes payload)
{
    *links = (struct ud_links){.rest = payload};
}

ud_err ud_links_next(struct ud_links *links, struct ud_link *link)
{
    struct ud_bytes rest = links->rest;
    struct ud_link found;
    drop_space(&rest);
    while (starts_with(rest, ',')) { /* between links, and where one was left out */
        drop(&rest, 1);
        drop_space(&rest);
    }
    if (rest.len == 0) {
        links->rest = rest;
        return UD_ABSENT;
    }
    if (links->count == UD_LINKS_MAX) {
        return UD_ERR_LIMIT;
    }
    if (!starts_with(rest, '<')) {
        return UD_ERR_SHAPE;
    }
    drop(&rest, 1);
    found.target = take_until(&rest, ">");
    if (rest.len == 0) {
        return UD_ERR_TRUNCATED;
    }
    drop(&rest, 1);
    const ud_err err = take_attributes(&rest, &found.attributes);
    if (err == UD_OK) {
        links->rest = rest;
        links->count++;
        *link = found;
    }
    return err;
}

bool ud_link_attribute(const struct ud_link *link, const char *name, struct ud_bytes *value)
{
    const struct ud_bytes want = {(const uint8_t *)name, strlen(name)};
    struct ud_bytes rest = link->attributes;
    struct ud_bytes found_name;
    struct ud_bytes found;
    drop_space(&rest);
    while (starts_with(rest, ';')) {
        drop(&rest, 1);
        if (take_attribute(&rest, &found_name, &found) != UD_OK) {
            return false; /* only for a link that ud_links_next() did not give */
        }
        if (ud_bytes_equal(found_name, want)) {
            *value = found;
            return true;
        }
        drop_space(&rest);
    }
    return false;
}

/* Append the parts, all or none. */
static ud_err put_all(struct ud_buf *buf, const struct ud_bytes *parts, size_t count)
{
    const size_t before = buf->len;
    for (size_t i = 0; i < count; i++) {
        if (!ud_buf_put(buf, parts[i])) {
            buf->len = before;
            return UD_ERR_BUFFER;
        }
    }
    return UD_OK;
}

ud_err ud_links_put(struct ud_buf *buf, struct ud_bytes target)
{
    const struct ud_bytes parts[] = {
        {(const uint8_t *)",", buf->len > 0 ? 1 : 0}, UD_BYTES_LITERAL("<"), target, UD_BYTES_LITERAL(">")};
    return put_all(buf, parts, sizeof parts / sizeof parts[0]);
}

ud_err ud_links_put_attribute(struct ud_buf *buf, const char *name, const char *value, bool quoted)
{
    const struct ud_bytes quote = {(const uint8_t *)"\"", quoted ? 1 : 0};
    const struct ud_bytes parts[] = {UD_BYTES_LITERAL(";"),
                                     {(const uint8_t *)name, strlen(name)},
                                     UD_BYTES_LITERAL("="),
                                     quote,
                                     {(const uint8_t *)value, value != NULL ? strlen(value) : 0},
                                     quote};
    return put_all(buf, parts, value != NULL ? sizeof parts / sizeof parts[0] : 2);
}
