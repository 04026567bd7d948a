/*
 * The store's functions ask here first while a run of jobs is gathered (server/store_gather.h). Each answers false when it has
 * nothing to do with the row: then the statement goes to the database.
 */
#ifndef UD_SQL_GATHER_H
#define UD_SQL_GATHER_H

#include "sql.h"

#include "server/store_events.h"
#include "server/store_rollouts.h"

bool sql_gather_device(struct ud_store *store, int64_t id, struct ud_row_device *row);
bool sql_gather_action(struct ud_store *store, int32_t id, int64_t tenant, int64_t device,
                       struct ud_row_action *row);
bool sql_gather_newest(struct ud_store *store, int64_t device, struct ud_row_action *row);
/** The device has no active action. False: the database knows. */
bool sql_gather_idle(const struct ud_store *store, int64_t device);
bool sql_gather_action_set(struct ud_store *store, const struct ud_row_action *row);
bool sql_gather_report_set(struct ud_store *store, const struct ud_row_device *row);
bool sql_gather_finished_set(struct ud_store *store, int64_t id, int32_t action, int32_t release);
bool sql_gather_status_set(struct ud_store *store, int64_t id, ud_device_status status, int32_t assigned);
/* Those that append may fail where they take a number: *err. */
bool sql_gather_action_add(struct ud_store *store, struct ud_row_action *action, ud_err *err);
bool sql_gather_status_add(struct ud_store *store, struct ud_row_action *action,
                           const struct ud_row_status *status, ud_err *err);
bool sql_gather_report_add(struct ud_store *store, int64_t tenant, int64_t device,
                           const struct ud_row_report *report, ud_err *err);
bool sql_gather_event_add(struct ud_store *store, struct ud_row_event *event, ud_err *err);
bool sql_gather_fact_add(struct ud_store *store, const struct ud_row_fact *fact, ud_err *err);

/* By what a release was asked for. */
struct sql_release_key {
    char by; /* 'i' id, 'm' manifest, 'd' image */
    int64_t tenant;
    uint64_t number; /* id, sequence */
    uint8_t digest[UD_SHA256_BYTES];
};
/** *err: what the database answered before, UD_OK or UD_ERR_NOT_FOUND. */
bool sql_gather_release(const struct ud_store *store, const struct sql_release_key *key,
                        struct ud_row_release *row, ud_err *err);
void sql_gather_release_keep(struct ud_store *store, const struct sql_release_key *key, ud_err err,
                             const struct ud_row_release *row);

/** Whether devices of a type take a release, as it was answered before. */
bool sql_gather_takes(const struct ud_store *store, int64_t type, int32_t release, bool *takes);
void sql_gather_takes_keep(struct ud_store *store, int64_t type, int32_t release, bool takes);

/** Any other statement is about to run: what waits is written before it. */
ud_err sql_gather_other(struct ud_store *store, const char *text);
void sql_gather_free(struct ud_store *store);

#endif
