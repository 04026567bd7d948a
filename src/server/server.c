#include "server/server.h"

#include "server/announce.h"
#include "server/artifacts.h"
#include "server/client_cert.h"
#include "server/downloads.h"
#include "server/handlers.h"
#include "server/hooks.h"
#include "server/hub.h"
#include "server/lwm2m/turn.h"
#include "server/mqtt/courier.h"
#include "server/object_store.h"
#include "server/patches.h"
#include "server/scheduler.h"
#include "server/sign_in.h"
#include "server/store_events.h"
#include "server/store_shared.h"
#include "server/sync.h"
#include "server/tenants.h"
#include "server/throttle.h"
#include "server/tls.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_MS 5000
#define SEEN_BATCH 1024
#define FORGET_BATCH 5000
#define EVENTS_KEPT_MS (INT64_C(7) * 24 * 3600 * 1000)
#define LOAD_PAGE 1000
#define MINUTE_MS (INT64_C(60) * 1000)
#define WRONG_PASSWORDS_MAX 10 /* for one account from one address, in 15 minutes */

int64_t ud_server_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

ud_err ud_server_tenant(const struct ud_server *server, const char *name, int64_t *tenant)
{
    return ud_tenants_find(server->tenants, name, tenant);
}

void ud_refresh_fleet(struct ud_call *call, const struct ud_row_device *row)
{
    if (ud_fleet_put(call->server->fleet, row) != UD_OK) {
        /* the commit stands; the device is found again at the next start */
        ud_log_event(&call->server->log, UD_LOG_ERROR, "fleet", "device", row->name, "error",
                     ud_err_name(UD_ERR_MEMORY), NULL);
    }
}

static void complain(void *ctx, ud_err err, const char *words)
{
    const struct ud_server *server = ctx;
    ud_log_event(&server->log, UD_LOG_ERROR, "store", "error", ud_err_name(err), "words", words, NULL);
}

static ud_err fail(const struct ud_server *server, const char *step, ud_err err)
{
    if (err != UD_OK) {
        ud_log_event(&server->log, UD_LOG_ERROR, "start", "step", step, "error", ud_err_name(err), "message",
                     ud_err_text(err), NULL);
    }
    return err;
}

/* --- the state folder */

/* Made with its parents for us alone, and one process at a time works in it. */
static ud_err take_folder(struct ud_server *server)
{
    char path[UD_PATH_BYTES_MAX];
    ud_err err = ud_folder_make(server->config.state, 0700);
    err = err == UD_OK ? ud_path_join(path, server->config.state, "lock") : err;
    if (err != UD_OK) {
        return err;
    }
    server->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (server->lock < 0) {
        return UD_ERR_IO;
    }
    return flock(server->lock, LOCK_EX | LOCK_NB) == 0 ? UD_OK : UD_ERR_BUSY;
}

struct load {
    struct ud_job job;
    struct ud_server *server;
    int64_t after;
    uint32_t count;
    int64_t newest;
    ud_err err;
};

static void load_device(void *ctx, const struct ud_row_device *row)
{
    struct load *load = ctx;
    load->after = row->id;
    load->count++;
    load->err = load->err == UD_OK ? ud_fleet_put(load->server->fleet, row) : load->err;
}

static ud_err load_fleet(struct ud_job *job, struct ud_store *store)
{
    struct load *load = (struct load *)(void *)job;
    ud_err err =
        ud_store_changes_newest(store, &load->newest); /* first: what changes meanwhile is read again */
    err = err == UD_OK ? ud_tenants_load(load->server->tenants, store) : err;
    while (err == UD_OK) {
        load->count = 0;
        err = ud_store_device_walk(store, load->after, LOAD_PAGE, load_device, load);
        if (load->err != UD_OK || load->count < LOAD_PAGE) {
            break;
        }
    }
    return err == UD_OK ? load->err : err;
}

/* --- the first token */

struct first_token {
    struct ud_job job;
    struct ud_row_person person;
    struct ud_row_token row;
};

static ud_err add_first_token(struct ud_job *job, struct ud_store *store)
{
    struct first_token *first = (struct first_token *)(void *)job;
    uint32_t count = 0;
    ud_err err = ud_store_token_count(store, &count);
    if (err != UD_OK || count > 0) {
        return err == UD_OK ? UD_ERR_CONFLICT : err;
    }
    err = ud_store_person_add(store, &first->person);
    first->row.person = first->person.id;
    return err == UD_OK ? ud_store_token_add(store, &first->row) : err;
}

