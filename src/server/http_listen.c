/*
 * Listening: for each listener one socket and a few threads, each with a libmicrohttpd daemon of its own that it runs.
 *
 * Not the library's own thread pool: its loop asks epoll again with the same timeout after a full batch of 128 events,
 * before it looks at what it was handed, and then waits for ever while resumed connections lie there (0.9.75). A
 * thread that runs its daemon itself waits outside of the library. Without its own threads the library does not
 * notice that a connection was resumed, so the waking is here, too.
 */
#include "server/http_listener.h"

#include "server/client_cert.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CONNECTION_MEMORY_BYTES 16384
#define BACKLOG 4096
#define THREADS_AUTO_MAX 8
#define WAIT_MS_MAX 60000

/* Paths and queries stay as they came: we decode them ourselves, once, segment by segment. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void library_log(void *cls, const char *format, va_list arguments)
{
    struct ud_http_listener *listener = cls;
    char words[256];
    vsnprintf(words, sizeof words, format, arguments);
    words[strcspn(words, "\n")] = '\0';
    ud_log_event(&listener->server->log, UD_LOG_DEBUG, "http", "words", words, NULL);
}

static unsigned thread_count(const struct ud_config *config)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->threads > 0) {
        return (unsigned)config->threads;
    }
    return processors < 1 ? 1 : processors > THREADS_AUTO_MAX ? THREADS_AUTO_MAX : (unsigned)processors;
}

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static ud_err parse_address(const char *text, union any_address *address)
{
    char host[UD_ADDRESS_BYTES_MAX];
    uint16_t port;
    memset(address, 0, sizeof *address);
    if (ud_config_address(text, host, &port) != UD_OK) {
        return UD_ERR_CONFIG;
    }
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
    } else {
        inet_pton(AF_INET6, host, &address->v6.sin6_addr);
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
    }
    return UD_OK;
}

/* A bound, listening socket that does not block; -1 with errno set. */
static int listen_on(const union any_address *address)
{
    const int one = 1;
    const bool v6 = address->any.sa_family == AF_INET6;
    const int fd = socket(address->any.sa_family, SOCK_STREAM, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (v6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    if (bind(fd, &address->any, v6 ? sizeof address->v6 : sizeof address->v4) != 0 ||
        listen(fd, BACKLOG) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static unsigned bound_port(int fd)
{
    union any_address address;
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static int wait_ms(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG wait = 0;
    return MHD_get_timeout(daemon, &wait) == MHD_YES && wait < WAIT_MS_MAX ? (int)wait : WAIT_MS_MAX;
}

static void *run_daemon(void *ctx)
{
    struct ud_http_worker *worker = ctx;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct ud_http_listener *listener = worker->listener;
    struct pollfd wait_for[3] = {{.fd = info->epoll_fd, .events = POLLIN},
                                 {.fd = worker->wake, .events = POLLIN},
                                 {.fd = listener->fd, .events = POLLIN}};
    while (!atomic_load(&listener->ending)) {
        eventfd_t count;
        const bool quiet = atomic_load(&listener->quiet);
        const bool full = !quiet && ud_http_door_is_full(worker);
        const int most_ms = wait_ms(worker->daemon);
        wait_for[2].fd = quiet || full ? -1 : listener->fd;
        poll(wait_for, 3, full && most_ms > UD_DOOR_WAIT_MS ? UD_DOOR_WAIT_MS : most_ms);
        if (wait_for[1].revents != 0) {
            eventfd_read(worker->wake, &count);
            atomic_store(&worker->woken,
                         false); /* before the turn: what is resumed from here on wakes us again */
        }
        if (full || (wait_for[2].fd >= 0 && wait_for[2].revents != 0)) {
            ud_http_door_open(worker);
        }
        MHD_run(worker->daemon);
    }
    return NULL;
}

static void wake(struct ud_http_worker *worker)
{
    if (!atomic_exchange(&worker->woken, true)) {
        eventfd_write(worker->wake, 1);
    }
}

void ud_http_wake(struct ud_http_listener *listener, const struct MHD_Daemon *daemon)
{
    for (unsigned i = 0; i < listener->worker_count; i++) {
        if (listener->workers[i].daemon == daemon) {
            wake(&listener->workers[i]);
        }
    }
}

/* A limit of the whole listener, shared out. 0 stays 0: none. */
static unsigned share_of(uint64_t limit, unsigned workers)
{
    return (unsigned)((limit + workers - 1) / workers);
}

static ud_err worker_start(struct ud_http_listener *listener, struct ud_http_worker *worker, const char *cert,
                           const char *key)
{
    const struct ud_config *config = &listener->server->config;
    const unsigned workers = thread_count(config);
    struct MHD_OptionItem options[5];
    size_t n = 0;
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (cert != NULL) {
        flags |= MHD_USE_TLS;
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert};
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key};
        options[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                    (void *)(uintptr_t) "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
    }
    if (cert != NULL && listener->which == UD_LISTEN_DEVICES && listener->server->asked_cas.len > 0) {
        /* only makes the handshake ask for one; what comes is looked at for each request (client_cert.h) */
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
                                               (void *)(uintptr_t)listener->server->asked_cas.ptr};
    }
    options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    worker->listener = listener;
    worker->wake = -1;
    worker->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, ud_http_on_request, listener, MHD_OPTION_EXTERNAL_LOGGER, library_log, listener,
        MHD_OPTION_NOTIFY_COMPLETED, ud_http_on_completed, listener, MHD_OPTION_NOTIFY_CONNECTION,
        ud_http_on_connection, worker, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, listener,
        MHD_OPTION_CONNECTION_LIMIT, share_of(config->connections_max, workers),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, share_of(config->per_address_max, workers),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)config->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
        1, /* or the library does without sendfile */
        MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (worker->daemon == NULL) {
        return UD_ERR_CONNECT;
    }
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->wake < 0) {
        return UD_ERR_MEMORY;
    }
    worker->running = pthread_create(&worker->thread, NULL, run_daemon, worker) == 0;
    return worker->running ? UD_OK : UD_ERR_MEMORY;
}

static ud_err listener_start(struct ud_http_listener *listener, const char *address_text, const char *cert,
                             const char *key)
{
    union any_address address;
    const unsigned workers = thread_count(&listener->server->config);
    ud_err err = parse_address(address_text, &address);
    if (err != UD_OK) {
        return err;
    }
    listener->fd = listen_on(&address);
    if (listener->fd < 0) {
        return UD_ERR_CONNECT;
    }
    listener->tls = cert != NULL;
    snprintf(listener->address, sizeof listener->address, "%.*s:%u",
             (int)(strrchr(address_text, ':') - address_text), address_text, bound_port(listener->fd));
    listener->workers = calloc(workers, sizeof *listener->workers);
    err = listener->workers == NULL ? UD_ERR_MEMORY : UD_OK;
    for (unsigned i = 0; i < workers && err == UD_OK; i++) {
        listener->worker_count = i + 1;
        err = worker_start(listener, &listener->workers[i], cert, key);
    }
    return err;
}

ud_err ud_http_open(struct ud_http **out, struct ud_server *server, const char *cert, const char *key)
{
    const char *const addresses[] = {server->config.listen_devices, server->config.listen_people};
    struct ud_http *http = calloc(1, sizeof *http);
    ud_err err = http == NULL ? UD_ERR_MEMORY : UD_OK;
    signal(SIGPIPE, SIG_IGN);
    for (int which = 0; which < UD_LISTENER_COUNT && err == UD_OK; which++) {
        http->listeners[which].fd = -1;
    }
    for (int which = 0; which < UD_LISTENER_COUNT && err == UD_OK; which++) {
        http->listeners[which].server = server;
        http->listeners[which].which = (ud_listener)which;
        err = listener_start(&http->listeners[which], addresses[which], cert, key);
    }
    if (err != UD_OK) {
        ud_http_close(http);
        return err;
    }
    *out = http;
    return UD_OK;
}

const char *ud_http_address(const struct ud_http *http, ud_listener listener)
{
    return http->listeners[listener].address;
}

/* No more connections are accepted; those that are open go on. */
void ud_http_quiesce(struct ud_http *http)
{
    for (int which = 0; which < UD_LISTENER_COUNT; which++) {
        struct ud_http_listener *listener = &http->listeners[which];
        atomic_store(&listener->quiet, true);
        if (listener->fd >= 0) {
            shutdown(listener->fd, SHUT_RDWR); /* it listens no more, and who waited is told */
        }
        for (unsigned i = 0; i < listener->worker_count; i++) {
            if (listener->workers[i].running) {
                wake(&listener->workers[i]);
            }
        }
    }
}

void ud_http_drain(struct ud_http *http, unsigned wait_ms)
{
    const struct timespec tick = {0, 5 * 1000000};
    for (unsigned waited = 0; waited < wait_ms; waited += 5) {
        if (atomic_load(&http->listeners[UD_LISTEN_DEVICES].open_calls) == 0 &&
            atomic_load(&http->listeners[UD_LISTEN_PEOPLE].open_calls) == 0) {
            return;
        }
        nanosleep(&tick, NULL);
    }
}

static void listener_stop(struct ud_http_listener *listener)
{
    atomic_store(&listener->ending, true);
    for (unsigned i = 0; i < listener->worker_count; i++) {
        struct ud_http_worker *worker = &listener->workers[i];
        if (worker->running) {
            wake(worker);
            pthread_join(worker->thread, NULL);
        }
        if (worker->wake >= 0) {
            close(worker->wake);
        }
        if (worker->daemon != NULL) {
            MHD_stop_daemon(worker->daemon);
        }
    }
    free(listener->workers);
    if (listener->fd >= 0) {
        close(listener->fd);
    }
}

void ud_http_close(struct ud_http *http)
{
    if (http == NULL) {
        return;
    }
    for (int which = 0; which < UD_LISTENER_COUNT; which++) {
        listener_stop(&http->listeners[which]);
    }
    free(http);
}
