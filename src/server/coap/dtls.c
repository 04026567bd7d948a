#include "server/coap/dtls.h"

#include "updraft/assert.h"

#include <gnutls/abstract.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <errno.h>
#include <stdlib.h>

#define MTU_BYTES 1280     /* of a datagram in the handshake: what every IPv6 path carries */
#define RETRANSMIT_MS 1000 /* of a flight of the handshake */
#define HANDSHAKE_MS 45000 /* in all */
#define NAME_BYTES_MAX 256
#define HEADER_BYTES 13 /* of a record */
#define RECORD_HANDSHAKE 22
#define CLIENT_HELLO 1
#define RANDOM_AT 27 /* of a ClientHello, behind both headers and the version */
#define RANDOM_BYTES 32

/* CCM_8 first: the only one that the smallest clients have. No CBC, no static keys, nothing below DTLS 1.2. */
static const char priorities[] =
    "NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:+ECDHE-PSK:+PSK:+AES-128-CCM-8:+AES-128-GCM:+AES-128-CCM:+AES-256-GCM:+"
    "AEAD:"
    "+COMP-NULL:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SECP256R1-SHA256:+GROUP-SECP256R1:+CTYPE-CLI-ALL:+CTYPE-SRV-ALL";

struct ud_dtls {
    struct ud_udp *udp;
    struct ud_dtls_keys keys;
    gnutls_priority_t priority;
    gnutls_certificate_credentials_t certificates;
    gnutls_psk_server_credentials_t psk;
    gnutls_datum_t cookie_keys[2]; /* now, before */
    bool has_ca;
};

struct ud_dtls_session {
    struct ud_dtls *dtls;
    gnutls_session_t tls;
    struct ud_address peer;
    struct ud_bytes pending; /* the datagram to be pulled, once */
    struct ud_dtls_who who;
    bool ready;
    uint8_t random[RANDOM_BYTES]; /* the client's, of the hello that began it */
};

/* --- whose key */

static int psk_of(gnutls_session_t tls, const gnutls_datum_t *identity, gnutls_datum_t *key)
{
    struct ud_dtls_session *session = gnutls_session_get_ptr(tls);
    uint8_t secret[UD_PSK_BYTES_MAX];
    size_t len = 0;
    int result = -1;
    if (identity->size > 0 && identity->size <= UD_PSK_IDENTITY_BYTES_MAX &&
        session->dtls->keys.psk(session->dtls->keys.ctx, (struct ud_bytes){identity->data, identity->size},
                                secret, &len, &session->who) == UD_OK) {
        key->data = gnutls_malloc(len);
        if (key->data != NULL) {
            memcpy(key->data, secret, len);
            key->size = (unsigned)len;
            session->who.mode = UD_SECURITY_PSK;
            result = 0;
        }
    }
    gnutls_memset(secret, 0, sizeof secret);
    return result;
}

/* SHA-256 of the SubjectPublicKeyInfo inside a certificate; its common name, if it has one. */
static bool look_into(const gnutls_datum_t *der, uint8_t spki[UD_SHA256_BYTES], char name[NAME_BYTES_MAX])
{
    gnutls_x509_crt_t cert = NULL;
    gnutls_pubkey_t key = NULL;
    gnutls_datum_t info = {NULL, 0};
    size_t room = NAME_BYTES_MAX;
    name[0] = '\0';
    bool good = gnutls_x509_crt_init(&cert) == 0 &&
                gnutls_x509_crt_import(cert, der, GNUTLS_X509_FMT_DER) == 0 && gnutls_pubkey_init(&key) == 0 &&
                gnutls_pubkey_import_x509(key, cert, 0) == 0 &&
                gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &info) == 0;
    const struct ud_bytes bytes = {info.data, info.size};
    good = good && ud_sha256(&bytes, 1, spki) == UD_OK;
    if (good && gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &room) != 0) {
        name[0] = '\0';
    }
    gnutls_free(info.data);
    gnutls_pubkey_deinit(key);
    gnutls_x509_crt_deinit(cert);
    return good;
}

