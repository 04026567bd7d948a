/*
 * updraft-load: devices in great numbers, as a load for an update server that speaks DDI. requests.c makes what they send,
 * engine.c sends it over connections that stay open or over new ones, summary.c says what came of it, main.c reads options.
 */
#ifndef UPDRAFT_LOAD_H
#define UPDRAFT_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LOAD_THREADS_MAX 64
#define LOAD_CONNECTIONS_MAX 60000
#define LOAD_DEVICES_MAX 2000000
#define LOAD_BUCKETS 4096

struct load_request {
    const char *bytes;
    size_t len;
};

/* What each device sends, one after another; the device is used by one connection at a time. */
struct load_plan {
    struct load_request *requests; /* [devices * each], a device's own behind each other */
    size_t devices;
    size_t each;
    char *memory;
};

struct load_options {
    const char *kind; /* poll, feedback, report, get */
    struct sockaddr_storage to;
    socklen_t to_bytes;
    char host[256]; /* for Host and SNI */
    SSL_CTX *tls;   /* NULL: plain */
    const char *tenant;
    const char *devices_path;
    const char *get_path;
    unsigned threads;
    size_t connections;
    double seconds;    /* 0: by requests */
    uint64_t requests; /* 0: by seconds */
    double rate;       /* per second in all, by the clock; 0: as fast as answers come */
    bool handshake;    /* a new connection for each request */
    uint32_t timeout_ms;
    uint64_t counter; /* of a device's first report */
    unsigned reports; /* of each device */
    bool json;
};

/* What became of a request. */
enum load_end {
    LOAD_GOOD,    /* 2xx */
    LOAD_SHED,    /* 503 with Retry-After */
    LOAD_REFUSED, /* hung up before TLS was agreed on, or not even accepted */
    LOAD_STATUS,  /* another status */
    LOAD_BROKEN,  /* hung up later */
    LOAD_TIMEOUT,
    LOAD_SKIPPED, /* all connections were in use when it was due (with --rate and --handshake) */
    LOAD_ENDS
};

/* Times in buckets that grow by 1/64: within 1.6 % of the truth, from a microsecond to a day. */
struct load_times {
    uint64_t buckets[LOAD_BUCKETS];
    uint64_t count;
    uint64_t greatest_ns;
};

struct load_result {
    uint64_t ends[LOAD_ENDS];
    uint64_t handshakes;
    uint64_t body_bytes;
    uint64_t over; /* requests of other than good ends that a device will have to repeat */
    double seconds;
    double cpu_seconds; /* of this process */
    struct load_times good;
    struct load_times shed;
    char first_words[128]; /* of the first answer that was not good */
};

/* requests.c: 0, or -1 with words on stderr */
int load_plan_make(struct load_plan *plan, const struct load_options *options);
void load_plan_free(struct load_plan *plan);
/** Names and public keys of `count` devices, a JSON object to a line. */
int load_print_identities(const char *prefix, size_t count);

/* engine.c */
int load_run(const struct load_options *options, const struct load_plan *plan, struct load_result *result);

/* summary.c */
void load_times_add(struct load_times *times, uint64_t ns);
void load_times_join(struct load_times *into, const struct load_times *from);
double load_times_ms(const struct load_times *times, double share);
void load_print(const struct load_options *options, const struct load_result *result);

#endif
