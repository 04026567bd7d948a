/*
 * PostgreSQL 15 and later, by libpq. One connection per handle.
 *
 * Writers of all processes take one advisory lock at the start of each transaction: what SQLite's BEGIN IMMEDIATE is
 * for one process. A paused process holds it no longer than PAUSE_MS: the database then ends its transaction, and all
 * that process can do later is to hear that its connection is gone.
 */
#include "ports/sql/driver.h"

#include "dump.h"
#include "updraft/assert.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define PAUSE_MS "5000"
#define STATEMENT_BYTES_MAX 65536
#define WRITER_LOCK "8462087391266170468" /* "updraftd" */

enum { OID_BYTES = 17, OID_INT = 20, OID_TEXT = 25 };

struct pg {
    PGconn *conn;
    ud_store_mode mode;
    bool in_transaction; /* as we asked for; the connection may have been lost since */
    bool lost;           /* in a transaction: nothing runs until it was ended */
    bool away;           /* the last failure ended the connection, whatever PQstatus() says yet */
    unsigned names;      /* of prepared statements, so far */
    unsigned era;        /* counts connections: statements are prepared anew on each */
    char place[];
};

/* The values stand in the order of the '?' of the text; a numbered one may stand there twice. */
struct pg_stmt {
    char *text; /* with $n */
    int param_count;
    unsigned runs;
    char name[16]; /* empty until it is prepared */
    unsigned era;  /* of the connection that it is prepared on */
    Oid types[SQL_PARAMS_MAX];
    const char *values[SQL_PARAMS_MAX];
    int lengths[SQL_PARAMS_MAX];
    int formats[SQL_PARAMS_MAX];
    uint8_t numbers[SQL_PARAMS_MAX][8];
    PGresult *result;
    int row; /* that stands ready; -1 = none yet */
};

static struct pg *pg_of(const struct ud_store *store)
{
    return store->db;
}

/* --- errors */

static ud_err err_of_state(const char *state)
{
    static const struct {
        const char *state; /* SQLSTATE, whole or its class */
        ud_err err;
    } known[] = {
        {"23505", UD_ERR_CONFLICT},    /* unique_violation */
        {"53100", UD_ERR_DISK_FULL},   /* disk_full */
        {"22021", UD_ERR_SHAPE},       /* a text that is no UTF-8 */
        {"57014", UD_ERR_FILTER_COST}, /* query_canceled, by statement_timeout */
    };
    for (size_t i = 0; state != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(state, known[i].state, strlen(known[i].state)) == 0) {
            return known[i].err;
        }
    }
    return UD_ERR_STORE;
}

/*
 * Does this failure end the connection? PQstatus() may say so only at the next command: a failure without SQLSTATE is
 * libpq's own, of which there is none that the connection outlives for us, and FATAL is the server's last word.
 */
static bool ends_connection(const struct pg *pg, const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return PQstatus(pg->conn) != CONNECTION_OK || PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL ||
           (severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0));
}

static bool is_away(const struct pg *pg)
{
    return pg->away || PQstatus(pg->conn) != CONNECTION_OK;
}

/* Takes the result: UD_OK when it is a good one. */
static ud_err settle(struct ud_store *store, PGresult *result)
{
    struct pg *pg = pg_of(store);
    const ExecStatusType status = PQresultStatus(result);
    ud_err err = UD_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        err = sql_complain(store, err_of_state(PQresultErrorField(result, PG_DIAG_SQLSTATE)),
                           primary == NULL ? PQerrorMessage(pg->conn) : primary);
        pg->away = pg->away || ends_connection(pg, result);
        pg->lost = pg->lost || (pg->in_transaction && pg->away);
    }
    PQclear(result);
    return err;
}

/* --- the connection */

/* What every session needs, whatever the connection string says about the rest. */
static const char *session_text(ud_store_mode mode)
{
    return mode == UD_STORE_WRITER
               ? "SET standard_conforming_strings=on; SET client_min_messages=warning;"
                 "SET default_transaction_isolation='read committed';"
                 "SET idle_in_transaction_session_timeout=" PAUSE_MS ";"
                 /* COMMIT returns when the log is on the disk: an acknowledgement stands on it (P4) */
                 "SELECT set_config('synchronous_commit','on',false)"
                 " WHERE current_setting('synchronous_commit') IN ('off')"
               : "SET standard_conforming_strings=on; SET default_transaction_read_only=on;"
                 "SET idle_in_transaction_session_timeout=" PAUSE_MS;
}

