#include "ports/posix/app.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/boot_info.h"
#include "ports/openssl/keys.h"
#include "ports/posix/coap_road.h"
#include "ports/posix/content_keys.h"
#include "ports/posix/device_folder.h"
#include "ports/posix/host_clock.h"
#include "ports/posix/http_road.h"
#include "ports/posix/mqtt_road.h"
#include "ports/posix/settings.h"
#include "updraft/agent_decrypt.h"
#include "updraft/agent_domains.h"
#include "updraft/agent_in_place.h"
#include "updraft/agent_patch.h"
#include "updraft/agent_reporting.h"

#define SLEEP_MS_MAX 500U /* so that a stop is noticed */
#define STORAGE_PAUSE_MS 5000U
#define LEAVE_MS 2000U /* to say goodbye at a stop */
#define ATTRIBUTES 5
#define PRECURSOR_BYTES 8 /* of the digest of what runs, as a patch is asked for by */
#define MQTT_FILES 4      /* CA, password, certificate, key */
#define ATTRIBUTE_CHARS_MAX (2 * UD_UUID_BYTES)

struct ud_app {
    struct ud_device_folder device;
    struct ud_boot_info info;
    struct ud_slots slots;
    struct ud_key_pair *key;
    struct ud_signer signer;
    struct ud_settings settings;
    char ca_path[UD_PATH_BYTES_MAX];
    char token_path[UD_PATH_BYTES_MAX];
    char code_path[UD_PATH_BYTES_MAX];
    char psk_path[UD_PATH_BYTES_MAX];
    char cert_path[UD_PATH_BYTES_MAX];
    char key_path[UD_PATH_BYTES_MAX];
    char account_path[UD_PATH_BYTES_MAX];
    char oscore_path[UD_PATH_BYTES_MAX];
    char number_path[UD_PATH_BYTES_MAX];
    char battery_path[UD_PATH_BYTES_MAX];
    char signal_path[UD_PATH_BYTES_MAX];
    char mqtt_paths[MQTT_FILES][UD_PATH_BYTES_MAX];
    char slot_text[4];
    char attribute_text[ATTRIBUTES][ATTRIBUTE_CHARS_MAX + 1];
    struct ud_ddi_attribute attributes[ATTRIBUTES];
    struct ud_http_road *road; /* by the url's scheme this one ... */
    struct ud_coap_road *coap; /* ... or this one; the other is NULL */
    struct ud_mqtt_road *mqtt; /* NULL: no broker is set */
    struct ud_agent_config config;
    struct ud_agent_trust trust_store;
    struct ud_trust_store next_store;
    struct ud_agent agent;
    int confirmed_fd; /* -1: nobody waits for the word */
    ud_agent_state said_state;
    ud_err said_err;
    unsigned said_tenth; /* of a download */
    uint8_t envelope[UD_AGENT_ENVELOPE_BYTES];
    uint8_t *patch; /* [settings.patch_bytes_max] */
    struct ud_delta delta;
    struct ud_agent_patching patching;
    struct ud_host_clock clock;
    struct ud_suit_um_ops facts;
    struct ud_content_keys content_keys;
    struct ud_agent_decrypting decrypting;
    struct ud_agent_domains domains;
    struct ud_agent_reporting reporting;
};

/* ---- what the bootloader left ---- */

/* A descriptor that the environment names; it goes no further than this process. */
static int inherited_fd(const char *variable)
{
    const char *text = getenv(variable);
    char *end = NULL;
    const long fd = text == NULL ? -1 : strtol(text, &end, 10);
    if (fd < 0 || fd > 65535 || end == text || *end != '\0' || fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0) {
        return -1;
    }
    (void)unsetenv(variable);
    return (int)fd;
}

