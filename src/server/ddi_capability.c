/* The URI of an artifact that a LwM2M device was given, over HTTP: the same path, the same capability. */
#include "server/handlers.h"

#include "server/lwm2m/turn.h"

struct asked {
    int64_t tenant;
    int32_t release;
    struct ud_row_release_artifact row;
};

static ud_err find_file(struct ud_call *call, struct ud_store *store)
{
    struct asked *asked = call->data;
    struct ud_row_release release;
    const ud_err err = ud_store_release_get(store, asked->tenant, asked->release, &release);
    if (err != UD_OK || release.recalled_ms != 0) {
        return err == UD_OK ? UD_ERR_RECALLED : err;
    }
    return ud_store_release_artifact_find(store, asked->release, call->param[1], &asked->row);
}

static void send_asked(struct ud_call *call)
{
    const struct asked *asked = call->data;
    ud_send_artifact(call, &asked->row.artifact, asked->row.filename);
}

void ud_device_fw(struct ud_call *call)
{
    struct asked *asked = ud_call_alloc(call, sizeof *asked);
    struct ud_fleet_device device;
    int64_t id = 0;
    if (asked == NULL) {
        return;
    }
    call->data = asked;
    ud_err err = ud_turn_capability(call->server->turn, call->param[0], &id, &asked->release);
    err = err == UD_OK ? ud_fleet_get(call->server->fleet, id, &device) : err;
    err = err == UD_OK && !ud_ddi_may_read(&device, asked->release) ? UD_ERR_NOT_FOUND : err;
    asked->tenant = err == UD_OK ? device.tenant : 0;
    err = err == UD_OK ? ud_call_read(call, find_file) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_with_artifact(call, &asked->row.artifact, send_asked);
}
