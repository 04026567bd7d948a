/* The step that brought rollouts, filters, quarantine and recall. */
#ifndef UD_SQL_SCHEMA_ROLLOUTS_H
#define UD_SQL_SCHEMA_ROLLOUTS_H

#define SCHEMA_FLEET                                                                                           \
    "ALTER TABLE release ADD COLUMN recalled_ms {INT} NOT NULL DEFAULT 0;"                                     \
    "ALTER TABLE release ADD COLUMN recall_reason {TEXT} NOT NULL DEFAULT '';"                                 \
    "ALTER TABLE device ADD COLUMN status {INT} NOT NULL DEFAULT 0;"                                           \
    "ALTER TABLE device ADD COLUMN assigned_release {INT} NOT NULL DEFAULT 0;"                                 \
    "ALTER TABLE device ADD COLUMN zone {TEXT} NOT NULL DEFAULT '';"                                           \
    "ALTER TABLE device ADD COLUMN quarantine_ms {INT} NOT NULL DEFAULT 0;"                                    \
    "ALTER TABLE device ADD COLUMN quarantine_release {INT} NOT NULL DEFAULT 0;"                               \
    "ALTER TABLE device ADD COLUMN quarantine_reason {TEXT} NOT NULL DEFAULT '';"                              \
    "UPDATE device SET status=CASE WHEN EXISTS(SELECT 1 FROM action a WHERE a.device=device.id AND "           \
    "a.active=1)"                                                                                              \
    " THEN 2 WHEN finished_release<>0 THEN 3 WHEN last_seen_ms<>0 THEN 1 ELSE 0 END,"                          \
    " assigned_release=coalesce((SELECT a.release FROM action a WHERE a.device=device.id AND a.active=1"       \
    " ORDER BY a.id DESC LIMIT 1),finished_release);"                                                          \
    "CREATE INDEX device_tenant ON device(tenant);"                                                            \
    "CREATE INDEX device_status ON device(tenant,status);"                                                     \
    "CREATE INDEX device_running ON device(tenant,running_release);"                                           \
    "CREATE INDEX device_by_type ON device(tenant,type_id);"                                                   \
    "CREATE INDEX device_quarantine ON device(tenant,quarantine_ms) WHERE quarantine_ms<>0;"                   \
    "CREATE INDEX device_any_case ON device(tenant,name {ANY_CASE});"                                          \
    "ALTER TABLE action ADD COLUMN rollout {INT} NOT NULL DEFAULT 0;"                                          \
    "ALTER TABLE action ADD COLUMN group_position {INT} NOT NULL DEFAULT 0;"                                   \
    "ALTER TABLE action ADD COLUMN weight {INT} NOT NULL DEFAULT 1000;"                                        \
    "ALTER TABLE action ADD COLUMN force {INT} NOT NULL DEFAULT 1;"                                            \
    "ALTER TABLE action ADD COLUMN force_ms {INT} NOT NULL DEFAULT 0;"                                         \
    "ALTER TABLE action ADD COLUMN waits {INT} NOT NULL DEFAULT 0;"                                            \
    "ALTER TABLE action ADD COLUMN schedule {TEXT} NOT NULL DEFAULT '';"                                       \
    "ALTER TABLE action ADD COLUMN duration {TEXT} NOT NULL DEFAULT '';"                                       \
    "ALTER TABLE action ADD COLUMN zone {TEXT} NOT NULL DEFAULT '';"                                           \
    "CREATE INDEX action_open_release ON action(release) WHERE active=1;"                                      \
    "CREATE INDEX action_open_rollout ON action(rollout) WHERE active=1 AND rollout<>0;"                       \
    "CREATE TABLE device_attribute(device {INT} NOT NULL, key {TEXT} NOT NULL, tenant {INT} NOT NULL,"         \
    " value {TEXT} NOT NULL, PRIMARY KEY(device,key)) {BY_KEY};"                                               \
    "CREATE INDEX device_attribute_value ON device_attribute(tenant,key,value,device);"                        \
    "CREATE TABLE tag(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant, kind {INT} NOT NULL,"             \
    " name {TEXT} NOT NULL, description {TEXT} NOT NULL DEFAULT '', colour {TEXT} NOT NULL DEFAULT '',"        \
    " created_by {TEXT} NOT NULL DEFAULT '', created_ms {INT} NOT NULL, updated_by {TEXT} NOT NULL DEFAULT "   \
    "'',"                                                                                                      \
    " updated_ms {INT} NOT NULL, UNIQUE(tenant,kind,name));"                                                   \
    "CREATE TABLE device_tag(tag {INT} NOT NULL, device {INT} NOT NULL, PRIMARY KEY(tag,device)) {BY_KEY};"    \
    "CREATE INDEX device_tag_device ON device_tag(device);"