static ud_err read_boot_info(struct ud_app *app)
{
    uint8_t room[UD_BOOT_INFO_BYTES_MAX];
    const int fd = inherited_fd("UPDRAFT_BOOT_INFO");
    if (fd < 0) {
        return UD_ERR_STATE;
    }
    const ssize_t got = pread(fd, room, sizeof room, 0);
    (void)close(fd);
    return got < 0 ? UD_ERR_IO : ud_boot_info_parse(&app->info, (struct ud_bytes){room, (size_t)got});
}

static ud_err open_boot_info(struct ud_app *app)
{
    app->confirmed_fd = inherited_fd("UPDRAFT_BOOT_CONFIRMED");
    return read_boot_info(app);
}

static ud_err open_folder(struct ud_app *app)
{
    const char *path = getenv("UPDRAFT_DEVICE");
    return path == NULL ? UD_ERR_STATE : ud_device_folder_open(&app->device, path, &app->slots);
}

static ud_err open_flash(struct ud_app *app)
{
    ud_err err = ud_device_folder_flash_open(&app->device);
    err = err == UD_OK ? ud_device_folder_trust_load(&app->device) : err;
    return err == UD_OK ? ud_slots_mount(&app->slots, &app->device.layout) : err;
}

static ud_err open_key(struct ud_app *app)
{
    char path[UD_PATH_BYTES_MAX];
    ud_err err = ud_device_folder_path(&app->device, "device.key", path);
    if (err == UD_OK) {
        err = ud_key_pair_load(&app->key, path);
    }
    return err == UD_OK ? ud_key_pair_signer(app->key, UD_ALG_ES256, &app->signer) : err;
}

static ud_err open_settings(struct ud_app *app)
{
    const struct {
        const char *name;
        char *path;
    } files[] = {
        {app->settings.ca, app->ca_path},
        {app->settings.token, app->token_path},
        {app->settings.enrol_code, app->code_path},
        {app->settings.psk, app->psk_path},
        {app->settings.cert, app->cert_path},
        {app->settings.key, app->key_path},
        {app->settings.account, app->account_path},
        {app->settings.oscore, app->oscore_path},
        {app->settings.oscore_number, app->number_path},
        {app->settings.battery, app->battery_path},
        {app->settings.signal, app->signal_path},
        {app->settings.mqtt_ca, app->mqtt_paths[0]},
        {app->settings.mqtt_password, app->mqtt_paths[1]},
        {app->settings.mqtt_cert, app->mqtt_paths[2]},
        {app->settings.mqtt_key, app->mqtt_paths[3]},
    };
    char path[UD_PATH_BYTES_MAX];
    int line = 0;
    ud_err err = ud_device_folder_path(&app->device, "agent.ini", path);
    if (err == UD_OK) {
        err = ud_settings_load(&app->settings, path, &line);
    }
    if (line > 0) {
        (void)fprintf(stderr, "agent event=settings file=agent.ini line=%d\n", line);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0] && err == UD_OK; i++) {
        if (files[i].name[0] != '\0') {
            err = ud_device_folder_path(&app->device, files[i].name, files[i].path);
        }
    }
    return err;
}

static const char *path_or_null(const char *path)
{
    return path[0] == '\0' ? NULL : path;
}

/* A UUID of the provisioning, whose reader has checked its length. */
static void uuid_hex(char text[ATTRIBUTE_CHARS_MAX + 1], struct ud_bytes uuid)
{
    for (size_t i = 0; i < UD_UUID_BYTES && i < uuid.len; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", uuid.ptr[i]);
    }
}

/* What an operator may search by; the signed report says the same of the sequence, and proves it. */
static void fill_attributes(struct ud_app *app)
{
    static const char *const keys[ATTRIBUTES] = {"vendorId", "classId", "sequence", "patchProfile",
                                                 "patchFrom"};
    uuid_hex(app->attribute_text[0], app->device.provision.vendor_id);
    uuid_hex(app->attribute_text[1], app->device.provision.class_id);
    (void)snprintf(app->attribute_text[2], sizeof app->attribute_text[2], "%llu",
                   (unsigned long long)app->info.version.sequence);
    (void)snprintf(app->attribute_text[3], sizeof app->attribute_text[3], app->patch == NULL ? "none" : "p%u",
                   (unsigned)app->settings.patch_profile);
    for (size_t i = 0; app->info.image_count == 1 && i < PRECURSOR_BYTES; i++) {
        (void)snprintf(app->attribute_text[4] + 2 * i, 3, "%02x", app->info.images[0].digest[i]);
    }
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        app->attributes[i] = (struct ud_ddi_attribute){keys[i], app->attribute_text[i]};
    }
}

