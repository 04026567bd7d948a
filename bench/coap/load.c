/*
 * Load on a CoAP server from any number of addresses of 127/8, over one socket and in batches: what a fleet is to it.
 *
 *     coap-load get PORT DEVICES SECONDS            GET /.well-known/core, first from each once
 *     coap-load register PORT DEVICES [0 FIRST]     POST /rd, each device once, numbered from FIRST; prints the time
 *     coap-load update PORT DEVICES SECONDS         registers, then POST /rd/{id} round and round
 *     coap-load block PORT CLIENTS SECONDS PATH     Block2 downloads of PATH, each client one after another
 *     coap-load block PORT CLIENTS 0 PATH FILE      the same at one time, each client once; every byte is compared with FILE
 *
 * With "turns" behind it all, what is measured for SECONDS is measured for each line of standard input, an object each time.
 * So servers can be measured in turns, and what else the machine does is the same for all of them.
 *
 * One request is under way for each address at most; in all WINDOW. What is not answered within a second is sent
 * again. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define BYTES_MAX 1280
#define WINDOW 512
#define BODY_BYTES_MAX ((size_t)64 << 20)
#define AGAIN_NS 1000000000LL

struct device {
    uint16_t mid;
    bool waiting;
    bool registered;
    uint8_t location[16];
    int64_t sent_ns;
    uint32_t block; /* next block number wanted */
};

