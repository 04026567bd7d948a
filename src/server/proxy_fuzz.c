/* Fuzz target for lists of proxies and of authorities: what an item says is found again, and no more. */
#include "server/proxy.h"

#include "updraft/assert.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every network's first address is in it. */
static void check_nets(const struct ud_proxies *proxies)
{
    UD_ASSERT(proxies->count <= UD_PROXIES_MAX);
    for (size_t i = 0; i < proxies->count; i++) {
        const struct ud_proxy_net *net = &proxies->nets[i];
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        memcpy(&v6.sin6_addr, net->address, sizeof v6.sin6_addr);
        memcpy(&v4.sin_addr, net->address, sizeof v4.sin_addr);
        const struct sockaddr *address =
            net->v6 ? (const struct sockaddr *)(const void *)&v6 : (const struct sockaddr *)(const void *)&v4;
        UD_ASSERT(ud_proxies_have(proxies, address));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_proxies proxies = {.count = 77};
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (ud_proxies_parse(&proxies, text) == UD_OK) {
        check_nets(&proxies);
    } else {
        UD_ASSERT(proxies.count == 77); /* untouched */
    }
    /* the first line against the rest; the relation has no direction */
    char *line = strchr(text, '\n');
    if (line != NULL) {
        *line = '\0';
        UD_ASSERT(ud_authority_is_listed(text, line + 1) == ud_authority_is_listed(line + 1, text));
    }
    free(text);
    return 0;
}
