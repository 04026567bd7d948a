/* From the outbox to the broker: events for whoever reads them, notices and "poll now" for devices. */
#include "server/mqtt/courier_parts.h"

#include "server/store_mgmt.h"
#include "server/tenants.h"
#include "server/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TOLD "mqtt.told"
#define LEASE "mqtt"
#define LOOK_MS 1000  /* what other servers put into the outbox */
#define RETRY_MS 2000 /* after a store that could not be read */
#define MESSAGE_BYTES_MAX 8192
#define FLEET_PAUSE_MS 2
#define FLEET_TURNS 100

/* Events as they were read: the reader goes back before anything is sent. */
struct page {
    struct ud_row_event rows[UD_COURIER_BATCH];
    char *bodies[UD_COURIER_BATCH];
    size_t count;
    bool failed;
};

static void take_event(void *ctx, const struct ud_row_event *event)
{
    struct page *page = ctx;
    if (page->failed || page->count == UD_COURIER_BATCH) {
        return;
    }
    char *body = strdup(event->body);
    page->failed = body == NULL;
    if (body != NULL) {
        page->rows[page->count] = *event;
        page->rows[page->count].body = body;
        page->bodies[page->count++] = body;
    }
}

static void free_page(struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        free(page->bodies[i]);
    }
}

/* --- sending */

static ud_err send_message(struct ud_courier *courier, const char *topic, const struct ud_text *text,
                           bool retain)
{
    struct ud_courier_batch *batch = &courier->batch;
    const struct ud_bytes payload = {(const uint8_t *)text->ptr, text->len};
    if (!ud_text_ok(text) || batch->count == sizeof batch->ids / sizeof batch->ids[0]) {
        return UD_ERR_MEMORY;
    }
    const ud_err err = ud_mqtt_publish(courier->mqtt, topic, payload, retain, &batch->ids[batch->count]);
    if (err == UD_OK) {
        batch->count++;
        ud_metric_add(&courier->server->metrics, UD_METRIC_MQTT_SENT, 1);
    }
    return err;
}

static ud_err send_event(struct ud_courier *courier, const char *tenant, const struct ud_row_event *event)
{
    char topic[UD_TOPIC_BYTES_MAX + 1];
    struct ud_text text;
    ud_err err = ud_topic_event_write(topic, tenant, event->kind, event->device);
    if (err != UD_OK) {
        return err;
    }
    ud_text_init(&text, MESSAGE_BYTES_MAX);
    struct ud_json json = {&text, false};
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "id", event->id);
    ud_json_int(&json, "at", event->at_ms);
    ud_json_string(&json, "kind", event->kind);
    ud_json_string(&json, "device", event->device[0] == '\0' ? NULL : event->device);
    ud_json_raw(&json, "body", event->body);
    ud_json_close(&json, '}');
    err = send_message(courier, topic, &text, false);
    ud_text_free(&text);
    return err;
}

/* --- a notice: what the device would find if it looked now */

static void write_link(struct ud_json *json, const char *topic, const char *what, int32_t action)
{
    char path[UD_TOPIC_BYTES_MAX + 64];
    const char *names = topic + strlen("updraft/v1/"); /* {tenant}/{device}/notify, encoded as in a URL */
    const char *tenant_end = strchr(names, '/');
    const char *device_end = tenant_end == NULL ? NULL : strchr(tenant_end + 1, '/');
    if (device_end != NULL) {
        snprintf(path, sizeof path, "/%.*s/controller/v1%.*s/%s/%d", (int)(tenant_end - names), names,
                 (int)(device_end - tenant_end), tenant_end, what, (int)action);
        ud_json_string(json, "manifest", path);
    }
}

static void write_notice(struct ud_text *text, const char *topic, const struct ud_row_device *device,
                         const struct ud_row_release *release, int64_t seq)
{
    const struct ud_terms *terms = &device->terms;
    char id[24];
    struct ud_json json = {text, false};
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "seq", seq);
    ud_json_string(&json, "action", ud_log_int(id, device->current_action));
    ud_json_string(&json, "kind", device->canceling ? "cancel" : "update");
    ud_json_string(&json, "type", terms->force == UD_FORCE_SOFT ? "soft" : "forced");
    ud_json_int(&json, "not_before", terms->force == UD_FORCE_TIMED ? terms->force_ms : 0);
    write_link(&json, topic, device->canceling ? "cancelAction" : "deploymentBase", device->current_action);
    if (!release->foreign) {
        char digest[8 + 2 * UD_SHA256_BYTES + 1] = "sha256:";
        ud_hex_write(digest + strlen(digest), release->manifest_digest, UD_SHA256_BYTES);
        ud_json_string(&json, "digest", digest);
    }
    ud_json_close(&json, '}');
}

struct look {
    struct ud_row_device device;
    struct ud_row_release release;
    bool here; /* and it has an action */
};