/* A patch waits in memory; one that is lost with the power is fetched again, it is small. */
static ud_err write_patch(void *ctx, uint32_t offset, struct ud_bytes data)
{
    struct ud_app *app = ctx;
    if (offset > app->settings.patch_bytes_max || data.len > app->settings.patch_bytes_max - offset) {
        return UD_ERR_SPACE;
    }
    memcpy(app->patch + offset, data.ptr, data.len);
    return UD_OK;
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct ud_app *app = ctx;
    if (offset > app->settings.patch_bytes_max || len > app->settings.patch_bytes_max - offset) {
        return UD_ERR_RANGE;
    }
    memcpy(out, app->patch + offset, len);
    return UD_OK;
}

static ud_err open_patching(struct ud_app *app)
{
    if (app->device.layout.mover == &ud_move_patch) { /* its patches lie in flash, and are always taken */
        app->patching = (struct ud_agent_patching){.ops = &ud_agent_in_place_ops, .staging = ud_device_staging};
        return UD_OK;
    }
    if (app->settings.patch_bytes_max == 0) {
        return UD_OK;
    }
    app->patch = malloc(app->settings.patch_bytes_max);
    app->patching =
        (struct ud_agent_patching){.ops = &ud_agent_patching_ops,
                                   .delta = &app->delta,
                                   .store = {app, app->settings.patch_bytes_max, write_patch, read_patch},
                                   .profile = (uint8_t)app->settings.patch_profile,
                                   .staging = ud_device_staging};
    return app->patch == NULL ? UD_ERR_MEMORY : UD_OK;
}

static ud_err open_content_keys(struct ud_app *app)
{
    struct ud_content_keys *keys = &app->content_keys;
    const ud_err err = ud_content_keys_load(keys, &app->device, app->settings.decryption_keys);
    app->decrypting =
        (struct ud_agent_decrypting){.ops = &ud_agent_decrypting_ops, .keys = {keys->keys, keys->count}};
    return err;
}

static ud_err open_coap(struct ud_app *app)
{
    const struct ud_settings *settings = &app->settings;
    uint32_t seed = 0;
    const struct ud_coap_road_config config = {
        .url = settings->url,
        .name = settings->name,
        .bootstrap = settings->bootstrap != 0,
        .discover = settings->discover != 0,
        .psk_identity = path_or_null(settings->psk_identity),
        .psk_path = path_or_null(app->psk_path),
        .ca_path = path_or_null(app->ca_path),
        .cert_path = path_or_null(app->cert_path),
        .key_path = path_or_null(app->key_path),
        .account_path = app->account_path,
        .oscore_path = path_or_null(app->oscore_path),
        .number_path = app->number_path,
        .manufacturer = path_or_null(settings->manufacturer),
        .model = path_or_null(settings->model),
        .battery_path = path_or_null(app->battery_path),
        .signal_path = path_or_null(app->signal_path),
        .lifetime_s = settings->lifetime_s,
        .awake_ms = settings->awake_s * 1000U,
        .rate_max = (uint32_t)settings->rate_max, /* its limit is UINT32_MAX */
        .queue = settings->queue != 0,
        .send_s = settings->send_s,
        .robust = settings->robust != 0,
        .agent = &app->agent,
        .boot = &app->info,
        .seed = ud_random((uint8_t *)&seed, sizeof seed) == UD_OK ? seed : 1,
    };
    return settings->mqtt_url[0] == '\0' ? ud_coap_road_open(&app->coap, &config)
                                         : UD_ERR_CONFIG; /* a broker stands beside HTTP only */
}

