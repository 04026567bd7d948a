#include "server/multipart.h"

#include <string.h>
#include <strings.h>

/* --- the boundary */

static bool is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

/* The parameter's value, quoted or not. */
static struct ud_bytes value_of(const char *text)
{
    const bool quoted = text[0] == '"';
    text += quoted ? 1 : 0;
    const size_t len = strcspn(text, quoted ? "\"" : "; \t\r\n");
    return (struct ud_bytes){(const uint8_t *)text, quoted && text[len] != '"' ? 0 : len};
}

ud_err ud_multipart_init(struct ud_multipart *form, const char *content_type)
{
    static const char type[] = "multipart/form-data";
    struct ud_bytes boundary = {NULL, 0};
    memset(form, 0, offsetof(struct ud_multipart, head));
    form->head_len = form->parts = 0;
    if (content_type == NULL || strncasecmp(content_type, type, sizeof type - 1) != 0) {
        return UD_ERR_SHAPE;
    }
    for (const char *at = strchr(content_type, ';'); at != NULL; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, "boundary=", 9) == 0) {
            boundary = value_of(at + 9);
            break;
        }
    }
    if (boundary.len == 0 || boundary.len > UD_MULTIPART_BOUNDARY_BYTES_MAX ||
        boundary.ptr[boundary.len - 1] == ' ') {
        return UD_ERR_SHAPE;
    }
    for (size_t i = 0; i < boundary.len; i++) {
        if (!is_boundary_char((char)boundary.ptr[i])) {
            return UD_ERR_SHAPE;
        }
    }
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.ptr, boundary.len);
    form->delimiter_len = 4 + boundary.len;
    form->matched = 2; /* the first one may stand at the very beginning */
    return UD_OK;
}

/* --- the head of a part */

/* `name="value"` in a header's parameters. False: too long, or no text. Absent is an empty text. */
static bool take_parameter(struct ud_bytes line, const char *name, char *out, size_t max)
{
    const size_t name_len = strlen(name);
    bool quoted = false;
    out[0] = '\0';
    for (size_t i = 0; i + name_len + 1 < line.len; i++) {
        const char *at = (const char *)line.ptr + i;
        quoted = quoted != (at[0] == '"');
        const bool begins = !quoted && (at[0] == ';' || at[0] == ' ');
        if (!begins || i + name_len + 3 > line.len || strncasecmp(at + 1, name, name_len) != 0 ||
            at[1 + name_len] != '=') {
            continue;
        }
        size_t n = 0;
        size_t from = i + name_len + 2;
        const bool in_quotes = line.ptr[from] == '"';
        for (from += in_quotes ? 1 : 0; from < line.len && line.ptr[from] != (in_quotes ? '"' : ';'); from++) {
            if (n == max || line.ptr[from] < ' ' || line.ptr[from] == 0x7f) {
                return false;
            }
            out[n++] = (char)line.ptr[from];
        }
        out[n] = '\0';
        return !in_quotes || from < line.len;
    }
    return true;
}

/* Of the headers only Content-Disposition says anything. */
static ud_err take_head(const struct ud_multipart *form, struct ud_multipart_part *part)
{
    static const char header[] = "content-disposition:";
    struct ud_bytes rest = {(const uint8_t *)form->head, form->head_len};
    memset(part, 0, sizeof *part);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.ptr, '\r', rest.len);
        const struct ud_bytes line = {rest.ptr, end == NULL ? rest.len : (size_t)(end - rest.ptr)};
        if (line.len >= sizeof header - 1 &&
            strncasecmp((const char *)line.ptr, header, sizeof header - 1) == 0) {
            return take_parameter(line, "name", part->name, UD_MULTIPART_NAME_BYTES_MAX) &&
                           take_parameter(line, "filename", part->filename, UD_MULTIPART_FILENAME_BYTES_MAX) &&
                           part->name[0] != '\0'
                       ? UD_OK
                       : UD_ERR_SHAPE;
        }
        const size_t used = line.len + 2 < rest.len ? line.len + 2 : rest.len;
        rest = (struct ud_bytes){rest.ptr + used, rest.len - used};
    }
    return UD_ERR_SHAPE;
}

