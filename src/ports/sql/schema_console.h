/*
 * The steps that brought what the console asks: counts that are kept and not counted, reports that were refused, people's own
 * filters, and what they put off.
 *
 * The counts are kept by triggers, so no statement that changes devices can forget them, set-based ones included.
 * tally, kind 1: devices by how they stand: status + 16 in quarantine + 32 without any signed report; kind 2: open
 * actions by state; kind 3 (a later step): ended ones; kind 4 (later still): devices by blocks of ids. runs_by_day: how many devices ran a release at the end of that day (days since 1970, UTC, by the
 * database's clock); a day without a row is as the day before. Release 0: never said anything; -1: a signed report of an image
 * that is none of ours.
 */
#ifndef UD_SQL_SCHEMA_CONSOLE_H
#define UD_SQL_SCHEMA_CONSOLE_H

/* clang-format off */
#define STANDING(row) \
    row "status+CASE WHEN " row "quarantine_ms<>0 THEN 16 ELSE 0 END+CASE WHEN " row "reported_ms IS NULL THEN 32 ELSE 0 END"
#define RUNS(row) \
    "CASE WHEN " row "reported_ms IS NULL THEN " row "finished_release" \
    " WHEN coalesce(" row "running_release,0)=0 THEN -1 ELSE " row "running_release END"

#define SCHEMA_CONSOLE \
    "CREATE TABLE tally(tenant {INT} NOT NULL, kind {INT} NOT NULL, key {INT} NOT NULL, devices {INT} NOT NULL," \
    " PRIMARY KEY(tenant,kind,key)) {BY_KEY};" \
    "CREATE TABLE refused_report(device {INT} NOT NULL, error {INT} NOT NULL, tenant {INT} NOT NULL, times {INT} NOT NULL," \
    " first_ms {INT} NOT NULL, last_ms {INT} NOT NULL, bytes {BYTES} NOT NULL, PRIMARY KEY(device,error)) {BY_KEY};" \
    "CREATE INDEX refused_report_newest ON refused_report(tenant,last_ms);" \
    "CREATE TABLE own_filter(person {INT} NOT NULL, name {TEXT} NOT NULL, tenant {INT} NOT NULL, query {TEXT} NOT NULL," \
    " created_ms {INT} NOT NULL, PRIMARY KEY(person,name)) {BY_KEY};" \
    "CREATE TABLE snooze(tenant {INT} NOT NULL, todo {TEXT} NOT NULL, until_ms {INT} NOT NULL, by_whom {TEXT} NOT NULL," \
    " PRIMARY KEY(tenant,todo)) {BY_KEY};" \
    "CREATE INDEX device_area ON device(tenant,area);" \
    "INSERT INTO tally SELECT tenant,1," STANDING("") ",count(*) FROM device GROUP BY 1,3;" \
    "INSERT INTO tally SELECT tenant,2,state,count(*) FROM action WHERE active=1 GROUP BY 1,3;"

#define SCHEMA_RUNS \
    "CREATE TABLE runs_by_day(tenant {INT} NOT NULL, release {INT} NOT NULL, day {INT} NOT NULL, devices {INT} NOT NULL," \
    " PRIMARY KEY(tenant,release,day)) {BY_KEY};"

/* --- SQLite */

#define LITE_TODAY "CAST(strftime('%s','now') AS INTEGER)/86400"
#define LITE_TALLY(row, kind, key, by) \
    "INSERT INTO tally VALUES(" row "tenant," kind "," key "," by ")" \
    " ON CONFLICT(tenant,kind,key) DO UPDATE SET devices=devices+excluded.devices;"
#define LITE_NEWEST(row, what) \
    "coalesce((SELECT " what " FROM runs_by_day WHERE tenant=" row "tenant AND release=" RUNS(row) " ORDER BY day DESC LIMIT 1),0)"
