/* The schema as numbered steps; migrate.c runs them, docs/design/store.md explains them. */
#ifndef UD_SQL_SCHEMA_H
#define UD_SQL_SCHEMA_H

#include <stdint.h>

/*
 * One step. `all` is for every database, with the driver's words in braces ({ID}, {INT}, {TEXT}, {BYTES} ...); then
 * what only one of them needs, or NULL. A step that landed is never changed.
 */
struct sql_schema_step {
    const char *all;
    const char *sqlite;
    const char *pg;
};

extern const struct sql_schema_step sql_schema[];
extern const uint32_t sql_schema_newest; /* the number of the last step; the first is 1 */

#endif
