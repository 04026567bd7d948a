/*
 * LwM2M 1.0 to 1.2 on the server, over CoAP and DTLS. A LwM2M device is a device like any other: its endpoint name is
 * the device's name, its firmware comes by actions. docs/design/lwm2m.md. The rest of the server has it through turn.h.
 */
#ifndef UD_SERVER_LWM2M_LWM2M_H
#define UD_SERVER_LWM2M_LWM2M_H

#include "server/store_lwm2m.h"

#define UD_CAPABILITY_SECRET_BYTES 32
#define UD_LEASE_COAP "coap"

struct ud_server;
struct ud_lwm2m;
struct ud_json;

struct ud_lwm2m_given {
    struct ud_server *server;
    const char *coap; /* address:port, "" = none */
    const char *coaps;
    uint8_t secret[UD_CAPABILITY_SECRET_BYTES]; /* of the capabilities in URIs of artifacts */
    int64_t
        fence; /* of the lease UD_LEASE_COAP, checked in every transaction; 0 = this server is the only one */
    /* Called often while much is loaded; an error ends it. NULL = nothing to be kept. */
    ud_err (*keep)(void *ctx);
    void *ctx;
};

/** Bind, load the registrations; nothing runs yet. UD_ERR_CONNECT, UD_ERR_CONFIG, UD_ERR_MEMORY, errors of the store. */
ud_err ud_lwm2m_open(struct ud_lwm2m **lwm2m, const struct ud_lwm2m_given *given);
ud_err ud_lwm2m_start(struct ud_lwm2m *lwm2m);
/** It may answer until then (ud_endpoint_until). From any thread. */
bool ud_lwm2m_until(struct ud_lwm2m *lwm2m, uint64_t until_ms);
/** End the thread and let the ports go; nothing is answered any more. */
void ud_lwm2m_stop(struct ud_lwm2m *lwm2m);
/** After it was stopped: wait for what the writer has of it. Not needed where the writer ended. */
void ud_lwm2m_settle(struct ud_lwm2m *lwm2m);
/** After the writer ended, or it was settled. NULL is allowed. */
void ud_lwm2m_close(struct ud_lwm2m *lwm2m);
/** Something changed for this device: an action, a command. From any thread. */
void ud_lwm2m_poke(struct ud_lwm2m *lwm2m, int64_t device);
/** The port that it got, of coap or coaps; 0 = none. */
uint16_t ud_lwm2m_port(const struct ud_lwm2m *lwm2m, bool secure);
/** "coap://…" and "coaps://…" members of listen.json, as far as there are such. */
void ud_lwm2m_listening(const struct ud_lwm2m *lwm2m, struct ud_json *json);
/** Lines for GET /metrics. */
void ud_lwm2m_metrics(struct ud_lwm2m *lwm2m, struct ud_text *text);
/** Which device and release does a capability of this secret name? UD_ERR_NOT_FOUND: it is none. */
ud_err ud_capability_read(const uint8_t secret[UD_CAPABILITY_SECRET_BYTES], const char *text, int64_t *device,
                          int32_t *release);

#endif
