/* One UDP socket, connected to one server; never blocks but for a name that must be looked up. */
#ifndef UPDRAFT_POSIX_COAP_SOCKET_H
#define UPDRAFT_POSIX_COAP_SOCKET_H

#include "updraft/bytes.h"
#include "updraft/err.h"

struct ud_coap_socket {
    int fd;       /* -1: closed */
    char own[64]; /* address at this end, as text */
};

/** UD_ERR_CONNECT: no such host, no route. */
ud_err ud_coap_socket_open(struct ud_coap_socket *s, const char *host, uint16_t port);
void ud_coap_socket_close(struct ud_coap_socket *s);
bool ud_coap_socket_is_open(const struct ud_coap_socket *s);
/** UD_OK, also when it is lost here; UD_ERR_CONNECT: nobody listens there. */
ud_err ud_coap_socket_send(struct ud_coap_socket *s, struct ud_bytes datagram);
/** UD_OK, UD_WAIT, UD_ERR_CONNECT. A datagram that does not fit is cut, and no message then. */
ud_err ud_coap_socket_receive(struct ud_coap_socket *s, struct ud_buf *datagram);
/** Until something came, or the time is over. NULL, or a closed one: the time only. */
void ud_coap_socket_wait(const struct ud_coap_socket *s, uint32_t wait_ms);

#endif
