/*
 * The one writer of the store: a thread that takes whatever queued while the previous commit ran, runs it as one
 * transaction (a savepoint for each job), commits, and only then tells each job its result (promise P4).
 */
#ifndef UD_SERVER_WRITER_H
#define UD_SERVER_WRITER_H

#include "server/store_gather.h"

#define UD_WRITER_BATCH_MAX 256
#define UD_WRITER_QUEUE_MAX 65536

struct ud_job {
    /* On the writer thread, inside the transaction. An error undoes this job alone. */
    ud_err (*run)(struct ud_job *job, struct ud_store *store);
    /* Where it names a device: the job may be one of a gathered run, and run() is called again when that run fails. */
    struct ud_store_want want;
    /* On the writer thread, after COMMIT (UD_OK) or when the job came to nothing (its error). Must not block. */
    void (*done)(struct ud_job *job, ud_err err);
    /* private */
    struct ud_job *next;
    ud_err result;
};

struct ud_writer_stats {
    uint64_t commits;
    uint64_t jobs;
    uint64_t failed_commits;
};

struct ud_writer;

/** The writer owns `store` from here on, on success. `complain` is told the database's words; may be NULL. */
ud_err ud_writer_open(struct ud_writer **writer, struct ud_store *store,
                      void (*complain)(void *ctx, ud_err err, const char *words), void *ctx);
/** Hand over a job; the memory stays the caller's until done(). UD_ERR_RETRY_LATER when the queue is full. */
ud_err ud_writer_submit(struct ud_writer *writer, struct ud_job *job);
/** The same, and wait for the result; job->done is not called. Not from the writer thread. */
ud_err ud_writer_run(struct ud_writer *writer, ud_err (*run)(struct ud_job *job, struct ud_store *store),
                     struct ud_job *job);
/** Called on the writer thread after each commit, before the jobs hear of it. Set before the first job. */
void ud_writer_on_commit(struct ud_writer *writer, void (*committed)(void *ctx), void *ctx);
/** The database does not answer, as far as the last batch knows. From the jobs' done(). */
bool ud_writer_is_lost(const struct ud_writer *writer);
/** Jobs that wait now. From any thread. */
size_t ud_writer_waiting(struct ud_writer *writer);
void ud_writer_stats(struct ud_writer *writer, struct ud_writer_stats *stats);
/** Finish what is queued; take no more (UD_ERR_RETRY_LATER). */
void ud_writer_stop(struct ud_writer *writer);
/** Stop, checkpoint, close the store. */
void ud_writer_close(struct ud_writer *writer);

#endif
