#include "ports/posix/coap_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(const struct addrinfo *at)
{
    const int fd = socket(at->ai_family, SOCK_DGRAM, 0);
    if (fd < 0) {
        return -1;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void name_own(struct ud_coap_socket *s)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    if (getsockname(s->fd, (struct sockaddr *)&own, &len) != 0 ||
        getnameinfo((struct sockaddr *)&own, len, s->own, sizeof s->own, NULL, 0, NI_NUMERICHOST) != 0) {
        s->own[0] = '\0';
    }
}

ud_err ud_coap_socket_open(struct ud_coap_socket *s, const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    s->fd = -1;
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        return UD_ERR_CONNECT;
    }
    for (const struct addrinfo *at = found; at != NULL && s->fd < 0; at = at->ai_next) {
        s->fd = connect_to(at);
    }
    freeaddrinfo(found);
    if (s->fd < 0) {
        return UD_ERR_CONNECT;
    }
    name_own(s);
    return UD_OK;
}

void ud_coap_socket_close(struct ud_coap_socket *s)
{
    if (s->fd >= 0) {
        (void)close(s->fd);
        s->fd = -1;
    }
}

bool ud_coap_socket_is_open(const struct ud_coap_socket *s)
{
    return s->fd >= 0;
}

/* What the network or a full queue loses, CoAP and DTLS send again. */
static ud_err judge(int error)
{
    return error == ECONNREFUSED || error == ENETUNREACH || error == EHOSTUNREACH || error == EBADF
               ? UD_ERR_CONNECT
               : UD_OK;
}

ud_err ud_coap_socket_send(struct ud_coap_socket *s, struct ud_bytes datagram)
{
    return send(s->fd, datagram.ptr, datagram.len, MSG_NOSIGNAL) < 0 ? judge(errno) : UD_OK;
}

ud_err ud_coap_socket_receive(struct ud_coap_socket *s, struct ud_buf *datagram)
{
    const ssize_t got = recv(s->fd, datagram->ptr, datagram->cap, 0);
    if (got < 0) {
        return judge(errno) == UD_OK ? UD_WAIT : UD_ERR_CONNECT;
    }
    datagram->len = (size_t)got;
    return UD_OK;
}

void ud_coap_socket_wait(const struct ud_coap_socket *s, uint32_t wait_ms)
{
    struct pollfd fd = {s == NULL ? -1 : s->fd, POLLIN, 0};
    (void)poll(&fd, 1, (int)wait_ms); /* a negative descriptor is passed over */
}
