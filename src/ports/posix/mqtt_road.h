/*
 * The road over a message broker (docs/mqtt.md), laid over the one over HTTPS: the broker is the doorbell, and carries
 * progress and the signed report; envelopes and images are always fetched over HTTPS. Whatever the broker does, or while it
 * cannot be reached, the road below goes on alone: polls at its own pace, and takes what could not be told here.
 */
#ifndef UPDRAFT_POSIX_MQTT_ROAD_H
#define UPDRAFT_POSIX_MQTT_ROAD_H

#include "updraft/road.h"

struct ud_mqtt_road;

/* Borrowed for the life of the road; empty texts mean: none. */
struct ud_mqtt_road_config {
    const struct ud_road *inner; /* over HTTPS */
    const char *url;             /* mqtts://HOST[:PORT] */
    const char *tenant;
    const char *name; /* of the device */
    const char *ca_path;
    const char *user; /* none: TENANT/NAME, percent-encoded */
    const char *password_path;
    const char *cert_path;
    const char *key_path;
    uint32_t keepalive_s; /* 0: 60 */
    uint32_t spread_s;    /* a notice is followed after a time by chance, up to this */
    bool reports;         /* the signed report goes this way first */
    const char *running;  /* sequence number of the running image, for `attrs` */
    const char *slot;
    const char *boot; /* boot reason */
};

/** UD_ERR_CONFIG, UD_ERR_EXPOSED, UD_ERR_TOPIC, UD_ERR_MEMORY. No connection is made yet. */
ud_err ud_mqtt_road_open(struct ud_mqtt_road **road, const struct ud_mqtt_road_config *config);
/** Says that the device goes offline. NULL is allowed. */
void ud_mqtt_road_close(struct ud_mqtt_road *road);
const struct ud_road *ud_mqtt_road_functions(struct ud_mqtt_road *road);
/** Before each step of the agent. True, once: the agent is to poll now. */
bool ud_mqtt_road_step(struct ud_mqtt_road *road, uint64_t now_ms);
/** To wait on; -1 while there is none. */
int ud_mqtt_road_socket(const struct ud_mqtt_road *road, bool *writes);

#endif
