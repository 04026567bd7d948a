/*
 * Topics between server and devices: updraft/v1/{tenant}/{device}/{leaf} (docs/mqtt.md). Names are percent-encoded: what
 * is left as it is are letters, digits and "-._~", so that no name reaches into another level or is a wildcard. One
 * spelling for each name: a topic that is encoded in another way is none of ours.
 */
#ifndef UD_PORTS_MQTT_TOPIC_H
#define UD_PORTS_MQTT_TOPIC_H

#include "updraft/err.h"
#include "updraft/limits.h"

#define UD_TOPIC_BYTES_MAX 1792
#define UD_TOPIC_NAME_BYTES_MAX UD_DEVICE_NAME_BYTES_MAX /* of a tenant or device, decoded */
#define UD_MQTT_PAYLOAD_BYTES_MAX 4096
#define UD_MQTT_SERVER_USER "updraftd" /* no device's user name: those have a '/' */

typedef enum ud_leaf {
    UD_LEAF_NOTIFY,     /* to the device, retained: look */
    UD_LEAF_CMD,        /* to the device: poll now */
    UD_LEAF_REPORT_ACK, /* to the device: the report's end */
    UD_LEAF_STATUS,     /* to the server: progress */
    UD_LEAF_REPORT,     /* to the server: the signed report */
    UD_LEAF_ATTRS,      /* to the server, retained */
    UD_LEAF_ONLINE,     /* to the server, retained; also the will */
    UD_LEAF_CMD_ACK,    /* to the server */
    UD_LEAF_COUNT
} ud_leaf;

/** "notify", "report/ack" ... */
const char *ud_leaf_name(ud_leaf leaf);
/** Is it the server who writes there? */
bool ud_leaf_is_servers(ud_leaf leaf);

/** UD_ERR_TOPIC for an empty or overlong name. `out`: UD_TOPIC_BYTES_MAX + 1. */
ud_err ud_topic_write(char *out, const char *tenant, const char *device, ud_leaf leaf);
/** Where the server puts events for whoever reads them: updraft/v1-events/{tenant}/{kind}[/{device}]. As above. */
ud_err ud_topic_event_write(char *out, const char *tenant, const char *kind, const char *device);
/** A device's user name and client id at the broker: "{tenant}/{device}". As above. */
ud_err ud_topic_user_write(char *out, const char *tenant, const char *device);
/**
 * Whose is it? UD_ERR_TOPIC for every other topic.
 *
 * @param tenant, device out: UD_TOPIC_NAME_BYTES_MAX + 1 each, decoded
 */
ud_err ud_topic_parse(const char *topic, char *tenant, char *device, ud_leaf *leaf);

#endif