/* the newest row changes, or one of today follows it; a clock that steps back makes none before it */
#define LITE_RUNS(row, by) \
    "INSERT INTO runs_by_day VALUES(" row "tenant," RUNS(row) ",max(" LITE_TODAY "," LITE_NEWEST(row, "day") ")," \
    LITE_NEWEST(row, "devices") "+(" by ")) ON CONFLICT(tenant,release,day) DO UPDATE SET devices=excluded.devices;"

#define SCHEMA_CONSOLE_SQLITE \
    "CREATE TRIGGER device_tally_add AFTER INSERT ON device BEGIN " \
        LITE_TALLY("NEW.", "1", STANDING("NEW."), "1") "END;" \
    "CREATE TRIGGER device_tally_gone AFTER DELETE ON device BEGIN " \
        LITE_TALLY("OLD.", "1", STANDING("OLD."), "-1") "END;" \
    "CREATE TRIGGER device_tally_stands AFTER UPDATE OF status,quarantine_ms,reported_ms ON device WHEN " \
        STANDING("OLD.") "<>" STANDING("NEW.") " BEGIN " \
        LITE_TALLY("OLD.", "1", STANDING("OLD."), "-1") LITE_TALLY("NEW.", "1", STANDING("NEW."), "1") "END;" \
    "CREATE TRIGGER action_tally_add AFTER INSERT ON action WHEN NEW.active=1 BEGIN " \
        LITE_TALLY("NEW.", "2", "NEW.state", "1") "END;" \
    "CREATE TRIGGER action_tally_gone AFTER DELETE ON action WHEN OLD.active=1 BEGIN " \
        LITE_TALLY("OLD.", "2", "OLD.state", "-1") "END;" \
    "CREATE TRIGGER action_tally_moves AFTER UPDATE OF state,active ON action" \
        " WHEN OLD.state<>NEW.state OR OLD.active<>NEW.active BEGIN " \
        LITE_TALLY("OLD.", "2", "OLD.state", "-OLD.active") LITE_TALLY("NEW.", "2", "NEW.state", "NEW.active") "END;"

#define SCHEMA_RUNS_SQLITE \
    "INSERT INTO runs_by_day SELECT tenant," RUNS("") "," LITE_TODAY ",count(*) FROM device GROUP BY 1,2;" \
    "CREATE TRIGGER device_runs_add AFTER INSERT ON device BEGIN " LITE_RUNS("NEW.", "1") "END;" \
    "CREATE TRIGGER device_runs_gone AFTER DELETE ON device BEGIN " LITE_RUNS("OLD.", "-1") "END;" \
    "CREATE TRIGGER device_runs_moves AFTER UPDATE OF reported_ms,running_release,finished_release ON device WHEN " \
        RUNS("OLD.") "<>" RUNS("NEW.") " BEGIN " LITE_RUNS("OLD.", "-1") LITE_RUNS("NEW.", "1") "END;"

/* --- PostgreSQL */

