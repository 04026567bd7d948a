/*
 * From the broker: what devices say. A topic names a device, and the broker's rules let nobody else write there; but nothing
 * here rests on that: progress changes only what is shown, and a report is believed by its signature alone.
 */
#include "server/mqtt/courier_parts.h"

#include "server/actions.h"
#include "server/attributes.h"
#include "server/events.h"
#include "server/mqtt/mqtt_message.h"
#include "server/report_take.h"
#include "server/scheduler.h"
#include "server/tenants.h"
#include "server/text.h"

#include <stdlib.h>
#include <time.h>

#define WAIT_MS 5 /* while the writer has enough of ours */

/* A message on its way through the writer. */
struct ud_arrival {
    struct ud_job job; /* first */
    struct ud_arrival *next;
    struct ud_courier *courier;
    ud_leaf leaf;
    ud_err err;
    struct ud_told told; /* the device; of a report all of it */
    size_t bytes;
    uint8_t body[UD_REPORT_BYTES_MAX];
    struct ud_mqtt_status status;
    json_t *attributes;
    int64_t command;
    bool taken;
    bool changed;
};

static struct ud_bytes body_of(const struct ud_arrival *arrival)
{
    return (struct ud_bytes){arrival->body, arrival->bytes};
}

/* --- on the writer thread */

static ud_err apply_report(struct ud_arrival *arrival, struct ud_store *store)
{
    struct ud_told *told = &arrival->told;
    if (told->refused != UD_OK) {
        return ud_report_keep_refused(told, store, body_of(arrival), ud_server_now_ms());
    }
    const ud_err err = ud_report_apply(told, store, body_of(arrival), ud_server_now_ms());
    arrival->changed = err == UD_OK && told->refused == UD_OK;
    return err;
}

static ud_err apply_status(struct ud_arrival *arrival, struct ud_store *store)
{
    char messages[6 * UD_MQTT_WORDS_BYTES_MAX + 16];
    const struct ud_mqtt_status *status = &arrival->status;
    struct ud_text text;
    ud_text_init(&text, sizeof messages);
    struct ud_json json = {&text, false};
    ud_json_open(&json, NULL, '[');
    ud_json_string(&json, NULL, status->words);
    ud_json_close(&json, ']');
    const struct ud_progress progress = {.action = status->action,
                                         .state = status->state,
                                         .has_code = status->has_code,
                                         .code = status->code,
                                         .messages = text.ptr};
    const struct ud_fleet_device *device = &arrival->told.device;
    const ud_err err = ud_text_ok(&text) ? ud_action_progress(store, device->tenant, device->id, &progress,
                                                              ud_server_now_ms(), &arrival->told.action)
                                         : UD_ERR_MEMORY;
    ud_text_free(&text);
    return err;
}

static ud_err apply_attributes(struct ud_arrival *arrival, struct ud_store *store)
{
    const struct ud_fleet_device *device = &arrival->told.device;
    ud_err err =
        ud_attributes_combine(store, device->tenant, device->id, arrival->attributes, UD_ATTRIBUTES_MERGE);
    err = err == UD_OK ? ud_store_device_get(store, device->id, &arrival->told.row) : err;
    arrival->changed = err == UD_OK;
    return err;
}

static ud_err apply_answer(struct ud_arrival *arrival, struct ud_store *store)
{
    const struct ud_fleet_device *device = &arrival->told.device;
    return ud_event_polled(store, device->tenant, device->name, arrival->command, arrival->taken,
                           ud_server_now_ms());
}

static ud_err run(struct ud_job *job, struct ud_store *store)
{
    static ud_err (*const work[UD_LEAF_COUNT])(struct ud_arrival * arrival, struct ud_store * store) = {
        [UD_LEAF_REPORT] = apply_report,
        [UD_LEAF_STATUS] = apply_status,
        [UD_LEAF_ATTRS] = apply_attributes,
        [UD_LEAF_CMD_ACK] = apply_answer,
    };
    struct ud_arrival *arrival = (struct ud_arrival *)(void *)job;
    return work[arrival->leaf](arrival, store);
}

static void done(struct ud_job *job, ud_err err)
{
    struct ud_arrival *arrival = (struct ud_arrival *)(void *)job;
    struct ud_courier *courier = arrival->courier;
    arrival->err = err;
    if (err == UD_OK && arrival->changed) {
        (void)ud_fleet_put(courier->server->fleet, &arrival->told.row);
        ud_scheduler_wake(courier->server->scheduler);
    }
    pthread_mutex_lock(&courier->lock);
    *courier->last = arrival;
    courier->last = &arrival->next;
    pthread_mutex_unlock(&courier->lock);
    ud_courier_wake(courier);
}

/* --- on the courier's thread again */

static void free_arrival(struct ud_arrival *arrival)
{
    json_decref(arrival->attributes);
    free(arrival);
}