static ud_err look_at(struct ud_courier *courier, const struct ud_row_event *event, struct look *look)
{
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(courier->server->readers, &store);
    if (err != UD_OK) {
        return err;
    }
    err = ud_store_device_find(store, event->tenant, event->device, &look->device);
    look->here = err == UD_OK && look->device.current_action != 0;
    if (look->here) {
        err = ud_store_release_get(store, event->tenant, look->device.current_release, &look->release);
    }
    ud_store_pool_give(courier->server->readers, store);
    return err == UD_ERR_NOT_FOUND ? UD_OK : err;
}

/*
 * The outbox is read behind the commit, the fleet in memory is changed a moment later: a device that is rung in between
 * would look and find nothing. Bounded: another change may have come already.
 */
static void await_fleet(struct ud_courier *courier, const struct ud_row_device *row)
{
    const struct timespec pause = {0, FLEET_PAUSE_MS * 1000000L};
    for (int turn = 0; turn < FLEET_TURNS && !atomic_load(&courier->ending); turn++) {
        struct ud_fleet_device device;
        if (ud_fleet_get(courier->server->fleet, row->id, &device) != UD_OK ||
            (device.current_action == row->current_action && device.canceling == row->canceling)) {
            return;
        }
        nanosleep(&pause, NULL);
    }
}

/* Retained: who connects later looks as well. Nothing to look for clears it. */
static ud_err send_notice(struct ud_courier *courier, const char *tenant, const struct ud_row_event *event)
{
    char topic[UD_TOPIC_BYTES_MAX + 1];
    struct look look;
    struct ud_text text;
    ud_err err = ud_topic_write(topic, tenant, event->device, UD_LEAF_NOTIFY);
    err = err == UD_OK ? look_at(courier, event, &look) : err;
    if (err != UD_OK) {
        return err;
    }
    ud_text_init(&text, UD_MQTT_PAYLOAD_BYTES_MAX);
    if (look.here) {
        await_fleet(courier, &look.device);
        write_notice(&text, topic, &look.device, &look.release, event->id);
    }
    err = send_message(courier, topic, &text, true);
    ud_text_free(&text);
    courier->notices -= courier->notices < 1000 ? courier->notices : 1000;
    return err;
}

/* Only what a device can find anew: an offer, a cancelation, an end. */
static bool is_news(const char *body)
{
    json_t *root = json_loads(body, 0, NULL);
    const char *state = json_string_value(json_object_get(root, "state"));
    const bool news = state != NULL && (strcmp(state, "offered") == 0 || strcmp(state, "canceling") == 0 ||
                                        json_is_false(json_object_get(root, "active")));
    json_decref(root);
    return news;
}

/* --- "poll now" */

static void await_answer(struct ud_courier *courier, const struct ud_row_event *event)
{
    struct ud_fleet_device device;
    if (ud_fleet_find(courier->server->fleet, event->tenant, event->device, &device) == UD_OK) {
        const size_t at = courier->next_command++ % UD_COURIER_COMMANDS;
        courier->commands[at].id = event->id;
        courier->commands[at].device = device.id;
    }
}

static ud_err send_command(struct ud_courier *courier, const char *tenant, const struct ud_row_event *event)
{
    char topic[UD_TOPIC_BYTES_MAX + 1];
    struct ud_text text;
    json_t *root = json_loads(event->body, 0, NULL);
    const int64_t deadline_ms = json_integer_value(json_object_get(root, "deadline"));
    json_decref(root);
    if (deadline_ms < ud_server_now_ms()) {
        return UD_OK; /* the broker was away for so long */
    }
    ud_err err = ud_topic_write(topic, tenant, event->device, UD_LEAF_CMD);
    if (err != UD_OK) {
        return err;
    }
    ud_text_init(&text, UD_MQTT_PAYLOAD_BYTES_MAX);
    struct ud_json json = {&text, false};
    ud_json_open(&json, NULL, '{');
    ud_json_int(&json, "id", event->id);
    ud_json_string(&json, "cmd", "poll");
    ud_json_int(&json, "deadline", deadline_ms);
    ud_json_close(&json, '}');
    await_answer(courier, event);
    err = send_message(courier, topic, &text, false);
    ud_text_free(&text);
    return err;
}

/* --- the outbox */

static ud_err tell_event(struct ud_courier *courier, const struct ud_row_event *event)
{
    char tenant[UD_TITLE_BYTES_MAX + 1];
    if (ud_tenants_name(courier->server->tenants, event->tenant, tenant) != UD_OK) {
        return UD_OK; /* it went away, and its readers with it */
    }
    ud_err err = courier->server->config.mqtt_events ? send_event(courier, tenant, event) : UD_OK;
    if (err == UD_OK && strcmp(event->kind, "action") == 0 && is_news(event->body)) {
        err = send_notice(courier, tenant, event);
    } else if (err == UD_OK && strcmp(event->kind, "poll") == 0) {
        err = send_command(courier, tenant, event);
    }
    return err == UD_ERR_TOPIC ? UD_OK : err; /* a name that no topic can hold: nobody can hear of it */
}

