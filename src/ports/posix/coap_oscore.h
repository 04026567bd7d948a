/* OSCORE on a host: the key from a file, and the counter of messages in another. docs/formats.md section 6. */
#ifndef UPDRAFT_POSIX_COAP_OSCORE_H
#define UPDRAFT_POSIX_COAP_OSCORE_H

#include "updraft/lwm2m_oscore.h"

struct ud_coap_oscore {
    struct ud_lwm2m_oscore oscore;
    struct ud_lwm2m_oscore_port port;
    const char *number_path;
};

/** @param number_path borrowed. UD_ERR_CONFIG: its content is no number; UD_ERR_EXPOSED, UD_ERR_IO */
ud_err ud_coap_oscore_open(struct ud_coap_oscore *o, const char *number_path);
/** The key of a file (0600) into an account. UD_ERR_KEY, UD_ERR_NOT_FOUND, UD_ERR_EXPOSED, UD_ERR_IO */
ud_err ud_coap_oscore_key(const char *path, struct ud_lwm2m_account *account);

#endif
