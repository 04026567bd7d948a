/*
 * A connection to a message broker (MQTT 3.1.1), for agent and server: over TLS with the broker's certificate always
 * verified, a session that the broker keeps (so that what comes meanwhile at QoS 1 is not lost), and reconnection with
 * growing, jittered pauses. One thread owns it; nothing here blocks but the resolver of names.
 *
 *     ud_mqtt_open(&mqtt, &config);
 *     for (;;) {
 *         ud_mqtt_step(mqtt, now_ms());           // calls connected, message, acknowledged
 *         poll(ud_mqtt_socket(mqtt, &writes) ..., ud_mqtt_wait_ms(mqtt, now_ms()));
 *     }
 *
 * Passwords come from files that nobody else can read, never from a command line.
 */
#ifndef UD_PORTS_MQTT_MQTT_H
#define UD_PORTS_MQTT_MQTT_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_MQTT_RETRY_MIN_MS 1000U
#define UD_MQTT_RETRY_MAX_MS 600000U
#define UD_MQTT_IN_FLIGHT_MAX 200 /* messages at QoS 1 that the broker has not acknowledged */

struct ud_mqtt;

struct ud_mqtt_message {
    const char *topic;
    struct ud_bytes payload; /* borrowed for the call */
    bool retained;           /* an old one that the broker kept */
};

/* Texts are borrowed for the life of the connection. */
struct ud_mqtt_config {
    const char *url;           /* mqtts://HOST[:PORT] (8883); mqtt:// (1883) only to loopback addresses */
    const char *client_id;     /* stable: the broker's session is kept under it */
    const char *ca;            /* PEM; NULL = the system's anchors */
    const char *user;          /* NULL: by certificate only */
    const char *password_path; /* file, 0600, its first line; NULL: none */
    const char *cert;          /* PEM of the client and its key (0600); NULL: none */
    const char *key;
    uint16_t keepalive_s;     /* 0: 60 */
    const char *will_topic;   /* NULL: no will. Retained, QoS 1 */
    const char *will_payload; /* text */
    /* a connection stands (UD_OK), or ended, or could not be made: UD_ERR_BROKER, UD_ERR_TLS, UD_ERR_CONNECT.
     * `kept`: the broker still knows our session, with what we are subscribed to */
    void (*changed)(void *ctx, ud_err err, bool kept);
    void (*message)(void *ctx, const struct ud_mqtt_message *message);
    void (*acknowledged)(void *ctx, int id); /* the broker has it; NULL: nobody asks */
    void *ctx;
};

/** UD_ERR_CONFIG (url, files that cannot be read), UD_ERR_EXPOSED, UD_ERR_MEMORY. Connects in the first step. */
ud_err ud_mqtt_open(struct ud_mqtt **mqtt, const struct ud_mqtt_config *config);
/** Says goodbye to the broker, which then does not send the will. NULL is allowed. */
void ud_mqtt_close(struct ud_mqtt *mqtt);
/** Read, write, keep alive, connect again when it is time. `now_ms`: any clock that does not go back. */
void ud_mqtt_step(struct ud_mqtt *mqtt, uint64_t now_ms);
bool ud_mqtt_is_connected(const struct ud_mqtt *mqtt);
/** To wait on; -1 while there is none. `writes`: also until it can be written to. */
int ud_mqtt_socket(const struct ud_mqtt *mqtt, bool *writes);
/** The longest time until the next step, without news on the socket. */
uint32_t ud_mqtt_wait_ms(const struct ud_mqtt *mqtt, uint64_t now_ms);
/** QoS 1. UD_ERR_CONNECT while there is no connection. */
ud_err ud_mqtt_subscribe(struct ud_mqtt *mqtt, const char *topic);
/** QoS 1. `id` out, may be NULL: as acknowledged() names it. UD_ERR_CONNECT while there is no connection. */
ud_err ud_mqtt_publish(struct ud_mqtt *mqtt, const char *topic, struct ud_bytes payload, bool retain, int *id);

/** Is this a URL that a connection may be made to? Splits it; `host`: 256 bytes. */
bool ud_mqtt_url_parse(const char *url, char *host, uint16_t *port, bool *tls);

#endif
