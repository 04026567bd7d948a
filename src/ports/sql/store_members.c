/* Members of rollouts, and the queue of facts. */
#include "driver.h"
#include "gather_rows.h"

#include "store_device_row.h"

#include "server/store_rollouts.h"

#include "updraft/assert.h"

#include <stdio.h>

#define SLICE_SQL_BYTES (2 * UD_FIQL_SQL_BYTES_MAX + 1024)

/* A group's count of one state, changed. The text is chosen by the state: columns cannot be bound. */
static ud_err count_by(struct ud_store *store, int32_t rollout, uint32_t group, ud_member_state state,
                       int64_t by)
{
    static const char *const texts[UD_MEMBER_STATE_COUNT] = {
        "UPDATE rollout_group SET s0=s0+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s1=s1+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s2=s2+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s3=s3+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s4=s4+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s5=s5+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s6=s6+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s7=s7+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s8=s8+? WHERE rollout=? AND position=?",
        "UPDATE rollout_group SET s9=s9+? WHERE rollout=? AND position=?",
    };
    if (by == 0) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, texts[state]);
    sql_put_int(&q, by);
    sql_put_int(&q, rollout);
    sql_put_int(&q, group);
    return sql_end(&q);
}

static ud_err total_by(struct ud_store *store, int32_t rollout, int64_t by)
{
    if (by == 0) {
        return UD_OK;
    }
    struct sql q = sql_begin(store, "UPDATE rollout SET total=total+? WHERE id=?");
    sql_put_int(&q, by);
    sql_put_int(&q, rollout);
    return sql_end(&q);
}

static void read_member(struct sql *q, struct ud_row_member *row)
{
    memset(row, 0, sizeof *row);
    row->rollout = (int32_t)sql_get_int(q);
    row->device = sql_get_int(q);
    row->group = (uint32_t)sql_get_int(q);
    const int64_t state = sql_get_int(q);
    row->state = state >= 0 && state < UD_MEMBER_STATE_COUNT ? (ud_member_state)state : UD_MEMBER_SKIPPED;
    row->action = (int32_t)sql_get_int(q);
    row->attempt = (uint32_t)sql_get_int(q);
}

