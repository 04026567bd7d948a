#include "ports/posix/coap_road.h"

#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ports/mbedtls/tls/dtls_x509.h"
#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"
#include "ports/posix/coap_facts.h"
#include "ports/posix/coap_oscore.h"
#include "ports/posix/coap_socket.h"
#include "ports/posix/reach.h"
#include "updraft/lwm2m_robust.h"
#include "updraft/lwm2m_send.h"
#include "updraft/lwm2m_thresholds.h"

#define LIFETIME_S 3600
#define SLEEP_MS_MAX 60000U
#define PEM_BYTES_MAX 16384
#define SEEN_TEXT_BYTES 64

struct ud_coap_road {
    struct ud_coap_road_config config;
    struct ud_coap_socket socket;
    struct ud_reach reach; /* of the configured server; what a bootstrap names is reached as it is named */
    unsigned number;       /* of the link's place */
    bool tried;            /* the link was begun there, and has not been judged */
    bool heard;            /* ... and somebody with the server's keys spoke */
    struct ud_coap_facts facts;
    struct ud_coap_oscore oscore;
    struct ud_lwm2m_robust robust;
    struct ud_lwm2m_thresholds thresholds;
    struct ud_lwm2m_send send;
    uint8_t window[UD_COAP_PAYLOADS_MAX << (UD_COAP_SZX_MAX + 4)];
    bool secure;
    bool reboot;
    struct ud_dtls_client dtls;
    struct ud_dtls_psk psk;
    struct ud_dtls_x509 x509;
    mbedtls_x509_crt ca;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    char host[UD_LWM2M_SERVER_URI_BYTES + 1];
    uint8_t kept[UD_LWM2M_ACCOUNTS_BYTES_MAX];
    struct ud_lwm2m_port port;
    struct ud_lwm2m_client_config client_config;
    struct ud_lwm2m_client client;
    ud_lwm2m_stage said_stage;
    ud_err said_err;
};

static const struct ud_lwm2m_speaks formats[] = {
    {UD_COAP_FORMAT_SENML_CBOR, &ud_lwm2m_format_senml_cbor},
    {UD_COAP_FORMAT_LWM2M_TLV, &ud_lwm2m_format_tlv},
    {UD_COAP_FORMAT_SENML_JSON, &ud_lwm2m_format_senml_json},
    {UD_COAP_FORMAT_LWM2M_CBOR, &ud_lwm2m_format_cbor},
    {UD_COAP_FORMAT_TEXT, &ud_lwm2m_format_text},
    {UD_COAP_FORMAT_OCTETS, &ud_lwm2m_format_octets},
    {UD_COAP_FORMAT_CBOR, &ud_lwm2m_format_item},
};

/* By Send: battery, error codes, uptime, and how the last update ended. */
static const struct ud_lwm2m_path told[] = {
    {{3, 0, 9}, 3}, {{3, 0, 11}, 3}, {{UD_LWM2M_OBJECT_REPORT, 0, 7}, 3}, {{5, 0, 5}, 3}};

static const char *const stage_events[UD_LWM2M_STAGE_COUNT] = {
    [UD_LWM2M_DOWN] = "down",      [UD_LWM2M_OPENING] = NULL, [UD_LWM2M_BOOTSTRAP] = "bootstrap",
    [UD_LWM2M_REGISTERING] = NULL, [UD_LWM2M_UP] = "up",      [UD_LWM2M_ASLEEP] = "asleep",
};

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

/* ---- datagrams ---- */

static ud_err socket_send(void *ctx, struct ud_bytes datagram)
{
    struct ud_coap_road *road = ctx;
    return ud_coap_socket_send(&road->socket, datagram);
}

static ud_err socket_receive(void *ctx, struct ud_buf *datagram)
{
    struct ud_coap_road *road = ctx;
    return ud_coap_socket_receive(&road->socket, datagram);
}

static uint64_t dtls_now_ms(void *ctx)
{
    (void)ctx;
    return now_ms();
}

static ud_err random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return ud_random(out, len);
}

/* ---- the link ---- */

static void port_close(void *ctx)
{
    struct ud_coap_road *road = ctx;
    ud_dtls_client_end(&road->dtls);
    ud_coap_socket_close(&road->socket);
}

