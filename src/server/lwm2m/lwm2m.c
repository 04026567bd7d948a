/* Open, load, close; what other threads post. */
#include "server/lwm2m/lwm2m.h"

#include "server/lwm2m/enrol.h"
#include "server/lwm2m/hub.h"
#include "server/tls.h"

#include <stdio.h>
#include <stdlib.h>

#define THIN_MS 600000 /* between two looks at values that are old */
#define THIN_HOURS_MAX 2000
#define DAY_MS INT64_C(86400000)
#define BEGIN_SPREAD 1 /* ms between two devices that are spoken to after a start */

static void choose_host(struct ud_lwm2m *lw, const struct ud_lwm2m_given *given)
{
    const struct ud_config *config = &lw->server->config;
    const char *listen = given->coaps[0] != '\0' ? given->coaps : given->coap;
    char host[UD_ADDRESS_BYTES_MAX] = "";
    uint16_t port;
    const bool own = ud_config_address(listen, host, &port) == UD_OK;
    const bool any = !own || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    if (config->coap_host[0] != '\0') {
        snprintf(lw->host, sizeof lw->host, "%s", config->coap_host);
    } else if (!any) {
        snprintf(lw->host, sizeof lw->host, listen[0] == '[' ? "[%.100s]" : "%.100s", host);
    } else {
        const size_t len = strcspn(config->names, ",");
        snprintf(lw->host, sizeof lw->host, "%.*s", len == 0 || len > 100 ? 9 : (int)len,
                 len == 0 || len > 100 ? "localhost" : config->names);
    }
}

/* --- registrations of before */

struct loading {
    struct ud_lwm2m *lw;
    const struct ud_lwm2m_given *given;
    uint64_t at_ms;
    int64_t *unknown; /* devices that are not in the fleet here: known to other servers a moment ago */
    size_t unknown_count;
    ud_err err;
};

static void note_unknown(struct loading *loading, int64_t device)
{
    int64_t *more = realloc(loading->unknown, (loading->unknown_count + 1) * sizeof *more);
    if (more == NULL) {
        loading->err = UD_ERR_MEMORY;
        return;
    }
    loading->unknown = more;
    more[loading->unknown_count++] = device;
}

static void load_one(void *ctx, const struct ud_row_lwm2m_registration *row)
{
    struct loading *loading = ctx;
    struct ud_lwm2m *lw = loading->lw;
    struct ud_fleet_device device;
    if (loading->err == UD_OK && loading->given->keep != NULL) {
        loading->err = loading->given->keep(loading->given->ctx);
    }
    if (loading->err != UD_OK) {
        return;
    }
    if (ud_fleet_get(lw->server->fleet, row->device, &device) != UD_OK) {
        note_unknown(loading, row->device);
        return;
    }
    struct ud_reg *reg = ud_reg_from_row(lw, row, device.name);
    if (reg == NULL) {
        loading->err = UD_ERR_MEMORY;
        return;
    }
    if ((reg->mode == UD_SECURITY_NONE || reg->mode == UD_SECURITY_OSCORE) &&
        !reg->queue) { /* reachable as it is; others when they are heard */
        loading->at_ms += BEGIN_SPREAD;
        reg->quiet_until_ms = loading->at_ms;
    }
    ud_fleet_lives(lw->server->fleet, reg->device, reg->lifetime_s == 0 ? UINT32_MAX : reg->lifetime_s);
    ud_reg_arm(lw, reg);
}

static void load_waiting(void *ctx, int64_t device)
{
    struct ud_lwm2m *lw = ctx;
    struct ud_reg *reg = ud_regs_by_device(&lw->regs, device);
    if (reg != NULL) {
        reg->commands = true;
    }
}

static void load_watched(void *ctx, int64_t device)
{
    struct ud_lwm2m *lw = ctx;
    struct ud_reg *reg = ud_regs_by_device(&lw->regs, device);
    if (reg != NULL) {
        reg->watched = true;
    }
}

