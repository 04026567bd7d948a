#include "ports/mqtt/mqtt.h"

#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"

#include <mosquitto.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define HOST_BYTES_MAX 256
#define PASSWORD_BYTES_MAX 512
#define KEY_FILE_BYTES_MAX 65536
#define CONNECT_MS 30000U /* from the first packet to the broker's word */
#define WAIT_MS_MAX 1000U /* the library looks after its keep-alive by seconds */
#define TURNS_MAX 64      /* packets read in one step */

struct ud_mqtt {
    struct ud_mqtt_config config;
    struct mosquitto *client;
    char host[HOST_BYTES_MAX];
    uint16_t port;
    bool begun; /* connect was called: from then on it is a reconnect */
    bool trying;
    bool connected;
    bool refused; /* the broker answered, and said no */
    uint64_t now_ms;
    uint64_t next_ms;     /* not before: the next try */
    uint64_t deadline_ms; /* of this try */
    uint32_t failures;
};

/* --- what to connect to */

static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
    uint32_t number = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || number > 65535) {
            return false;
        }
        number = number * 10 + (uint32_t)(*text - '0');
    }
    if (number == 0 || number > 65535) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

bool ud_mqtt_url_parse(const char *url, char *host, uint16_t *port, bool *tls)
{
    *tls = strncmp(url, "mqtts://", 8) == 0;
    if (!*tls && strncmp(url, "mqtt://", 7) != 0) {
        return false;
    }
    const char *from = url + (*tls ? 8 : 7);
    const char *end = from[0] == '[' ? strchr(from, ']') : from + strcspn(from, ":/");
    const char *rest = end != NULL && *end == ']' ? end + 1 : end;
    from += from[0] == '[' ? 1 : 0;
    if (end == NULL || end <= from || (size_t)(end - from) >= HOST_BYTES_MAX ||
        memchr(from, '@', strlen(from)) != NULL) {
        return false;
    }
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    *port = *tls ? 8883 : 1883;
    if (*rest == ':' && !parse_port(rest + 1, port)) {
        return false;
    }
    return (*rest == ':' || *rest == '\0') && (*tls || is_loopback(host));
}

/* --- pauses */

/* Doubles from a second to ten minutes; half of it is chance, so that a fleet does not come back at once. */
static uint32_t pause_after(uint32_t failures)
{
    uint32_t whole = UD_MQTT_RETRY_MIN_MS;
    uint32_t chance = 0;
    for (uint32_t i = 1; i < failures && whole < UD_MQTT_RETRY_MAX_MS; i++) {
        whole *= 2;
    }
    whole = whole < UD_MQTT_RETRY_MAX_MS ? whole : UD_MQTT_RETRY_MAX_MS;
    if (ud_random((uint8_t *)&chance, sizeof chance) != UD_OK) {
        chance = 0;
    }
    return whole / 2 + chance % (whole / 2 + 1);
}

static void ended(struct ud_mqtt *mqtt, ud_err err)
{
    if (!mqtt->trying && !mqtt->connected) {
        return; /* told already */
    }
    mqtt->connected = false;
    mqtt->trying = false;
    mqtt->failures += mqtt->failures < UINT32_MAX ? 1 : 0;
    mqtt->next_ms = mqtt->now_ms + pause_after(mqtt->failures);
    mqtt->config.changed(mqtt->config.ctx, err, false);
}

/* --- the library's callbacks: on our thread, inside ud_mqtt_step() */

static void on_connect(struct mosquitto *client, void *ctx, int code, int flags)
{
    struct ud_mqtt *mqtt = ctx;
    (void)client;
    if (code != 0) {
        mqtt->refused = true;
        return; /* the library hangs up */
    }
    mqtt->trying = false;
    mqtt->connected = true;
    mqtt->failures = 0;
    mqtt->config.changed(mqtt->config.ctx, UD_OK, (flags & 1) != 0);
}

static void on_disconnect(struct mosquitto *client, void *ctx, int code)
{
    struct ud_mqtt *mqtt = ctx;
    (void)client;
    ended(mqtt, mqtt->refused ? UD_ERR_BROKER : code == MOSQ_ERR_TLS ? UD_ERR_TLS : UD_ERR_CONNECT);
}

static void on_message(struct mosquitto *client, void *ctx, const struct mosquitto_message *message)
{
    const struct ud_mqtt *mqtt = ctx;
    (void)client;
    const struct ud_mqtt_message given = {
        .topic = message->topic,
        .payload = {message->payload, message->payloadlen < 0 ? 0 : (size_t)message->payloadlen},
        .retained = message->retain,
    };
    mqtt->config.message(mqtt->config.ctx, &given);
}

static void on_publish(struct mosquitto *client, void *ctx, int id)
{
    const struct ud_mqtt *mqtt = ctx;
    (void)client;
    if (mqtt->config.acknowledged != NULL) {
        mqtt->config.acknowledged(mqtt->config.ctx, id);
    }
}