/* Behind the commit: only then the device may stop repeating it. */
static void answer_report(struct ud_courier *courier, const struct ud_arrival *arrival)
{
    char topic[UD_TOPIC_BYTES_MAX + 1];
    char tenant[UD_TITLE_BYTES_MAX + 1];
    uint8_t hash[UD_SHA256_BYTES];
    const struct ud_bytes body = body_of(arrival);
    struct ud_text text;
    const ud_err err = arrival->err == UD_OK ? arrival->told.refused : arrival->err;
    ud_report_log(courier->server, &arrival->told, err);
    if (courier->mqtt == NULL || ud_sha256(&body, 1, hash) != UD_OK ||
        ud_tenants_name(courier->server->tenants, arrival->told.device.tenant, tenant) != UD_OK ||
        ud_topic_write(topic, tenant, arrival->told.device.name, UD_LEAF_REPORT_ACK) != UD_OK) {
        return;
    }
    ud_text_init(&text, UD_MQTT_PAYLOAD_BYTES_MAX);
    struct ud_json json = {&text, false};
    ud_json_open(&json, NULL, '{');
    ud_json_hex(&json, "report", UD_BYTES_ARRAY(hash));
    ud_json_string(&json, "error", ud_err_name(err));
    ud_json_close(&json, '}');
    if (ud_text_ok(&text)) {
        (void)ud_mqtt_publish(courier->mqtt, topic, (struct ud_bytes){(const uint8_t *)text.ptr, text.len},
                              false, NULL);
    }
    ud_text_free(&text);
}

static void log_end(const struct ud_courier *courier, const struct ud_arrival *arrival)
{
    if (arrival->err != UD_OK) {
        ud_log_event(&courier->server->log, UD_LOG_WARN, "mqtt-refused", "device", arrival->told.device.name,
                     "what", ud_leaf_name(arrival->leaf), "error", ud_err_name(arrival->err), NULL);
    }
}

static struct ud_arrival *take_finished(struct ud_courier *courier)
{
    pthread_mutex_lock(&courier->lock);
    struct ud_arrival *arrival = courier->finished;
    if (arrival != NULL) {
        courier->finished = arrival->next;
        courier->last = courier->finished == NULL ? &courier->finished : courier->last;
        courier->under_way--;
    }
    pthread_mutex_unlock(&courier->lock);
    return arrival;
}

void ud_courier_answer(struct ud_courier *courier)
{
    for (struct ud_arrival *arrival = take_finished(courier); arrival != NULL;
         arrival = take_finished(courier)) {
        if (arrival->leaf == UD_LEAF_REPORT) {
            answer_report(courier, arrival);
        } else {
            log_end(courier, arrival);
        }
        free_arrival(arrival);
    }
}

/* --- what arrives */

/* The writer has enough of ours: the broker waits with us. */
static void wait_for_room(struct ud_courier *courier)
{
    const struct timespec pause = {0, WAIT_MS * 1000000L};
    for (;;) {
        pthread_mutex_lock(&courier->lock);
        const bool full = courier->under_way >= UD_COURIER_ARRIVALS_MAX;
        pthread_mutex_unlock(&courier->lock);
        if (!full || atomic_load(&courier->ending)) {
            return;
        }
        nanosleep(&pause, NULL);
        ud_courier_answer(courier);
    }
}

static ud_err hand_over(struct ud_courier *courier, struct ud_arrival *arrival)
{
    wait_for_room(courier);
    arrival->courier = courier;
    arrival->job.run = run;
    arrival->job.done = done;
    pthread_mutex_lock(&courier->lock);
    courier->under_way++;
    pthread_mutex_unlock(&courier->lock);
    const ud_err err = ud_writer_submit(courier->server->writer, &arrival->job);
    if (err != UD_OK) {
        pthread_mutex_lock(&courier->lock);
        courier->under_way--;
        pthread_mutex_unlock(&courier->lock);
    }
    return err;
}

