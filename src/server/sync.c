#include "server/sync.h"

#include "server/hub.h"
#include "server/mqtt/courier.h"
#include "server/store_shared.h"
#include "server/tenants.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define READ_MAX 500
#define STEP_MS 250 /* between two looks at whether the end has come */

struct ud_sync {
    struct ud_server *server;
    struct ud_store *store; /* NULL: lost, to be opened again */
    int64_t after;
    pthread_t thread;
    _Atomic bool ending;
    pthread_mutex_t lock; /* over the two below */
    void (*look)(void *ctx, struct ud_store *store);
    void *look_ctx;
};

static void changed(void *ctx, const struct ud_row_device *device)
{
    const struct ud_sync *sync = ctx;
    if (ud_fleet_put(sync->server->fleet, device) != UD_OK) {
        ud_log_event(&sync->server->log, UD_LOG_ERROR, "fleet", "device", device->name, "error",
                     ud_err_name(UD_ERR_MEMORY), NULL);
    }
}

static void gone(void *ctx, int64_t id)
{
    const struct ud_sync *sync = ctx;
    ud_fleet_remove(sync->server->fleet, id);
}

static ud_err read_changes(struct ud_sync *sync)
{
    const struct ud_store_changes changes = {changed, gone, sync};
    bool more = true;
    ud_err err = UD_OK;
    while (err == UD_OK && more) {
        err = ud_store_changes_read(sync->store, &sync->after, READ_MAX, &changes, &more);
    }
    return err == UD_OK ? ud_tenants_load(sync->server->tenants, sync->store) : err;
}

static void call_watch(struct ud_sync *sync)
{
    pthread_mutex_lock(&sync->lock);
    if (sync->look != NULL) {
        sync->look(sync->look_ctx, sync->store);
    }
    pthread_mutex_unlock(&sync->lock);
}

static ud_err connect_again(struct ud_sync *sync)
{
    const ud_err err = ud_store_open(&sync->store, ud_config_store(&sync->server->config), UD_STORE_READER);
    return err == UD_OK ? ud_store_listen(sync->store) : err;
}

static ud_err wait_for_change(struct ud_sync *sync)
{
    bool told = false;
    ud_err err = UD_OK;
    for (unsigned waited_ms = 0; err == UD_OK && !told && waited_ms < UD_SYNC_MS; waited_ms += STEP_MS) {
        if (atomic_load(&sync->ending)) {
            break;
        }
        err = ud_store_wait(sync->store, STEP_MS, &told);
    }
    return err;
}

/* Listening comes before reading, so that nothing falls in between. */
static void turn(struct ud_sync *sync)
{
    ud_err err = sync->store == NULL ? connect_again(sync) : UD_OK;
    err = err == UD_OK ? read_changes(sync) : err;
    if (err == UD_OK) {
        call_watch(sync);
        ud_hub_wake(sync->server->hub);
        ud_courier_wake(sync->server->courier);
        err = wait_for_change(sync);
    }
    if (err != UD_OK) {
        ud_log_event(&sync->server->log, UD_LOG_WARN, "sync", "error", ud_err_name(err), "words",
                     sync->store == NULL ? "no connection" : ud_store_message(sync->store), NULL);
        ud_store_close(sync->store);
        sync->store = NULL;
        const struct timespec pause = {0, STEP_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}

static void *sync_thread(void *ctx)
{
    struct ud_sync *sync = ctx;
    while (!atomic_load(&sync->ending)) {
        turn(sync);
    }
    return NULL;
}

ud_err ud_sync_open(struct ud_sync **out, struct ud_server *server, int64_t after)
{
    struct ud_sync *sync = calloc(1, sizeof *sync);
    *out = NULL;
    if (sync == NULL) {
        return UD_ERR_MEMORY;
    }
    sync->server = server;
    sync->after = after;
    pthread_mutex_init(&sync->lock, NULL);
    const ud_err err = ud_store_open(&sync->store, ud_config_store(&server->config), UD_STORE_READER);
    if (err != UD_OK || !ud_store_is_shared(sync->store)) {
        ud_store_close(sync->store);
        pthread_mutex_destroy(&sync->lock);
        free(sync);
        return err;
    }
    if (ud_store_listen(sync->store) != UD_OK || pthread_create(&sync->thread, NULL, sync_thread, sync) != 0) {
        ud_store_close(sync->store);
        pthread_mutex_destroy(&sync->lock);
        free(sync);
        return UD_ERR_STORE;
    }
    *out = sync;
    return UD_OK;
}

void ud_sync_watch(struct ud_sync *sync, void (*look)(void *ctx, struct ud_store *store), void *ctx)
{
    if (sync != NULL) {
        pthread_mutex_lock(&sync->lock);
        sync->look = look;
        sync->look_ctx = ctx;
        pthread_mutex_unlock(&sync->lock);
    }
}

void ud_sync_close(struct ud_sync *sync)
{
    if (sync == NULL) {
        return;
    }
    atomic_store(&sync->ending, true);
    pthread_join(sync->thread, NULL);
    ud_store_close(sync->store);
    pthread_mutex_destroy(&sync->lock);
    free(sync);
}
