/*
 * The road over CoAP: the device library's LwM2M client (lwm2m_client.h) over a UDP socket, plain or by DTLS with mbedTLS. A
 * device has a PSK, a certificate, or a bootstrap server that gives it a PSK; what that gave is kept in a file.
 */
#ifndef UPDRAFT_POSIX_COAP_ROAD_H
#define UPDRAFT_POSIX_COAP_ROAD_H

#include "updraft/lwm2m_client.h"

struct ud_coap_road;

/* Borrowed for the life of the road. NULL paths: none. */
struct ud_coap_road_config {
    const char *url; /* coap[s]://host[:port]; of the bootstrap server when `bootstrap` is set */
    const char *name;
    bool bootstrap;
    bool discover;            /* reach.h; with coaps or OSCORE only */
    const char *psk_identity; /* NULL: the name */
    const char *psk_path;     /* one line of hex digits, 0600 */
    const char *ca_path;      /* PEM: with certificates, who may sign the server's */
    const char *cert_path;    /* PEM: the device's own, and ... */
    const char *key_path;     /* ... its key, 0600 */
    const char *oscore_path;  /* OSCORE's key, 0600; over coap */
    const char *number_path;  /* OSCORE's counter; written 0600. NULL: no OSCORE */
    const char *account_path; /* what a bootstrap gave; written 0600 */
    const char *manufacturer; /* NULL: not told */
    const char *model;
    const char *battery_path; /* file with one whole number; NULL: not told */
    const char *signal_path;
    uint32_t lifetime_s; /* 0: 3600 */
    uint32_t awake_ms;   /* in queue mode; 0: 93000 */
    uint32_t rate_max;   /* bytes per second of a download; 0: as fast as it goes */
    uint32_t send_s;     /* seconds from Send to Send, of what `told` in coap_road.c names; 0: none */
    bool queue;
    bool robust; /* downloads by Q-Block2, where the server knows it */
    const struct ud_agent *agent;
    const struct ud_boot_info *boot;
    uint32_t seed;
};

/** UD_ERR_CONFIG (address, name, credentials that do not fit together), UD_ERR_KEY, UD_ERR_EXPOSED, UD_ERR_IO, UD_ERR_MEMORY. */
ud_err ud_coap_road_open(struct ud_coap_road **road, const struct ud_coap_road_config *config);
void ud_coap_road_close(struct ud_coap_road *road);
const struct ud_road *ud_coap_road_functions(struct ud_coap_road *road);
/** To be called beside ud_agent_step(). @param wait_ms out: again after this long, or sooner; never longer than it was */
void ud_coap_road_step(struct ud_coap_road *road, uint64_t now_ms, uint32_t *wait_ms);
/** The same after ud_agent_step(), without a step: what that call began may be due sooner. */
void ud_coap_road_due(const struct ud_coap_road *road, uint64_t now_ms, uint32_t *wait_ms);
/** Sleep until a datagram comes or wait_ms is over. */
void ud_coap_road_sleep(struct ud_coap_road *road, uint32_t wait_ms);
/** The server asked for a reset (/3/0/4). */
bool ud_coap_road_wants_reboot(const struct ud_coap_road *road);
/** De-register, waiting for the answer at most so long. */
void ud_coap_road_leave(struct ud_coap_road *road, uint32_t patience_ms);

#endif
