/* Rollouts and their groups. */
#include "sql.h"

#include "store_device_row.h"

#include "server/store_rollouts.h"

#include <stdio.h>

void sql_put_terms(struct sql *q, const struct ud_terms *terms)
{
    sql_put_int(q, terms->weight);
    sql_put_int(q, terms->force);
    sql_put_int(q, terms->force_ms);
    sql_put_int(q, terms->waits);
    sql_put_text(q, terms->schedule);
    sql_put_text(q, terms->duration);
    sql_put_text(q, terms->zone);
}

void sql_get_terms(struct sql *q, struct ud_terms *terms)
{
    terms->weight = (int32_t)sql_get_int(q);
    terms->force = (ud_force)sql_get_int(q);
    terms->force_ms = sql_get_int(q);
    terms->waits = sql_get_int(q) != 0;
    sql_get_text(q, terms->schedule, sizeof terms->schedule);
    sql_get_text(q, terms->duration, sizeof terms->duration);
    sql_get_text(q, terms->zone, sizeof terms->zone);
}

#define ROLLOUT_COLUMNS                                                                                        \
    "id,tenant,name,description,filter,release,created_by,created_ms,state,pause,start_by,start_ms,end_ms,"    \
    "weight,force,force_ms,waits,schedule,duration,zone,rate,rate_factor,rate_after,rate_max,bucket_ms,"       \
    "bucket_milli,downloads_max,bytes_per_s,dynamic,listed,claimed_counts,needs_approval,drift,again_max,"     \
    "group_count,total,decided_by,remark,updated_ms,fill_group,fill_cursor,fill_left,fill_matched,fill_"       \
    "counting,patches,saved_bytes"

static void put_changing(struct sql *q, const struct ud_row_rollout *row)
{
    sql_put_int(q, row->state);
    sql_put_int(q, row->pause);
    sql_put_int(q, row->start_by);
    sql_put_int(q, row->start_ms);
    sql_put_int(q, row->end_ms);
    sql_put_terms(q, &row->terms);
    sql_put_int(q, row->rate.per_minute);
    sql_put_int(q, row->rate.factor);
    sql_put_int(q, row->rate.after);
    sql_put_int(q, row->rate.per_minute_max);
    sql_put_int(q, row->bucket.filled_ms);
    sql_put_int(q, row->bucket.milli);
    sql_put_int(q, row->downloads_max);
    sql_put_u64(q, row->bytes_per_s);
    sql_put_int(q, row->dynamic);
    sql_put_int(q, row->listed);
    sql_put_int(q, row->claimed_counts);
    sql_put_int(q, row->needs_approval);
    sql_put_int(q, row->drift);
    sql_put_int(q, row->again_max);
    sql_put_int(q, row->group_count);
    sql_put_int(q, row->total);
    sql_put_text(q, row->decided_by);
    sql_put_text(q, row->remark);
    sql_put_int(q, row->updated_ms);
    sql_put_int(q, row->fill_group);
    sql_put_int(q, row->fill_cursor);
    sql_put_int(q, row->fill_left);
    sql_put_int(q, row->fill_matched);
    sql_put_int(q, row->fill_counting);
}

