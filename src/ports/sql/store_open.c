/* Opening, transactions, closing: what every driver shares. */
#include "driver.h"
#include "gather.h"

#include <stdlib.h>

const struct sql_driver *sql_driver_for(const char *place)
{
    static const char *const schemes[] = {"postgresql://", "postgres://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(place, schemes[i], strlen(schemes[i])) == 0) {
            return &sql_driver_pg;
        }
    }
    return &sql_driver_sqlite;
}

ud_err ud_store_open(struct ud_store **out, const char *place, ud_store_mode mode)
{
    char words[UD_STORE_WORDS_BYTES];
    return ud_store_open_or_say(out, place, mode, words);
}

static ud_err open_it(struct ud_store **out, const char *place, ud_store_mode mode, ud_store_step tell,
                      void *ctx, char words[UD_STORE_WORDS_BYTES])
{
    words[0] = '\0';
    struct ud_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return UD_ERR_MEMORY;
    }
    store->driver = sql_driver_for(place);
    ud_err err = store->driver->open(store, place, mode);
    err = err == UD_OK && mode == UD_STORE_WRITER ? sql_migrate(store, tell, ctx) : err;
    if (err != UD_OK) {
        memcpy(words, store->message, sizeof store->message);
        ud_store_close(store);
        return err;
    }
    *out = store;
    return UD_OK;
}

ud_err ud_store_open_or_say(struct ud_store **out, const char *place, ud_store_mode mode,
                            char words[UD_STORE_WORDS_BYTES])
{
    return open_it(out, place, mode, NULL, NULL, words);
}

ud_err ud_store_open_telling(struct ud_store **out, const char *place, ud_store_step tell, void *ctx,
                             char words[UD_STORE_WORDS_BYTES])
{
    return open_it(out, place, UD_STORE_WRITER, tell, ctx, words);
}

void ud_store_close(struct ud_store *store)
{
    if (store == NULL) {
        return;
    }
    sql_forget_prepared(store);
    sql_gather_free(store);
    store->driver->close(store);
    free(store);
}

const char *ud_store_message(const struct ud_store *store)
{
    return store->message;
}

uint32_t ud_store_schema_version(struct ud_store *store)
{
    uint32_t version = 0;
    return store->driver->schema_version(store, &version) == UD_OK ? version : 0;
}

ud_err ud_store_begin(struct ud_store *store)
{
    store->leased = NULL;
    return store->driver->control(store, SQL_BEGIN);
}

ud_err ud_store_commit(struct ud_store *store)
{
    return store->driver->control(store, SQL_COMMIT);
}

void ud_store_rollback(struct ud_store *store)
{
    if (ud_store_in_transaction(store)) {
        store->driver->control(store, SQL_ROLLBACK);
    }
}

ud_err ud_store_save(struct ud_store *store)
{
    return store->driver->control(store, SQL_SAVE);
}

ud_err ud_store_release(struct ud_store *store)
{
    return store->driver->control(store, SQL_RELEASE);
}

ud_err ud_store_undo(struct ud_store *store)
{
    return store->driver->control(store, SQL_UNDO);
}

bool ud_store_in_transaction(const struct ud_store *store)
{
    return store->driver->in_transaction(store);
}

bool ud_store_is_lost(const struct ud_store *store)
{
    return store->driver->lost != NULL && store->driver->lost(store);
}

ud_err ud_store_checkpoint(struct ud_store *store)
{
    return store->driver->checkpoint(store);
}