static ud_err connect_again(struct ud_store *store)
{
    struct pg *pg = pg_of(store);
    static const char *const names[] = {"dbname",          "client_encoding",  "fallback_application_name",
                                        "connect_timeout", "tcp_user_timeout", NULL};
    const char *const values[] = {pg->place, "UTF8", "updraftd", "5", "10000", NULL};
    PQfinish(pg->conn);
    pg->era++; /* statements stay: one of them may be running right now */
    pg->conn = PQconnectdbParams(names, values, 1);
    pg->in_transaction = pg->lost = pg->away = false;
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        return sql_complain(store, UD_ERR_STORE, PQerrorMessage(pg->conn));
    }
    PQsetErrorVerbosity(pg->conn, PQERRORS_TERSE);
    return settle(store, PQexec(pg->conn, session_text(pg->mode)));
}

/* Before a command. Inside a transaction a lost connection stays lost, so that nothing of it runs on a new one. */
static ud_err ready(struct ud_store *store)
{
    struct pg *pg = pg_of(store);
    if (pg->lost) {
        return sql_complain(store, UD_ERR_STORE, "the connection was lost within a transaction");
    }
    return !is_away(pg) || pg->in_transaction ? UD_OK : connect_again(store);
}

static ud_err open_connection(struct ud_store *store, const char *place, ud_store_mode mode)
{
    struct pg *pg = calloc(1, sizeof *pg + strlen(place) + 1);
    if (pg == NULL) {
        return UD_ERR_MEMORY;
    }
    pg->mode = mode;
    memcpy(pg->place, place, strlen(place) + 1);
    store->db = pg;
    return connect_again(store);
}

static void close_connection(struct ud_store *store)
{
    struct pg *pg = pg_of(store);
    if (pg != NULL) {
        PQfinish(pg->conn);
        free(pg);
    }
}

static ud_err script(struct ud_store *store, const char *text)
{
    const ud_err err = ready(store);
    return err == UD_OK ? settle(store, PQexec(pg_of(store)->conn, text)) : err;
}

/* --- transactions */

static ud_err begin(struct ud_store *store)
{
    struct pg *pg = pg_of(store);
    pg->lost = pg->in_transaction = false;
    ud_err err = ready(store);
    err = err == UD_OK ? script(store, "BEGIN; SELECT pg_advisory_xact_lock(" WRITER_LOCK ")") : err;
    if (err != UD_OK && is_away(pg)) { /* closed while it was idle: once more */
        err = connect_again(store);
        err = err == UD_OK ? script(store, "BEGIN; SELECT pg_advisory_xact_lock(" WRITER_LOCK ")") : err;
    }
    pg->in_transaction = err == UD_OK;
    return err;
}

/* COMMIT of a failed transaction succeeds as a ROLLBACK: its tag tells. */
static ud_err commit(struct ud_store *store)
{
    struct pg *pg = pg_of(store);
    ud_err err = ready(store);
    if (err == UD_OK) {
        PGresult *result = PQexec(pg->conn, "COMMIT");
        const bool undone =
            PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0;
        err = settle(store, result);
        err = undone ? sql_complain(store, UD_ERR_STORE, "the transaction had failed") : err;
    }
    pg->in_transaction = pg->lost = false;
    return err;
}

static ud_err rollback(struct ud_store *store)
{
    struct pg *pg = pg_of(store);
    const ud_err err = pg->lost ? UD_OK : script(store, "ROLLBACK");
    pg->in_transaction = pg->lost = false;
    return err;
}

static ud_err control(struct ud_store *store, sql_control what)
{
    switch (what) {
    case SQL_BEGIN:
        return begin(store);
    case SQL_COMMIT:
        return commit(store);
    case SQL_ROLLBACK:
        return rollback(store);
    case SQL_SAVE:
        return script(store, "SAVEPOINT job");
    case SQL_RELEASE:
        return script(store, "RELEASE job");
    case SQL_UNDO:
        return script(store, "ROLLBACK TO job; RELEASE job");
    }
    return UD_ERR_INTERNAL;
}

