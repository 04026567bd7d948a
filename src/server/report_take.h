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
};

/** Is it signed by the device's key? UD_ERR_IDENTITY, UD_ERR_SIGNATURE, errors of the format. */
ud_err ud_report_check(struct ud_told *told, struct ud_bytes bytes);
/** On the writer thread: apply it; `row` and `action` are then as they are now. */
ud_err ud_report_apply(struct ud_told *told, struct ud_store *store, struct ud_bytes bytes, int64_t now_ms);
/** Count and log its end. */
void ud_report_log(struct ud_server *server, const struct ud_told *told, ud_err err);

#endif
