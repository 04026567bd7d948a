/* UUIDs made of names, for vendor and class ids (RFC 9562 section 5.5; RFC 9124 section 3.3). */
#ifndef UPDRAFT_PORTS_OPENSSL_UUID_H
#define UPDRAFT_PORTS_OPENSSL_UUID_H

#include "updraft/bytes.h"
#include "updraft/err.h"
#include "updraft/limits.h"

/** Version 5. SHA-1 is what the standard says; an id is compared, never trusted. UD_ERR_CRYPTO. */
ud_err ud_uuid5(const uint8_t name_space[UD_UUID_BYTES], struct ud_bytes name, uint8_t uuid[UD_UUID_BYTES]);

#endif
