#include "server/proxy.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define BLANK " \t"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* an IPv4 address in an IPv6 one begins so */

/* The next item of a list, without blanks around it. False at the end. */
static bool next_item(const char **list, const char *separators, const char **item, size_t *len)
{
    const char *at = *list;
    if (at == NULL) {
        return false;
    }
    const size_t whole = strcspn(at, separators);
    *list = at[whole] == '\0' ? NULL : at + whole + 1;
    const size_t blank = strspn(at, BLANK);
    *item = at + (blank < whole ? blank : whole);
    *len = whole - (size_t)(*item - at);
    while (*len > 0 && strchr(BLANK, (*item)[*len - 1]) != NULL) {
        (*len)--;
    }
    return true;
}

/* Bits of the prefix, 0..most. */
static bool take_bits(const char *text, unsigned most, uint8_t *bits)
{
    unsigned value = 0;
    const size_t len = strlen(text);
    if (len == 0 || len > 3 || strspn(text, "0123456789") != len) {
        return false;
    }
    for (; *text != '\0'; text++) {
        value = value * 10 + (unsigned)(*text - '0');
    }
    *bits = (uint8_t)value;
    return value <= most;
}

static bool bit_of(const uint8_t *address, unsigned bit)
{
    return (address[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

static ud_err parse_net(struct ud_proxy_net *net, const char *item, size_t len)
{
    char text[INET6_ADDRSTRLEN + 5];
    if (len == 0 || len >= sizeof text) {
        return UD_ERR_CONFIG;
    }
    memcpy(text, item, len);
    text[len] = '\0';
    char *slash = strchr(text, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    *net = (struct ud_proxy_net){.v6 = strchr(text, ':') != NULL};
    const unsigned most = net->v6 ? 128 : 32;
    net->bits = (uint8_t)most;
    if (inet_pton(net->v6 ? AF_INET6 : AF_INET, text, net->address) != 1 ||
        (slash != NULL && !take_bits(slash + 1, most, &net->bits))) {
        return UD_ERR_CONFIG;
    }
    if (net->v6 && net->bits >= 96 && memcmp(net->address, mapped, sizeof mapped) == 0) {
        return UD_ERR_CONFIG; /* to be written as the IPv4 address that it is */
    }
    for (unsigned bit = net->bits; bit < most; bit++) {
        if (bit_of(net->address, bit)) {
            return UD_ERR_CONFIG; /* a slip: it names more than was meant */
        }
    }
    return UD_OK;
}

ud_err ud_proxies_parse(struct ud_proxies *proxies, const char *text)
{
    struct ud_proxies read = {.count = 0};
    const char *list = text[strspn(text, BLANK)] == '\0' ? NULL : text;
    const char *item;
    size_t len;
    while (next_item(&list, ",", &item, &len)) {
        if (read.count == UD_PROXIES_MAX) {
            return UD_ERR_LIMIT;
        }
        const ud_err err = parse_net(&read.nets[read.count], item, len);
        if (err != UD_OK) {
            return err;
        }
        read.count++;
    }
    *proxies = read;
    return UD_OK;
}

static bool is_in(const struct ud_proxy_net *net, bool v6, const uint8_t *address)
{
    const unsigned whole = net->bits / 8;
    const unsigned rest = net->bits % 8;
    return net->v6 == v6 && memcmp(net->address, address, whole) == 0 &&
           (rest == 0 || ((net->address[whole] ^ address[whole]) >> (8 - rest)) == 0);
}

bool ud_proxies_have(const struct ud_proxies *proxies, const struct sockaddr *address)
{
    const uint8_t *bytes = NULL;
    bool v6 = false;
    if (address != NULL && address->sa_family == AF_INET) {
        bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address != NULL && address->sa_family == AF_INET6) {
        bytes = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
        v6 = memcmp(bytes, mapped, sizeof mapped) != 0;
        bytes += v6 ? 0 : sizeof mapped;
    }
    for (size_t i = 0; bytes != NULL && i < proxies->count; i++) {
        if (is_in(&proxies->nets[i], v6, bytes)) {
            return true;
        }
    }
    return false;
}

bool ud_authority_is_listed(const char *given, const char *trusted)
{
    const char *one;
    size_t one_len;
    while (next_item(&given, ";,", &one, &one_len)) {
        const char *list = trusted;
        const char *other;
        size_t other_len;
        while (one_len > 0 && next_item(&list, ";,", &other, &other_len)) {
            if (one_len == other_len && strncasecmp(one, other, one_len) == 0) {
                return true;
            }
        }
    }
    return false;
}
