/* One UDP socket on 127.0.0.1 and one child program, for tests against other implementations. */
#ifndef TESTS_COAP_UDP_H
#define TESTS_COAP_UDP_H

#include <netinet/in.h>
#include <sys/types.h>

#include "updraft/coap_peer.h"

struct udp {
    int fd;
    uint16_t port;            /* our own, chosen by the system */
    struct sockaddr_in other; /* whom we speak with: set before sending, or by the first datagram */
    struct ud_coap_peer peer;
    struct ud_coap_seen seen[4];
    struct ud_coap_params params;
    int child_output; /* -1: no child, or it has ended */
    pid_t child;
    uint8_t output[65536]; /* what the child printed */
    size_t output_bytes;
    uint64_t timer_ms; /* when on_event is called with NOTHING; UINT64_MAX: never */
    void (*on_event)(void *ctx, struct udp *udp, struct ud_coap_event *event);
    void *ctx;
};

void udp_open(struct udp *udp);
/** Start a program with its output to us; skips the running test when it is not installed. argv ends with NULL. */
void udp_spawn(struct udp *udp, char *const argv[]);
void udp_send(struct udp *udp, struct ud_bytes bytes);
uint64_t udp_now_ms(void);
/** Serve events until *done (may be NULL), or the child has ended. Fails the test after 60 s without any event. */
void udp_run(struct udp *udp, const bool *done);
/** End the child if it runs, close all. @return its exit status, or -1 when it had to be ended */
int udp_close(struct udp *udp);

#endif
