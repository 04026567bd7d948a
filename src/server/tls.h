/*
 * The server's certificate: the operator's own, or one from a local CA that the first start makes in the state
 * folder (ca.pem, ca.key, server.pem, server.key; keys 0600). The own certificate is renewed at a start when it is
 * about to expire or its names changed; the CA stays, so devices that trust it go on.
 */
#ifndef UD_SERVER_TLS_H
#define UD_SERVER_TLS_H

#include "server/config.h"

struct ud_tls {
    struct ud_text cert; /* PEM chain */
    struct ud_text key;  /* PEM; wiped by ud_tls_free() */
    int64_t ends_ms;     /* of the certificate; 0 = it could not be read */
};

/** @return UD_ERR_CONFIG for a key that group or others may read, or that does not fit; UD_ERR_IO; UD_ERR_CRYPTO */
ud_err ud_tls_load(struct ud_tls *tls, const struct ud_config *config, int64_t now_s);
void ud_tls_free(struct ud_tls *tls);

#endif