/*
 * A device can have registered at another server just before that died: the fleet here has not heard of it yet. One that
 * is not in the store either was removed.
 */
static ud_err load_unknown(struct loading *loading, struct ud_store *store)
{
    const size_t count = loading->unknown_count;
    struct ud_row_device *row = count == 0 ? NULL : malloc(sizeof *row);
    ud_err err = count > 0 && row == NULL ? UD_ERR_MEMORY : UD_OK;
    for (size_t i = 0; i < count && err == UD_OK; i++) {
        const int64_t device = loading->unknown[i];
        err = ud_store_device_get(store, device, row);
        if (err == UD_OK) {
            err = ud_fleet_put(loading->lw->server->fleet, row);
            err = err == UD_OK ? ud_store_lwm2m_registration_list(store, device, load_one, loading) : err;
            err = err == UD_OK ? loading->err : err;
        }
        err = err == UD_ERR_NOT_FOUND ? UD_OK : err;
    }
    free(row);
    return err;
}

static ud_err load(struct ud_lwm2m *lw, const struct ud_lwm2m_given *given)
{
    struct loading loading = {
        .lw = lw, .given = given, .at_ms = ud_endpoint_now_ms(lw->endpoint) + UD_QUIET_MS};
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err != UD_OK) {
        return err;
    }
    err = ud_store_lwm2m_registration_list(store, 0, load_one, &loading);
    err = err == UD_OK ? loading.err : err;
    err = err == UD_OK ? load_unknown(&loading, store) : err;
    err = err == UD_OK ? ud_store_command_devices(store, load_waiting, lw) : err;
    err = err == UD_OK ? ud_store_watch_devices(store, load_watched, lw) : err;
    ud_store_pool_give(lw->server->readers, store);
    free(loading.unknown);
    return err;
}

/* --- old values */

struct thinning {
    struct ud_later later; /* first */
    bool done;
};

static ud_err thin(struct ud_later *later, struct ud_store *store)
{
    struct thinning *thinning = (struct thinning *)(void *)later;
    const struct ud_config *config = &later->lw->server->config;
    const int64_t now_ms = ud_server_now_ms();
    return ud_store_value_thin(store, now_ms - (int64_t)config->values_fine_days * DAY_MS,
                               now_ms - (int64_t)config->values_days * DAY_MS, THIN_HOURS_MAX, &thinning->done);
}

static void thinned(struct ud_later *later)
{
    const struct thinning *thinning = (const struct thinning *)(const void *)later;
    struct ud_lwm2m *lw = later->lw;
    ud_timer_set(ud_endpoint_timers(lw->endpoint), &lw->thinning,
                 ud_endpoint_now_ms(lw->endpoint) + (later->err == UD_OK && !thinning->done ? 1000 : THIN_MS));
}

static void thin_due(struct ud_timer *timer, void *ctx)
{
    struct ud_lwm2m *lw = ud_lwm2m_of(ctx);
    struct thinning *thinning = calloc(1, sizeof *thinning);
    ud_timer_set(ud_endpoint_timers(lw->endpoint), timer, ud_endpoint_now_ms(lw->endpoint) + THIN_MS);
    if (thinning != NULL) {
        thinning->later.run = thin;
        thinning->later.finish = thinned;
        (void)ud_later_begin(&thinning->later, lw, NULL);
    }
}

/* --- open and close */

#define HOURS_FROM_MS INT64_C(1704067200000) /* 2024 */
#define HOUR_MS INT64_C(3600000)

struct running {
    struct ud_job job; /* first */
    uint32_t least;
    int64_t run;
};

static ud_err begin_run(struct ud_job *job, struct ud_store *store)
{
    struct running *running = (struct running *)(void *)job;
    return ud_store_lwm2m_run(store, running->least, &running->run);
}

