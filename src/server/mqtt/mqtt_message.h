/* What devices say over the broker (docs/mqtt.md): read here, believed by nobody without a signature. */
#ifndef UD_SERVER_MQTT_MESSAGE_H
#define UD_SERVER_MQTT_MESSAGE_H

#include "server/store.h"

#include <jansson.h>

#define UD_MQTT_WORDS_BYTES_MAX 512

struct ud_mqtt_status {
    int32_t action;
    int64_t seq;           /* grows within the action */
    ud_action_state state; /* that the action has come to; 0: only words, nothing changes */
    ud_err error;          /* as `msg` names it, UD_OK where it does not */
    bool has_code;
    int64_t code;
    char words[UD_MQTT_WORDS_BYTES_MAX + 1]; /* for the history */
};

/** Of `status`. UD_ERR_SHAPE. */
ud_err ud_mqtt_status_parse(struct ud_bytes json, struct ud_mqtt_status *status);
/** Of `online`. UD_ERR_SHAPE. */
ud_err ud_mqtt_online_parse(struct ud_bytes json, bool *online);
/** Of `cmd/ack`: which command, and whether it was taken. UD_ERR_SHAPE. */
ud_err ud_mqtt_cmd_ack_parse(struct ud_bytes json, int64_t *id, bool *taken);
/** Of `attrs`: an object of strings within the limits of attributes. The caller's to json_decref(). UD_ERR_SHAPE. */
ud_err ud_mqtt_attrs_parse(struct ud_bytes json, json_t **attributes);

#endif
