/* Signed reports over CoAP: POST /report, the same bytes as on every road (docs/formats.md section 3). */
#include "server/lwm2m/hub.h"

#include "server/actions.h"
#include "server/report_take.h"
#include "server/scheduler.h"

#include <stdlib.h>

struct reporting {
    struct ud_later later; /* first */
    struct ud_told told;
    size_t bytes;
    uint8_t body[UD_REPORT_BYTES_MAX];
};

static ud_err store_report(struct ud_later *later, struct ud_store *store)
{
    struct reporting *reporting = (struct reporting *)(void *)later;
    return ud_report_apply(&reporting->told, store, (struct ud_bytes){reporting->body, reporting->bytes},
                           ud_server_now_ms());
}

static ud_err keep_refused(struct ud_later *later, struct ud_store *store)
{
    const struct reporting *reporting = (const struct reporting *)(const void *)later;
    return ud_report_keep_refused(&reporting->told, store, (struct ud_bytes){reporting->body, reporting->bytes},
                                  ud_server_now_ms());
}

static void committed(struct ud_later *later)
{
    const struct reporting *reporting = (const struct reporting *)(const void *)later;
    if (reporting->told.refused != UD_OK) {
        return;
    }
    (void)ud_fleet_put(later->lw->server->fleet, &reporting->told.row);
    ud_scheduler_wake(later->lw->server->scheduler);
}

static uint8_t code_of(ud_err err)
{
    return err == UD_ERR_SIGNATURE || err == UD_ERR_IDENTITY ? UD_COAP_403_FORBIDDEN
           : err == UD_ERR_NONCE || err == UD_ERR_COUNTER    ? UD_COAP_409_CONFLICT
           : err == UD_ERR_STORE || err == UD_ERR_DISK_FULL  ? UD_COAP_500_INTERNAL
                                                             : UD_COAP_400_BAD_REQUEST;
}

static void reported(struct ud_later *later)
{
    const struct reporting *reporting = (const struct reporting *)(const void *)later;
    const ud_err err = later->err == UD_OK ? reporting->told.refused : later->err;
    ud_report_log(later->lw->server, &reporting->told, err);
    if (later->remote == NULL) {
        return;
    }
    if (err == UD_OK) {
        ud_later_code(later, UD_COAP_204_CHANGED);
    } else {
        ud_endpoint_reply_err(later->lw->endpoint, later->remote, &later->asked, code_of(err), err);
    }
}

void ud_report_post(struct ud_request *request)
{
    struct ud_lwm2m *lw = request->lw;
    const int64_t device = ud_request_device(request);
    struct reporting *reporting = calloc(1, sizeof *reporting);
    ud_err err = reporting == NULL ? UD_ERR_MEMORY : UD_OK;
    if (err == UD_OK) {
        err = device == 0 ? UD_ERR_NOT_FOUND : ud_fleet_get(lw->server->fleet, device, &reporting->told.device);
    }
    if (err == UD_OK && request->body.len > UD_REPORT_BYTES_MAX) {
        err = UD_ERR_TOO_LARGE;
    }
    if (err == UD_OK) {
        reporting->bytes = request->body.len;
        if (request->body.len > 0) {
            memcpy(reporting->body, request->body.ptr, request->body.len);
        }
        reporting->told.refused =
            ud_report_check(&reporting->told, (struct ud_bytes){reporting->body, reporting->bytes});
    }
    if (err != UD_OK) {
        free(reporting);
        const uint8_t code = err == UD_ERR_NOT_FOUND   ? UD_COAP_401_UNAUTHORIZED
                             : err == UD_ERR_TOO_LARGE ? UD_COAP_413_TOO_LARGE
                                                       : code_of(err);
        ud_endpoint_reply_err(lw->endpoint, request->remote, request->asked, code, err);
        return;
    }
    reporting->later.run = reporting->told.refused == UD_OK ? store_report : keep_refused;
    reporting->later.committed = committed;
    reporting->later.finish = reported;
    (void)ud_later_begin(&reporting->later, lw, request);
}
