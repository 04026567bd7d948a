/* Signed reports and enrolments: docs/formats.md sections 3, 4, 7. */
#include "server/handlers.h"

#include "server/report_take.h"
#include "server/scheduler.h"
#include "updraft/cose.h"

static void log_refused(struct ud_call *call, const char *device, const char *event, ud_err err)
{
    ud_metric_add(&call->server->metrics, UD_METRIC_REPORTS_REFUSED, 1);
    ud_log_event(&call->server->log, UD_LOG_WARN, event, "device", device, "error", ud_err_name(err), NULL);
}

static struct ud_bytes body_of(const struct ud_call *call)
{
    return (struct ud_bytes){(const uint8_t *)call->body.ptr, call->body.len};
}

static ud_err apply_report(struct ud_call *call, struct ud_store *store)
{
    return ud_report_apply(call->data, store, body_of(call), call->now_ms);
}

static void report_committed(struct ud_call *call)
{
    const struct ud_told *told = call->data;
    if (told->refused == UD_OK) {
        ud_refresh_fleet(call, &told->row);
        ud_scheduler_wake(call->server->scheduler);
    }
}

static ud_err keep_refused(struct ud_call *call, struct ud_store *store)
{
    return ud_report_keep_refused(call->data, store, body_of(call), call->now_ms);
}

static void report_answer(struct ud_call *call, ud_err err)
{
    const struct ud_told *told = call->data;
    err = err == UD_OK ? told->refused : err;
    ud_report_log(call->server, told, err);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    ud_call_status(call, 200);
}

void ud_device_report(struct ud_call *call)
{
    struct ud_told *told = ud_call_alloc(call, sizeof *told);
    if (told == NULL) {
        return;
    }
    if (call->body.len > UD_REPORT_BYTES_MAX) {
        ud_call_error(call, UD_ERR_TOO_LARGE, NULL);
        return;
    }
    told->device = call->device;
    call->data = told;
    told->refused = ud_report_check(told, body_of(call));
    if (told->refused != UD_OK) {
        ud_call_write(call, keep_refused, report_answer);
        return;
    }
    call->want =
        (struct ud_store_want){.device = call->device.id, .row = true, .newest = told->report.nonce.len > 0};
    ud_call_write_then(call, apply_report, report_committed, report_answer);
}

/* --- enrolment */

struct enrol {
    struct ud_enrolment enrolment;
    uint8_t code_hash[UD_SHA256_BYTES];
    uint8_t kid[UD_KID_BYTES];
    char token[UD_TOKEN_CHARS + 1];
    uint8_t token_hash[UD_SHA256_BYTES];
    struct ud_row_device device;
};

static ud_err apply_enrol(struct ud_call *call, struct ud_store *store)
{
    struct enrol *enrol = call->data;
    ud_err err = ud_store_device_find(store, call->tenant, call->param[1], &enrol->device);
    if (err == UD_ERR_NOT_FOUND) {
        return UD_ERR_AUTH; /* as a wrong code: names are not listed to strangers */
    }
    const int64_t id = enrol->device.id;
    err = err == UD_OK ? ud_store_device_code_use(store, id, enrol->code_hash, call->now_ms) : err;
    err =
        err == UD_OK ? ud_store_device_key_set(store, id, enrol->kid, enrol->enrolment.pub, call->now_ms) : err;
    err = err == UD_OK ? ud_store_device_token_set(store, id, enrol->token_hash) : err;
    return err == UD_OK ? ud_store_device_get(store, id, &enrol->device) : err;
}

static void enrol_committed(struct ud_call *call)
{
    const struct enrol *enrol = call->data;
    ud_refresh_fleet(call, &enrol->device);
}

static void enrol_answer(struct ud_call *call, ud_err err)
{
    const struct enrol *enrol = call->data;
    if (err != UD_OK) {
        log_refused(call, call->param[1], "enrolment-refused", err);
        ud_call_error_status(call, err == UD_ERR_AUTH ? 403 : ud_http_status_of(err), err, NULL);
        return;
    }
    ud_log_event(&call->server->log, UD_LOG_INFO, "enrolled", "device", call->param[1], NULL);
    struct ud_json json = ud_call_json(call, 201);
    ud_json_open(&json, NULL, '{');
    ud_json_string(&json, "token", enrol->token);
    ud_json_close(&json, '}');
}

static ud_err prepare_enrol(struct ud_call *call, struct enrol *enrol)
{
    struct ud_diag diag;
    const struct ud_bytes name = {(const uint8_t *)call->param[1], strlen(call->param[1])};
    ud_err err = ud_enrolment_verify(&enrol->enrolment, body_of(call), &diag);
    if (err == UD_OK && !ud_bytes_equal(enrol->enrolment.name, name)) {
        err = UD_ERR_AUTH;
    }
    err = err == UD_OK ? ud_secret_hash(enrol->enrolment.code, enrol->code_hash) : err;
    err = err == UD_OK ? ud_cose_key_kid(enrol->enrolment.pub, enrol->kid) : err;
    err = err == UD_OK ? ud_secret_make(enrol->token, UD_TOKEN_CHARS) : err;
    const struct ud_bytes token = {(const uint8_t *)enrol->token, UD_TOKEN_CHARS};
    return err == UD_OK ? ud_secret_hash(token, enrol->token_hash) : err;
}

void ud_device_enrol(struct ud_call *call)
{
    struct enrol *enrol = ud_call_alloc(call, sizeof *enrol);
    if (enrol == NULL) {
        return;
    }
    call->data = enrol;
    const ud_err err = prepare_enrol(call, enrol);
    if (err != UD_OK) {
        enrol_answer(call, err);
        return;
    }
    ud_call_write_then(call, apply_enrol, enrol_committed, enrol_answer);
}