static ud_err begin_dtls(struct ud_coap_road *road, const struct ud_lwm2m_account *account)
{
    struct ud_dtls_client_config config = {
        .ctx = road,
        .send = socket_send,
        .receive = socket_receive,
        .now_ms = dtls_now_ms,
        .random = random_bytes,
        .credentials = ud_dtls_use_psk,
        .credentials_ctx = &road->psk,
    };
    if (account->security == UD_LWM2M_X509) {
        if (road->config.cert_path == NULL || road->config.ca_path == NULL) {
            return UD_ERR_CONFIG;
        }
        road->x509 = (struct ud_dtls_x509){&road->ca, &road->cert, &road->key, road->host};
        config.credentials = ud_dtls_use_x509;
        config.credentials_ctx = &road->x509;
    } else {
        road->psk = (struct ud_dtls_psk){{account->identity, account->identity_bytes},
                                         {account->key, account->key_bytes}};
    }
    return ud_dtls_client_begin(&road->dtls, &config);
}

static bool is_configured(const struct ud_coap_road *road, const struct ud_lwm2m_account *account)
{
    return account->uri_bytes <= strlen(road->config.url) &&
           memcmp(account->uri, road->config.url, account->uri_bytes) == 0 &&
           strspn(road->config.url + account->uri_bytes, "/") == strlen(road->config.url + account->uri_bytes);
}

static ud_err begin_link(struct ud_coap_road *road, const struct ud_lwm2m_account *account)
{
    struct ud_bytes host = {NULL, 0};
    uint16_t number = 0;
    const struct ud_bytes uri = {(const uint8_t *)account->uri, account->uri_bytes};
    ud_err err = ud_lwm2m_server_parse(uri, &road->secure, &host, &number);
    if (err != UD_OK) {
        return err;
    }
    (void)snprintf(road->host, sizeof road->host, "%.*s", (int)host.len, (const char *)host.ptr);
    const struct ud_place *place = is_configured(road, account) ? ud_reach_place(&road->reach) : NULL;
    err = place == NULL ? ud_coap_socket_open(&road->socket, road->host, number)
                        : ud_coap_socket_open(&road->socket, place->address, place->port);
    if (err == UD_OK && road->secure) {
        err = begin_dtls(road, account);
    }
    if (err != UD_OK) {
        port_close(road);
    }
    return err;
}

/* To the configured server, where it is reached now. A link that ended without a word counts as no answer there. */
static ud_err begin_reach(struct ud_coap_road *road)
{
    if (road->tried && !road->heard) {
        (void)ud_reach_failed(&road->reach, road->number,
                              UD_ERR_TIMEOUT); /* the client knows, and has waited */
    }
    road->tried = false;
    road->heard = false;
    const ud_err err = ud_reach_ready(&road->reach);
    road->number = road->reach.number;
    road->tried = err == UD_OK;
    return err;
}

static ud_err shake(struct ud_coap_road *road)
{
    const ud_err err = road->secure ? ud_dtls_client_shake(&road->dtls) : UD_OK;
    if (err != UD_OK && err != UD_WAIT) {
        port_close(road);
    }
    return err;
}

static ud_err port_open(void *ctx, const struct ud_lwm2m_account *account)
{
    struct ud_coap_road *road = ctx;
    const bool reaches = is_configured(road, account);
    ud_err err = UD_OK;
    if (!ud_coap_socket_is_open(&road->socket)) {
        err = reaches ? begin_reach(road) : UD_OK;
        if (err != UD_OK) {
            return err;
        }
        err = begin_link(road, account);
    }
    err = err == UD_OK ? shake(road) : err;
    if (reaches && err != UD_OK && err != UD_WAIT) {
        road->tried = false;
        err = ud_reach_failed(&road->reach, road->number, err);
    }
    return err;
}

static void heard_server(struct ud_coap_road *road)
{
    if (!road->heard) {
        road->heard = true;
        ud_reach_answered(&road->reach, road->number);
    }
}

static ud_err port_send(void *ctx, struct ud_bytes datagram)
{
    struct ud_coap_road *road = ctx;
    return road->secure ? ud_dtls_client_send(&road->dtls, datagram) : socket_send(road, datagram);
}