static bool in_transaction(const struct ud_store *store)
{
    const struct pg *pg = pg_of(store);
    return pg->in_transaction && !pg->lost;
}

static bool lost(const struct ud_store *store)
{
    return is_away(pg_of(store));
}

static ud_err checkpoint(struct ud_store *store)
{
    (void)store; /* the database's own business */
    return UD_OK;
}

/* --- the schema's number */

static ud_err schema_lock(struct ud_store *store)
{
    (void)store; /* the writers' lock has it */
    return UD_OK;
}

static ud_err one_number(struct ud_store *store, const char *text, int64_t *out)
{
    struct sql q = sql_begin(store, text);
    const int64_t number = sql_row(&q) ? sql_get_int(&q) : 0;
    const ud_err err = sql_end(&q);
    if (err == UD_OK) {
        *out = number;
    }
    return err;
}

static ud_err schema_version(struct ud_store *store, uint32_t *version)
{
    int64_t number = 0;
    ud_err err =
        one_number(store, "SELECT count(*) FROM pg_class WHERE oid=to_regclass('schema_version')", &number);
    if (err == UD_OK && number > 0) {
        err = one_number(store, "SELECT version FROM schema_version", &number);
    }
    if (err == UD_OK) {
        *version = (uint32_t)number;
    }
    return err;
}

static ud_err schema_mark(struct ud_store *store, uint32_t version)
{
    char text[160];
    snprintf(text, sizeof text,
             "CREATE TABLE IF NOT EXISTS schema_version(version BIGINT NOT NULL);"
             "DELETE FROM schema_version; INSERT INTO schema_version VALUES(%u)",
             version);
    return script(store, text);
}

/* --- upkeep */

static ud_err backup(struct ud_store *store, const char *path)
{
    return pg_dump_to(pg_of(store)->place, path, store->message);
}

static ud_err leap(struct ud_store *store, const char *table, int64_t gap)
{
    struct sql q =
        sql_begin(store, "SELECT setval(pg_get_serial_sequence(?1,'id'),"
                         "coalesce((SELECT last_value FROM pg_sequences WHERE schemaname=current_schema()"
                         " AND sequencename=?1||'_id_seq'),0)+?2)");
    sql_put_text(&q, table);
    sql_put_int(&q, gap);
    sql_row(&q);
    return sql_end(&q);
}

static ud_err check(struct ud_store *store)
{
    (void)store; /* pages and indexes: pg_amcheck, pg_checksums; docs/server.md */
    return UD_OK;
}

/* --- statements */

#define COLUMN_LETTERS "abcdefghijklmnopqrstuvwxyz_."

/*
 * SQLite's LIKE looks at letters in any case, and patterns come in lower case: "d.name LIKE" becomes "lower(d.name) LIKE",
 * which an index has. *text: the column's name; it is passed with what follows.
 */
static bool put_like(struct ud_text *out, const char **text)
{
    static const char like[] = " LIKE ";
    const size_t len = strspn(*text, COLUMN_LETTERS);
    if (len == 0 || strncmp(*text + len, like, sizeof like - 1) != 0) {
        return false;
    }
    ud_text_puts(out, "lower(");
    ud_text_put(out, *text, len);
    ud_text_puts(out, ") LIKE ");
    *text += len + sizeof like - 1;
    return true;
}

/* "?" becomes "$1", "$2" ...; "?2" becomes "$2". Question marks stand in no literal of ours. */
static char *number_params(const char *text, int *count)
{
    struct ud_text out;
    ud_text_init(&out, STATEMENT_BYTES_MAX);
    bool within = false; /* a word: only its beginning is looked at */
    for (*count = 0; *text != '\0'; text++) {
        const bool begins = !within;
        within = strchr(COLUMN_LETTERS, *text) != NULL;
        if (begins && within && put_like(&out, &text)) {
            within = false;
        }
        if (*text != '?') {
            ud_text_put(&out, text, 1);
            continue;
        }
        int number = *count + 1;
        if (text[1] >= '1' && text[1] <= '9') {
            number = *++text - '0';
        }
        *count = number > *count ? number : *count;
        ud_text_puts(&out, "$");
        ud_text_int(&out, number);
    }
    return ud_text_take(&out);
}

