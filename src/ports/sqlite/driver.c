/* SQLite: one file in the state folder, in WAL mode. */
#include "ports/sql/driver.h"

#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

#define BUSY_MS 5000
#define PATH_BYTES 1024

static ud_err failed(struct ud_store *store, int code)
{
    const int extended = store->db == NULL ? code : sqlite3_extended_errcode(store->db);
    const bool taken = extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY;
    const ud_err err = (code & 0xff) == SQLITE_FULL        ? UD_ERR_DISK_FULL
                       : (code & 0xff) == SQLITE_INTERRUPT ? UD_ERR_FILTER_COST
                       : taken                             ? UD_ERR_CONFLICT
                                                           : UD_ERR_STORE;
    return sql_complain(store, err, store->db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(store->db));
}

static ud_err checked(struct ud_store *store, int code)
{
    return code == SQLITE_OK ? UD_OK : failed(store, code);
}

static ud_err script(struct ud_store *store, const char *text)
{
    return checked(store, sqlite3_exec(store->db, text, NULL, NULL, NULL));
}

static ud_err set_up(struct ud_store *store, ud_store_mode mode)
{
    /* FULL: the log is on the disk before COMMIT returns; that is what an acknowledgement stands on (P4) */
    static const char *const pragmas[] = {
        [UD_STORE_WRITER] =
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16384; PRAGMA analysis_limit=1000; ANALYZE",
        [UD_STORE_READER] = "PRAGMA query_only=ON; PRAGMA cache_size=-2048",
    };
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_extended_result_codes(store->db, 1);
    return script(store, pragmas[mode]);
}

static ud_err open_file(struct ud_store *store, const char *place, ud_store_mode mode)
{
    char path[PATH_BYTES];
    const int n = snprintf(path, sizeof path, "%s/updraft.db", place);
    if (n < 0 || (size_t)n >= sizeof path) {
        return UD_ERR_LIMIT;
    }
    const int create = mode == UD_STORE_WRITER ? SQLITE_OPEN_CREATE : 0;
    sqlite3 *db = NULL;
    const int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create, NULL);
    store->db = db;
    return code == SQLITE_OK ? set_up(store, mode) : failed(store, code);
}

static void close_file(struct ud_store *store)
{
    sqlite3_close(store->db);
}

static ud_err control(struct ud_store *store, sql_control what)
{
    static const char *const texts[] = {
        [SQL_BEGIN] = "BEGIN IMMEDIATE", [SQL_COMMIT] = "COMMIT",       [SQL_ROLLBACK] = "ROLLBACK",
        [SQL_SAVE] = "SAVEPOINT job",    [SQL_RELEASE] = "RELEASE job", [SQL_UNDO] = "ROLLBACK TO job",
    };
    const ud_err err = sql_exec(store, texts[what]);
    return err == UD_OK && what == SQL_UNDO ? sql_exec(store, texts[SQL_RELEASE]) : err;
}

static bool in_transaction(const struct ud_store *store)
{
    return sqlite3_get_autocommit(store->db) == 0;
}

static ud_err checkpoint(struct ud_store *store)
{
    return checked(store, sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

/* --- limits of cost */

#define STEPS_BETWEEN_LOOKS 4000

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int is_over(void *ctx)
{
    const struct ud_store *store = ctx;
    return now_ms() >= store->limit_ms;
}

static ud_err limit(struct ud_store *store, uint32_t ms)
{
    store->limit_ms = now_ms() + ms;
    sqlite3_progress_handler(store->db, ms == 0 ? 0 : STEPS_BETWEEN_LOOKS, ms == 0 ? NULL : is_over, store);
    return UD_OK;
}

static ud_err schema_lock(struct ud_store *store)
{
    (void)store; /* BEGIN IMMEDIATE has it */
    return UD_OK;
}

static ud_err schema_version(struct ud_store *store, uint32_t *version)
{
    struct sql q = sql_begin(store, "PRAGMA user_version");
    const uint32_t found = sql_row(&q) ? (uint32_t)sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *version = found;
    }
    return err;
}

static ud_err schema_mark(struct ud_store *store, uint32_t version)
{
    char mark[64];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%u", version);
    return script(store, mark);
}

static ud_err backup(struct ud_store *store, const char *path)
{
    const ud_err err = script(store, "PRAGMA query_only=OFF"); /* it counts the copy as a change */
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "VACUUM INTO ?");
    sql_put_text(&q, path);
    return sql_end(&q);
}

/* The file is the store; copied page by page, so that a damaged one is noticed here. */
static ud_err restore(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES])
{
    char to[PATH_BYTES];
    sqlite3 *from_db = NULL;
    sqlite3 *to_db = NULL;
    const int n = snprintf(to, sizeof to, "%s/updraft.db", place);
    int code = n < 0 || (size_t)n >= sizeof to ? SQLITE_CANTOPEN
                                               : sqlite3_open_v2(path, &from_db, SQLITE_OPEN_READONLY, NULL);
    code = code == SQLITE_OK ? sqlite3_open_v2(to, &to_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL)
                             : code;
    sqlite3_backup *copy = code == SQLITE_OK ? sqlite3_backup_init(to_db, "main", from_db, "main") : NULL;
    if (copy != NULL) {
        sqlite3_backup_step(copy, -1);
        code = sqlite3_backup_finish(copy);
    } else {
        code = code == SQLITE_OK ? sqlite3_errcode(to_db) : code;
    }
    snprintf(words, UD_STORE_WORDS_BYTES, "%s", code == SQLITE_OK ? "" : sqlite3_errstr(code));
    sqlite3_close(to_db);
    sqlite3_close(from_db);
    return code == SQLITE_OK ? UD_OK : UD_ERR_STORE;
}

