#include "ports/posix/mqtt_road.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ports/mqtt/mqtt.h"
#include "ports/mqtt/topic.h"
#include "ports/openssl/keys.h"
#include "ports/posix/bell.h"

#define ACK_MS 15000U /* for the server's word on a report; then it goes over HTTPS */
#define AGAIN 3
#define AGAIN_MS 250U  /* first pause; each is four times the one before */
#define HELLO_MS 5000U /* so long a report waits for the first connection after a start */
#define TEXT_BYTES_MAX 512

/* Where the report at work stands. */
typedef enum report_stage { REPORT_NONE, REPORT_SENT, REPORT_BELOW } report_stage;

struct ud_mqtt_road {
    struct ud_road functions;
    struct ud_mqtt_road_config config;
    struct ud_mqtt *mqtt;
    char topics[UD_LEAF_COUNT][UD_TOPIC_BYTES_MAX + 1];
    char user[UD_TOPIC_BYTES_MAX + 1];
    uint64_t now_ms;
    uint64_t hello_until_ms; /* 0: no step was made yet */
    bool answered;           /* the first try to connect came to something */
    struct ud_bell_seen seen;
    bool wanted; /* a poll, at poll_at_ms */
    uint64_t poll_at_ms;
    uint8_t again; /* polls more, while what was announced is not found: other servers may not know it yet */
    bool polling;  /* one is under way: what is rung now needs another */
    uint64_t status_seq;
    report_stage stage;
    uint8_t report[UD_SHA256_BYTES];
    uint64_t report_until_ms;
    bool report_taken;
};

