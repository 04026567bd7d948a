/* DDI base poll: answered from memory. */
#include "server/handlers.h"

#include "server/actions.h"
#include "server/offer_gate.h"
#include "server/poll_interval.h"
#include "server/scheduler.h"

#include <stdio.h>

struct place {
    struct ud_json *json;
    const char *base;
    const struct ud_call *call;
    struct ud_offer_gate gate;
};

/* "…/{tenant}/controller/v1/{name}" + tail, as a link */
static void link_to(const struct place *place, const char *rel, const char *kind, int32_t action,
                    const char *query)
{
    char href[3 * UD_NAME_BYTES_MAX + 512];
    char tail[32] = "";
    if (action != 0) {
        snprintf(tail, sizeof tail, "/%d", action);
    }
    snprintf(href, sizeof href, "%s%s/%s%s%s", place->base, place->call->device_path, kind, tail, query);
    ud_json_open(place->json, rel, '{');
    ud_json_string(place->json, "href", href);
    ud_json_close(place->json, '}');
}

static void write_links(const struct place *place)
{
    const struct ud_fleet_device *device = &place->call->device;
    if (device->current_action != 0 && device->canceling) {
        link_to(place, "cancelAction", "cancelAction", device->current_action, "");
    } else if (place->gate.waits) {
        link_to(place, "confirmationBase", "confirmationBase", device->current_action, "?c=1");
    } else if (
        place->gate
            .offered) { /* while a window is shut the link is held back: some clients take a shut one for done */
        link_to(place, "deploymentBase", "deploymentBase", device->current_action,
                place->gate.forced ? "?c=1" : "?c=2");
    }
    if (device->finished_action != 0) {
        link_to(place, "installedBase", "installedBase", device->finished_action, "");
    }
    if (device->wants_attributes) {
        link_to(place, "configData", "configData", 0, "");
    }
}

static void write_sleep(struct ud_json *json, uint64_t poll_s)
{
    char sleep[16];
    snprintf(sleep, sizeof sleep, "%02u:%02u:%02u", (unsigned)(poll_s / 3600 % 24),
             (unsigned)(poll_s / 60 % 60), (unsigned)(poll_s % 60));
    ud_json_open(json, "config", '{');
    ud_json_open(json, "polling", '{');
    ud_json_string(json, "sleep", sleep);
    ud_json_close(json, '}');
    ud_json_close(json, '}');
}

static void say(struct ud_call *call, const struct ud_offer_gate *gate)
{
    const char *base = NULL;
    const ud_err err = ud_call_base_url(call, &base);
    if (err != UD_OK) {
        ud_call_error(call, err, "the Host header cannot stand in a link");
        return;
    }
    ud_metric_add(&call->server->metrics, UD_METRIC_POLLS, 1);
    struct ud_interval interval;
    ud_poll_interval(call, &interval);
    struct ud_json json = ud_call_json(call, 200);
    const struct place place = {.json = &json, .base = base, .call = call, .gate = *gate};
    const uint32_t sleep_s =
        ud_poll_sleep_s(&call->device, &place.gate, &interval, &call->settings, call->now_ms);
    if (sleep_s != call->device.told_s) {
        ud_fleet_told(call->server->fleet, call->device.id, sleep_s);
    }
    ud_json_open(&json, NULL, '{');
    write_sleep(&json, sleep_s);
    ud_json_open(&json, "_links", '{');
    write_links(&place);
    ud_json_close(&json, '}');
    ud_json_close(&json, '}');
    ud_ddi_type(call);
    ud_call_etag(call);
}

/* --- a window that is over: the first poll behind it asks the action to end, and tells the device so */

struct lapse {
    struct ud_row_device device;
};

static ud_err end_lapsed(struct ud_call *call, struct ud_store *store)
{
    struct lapse *lapse = call->data;
    const ud_err err =
        ud_action_lapse(store, call->tenant, call->device.id, call->device.current_action, call->now_ms);
    return err == UD_OK ? ud_store_device_get(store, call->device.id, &lapse->device) : err;
}

static void lapse_committed(struct ud_call *call)
{
    const struct lapse *lapse = call->data;
    ud_refresh_fleet(call, &lapse->device);
    ud_fleet_lapse_asked(call->server->fleet, call->device.id, call->device.current_action);
    ud_scheduler_wake(call->server->scheduler);
}

static void lapsed(struct ud_call *call, ud_err err)
{
    struct ud_fleet_device now;
    struct ud_offer_gate gate;
    err = err == UD_OK ? ud_fleet_get(call->server->fleet, call->device.id, &now) : err;
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    call->device = now;
    ud_offer_look(&call->device, call->now_ms, &gate);
    say(call, &gate);
}

static void answer(struct ud_call *call)
{
    struct ud_offer_gate gate;
    ud_offer_look(&call->device, call->now_ms, &gate);
    if (!gate.lapsed || call->device.lapse_asked == call->device.current_action) {
        say(call, &gate);
        return;
    }
    call->data = ud_call_alloc(call, sizeof(struct lapse));
    if (call->data != NULL) {
        ud_call_write_then(call, end_lapsed, lapse_committed, lapsed);
    }
}

void ud_ddi_poll(struct ud_call *call)
{
    if (call->unknown) {
        ud_ddi_register(call, answer);
    } else {
        answer(call);
    }
}
