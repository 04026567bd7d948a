/* Actions with their history, and reports. */
#include "sql.h"

#include "gather.h"
#include "schema_console.h"
#include "store_device_row.h"

#include "server/store_rollouts.h"

ud_err ud_store_action_add(struct ud_store *store, struct ud_row_action *action)
{
    ud_err gathered = UD_OK;
    if (sql_gather_action_add(store, action, &gathered)) {
        return gathered;
    }
    struct sql q = sql_begin(
        store, "INSERT INTO action(tenant,device,release,state,active,canceling,proof_signed,"
               "error,nonce,created_ms,updated_ms,rollout,group_position,weight,force,force_ms,waits,"
               "schedule,duration,zone,before_release) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
               "coalesce((SELECT " RUNS("x.") " FROM device x WHERE x.id=?),0)) RETURNING id");
    sql_put_int(&q, action->tenant);
    sql_put_int(&q, action->device);
    sql_put_int(&q, action->release);
    sql_put_int(&q, action->state);
    sql_put_int(&q, action->active);
    sql_put_int(&q, action->canceling);
    sql_put_int(&q, action->proof_signed);
    sql_put_int(&q, action->error);
    sql_put_blob(&q, action->nonce, sizeof action->nonce);
    sql_put_int(&q, action->created_ms);
    sql_put_int(&q, action->updated_ms);
    sql_put_int(&q, action->terms.rollout);
    sql_put_int(&q, action->terms.group);
    sql_put_terms(&q, &action->terms);
    sql_put_int(&q, action->device);
    int64_t id = 0;
    const ud_err err = sql_end_id(&q, &id);
    if (err == UD_OK) {
        if (id > UD_ACTION_ID_MAX) {
            return UD_ERR_LIMIT;
        }
        action->id = (int32_t)id;
    }
    return err;
}

void sql_read_action(struct sql *q, struct ud_row_action *row)
{
    memset(row, 0, sizeof *row);
    row->id = (int32_t)sql_get_int(q);
    row->tenant = sql_get_int(q);
    row->device = sql_get_int(q);
    row->release = (int32_t)sql_get_int(q);
    row->state = (ud_action_state)sql_get_int(q);
    row->active = sql_get_int(q) != 0;
    row->canceling = sql_get_int(q) != 0;
    row->proof_signed = sql_get_int(q) != 0;
    if (!ud_err_from_value((uint32_t)sql_get_int(q), &row->error)) {
        row->error = UD_ERR_INTERNAL;
    }
    sql_get_blob(q, row->nonce, sizeof row->nonce);
    row->created_ms = sql_get_int(q);
    row->updated_ms = sql_get_int(q);
    row->last_status = sql_get_int(q);
    row->status_count = (uint32_t)sql_get_int(q);
    row->terms.rollout = (int32_t)sql_get_int(q);
    row->terms.group = (uint32_t)sql_get_int(q);
    sql_get_terms(q, &row->terms);
    sql_get_text(q, row->device_name, sizeof row->device_name);
    row->told = row->state;
    row->told_canceling = row->canceling;
}

static ud_err take_action(struct sql *q, struct ud_row_action *action)
{
    struct ud_row_action row;
    const bool found = sql_row(q);
    if (found) {
        sql_read_action(q, &row);
    }
    const ud_err err = sql_end(q);
    if (err == UD_OK && found) {
        *action = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_action_get(struct ud_store *store, int64_t tenant, int32_t id, int64_t device,
                           struct ud_row_action *action)
{
    if (sql_gather_action(store, id, tenant, device, action)) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, ACTION_COLUMNS " WHERE a.id=?1 AND a.tenant=?2 AND (?3=0 OR a.device=?3)");
    sql_put_int(&q, id);
    sql_put_int(&q, tenant);
    sql_put_int(&q, device);
    return take_action(&q, action);
}

ud_err ud_store_action_get_any(struct ud_store *store, int32_t id, struct ud_row_action *action)
{
    struct sql q = sql_begin(store, ACTION_COLUMNS " WHERE a.id=?");
    sql_put_int(&q, id);
    return take_action(&q, action);
}

ud_err ud_store_action_newest(struct ud_store *store, int64_t device, struct ud_row_action *action)
{
    if (sql_gather_newest(store, device, action)) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, ACTION_COLUMNS " WHERE a.device=? ORDER BY a.id DESC LIMIT 1");
    sql_put_int(&q, device);
    return take_action(&q, action);
}

