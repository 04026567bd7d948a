/* A device's row as every list of devices reads it, and other things that the store's files share. */
#ifndef UD_SQL_STORE_DEVICE_ROW_H
#define UD_SQL_STORE_DEVICE_ROW_H

#include "sql.h"

#include "server/store_rollouts.h"

/* clang-format off */
#define DEVICE_COLUMNS                                                                                             \
    "SELECT d.id,d.tenant,d.name,coalesce(d.type_id,0),coalesce(t.name,''),coalesce(t.is_foreign,0),d.token_hash,d.kid," \
    "d.pub,d.wants_attributes,d.last_seen_ms,d.created_ms,d.report_counter,d.report_hash,d.reported_ms,"           \
    "d.boot_reason,d.running_digest,d.running_sequence,d.running_epoch,coalesce(d.running_release,0),"               \
    "coalesce(r.version,''),d.finished_action,d.finished_release,d.status,d.assigned_release,d.zone,d.quarantine_ms," \
    "d.quarantine_release,d.quarantine_reason,a.id,a.release,a.canceling,d.area,a.rollout,a.group_position,a.weight,a.force," \
    "a.force_ms,a.waits,a.schedule,a.duration,a.zone,d.changed"                                                        \
    " FROM device d LEFT JOIN device_type t ON t.id=d.type_id LEFT JOIN release r ON r.id=d.running_release"        \
    " LEFT JOIN action a ON a.id=(SELECT id FROM action WHERE device=d.id AND active=1"                               \
    " ORDER BY canceling DESC,weight DESC,id LIMIT 1)"
/* clang-format on */

void sql_read_device(struct sql *q, struct ud_row_device *row);

#define ACTION_COLUMNS                                                                                         \
    "SELECT a.id,a.tenant,a.device,a.release,a.state,a.active,a.canceling,a.proof_signed,a.error,a.nonce,"     \
    "a.created_ms,a.updated_ms,a.last_status,a.status_count,a.rollout,a.group_position,a.weight,a.force,"      \
    "a.force_ms,a.waits,a.schedule,a.duration,a.zone,d.name FROM action a JOIN device d ON d.id=a.device"

void sql_read_action(struct sql *q, struct ud_row_action *row);

/** States of a dynamic rollout in which devices join it: from its making on, until it stops or has finished. */
#define SQL_TAKES_IN "1,2,3,4,5,6"

/** weight, force, force_ms, waits, schedule, duration, zone: in this order. */
void sql_put_terms(struct sql *q, const struct ud_terms *terms);
void sql_get_terms(struct sql *q, struct ud_terms *terms);
/** The parameters of a compiled filter; NULL: none. */
void sql_put_filter(struct sql *q, const struct ud_fiql *filter);

#endif
