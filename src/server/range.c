#include "server/range.h"

#include <string.h>

/* Digits into value; advances *at. False without digits; a number beyond 64 bits becomes the largest one. */
static bool take_number(const char **at, uint64_t *value)
{
    const char *start = *at;
    uint64_t sum = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        const uint64_t digit = (uint64_t)(**at - '0');
        sum = sum > (UINT64_MAX - digit) / 10 ? UINT64_MAX : sum * 10 + digit;
    }
    *value = sum;
    return *at != start;
}

static void skip_space(const char **at)
{
    while (**at == ' ' || **at == '\t') {
        ++*at;
    }
}

/* "-n": the last n bytes */
static ud_range_kind suffix(const char *at, uint64_t size, uint64_t *first, uint64_t *length)
{
    uint64_t last_bytes;
    at++;
    if (!take_number(&at, &last_bytes)) {
        return UD_RANGE_WHOLE;
    }
    skip_space(&at);
    if (*at != '\0') {
        return UD_RANGE_WHOLE;
    }
    if (last_bytes == 0 || size == 0) {
        return UD_RANGE_UNSATISFIABLE;
    }
    *length = last_bytes < size ? last_bytes : size;
    *first = size - *length;
    return UD_RANGE_PART;
}

ud_range_kind ud_range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *length)
{
    uint64_t from;
    uint64_t to = UINT64_MAX;
    if (header == NULL || strncmp(header, "bytes=", 6) != 0) {
        return UD_RANGE_WHOLE;
    }
    const char *at = header + 6;
    skip_space(&at);
    if (*at == '-') {
        return suffix(at, size, first, length);
    }
    if (!take_number(&at, &from) || *at != '-') {
        return UD_RANGE_WHOLE;
    }
    at++;
    const bool has_end = take_number(&at, &to);
    skip_space(&at);
    if (*at != '\0' || (has_end && to < from)) {
        return UD_RANGE_WHOLE;
    }
    if (from >= size) {
        return UD_RANGE_UNSATISFIABLE;
    }
    *first = from;
    *length = !has_end || to >= size ? size - from : to - from + 1;
    return UD_RANGE_PART;
}

bool ud_etag_listed(const char *header, const char *etag)
{
    const size_t len = strlen(etag);
    if (header == NULL) {
        return false;
    }
    const char *at = header;
    skip_space(&at);
    if (strcmp(at, "*") == 0) {
        return true;
    }
    while (*at != '\0') {
        at += strncmp(at, "W/", 2) == 0 ? 2 : 0;
        const size_t item = strcspn(at, ", \t");
        if (item == len && memcmp(at, etag, len) == 0) {
            return true;
        }
        at += item;
        at += strspn(at, ", \t");
    }
    return false;
}
