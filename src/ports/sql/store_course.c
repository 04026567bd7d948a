/* How a rollout goes: what its failures share, and where it stood when. */
#include "sql.h"

#include "server/store_console.h"

#define CLUSTERS_COST_MS 2000

/* --- what failures share */

ud_err ud_store_rollout_clusters(struct ud_store *store, int32_t rollout, const char *key,
                                 void (*each)(void *ctx, const struct ud_row_cluster *cluster), void *ctx)
{
    sql_limit(store, CLUSTERS_COST_MS);
    struct sql q = sql_begin(
        store,
        "SELECT "
        "y.state,y.error,y.proof,y.source,y.hardware,y.before_release,r.name,r.version,y.devices,y.example FROM"
        " (SELECT x.state,x.error,x.proof,x.source,x.hardware,x.before_release,count(*) AS devices,min(x.name) "
        "AS example"
        " FROM (SELECT m.state,a.error,a.proof_signed AS proof,a.before_release,d.name,"
        "coalesce(h.value,t.name,'') AS hardware,"
        "CASE WHEN h.value IS NOT NULL THEN 1 WHEN t.name IS NOT NULL THEN 2 ELSE 0 END AS source"
        " FROM rollout_device m JOIN action a ON a.id=m.action JOIN device d ON d.id=m.device"
        " LEFT JOIN device_attribute h ON h.device=d.id AND h.key=?2 LEFT JOIN device_type t ON t.id=d.type_id"
        /* group by group: so the index finds those that failed, however many did not */
        " WHERE m.rollout=?1 AND m.group_position IN (SELECT position FROM rollout_group WHERE rollout=?1)"
        " AND m.state IN (5,6,7) LIMIT ?3) x"
        " GROUP BY x.state,x.error,x.proof,x.source,x.hardware,x.before_release) y"
        " LEFT JOIN release r ON r.id=y.before_release"
        " ORDER BY y.devices DESC,y.state,y.error,y.hardware,y.before_release,y.proof LIMIT ?4");
    sql_put_int(&q, rollout);
    sql_put_text(&q, key);
    sql_put_int(&q, UD_CLUSTERS_LOOK_MAX);
    sql_put_int(&q, UD_CLUSTERS_MAX);
    while (sql_row(&q)) {
        struct ud_row_cluster row = {.state = (ud_member_state)sql_get_int(&q)};
        if (!ud_err_from_value((uint32_t)sql_get_int(&q), &row.error)) {
            row.error = UD_ERR_INTERNAL;
        }
        row.is_signed = sql_get_int(&q) != 0;
        row.from = (ud_hardware)sql_get_int(&q);
        row.hardware = sql_get_words(&q);
        row.before = (int32_t)sql_get_int(&q);
        row.before_name = sql_get_words(&q);
        row.before_version = sql_get_words(&q);
        row.devices = (uint32_t)sql_get_int(&q);
        row.example = sql_get_words(&q);
        each(ctx, &row);
    }
    const ud_err err = sql_end(&q);
    sql_limit(store, 0);
    return err;
}

/* --- its course */

struct note {
    int64_t step_ms;
    bool any;
    struct ud_row_course newest;
    struct ud_row_course now;
};

static void read_point(struct sql *q, struct ud_row_course *point)
{
    point->at_ms = sql_get_int(q);
    point->total = (uint32_t)sql_get_int(q);
    point->active = (uint32_t)sql_get_int(q);
    point->confirmed = (uint32_t)sql_get_int(q);
    point->claimed = (uint32_t)sql_get_int(q);
    point->failed = (uint32_t)sql_get_int(q);
}

static void put_counts(struct sql *q, const struct ud_row_course *point)
{
    sql_put_int(q, point->total);
    sql_put_int(q, point->active);
    sql_put_int(q, point->confirmed);
    sql_put_int(q, point->claimed);
    sql_put_int(q, point->failed);
}

