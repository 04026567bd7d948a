#include "server/http_check.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

struct seen {
    struct ud_http_frame *frame;
    unsigned lengths;
    unsigned encodings;
    unsigned hosts;
};

static bool is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char c = name[i];
        const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return len > 0;
}

static bool is_plain_value(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)value[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_named(const char *name, size_t len, const char *wanted)
{
    return strlen(wanted) == len && strncasecmp(name, wanted, len) == 0;
}

static bool parse_length(const char *value, size_t len, uint64_t *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9' || sum > (UINT64_MAX - 9) / 10) {
            return false;
        }
        sum = sum * 10 + (uint64_t)(value[i] - '0');
    }
    *out = sum;
    return len > 0;
}

static const char *look_at(struct seen *seen, const char *name, size_t name_len, const char *value, size_t len)
{
    if (!is_token(name, name_len)) {
        return "a header name is not a token";
    }
    if (!is_plain_value(value, len)) {
        return "a header value holds a control character";
    }
    if (is_named(name, name_len, "Content-Length")) {
        seen->lengths++;
        seen->frame->has_length = true;
        return parse_length(value, len, &seen->frame->length) ? NULL : "Content-Length is not a number";
    }
    if (is_named(name, name_len, "Transfer-Encoding")) {
        seen->encodings++;
        seen->frame->chunked = is_named(value, len, "chunked");
        return seen->frame->chunked ? NULL : "Transfer-Encoding is not chunked";
    }
    seen->hosts += is_named(name, name_len, "Host") ? 1 : 0;
    return NULL;
}

static enum MHD_Result each_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                   const char *value, size_t len)
{
    struct seen *seen = ctx;
    (void)kind;
    seen->frame->why = look_at(seen, name, name_len, value == NULL ? "" : value, value == NULL ? 0 : len);
    return seen->frame->why == NULL ? MHD_YES : MHD_NO;
}

ud_err ud_http_check(struct MHD_Connection *connection, const char *version, struct ud_http_frame *frame)
{
    *frame = (struct ud_http_frame){.why = NULL};
    struct seen seen = {.frame = frame};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, each_header, &seen);
    if (frame->why != NULL) {
        return UD_ERR_PROTOCOL;
    }
    const bool http11 = strcmp(version, "HTTP/1.1") == 0;
    if (!http11 && strcmp(version, "HTTP/1.0") != 0) {
        frame->why = "HTTP version not supported here";
    } else if (seen.lengths > 1) {
        frame->why = "Content-Length stands more than once";
    } else if (seen.encodings > 1 || (seen.encodings == 1 && (seen.lengths > 0 || !http11))) {
        frame->why = "Transfer-Encoding stands twice, beside Content-Length, or in HTTP/1.0";
    } else if (seen.hosts > 1 || (seen.hosts == 0 && http11)) {
        frame->why = "exactly one Host header is needed";
    }
    return frame->why == NULL ? UD_OK : UD_ERR_PROTOCOL;
}