/* --- open and close */

static ud_err load_password(struct ud_mqtt *mqtt)
{
    char line[PASSWORD_BYTES_MAX + 1];
    struct ud_buf buf = {(uint8_t *)line, PASSWORD_BYTES_MAX, 0};
    if (mqtt->config.user == NULL) {
        return UD_OK;
    }
    ud_err err =
        mqtt->config.password_path == NULL ? UD_OK : ud_small_file_read(mqtt->config.password_path, true, &buf);
    if (err == UD_OK) {
        line[buf.len] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        err = mosquitto_username_pw_set(mqtt->client, mqtt->config.user,
                                        mqtt->config.password_path == NULL ? NULL : line) == MOSQ_ERR_SUCCESS
                  ? UD_OK
                  : UD_ERR_MEMORY;
    }
    OPENSSL_cleanse(line, sizeof line);
    return err == UD_OK || err == UD_ERR_EXPOSED || err == UD_ERR_MEMORY ? err : UD_ERR_CONFIG;
}

/* The library reads the key itself, later; here only that nobody else can. */
static ud_err check_key(const char *path)
{
    uint8_t *room = malloc(KEY_FILE_BYTES_MAX);
    if (room == NULL) {
        return UD_ERR_MEMORY;
    }
    struct ud_buf buf = {room, KEY_FILE_BYTES_MAX, 0};
    const ud_err err = ud_small_file_read(path, true, &buf);
    OPENSSL_cleanse(room, KEY_FILE_BYTES_MAX);
    free(room);
    return err == UD_OK || err == UD_ERR_EXPOSED ? err : UD_ERR_CONFIG;
}

static ud_err set_tls(struct ud_mqtt *mqtt)
{
    const struct ud_mqtt_config *config = &mqtt->config;
    if ((config->cert == NULL) != (config->key == NULL)) {
        return UD_ERR_CONFIG;
    }
    ud_err err = config->key == NULL ? UD_OK : check_key(config->key);
    if (err != UD_OK) {
        return err;
    }
    /* peer and host name are always checked, and nothing below TLS 1.2 is spoken */
    const int set = mosquitto_tls_set(mqtt->client, config->ca, config->ca == NULL ? "/etc/ssl/certs" : NULL,
                                      config->cert, config->key, NULL);
    return set == MOSQ_ERR_SUCCESS && mosquitto_tls_opts_set(mqtt->client, 1, NULL, NULL) == MOSQ_ERR_SUCCESS
               ? UD_OK
               : UD_ERR_CONFIG;
}

static ud_err set_will(struct ud_mqtt *mqtt)
{
    const struct ud_mqtt_config *config = &mqtt->config;
    if (config->will_topic == NULL) {
        return UD_OK;
    }
    return mosquitto_will_set(mqtt->client, config->will_topic, (int)strlen(config->will_payload),
                              config->will_payload, 1, true) == MOSQ_ERR_SUCCESS
               ? UD_OK
               : UD_ERR_CONFIG;
}

