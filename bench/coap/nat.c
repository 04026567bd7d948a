/*
 * Devices over DTLS-PSK behind a NAT that forgets them every minute: coap-nat PORT MINUTE_MS PAUSE_MS SPEED FILE
 *
 * On standard input, a line for each device: IDENTITY HEXKEY PATH. Each shakes hands, registers, and downloads PATH by Block2, a
 * block every PAUSE_MS. Every MINUTE_MS (0: never) what it sends comes from another address, and what goes to the old one is gone.
 * There is no connection id (GnuTLS 3.7 has none): the device finds out when CoAP's repetitions end, shakes hands again, updates
 * its registration, and goes on at its byte. Messages, blocks and DTLS are those of the device library, with the times that a
 * device has; their clock runs SPEED times as fast as ours. Prints one JSON object, times by that clock; exits 1 when a body came
 * out wrong or an answer was none that was hoped for.
 */
#include "ports/mbedtls/tls/dtls.h"
#include "updraft/coap_block.h"
#include "updraft/coap_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEVICES_MAX 512
#define BODY_BYTES_MAX ((size_t)16 << 20)
#define IDENTITY_BYTES_MAX 64
#define KEY_BYTES_MAX 32
#define PATH_BYTES_MAX 200
#define LOCATION_BYTES_MAX 32
#define STEP_MS 2 /* of our clock */

enum stage { SHAKING, REGISTERING, LOADING, DONE };

struct device {
    char identity[IDENTITY_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    uint8_t key[KEY_BYTES_MAX];
    struct ud_dtls_psk psk;
    struct ud_dtls_client dtls;
    struct ud_coap_peer peer;
    struct ud_coap_seen seen[4];
    struct ud_coap_download download;
    enum stage stage;
    char location[LOCATION_BYTES_MAX]; /* "": not registered yet */
    int fd;
    uint64_t forgets_ms; /* when the NAT does; 0: never */
    uint64_t go_ms;      /* nothing is asked before */
    uint8_t request[512];
    struct ud_buf out;
    uint8_t *body;
    uint32_t got_bytes;
};

struct nat {
    struct sockaddr_in server;
    uint64_t minute_ms;
    uint64_t pause_ms;
    uint64_t speed;
    uint64_t moves;
    uint64_t handshakes;
    uint64_t updates;
    uint64_t sent_bytes; /* in both directions, DTLS with them */
    uint8_t *file;
    size_t file_bytes;
    size_t done;
    size_t count;
    struct device devices[DEVICES_MAX];
};

static struct nat nat;
static const struct ud_coap_params params = UD_COAP_PARAMS_DEFAULT;

static _Noreturn void die(const struct device *device, const char *what)
{
    fprintf(stderr, "coap-nat: %s%s%s\n", device == NULL ? "" : device->identity, device == NULL ? "" : ": ",
            what);
    exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) * nat.speed / 1000;
}

/* --- datagrams */

static void move(struct device *device)
{
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        connect(fd, (const struct sockaddr *)&nat.server, sizeof nat.server) != 0) {
        die(device, "no socket");
    }
    if (device->fd >= 0) {
        close(device->fd);
        nat.moves++;
    }
    device->fd = fd;
}

static ud_err send_datagram(void *ctx, struct ud_bytes datagram)
{
    const struct device *device = ctx;
    nat.sent_bytes += datagram.len;
    (void)!send(device->fd, datagram.ptr, datagram.len, 0); /* what is lost is repeated */
    return UD_OK;
}

static ud_err receive_datagram(void *ctx, struct ud_buf *datagram)
{
    const struct device *device = ctx;
    const ssize_t got = recv(device->fd, datagram->ptr, datagram->cap, 0);
    if (got < 0) {
        return UD_WAIT;
    }
    nat.sent_bytes += (size_t)got;
    datagram->len = (size_t)got;
    return UD_OK;
}

static uint64_t dtls_now_ms(void *ctx)
{
    (void)ctx;
    return now_ms();
}

static ud_err random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return getrandom(out, len, 0) == (ssize_t)len ? UD_OK : UD_ERR_IO;
}

/* --- a session */

static void begin(struct device *device)
{
    const struct ud_dtls_client_config config = {.ctx = device,
                                                 .send = send_datagram,
                                                 .receive = receive_datagram,
                                                 .now_ms = dtls_now_ms,
                                                 .random = random_bytes,
                                                 .credentials = ud_dtls_use_psk,
                                                 .credentials_ctx = &device->psk};
    uint32_t random;
    if (random_bytes(NULL, (uint8_t *)&random, sizeof random) != UD_OK ||
        ud_dtls_client_begin(&device->dtls, &config) != UD_OK) {
        die(device, "no session");
    }
    ud_coap_peer_init(&device->peer, &params, device->seen, 4, random);
    device->stage = SHAKING;
}

