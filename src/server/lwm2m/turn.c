#include "server/lwm2m/turn.h"

#include "server/coap/udp.h"
#include "server/deadline.h"
#include "server/lwm2m/capability.h"
#include "server/secret.h"
#include "server/server.h"
#include "server/store_shared.h"
#include "server/sync.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MAX 500 /* commands of other servers in one look */

struct ud_lwm2m_turn {
    struct ud_server *server;
    bool shared;                      /* other servers can have the ports */
    bool has_ports;                   /* some are configured */
    char holder[UD_HOLDER_CHARS + 1]; /* this process, in the lease */
    char listen[2][UD_ADDRESS_BYTES_MAX];
    uint8_t secret[UD_CAPABILITY_SECRET_BYTES];
    uint64_t lease_ms;
    pthread_t thread;
    bool running;
    /* of the thread, and of who opens, stops and closes */
    int64_t fence;
    uint64_t asked_ms;    /* for the lease, last; by ud_udp_clock_ms() */
    uint64_t until_ms;    /* we may answer so long */
    ud_err said;          /* why there is no turn; the log was told of it */
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    struct ud_lwm2m *lwm2m; /* NULL: it is not our turn */
    int64_t after;          /* commands up to this one are known */
    uint64_t taken_count;
    uint64_t lost_count;
    bool ending;
    bool claimed; /* the job has come back */
    ud_err result;
    /* of the claim; the writer thread has it between submit and done */
    struct ud_job job;
    int64_t given;
};

static struct ud_lwm2m_turn *turn_of(struct ud_job *job)
{
    return (struct ud_lwm2m_turn *)(void *)((char *)job - offsetof(struct ud_lwm2m_turn, job));
}

/* --- the lease */

static ud_err run_claim(struct ud_job *job, struct ud_store *store)
{
    struct ud_lwm2m_turn *turn = turn_of(job);
    return ud_store_lease_take(store, UD_LEASE_COAP, turn->holder, (int64_t)turn->lease_ms, &turn->given);
}

static void claim_done(struct ud_job *job, ud_err err)
{
    struct ud_lwm2m_turn *turn = turn_of(job);
    pthread_mutex_lock(&turn->lock);
    turn->result = err;
    turn->claimed = true;
    pthread_cond_signal(&turn->changed);
    pthread_mutex_unlock(&turn->lock);
}

static uint64_t renew_ms(const struct ud_lwm2m_turn *turn)
{
    return turn->lease_ms / 5;
}

/* Wait, with the lock held, for a signal at most so long. False: the time is over. */
static bool await_signal(struct ud_lwm2m_turn *turn, uint64_t wait_ms)
{
    const struct timespec until = ud_deadline_in(wait_ms);
    return pthread_cond_timedwait(&turn->changed, &turn->lock, &until) == 0;
}

static uint64_t left_ms(const struct ud_lwm2m_turn *turn)
{
    const uint64_t now_ms = ud_udp_clock_ms();
    return turn->until_ms > now_ms ? turn->until_ms - now_ms : 0;
}

/*
 * Ask for the lease, or for more of it. While it is our turn this waits for the database no longer than the turn lasts:
 * UD_ERR_TIMEOUT then, and the job is still away.
 */
static ud_err claim(struct ud_lwm2m_turn *turn, bool bounded)
{
    const uint64_t asked_ms = ud_udp_clock_ms();
    turn->asked_ms = asked_ms;
    turn->claimed = false;
    turn->job = (struct ud_job){.run = run_claim, .done = claim_done};
    ud_err err = ud_writer_submit(turn->server->writer, &turn->job);
    if (err != UD_OK) {
        turn->claimed = true;
        return err;
    }
    pthread_mutex_lock(&turn->lock);
    while (!turn->claimed && (!bounded || left_ms(turn) > 0)) {
        (void)await_signal(turn, bounded ? left_ms(turn) : turn->lease_ms);
    }
    err = turn->claimed ? turn->result : UD_ERR_TIMEOUT;
    pthread_mutex_unlock(&turn->lock);
    if (err == UD_OK) {
        turn->until_ms = asked_ms + turn->lease_ms - turn->lease_ms / 10;
    }
    return err;
}