static void read_rollout(struct sql *q, struct ud_row_rollout *row)
{
    memset(row, 0, sizeof *row);
    row->id = (int32_t)sql_get_int(q);
    row->tenant = sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    sql_get_text(q, row->description, sizeof row->description);
    sql_get_text(q, row->filter, sizeof row->filter);
    row->release = (int32_t)sql_get_int(q);
    sql_get_text(q, row->created_by, sizeof row->created_by);
    row->created_ms = sql_get_int(q);
    row->state = (ud_rollout_state)sql_get_int(q);
    row->pause = (ud_rollout_pause)sql_get_int(q);
    row->start_by = (int32_t)sql_get_int(q);
    row->start_ms = sql_get_int(q);
    row->end_ms = sql_get_int(q);
    sql_get_terms(q, &row->terms);
    row->terms.rollout = row->id;
    row->rate.per_minute = (uint32_t)sql_get_int(q);
    row->rate.factor = (uint16_t)sql_get_int(q);
    row->rate.after = (uint32_t)sql_get_int(q);
    row->rate.per_minute_max = (uint32_t)sql_get_int(q);
    row->bucket.filled_ms = sql_get_int(q);
    row->bucket.milli = (uint32_t)sql_get_int(q);
    row->downloads_max = (uint32_t)sql_get_int(q);
    row->bytes_per_s = sql_get_u64(q);
    row->dynamic = sql_get_int(q) != 0;
    row->listed = sql_get_int(q) != 0;
    row->claimed_counts = sql_get_int(q) != 0;
    row->needs_approval = sql_get_int(q) != 0;
    row->drift = (ud_drift_policy)sql_get_int(q);
    row->again_max = (uint32_t)sql_get_int(q);
    row->group_count = (uint32_t)sql_get_int(q);
    row->total = (uint32_t)sql_get_int(q);
    sql_get_text(q, row->decided_by, sizeof row->decided_by);
    sql_get_text(q, row->remark, sizeof row->remark);
    row->updated_ms = sql_get_int(q);
    row->fill_group = (uint32_t)sql_get_int(q);
    row->fill_cursor = sql_get_int(q);
    row->fill_left = (uint32_t)sql_get_int(q);
    row->fill_matched = (uint32_t)sql_get_int(q);
    row->fill_counting = sql_get_int(q) != 0;
    row->patches = sql_get_u64(q);
    row->saved_bytes = sql_get_u64(q);
}

ud_err ud_store_rollout_add(struct ud_store *store, struct ud_row_rollout *row)
{
    int64_t id = 0;
    struct sql q = sql_begin(
        store, "INSERT INTO rollout(tenant,name,description,filter,release,created_by,created_ms,state,pause,"
               "start_by,start_ms,end_ms,weight,force,force_ms,waits,schedule,duration,zone,rate,rate_factor,"
               "rate_after,rate_max,bucket_ms,bucket_milli,downloads_max,bytes_per_s,dynamic,listed,"
               "claimed_counts,needs_approval,drift,again_max,group_count,total,decided_by,remark,updated_ms,"
               "fill_group,fill_cursor,fill_left,fill_matched,fill_counting)"
               " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
               " RETURNING id");
    sql_put_int(&q, row->tenant);
    sql_put_text(&q, row->name);
    sql_put_text(&q, row->description);
    sql_put_text(&q, row->filter);
    sql_put_int(&q, row->release);
    sql_put_text(&q, row->created_by);
    sql_put_int(&q, row->created_ms);
    put_changing(&q, row);
    const ud_err err = sql_end_id(&q, &id);
    if (err == UD_OK && id > UD_ACTION_ID_MAX) {
        return UD_ERR_LIMIT;
    }
    if (err == UD_OK) {
        row->id = (int32_t)id;
        row->terms.rollout = row->id;
    }
    return err;
}

ud_err ud_store_rollout_saved(struct ud_store *store, int32_t id, uint64_t bytes)
{
    struct sql q =
        sql_begin(store, "UPDATE rollout SET patches=patches+1,saved_bytes=saved_bytes+? WHERE id=?");
    sql_put_int(&q, (int64_t)bytes);
    sql_put_int(&q, id);
    return sql_end(&q);
}

ud_err ud_store_rollout_saved_list(struct ud_store *store, struct ud_row_rollout_saved *saved, size_t max,
                                   size_t *count)
{
    /* running, paused */
    struct sql q = sql_begin(
        store, "SELECT id,patches,saved_bytes FROM rollout WHERE state IN (5,6) ORDER BY id DESC LIMIT ?");
    sql_put_int(&q, (int64_t)max);
    *count = 0;
    while (sql_row(&q)) {
        struct ud_row_rollout_saved *row = &saved[(*count)++];
        row->rollout = (int32_t)sql_get_int(&q);
        row->patches = sql_get_u64(&q);
        row->saved_bytes = sql_get_u64(&q);
    }
    return sql_end(&q);
}