struct load {
    int fd;
    struct sockaddr_in server;
    struct device *devices;
    uint32_t count;
    uint32_t first; /* number of the first device */
    const char *mode;
    const char *path;
    const uint8_t *body; /* what must come; NULL: whatever comes */
    size_t body_bytes;
    uint32_t window;
    uint32_t waiting;
    uint32_t registered;
    uint64_t answers;
    uint64_t wrong;
    uint64_t again;
    uint64_t bytes;
    uint64_t bodies;
    bool registering;
    struct mmsghdr out[BATCH];
    struct iovec out_parts[BATCH];
    uint8_t out_bytes[BATCH][BYTES_MAX];
    struct {
        _Alignas(8) char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } out_control[BATCH];
    int queued;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static size_t put_option(uint8_t *at, unsigned *last, unsigned number, const void *value, size_t len)
{
    const unsigned delta = number - *last;
    size_t n = 1;
    *last = number;
    at[0] = (uint8_t)((delta < 13 ? delta : 13) << 4 | (len < 13 ? len : 13));
    if (delta >= 13) {
        at[n++] = (uint8_t)(delta - 13);
    }
    if (len >= 13) {
        at[n++] = (uint8_t)(len - 13);
    }
    memcpy(at + n, value, len);
    return n + len;
}

static size_t put_path(uint8_t *at, unsigned *last, const char *path)
{
    size_t n = 0;
    while (*path == '/') {
        const char *end = strchr(path + 1, '/');
        const size_t len = end == NULL ? strlen(path + 1) : (size_t)(end - path - 1);
        n += put_option(at + n, last, 11, path + 1, len);
        path += 1 + len;
    }
    return n;
}

static size_t write_request(const struct load *load, uint32_t index, uint8_t *at)
{
    const struct device *device = &load->devices[index];
    unsigned last = 0;
    char text[32];
    size_t n = 8;
    const bool get = strcmp(load->mode, "get") == 0;
    const bool block = strcmp(load->mode, "block") == 0;
    at[0] = 0x44;
    at[1] = get || block ? 1 : 2;
    at[2] = (uint8_t)(device->mid >> 8);
    at[3] = (uint8_t)device->mid;
    memcpy(at + 4, &index, 4);
    if (get) {
        n += put_path(at + n, &last, "/.well-known/core");
    } else if (block) {
        const uint32_t value = device->block << 4 | 6;
        const uint8_t bytes[3] = {(uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
        n += put_path(at + n, &last, load->path);
        n += put_option(at + n, &last, 23, bytes, 3);
    } else if (load->registering) {
        n += put_path(at + n, &last, "/rd");
        n += put_option(at + n, &last, 12, "\x28", 1);
        const int len = snprintf(text, sizeof text, "ep=load-%07u", load->first + index);
        n += put_option(at + n, &last, 15, text, (size_t)len);
        n += put_option(at + n, &last, 15, "lt=86400", 8);
        n += put_option(at + n, &last, 15, "lwm2m=1.1", 9);
        n += put_option(at + n, &last, 15, "Q", 1);
        static const char links[] = "</>;rt=\"oma.lwm2m\",</1/0>,</3/0>,</4/0>,</5/0>";
        at[n++] = 0xff;
        memcpy(at + n, links, sizeof links - 1);
        n += sizeof links - 1;
    } else {
        n += put_path(at + n, &last, "/rd");
        n += put_option(at + n, &last, 11, device->location, 16);
    }
    return n;
}

static void flush(struct load *load)
{
    int sent = 0;
    while (sent < load->queued) {
        const int n = sendmmsg(load->fd, load->out + sent, (unsigned)(load->queued - sent), 0);
        if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
            die("sendmmsg");
        }
        sent += n > 0 ? n : 0;
    }
    load->queued = 0;
}

static void send_to(struct load *load, uint32_t index, bool fresh)
{
    struct device *device = &load->devices[index];
    const int at = load->queued++;
    if (fresh) {
        device->mid++;
        device->waiting = true;
        load->waiting++;
    } else {
        load->again++;
    }
    device->sent_ns = now_ns();
    load->out_parts[at] = (struct iovec){load->out_bytes[at], write_request(load, index, load->out_bytes[at])};
    struct msghdr *head = &load->out[at].msg_hdr;
    memset(head, 0, sizeof *head);
    head->msg_name = &load->server;
    head->msg_namelen = sizeof load->server;
    head->msg_iov = &load->out_parts[at];
    head->msg_iovlen = 1;
    head->msg_control = load->out_control[at].bytes;
    head->msg_controllen = sizeof load->out_control[at].bytes;
    struct cmsghdr *control = CMSG_FIRSTHDR(head);
    control->cmsg_level = IPPROTO_IP;
    control->cmsg_type = IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(0x7f010000U + load->first + index)};
    memcpy(CMSG_DATA(control), &from, sizeof from);
    if (load->queued == BATCH) {
        flush(load);
    }
}

/* Skips to an option; false when it is not there. Good enough for answers of our own server. */
static const uint8_t *find_option(const uint8_t *at, size_t len, unsigned wanted, int nth, size_t *size)
{
    size_t n = 4 + (at[0] & 15);
    unsigned number = 0;
    while (n < len && at[n] != 0xff) {
        unsigned parts[2] = {at[n] >> 4, at[n] & 15};
        n++;
        for (int i = 0; i < 2; i++) {
            if (parts[i] == 13) {
                parts[i] = at[n++] + 13U;
            } else if (parts[i] == 14) {
                parts[i] = (unsigned)(at[n] << 8 | at[n + 1]) + 269U;
                n += 2;
            }
        }
        number += parts[0];
        if (n + parts[1] > len) {
            return NULL;
        }
        if (number == wanted && nth-- == 0) {
            *size = parts[1];
            return at + n;
        }
        n += parts[1];
    }
    return NULL;
}

/* The payload's place and length; options of lengths that no answer has end the walk. */
static size_t find_payload(const uint8_t *at, size_t len, const uint8_t **payload)
{
    size_t n = 4 + (at[0] & 15);
    while (n < len && at[n] != 0xff) {
        const unsigned delta = at[n] >> 4;
        const unsigned size = at[n] & 15;
        n += 1 + (delta == 13 ? 1U : delta == 14 ? 2U : 0U);
        n += size == 13 && n < len ? at[n] + 14U : size;
    }
    *payload = at + n + 1;
    return n + 1 < len ? len - n - 1 : 0;
}

static void take_block(struct load *load, struct device *device, const uint8_t *at, size_t len)
{
    const uint8_t *payload;
    size_t size = 0;
    const uint8_t *block = find_option(at, len, 23, 0, &size);
    const size_t bytes = find_payload(at, len, &payload);
    const bool more = block != NULL && size > 0 && (block[size - 1] & 8) != 0;
    const size_t offset = (size_t)device->block << 10;
    if (load->body != NULL &&
        (offset + bytes > load->body_bytes || memcmp(payload, load->body + offset, bytes) != 0 ||
         (more ? bytes != 1024 : offset + bytes != load->body_bytes))) {
        load->wrong++;
    }
    load->bytes += bytes;
    device->block = more ? device->block + 1 : 0;
    load->bodies += more ? 0 : 1;
    if (!more && load->registering) { /* once is enough */
        device->registered = true;
        load->registered++;
    }
}

static void take_answer(struct load *load, const uint8_t *at, size_t len)
{
    uint32_t index;
    size_t size = 0;
    if (len < 8 || (at[0] & 15) != 4) {
        return;
    }
    memcpy(&index, at + 4, 4);
    if (index >= load->count) {
        return;
    }
    struct device *device = &load->devices[index];
    if (!device->waiting || (at[2] << 8 | at[3]) != device->mid) {
        return;
    }
    device->waiting = false;
    load->waiting--;
    load->answers++;
    if (at[1] >> 5 != 2) {
        load->wrong++;
        return;
    }
    if (load->registering && strcmp(load->mode, "get") == 0) {
        device->registered = true;
        load->registered++;
    } else if (load->registering && strcmp(load->mode, "block") != 0) {
        const uint8_t *location = find_option(at, len, 8, 1, &size);
        if (location != NULL && size == 16) {
            memcpy(device->location, location, 16);
            device->registered = true;
            load->registered++;
        }
    }
    if (strcmp(load->mode, "block") == 0) {
        take_block(load, device, at, len);
    }
}

static void receive(struct load *load)
{
    static struct mmsghdr in[BATCH];
    static struct iovec parts[BATCH];
    static uint8_t bytes[BATCH][BYTES_MAX];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes[i], BYTES_MAX};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    const int got = recvmmsg(load->fd, in, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < got; i++) {
        take_answer(load, bytes[i], in[i].msg_len);
    }
}

