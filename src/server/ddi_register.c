/*
 * A gateway's token speaks for a device that nobody added: the poll adds it, as hawkBit does. What keeps that small: so
 * many in a minute for each tenant, a largest fleet, a switch of the tenant's, and a name that a person removed stays
 * out until a person adds it.
 */
#include "server/handlers.h"

#include "server/events.h"
#include "server/http_listener.h"
#include "server/scheduler.h"
#include "server/store_rollouts.h"
#include "server/throttle.h"

#include <stdio.h>

struct registering {
    struct ud_row_device device;
    bool added;
    void (*then)(struct ud_call *call);
};

/* It stands in JSON and in paths from now on. */
static bool is_name(const char *name)
{
    json_t *text = strlen(name) > UD_NAME_BYTES_MAX || strchr(name, '%') != NULL ? NULL : json_string(name);
    const bool is = text != NULL && name[0] != '\0'; /* NULL: not UTF-8 */
    json_decref(text);
    return is;
}

static ud_err add(struct ud_call *call, struct ud_store *store, struct ud_row_device *device)
{
    bool removed = true;
    ud_err err = ud_store_device_was_removed(store, call->tenant, call->param[1], &removed);
    if (err != UD_OK || removed) {
        return err == UD_OK ? UD_ERR_AUTH : err;
    }
    *device = (struct ud_row_device){.tenant = call->tenant, .created_ms = call->now_ms};
    memcpy(device->name, call->param[1], strlen(call->param[1]) + 1);
    err = ud_store_device_add(store, device);
    err = err == UD_OK ? ud_store_device_status_set(store, device->id, UD_STATUS_REGISTERED, 0) : err;
    err = err == UD_OK ? ud_store_fact_device(store, call->tenant, device->id) : err;
    err = err == UD_OK
              ? ud_record_entry(store, call->tenant, call->now_ms, "gateway token", "registered", device->name)
              : err;
    return err == UD_OK ? ud_store_device_get(store, device->id, device) : err;
}

static ud_err find_or_add(struct ud_call *call, struct ud_store *store)
{
    struct registering *registering = call->data;
    struct ud_row_device *device = &registering->device;
    const ud_err err = ud_store_device_find(store, call->tenant, call->param[1], device);
    if (err == UD_OK) { /* another request, or another server, was first */
        return device->has_key ? UD_ERR_AUTH : UD_OK;
    }
    const ud_err added = err == UD_ERR_NOT_FOUND ? add(call, store, device) : err;
    registering->added = added == UD_OK;
    return added;
}

static void committed(struct ud_call *call)
{
    const struct registering *registering = call->data;
    ud_refresh_fleet(call, &registering->device);
    ud_scheduler_wake(call->server->scheduler);
}

static void registered(struct ud_call *call, ud_err err)
{
    const struct registering *registering = call->data;
    struct ud_server *server = call->server;
    if (err == UD_ERR_CONFLICT) { /* another server's commit came between */
        err = UD_ERR_RETRY_LATER;
    }
    if (err == UD_OK) {
        ud_metric_add(&server->metrics, UD_METRIC_REGISTERED_BY_GATEWAY, registering->added ? 1 : 0);
        err = ud_fleet_enter_named(server->fleet, call->tenant, call->param[1], call->now_ms, &call->device);
        err = err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err; /* removed again already */
    }
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        if (err == UD_ERR_AUTH) {
            ud_call_header_set(call, "WWW-Authenticate", "TargetToken");
        }
        return;
    }
    if (registering->added) {
        ud_log_event(&server->log, UD_LOG_INFO, "device-added", "device", call->device.name, "by",
                     "gateway token", NULL);
    }
    registering->then(call);
}

/* False: the reply says when to come again. What reaches the store counts, whether it is added or not. */
static bool is_within_limits(struct ud_call *call)
{
    struct ud_server *server = call->server;
    const struct ud_bytes key = {(const uint8_t *)&call->tenant, sizeof call->tenant};
    int64_t wait_ms = 60000;
    if (ud_fleet_count_of(server->fleet, call->tenant) < server->config.gateway_devices_max &&
        ud_throttle_ask(server->new_devices, key, call->now_ms, &wait_ms) == UD_OK) {
        ud_throttle_count(server->new_devices, key, call->now_ms);
        return true;
    }
    char *text = ud_call_alloc(call, 24);
    ud_metric_add(&server->metrics, UD_METRIC_REGISTRATIONS_REFUSED, 1);
    ud_call_error(call, UD_ERR_LIMIT, "no more new devices by this gateway token now");
    if (text != NULL) {
        snprintf(text, 24, "%lld", (long long)((wait_ms + 999) / 1000));
        ud_call_header_set(call, "Retry-After", text);
    }
    return false;
}

void ud_ddi_register(struct ud_call *call, void (*then)(struct ud_call *call))
{
    struct registering *registering = ud_call_alloc(call, sizeof *registering);
    if (registering == NULL) {
        return;
    }
    if (!is_name(call->param[1])) {
        ud_call_error(call, UD_ERR_URI, NULL);
        return;
    }
    if (is_within_limits(call)) {
        registering->then = then;
        call->data = registering;
        ud_call_write_then(call, find_or_add, committed, registered);
    }
}