static int verify_peer(gnutls_session_t tls)
{
    struct ud_dtls_session *session = gnutls_session_get_ptr(tls);
    const struct ud_dtls_keys *keys = &session->dtls->keys;
    uint8_t spki[UD_SHA256_BYTES];
    char name[NAME_BYTES_MAX] = "";
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls, &count);
    if (chain == NULL || count == 0) {
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    if (gnutls_certificate_type_get2(tls, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_RAWPK) {
        const struct ud_bytes info = {chain[0].data, chain[0].size};
        session->who.mode = UD_SECURITY_RPK;
        if (ud_sha256(&info, 1, spki) != UD_OK) {
            return GNUTLS_E_CERTIFICATE_ERROR;
        }
    } else {
        unsigned status = GNUTLS_CERT_INVALID;
        session->who.mode = UD_SECURITY_X509;
        if (!look_into(&chain[0], spki, name)) {
            return GNUTLS_E_CERTIFICATE_ERROR;
        }
        if (!session->dtls->has_ca || gnutls_certificate_verify_peers2(tls, &status) != 0 || status != 0) {
            name[0] = '\0'; /* the name is nobody's word; only the key itself may be known */
        }
    }
    return keys->key(keys->ctx, spki, name[0] == '\0' ? NULL : name, &session->who) == UD_OK
               ? 0
               : GNUTLS_E_CERTIFICATE_ERROR;
}

/* --- open and close */

/* The server's key as raw public key, too: taken by clients that were given it at provisioning. */
static bool set_raw_key(struct ud_dtls *dtls, const gnutls_datum_t *key_pem)
{
    gnutls_x509_privkey_t x509 = NULL;
    gnutls_privkey_t private = NULL;
    gnutls_pubkey_t public = NULL;
    gnutls_datum_t info = {NULL, 0};
    const bool good = gnutls_x509_privkey_init(&x509) == 0 &&
                      gnutls_x509_privkey_import2(x509, key_pem, GNUTLS_X509_FMT_PEM, NULL, 0) == 0 &&
                      gnutls_privkey_init(&private) == 0 && gnutls_privkey_import_x509(private, x509, 0) == 0 &&
                      gnutls_pubkey_init(&public) == 0 &&
                      gnutls_pubkey_import_privkey(public, private, 0, 0) == 0 &&
                      gnutls_pubkey_export2(public, GNUTLS_X509_FMT_PEM, &info) == 0 &&
                      gnutls_certificate_set_rawpk_key_mem(dtls->certificates, &info, key_pem,
                                                           GNUTLS_X509_FMT_PEM, NULL, 0, NULL, 0, 0) >= 0;
    gnutls_free(info.data);
    gnutls_pubkey_deinit(public);
    gnutls_privkey_deinit(private);
    gnutls_x509_privkey_deinit(x509);
    return good;
}

static ud_err set_credentials(struct ud_dtls *dtls, const char *cert, const char *key, const char *ca)
{
    gnutls_datum_t cert_pem = {NULL, (unsigned)strlen(cert)};
    gnutls_datum_t key_pem = {NULL, (unsigned)strlen(key)};
    cert_pem.data = (unsigned char *)gnutls_strdup(cert); /* the library's types know no const */
    key_pem.data = (unsigned char *)gnutls_strdup(key);
    bool good = cert_pem.data != NULL && key_pem.data != NULL &&
                gnutls_certificate_set_x509_key_mem(dtls->certificates, &cert_pem, &key_pem,
                                                    GNUTLS_X509_FMT_PEM) >= 0 &&
                set_raw_key(dtls, &key_pem);
    if (good && ca[0] != '\0') {
        good = gnutls_certificate_set_x509_trust_file(dtls->certificates, ca, GNUTLS_X509_FMT_PEM) > 0;
        dtls->has_ca = good;
    }
    if (key_pem.data != NULL) {
        gnutls_memset(key_pem.data, 0, key_pem.size);
    }
    gnutls_free(cert_pem.data);
    gnutls_free(key_pem.data);
    return good ? UD_OK : UD_ERR_CONFIG;
}

ud_err ud_dtls_open(struct ud_dtls **out, struct ud_udp *udp, const char *cert, const char *key, const char *ca,
                    const struct ud_dtls_keys *keys)
{
    struct ud_dtls *dtls = calloc(1, sizeof *dtls);
    if (dtls == NULL) {
        return UD_ERR_MEMORY;
    }
    dtls->udp = udp;
    dtls->keys = *keys;
    const bool made = gnutls_priority_init(&dtls->priority, priorities, NULL) == 0 &&
                      gnutls_certificate_allocate_credentials(&dtls->certificates) == 0 &&
                      gnutls_psk_allocate_server_credentials(&dtls->psk) == 0 &&
                      gnutls_key_generate(&dtls->cookie_keys[0], GNUTLS_COOKIE_KEY_SIZE) == 0 &&
                      gnutls_key_generate(&dtls->cookie_keys[1], GNUTLS_COOKIE_KEY_SIZE) == 0;
    const ud_err err = made ? set_credentials(dtls, cert, key, ca) : UD_ERR_CRYPTO;
    if (err != UD_OK) {
        ud_dtls_close(dtls);
        return err;
    }
    gnutls_certificate_set_verify_function(dtls->certificates, verify_peer);
    gnutls_psk_set_server_credentials_function2(dtls->psk, psk_of);
    *out = dtls;
    return UD_OK;
}

void ud_dtls_close(struct ud_dtls *dtls)
{
    if (dtls == NULL) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (dtls->cookie_keys[i].data != NULL) {
            gnutls_memset(dtls->cookie_keys[i].data, 0, dtls->cookie_keys[i].size);
        }
        gnutls_free(dtls->cookie_keys[i].data);
    }
    if (dtls->psk != NULL) {
        gnutls_psk_free_server_credentials(dtls->psk);
    }
    if (dtls->certificates != NULL) {
        gnutls_certificate_free_credentials(dtls->certificates);
    }
    if (dtls->priority != NULL) {
        gnutls_priority_deinit(dtls->priority);
    }
    free(dtls);
}

