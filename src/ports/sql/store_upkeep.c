/* Copies, coming back from one, and whether what is stored adds up. */
#include "driver.h"

#include "schema_console.h"

#include "server/store_upkeep.h"

#define RESTORE_GAP (INT64_C(1) << 20) /* more than is given out between two backups; of 2^31 */

static const char *const remembered[] = {"action", "release", "rollout", "event"};

ud_err ud_store_backup(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES])
{
    struct ud_store *store = NULL;
    ud_err err = ud_store_open_or_say(&store, place, UD_STORE_READER, words);
    if (err != UD_OK) {
        return err;
    }
    err = store->driver->backup(store, path);
    memcpy(words, store->message, sizeof store->message);
    ud_store_close(store);
    return err;
}

static ud_err leap_all(struct ud_store *store)
{
    ud_err err = ud_store_begin(store);
    for (size_t i = 0; err == UD_OK && i < sizeof remembered / sizeof remembered[0]; i++) {
        err = store->driver->leap(store, remembered[i], RESTORE_GAP);
    }
    err = err == UD_OK ? ud_store_commit(store) : err;
    if (err != UD_OK) {
        ud_store_rollback(store);
    }
    return err;
}

/* A store that can be opened has a schema, and is not empty. */
static bool is_there(const char *place)
{
    struct ud_store *store = NULL;
    const bool opened = ud_store_open(&store, place, UD_STORE_READER) == UD_OK;
    const bool there = opened && ud_store_schema_version(store) > 0;
    ud_store_close(store);
    return there;
}

ud_err ud_store_restore(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES])
{
    struct ud_store *store = NULL;
    if (is_there(place)) {
        static const char why[] = "there is a store already; restoring is for an empty place";
        memcpy(words, why, sizeof why);
        return UD_ERR_CONFLICT;
    }
    ud_err err = sql_driver_for(place)->restore(place, path, words);
    err = err == UD_OK ? ud_store_open_or_say(&store, place, UD_STORE_WRITER, words) : err;
    if (err != UD_OK) {
        return err;
    }
    err = leap_all(store);
    err = err == UD_OK ? ud_store_checkpoint(store) : err;
    memcpy(words, store->message, sizeof store->message);
    ud_store_close(store);
    return err;
}

/* --- what must hold; each statement counts the rows for which it does not */

