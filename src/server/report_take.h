/* A signed report, whatever road it came by: who signed, what follows, what the log says. */
#ifndef UD_SERVER_REPORT_TAKE_H
#define UD_SERVER_REPORT_TAKE_H

#include "server/server.h"
#include "updraft/report.h"

struct ud_told {
    struct ud_fleet_device device; /* whose report it must be: set by the caller */
    struct ud_report report;       /* views into the bytes */
    struct ud_row_device row;
    struct ud_row_action action;
    bool again;
    ud_err refused; /* why it was not believed; UD_OK: it was */
};

/** Is it signed by the device's key? UD_ERR_IDENTITY, UD_ERR_SIGNATURE, errors of the format. */
ud_err ud_report_check(struct ud_told *told, struct ud_bytes bytes);
/**
 * On the writer thread: apply it; `row` and `action` are then as they are now. One that is not believed is kept as refused,
 * and told->refused says why: this is UD_OK too, so that it is committed.
 */
ud_err ud_report_apply(struct ud_told *told, struct ud_store *store, struct ud_bytes bytes, int64_t now_ms);
/** On the writer thread: keep one that ud_report_check() refused; told->refused says why. */
ud_err ud_report_keep_refused(const struct ud_told *told, struct ud_store *store, struct ud_bytes bytes,
                              int64_t now_ms);
/** Count and log its end. */
void ud_report_log(struct ud_server *server, const struct ud_told *told, ud_err err);

#endif