/* OSCORE's numbers of this run begin where none did before, also when the database is from a backup: not below the hour. */
static ud_err take_run(struct ud_lwm2m *lw, uint32_t *run)
{
    const int64_t hours = (ud_server_now_ms() - HOURS_FROM_MS) / HOUR_MS;
    struct running running = {.least = hours < 1 ? 1 : (uint32_t)hours};
    const ud_err err = ud_writer_run(lw->server->writer, begin_run, &running.job);
    if (err == UD_OK && running.run > UD_GUARD_RUN_MAX) {
        return UD_ERR_OSCORE_SPENT;
    }
    *run = (uint32_t)running.run;
    return err;
}

static ud_err open_endpoint(struct ud_lwm2m *lw, const struct ud_lwm2m_given *given)
{
    const struct ud_config *config = &lw->server->config;
    struct ud_tls tls = {.cert = {.ptr = NULL}};
    struct ud_endpoint_handler handler = ud_lwm2m_handler;
    struct ud_endpoint_config endpoint = {.coap = given->coap,
                                          .coaps = given->coaps,
                                          .ca = config->coap_ca,
                                          .keys = ud_enrol_keys,
                                          .guards = ud_enrol_oscore,
                                          .remotes_max = (uint32_t)config->coap_peers_max,
                                          .sessions_max = (uint32_t)config->coap_sessions_max};
    ud_err err = UD_OK;
    handler.ctx = lw;
    endpoint.keys.ctx = lw;
    endpoint.guards.ctx = lw;
    if (given->coap[0] != '\0') {
        err = take_run(lw, &endpoint.run);
    }
    if (err == UD_OK && given->coaps[0] != '\0') {
        err = ud_tls_load(&tls, config, ud_server_now_ms() / 1000);
        endpoint.cert = tls.cert.ptr;
        endpoint.key = tls.key.ptr;
    }
    err = err == UD_OK ? ud_endpoint_open(&lw->endpoint, &endpoint, &handler) : err;
    ud_tls_free(&tls);
    return err;
}

ud_err ud_lwm2m_open(struct ud_lwm2m **out, const struct ud_lwm2m_given *given)
{
    struct ud_lwm2m *lw = calloc(1, sizeof *lw);
    *out = NULL;
    if (lw == NULL) {
        return UD_ERR_MEMORY;
    }
    lw->server = given->server;
    lw->fence = given->fence;
    memcpy(lw->secret, given->secret, sizeof lw->secret);
    ud_err err = ud_regs_init(&lw->regs);
    err = err == UD_OK ? ud_fw_open(lw) : err;
    err = err == UD_OK ? open_endpoint(lw, given) : err;
    if (err == UD_OK) {
        struct ud_address address;
        lw->port[0] = ud_endpoint_bound(lw->endpoint, false, &address) ? address.port : 0;
        lw->port[1] = ud_endpoint_bound(lw->endpoint, true, &address) ? address.port : 0;
        choose_host(lw, given);
        lw->thinning.due = thin_due;
        err = ud_timers_reserve(ud_endpoint_timers(lw->endpoint));
    }
    err = err == UD_OK ? load(lw, given) : err;
    err = err == UD_OK ? ud_proxy_open(lw) : err;
    if (err != UD_OK) {
        ud_lwm2m_close(lw);
        return err;
    }
    ud_timer_set(ud_endpoint_timers(lw->endpoint), &lw->thinning, ud_endpoint_now_ms(lw->endpoint) + 1000);
    *out = lw;
    return UD_OK;
}

ud_err ud_lwm2m_start(struct ud_lwm2m *lw)
{
    return ud_endpoint_start(lw->endpoint);
}

bool ud_lwm2m_until(struct ud_lwm2m *lw, uint64_t until_ms)
{
    return ud_endpoint_until(lw->endpoint, until_ms);
}

void ud_lwm2m_stop(struct ud_lwm2m *lw)
{
    ud_endpoint_stop(lw->endpoint);
    ud_endpoint_shut(lw->endpoint);
    ud_proxy_stop(lw);
}