static void run(struct load *load, int64_t until_ns)
{
    uint32_t next = 0;
    int64_t looked_ns = now_ns();
    while (load->registering ? load->registered < load->count : now_ns() < until_ns) {
        uint32_t tried = 0;
        while (load->waiting < load->window && tried < load->count) {
            if (!load->devices[next].waiting && (!load->registering || !load->devices[next].registered)) {
                send_to(load, next, true);
            }
            next = next + 1 == load->count ? 0 : next + 1;
            tried++;
        }
        flush(load);
        receive(load);
        if (now_ns() - looked_ns > AGAIN_NS) {
            looked_ns = now_ns();
            for (uint32_t i = 0; i < load->count; i++) {
                if (load->devices[i].waiting && looked_ns - load->devices[i].sent_ns > AGAIN_NS) {
                    send_to(load, i, false);
                }
            }
            flush(load);
            if (load->registering && load->wrong > 0) {
                fprintf(stderr, "coap-load: a request was refused, or its answer was wrong\n");
                exit(1);
            }
        }
    }
}

/* What is under way at its end is answered in the next one. */
static void measure(struct load *load, double seconds, double registered_s)
{
    const int64_t begin = now_ns();
    if (seconds > 0) {
        run(load, begin + (int64_t)(seconds * 1e9));
    }
    const double took_s = (double)(now_ns() - begin) / 1e9;
    printf("{\"devices\": %u, \"registered_s\": %.3f, \"seconds\": %.3f, \"answers\": %llu, \"wrong\": %llu, "
           "\"again\": %llu, \"bytes\": %llu, \"bodies\": %llu}\n",
           load->count, registered_s, took_s, (unsigned long long)load->answers,
           (unsigned long long)load->wrong, (unsigned long long)load->again, (unsigned long long)load->bytes,
           (unsigned long long)load->bodies);
    fflush(stdout);
    load->answers = load->wrong = load->again = load->bytes = load->bodies = 0;
}

static void read_body(struct load *load, const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t *bytes = malloc(BODY_BYTES_MAX);
    if (file == NULL || bytes == NULL) {
        die(name);
    }
    load->body_bytes = fread(bytes, 1, BODY_BYTES_MAX, file);
    load->body = bytes;
    fclose(file);
}

int main(int argc, char **argv)
{
    static struct load load;
    const bool turns = argc > 5 && strcmp(argv[argc - 1], "turns") == 0;
    argc -= turns ? 1 : 0;
    if (argc < 4) {
        fprintf(stderr,
                "usage: coap-load get|register|update|block PORT DEVICES [SECONDS] [PATH] [FILE] [turns]\n");
        return 2;
    }
    const int size = 8 << 20;
    const int on = 1;
    const int whole = IP_PMTUDISC_DO;
    struct sockaddr_in any = {.sin_family = AF_INET};
    load.mode = argv[1];
    load.count = (uint32_t)strtoul(argv[3], NULL, 10);
    const double seconds = argc > 4 ? strtod(argv[4], NULL) : 0;
    load.path = argc > 5 ? argv[5] : "";
    load.first = strcmp(load.mode, "register") == 0 ? (uint32_t)strtoul(load.path, NULL, 10) : 0;
    load.server = (struct sockaddr_in){.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load.devices = calloc(load.count, sizeof *load.devices);
    load.fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (load.devices == NULL || load.fd < 0 || load.count == 0) {
        die("start");
    }
    setsockopt(load.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(load.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(load.fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    setsockopt(load.fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole,
               sizeof whole); /* no numbers for fragments: cheaper */
    const struct timeval wait = {0, 50000};
    setsockopt(load.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (bind(load.fd, (struct sockaddr *)&any, sizeof any) != 0) {
        die("bind");
    }
    load.window = load.count < WINDOW ? load.count : WINDOW;
    double registered_s = 0;
    if (argc > 6) {
        read_body(&load, argv[6]);
    }
    /* all once: they are known to the server from here on */
    const bool block = strcmp(load.mode, "block") == 0;
    if (!block || seconds <= 0) {
        const int64_t begin = now_ns();
        load.registering = true;
        if (!block) {
            load.window = load.count < 4 * WINDOW ? load.count : 4 * WINDOW; /* so that commits are shared */
        }
        run(&load, 0);
        registered_s = (double)(now_ns() - begin) / 1e9;
        load.registering = false;
        load.answers = load.again = 0;
        load.wrong = block ? load.wrong : 0;
        load.window = load.count < WINDOW ? load.count : WINDOW;
        fprintf(stderr, "registered\n");
    }
    char line[8];
    while (!turns || fgets(line, sizeof line, stdin) != NULL) {
        measure(&load, seconds, registered_s);
        if (!turns) {
            break;
        }
    }
    return 0;
}
