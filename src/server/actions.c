#include "server/actions.h"

#include "server/auto_confirm.h"
#include "server/events.h"
#include "server/store_mgmt.h"
#include "server/store_rollouts.h"
#include "server/tenant_settings.h"
#include "updraft/assert.h"

static const char *const state_names[UD_ACTION_STATE_COUNT] = {
    [UD_ACTION_OFFERED] = "offered",         [UD_ACTION_RETRIEVED] = "retrieved",
    [UD_ACTION_DOWNLOADING] = "downloading", [UD_ACTION_DOWNLOADED] = "downloaded",
    [UD_ACTION_INSTALLING] = "installing",   [UD_ACTION_TRIAL] = "trial",
    [UD_ACTION_CONFIRMED] = "confirmed",     [UD_ACTION_CLAIMED] = "claimed",
    [UD_ACTION_REFUSED] = "refused",         [UD_ACTION_REVERTED] = "reverted",
    [UD_ACTION_FAILED] = "failed",           [UD_ACTION_CANCELED] = "canceled",
};

const char *ud_action_state_name(ud_action_state state)
{
    return state > 0 && state < UD_ACTION_STATE_COUNT ? state_names[state] : "?";
}

/* A new entry of the history, and the row as it is now. */
static ud_err enter(struct ud_store *store, struct ud_row_action *action, const char *messages,
                    const struct ud_feedback *feedback, int64_t now_ms)
{
    const struct ud_row_status status = {
        .at_ms = now_ms,
        .state = action->state,
        .canceling = action->canceling,
        .has_code = feedback != NULL && feedback->has_code,
        .code = feedback != NULL ? feedback->code : 0,
        .messages = messages,
    };
    const ud_err err = ud_store_status_add(store, action, &status);
    if (err != UD_OK) {
        return err;
    }
    action->updated_ms = now_ms;
    const ud_err set = ud_store_action_set(store, action);
    return set == UD_OK ? ud_event_action(store, action, now_ms) : set;
}

static void end_action(struct ud_row_action *action, ud_action_state state, ud_err error)
{
    UD_ASSERT(state >= UD_ACTION_CONFIRMED);
    action->state = state;
    action->active = false;
    action->canceling = false;
    action->error = error;
}

ud_err ud_action_settle(struct ud_store *store, const struct ud_row_action *action)
{
    static const ud_device_status ends[UD_ACTION_STATE_COUNT] = {
        [UD_ACTION_CONFIRMED] = UD_STATUS_IN_SYNC, [UD_ACTION_CLAIMED] = UD_STATUS_IN_SYNC,
        [UD_ACTION_REFUSED] = UD_STATUS_FAILED,    [UD_ACTION_REVERTED] = UD_STATUS_REVERTED,
        [UD_ACTION_FAILED] = UD_STATUS_FAILED,
    };
    struct ud_row_device device;
    ud_device_status status = ends[action->state];
    ud_err err = ud_store_device_get(store, action->device, &device);
    int32_t assigned = action->release;
    if (err == UD_OK && device.current_action != 0) {
        status = UD_STATUS_PENDING; /* another one goes on */
        assigned = device.current_release;
    } else if (action->state == UD_ACTION_CANCELED ||
               (action->state == UD_ACTION_CONFIRMED && device.finished_release != action->release)) {
        /* called off, or a trust store: what the device is to run is what it was */
        status = device.finished_release != 0 ? UD_STATUS_IN_SYNC : UD_STATUS_REGISTERED;
        assigned = device.finished_release;
    }
    err = err == UD_OK ? ud_store_device_status_set(store, action->device, status, assigned) : err;
    return err == UD_OK ? ud_store_fact_action(store, action) : err;
}

/* closed/success or closed/none: a claim. It ends a foreign release's action; a signed one waits for its report. */
static ud_err claim_success(struct ud_store *store, struct ud_row_action *action)
{
    struct ud_row_release release;
    const ud_err err = ud_store_release_get(store, action->tenant, action->release, &release);
    if (err != UD_OK) {
        return err;
    }
    if (!release.foreign) {
        action->state = UD_ACTION_TRIAL;
        return UD_OK;
    }
    end_action(action, UD_ACTION_CLAIMED, UD_OK);
    return ud_store_device_finished_set(store, action->device, action->id, action->release);
}