static ud_err read_note(struct ud_store *store, int32_t rollout, struct note *note)
{
    struct sql now = sql_begin(
        store,
        "SELECT "
        "CAST(coalesce(sum(s0+s1+s2+s3+s4+s5+s6+s7+s8+s9),0) AS BIGINT),CAST(coalesce(sum(s2),0) AS BIGINT),"
        "CAST(coalesce(sum(s3),0) AS BIGINT),CAST(coalesce(sum(s4),0) AS BIGINT),"
        "CAST(coalesce(sum(s5+s6+s7),0) AS BIGINT) FROM rollout_group WHERE rollout=?");
    sql_put_int(&now, rollout);
    if (sql_row(&now)) {
        note->now.total = (uint32_t)sql_get_int(&now);
        note->now.active = (uint32_t)sql_get_int(&now);
        note->now.confirmed = (uint32_t)sql_get_int(&now);
        note->now.claimed = (uint32_t)sql_get_int(&now);
        note->now.failed = (uint32_t)sql_get_int(&now);
    }
    ud_err err = sql_end(&now);
    if (err != UD_OK) {
        return err;
    }
    struct sql newest =
        sql_begin(store, "SELECT at_ms,total,active,confirmed,claimed,failed FROM rollout_course"
                         " WHERE rollout=? ORDER BY at_ms DESC LIMIT 1");
    sql_put_int(&newest, rollout);
    note->any = sql_row(&newest);
    if (note->any) {
        read_point(&newest, &note->newest);
    }
    err = sql_end(&newest);
    if (err != UD_OK) {
        return err;
    }
    struct sql step = sql_begin(store, "SELECT course_step_ms FROM rollout WHERE id=?");
    sql_put_int(&step, rollout);
    note->step_ms = sql_row(&step) ? sql_get_int(&step) : 0;
    return sql_end(&step);
}

static bool is_same(const struct ud_row_course *a, const struct ud_row_course *b)
{
    return a->total == b->total && a->active == b->active && a->confirmed == b->confirmed &&
           a->claimed == b->claimed && a->failed == b->failed;
}

/* The step doubles; of two points that fall into one step now, the later one stays. */
static ud_err thin_out(struct ud_store *store, int32_t rollout, int64_t step_ms)
{
    struct sql drop = sql_begin(store, "DELETE FROM rollout_course WHERE rollout=?1 AND at_ms NOT IN (SELECT "
                                       "max(y.at_ms) FROM rollout_course y"
                                       " WHERE y.rollout=?1 GROUP BY y.at_ms/?2)");
    sql_put_int(&drop, rollout);
    sql_put_int(&drop, step_ms);
    const ud_err err = sql_end(&drop);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "UPDATE rollout SET course_step_ms=? WHERE id=?");
    sql_put_int(&q, step_ms);
    sql_put_int(&q, rollout);
    return sql_end(&q);
}

static ud_err add_point(struct ud_store *store, int32_t rollout, const struct note *note)
{
    struct sql q =
        sql_begin(store, "INSERT INTO rollout_course(total,active,confirmed,claimed,failed,rollout,at_ms) "
                         "VALUES(?,?,?,?,?,?,?)");
    put_counts(&q, &note->now);
    sql_put_int(&q, rollout);
    sql_put_int(&q, note->now.at_ms);
    ud_err err = sql_end(&q);
    if (err != UD_OK) {
        return err;
    }
    struct sql count = sql_begin(store, "SELECT count(*) FROM rollout_course WHERE rollout=?");
    sql_put_int(&count, rollout);
    const int64_t points = sql_row(&count) ? sql_get_int(&count) : 0;
    err = sql_end(&count);
    return err == UD_OK && points > UD_COURSE_POINTS_MAX ? thin_out(store, rollout, 2 * note->step_ms) : err;
}

/* In the newest one's step, or with a clock that stepped back: it is the newest one that changes. */
static ud_err change_point(struct ud_store *store, int32_t rollout, const struct note *note)
{
    struct sql q =
        sql_begin(store, "UPDATE rollout_course SET total=?,active=?,confirmed=?,claimed=?,failed=?,at_ms=? "
                         "WHERE rollout=? AND at_ms=?");
    put_counts(&q, &note->now);
    sql_put_int(&q, note->now.at_ms > note->newest.at_ms ? note->now.at_ms : note->newest.at_ms);
    sql_put_int(&q, rollout);
    sql_put_int(&q, note->newest.at_ms);
    return sql_end(&q);
}

ud_err ud_store_course_note(struct ud_store *store, int32_t rollout, int64_t now_ms)
{
    struct note note = {.now = {.at_ms = now_ms}};
    const ud_err err = read_note(store, rollout, &note);
    if (err != UD_OK || note.step_ms <= 0 || (note.any && is_same(&note.newest, &note.now))) {
        return err; /* without a step: the rollout is gone */
    }
    const bool same_step =
        note.any && (now_ms <= note.newest.at_ms || now_ms / note.step_ms == note.newest.at_ms / note.step_ms);
    return same_step ? change_point(store, rollout, &note) : add_point(store, rollout, &note);
}

ud_err ud_store_course_list(struct ud_store *store, int32_t rollout,
                            void (*each)(void *ctx, const struct ud_row_course *point), void *ctx)
{
    struct sql q = sql_begin(store, "SELECT at_ms,total,active,confirmed,claimed,failed FROM rollout_course"
                                    " WHERE rollout=? ORDER BY at_ms");
    sql_put_int(&q, rollout);
    while (sql_row(&q)) {
        struct ud_row_course row;
        read_point(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}