static ud_err prepare(struct ud_store *store, const char *text, void **out)
{
    struct pg_stmt *stmt = calloc(1, sizeof *stmt);
    if (stmt == NULL) {
        return UD_ERR_MEMORY;
    }
    stmt->text = number_params(text, &stmt->param_count);
    if (stmt->text == NULL || stmt->param_count > SQL_PARAMS_MAX) {
        free(stmt->text);
        free(stmt);
        return sql_complain(store, UD_ERR_LIMIT, "a statement is too long");
    }
    *out = stmt;
    return UD_OK;
}

static void drop(struct ud_store *store, void *ctx)
{
    struct pg_stmt *stmt = ctx;
    (void)store; /* what is prepared goes with the connection */
    PQclear(stmt->result);
    free(stmt->text);
    free(stmt);
}

static ud_err put(struct pg_stmt *stmt, int at, Oid type, const void *value, int length, int format)
{
    if (at >= stmt->param_count) {
        return UD_ERR_INTERNAL;
    }
    stmt->types[at] = type == 0 ? stmt->types[at] : type; /* of NULL the context tells */
    stmt->values[at] = value;
    stmt->lengths[at] = length;
    stmt->formats[at] = format;
    return UD_OK;
}

static ud_err put_int(struct ud_store *store, void *ctx, int at, int64_t value)
{
    struct pg_stmt *stmt = ctx;
    (void)store;
    for (int i = 0; at < stmt->param_count && i < 8; i++) {
        stmt->numbers[at][i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
    return put(stmt, at, OID_INT, at < stmt->param_count ? stmt->numbers[at] : NULL, 8, 1);
}

static ud_err put_text(struct ud_store *store, void *stmt, int at, const char *value)
{
    (void)store;
    return put(stmt, at, OID_TEXT, value, 0, 0);
}

static ud_err put_blob(struct ud_store *store, void *stmt, int at, struct ud_bytes value)
{
    UD_ASSERT(value.len <= INT32_MAX);
    (void)store;
    return put(stmt, at, OID_BYTES, value.len == 0 ? (const void *)"" : value.ptr, (int)value.len, 1);
}

static ud_err put_null(struct ud_store *store, void *stmt, int at)
{
    (void)store;
    return put(stmt, at, 0, NULL, 0, 0);
}

/* Prepared at the second run: what is made for one run costs one round trip, and the first values told the types. */
static ud_err name_it(struct ud_store *store, struct pg_stmt *stmt)
{
    struct pg *pg = pg_of(store);
    char name[sizeof stmt->name];
    snprintf(name, sizeof name, "s%u", ++pg->names);
    const ud_err err = settle(store, PQprepare(pg->conn, name, stmt->text, stmt->param_count, stmt->types));
    if (err == UD_OK) {
        memcpy(stmt->name, name, sizeof name);
    }
    return err;
}

static ud_err run_once(struct ud_store *store, struct pg_stmt *stmt)
{
    struct pg *pg = pg_of(store);
    const char *const *values = stmt->values;
    ud_err err = ready(store);
    if (stmt->era != pg->era) {
        stmt->era = pg->era;
        stmt->runs = 0;
        stmt->name[0] = '\0';
    }
    if (err == UD_OK && stmt->runs++ == 1) {
        err = name_it(store, stmt);
    }
    if (err != UD_OK) {
        return err;
    }
    PGresult *result =
        stmt->name[0] != '\0'
            ? PQexecPrepared(pg->conn, stmt->name, stmt->param_count, values, stmt->lengths, stmt->formats, 1)
            : PQexecParams(pg->conn, stmt->text, stmt->param_count, stmt->types, values, stmt->lengths,
                           stmt->formats, 1);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        return settle(store, result);
    }
    stmt->result = result;
    stmt->row = -1;
    return UD_OK;
}

/* A reader's connection that was closed while it was idle: once more, on a new one. */
static ud_err run(struct ud_store *store, struct pg_stmt *stmt)
{
    const struct pg *pg = pg_of(store);
    const ud_err err = run_once(store, stmt);
    const bool closed = err != UD_OK && pg->mode == UD_STORE_READER && !pg->in_transaction && is_away(pg);
    return closed ? run_once(store, stmt) : err;
}

static ud_err step(struct ud_store *store, void *ctx, bool *row)
{
    struct pg_stmt *stmt = ctx;
    const ud_err err = stmt->result == NULL ? run(store, stmt) : UD_OK;
    *row = err == UD_OK && stmt->row + 1 < PQntuples(stmt->result);
    stmt->row += *row ? 1 : 0;
    return err;
}

static bool get_null(void *ctx, int at)
{
    const struct pg_stmt *stmt = ctx;
    return PQgetisnull(stmt->result, stmt->row, at) != 0;
}

static struct ud_bytes get_bytes(void *ctx, int at)
{
    const struct pg_stmt *stmt = ctx;
    if (get_null(ctx, at)) {
        return (struct ud_bytes){NULL, 0};
    }
    const void *value = PQgetvalue(stmt->result, stmt->row, at);
    return (struct ud_bytes){value, (size_t)PQgetlength(stmt->result, stmt->row, at)};
}

/* Integers of 2, 4 and 8 bytes, and truth values of one. */
static int64_t get_int(void *ctx, int at)
{
    const struct ud_bytes value = get_bytes(ctx, at);
    uint64_t number = value.len > 1 && value.ptr[0] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < value.len && value.len <= 8; i++) {
        number = number << 8 | value.ptr[i];
    }
    int64_t same_bits;
    memcpy(&same_bits, &number, sizeof number);
    return same_bits;
}

