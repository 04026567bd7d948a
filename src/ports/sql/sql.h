/*
 * One SQL statement from binding to result, as a cursor with a sticky error: values are bound and read in order, and
 * sql_end() says once whether all went well. The database behind it is a driver (driver.h); the texts are SQL that
 * all of them understand: '?' and '?n' for parameters, RETURNING for new ids, coalesce, ON CONFLICT.
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

#define SQL_PREPARED_MAX 512 /* a power of two, more than there are statements in the program */
#define SQL_PARAMS_MAX 64

struct sql_driver;
struct sql_gather;

struct ud_store {
    const struct sql_driver *driver;
    void *db; /* the driver's own */
    struct {
        const char *text; /* the literal's address is the key */
        void *stmt;
    } prepared[SQL_PREPARED_MAX];
    char message[UD_STORE_WORDS_BYTES];
    int64_t limit_ms;          /* the driver's own */
    struct sql_gather *gather; /* gather.h; NULL until it is needed */
    const char *leased; /* checked in this transaction already: a literal, as `text` above; NULL = none */
    int64_t leased_fence;
};

struct sql {
    struct ud_store *store;
    void *stmt; /* the driver's own; NULL after a failed preparation */
    int next;   /* column or parameter that comes next, from 0 */
    bool stepped;
    bool made; /* by sql_begin_made() */
    ud_err err;
};

/** `text` must be a literal with static life: prepared once, found again by its address. */
struct sql sql_begin(struct ud_store *store, const char *text);
/** One that reads nothing of what a gathered run writes (gather.h): that may go on waiting. */
struct sql sql_begin_apart(struct ud_store *store, const char *text);
/** A text made at run time, from literals only: every value is bound. Prepared for this once. */
struct sql sql_begin_made(struct ud_store *store, const char *text);
void sql_put_int(struct sql *q, int64_t value);
void sql_put_u64(struct sql *q, uint64_t value); /* kept as the same 64 bits; never compared in SQL */
/** Text and bytes are borrowed until sql_end(). */
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
/** The same, and how many rows were changed. */
ud_err sql_end_count(struct sql *q, uint64_t *changed);
/** For "INSERT … RETURNING id" of one row. */
ud_err sql_end_id(struct sql *q, int64_t *id);
/** What follows on this handle may take so long, then fails with UD_ERR_FILTER_COST; 0 = no limit. */
void sql_limit(struct ud_store *store, uint32_t ms);
/** A statement without parameters and rows. */
ud_err sql_exec(struct ud_store *store, const char *text);

/** Bring the schema to this program's version. UD_ERR_VERSION when it is newer. */
/** `tell` may be NULL. */
ud_err sql_migrate(struct ud_store *store, ud_store_step tell, void *ctx);

#endif
