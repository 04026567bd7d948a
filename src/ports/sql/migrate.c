/*
 * Schema steps run each in one transaction with the new number, so a crash leaves the old schema or the new one.
 * Several processes may start at once on one database: the number is read again under the driver's lock.
 */
#include "driver.h"
#include "schema.h"

#include <stdio.h>

#define SCRIPT_BYTES_MAX 65536

/* Copy `text` with the driver's words in place of those in braces. */
static void translate(struct ud_text *out, const struct sql_driver *driver, const char *text)
{
    while (*text != '\0') {
        const struct sql_word *word = driver->words;
        while (word->word != NULL && strncmp(text, word->word, strlen(word->word)) != 0) {
            word++;
        }
        if (word->word != NULL) {
            ud_text_puts(out, word->means);
            text += strlen(word->word);
        } else {
            ud_text_put(out, text++, 1);
        }
    }
}

static ud_err run_script(struct ud_store *store, const struct sql_schema_step *step)
{
    struct ud_text script;
    const char *own = store->driver == &sql_driver_pg ? step->pg : step->sqlite;
    ud_text_init(&script, SCRIPT_BYTES_MAX);
    translate(&script, store->driver, step->all);
    if (own != NULL) {
        ud_text_puts(&script, own);
    }
    const ud_err err = ud_text_ok(&script) ? store->driver->script(store, script.ptr) : UD_ERR_MEMORY;
    ud_text_free(&script);
    return err;
}

/* The next step, if there is one: *done tells. */
static ud_err run_next(struct ud_store *store, ud_store_step tell, void *ctx, bool *done)
{
    uint32_t version = 0;
    ud_err err = store->driver->schema_lock(store);
    err = err == UD_OK ? store->driver->schema_version(store, &version) : err;
    *done = version >= sql_schema_newest;
    if (err != UD_OK || *done) {
        return err;
    }
    if (tell != NULL) {
        tell(ctx, version + 1, sql_schema_newest);
    }
    err = run_script(store, &sql_schema[version]);
    return err == UD_OK ? store->driver->schema_mark(store, version + 1) : err;
}

ud_err sql_migrate(struct ud_store *store, ud_store_step tell, void *ctx)
{
    uint32_t version = 0;
    ud_err err = store->driver->schema_version(store, &version);
    if (err == UD_OK && version > sql_schema_newest) {
        snprintf(store->message, sizeof store->message, "schema %u is newer than this program's %u", version,
                 sql_schema_newest);
        return UD_ERR_VERSION;
    }
    for (bool done = version == sql_schema_newest; err == UD_OK && !done;) {
        err = ud_store_begin(store);
        err = err == UD_OK ? run_next(store, tell, ctx, &done) : err;
        err = err == UD_OK ? ud_store_commit(store) : err;
        if (err != UD_OK) {
            ud_store_rollback(store);
        }
    }
    return err;
}
