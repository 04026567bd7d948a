#include "server/writer.h"

#include "updraft/assert.h"

#include <pthread.h>
#include <stdlib.h>

struct ud_writer {
    struct ud_store *store;
    void (*complain)(void *ctx, ud_err err, const char *words);
    void *complain_ctx;
    void (*committed)(void *ctx);
    void *committed_ctx;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t queued;
    struct ud_job *first;
    struct ud_job **last;
    size_t count;
    bool ending;
    struct ud_writer_stats stats;
};

/* Take up to UD_WRITER_BATCH_MAX jobs; wait for the first. NULL when the writer ends and nothing is left. */
static struct ud_job *take_batch(struct ud_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->first == NULL && !writer->ending) {
        pthread_cond_wait(&writer->queued, &writer->lock);
    }
    struct ud_job *batch = writer->first;
    struct ud_job **end = &writer->first;
    for (size_t n = 0; *end != NULL && n < UD_WRITER_BATCH_MAX; n++) {
        end = &(*end)->next;
        writer->count--;
    }
    writer->first = *end;
    *end = NULL;
    if (writer->first == NULL) {
        writer->last = &writer->first;
    }
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

static void complain(struct ud_writer *writer, ud_err err)
{
    if (writer->complain != NULL && (err == UD_ERR_STORE || err == UD_ERR_DISK_FULL)) {
        writer->complain(writer->complain_ctx, err, ud_store_message(writer->store));
    }
}

/* Every job up to (not including) `end` that counted as done comes to nothing. */
static void fail_until(struct ud_job *batch, const struct ud_job *end, ud_err err)
{
    for (struct ud_job *job = batch; job != end; job = job->next) {
        job->result = job->result == UD_OK ? err : job->result;
    }
}

static void run_job(struct ud_writer *writer, struct ud_job *job)
{
    struct ud_store *store = writer->store;
    job->result = ud_store_save(store);
    if (job->result == UD_OK) {
        job->result = job->run(job, store);
        if (job->result == UD_OK) {
            job->result = ud_store_release(store);
        }
    }
    if (job->result != UD_OK) {
        complain(writer, job->result);
        if (ud_store_in_transaction(store)) {
            ud_store_undo(store);
        }
    }
}

/* The first job behind those that can be one run with `first`. */
static struct ud_job *end_of_run(const struct ud_writer *writer, struct ud_job *first)
{
    struct ud_job *end = first;
    while (end != NULL && end->want.device != 0 && ud_store_gathers(writer->store)) {
        end = end->next;
    }
    return end;
}

static ud_err run_each(struct ud_store *store, struct ud_job *first, const struct ud_job *end)
{
    const struct ud_store_want *wants[UD_WRITER_BATCH_MAX] = {NULL};
    size_t count = 0;
    for (struct ud_job *job = first; job != end; job = job->next) {
        wants[count++] = &job->want;
    }
    ud_err err = ud_store_gather(store, wants, count);
    for (struct ud_job *job = first; job != end && err == UD_OK; job = job->next) {
        ud_store_gather_next(store, &job->want);
        job->result = job->run(job, store);
        if (job->result != UD_OK && ud_store_gather_touched(store)) {
            err = job->result; /* what it wrote must go, and only a savepoint of its own can do that */
        }
    }
    return err == UD_OK ? ud_store_gathered(store) : err;
}

/* All of them by few statements. False: nothing of it happened, and each is run by itself. */
static bool run_together(struct ud_writer *writer, struct ud_job *first, const struct ud_job *end)
{
    struct ud_store *store = writer->store;
    ud_err err = ud_store_save(store);
    err = err == UD_OK ? run_each(store, first, end) : err;
    err = err == UD_OK ? ud_store_release(store) : err;
    if (err != UD_OK) {
        ud_store_scatter(store);
        if (ud_store_in_transaction(store)) {
            ud_store_undo(store);
        }
    }
    return err == UD_OK;
}

static void run_batch(struct ud_writer *writer, struct ud_job *batch)
{
    struct ud_store *store = writer->store;
    struct ud_job *since_begin = batch;
    ud_err err = ud_store_begin(store);
    if (err != UD_OK) {
        complain(writer, err);
    }
    struct ud_job *alone = batch; /* up to this one each job is run by itself */
    for (struct ud_job *job = batch; job != NULL; job = job->next) {
        if (err != UD_OK) {
            job->result = err;
            continue;
        }
        if (job == alone) {
            struct ud_job *end = end_of_run(writer, job);
            alone = end == job ? job->next : end;
            if (end != job && end != job->next && run_together(writer, job, end)) {
                while (job->next != end) {
                    job = job->next;
                }
                continue;
            }
        }
        run_job(writer, job);
        if (!ud_store_in_transaction(store)) { /* the database gave up the whole transaction */
            fail_until(since_begin, job, job->result == UD_OK ? UD_ERR_STORE : job->result);
            since_begin = job->next;
            err = ud_store_begin(store);
        }
    }
    if (err != UD_OK) {
        return;
    }
    err = ud_store_commit(store);
    if (err != UD_OK) {
        complain(writer, err);
        ud_store_rollback(store);
        fail_until(since_begin, NULL, err);
    } else if (writer->committed != NULL) {
        writer->committed(writer->committed_ctx);
    }
}

