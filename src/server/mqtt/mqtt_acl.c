#include "server/mqtt/mqtt_acl.h"

#include "ports/mqtt/topic.h"

#include <string.h>

/*
 * Rules by pattern, so that the file does not change with the fleet: %u is the user name, which for a device is
 * TENANT/DEVICE as in its topics. Names with '+', '#' or '/' of their own cannot occur, they are percent-encoded.
 */
static void write_acl(struct ud_text *text, const struct ud_config *config)
{
    ud_text_puts(text, "# Made by `updraftd mqtt acl`; docs/mqtt.md explains it.\n"
                       "# Nobody may do anything that is not named here. Anonymous clients get nothing.\n\n"
                       "# the server\nuser ");
    ud_text_puts(text, config->mqtt_user[0] == '\0' ? UD_MQTT_SERVER_USER : config->mqtt_user);
    ud_text_puts(text, "\n");
    for (unsigned leaf = 0; leaf < UD_LEAF_COUNT; leaf++) {
        ud_text_puts(text, ud_leaf_is_servers((ud_leaf)leaf) ? "topic write" : "topic read");
        ud_text_puts(text, " updraft/v1/+/+/");
        ud_text_puts(text, ud_leaf_name((ud_leaf)leaf));
        ud_text_puts(text, "\n");
    }
    ud_text_puts(text, "topic write updraft/v1-events/#\n\n"
                       "# every device, in its own part: its user name is TENANT/DEVICE\n");
    for (unsigned leaf = 0; leaf < UD_LEAF_COUNT; leaf++) {
        ud_text_puts(text, ud_leaf_is_servers((ud_leaf)leaf) ? "pattern read" : "pattern write");
        ud_text_puts(text, " updraft/v1/%u/");
        ud_text_puts(text, ud_leaf_name((ud_leaf)leaf));
        ud_text_puts(text, "\n");
    }
    ud_text_puts(text, "\n# who reads a tenant's events, for example\n"
                       "#user dashboard\n#topic read updraft/v1-events/default/#\n");
}

static void write_conf(struct ud_text *text)
{
    ud_text_puts(text,
                 "# Made by `updraftd mqtt conf`: what a mosquitto for Updraft needs. Paths are examples.\n"
                 "per_listener_settings false\n"
                 "listener 8883\n"
                 "cafile /etc/mosquitto/updraft/ca.pem\n"
                 "certfile /etc/mosquitto/updraft/broker.pem\n"
                 "keyfile /etc/mosquitto/updraft/broker.key\n"
                 "tls_version tlsv1.2\n\n"
                 "# who somebody is: by password, or by certificate (common name TENANT/DEVICE)\n"
                 "allow_anonymous false\n"
                 "password_file /etc/mosquitto/updraft/passwords\n"
                 "#require_certificate true\n"
                 "#use_identity_as_username true\n\n"
                 "# what they may do, and that nobody can end another's connection by its client id\n"
                 "acl_file /etc/mosquitto/updraft/acl\n"
                 "use_username_as_clientid true\n\n"
                 "# what waits for who is away\n"
                 "persistence true\n"
                 "persistence_location /var/lib/mosquitto/\n"
                 "max_queued_messages 10000\n"
                 "persistent_client_expiration 14d\n"
                 "message_size_limit 16384\n");
}

bool ud_mqtt_acl_write(struct ud_text *text, const char *what, const struct ud_config *config)
{
    if (strcmp(what, "acl") == 0) {
        write_acl(text, config);
        return true;
    }
    if (strcmp(what, "conf") == 0) {
        write_conf(text);
        return true;
    }
    return false;
}