static ud_err port_receive(void *ctx, struct ud_buf *datagram)
{
    struct ud_coap_road *road = ctx;
    const ud_err err =
        road->secure ? ud_dtls_client_receive(&road->dtls, datagram) : socket_receive(road, datagram);
    if (err == UD_OK && road->secure) { /* under OSCORE anybody can send: a registration that stands shows it */
        heard_server(road);
    }
    return err;
}

/* ---- what lasts, what is told, what is asked for ---- */

static ud_err port_keep(void *ctx, struct ud_bytes accounts)
{
    const struct ud_coap_road *road = ctx;
    return ud_small_file_write(road->config.account_path, 0600, true, accounts);
}

static bool port_fact(void *ctx, uint16_t object, uint16_t resource, uint8_t n, struct ud_lwm2m_record *record)
{
    struct ud_coap_road *road = ctx;
    return ud_coap_fact(&road->facts, &road->socket, object, resource, n, record);
}

static void port_reboot(void *ctx)
{
    struct ud_coap_road *road = ctx;
    road->reboot = true;
}

/* ---- open and close ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static ud_err read_psk(const char *path, struct ud_lwm2m_account *account)
{
    char text[2 * UD_LWM2M_KEY_BYTES + 2];
    struct ud_buf buf = {(uint8_t *)text, sizeof text, 0};
    ud_err err = ud_small_file_read(path, true, &buf);
    while (buf.len > 0 && (text[buf.len - 1] == '\n' || text[buf.len - 1] == '\r')) {
        buf.len--;
    }
    if (err == UD_OK && (buf.len < 16 || buf.len % 2 != 0 || buf.len / 2 > sizeof account->key)) {
        err = UD_ERR_KEY; /* shorter than 8 bytes is no key */
    }
    for (size_t i = 0; err == UD_OK && i < buf.len / 2; i++) {
        const int high = hex_digit(text[2 * i]);
        const int low = hex_digit(text[2 * i + 1]);
        err = high < 0 || low < 0 ? UD_ERR_KEY : UD_OK;
        account->key[i] = (uint8_t)(high * 16 + low);
    }
    account->key_bytes = err == UD_OK ? (uint8_t)(buf.len / 2) : 0;
    mbedtls_platform_zeroize(text, sizeof text);
    return err;
}

static bool copy_text(const char *text, void *out, uint8_t *len, size_t cap)
{
    const size_t bytes = strlen(text);
    if (bytes == 0 || bytes > cap || bytes > UINT8_MAX) {
        return false;
    }
    memcpy(out, text, bytes);
    *len = (uint8_t)bytes;
    return true;
}

static ud_err make_account(const struct ud_coap_road *road, struct ud_lwm2m_account *account)
{
    const struct ud_coap_road_config *config = &road->config;
    const bool secure = strncmp(config->url, "coaps://", 8) == 0;
    const char *identity = config->psk_identity == NULL ? config->name : config->psk_identity;
    *account = (struct ud_lwm2m_account){
        .security = UD_LWM2M_NOSEC,
        .bootstrap = config->bootstrap,
        .short_id = 1,
        .lifetime_s = config->lifetime_s == 0 ? LIFETIME_S : config->lifetime_s,
    };
    if ((config->discover && !secure && config->oscore_path == NULL) ||
        !copy_text(config->url, account->uri, &account->uri_bytes, sizeof account->uri) ||
        (config->psk_path != NULL && config->cert_path != NULL) ||
        (config->oscore_path != NULL && (secure || config->bootstrap)) ||
        secure != (config->psk_path != NULL || config->cert_path != NULL)) {
        return UD_ERR_CONFIG;
    }
    if (account->uri[account->uri_bytes - 1] == '/') {
        account->uri_bytes--; /* a package's URI is compared with it */
    }
    if (config->cert_path != NULL) {
        account->security = UD_LWM2M_X509;
    }
    if (config->oscore_path != NULL) {
        return ud_coap_oscore_key(config->oscore_path, account);
    }
    if (config->psk_path == NULL) {
        return UD_OK;
    }
    account->security = UD_LWM2M_PSK;
    return copy_text(identity, account->identity, &account->identity_bytes, sizeof account->identity)
               ? read_psk(config->psk_path, account)
               : UD_ERR_CONFIG;
}

