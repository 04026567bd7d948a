/*
 * Sending. Each thread has connections, devices and an epoll set of its own. Without a rate, a connection that has its answer
 * sends the next device's request. With a rate, requests are due by the clock, whether answers come or not, and times count from
 * when a request was due: a server that falls behind cannot hide it.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define HEAD_BYTES_MAX 4096
#define READ_BYTES 65536
#define LOOK_NS 100000000U /* for those that take too long */
#define SOURCES 200        /* loopback addresses that new connections come from: ports of one would run out */

enum phase { CLOSED, OPEN, HANDSHAKE, SENDING, HEAD, BODY }; /* OPEN: nothing is under way */

struct connection {
    int fd;
    SSL *ssl;
    enum phase phase;
    size_t device;
    const struct load_request *request;
    size_t sent;
    uint64_t due_ns;
    uint64_t begun_ns;
    size_t head_len;
    uint64_t body_left;
    unsigned status;
    bool retry_after;
    bool last; /* the server ends this connection with the answer */
    char head[HEAD_BYTES_MAX];
};

struct worker {
    const struct load_options *options;
    const struct load_plan *plan;
    _Atomic uint64_t *started; /* of all threads, with a number of requests */
    struct connection *connections;
    size_t count;
    size_t *idle; /* stack of connections */
    size_t idle_count;
    size_t *devices; /* ring of devices that nobody uses */
    size_t ring;
    size_t ring_first;
    size_t ring_count;
    uint32_t *next; /* [devices of the plan]: that device's next request */
    size_t busy;
    int epoll;
    int timer;
    uint64_t step_ns; /* 0: no rate */
    uint64_t due_ns;
    uint64_t end_ns; /* 0: by requests */
    uint64_t look_ns;
    unsigned source;
    bool finished;
    struct load_result result;
    char *scratch;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* --- bytes */

/* > 0 bytes moved, 0 try again when the socket is ready, < 0 closed or failed */
static ssize_t judge(const struct connection *c, ssize_t n)
{
    if (c->ssl == NULL) {
        return n > 0 ? n : n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
    }
    if (n > 0) {
        return n;
    }
    const int err = SSL_get_error(c->ssl, (int)n);
    ERR_clear_error();
    return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t send_some(const struct connection *c, const char *data, size_t len)
{
    return judge(c, c->ssl != NULL ? SSL_write(c->ssl, data, (int)len) : send(c->fd, data, len, MSG_NOSIGNAL));
}

static ssize_t receive_some(const struct connection *c, char *data, size_t room)
{
    return judge(c, c->ssl != NULL ? SSL_read(c->ssl, data, (int)room) : recv(c->fd, data, room, 0));
}

/* --- connections */

/* Without lingering: its port is free at once. */
static void hang_up(struct connection *c)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (c->ssl != NULL) {
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    if (c->fd >= 0) {
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        close(c->fd);
    }
    c->fd = -1;
    c->phase = CLOSED;
}

/* Many devices have many addresses; on loopback each of them is ours. */
static void choose_source(struct worker *w, int fd)
{
    const struct sockaddr_in *to = (const struct sockaddr_in *)(const void *)&w->options->to;
    const int one = 1;
    if (w->options->handshake && to->sin_family == AF_INET && (ntohl(to->sin_addr.s_addr) >> 24) == 127) {
        w->source = (w->source + 1) % SOURCES;
        const struct sockaddr_in from = {.sin_family = AF_INET,
                                         .sin_addr.s_addr = htonl(0x7f0a0001U + w->source)};
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        (void)bind(fd, (const struct sockaddr *)(const void *)&from, sizeof from);
    }
}

static bool open_connection(struct worker *w, struct connection *c)
{
    const struct load_options *o = w->options;
    const int one = 1;
    c->fd = socket(o->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        return false;
    }
    choose_source(w, c->fd);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (const struct sockaddr *)(const void *)&o->to, o->to_bytes) != 0 &&
        errno != EINPROGRESS) {
        return false;
    }
    if (o->tls != NULL) {
        char host[sizeof o->host]; /* OpenSSL's macro takes no constant */
        memcpy(host, o->host, sizeof host);
        c->ssl = SSL_new(o->tls);
        if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_set_tlsext_host_name(c->ssl, host) != 1 ||
            SSL_set1_host(c->ssl, host) != 1) {
            return false;
        }
        SSL_set_connect_state(c->ssl);
    }
    c->phase = HANDSHAKE;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.u64 = (uint64_t)(c - w->connections)};
    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

