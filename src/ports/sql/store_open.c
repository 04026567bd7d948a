/* Opening, transactions, closing. */
#include "sql.h"

#include <stdio.h>
#include <stdlib.h>

#define BUSY_MS 5000
#define PATH_BYTES 1024

static ud_err set_up(struct ud_store *store, ud_store_mode mode)
{
    /* FULL: the log is on the disk before COMMIT returns; that is what an acknowledgement stands on (P4) */
    static const char *const writer[] = {"PRAGMA journal_mode=WAL",  "PRAGMA synchronous=FULL",
                                         "PRAGMA foreign_keys=ON",   "PRAGMA wal_autocheckpoint=4000",
                                         "PRAGMA cache_size=-16384", NULL};
    static const char *const reader[] = {"PRAGMA query_only=ON", "PRAGMA cache_size=-2048", NULL};
    const char *const *step = mode == UD_STORE_WRITER ? writer : reader;
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_extended_result_codes(store->db, 1);
    for (; *step != NULL; step++) {
        const int code = sqlite3_exec(store->db, *step, NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            return sql_err(store, code);
        }
    }
    return mode == UD_STORE_WRITER ? sql_migrate(store) : UD_OK;
}

ud_err ud_store_open(struct ud_store **out, const char *folder, ud_store_mode mode)
{
    char path[PATH_BYTES];
    const int n = snprintf(path, sizeof path, "%s/updraft.db", folder);
    if (n < 0 || (size_t)n >= sizeof path) {
        return UD_ERR_LIMIT;
    }
    struct ud_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return UD_ERR_MEMORY;
    }
    const int create = mode == UD_STORE_WRITER ? SQLITE_OPEN_CREATE : 0;
    const int code =
        sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create, NULL);
    const ud_err err = code != SQLITE_OK ? UD_ERR_STORE : set_up(store, mode);
    if (err != UD_OK) {
        ud_store_close(store);
        return err;
    }
    *out = store;
    return UD_OK;
}

void ud_store_close(struct ud_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < SQL_PREPARED_MAX; i++) {
        sqlite3_finalize(store->prepared[i].stmt);
    }
    sqlite3_close(store->db);
    free(store);
}

const char *ud_store_message(const struct ud_store *store)
{
    return store->message;
}

uint32_t ud_store_schema_version(struct ud_store *store)
{
    uint32_t version = 0;
    struct sql q = sql_begin(store, "PRAGMA user_version");
    if (sql_row(&q)) {
        version = (uint32_t)sql_get_int(&q);
    }
    return sql_end(&q) == UD_OK ? version : 0;
}

ud_err ud_store_begin(struct ud_store *store)
{
    return sql_exec(store, "BEGIN IMMEDIATE");
}

ud_err ud_store_commit(struct ud_store *store)
{
    return sql_exec(store, "COMMIT");
}

void ud_store_rollback(struct ud_store *store)
{
    if (ud_store_in_transaction(store)) {
        sql_exec(store, "ROLLBACK");
    }
}

ud_err ud_store_save(struct ud_store *store)
{
    return sql_exec(store, "SAVEPOINT job");
}

ud_err ud_store_release(struct ud_store *store)
{
    return sql_exec(store, "RELEASE job");
}

ud_err ud_store_undo(struct ud_store *store)
{
    const ud_err err = sql_exec(store, "ROLLBACK TO job");
    return err == UD_OK ? ud_store_release(store) : err;
}

bool ud_store_in_transaction(const struct ud_store *store)
{
    return sqlite3_get_autocommit(store->db) == 0;
}

ud_err ud_store_checkpoint(struct ud_store *store)
{
    const int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return code == SQLITE_OK ? UD_OK : sql_err(store, code);
}
