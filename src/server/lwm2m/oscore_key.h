/* OSCORE keys as the store has them: identity is the device's sender id; secret an array (docs/formats-lwm2m.md section 1). */
#ifndef UD_SERVER_LWM2M_OSCORE_KEY_H
#define UD_SERVER_LWM2M_OSCORE_KEY_H

#include "server/coap/guard.h"
#include "server/store_lwm2m.h"

/** The key's row of what both sides are given; `input` as this server sees it. UD_ERR_KEY: lengths out of bounds. */
ud_err ud_oscore_key_pack(const struct ud_oscore_input *input, struct ud_row_lwm2m_key *row);
/** And back. UD_ERR_STORE: the row is none. */
ud_err ud_oscore_key_unpack(const struct ud_row_lwm2m_key *row, struct ud_guard_key *key);

#endif