static uint64_t changes(const struct ud_store *store, const void *ctx)
{
    const struct pg_stmt *stmt = ctx;
    PGresult *result = stmt->result;
    (void)store;
    return result == NULL ? 0 : strtoull(PQcmdTuples(result), NULL, 10);
}

static void reset(struct ud_store *store, void *ctx)
{
    struct pg_stmt *stmt = ctx;
    (void)store;
    PQclear(stmt->result);
    stmt->result = NULL;
    memset(stmt->values, 0, sizeof stmt->values);
}

static ud_err limit(struct ud_store *store, uint32_t ms)
{
    char text[64];
    /* the time is that of a clock: on a machine with much to do a small statement must not fail by it */
    snprintf(text, sizeof text, "SET statement_timeout=%u", ms != 0 && ms < 1000 ? 1000 : ms);
    return script(store, text);
}

static ud_err wait_notified(struct ud_store *store, unsigned wait_ms, bool *notified)
{
    struct pg *pg = pg_of(store);
    struct pollfd socket = {.fd = PQsocket(pg->conn), .events = POLLIN};
    if (socket.fd >= 0) {
        poll(&socket, 1, (int)wait_ms);
    }
    if (PQconsumeInput(pg->conn) != 1 || PQstatus(pg->conn) != CONNECTION_OK) {
        return sql_complain(store, UD_ERR_STORE, PQerrorMessage(pg->conn));
    }
    *notified = false;
    for (PGnotify *notify = PQnotifies(pg->conn); notify != NULL; notify = PQnotifies(pg->conn)) {
        *notified = true;
        PQfreemem(notify);
    }
    return UD_OK;
}

static const struct sql_word words[] = {
    {"{ID}", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"{ID_ONCE}", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
    {"{INT}", "BIGINT"},
    {"{TEXT}", "TEXT COLLATE \"C\""},
    {"{BYTES}", "BYTEA"},
    {"{ANY_CASE}", ""}, /* an index on lower(...) instead */
    {"{BY_KEY}", ""},
    {NULL, NULL},
};

const struct sql_driver sql_driver_pg = {
    .name = "postgresql",
    .words = words,
    .arrays = true,
    .now = "SELECT CAST(extract(epoch FROM clock_timestamp())*1000 AS BIGINT)",
    .wait = wait_notified,
    .open = open_connection,
    .close = close_connection,
    .control = control,
    .in_transaction = in_transaction,
    .lost = lost,
    .checkpoint = checkpoint,
    .limit = limit,
    .script = script,
    .schema_lock = schema_lock,
    .schema_version = schema_version,
    .schema_mark = schema_mark,
    .backup = backup,
    .restore = pg_restore_from,
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
