/*
 * The schema, as numbered steps that only ever get followers. Each step runs in one transaction with the new
 * number (PRAGMA user_version), so a crash leaves the old schema or the new one.
 *
 * Current state lies in compact rows; histories (action_status, report) are append-only chains from their owner's
 * newest entry backwards, without an index, because random index pages are what group commit pays most for.
 */
#include "sql.h"

#include <stdio.h>

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE tenant(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);"
    "INSERT INTO tenant VALUES(1,'default');"
    "CREATE TABLE token(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES tenant, name TEXT NOT NULL,"
    " hash BLOB NOT NULL UNIQUE, created_ms INTEGER NOT NULL);"
    "CREATE TABLE anchor(tenant INTEGER NOT NULL REFERENCES tenant, kid BLOB NOT NULL, pub BLOB NOT NULL,"
    " name TEXT NOT NULL, weight INTEGER NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY(tenant,kid))"
    " WITHOUT ROWID;"
    "CREATE TABLE device_type(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES tenant,"
    " name TEXT NOT NULL, is_foreign INTEGER NOT NULL, created_ms INTEGER NOT NULL, UNIQUE(tenant,name));"
    "CREATE TABLE device(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL REFERENCES tenant, name TEXT NOT NULL,"
    " type_id INTEGER REFERENCES device_type, token_hash BLOB, code_hash BLOB, code_expires_ms INTEGER,"
    " kid BLOB, pub BLOB, wants_attributes INTEGER NOT NULL DEFAULT 1, attributes TEXT NOT NULL DEFAULT '{}',"
    " last_seen_ms INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL,"
    " report_counter INTEGER, report_hash BLOB, reported_ms INTEGER, boot_reason INTEGER,"
    " running_digest BLOB, running_sequence INTEGER, running_epoch INTEGER, running_release INTEGER,"
    " last_report INTEGER NOT NULL DEFAULT 0, report_count INTEGER NOT NULL DEFAULT 0,"
    " finished_action INTEGER NOT NULL DEFAULT 0, finished_release INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE(tenant,name));"
    "CREATE TABLE device_key(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, device INTEGER NOT NULL,"
    " kid BLOB NOT NULL, pub BLOB NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER);"
    "CREATE INDEX device_key_device ON device_key(device);"
    "CREATE TABLE artifact(tenant INTEGER NOT NULL REFERENCES tenant, sha256 BLOB NOT NULL, sha1 BLOB NOT NULL,"
    " md5 BLOB NOT NULL, size INTEGER NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY(tenant,sha256))"
    " WITHOUT ROWID;"
    "CREATE TABLE release(id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL REFERENCES tenant,"
    " name TEXT NOT NULL, version TEXT NOT NULL, is_foreign INTEGER NOT NULL, type_id INTEGER,"
    " manifest_digest BLOB, sequence INTEGER, vendor_id BLOB, class_id BLOB, images BLOB, signers BLOB,"
    " created_ms INTEGER NOT NULL, UNIQUE(tenant,manifest_digest));"
    "CREATE TABLE release_artifact(release INTEGER NOT NULL REFERENCES release, position INTEGER NOT NULL,"
    " tenant INTEGER NOT NULL, filename TEXT NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY(release,position),"
    " UNIQUE(release,filename)) WITHOUT ROWID;"
    "CREATE TABLE action(id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL REFERENCES tenant,"
    " device INTEGER NOT NULL, release INTEGER NOT NULL REFERENCES release, state INTEGER NOT NULL,"
    " active INTEGER NOT NULL, canceling INTEGER NOT NULL, proof_signed INTEGER NOT NULL, error INTEGER NOT "
    "NULL,"
    " nonce BLOB NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"
    " last_status INTEGER NOT NULL DEFAULT 0, status_count INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX action_device ON action(device);"
    "CREATE TABLE action_status(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, previous INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, state INTEGER NOT NULL, canceling INTEGER NOT NULL, code INTEGER,"
    " messages TEXT NOT NULL);"
    "CREATE TABLE report(id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, previous INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, action INTEGER NOT NULL, counter INTEGER NOT NULL, result INTEGER NOT NULL,"
    " boot_reason INTEGER NOT NULL, bytes BLOB NOT NULL);",
};

static ud_err run_script(struct ud_store *store, const char *script)
{
    const int code = sqlite3_exec(store->db, script, NULL, NULL, NULL);
    return code == SQLITE_OK ? UD_OK : sql_err(store, code);
}

static ud_err run_step(struct ud_store *store, uint32_t number)
{
    char mark[64];
    snprintf(mark, sizeof mark, "PRAGMA user_version=%u", number);
    ud_err err = ud_store_begin(store);
    if (err != UD_OK) {
        return err;
    }
    err = run_script(store, steps[number - 1]);
    err = err == UD_OK ? run_script(store, mark) : err;
    err = err == UD_OK ? ud_store_commit(store) : err;
    if (err != UD_OK) {
        ud_store_rollback(store);
    }
    return err;
}

ud_err sql_migrate(struct ud_store *store)
{
    const uint32_t newest = sizeof steps / sizeof steps[0];
    uint32_t version = ud_store_schema_version(store);
    if (version > newest) {
        snprintf(store->message, sizeof store->message, "schema %u is newer than this program's %u", version,
                 newest);
        return UD_ERR_VERSION;
    }
    while (version < newest) {
        version++;
        const ud_err err = run_step(store, version);
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}
