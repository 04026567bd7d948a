/* The URI of an artifact that a LwM2M device was given, over HTTP: the same path, the same capability, the limits of every download. */
#include "server/handlers.h"

#include "server/lwm2m/turn.h"
#include "server/release_files.h"

struct asked {
    struct ud_download_share share;
    struct ud_fleet_device device;
    int32_t release;
    struct ud_row_release_artifact row;
};

static ud_err find_file(struct ud_call *call, struct ud_store *store)
{
    struct asked *asked = call->data;
    const ud_err err = ud_download_share_of(store, &asked->device, asked->release, &asked->share);
    return err == UD_OK
               ? ud_release_file_find(store, asked->device.tenant, asked->release, call->param[1], &asked->row)
               : err;
}

static void send_asked(struct ud_call *call)
{
    struct asked *asked = call->data;
    ud_send_artifact(call, &asked->row.artifact, asked->row.filename);
    ud_send_within_limits(call, &asked->share);
}

void ud_device_fw(struct ud_call *call)
{
    struct asked *asked = ud_call_alloc(call, sizeof *asked);
    int64_t id = 0;
    if (asked == NULL) {
        return;
    }
    call->data = asked;
    ud_err err = ud_turn_capability(call->server->turn, call->param[0], &id, &asked->release);
    err = err == UD_OK ? ud_fleet_get(call->server->fleet, id, &asked->device) : err;
    err = err == UD_OK && !ud_ddi_may_read(&asked->device, asked->release) ? UD_ERR_NOT_FOUND : err;
    err = err == UD_OK ? ud_call_read(call, find_file) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_with_artifact(call, &asked->row.artifact, send_asked);
}
