#include "server/mqtt/courier_parts.h"

#include "server/scheduler.h"
#include "server/store_mgmt.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LEASE "mqtt"
#define LEASE_MS 6000
#define RENEW_MS 2000  /* also: how soon another server asks for it */
#define REOPEN_MS 5000 /* after files that cannot be read */
#define TOLD "mqtt.told"
#define WAIT_MS_MAX 1000

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- the lease, and how far the outbox was told */

struct turn {
    struct ud_job job;
    struct ud_courier *courier;
    int64_t fence;
    int64_t told; /* -1: nowhere yet */
};

static void take_told(void *ctx, const char *key, const char *value, bool visible)
{
    struct turn *turn = ctx;
    (void)key;
    (void)visible;
    turn->told = strtoll(value, NULL, 10);
}

/* A broker that is set for the first time is told what happens from now on. */
static ud_err read_told(struct turn *turn, struct ud_store *store)
{
    char text[24];
    turn->told = -1;
    ud_err err = ud_store_pair_list(store, UD_PAIRS_SETTING, 0, TOLD, take_told, turn);
    if (err == UD_OK && turn->told < 0) {
        err = ud_store_event_newest(store, &turn->told);
        snprintf(text, sizeof text, "%lld", (long long)turn->told);
        err = err == UD_OK ? ud_store_pair_set(store, UD_PAIRS_SETTING, 0, TOLD, text, false) : err;
    }
    return err;
}

static ud_err take_lease(struct ud_job *job, struct ud_store *store)
{
    struct turn *turn = (struct turn *)(void *)job;
    const ud_err err = ud_store_lease_take(store, LEASE, turn->courier->holder, LEASE_MS, &turn->fence);
    return err == UD_OK ? read_told(turn, store) : err;
}

static ud_err drop_lease(struct ud_job *job, struct ud_store *store)
{
    const struct turn *turn = (const struct turn *)(const void *)job;
    return ud_store_lease_drop(store, LEASE, turn->fence);
}

static void hang_up(struct ud_courier *courier)
{
    ud_mqtt_close(courier->mqtt);
    courier->mqtt = NULL;
    ud_courier_forget(courier);
}

static void renew(struct ud_courier *courier, uint64_t now_ms)
{
    struct turn turn = {.courier = courier};
    const ud_err err = ud_writer_run(courier->server->writer, take_lease, &turn.job);
    courier->lease_at_ms = now_ms + RENEW_MS;
    if (err != UD_OK) {
        if (courier->holding) {
            ud_log_event(&courier->server->log, UD_LOG_WARN, "mqtt-lease", "error", ud_err_name(err), NULL);
        }
        courier->holding = false;
        return;
    }
    if (!courier->holding || turn.fence != courier->fence) {
        hang_up(courier); /* whatever stood was of an earlier turn */
        courier->told = turn.told;
    }
    courier->holding = true;
    courier->fence = turn.fence;
}

/* --- the connection */

static void changed(void *ctx, ud_err err, bool kept)
{
    struct ud_courier *courier = ctx;
    ud_log_event(&courier->server->log, err == UD_OK ? UD_LOG_INFO : UD_LOG_WARN, "broker", "url",
                 courier->server->config.mqtt_broker, "error", ud_err_name(err), "session",
                 err != UD_OK ? NULL
                 : kept       ? "kept"
                              : "new",
                 NULL);
    if (err == UD_OK) {
        ud_courier_subscribe(courier, kept);
        courier->look_at_ms = 0;
    }
}

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static ud_err call_broker(struct ud_courier *courier, struct ud_mqtt **mqtt)
{
    const struct ud_config *config = &courier->server->config;
    const struct ud_mqtt_config settings = {
        .url = config->mqtt_broker,
        .client_id = UD_MQTT_SERVER_USER,
        .ca = or_null(config->mqtt_ca),
        .user = or_null(config->mqtt_user),
        .password_path = or_null(config->mqtt_password),
        .cert = or_null(config->mqtt_cert),
        .key = or_null(config->mqtt_key),
        .changed = changed,
        .message = ud_courier_hear,
        .acknowledged = ud_courier_acknowledged,
        .ctx = courier,
    };
    return ud_mqtt_open(mqtt, &settings);
}

static void connect(struct ud_courier *courier, uint64_t now_ms)
{
    if (now_ms < courier->open_at_ms) {
        return;
    }
    const ud_err err = call_broker(courier, &courier->mqtt);
    if (err != UD_OK) {
        courier->open_at_ms = now_ms + REOPEN_MS;
        ud_log_event(&courier->server->log, UD_LOG_ERROR, "broker", "error", ud_err_name(err), NULL);
    }
}