/* So that nothing of an earlier claim is still away. */
static void await_claim(struct ud_lwm2m_turn *turn)
{
    pthread_mutex_lock(&turn->lock);
    while (!turn->claimed) {
        (void)await_signal(turn, turn->lease_ms);
    }
    pthread_mutex_unlock(&turn->lock);
}

static ud_err run_drop(struct ud_job *job, struct ud_store *store)
{
    return ud_store_lease_drop(store, UD_LEASE_COAP, turn_of(job)->fence);
}

static void drop(struct ud_lwm2m_turn *turn)
{
    await_claim(turn);
    (void)ud_writer_run(turn->server->writer, run_drop, &turn->job);
}

/* --- take over, and give up */

/* While registrations are loaded, which may take longer than a lease lasts. */
static ud_err keep(void *ctx)
{
    struct ud_lwm2m_turn *turn = ctx;
    if (ud_udp_clock_ms() - turn->asked_ms < renew_ms(turn)) {
        return UD_OK;
    }
    const ud_err err = claim(turn, false);
    return err == UD_OK && turn->given != turn->fence ? UD_ERR_LEASE : err;
}

static ud_err read_newest(struct ud_lwm2m_turn *turn)
{
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(turn->server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_command_newest(store, &turn->after);
        ud_store_pool_give(turn->server->readers, store);
    }
    return err;
}

/* Not again at another one, where any free port was asked for: devices and people know this one. */
static void keep_port(struct ud_lwm2m_turn *turn, const struct ud_lwm2m *lwm2m)
{
    for (int i = 0; i < 2; i++) {
        const char *colon = strrchr(turn->listen[i], ':');
        const int host = colon == NULL ? 0 : (int)(colon - turn->listen[i]);
        char text[UD_ADDRESS_BYTES_MAX];
        if (colon != NULL && snprintf(text, sizeof text, "%.*s:%u", host, turn->listen[i],
                                      ud_lwm2m_port(lwm2m, i == 1)) < (int)sizeof text) {
            memcpy(turn->listen[i], text, sizeof text);
        }
    }
}

static void count_turn(struct ud_lwm2m_turn *turn, struct ud_lwm2m *lwm2m)
{
    pthread_mutex_lock(&turn->lock);
    turn->lwm2m = lwm2m;
    turn->taken_count++;
    pthread_mutex_unlock(&turn->lock);
}

/* The lease is ours: bind and load. On an error it is not our turn. */
static ud_err open_turn(struct ud_lwm2m_turn *turn, struct ud_lwm2m **out)
{
    struct ud_lwm2m_given given = {.server = turn->server,
                                   .coap = turn->listen[0],
                                   .coaps = turn->listen[1],
                                   .fence = turn->shared ? turn->fence : 0,
                                   .keep = turn->shared ? keep : NULL,
                                   .ctx = turn};
    memcpy(given.secret, turn->secret, sizeof given.secret);
    ud_err err =
        turn->shared ? read_newest(turn) : UD_OK; /* before what waits is loaded: rather twice than never */
    err = err == UD_OK ? ud_lwm2m_open(out, &given) : err;
    ud_wipe(given.secret, sizeof given.secret);
    if (err == UD_OK) {
        keep_port(turn, *out);
        if (turn->shared) {
            (void)ud_lwm2m_until(*out, turn->until_ms);
        }
    }
    return err;
}

static void say(struct ud_lwm2m_turn *turn, ud_log_level level, const char *what, ud_err err)
{
    char fence[24];
    ud_log_event(&turn->server->log, level, "coap-lease", "what", what, "number",
                 ud_log_int(fence, turn->fence), "error", err == UD_OK ? NULL : ud_err_name(err), NULL);
}