ud_err ud_store_action_set(struct ud_store *store, const struct ud_row_action *action)
{
    if (sql_gather_action_set(store, action)) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, "UPDATE action SET state=?,active=?,canceling=?,proof_signed=?,error=?,"
                                    "updated_ms=?,last_status=?,status_count=?,force=?,waits=? WHERE id=?");
    sql_put_int(&q, action->state);
    sql_put_int(&q, action->active);
    sql_put_int(&q, action->canceling);
    sql_put_int(&q, action->proof_signed);
    sql_put_int(&q, action->error);
    sql_put_int(&q, action->updated_ms);
    sql_put_int(&q, action->last_status);
    sql_put_int(&q, action->status_count);
    sql_put_int(&q, action->terms.force);
    sql_put_int(&q, action->terms.waits);
    sql_put_int(&q, action->id);
    return sql_end_changed(&q);
}

ud_err ud_store_action_list(struct ud_store *store, int64_t device, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_action *action), void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*) FROM action WHERE device=?");
    sql_put_int(&count, device);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, ACTION_COLUMNS " WHERE a.device=? ORDER BY a.id DESC LIMIT ? OFFSET ?");
    sql_put_int(&q, device);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_action row;
        sql_read_action(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_action_active(struct ud_store *store, int64_t device, int32_t *ids, size_t max, size_t *count)
{
    size_t found = 0;
    if (sql_gather_idle(store, device)) {
        *count = 0;
        return UD_OK;
    }
    struct sql q = sql_begin(store, "SELECT id FROM action WHERE device=? AND active=1 ORDER BY id LIMIT ?");
    sql_put_int(&q, device);
    sql_put_int(&q, (int64_t)max);
    while (sql_row(&q)) {
        ids[found++] = (int32_t)sql_get_int(&q);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *count = found;
    }
    return err;
}

ud_err ud_store_action_count_by_state(struct ud_store *store, uint32_t counts[UD_ACTION_STATE_COUNT])
{
    memset(counts, 0, UD_ACTION_STATE_COUNT * sizeof counts[0]);
    struct sql q = sql_begin(store, "SELECT key,CAST(sum(devices) AS BIGINT) FROM tally WHERE kind IN(2,3) AND"
                                    " key<>0 GROUP BY key"); /* a count of all actions would take seconds */
    while (sql_row(&q)) {
        const int64_t state = sql_get_int(&q);
        if (state > 0 && state < UD_ACTION_STATE_COUNT) {
            counts[state] = (uint32_t)sql_get_int(&q);
        }
    }
    return sql_end(&q);
}

ud_err ud_store_status_add(struct ud_store *store, struct ud_row_action *action,
                           const struct ud_row_status *status)
{
    ud_err gathered = UD_OK;
    if (sql_gather_status_add(store, action, status, &gathered)) {
        return gathered;
    }
    struct sql q =
        sql_begin(store, "INSERT INTO action_status(tenant,previous,at_ms,state,canceling,code,messages)"
                         " VALUES(?,?,?,?,?,?,?) RETURNING id");
    sql_put_int(&q, action->tenant);
    sql_put_int(&q, action->last_status);
    sql_put_int(&q, status->at_ms);
    sql_put_int(&q, status->state);
    sql_put_int(&q, status->canceling);
    if (status->has_code) {
        sql_put_int(&q, status->code);
    } else {
        sql_put_null(&q);
    }
    sql_put_text(&q, status->messages);
    const ud_err err = sql_end_id(&q, &action->last_status);
    if (err == UD_OK) {
        action->status_count++;
    }
    return err;
}

ud_err ud_store_status_list(struct ud_store *store, const struct ud_row_action *action, uint32_t max,
                            void (*each)(void *ctx, const struct ud_row_status *status), void *ctx)
{
    int64_t at = action->last_status;
    for (uint32_t n = 0; at != 0 && n < max; n++) {
        struct sql q = sql_begin(store, "SELECT previous,at_ms,state,canceling,code,messages FROM action_status"
                                        " WHERE id=?");
        sql_put_int(&q, at);
        at = 0;
        if (sql_row(&q)) {
            struct ud_row_status row = {.at_ms = 0};
            at = sql_get_int(&q);
            row.at_ms = sql_get_int(&q);
            row.state = (ud_action_state)sql_get_int(&q);
            row.canceling = sql_get_int(&q) != 0;
            row.has_code = !sql_get_null(&q);
            row.code = sql_get_int(&q);
            row.messages = sql_get_words(&q);
            each(ctx, &row);
        }
        const ud_err err = sql_end(&q);
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

static ud_err insert_report(struct ud_store *store, int64_t tenant, int64_t device,
                            const struct ud_row_report *report, int64_t *id)
{
    struct sql q =
        sql_begin(store, "INSERT INTO report(tenant,previous,at_ms,action,counter,result,boot_reason,bytes)"
                         " SELECT ?,last_report,?,?,?,?,?,? FROM device WHERE id=? RETURNING id");
    sql_put_int(&q, tenant);
    sql_put_int(&q, report->at_ms);
    sql_put_int(&q, report->action);
    sql_put_u64(&q, report->counter);
    sql_put_int(&q, report->result);
    sql_put_int(&q, report->boot_reason);
    sql_put_blob(&q, report->bytes.ptr, report->bytes.len);
    sql_put_int(&q, device);
    return sql_end_id(&q, id);
}

ud_err ud_store_report_add(struct ud_store *store, int64_t tenant, int64_t device,
                           const struct ud_row_report *report)
{
    int64_t id = 0;
    ud_err gathered = UD_OK;
    if (sql_gather_report_add(store, tenant, device, report, &gathered)) {
        return gathered;
    }
    const ud_err err = insert_report(store, tenant, device, report, &id);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, report->capable ? "UPDATE device SET last_report=?1,last_capable=?1,"
                                                      "report_count=report_count+1 WHERE id=?2"
                                                    : "UPDATE device SET last_report=?1,"
                                                      "report_count=report_count+1 WHERE id=?2");
    sql_put_int(&q, id);
    sql_put_int(&q, device);
    return sql_end_changed(&q);
}

/* Follow the chain one step; *at becomes the entry before, 0 at the end. */
static ud_err read_report(struct ud_store *store, int64_t *at, bool wanted,
                          void (*each)(void *ctx, const struct ud_row_report *report), void *ctx)
{
    struct sql q = sql_begin(store, "SELECT previous,at_ms,action,counter,result,boot_reason,bytes FROM report"
                                    " WHERE id=?");
    sql_put_int(&q, *at);
    *at = 0;
    if (sql_row(&q)) {
        struct ud_row_report row = {.at_ms = 0};
        *at = sql_get_int(&q);
        row.at_ms = sql_get_int(&q);
        row.action = (int32_t)sql_get_int(&q);
        row.counter = sql_get_u64(&q);
        if (!ud_err_from_value((uint32_t)sql_get_int(&q), &row.result)) {
            row.result = UD_ERR_INTERNAL;
        }
        row.boot_reason = (ud_boot_reason)sql_get_int(&q);
        row.bytes = sql_get_bytes(&q);
        if (wanted) {
            each(ctx, &row);
        }
    }
    return sql_end(&q);
}

ud_err ud_store_report_newest(struct ud_store *store, int64_t device, bool capable,
                              void (*each)(void *ctx, const struct ud_row_report *report), void *ctx)
{
    int64_t at = 0;
    struct sql q = sql_begin(store, capable ? "SELECT last_capable FROM device WHERE id=?"
                                            : "SELECT last_report FROM device WHERE id=?");
    sql_put_int(&q, device);
    if (sql_row(&q)) {
        at = sql_get_int(&q);
    }
    const ud_err err = sql_end(&q);
    return err == UD_OK && at != 0 ? read_report(store, &at, true, each, ctx) : err;
}

ud_err ud_store_report_list(struct ud_store *store, int64_t device, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_report *report), void *ctx)
{
    int64_t at = 0;
    struct sql q = sql_begin(store, "SELECT last_report,report_count FROM device WHERE id=?");
    sql_put_int(&q, device);
    if (sql_row(&q)) {
        at = sql_get_int(&q);
        page->total = (uint32_t)sql_get_int(&q);
    }
    ud_err err = sql_end(&q);
    const uint64_t end = (uint64_t)page->offset + page->limit;
    for (uint64_t n = 0; err == UD_OK && at != 0 && n < end; n++) {
        err = read_report(store, &at, n >= page->offset, each, ctx);
    }
    return err;
}