static ud_err count_tokens(struct ud_server *server, uint32_t *count)
{
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_token_count(store, count);
        ud_store_pool_give(server->readers, store);
    }
    return err;
}

/* The file first: a token that is in the store but in no file would lock everybody out. */
static ud_err make_first_token(struct ud_server *server)
{
    const int64_t now_ms = ud_server_now_ms();
    struct first_token first = {
        .person = {.tenant = UD_TENANT_DEFAULT,
                   .name = "admin",
                   .service = true,
                   .roles = UD_ROLE_OWNER,
                   .created_ms = now_ms},
        .row = {.tenant = UD_TENANT_DEFAULT, .label = "admin", .roles = UD_ROLES_ALL, .created_ms = now_ms}};
    char path[UD_PATH_BYTES_MAX];
    char token[UD_ADMIN_TOKEN_CHARS + 2];
    uint32_t count = 0;
    ud_err err = count_tokens(server, &count);
    if (err != UD_OK || count > 0) {
        return err;
    }
    err = ud_secret_make(token, UD_ADMIN_TOKEN_CHARS);
    const struct ud_bytes secret = {(const uint8_t *)token, UD_ADMIN_TOKEN_CHARS};
    err = err == UD_OK ? ud_secret_hash(secret, first.row.hash) : err;
    memcpy(token + UD_ADMIN_TOKEN_CHARS, "\n", 2);
    err = err == UD_OK ? ud_path_join(path, server->config.state, "admin.token") : err;
    err = err == UD_OK ? ud_state_file_write(path, 0600, token, UD_ADMIN_TOKEN_CHARS + 1) : err;
    err = err == UD_OK ? ud_writer_run(server->writer, add_first_token, &first.job) : err;
    if (err == UD_OK) {
        ud_log_event(&server->log, UD_LOG_INFO, "first-token", "file", path, NULL);
        if (isatty(STDOUT_FILENO)) {
            printf("management token (also in %s): %s", path, token);
            fflush(stdout);
        }
    }
    return err;
}

/* --- start and stop */

static void committed(void *ctx)
{
    const struct ud_server *server = ctx;
    ud_hub_wake(server->hub);
    ud_hooks_wake(server->hooks);
    ud_courier_wake(server->courier);
}

struct stepping {
    const struct ud_server *server;
    uint32_t newest; /* 0: there was nothing to do */
};

/* The server does not answer yet: whoever waits for it learns why. */
static void say_step(void *ctx, uint32_t step, uint32_t steps)
{
    struct stepping *stepping = ctx;
    const struct ud_server *server = stepping->server;
    char of[2][24];
    stepping->newest = steps;
    ud_log_event(&server->log, UD_LOG_INFO, "schema", "step", ud_log_int(of[0], step), "of",
                 ud_log_int(of[1], steps), NULL);
}

static ud_err open_store(struct ud_server *server)
{
    struct ud_store *store = NULL;
    char words[UD_STORE_WORDS_BYTES];
    char newest[24];
    struct stepping stepping = {.server = server};
    ud_err err = ud_store_open_telling(&store, ud_config_store(&server->config), say_step, &stepping, words);
    if (err != UD_OK) {
        complain(server, err, words);
    } else if (stepping.newest != 0) {
        ud_log_event(&server->log, UD_LOG_INFO, "schema", "done", ud_log_int(newest, stepping.newest), NULL);
    }
    err = err == UD_OK ? ud_writer_open(&server->writer, store, complain, server) : err;
    if (err != UD_OK) {
        ud_store_close(store);
        return err;
    }
    err = ud_store_pool_open(&server->readers, ud_config_store(&server->config),
                             (size_t)server->config.store_readers_max);
    err = err == UD_OK ? ud_fleet_open(&server->fleet) : err;
    struct ud_tenant_settings initial;
    ud_settings_initial(&initial, &server->config, server->has_gateway_token ? server->gateway_hash : NULL);
    err = err == UD_OK ? ud_tenants_open(&server->tenants, &initial) : err;
    struct load load = {.server = server, .err = UD_OK};
    err = err == UD_OK ? ud_hub_open(&server->hub, server) : err;
    if (err == UD_OK) {
        ud_writer_on_commit(server->writer, committed, server);
    }
    err = err == UD_OK ? ud_writer_run(server->writer, load_fleet, &load.job) : err;
    err = err == UD_OK ? ud_hooks_open(&server->hooks, server) : err;
    err = err == UD_OK ? ud_sync_open(&server->sync, server, load.newest) : err;
    return err == UD_OK ? make_first_token(server) : err;
}