static ud_err open_road(struct ud_app *app)
{
    if (strncmp(app->settings.url, "coap", 4) == 0) {
        return open_coap(app);
    }
    fill_attributes(app);
    const struct ud_http_road_config config = {
        .url = app->settings.url,
        .mirror = path_or_null(app->settings.mirror),
        .tenant = app->settings.tenant,
        .name = app->settings.name,
        .ca_path = path_or_null(app->ca_path),
        .token_path = app->token_path,
        .code_path = path_or_null(app->code_path),
        .rate_max = app->settings.rate_max,
        .discover = app->settings.discover != 0,
        .signer = &app->signer,
        .attributes = app->attributes,
        .attribute_count = ATTRIBUTES,
    };
    return ud_http_road_open(&app->road, &config);
}

static ud_err open_mqtt(struct ud_app *app)
{
    static const char *const reasons[] = {"unknown", "normal", "trial", "reverted", "fallback", "recovery"};
    const unsigned reason = (unsigned)app->info.reason;
    if (app->settings.mqtt_url[0] == '\0') {
        return UD_OK;
    }
    (void)snprintf(app->slot_text, sizeof app->slot_text, "%u", (unsigned)app->info.slot);
    const struct ud_mqtt_road_config config = {
        .inner = ud_http_road_functions(app->road),
        .url = app->settings.mqtt_url,
        .tenant = app->settings.tenant,
        .name = app->settings.name,
        .ca_path = app->mqtt_paths[0],
        .user = app->settings.mqtt_user,
        .password_path = app->mqtt_paths[1],
        .cert_path = app->mqtt_paths[2],
        .key_path = app->mqtt_paths[3],
        .keepalive_s = app->settings.mqtt_keepalive_s,
        .spread_s = app->settings.mqtt_spread_s,
        .reports = app->settings.mqtt_report != 0,
        .running = app->attribute_text[2],
        .slot = app->slot_text,
        .boot = reason < sizeof reasons / sizeof reasons[0] ? reasons[reason] : reasons[0],
    };
    return ud_mqtt_road_open(&app->mqtt, &config);
}

/* Trusted time only where the settings say that there is some: a clock that NTP sets without proof is none. */
static ud_err open_clock(struct ud_app *app)
{
    if (app->settings.clock == 0) {
        return UD_OK;
    }
    app->facts.clock = ud_clock_trusted;
    return ud_host_clock_open(&app->clock, &app->device, app->device.trust.store.trust.expires_s);
}

static const struct ud_road *road_functions(const struct ud_app *app)
{
    if (app->coap != NULL) {
        return ud_coap_road_functions(app->coap);
    }
    return app->mqtt == NULL ? ud_http_road_functions(app->road) : ud_mqtt_road_functions(app->mqtt);
}

