/* DDI PUT installedBase: a device says what it runs already, put there by other means. */
#include "server/handlers.h"

#include "server/actions.h"
#include "server/api_shared.h"
#include "server/scheduler.h"
#include "server/store_mgmt.h"

struct installed {
    char name[UD_TITLE_BYTES_MAX + 1];
    char version[UD_VERSION_BYTES_MAX + 1];
    bool known; /* it was said before */
    struct ud_row_device device;
};

/*
 * It is a claim: an unsigned release on a device whose type an administrator marked so (P3). Where an offer of another
 * release is under way the device is to answer that first.
 */
static ud_err claim(struct ud_call *call, struct ud_store *store, struct installed *said,
                    const struct ud_row_release *release)
{
    static const struct ud_feedback done = {
        .execution = UD_EXECUTION_CLOSED,
        .finished = UD_FINISHED_SUCCESS,
        .messages = "[\"the device says that it runs this, put there by other means\"]"};
    struct ud_row_action action;
    bool closed = false;
    struct ud_row_device *device = &said->device;
    if (!release->foreign || !device->foreign) {
        return UD_ERR_NOT_FOREIGN;
    }
    said->known = device->finished_release == release->id && device->current_action == 0;
    if (said->known) {
        return UD_OK;
    }
    ud_err err = UD_OK;
    if (device->current_action != 0) {
        if (device->current_release != release->id || device->canceling) {
            return UD_ERR_BUSY;
        }
        action.id = device->current_action;
    } else {
        err = ud_action_offer(store, device, release, NULL, call->now_ms, &action);
    }
    return err == UD_OK ? ud_action_feedback(store, call->tenant, device->id, action.id, false, &done,
                                             call->now_ms, &action, &closed)
                        : err;
}

static ud_err apply(struct ud_call *call, struct ud_store *store)
{
    struct installed *said = call->data;
    struct ud_row_release release;
    ud_err err = ud_store_device_get(store, call->device.id, &said->device);
    err = err == UD_OK ? ud_store_release_named(store, call->tenant, said->name, said->version, &release) : err;
    err = err == UD_OK ? claim(call, store, said, &release) : err;
    return err == UD_OK ? ud_store_device_get(store, call->device.id, &said->device) : err;
}

static void applied(struct ud_call *call)
{
    const struct installed *said = call->data;
    ud_refresh_fleet(call, &said->device);
    ud_scheduler_wake(call->server->scheduler);
}

static void answer(struct ud_call *call, ud_err err)
{
    const struct installed *said = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, said->known ? 200 : 201);
}

void ud_ddi_installed_set(struct ud_call *call)
{
    struct installed *said = ud_call_alloc(call, sizeof *said);
    json_t *body = said == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    ud_err err = ud_take_string(body, "name", said->name, UD_TITLE_BYTES_MAX, true);
    err = err == UD_OK ? ud_take_string(body, "version", said->version, UD_VERSION_BYTES_MAX, true) : err;
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err, "name and version of what is installed");
        return;
    }
    call->data = said;
    ud_call_write_then(call, apply, applied, answer);
}