/* --- a request's life */

static void give_device(struct worker *w, size_t device)
{
    if (w->plan->each > 1 && w->next[device] >= w->plan->each) {
        return; /* it has said all it had */
    }
    w->devices[(w->ring_first + w->ring_count++) % w->ring] = device;
}

static void note_words(struct worker *w, const char *words, size_t len)
{
    if (w->result.first_words[0] == '\0') {
        snprintf(w->result.first_words, sizeof w->result.first_words, "%.*s", (int)len, words);
    }
}

static void end_request(struct worker *w, struct connection *c, enum load_end end)
{
    const uint64_t took_ns = now_ns() - c->due_ns;
    w->result.ends[end]++;
    if (end == LOAD_GOOD) {
        load_times_add(&w->result.good, took_ns);
    } else if (end == LOAD_SHED) {
        load_times_add(&w->result.shed, took_ns);
    }
    if (end == LOAD_STATUS) {
        note_words(w, c->head, strcspn(c->head, "\r"));
    }
    give_device(w, c->device);
    w->busy--;
    if (c->phase != OPEN || w->options->handshake || c->last) {
        hang_up(c);
    }
    w->idle[w->idle_count++] = (size_t)(c - w->connections);
}

static void fail(struct worker *w, struct connection *c)
{
    const enum load_end end = c->phase == HANDSHAKE ? LOAD_REFUSED : LOAD_BROKEN;
    c->phase = CLOSED;
    end_request(w, c, end);
}

static void end_answer(struct worker *w, struct connection *c)
{
    c->phase = OPEN;
    end_request(w, c,
                c->status / 100 == 2                 ? LOAD_GOOD
                : c->status == 503 && c->retry_after ? LOAD_SHED
                                                     : LOAD_STATUS);
}

/* Status, length, and what the server means to do. False when the head is not one that we can follow. */
static bool read_head(struct connection *c)
{
    c->head[c->head_len] = '\0';
    c->status = strncmp(c->head, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(c->head + 9, NULL, 10) : 0;
    c->body_left = 0;
    c->retry_after = false;
    c->last = false;
    bool has_length = c->status == 204 || c->status == 304;
    for (char *line = strstr(c->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "content-length:", 15) == 0) {
            c->body_left = strtoull(line + 17, NULL, 10);
            has_length = true;
        } else if (strncasecmp(line + 2, "retry-after:", 12) == 0) {
            c->retry_after = true;
        } else if (strncasecmp(line + 2, "connection: close", 17) == 0) {
            c->last = true;
        }
    }
    return c->status >= 200 && has_length;
}

/* False: the answer makes no sense. */
static bool take(struct worker *w, struct connection *c, const char *data, size_t len)
{
    while (len > 0 && (c->phase == HEAD || c->phase == BODY)) {
        if (c->phase == BODY) {
            const size_t part = len < c->body_left ? len : (size_t)c->body_left;
            c->body_left -= part;
            w->result.body_bytes += part;
            data += part;
            len -= part;
        } else {
            if (c->head_len == HEAD_BYTES_MAX - 1) {
                return false;
            }
            c->head[c->head_len++] = *data++;
            len--;
            if (c->head_len < 4 || memcmp(c->head + c->head_len - 4, "\r\n\r\n", 4) != 0) {
                continue;
            }
            if (!read_head(c)) {
                return false;
            }
            c->phase = BODY;
        }
        if (c->phase == BODY && c->body_left == 0) {
            end_answer(w, c);
        }
    }
    return true;
}

