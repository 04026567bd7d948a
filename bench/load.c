/*
 * Load generator: keep-alive HTTP/1.1 over many connections, plain or TLS, from a file of requests.
 *
 *     load --port 8443 --ca ca.pem --connections 64 --seconds 5 requests.txt
 *
 * The file holds raw requests, each after a line with its length in decimal. With --seconds the requests are repeated
 * until the time is up; without, each is sent once. Prints one JSON object: requests, errors, body bytes, seconds,
 * and the median and 99th percentile of the time to the end of the answer.
 *
 * Two threads, an epoll set each. Answers must carry Content-Length, as those of the servers measured here do.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define THREADS 2
#define CONNECTIONS_MAX 4096
#define REQUESTS_MAX 200000
#define HEAD_BYTES_MAX 8192
#define READ_BYTES (64 * 1024)
#define LATENCY_BUCKETS 100000 /* of 10 us: up to a second; slower ones count in the last */
#define LATENCY_BUCKET_NS 10000

struct request {
    const char *bytes;
    size_t len;
};

struct options {
    uint16_t port;
    size_t connections;
    double seconds; /* 0: every request once */
    SSL_CTX *tls;   /* NULL: plain */
    struct request *requests;
    size_t request_count;
};

enum phase { HANDSHAKE, SENDING, HEAD, BODY };

struct connection {
    int fd;
    SSL *ssl;
    enum phase phase;
    size_t next_request; /* index of the one in flight */
    size_t sent;
    char head[HEAD_BYTES_MAX];
    size_t head_len;
    uint64_t body_left;
    uint64_t started_ns;
    bool good; /* status 2xx */
};

