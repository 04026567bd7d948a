/* The secret of the capabilities in URIs of artifacts (fw.c): one for all servers that share a store. docs/formats-lwm2m.md section 1. */
#ifndef UD_SERVER_LWM2M_CAPABILITY_H
#define UD_SERVER_LWM2M_CAPABILITY_H

#include "server/lwm2m/lwm2m.h"

/**
 * Read it from the state folder, make it at the first start; on a `shared` store the first server's becomes that of all.
 * UD_ERR_CONFIG for a file that is none, UD_ERR_IO, errors of the store.
 */
ud_err ud_capability_secret(struct ud_server *server, bool shared, uint8_t secret[UD_CAPABILITY_SECRET_BYTES]);

#endif
