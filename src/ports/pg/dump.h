/* Copies of a PostgreSQL database by its own programs, pg_dump and pg_restore. */
#ifndef UD_PG_DUMP_H
#define UD_PG_DUMP_H

#include "ports/sql/driver.h"

ud_err pg_dump_to(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES]);
ud_err pg_restore_from(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES]);

#endif