ud_err ud_store_member_get(struct ud_store *store, int32_t rollout, int64_t device,
                           struct ud_row_member *member)
{
    struct ud_row_member row;
    struct sql q = sql_begin(store, "SELECT rollout,device,group_position,state,action,attempt"
                                    " FROM rollout_device WHERE rollout=? AND device=?");
    sql_put_int(&q, rollout);
    sql_put_int(&q, device);
    const bool found = sql_row(&q);
    if (found) {
        read_member(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *member = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

ud_err ud_store_member_add(struct ud_store *store, const struct ud_row_member *member)
{
    struct sql q = sql_begin(store, "INSERT INTO rollout_device(rollout,device,group_position,state)"
                                    " VALUES(?,?,?,?)");
    sql_put_int(&q, member->rollout);
    sql_put_int(&q, member->device);
    sql_put_int(&q, member->group);
    sql_put_int(&q, member->state);
    ud_err err = sql_end(&q);
    err = err == UD_OK ? count_by(store, member->rollout, member->group, member->state, 1) : err;
    return err == UD_OK ? total_by(store, member->rollout, 1) : err;
}

static ud_err move_row(struct ud_store *store, const struct ud_row_member *member, ud_member_state state,
                       int32_t action, uint32_t attempt)
{
    struct sql q = sql_begin(store, "UPDATE rollout_device SET state=?,action=?,attempt=?"
                                    " WHERE rollout=? AND device=? AND state=?");
    sql_put_int(&q, state);
    sql_put_int(&q, action);
    sql_put_int(&q, attempt);
    sql_put_int(&q, member->rollout);
    sql_put_int(&q, member->device);
    sql_put_int(&q, member->state);
    return sql_end_changed(&q);
}

ud_err ud_store_member_move(struct ud_store *store, const struct ud_row_member *member, ud_member_state state,
                            int32_t action, uint32_t attempt)
{
    ud_err err = move_row(store, member, state, action, attempt);
    if (state != member->state) {
        err = err == UD_OK ? count_by(store, member->rollout, member->group, member->state, -1) : err;
        err = err == UD_OK ? count_by(store, member->rollout, member->group, state, 1) : err;
    }
    return err;
}

/* By one statement, where the database takes arrays. */
static ud_err move_rows(struct ud_store *store, const struct ud_member_move *moves, size_t count)
{
    struct gather_table table;
    memset(&table, 0, sizeof table);
    for (size_t i = 0; i < count; i++) {
        const struct ud_member_move *move = &moves[i];
        gather_int(&table, move->member.rollout);
        gather_int(&table, move->member.device);
        gather_int(&table, move->member.state);
        gather_int(&table, move->state);
        gather_int(&table, move->action);
        gather_int(&table, move->attempt);
        gather_row(&table);
    }
    const ud_err err = gather_write_table(
        store, &table, 6,
        "UPDATE rollout_device SET state=v.d,action=v.e,attempt=v.f FROM unnest(CAST(? AS BIGINT[]),"
        "CAST(? AS BIGINT[]),CAST(? AS BIGINT[]),CAST(? AS BIGINT[]),CAST(? AS BIGINT[]),CAST(? AS BIGINT[]))"
        " AS v(a,b,c,d,e,f) WHERE rollout=v.a AND device=v.b AND state=v.c");
    gather_free_table(&table);
    return err;
}

ud_err ud_store_member_move_each(struct ud_store *store, const struct ud_member_move *moves, size_t count)
{
    int64_t by[UD_MEMBER_STATE_COUNT] = {0};
    ud_err err = UD_OK;
    for (size_t i = 0; i < count; i++) {
        UD_ASSERT(moves[i].member.rollout == moves[0].member.rollout &&
                  moves[i].member.group == moves[0].member.group);
        by[moves[i].member.state]--;
        by[moves[i].state]++;
    }
    if (store->driver->arrays) {
        err = move_rows(store, moves, count);
    } else {
        for (size_t i = 0; i < count && err == UD_OK; i++) {
            err = move_row(store, &moves[i].member, moves[i].state, moves[i].action, moves[i].attempt);
        }
    }
    for (int state = 0; state < UD_MEMBER_STATE_COUNT && err == UD_OK && count > 0; state++) {
        err =
            count_by(store, moves[0].member.rollout, moves[0].member.group, (ud_member_state)state, by[state]);
    }
    return err;
}

ud_err ud_store_member_next(struct ud_store *store, int32_t rollout, uint32_t group, ud_member_state state,
                            struct ud_row_member *members, size_t max, size_t *count)
{
    struct sql q = sql_begin(store, "SELECT rollout,device,group_position,state,action,attempt FROM"
                                    " rollout_device WHERE rollout=? AND group_position=? AND state=?"
                                    " ORDER BY device LIMIT ?");
    sql_put_int(&q, rollout);
    sql_put_int(&q, group);
    sql_put_int(&q, state);
    sql_put_int(&q, (int64_t)max);
    for (*count = 0; *count < max && sql_row(&q); (*count)++) {
        read_member(&q, &members[*count]);
    }
    return sql_end(&q);
}

ud_err ud_store_member_of_device(struct ud_store *store, int64_t device, struct ud_row_member *members,
                                 size_t max, size_t *count)
{
    struct sql q = sql_begin(store, "SELECT rollout,device,group_position,state,action,attempt FROM"
                                    " rollout_device WHERE device=? ORDER BY rollout DESC LIMIT ?");
    sql_put_int(&q, device);
    sql_put_int(&q, (int64_t)max);
    for (*count = 0; *count < max && sql_row(&q); (*count)++) {
        read_member(&q, &members[*count]);
    }
    return sql_end(&q);
}

ud_err ud_store_member_blocked(struct ud_store *store, int64_t device, struct ud_row_member *members,
                               size_t max, size_t *count)
{
    struct sql q = sql_begin(store, "SELECT rollout,device,group_position,state,action,attempt FROM"
                                    " rollout_device WHERE device=? AND state=1 ORDER BY rollout LIMIT ?");
    sql_put_int(&q, device);
    sql_put_int(&q, (int64_t)max);
    for (*count = 0; *count < max && sql_row(&q); (*count)++) {
        read_member(&q, &members[*count]);
    }
    return sql_end(&q);
}

ud_err ud_store_member_list(struct ud_store *store, int32_t rollout, uint32_t group, int state,
                            struct ud_page *page, void (*each)(void *ctx, const struct ud_row_member *member),
                            void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*) FROM rollout_device WHERE rollout=?1"
                                        " AND (?2=0 OR group_position=?2) AND (?3<0 OR state=?3)");
    sql_put_int(&count, rollout);
    sql_put_int(&count, group);
    sql_put_int(&count, state);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(
        store,
        "SELECT m.rollout,m.device,m.group_position,m.state,m.action,m.attempt,d.name"
        " FROM rollout_device m JOIN device d ON d.id=m.device WHERE m.rollout=?1"
        " AND (?2=0 OR m.group_position=?2) AND (?3<0 OR m.state=?3) ORDER BY m.device LIMIT ?4 OFFSET ?5");
    sql_put_int(&q, rollout);
    sql_put_int(&q, group);
    sql_put_int(&q, state);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_member row;
        read_member(&q, &row);
        sql_get_text(&q, row.device_name, sizeof row.device_name);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_rollout_failures(struct ud_store *store, int32_t rollout,
                                 void (*each)(void *ctx, ud_err error, bool is_signed, uint32_t devices,
                                              const char *example),
                                 void *ctx)
{
    struct sql q = sql_begin(
        store,
        "SELECT a.error,a.proof_signed,count(*),min(d.name) FROM rollout_device m"
        " JOIN action a ON a.id=m.action JOIN device d ON d.id=m.device"
        /* group by group: so the index finds those that failed, however many did not */
        " WHERE m.rollout=?1 AND m.group_position IN (SELECT position FROM rollout_group WHERE rollout=?1)"
        " AND m.state IN (5,6,7) GROUP BY a.error,a.proof_signed ORDER BY 3 DESC,1 LIMIT 50");
    sql_put_int(&q, rollout);
    while (sql_row(&q)) {
        ud_err error;
        if (!ud_err_from_value((uint32_t)sql_get_int(&q), &error)) {
            error = UD_ERR_INTERNAL;
        }
        const bool is_signed = sql_get_int(&q) != 0;
        const uint32_t devices = (uint32_t)sql_get_int(&q);
        each(ctx, error, is_signed, devices, sql_get_words(&q));
    }
    return sql_end(&q);
}

ud_err ud_store_member_drop(struct ud_store *store, int32_t rollout, uint32_t max, uint32_t *count)
{
    uint64_t changed = 0;
    struct sql q = sql_begin(store, "DELETE FROM rollout_device WHERE rollout=?1 AND device IN"
                                    " (SELECT device FROM rollout_device WHERE rollout=?1 LIMIT ?2)");
    sql_put_int(&q, rollout);
    sql_put_int(&q, max);
    const ud_err err = sql_end_count(&q, &changed);
    *count = (uint32_t)changed;
    return err;
}

ud_err ud_store_member_move_all(struct ud_store *store, int32_t rollout, uint32_t group, ud_member_state from,
                                ud_member_state to, uint32_t max, uint32_t *count)
{
    uint64_t changed = 0;
    struct sql q = sql_begin(
        store, "UPDATE rollout_device SET state=?4 WHERE rollout=?1 AND device IN (SELECT device FROM"
               " rollout_device WHERE rollout=?1 AND group_position=?2 AND state=?3 ORDER BY device LIMIT ?5)");
    sql_put_int(&q, rollout);
    sql_put_int(&q, group);
    sql_put_int(&q, from);
    sql_put_int(&q, to);
    sql_put_int(&q, max);
    ud_err err = sql_end_count(&q, &changed);
    err = err == UD_OK ? count_by(store, rollout, group, from, -(int64_t)changed) : err;
    err = err == UD_OK ? count_by(store, rollout, group, to, (int64_t)changed) : err;
    *count = (uint32_t)changed;
    return err;
}

/* --- slices */

/* Behind the last id that there is? Ids have gaps, so the slice itself does not tell. */
static ud_err look_for_end(struct ud_store *store, struct ud_slice *slice)
{
    struct sql q = sql_begin(store, "SELECT min(id) FROM device WHERE id>?");
    sql_put_int(&q, slice->cursor);
    slice->end = !sql_row(&q) || sql_get_null(&q);
    if (!slice->end) {
        slice->cursor = sql_get_int(&q) - 1; /* over the gap */
    }
    return sql_end(&q);
}

/* " FROM device d WHERE ..." of a slice; its parameters follow in the same order. */
static void write_slice(char *out, size_t room, const char *head, const struct ud_slice *slice,
                        const char *tail)
{
    snprintf(out, room, "%s FROM device d WHERE d.id>? AND d.id<=? AND d.tenant=? AND %s AND %s AND %s%s", head,
             slice->filter->sql, slice->group_filter == NULL ? "1=1" : slice->group_filter->sql,
             slice->rollout == 0
                 ? "1=1"
                 : "NOT EXISTS(SELECT 1 FROM rollout_device m WHERE m.rollout=? AND m.device=d.id)",
             tail);
}

static void put_slice(struct sql *q, const struct ud_slice *slice)
{
    sql_put_int(q, slice->cursor);
    sql_put_int(q, slice->cursor + slice->span);
    sql_put_int(q, slice->tenant);
    sql_put_filter(q, slice->filter);
    sql_put_filter(q, slice->group_filter);
    if (slice->rollout != 0) {
        sql_put_int(q, slice->rollout);
    }
}

ud_err ud_store_slice_count(struct ud_store *store, struct ud_slice *slice)
{
    char text[SLICE_SQL_BYTES];
    write_slice(text, sizeof text, "SELECT count(*)", slice, "");
    struct sql q = sql_begin_made(store, text);
    put_slice(&q, slice);
    slice->matched = sql_row(&q) ? (uint32_t)sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    slice->cursor += slice->span;
    return err == UD_OK ? look_for_end(store, slice) : err;
}

static ud_err last_of_group(struct ud_store *store, const struct ud_slice *slice, uint32_t group, int64_t *last)
{
    struct sql q = sql_begin(store, "SELECT device FROM rollout_device WHERE rollout=? AND group_position=?"
                                    " AND state=0 AND device>? AND device<=? ORDER BY device DESC LIMIT 1");
    sql_put_int(&q, slice->rollout);
    sql_put_int(&q, group);
    sql_put_int(&q, slice->cursor);
    sql_put_int(&q, slice->cursor + slice->span);
    *last = sql_row(&q) ? sql_get_int(&q) : slice->cursor + slice->span;
    return sql_end(&q);
}

ud_err ud_store_slice_fill(struct ud_store *store, struct ud_slice *slice, uint32_t group, uint32_t most)
{
    char text[SLICE_SQL_BYTES];
    uint64_t changed = 0;
    write_slice(text, sizeof text,
                "INSERT INTO rollout_device(rollout,device,group_position,state) SELECT ?,d.id,?,0", slice,
                " ORDER BY d.id LIMIT ?");
    struct sql q = sql_begin_made(store, text);
    sql_put_int(&q, slice->rollout);
    sql_put_int(&q, group);
    put_slice(&q, slice);
    sql_put_int(&q, most);
    ud_err err = sql_end_count(&q, &changed);
    slice->matched = (uint32_t)changed;
    int64_t upto = slice->cursor + slice->span;
    if (err == UD_OK && slice->matched == most) {
        err = last_of_group(store, slice, group, &upto);
    }
    slice->cursor = upto;
    err = err == UD_OK ? count_by(store, slice->rollout, group, UD_MEMBER_WAITING, slice->matched) : err;
    err = err == UD_OK ? total_by(store, slice->rollout, slice->matched) : err;
    return err == UD_OK ? look_for_end(store, slice) : err;
}

/* --- events */

ud_err ud_store_fact_add(struct ud_store *store, const struct ud_row_fact *event)
{
    ud_err gathered = UD_OK;
    if (sql_gather_fact_add(store, event, &gathered)) {
        return gathered;
    }
    struct sql q = sql_begin(store, "INSERT INTO rollout_fact(tenant,kind,device,action,rollout,"
                                    "group_position,state) VALUES(?,?,?,?,?,?,?)");
    sql_put_int(&q, event->tenant);
    sql_put_int(&q, event->kind);
    sql_put_int(&q, event->device);
    sql_put_int(&q, event->action);
    sql_put_int(&q, event->rollout);
    sql_put_int(&q, event->group);
    sql_put_int(&q, event->state);
    return sql_end(&q);
}

static ud_err is_blocked_member(struct ud_store *store, int64_t device, bool *is)
{
    struct sql q = sql_begin_apart(store, "SELECT 1 FROM rollout_device WHERE device=? AND state=1 LIMIT 1");
    sql_put_int(&q, device);
    *is = sql_row(&q);
    return sql_end(&q);
}

ud_err ud_store_fact_action(struct ud_store *store, const struct ud_row_action *action)
{
    bool blocked = false;
    const struct ud_row_fact event = {
        .tenant = action->tenant,
        .kind = action->terms.rollout != 0 ? UD_FACT_ACTION : UD_FACT_FREED,
        .device = action->device,
        .action = action->id,
        .rollout = action->terms.rollout,
    };
    if (event.kind == UD_FACT_FREED) {
        const ud_err err = is_blocked_member(store, action->device, &blocked);
        if (err != UD_OK || !blocked) {
            return err;
        }
    }
    return ud_store_fact_add(store, &event);
}

ud_err ud_store_fact_device(struct ud_store *store, int64_t tenant, int64_t device)
{
    struct sql q = sql_begin(store, "INSERT INTO rollout_fact(tenant,kind,device,action,rollout,"
                                    "group_position,state) SELECT ?1,5,?2,0,0,0,0 WHERE EXISTS(SELECT 1 FROM"
                                    " rollout WHERE state IN (" SQL_TAKES_IN ") AND dynamic=1 AND tenant=?1)");
    sql_put_int(&q, tenant);
    sql_put_int(&q, device);
    return sql_end(&q);
}

ud_err ud_store_fact_take(struct ud_store *store, struct ud_row_fact *events, size_t max, size_t *count)
{
    struct sql q = sql_begin(store, "SELECT id,tenant,kind,device,action,rollout,group_position,state"
                                    " FROM rollout_fact ORDER BY id LIMIT ?");
    sql_put_int(&q, (int64_t)max);
    for (*count = 0; *count < max && sql_row(&q); (*count)++) {
        struct ud_row_fact *row = &events[*count];
        row->id = sql_get_int(&q);
        row->tenant = sql_get_int(&q);
        row->kind = (ud_fact_kind)sql_get_int(&q);
        row->device = sql_get_int(&q);
        row->action = (int32_t)sql_get_int(&q);
        row->rollout = (int32_t)sql_get_int(&q);
        row->group = (uint32_t)sql_get_int(&q);
        const int64_t state = sql_get_int(&q);
        row->state = state >= 0 && state < UD_MEMBER_STATE_COUNT ? (ud_member_state)state : UD_MEMBER_SKIPPED;
    }
    const ud_err err = sql_end(&q);
    if (err != UD_OK || *count == 0) {
        return err;
    }
    struct sql gone = sql_begin(store, "DELETE FROM rollout_fact WHERE id<=?");
    sql_put_int(&gone, events[*count - 1].id);
    return sql_end(&gone);
}

ud_err ud_store_group_forget(struct ud_store *store, const struct ud_row_fact *event)
{
    const ud_err err = count_by(store, event->rollout, event->group, event->state, -1);
    return err == UD_OK ? total_by(store, event->rollout, -1) : err;
}
