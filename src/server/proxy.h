/*
 * Proxies that end TLS in front of the device listener, and say in headers whom they let in: X-Controller-Id, the device's
 * name, and X-Authority, who vouched for it. Anybody can write a header, so both are believed only on a connection that
 * comes from a listed address and shows the proxy's own certificate (http_admit.c). Nothing is listed unless the server's
 * file does.
 */
#ifndef UD_SERVER_PROXY_H
#define UD_SERVER_PROXY_H

#include "updraft/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UD_PROXIES_MAX 16
#define UD_AUTHORITY_BYTES_MAX 319 /* of a tenant's list of authorities */

struct sockaddr;

/* An address, or all that share its first bits. */
struct ud_proxy_net {
    bool v6;
    uint8_t bits;
    uint8_t address[16];
};

struct ud_proxies {
    struct ud_proxy_net nets[UD_PROXIES_MAX];
    size_t count;
};

/**
 * "192.0.2.1, 10.0.0.0/8, 2001:db8::/32": separated by commas, spaces around them. Bits behind the prefix must be zero.
 *
 * @return UD_OK, also for an empty text (count 0); UD_ERR_CONFIG; UD_ERR_LIMIT beyond UD_PROXIES_MAX
 */
ud_err ud_proxies_parse(struct ud_proxies *proxies, const char *text);
/** Is this one of them? An IPv4 address is the same whether it came over an IPv6 socket or not. */
bool ud_proxies_have(const struct ud_proxies *proxies, const struct sockaddr *address);

/** Is one of `given` (separated by ; or ,) one of `trusted` (likewise)? Letters of ASCII in any case; empty ones never. */
bool ud_authority_is_listed(const char *given, const char *trusted);

#endif