void ud_lwm2m_settle(struct ud_lwm2m *lw)
{
    lw->ending = true;
    while (lw->later_count > 0) {
        ud_endpoint_await_mail(lw->endpoint);
    }
}

void ud_lwm2m_close(struct ud_lwm2m *lw)
{
    if (lw == NULL) {
        return;
    }
    lw->ending = true;
    ud_proxy_stop(lw);
    if (lw->endpoint != NULL) {
        ud_endpoint_stop(lw->endpoint);
        ud_proxy_close(lw);
        ud_endpoint_drain_mail(lw->endpoint); /* what was committed is known; nobody is answered any more */
        size_t from = 0;
        for (struct ud_reg *reg = ud_regs_any(&lw->regs, &from); reg != NULL;
             reg = ud_regs_any(&lw->regs, &from)) {
            ud_reg_end(lw, reg);
        }
        ud_endpoint_close(lw->endpoint);
    }
    ud_lwm2m_forget_bodies(lw);
    ud_fw_close(lw);
    ud_regs_free(&lw->regs);
    memset(lw->secret, 0, sizeof lw->secret);
    free(lw);
}

/* --- from other threads */

struct poke {
    struct ud_mail mail;
    int64_t device;
};

static void poked(struct ud_mail *mail, void *ctx)
{
    struct poke *poke = (struct poke *)(void *)mail;
    struct ud_lwm2m *lw = ctx;
    struct ud_fleet_device device;
    struct ud_reg *reg = ud_regs_by_device(&lw->regs, poke->device);
    free(poke);
    if (reg == NULL) {
        return;
    }
    if (ud_fleet_get(lw->server->fleet, reg->device, &device) != UD_OK) {
        ud_reg_end(lw, reg); /* removed by an operator */
        return;
    }
    reg->commands = true;
    if (!reg->fresh) { /* else all of it is looked at when the device is heard */
        ud_upgrade_look(lw, reg);
        ud_commands_next(lw, reg);
    }
}

void ud_lwm2m_poke(struct ud_lwm2m *lw, int64_t device)
{
    struct poke *poke = malloc(sizeof *poke);
    if (poke != NULL) { /* else it is found with the device's next Register */
        *poke = (struct poke){{.run = poked}, device};
        ud_endpoint_post(lw->endpoint, &poke->mail);
    }
}

uint16_t ud_lwm2m_port(const struct ud_lwm2m *lw, bool secure)
{
    return lw->port[secure];
}

void ud_lwm2m_listening(const struct ud_lwm2m *lw, struct ud_json *json)
{
    static const char *const schemes[] = {"coap", "coaps"};
    for (int i = 0; i < 2; i++) {
        char url[UD_ADDRESS_BYTES_MAX + 24];
        if (lw->port[i] == 0) {
            continue;
        }
        snprintf(url, sizeof url, "%s://%s:%u", schemes[i], lw->host, lw->port[i]);
        ud_json_open(json, schemes[i], '{');
        ud_json_string(json, "url", url);
        ud_json_close(json, '}');
        ud_log_event(&lw->server->log, UD_LOG_INFO, "listening", "listener", schemes[i], "url", url, NULL);
    }
}

void ud_lwm2m_metrics(struct ud_lwm2m *lw, struct ud_text *text)
{
    struct ud_endpoint_stats stats;
    ud_endpoint_stats(lw->endpoint, &stats);
    ud_text_metric(text, "updraft_coap_datagrams_total", stats.received);
    ud_text_metric(text, "updraft_coap_datagrams_refused_total", stats.refused);
    ud_text_metric(text, "updraft_oscore_names_not_looked_up_total", stats.not_looked_up);
    ud_text_metric(text, "updraft_dtls_handshakes_total{result=\"done\"}", stats.handshakes);
    ud_text_metric(text, "updraft_dtls_handshakes_total{result=\"failed\"}", stats.handshakes_failed);
    ud_text_metric(text, "updraft_coap_peers", stats.remotes);
    ud_text_metric(text, "updraft_dtls_sessions", stats.sessions);
}