/* attributes as rows: how a JSON object is taken apart is each database's own */
#define SCHEMA_FLEET_SQLITE                                                                                    \
    "INSERT INTO device_attribute(device,key,tenant,value)"                                                    \
    " SELECT d.id,j.key,d.tenant,j.value FROM device d, json_each(d.attributes) j"
#define SCHEMA_FLEET_PG                                                                                        \
    "INSERT INTO device_attribute(device,key,tenant,value)"                                                    \
    " SELECT d.id,j.key,d.tenant,j.value FROM device d, json_each_text(CAST(d.attributes AS json)) j;"         \
    "CREATE INDEX device_lower ON device(tenant,lower(name))"

#define SCHEMA_ROLLOUTS                                                                                        \
    "CREATE TABLE rollout(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant, name {TEXT} NOT NULL,"        \
    " description {TEXT} NOT NULL, filter {TEXT} NOT NULL, release {INT} NOT NULL REFERENCES release,"         \
    " state {INT} NOT NULL, pause {INT} NOT NULL, start_by {INT} NOT NULL, start_ms {INT} NOT NULL,"           \
    " end_ms {INT} NOT NULL, weight {INT} NOT NULL, force {INT} NOT NULL, force_ms {INT} NOT NULL,"            \
    " waits {INT} NOT NULL, schedule {TEXT} NOT NULL, duration {TEXT} NOT NULL, zone {TEXT} NOT NULL,"         \
    " rate {INT} NOT NULL, rate_factor {INT} NOT NULL, rate_after {INT} NOT NULL, rate_max {INT} NOT NULL,"    \
    " bucket_ms {INT} NOT NULL, bucket_milli {INT} NOT NULL, downloads_max {INT} NOT NULL,"                    \
    " bytes_per_s {INT} NOT NULL, dynamic {INT} NOT NULL, listed {INT} NOT NULL,"                              \
    " claimed_counts {INT} NOT NULL, needs_approval {INT} NOT NULL, drift {INT} NOT NULL,"                     \
    " again_max {INT} NOT NULL, group_count {INT} NOT NULL, total {INT} NOT NULL,"                             \
    " created_by {TEXT} NOT NULL, decided_by {TEXT} NOT NULL, remark {TEXT} NOT NULL,"                         \
    " created_ms {INT} NOT NULL, updated_ms {INT} NOT NULL, fill_group {INT} NOT NULL,"                        \
    " fill_cursor {INT} NOT NULL, fill_left {INT} NOT NULL, fill_matched {INT} NOT NULL, fill_counting {INT} " \
    "NOT NULL, "                                                                                               \
    "UNIQUE(tenant,name));"                                                                                    \
    "CREATE INDEX rollout_state ON rollout(state);"                                                            \
    "CREATE INDEX rollout_release ON rollout(release);"                                                        \
    "CREATE TABLE rollout_group(rollout {INT} NOT NULL REFERENCES rollout, position {INT} NOT NULL,"           \
    " name {TEXT} NOT NULL, description {TEXT} NOT NULL, filter {TEXT} NOT NULL, state {INT} NOT NULL,"        \
    " percent {INT} NOT NULL, size {INT} NOT NULL, success {INT} NOT NULL, error {INT} NOT NULL,"              \
    " claimed_counts {INT} NOT NULL, gate {INT} NOT NULL, opened {INT} NOT NULL, started_ms {INT} NOT NULL,"   \
    " s0 {INT} NOT NULL DEFAULT 0, s1 {INT} NOT NULL DEFAULT 0, s2 {INT} NOT NULL DEFAULT 0,"                  \
    " s3 {INT} NOT NULL DEFAULT 0, s4 {INT} NOT NULL DEFAULT 0, s5 {INT} NOT NULL DEFAULT 0,"                  \
    " s6 {INT} NOT NULL DEFAULT 0, s7 {INT} NOT NULL DEFAULT 0, s8 {INT} NOT NULL DEFAULT 0,"                  \
    " s9 {INT} NOT NULL DEFAULT 0, PRIMARY KEY(rollout,position)) {BY_KEY};"                                   \
    "CREATE TABLE rollout_device(rollout {INT} NOT NULL, device {INT} NOT NULL,"                               \
    " group_position {INT} NOT NULL, state {INT} NOT NULL, action {INT} NOT NULL DEFAULT 0,"                   \
    " attempt {INT} NOT NULL DEFAULT 0, PRIMARY KEY(rollout,device)) {BY_KEY};"                                \
    "CREATE INDEX rollout_device_next ON rollout_device(rollout,group_position,state,device);"                 \
    "CREATE INDEX rollout_device_device ON rollout_device(device);"                                            \
    "CREATE TABLE rollout_fact(id {ID}, tenant {INT} NOT NULL, kind {INT} NOT NULL, device {INT} NOT NULL,"    \
    " action {INT} NOT NULL, rollout {INT} NOT NULL, group_position {INT} NOT NULL, state {INT} NOT NULL);"

#endif