void ud_dtls_rotate(struct ud_dtls *dtls)
{
    gnutls_datum_t fresh = {NULL, 0};
    if (gnutls_key_generate(&fresh, GNUTLS_COOKIE_KEY_SIZE) == 0) {
        gnutls_free(dtls->cookie_keys[1].data);
        dtls->cookie_keys[1] = dtls->cookie_keys[0];
        dtls->cookie_keys[0] = fresh;
    }
}

/* --- bytes to and from GnuTLS */

static ssize_t push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
    struct ud_dtls_session *session = ptr;
    if (len > UD_UDP_BYTES_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    ud_udp_send(session->dtls->udp, &session->peer, (struct ud_bytes){bytes, len});
    return (ssize_t)len;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *room, size_t len)
{
    struct ud_dtls_session *session = ptr;
    const struct ud_bytes datagram = session->pending;
    if (datagram.len == 0) {
        gnutls_transport_set_errno(session->tls, EAGAIN);
        return -1;
    }
    session->pending = (struct ud_bytes){NULL, 0};
    const size_t n = datagram.len < len ? datagram.len : len;
    memcpy(room, datagram.ptr, n);
    return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned wait_ms)
{
    const struct ud_dtls_session *session = ptr;
    (void)wait_ms; /* never waits */
    return session->pending.len > 0 ? 1 : 0;
}

/* --- sessions */

bool ud_dtls_is_hello(struct ud_bytes datagram)
{
    return datagram.len > HEADER_BYTES && datagram.ptr[0] == RECORD_HANDSHAKE && datagram.ptr[3] == 0 &&
           datagram.ptr[4] == 0 && datagram.ptr[HEADER_BYTES] == CLIENT_HELLO;
}

bool ud_dtls_is_same_hello(const struct ud_dtls_session *session, struct ud_bytes datagram)
{
    struct ud_bytes random;
    return ud_bytes_slice(datagram, RANDOM_AT, RANDOM_BYTES, &random) &&
           ud_bytes_equal(random, UD_BYTES_ARRAY(session->random));
}

struct stranger {
    struct ud_dtls *dtls;
    const struct ud_address *from;
};

static ssize_t push_cookie(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
    const struct stranger *stranger = ptr;
    ud_udp_send(stranger->dtls->udp, stranger->from, (struct ud_bytes){bytes, len});
    return (ssize_t)len;
}

static bool has_cookie(struct ud_dtls *dtls, const struct ud_address *from, struct ud_bytes datagram,
                       gnutls_dtls_prestate_st *state)
{
    uint8_t copy[UD_UDP_BYTES_MAX]; /* the library's types know no const */
    struct ud_address address = *from;
    UD_ASSERT(datagram.len <= sizeof copy);
    memcpy(copy, datagram.ptr, datagram.len);
    for (int i = 0; i < 2; i++) {
        memset(state, 0, sizeof *state);
        if (gnutls_dtls_cookie_verify(&dtls->cookie_keys[i], &address, sizeof address, copy, datagram.len,
                                      state) >= 0) {
            return true;
        }
    }
    return false;
}

