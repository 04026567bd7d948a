/*
 * UDP to one peer over lwIP, by DHCP's address. No operating system: ud_net_poll() does all the work.
 *
 *     ud_net_open();
 *     for (;;) { ud_net_poll(); ... ud_net_send(), ud_net_receive() ...; ud_net_sleep(wait_ms); }
 */
#ifndef UPDRAFT_MPS2_NET_H
#define UPDRAFT_MPS2_NET_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_NET_QUEUE 4 /* datagrams that wait to be taken */
#define UD_NET_DATAGRAM_BYTES 1280

/** UD_ERR_CONNECT: no network controller. */
ud_err ud_net_open(void);
/** Frames in, timers. */
void ud_net_poll(void);
bool ud_net_has_address(void);
/** "10.0.2.15"; empty without one. Valid until the next call. */
const char *ud_net_address(void);
/** Milliseconds since ud_net_open(). To be asked at least every three minutes. */
uint64_t ud_net_now_ms(void);
/** Until a frame comes or the time is over, at most 1 s. */
void ud_net_sleep(uint32_t wait_ms);
/** Unpredictable bytes. The emulator's host gives them; a product has a source of its own. */
uint32_t ud_net_random(void);

/** Speak with this peer: a numeric address. What waited from another is gone. UD_ERR_URI, UD_ERR_CONNECT: no address yet. */
ud_err ud_net_connect(struct ud_bytes host, uint16_t port);
void ud_net_disconnect(void);
ud_err ud_net_send(struct ud_bytes datagram);
/** UD_OK, UD_WAIT. */
ud_err ud_net_receive(struct ud_buf *datagram);

#endif