static ud_err apply_feedback(struct ud_store *store, struct ud_row_action *action,
                             const struct ud_feedback *feedback)
{
    switch (feedback->execution) {
    case UD_EXECUTION_CLOSED:
        if (feedback->finished != UD_FINISHED_FAILURE) {
            return claim_success(store, action);
        }
        end_action(action, UD_ACTION_FAILED, feedback->error == UD_OK ? UD_ERR_DEVICE_FAILED : feedback->error);
        return UD_OK;
    case UD_EXECUTION_CANCELED:
        end_action(action, UD_ACTION_CANCELED, UD_ERR_CANCELED);
        return UD_OK;
    case UD_EXECUTION_DOWNLOAD:
        action->state = UD_ACTION_DOWNLOADING;
        return UD_OK;
    case UD_EXECUTION_DOWNLOADED:
        action->state = UD_ACTION_DOWNLOADED;
        if (action->terms.force == UD_FORCE_DOWNLOAD) {
            end_action(action, UD_ACTION_CLAIMED, UD_OK); /* that was all of it; nothing was installed */
        }
        return UD_OK;
    case UD_EXECUTION_PROCEEDING:
    case UD_EXECUTION_RESUMED:
        if (action->state != UD_ACTION_TRIAL) {
            action->state = feedback->trial ? UD_ACTION_TRIAL : UD_ACTION_INSTALLING;
        }
        return UD_OK;
    case UD_EXECUTION_SCHEDULED:
    case UD_EXECUTION_REJECTED:
    case UD_EXECUTION_COUNT:
        return UD_OK; /* into the history only */
    }
    return UD_OK;
}

static void apply_cancel_feedback(struct ud_row_action *action, const struct ud_feedback *feedback)
{
    if (feedback->execution == UD_EXECUTION_CLOSED && feedback->finished != UD_FINISHED_FAILURE) {
        end_action(action, UD_ACTION_CANCELED, UD_ERR_CANCELED);
    } else if (feedback->execution == UD_EXECUTION_CLOSED || feedback->execution == UD_EXECUTION_REJECTED) {
        action->canceling = false; /* the device goes on */
    }
}

ud_err ud_action_feedback(struct ud_store *store, int64_t tenant, int64_t device, int32_t id, bool on_cancel,
                          const struct ud_feedback *feedback, int64_t now_ms, struct ud_row_action *action,
                          bool *closed)
{
    *closed = false;
    ud_err err = ud_store_action_get(store, tenant, id, device, action);
    if (err != UD_OK) {
        return err;
    }
    if (!action
             ->active) { /* late news: a client that starts again repeats them; refusing makes some loop for ever */
        return now_ms - action->updated_ms > UD_ACTION_LATE_MS ? UD_ERR_GONE : UD_OK;
    }
    if (action->status_count >= UD_ACTION_STATUS_MAX) {
        return UD_ERR_LIMIT;
    }
    if (on_cancel && !action->canceling) {
        return UD_ERR_STATE;
    }
    if (on_cancel) {
        apply_cancel_feedback(action, feedback);
    } else {
        err = apply_feedback(store, action, feedback);
    }
    if (err != UD_OK) {
        return err;
    }
    *closed = !action->active;
    err = enter(store, action, feedback->messages, feedback, now_ms);
    return err == UD_OK && *closed ? ud_action_settle(store, action) : err;
}

ud_err ud_action_progress(struct ud_store *store, int64_t tenant, int64_t device,
                          const struct ud_progress *progress, int64_t now_ms, struct ud_row_action *action)
{
    UD_ASSERT(progress->state < UD_ACTION_CONFIRMED);
    const ud_err err = ud_store_action_get(store, tenant, progress->action, device, action);
    if (err != UD_OK) {
        return err;
    }
    const bool later = progress->state > action->state;
    if (!action->active || (progress->state != 0 && !later)) {
        return UD_OK;
    }
    if (action->status_count >= UD_ACTION_STATUS_MAX) {
        return UD_ERR_LIMIT;
    }
    action->state = later ? progress->state : action->state;
    const struct ud_feedback said = {.has_code = progress->has_code, .code = progress->code};
    return enter(store, action, progress->messages, &said, now_ms);
}

