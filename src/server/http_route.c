#include "server/http_route.h"

#include <string.h>

/* Length of the segment at `at` (behind its '/'). */
static size_t segment(const char *at)
{
    return strcspn(at, "/");
}

static bool path_matches(const char *pattern, const char *path, struct ud_route_match *match)
{
    match->param_count = 0;
    while (*pattern == '/' && *path == '/') {
        const size_t want = segment(++pattern);
        const size_t got = segment(++path);
        if (pattern[0] == '{') {
            if (got == 0 || match->param_count == UD_ROUTE_PARAMS_MAX) {
                return false;
            }
            match->params[match->param_count].ptr = path;
            match->params[match->param_count].len = got;
            match->param_count++;
        } else if (want != got || memcmp(pattern, path, got) != 0) {
            return false;
        }
        pattern += want;
        path += got;
    }
    return *pattern == '\0' && *path == '\0';
}

void ud_route_find(const struct ud_route *routes, size_t count, ud_listener listener, const char *method,
                   const char *path, struct ud_route_match *match)
{
    struct ud_route_match found = {.route = NULL};
    struct ud_route_match as_get = {.route = NULL};
    for (size_t i = 0; i < count && found.route == NULL; i++) {
        struct ud_route_match here = {.route = &routes[i]};
        if (routes[i].listener != listener || !path_matches(routes[i].pattern, path, &here)) {
            continue;
        }
        found.path_known = true;
        if (strcmp(method, routes[i].method) == 0) {
            here.path_known = true;
            found = here;
        } else if (strcmp(method, "HEAD") == 0 && strcmp(routes[i].method, "GET") == 0 &&
                   as_get.route == NULL) {
            here.path_known = true;
            as_get = here;
        }
    }
    *match = found.route == NULL && as_get.route != NULL ? as_get : found;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool ud_route_decode(char *out, const char *from, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)from[i];
        if (c == '%') {
            const int high = len - i > 2 ? hex_digit(from[i + 1]) : -1;
            const int low = len - i > 2 ? hex_digit(from[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = high << 4 | low;
            i += 2;
        }
        if (c < ' ' || c == 0x7f || c == '/' || c == '\\') {
            return false;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return strcmp(out, ".") != 0 && strcmp(out, "..") != 0;
}

bool ud_route_decode_text(char *out, const char *from)
{
    size_t n = 0;
    for (; *from != '\0'; from++) {
        int c = (unsigned char)*from;
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            const int high = hex_digit(from[1]);
            const int low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0) {
                return false;
            }
            c = high << 4 | low;
            from += 2;
        }
        if (c < ' ' || c == 0x7f) {
            return false;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}