static const struct {
    const char *what;
    const char *advice;
    const char *sql;
} rules[] = {
    {"actions of devices that are not there",
     "remove them: DELETE FROM action WHERE device NOT IN (SELECT id FROM device)",
     "SELECT count(*) FROM action a LEFT JOIN device d ON d.id=a.device WHERE d.id IS NULL"},
    {"actions of releases that are not there", "restore a backup; the release's row is lost",
     "SELECT count(*) FROM action a LEFT JOIN release r ON r.id=a.release WHERE r.id IS NULL"},
    {"actions of another tenant than their device's", "treat the server as compromised; restore a backup",
     "SELECT count(*) FROM action a JOIN device d ON d.id=a.device WHERE d.tenant<>a.tenant"},
    {"actions that ended and are active", "end them: UPDATE action SET active=0 WHERE state>=7",
     "SELECT count(*) FROM action WHERE active=1 AND state>=7"},
    {"actions confirmed without a signed report", "treat the server as compromised; compare with the reports",
     "SELECT count(*) FROM action WHERE state=7 AND proof_signed=0"},
    {"histories of actions whose newest entry is not there",
     "restore a backup, or accept the loss of the history",
     "SELECT count(*) FROM action a LEFT JOIN action_status s ON s.id=a.last_status"
     " WHERE a.last_status<>0 AND s.id IS NULL"},
    {"devices whose newest report is not there", "restore a backup, or accept the loss of the history",
     "SELECT count(*) FROM device d LEFT JOIN report r ON r.id=d.last_report WHERE d.last_report<>0 AND r.id "
     "IS NULL"},
    {"releases with an artifact that is not listed", "upload the artifact again",
     "SELECT count(*) FROM release_artifact r LEFT JOIN artifact a ON a.tenant=r.tenant AND a.sha256=r.sha256"
     " WHERE a.sha256 IS NULL"},
    {"tokens of people who are not there",
     "remove them: DELETE FROM token WHERE person NOT IN (SELECT id FROM person)",
     "SELECT count(*) FROM token t LEFT JOIN person p ON p.id=t.person WHERE p.id IS NULL"},
    {"kept counts of devices that differ from the devices",
     "count again: the statements are in docs/formats.md section 22",
     "SELECT count(*) FROM (SELECT t.id FROM tenant t WHERE (SELECT count(*) FROM device d WHERE "
     "d.tenant=t.id)<>"
     "coalesce((SELECT sum(devices) FROM tally y WHERE y.tenant=t.id AND y.kind=1),0) OR"
     " EXISTS(SELECT 1 FROM tally y WHERE y.tenant=t.id AND y.kind=4 AND y.devices<>(SELECT count(*) FROM "
     "device d"
     " WHERE d.tenant=t.id AND d.id>=y.key*" BLOCK_IDS " AND d.id<(y.key+1)*" BLOCK_IDS ")) OR"
     " (SELECT count(*) FROM device d WHERE d.tenant=t.id)<>coalesce((SELECT sum(devices) FROM tally y WHERE"
     " y.tenant=t.id AND y.kind=4),0) OR (SELECT count(*) FROM device d"
     " WHERE d.tenant=t.id)<>coalesce((SELECT sum(r.devices) FROM runs_by_day r WHERE r.tenant=t.id AND r.day="
     "(SELECT max(x.day) FROM runs_by_day x WHERE x.tenant=r.tenant AND x.release=r.release)),0)) x"},
    {"kept counts of actions that differ from the actions",
     "count again: the statements are in docs/formats.md section 22",
     "SELECT count(*) FROM (SELECT t.id FROM tenant t WHERE (SELECT count(*) FROM action a WHERE "
     "a.tenant=t.id)<>coalesce((SELECT sum(devices) FROM tally y WHERE y.tenant=t.id AND y.kind IN(2,3)),0)) "
     "x"},
    {"gaps in the numbers of the audit log", "see updraft audit verify; treat the server as compromised",
     "SELECT count(*) FROM (SELECT tenant FROM audit GROUP BY tenant HAVING count(*)<>max(n) OR min(n)<>1) x"},
};

ud_err ud_store_check(struct ud_store *store, void (*each)(void *ctx, const struct ud_finding *finding),
                      void *ctx)
{
    ud_err err = store->driver->check(store);
    if (err == UD_ERR_STORE) {
        each(ctx, &(struct ud_finding){store->message, "restore a backup; keep the damaged file", 1});
        err = UD_OK;
    }
    for (size_t i = 0; err == UD_OK && i < sizeof rules / sizeof rules[0]; i++) {
        struct sql q = sql_begin(store, rules[i].sql);
        const int64_t count = sql_row(&q) ? sql_get_int(&q) : 0;
        err = sql_end(&q);
        if (err == UD_OK && count > 0) {
            each(ctx, &(struct ud_finding){rules[i].what, rules[i].advice, count});
        }
    }
    return err;
}

ud_err ud_store_artifact_walk(struct ud_store *store,
                              void (*each)(void *ctx, const struct ud_row_artifact *row), void *ctx)
{
    struct sql q = sql_begin(store, "SELECT DISTINCT sha256,size FROM artifact ORDER BY sha256");
    while (sql_row(&q)) {
        struct ud_row_artifact row = {.size = 0};
        sql_get_blob(&q, row.sha256, sizeof row.sha256);
        row.size = sql_get_u64(&q);
        each(ctx, &row);
    }
    return sql_end(&q);
}
