#include "driver.h"
#include "gather.h"

#include "updraft/assert.h"

#include <stdio.h>

ud_err sql_complain(struct ud_store *store, ud_err err, const char *words)
{
    snprintf(store->message, sizeof store->message, "%s", words);
    for (size_t end = strlen(store->message); end > 0 && store->message[end - 1] == '\n'; end--) {
        store->message[end - 1] = '\0'; /* one line, for the log */
    }
    return err;
}

void sql_forget_prepared(struct ud_store *store)
{
    for (size_t i = 0; i < SQL_PREPARED_MAX; i++) {
        if (store->prepared[i].stmt != NULL) {
            store->driver->drop(store, store->prepared[i].stmt);
            store->prepared[i].stmt = NULL;
        }
    }
}

static void **slot_of(struct ud_store *store, const char *text)
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

static struct sql begin(struct ud_store *store, const char *text, ud_err err)
{
    struct sql q = {.store = store, .err = err};
    void **slot = slot_of(store, text);
    UD_ASSERT(slot != NULL); /* SQL_PREPARED_MAX is more than the program's statements */
    if (*slot == NULL && err == UD_OK) {
        q.err = store->driver->prepare(store, text, slot);
    }
    q.stmt = q.err == UD_OK ? *slot : NULL;
    return q;
}

struct sql sql_begin(struct ud_store *store, const char *text)
{
    return begin(store, text, sql_gather_other(store, text));
}

struct sql sql_begin_apart(struct ud_store *store, const char *text)
{
    return begin(store, text, UD_OK);
}

struct sql sql_begin_made(struct ud_store *store, const char *text)
{
    struct sql q = {.store = store, .made = true, .err = sql_gather_other(store, text)};
    q.err = q.err == UD_OK ? store->driver->prepare(store, text, &q.stmt) : q.err;
    return q;
}

void sql_limit(struct ud_store *store, uint32_t ms)
{
    (void)store->driver->limit(store, ms); /* without it, a filter only takes longer */
}

void sql_put_int(struct sql *q, int64_t value)
{
    if (q->err == UD_OK) {
        q->err = q->store->driver->put_int(q->store, q->stmt, q->next++, value);
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
        q->err = q->store->driver->put_text(q->store, q->stmt, q->next++, value);
    }
}

void sql_put_blob(struct sql *q, const uint8_t *bytes, size_t len)
{
    if (q->err == UD_OK) {
        q->err = q->store->driver->put_blob(q->store, q->stmt, q->next++, (struct ud_bytes){bytes, len});
    }
}

void sql_put_null(struct sql *q)
{
    if (q->err == UD_OK) {
        q->err = q->store->driver->put_null(q->store, q->stmt, q->next++);
    }
}

bool sql_row(struct sql *q)
{
    bool row = false;
    if (q->err != UD_OK) {
        return false;
    }
    q->stepped = true;
    q->err = q->store->driver->step(q->store, q->stmt, &row);
    q->next = 0;
    return q->err == UD_OK && row;
}

int64_t sql_get_int(struct sql *q)
{
    return q->store->driver->get_int(q->stmt, q->next++);
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
    return q->store->driver->get_null(q->stmt, q->next);
}

struct ud_bytes sql_get_bytes(struct sql *q)
{
    return q->store->driver->get_bytes(q->stmt, q->next++);
}

const char *sql_get_words(struct sql *q)
{
    const struct ud_bytes text = sql_get_bytes(q);
    return text.ptr == NULL ? "" : (const char *)text.ptr;
}

static void stored_wrong(struct sql *q, const char *words)
{
    if (q->err == UD_OK) {
        q->err = sql_complain(q->store, UD_ERR_STORE, words);
    }
}

void sql_get_text(struct sql *q, char *out, size_t room)
{
    const struct ud_bytes text = sql_get_bytes(q);
    if (text.len >= room) {
        stored_wrong(q, "a stored text is longer than its limit");
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
        stored_wrong(q, "a stored value has the wrong length");
        return;
    }
    memcpy(out, blob.ptr, len);
}

ud_err sql_end(struct sql *q)
{
    if (q->stmt == NULL) {
        return q->err;
    }
    if (q->err == UD_OK && !q->stepped) {
        sql_row(q);
    }
    q->store->driver->reset(q->store, q->stmt);
    if (q->made) {
        q->store->driver->drop(q->store, q->stmt);
        q->stmt = NULL;
    }
    return q->err;
}

ud_err sql_end_count(struct sql *q, uint64_t *changed)
{
    if (q->err == UD_OK && !q->stepped) {
        sql_row(q);
    }
    const uint64_t count = q->err == UD_OK ? q->store->driver->changes(q->store, q->stmt) : 0;
    const ud_err err = sql_end(q);
    if (err == UD_OK) {
        *changed = count;
    }
    return err;
}

ud_err sql_end_changed(struct sql *q)
{
    uint64_t changed = 0;
    const ud_err err = sql_end_count(q, &changed);
    return err == UD_OK && changed == 0 ? UD_ERR_NOT_FOUND : err;
}

ud_err sql_end_id(struct sql *q, int64_t *id)
{
    const bool row = sql_row(q);
    const int64_t got = row ? sql_get_int(q) : 0;
    if (row) {
        sql_row(q); /* to its end: the row is in the database only then */
    }
    const ud_err err = sql_end(q);
    if (err == UD_OK && !row) {
        return UD_ERR_NOT_FOUND;
    }
    if (err == UD_OK) {
        *id = got;
    }
    return err;
}

ud_err sql_exec(struct ud_store *store, const char *text)
{
    struct sql q = sql_begin(store, text);
    return sql_end(&q);
}
