/* First byte: into pieces of which size; then the boundary up to a line's end; then the form. Pieces must make no difference. */
#include "server/multipart.h"
#include "updraft/assert.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_BYTES_MAX 65536

struct seen {
    char *bytes; /* what was told, in order */
    size_t len;
};

static void put(struct seen *seen, const void *bytes, size_t len)
{
    if (len <= SEEN_BYTES_MAX - seen->len) {
        memcpy(seen->bytes + seen->len, bytes, len);
        seen->len += len;
    }
}

static ud_err see_part(void *ctx, const struct ud_multipart_part *part)
{
    UD_ASSERT(strlen(part->name) > 0 && strlen(part->name) <= UD_MULTIPART_NAME_BYTES_MAX);
    UD_ASSERT(strlen(part->filename) <= UD_MULTIPART_FILENAME_BYTES_MAX);
    put(ctx, part, sizeof *part);
    return UD_OK;
}

static ud_err see_data(void *ctx, struct ud_bytes bytes)
{
    UD_ASSERT(bytes.len > 0);
    put(ctx, bytes.ptr, bytes.len);
    return UD_OK;
}

static ud_err see_end(void *ctx)
{
    put(ctx, "|", 1);
    return UD_OK;
}

static const struct ud_multipart_ops ops = {see_part, see_data, see_end};

static ud_err feed(const char *type, const char *bytes, size_t len, size_t piece, struct seen *seen)
{
    struct ud_multipart form;
    ud_err err = ud_multipart_init(&form, type);
    seen->len = 0;
    for (size_t at = 0; at < len && err == UD_OK; at += piece) {
        err = ud_multipart_feed(&form, bytes + at, len - at < piece ? len - at : piece, &ops, seen);
    }
    return err == UD_OK ? ud_multipart_end(&form) : err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[128] = "multipart/form-data; boundary=";
    const uint8_t *line = size < 2 ? NULL : memchr(data + 1, '\n', size - 1);
    const size_t boundary = line == NULL ? 0 : (size_t)(line - data) - 1;
    if (line == NULL || boundary > 80 || size > 16384) {
        return 0;
    }
    memcpy(type + strlen(type), data + 1, boundary);
    const char *form = (const char *)line + 1;
    const size_t len = size - boundary - 2;
    struct seen whole = {malloc(SEEN_BYTES_MAX), 0};
    struct seen pieces = {malloc(SEEN_BYTES_MAX), 0};
    UD_ASSERT(whole.bytes != NULL && pieces.bytes != NULL);
    const ud_err err = feed(type, form, len, len == 0 ? 1 : len, &whole);
    UD_ASSERT(feed(type, form, len, (size_t)data[0] % 7 + 1, &pieces) == err);
    UD_ASSERT(whole.len == pieces.len && memcmp(whole.bytes, pieces.bytes, whole.len) == 0);
    free(whole.bytes);
    free(pieces.bytes);
    return 0;
}