/* Until the socket has no more for us. */
static void drive(struct worker *w, struct connection *c)
{
    if (c->phase == HANDSHAKE) {
        const ssize_t n = c->ssl == NULL ? 1 : judge(c, SSL_do_handshake(c->ssl));
        if (n == 0) {
            return;
        }
        if (n < 0) {
            fail(w, c);
            return;
        }
        w->result.handshakes += c->ssl != NULL ? 1 : 0;
        c->phase = SENDING;
    }
    while (c->phase == SENDING) {
        const ssize_t n = send_some(c, c->request->bytes + c->sent, c->request->len - c->sent);
        if (n == 0) {
            return;
        }
        if (n < 0) {
            /* not connected yet, without TLS, looks like this; or refused */
            c->phase = c->ssl == NULL && c->sent == 0 ? HANDSHAKE : SENDING;
            fail(w, c);
            return;
        }
        c->sent += (size_t)n;
        c->phase = c->sent == c->request->len ? HEAD : SENDING;
    }
    while (c->phase == HEAD || c->phase == BODY) {
        const ssize_t n = receive_some(c, w->scratch, READ_BYTES);
        if (n == 0) {
            return;
        }
        if (n < 0 || !take(w, c, w->scratch, (size_t)n)) {
            fail(w, c);
            return;
        }
    }
}

/* An idle connection begins the next device's request. */
static void begin(struct worker *w, uint64_t due_ns)
{
    struct connection *c = &w->connections[w->idle[--w->idle_count]];
    c->device = w->devices[w->ring_first];
    w->ring_first = (w->ring_first + 1) % w->ring;
    w->ring_count--;
    c->request = &w->plan->requests[c->device * w->plan->each + (w->plan->each > 1 ? w->next[c->device]++ : 0)];
    c->sent = 0;
    c->head_len = 0;
    c->due_ns = due_ns;
    c->begun_ns = now_ns();
    w->busy++;
    if (c->phase == CLOSED && !open_connection(w, c)) {
        c->phase = HANDSHAKE;
        fail(w, c);
        return;
    }
    c->phase = c->phase == OPEN ? SENDING : c->phase;
    drive(w, c);
}

/* --- what is due */

static bool may_start(struct worker *w, uint64_t now)
{
    const struct load_options *o = w->options;
    if ((w->end_ns != 0 && now >= w->end_ns) ||
        (o->requests != 0 && atomic_fetch_add(w->started, 1) >= o->requests)) {
        w->finished = true;
    }
    return !w->finished;
}

/* All that is due and can be begun. */
static void begin_due(struct worker *w)
{
    size_t turns = 2 * w->count + 16; /* answers that come at once must not keep us from the others */
    uint64_t now = now_ns();
    while (!w->finished && turns-- > 0 && (w->step_ns == 0 || w->due_ns <= now)) {
        if (w->ring_count == 0) {
            w->finished = w->finished || w->busy == 0; /* nobody has anything left to say */
            return;
        }
        if (w->idle_count == 0 && !(w->step_ns != 0 && w->options->handshake)) {
            return;
        }
        if (!may_start(w, now)) {
            return;
        }
        const uint64_t due_ns = w->step_ns == 0 ? now : w->due_ns;
        w->due_ns += w->step_ns;
        if (w->idle_count == 0) {
            w->result.ends[LOAD_SKIPPED]++;
        } else {
            begin(w, due_ns);
        }
        now = now_ns();
    }
}

static void look_for_late(struct worker *w, uint64_t now)
{
    const uint64_t most_ns = (uint64_t)w->options->timeout_ms * 1000000U;
    w->look_ns = now + LOOK_NS;
    for (size_t i = 0; i < w->count; i++) {
        struct connection *c = &w->connections[i];
        if (c->phase > OPEN && now - c->begun_ns > most_ns) {
            c->phase = CLOSED;
            end_request(w, c, LOAD_TIMEOUT);
        }
    }
}

static void set_timer(struct worker *w)
{
    const uint64_t at = w->step_ns != 0 && w->idle_count > 0 && w->due_ns < w->look_ns ? w->due_ns : w->look_ns;
    const struct itimerspec when = {.it_value = {(time_t)(at / 1000000000U), (long)(at % 1000000000U)}};
    timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[256];
    while (!w->finished || w->busy > 0) {
        begin_due(w);
        const uint64_t now = now_ns();
        if (now >= w->look_ns) {
            look_for_late(w, now);
        }
        if (w->end_ns != 0 && now >= w->end_ns) {
            w->finished = true;
        }
        set_timer(w);
        const bool at_once = !w->finished && w->step_ns == 0 && w->idle_count > 0 && w->ring_count > 0;
        const int n = epoll_wait(w->epoll, events, 256, at_once ? 0 : 1000);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 == UINT64_MAX) {
                uint64_t ticks;
                (void)!read(w->timer, &ticks, sizeof ticks);
                continue;
            }
            struct connection *c = &w->connections[events[i].data.u64];
            if (c->phase > OPEN) {
                drive(w, c);
            } else if (c->phase == OPEN && (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
                hang_up(c); /* it waits in the stack of idle ones and is opened again */
            }
        }
    }
    return NULL;
}

