#include "ports/avahi/announce.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports/avahi/avahi.h"

#define AGAIN_MS 30000 /* without a daemon, or a bus */
#define RENAMES_MAX 32 /* others have that name, too; then it waits for the next change */
#define NAME_ROOM (UD_ANNOUNCED_NAME_BYTES + 1)

struct ud_announcer {
    struct ud_avahi avahi;
    AvahiSimplePoll *poll;
    pthread_t thread;
    void (*say)(void *ctx, ud_err err, const char *words);
    void *ctx;
    /* of the thread */
    AvahiClient *client;
    AvahiEntryGroup *group;
    bool lost; /* the daemon went: begin anew */
    unsigned renames;
    ud_err said; /* UD_WAIT: nothing yet */
    char name[NAME_ROOM];
    pthread_mutex_t lock; /* over all below */
    struct ud_announced services[UD_ANNOUNCED_MAX];
    size_t count;
    bool changed;
    bool ending;
};

/* What does not work is said once, however often it is tried. */
static void say(struct ud_announcer *a, ud_err err, const char *words)
{
    if (err == UD_OK || err != a->said) {
        a->said = err;
        a->say(a->ctx, err, words);
    }
}

/* ---- the entry group: all services together ---- */

static int add(struct ud_announcer *a, const struct ud_announced *service)
{
    char name[2 * NAME_ROOM];
    char scheme[24];
    (void)snprintf(name, sizeof name, "%s%s", a->name, service->suffix);
    (void)snprintf(scheme, sizeof scheme, "scheme=%s", service->scheme);
    AvahiStringList *txt = a->avahi.string_list_add(NULL, scheme);
    txt = txt == NULL ? NULL : a->avahi.string_list_add(txt, "txtvers=1"); /* it goes to the front */
    if (txt == NULL) {
        return AVAHI_ERR_NO_MEMORY;
    }
    const int err = a->avahi.entry_group_add_service_strlst(
        a->group, AVAHI_IF_UNSPEC, service->v4_only ? AVAHI_PROTO_INET : AVAHI_PROTO_UNSPEC, 0, name,
        service->type, NULL, NULL, service->port, txt);
    a->avahi.string_list_free(txt);
    return err;
}

/* Another one has this name: "Name #2". */
static bool rename_it(struct ud_announcer *a)
{
    char *other = a->renames < RENAMES_MAX ? a->avahi.alternative_service_name(a->name) : NULL;
    const size_t len = other == NULL ? NAME_ROOM : strlen(other);
    if (len < NAME_ROOM) {
        memcpy(a->name, other, len + 1);
        a->renames++;
    }
    a->avahi.free(other);
    return len < NAME_ROOM;
}

static int fill(struct ud_announcer *a, const struct ud_announced *services, size_t count)
{
    int err = a->avahi.entry_group_reset(a->group);
    for (size_t i = 0; i < count && err == 0; i++) {
        err = add(a, &services[i]);
    }
    return err == 0 && count > 0 ? a->avahi.entry_group_commit(a->group) : err;
}

static void publish(struct ud_announcer *a);

static void group_changed(AvahiEntryGroup *group, AvahiEntryGroupState state, void *ctx)
{
    struct ud_announcer *a = ctx;
    a->group = group;
    switch (state) {
    case AVAHI_ENTRY_GROUP_ESTABLISHED:
        a->renames = 0;
        say(a, UD_OK, a->name);
        break;
    case AVAHI_ENTRY_GROUP_COLLISION:
        if (rename_it(a)) {
            publish(a);
            break;
        }
        say(a, UD_ERR_DNS_SD, "others in this network have the name");
        break;
    case AVAHI_ENTRY_GROUP_FAILURE:
        say(a, UD_ERR_DNS_SD, "the daemon refused the entries");
        break;
    case AVAHI_ENTRY_GROUP_UNCOMMITED:
    case AVAHI_ENTRY_GROUP_REGISTERING:
        break;
    }
}

static void publish(struct ud_announcer *a)
{
    struct ud_announced services[UD_ANNOUNCED_MAX];
    int err = a->group == NULL ? AVAHI_ERR_FAILURE : AVAHI_ERR_COLLISION;
    pthread_mutex_lock(&a->lock);
    const size_t count = a->count;
    memcpy(services, a->services, sizeof services);
    a->changed = false;
    pthread_mutex_unlock(&a->lock);
    while (a->group != NULL && (err = fill(a, services, count)) == AVAHI_ERR_COLLISION && rename_it(a)) {
    }
    if (err != 0) {
        say(a, UD_ERR_DNS_SD, "the daemon did not take the entries");
    }
}

