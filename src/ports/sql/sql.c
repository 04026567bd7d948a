#include "sql.h"

#include "updraft/assert.h"

#include <stdio.h>

ud_err sql_err(struct ud_store *store, int code)
{
    snprintf(store->message, sizeof store->message, "%s", sqlite3_errmsg(store->db));
    const int extended = sqlite3_extended_errcode(store->db);
    if ((code & 0xff) == SQLITE_FULL) {
        return UD_ERR_DISK_FULL;
    }
    if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY) {
        return UD_ERR_CONFLICT;
    }
    return UD_ERR_STORE;
}

static sqlite3_stmt **slot_of(struct ud_store *store, const char *text)
{
    size_t at = ((uintptr_t)text >> 3) * 2654435761U % SQL_PREPARED_MAX;
    for (size_t tried = 0; tried < SQL_PREPARED_MAX; tried++) {
        if (store->prepared[at].text == NULL) {
            store->prepared[at].text = text;
        }
        if (store->prepared[at].text == text) {
            return &store->prepared[at].stmt;
        }
        at = (at + 1) % SQL_PREPARED_MAX;
    }
    return NULL;
}

struct sql sql_begin(struct ud_store *store, const char *text)
{
    struct sql q = {.store = store, .next = 1, .err = UD_OK};
    sqlite3_stmt **slot = slot_of(store, text);
    UD_ASSERT(slot != NULL); /* SQL_PREPARED_MAX is more than the program's statements */
    if (*slot == NULL) {
        const int code = sqlite3_prepare_v3(store->db, text, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);
        if (code != SQLITE_OK) {
            q.err = sql_err(store, code);
            return q;
        }
    }
    q.stmt = *slot;
    return q;
}

static void bound(struct sql *q, int code)
{
    if (code != SQLITE_OK) {
        q->err = sql_err(q->store, code);
    }
}

void sql_put_int(struct sql *q, int64_t value)
{
    if (q->err == UD_OK) {
        bound(q, sqlite3_bind_int64(q->stmt, q->next++, value));
    }
}

void sql_put_u64(struct sql *q, uint64_t value)
{
    int64_t same_bits;
    memcpy(&same_bits, &value, sizeof value);
    sql_put_int(q, same_bits);
}

void sql_put_text(struct sql *q, const char *value)
{
    if (q->err == UD_OK) {
        bound(q, sqlite3_bind_text(q->stmt, q->next++, value, -1, SQLITE_STATIC));
    }
}

void sql_put_blob(struct sql *q, const uint8_t *bytes, size_t len)
{
    if (q->err == UD_OK) {
        bound(q,
              sqlite3_bind_blob64(q->stmt, q->next++, len == 0 ? (const void *)"" : bytes, len, SQLITE_STATIC));
    }
}

void sql_put_null(struct sql *q)
{
    if (q->err == UD_OK) {
        bound(q, sqlite3_bind_null(q->stmt, q->next++));
    }
}

bool sql_row(struct sql *q)
{
    if (q->err != UD_OK) {
        return false;
    }
    const int code = sqlite3_step(q->stmt);
    if (code == SQLITE_ROW) {
        q->next = 0;
        return true;
    }
    if (code != SQLITE_DONE) {
        q->err = sql_err(q->store, code);
    }
    return false;
}

int64_t sql_get_int(struct sql *q)
{
    return sqlite3_column_int64(q->stmt, q->next++);
}

uint64_t sql_get_u64(struct sql *q)
{
    const int64_t stored = sql_get_int(q);
    uint64_t value;
    memcpy(&value, &stored, sizeof value);
    return value;
}

bool sql_get_null(const struct sql *q)
{
    return sqlite3_column_type(q->stmt, q->next) == SQLITE_NULL;
}

struct ud_bytes sql_get_bytes(struct sql *q)
{
    const uint8_t *bytes = sqlite3_column_blob(q->stmt, q->next);
    const int len = sqlite3_column_bytes(q->stmt, q->next);
    q->next++;
    return (struct ud_bytes){bytes, bytes == NULL ? 0 : (size_t)len};
}

const char *sql_get_words(struct sql *q)
{
    const void *text = sqlite3_column_text(q->stmt, q->next++);
    return text == NULL ? "" : text;
}

void sql_get_text(struct sql *q, char *out, size_t room)
{
    const struct ud_bytes text = sql_get_bytes(q);
    if (text.len >= room) {
        q->err = q->err == UD_OK ? UD_ERR_STORE : q->err;
        snprintf(q->store->message, sizeof q->store->message, "a stored text is longer than its limit");
        return;
    }
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    out[text.len] = '\0';
}

void sql_get_blob(struct sql *q, uint8_t *out, size_t len)
{
    const bool null = sql_get_null(q);
    const struct ud_bytes blob = sql_get_bytes(q);
    if (null) {
        return;
    }
    if (blob.len != len) {
        q->err = q->err == UD_OK ? UD_ERR_STORE : q->err;
        snprintf(q->store->message, sizeof q->store->message, "a stored value has the wrong length");
        return;
    }
    memcpy(out, blob.ptr, len);
}

ud_err sql_end(struct sql *q)
{
    if (q->stmt == NULL) {
        return q->err;
    }
    if (q->err == UD_OK && !sqlite3_stmt_busy(q->stmt) && sqlite3_column_count(q->stmt) == 0) {
        const int code = sqlite3_step(q->stmt);
        if (code != SQLITE_DONE) {
            q->err = sql_err(q->store, code);
        }
    }
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt);
    return q->err;
}

ud_err sql_end_changed(struct sql *q)
{
    const ud_err err = sql_end(q);
    return err == UD_OK && sqlite3_changes(q->store->db) == 0 ? UD_ERR_NOT_FOUND : err;
}

ud_err sql_exec(struct ud_store *store, const char *text)
{
    struct sql q = sql_begin(store, text);
    return sql_end(&q);
}
