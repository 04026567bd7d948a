/*
 * Client certificates of devices, and of proxies in front of them: chain up to the operator's CA, times, revocation lists, all looked at by us for each
 * request that comes without a token. Who it is stands in the common name. A device that is not registered is not let in
 * by any certificate.
 */
#ifndef UD_SERVER_CLIENT_CERT_H
#define UD_SERVER_CLIENT_CERT_H

#include "server/config.h"

struct ud_client_ca;

/** `crl` empty: none. UD_ERR_CONFIG for a file that holds no certificate, or no list that the CA signed. */
ud_err ud_client_ca_open(struct ud_client_ca **ca, const char *pem, const char *crl);
void ud_client_ca_close(struct ud_client_ca *ca);
/** The CA's PEM text, for the handshake's question. */
const char *ud_client_ca_pem(const struct ud_client_ca *ca);
/**
 * Who is at the other end of this TLS session (gnutls_session_t)? The revocation list is read again when it changed.
 *
 * @param name out: the common name, of `room` bytes
 * @return UD_ABSENT without a certificate; UD_ERR_AUTH for one that does not hold, or whose list cannot be read
 */
ud_err ud_client_ca_name(struct ud_client_ca *ca, void *session, char *name, size_t room);

#endif