#define PG_TODAY "CAST(floor(extract(epoch FROM clock_timestamp())/86400) AS BIGINT)"
#define SCHEMA_CONSOLE_PG \
    "CREATE FUNCTION tally_add(t BIGINT, k BIGINT, what BIGINT, n BIGINT) RETURNS void LANGUAGE sql AS $$" \
    " INSERT INTO tally VALUES(t,k,what,n) ON CONFLICT(tenant,kind,key) DO UPDATE SET devices=tally.devices+n $$;" \
    "CREATE FUNCTION device_tally() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN" \
    "  IF TG_OP<>'INSERT' THEN PERFORM tally_add(OLD.tenant,1," STANDING("OLD.") ",-1); END IF;" \
    "  IF TG_OP<>'DELETE' THEN PERFORM tally_add(NEW.tenant,1," STANDING("NEW.") ",1); END IF;" \
    "  RETURN NULL; END $$;" \
    "CREATE TRIGGER device_tally AFTER INSERT OR DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_tally();" \
    "CREATE TRIGGER device_tally_moves AFTER UPDATE ON device FOR EACH ROW WHEN (" \
        STANDING("OLD.") "<>" STANDING("NEW.") ") EXECUTE FUNCTION device_tally();" \
    "CREATE FUNCTION action_tally() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN" \
    "  IF TG_OP<>'INSERT' THEN PERFORM tally_add(OLD.tenant,2,OLD.state,-OLD.active); END IF;" \
    "  IF TG_OP<>'DELETE' THEN PERFORM tally_add(NEW.tenant,2,NEW.state,NEW.active); END IF;" \
    "  RETURN NULL; END $$;" \
    "CREATE TRIGGER action_tally AFTER INSERT OR DELETE ON action FOR EACH ROW EXECUTE FUNCTION action_tally();" \
    "CREATE TRIGGER action_tally_moves AFTER UPDATE ON action FOR EACH ROW" \
    " WHEN (OLD.state<>NEW.state OR OLD.active<>NEW.active) EXECUTE FUNCTION action_tally();"

#define SCHEMA_RUNS_PG \
    "INSERT INTO runs_by_day SELECT tenant," RUNS("") "," PG_TODAY ",count(*) FROM device GROUP BY 1,2;" \
    "CREATE FUNCTION runs_add(t BIGINT, what BIGINT, n BIGINT) RETURNS void LANGUAGE plpgsql AS $$" \
    " DECLARE newest runs_by_day%ROWTYPE; BEGIN" \
    "  SELECT * INTO newest FROM runs_by_day WHERE tenant=t AND release=what ORDER BY day DESC LIMIT 1;" \
    "  INSERT INTO runs_by_day VALUES(t,what,greatest(" PG_TODAY ",coalesce(newest.day,0)),coalesce(newest.devices,0)+n)" \
    "  ON CONFLICT(tenant,release,day) DO UPDATE SET devices=excluded.devices; END $$;" \
    "CREATE FUNCTION device_runs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN" \
    "  IF TG_OP<>'INSERT' THEN PERFORM runs_add(OLD.tenant," RUNS("OLD.") ",-1); END IF;" \
    "  IF TG_OP<>'DELETE' THEN PERFORM runs_add(NEW.tenant," RUNS("NEW.") ",1); END IF;" \
    "  RETURN NULL; END $$;" \
    "CREATE TRIGGER device_runs AFTER INSERT OR DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_runs();" \
    "CREATE TRIGGER device_runs_moves AFTER UPDATE ON device FOR EACH ROW WHEN (" \
        RUNS("OLD.") "<>" RUNS("NEW.") ") EXECUTE FUNCTION device_runs();"

/* --- kind 3: actions that have ended, by state; with kind 2 that is all of them */

#define SCHEMA_ENDED "INSERT INTO tally SELECT tenant,3,state,count(*) FROM action WHERE active=0 GROUP BY 1,3;"
#define ENDED_MOVES "(OLD.active=0 OR NEW.active=0) AND (OLD.state<>NEW.state OR OLD.active<>NEW.active)"

#define SCHEMA_ENDED_SQLITE \
    "CREATE TRIGGER action_ended_add AFTER INSERT ON action WHEN NEW.active=0 BEGIN " \
        LITE_TALLY("NEW.", "3", "NEW.state", "1") "END;" \
    "CREATE TRIGGER action_ended_gone AFTER DELETE ON action WHEN OLD.active=0 BEGIN " \
        LITE_TALLY("OLD.", "3", "OLD.state", "-1") "END;" \
    "CREATE TRIGGER action_ended_moves AFTER UPDATE OF state,active ON action WHEN " ENDED_MOVES " BEGIN " \
        LITE_TALLY("OLD.", "3", "OLD.state", "OLD.active-1") LITE_TALLY("NEW.", "3", "NEW.state", "1-NEW.active") "END;"