static void begin_again(struct device *device)
{
    ud_dtls_client_end(&device->dtls);
    begin(device);
}

static void shake(struct device *device)
{
    const ud_err err = ud_dtls_client_shake(&device->dtls);
    if (err == UD_OK) {
        nat.handshakes++;
        device->stage = REGISTERING;
    } else if (err != UD_WAIT) {
        if (err != UD_ERR_TIMEOUT) {
            die(device, ud_err_name(err));
        }
        begin_again(device); /* the NAT forgot in the middle of it */
    }
}

/* --- requests */

static void ask(struct device *device, uint64_t now)
{
    struct ud_coap_writer w;
    struct ud_bytes send;
    const bool load = device->stage == LOADING;
    device->out = (struct ud_buf){device->request, sizeof device->request, 0};
    ud_coap_write_begin(&w, &device->out, UD_COAP_CON, load ? UD_COAP_GET : UD_COAP_POST, 0,
                        UD_BYTES_LITERAL("1234"));
    if (load) {
        ud_coap_write_path(&w, UD_COAP_URI_PATH, device->path);
        ud_coap_write_block(&w, UD_COAP_BLOCK2, ud_coap_download_next(&device->download));
    } else if (device->location[0] != '\0') {
        ud_coap_write_path(&w, UD_COAP_URI_PATH, "rd");
        ud_coap_write_path(&w, UD_COAP_URI_PATH, device->location);
    } else {
        ud_coap_write_path(&w, UD_COAP_URI_PATH, "rd");
        ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_LINKS);
        ud_coap_write_option(&w, UD_COAP_URI_QUERY, UD_BYTES_LITERAL("lt=86400"));
        ud_coap_write_option(&w, UD_COAP_URI_QUERY, UD_BYTES_LITERAL("lwm2m=1.1"));
        ud_coap_write_payload(&w, UD_BYTES_LITERAL("</1/0>,</3/0>"));
    }
    if (ud_coap_write_end(&w) != UD_OK || ud_coap_peer_send(&device->peer, now, &device->out, &send) != UD_OK) {
        die(device, "a request cannot be sent");
    }
    (void)ud_dtls_client_send(&device->dtls, send);
}

static void take_registration(struct device *device, const struct ud_coap_message *answer)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    const bool first = device->location[0] == '\0';
    if (answer->code != (first ? UD_COAP_201_CREATED : UD_COAP_204_CHANGED)) {
        die(device, first ? "not registered" : "its registration is not known any more");
    }
    ud_coap_options(answer, &options);
    while (ud_coap_option_next(&options, &option)) {
        if (option.number == UD_COAP_LOCATION_PATH &&
            option.value.len < LOCATION_BYTES_MAX) { /* the last one */
            memcpy(device->location, option.value.ptr, option.value.len);
            device->location[option.value.len] = '\0';
        }
    }
    nat.updates += first ? 0 : 1;
    device->stage = LOADING;
}

static void take_block(struct device *device, const struct ud_coap_message *answer, uint64_t now)
{
    struct ud_bytes part;
    if (ud_coap_download_take(&device->download, answer, &part) != UD_OK ||
        device->got_bytes + part.len > nat.file_bytes) {
        die(device, "a block is none that was asked for");
    }
    memcpy(device->body + device->got_bytes, part.ptr, part.len);
    device->got_bytes += (uint32_t)part.len;
    device->go_ms = now + nat.pause_ms;
    if (device->download.done) {
        if (device->got_bytes != nat.file_bytes || memcmp(device->body, nat.file, nat.file_bytes) != 0) {
            die(device, "another body arrived");
        }
        device->stage = DONE;
        nat.done++;
    }
}

static void handle(struct device *device, const struct ud_coap_event *event, uint64_t now)
{
    if (event->send.len > 0) {
        (void)ud_dtls_client_send(&device->dtls, event->send);
    }
    if (event->kind == UD_COAP_TIMED_OUT) {
        begin_again(device);
    } else if (event->kind == UD_COAP_RESPONDED && device->stage == REGISTERING) {
        take_registration(device, &event->message);
    } else if (event->kind == UD_COAP_RESPONDED && device->stage == LOADING) {
        take_block(device, &event->message, now);
    }
}