static ud_err begin(struct ud_dtls *dtls, const struct ud_address *from, gnutls_dtls_prestate_st *state,
                    struct ud_dtls_session **out)
{
    struct ud_dtls_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return UD_ERR_MEMORY;
    }
    session->dtls = dtls;
    session->peer = *from;
    if (gnutls_init(&session->tls, GNUTLS_SERVER | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_ENABLE_RAWPK |
                                       GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL) != 0) {
        free(session);
        return UD_ERR_MEMORY;
    }
    gnutls_session_set_ptr(session->tls, session);
    if (gnutls_priority_set(session->tls, dtls->priority) != 0 ||
        gnutls_credentials_set(session->tls, GNUTLS_CRD_CERTIFICATE, dtls->certificates) != 0 ||
        gnutls_credentials_set(session->tls, GNUTLS_CRD_PSK, dtls->psk) != 0) {
        ud_dtls_end(session, false);
        return UD_ERR_CRYPTO;
    }
    gnutls_certificate_server_set_request(session->tls, GNUTLS_CERT_REQUIRE);
    gnutls_dtls_prestate_set(session->tls, state);
    gnutls_dtls_set_mtu(session->tls, MTU_BYTES);
    gnutls_dtls_set_timeouts(session->tls, RETRANSMIT_MS, HANDSHAKE_MS);
    gnutls_transport_set_ptr(session->tls, session);
    gnutls_transport_set_push_function(session->tls, push);
    gnutls_transport_set_pull_function(session->tls, pull);
    gnutls_transport_set_pull_timeout_function(session->tls, pull_timeout);
    *out = session;
    return UD_OK;
}

ud_err ud_dtls_hello(struct ud_dtls *dtls, const struct ud_address *from, struct ud_bytes datagram,
                     struct ud_dtls_session **session)
{
    gnutls_dtls_prestate_st state;
    if (!has_cookie(dtls, from, datagram, &state)) {
        struct stranger stranger = {dtls, from};
        struct ud_address address = *from;
        memset(&state, 0, sizeof state);
        gnutls_dtls_cookie_send(&dtls->cookie_keys[0], &address, sizeof address, &state, &stranger,
                                push_cookie);
        return UD_WAIT;
    }
    struct ud_bytes random;
    const ud_err err = ud_bytes_slice(datagram, RANDOM_AT, RANDOM_BYTES, &random)
                           ? begin(dtls, from, &state, session)
                           : UD_WAIT;
    if (err == UD_OK) {
        memcpy((*session)->random, random.ptr, RANDOM_BYTES);
    }
    return err;
}

static ud_err shake_hands(struct ud_dtls_session *session)
{
    int code;
    do {
        code = gnutls_handshake(session->tls);
    } while (code == GNUTLS_E_INTERRUPTED || code == GNUTLS_E_WARNING_ALERT_RECEIVED ||
             code == GNUTLS_E_GOT_APPLICATION_DATA);
    if (code == 0) {
        gnutls_dtls_set_data_mtu(session->tls,
                                 UD_UDP_BYTES_MAX - 64); /* IP fragments what a path cannot carry */
        session->ready = true;
        return session->who.device != 0 ? UD_ABSENT : UD_ERR_AUTH;
    }
    if (code == GNUTLS_E_AGAIN) {
        return UD_WAIT;
    }
    gnutls_alert_send_appropriate(session->tls, code);
    return code == GNUTLS_E_CERTIFICATE_ERROR || code == GNUTLS_E_DECRYPTION_FAILED ? UD_ERR_AUTH : UD_ERR_TLS;
}

ud_err ud_dtls_receive(struct ud_dtls_session *session, struct ud_bytes datagram, struct ud_buf *message)
{
    if (datagram.len > 0) {
        session->pending = datagram;
    }
    if (!session->ready) {
        return shake_hands(session);
    }
    for (;;) {
        const ssize_t n = gnutls_record_recv(session->tls, message->ptr, message->cap);
        if (n > 0) {
            message->len = (size_t)n;
            return UD_OK;
        }
        if (n == 0) {
            return UD_ERR_GONE;
        }
        if (n == GNUTLS_E_AGAIN) {
            return UD_WAIT;
        }
        if (gnutls_error_is_fatal((int)n) != 0) {
            return UD_ERR_TLS;
        }
    }
}

ud_err ud_dtls_send(struct ud_dtls_session *session, struct ud_bytes message)
{
    if (!session->ready) {
        return UD_ERR_STATE;
    }
    return gnutls_record_send(session->tls, message.ptr, message.len) == (ssize_t)message.len ? UD_OK
                                                                                              : UD_ERR_TLS;
}

bool ud_dtls_is_ready(const struct ud_dtls_session *session)
{
    return session->ready;
}

const struct ud_dtls_who *ud_dtls_who(const struct ud_dtls_session *session)
{
    return &session->who;
}

uint32_t ud_dtls_wait_ms(const struct ud_dtls_session *session)
{
    return session->ready ? UINT32_MAX : gnutls_dtls_get_timeout(session->tls);
}

void ud_dtls_end(struct ud_dtls_session *session, bool say)
{
    if (session == NULL) {
        return;
    }
    if (say && session->ready) {
        gnutls_bye(session->tls, GNUTLS_SHUT_WR);
    }
    gnutls_deinit(session->tls);
    free(session);
}
