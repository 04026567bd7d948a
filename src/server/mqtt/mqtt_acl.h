/* `updraftd mqtt acl`, `updraftd mqtt conf`: what mosquitto needs so that a device can speak for itself only. */
#ifndef UD_SERVER_MQTT_ACL_H
#define UD_SERVER_MQTT_ACL_H

#include "server/config.h"
#include "server/text.h"

/** `what`: "acl" or "conf". False for another word. */
bool ud_mqtt_acl_write(struct ud_text *text, const char *what, const struct ud_config *config);

#endif
