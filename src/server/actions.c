#include "server/actions.h"

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
    return ud_store_action_set(store, action);
}

static void end_action(struct ud_row_action *action, ud_action_state state, ud_err error)
{
    UD_ASSERT(state >= UD_ACTION_CONFIRMED);
    action->state = state;
    action->active = false;
    action->canceling = false;
    action->error = error;
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
    return enter(store, action, feedback->messages, feedback, now_ms);
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

#define ACTIVE_MAX 32

static ud_err cancel_active(struct ud_store *store, const struct ud_row_device *device,
                            const struct ud_row_release *release, int64_t now_ms)
{
    int32_t ids[ACTIVE_MAX];
    size_t count = 0;
    ud_err err = ud_store_action_active(store, device->id, ids, ACTIVE_MAX, &count);
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        struct ud_row_action old;
        err = ud_store_action_get(store, device->tenant, ids[i], device->id, &old);
        if (err == UD_OK && old.release == release->id && !old.canceling) {
            return UD_ERR_DUPLICATE;
        }
        err = err == UD_OK
                  ? ud_action_cancel(store, &old, now_ms, "[\"Update Server: replaced by a newer action\"]")
                  : err;
    }
    return err == UD_OK && count == ACTIVE_MAX ? UD_ERR_LIMIT : err;
}

ud_err ud_action_offer(struct ud_store *store, const struct ud_row_device *device,
                       const struct ud_row_release *release, int64_t now_ms, struct ud_row_action *action)
{
    if (release->foreign && (!device->foreign || device->type_id != release->type_id)) {
        return UD_ERR_NOT_FOREIGN;
    }
    ud_err err = cancel_active(store, device, release, now_ms);
    if (err != UD_OK) {
        return err;
    }
    *action = (struct ud_row_action){
        .tenant = device->tenant,
        .device = device->id,
        .release = release->id,
        .state = UD_ACTION_OFFERED,
        .active = true,
        .created_ms = now_ms,
        .updated_ms = now_ms,
    };
    err = ud_random(action->nonce, sizeof action->nonce);
    err = err == UD_OK ? ud_store_action_add(store, action) : err;
    return err == UD_OK ? enter(store, action, "[\"Update Server: offered\"]", NULL, now_ms) : err;
}