static ud_err open_agent(struct ud_app *app)
{
    uint32_t seed = 0;
    const ud_err err = ud_random((uint8_t *)&seed, sizeof seed);
    if (err != UD_OK) {
        return err;
    }
    app->trust_store = (struct ud_agent_trust){
        .take = ud_agent_take_trust_store,
        .roots = &app->device.trust.roots,
        .now = app->device.trust.in_force ? &app->device.trust.store : NULL,
        .next = &app->next_store,
        .twin = &app->device.trust.twin,
    };
    app->domains = (struct ud_agent_domains){.ops = &ud_agent_domains_ops};
    app->reporting = (struct ud_agent_reporting){.ops = &ud_agent_reporting_ops,
                                                 .ciphers = ud_content_algorithms,
                                                 .cipher_count = (uint8_t)ud_content_algorithm_count};
    app->config = (struct ud_agent_config){
        .slots = &app->slots,
        .layout = &app->device.layout,
        .boot = &app->info,
        .trust = &app->device.trust.store.trust,
        .trust_store = app->device.trust.replaceable ? &app->trust_store : NULL,
        .signer = &app->signer,
        .road = road_functions(app),
        .vendor_id = app->device.provision.vendor_id,
        .class_id = app->device.provision.class_id,
        .device_id = app->device.provision.device_id,
        .facts = app->settings.clock == 0 ? NULL : &app->facts,
        .facts_ctx = &app->clock.clock,
        .time_s = app->settings.clock == 0 ? NULL : ud_clock_now,
        .time_ctx = &app->clock.clock,
        .envelope = app->envelope,
        .envelope_cap = sizeof app->envelope,
        .policy = {.poll_ms = app->settings.poll_s * 1000U},
        .patching = app->patching.ops == NULL ? NULL : &app->patching,
        .decrypting = &app->decrypting,
        .domains = &app->domains,
        .reporting = &app->reporting,
        .seed = seed,
    };
    return ud_agent_init(&app->agent, &app->config);
}

ud_err ud_app_open(struct ud_app **out)
{
    static const struct {
        const char *part;
        ud_err (*open)(struct ud_app *app);
    } parts[] = {
        {"boot-info", open_boot_info},
        {"folder", open_folder},
        {"flash", open_flash},
        {"key", open_key},
        {"settings", open_settings},
        {"patches", open_patching},
        {"decryption-keys", open_content_keys},
        {"clock", open_clock},
        {"road", open_road},
        {"mqtt", open_mqtt},
        {"agent", open_agent},
    };
    struct ud_app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        return UD_ERR_MEMORY;
    }
    app->confirmed_fd = -1;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const ud_err err = parts[i].open(app);
        if (err != UD_OK) {
            (void)fprintf(stderr, "agent event=open part=%s err=%s next=\"%s\"\n", parts[i].part,
                          ud_err_name(err), ud_err_remedy(err));
            ud_app_close(app);
            return err;
        }
    }
    *out = app;
    return UD_OK;
}

void ud_app_close(struct ud_app *app)
{
    if (app == NULL) {
        return;
    }
    ud_mqtt_road_close(app->mqtt);
    ud_http_road_close(app->road);
    ud_coap_road_close(app->coap);
    ud_key_pair_close(app->key);
    ud_content_keys_close(&app->content_keys);
    ud_device_folder_flash_close(&app->device);
    if (app->confirmed_fd >= 0) {
        (void)close(app->confirmed_fd);
    }
    free(app->patch);
    free(app);
}

/* ---- trial ---- */

const struct ud_boot_info *ud_app_boot_info(const struct ud_app *app)
{
    return &app->info;
}

bool ud_app_is_on_trial(const struct ud_app *app)
{
    return app->info.reason == UD_BOOT_TRIAL && ud_slots_state(&app->slots)->trial != UD_TRIAL_NONE;
}

ud_err ud_app_confirm(struct ud_app *app)
{
    const ud_err err = ud_app_is_on_trial(app) ? ud_slots_confirm(&app->slots, app->info.slot) : UD_OK;
    (void)fprintf(stderr, "agent event=confirm slot=%u err=%s\n", (unsigned)app->info.slot, ud_err_name(err));
    if (err == UD_OK && app->confirmed_fd >= 0) {
        const ssize_t told = write(app->confirmed_fd, "1", 1);
        (void)told; /* the journal has it; the bootloader only learns earlier by this */
        (void)close(app->confirmed_fd);
        app->confirmed_fd = -1;
    }
    return err;
}

/* ---- the agent's loop ---- */

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

