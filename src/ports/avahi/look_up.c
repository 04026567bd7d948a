#include "ports/avahi/look_up.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ports/avahi/avahi.h"

#define ASKED_MAX (2 * UD_PLACES_MAX) /* instances whose address is asked for */
#define DOMAIN "local"

struct ud_look_up {
    const char *type;
    const char *scheme;
    struct ud_avahi avahi;
    AvahiSimplePoll *poll; /* NULL: there is no thread */
    pthread_t thread;
    /* of the thread */
    AvahiClient *client;
    unsigned asked;
    unsigned unanswered;
    bool all; /* the daemon knows of no more for now */
    bool failed;
    pthread_mutex_t lock; /* over all below */
    bool ending;
    ud_err result; /* UD_WAIT until the thread is done */
    struct ud_place places[UD_PLACES_MAX];
    size_t count;
};

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

/* ---- answers ---- */

/* "scheme=https" in the TXT record, whatever else there is. */
static bool says_scheme(const AvahiStringList *txt, const char *scheme)
{
    char want[24];
    const size_t len = (size_t)snprintf(want, sizeof want, "scheme=%s", scheme);
    for (; txt != NULL; txt = txt->next) {
        if (txt->size == len && memcmp(txt->text, want, len) == 0) {
            return true;
        }
    }
    return false;
}

/* fe80::/10: good on one link, which an address by itself does not name. */
static bool is_of_one_link(const AvahiAddress *address)
{
    return address->proto == AVAHI_PROTO_INET6 && address->data.ipv6.address[0] == 0xfe &&
           (address->data.ipv6.address[1] & 0xc0) == 0x80;
}

static void keep(struct ud_look_up *l, const AvahiAddress *address, uint16_t port)
{
    struct ud_place place = {.port = port};
    if (port == 0 || is_of_one_link(address) ||
        l->avahi.address_snprint(place.address, sizeof place.address, address) == NULL) {
        return;
    }
    bool known = false;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->count; i++) {
        known = known || (l->places[i].port == port && strcmp(l->places[i].address, place.address) == 0);
    }
    if (!known && l->count < UD_PLACES_MAX) {
        l->places[l->count++] = place;
    }
    pthread_mutex_unlock(&l->lock);
}

static void resolved(AvahiServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol,
                     AvahiResolverEvent event, const char *name, const char *type, const char *domain,
                     const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
                     AvahiLookupResultFlags flags, void *ctx)
{
    struct ud_look_up *l = ctx;
    (void)interface, (void)protocol, (void)name, (void)type, (void)domain, (void)host, (void)flags;
    if (event == AVAHI_RESOLVER_FOUND && says_scheme(txt, l->scheme)) {
        keep(l, address, port);
    }
    l->unanswered--;
    (void)l->avahi.service_resolver_free(resolver);
}

static void browsed(AvahiServiceBrowser *browser, AvahiIfIndex interface, AvahiProtocol protocol,
                    AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
                    AvahiLookupResultFlags flags, void *ctx)
{
    struct ud_look_up *l = ctx;
    (void)browser, (void)flags;
    if (event == AVAHI_BROWSER_ALL_FOR_NOW) {
        l->all = true;
    } else if (event == AVAHI_BROWSER_FAILURE) {
        l->failed = true;
    } else if (event == AVAHI_BROWSER_NEW && l->asked < ASKED_MAX) {
        /* by the protocol that it was found with: an address of that kind reaches it */
        l->asked++;
        if (l->avahi.service_resolver_new(l->client, interface, protocol, name, type, domain, protocol, 0,
                                          resolved, l) != NULL) {
            l->unanswered++;
        }
    }
}

static void client_changed(AvahiClient *client, AvahiClientState state, void *ctx)
{
    struct ud_look_up *l = ctx;
    (void)client;
    l->failed = l->failed || state == AVAHI_CLIENT_FAILURE;
}

/* ---- the thread ---- */

static bool is_ending(struct ud_look_up *l)
{
    pthread_mutex_lock(&l->lock);
    const bool ending = l->ending;
    pthread_mutex_unlock(&l->lock);
    return ending;
}

static void browse(struct ud_look_up *l)
{
    const uint64_t until_ms = now_ms() + UD_LOOK_UP_MS_MAX;
    uint64_t at_ms = now_ms();
    int result = 0;
    while (!l->failed && !(l->all && l->unanswered == 0) && at_ms < until_ms && !is_ending(l) &&
           (result == 0 || errno == EINTR)) {
        result = l->avahi.simple_poll_iterate(l->poll, (int)(until_ms - at_ms));
        at_ms = now_ms();
    }
}

static void *run(void *ctx)
{
    struct ud_look_up *l = ctx;
    ud_err err = UD_ERR_DNS_SD;
    l->client = l->avahi.client_new(l->avahi.simple_poll_get(l->poll), 0, client_changed, l, NULL);
    if (l->client != NULL) {
        if (l->avahi.service_browser_new(l->client, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, l->type, DOMAIN, 0,
                                         browsed, l) != NULL) {
            browse(l);
            err = l->failed ? UD_ERR_DNS_SD : UD_ERR_NOT_FOUND;
        }
        l->avahi.client_free(l->client); /* with all that was asked by it */
    }
    pthread_mutex_lock(&l->lock);
    l->result = l->count > 0 ? UD_OK : err;
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- begin, step, end ---- */

ud_err ud_look_up_begin(struct ud_look_up **out, const char *type, const char *scheme)
{
    struct ud_look_up *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return UD_ERR_MEMORY;
    }
    l->type = type;
    l->scheme = scheme;
    l->result = ud_avahi_load(&l->avahi);
    pthread_mutex_init(&l->lock, NULL);
    if (l->result == UD_OK) {
        l->result = UD_WAIT;
        l->poll = l->avahi.simple_poll_new();
        if (l->poll == NULL || pthread_create(&l->thread, NULL, run, l) != 0) {
            if (l->poll != NULL) {
                l->avahi.simple_poll_free(l->poll);
            }
            pthread_mutex_destroy(&l->lock);
            free(l);
            return UD_ERR_MEMORY;
        }
    }
    *out = l;
    return UD_OK;
}

ud_err ud_look_up_step(struct ud_look_up *l, struct ud_place places[UD_PLACES_MAX], size_t *count)
{
    pthread_mutex_lock(&l->lock);
    const ud_err result = l->result;
    if (result == UD_OK) {
        memcpy(places, l->places, sizeof l->places);
        *count = l->count;
    }
    pthread_mutex_unlock(&l->lock);
    return result;
}

void ud_look_up_end(struct ud_look_up *l)
{
    if (l == NULL) {
        return;
    }
    if (l->poll != NULL) {
        pthread_mutex_lock(&l->lock);
        l->ending = true;
        pthread_mutex_unlock(&l->lock);
        l->avahi.simple_poll_wakeup(l->poll);
        pthread_join(l->thread, NULL);
        l->avahi.simple_poll_free(l->poll);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}