static ud_err leap(struct ud_store *store, const char *table, int64_t gap)
{
    struct sql add = sql_begin(store, "INSERT INTO sqlite_sequence(name,seq) SELECT ?1,0 WHERE NOT EXISTS"
                                      " (SELECT 1 FROM sqlite_sequence WHERE name=?1)");
    sql_put_text(&add, table);
    const ud_err err = sql_end(&add);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, "UPDATE sqlite_sequence SET seq=seq+? WHERE name=?");
    sql_put_int(&q, gap);
    sql_put_text(&q, table);
    return sql_end_changed(&q);
}

static ud_err check(struct ud_store *store)
{
    struct sql q = sql_begin(store, "SELECT integrity_check FROM pragma_integrity_check(1)");
    char words[UD_STORE_WORDS_BYTES] = "";
    if (sql_row(&q)) {
        snprintf(words, sizeof words, "%s", sql_get_words(&q));
    }
    const ud_err err = sql_end(&q);
    if (err != UD_OK || strcmp(words, "ok") != 0) {
        return err == UD_OK ? sql_complain(store, UD_ERR_STORE, words) : err;
    }
    struct sql keys = sql_begin(store, "SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1");
    if (sql_row(&keys)) {
        snprintf(words, sizeof words, "a row of %s refers to one that is not there", sql_get_words(&keys));
        sql_end(&keys);
        return sql_complain(store, UD_ERR_STORE, words);
    }
    return sql_end(&keys);
}

static ud_err prepare(struct ud_store *store, const char *text, void **stmt)
{
    sqlite3_stmt *made = NULL;
    const ud_err err =
        checked(store, sqlite3_prepare_v3(store->db, text, -1, SQLITE_PREPARE_PERSISTENT, &made, NULL));
    if (err == UD_OK) {
        *stmt = made;
    }
    return err;
}

static void drop(struct ud_store *store, void *stmt)
{
    (void)store;
    sqlite3_finalize(stmt);
}

static ud_err put_int(struct ud_store *store, void *stmt, int at, int64_t value)
{
    return checked(store, sqlite3_bind_int64(stmt, at + 1, value));
}

static ud_err put_text(struct ud_store *store, void *stmt, int at, const char *value)
{
    return checked(store, sqlite3_bind_text(stmt, at + 1, value, -1, SQLITE_STATIC));
}

static ud_err put_blob(struct ud_store *store, void *stmt, int at, struct ud_bytes value)
{
    const void *bytes = value.len == 0 ? (const void *)"" : value.ptr; /* NULL would mean NULL */
    return checked(store, sqlite3_bind_blob64(stmt, at + 1, bytes, value.len, SQLITE_STATIC));
}

static ud_err put_null(struct ud_store *store, void *stmt, int at)
{
    return checked(store, sqlite3_bind_null(stmt, at + 1));
}

static ud_err step(struct ud_store *store, void *stmt, bool *row)
{
    const int code = sqlite3_step(stmt);
    *row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? UD_OK : failed(store, code);
}

static int64_t get_int(void *stmt, int at)
{
    return sqlite3_column_int64(stmt, at);
}

static bool get_null(void *stmt, int at)
{
    return sqlite3_column_type(stmt, at) == SQLITE_NULL;
}

static struct ud_bytes get_bytes(void *stmt, int at)
{
    /* text first: asked so, the library ends it with NUL; a blob stays as it is */
    const void *bytes = sqlite3_column_type(stmt, at) == SQLITE_BLOB
                            ? sqlite3_column_blob(stmt, at)
                            : (const void *)sqlite3_column_text(stmt, at);
    return (struct ud_bytes){bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, at)};
}

static uint64_t changes(const struct ud_store *store, const void *stmt)
{
    (void)stmt;
    return (uint64_t)sqlite3_changes64(store->db);
}

static void reset(struct ud_store *store, void *stmt)
{
    (void)store;
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

static const struct sql_word words[] = {
    {"{ID}", "INTEGER PRIMARY KEY"},
    {"{ID_ONCE}", "INTEGER PRIMARY KEY AUTOINCREMENT"},
    {"{INT}", "INTEGER"},
    {"{TEXT}", "TEXT"},
    {"{BYTES}", "BLOB"},
    {"{ANY_CASE}", "COLLATE NOCASE"},
    {"{BY_KEY}", "WITHOUT ROWID"},
    {NULL, NULL},
};

const struct sql_driver sql_driver_sqlite = {
    .name = "sqlite",
    .words = words,
    .now = "SELECT CAST((julianday('now')-2440587.5)*86400000 AS INTEGER)",
    .open = open_file,
    .close = close_file,
    .control = control,
    .in_transaction = in_transaction,
    .checkpoint = checkpoint,
    .limit = limit,
    .script = script,
    .schema_lock = schema_lock,
    .schema_version = schema_version,
    .schema_mark = schema_mark,
    .backup = backup,
    .restore = restore,
    .leap = leap,
    .check = check,
    .prepare = prepare,
    .drop = drop,
    .put_int = put_int,
    .put_text = put_text,
    .put_blob = put_blob,
    .put_null = put_null,
    .step = step,
    .get_int = get_int,
    .get_null = get_null,
    .get_bytes = get_bytes,
    .changes = changes,
    .reset = reset,
};
