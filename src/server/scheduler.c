#include "server/scheduler.h"

#include "server/deadline.h"
#include "server/patches.h"
#include "server/rollouts.h"
#include "server/server.h"
#include "server/store_gather.h"
#include "server/store_shared.h"
#include "server/tenants.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS 1000     /* how late news of other servers may be */
#define ERROR_MS 2000    /* after a tick that failed */
#define PRECURSORS_MAX 4 /* versions for which patches are made ahead, of a group */
#define LEASE_MS 5000    /* so long nothing is decided when the server whose turn it is dies */

struct ud_scheduler {
    struct ud_server *server;
    char holder[UD_HOLDER_CHARS + 1]; /* this server, in leases */
    pthread_t thread;
    pthread_mutex_t lock; /* over all up to `job` */
    pthread_cond_t changed;
    bool woken;
    bool ending;
    bool finished; /* the tick that was handed over */
    ud_err result;
    /* of the tick; the writer thread has it between submit and done */
    struct ud_job job;
    struct ud_tick tick;
    struct ud_row_device rows[UD_TICK_DEVICES_MAX]; /* as they are after it, for the fleet in memory */
    size_t row_count;
};

static struct ud_scheduler *scheduler_of(struct ud_job *job)
{
    return (struct ud_scheduler *)(void *)((char *)job - offsetof(struct ud_scheduler, job));
}

/*
 * One server at a time decides. Taking the lease is part of the deciding transaction, so a server that was paused with it
 * decides nothing more; and time is the database's, because servers' clocks differ.
 */
static ud_err take_turn(struct ud_scheduler *scheduler, struct ud_store *store)
{
    int64_t fence = 0;
    const ud_err err = ud_store_lease_take(store, "rollouts", scheduler->holder, LEASE_MS, &fence);
    return err == UD_OK ? ud_store_now(store, &scheduler->tick.now_ms) : err;
}

static int64_t overdue_ms(void *ctx, int64_t tenant, int64_t now_ms)
{
    struct ud_tenant_settings settings;
    const struct ud_scheduler *scheduler = ctx;
    ud_tenants_settings(scheduler->server->tenants, tenant, &settings);
    return ud_settings_overdue_ms(&settings, now_ms);
}

/* As they are now, for the fleet in memory: where a round trip costs, by few statements. */
static ud_err read_rows(struct ud_scheduler *scheduler, struct ud_store *store)
{
    const struct ud_tick *tick = &scheduler->tick;
    const bool gathers = ud_store_gathers(store);
    ud_err err = UD_OK;
    for (size_t from = 0; from < tick->device_count && err == UD_OK; from += UD_STORE_GATHER_MAX) {
        const size_t left = tick->device_count - from;
        const size_t count = left < UD_STORE_GATHER_MAX ? left : UD_STORE_GATHER_MAX;
        struct ud_store_want wants[UD_STORE_GATHER_MAX];
        const struct ud_store_want *list[UD_STORE_GATHER_MAX];
        for (size_t i = 0; i < count; i++) {
            wants[i] = (struct ud_store_want){.device = tick->devices[from + i], .row = true};
            list[i] = &wants[i];
        }
        err = gathers ? ud_store_gather(store, list, count) : UD_OK;
        for (size_t i = 0; i < count && err == UD_OK; i++) {
            err = ud_store_device_get(store, wants[i].device, &scheduler->rows[scheduler->row_count++]);
        }
        if (gathers) {
            ud_store_scatter(store); /* nothing was written */
        }
    }
    return err;
}

static ud_err run_tick(struct ud_job *job, struct ud_store *store)
{
    struct ud_scheduler *scheduler = scheduler_of(job);
    scheduler->row_count = 0;
    scheduler->tick.now_ms = ud_server_now_ms();
    scheduler->tick.overdue_ms = overdue_ms;
    scheduler->tick.overdue_ctx = scheduler;
    ud_err err = ud_store_is_shared(store) ? take_turn(scheduler, store) : UD_OK;
    err = err == UD_OK ? ud_rollout_tick(store, &scheduler->tick) : err;
    return err == UD_OK ? read_rows(scheduler, store) : err;
}

static void tick_done(struct ud_job *job, ud_err err)
{
    struct ud_scheduler *scheduler = scheduler_of(job);
    for (size_t i = 0; i < scheduler->row_count && err == UD_OK; i++) {
        ud_fleet_put(scheduler->server->fleet, &scheduler->rows[i]);
    }
    pthread_mutex_lock(&scheduler->lock);
    scheduler->result = err;
    scheduler->finished = true;
    pthread_cond_signal(&scheduler->changed);
    pthread_mutex_unlock(&scheduler->lock);
}

static void log_notes(const struct ud_scheduler *scheduler)
{
    for (size_t i = 0; i < scheduler->tick.note_count; i++) {
        const struct ud_tick_note *note = &scheduler->tick.notes[i];
        char rollout[24];
        char group[24];
        char device[24];
        ud_log_event(&scheduler->server->log, UD_LOG_INFO, "rollout", "what", note->what, "rollout",
                     ud_log_int(rollout, note->rollout), "group", ud_log_int(group, note->group), "device-id",
                     ud_log_int(device, note->device), "state", note->state, NULL);
    }
}

struct wanted_patches {
    struct ud_patches *patches;
    struct ud_row_precursor old[PRECURSORS_MAX];
    size_t old_count;
};

static void want_patches(void *ctx, const struct ud_row_release_artifact *file)
{
    const struct wanted_patches *wanted = ctx;
    for (size_t i = 0; i < wanted->old_count && strcmp(file->filename, "manifest.suit") != 0; i++) {
        struct ud_patch_name name;
        if (ud_patch_profile_parse(wanted->old[i].profile,
                                   &name.profile)) { /* "none", or what we do not know */
            memcpy(name.old, wanted->old[i].digest, sizeof name.old);
            memcpy(name.new, file->artifact.sha256, sizeof name.new);
            ud_patches_want(wanted->patches, &name);
        }
    }
}