static ud_err begin_part(struct ud_multipart *form, const struct ud_multipart_ops *ops, void *ctx)
{
    struct ud_multipart_part part;
    if (form->parts++ == UD_MULTIPART_PARTS_MAX) {
        return UD_ERR_LIMIT;
    }
    const ud_err err = take_head(form, &part);
    form->place = UD_MULTIPART_DATA;
    form->matched = 0;
    return err == UD_OK ? ops->part(ctx, &part) : err;
}

/* A byte of a head; the empty line ends it. */
static ud_err take_head_byte(struct ud_multipart *form, char byte, const struct ud_multipart_ops *ops,
                             void *ctx)
{
    if (form->head_len == sizeof form->head) {
        return UD_ERR_LIMIT;
    }
    form->head[form->head_len++] = byte;
    const size_t n = form->head_len;
    if (n == 2 && memcmp(form->head, "\r\n", 2) == 0) {
        return UD_ERR_SHAPE; /* no headers at all: nobody knows what it is */
    }
    if (n >= 4 && memcmp(form->head + n - 4, "\r\n\r\n", 4) == 0) {
        form->head_len = n - 4;
        return begin_part(form, ops, ctx);
    }
    return UD_OK;
}

/* --- what stands between parts */

static ud_err behind_delimiter(struct ud_multipart *form, char byte)
{
    if (form->behind == '\0') {
        form->behind = byte;
        return byte == '-' || byte == '\r' ? UD_OK : UD_ERR_SHAPE;
    }
    if (form->behind == '-' && byte == '-') {
        form->place = UD_MULTIPART_OVER;
        return UD_OK;
    }
    if (form->behind == '\r' && byte == '\n') {
        form->place = UD_MULTIPART_HEAD;
        form->head_len = 0;
        return UD_OK;
    }
    return UD_ERR_SHAPE;
}

static ud_err give(const struct ud_multipart *form, const char *bytes, size_t len,
                   const struct ud_multipart_ops *ops, void *ctx)
{
    return len == 0 || form->place != UD_MULTIPART_DATA
               ? UD_OK
               : ops->data(ctx, (struct ud_bytes){(const uint8_t *)bytes, len});
}

/*
 * Content up to the delimiter, or to the end of this piece. CR stands in a delimiter at its beginning only: what looked
 * like one and is none begins anew with the next CR.
 */
static ud_err take_content(struct ud_multipart *form, const char *bytes, size_t len, size_t *used,
                           const struct ud_multipart_ops *ops, void *ctx)
{
    size_t at = 0;
    if (form->matched == 0) {
        const char *cr = memchr(bytes, '\r', len);
        at = cr == NULL ? len : (size_t)(cr - bytes);
        *used = at;
        form->matched = cr == NULL ? 0 : 1;
        *used += form->matched;
        return give(form, bytes, at, ops, ctx);
    }
    while (at < len && form->matched < form->delimiter_len && bytes[at] == form->delimiter[form->matched]) {
        at++;
        form->matched++;
    }
    *used = at;
    if (form->matched == form->delimiter_len) {
        const bool was_data = form->place == UD_MULTIPART_DATA;
        form->place = UD_MULTIPART_BEHIND;
        form->behind = '\0';
        form->matched = 0;
        return was_data ? ops->part_end(ctx) : UD_OK;
    }
    if (at == len) {
        return UD_OK;
    }
    const size_t false_start = form->matched;
    form->matched = 0;
    return give(form, form->delimiter, false_start, ops, ctx);
}

ud_err ud_multipart_feed(struct ud_multipart *form, const char *bytes, size_t len,
                         const struct ud_multipart_ops *ops, void *ctx)
{
    ud_err err = UD_OK;
    while (len > 0 && err == UD_OK) {
        size_t used = 1;
        switch (form->place) {
        case UD_MULTIPART_BEFORE:
        case UD_MULTIPART_DATA:
            err = take_content(form, bytes, len, &used, ops, ctx);
            break;
        case UD_MULTIPART_BEHIND:
            err = behind_delimiter(form, *bytes);
            break;
        case UD_MULTIPART_HEAD:
            err = take_head_byte(form, *bytes, ops, ctx);
            break;
        case UD_MULTIPART_OVER:
            return UD_OK; /* what follows says nothing */
        }
        bytes += used;
        len -= used;
    }
    return err;
}

ud_err ud_multipart_end(const struct ud_multipart *form)
{
    return form->place == UD_MULTIPART_OVER ? UD_OK : UD_ERR_TRUNCATED;
}
