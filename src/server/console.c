#include "server/console.h"

#include "server/http_listener.h"
#include "server/range.h"

#include <stdlib.h>
#include <strings.h>

/* First segments of the paths that the page itself knows; all of them get index.html. */
static const char *const pages[] = {
    "",         "sign-in",  "first-hour", "overview", "devices", "device-types",
    "releases", "rollouts", "security",   "settings", "states",
};

/* Nothing but what this server sends: no inline script or style, no other origin, no frame around it. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                             "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
                             "frame-ancestors 'none'";

static const struct ud_console_file *find_file(const char *path, size_t len)
{
    for (size_t i = 0; i < ud_console_file_count; i++) {
        if (strlen(ud_console_files[i].path) == len && memcmp(ud_console_files[i].path, path, len) == 0) {
            return &ud_console_files[i];
        }
    }
    return NULL;
}

static bool is_page(const char *path)
{
    const size_t len = strcspn(path + 1, "/");
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strlen(pages[i]) == len && memcmp(pages[i], path + 1, len) == 0) {
            return len > 0 || path[1] == '\0';
        }
    }
    return false;
}

/* 1: wanted, 0: refused by q=0. */
static int weight_of(const char *element, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if ((element[i] == 'q' || element[i] == 'Q') && element[i + 1] == '=') {
            return strtod(element + i + 2, NULL) > 0 ? 1 : 0;
        }
    }
    return 1;
}

bool ud_console_takes_gzip(const char *accept)
{
    int gzip = -1;
    int any = -1; /* "*" is for those that are not named */
    while (accept != NULL && *accept != '\0') {
        accept += strspn(accept, ", \t");
        const size_t len = strcspn(accept, ",");
        const size_t name = strcspn(accept, ";, \t");
        if (name == 4 && strncasecmp(accept, "gzip", 4) == 0) {
            gzip = weight_of(accept, len);
        } else if (name == 1 && accept[0] == '*') {
            any = weight_of(accept, len);
        }
        accept += len;
    }
    return gzip >= 0 ? gzip == 1 : any == 1;
}

static void set_headers(struct ud_call *call, const struct ud_console_file *file, bool gzip)
{
    ud_call_header_set(call, "Content-Security-Policy", policy);
    ud_call_header_set(call, "X-Content-Type-Options", "nosniff");
    ud_call_header_set(call, "Referrer-Policy", "no-referrer");
    ud_call_header_set(call, "Cross-Origin-Opener-Policy", "same-origin");
    ud_call_header_set(call, "Cache-Control",
                       file->hashed ? "public, max-age=31536000, immutable" : "no-cache");
    ud_call_header_set(call, "Vary", "Accept-Encoding");
    ud_call_header_set(call, "ETag", gzip ? file->etag_gzip : file->etag);
    if (gzip && call->status == 200) {
        ud_call_header_set(call, "Content-Encoding", "gzip");
    }
}

static void serve(struct ud_call *call)
{
    const struct ud_console_file *file = call->data;
    const bool gzip = ud_console_takes_gzip(ud_call_header(call, "Accept-Encoding"));
    const struct ud_bytes bytes = gzip ? file->gzip : file->plain;
    if (ud_etag_listed(ud_call_header(call, "If-None-Match"), gzip ? file->etag_gzip : file->etag)) {
        ud_call_status(call, 304);
    } else {
        struct MHD_Response *response =
            MHD_create_response_from_buffer(bytes.len, (void *)(uintptr_t)bytes.ptr, MHD_RESPMEM_PERSISTENT);
        if (response == NULL) {
            ud_call_error(call, UD_ERR_MEMORY, NULL);
            return;
        }
        ud_call_response(call, response, file->type);
    }
    set_headers(call, file, gzip);
}

static const struct ud_route route = {UD_LISTEN_PEOPLE, "GET", "/", UD_AUTH_NONE, UD_BODY_NONE, serve, NULL};

bool ud_console_is_path(struct ud_call *call, const char *method, const char *path)
{
    static const char index[] = "/index.html";
    if (call->listener->which != UD_LISTEN_PEOPLE || path[0] != '/' ||
        (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) {
        return false;
    }
    const struct ud_console_file *file =
        is_page(path) ? find_file(index, sizeof index - 1) : find_file(path, strlen(path));
    if (file == NULL) {
        return false;
    }
    call->route = &route;
    call->data = (void *)(uintptr_t)file;
    return true;
}