/* PEM with the NUL behind it that mbedTLS wants. */
static ud_err read_pem(const char *path, bool secret, uint8_t pem[PEM_BYTES_MAX], size_t *len)
{
    struct ud_buf buf = {pem, PEM_BYTES_MAX - 1, 0};
    const ud_err err = ud_small_file_read(path, secret, &buf);
    pem[buf.len] = '\0';
    *len = buf.len + 1;
    return err;
}

static ud_err read_certificates(struct ud_coap_road *road)
{
    const struct ud_coap_road_config *config = &road->config;
    uint8_t pem[PEM_BYTES_MAX];
    size_t len = 0;
    if (config->cert_path == NULL) {
        return UD_OK;
    }
    if (config->ca_path == NULL || config->key_path == NULL) {
        return UD_ERR_CONFIG; /* whom would it believe? */
    }
    ud_err err = read_pem(config->ca_path, false, pem, &len);
    err = err == UD_OK && mbedtls_x509_crt_parse(&road->ca, pem, len) != 0 ? UD_ERR_CONFIG : err;
    err = err == UD_OK ? read_pem(config->cert_path, false, pem, &len) : err;
    err = err == UD_OK && mbedtls_x509_crt_parse(&road->cert, pem, len) != 0 ? UD_ERR_CONFIG : err;
    err = err == UD_OK ? read_pem(config->key_path, true, pem, &len) : err;
    err = err == UD_OK && mbedtls_pk_parse_key(&road->key, pem, len, NULL, 0) != 0 ? UD_ERR_KEY : err;
    mbedtls_platform_zeroize(pem, sizeof pem);
    return err;
}

static ud_err open_client(struct ud_coap_road *road)
{
    const struct ud_coap_road_config *config = &road->config;
    struct ud_lwm2m_client_config *client = &road->client_config;
    struct ud_lwm2m_account account;
    struct ud_buf kept = {road->kept, sizeof road->kept, 0};
    ud_err err = make_account(road, &account);
    if (err == UD_OK && config->bootstrap && config->account_path != NULL) {
        err = ud_small_file_read(config->account_path, true, &kept);
        err = err == UD_ERR_NOT_FOUND ? UD_OK : err; /* not yet */
    }
    if (err == UD_OK && config->number_path != NULL) {
        err = ud_coap_oscore_open(&road->oscore, config->number_path);
    }
    if (err != UD_OK) {
        return err;
    }
    road->port = (struct ud_lwm2m_port){
        .ctx = road,
        .open = port_open,
        .close = port_close,
        .send = port_send,
        .receive = port_receive,
        .random = random_bytes,
        .keep = config->account_path == NULL ? NULL : port_keep,
        .fact = port_fact,
        .reboot = port_reboot,
    };
    ud_lwm2m_thresholds_init(&road->thresholds);
    ud_lwm2m_send_init(&road->send, told, sizeof told / sizeof told[0], config->send_s);
    *client = (struct ud_lwm2m_client_config){
        .judge = &road->thresholds.judge,
        .sender = config->send_s == 0 ? NULL : &road->send.sender,
        .sends = true, /* who sets send_s has provisioned it so; the server may mute it */
        .port = &road->port,
        .endpoint = config->name,
        .kept = ud_buf_bytes(&kept),
        .formats = formats,
        .format_count = sizeof formats / sizeof formats[0],
        .agent = config->agent,
        .boot = config->boot,
        .guard = config->number_path == NULL ? NULL : &road->oscore.oscore.guard,
        .awake_ms = config->awake_ms,
        .rate_max = config->rate_max,
        .queue = config->queue,
        .szx = UD_COAP_SZX_MAX,
        .seed = config->seed,
    };
    if (config->robust) {
        ud_lwm2m_robust_init(&road->robust, (struct ud_buf){road->window, sizeof road->window, 0},
                             client->guard);
        client->guard = &road->robust.guard;
    }
    *(config->bootstrap ? &client->bootstrap : &client->server) = account;
    err = ud_lwm2m_client_init(&road->client, client);
    mbedtls_platform_zeroize(&account, sizeof account);
    return err;
}

