/*
 * LwM2M 1.0 to 1.2 on the server, over CoAP and DTLS. A LwM2M device is a device like any other: its endpoint name is
 * the device's name, its firmware comes by actions. docs/design/lwm2m.md.
 */
#ifndef UD_SERVER_LWM2M_LWM2M_H
#define UD_SERVER_LWM2M_LWM2M_H

#include "server/store_lwm2m.h"

struct ud_server;
struct ud_lwm2m;
struct ud_json;

/**
 * Bind, load the registrations, begin. UD_OK with *lwm2m NULL when no CoAP address is configured.
 * UD_ERR_CONNECT, UD_ERR_CONFIG, UD_ERR_MEMORY, errors of the store.
 */
ud_err ud_lwm2m_open(struct ud_lwm2m **lwm2m, struct ud_server *server);
/** End the thread; nothing is answered any more. Before the writer ends. */
void ud_lwm2m_stop(struct ud_lwm2m *lwm2m);
/** After the writer ended. */
void ud_lwm2m_close(struct ud_lwm2m *lwm2m);
/** Something changed for this device: an action, a command. From any thread; NULL is allowed. */
void ud_lwm2m_poke(struct ud_lwm2m *lwm2m, int64_t device);
/** "coap://…" and "coaps://…" members of listen.json, as far as there are such. */
void ud_lwm2m_listening(const struct ud_lwm2m *lwm2m, struct ud_json *json);
/** Lines for GET /metrics. */
void ud_lwm2m_metrics(struct ud_lwm2m *lwm2m, struct ud_text *text);
/** May who holds this capability read the release of that device? For the same URI over HTTP. */
ud_err ud_lwm2m_capability(const struct ud_lwm2m *lwm2m, const char *text, int64_t *device, int32_t *release);

#endif
