/*
 * One UDP socket for any number of peers, in batches: recvmmsg in, sendmmsg out. Datagrams to be sent gather until
 * ud_udp_flush(); what the kernel will not take is dropped, as the network might have done (CoAP and DTLS repeat).
 */
#ifndef UD_SERVER_COAP_UDP_H
#define UD_SERVER_COAP_UDP_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#include <netinet/in.h>
#include <stdatomic.h>

#define UD_UDP_BATCH                                                                                           \
    32 /* what goes out of it stays in the first cache; a call for each costs nothing beside its datagrams */
#define UD_UDP_BYTES_MAX 2304 /* of one datagram: a CoAP message of 2048 bytes inside a DTLS record */
#define UD_ADDRESS_TEXT_BYTES 56

/* An address and port. IPv4 and IPv6; unused bytes are zero, so addresses compare by memcmp. */
struct ud_address {
    uint8_t ip[16]; /* IPv4: in the first four */
    uint32_t scope; /* of a link-local IPv6 address */
    uint16_t port;
    bool v6;
    uint8_t zero;
};

struct ud_datagram {
    struct ud_address from;
    struct ud_bytes bytes;
};

struct ud_udp;

#define UD_UDP_FOR_EVER UINT64_MAX

/**
 * Bind "address:port"; port 0 = a free one. UD_ERR_CONFIG, UD_ERR_CONNECT, UD_ERR_MEMORY.
 *
 * @param until_ms by ud_udp_clock_ms(), or UD_UDP_FOR_EVER: from then on nothing is taken and nothing sent; whoever sees it
 *                 lets the port go and sets 0, which is for good. Looked at before each system call, because a process
 *                 may stand still anywhere. Borrowed; ud_udp_extend() moves it
 */
ud_err ud_udp_open(struct ud_udp **udp, const char *address, _Atomic uint64_t *until_ms);
void ud_udp_close(struct ud_udp *udp);
/** Let the port go; what is sent from here on goes nowhere. */
void ud_udp_shut(struct ud_udp *udp);
/** Until then. False: it was over before. From any thread. */
bool ud_udp_extend(_Atomic uint64_t *until_ms, uint64_t to_ms);
/** -1 when it was shut. */
int ud_udp_socket(const struct ud_udp *udp);
/** A clock that runs on while the machine sleeps. */
uint64_t ud_udp_clock_ms(void);
/** Where it is bound. */
const struct ud_address *ud_udp_bound(const struct ud_udp *udp);

/** Take what has arrived. The bytes are valid until the next call. @return how many */
size_t ud_udp_receive(struct ud_udp *udp, struct ud_datagram came[UD_UDP_BATCH]);
/** Queue a datagram; it is copied. One over UD_UDP_BYTES_MAX is our own bug. */
void ud_udp_send(struct ud_udp *udp, const struct ud_address *to, struct ud_bytes datagram);
void ud_udp_flush(struct ud_udp *udp);

/** "127.0.0.1:5683", "[::1]:5683" */
void ud_address_text(char text[UD_ADDRESS_TEXT_BYTES], const struct ud_address *address);
/** The reverse. UD_ERR_SHAPE. */
ud_err ud_address_parse(const char *text, struct ud_address *address);
static inline bool ud_address_equal(const struct ud_address *a, const struct ud_address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

#endif
