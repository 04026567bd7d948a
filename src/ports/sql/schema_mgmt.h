/* The step that brought what hawkBit's management API knows beside devices and releases. */
#ifndef UD_SQL_SCHEMA_MGMT_H
#define UD_SQL_SCHEMA_MGMT_H

#define AUDITED                                                                                                \
    "created_by {TEXT} NOT NULL DEFAULT '', created_ms {INT} NOT NULL DEFAULT 0,"                              \
    " updated_by {TEXT} NOT NULL DEFAULT '', updated_ms {INT} NOT NULL DEFAULT 0"

#define SCHEMA_MGMT                                                                                            \
    "CREATE TABLE module_type(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant, key {TEXT} NOT NULL,"     \
    " name {TEXT} NOT NULL, description {TEXT} NOT NULL DEFAULT '', colour {TEXT} NOT NULL DEFAULT '',"        \
    " max_assignments {INT} NOT NULL DEFAULT 1, " AUDITED ", UNIQUE(tenant,key), UNIQUE(tenant,name));"        \
    "CREATE TABLE set_type(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant, key {TEXT} NOT NULL,"        \
    " name {TEXT} NOT NULL, description {TEXT} NOT NULL DEFAULT '', colour {TEXT} NOT NULL DEFAULT "           \
    "'', " AUDITED ", UNIQUE(tenant,key), UNIQUE(tenant,name));"                                               \
    "CREATE TABLE module(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant, type {TEXT} NOT NULL,"         \
    " name {TEXT} NOT NULL, version {TEXT} NOT NULL, vendor {TEXT} NOT NULL DEFAULT '',"                       \
    " description {TEXT} NOT NULL DEFAULT '', " AUDITED ", UNIQUE(tenant,name,version,type));"                 \
    "CREATE TABLE saved_filter(id {ID_ONCE}, tenant {INT} NOT NULL REFERENCES tenant, name {TEXT} NOT NULL,"   \
    " query {TEXT} NOT NULL, " AUDITED ", UNIQUE(tenant,name));"                                               \
    "CREATE TABLE pair(kind {INT} NOT NULL, owner {INT} NOT NULL, key {TEXT} NOT NULL, value {TEXT} NOT NULL," \
    " visible {INT} NOT NULL DEFAULT 0, PRIMARY KEY(kind,owner,key)) {BY_KEY};"                                \
    "CREATE TABLE relation(kind {INT} NOT NULL, a {INT} NOT NULL, b {INT} NOT NULL, PRIMARY KEY(kind,a,b)) "   \
    "{BY_KEY};"                                                                                                \
    "INSERT INTO module_type(tenant,key,name,max_assignments) SELECT id,'os','OS',1 FROM tenant;"              \
    "INSERT INTO module_type(tenant,key,name,max_assignments) SELECT id,'application','Application',1000 "     \
    "FROM tenant;"                                                                                             \
    "INSERT INTO set_type(tenant,key,name) SELECT id,'os','OS only' FROM tenant;"                              \
    "INSERT INTO set_type(tenant,key,name) SELECT id,'os_app','OS with app(s)' FROM tenant;"                   \
    "INSERT INTO set_type(tenant,key,name) SELECT id,'app','App(s) only' FROM tenant;"                         \
    "ALTER TABLE device ADD COLUMN title {TEXT} NOT NULL DEFAULT '';"                                          \
    "ALTER TABLE device ADD COLUMN description {TEXT} NOT NULL DEFAULT '';"                                    \
    "ALTER TABLE device_type ADD COLUMN description {TEXT} NOT NULL DEFAULT '';"                               \
    "ALTER TABLE device_type ADD COLUMN colour {TEXT} NOT NULL DEFAULT '';"                                    \
    "ALTER TABLE device_type ADD COLUMN created_by {TEXT} NOT NULL DEFAULT '';"                                \
    "ALTER TABLE device_type ADD COLUMN updated_by {TEXT} NOT NULL DEFAULT '';"                                \
    "ALTER TABLE device_type ADD COLUMN updated_ms {INT} NOT NULL DEFAULT 0;"                                  \
    "ALTER TABLE release ADD COLUMN set_type {TEXT} NOT NULL DEFAULT 'os';"                                    \
    "ALTER TABLE release ADD COLUMN description {TEXT} NOT NULL DEFAULT '';"                                   \
    "ALTER TABLE release ADD COLUMN created_by {TEXT} NOT NULL DEFAULT '';"                                    \
    "ALTER TABLE release ADD COLUMN updated_by {TEXT} NOT NULL DEFAULT '';"                                    \
    "ALTER TABLE release ADD COLUMN updated_ms {INT} NOT NULL DEFAULT 0;"

/* kind 3: must have, 4: may have (ud_relation); "os" has an os, "os_app" an os and applications, "app" applications */
#define SCHEMA_TYPES                                                                                           \
    "INSERT INTO relation(kind,a,b) SELECT 3,s.id,t.id FROM set_type s JOIN module_type t ON "                 \
    "t.tenant=s.tenant"                                                                                        \
    " WHERE (s.key IN ('os','os_app') AND t.key='os') OR (s.key='app' AND t.key='application');"               \
    "INSERT INTO relation(kind,a,b) SELECT 4,s.id,t.id FROM set_type s JOIN module_type t ON "                 \
    "t.tenant=s.tenant"                                                                                        \
    " WHERE s.key='os_app' AND t.key='application';"

#endif
