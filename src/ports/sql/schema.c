/*
 * The schema, as numbered steps that only ever get followers.
 *
 * Current state lies in compact rows; histories (action_status, report) are append-only chains from their owner's
 * newest entry backwards, without an index, because random index pages are what group commit pays most for.
 */
#include "schema.h"

#include "schema_console.h"
#include "schema_lwm2m.h"
#include "schema_mgmt.h"
#include "schema_rollouts.h"

#include <stddef.h>

const struct sql_schema_step sql_schema[] = {
    /* 1 */
    {
        .all =
            "CREATE TABLE tenant(id {ID}, name {TEXT} NOT NULL UNIQUE {ANY_CASE});"
            "INSERT INTO tenant VALUES(1,'default');"
            "CREATE TABLE token(id {ID}, tenant {INT} NOT NULL REFERENCES tenant, name {TEXT} NOT NULL,"
            " hash {BYTES} NOT NULL UNIQUE, created_ms {INT} NOT NULL);"
            "CREATE TABLE anchor(tenant {INT} NOT NULL REFERENCES tenant, kid {BYTES} NOT NULL, pub {BYTES} "
            "NOT NULL,"
            " name {TEXT} NOT NULL, weight {INT} NOT NULL, created_ms {INT} NOT NULL, PRIMARY KEY(tenant,kid))"
            " {BY_KEY};"
            "CREATE TABLE device_type(id {ID}, tenant {INT} NOT NULL REFERENCES tenant,"
            " name {TEXT} NOT NULL, is_foreign {INT} NOT NULL, created_ms {INT} NOT NULL, UNIQUE(tenant,name));"
            "CREATE TABLE device(id {ID}, tenant {INT} NOT NULL REFERENCES tenant, name {TEXT} NOT NULL,"
            " type_id {INT} REFERENCES device_type, token_hash {BYTES}, code_hash {BYTES}, code_expires_ms "
            "{INT},"
            " kid {BYTES}, pub {BYTES}, wants_attributes {INT} NOT NULL DEFAULT 1, attributes {TEXT} NOT NULL "
            "DEFAULT '{}',"
            " last_seen_ms {INT} NOT NULL DEFAULT 0, created_ms {INT} NOT NULL,"
            " report_counter {INT}, report_hash {BYTES}, reported_ms {INT}, boot_reason {INT},"
            " running_digest {BYTES}, running_sequence {INT}, running_epoch {INT}, running_release {INT},"
            " last_report {INT} NOT NULL DEFAULT 0, report_count {INT} NOT NULL DEFAULT 0,"
            " finished_action {INT} NOT NULL DEFAULT 0, finished_release {INT} NOT NULL DEFAULT 0,"
            " UNIQUE(tenant,name));"
            "CREATE TABLE device_key(id {ID}, tenant {INT} NOT NULL, device {INT} NOT NULL,"
            " kid {BYTES} NOT NULL, pub {BYTES} NOT NULL, from_ms {INT} NOT NULL, until_ms {INT});"
            "CREATE INDEX device_key_device ON device_key(device);"
            "CREATE TABLE artifact(tenant {INT} NOT NULL REFERENCES tenant, sha256 {BYTES} NOT NULL, sha1 "
            "{BYTES} NOT NULL,"
            " md5 {BYTES} NOT NULL, size {INT} NOT NULL, created_ms {INT} NOT NULL, PRIMARY KEY(tenant,sha256))"
            " {BY_KEY};"
            "CREATE TABLE release(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant,"
            " name {TEXT} NOT NULL, version {TEXT} NOT NULL, is_foreign {INT} NOT NULL, type_id {INT},"
            " manifest_digest {BYTES}, sequence {INT}, vendor_id {BYTES}, class_id {BYTES}, images {BYTES}, "
            "signers {BYTES},"
            " created_ms {INT} NOT NULL, UNIQUE(tenant,manifest_digest));"
            "CREATE TABLE release_artifact(release {INT} NOT NULL REFERENCES release, position {INT} NOT NULL,"
            " tenant {INT} NOT NULL, filename {TEXT} NOT NULL, sha256 {BYTES} NOT NULL, PRIMARY "
            "KEY(release,position),"
            " UNIQUE(release,filename)) {BY_KEY};"
            "CREATE TABLE action(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant,"
            " device {INT} NOT NULL, release {INT} NOT NULL REFERENCES release, state {INT} NOT NULL,"
            " active {INT} NOT NULL, canceling {INT} NOT NULL, proof_signed {INT} NOT NULL, error {INT} NOT "
            "NULL,"
            " nonce {BYTES} NOT NULL, created_ms {INT} NOT NULL, updated_ms {INT} NOT NULL,"
            " last_status {INT} NOT NULL DEFAULT 0, status_count {INT} NOT NULL DEFAULT 0);"
            "CREATE INDEX action_device ON action(device);"
            "CREATE TABLE action_status(id {ID}, tenant {INT} NOT NULL, previous {INT} NOT NULL,"
            " at_ms {INT} NOT NULL, state {INT} NOT NULL, canceling {INT} NOT NULL, code {INT},"
            " messages {TEXT} NOT NULL);"
            "CREATE TABLE report(id {ID}, tenant {INT} NOT NULL, previous {INT} NOT NULL,"
            " at_ms {INT} NOT NULL, action {INT} NOT NULL, counter {INT} NOT NULL, result {INT} NOT NULL,"
            " boot_reason {INT} NOT NULL, bytes {BYTES} NOT NULL);",
        .pg = "SELECT setval(pg_get_serial_sequence('tenant','id'),1);"
              "CREATE UNIQUE INDEX tenant_name ON tenant(lower(name));"
              /* SQLite has this function; of an image among the images of a release */
              "CREATE FUNCTION instr(BYTEA,BYTEA) RETURNS INTEGER LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE"
              " AS 'SELECT position($2 in $1)';",
    },
    /* 2: people, their rights, the audit log, the outbox */
    {
        .all = "CREATE TABLE person(id {ID}, tenant {INT} NOT NULL REFERENCES tenant, name {TEXT} NOT NULL,"
               " is_service {INT} NOT NULL, roles {INT} NOT NULL, area {TEXT} NOT NULL DEFAULT '',"
               " subject {TEXT} UNIQUE, password {BYTES}, disabled {INT} NOT NULL DEFAULT 0,"
               " created_ms {INT} NOT NULL, UNIQUE(tenant,name));"
               /* whoever has a token already keeps all rights: role 64, owner */
               "INSERT INTO person(tenant,name,is_service,roles,created_ms)"
               " SELECT tenant,name,1,64,min(created_ms) FROM token GROUP BY tenant,name;"
               "ALTER TABLE token ADD COLUMN person {INT} NOT NULL DEFAULT 0;"
               "ALTER TABLE token ADD COLUMN roles {INT} NOT NULL DEFAULT 127;"
               "ALTER TABLE token ADD COLUMN expires_ms {INT} NOT NULL DEFAULT 0;"
               "UPDATE token SET person=(SELECT p.id FROM person p WHERE p.tenant=token.tenant AND "
               "p.name=token.name);"
               "CREATE TABLE session(hash {BYTES} NOT NULL PRIMARY KEY, tenant {INT} NOT NULL, person {INT} "
               "NOT NULL,"
               " created_ms {INT} NOT NULL, expires_ms {INT} NOT NULL) {BY_KEY};"
               "ALTER TABLE device ADD COLUMN area {TEXT} NOT NULL DEFAULT '';"
               "ALTER TABLE release ADD COLUMN uploaded_by {INT} NOT NULL DEFAULT 0;"
               "CREATE TABLE approval(release {INT} NOT NULL, person {INT} NOT NULL, tenant {INT} NOT NULL,"
               " at_ms {INT} NOT NULL, PRIMARY KEY(release,person)) {BY_KEY};"
               "ALTER TABLE tenant ADD COLUMN approvals {INT} NOT NULL DEFAULT 0;"
               "CREATE TABLE audit(tenant {INT} NOT NULL, n {INT} NOT NULL, at_ms {INT} NOT NULL, who {TEXT} "
               "NOT NULL,"
               " what {TEXT} NOT NULL, detail {TEXT} NOT NULL, hash {BYTES} NOT NULL, PRIMARY KEY(tenant,n)) "
               "{BY_KEY};"
               "CREATE TABLE event(id {ID_ONCE}, tenant {INT} NOT NULL, at_ms {INT} NOT NULL, kind {TEXT} NOT "
               "NULL,"
               " device {TEXT} NOT NULL, body {TEXT} NOT NULL);",
    },
    /* 3 */
    {.all = SCHEMA_FLEET, .sqlite = SCHEMA_FLEET_SQLITE, .pg = SCHEMA_FLEET_PG},
    /* 4 */
    {.all = SCHEMA_ROLLOUTS},
    /* 5: several servers on one database (changes, leases); feeds of the outbox */
    {
        .all =
            "ALTER TABLE device ADD COLUMN changed {INT} NOT NULL DEFAULT 0;"
            "CREATE TABLE lease(name {TEXT} NOT NULL PRIMARY KEY, holder {TEXT} NOT NULL, fence {INT} NOT NULL,"
            " until_ms {INT} NOT NULL) {BY_KEY};"
            "CREATE TABLE webhook(id {ID}, tenant {INT} NOT NULL REFERENCES tenant, url {TEXT} NOT NULL,"
            " secret {TEXT} NOT NULL, sent {INT} NOT NULL, failures {INT} NOT NULL DEFAULT 0,"
            " next_ms {INT} NOT NULL DEFAULT 0, error {TEXT} NOT NULL DEFAULT '', created_ms {INT} NOT NULL);",
        /* what one server changes of a device, the others read again: any change but the time of a poll */
        .pg =
            "CREATE SEQUENCE device_change;"
            "CREATE INDEX device_changed ON device(changed);"
            "CREATE TABLE device_gone(changed BIGINT PRIMARY KEY, id BIGINT NOT NULL);"
            "CREATE FUNCTION device_touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            "  IF TG_OP='UPDATE' THEN"
            "    OLD.last_seen_ms:=NEW.last_seen_ms;"
            "    IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;"
            "  END IF;"
            "  NEW.changed:=nextval('device_change'); RETURN NEW; END $$;"
            "CREATE TRIGGER device_touched BEFORE INSERT OR UPDATE ON device FOR EACH ROW"
            " EXECUTE FUNCTION device_touched();"
            "CREATE FUNCTION device_left() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            "  INSERT INTO device_gone VALUES(nextval('device_change'),OLD.id); RETURN OLD; END $$;"
            "CREATE TRIGGER device_left AFTER DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_left();"
            "CREATE FUNCTION action_touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            "  UPDATE device SET changed=-1 WHERE id=coalesce(NEW.device,OLD.device); RETURN NULL; END $$;"
            "CREATE TRIGGER action_added AFTER INSERT OR DELETE ON action FOR EACH ROW"
            " EXECUTE FUNCTION action_touched();"
            "CREATE TRIGGER action_changed AFTER UPDATE ON action FOR EACH ROW"
            " WHEN ((OLD.active,OLD.canceling,OLD.rollout,OLD.group_position,OLD.weight,OLD.force,OLD.force_ms,"
            "OLD.waits,OLD.schedule,OLD.duration,OLD.zone) IS DISTINCT FROM "
            "(NEW.active,NEW.canceling,NEW.rollout,"
            "NEW.group_position,NEW.weight,NEW.force,NEW.force_ms,NEW.waits,NEW.schedule,NEW.duration,NEW.zone)"
            ")"
            " EXECUTE FUNCTION action_touched();"
            "CREATE FUNCTION updraft_notify() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            "  PERFORM pg_notify('updraft',''); RETURN NULL; END $$;"
            "CREATE TRIGGER device_notify AFTER INSERT OR UPDATE OR DELETE ON device FOR EACH STATEMENT"
            " EXECUTE FUNCTION updraft_notify();"
            "CREATE TRIGGER event_notify AFTER INSERT ON event FOR EACH STATEMENT"
            " EXECUTE FUNCTION updraft_notify();"
            "CREATE TRIGGER tenant_notify AFTER INSERT OR UPDATE ON tenant FOR EACH STATEMENT"
            " EXECUTE FUNCTION updraft_notify();",
    },
    /* 6 */
    {.all = SCHEMA_LWM2M},
    /* 7: hawkBit's modules, types, filters, metadata */
    {.all = SCHEMA_MGMT},
    /* 8: what the console asks: counts that are kept, refused reports, filters of people */
    {.all = SCHEMA_CONSOLE, .sqlite = SCHEMA_CONSOLE_SQLITE, .pg = SCHEMA_CONSOLE_PG},
    /* 9: what the fleet ran, by day */
    {.all = SCHEMA_RUNS, .sqlite = SCHEMA_RUNS_SQLITE, .pg = SCHEMA_RUNS_PG},
    /* 10: what patches saved, by rollout */
    {.all = "ALTER TABLE rollout ADD COLUMN patches {INT} NOT NULL DEFAULT 0;"
            "ALTER TABLE rollout ADD COLUMN saved_bytes {INT} NOT NULL DEFAULT 0;"},
    /* 11: what a device ran when it was offered something; how a rollout went */
    {.all = "ALTER TABLE action ADD COLUMN before_release {INT} NOT NULL DEFAULT 0;"
            "ALTER TABLE rollout ADD COLUMN course_step_ms {INT} NOT NULL DEFAULT 1000;"
            "CREATE TABLE rollout_course(rollout {INT} NOT NULL, at_ms {INT} NOT NULL, total {INT} NOT NULL,"
            " active {INT} NOT NULL, confirmed {INT} NOT NULL, claimed {INT} NOT NULL, failed {INT} NOT NULL,"
            " PRIMARY KEY(rollout,at_ms)) {BY_KEY};"},
    /* 12: a device's active actions by one look, which PostgreSQL else found by putting two larger indexes together; room for
       new versions of a row on its own page */
    {.all = "",
     .pg = "CREATE INDEX action_open_device ON action(device) WHERE active=1;"
           "ALTER TABLE action SET (fillfactor=80);"},
    /* 13: which types of modules the sets of hawkBit's own types have */
    {.all = SCHEMA_TYPES},
    /* 14: events know the group of their device when they happened; orders and counts of devices have their indexes */
    {.all = "ALTER TABLE event ADD COLUMN area {TEXT} NOT NULL DEFAULT '';"
            "CREATE INDEX device_never ON device(tenant) WHERE last_seen_ms=0;"
            "CREATE INDEX device_assigned ON device(tenant,assigned_release);",
     /* SQLite has the row's id at the end of every index */
     .pg = "DROP INDEX device_status; CREATE INDEX device_status ON device(tenant,status,id);"
           "DROP INDEX device_running; CREATE INDEX device_running ON device(tenant,running_release,id);"
           "DROP INDEX device_by_type; CREATE INDEX device_by_type ON device(tenant,type_id,id);"
           "DROP INDEX device_area; CREATE INDEX device_area ON device(tenant,area,id);"
           "DROP INDEX device_assigned; CREATE INDEX device_assigned ON device(tenant,assigned_release,id);"},
    /* 15: numbers that only grow */
    {.all = "CREATE TABLE counter(name {TEXT} NOT NULL PRIMARY KEY, value {INT} NOT NULL) {BY_KEY};"},
    /* 16: the newest report of a device that says what it can do */
    {.all = "ALTER TABLE device ADD COLUMN last_capable {INT} NOT NULL DEFAULT 0;"},
    /* 17: devices in the order of their last contact; those that never came are its beginning, counted without their rows */
    {.all = "DROP INDEX device_never;",
     .sqlite = "CREATE INDEX device_seen ON device(tenant,last_seen_ms);",
     .pg = "CREATE INDEX device_seen ON device(tenant,last_seen_ms,id);"},
    /* 18: ended actions are counted by triggers too, so that nobody counts all actions */
    {.all = SCHEMA_ENDED, .sqlite = SCHEMA_ENDED_SQLITE, .pg = SCHEMA_ENDED_PG},
    /* 19: what was given to devices directly, by release: few beside what rollouts give */
    {.all = "CREATE INDEX action_direct ON action(release) WHERE rollout=0;"},
    /* 20: late pages of all devices; on PostgreSQL beginnings of names from an index, and one index less to write */
    {.all = SCHEMA_BLOCKS, .sqlite = SCHEMA_BLOCKS_SQLITE, .pg = SCHEMA_BLOCKS_PG},
    /* 21: less to do for each of many new actions */
    {.all = "", .pg = SCHEMA_MANY_PG},
};
const uint32_t sql_schema_newest = sizeof sql_schema / sizeof sql_schema[0];