ud_err ud_action_retrieved(struct ud_store *store, struct ud_row_action *action, int64_t now_ms)
{
    if (action->state != UD_ACTION_OFFERED) {
        return UD_OK;
    }
    action->state = UD_ACTION_RETRIEVED;
    return enter(store, action, "[\"Update Server: the device fetched the offer\"]", NULL, now_ms);
}

ud_err ud_action_cancel(struct ud_store *store, struct ud_row_action *action, int64_t now_ms, const char *why)
{
    if (!action->active) {
        return UD_ERR_STATE;
    }
    if (action->canceling) {
        return UD_OK;
    }
    action->canceling = true;
    return enter(store, action, why, NULL, now_ms);
}

ud_err ud_action_lapse(struct ud_store *store, int64_t tenant, int64_t device, int32_t id, int64_t now_ms)
{
    struct ud_row_action action;
    const ud_err err = ud_store_action_get(store, tenant, id, device, &action);
    return err == UD_OK && action.active && action.state < UD_ACTION_INSTALLING
               ? ud_action_cancel(store, &action, now_ms, UD_ACTION_LAPSED)
               : err;
}

#define ACTIVE_MAX 32
#define REPLACED "[\"Update Server: replaced by a newer action\"]"

/* First looks at all of them, so that a refusal changes nothing. */
static ud_err cancel_active(struct ud_store *store, const struct ud_row_device *device,
                            const struct ud_row_release *release, const struct ud_terms *terms, int64_t now_ms)
{
    int32_t ids[ACTIVE_MAX];
    struct ud_row_action old;
    size_t count = 0;
    ud_err err = ud_store_action_active(store, device->id, ids, ACTIVE_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        err = ud_store_action_get(store, device->tenant, ids[i], device->id, &old);
        if (err == UD_OK && old.release == release->id && !old.canceling) {
            return UD_ERR_DUPLICATE;
        }
        if (err == UD_OK && terms->rollout != 0 && !old.canceling && old.terms.weight >= terms->weight) {
            return UD_ERR_BUSY;
        }
    }
    bool closes = false; /* without waiting for the device's word */
    err = err == UD_OK && count > 0 ? ud_setting_is_on(store, device->tenant, UD_SETTING_AUTOCLOSE, &closes)
                                    : err;
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        err = ud_store_action_get(store, device->tenant, ids[i], device->id, &old);
        if (err == UD_OK) {
            err = (closes ? ud_action_quit : ud_action_cancel)(store, &old, now_ms, REPLACED);
        }
    }
    return err == UD_OK && count == ACTIVE_MAX ? UD_ERR_LIMIT : err;
}

void ud_terms_init(struct ud_terms *terms)
{
    *terms = (struct ud_terms){.weight = UD_WEIGHT_DEFAULT, .force = UD_FORCE_FORCED};
}

static ud_err may_offer(struct ud_store *store, const struct ud_row_device *device,
                        const struct ud_row_release *release)
{
    if (release->recalled_ms != 0) {
        return UD_ERR_RECALLED;
    }
    if (device->quarantine_ms != 0 && device->quarantine_release != release->id) {
        return UD_ERR_QUARANTINED;
    }
    if (release->foreign &&
        (!device->foreign || (release->type_id != 0 && device->type_id != release->type_id))) {
        return UD_ERR_NOT_FOREIGN;
    }
    if (release->foreign && device->type_id != 0) {
        bool takes = true;
        const ud_err err = ud_store_type_takes(store, device->type_id, release->id, &takes);
        return err == UD_OK && !takes ? UD_ERR_TYPES : err;
    }
    return UD_OK;
}

