#include "server/hooks.h"

#include "server/server.h"
#include "server/store_shared.h"

#include "ports/openssl/password.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 100
#define BODY_BYTES_MAX (1U << 20)
#define LEASE "webhooks"
#define LEASE_MS 30000
#define TIMEOUT_MS 8000L
#define PAUSE_MS 50
#define LOOK_S 1
#define WAIT_FIRST_MS 1000
#define WAIT_MAX_MS (10 * 60 * 1000)

struct ud_hooks {
    struct ud_server *server;
    CURL *curl;
    char holder[UD_HOLDER_CHARS + 1];
    pthread_t thread;
    pthread_mutex_t lock; /* over the two below */
    pthread_cond_t changed;
    bool woken;
    _Atomic bool ending;
};

/* --- one message */

ud_err ud_hook_sign(const char *secret, int64_t now_s, struct ud_bytes body, char out[100])
{
    char time_text[24];
    uint8_t mac[UD_SHA256_BYTES];
    char hex[2 * sizeof mac + 1];
    snprintf(time_text, sizeof time_text, "%lld.", (long long)now_s);
    const struct ud_bytes parts[] = {{(const uint8_t *)time_text, strlen(time_text)}, body};
    const ud_err err =
        ud_hmac_sha256((struct ud_bytes){(const uint8_t *)secret, strlen(secret)}, parts, 2, mac);
    if (err == UD_OK) {
        ud_hex_write(hex, mac, sizeof mac);
        snprintf(out, 100, "t=%lld,v1=%s", (long long)now_s, hex);
    }
    return err;
}

static bool is_public_v4(uint32_t address)
{
    static const struct {
        uint32_t net;
        unsigned bits;
    } inside[] = {
        {0x00000000, 8},  /* this host */
        {0x0a000000, 8},  /* private */
        {0x64400000, 10}, /* carrier's */
        {0x7f000000, 8},  /* loopback */
        {0xa9fe0000, 16}, /* link local: metadata services of clouds */
        {0xac100000, 12}, /* private */
        {0xc0a80000, 16}, /* private */
        {0xc6120000, 15}, /* benchmarks */
        {0xe0000000, 3},  /* multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        if ((address ^ inside[i].net) >> (32 - inside[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

bool ud_hook_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return is_public_v4(ntohl(v4->sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6) {
        return false;
    }
    const uint8_t *v6 = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    return (v6[0] & 0xe0) == 0x20 &&                                      /* global unicast only */
           !(v6[0] == 0x20 && v6[1] == 0x02) &&                           /* 6to4: an IPv4 address inside */
           !(v6[0] == 0x20 && v6[1] == 0x01 && v6[2] == 0 && v6[3] == 0); /* Teredo: the same */
}

/* Looked at after the name was resolved: what is connected to is what was checked. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct ud_hooks *hooks = ctx;
    (void)purpose;
    if (!hooks->server->config.webhooks_private && !ud_hook_is_public(&address->addr)) {
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t drop_answer(char *data, size_t size, size_t count, void *ctx)
{
    size_t *bytes = ctx;
    (void)data;
    *bytes += size * count;
    return *bytes > BODY_BYTES_MAX ? 0 : size * count; /* curl ends the transfer */
}

/* True: it was taken. Else `why` says what happened. */
static bool post(struct ud_hooks *hooks, const struct ud_row_hook *hook, struct ud_bytes body, char why[64])
{
    char signature[100];
    char header[128];
    size_t answered = 0;
    long status = 0;
    CURL *curl = hooks->curl;
    if (ud_hook_sign(hook->secret, ud_server_now_ms() / 1000, body, signature) != UD_OK) {
        snprintf(why, 64, "it could not be signed");
        return false;
    }
    snprintf(header, sizeof header, "Updraft-Signature: %s", signature);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, header);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, hook->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, hooks->server->config.insecure_http ? "https,http" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body.ptr);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, hooks);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answered);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        snprintf(why, 64, "%.63s", curl_easy_strerror(code));
        return false;
    }
    snprintf(why, 64, "HTTP %ld", status);
    return status >= 200 && status < 300;
}

/* --- what there is to tell */

struct message {
    struct ud_text text;
    struct ud_json json;
    int64_t last;
};

