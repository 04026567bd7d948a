#include "server/announce.h"

#include "server/http.h"
#include "server/lwm2m/turn.h"
#include "server/server.h"

static void say(void *ctx, ud_err err, const char *words)
{
    const struct ud_server *server = ctx;
    if (err == UD_OK) {
        ud_log_event(&server->log, UD_LOG_INFO, "announce", "name", words, NULL);
    } else {
        ud_log_event(&server->log, UD_LOG_WARN, "announce", "error", ud_err_name(err), "message", words, "next",
                     ud_err_remedy(err), NULL);
    }
}

ud_err ud_announce_open(struct ud_announcer **announcer, const struct ud_server *server)
{
    const struct ud_announcer_config config = {
        .name = server->config.announce, .say = say, .ctx = (void *)(uintptr_t)server};
    *announcer = NULL;
    if (server->config.announce[0] == '\0') {
        return UD_OK;
    }
    const ud_err err = ud_announcer_open(announcer, &config);
    if (err == UD_ERR_DNS_SD) {
        say(config.ctx, err, "Avahi's library (libavahi-client3) is not here");
    }
    return err == UD_ERR_DNS_SD ? UD_OK : err;
}

/* Reachable from elsewhere? */
static bool is_open(const char *address, uint16_t *port, bool *v4)
{
    char host[UD_ADDRESS_BYTES_MAX];
    *v4 = address[0] != '[';
    return ud_config_address(address, host, port) == UD_OK && !ud_config_is_loopback(host);
}

void ud_announce_listening(const struct ud_server *server)
{
    static const struct ud_announced coap[] = {
        {.type = "_lwm2m._udp", .scheme = "coap", .suffix = " (coap)"},
        {.type = "_lwm2m._udp", .scheme = "coaps", .suffix = ""},
    };
    const char *const addresses[] = {server->config.listen_coap, server->config.listen_coaps};
    struct ud_announced services[UD_ANNOUNCED_MAX];
    size_t count = 0;
    uint16_t ports[2];
    uint16_t port = 0;
    bool v4 = false;
    if (server->announcer == NULL) {
        return;
    }
    if (is_open(ud_http_address(server->http, UD_LISTEN_DEVICES), &port, &v4)) { /* so it is with TLS */
        services[count++] = (struct ud_announced){"_updraft._tcp", "https", "", port, v4};
    }
    ud_turn_ports(server->turn, ports);
    for (size_t i = 0; i < 2; i++) {
        if (ports[i] != 0 && is_open(addresses[i], &port, &v4)) {
            services[count] = coap[i];
            services[count].port = ports[i];
            services[count++].v4_only = v4;
        }
    }
    ud_announcer_set(server->announcer, services, count);
}