/* A slice of the group says enough: what few devices run pays no patch made ahead. */
ud_err ud_store_rollout_precursors(struct ud_store *store, int32_t id, uint32_t group,
                                   struct ud_row_precursor *precursors, size_t max, size_t *count)
{
    struct sql q = sql_begin(
        store,
        "SELECT d.running_digest,a.value,count(*) FROM (SELECT device FROM rollout_device WHERE rollout=?"
        " AND group_position=? ORDER BY device LIMIT 2000) m JOIN device d ON d.id=m.device"
        " JOIN device_attribute a ON a.device=d.id AND a.key='patchProfile' AND length(a.value)<8"
        " WHERE d.running_digest IS NOT NULL GROUP BY d.running_digest,a.value ORDER BY 3 DESC,1,2 LIMIT ?");
    sql_put_int(&q, id);
    sql_put_int(&q, group);
    sql_put_int(&q, (int64_t)max);
    size_t found = 0;
    while (sql_row(&q)) {
        struct ud_row_precursor *row = &precursors[found++];
        sql_get_blob(&q, row->digest, sizeof row->digest);
        sql_get_text(&q, row->profile, sizeof row->profile);
    }
    *count = found;
    return sql_end(&q);
}

ud_err ud_store_rollout_is_named(struct ud_store *store, int64_t tenant, const char *name, bool *is)
{
    struct sql q = sql_begin(store, "SELECT 1 FROM rollout WHERE tenant=? AND name=?");
    sql_put_int(&q, tenant);
    sql_put_text(&q, name);
    const bool found = sql_row(&q);
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *is = found;
    }
    return err;
}

