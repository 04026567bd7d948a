/*
 * One SQL statement from binding to result, as a cursor with a sticky error: values are bound and read in order, and
 * sql_end() says once whether all went well.
 *
 *     struct sql q = sql_begin(store, "SELECT a FROM t WHERE b=?");
 *     sql_put_int(&q, b);
 *     while (sql_row(&q)) {
 *         a = sql_get_int(&q);
 *     }
 *     return sql_end(&q);
 */
#ifndef UD_SQL_SQL_H
#define UD_SQL_SQL_H

#include "server/store.h"

#include <sqlite3.h>

#define SQL_PREPARED_MAX 128 /* a power of two, more than there are statements in the program */
#define SQL_MESSAGE_BYTES 256

struct ud_store {
    sqlite3 *db;
    struct {
        const char *text; /* the literal's address is the key */
        sqlite3_stmt *stmt;
    } prepared[SQL_PREPARED_MAX];
    char message[SQL_MESSAGE_BYTES];
};

struct sql {
    struct ud_store *store;
    sqlite3_stmt *stmt;
    int next; /* column or parameter that comes next */
    ud_err err;
};

/** `text` must be a literal with static life: prepared once, found again by its address. */
struct sql sql_begin(struct ud_store *store, const char *text);
void sql_put_int(struct sql *q, int64_t value);
void sql_put_u64(struct sql *q, uint64_t value); /* kept as the same 64 bits; never compared in SQL */
void sql_put_text(struct sql *q, const char *value);
void sql_put_blob(struct sql *q, const uint8_t *bytes, size_t len);
void sql_put_null(struct sql *q);
/** Step. True: a row stands ready, and sql_get_* read its columns in order. */
bool sql_row(struct sql *q);
int64_t sql_get_int(struct sql *q);
uint64_t sql_get_u64(struct sql *q);
bool sql_get_null(const struct sql *q); /* looks at the next column without passing it */
/** Copy with NUL; UD_ERR_STORE when the stored text is longer than the room: files are input too. */
void sql_get_text(struct sql *q, char *out, size_t room);
/** Exactly len bytes, or UD_ERR_STORE. NULL in the database leaves `out` untouched. */
void sql_get_blob(struct sql *q, uint8_t *out, size_t len);
/** Borrowed until the next step. */
struct ud_bytes sql_get_bytes(struct sql *q);
/** Text with its NUL, "" for NULL; borrowed until the next step. */
const char *sql_get_words(struct sql *q);
/** Run to the end if it was not stepped yet, and give the statement back. */
ud_err sql_end(struct sql *q);
/** For statements that must have changed a row: UD_ERR_NOT_FOUND when none was. */
ud_err sql_end_changed(struct sql *q);
/** A statement without parameters and rows. */
ud_err sql_exec(struct ud_store *store, const char *text);
/** UD_ERR_DISK_FULL, UD_ERR_CONFLICT (unique), UD_ERR_STORE; keeps the database's words. */
ud_err sql_err(struct ud_store *store, int code);

/** Bring the schema to this program's version. UD_ERR_VERSION when it is newer. */
ud_err sql_migrate(struct ud_store *store);

#endif