ud_err ud_coap_road_open(struct ud_coap_road **out, const struct ud_coap_road_config *config)
{
    struct ud_coap_road *road = calloc(1, sizeof *road);
    if (road == NULL) {
        return UD_ERR_MEMORY;
    }
    road->config = *config;
    road->socket = (struct ud_coap_socket){.fd = -1};
    road->reach = (struct ud_reach){.finder = config->discover ? &ud_finder_avahi : NULL,
                                    .type = "_lwm2m._udp",
                                    .scheme = strncmp(config->url, "coaps:", 6) == 0 ? "coaps" : "coap"};
    road->facts = (struct ud_coap_facts){
        .manufacturer = config->manufacturer,
        .model = config->model,
        .serial = config->name,
        .battery_path = config->battery_path,
        .signal_path = config->signal_path,
        .start_ms = ud_coap_facts_now_ms(),
    };
    mbedtls_x509_crt_init(&road->ca);
    mbedtls_x509_crt_init(&road->cert);
    mbedtls_pk_init(&road->key);
    ud_err err = read_certificates(road);
    err = err == UD_OK ? open_client(road) : err;
    if (err != UD_OK) {
        ud_coap_road_close(road);
        return err;
    }
    *out = road;
    return UD_OK;
}

void ud_coap_road_close(struct ud_coap_road *road)
{
    if (road == NULL) {
        return;
    }
    port_close(road);
    ud_reach_close(&road->reach);
    mbedtls_x509_crt_free(&road->ca);
    mbedtls_x509_crt_free(&road->cert);
    mbedtls_pk_free(&road->key);
    mbedtls_platform_zeroize(road, sizeof *road);
    free(road);
}

const struct ud_road *ud_coap_road_functions(struct ud_coap_road *road)
{
    return ud_lwm2m_client_road(&road->client);
}

bool ud_coap_road_wants_reboot(const struct ud_coap_road *road)
{
    return road->reboot;
}

/* ---- the loop's part ---- */

/* A line when the link comes or goes. */
static void say_change(struct ud_coap_road *road)
{
    const ud_lwm2m_stage stage = ud_lwm2m_client_stage(&road->client);
    const ud_err err = ud_lwm2m_client_error(&road->client);
    if (stage == road->said_stage && err == road->said_err) {
        return;
    }
    if (stage_events[stage] != NULL && (stage != UD_LWM2M_DOWN || err != UD_OK)) {
        (void)fprintf(stderr, "agent event=lwm2m link=%s err=%s\n", stage_events[stage], ud_err_name(err));
    }
    road->said_stage = stage;
    road->said_err = err;
}

void ud_coap_road_step(struct ud_coap_road *road, uint64_t at_ms, uint32_t *wait_ms)
{
    uint32_t mine_ms = 0;
    ud_lwm2m_client_step(&road->client, at_ms, &mine_ms);
    if (ud_lwm2m_client_stage(&road->client) == UD_LWM2M_UP) {
        heard_server(road);
    }
    say_change(road);
    *wait_ms = mine_ms < *wait_ms ? mine_ms : *wait_ms;
}

void ud_coap_road_due(const struct ud_coap_road *road, uint64_t at_ms, uint32_t *wait_ms)
{
    const uint64_t due_ms =
        road->config.robust ? ud_lwm2m_robust_due_ms(&road->robust, &road->client) : UINT64_MAX;
    if (due_ms > at_ms && due_ms - at_ms < *wait_ms) { /* what was due before waits for what comes */
        *wait_ms = (uint32_t)(due_ms - at_ms);
    }
}

void ud_coap_road_sleep(struct ud_coap_road *road, uint32_t wait_ms)
{
    const bool deaf = ud_lwm2m_client_stage(&road->client) == UD_LWM2M_ASLEEP;
    ud_coap_socket_wait(deaf ? NULL : &road->socket, wait_ms < SLEEP_MS_MAX ? wait_ms : SLEEP_MS_MAX);
}

void ud_coap_road_leave(struct ud_coap_road *road, uint32_t patience_ms)
{
    const uint64_t until_ms = now_ms() + patience_ms;
    ud_lwm2m_client_leave(&road->client);
    while (ud_lwm2m_client_stage(&road->client) != UD_LWM2M_DOWN && now_ms() < until_ms) {
        uint32_t wait_ms = (uint32_t)(until_ms - now_ms());
        ud_coap_road_step(road, now_ms(), &wait_ms);
        ud_coap_road_sleep(road, wait_ms);
    }
}