/* ---- the daemon ---- */

static void client_changed(AvahiClient *client, AvahiClientState state, void *ctx)
{
    struct ud_announcer *a = ctx;
    a->client = client;
    switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
        if (a->group == NULL) {
            a->group = a->avahi.entry_group_new(client, group_changed, a);
        }
        publish(a);
        break;
    case AVAHI_CLIENT_S_REGISTERING: /* the machine's own name changes: it comes back as running */
    case AVAHI_CLIENT_S_COLLISION:
        if (a->group != NULL) {
            (void)a->avahi.entry_group_reset(a->group);
        }
        break;
    case AVAHI_CLIENT_CONNECTING:
        say(a, UD_ERR_DNS_SD, "no Avahi daemon runs here");
        break;
    case AVAHI_CLIENT_FAILURE:
        a->lost = true;
        break;
    }
}

static void drop_client(struct ud_announcer *a)
{
    if (a->client != NULL) {
        a->avahi.client_free(a->client); /* with its group */
    }
    a->client = NULL;
    a->group = NULL;
    a->lost = false;
}

static void connect_daemon(struct ud_announcer *a)
{
    int err = 0;
    /* it calls back before it returns, and may have failed by then */
    a->client =
        a->avahi.client_new(a->avahi.simple_poll_get(a->poll), AVAHI_CLIENT_NO_FAIL, client_changed, a, &err);
    if (a->client == NULL || a->lost) {
        drop_client(a);
        say(a, UD_ERR_DNS_SD,
            err == AVAHI_ERR_DBUS_ERROR ? "no D-Bus runs here" : "Avahi's daemon does not answer");
    }
}

static bool is_ending(struct ud_announcer *a, bool *changed)
{
    pthread_mutex_lock(&a->lock);
    const bool ending = a->ending;
    *changed = a->changed;
    pthread_mutex_unlock(&a->lock);
    return ending;
}

static void *run(void *ctx)
{
    struct ud_announcer *a = ctx;
    bool changed = false;
    int result = 0;
    while (!is_ending(a, &changed) && (result == 0 || errno == EINTR)) {
        if (a->client == NULL) {
            connect_daemon(a);
        } else if (changed && a->group != NULL) {
            publish(a);
        }
        result = a->avahi.simple_poll_iterate(a->poll, a->client == NULL ? AGAIN_MS : -1);
        if (a->lost) {
            drop_client(a);
            say(a, UD_ERR_DNS_SD, "the Avahi daemon went away");
        }
    }
    drop_client(a);
    return NULL;
}

/* ---- open and close ---- */

ud_err ud_announcer_open(struct ud_announcer **out, const struct ud_announcer_config *config)
{
    const size_t len = strlen(config->name);
    if (len == 0 || len > UD_ANNOUNCED_NAME_BYTES) {
        return UD_ERR_CONFIG;
    }
    struct ud_announcer *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return UD_ERR_MEMORY;
    }
    a->say = config->say;
    a->ctx = config->ctx;
    a->said = UD_WAIT;
    memcpy(a->name, config->name, len + 1);
    pthread_mutex_init(&a->lock, NULL);
    ud_err err = ud_avahi_load(&a->avahi);
    if (err == UD_OK) {
        a->poll = a->avahi.simple_poll_new();
        err = a->poll == NULL || pthread_create(&a->thread, NULL, run, a) != 0 ? UD_ERR_MEMORY : UD_OK;
    }
    if (err != UD_OK) {
        if (a->poll != NULL) {
            a->avahi.simple_poll_free(a->poll);
        }
        pthread_mutex_destroy(&a->lock);
        free(a);
        return err;
    }
    *out = a;
    return UD_OK;
}

void ud_announcer_set(struct ud_announcer *a, const struct ud_announced *services, size_t count)
{
    pthread_mutex_lock(&a->lock);
    a->count = count < UD_ANNOUNCED_MAX ? count : UD_ANNOUNCED_MAX;
    memcpy(a->services, services, a->count * sizeof services[0]);
    a->changed = true;
    pthread_mutex_unlock(&a->lock);
    a->avahi.simple_poll_wakeup(a->poll);
}

void ud_announcer_close(struct ud_announcer *a)
{
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->ending = true;
    pthread_mutex_unlock(&a->lock);
    a->avahi.simple_poll_wakeup(a->poll);
    pthread_join(a->thread, NULL);
    a->avahi.simple_poll_free(a->poll);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
