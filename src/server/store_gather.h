/*
 * ud_store, many like jobs in one go. Where a round trip to the database costs more than its work, the rows that a run of jobs will
 * ask for are read by one statement, kept while the jobs run, and written by one statement each kind. The functions of store.h
 * answer from there; what they do not find there goes to the database as ever, after what waits was written.
 *
 *     ud_store_gather(store, wants, count)
 *     for each job: ud_store_gather_next(store, &wants[i]), run it
 *     ud_store_gathered(store)        or, when anything failed: ud_store_scatter(store), undo, and each job by itself
 *
 * Part of store.h; inside a transaction. docs/design/store.md says which statements it joins.
 */
#ifndef UD_SERVER_STORE_GATHER_H
#define UD_SERVER_STORE_GATHER_H

#include "server/store.h"

/* What a job of a device will ask for, and the promise that it writes nothing of another device. */
struct ud_store_want {
    int64_t device; /* 0: nothing; the job is run by itself */
    int32_t action; /* 0: none */
    bool row;       /* the device's own row */
    bool newest;    /* its newest action */
};

#define UD_STORE_GATHER_MAX 256

/** Is it worth it on this database? */
bool ud_store_gathers(const struct ud_store *store);
/** Read ahead. At most UD_STORE_GATHER_MAX wants. */
ud_err ud_store_gather(struct ud_store *store, const struct ud_store_want *const *wants, size_t count);
/** The next job begins; it is one of those that were gathered for. */
void ud_store_gather_next(struct ud_store *store, const struct ud_store_want *want);
/** Has the job that runs written anything yet? Then its failure is one of the whole run. */
bool ud_store_gather_touched(const struct ud_store *store);
/** Write what waits; from here on every statement goes to the database again. */
ud_err ud_store_gathered(struct ud_store *store);
/** Forget what waits. */
void ud_store_scatter(struct ud_store *store);

#endif
