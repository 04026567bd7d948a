/*
 * DTLS 1.2 for the CoAP socket, by GnuTLS: PSK, raw public keys (RFC 7250), X.509. Sessions are demultiplexed by the
 * caller; a stranger gets a stateless cookie (HelloVerifyRequest) and costs no memory until it brings that back, so
 * an address that is not the sender's own is never sent more than it sent itself.
 *
 * Whose key it is, the caller says (struct ud_dtls_keys): an identity or key that it does not know ends the handshake.
 * There is no way to accept an unknown one.
 *
 * Cost: about 10 KB for each session. No connection id: an address change costs a new handshake (design.md 7).
 */
#ifndef UD_SERVER_COAP_DTLS_H
#define UD_SERVER_COAP_DTLS_H

#include "server/coap/udp.h"
#include "updraft/crypto.h"

#define UD_PSK_BYTES_MAX 64
#define UD_PSK_IDENTITY_BYTES_MAX 128

/* Values of LwM2M's /0/x/2. */
typedef enum ud_security_mode {
    UD_SECURITY_PSK = 0,
    UD_SECURITY_RPK = 1,
    UD_SECURITY_X509 = 2,
    UD_SECURITY_NONE = 3,
    UD_SECURITY_OSCORE = 5, /* ours: in /0/x/2 it is 3, with a link to object 21 */
} ud_security_mode;

/* Whom a session speaks for. */
struct ud_dtls_who {
    int64_t device; /* 0 = nobody yet */
    ud_security_mode mode;
    bool bootstrap; /* the key is good for the bootstrap interface only */
};

struct ud_dtls_keys {
    void *ctx;
    /* The key of a PSK identity. UD_ERR_AUTH. */
    ud_err (*psk)(void *ctx, struct ud_bytes identity, uint8_t key[UD_PSK_BYTES_MAX], size_t *len,
                  struct ud_dtls_who *who);
    /*
     * Whose public key is it? `spki` is the SHA-256 of its SubjectPublicKeyInfo. `name`: the common name of a
     * certificate whose chain leads to the operator's CA, NULL for any other. UD_ERR_AUTH.
     */
    ud_err (*key)(void *ctx, const uint8_t spki[UD_SHA256_BYTES], const char *name, struct ud_dtls_who *who);
};

struct ud_dtls;
struct ud_dtls_session;

/**
 * @param cert PEM chain and key of the server, borrowed for the call
 * @param ca   path of the CA that device certificates lead to; "" = only keys that are known one by one
 * @return UD_ERR_CONFIG (the CA or the pair cannot be used), UD_ERR_CRYPTO, UD_ERR_MEMORY
 */
ud_err ud_dtls_open(struct ud_dtls **dtls, struct ud_udp *udp, const char *cert, const char *key,
                    const char *ca, const struct ud_dtls_keys *keys);
void ud_dtls_close(struct ud_dtls *dtls);
/** A new key for cookies; the one before still counts. Now and then. */
void ud_dtls_rotate(struct ud_dtls *dtls);

/** Is it a ClientHello of a new association (epoch 0)? Looks at the first bytes only. */
bool ud_dtls_is_hello(struct ud_bytes datagram);
/**
 * A ClientHello from `from`: with the cookie that this address was given, begin a session and take the hello into it.
 *
 * @return UD_OK: *session is new; UD_WAIT: a cookie went out, nothing is kept; UD_ERR_MEMORY, UD_ERR_CRYPTO
 */
ud_err ud_dtls_hello(struct ud_dtls *dtls, const struct ud_address *from, struct ud_bytes datagram,
                     struct ud_dtls_session **session);
/**
 * Take a datagram, or none (datagram.len 0) to go on: after UD_OK until UD_WAIT, and when the timer of a handshake is
 * due.
 *
 * @param message out: room for a message; its len is set with UD_OK
 * @return UD_OK: a message; UD_WAIT: no more for now; UD_ABSENT: the handshake just ended well; UD_ERR_GONE: the peer
 *         closed; UD_ERR_AUTH, UD_ERR_TLS: the session is over
 */
ud_err ud_dtls_receive(struct ud_dtls_session *session, struct ud_bytes datagram, struct ud_buf *message);
/** Is it the hello that the session began with, sent again? */
bool ud_dtls_is_same_hello(const struct ud_dtls_session *session, struct ud_bytes datagram);
/** UD_ERR_STATE before the handshake ended. */
ud_err ud_dtls_send(struct ud_dtls_session *session, struct ud_bytes message);
/** Has the handshake ended well? */
bool ud_dtls_is_ready(const struct ud_dtls_session *session);
const struct ud_dtls_who *ud_dtls_who(const struct ud_dtls_session *session);
/** Milliseconds until ud_dtls_receive() without a datagram is due; UINT32_MAX when the handshake is over. */
uint32_t ud_dtls_wait_ms(const struct ud_dtls_session *session);
/** `say` it to the peer by a close_notify: only when the server ends. */
void ud_dtls_end(struct ud_dtls_session *session, bool say);

#endif