static void write_event(void *ctx, const struct ud_row_event *event)
{
    struct message *message = ctx;
    struct ud_json *json = &message->json;
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", event->id);
    ud_json_int(json, "at", event->at_ms);
    ud_json_string(json, "kind", event->kind);
    ud_json_string(json, "device", event->device[0] == '\0' ? NULL : event->device);
    ud_json_raw(json, "body", event->body);
    ud_json_close(json, '}');
    message->last = event->id;
}

static ud_err write_message(struct ud_hooks *hooks, const struct ud_row_hook *hook, struct message *message)
{
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(hooks->server->readers, &store);
    if (err != UD_OK) {
        return err;
    }
    ud_text_init(&message->text, BODY_BYTES_MAX);
    message->json = (struct ud_json){&message->text, false};
    message->last = 0;
    ud_json_open(&message->json, NULL, '{');
    ud_json_open(&message->json, "events", '[');
    err = ud_store_event_list(store, hook->tenant, hook->sent, BATCH, write_event, message);
    ud_store_pool_give(hooks->server->readers, store);
    ud_json_close(&message->json, ']');
    ud_json_close(&message->json, '}');
    return err == UD_OK && !ud_text_ok(&message->text) ? UD_ERR_MEMORY : err;
}

/* --- the store's side */

struct keep {
    struct ud_job job;
    struct ud_hooks *hooks;
    const struct ud_row_hook *hook; /* NULL: only the lease */
    int64_t fence;
};

static ud_err take_lease(struct ud_job *job, struct ud_store *store)
{
    struct keep *keep = (struct keep *)(void *)job;
    return ud_store_lease_take(store, LEASE, keep->hooks->holder, LEASE_MS, &keep->fence);
}

static ud_err keep_hook(struct ud_job *job, struct ud_store *store)
{
    const struct keep *keep = (const struct keep *)(const void *)job;
    const ud_err err = ud_store_lease_check(store, LEASE, keep->fence);
    return err == UD_OK ? ud_store_hook_set(store, keep->hook) : err;
}

static ud_err drop_lease(struct ud_job *job, struct ud_store *store)
{
    const struct keep *keep = (const struct keep *)(const void *)job;
    return ud_store_lease_drop(store, LEASE, keep->fence);
}

/* --- the round */

struct due {
    struct ud_row_hook rows[UD_HOOKS_MAX];
    size_t count;
    int64_t newest;
};

static void take_due(void *ctx, const struct ud_row_hook *hook)
{
    struct due *due = ctx;
    if (hook->sent < due->newest && due->count < UD_HOOKS_MAX && ud_server_now_ms() >= hook->next_ms) {
        due->rows[due->count++] = *hook;
    }
}

static ud_err find_due(struct ud_hooks *hooks, struct due *due)
{
    struct ud_store *store = NULL;
    struct ud_page page = {.limit = UD_HOOKS_MAX, .total = 1};
    ud_err err = ud_store_pool_take(hooks->server->readers, &store);
    if (err != UD_OK) {
        return err;
    }
    due->count = 0;
    err = ud_store_event_newest(store, &due->newest);
    for (; err == UD_OK && page.offset < page.total && due->count < UD_HOOKS_MAX; page.offset += page.limit) {
        err = ud_store_hook_list(store, 0, &page, take_due, due);
    }
    ud_store_pool_give(hooks->server->readers, store);
    return err;
}

