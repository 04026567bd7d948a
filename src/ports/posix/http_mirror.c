#include "ports/posix/http_mirror.h"

#include <stdio.h>

#include "updraft/crypto.h"

enum { NAME_CHARS = 2 * UD_SHA256_BYTES };

/* A digest as our servers name files: lower-case hex behind a slash, and nothing after it. */
static const char *digest_name(struct ud_bytes uri)
{
    if (uri.len <= NAME_CHARS || uri.ptr[uri.len - NAME_CHARS - 1] != '/') {
        return NULL;
    }
    const uint8_t *name = uri.ptr + uri.len - NAME_CHARS;
    for (size_t i = 0; i < NAME_CHARS; i++) {
        if (!(name[i] >= '0' && name[i] <= '9') && !(name[i] >= 'a' && name[i] <= 'f')) {
            return NULL;
        }
    }
    return (const char *)name;
}

bool ud_http_mirror_url(const char *base, struct ud_bytes uri, char out[UD_HTTP_MIRROR_BYTES_MAX])
{
    const char *name = base == NULL ? NULL : digest_name(uri);
    if (name == NULL) {
        return false;
    }
    const size_t len = strlen(base);
    const char *slash = len > 0 && base[len - 1] == '/' ? "" : "/";
    const int wrote = snprintf(out, UD_HTTP_MIRROR_BYTES_MAX, "%s%s%.*s", base, slash, NAME_CHARS, name);
    return wrote > 0 && wrote < UD_HTTP_MIRROR_BYTES_MAX;
}