static void count_batch(struct ud_writer *writer, const struct ud_job *batch)
{
    uint64_t jobs = 0;
    bool failed = true;
    for (const struct ud_job *job = batch; job != NULL; job = job->next) {
        jobs++;
        failed = failed && (job->result == UD_ERR_STORE || job->result == UD_ERR_DISK_FULL);
    }
    pthread_mutex_lock(&writer->lock);
    writer->stats.jobs += jobs;
    writer->stats.commits += failed ? 0 : 1;
    writer->stats.failed_commits += failed ? 1 : 0;
    pthread_mutex_unlock(&writer->lock);
}

static void *writer_thread(void *ctx)
{
    struct ud_writer *writer = ctx;
    for (struct ud_job *batch = take_batch(writer); batch != NULL; batch = take_batch(writer)) {
        run_batch(writer, batch);
        count_batch(writer, batch);
        while (batch != NULL) {
            struct ud_job *job = batch;
            batch = job->next; /* done() may free the job */
            job->done(job, job->result);
        }
    }
    return NULL;
}

ud_err ud_writer_open(struct ud_writer **out, struct ud_store *store,
                      void (*complain_to)(void *ctx, ud_err err, const char *words), void *ctx)
{
    struct ud_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return UD_ERR_MEMORY;
    }
    writer->store = store;
    writer->complain = complain_to;
    writer->complain_ctx = ctx;
    writer->last = &writer->first;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->queued, NULL);
    if (pthread_create(&writer->thread, NULL, writer_thread, writer) != 0) {
        pthread_cond_destroy(&writer->queued);
        pthread_mutex_destroy(&writer->lock);
        free(writer);
        return UD_ERR_MEMORY;
    }
    *out = writer;
    return UD_OK;
}

ud_err ud_writer_submit(struct ud_writer *writer, struct ud_job *job)
{
    ud_err err = UD_ERR_RETRY_LATER;
    UD_ASSERT(job->run != NULL && job->done != NULL);
    job->next = NULL;
    pthread_mutex_lock(&writer->lock);
    if (writer->count < UD_WRITER_QUEUE_MAX && !writer->ending) {
        *writer->last = job;
        writer->last = &job->next;
        writer->count++;
        if (writer->count == 1) {
            pthread_cond_signal(&writer->queued);
        }
        err = UD_OK;
    }
    pthread_mutex_unlock(&writer->lock);
    return err;
}

/* A job that somebody waits for. */
struct waited_job {
    struct ud_job job;
    struct ud_job *inner;
    ud_err (*run)(struct ud_job *job, struct ud_store *store);
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool finished;
    ud_err result;
};

static ud_err waited_run(struct ud_job *job, struct ud_store *store)
{
    struct waited_job *waited = (struct waited_job *)(void *)job;
    return waited->run(waited->inner, store);
}

static void waited_done(struct ud_job *job, ud_err err)
{
    struct waited_job *waited = (struct waited_job *)(void *)job;
    pthread_mutex_lock(&waited->lock);
    waited->result = err;
    waited->finished = true;
    pthread_cond_signal(&waited->changed);
    pthread_mutex_unlock(&waited->lock);
}

ud_err ud_writer_run(struct ud_writer *writer, ud_err (*run)(struct ud_job *job, struct ud_store *store),
                     struct ud_job *job)
{
    struct waited_job waited = {.job = {.run = waited_run, .done = waited_done}, .inner = job, .run = run};
    pthread_mutex_init(&waited.lock, NULL);
    pthread_cond_init(&waited.changed, NULL);
    ud_err err = ud_writer_submit(writer, &waited.job);
    if (err == UD_OK) {
        pthread_mutex_lock(&waited.lock);
        while (!waited.finished) {
            pthread_cond_wait(&waited.changed, &waited.lock);
        }
        pthread_mutex_unlock(&waited.lock);
        err = waited.result;
    }
    pthread_cond_destroy(&waited.changed);
    pthread_mutex_destroy(&waited.lock);
    return err;
}

bool ud_writer_is_lost(const struct ud_writer *writer)
{
    return ud_store_is_lost(writer->store);
}

void ud_writer_on_commit(struct ud_writer *writer, void (*committed)(void *ctx), void *ctx)
{
    writer->committed = committed;
    writer->committed_ctx = ctx;
}

size_t ud_writer_waiting(struct ud_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const size_t count = writer->count;
    pthread_mutex_unlock(&writer->lock);
    return count;
}

void ud_writer_stats(struct ud_writer *writer, struct ud_writer_stats *stats)
{
    pthread_mutex_lock(&writer->lock);
    *stats = writer->stats;
    pthread_mutex_unlock(&writer->lock);
}

void ud_writer_stop(struct ud_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const bool running = !writer->ending;
    writer->ending = true;
    pthread_cond_signal(&writer->queued);
    pthread_mutex_unlock(&writer->lock);
    if (running) {
        pthread_join(writer->thread, NULL);
    }
}

void ud_writer_close(struct ud_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    ud_writer_stop(writer);
    complain(writer, ud_store_checkpoint(writer->store));
    ud_store_close(writer->store);
    pthread_cond_destroy(&writer->queued);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}