/* A line for every tenth of an image. */
static void log_download(struct ud_app *app, const struct ud_agent_status *status)
{
    const bool loading = status->total_bytes > 0 && status->state == UD_AGENT_INSTALL;
    const unsigned tenth = loading ? 1 + (unsigned)(status->done_bytes * 10 / status->total_bytes) : 0;
    if (tenth == app->said_tenth) {
        return;
    }
    app->said_tenth = tenth;
    if (loading) {
        (void)fprintf(stderr, "agent event=download action=%u from=%llu done=%llu total=%llu\n",
                      (unsigned)status->action_id, (unsigned long long)status->resumed_bytes,
                      (unsigned long long)status->done_bytes, (unsigned long long)status->total_bytes);
    }
}

/* A line when something changed: state or error. */
static void log_change(struct ud_app *app)
{
    const struct ud_agent_status *status = ud_agent_status(&app->agent);
    log_download(app, status);
    if (status->state == app->said_state && status->last_err == app->said_err) {
        return;
    }
    app->said_state = status->state;
    app->said_err = status->last_err;
    if (status->state == UD_AGENT_STORE && status->patch_bytes > 0) {
        (void)fprintf(stderr, "agent event=patched action=%u patch=%u image=%llu\n",
                      (unsigned)status->action_id, (unsigned)status->patch_bytes,
                      (unsigned long long)status->total_bytes);
    }
    if (status->state == UD_AGENT_POLL || (status->state == UD_AGENT_IDLE && status->last_err == UD_OK)) {
        return; /* the ordinary round */
    }
    (void)fprintf(stderr, "agent state=%s action=%u done=%llu total=%llu err=%s\n",
                  ud_agent_state_name(status->state), (unsigned)status->action_id,
                  (unsigned long long)status->done_bytes, (unsigned long long)status->total_bytes,
                  ud_err_name(status->last_err));
}

ud_err ud_app_step(struct ud_app *app, uint32_t *wait_ms)
{
    if (app->mqtt != NULL && ud_mqtt_road_step(app->mqtt, now_ms())) {
        ud_agent_poll_now(&app->agent);
    }
    uint32_t road_wait_ms = UINT32_MAX;
    if (app->coap != NULL) {
        ud_coap_road_step(app->coap, now_ms(), &road_wait_ms);
    }
    const ud_err err = ud_agent_step(&app->agent, now_ms(), wait_ms);
    *wait_ms = road_wait_ms < *wait_ms ? road_wait_ms : *wait_ms;
    if (app->coap != NULL) {
        ud_coap_road_due(app->coap, now_ms(), wait_ms);
    }
    log_change(app);
    if (app->settings.clock != 0) {
        (void)ud_clock_now(&app->clock.clock); /* time that passes is seen without an install, too */
    }
    if (err == UD_WAIT && app->coap != NULL && ud_coap_road_wants_reboot(app->coap)) {
        return UD_OK;
    }
    return err;
}

void ud_app_sleep(struct ud_app *app, uint32_t wait_ms)
{
    bool writes = false;
    const int fd = app->mqtt == NULL ? -1 : ud_mqtt_road_socket(app->mqtt, &writes);
    if (wait_ms == 0) {
        return;
    }
    if (app->coap != NULL) {
        ud_coap_road_sleep(app->coap, wait_ms);
    } else {
        ud_http_road_sleep(app->road, wait_ms, fd, writes);
    }
}

void ud_app_run(struct ud_app *app, const volatile sig_atomic_t *stop, bool *reset)
{
    *reset = false;
    while (!*stop && !*reset) {
        uint32_t wait_ms = 0;
        const ud_err err = ud_app_step(app, &wait_ms);
        *reset = err == UD_OK;
        if (err != UD_OK && err != UD_WAIT) {
            (void)fprintf(stderr, "agent event=storage err=%s next=\"%s\"\n", ud_err_name(err),
                          ud_err_remedy(err));
            wait_ms = STORAGE_PAUSE_MS;
        }
        ud_app_sleep(app, wait_ms < SLEEP_MS_MAX ? wait_ms : SLEEP_MS_MAX);
    }
    if (!*reset && app->coap != NULL) {
        ud_coap_road_leave(app->coap, LEAVE_MS);
    }
}
