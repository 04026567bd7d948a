/* The step that brought LwM2M. */
#ifndef UD_SQL_SCHEMA_LWM2M_H
#define UD_SQL_SCHEMA_LWM2M_H

#define SCHEMA_LWM2M                                                                                           \
    "CREATE TABLE lwm2m_key(id {ID_ONCE}, tenant {INT} NOT NULL, device {INT} NOT NULL, mode "                 \
    "{INT} NOT NULL, bootstrap {INT} NOT NULL, identity {BYTES} NOT NULL, secret {BYTES} NOT "                 \
    "NULL, created_ms {INT} NOT NULL, UNIQUE(identity,mode));"                                                 \
    "CREATE INDEX lwm2m_key_device ON lwm2m_key(device);"                                                      \
    "CREATE TABLE lwm2m_registration(device {INT} PRIMARY KEY, tenant {INT} NOT NULL, location "               \
    "{INT} NOT NULL, version {INT} NOT NULL, queue {INT} NOT NULL, mode {INT} NOT NULL, "                      \
    "lifetime_s {INT} NOT NULL, binding {TEXT} NOT NULL, address {TEXT} NOT NULL, objects {TEXT} "             \
    "NOT NULL, registered_ms {INT} NOT NULL, updated_ms {INT} NOT NULL);"                                      \
    "CREATE TABLE lwm2m_command(id {ID_ONCE}, tenant {INT} NOT NULL, device {INT} NOT NULL, state"             \
    " {INT} NOT NULL, error {INT} NOT NULL, created_ms {INT} NOT NULL, updated_ms {INT} NOT NULL,"             \
    " by_whom {TEXT} NOT NULL, spec {TEXT} NOT NULL, answer {TEXT});"                                          \
    "CREATE INDEX lwm2m_command_device ON lwm2m_command(device);"                                              \
    "CREATE TABLE lwm2m_watch(device {INT} NOT NULL, path {TEXT} NOT NULL, PRIMARY "                           \
    "KEY(device,path)) {BY_KEY};"                                                                              \
    "CREATE TABLE lwm2m_value(id {ID_ONCE}, device {INT} NOT NULL, path {TEXT} NOT NULL, at_ms "               \
    "{INT} NOT NULL, samples {INT} NOT NULL, value {TEXT} NOT NULL, low {TEXT}, high {TEXT});"                 \
    "CREATE INDEX lwm2m_value_device ON lwm2m_value(device,path,at_ms);"

#endif