static void take_over(struct ud_lwm2m_turn *turn)
{
    struct ud_lwm2m *lwm2m = NULL;
    ud_err err = claim(turn, false);
    if (err != UD_OK) {
        if (err != UD_ERR_LEASE && err != turn->said) {
            say(turn, UD_LOG_WARN, "not-taken", err);
        }
        turn->said = err;
        return;
    }
    turn->fence = turn->given;
    err = open_turn(turn, &lwm2m);
    err = err == UD_OK ? ud_lwm2m_start(lwm2m) : err;
    if (err != UD_OK) { /* another server may be able to */
        ud_lwm2m_close(lwm2m);
        drop(turn);
        if (err != turn->said) {
            say(turn, UD_LOG_ERROR, "not-opened", err);
        }
        turn->said = err;
        return;
    }
    turn->said = UD_OK;
    count_turn(turn, lwm2m);
    say(turn, UD_LOG_INFO, "taken", UD_OK);
    (void)ud_server_write_listen_file(turn->server);
}

static void step_down(struct ud_lwm2m_turn *turn, ud_err err)
{
    pthread_mutex_lock(&turn->lock);
    struct ud_lwm2m *lwm2m = turn->lwm2m;
    turn->lwm2m = NULL;
    turn->lost_count++;
    pthread_mutex_unlock(&turn->lock);
    ud_lwm2m_stop(lwm2m);
    say(turn, UD_LOG_WARN, "lost", err);
    (void)ud_server_write_listen_file(turn->server);
    ud_lwm2m_settle(lwm2m); /* the database may be away: this takes as long as it does */
    ud_lwm2m_close(lwm2m);
    await_claim(turn);
}

/* An unbroken lease keeps its number. Where the database is away, the turn goes on for as long as it was given. */
static void renew(struct ud_lwm2m_turn *turn)
{
    ud_err err = claim(turn, true);
    if (err == UD_OK && turn->given != turn->fence) {
        err = UD_ERR_LEASE;
    }
    if (err == UD_OK) {
        err = ud_lwm2m_until(turn->lwm2m, turn->until_ms) ? UD_OK : UD_ERR_TIMEOUT;
    }
    if (err == UD_OK) {
        return;
    }
    if (err == UD_ERR_TIMEOUT || err == UD_ERR_LEASE || left_ms(turn) == 0) {
        step_down(turn, err);
    }
}

static bool pause_is_over(struct ud_lwm2m_turn *turn, uint64_t wait_ms)
{
    pthread_mutex_lock(&turn->lock);
    if (!turn->ending && wait_ms > 0) {
        (void)await_signal(turn, wait_ms);
    }
    const bool ending = turn->ending;
    pthread_mutex_unlock(&turn->lock);
    return !ending;
}

static void *turn_thread(void *ctx)
{
    struct ud_lwm2m_turn *turn = ctx;
    bool first = turn->lwm2m != NULL;
    while (pause_is_over(turn, first ? 0 : renew_ms(turn))) {
        first = false;
        if (turn->lwm2m == NULL) {
            take_over(turn);
        } else {
            renew(turn);
        }
    }
    return NULL;
}

/* --- what others tell */

void ud_turn_poke(struct ud_lwm2m_turn *turn, int64_t device)
{
    if (turn != NULL) {
        pthread_mutex_lock(&turn->lock);
        if (turn->lwm2m != NULL) { /* else it is found at the take-over */
            ud_lwm2m_poke(turn->lwm2m, device);
        }
        pthread_mutex_unlock(&turn->lock);
    }
}

static void fleet_changed(void *ctx, int64_t device)
{
    ud_turn_poke(ctx, device);
}

struct looking {
    int64_t devices[LOOK_MAX];
    size_t count;
};

static void command_came(void *ctx, int64_t device)
{
    struct looking *looking = ctx;
    looking->devices[looking->count++] = device;
}

