/* "Poll now": the one command that a device takes from a message broker. */
#include "server/api_shared.h"

#include "server/events.h"

#define DEADLINE_MS (INT64_C(10) * 60 * 1000)

struct ring {
    struct ud_row_device device;
    int64_t id;
    int64_t deadline_ms;
};

static ud_err ring(struct ud_call *call, struct ud_store *store)
{
    struct ring *ring = call->data;
    ring->deadline_ms = call->now_ms + DEADLINE_MS;
    ud_err err = ud_find_device(call, store, call->param[0], &ring->device);
    /* only behind it: who may not see the device learns nothing from the answer */
    err = err == UD_OK && call->server->courier == NULL ? UD_ERR_NO_BROKER : err;
    return err == UD_OK ? ud_event_poll(store, call->tenant, ring->device.name, ring->deadline_ms, call->now_ms,
                                        &ring->id)
                        : err;
}

static void rung(struct ud_call *call, ud_err err)
{
    const struct ring *ring = call->data;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    struct ud_json json = ud_call_json(call, 202);
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "id", ring->id);
    ud_json_int(&json, "deadline", ring->deadline_ms);
    ud_json_close(&json, '}');
}

void ud_api_devices_poll(struct ud_call *call)
{
    call->data = ud_call_alloc(call, sizeof(struct ring));
    if (call->data != NULL) {
        ud_call_write(call, ring, rung);
    }
}