static void step(struct device *device)
{
    uint8_t room[1500];
    struct ud_coap_event event;
    uint32_t wait_ms;
    const uint64_t now = now_ms();
    if (device->forgets_ms != 0 && now >= device->forgets_ms) {
        device->forgets_ms += nat.minute_ms;
        move(device);
    }
    if (device->stage == SHAKING) {
        shake(device);
        return;
    }
    for (;;) {
        struct ud_buf datagram = {room, sizeof room, 0};
        if (device->stage == SHAKING || device->stage == DONE ||
            ud_dtls_client_receive(&device->dtls, &datagram) != UD_OK) {
            break;
        }
        (void)ud_coap_peer_receive(&device->peer, now, ud_buf_bytes(&datagram), &event);
        handle(device, &event, now);
    }
    if (device->stage == REGISTERING || device->stage == LOADING) {
        ud_coap_peer_step(&device->peer, now, &event, &wait_ms);
        handle(device, &event, now);
    }
    if ((device->stage == REGISTERING || device->stage == LOADING) && !ud_coap_peer_is_busy(&device->peer) &&
        now >= device->go_ms) {
        ask(device, now);
    }
}

/* --- start */

static uint8_t digit(char c)
{
    return (uint8_t)(c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : 0);
}

static void read_devices(void)
{
    char line[512];
    char hex[2 * KEY_BYTES_MAX + 1];
    while (nat.count < DEVICES_MAX && fgets(line, sizeof line, stdin) != NULL) {
        struct device *device = &nat.devices[nat.count++];
        if (sscanf(line, "%63s %64s %199s", device->identity, hex, device->path) != 3) {
            die(NULL, "a line is not IDENTITY HEXKEY PATH");
        }
        for (size_t i = 0; hex[2 * i] != '\0'; i++) {
            device->key[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
        }
        device->psk = (struct ud_dtls_psk){{(const uint8_t *)device->identity, strlen(device->identity)},
                                           {device->key, strlen(hex) / 2}};
        device->fd = -1;
        device->body = malloc(nat.file_bytes);
        if (device->body == NULL) {
            die(device, "no memory");
        }
        ud_coap_download_init(&device->download, 6, 0, UINT32_MAX, (struct ud_bytes){NULL, 0});
    }
}

static void read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    nat.file = malloc(BODY_BYTES_MAX);
    if (file == NULL || nat.file == NULL) {
        die(NULL, name);
    }
    nat.file_bytes = fread(nat.file, 1, BODY_BYTES_MAX, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: coap-nat PORT MINUTE_MS PAUSE_MS SPEED FILE <DEVICES\n");
        return 2;
    }
    nat.server = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    nat.minute_ms = strtoul(argv[2], NULL, 10);
    nat.pause_ms = strtoul(argv[3], NULL, 10);
    nat.speed = strtoul(argv[4], NULL, 10);
    read_file(argv[5]);
    read_devices();
    const uint64_t begun_ms = now_ms();
    uint64_t all_ms = 0;
    for (size_t i = 0; i < nat.count; i++) {
        move(&nat.devices[i]);
        /* not all at one time */
        nat.devices[i].forgets_ms = nat.minute_ms == 0 ? 0 : begun_ms + nat.minute_ms * (i + 1) / nat.count;
        begin(&nat.devices[i]);
    }
    while (nat.done < nat.count) {
        const size_t before = nat.done;
        for (size_t i = 0; i < nat.count; i++) {
            if (nat.devices[i].stage != DONE) {
                step(&nat.devices[i]);
            }
        }
        all_ms += (nat.done - before) * (now_ms() - begun_ms);
        poll(NULL, 0, STEP_MS);
    }
    printf("{\"devices\": %zu, \"seconds\": %.1f, \"mean_seconds\": %.1f, \"moves\": %llu, \"handshakes\": "
           "%llu, \"updates\": %llu, "
           "\"bytes\": %llu}\n",
           nat.count, (double)(now_ms() - begun_ms) / 1000, (double)all_ms / 1000 / (double)nat.count,
           (unsigned long long)nat.moves, (unsigned long long)nat.handshakes, (unsigned long long)nat.updates,
           (unsigned long long)nat.sent_bytes);
    for (size_t i = 0; i < nat.count; i++) {
        ud_dtls_client_end(&nat.devices[i].dtls);
        close(nat.devices[i].fd);
        free(nat.devices[i].body);
    }
    free(nat.file);
    return 0;
}