/* From where on to look; false: it is not our turn. */
static bool known_until(struct ud_lwm2m_turn *turn, int64_t *after)
{
    pthread_mutex_lock(&turn->lock);
    const bool ours = turn->lwm2m != NULL;
    if (ours) {
        *after = turn->after;
    }
    pthread_mutex_unlock(&turn->lock);
    return ours;
}

/* Commands that other servers took. */
static void look(void *ctx, struct ud_store *store)
{
    struct ud_lwm2m_turn *turn = ctx;
    struct looking looking = {.count = LOOK_MAX};
    int64_t after = 0;
    while (looking.count == LOOK_MAX && known_until(turn, &after)) {
        int64_t newest = after;
        looking.count = 0;
        if (ud_store_command_since(store, &newest, LOOK_MAX, command_came, &looking) != UD_OK) {
            return;
        }
        pthread_mutex_lock(&turn->lock);
        if (turn->lwm2m != NULL && turn->after == after) { /* else another turn began, and knows them */
            turn->after = newest;
            for (size_t i = 0; i < looking.count; i++) {
                ud_lwm2m_poke(turn->lwm2m, looking.devices[i]);
            }
        }
        pthread_mutex_unlock(&turn->lock);
    }
}

/* --- open and close */

static ud_err is_shared(struct ud_server *server, bool *shared)
{
    struct ud_store *store = NULL;
    const ud_err err = ud_store_pool_take(server->readers, &store);
    if (err == UD_OK) {
        *shared = ud_store_is_shared(store);
        ud_store_pool_give(server->readers, store);
    }
    return err;
}

static ud_err make(struct ud_lwm2m_turn **out, struct ud_server *server, bool shared)
{
    struct ud_lwm2m_turn *turn = calloc(1, sizeof *turn);
    if (turn == NULL) {
        return UD_ERR_MEMORY;
    }
    turn->server = server;
    turn->shared = shared;
    turn->claimed = true;
    turn->lease_ms = server->config.coap_lease_s * 1000;
    turn->has_ports = server->config.listen_coap[0] != '\0' || server->config.listen_coaps[0] != '\0';
    memcpy(turn->listen[0], server->config.listen_coap, sizeof turn->listen[0]);
    memcpy(turn->listen[1], server->config.listen_coaps, sizeof turn->listen[1]);
    pthread_mutex_init(&turn->lock, NULL);
    ud_deadline_cond_init(&turn->changed);
    *out = turn;
    return ud_secret_make(turn->holder, UD_HOLDER_CHARS);
}

/* Ours from the start, when nobody has it: what is wrong with the settings is said at once. */
static ud_err open_first(struct ud_lwm2m_turn *turn)
{
    struct ud_lwm2m *lwm2m = NULL;
    ud_err err = turn->shared ? claim(turn, false) : UD_OK;
    if (err != UD_OK) {
        return err == UD_ERR_LEASE ? UD_OK : err;
    }
    turn->fence = turn->given;
    err = open_turn(turn, &lwm2m);
    if (err == UD_OK) {
        count_turn(turn, lwm2m);
    } else if (turn->shared) {
        drop(turn);
    }
    return err;
}

ud_err ud_turn_open(struct ud_lwm2m_turn **out, struct ud_server *server)
{
    struct ud_lwm2m_turn *turn = NULL;
    bool shared = false;
    ud_err err = is_shared(server, &shared);
    *out = NULL;
    if (err != UD_OK ||
        (!shared && server->config.listen_coap[0] == '\0' && server->config.listen_coaps[0] == '\0')) {
        return err;
    }
    err = make(&turn, server, shared);
    err = err == UD_OK ? ud_capability_secret(server, shared, turn->secret) : err;
    err = err == UD_OK && turn->has_ports ? open_first(turn) : err;
    if (err != UD_OK) {
        ud_turn_close(turn);
        return err;
    }
    *out = turn;
    return UD_OK;
}