ud_err ud_store_rollout_get(struct ud_store *store, int64_t tenant, int32_t id, struct ud_row_rollout *rollout)
{
    struct ud_row_rollout row;
    struct sql q =
        sql_begin(store, "SELECT " ROLLOUT_COLUMNS " FROM rollout WHERE id=?1 AND (?2=0 OR tenant=?2)");
    sql_put_int(&q, id);
    sql_put_int(&q, tenant);
    const bool found = sql_row(&q);
    if (found) {
        read_rollout(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *rollout = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_rollout_set(struct ud_store *store, const struct ud_row_rollout *row)
{
    struct sql q = sql_begin(
        store, "UPDATE rollout SET name=?,description=?,state=?,pause=?,start_by=?,start_ms=?,end_ms=?,"
               "weight=?,force=?,force_ms=?,waits=?,schedule=?,duration=?,zone=?,rate=?,rate_factor=?,"
               "rate_after=?,rate_max=?,bucket_ms=?,bucket_milli=?,downloads_max=?,bytes_per_s=?,dynamic=?,"
               "listed=?,claimed_counts=?,needs_approval=?,drift=?,again_max=?,group_count=?,total=?,"
               "decided_by=?,remark=?,updated_ms=?,fill_group=?,fill_cursor=?,fill_left=?,fill_matched=?,fill_"
               "counting=?"
               " WHERE id=?");
    sql_put_text(&q, row->name);
    sql_put_text(&q, row->description);
    put_changing(&q, row);
    sql_put_int(&q, row->id);
    return sql_end_changed(&q);
}

static ud_err remove_by(struct ud_store *store, const char *text, int32_t id)
{
    struct sql q = sql_begin(store, text);
    sql_put_int(&q, id);
    return sql_end(&q);
}

ud_err ud_store_rollout_remove(struct ud_store *store, int32_t id)
{
    ud_err err = remove_by(store, "DELETE FROM rollout_fact WHERE rollout=?", id);
    err = err == UD_OK ? remove_by(store, "DELETE FROM rollout_course WHERE rollout=?", id) : err;
    err = err == UD_OK ? remove_by(store, "DELETE FROM rollout_group WHERE rollout=?", id) : err;
    return err == UD_OK ? remove_by(store, "DELETE FROM rollout WHERE id=?", id) : err;
}

void sql_put_filter(struct sql *q, const struct ud_fiql *filter)
{
    for (size_t i = 0; filter != NULL && i < filter->param_count; i++) {
        if (filter->params[i].is_text) {
            sql_put_text(q, filter->params[i].text);
        } else {
            sql_put_int(q, filter->params[i].number);
        }
    }
}

#define LIST_SQL_BYTES (UD_FIQL_SQL_BYTES_MAX + 2048)

ud_err ud_store_rollout_list(struct ud_store *store, int64_t tenant, const struct ud_fiql *filter,
                             struct ud_page *page,
                             void (*each)(void *ctx, const struct ud_row_rollout *rollout), void *ctx)
{
    char text[LIST_SQL_BYTES];
    const char *condition = filter == NULL ? "1=1" : filter->sql;
    snprintf(text, sizeof text, "SELECT count(*) FROM rollout o WHERE o.tenant=? AND %s", condition);
    struct sql count = sql_begin_made(store, text);
    sql_put_int(&count, tenant);
    sql_put_filter(&count, filter);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    snprintf(text, sizeof text,
             "SELECT " ROLLOUT_COLUMNS " FROM rollout o WHERE o.tenant=? AND %s ORDER BY id LIMIT ? OFFSET ?",
             condition);
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, tenant);
    sql_put_filter(&q, filter);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_rollout row;
        read_rollout(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

static ud_err take_ids(struct sql *q, int32_t *ids, size_t max, size_t *count)
{
    *count = 0;
    while (*count < max && sql_row(q)) {
        ids[(*count)++] = (int32_t)sql_get_int(q);
    }
    return sql_end(q);
}

ud_err ud_store_rollout_live(struct ud_store *store, int32_t after, int32_t *ids, size_t max, size_t *count)
{
    /* creating, ready with a time, running, stopping, deleting */
    struct sql q = sql_begin(store, "SELECT id FROM rollout WHERE state IN (1,4,5,7,10) AND id>?"
                                    " AND (state<>4 OR start_by<>0) ORDER BY id LIMIT ?");
    sql_put_int(&q, after);
    sql_put_int(&q, (int64_t)max);
    return take_ids(&q, ids, max, count);
}

ud_err ud_store_rollout_dynamic(struct ud_store *store, int64_t tenant, int32_t after, int32_t *ids, size_t max,
                                size_t *count)
{
    struct sql q = sql_begin(store, "SELECT id FROM rollout WHERE state IN (" SQL_TAKES_IN ") AND dynamic=1"
                                    " AND tenant=? AND id>? ORDER BY id LIMIT ?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, after);
    sql_put_int(&q, (int64_t)max);
    return take_ids(&q, ids, max, count);
}

ud_err ud_store_rollout_of_release(struct ud_store *store, int32_t release, int32_t after, int32_t *ids,
                                   size_t max, size_t *count)
{
    struct sql q =
        sql_begin(store, "SELECT id FROM rollout WHERE release=? AND state IN (1,2,4,5,6) AND id>? ORDER BY id"
                         " LIMIT ?");
    sql_put_int(&q, release);
    sql_put_int(&q, after);
    sql_put_int(&q, (int64_t)max);
    return take_ids(&q, ids, max, count);
}

ud_err ud_store_rollout_of_set(struct ud_store *store, int64_t tenant, int32_t release, int32_t after,
                               int32_t *ids, size_t max, size_t *count)
{
    struct sql q =
        sql_begin(store, "SELECT id FROM rollout WHERE release=? AND tenant=? AND id>? ORDER BY id LIMIT ?");
    sql_put_int(&q, release);
    sql_put_int(&q, tenant);
    sql_put_int(&q, after);
    sql_put_int(&q, (int64_t)max);
    return take_ids(&q, ids, max, count);
}

ud_err ud_store_action_direct_counts(struct ud_store *store, int32_t release, uint32_t *counts,
                                     uint32_t *canceling)
{
    uint32_t found[UD_ACTION_STATE_COUNT] = {0};
    uint32_t ending = 0;
    struct sql q =
        sql_begin(store, "SELECT state,active*canceling,count(*) FROM action WHERE release=? AND rollout=0"
                         " GROUP BY 1,2");
    sql_put_int(&q, release);
    while (sql_row(&q)) {
        const int64_t state = sql_get_int(&q);
        const bool ends = sql_get_int(&q) != 0;
        const uint32_t n = (uint32_t)sql_get_int(&q);
        ending += ends ? n : 0;
        if (!ends && state >= 0 && state < UD_ACTION_STATE_COUNT) {
            found[state] = n;
        }
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        memcpy(counts, found, sizeof found);
        *canceling = ending;
    }
    return err;
}

/* A filter that assigns names its rollout as text (UD_PAIRS_FILTER, "rollout"). */
#define AUTO_OF                                                                                                \
    "kind=5 AND key='rollout' AND value IN(SELECT CAST(o.id AS TEXT) FROM rollout o WHERE o.release=? AND "    \
    "o.tenant=?)"

ud_err ud_store_auto_count(struct ud_store *store, int64_t tenant, int32_t release, uint32_t *count)
{
    struct sql q = sql_begin(store, "SELECT count(*) FROM pair WHERE " AUTO_OF);
    sql_put_int(&q, release);
    sql_put_int(&q, tenant);
    *count = sql_row(&q) ? (uint32_t)sql_get_int(&q) : 0;
    return sql_end(&q);
}

ud_err ud_store_auto_end(struct ud_store *store, int64_t tenant, int32_t release)
{
    struct sql q = sql_begin(store, "DELETE FROM pair WHERE " AUTO_OF);
    sql_put_int(&q, release);
    sql_put_int(&q, tenant);
    return sql_end(&q);
}

/* --- groups */

ud_err ud_store_group_add(struct ud_store *store, const struct ud_row_group *group)
{
    struct sql q = sql_begin(store, "INSERT INTO rollout_group(rollout,position,name,description,filter,state,"
                                    "percent,size,success,error,claimed_counts,gate,opened,started_ms)"
                                    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    sql_put_int(&q, group->rollout);
    sql_put_int(&q, group->position);
    sql_put_text(&q, group->name);
    sql_put_text(&q, group->description);
    sql_put_text(&q, group->filter);
    sql_put_int(&q, group->state);
    sql_put_int(&q, group->percent);
    sql_put_int(&q, group->size);
    sql_put_int(&q, group->limits.success);
    sql_put_int(&q, group->limits.error);
    sql_put_int(&q, group->limits.claimed_counts);
    sql_put_int(&q, group->gate);
    sql_put_int(&q, group->opened);
    sql_put_int(&q, group->started_ms);
    return sql_end(&q);
}

#define GROUP_COLUMNS                                                                                          \
    "SELECT rollout,position,name,description,filter,state,percent,size,success,error,claimed_counts,gate,"    \
    "opened,started_ms,s0,s1,s2,s3,s4,s5,s6,s7,s8,s9 FROM rollout_group"

static void read_counts(struct sql *q, struct ud_group_counts *counts)
{
    for (size_t i = 0; i < UD_MEMBER_STATE_COUNT; i++) {
        counts->of[i] = (uint32_t)sql_get_int(q);
    }
}

static void read_group(struct sql *q, struct ud_row_group *row)
{
    memset(row, 0, sizeof *row);
    row->rollout = (int32_t)sql_get_int(q);
    row->position = (uint32_t)sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    sql_get_text(q, row->description, sizeof row->description);
    sql_get_text(q, row->filter, sizeof row->filter);
    row->state = (ud_group_state)sql_get_int(q);
    row->percent = (uint16_t)sql_get_int(q);
    row->size = (uint32_t)sql_get_int(q);
    row->limits.success = (uint16_t)sql_get_int(q);
    row->limits.error = (uint16_t)sql_get_int(q);
    row->limits.claimed_counts = sql_get_int(q) != 0;
    row->gate = sql_get_int(q) != 0;
    row->opened = sql_get_int(q) != 0;
    row->started_ms = sql_get_int(q);
    read_counts(q, &row->counts);
}

ud_err ud_store_group_get(struct ud_store *store, int32_t rollout, uint32_t position,
                          struct ud_row_group *group)
{
    struct ud_row_group row;
    struct sql q = sql_begin(store, GROUP_COLUMNS " WHERE rollout=? AND position=?");
    sql_put_int(&q, rollout);
    sql_put_int(&q, position);
    const bool found = sql_row(&q);
    if (found) {
        read_group(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *group = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_group_set(struct ud_store *store, const struct ud_row_group *group)
{
    struct sql q = sql_begin(store, "UPDATE rollout_group SET state=?,opened=?,started_ms=?"
                                    " WHERE rollout=? AND position=?");
    sql_put_int(&q, group->state);
    sql_put_int(&q, group->opened);
    sql_put_int(&q, group->started_ms);
    sql_put_int(&q, group->rollout);
    sql_put_int(&q, group->position);
    return sql_end_changed(&q);
}

ud_err ud_store_group_lift(struct ud_store *store, int32_t rollout, uint32_t position)
{
    struct sql q =
        sql_begin(store, "UPDATE rollout_group SET state=3,error=10000 WHERE rollout=? AND position=?");
    sql_put_int(&q, rollout);
    sql_put_int(&q, position);
    return sql_end_changed(&q);
}

ud_err ud_store_group_list(struct ud_store *store, int32_t rollout, struct ud_page *page,
                           void (*each)(void *ctx, const struct ud_row_group *group), void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*) FROM rollout_group WHERE rollout=?");
    sql_put_int(&count, rollout);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, GROUP_COLUMNS " WHERE rollout=? ORDER BY position LIMIT ? OFFSET ?");
    sql_put_int(&q, rollout);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_group row;
        read_group(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_rollout_counts(struct ud_store *store, int32_t rollout, struct ud_group_counts *counts)
{
    struct ud_group_counts sums = {{0}};
    struct sql q =
        sql_begin(store, "SELECT CAST(coalesce(sum(s0),0) AS BIGINT),CAST(coalesce(sum(s1),0) AS "
                         "BIGINT),CAST(coalesce(sum(s2),0) AS BIGINT),CAST(coalesce(sum(s3),0) AS BIGINT),"
                         "CAST(coalesce(sum(s4),0) AS BIGINT),CAST(coalesce(sum(s5),0) AS "
                         "BIGINT),CAST(coalesce(sum(s6),0) AS BIGINT),CAST(coalesce(sum(s7),0) AS BIGINT),"
                         "CAST(coalesce(sum(s8),0) AS BIGINT),CAST(coalesce(sum(s9),0) AS BIGINT) FROM "
                         "rollout_group WHERE rollout=?");
    sql_put_int(&q, rollout);
    if (sql_row(&q)) {
        read_counts(&q, &sums);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *counts = sums;
    }
    return err;
}

/* --- open actions */

ud_err ud_store_action_of_release(struct ud_store *store, int32_t release, int32_t *ids, size_t max,
                                  size_t *count)
{
    struct sql q =
        sql_begin(store, "SELECT id FROM action WHERE release=? AND active=1 AND canceling=0 LIMIT ?");
    sql_put_int(&q, release);
    sql_put_int(&q, (int64_t)max);
    return take_ids(&q, ids, max, count);
}

ud_err ud_store_action_of_rollout(struct ud_store *store, int32_t rollout, int32_t *ids, size_t max,
                                  size_t *count, bool *open)
{
    struct sql q = sql_begin(
        store, "SELECT id FROM action WHERE rollout=? AND rollout<>0 AND active=1 AND canceling=0 LIMIT ?");
    sql_put_int(&q, rollout);
    sql_put_int(&q, (int64_t)max);
    const ud_err err = take_ids(&q, ids, max, count);
    if (err != UD_OK) {
        return err;
    }
    struct sql any =
        sql_begin(store, "SELECT 1 FROM action WHERE rollout=? AND rollout<>0 AND active=1 LIMIT 1");
    sql_put_int(&any, rollout);
    *open = sql_row(&any);
    return sql_end(&any);
}

ud_err ud_store_action_open_in(struct ud_store *store, int32_t rollout, int32_t *ids, size_t max, size_t *count)
{
    struct sql q =
        sql_begin(store, "SELECT id FROM action WHERE rollout=? AND rollout<>0 AND active=1 LIMIT ?");
    sql_put_int(&q, rollout);
    sql_put_int(&q, (int64_t)max);
    return take_ids(&q, ids, max, count);
}

/* --- recall */

ud_err ud_store_release_recall(struct ud_store *store, int64_t tenant, int32_t id, int64_t now_ms,
                               const char *reason)
{
    struct sql q = sql_begin(store, "UPDATE release SET recalled_ms=?,recall_reason=? WHERE id=? AND tenant=?");
    sql_put_int(&q, now_ms);
    sql_put_text(&q, reason);
    sql_put_int(&q, id);
    sql_put_int(&q, tenant);
    return sql_end_changed(&q);
}

ud_err ud_store_release_recalled(struct ud_store *store, int32_t after, int32_t *ids, size_t max, size_t *count)
{
    struct sql q = sql_begin(store, "SELECT id FROM release WHERE recalled_ms<>0 AND id>? ORDER BY id LIMIT ?");
    sql_put_int(&q, after);
    sql_put_int(&q, (int64_t)max);
    return take_ids(&q, ids, max, count);
}