static struct ud_bytes text_bytes(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static const char *or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static uint64_t clock_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

static ud_err publish(struct ud_mqtt_road *road, ud_leaf leaf, struct ud_bytes payload, bool retain)
{
    return ud_mqtt_publish(road->mqtt, road->topics[leaf], payload, retain, NULL);
}

/* --- what the broker says */

/* The whole fleet may have heard the same: everybody looks at a time of their own. */
static void want_poll(struct ud_mqtt_road *road)
{
    uint32_t chance = 0;
    if (ud_random((uint8_t *)&chance, sizeof chance) != UD_OK) {
        chance = 0;
    }
    const uint64_t at_ms = road->now_ms + chance % (road->config.spread_s * 1000U + 1U);
    road->poll_at_ms = road->wanted && road->poll_at_ms < at_ms ? road->poll_at_ms : at_ms;
    road->wanted = true;
}

static void hear_notify(struct ud_mqtt_road *road, const struct ud_mqtt_message *message)
{
    struct ud_bell_notify notify;
    ud_err err = ud_bell_notify_parse(message->payload, &notify);
    if (err == UD_ABSENT) {
        return;
    }
    err = err == UD_OK ? ud_bell_take_notify(&road->seen, &notify) : err;
    (void)fprintf(stderr, "agent event=notify seq=%llu action=%u err=%s\n",
                  err == UD_ERR_PROTOCOL ? 0ULL : (unsigned long long)notify.seq,
                  err == UD_ERR_PROTOCOL ? 0U : (unsigned)notify.action_id, ud_err_name(err));
    if (err == UD_OK) {
        want_poll(road);
        road->again = notify.kind == UD_BELL_NONE ? 0 : AGAIN;
    }
}

static void hear_cmd(struct ud_mqtt_road *road, const struct ud_mqtt_message *message)
{
    char text[TEXT_BYTES_MAX];
    struct ud_bell_cmd cmd = {0};
    ud_err err = ud_bell_cmd_parse(message->payload, &cmd);
    err = err == UD_OK ? ud_bell_take_cmd(&road->seen, &cmd, message->retained, clock_ms()) : err;
    (void)fprintf(stderr, "agent event=cmd id=%llu err=%s\n", (unsigned long long)cmd.id, ud_err_name(err));
    if (err == UD_ERR_PROTOCOL || message->retained) {
        return; /* nobody is told: it is none of the server's, or an old one */
    }
    if (err == UD_OK) {
        want_poll(road);
        road->poll_at_ms = road->now_ms; /* one device was meant: at once */
    }
    (void)snprintf(text, sizeof text, "{\"id\":%llu,\"error\":\"%s\"}", (unsigned long long)cmd.id,
                   ud_err_name(err));
    (void)publish(road, UD_LEAF_CMD_ACK, text_bytes(text), false);
}

/* A refusal is not believed from here: the road over HTTPS asks the server itself. */
static void hear_ack(struct ud_mqtt_road *road, const struct ud_mqtt_message *message)
{
    struct ud_bell_ack ack;
    if (message->retained || road->stage != REPORT_SENT || ud_bell_ack_parse(message->payload, &ack) != UD_OK ||
        memcmp(ack.digest, road->report, sizeof ack.digest) != 0) {
        return;
    }
    (void)fprintf(stderr, "agent event=report-ack err=%s\n", ud_err_name(ack.err));
    road->report_taken = ack.err == UD_OK;
    road->stage = ack.err == UD_OK ? REPORT_SENT : REPORT_BELOW;
}

static void on_message(void *ctx, const struct ud_mqtt_message *message)
{
    static const struct {
        ud_leaf leaf;
        void (*hear)(struct ud_mqtt_road *road, const struct ud_mqtt_message *message);
    } ears[] = {{UD_LEAF_NOTIFY, hear_notify}, {UD_LEAF_CMD, hear_cmd}, {UD_LEAF_REPORT_ACK, hear_ack}};
    struct ud_mqtt_road *road = ctx;
    if (message->payload.len > UD_MQTT_PAYLOAD_BYTES_MAX) {
        return;
    }
    for (size_t i = 0; i < sizeof ears / sizeof ears[0]; i++) {
        if (strcmp(message->topic, road->topics[ears[i].leaf]) == 0) {
            ears[i].hear(road, message);
        }
    }
}

static void say_hello(struct ud_mqtt_road *road)
{
    char text[TEXT_BYTES_MAX];
    (void)snprintf(text, sizeof text, "{\"fw\":\"%s\",\"slot\":\"%s\",\"boot\":\"%s\"}", road->config.running,
                   road->config.slot, road->config.boot);
    (void)publish(road, UD_LEAF_ATTRS, text_bytes(text), true);
    (void)snprintf(text, sizeof text, "{\"online\":true,\"boot\":\"%s\"}", road->config.boot);
    (void)publish(road, UD_LEAF_ONLINE, text_bytes(text), true);
}

static void on_change(void *ctx, ud_err err, bool kept)
{
    (void)kept; /* what is retained is to come again: it may have changed */
    struct ud_mqtt_road *road = ctx;
    (void)fprintf(stderr, "agent event=broker err=%s\n", ud_err_name(err));
    road->answered = true;
    if (err != UD_OK) {
        road->stage = road->stage == REPORT_SENT && !road->report_taken ? REPORT_BELOW : road->stage;
        return;
    }
    for (unsigned leaf = 0; leaf < UD_LEAF_COUNT; leaf++) {
        if (ud_leaf_is_servers((ud_leaf)leaf)) {
            (void)ud_mqtt_subscribe(road->mqtt, road->topics[leaf]);
        }
    }
    say_hello(road);
    want_poll(road); /* whatever was rung meanwhile, and a broker that forgot */
}

/* --- the road */

static ud_err road_poll(void *ctx, struct ud_road_news *news)
{
    struct ud_mqtt_road *road = ctx;
    road->polling = true;
    const ud_err err = road->config.inner->poll(road->config.inner->ctx, news);
    road->polling = err == UD_WAIT;
    if (err == UD_OK && news->kind != UD_ROAD_NOTHING) {
        road->again = 0;
    } else if (err == UD_OK && road->again > 0 && !road->wanted) {
        road->again--;
        road->wanted = true;
        road->poll_at_ms = road->now_ms + ((uint64_t)AGAIN_MS << 2 * (AGAIN - road->again));
    }
    return err;
}

static ud_err road_fetch(void *ctx, struct ud_bytes uri, uint64_t offset_bytes, struct ud_bytes *chunk)
{
    const struct ud_mqtt_road *road = ctx;
    return road->config.inner->fetch(road->config.inner->ctx, uri, offset_bytes, chunk);
}

static void road_fetch_stop(void *ctx)
{
    const struct ud_mqtt_road *road = ctx;
    road->config.inner->fetch_stop(road->config.inner->ctx);
}

static ud_err road_progress(void *ctx, const struct ud_road_progress *progress)
{
    struct ud_mqtt_road *road = ctx;
    uint8_t room[UD_BELL_STATUS_BYTES_MAX];
    struct ud_buf text = {room, sizeof room, 0};
    if (progress->action_id == 0) {
        return UD_OK;
    }
    /* grows over restarts of this process as well, as long as the clock does */
    const uint64_t now_ms = clock_ms();
    road->status_seq = now_ms > road->status_seq ? now_ms : road->status_seq + 1;
    if (!ud_mqtt_is_connected(road->mqtt) ||
        ud_bell_status_write(&text, progress, road->status_seq, now_ms) != UD_OK ||
        publish(road, UD_LEAF_STATUS, ud_buf_bytes(&text), false) != UD_OK) {
        return road->config.inner->progress(road->config.inner->ctx, progress);
    }
    return UD_OK;
}

static void begin_report(struct ud_mqtt_road *road, const struct ud_road_report *report,
                         const uint8_t digest[UD_SHA256_BYTES])
{
    memcpy(road->report, digest, sizeof road->report);
    road->report_taken = false;
    road->report_until_ms = road->now_ms + ACK_MS;
    road->stage = road->config.reports && publish(road, UD_LEAF_REPORT, report->signed_bytes, false) == UD_OK
                      ? REPORT_SENT
                      : REPORT_BELOW;
}

/*
 * Sent here, and the server's word awaited, because the broker's own acknowledgement says nothing about a commit. A server
 * that does not answer, or refuses, is asked over HTTPS with the same bytes, which it takes twice without harm.
 */
static ud_err road_report(void *ctx, const struct ud_road_report *report)
{
    struct ud_mqtt_road *road = ctx;
    uint8_t digest[UD_SHA256_BYTES];
    ud_err err = ud_sha256(&report->signed_bytes, 1, digest);
    if (err != UD_OK) {
        return err;
    }
    if (!road->answered && road->config.reports && road->now_ms < road->hello_until_ms) {
        return UD_WAIT;
    }
    if (road->stage == REPORT_NONE || memcmp(digest, road->report, sizeof digest) != 0) {
        begin_report(road, report, digest);
    }
    if (road->stage == REPORT_SENT && !road->report_taken) {
        if (road->now_ms < road->report_until_ms) {
            return UD_WAIT;
        }
        road->stage = REPORT_BELOW;
    }
    err = road->stage == REPORT_BELOW ? road->config.inner->report(road->config.inner->ctx, report) : UD_OK;
    road->stage = err == UD_WAIT ? road->stage : REPORT_NONE;
    return err;
}

static ud_err road_cancel_done(void *ctx, uint32_t action_id, bool given_up)
{
    const struct ud_mqtt_road *road = ctx;
    return road->config.inner->cancel_done(road->config.inner->ctx, action_id, given_up);
}

static uint32_t road_retry_after_ms(void *ctx)
{
    const struct ud_mqtt_road *road = ctx;
    return road->config.inner->retry_after_ms(road->config.inner->ctx);
}

/* --- open, step, close */

static ud_err make_topics(struct ud_mqtt_road *road)
{
    ud_err err = ud_topic_user_write(road->user, road->config.tenant, road->config.name);
    for (unsigned leaf = 0; leaf < UD_LEAF_COUNT && err == UD_OK; leaf++) {
        err = ud_topic_write(road->topics[leaf], road->config.tenant, road->config.name, (ud_leaf)leaf);
    }
    return err;
}

static ud_err connect(struct ud_mqtt_road *road)
{
    const struct ud_mqtt_road_config *config = &road->config;
    const char *user = or_null(config->user);
    const bool by_name = user != NULL || or_null(config->password_path) != NULL;
    const struct ud_mqtt_config mqtt = {
        .url = config->url,
        .client_id = road->user,
        .ca = or_null(config->ca_path),
        .user = !by_name       ? NULL
                : user != NULL ? user
                               : road->user,
        .password_path = or_null(config->password_path),
        .cert = or_null(config->cert_path),
        .key = or_null(config->key_path),
        .keepalive_s = (uint16_t)config->keepalive_s,
        .will_topic = road->topics[UD_LEAF_ONLINE],
        .will_payload = "{\"online\":false}",
        .changed = on_change,
        .message = on_message,
        .ctx = road,
    };
    return ud_mqtt_open(&road->mqtt, &mqtt);
}

ud_err ud_mqtt_road_open(struct ud_mqtt_road **out, const struct ud_mqtt_road_config *config)
{
    struct ud_mqtt_road *road = calloc(1, sizeof *road);
    if (road == NULL) {
        return UD_ERR_MEMORY;
    }
    road->config = *config;
    road->functions = (struct ud_road){
        .ctx = road,
        .poll = road_poll,
        .fetch = road_fetch,
        .fetch_stop = road_fetch_stop,
        .progress = road_progress,
        .report = road_report,
        .cancel_done = road_cancel_done,
        .retry_after_ms = road_retry_after_ms,
    };
    ud_err err = make_topics(road);
    err = err == UD_OK ? connect(road) : err;
    if (err != UD_OK) {
        ud_mqtt_road_close(road);
        return err;
    }
    *out = road;
    return UD_OK;
}

void ud_mqtt_road_close(struct ud_mqtt_road *road)
{
    if (road == NULL) {
        return;
    }
    if (road->mqtt != NULL) {
        (void)publish(road, UD_LEAF_ONLINE, text_bytes("{\"online\":false}"), true);
        ud_mqtt_close(road->mqtt);
    }
    free(road);
}

const struct ud_road *ud_mqtt_road_functions(struct ud_mqtt_road *road)
{
    return &road->functions;
}

bool ud_mqtt_road_step(struct ud_mqtt_road *road, uint64_t now_ms)
{
    road->now_ms = now_ms;
    road->hello_until_ms = road->hello_until_ms == 0 ? now_ms + HELLO_MS : road->hello_until_ms;
    ud_mqtt_step(road->mqtt, now_ms);
    if (!road->wanted || road->polling || now_ms < road->poll_at_ms) {
        return false;
    }
    road->wanted = false;
    return true;
}

int ud_mqtt_road_socket(const struct ud_mqtt_road *road, bool *writes)
{
    return ud_mqtt_socket(road->mqtt, writes);
}
