#define _GNU_SOURCE /* recvmmsg, sendmmsg: Linux has them, POSIX not */
#include "server/coap/udp.h"

#include "server/config.h"
#include "updraft/assert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (4 << 20) /* of the socket, for bursts of a fleet; the kernel may grant less */

_Static_assert(sizeof(struct ud_address) == 24, "compared by memcmp: no padding");

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct batch {
    struct mmsghdr heads[UD_UDP_BATCH];
    struct iovec parts[UD_UDP_BATCH];
    union any_address addresses[UD_UDP_BATCH];
    uint8_t bytes[UD_UDP_BATCH][UD_UDP_BYTES_MAX];
};

struct ud_udp {
    int fd; /* -1: shut */
    _Atomic uint64_t *until_ms;
    struct ud_address bound;
    size_t queued;
    struct batch in;
    struct batch out;
};

static void from_system(struct ud_address *address, const union any_address *any)
{
    memset(address, 0, sizeof *address);
    if (any->any.sa_family == AF_INET6) {
        address->v6 = true;
        address->port = ntohs(any->v6.sin6_port);
        address->scope = any->v6.sin6_scope_id;
        memcpy(address->ip, &any->v6.sin6_addr, 16);
    } else {
        address->port = ntohs(any->v4.sin_port);
        memcpy(address->ip, &any->v4.sin_addr, 4);
    }
}

static socklen_t to_system(union any_address *any, const struct ud_address *address)
{
    memset(any, 0, sizeof *any);
    if (address->v6) {
        any->v6.sin6_family = AF_INET6;
        any->v6.sin6_port = htons(address->port);
        any->v6.sin6_scope_id = address->scope;
        memcpy(&any->v6.sin6_addr, address->ip, 16);
        return sizeof any->v6;
    }
    any->v4.sin_family = AF_INET;
    any->v4.sin_port = htons(address->port);
    memcpy(&any->v4.sin_addr, address->ip, 4);
    return sizeof any->v4;
}

void ud_address_text(char text[UD_ADDRESS_TEXT_BYTES], const struct ud_address *address)
{
    char ip[INET6_ADDRSTRLEN];
    inet_ntop(address->v6 ? AF_INET6 : AF_INET, address->ip, ip, sizeof ip);
    snprintf(text, UD_ADDRESS_TEXT_BYTES, address->v6 ? "[%s]:%u" : "%s:%u", ip, address->port);
}

ud_err ud_address_parse(const char *text, struct ud_address *address)
{
    char host[UD_ADDRESS_BYTES_MAX];
    struct ud_address read = {.port = 0};
    if (ud_config_address(text, host, &read.port) != UD_OK) {
        return UD_ERR_SHAPE;
    }
    read.v6 = text[0] == '[';
    if (inet_pton(read.v6 ? AF_INET6 : AF_INET, host, read.ip) != 1) {
        return UD_ERR_SHAPE;
    }
    *address = read;
    return UD_OK;
}

static void prepare(struct batch *batch)
{
    for (size_t i = 0; i < UD_UDP_BATCH; i++) {
        batch->parts[i] = (struct iovec){batch->bytes[i], UD_UDP_BYTES_MAX};
        batch->heads[i].msg_hdr = (struct msghdr){.msg_name = &batch->addresses[i],
                                                  .msg_namelen = sizeof batch->addresses[i],
                                                  .msg_iov = &batch->parts[i],
                                                  .msg_iovlen = 1};
    }
}

/*
 * Whole datagrams need no number for their fragments. The kernel finds such numbers in a table of the addresses that it
 * speaks with; with a hundred thousand of them that is a line of memory that no cache has, for each datagram.
 */
static void send_whole(const struct ud_udp *udp, bool whole)
{
    const int how = whole ? IP_PMTUDISC_DO : IP_PMTUDISC_WANT;
    if (!udp->bound.v6) {                                                   /* IPv6 numbers only what it cuts */
        setsockopt(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof how); /* else slower, not wrong */
    }
}