static int64_t wait_of(uint32_t failures)
{
    int64_t wait_ms = WAIT_FIRST_MS;
    for (uint32_t i = 1; i < failures && wait_ms < WAIT_MAX_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS;
}

/* True: it took something, and there may be more. */
static bool tell(struct ud_hooks *hooks, struct ud_row_hook *hook, int64_t fence, int64_t newest)
{
    struct message message;
    struct keep keep = {.hooks = hooks, .hook = hook, .fence = fence};
    char why[64] = "";
    bool taken = false;
    ud_err err = write_message(hooks, hook, &message);
    if (err == UD_OK && message.last == 0) {
        hook->sent = newest; /* all of it was of other tenants */
    } else if (err == UD_OK) {
        taken = post(hooks, hook, (struct ud_bytes){(const uint8_t *)message.text.ptr, message.text.len}, why);
        hook->sent = taken ? message.last : hook->sent;
        hook->failures = taken ? 0 : hook->failures + 1;
        hook->next_ms = taken ? 0 : ud_server_now_ms() + wait_of(hook->failures);
        snprintf(hook->error, sizeof hook->error, "%s", taken ? "" : why);
    }
    ud_text_free(&message.text);
    err = err == UD_OK ? ud_writer_run(hooks->server->writer, keep_hook, &keep.job) : err;
    if (!taken && why[0] != '\0') {
        ud_log_event(&hooks->server->log, UD_LOG_WARN, "webhook", "url", hook->url, "words", why, NULL);
    }
    return err == UD_OK && taken;
}

static void round_of_all(struct ud_hooks *hooks, struct due *due)
{
    struct keep keep = {.hooks = hooks};
    bool more = true;
    while (more && !hooks->ending && find_due(hooks, due) == UD_OK && due->count > 0) {
        more = false;
        for (size_t i = 0; i < due->count && !hooks->ending; i++) {
            /* before each message: it may take as long as a third of the lease */
            if (ud_writer_run(hooks->server->writer, take_lease, &keep.job) != UD_OK) {
                return; /* another server's task */
            }
            more = tell(hooks, &due->rows[i], keep.fence, due->newest) || more;
        }
    }
}

static void *hooks_thread(void *ctx)
{
    struct ud_hooks *hooks = ctx;
    struct keep keep = {.hooks = hooks};
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    struct due *due = calloc(1, sizeof *due);
    pthread_mutex_lock(&hooks->lock);
    while (due != NULL && !hooks->ending) {
        struct timespec until;
        int late = 0;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += LOOK_S; /* a message may be due again */
        while (!hooks->woken && !hooks->ending && late == 0) {
            late = pthread_cond_timedwait(&hooks->changed, &hooks->lock, &until);
        }
        hooks->woken = false;
        pthread_mutex_unlock(&hooks->lock);
        round_of_all(hooks, due);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&hooks->lock);
    }
    pthread_mutex_unlock(&hooks->lock);
    if (ud_writer_run(hooks->server->writer, take_lease, &keep.job) == UD_OK) {
        ud_writer_run(hooks->server->writer, drop_lease, &keep.job);
    }
    free(due);
    return NULL;
}

ud_err ud_hooks_open(struct ud_hooks **out, struct ud_server *server)
{
    struct ud_hooks *hooks = calloc(1, sizeof *hooks);
    if (hooks == NULL) {
        return UD_ERR_MEMORY;
    }
    hooks->server = server;
    hooks->curl = curl_easy_init();
    if (hooks->curl == NULL || ud_secret_make(hooks->holder, UD_HOLDER_CHARS) != UD_OK) {
        curl_easy_cleanup(hooks->curl);
        free(hooks);
        return UD_ERR_MEMORY;
    }
    pthread_mutex_init(&hooks->lock, NULL);
    pthread_cond_init(&hooks->changed, NULL);
    if (pthread_create(&hooks->thread, NULL, hooks_thread, hooks) != 0) {
        pthread_cond_destroy(&hooks->changed);
        pthread_mutex_destroy(&hooks->lock);
        curl_easy_cleanup(hooks->curl);
        free(hooks);
        return UD_ERR_MEMORY;
    }
    *out = hooks;
    return UD_OK;
}

void ud_hooks_wake(struct ud_hooks *hooks)
{
    if (hooks != NULL) {
        pthread_mutex_lock(&hooks->lock);
        if (!hooks->woken) {
            hooks->woken = true;
            pthread_cond_signal(&hooks->changed);
        }
        pthread_mutex_unlock(&hooks->lock);
    }
}

void ud_hooks_stop(struct ud_hooks *hooks)
{
    if (hooks != NULL && !hooks->ending) {
        pthread_mutex_lock(&hooks->lock);
        hooks->ending = true;
        pthread_cond_signal(&hooks->changed);
        pthread_mutex_unlock(&hooks->lock);
        pthread_join(hooks->thread, NULL);
    }
}

void ud_hooks_close(struct ud_hooks *hooks)
{
    if (hooks == NULL) {
        return;
    }
    ud_hooks_stop(hooks);
    pthread_cond_destroy(&hooks->changed);
    pthread_mutex_destroy(&hooks->lock);
    curl_easy_cleanup(hooks->curl);
    free(hooks);
}
