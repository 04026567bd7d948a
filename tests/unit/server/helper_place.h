/*
 * Places for a store, of every kind there is: a folder with SQLite, and a schema of its own on a real PostgreSQL,
 * which the first place of that kind starts and the end of this process ends.
 */
#ifndef HELPER_PLACE_H
#define HELPER_PLACE_H

#include "server/store.h"

typedef enum place_kind { PLACE_SQLITE, PLACE_PG } place_kind;

struct place {
    place_kind kind;
    char folder[64];        /* SQLITE: of the database; PG: empty */
    char where[512];        /* for ud_store_open() */
    struct ud_store *store; /* open for writing */
};

/** A new, empty place, and its store opened. Fails the test when that cannot be had. */
struct place *place_make(place_kind kind);
/** The same without opening. */
struct place *place_make_closed(place_kind kind);
void place_free(struct place *place);
void place_reopen(struct place *place);
/** Statements run beside the store, as its administrator. */
void place_sql(struct place *place, const char *text);

/** Set up and tear down of cmocka. */
int place_setup_sqlite(void **state);
int place_setup_pg(void **state);
int place_teardown(void **state);

/** Both kinds of one test. */
#define PLACE_TEST(test)                                                                                       \
    cmocka_unit_test_setup_teardown(test, place_setup_sqlite, place_teardown),                                 \
    {                                                                                                          \
#test " (postgresql)", test, place_setup_pg, place_teardown, NULL                                      \
    }

#endif