ud_err ud_turn_start(struct ud_lwm2m_turn *turn)
{
    if (turn == NULL || !turn->has_ports) {
        return UD_OK;
    }
    ud_fleet_watch(turn->server->fleet, fleet_changed, turn);
    ud_sync_watch(turn->server->sync, look, turn);
    const ud_err err = turn->lwm2m == NULL ? UD_OK : ud_lwm2m_start(turn->lwm2m);
    if (err == UD_OK && turn->shared) {
        turn->running = pthread_create(&turn->thread, NULL, turn_thread, turn) == 0;
    }
    return err == UD_OK && turn->shared && !turn->running ? UD_ERR_MEMORY : err;
}

void ud_turn_stop(struct ud_lwm2m_turn *turn)
{
    if (turn == NULL) {
        return;
    }
    pthread_mutex_lock(&turn->lock);
    turn->ending = true;
    pthread_cond_broadcast(&turn->changed);
    pthread_mutex_unlock(&turn->lock);
    if (turn->running) {
        pthread_join(turn->thread, NULL);
        turn->running = false;
    }
    if (turn->lwm2m != NULL) {
        ud_lwm2m_stop(turn->lwm2m);
        if (turn->shared) {
            drop(turn);
        }
    }
}

void ud_turn_close(struct ud_lwm2m_turn *turn)
{
    if (turn == NULL) {
        return;
    }
    ud_fleet_watch(turn->server->fleet, NULL, NULL);
    ud_sync_watch(turn->server->sync, NULL, NULL);
    ud_lwm2m_close(turn->lwm2m);
    ud_wipe(turn->secret, sizeof turn->secret);
    pthread_cond_destroy(&turn->changed);
    pthread_mutex_destroy(&turn->lock);
    free(turn);
}

/* --- asked by others */

ud_err ud_turn_is_served(const struct ud_lwm2m_turn *turn, struct ud_store *store)
{
    if (turn->has_ports) {
        return UD_OK;
    }
    const ud_err err = ud_store_lease_is_known(store, UD_LEASE_COAP);
    return err == UD_ERR_NOT_FOUND ? UD_ERR_STATE : err;
}

void ud_turn_listening(struct ud_lwm2m_turn *turn, struct ud_json *json)
{
    if (turn != NULL) {
        pthread_mutex_lock(&turn->lock);
        if (turn->lwm2m != NULL) {
            ud_lwm2m_listening(turn->lwm2m, json);
        }
        pthread_mutex_unlock(&turn->lock);
    }
}

void ud_turn_ports(struct ud_lwm2m_turn *turn, uint16_t ports[2])
{
    ports[0] = ports[1] = 0;
    if (turn != NULL) {
        pthread_mutex_lock(&turn->lock);
        for (int i = 0; i < 2 && turn->lwm2m != NULL; i++) {
            ports[i] = ud_lwm2m_port(turn->lwm2m, i == 1);
        }
        pthread_mutex_unlock(&turn->lock);
    }
}

void ud_turn_metrics(struct ud_lwm2m_turn *turn, struct ud_text *text)
{
    if (turn == NULL || !turn->has_ports) {
        return;
    }
    pthread_mutex_lock(&turn->lock);
    ud_text_metric(text, "updraft_coap_lease_held", turn->lwm2m != NULL);
    ud_text_metric(text, "updraft_coap_lease_taken_total", turn->taken_count);
    ud_text_metric(text, "updraft_coap_lease_lost_total", turn->lost_count);
    if (turn->lwm2m != NULL) {
        ud_lwm2m_metrics(turn->lwm2m, text);
    }
    pthread_mutex_unlock(&turn->lock);
}

ud_err ud_turn_capability(const struct ud_lwm2m_turn *turn, const char *text, int64_t *device, int32_t *release)
{
    return turn == NULL ? UD_ERR_NOT_FOUND : ud_capability_read(turn->secret, text, device, release);
}