/* A group starts: patches from what its devices run are made before most of them ask. Whoever is sooner takes the image. */
static void make_patches(const struct ud_scheduler *scheduler, int32_t id, uint32_t group)
{
    struct ud_server *server = scheduler->server;
    struct ud_store *store = NULL;
    struct ud_row_rollout rollout;
    struct wanted_patches wanted = {.patches = server->patches};
    if (ud_store_pool_take(server->readers, &store) != UD_OK) {
        return;
    }
    ud_err err = ud_store_rollout_get(store, 0, id, &rollout);
    err = err == UD_OK
              ? ud_store_rollout_precursors(store, id, group, wanted.old, PRECURSORS_MAX, &wanted.old_count)
              : err;
    if (err == UD_OK) {
        (void)ud_store_release_artifacts(store, rollout.release, want_patches, &wanted);
    }
    ud_store_pool_give(server->readers, store);
}

static void prepare_groups(const struct ud_scheduler *scheduler)
{
    for (size_t i = 0; i < scheduler->tick.note_count; i++) {
        const struct ud_tick_note *note = &scheduler->tick.notes[i];
        if (note->group != 0 && note->device == 0 && note->state != NULL &&
            strcmp(note->state, ud_group_state_name(UD_GROUP_RUNNING)) == 0) {
            make_patches(scheduler, note->rollout, note->group);
        }
    }
}

static void wait_until(struct ud_scheduler *scheduler, int64_t wait_ms)
{
    const struct timespec until = ud_deadline_in((uint64_t)wait_ms);
    pthread_mutex_lock(&scheduler->lock);
    int code = 0;
    while (!scheduler->woken && !scheduler->ending && code == 0) {
        code = pthread_cond_timedwait(&scheduler->changed, &scheduler->lock, &until);
    }
    scheduler->woken = false;
    pthread_mutex_unlock(&scheduler->lock);
}

/* One tick on the writer thread. */
static ud_err tick_once(struct ud_scheduler *scheduler)
{
    scheduler->finished = false;
    scheduler->job = (struct ud_job){.run = run_tick, .done = tick_done};
    const ud_err err = ud_writer_submit(scheduler->server->writer, &scheduler->job);
    if (err != UD_OK) {
        return err;
    }
    pthread_mutex_lock(&scheduler->lock);
    while (!scheduler->finished) {
        pthread_cond_wait(&scheduler->changed, &scheduler->lock);
    }
    pthread_mutex_unlock(&scheduler->lock);
    return scheduler->result;
}

static bool is_ending(struct ud_scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    const bool ending = scheduler->ending;
    pthread_mutex_unlock(&scheduler->lock);
    return ending;
}

static int64_t pause_after(struct ud_scheduler *scheduler, ud_err err)
{
    if (err == UD_ERR_LEASE) {
        return IDLE_MS; /* another server's turn */
    }
    if (err != UD_OK) {
        ud_log_event(&scheduler->server->log, UD_LOG_ERROR, "tick", "error", ud_err_name(err), NULL);
        return ERROR_MS;
    }
    log_notes(scheduler);
    prepare_groups(scheduler);
    if (scheduler->tick.more) {
        return 0;
    }
    const int64_t due = scheduler->tick.next_ms == 0 ? IDLE_MS : scheduler->tick.next_ms - ud_server_now_ms();
    return due < 1 ? 1 : due < IDLE_MS ? due : IDLE_MS;
}

static void *scheduler_thread(void *ctx)
{
    struct ud_scheduler *scheduler = ctx;
    while (!is_ending(scheduler)) {
        const int64_t pause_ms = pause_after(scheduler, tick_once(scheduler));
        if (pause_ms > 0) {
            wait_until(scheduler, pause_ms);
        }
    }
    return NULL;
}

ud_err ud_scheduler_open(struct ud_scheduler **out, struct ud_server *server)
{
    struct ud_scheduler *scheduler = calloc(1, sizeof *scheduler);
    if (scheduler == NULL) {
        return UD_ERR_MEMORY;
    }
    scheduler->server = server;
    if (ud_secret_make(scheduler->holder, UD_HOLDER_CHARS) != UD_OK) {
        free(scheduler);
        return UD_ERR_CRYPTO;
    }
    pthread_mutex_init(&scheduler->lock, NULL);
    ud_deadline_cond_init(&scheduler->changed);
    if (pthread_create(&scheduler->thread, NULL, scheduler_thread, scheduler) != 0) {
        pthread_cond_destroy(&scheduler->changed);
        pthread_mutex_destroy(&scheduler->lock);
        free(scheduler);
        return UD_ERR_MEMORY;
    }
    *out = scheduler;
    return UD_OK;
}

void ud_scheduler_wake(struct ud_scheduler *scheduler)
{
    pthread_mutex_lock(&scheduler->lock);
    scheduler->woken = true;
    pthread_cond_broadcast(&scheduler->changed);
    pthread_mutex_unlock(&scheduler->lock);
}

void ud_scheduler_close(struct ud_scheduler *scheduler)
{
    if (scheduler == NULL) {
        return;
    }
    pthread_mutex_lock(&scheduler->lock);
    scheduler->ending = true;
    pthread_cond_broadcast(&scheduler->changed);
    pthread_mutex_unlock(&scheduler->lock);
    pthread_join(scheduler->thread, NULL);
    pthread_cond_destroy(&scheduler->changed);
    pthread_mutex_destroy(&scheduler->lock);
    free(scheduler);
}