/* --- all of it */

static bool open_worker(struct worker *w, unsigned number)
{
    const struct load_options *o = w->options;
    w->count = o->connections / o->threads + (number < o->connections % o->threads ? 1 : 0);
    w->ring = w->plan->devices / o->threads + 1;
    w->connections = calloc(w->count + 1, sizeof *w->connections);
    w->idle = calloc(w->count + 1, sizeof *w->idle);
    w->devices = calloc(w->ring, sizeof *w->devices);
    w->next = calloc(w->plan->devices, sizeof *w->next);
    w->scratch = malloc(READ_BYTES);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    if (w->connections == NULL || w->idle == NULL || w->devices == NULL || w->next == NULL ||
        w->scratch == NULL || w->epoll < 0 || w->timer < 0 ||
        epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->timer, &event) != 0) {
        return false;
    }
    for (size_t i = 0; i < w->count; i++) {
        w->connections[i].fd = -1;
        w->idle[w->idle_count++] = i;
    }
    for (size_t i = number; i < w->plan->devices; i += o->threads) {
        w->devices[w->ring_count++] = i;
    }
    return true;
}

static void close_worker(struct worker *w)
{
    for (size_t i = 0; w->connections != NULL && i < w->count; i++) {
        if (w->connections[i].fd >= 0) {
            hang_up(&w->connections[i]);
        }
    }
    close(w->epoll);
    close(w->timer);
    free(w->connections);
    free(w->idle);
    free(w->devices);
    free(w->next);
    free(w->scratch);
}

static void join_result(struct load_result *into, const struct load_result *from)
{
    for (int end = 0; end < LOAD_ENDS; end++) {
        into->ends[end] += from->ends[end];
    }
    into->handshakes += from->handshakes;
    into->body_bytes += from->body_bytes;
    load_times_join(&into->good, &from->good);
    load_times_join(&into->shed, &from->shed);
    if (into->first_words[0] == '\0') {
        memcpy(into->first_words, from->first_words, sizeof into->first_words);
    }
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

int load_run(const struct load_options *o, const struct load_plan *plan, struct load_result *result)
{
    struct worker *workers = calloc(o->threads, sizeof *workers);
    pthread_t threads[LOAD_THREADS_MAX];
    _Atomic uint64_t started = 0;
    bool good = workers != NULL;
    const double cpu = cpu_seconds();
    for (unsigned t = 0; t < o->threads && good; t++) {
        workers[t] = (struct worker){.options = o, .plan = plan, .started = &started, .epoll = -1, .timer = -1};
        good = open_worker(&workers[t], t);
    }
    const uint64_t start_ns = now_ns();
    unsigned running = 0;
    for (unsigned t = 0; t < o->threads && good; t++) {
        struct worker *w = &workers[t];
        w->step_ns = o->rate > 0 ? (uint64_t)(1e9 * o->threads / o->rate) : 0;
        w->due_ns = start_ns + w->step_ns * t / o->threads;
        w->end_ns = o->seconds > 0 ? start_ns + (uint64_t)(o->seconds * 1e9) : 0;
        w->look_ns = start_ns + LOOK_NS;
        good = pthread_create(&threads[t], NULL, work, w) == 0;
        running += good ? 1 : 0;
    }
    for (unsigned t = 0; t < running; t++) {
        pthread_join(threads[t], NULL);
    }
    result->seconds = (double)(now_ns() - start_ns) / 1e9;
    result->cpu_seconds = cpu_seconds() - cpu;
    for (unsigned t = 0; workers != NULL && t < o->threads; t++) {
        join_result(result, &workers[t].result);
        close_worker(&workers[t]);
    }
    free(workers);
    return good ? 0 : -1;
}
