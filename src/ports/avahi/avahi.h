/*
 * The functions of Avahi's client library that we call, from the library as it is loaded at run time: neither server nor agent
 * is linked with it, nor with D-Bus below it, and a machine without it only misses discovery (docs/adr/0014). Their types
 * come from Avahi's headers, and are compared with them by the compiler.
 */
#ifndef UD_PORTS_AVAHI_AVAHI_H
#define UD_PORTS_AVAHI_AVAHI_H

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/simple-watch.h>

#include "updraft/err.h"

/* X(library, result, name behind "avahi_", arguments) */
/* clang-format off */
#define UD_AVAHI_FUNCTIONS(X)                                                                                          \
    X(common, AvahiSimplePoll *, simple_poll_new, (void))                                                              \
    X(common, void, simple_poll_free, (AvahiSimplePoll *))                                                             \
    X(common, const AvahiPoll *, simple_poll_get, (AvahiSimplePoll *))                                                 \
    X(common, int, simple_poll_iterate, (AvahiSimplePoll *, int))                                                      \
    X(common, void, simple_poll_wakeup, (AvahiSimplePoll *))                                                           \
    X(common, AvahiStringList *, string_list_add, (AvahiStringList *, const char *))                                   \
    X(common, void, string_list_free, (AvahiStringList *))                                                             \
    X(common, char *, alternative_service_name, (const char *))                                                        \
    X(common, char *, address_snprint, (char *, size_t, const AvahiAddress *))                                         \
    X(common, void, free, (void *))                                                                                    \
    X(client, AvahiClient *, client_new, (const AvahiPoll *, AvahiClientFlags, AvahiClientCallback, void *, int *))    \
    X(client, void, client_free, (AvahiClient *))                                                                      \
    X(client, int, client_errno, (AvahiClient *))                                                                      \
    X(client, AvahiEntryGroup *, entry_group_new, (AvahiClient *, AvahiEntryGroupCallback, void *))                    \
    X(client, int, entry_group_reset, (AvahiEntryGroup *))                                                             \
    X(client, int, entry_group_commit, (AvahiEntryGroup *))                                                            \
    X(client, int, entry_group_add_service_strlst, (AvahiEntryGroup *, AvahiIfIndex, AvahiProtocol,                    \
      AvahiPublishFlags, const char *, const char *, const char *, const char *, uint16_t, AvahiStringList *))         \
    X(client, AvahiServiceBrowser *, service_browser_new, (AvahiClient *, AvahiIfIndex, AvahiProtocol, const char *,   \
      const char *, AvahiLookupFlags, AvahiServiceBrowserCallback, void *))                                            \
    X(client, AvahiServiceResolver *, service_resolver_new, (AvahiClient *, AvahiIfIndex, AvahiProtocol, const char *, \
      const char *, const char *, AvahiProtocol, AvahiLookupFlags, AvahiServiceResolverCallback, void *))              \
    X(client, int, service_resolver_free, (AvahiServiceResolver *))
/* clang-format on */

#define UD_AVAHI_MEMBER(library, result, name, arguments) result(*name) arguments;
struct ud_avahi {
    UD_AVAHI_FUNCTIONS(UD_AVAHI_MEMBER)
};
#undef UD_AVAHI_MEMBER

/** Load the library; it stays loaded, because D-Bus keeps state of its own. UD_ERR_DNS_SD: it is not on this machine. */
ud_err ud_avahi_load(struct ud_avahi *avahi);

#endif
