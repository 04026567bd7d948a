/* What a request line and its headers may make the server do: a range lies inside, a name never leaves its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http_route.h"
#include "server/range.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_range(const char *text, uint64_t size)
{
    uint64_t first = 0;
    uint64_t length = 0;
    if (ud_range_parse(text, size, &first, &length) == UD_RANGE_PART) {
        UD_ASSERT(length > 0 && first < size && length <= size - first);
    }
    (void)ud_etag_listed(text, "\"0123\"");
}

static void read_path(const char *path, char *room)
{
    struct ud_route_match match;
    for (int listener = 0; listener < UD_LISTENER_COUNT; listener++) {
        ud_route_find(ud_routes, ud_route_count, (ud_listener)listener, "GET", path, &match);
        UD_ASSERT(match.param_count <= UD_ROUTE_PARAMS_MAX);
        for (size_t i = 0; match.route != NULL && i < match.param_count; i++) {
            UD_ASSERT(match.params[i].ptr >= path && match.params[i].len <= strlen(path));
            if (ud_route_decode(room, match.params[i].ptr, match.params[i].len)) {
                UD_ASSERT(strchr(room, '/') == NULL && strcmp(room, "..") != 0 && strcmp(room, ".") != 0);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *room = malloc(size + 1);
    UD_ASSERT(text != NULL && room != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    read_range(text, size > 0 ? (uint64_t)data[0] * 1000 : 0);
    read_range(text, UINT64_MAX);
    read_path(text, room);
    free(text);
    free(room);
    return 0;
}
