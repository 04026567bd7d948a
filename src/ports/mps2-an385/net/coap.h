/* What the LwM2M client needs of this board: one DTLS link over net.h. */
#ifndef UPDRAFT_MPS2_COAP_H
#define UPDRAFT_MPS2_COAP_H

#include "updraft/lwm2m_client.h"

extern const struct ud_lwm2m_port ud_mps2_coap;

/** The server asked for a reset (/3/0/4). */
bool ud_mps2_coap_wants_reset(void);

#endif