/* --- the thread */

/* One round. The lease comes first: a process that stood still looks before it says anything. @return when the next is due */
static uint64_t turn_once(struct ud_courier *courier, uint64_t now_ms)
{
    uint64_t due_ms = now_ms + WAIT_MS_MAX;
    if (now_ms >= courier->lease_at_ms) {
        renew(courier, now_ms);
    }
    if (!courier->holding) {
        hang_up(courier);
        return due_ms;
    }
    if (courier->mqtt == NULL) {
        connect(courier, now_ms);
    }
    if (courier->mqtt != NULL) {
        ud_mqtt_step(courier->mqtt, now_ms);
        ud_courier_answer(courier);
        const uint64_t tell_ms = ud_courier_tell(courier, now_ms);
        const uint64_t step_ms = now_ms + ud_mqtt_wait_ms(courier->mqtt, now_ms);
        due_ms = tell_ms < due_ms ? tell_ms : due_ms;
        due_ms = step_ms < due_ms ? step_ms : due_ms;
    }
    return due_ms;
}

static void wait_for_news(struct ud_courier *courier, uint64_t wait_ms)
{
    bool writes = false;
    const int fd = courier->mqtt == NULL ? -1 : ud_mqtt_socket(courier->mqtt, &writes);
    struct pollfd on[2] = {{.fd = courier->wake, .events = POLLIN},
                           {.fd = fd, .events = (short)(POLLIN | (writes ? POLLOUT : 0))}};
    eventfd_t count;
    poll(on, 2, (int)wait_ms);
    if (on[0].revents != 0) {
        eventfd_read(courier->wake, &count);
        atomic_store(&courier->woken, false); /* before the round: what comes from here on wakes us again */
        courier->look_at_ms = 0;
    }
}

static void *courier_thread(void *ctx)
{
    struct ud_courier *courier = ctx;
    while (!atomic_load(&courier->ending)) {
        const uint64_t due_ms = turn_once(courier, clock_ms());
        const uint64_t now_ms = clock_ms();
        wait_for_news(courier, due_ms > now_ms ? due_ms - now_ms : 0);
    }
    hang_up(courier);
    if (courier->holding) {
        struct turn turn = {.courier = courier, .fence = courier->fence};
        ud_writer_run(courier->server->writer, drop_lease, &turn.job);
    }
    return NULL;
}

/* --- open and close */

/* What is wrong with the settings is said at the start, not when the lease is had. */
static ud_err try_settings(struct ud_courier *courier)
{
    struct ud_mqtt *mqtt = NULL;
    const ud_err err = call_broker(courier, &mqtt);
    ud_mqtt_close(mqtt);
    return err;
}

ud_err ud_courier_open(struct ud_courier **out, struct ud_server *server)
{
    *out = NULL;
    if (server->config.mqtt_broker[0] == '\0') {
        return UD_OK;
    }
    struct ud_courier *courier = calloc(1, sizeof *courier);
    if (courier == NULL) {
        return UD_ERR_MEMORY;
    }
    courier->server = server;
    courier->last = &courier->finished;
    pthread_mutex_init(&courier->lock, NULL);
    courier->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ud_err err = courier->wake < 0 ? UD_ERR_MEMORY : ud_secret_make(courier->holder, UD_HOLDER_CHARS);
    err = err == UD_OK ? try_settings(courier) : err;
    if (err == UD_OK) {
        courier->running = pthread_create(&courier->thread, NULL, courier_thread, courier) == 0;
        err = courier->running ? UD_OK : UD_ERR_MEMORY;
    }
    if (err != UD_OK) {
        ud_courier_close(courier);
        return err;
    }
    *out = courier;
    return UD_OK;
}

void ud_courier_wake(struct ud_courier *courier)
{
    if (courier != NULL && !atomic_exchange(&courier->woken, true)) {
        eventfd_write(courier->wake, 1);
    }
}

void ud_courier_stop(struct ud_courier *courier)
{
    if (courier != NULL && courier->running) {
        atomic_store(&courier->ending, true);
        eventfd_write(courier->wake, 1);
        pthread_join(courier->thread, NULL);
        courier->running = false;
    }
}

void ud_courier_close(struct ud_courier *courier)
{
    if (courier == NULL) {
        return;
    }
    ud_courier_stop(courier);
    ud_courier_answer(courier); /* nobody is there to hear it; frees what is left */
    if (courier->wake >= 0) {
        close(courier->wake);
    }
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}
