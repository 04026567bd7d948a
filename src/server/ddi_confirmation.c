/* DDI confirmationBase: the device's side says yes or no to what waits for it. */
#include "server/handlers.h"

#include "server/actions.h"
#include "server/auto_confirm.h"
#include "server/offer_gate.h"

#include <stdio.h>

#define DETAILS_MAX 50

static void link_to(struct ud_call *call, struct ud_json *json, const char *rel, const char *tail)
{
    const char *base = NULL;
    char href[3 * UD_NAME_BYTES_MAX + 512];
    if (ud_call_base_url(call, &base) == UD_OK) {
        snprintf(href, sizeof href, "%s%s/confirmationBase%s", base, call->device_path, tail);
        ud_json_open(json, rel, '{');
        ud_json_string(json, "href", href);
        ud_json_close(json, '}');
    }
}

static ud_err find_auto(struct ud_call *call, struct ud_store *store)
{
    return ud_auto_confirm_get(store, call->device.id, call->data);
}

void ud_ddi_confirmation_base(struct ud_call *call)
{
    struct ud_offer_gate gate;
    struct ud_auto_confirm *found = ud_call_alloc(call, sizeof *found);
    char tail[32];
    call->data = found;
    const ud_err err = found == NULL ? UD_ERR_MEMORY : ud_call_read(call, find_auto);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_offer_look(&call->device, call->now_ms, &gate);
    struct ud_json json = ud_call_json(call, 200);
    ud_json_open(&json, NULL, '{');
    ud_json_open(&json, "autoConfirm", '{');
    ud_auto_confirm_write(&json, found);
    ud_json_close(&json, '}');
    ud_json_open(&json, "_links", '{');
    link_to(call, &json, found->active ? "deactivateAutoConfirm" : "activateAutoConfirm",
            found->active ? "/deactivateAutoConfirm" : "/activateAutoConfirm");
    if (gate.waits) {
        snprintf(tail, sizeof tail, "/%d?c=1", call->device.current_action);
        link_to(call, &json, "confirmationBase", tail);
    }
    ud_json_close(&json, '}');
    ud_json_close(&json, '}');
    ud_ddi_type(call);
    ud_call_etag(call);
}

struct consent {
    int32_t id;
    bool yes;
    json_t *body;
    char messages[512];
    struct ud_row_action action;
    struct ud_row_device device;
};

static void release_consent(struct ud_call *call)
{
    const struct consent *consent = call->data;
    json_decref(consent->body);
}

static ud_err give_consent(struct ud_call *call, struct ud_store *store)
{
    struct consent *consent = call->data;
    ud_err err = ud_store_action_get(store, call->tenant, consent->id, call->device.id, &consent->action);
    err = err == UD_OK
              ? ud_action_consent(store, &consent->action, consent->yes, consent->messages, call->now_ms)
              : err;
    return err == UD_OK ? ud_store_device_get(store, call->device.id, &consent->device) : err;
}

static void consent_committed(struct ud_call *call)
{
    const struct consent *consent = call->data;
    ud_refresh_fleet(call, &consent->device);
}

static void consent_done(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 200); /* exactly 200, as for every feedback */
}

void ud_ddi_confirmation_feedback(struct ud_call *call)
{
    struct consent *consent = ud_call_alloc(call, sizeof *consent);
    if (consent == NULL) {
        return;
    }
    if (!ud_call_id(call->param[2], &consent->id)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    call->data = consent;
    call->release = release_consent;
    consent->body = ud_call_json_body(call);
    if (consent->body == NULL) {
        return;
    }
    const char *word = json_string_value(json_object_get(consent->body, "confirmation"));
    if (word == NULL || (strcmp(word, "confirmed") != 0 && strcmp(word, "denied") != 0) ||
        json_array_size(json_object_get(consent->body, "details")) > DETAILS_MAX) {
        ud_call_error(call, UD_ERR_SHAPE, "confirmation is confirmed or denied");
        return;
    }
    consent->yes = strcmp(word, "confirmed") == 0;
    snprintf(consent->messages, sizeof consent->messages, "[\"Update Server: the device's side %s it\"]",
             consent->yes ? "confirmed" : "denied");
    ud_call_write_then(call, give_consent, consent_committed, consent_done);
}

/* --- auto-confirmation by the device's side */

struct automatic {
    struct ud_auto_confirm asked;
    struct ud_row_device device;
    bool begins;
};

static ud_err set_auto(struct ud_call *call, struct ud_store *store)
{
    struct automatic *automatic = call->data;
    ud_err err = ud_store_device_get(store, call->device.id, &automatic->device);
    if (err == UD_OK && automatic->begins) {
        err = ud_auto_confirm_begin(store, &automatic->device, &automatic->asked, call->now_ms);
    } else if (err == UD_OK) {
        err = ud_auto_confirm_end(store, automatic->device.id);
    }
    return err == UD_OK ? ud_store_device_get(store, call->device.id, &automatic->device) : err;
}

static void auto_committed(struct ud_call *call)
{
    const struct automatic *automatic = call->data;
    ud_refresh_fleet(call, &automatic->device);
}

static struct automatic *begin_auto(struct ud_call *call, bool begins)
{
    struct automatic *automatic = ud_call_alloc(call, sizeof *automatic);
    if (automatic != NULL) {
        automatic->begins = begins;
        snprintf(automatic->asked.who, sizeof automatic->asked.who, "%.*s", UD_CONFIRM_WHO_BYTES_MAX,
                 call->device.name);
        call->data = automatic;
    }
    return automatic;
}

/* The body {"initiator", "remark"} may be missing. */
void ud_ddi_confirmation_auto(struct ud_call *call)
{
    struct automatic *automatic = begin_auto(call, true);
    if (automatic == NULL) {
        return;
    }
    if (call->body.len > 0) {
        json_t *body = ud_call_json_body(call);
        if (body == NULL) {
            return;
        }
        const ud_err err = ud_auto_confirm_take(body, &automatic->asked);
        json_decref(body);
        if (err != UD_OK) {
            ud_call_error(call, err, NULL);
            return;
        }
    }
    ud_call_write_then(call, set_auto, auto_committed, consent_done);
}

void ud_ddi_confirmation_hand(struct ud_call *call)
{
    if (begin_auto(call, false) != NULL) {
        ud_call_write_then(call, set_auto, auto_committed, consent_done);
    }
}