static ud_err hear_report(struct ud_courier *courier, struct ud_arrival *arrival, struct ud_bytes payload)
{
    (void)courier;
    if (payload.len > UD_REPORT_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    arrival->bytes = payload.len;
    if (payload.len > 0) {
        memcpy(arrival->body, payload.ptr, payload.len);
    }
    arrival->told.refused = ud_report_check(&arrival->told, body_of(arrival)); /* kept, too */
    return UD_OK;
}

/* QoS 1 delivers twice, and a broker that restarts delivers again: what is not newer than the last is dropped. */
static ud_err hear_status(struct ud_courier *courier, struct ud_arrival *arrival, struct ud_bytes payload)
{
    const ud_err err = ud_mqtt_status_parse(payload, &arrival->status);
    if (err != UD_OK) {
        return err;
    }
    const int64_t device = arrival->told.device.id;
    const size_t at = (size_t)((uint64_t)device % UD_COURIER_SEEN);
    if (courier->seen[at].device == device && courier->seen[at].action == arrival->status.action &&
        courier->seen[at].seq >= arrival->status.seq) {
        return UD_ERR_REPLAY;
    }
    courier->seen[at].device = device;
    courier->seen[at].action = arrival->status.action;
    courier->seen[at].seq = arrival->status.seq;
    return UD_OK;
}

static ud_err hear_attributes(struct ud_courier *courier, struct ud_arrival *arrival, struct ud_bytes payload)
{
    (void)courier;
    return payload.len == 0 ? UD_ABSENT : ud_mqtt_attrs_parse(payload, &arrival->attributes);
}

/* Presence shows when a device was heard, and fails nothing: a device that restarts goes offline, too. */
static ud_err hear_online(struct ud_courier *courier, struct ud_arrival *arrival, struct ud_bytes payload)
{
    bool online = false;
    if (payload.len > 0) {
        const ud_err err = ud_mqtt_online_parse(payload, &online);
        if (err != UD_OK) {
            return err;
        }
    }
    if (online) {
        (void)ud_fleet_touch(courier->server->fleet, arrival->told.device.id, ud_server_now_ms());
    }
    return UD_ABSENT;
}

/* Only an answer to what was asked, and once. */
static ud_err hear_answer(struct ud_courier *courier, struct ud_arrival *arrival, struct ud_bytes payload)
{
    const ud_err err = ud_mqtt_cmd_ack_parse(payload, &arrival->command, &arrival->taken);
    if (err != UD_OK) {
        return err;
    }
    for (size_t i = 0; i < UD_COURIER_COMMANDS; i++) {
        if (courier->commands[i].id == arrival->command &&
            courier->commands[i].device == arrival->told.device.id) {
            courier->commands[i].id = 0;
            return UD_OK;
        }
    }
    return UD_ERR_REPLAY;
}

/* Whose topic is it? The tenant as it is spelt here: two spellings would be two users at the broker. */
static ud_err find_device(struct ud_courier *courier, const char *topic, struct ud_arrival *arrival)
{
    char tenant[UD_TOPIC_NAME_BYTES_MAX + 1];
    char spelt[UD_TITLE_BYTES_MAX + 1];
    char name[UD_TOPIC_NAME_BYTES_MAX + 1];
    int64_t id = 0;
    ud_err err = ud_topic_parse(topic, tenant, name, &arrival->leaf);
    err = err == UD_OK && ud_leaf_is_servers(arrival->leaf) ? UD_ERR_TOPIC : err;
    err = err == UD_OK ? ud_server_tenant(courier->server, tenant, &id) : err;
    err = err == UD_OK ? ud_tenants_name(courier->server->tenants, id, spelt) : err;
    err = err == UD_OK && strcmp(spelt, tenant) != 0 ? UD_ERR_TOPIC : err;
    err = err == UD_OK ? ud_fleet_find(courier->server->fleet, id, name, &arrival->told.device) : err;
    return err == UD_ERR_NOT_FOUND ? UD_ERR_TOPIC : err;
}

static ud_err take(struct ud_courier *courier, const struct ud_mqtt_message *message,
                   struct ud_arrival *arrival)
{
    static const struct {
        ud_err (*hear)(struct ud_courier *courier, struct ud_arrival *arrival, struct ud_bytes payload);
        bool may_be_retained;
    } ears[UD_LEAF_COUNT] = {
        [UD_LEAF_REPORT] = {hear_report, false},   [UD_LEAF_STATUS] = {hear_status, false},
        [UD_LEAF_ATTRS] = {hear_attributes, true}, [UD_LEAF_ONLINE] = {hear_online, true},
        [UD_LEAF_CMD_ACK] = {hear_answer, false},
    };
    ud_err err = find_device(courier, message->topic, arrival);
    if (err != UD_OK) {
        return err;
    }
    if (message->retained && !ears[arrival->leaf].may_be_retained) {
        return UD_ERR_REPLAY;
    }
    if (message->payload.len > UD_MQTT_PAYLOAD_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    err = ears[arrival->leaf].hear(courier, arrival, message->payload);
    return err == UD_OK ? hand_over(courier, arrival) : err;
}

void ud_courier_hear(void *ctx, const struct ud_mqtt_message *message)
{
    struct ud_courier *courier = ctx;
    struct ud_arrival *arrival = calloc(1, sizeof *arrival);
    ud_metric_add(&courier->server->metrics, UD_METRIC_MQTT_TAKEN, 1);
    if (arrival == NULL) {
        return; /* as if the network had lost it */
    }
    const ud_err err = take(courier, message, arrival);
    if (err == UD_OK) {
        return; /* the writer has it */
    }
    if (err != UD_ABSENT) {
        ud_metric_add(&courier->server->metrics, UD_METRIC_MQTT_REFUSED, 1);
        ud_log_event(&courier->server->log, err == UD_ERR_REPLAY ? UD_LOG_DEBUG : UD_LOG_WARN, "mqtt-refused",
                     "topic", message->topic, "error", ud_err_name(err), NULL);
    }
    free_arrival(arrival);
}

void ud_courier_subscribe(struct ud_courier *courier, bool kept)
{
    static const struct {
        const char *topic;
        bool
            retained; /* all devices' come at once where the broker forgot us: not again after each interruption */
    } topics[] = {
        {"updraft/v1/+/+/report", false}, {"updraft/v1/+/+/status", false}, {"updraft/v1/+/+/cmd/ack", false},
        {"updraft/v1/+/+/attrs", true},   {"updraft/v1/+/+/online", true},
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (!kept || !topics[i].retained) {
            (void)ud_mqtt_subscribe(courier->mqtt, topics[i].topic);
        }
    }
}