#define SCHEMA_ENDED_PG \
    "CREATE FUNCTION action_ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN" \
    "  IF TG_OP<>'INSERT' THEN PERFORM tally_add(OLD.tenant,3,OLD.state,OLD.active-1); END IF;" \
    "  IF TG_OP<>'DELETE' THEN PERFORM tally_add(NEW.tenant,3,NEW.state,1-NEW.active); END IF;" \
    "  RETURN NULL; END $$;" \
    "CREATE TRIGGER action_ended_add AFTER INSERT ON action FOR EACH ROW WHEN (NEW.active=0) EXECUTE FUNCTION action_ended();" \
    "CREATE TRIGGER action_ended_gone AFTER DELETE ON action FOR EACH ROW WHEN (OLD.active=0) EXECUTE FUNCTION action_ended();" \
    "CREATE TRIGGER action_ended_moves AFTER UPDATE ON action FOR EACH ROW WHEN (" ENDED_MOVES ")" \
    " EXECUTE FUNCTION action_ended();"
/* --- kind 4: devices by blocks of their ids, so that a late page of all devices begins near where it is */

#define BLOCK_IDS "4096"
#define BLOCK_IDS_NUMBER 4096
#define SCHEMA_BLOCKS "INSERT INTO tally SELECT tenant,4,id/" BLOCK_IDS ",count(*) FROM device GROUP BY 1,3;"

#define SCHEMA_BLOCKS_SQLITE \
    "CREATE TRIGGER device_block_add AFTER INSERT ON device BEGIN " \
        LITE_TALLY("NEW.", "4", "NEW.id/" BLOCK_IDS, "1") "END;" \
    "CREATE TRIGGER device_block_gone AFTER DELETE ON device BEGIN " \
        LITE_TALLY("OLD.", "4", "OLD.id/" BLOCK_IDS, "-1") "END;"

/* device_any_case is here what UNIQUE(tenant,name) is already; without the name beside lower(name) the row would be looked up */
#define SCHEMA_BLOCKS_PG \
    "CREATE FUNCTION device_block() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN" \
    "  IF TG_OP='INSERT' THEN PERFORM tally_add(NEW.tenant,4,NEW.id/" BLOCK_IDS ",1);" \
    "  ELSE PERFORM tally_add(OLD.tenant,4,OLD.id/" BLOCK_IDS ",-1); END IF;" \
    "  RETURN NULL; END $$;" \
    "CREATE TRIGGER device_block AFTER INSERT OR DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_block();" \
    "DROP INDEX device_any_case; DROP INDEX device_lower;" \
    "CREATE INDEX device_lower ON device(tenant,lower(name)) INCLUDE (name,id);"

/* new actions are noted and counted by the statement and not by the row: a group's start adds many */
#define SCHEMA_MANY_PG \
    "DROP TRIGGER action_added ON action; DROP TRIGGER action_tally ON action;" \
    "CREATE TRIGGER action_left AFTER DELETE ON action FOR EACH ROW EXECUTE FUNCTION action_touched();" \
    "CREATE TRIGGER action_tally_gone AFTER DELETE ON action FOR EACH ROW EXECUTE FUNCTION action_tally();" \
    "CREATE FUNCTION action_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN" \
    "  UPDATE device SET changed=-1 WHERE id=ANY(ARRAY(SELECT device FROM added));" \
    "  INSERT INTO tally AS t SELECT tenant,2,state,sum(active) FROM added GROUP BY 1,3" \
    "  ON CONFLICT(tenant,kind,key) DO UPDATE SET devices=t.devices+excluded.devices;" \
    "  RETURN NULL; END $$;" \
    "CREATE TRIGGER action_added AFTER INSERT ON action REFERENCING NEW TABLE AS added FOR EACH STATEMENT" \
    " EXECUTE FUNCTION action_added();"
/* clang-format on */

#endif