ud_err ud_action_offer(struct ud_store *store, const struct ud_row_device *device,
                       const struct ud_row_release *release, const struct ud_terms *terms, int64_t now_ms,
                       struct ud_row_action *action)
{
    struct ud_terms usual;
    ud_terms_init(&usual);
    terms = terms == NULL ? &usual : terms;
    ud_err err = may_offer(store, device, release);
    err = err == UD_OK ? cancel_active(store, device, release, terms, now_ms) : err;
    if (err != UD_OK) {
        return err;
    }
    *action = (struct ud_row_action){
        .tenant = device->tenant,
        .device = device->id,
        .release = release->id,
        .state = UD_ACTION_OFFERED,
        .active = true,
        .terms = *terms,
        .created_ms = now_ms,
        .updated_ms = now_ms,
    };
    memcpy(action->device_name, device->name, sizeof action->device_name);
    if (terms->waits) {
        struct ud_auto_confirm consent = {.active = false};
        bool flow = true; /* the tenant may have none */
        err = ud_setting_is_on(store, device->tenant, UD_SETTING_CONSENT, &flow);
        err = err == UD_OK && flow ? ud_auto_confirm_get(store, device->id, &consent) : err;
        action->terms.waits = flow && !consent.active;
    }
    err = err != UD_OK ? err : ud_random(action->nonce, sizeof action->nonce);
    err = err == UD_OK ? ud_store_action_add(store, action) : err;
    err = err == UD_OK ? ud_store_device_status_set(store, device->id, UD_STATUS_PENDING, release->id) : err;
    return err == UD_OK ? enter(store, action, "[\"Update Server: offered\"]", NULL, now_ms) : err;
}

ud_err ud_action_quit(struct ud_store *store, struct ud_row_action *action, int64_t now_ms, const char *why)
{
    if (!action->active) {
        return UD_ERR_STATE;
    }
    end_action(action, UD_ACTION_CANCELED, UD_ERR_CANCELED);
    const ud_err err = enter(store, action, why, NULL, now_ms);
    return err == UD_OK ? ud_action_settle(store, action) : err;
}

ud_err ud_action_force(struct ud_store *store, struct ud_row_action *action, int64_t now_ms)
{
    if (!action->active || action->terms.force == UD_FORCE_DOWNLOAD) {
        return UD_ERR_STATE;
    }
    if (action->terms.force == UD_FORCE_FORCED) {
        return UD_OK;
    }
    action->terms.force = UD_FORCE_FORCED;
    return enter(store, action, "[\"Update Server: forced from now on\"]", NULL, now_ms);
}

ud_err ud_action_claim(struct ud_store *store, const struct ud_row_device *device,
                       const struct ud_row_release *release, const char *messages, int64_t now_ms, bool *known,
                       int32_t *id)
{
    const struct ud_feedback done = {
        .execution = UD_EXECUTION_CLOSED, .finished = UD_FINISHED_SUCCESS, .messages = messages};
    struct ud_row_action action = {.id = device->current_action};
    bool closed = false;
    *known = false;
    if (!release->foreign || !device->foreign) {
        return UD_ERR_NOT_FOREIGN;
    }
    if (device->finished_release == release->id && device->current_action == 0) {
        *known = true;
        return UD_OK;
    }
    if (device->current_action != 0 && (device->current_release != release->id || device->canceling)) {
        return UD_ERR_BUSY; /* the device is to answer that first */
    }
    ud_err err =
        device->current_action != 0 ? UD_OK : ud_action_offer(store, device, release, NULL, now_ms, &action);
    *id = err == UD_OK ? action.id : 0;
    return err == UD_OK ? ud_action_feedback(store, device->tenant, device->id, action.id, false, &done, now_ms,
                                             &action, &closed)
                        : err;
}

ud_err ud_action_consent(struct ud_store *store, struct ud_row_action *action, bool yes, const char *messages,
                         int64_t now_ms)
{
    if (!action->active || !action->terms.waits) {
        return UD_ERR_GONE;
    }
    action->terms.waits = !yes;
    return enter(store, action, messages, NULL, now_ms);
}
