/* The parts of one running server. main() builds one and passes it on; nothing is global. */
#ifndef UD_SERVER_SERVER_H
#define UD_SERVER_SERVER_H

#include "server/config.h"
#include "server/disk.h"
#include "server/fleet.h"
#include "server/http_route.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/proxy.h"
#include "server/store_pool.h"
#include "server/tls.h"
#include "server/writer.h"

#include <stdatomic.h>

struct ud_artifacts;
struct ud_object_store;
struct ud_courier;
struct ud_hooks;
struct ud_hub;
struct ud_sync;
struct ud_patches;
struct ud_tenants;
struct ud_throttle;
struct ud_downloads;
struct ud_client_ca;
struct ud_scheduler;
struct ud_sign_in;
struct ud_http;
struct ud_lwm2m_turn;
struct ud_announcer;

#define UD_FAR_THREADS 4

struct ud_server {
    struct ud_config config;
    struct ud_log log;
    struct ud_metrics metrics;
    struct ud_fleet *fleet;
    struct ud_writer *writer;
    struct ud_store_pool *readers;
    struct ud_disk *disk;
    struct ud_disk *slow;                /* passwords, other servers */
    struct ud_disk *far[UD_FAR_THREADS]; /* object storage, by the first byte of a digest; NULL without one */
    struct ud_object_store *objects;     /* NULL: artifacts are files */
    _Atomic uint32_t artifact_wants;     /* under way for nobody in particular */
    struct ud_throttle *wrong_secrets;   /* by address */
    struct ud_throttle *new_devices;     /* by tenant: that a gateway's token adds */
    struct ud_throttle *wrong_passwords; /* by account and address */
    struct ud_sign_in *sign_in;          /* one-time codes of the console */
    struct ud_tenants *tenants;
    struct ud_hub *hub;
    struct ud_hooks *hooks;
    struct ud_courier *courier; /* NULL: no broker is configured */
    struct ud_sync *sync;       /* NULL where this server has the store to itself */
    struct ud_artifacts *artifacts;
    struct ud_downloads *downloads;
    bool has_gateway_token;
    uint8_t gateway_hash[UD_SHA256_BYTES];
    struct ud_client_ca *client_ca; /* NULL: devices come with tokens only */
    struct ud_client_ca *proxy_ca;  /* NULL: no proxy is believed */
    struct ud_proxies proxies;
    struct ud_text
        asked_cas; /* PEM of both, for the handshake's question; empty: certificates are not asked for */
    struct ud_scheduler *scheduler;
    struct ud_patches *patches;
    struct ud_http *http;
    struct ud_lwm2m_turn *turn;      /* NULL = no CoAP address is configured, nor can other servers have one */
    struct ud_announcer *announcer;  /* NULL: not announced */
    _Atomic uint32_t people_changes; /* commits of people's requests */
    struct ud_tls tls;
    int lock; /* of the state folder; -1 = not held */
};

/**
 * Read the state folder (made at the first start), load the fleet, listen, write listen.json. `config` and `log`
 * are set by the caller before. On an error everything is closed again, and the log says what it was.
 */
ud_err ud_server_start(struct ud_server *server);
/** Work to be done now and then: times of polls into the store. */
void ud_server_tick(struct ud_server *server);
/** Stop listening, finish what was accepted, close the store cleanly. */
void ud_server_stop(struct ud_server *server);

/** Write listen.json: where we listen now, for scripts that asked for any free port; and announce it. Not by two threads at one time. */
ud_err ud_server_write_listen_file(const struct ud_server *server);

/** Milliseconds since 1970. */
int64_t ud_server_now_ms(void);
/** The tenant of this name, any case. UD_ERR_NOT_FOUND. */
ud_err ud_server_tenant(const struct ud_server *server, const char *name, int64_t *tenant);

#endif
