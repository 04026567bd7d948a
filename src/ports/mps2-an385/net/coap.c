#include "ports/mps2-an385/net/coap.h"

#include "ports/mbedtls/tls/dtls.h"
#include "ports/mps2-an385/net/net.h"
#include "ports/mps2-an385/semihost.h"

#define BEARER_ETHERNET 41

static struct ud_dtls_client dtls;
static struct ud_dtls_psk psk;
static bool reset_wanted;

static ud_err send_below(void *ctx, struct ud_bytes datagram)
{
    (void)ctx;
    return ud_net_send(datagram);
}

static ud_err receive_below(void *ctx, struct ud_buf *datagram)
{
    (void)ctx;
    return ud_net_receive(datagram);
}

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return ud_net_now_ms();
}

static ud_err random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    ud_semihost_random(out, len);
    return UD_OK;
}

static void link_close(void *ctx)
{
    (void)ctx;
    ud_dtls_client_end(&dtls);
    ud_net_disconnect();
}

static ud_err begin(const struct ud_lwm2m_account *account)
{
    bool secure = false;
    struct ud_bytes host;
    uint16_t port;
    const struct ud_dtls_client_config config = {.send = send_below,
                                                 .receive = receive_below,
                                                 .now_ms = now_ms,
                                                 .random = random_bytes,
                                                 .credentials = ud_dtls_use_psk,
                                                 .credentials_ctx = &psk};
    ud_err err = ud_lwm2m_server_parse((struct ud_bytes){(const uint8_t *)account->uri, account->uri_bytes},
                                       &secure, &host, &port);
    if (err == UD_OK && !secure) {
        err = UD_ERR_CONFIG; /* this board speaks to nobody in the clear */
    }
    err = err == UD_OK ? ud_net_connect(host, port) : err;
    if (err != UD_OK) {
        return err;
    }
    psk =
        (struct ud_dtls_psk){{account->identity, account->identity_bytes}, {account->key, account->key_bytes}};
    err = ud_dtls_client_begin(&dtls, &config);
    if (err != UD_OK) {
        ud_net_disconnect();
    }
    return err;
}

static ud_err link_open(void *ctx, const struct ud_lwm2m_account *account)
{
    (void)ctx;
    if (!ud_net_has_address()) {
        return UD_WAIT; /* DHCP is at work */
    }
    const ud_err err = dtls.begun ? UD_OK : begin(account);
    return err == UD_OK ? ud_dtls_client_shake(&dtls) : err;
}

static ud_err link_send(void *ctx, struct ud_bytes datagram)
{
    (void)ctx;
    return ud_dtls_client_send(&dtls, datagram);
}

static ud_err link_receive(void *ctx, struct ud_buf *datagram)
{
    (void)ctx;
    return ud_dtls_client_receive(&dtls, datagram);
}

static bool fact(void *ctx, uint16_t object, uint16_t resource, uint8_t n, struct ud_lwm2m_record *record)
{
    (void)ctx;
    if (n == 0 && object == 4 && resource <= 1) {
        record->integer = BEARER_ETHERNET;
        return true;
    }
    if (n == 0 && object == 4 && resource == 4 && ud_net_has_address()) {
        const char *address = ud_net_address();
        record->bytes = (struct ud_bytes){(const uint8_t *)address, strlen(address)};
        return true;
    }
    if (n == 0 && object == 3 && resource <= 1) {
        record->bytes = resource == 0 ? UD_BYTES_LITERAL("Updraft") : UD_BYTES_LITERAL("mps2-an385");
        return true;
    }
    return false;
}

static void reboot(void *ctx)
{
    (void)ctx;
    reset_wanted = true;
}

bool ud_mps2_coap_wants_reset(void)
{
    return reset_wanted;
}

const struct ud_lwm2m_port ud_mps2_coap = {
    .open = link_open,
    .close = link_close,
    .send = link_send,
    .receive = link_receive,
    .random = random_bytes,
    .fact = fact,
    .reboot = reboot,
};