static ud_err load_gateway_token(struct ud_server *server)
{
    struct ud_text text;
    struct stat info;
    if (server->config.gateway_token[0] == '\0') {
        return UD_OK;
    }
    if (stat(server->config.gateway_token, &info) == 0 && (info.st_mode & 077) != 0) {
        return UD_ERR_EXPOSED;
    }
    ud_text_init(&text, 4096);
    ud_err err = ud_state_file_read(server->config.gateway_token, &text);
    const size_t len = err == UD_OK && text.ptr != NULL ? strcspn(text.ptr, "\r\n") : 0;
    if (err == UD_OK && (len < UD_GATEWAY_CHARS_MIN || len > UD_SECRET_CHARS_MAX)) {
        err = UD_ERR_CONFIG;
    }
    err = err == UD_OK ? ud_secret_hash((struct ud_bytes){(const uint8_t *)text.ptr, len}, server->gateway_hash)
                       : err;
    server->has_gateway_token = err == UD_OK;
    ud_text_free(&text);
    return err;
}

static ud_err listen(struct ud_server *server)
{
    struct ud_tls tls;
    if (server->config.insecure_http) {
        ud_log_event(&server->log, UD_LOG_WARN, "insecure-http", "message", "no TLS; loopback only", NULL);
        return ud_http_open(&server->http, server, NULL, NULL);
    }
    ud_err err = fail(server, "certificate", ud_tls_load(&tls, &server->config, ud_server_now_ms() / 1000));
    if (err != UD_OK) {
        return err;
    }
    err = ud_http_open(&server->http, server, tls.cert.ptr, tls.key.ptr);
    if (err == UD_OK) {
        server->tls = tls; /* the library reads it again for each of its threads */
    } else {
        ud_tls_free(&tls);
    }
    return err;
}

static void write_listener(struct ud_json *json, const struct ud_server *server, const char *key,
                           ud_listener which)
{
    char url[UD_ADDRESS_BYTES_MAX + 24];
    snprintf(url, sizeof url, "%s://%s", server->config.insecure_http ? "http" : "https",
             ud_http_address(server->http, which));
    ud_json_open(json, key, '{');
    ud_json_string(json, "url", url);
    ud_json_close(json, '}');
    ud_log_event(&server->log, UD_LOG_INFO, "listening", "listener", key, "url", url, NULL);
}

ud_err ud_server_write_listen_file(const struct ud_server *server)
{
    char path[UD_PATH_BYTES_MAX];
    struct ud_text text;
    ud_text_init(&text, 4096);
    struct ud_json json = {&text, false};
    ud_json_open(&json, NULL, '{');
    write_listener(&json, server, "devices", UD_LISTEN_DEVICES);
    write_listener(&json, server, "people", UD_LISTEN_PEOPLE);
    ud_turn_listening(server->turn, &json);
    ud_err err = ud_path_join(path, server->config.state, "ca.pem");
    ud_json_string(&json, "ca", server->config.insecure_http || !ud_state_file_exists(path) ? NULL : path);
    ud_json_int(&json, "pid", getpid());
    ud_json_close(&json, '}');
    err = err == UD_OK ? ud_path_join(path, server->config.state, "listen.json") : err;
    err = err == UD_OK && !ud_text_ok(&text) ? UD_ERR_MEMORY : err;
    err = err == UD_OK ? ud_state_file_write(path, 0644, text.ptr, text.len) : err;
    ud_text_free(&text);
    ud_announce_listening(server);
    return err;
}

static ud_err open_throttles(struct ud_server *server)
{
    ud_err err =
        ud_throttle_open(&server->wrong_secrets, (uint32_t)server->config.wrong_secrets_max, MINUTE_MS);
    err = err == UD_OK
              ? ud_throttle_open(&server->new_devices, (uint32_t)server->config.gateway_new_max, MINUTE_MS)
              : err;
    err = err == UD_OK ? ud_sign_in_open(&server->sign_in) : err;
    return err == UD_OK ? ud_throttle_open(&server->wrong_passwords, WRONG_PASSWORDS_MAX, 15 * MINUTE_MS) : err;
}