struct worker {
    const struct options *options;
    size_t first; /* connection and first request; the stride is the number of connections */
    size_t count;
    uint64_t end_ns;
    struct connection *connections;
    int epoll;
    size_t open;
    uint64_t done;
    uint64_t errors;
    uint64_t body_bytes;
    uint32_t *latency;
    char *scratch;
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* > 0 bytes moved, 0 try again when the socket is ready, < 0 closed or failed */
static ssize_t move_result(const struct connection *c, ssize_t n)
{
    if (c->ssl != NULL) {
        if (n > 0) {
            return n;
        }
        const int err = SSL_get_error(c->ssl, (int)n);
        return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
    if (n > 0) {
        return n;
    }
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

static ssize_t send_some(const struct connection *c, const char *data, size_t len)
{
    return move_result(c, c->ssl != NULL ? SSL_write(c->ssl, data, (int)len)
                                         : send(c->fd, data, len, MSG_NOSIGNAL));
}

static ssize_t receive_some(const struct connection *c, char *data, size_t cap)
{
    return move_result(c, c->ssl != NULL ? SSL_read(c->ssl, data, (int)cap) : recv(c->fd, data, cap, 0));
}

static void start_request(struct worker *w, struct connection *c)
{
    (void)w;
    c->phase = SENDING;
    c->sent = 0;
    c->head_len = 0;
    c->started_ns = now_ns();
}

static void hang_up(struct worker *w, struct connection *c)
{
    if (c->ssl != NULL) {
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    close(c->fd);
    c->fd = -1;
    w->open--;
}

/* The next request of this connection; hangs up when there is none or the time is up. */
static bool go_on(struct worker *w, struct connection *c)
{
    const struct options *o = w->options;
    c->next_request += o->connections;
    if (c->next_request >= o->request_count) {
        if (o->seconds <= 0) {
            hang_up(w, c);
            return false;
        }
        c->next_request %= o->connections;
        if (c->next_request >= o->request_count) {
            c->next_request %= o->request_count;
        }
    }
    if (w->end_ns != 0 && now_ns() >= w->end_ns) {
        hang_up(w, c);
        return false;
    }
    start_request(w, c);
    return true;
}

static bool answer_complete(struct worker *w, struct connection *c)
{
    uint64_t bucket = (now_ns() - c->started_ns) / LATENCY_BUCKET_NS;
    if (bucket >= LATENCY_BUCKETS) {
        bucket = LATENCY_BUCKETS - 1;
    }
    w->latency[bucket]++;
    w->done++;
    if (!c->good) {
        if (w->errors == 0) {
            fprintf(stderr, "load: first refusal: %.*s\n", (int)strcspn(c->head, "\r"), c->head);
        }
        w->errors++;
    }
    return go_on(w, c);
}

/* Status and Content-Length. False when the head is not one that we can follow. */
static bool read_head(struct connection *c)
{
    c->head[c->head_len] = '\0';
    c->good = strncmp(c->head, "HTTP/1.1 2", 10) == 0;
    for (char *line = strstr(c->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "content-length:", 15) == 0) {
            c->body_left = strtoull(line + 17, NULL, 10);
            return true;
        }
    }
    c->body_left = 0;
    return strncmp(c->head, "HTTP/1.1 204", 12) == 0 || strncmp(c->head, "HTTP/1.1 304", 12) == 0;
}

/* Take bytes that arrived. False when the connection was hung up. */
static bool take(struct worker *w, struct connection *c, const char *data, size_t len)
{
    while (len > 0) {
        if (c->phase == BODY) {
            const size_t part = len < c->body_left ? len : (size_t)c->body_left;
            c->body_left -= part;
            w->body_bytes += part;
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
        if (c->phase == BODY && c->body_left == 0 && !answer_complete(w, c)) {
            return true;
        }
    }
    return true;
}

static void fail(struct worker *w, struct connection *c)
{
    if (w->errors == 0) {
        fprintf(stderr, "load: connection broke in phase %d\n", (int)c->phase);
    }
    w->errors++;
    hang_up(w, c);
}

static bool push_request(struct worker *w, struct connection *c)
{
    const struct request *r = &w->options->requests[c->next_request];
    while (c->phase == SENDING) {
        const ssize_t n = send_some(c, r->bytes + c->sent, r->len - c->sent);
        if (n <= 0) {
            return n == 0;
        }
        c->sent += (size_t)n;
        if (c->sent == r->len) {
            c->phase = HEAD;
        }
    }
    return true;
}

/* Until the socket has no more for us. */
static void drive(struct worker *w, struct connection *c)
{
    if (c->phase == HANDSHAKE) {
        const ssize_t n = c->ssl == NULL ? 1 : move_result(c, SSL_do_handshake(c->ssl));
        if (n == 0) {
            return;
        }
        if (n < 0) {
            fail(w, c);
            return;
        }
        start_request(w, c);
    }
    for (;;) {
        if (!push_request(w, c)) {
            fail(w, c);
            return;
        }
        if (c->phase == SENDING) {
            return;
        }
        const ssize_t n = receive_some(c, w->scratch, READ_BYTES);
        if (n == 0) {
            return;
        }
        if (n < 0 || !take(w, c, w->scratch, (size_t)n)) {
            fail(w, c);
            return;
        }
        if (c->fd < 0) {
            return;
        }
    }
}

static void open_connection(struct worker *w, struct connection *c, size_t index)
{
    const struct options *o = w->options;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(o->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        die("connect");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->next_request = index % o->request_count;
    c->phase = HANDSHAKE;
    if (o->tls != NULL) {
        c->ssl = SSL_new(o->tls);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_connect_state(c->ssl);
        SSL_set_tlsext_host_name(c->ssl, "localhost");
        SSL_set1_host(c->ssl, "localhost");
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        die("epoll_ctl");
    }
    w->open++;
}

static void stalled(const struct worker *w)
{
    size_t in_phase[BODY + 1] = {0};
    for (size_t i = 0; i < w->count; i++) {
        if (w->connections[i].fd >= 0) {
            in_phase[w->connections[i].phase]++;
        }
    }
    fprintf(stderr,
            "load: ten seconds of silence; connections shaking hands %zu, sending %zu, awaiting head %zu, body "
            "%zu\n",
            in_phase[HANDSHAKE], in_phase[SENDING], in_phase[HEAD], in_phase[BODY]);
    exit(1);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[256];
    for (size_t i = 0; i < w->count; i++) {
        open_connection(w, &w->connections[i], w->first + i);
    }
    while (w->open > 0) {
        const int n = epoll_wait(w->epoll, events, 256, 10000);
        if (n == 0) {
            stalled(w);
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->fd >= 0) {
                drive(w, c);
            }
        }
    }
    return NULL;
}

static void read_requests(struct options *o, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        die(path);
    }
    char *text = malloc((size_t)status.st_size + 1);
    o->requests = calloc(REQUESTS_MAX, sizeof *o->requests);
    if (text == NULL || o->requests == NULL ||
        fread(text, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
        die(path);
    }
    fclose(file);
    text[status.st_size] = '\0';
    const char *end = text + status.st_size;
    for (char *at = text; at < end && o->request_count < REQUESTS_MAX; o->request_count++) {
        const size_t len = strtoull(at, &at, 10);
        if (*at != '\n' || len == 0 || len > (size_t)(end - at - 1)) {
            errno = EINVAL;
            die("length line in the file of requests");
        }
        o->requests[o->request_count] = (struct request){at + 1, len};
        at += 1 + len;
    }
}

static SSL_CTX *tls_with(const char *ca)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || SSL_CTX_load_verify_locations(tls, ca, NULL) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

static double percentile_ms(const struct worker *workers, double share)
{
    uint64_t all = 0;
    for (size_t t = 0; t < THREADS; t++) {
        all += workers[t].done;
    }
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        for (size_t t = 0; t < THREADS; t++) {
            seen += workers[t].latency[bucket];
        }
        if ((double)seen >= share * (double)all) {
            return (double)(bucket + 1) * LATENCY_BUCKET_NS / 1e6;
        }
    }
    return 0;
}

static void run(struct options *o)
{
    struct worker workers[THREADS] = {0};
    pthread_t threads[THREADS];
    const uint64_t start_ns = now_ns();
    for (size_t t = 0; t < THREADS; t++) {
        struct worker *w = &workers[t];
        w->options = o;
        w->first = t * o->connections / THREADS;
        w->count = (t + 1) * o->connections / THREADS - w->first;
        w->end_ns = o->seconds > 0 ? start_ns + (uint64_t)(o->seconds * 1e9) : 0;
        w->connections = calloc(w->count + 1, sizeof *w->connections);
        w->latency = calloc(LATENCY_BUCKETS, sizeof *w->latency);
        w->scratch = malloc(READ_BYTES);
        w->epoll = epoll_create1(0);
        if (w->connections == NULL || w->latency == NULL || w->scratch == NULL || w->epoll < 0 ||
            pthread_create(&threads[t], NULL, work, w) != 0) {
            die("thread");
        }
    }
    uint64_t done = 0;
    uint64_t errors = 0;
    uint64_t bytes = 0;
    for (size_t t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        done += workers[t].done;
        errors += workers[t].errors;
        bytes += workers[t].body_bytes;
    }
    printf("{\"requests\": %llu, \"errors\": %llu, \"bytes\": %llu, \"seconds\": %.4f, \"p50_ms\": %.2f, "
           "\"p99_ms\": %.2f}\n",
           (unsigned long long)done, (unsigned long long)errors, (unsigned long long)bytes,
           (double)(now_ns() - start_ns) / 1e9, percentile_ms(workers, 0.5), percentile_ms(workers, 0.99));
    for (size_t t = 0; t < THREADS; t++) {
        close(workers[t].epoll);
        free(workers[t].connections);
        free(workers[t].latency);
        free(workers[t].scratch);
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"ca", required_argument, NULL, 'a'},
        {"connections", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.connections = 64};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'p':
            o.port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'a':
            o.tls = tls_with(optarg);
            break;
        case 'c':
            o.connections = strtoul(optarg, NULL, 10);
            break;
        case 's':
            o.seconds = strtod(optarg, NULL);
            break;
        default:
            return 2;
        }
    }
    if (optind + 1 != argc || o.port == 0 || o.connections == 0 || o.connections > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: load --port N [--ca FILE] [--connections N] [--seconds S] REQUESTS\n");
        return 2;
    }
    read_requests(&o, argv[optind]);
    if (o.request_count == 0) {
        fprintf(stderr, "load: no requests\n");
        return 1;
    }
    if (o.connections > o.request_count && o.seconds <= 0) {
        o.connections = o.request_count;
    }
    run(&o);
    free(o.requests);
    return 0;
}
