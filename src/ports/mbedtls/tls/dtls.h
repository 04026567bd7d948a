/*
 * DTLS 1.2 as a client, by mbedTLS 2.28: for CoAP on hosts and on microcontrollers. The datagrams, the clock and the random
 * source are the caller's, so it runs over a socket as over lwIP. Credentials are files of their own (dtls_psk.c,
 * dtls_x509.c): a device links the one that it has.
 *
 *     err = ud_dtls_client_begin(&dtls, &config);
 *     while ((err = ud_dtls_client_shake(&dtls)) == UD_WAIT) { ... until a datagram came, or 100 ms ... }
 *     err = ud_dtls_client_send(&dtls, message);
 */
#ifndef UPDRAFT_MBEDTLS_DTLS_H
#define UPDRAFT_MBEDTLS_DTLS_H

#include <mbedtls/ssl.h>

#include "updraft/bytes.h"
#include "updraft/err.h"

struct ud_dtls_client_config {
    void *ctx;
    /** UD_OK, also for what is lost; UD_ERR_CONNECT: nobody is there. */
    ud_err (*send)(void *ctx, struct ud_bytes datagram);
    /** UD_OK, UD_WAIT, UD_ERR_CONNECT. Into the front of `datagram`. */
    ud_err (*receive)(void *ctx, struct ud_buf *datagram);
    uint64_t (*now_ms)(void *ctx);
    ud_err (*random)(void *ctx, uint8_t *out, size_t len);
    /** Put the credentials in: ud_dtls_use_psk, ud_dtls_use_x509. */
    ud_err (*credentials)(void *credentials_ctx, mbedtls_ssl_config *conf, mbedtls_ssl_context *ssl);
    void *credentials_ctx;
};

struct ud_dtls_client {
    /* private */
    struct ud_dtls_client_config config;
    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    uint64_t soon_ms; /* of the handshake's timer; late_ms 0: it does not run */
    uint64_t late_ms;
    ud_err err; /* of the datagrams below */
    bool begun;
    bool ready;
};

/** UD_ERR_MEMORY, UD_ERR_CRYPTO; those of the credentials. `config` is copied. */
ud_err ud_dtls_client_begin(struct ud_dtls_client *client, const struct ud_dtls_client_config *config);
/** UD_OK once it stands, UD_WAIT, UD_ERR_CONNECT, UD_ERR_TIMEOUT, UD_ERR_AUTH (either side's credentials), UD_ERR_TLS. */
ud_err ud_dtls_client_shake(struct ud_dtls_client *client);
/** UD_OK; UD_ERR_CONNECT, UD_ERR_TLS: it is over. */
ud_err ud_dtls_client_send(struct ud_dtls_client *client, struct ud_bytes message);
/** UD_OK; UD_WAIT: nothing there; UD_ERR_CONNECT, UD_ERR_TLS, UD_ERR_GONE (the peer closed): it is over. */
ud_err ud_dtls_client_receive(struct ud_dtls_client *client, struct ud_buf *message);
/** Say goodbye, if it stands, and free. Harmless twice. */
void ud_dtls_client_end(struct ud_dtls_client *client);

struct ud_dtls_psk {
    struct ud_bytes identity;
    struct ud_bytes key;
};
/** @param credentials_ctx a struct ud_dtls_psk */
ud_err ud_dtls_use_psk(void *credentials_ctx, mbedtls_ssl_config *conf, mbedtls_ssl_context *ssl);

#endif