static ud_err open_authorities(struct ud_server *server)
{
    ud_err err = UD_OK;
    ud_text_init(&server->asked_cas, 8U << 20);
    if (server->config.device_ca[0] != '\0') {
        err = fail(server, "device CA",
                   ud_client_ca_open(&server->client_ca, server->config.device_ca, server->config.device_crl));
    }
    if (err == UD_OK && server->config.proxy_ca[0] != '\0') {
        err = fail(server, "proxy-ca",
                   ud_client_ca_open(&server->proxy_ca, server->config.proxy_ca, server->config.proxy_crl));
        err = err == UD_OK ? ud_proxies_parse(&server->proxies, server->config.proxy_addresses) : err;
    }
    const struct ud_client_ca *all[] = {server->client_ca, server->proxy_ca};
    for (size_t i = 0; i < 2 && err == UD_OK; i++) {
        if (all[i] != NULL) {
            ud_text_puts(&server->asked_cas, ud_client_ca_pem(all[i]));
            ud_text_puts(&server->asked_cas, "\n");
        }
    }
    return err == UD_OK && !ud_text_ok(&server->asked_cas) ? UD_ERR_MEMORY : err;
}

static ud_err open_patches(struct ud_server *server)
{
    const struct ud_patches_config config = {.state_folder = server->config.state,
                                             .artifacts = server->artifacts,
                                             .log = &server->log,
                                             .metrics = &server->metrics,
                                             .image_bytes_max = server->config.patch_image_bytes_max,
                                             .bytes_max = server->config.patch_bytes_max};
    return ud_patches_open(&server->patches, &config);
}

static ud_err open_objects(struct ud_server *server)
{
    const struct ud_config *config = &server->config;
    if (config->s3_url[0] == '\0') {
        return UD_OK;
    }
    ud_err err = ud_object_store_open(&server->objects, config, &server->log);
    err = err == UD_OK ? ud_artifacts_far(server->artifacts, config->state, server->objects,
                                          config->artifact_cache_bytes_max)
                       : err;
    if (err == UD_OK) {
        ud_artifacts_sweep(server->artifacts);
    }
    for (size_t i = 0; i < UD_FAR_THREADS && err == UD_OK; i++) {
        err = ud_disk_open(&server->far[i]);
    }
    return err;
}

/* Tokens, nonces and keys come from it: a server without begins nothing, and says which part it lacks (attack E8). */
static ud_err try_random(void)
{
    uint8_t any[UD_NONCE_BYTES];
    return ud_random(any, sizeof any);
}

ud_err ud_server_start(struct ud_server *server)
{
    server->lock = -1;
    ud_err err = fail(server, "random source", try_random());
    err = err == UD_OK ? fail(server, "state folder", take_folder(server)) : err;
    err = err == UD_OK ? fail(server, "gateway token", load_gateway_token(server)) : err;
    err = err == UD_OK ? fail(server, "store", open_store(server)) : err;
    err = err == UD_OK ? fail(server, "artifacts",
                              ud_artifacts_open(&server->artifacts, ud_config_artifacts(&server->config),
                                                server->config.artifact_bytes_max))
                       : err;
    err = err == UD_OK ? fail(server, "s3-url", open_objects(server)) : err;
    err = err == UD_OK ? fail(server, "patches", open_patches(server)) : err;
    err = err == UD_OK ? fail(server, "disk thread", ud_disk_open(&server->disk)) : err;
    err = err == UD_OK ? fail(server, "slow thread", ud_disk_open(&server->slow)) : err;
    err = err == UD_OK ? fail(server, "attempts", open_throttles(server)) : err;
    const struct ud_download_limits limits = {(uint32_t)server->config.downloads_max,
                                              server->config.download_rate};
    err = err == UD_OK ? fail(server, "downloads", ud_downloads_open(&server->downloads, &limits)) : err;
    err = err == UD_OK ? open_authorities(server) : err;
    err = err == UD_OK ? fail(server, "scheduler", ud_scheduler_open(&server->scheduler, server)) : err;
    err = err == UD_OK ? fail(server, "mqtt-broker", ud_courier_open(&server->courier, server)) : err;
    err = err == UD_OK ? fail(server, "listen", listen(server)) : err;
    err = err == UD_OK ? fail(server, "listen-coap", ud_turn_open(&server->turn, server)) : err;
    err = err == UD_OK ? fail(server, "announce", ud_announce_open(&server->announcer, server)) : err;
    err = err == UD_OK ? fail(server, "listen.json", ud_server_write_listen_file(server)) : err;
    err = err == UD_OK ? fail(server, "listen-coap", ud_turn_start(server->turn)) : err;
    if (err != UD_OK) {
        ud_server_stop(server);
    }
    return err;
}

