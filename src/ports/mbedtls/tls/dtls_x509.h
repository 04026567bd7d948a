/* Certificates for dtls.h; a header of its own, since small builds of mbedTLS know none. */
#ifndef UPDRAFT_MBEDTLS_DTLS_X509_H
#define UPDRAFT_MBEDTLS_DTLS_X509_H

#include "ports/mbedtls/tls/dtls.h"

/* Parsed by the caller, who keeps and frees them. */
struct ud_dtls_x509 {
    mbedtls_x509_crt *ca;
    mbedtls_x509_crt *cert;
    mbedtls_pk_context *key;
    const char *host; /* that the server's certificate must name */
};
/** @param credentials_ctx a struct ud_dtls_x509 */
ud_err ud_dtls_use_x509(void *credentials_ctx, mbedtls_ssl_config *conf, mbedtls_ssl_context *ssl);

#endif
