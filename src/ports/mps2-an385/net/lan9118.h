/* The board's Ethernet controller, a LAN9118: whole frames, polled; its interrupt only wakes the processor. */
#ifndef UPDRAFT_MPS2_LAN9118_H
#define UPDRAFT_MPS2_LAN9118_H

#include "updraft/bytes.h"

#define UD_LAN_FRAME_BYTES_MAX 1536 /* a multiple of 4 */
#define UD_LAN_MAC_BYTES 6

/** False: no such controller answers. @param mac out */
bool ud_lan_open(uint8_t mac[UD_LAN_MAC_BYTES]);
/** @param frame whole words long in memory, even where len is not */
void ud_lan_send(const uint32_t *frame, uint32_t len);
/** The next frame into `room`, without its checksum; 0: none. A frame that does not fit is dropped. */
uint32_t ud_lan_receive(uint32_t room[UD_LAN_FRAME_BYTES_MAX / 4]);
/** Let the next frame wake ud_cortexm_sleep(). False: there is one already, it is no time to sleep. */
bool ud_lan_wake(void);

#endif