struct seen {
    struct ud_job job;
    size_t count;
    int64_t ids[SEEN_BATCH];
    int64_t at_ms[SEEN_BATCH];
};

static ud_err save_seen(struct ud_job *job, struct ud_store *store)
{
    const struct seen *seen = (const struct seen *)(const void *)job;
    ud_err err = UD_OK;
    for (size_t i = 0; i < seen->count && err == UD_OK; i++) {
        err = ud_store_device_seen_set(store, seen->ids[i], seen->at_ms[i]);
        err = err == UD_ERR_NOT_FOUND ? UD_OK : err; /* removed meanwhile */
    }
    return err;
}

struct forget {
    struct ud_job job;
    int64_t before_ms;
    uint64_t gone;
};

static ud_err forget_events(struct ud_job *job, struct ud_store *store)
{
    struct forget *forget = (struct forget *)(void *)job;
    return ud_store_event_forget(store, forget->before_ms, FORGET_BATCH, &forget->gone);
}

/* Events are kept so long for those who come back; in bounded transactions. */
static void forget_old_events(struct ud_server *server)
{
    struct forget forget = {.before_ms = ud_server_now_ms() - EVENTS_KEPT_MS, .gone = FORGET_BATCH};
    for (int round = 0; round < 10 && forget.gone == FORGET_BATCH; round++) {
        if (ud_writer_run(server->writer, forget_events, &forget.job) != UD_OK) {
            return; /* the log has said why; the next tick goes on */
        }
    }
}

void ud_server_tick(struct ud_server *server)
{
    struct seen seen;
    do {
        seen.count = ud_fleet_take_seen(server->fleet, seen.ids, seen.at_ms, SEEN_BATCH);
        if (seen.count > 0 && ud_writer_run(server->writer, save_seen, &seen.job) != UD_OK) {
            return; /* the log has said why; these times are lost, the next polls bring new ones */
        }
    } while (seen.count == SEEN_BATCH);
    forget_old_events(server);
}

void ud_server_stop(struct ud_server *server)
{
    if (server->http != NULL) {
        ud_http_quiesce(server->http);
        ud_hub_end(server->hub);
        ud_http_drain(server->http, DRAIN_MS);
        ud_server_tick(server);
    }
    ud_turn_stop(server->turn);
    ud_announcer_close(server->announcer); /* behind the turn, whose thread tells it of changes */
    server->announcer = NULL;
    ud_hooks_stop(server->hooks);
    ud_courier_stop(server->courier);
    ud_object_store_stop(server->objects); /* whoever waits for it is told */
    /* from here on nothing can be set aside, so the listeners may go */
    if (server->disk != NULL) {
        ud_disk_stop(server->disk);
    }
    if (server->slow != NULL) {
        ud_disk_stop(server->slow);
    }
    for (size_t i = 0; i < UD_FAR_THREADS; i++) {
        if (server->far[i] != NULL) {
            ud_disk_stop(server->far[i]);
        }
    }
    ud_scheduler_close(server->scheduler);
    if (server->writer != NULL) {
        ud_writer_stop(server->writer);
    }
    ud_sync_close(server->sync); /* it tells the next of changes */
    server->sync = NULL;
    ud_turn_close(server->turn);
    ud_http_close(server->http);
    ud_tls_free(&server->tls);
    ud_disk_close(server->disk);
    ud_disk_close(server->slow);
    for (size_t i = 0; i < UD_FAR_THREADS; i++) {
        ud_disk_close(server->far[i]);
    }
    ud_throttle_close(server->wrong_secrets);
    ud_throttle_close(server->new_devices);
    ud_throttle_close(server->wrong_passwords);
    ud_sign_in_close(server->sign_in);
    ud_patches_close(server->patches);
    ud_artifacts_close(server->artifacts);
    ud_object_store_close(server->objects);
    ud_downloads_close(server->downloads);
    ud_client_ca_close(server->client_ca);
    ud_client_ca_close(server->proxy_ca);
    ud_text_free(&server->asked_cas);
    ud_hooks_close(server->hooks);
    ud_courier_close(server->courier);
    ud_hub_close(server->hub);
    ud_store_pool_close(server->readers);
    ud_writer_close(server->writer);
    ud_fleet_close(server->fleet);
    ud_tenants_close(server->tenants);
    if (server->lock >= 0) {
        close(server->lock);
    }
    ud_log_event(&server->log, UD_LOG_INFO, "stopped", NULL);
}