static ud_err read_page(struct ud_courier *courier, struct page *page, uint32_t max)
{
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(courier->server->readers, &store);
    if (err != UD_OK) {
        return err;
    }
    err = ud_store_event_list(store, 0, courier->told, max, take_event, page);
    ud_store_pool_give(courier->server->readers, store);
    return err == UD_OK && page->failed ? UD_ERR_MEMORY : err;
}

struct keep {
    struct ud_job job;
    int64_t fence;
    int64_t told;
};

static ud_err keep_told(struct ud_job *job, struct ud_store *store)
{
    const struct keep *keep = (const struct keep *)(const void *)job;
    char text[24];
    const ud_err err = ud_store_lease_check(store, LEASE, keep->fence);
    snprintf(text, sizeof text, "%lld", (long long)keep->told);
    return err == UD_OK ? ud_store_pair_set(store, UD_PAIRS_SETTING, 0, TOLD, text, false) : err;
}

/* The broker has all of them. */
static void close_batch(struct ud_courier *courier)
{
    struct keep keep = {.fence = courier->fence, .told = courier->batch.last};
    const ud_err err = ud_writer_run(courier->server->writer, keep_told, &keep.job);
    courier->batch.open = false;
    if (err == UD_OK) {
        courier->told = keep.told;
    } else {
        courier->lease_at_ms = 0; /* ask again who tells */
    }
}

void ud_courier_acknowledged(void *ctx, int id)
{
    struct ud_courier *courier = ctx;
    struct ud_courier_batch *batch = &courier->batch;
    for (size_t i = batch->acknowledged; i < batch->count; i++) {
        if (batch->ids[i] == id) {
            batch->ids[i] = batch->ids[batch->acknowledged];
            batch->ids[batch->acknowledged++] = id;
            return;
        }
    }
}

void ud_courier_forget(struct ud_courier *courier)
{
    courier->batch = (struct ud_courier_batch){.open = false};
}

/* Each event may need a notice: no more of them than the allowance has. In thousandths, so that slow rates add up. */
static uint32_t allowance(struct ud_courier *courier, uint64_t now_ms)
{
    const uint64_t rate = courier->server->config.mqtt_notify_rate;
    if (rate == 0) {
        courier->notices = UINT64_C(1000) * UD_COURIER_BATCH;
        return UD_COURIER_BATCH;
    }
    const uint64_t passed_ms = now_ms - courier->notices_ms < 1000 ? now_ms - courier->notices_ms : 1000;
    const uint64_t most = rate * 1000;
    courier->notices = courier->notices + passed_ms * rate < most ? courier->notices + passed_ms * rate : most;
    courier->notices_ms = now_ms;
    return courier->notices / 1000 < UD_COURIER_BATCH ? (uint32_t)(courier->notices / 1000) : UD_COURIER_BATCH;
}

static ud_err open_batch(struct ud_courier *courier, struct page *page, uint32_t max)
{
    ud_err err = read_page(courier, page, max);
    ud_courier_forget(courier);
    for (size_t i = 0; i < page->count && err == UD_OK; i++) {
        err = tell_event(courier, &page->rows[i]);
        courier->batch.last = page->rows[i].id;
    }
    courier->batch.open = err == UD_OK && page->count > 0;
    return err;
}

uint64_t ud_courier_tell(struct ud_courier *courier, uint64_t now_ms)
{
    struct ud_courier_batch *batch = &courier->batch;
    if (!ud_mqtt_is_connected(courier->mqtt)) {
        return now_ms + LOOK_MS;
    }
    if (batch->open && batch->acknowledged < batch->count) {
        return now_ms + LOOK_MS; /* an acknowledgement wakes us by the socket */
    }
    if (batch->open) {
        close_batch(courier);
        courier->look_at_ms = 0; /* there may be more */
    }
    if (now_ms < courier->look_at_ms) {
        return courier->look_at_ms;
    }
    const uint32_t max = allowance(courier, now_ms);
    if (max == 0) {
        return now_ms + 1000 / courier->server->config.mqtt_notify_rate + 1;
    }
    struct page *page = calloc(1, sizeof *page);
    const ud_err err = page == NULL ? UD_ERR_MEMORY : open_batch(courier, page, max);
    courier->look_at_ms = now_ms + (err == UD_OK ? LOOK_MS : RETRY_MS);
    if (page != NULL) {
        free_page(page);
        free(page);
    }
    return batch->open && batch->count == 0 ? now_ms : courier->look_at_ms; /* nothing to wait for */
}
