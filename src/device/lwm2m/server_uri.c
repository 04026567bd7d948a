/* coap[s]://host[:port][/]: where a server is. */
#include "device/lwm2m/parts.h"

#define PORT_COAP 5683
#define PORT_COAPS 5684

static bool take_prefix(struct ud_bytes *from, struct ud_bytes prefix)
{
    struct ud_bytes rest = *from;
    struct ud_bytes head;
    const bool found = ud_bytes_take(&rest, prefix.len, &head) && ud_bytes_equal(head, prefix);
    if (found) {
        *from = rest;
    }
    return found;
}

static bool is_host_byte(uint8_t c)
{
    const uint8_t low = c | 0x20;
    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/* "[...]" without its brackets, or a name or address. */
static bool take_host(struct ud_bytes *from, struct ud_bytes *host)
{
    const bool bracket = take_prefix(from, UD_BYTES_LITERAL("["));
    size_t len = 0;
    while (len < from->len && (bracket ? from->ptr[len] != ']' : is_host_byte(from->ptr[len]))) {
        len++;
    }
    return len > 0 && ud_bytes_take(from, len, host) && (!bracket || take_prefix(from, UD_BYTES_LITERAL("]")));
}

static bool take_port(struct ud_bytes *from, uint16_t *port)
{
    struct ud_bytes taken;
    uint32_t value = 0;
    size_t digits = 0;
    while (digits < from->len && from->ptr[digits] >= '0' && from->ptr[digits] <= '9' && digits < 5) {
        value = value * 10 + (uint32_t)(from->ptr[digits++] - '0');
    }
    *port = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX && ud_bytes_take(from, digits, &taken);
}

ud_err ud_lwm2m_server_parse(struct ud_bytes uri, bool *secure, struct ud_bytes *host, uint16_t *port)
{
    struct ud_bytes found = {NULL, 0};
    const bool coaps = take_prefix(&uri, UD_BYTES_LITERAL("coaps://"));
    uint16_t number = coaps ? PORT_COAPS : PORT_COAP;
    if ((!coaps && !take_prefix(&uri, UD_BYTES_LITERAL("coap://"))) || !take_host(&uri, &found) ||
        (take_prefix(&uri, UD_BYTES_LITERAL(":")) && !take_port(&uri, &number))) {
        return UD_ERR_URI;
    }
    (void)take_prefix(&uri, UD_BYTES_LITERAL("/"));
    if (uri.len > 0) {
        return UD_ERR_URI;
    }
    *secure = coaps;
    *host = found;
    *port = number;
    return UD_OK;
}

bool ud_lwm2m_server_split(struct ud_bytes uri, struct ud_bytes *server, struct ud_bytes *path)
{
    struct ud_bytes rest = uri;
    struct ud_bytes head;
    for (int slashes = 0; slashes < 3; slashes++) {
        const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.ptr, '/', rest.len);
        if (slash == NULL) {
            return false;
        }
        (void)ud_bytes_take(&rest, (size_t)(slash - rest.ptr) + 1, &head);
    }
    *path = rest;
    return ud_bytes_slice(uri, 0, uri.len - rest.len, server);
}

bool ud_lwm2m_server_is(struct ud_bytes server, struct ud_bytes other)
{
    bool secure[2] = {false, false};
    struct ud_bytes host[2];
    uint16_t port[2];
    return ud_lwm2m_server_parse(server, &secure[0], &host[0], &port[0]) == UD_OK &&
           ud_lwm2m_server_parse(other, &secure[1], &host[1], &port[1]) == UD_OK && secure[0] == secure[1] &&
           port[0] == port[1] && ud_bytes_equal(host[0], host[1]);
}
