/*
 * What a database must do for the statements of this folder. A driver keeps its connection in store->db and its
 * prepared statements behind void pointers; everything else (order of columns, sticky errors, the cache of prepared
 * statements) is sql.c's.
 *
 * Functions that return ud_err say UD_ERR_CONFLICT for a value that must be unique and is there already,
 * UD_ERR_DISK_FULL, or UD_ERR_STORE, and leave the database's words in store->message.
 */
#ifndef UD_SQL_DRIVER_H
#define UD_SQL_DRIVER_H

#include "sql.h"

typedef enum sql_control {
    SQL_BEGIN, /* a transaction that no other writer gets into; on a lost connection: connect again first */
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVE, /* one level of savepoint */
    SQL_RELEASE,
    SQL_UNDO /* back to the savepoint, which then is gone */
} sql_control;

/* A word of the schema's texts and what this database says instead: dialects differ in types only. */
struct sql_word {
    const char *word;
    const char *means;
};

struct sql_driver {
    const char *name;
    const struct sql_word *words; /* up to one whose word is NULL */

    bool arrays;     /* takes arrays as parameters, and a round trip costs: gather.h */
    const char *now; /* a statement: milliseconds since 1970 by the database's clock */

    /** NULL where one process has the database; else wait for a notification, at most so long. */
    ud_err (*wait)(struct ud_store *store, unsigned wait_ms, bool *notified);
    /** Sets store->db as soon as close() has anything to free. `place`: a folder, or a connection string. */
    ud_err (*open)(struct ud_store *store, const char *place, ud_store_mode mode);
    void (*close)(struct ud_store *store);
    ud_err (*control)(struct ud_store *store, sql_control what);
    bool (*in_transaction)(const struct ud_store *store);
    /** NULL where there is nothing to lose; else: the connection is gone, and the next use makes one. */
    bool (*lost)(const struct ud_store *store);
    ud_err (*checkpoint)(struct ud_store *store);
    /** Statements may take so long from now on, then fail with UD_ERR_FILTER_COST; 0 = as long as they want. */
    ud_err (*limit)(struct ud_store *store, uint32_t ms);
    /** Statements without parameters, separated by semicolons. */
    ud_err (*script)(struct ud_store *store, const char *text);

    /** Wait until no other process migrates; to be called inside a transaction. */
    ud_err (*schema_lock)(struct ud_store *store);
    /** 0 for a store without a schema. */
    ud_err (*schema_version)(struct ud_store *store, uint32_t *version);
    ud_err (*schema_mark)(struct ud_store *store, uint32_t version);

    /** A consistent copy into a new file while others write. */
    ud_err (*backup)(struct ud_store *store, const char *path);
    /** From such a file into an empty store at `place`, before it is opened. `words`: what went wrong. */
    ud_err (*restore)(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES]);
    /** Move the ids of a table that are never used again on by so many. */
    ud_err (*leap)(struct ud_store *store, const char *table, int64_t gap);
    /** The database's own check of itself; UD_ERR_STORE with words. */
    ud_err (*check)(struct ud_store *store);

    ud_err (*prepare)(struct ud_store *store, const char *text, void **stmt);
    void (*drop)(struct ud_store *store, void *stmt);
    /** Parameters and columns count from 0. Text and bytes stay the caller's until reset(). */
    ud_err (*put_int)(struct ud_store *store, void *stmt, int at, int64_t value);
    ud_err (*put_text)(struct ud_store *store, void *stmt, int at, const char *value);
    ud_err (*put_blob)(struct ud_store *store, void *stmt, int at, struct ud_bytes value);
    ud_err (*put_null)(struct ud_store *store, void *stmt, int at);
    ud_err (*step)(struct ud_store *store, void *stmt, bool *row);
    int64_t (*get_int)(void *stmt, int at);
    bool (*get_null)(void *stmt, int at);
    /** A NUL follows the bytes of a text. */
    struct ud_bytes (*get_bytes)(void *stmt, int at);
    /** Rows that the last statement inserted, updated or deleted. */
    uint64_t (*changes)(const struct ud_store *store, const void *stmt);
    void (*reset)(struct ud_store *store, void *stmt);
};

extern const struct sql_driver sql_driver_sqlite;
extern const struct sql_driver sql_driver_pg;

/** By the scheme of a connection string; without one, SQLite in the folder of that name. */
const struct sql_driver *sql_driver_for(const char *place);
/** Keep words for ud_store_message(); returns `err`. */
ud_err sql_complain(struct ud_store *store, ud_err err, const char *words);
/** Forget every prepared statement: its connection is gone. */
void sql_forget_prepared(struct ud_store *store);

#endif
