/* DDI feedback on actions and cancelations, and configData. */
#include "server/handlers.h"

#include "server/actions.h"
#include "server/attributes.h"
#include "server/scheduler.h"

#define MESSAGES_BYTES_MAX (UD_FEEDBACK_DETAILS_MAX * (6 * UD_FEEDBACK_DETAIL_BYTES_MAX + 8))

struct given {
    int32_t id;
    bool on_cancel;
    struct ud_feedback feedback;
    struct ud_row_action action;
    bool closed;
    struct ud_row_device device; /* as it is after the work, when the action ended */
};

/* Position of a word in a list; false for another word. */
static bool find_word(json_t *value, const char *const *words, size_t count, size_t *index)
{
    const char *word = json_string_value(value);
    for (size_t i = 0; word != NULL && i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Our agent, and people's scripts, may name an error of the list in a detail. */
static ud_err error_named_in(const char *detail)
{
    const size_t len = strspn(detail, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    for (uint32_t value = 16; value < 256 && strncmp(detail, "UD_ERR_", 7) == 0; value++) {
        ud_err err;
        if (ud_err_from_value(value, &err) && strlen(ud_err_name(err)) == len &&
            memcmp(ud_err_name(err), detail, len) == 0) {
            return err;
        }
    }
    return UD_OK;
}

static void take_detail(struct ud_feedback *feedback, struct ud_json *json, json_t *detail)
{
    const char *text = json_string_value(detail);
    const size_t len = json_string_length(detail);
    if (feedback->error == UD_OK) {
        feedback->error = error_named_in(text);
    }
    feedback->trial = feedback->trial || strcmp(text, "trial") == 0;
    ud_json_string_n(json, NULL, text, len > UD_FEEDBACK_DETAIL_BYTES_MAX ? UD_FEEDBACK_DETAIL_BYTES_MAX : len);
}

/* details → JSON array in the call's memory */
static ud_err take_details(struct ud_call *call, struct ud_feedback *feedback, json_t *details)
{
    struct ud_text text;
    size_t i;
    json_t *detail;
    if (details != NULL && !json_is_null(details) && !json_is_array(details)) {
        return UD_ERR_SHAPE;
    }
    if (json_array_size(details) > UD_FEEDBACK_DETAILS_MAX) {
        return UD_ERR_LIMIT;
    }
    ud_text_init(&text, MESSAGES_BYTES_MAX);
    struct ud_json json = {&text, false};
    ud_err err = UD_OK;
    ud_json_open(&json, NULL, '[');
    json_array_foreach(details, i, detail)
    {
        if (!json_is_string(detail)) {
            err = UD_ERR_SHAPE;
            break;
        }
        take_detail(feedback, &json, detail);
    }
    ud_json_close(&json, ']');
    char *kept = err == UD_OK && ud_text_ok(&text) ? ud_call_alloc(call, text.len + 1) : NULL;
    if (kept != NULL) {
        memcpy(kept, text.ptr, text.len + 1);
        feedback->messages = kept;
    } else if (err == UD_OK) {
        err = UD_ERR_MEMORY;
    }
    ud_text_free(&text);
    return err;
}

static ud_err parse_status(struct ud_call *call, struct ud_feedback *feedback, json_t *status)
{
    static const char *const executions[UD_EXECUTION_COUNT] = {
        [UD_EXECUTION_CLOSED] = "closed",     [UD_EXECUTION_PROCEEDING] = "proceeding",
        [UD_EXECUTION_CANCELED] = "canceled", [UD_EXECUTION_SCHEDULED] = "scheduled",
        [UD_EXECUTION_REJECTED] = "rejected", [UD_EXECUTION_RESUMED] = "resumed",
        [UD_EXECUTION_DOWNLOAD] = "download", [UD_EXECUTION_DOWNLOADED] = "downloaded"};
    static const char *const finishes[UD_FINISHED_COUNT] = {
        [UD_FINISHED_SUCCESS] = "success", [UD_FINISHED_FAILURE] = "failure", [UD_FINISHED_NONE] = "none"};
    size_t execution;
    size_t finished;
    json_t *result = json_object_get(status, "result");
    if (!find_word(json_object_get(status, "execution"), executions, UD_EXECUTION_COUNT, &execution) ||
        !find_word(json_object_get(result, "finished"), finishes, UD_FINISHED_COUNT, &finished)) {
        return UD_ERR_SHAPE;
    }
    feedback->execution = (ud_execution)execution;
    feedback->finished = (ud_finished)finished;
    json_t *code = json_object_get(status, "code");
    feedback->has_code = json_is_integer(code);
    feedback->code = json_integer_value(code);
    return take_details(call, feedback, json_object_get(status, "details"));
}

static ud_err apply(struct ud_call *call, struct ud_store *store)
{
    struct given *given = call->data;
    ud_err err = ud_action_feedback(store, call->tenant, call->device.id, given->id, given->on_cancel,
                                    &given->feedback, call->now_ms, &given->action, &given->closed);
    const bool changed = given->closed || given->on_cancel;
    return err == UD_OK && changed ? ud_store_device_get(store, call->device.id, &given->device) : err;
}

static void applied(struct ud_call *call)
{
    const struct given *given = call->data;
    if (given->closed || given->on_cancel) {
        ud_refresh_fleet(call, &given->device);
        ud_scheduler_wake(call->server->scheduler);
    }
}

static void answer(struct ud_call *call, ud_err err)
{
    const struct given *given = call->data;
    if (err != UD_OK) {
        const unsigned status = err == UD_ERR_STATE ? 405 : ud_http_status_of(err);
        ud_call_error_status(call, status, err, NULL);
        return;
    }
    if (given->closed) {
        char id[24];
        ud_log_event(&call->server->log, UD_LOG_INFO, "action-ended", "device", call->device.name, "action",
                     ud_log_int(id, given->id), "state", ud_action_state_name(given->action.state), "error",
                     ud_err_name(given->action.error), "proof", "claimed", NULL);
    }
    ud_metric_add(&call->server->metrics, UD_METRIC_FEEDBACKS, 1);
    ud_call_status(call, 200); /* exactly 200: clients take any other success for a failure */
}

static void feedback(struct ud_call *call, bool on_cancel)
{
    struct given *given = ud_call_alloc(call, sizeof *given);
    if (given == NULL) {
        return;
    }
    if (!ud_call_id(call->param[2], &given->id)) {
        ud_call_error(call, UD_ERR_NOT_FOUND, NULL);
        return;
    }
    json_t *body = ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    given->on_cancel = on_cancel;
    const ud_err err = parse_status(call, &given->feedback, json_object_get(body, "status"));
    json_decref(body);
    if (err != UD_OK) {
        ud_call_error(call, err,
                      "status.execution, status.result.finished or status.details is not as DDI says");
        return;
    }
    call->data = given;
    const bool may_end = on_cancel || given->feedback.execution == UD_EXECUTION_CLOSED ||
                         given->feedback.execution == UD_EXECUTION_CANCELED ||
                         given->feedback.execution == UD_EXECUTION_DOWNLOADED;
    call->want = (struct ud_store_want){.device = call->device.id, .action = given->id, .row = may_end};
    ud_call_write_then(call, apply, applied, answer);
}

void ud_ddi_deployment_feedback(struct ud_call *call)
{
    feedback(call, false);
}

void ud_ddi_cancel_feedback(struct ud_call *call)
{
    feedback(call, true);
}

/* --- configData */

struct attributes {
    ud_attributes_mode mode;
    json_t *data; /* owned until the work is done */
    struct ud_row_device device;
};

static ud_err set_attributes(struct ud_call *call, struct ud_store *store)
{
    struct attributes *given = call->data;
    const ud_err err = ud_attributes_combine(store, call->tenant, call->device.id, given->data, given->mode);
    return err == UD_OK ? ud_store_device_get(store, call->device.id, &given->device) : err;
}

static void attributes_committed(struct ud_call *call)
{
    const struct attributes *given = call->data;
    ud_refresh_fleet(call, &given->device);
    ud_scheduler_wake(call->server->scheduler);
}

static void attributes_answer(struct ud_call *call, ud_err err)
{
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 200);
}

static void attributes_release(struct ud_call *call)
{
    const struct attributes *given = call->data;
    json_decref(given->data);
}

void ud_ddi_config_data(struct ud_call *call)
{
    static const char *const modes[] = {"merge", "replace", "remove"};
    struct attributes *given = ud_call_alloc(call, sizeof *given);
    json_t *body = given == NULL ? NULL : ud_call_json_body(call);
    if (body == NULL) {
        return;
    }
    size_t mode = UD_ATTRIBUTES_MERGE;
    json_t *mode_word = json_object_get(body, "mode");
    const bool mode_good = mode_word == NULL || json_is_null(mode_word) ||
                           find_word(mode_word, modes, sizeof modes / sizeof modes[0], &mode);
    given->mode = (ud_attributes_mode)mode;
    given->data = json_incref(json_object_get(body, "data"));
    json_decref(body);
    call->data = given;
    call->release = attributes_release;
    if (!mode_good || ud_attributes_check(given->data) != UD_OK) {
        ud_call_error(
            call, UD_ERR_SHAPE,
            "data must be an object of strings, each at most 128 bytes; mode merge, replace or remove");
        return;
    }
    ud_call_write_then(call, set_attributes, attributes_committed, attributes_answer);
}