ud_err ud_mqtt_open(struct ud_mqtt **out, const struct ud_mqtt_config *config)
{
    bool tls = false;
    struct ud_mqtt *mqtt = calloc(1, sizeof *mqtt);
    if (mqtt == NULL) {
        return UD_ERR_MEMORY;
    }
    mqtt->config = *config;
    mosquitto_lib_init();
    mqtt->client = mosquitto_new(config->client_id, false, mqtt);
    ud_err err = mqtt->client == NULL                                            ? UD_ERR_MEMORY
                 : ud_mqtt_url_parse(config->url, mqtt->host, &mqtt->port, &tls) ? UD_OK
                                                                                 : UD_ERR_CONFIG;
    err = err == UD_OK && tls ? set_tls(mqtt) : err;
    err = err == UD_OK ? load_password(mqtt) : err;
    err = err == UD_OK ? set_will(mqtt) : err;
    if (err != UD_OK) {
        ud_mqtt_close(mqtt);
        return err;
    }
    mosquitto_int_option(mqtt->client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(mqtt->client, UD_MQTT_IN_FLIGHT_MAX);
    mosquitto_connect_with_flags_callback_set(mqtt->client, on_connect);
    mosquitto_disconnect_callback_set(mqtt->client, on_disconnect);
    mosquitto_message_callback_set(mqtt->client, on_message);
    mosquitto_publish_callback_set(mqtt->client, on_publish);
    *out = mqtt;
    return UD_OK;
}

void ud_mqtt_close(struct ud_mqtt *mqtt)
{
    if (mqtt == NULL) {
        return;
    }
    if (mqtt->client != NULL) {
        mosquitto_disconnect_callback_set(mqtt->client, NULL);
        if (mqtt->connected) {
            mosquitto_disconnect(mqtt->client);
            for (int turn = 0; turn < TURNS_MAX && mosquitto_want_write(mqtt->client); turn++) {
                mosquitto_loop_write(mqtt->client, 1);
            }
        }
        mosquitto_destroy(mqtt->client);
    }
    mosquitto_lib_cleanup(); /* counts its users */
    free(mqtt);
}

/* --- the loop */

static void try_again(struct ud_mqtt *mqtt)
{
    const int keepalive = mqtt->config.keepalive_s == 0 ? 60 : mqtt->config.keepalive_s;
    mqtt->trying = true;
    mqtt->refused = false;
    mqtt->deadline_ms = mqtt->now_ms + CONNECT_MS;
    const int code = mqtt->begun ? mosquitto_reconnect_async(mqtt->client)
                                 : mosquitto_connect_async(mqtt->client, mqtt->host, mqtt->port, keepalive);
    mqtt->begun = true;
    if (code != MOSQ_ERR_SUCCESS) {
        ended(mqtt, code == MOSQ_ERR_TLS ? UD_ERR_TLS : UD_ERR_CONNECT);
    }
}

static bool more_decrypted(const struct ud_mqtt *mqtt)
{
    const SSL *ssl = mosquitto_ssl_get(mqtt->client);
    return ssl != NULL && SSL_pending(ssl) > 0;
}

/* The library does not look whether its connect() came to nothing, and its handshake eats the socket's error. */
static bool is_broken(const struct ud_mqtt *mqtt)
{
    struct pollfd look = {.fd = mosquitto_socket(mqtt->client), .events = 0};
    return look.fd < 0 || (poll(&look, 1, 0) == 1 && (look.revents & (POLLERR | POLLHUP)) != 0);
}

static void work(struct ud_mqtt *mqtt)
{
    int code = mqtt->trying && is_broken(mqtt) ? MOSQ_ERR_ERRNO : MOSQ_ERR_SUCCESS;
    for (int turn = 0; turn < TURNS_MAX && code == MOSQ_ERR_SUCCESS; turn++) {
        code = mosquitto_loop_read(mqtt->client, 1);
        if (!more_decrypted(mqtt)) {
            break;
        }
    }
    if (code == MOSQ_ERR_SUCCESS && mosquitto_want_write(mqtt->client)) {
        code = mosquitto_loop_write(mqtt->client, 1);
    }
    if (code == MOSQ_ERR_SUCCESS) {
        code = mosquitto_loop_misc(mqtt->client);
    }
    if (code != MOSQ_ERR_SUCCESS) {
        ended(mqtt, mqtt->refused ? UD_ERR_BROKER : code == MOSQ_ERR_TLS ? UD_ERR_TLS : UD_ERR_CONNECT);
    }
}

void ud_mqtt_step(struct ud_mqtt *mqtt, uint64_t now_ms)
{
    mqtt->now_ms = now_ms;
    if (!mqtt->trying && !mqtt->connected) {
        if (now_ms < mqtt->next_ms) {
            return;
        }
        try_again(mqtt);
    }
    if (mqtt->trying || mqtt->connected) {
        work(mqtt);
    }
    if (mqtt->trying && now_ms >= mqtt->deadline_ms) {
        ended(mqtt, UD_ERR_CONNECT); /* the next try closes this one's socket */
    }
}

bool ud_mqtt_is_connected(const struct ud_mqtt *mqtt)
{
    return mqtt->connected;
}

int ud_mqtt_socket(const struct ud_mqtt *mqtt, bool *writes)
{
    *writes = (mqtt->trying || mqtt->connected) && mosquitto_want_write(mqtt->client);
    return mqtt->trying || mqtt->connected ? mosquitto_socket(mqtt->client) : -1;
}

uint32_t ud_mqtt_wait_ms(const struct ud_mqtt *mqtt, uint64_t now_ms)
{
    if (mqtt->trying || mqtt->connected) {
        return WAIT_MS_MAX;
    }
    const uint64_t left = mqtt->next_ms > now_ms ? mqtt->next_ms - now_ms : 0;
    return left < WAIT_MS_MAX ? (uint32_t)left : WAIT_MS_MAX;
}

ud_err ud_mqtt_subscribe(struct ud_mqtt *mqtt, const char *topic)
{
    if (!mqtt->connected) {
        return UD_ERR_CONNECT;
    }
    return mosquitto_subscribe(mqtt->client, NULL, topic, 1) == MOSQ_ERR_SUCCESS ? UD_OK : UD_ERR_CONNECT;
}

ud_err ud_mqtt_publish(struct ud_mqtt *mqtt, const char *topic, struct ud_bytes payload, bool retain, int *id)
{
    if (!mqtt->connected || payload.len > INT32_MAX) {
        return UD_ERR_CONNECT;
    }
    const int code = mosquitto_publish(mqtt->client, id, topic, (int)payload.len, payload.ptr, 1, retain);
    return code == MOSQ_ERR_SUCCESS ? UD_OK : code == MOSQ_ERR_NOMEM ? UD_ERR_MEMORY : UD_ERR_CONNECT;
}
