#include "server/auto_confirm.h"

#include "server/actions.h"
#include "server/api_shared.h"
#include "server/store_mgmt.h"

#include <stdio.h>
#include <stdlib.h>

#define ACTIVE_MAX 32

/* Kept as pairs of the device: since, who, remark. */
static void take_pair(void *ctx, const char *key, const char *value, bool visible)
{
    struct ud_auto_confirm *found = ctx;
    (void)visible;
    if (strcmp(key, "since") == 0) {
        found->active = true;
        found->since_ms = strtoll(value, NULL, 10);
    } else if (strcmp(key, "who") == 0) {
        snprintf(found->who, sizeof found->who, "%s", value);
    } else if (strcmp(key, "remark") == 0) {
        snprintf(found->remark, sizeof found->remark, "%s", value);
    }
}

ud_err ud_auto_confirm_get(struct ud_store *store, int64_t device, struct ud_auto_confirm *found)
{
    *found = (struct ud_auto_confirm){.active = false};
    return ud_store_pair_list(store, UD_PAIRS_CONFIRM, device, NULL, take_pair, found);
}

static ud_err confirm_waiting(struct ud_store *store, const struct ud_row_device *device, int64_t now_ms)
{
    int32_t ids[ACTIVE_MAX];
    size_t count = 0;
    ud_err err = ud_store_action_active(store, device->id, ids, ACTIVE_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        struct ud_row_action action;
        err = ud_store_action_get(store, device->tenant, ids[i], device->id, &action);
        if (err == UD_OK && action.terms.waits) {
            err = ud_action_consent(store, &action, true, "[\"Update Server: confirmed by auto-confirmation\"]",
                                    now_ms);
        }
    }
    return err;
}

ud_err ud_auto_confirm_begin(struct ud_store *store, const struct ud_row_device *device,
                             const struct ud_auto_confirm *asked, int64_t now_ms)
{
    char since[24];
    struct ud_auto_confirm found;
    ud_err err = ud_auto_confirm_get(store, device->id, &found);
    if (err != UD_OK || found.active) {
        return err == UD_OK ? UD_ERR_CONFLICT : err;
    }
    snprintf(since, sizeof since, "%lld", (long long)now_ms);
    err = ud_store_pair_set(store, UD_PAIRS_CONFIRM, device->id, "since", since, false);
    err = err == UD_OK ? ud_store_pair_set(store, UD_PAIRS_CONFIRM, device->id, "who", asked->who, false) : err;
    err = err == UD_OK ? ud_store_pair_set(store, UD_PAIRS_CONFIRM, device->id, "remark", asked->remark, false)
                       : err;
    return err == UD_OK ? confirm_waiting(store, device, now_ms) : err;
}

ud_err ud_auto_confirm_end(struct ud_store *store, int64_t device)
{
    static const char *const keys[] = {"since", "who", "remark"};
    ud_err err = UD_OK;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && err == UD_OK; i++) {
        err = ud_store_pair_remove(store, UD_PAIRS_CONFIRM, device, keys[i]);
        err = err == UD_ERR_NOT_FOUND ? UD_OK : err;
    }
    return err;
}

ud_err ud_auto_confirm_take(void *body, struct ud_auto_confirm *asked)
{
    const ud_err err = ud_take_string(body, "initiator", asked->who, UD_CONFIRM_WHO_BYTES_MAX, false);
    return err == UD_OK ? ud_take_string(body, "remark", asked->remark, UD_CONFIRM_REMARK_BYTES_MAX, false)
                        : err;
}

void ud_auto_confirm_write(struct ud_json *json, const struct ud_auto_confirm *found)
{
    ud_json_bool(json, "active", found->active);
    if (found->active) {
        ud_json_string(json, "initiator", found->who);
        ud_json_string(json, "remark", found->remark);
        ud_json_int(json, "activatedAt", found->since_ms);
    }
}