ud_err ud_udp_open(struct ud_udp **out, const char *text, _Atomic uint64_t *until_ms)
{
    struct ud_address address;
    union any_address any;
    socklen_t len;
    const int size = BUFFER_BYTES;
    const int on = 1;
    if (ud_address_parse(text, &address) != UD_OK) {
        return UD_ERR_CONFIG;
    }
    struct ud_udp *udp = calloc(1, sizeof *udp);
    if (udp == NULL) {
        return UD_ERR_MEMORY;
    }
    udp->until_ms = until_ms;
    prepare(&udp->in);
    prepare(&udp->out);
    len = to_system(&any, &address);
    udp->fd = socket(any.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp->fd >= 0) {
        setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* less is slower, not wrong */
        setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        if (address.v6) {
            setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        }
    }
    if (udp->fd < 0 || bind(udp->fd, &any.any, len) != 0) {
        ud_udp_close(udp);
        return UD_ERR_CONNECT;
    }
    len = sizeof any;
    getsockname(udp->fd, &any.any, &len);
    from_system(&udp->bound, &any);
    send_whole(udp, true);
    *out = udp;
    return UD_OK;
}

void ud_udp_close(struct ud_udp *udp)
{
    if (udp != NULL) {
        ud_udp_shut(udp);
        free(udp);
    }
}

void ud_udp_shut(struct ud_udp *udp)
{
    if (udp->fd >= 0) {
        close(udp->fd);
    }
    udp->fd = -1;
    udp->queued = 0;
}

uint64_t ud_udp_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* False: it is over, and the port is let go. */
static bool may_act(struct ud_udp *udp)
{
    uint64_t until_ms = atomic_load_explicit(udp->until_ms, memory_order_relaxed);
    while (until_ms != UD_UDP_FOR_EVER && ud_udp_clock_ms() >= until_ms) {
        if (atomic_compare_exchange_weak(udp->until_ms, &until_ms, 0)) {
            ud_udp_shut(udp);
            break;
        }
    }
    return udp->fd >= 0;
}

bool ud_udp_extend(_Atomic uint64_t *until_ms, uint64_t to_ms)
{
    uint64_t from_ms = atomic_load(until_ms);
    while (from_ms != 0) {
        if (atomic_compare_exchange_weak(until_ms, &from_ms, to_ms)) {
            return true;
        }
    }
    return false;
}

int ud_udp_socket(const struct ud_udp *udp)
{
    return udp->fd;
}

const struct ud_address *ud_udp_bound(const struct ud_udp *udp)
{
    return &udp->bound;
}

size_t ud_udp_receive(struct ud_udp *udp, struct ud_datagram came[UD_UDP_BATCH])
{
    struct batch *in = &udp->in;
    size_t count = 0;
    if (!may_act(udp)) {
        return 0;
    }
    for (size_t i = 0; i < UD_UDP_BATCH; i++) {
        in->heads[i].msg_hdr.msg_namelen = sizeof in->addresses[i];
        in->heads[i].msg_hdr.msg_flags = 0;
    }
    const int got = recvmmsg(udp->fd, in->heads, UD_UDP_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++) {
        if ((in->heads[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            continue; /* larger than any message may be */
        }
        from_system(&came[count].from, &in->addresses[i]);
        came[count++].bytes = (struct ud_bytes){in->bytes[i], in->heads[i].msg_len};
    }
    return count;
}

/* One that does not fit its path goes out in fragments. False: not now. */
static bool send_in_parts(struct ud_udp *udp, size_t at)
{
    if (!may_act(udp)) {
        return false;
    }
    send_whole(udp, false);
    const ssize_t n = sendmsg(udp->fd, &udp->out.heads[at].msg_hdr, MSG_DONTWAIT);
    const bool full = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS);
    send_whole(udp, true);
    return !full;
}

void ud_udp_flush(struct ud_udp *udp)
{
    size_t sent = 0;
    while (sent < udp->queued && may_act(udp)) {
        const int n = sendmmsg(udp->fd, udp->out.heads + sent, (unsigned)(udp->queued - sent), MSG_DONTWAIT);
        if (n > 0) {
            sent += (size_t)n;
        } else if (errno == EMSGSIZE) {
            if (!send_in_parts(udp, sent)) {
                break;
            }
            sent++;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            break;
        } else if (errno != EINTR) {
            sent++; /* this one address is not reachable */
        }
    }
    udp->queued = 0;
}

void ud_udp_send(struct ud_udp *udp, const struct ud_address *to, struct ud_bytes datagram)
{
    UD_ASSERT(datagram.len <= UD_UDP_BYTES_MAX);
    if (udp->queued == UD_UDP_BATCH) {
        ud_udp_flush(udp);
    }
    const size_t at = udp->queued++;
    memcpy(udp->out.bytes[at], datagram.ptr, datagram.len);
    udp->out.parts[at].iov_len = datagram.len;
    udp->out.heads[at].msg_hdr.msg_namelen = to_system(&udp->out.addresses[at], to);
}
