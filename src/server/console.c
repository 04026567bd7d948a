#include "server/console.h"

#include "server/http_listener.h"
#include "server/range.h"

#include <string.h>
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

static const char *const codings[UD_CONSOLE_FORM_COUNT] = {
    [UD_CONSOLE_PLAIN] = "identity",
    [UD_CONSOLE_GZIP] = "gzip",
    [UD_CONSOLE_BROTLI] = "br",
};

#define UNNAMED (-1)

/* "1", "0.8": in thousandths; what is no weight is none at all (0). */
static int weight_text(const char *text, const char *end)
{
    int weight = 0;
    int unit = 1000;
    for (bool fraction = false; text < end && (*text == '.' || (*text >= '0' && *text <= '9')); text++) {
        if (*text == '.') {
            fraction = true;
            unit = 100;
        } else {
            weight += weight > 1000 ? 0 : unit * (*text - '0');
            unit = fraction ? unit / 10 : unit;
        }
    }
    return weight > 1000 ? 1000 : weight;
}

/* Of "br;q=0.8", len bytes; without q it is 1. */
static int weight_of(const char *element, size_t len)
{
    const char *end = element + len;
    for (const char *at = memchr(element, ';', len); at != NULL; at = memchr(at, ';', (size_t)(end - at))) {
        at++;
        at += strspn(at, " \t");
        if (end - at >= 2 && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=') {
            return weight_text(at + 2, end);
        }
    }
    return 1000;
}

ud_console_form ud_console_form_for(const char *accept)
{
    int weights[UD_CONSOLE_FORM_COUNT] = {UNNAMED, UNNAMED, UNNAMED};
    int any = UNNAMED; /* "*" is for those that are not named */
    while (accept != NULL && *accept != '\0') {
        accept += strspn(accept, ", \t");
        const size_t len = strcspn(accept, ",");
        const size_t name = strcspn(accept, ";, \t");
        for (int form = 0; form < UD_CONSOLE_FORM_COUNT; form++) {
            if (strlen(codings[form]) == name && strncasecmp(accept, codings[form], name) == 0) {
                weights[form] = weight_of(accept, len);
            }
        }
        any = name == 1 && accept[0] == '*' ? weight_of(accept, len) : any;
        accept += len;
    }
    /* plain that is not named is taken, but liked least; of equals the later form in the enumeration is smaller */
    int most = weights[UD_CONSOLE_PLAIN] == UNNAMED ? 0 : weights[UD_CONSOLE_PLAIN];
    ud_console_form best = UD_CONSOLE_PLAIN;
    for (int form = UD_CONSOLE_GZIP; form < UD_CONSOLE_FORM_COUNT; form++) {
        const int weight = weights[form] == UNNAMED ? any : weights[form];
        if (weight > 0 && weight >= most) {
            most = weight;
            best = (ud_console_form)form;
        }
    }
    return best;
}

static void set_headers(struct ud_call *call, const struct ud_console_file *file, ud_console_form form)
{
    ud_call_header_set(call, "Content-Security-Policy", policy);
    ud_call_header_set(call, "X-Content-Type-Options", "nosniff");
    ud_call_header_set(call, "Referrer-Policy", "no-referrer");
    ud_call_header_set(call, "Cross-Origin-Opener-Policy", "same-origin");
    ud_call_header_set(call, "Cache-Control",
                       file->hashed ? "public, max-age=31536000, immutable" : "no-cache");
    ud_call_header_set(call, "Vary", "Accept-Encoding");
    ud_call_header_set(call, "ETag", file->forms[form].etag);
    if (form != UD_CONSOLE_PLAIN && call->status == 200) {
        ud_call_header_set(call, "Content-Encoding", codings[form]);
    }
}

static void serve(struct ud_call *call)
{
    const struct ud_console_file *file = call->data;
    const ud_console_form form = ud_console_form_for(ud_call_header(call, "Accept-Encoding"));
    const struct ud_bytes bytes = file->forms[form].bytes;
    if (ud_etag_listed(ud_call_header(call, "If-None-Match"), file->forms[form].etag)) {
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
    set_headers(call, file, form);
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
