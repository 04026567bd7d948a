#include "ports/mbedtls/tls/dtls.h"

#include <mbedtls/x509.h>

#define HANDSHAKE_MS_MIN 1000
#define HANDSHAKE_MS_MAX 8000
#define MTU_BYTES 1400

/* ---- what mbedTLS asks for ---- */

static int bio_send(void *ctx, const unsigned char *bytes, size_t len)
{
    struct ud_dtls_client *client = ctx;
    client->err = client->config.send(client->config.ctx, (struct ud_bytes){bytes, len});
    return client->err == UD_OK ? (int)len : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int bio_receive(void *ctx, unsigned char *room, size_t len)
{
    struct ud_dtls_client *client = ctx;
    struct ud_buf datagram = {room, len, 0};
    client->err = client->config.receive(client->config.ctx, &datagram);
    if (client->err == UD_WAIT) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    return client->err == UD_OK ? (int)datagram.len : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static void set_timer(void *ctx, uint32_t soon_ms, uint32_t late_ms)
{
    struct ud_dtls_client *client = ctx;
    const uint64_t now_ms = client->config.now_ms(client->config.ctx);
    client->soon_ms = now_ms + soon_ms;
    client->late_ms = late_ms == 0 ? 0 : now_ms + late_ms;
}

static int get_timer(void *ctx)
{
    const struct ud_dtls_client *client = ctx;
    const uint64_t now_ms = client->config.now_ms(client->config.ctx);
    if (client->late_ms == 0) {
        return -1;
    }
    return now_ms >= client->late_ms ? 2 : now_ms >= client->soon_ms ? 1 : 0;
}

static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
    struct ud_dtls_client *client = ctx;
    return client->config.random(client->config.ctx, out, len) == UD_OK ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* ---- life ---- */

ud_err ud_dtls_client_begin(struct ud_dtls_client *client, const struct ud_dtls_client_config *config)
{
    *client = (struct ud_dtls_client){.config = *config, .begun = true};
    mbedtls_ssl_init(&client->ssl);
    mbedtls_ssl_config_init(&client->conf);
    if (mbedtls_ssl_config_defaults(&client->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0) {
        ud_dtls_client_end(client);
        return UD_ERR_CRYPTO;
    }
    mbedtls_ssl_conf_rng(&client->conf, random_bytes, client);
    mbedtls_ssl_conf_min_version(&client->conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(&client->conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_handshake_timeout(&client->conf, HANDSHAKE_MS_MIN, HANDSHAKE_MS_MAX);
    ud_err err = config->credentials(config->credentials_ctx, &client->conf, &client->ssl);
    if (err == UD_OK && mbedtls_ssl_setup(&client->ssl, &client->conf) != 0) {
        err = UD_ERR_MEMORY;
    }
    if (err == UD_OK) {
        mbedtls_ssl_set_mtu(&client->ssl, MTU_BYTES);
        mbedtls_ssl_set_bio(&client->ssl, client, bio_send, bio_receive, NULL);
        mbedtls_ssl_set_timer_cb(&client->ssl, client, set_timer, get_timer);
    } else {
        ud_dtls_client_end(client);
    }
    return err;
}

static ud_err error_of(const struct ud_dtls_client *client, int code)
{
    if (code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return UD_WAIT;
    }
    if (client->err != UD_OK && client->err != UD_WAIT) {
        return client->err;
    }
    switch (code) {
    case MBEDTLS_ERR_SSL_TIMEOUT:
        return UD_ERR_TIMEOUT;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return UD_ERR_AUTH;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
    case MBEDTLS_ERR_SSL_CLIENT_RECONNECT:
        return UD_ERR_GONE;
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
        return UD_ERR_MEMORY;
    default:
        return UD_ERR_TLS;
    }
}

ud_err ud_dtls_client_shake(struct ud_dtls_client *client)
{
    if (client->ready) {
        return UD_OK;
    }
    client->err = UD_OK;
    const int code = mbedtls_ssl_handshake(&client->ssl);
    client->ready = code == 0;
    return code == 0 ? UD_OK : error_of(client, code);
}

ud_err ud_dtls_client_send(struct ud_dtls_client *client, struct ud_bytes message)
{
    if (!client->ready) {
        return UD_ERR_TLS;
    }
    client->err = UD_OK;
    const int code = mbedtls_ssl_write(&client->ssl, message.ptr, message.len);
    if (code == (int)message.len) {
        return UD_OK;
    }
    const ud_err err = code >= 0 ? UD_ERR_TLS : error_of(client, code);
    return err == UD_WAIT ? UD_OK : err; /* lost, as on the network */
}

ud_err ud_dtls_client_receive(struct ud_dtls_client *client, struct ud_buf *message)
{
    if (!client->ready) {
        return UD_ERR_TLS;
    }
    client->err = UD_OK;
    const int code = mbedtls_ssl_read(&client->ssl, message->ptr, message->cap);
    if (code > 0) {
        message->len = (size_t)code;
        return UD_OK;
    }
    return code == 0 ? UD_ERR_GONE : error_of(client, code);
}

void ud_dtls_client_end(struct ud_dtls_client *client)
{
    if (!client->begun) {
        return;
    }
    if (client->ready) {
        (void)mbedtls_ssl_close_notify(&client->ssl);
    }
    mbedtls_ssl_free(&client->ssl);
    mbedtls_ssl_config_free(&client->conf);
    client->begun = false;
    client->ready = false;
}
