#include "server/report_take.h"

#include "server/actions.h"
#include "server/store_console.h"

ud_err ud_report_check(struct ud_told *told, struct ud_bytes bytes)
{
    struct ud_bytes kid;
    struct ud_diag diag;
    const ud_err err = ud_report_kid(bytes, &kid);
    if (err != UD_OK) {
        return err;
    }
    if (!told->device.has_key || !ud_bytes_equal(kid, UD_BYTES_ARRAY(told->device.kid))) {
        return UD_ERR_IDENTITY;
    }
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(told->device.pub)};
    return ud_report_verify(&told->report, bytes, &key, &diag);
}

static ud_err apply(struct ud_told *told, struct ud_store *store, struct ud_bytes bytes, int64_t now_ms)
{
    ud_err err = ud_store_device_get(store, told->device.id, &told->row);
    if (err != UD_OK) {
        return err;
    }
    /* the key may have changed since the signature was checked */
    if (!told->row.has_key || memcmp(told->row.kid, told->device.kid, UD_KID_BYTES) != 0) {
        return UD_ERR_IDENTITY;
    }
    err = ud_action_report(store, &told->row, &told->report, bytes, now_ms, &told->action, &told->again);
    return err == UD_OK ? ud_store_device_get(store, told->device.id, &told->row) : err;
}

/* What the report is refused for, before anything was written; everything else is a failure of ours. */
static bool is_refusal(ud_err err)
{
    return err == UD_ERR_IDENTITY || err == UD_ERR_SHAPE || err == UD_ERR_NONCE || err == UD_ERR_COUNTER;
}

ud_err ud_report_keep_refused(const struct ud_told *told, struct ud_store *store, struct ud_bytes bytes,
                              int64_t now_ms)
{
    return ud_store_refused_add(store, told->device.tenant, told->device.id, told->refused, bytes, now_ms);
}

ud_err ud_report_apply(struct ud_told *told, struct ud_store *store, struct ud_bytes bytes, int64_t now_ms)
{
    told->refused = UD_OK; /* it may be the second time: writer.h */
    const ud_err err = apply(told, store, bytes, now_ms);
    if (!is_refusal(err)) {
        return err;
    }
    told->refused = err;
    return ud_report_keep_refused(told, store, bytes, now_ms);
}

void ud_report_log(struct ud_server *server, const struct ud_told *told, ud_err err)
{
    char id[24];
    if (err != UD_OK) {
        ud_metric_add(&server->metrics, UD_METRIC_REPORTS_REFUSED, 1);
        ud_log_event(&server->log, UD_LOG_WARN, "report-refused", "device", told->device.name, "error",
                     ud_err_name(err), NULL);
        return;
    }
    ud_metric_add(&server->metrics, UD_METRIC_REPORTS_ACCEPTED, 1);
    ud_log_event(&server->log, UD_LOG_INFO, told->again ? "report-again" : "report", "device",
                 told->device.name, "action", told->action.id == 0 ? NULL : ud_log_int(id, told->action.id),
                 "state", told->action.id == 0 ? NULL : ud_action_state_name(told->action.state), "error",
                 ud_err_name(told->report.result), "proof", "signed", NULL);
}
