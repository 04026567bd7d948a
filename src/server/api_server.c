/* GET /server: what this server is, how it is set, and how much room is left. Read only: its file says how it is. */
#include "server/api_shared.h"
#include "server/files.h"
#include "server/handlers.h"

#include <stdlib.h>
#include <sys/statvfs.h>

struct listing {
    struct ud_json *json;
};

static void each_setting(void *ctx, const char *name, const char *value, const char *initial, const char *help)
{
    struct ud_json *json = ((const struct listing *)ctx)->json;
    ud_json_open(json, NULL, '{');
    ud_json_string(json, "name", name);
    ud_json_string(json, "value", value);
    ud_json_string(json, "initial", initial);
    ud_json_string(json, "help", help);
    ud_json_close(json, '}');
}

/* Of the file system that the artifacts lie on. */
static void render_room(struct ud_json *json, const struct ud_config *config)
{
    struct statvfs room;
    if (statvfs(ud_config_artifacts(config), &room) != 0) {
        ud_json_null(json, "storage");
        return;
    }
    ud_json_open(json, "storage", '{');
    ud_json_int(json, "size", (int64_t)(room.f_blocks * room.f_frsize));
    ud_json_int(json, "free", (int64_t)(room.f_bavail * room.f_frsize));
    ud_json_close(json, '}');
}

/* Where devices come, and whom they must believe: what a new device is given. */
static void render_addresses(struct ud_json *json, const struct ud_server *server)
{
    char url[UD_ADDRESS_BYTES_MAX + 24];
    char path[UD_PATH_BYTES_MAX];
    const bool plain = server->config.insecure_http;
    snprintf(url, sizeof url, "%s://%s", plain ? "http" : "https",
             ud_http_address(server->http, UD_LISTEN_DEVICES));
    ud_json_string(json, "devicesUrl", url);
    char *ca =
        plain || ud_path_join(path, server->config.state, "ca.pem") != UD_OK ? NULL : realpath(path, NULL);
    ud_json_string(json, "ca", ca); /* whole, to be copied; NULL: the certificate is somebody else's */
    free(ca);
}

void ud_api_server(struct ud_call *call)
{
    if (call->tenant != UD_TENANT_DEFAULT) {
        ud_call_error(call, UD_ERR_FORBIDDEN, "only people of the default tenant see how the server is set");
        return;
    }
    const struct ud_config *config = &call->server->config;
    struct ud_json json = ud_call_json(call, 200);
    struct listing listing = {&json};
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "version", UD_VERSION);
    ud_json_string(&json, "store",
                   strncmp(ud_config_store(config), "postgresql://", 13) == 0 ? "postgresql" : "sqlite");
    ud_json_string(&json, "file", config->file[0] == '\0' ? NULL : config->file);
    ud_json_int(&json, "devices", (int64_t)ud_fleet_count(call->server->fleet));
    render_addresses(&json, call->server);
    render_room(&json, config);
    ud_json_open(&json, "settings", '[');
    ud_config_each(config, each_setting, &listing);
    ud_json_close(&json, ']');
    ud_json_close(&json, '}');
}
