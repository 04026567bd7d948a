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

static ud_err apply(struct ud_call *call, struct ud_store *store)
{
    struct installed *said = call->data;
    struct ud_row_release release;
    int32_t id;
    ud_err err = ud_store_device_get(store, call->device.id, &said->device);
    err = err == UD_OK ? ud_store_release_named(store, call->tenant, said->name, said->version, &release) : err;
    err = err == UD_OK ? ud_action_claim(store, &said->device, &release,
                                         "[\"the device says that it runs this, put there by other means\"]",
                                         call->now_ms, &said->known, &id)
                       : err;
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
