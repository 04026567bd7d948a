#include "ports/posix/http_road.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "device/uri.h"
#include "ports/openssl/files.h"
#include "ports/posix/ddi.h"
#include "ports/posix/http_call.h"
#include "ports/posix/http_mirror.h"
#include "ports/posix/http_url.h"
#include "ports/posix/reach.h"

#define URL_BYTES_MAX 1024
#define CODE_BYTES_MAX 256
#define ENROLMENT_BYTES_MAX 1024
#define ATTRIBUTES_BYTES_MAX 2048

/* Where a poll stands. */
typedef enum poll_stage { POLL_BASE, POLL_ATTRIBUTES, POLL_DEPLOYMENT, POLL_CANCEL } poll_stage;

struct ud_http_road {
    struct ud_road functions;
    struct ud_http_road_config config;
    struct ud_http http;
    struct ud_reach reach;
    char base[URL_BYTES_MAX]; /* …/controller/v1/{name} */
    bool has_token;
    char code[CODE_BYTES_MAX + 1]; /* empty: none */
    uint32_t retry_after_ms;

    struct ud_http_call enrol;
    struct ud_http_call poll;
    struct ud_http_call progress;
    struct ud_http_call report;
    struct ud_http_call cancel;
    struct ud_http_call stream;

    poll_stage stage;
    struct ud_ddi_poll polled;
    bool report_as_feedback; /* the peer has no place for signed reports */
    char stream_uri[UD_URI_BYTES_MAX + 1];
    uint64_t stream_at;
    bool at_mirror;  /* where the stream comes from */
    bool both_asked; /* since the last byte */
};

static struct ud_bytes text_bytes(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static struct ud_bytes body_of(const struct ud_http_call *call)
{
    return (struct ud_bytes){call->body, call->body_len};
}

/* To where the server is reached now. UD_WAIT: not yet known where that is. */
static ud_err begin(struct ud_http_road *road, struct ud_http_call *call, const struct ud_http_request *request)
{
    ud_err err = request->elsewhere ? UD_OK : ud_reach_ready(&road->reach);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_place *place = request->elsewhere ? NULL : ud_reach_place(&road->reach);
    ud_http_go_to(&road->http, place == NULL ? NULL : place->address, place == NULL ? 0 : place->port);
    err = ud_http_call_begin(&road->http, call, request);
    call->number = road->reach.number;
    return err;
}

/* Move on. UD_WAIT with an idle call: it is to be begun again, elsewhere. */
static ud_err step(struct ud_http_road *road, struct ud_http_call *call)
{
    ud_err err = ud_http_call_step(&road->http, call);
    if (err == UD_OK) {
        ud_reach_answered(&road->reach, call->number);
    } else if (err != UD_WAIT) {
        ud_http_call_end(&road->http, call);
        err = ud_reach_failed(&road->reach, call->number, err);
    }
    return err;
}

/* Begin, unless it is under way, and move on. UD_OK: there is an answer; its status is the caller's to judge. */
static ud_err exchange(struct ud_http_road *road, struct ud_http_call *call,
                       const struct ud_http_request *request)
{
    ud_err err = ud_http_call_is_idle(call) ? begin(road, call, request) : UD_OK;
    if (err == UD_OK) {
        err = step(road, call);
    }
    if (err == UD_OK && ud_http_status_err(call->status) == UD_ERR_RETRY_LATER) {
        road->retry_after_ms = call->retry_after_ms;
    }
    return err;
}

static ud_err get(struct ud_http_road *road, struct ud_http_call *call, const char *url)
{
    const struct ud_http_request request = {.method = "GET", .url = url};
    return exchange(road, call, &request);
}

static ud_err post(struct ud_http_road *road, struct ud_http_call *call, const char *path,
                   const char *content_type, struct ud_bytes body)
{
    char url[URL_BYTES_MAX + 80];
    (void)snprintf(url, sizeof url, "%s%s", road->base, path);
    const struct ud_http_request request = {
        .method = "POST", .url = url, .content_type = content_type, .body = body};
    return exchange(road, call, &request);
}

/* ---- credentials ---- */

static ud_err use_token(struct ud_http_road *road, char *token)
{
    const ud_err err = ud_http_set_token(&road->http, token);
    road->has_token = err == UD_OK;
    return err;
}

/* One line of text from a small file. @return as ud_small_file_read; UD_ERR_CONFIG when it is empty */
static ud_err read_line(const char *path, bool secret, char *line, size_t cap)
{
    struct ud_buf buf = {(uint8_t *)line, cap - 1, 0};
    const ud_err err = ud_small_file_read(path, secret, &buf);
    if (err != UD_OK) {
        return err;
    }
    line[buf.len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return line[0] == '\0' ? UD_ERR_CONFIG : UD_OK;
}

static ud_err load_credentials(struct ud_http_road *road)
{
    char token[UD_DDI_TOKEN_BYTES_MAX + 2];
    ud_err err = read_line(road->config.token_path, true, token, sizeof token);
    if (err == UD_OK) {
        err = use_token(road, token);
    } else if (err == UD_ERR_NOT_FOUND && road->config.code_path != NULL) {
        err = read_line(road->config.code_path, true, road->code, sizeof road->code);
    }
    OPENSSL_cleanse(token, sizeof token);
    return err == UD_ERR_NOT_FOUND ? UD_ERR_AUTH : err;
}

static ud_err begin_enrolment(struct ud_http_road *road)
{
    uint8_t room[ENROLMENT_BYTES_MAX];
    struct ud_buf message = {room, sizeof room, 0};
    struct ud_enrolment enrolment = {.name = text_bytes(road->config.name), .code = text_bytes(road->code)};
    memcpy(enrolment.pub, road->config.signer->pub, sizeof enrolment.pub);
    ud_err err = ud_enrolment_write(&message, &enrolment, road->config.signer);
    if (err == UD_OK) {
        err = post(road, &road->enrol, "/enrol", "application/cose", ud_buf_bytes(&message));
    }
    OPENSSL_cleanse(room, sizeof room);
    return err;
}

/* The token is on disk before the code that bought it is removed. */
static ud_err keep_token(struct ud_http_road *road)
{
    char token[UD_DDI_TOKEN_BYTES_MAX + 1];
    ud_err err = ud_ddi_token_parse(body_of(&road->enrol), token);
    if (err == UD_OK) {
        err = ud_small_file_write(road->config.token_path, 0600, true, text_bytes(token));
    }
    if (err == UD_OK) {
        err = use_token(road, token);
    }
    if (err == UD_OK) {
        (void)unlink(road->config.code_path);
        OPENSSL_cleanse(road->code, sizeof road->code);
    }
    OPENSSL_cleanse(token, sizeof token);
    return err;
}

/* UD_OK once there is a token to speak with. */
static ud_err be_known(struct ud_http_road *road)
{
    if (road->has_token) {
        return UD_OK;
    }
    ud_err err = ud_http_call_is_idle(&road->enrol) ? begin_enrolment(road) : step(road, &road->enrol);
    if (err == UD_WAIT) {
        return err;
    }
    if (err == UD_OK) {
        err = ud_http_status_err(road->enrol.status);
    }
    if (err == UD_OK) {
        err = keep_token(road);
    }
    OPENSSL_cleanse(road->enrol.body, sizeof road->enrol.body);
    ud_http_call_end(&road->http, &road->enrol);
    return err;
}

/* ---- poll ---- */

/* A link is followed only to the server that the device is configured for: the token goes nowhere else. */
static ud_err follow(struct ud_http_road *road, const char *href)
{
    if (!ud_uri_same_origin(text_bytes(road->base), text_bytes(href))) {
        return UD_ERR_URI;
    }
    return get(road, &road->poll, href);
}

static ud_err put_attributes(struct ud_http_road *road)
{
    uint8_t room[ATTRIBUTES_BYTES_MAX];
    struct ud_buf body = {room, sizeof room, 0};
    const ud_err err = ud_ddi_attributes_write(&body, road->config.attributes, road->config.attribute_count);
    const struct ud_http_request request = {.method = "PUT",
                                            .url = road->polled.attributes,
                                            .content_type = "application/json",
                                            .body = ud_buf_bytes(&body)};
    return err == UD_OK ? exchange(road, &road->poll, &request) : err;
}

static ud_err ask(struct ud_http_road *road)
{
    switch (road->stage) {
    case POLL_BASE:
        return get(road, &road->poll, road->base);
    case POLL_ATTRIBUTES:
        return put_attributes(road);
    case POLL_DEPLOYMENT:
        return follow(road, road->polled.deployment);
    case POLL_CANCEL:
        return follow(road, road->polled.cancel);
    }
    return UD_ERR_INTERNAL;
}

/* To what the peer has for the device, or to the end of this poll. */
static ud_err next_work(struct ud_http_road *road, struct ud_road_news *news)
{
    if (road->polled.cancel[0] != '\0') {
        road->stage = POLL_CANCEL;
    } else if (road->polled.deployment[0] != '\0') {
        road->stage = POLL_DEPLOYMENT;
    } else {
        *news = (struct ud_road_news){.kind = UD_ROAD_NOTHING, .poll_ms = road->polled.poll_ms};
        return UD_OK;
    }
    return UD_WAIT;
}

static ud_err after_base(struct ud_http_road *road, struct ud_road_news *news)
{
    const ud_err err = ud_ddi_poll_parse(body_of(&road->poll), &road->polled);
    if (err != UD_OK) {
        return err;
    }
    if (road->config.attribute_count > 0 &&
        ud_uri_same_origin(text_bytes(road->base), text_bytes(road->polled.attributes))) {
        road->stage = POLL_ATTRIBUTES;
        return UD_WAIT;
    }
    return next_work(road, news);
}

static ud_err after_deployment(struct ud_http_road *road, struct ud_road_news *news)
{
    struct ud_road_news read = {.kind = UD_ROAD_OFFER, .poll_ms = road->polled.poll_ms};
    const ud_err err = ud_ddi_deployment_parse(body_of(&road->poll), &read.offer);
    if (err == UD_ABSENT) {
        read.kind = UD_ROAD_NOTHING;
    } else if (err != UD_OK) {
        return err;
    } else if (read.offer.uri_bytes > 0 &&
               !ud_uri_same_origin(text_bytes(road->base),
                                   (struct ud_bytes){(const uint8_t *)read.offer.uri, read.offer.uri_bytes})) {
        return UD_ERR_URI;
    }
    *news = read;
    return UD_OK;
}

static ud_err after_cancel(struct ud_http_road *road, struct ud_road_news *news)
{
    struct ud_road_news read = {.kind = UD_ROAD_CANCEL, .poll_ms = road->polled.poll_ms};
    const ud_err err = ud_ddi_cancel_parse(body_of(&road->poll), &read.cancel_action_id);
    if (err == UD_OK) {
        *news = read;
    }
    return err;
}

/* UD_WAIT: there is another stage. */
static ud_err answered(struct ud_http_road *road, struct ud_road_news *news)
{
    const ud_err err = ud_http_status_err(road->poll.status);
    if (err != UD_OK && road->stage != POLL_ATTRIBUTES) {
        return err; /* a peer that refuses attributes must not keep an update from the device by that */
    }
    switch (road->stage) {
    case POLL_BASE:
        return after_base(road, news);
    case POLL_ATTRIBUTES:
        return next_work(road, news);
    case POLL_DEPLOYMENT:
        return after_deployment(road, news);
    case POLL_CANCEL:
        return after_cancel(road, news);
    }
    return UD_ERR_INTERNAL;
}

static ud_err road_poll(void *ctx, struct ud_road_news *news)
{
    struct ud_http_road *road = ctx;
    ud_err err = be_known(road);
    if (err != UD_OK) {
        return err;
    }
    err = ask(road);
    if (err == UD_WAIT) {
        return err;
    }
    if (err == UD_OK) {
        err = answered(road, news);
        ud_http_call_end(&road->http, &road->poll);
    }
    if (err != UD_WAIT) {
        road->stage = POLL_BASE;
    }
    return err;
}

/* ---- fetch ---- */

static void road_fetch_stop(void *ctx)
{
    struct ud_http_road *road = ctx;
    ud_http_call_end(&road->http, &road->stream);
}

static ud_err begin_stream(struct ud_http_road *road, struct ud_bytes uri, uint64_t offset)
{
    road_fetch_stop(road);
    if (uri.len > UD_URI_BYTES_MAX || !ud_uri_same_origin(text_bytes(road->base), uri)) {
        return UD_ERR_URI;
    }
    char mirror[UD_HTTP_MIRROR_BYTES_MAX];
    const bool again = ud_bytes_equal(text_bytes(road->stream_uri), uri);
    const bool mirrored = ud_http_mirror_url(road->config.mirror, uri, mirror);
    memcpy(road->stream_uri, uri.ptr, uri.len);
    road->stream_uri[uri.len] = '\0';
    road->stream_at = offset;
    road->at_mirror =
        mirrored &&
        again != road->at_mirror; /* every new try asks the other place; else the one that delivered */
    const struct ud_http_request request = {.method = "GET",
                                            .url = road->at_mirror ? mirror : road->stream_uri,
                                            .stream = true,
                                            .elsewhere = road->at_mirror,
                                            .offset = offset};
    return begin(road, &road->stream, &request);
}

/* One place failed: the other one is asked before that is anybody's error. */
static ud_err ask_elsewhere(struct ud_http_road *road, ud_err err)
{
    char mirror[UD_HTTP_MIRROR_BYTES_MAX];
    const bool asks =
        !road->both_asked && ud_http_mirror_url(road->config.mirror, text_bytes(road->stream_uri), mirror);
    road->both_asked = asks;
    return asks ? UD_WAIT : err;
}

static ud_err road_fetch(void *ctx, struct ud_bytes uri, uint64_t offset_bytes, struct ud_bytes *chunk)
{
    struct ud_http_road *road = ctx;
    ud_err err = be_known(road);
    if (err == UD_OK && (ud_http_call_is_idle(&road->stream) || road->stream_at != offset_bytes ||
                         !ud_bytes_equal(text_bytes(road->stream_uri), uri))) {
        err = begin_stream(road, uri, offset_bytes);
    }
    if (err != UD_OK) {
        return err;
    }
    err = ud_http_stream_next(&road->http, &road->stream, chunk);
    if (err == UD_OK) {
        road->stream_at += chunk->len;
        road->both_asked = false;
    } else if (err != UD_WAIT) {
        /* else the server answered, that it cannot; or it was not asked */
        const bool silent = road->stream.status == 0 && !road->at_mirror;
        road->retry_after_ms = road->stream.retry_after_ms;
        road_fetch_stop(road);
        err = silent ? ud_reach_failed(&road->reach, road->stream.number, err) : err;
        err = err == UD_WAIT ? err : ask_elsewhere(road, err);
    }
    return err;
}

/* ---- what the device tells ---- */

static ud_err feedback(struct ud_http_road *road, struct ud_http_call *call, const char *place,
                       const struct ud_ddi_feedback *say)
{
    char path[64];
    uint8_t room[UD_DDI_FEEDBACK_BYTES_MAX];
    struct ud_buf body = {room, sizeof room, 0};
    const ud_err err = ud_ddi_feedback_write(&body, say);
    if (err != UD_OK) {
        return err;
    }
    (void)snprintf(path, sizeof path, "/%s/%u/feedback", place, (unsigned)say->action_id);
    return post(road, call, path, "application/json", ud_buf_bytes(&body));
}

static ud_err road_progress(void *ctx, const struct ud_road_progress *progress)
{
    static const struct {
        const char *execution;
        const char *detail;
    } words[] = {
        [UD_ROAD_DOWNLOADING] = {"download", "downloading"},
        [UD_ROAD_DOWNLOADED] = {"downloaded", "downloaded"},
        [UD_ROAD_INSTALLING] = {"proceeding", "installing"},
        [UD_ROAD_TRIAL] = {"proceeding", "trial"},
    };
    struct ud_http_road *road = ctx;
    const struct ud_ddi_feedback say = {
        .action_id = progress->action_id,
        .execution = words[progress->phase].execution,
        .finished = "none",
        .detail = words[progress->phase].detail,
        .done_count = progress->done_bytes,
        .of_count = progress->total_bytes,
    };
    if (progress->action_id == 0 || !road->has_token) {
        return UD_OK;
    }
    const ud_err err = feedback(road, &road->progress, "deploymentBase", &say);
    if (err == UD_OK) {
        ud_http_call_end(&road->http, &road->progress);
    }
    return err;
}

static ud_err send_report(struct ud_http_road *road, const struct ud_road_report *report)
{
    if (!road->report_as_feedback) {
        return post(road, &road->report, "/report", "application/suit-report+cose", report->signed_bytes);
    }
    const struct ud_ddi_feedback say = {
        .action_id = report->action_id,
        .execution = "closed",
        .finished = report->result == UD_OK ? "success" : "failure",
        .detail = ud_err_name(report->result),
    };
    return report->action_id == 0 ? UD_OK : feedback(road, &road->report, "deploymentBase", &say);
}

static bool has_no_place_for_reports(const struct ud_http_call *call, ud_err named)
{
    return (call->status == 404 || call->status == 405) && named == UD_ERR_NOT_FOUND;
}

static ud_err judge_report(struct ud_http_road *road)
{
    const ud_err by_status = ud_http_status_err(road->report.status);
    if (by_status == UD_OK) {
        return UD_OK;
    }
    const ud_err named = ud_ddi_error_parse(body_of(&road->report), by_status);
    if (!road->report_as_feedback && has_no_place_for_reports(&road->report, by_status) && named == by_status) {
        road->report_as_feedback = true; /* a plain DDI server: tell it in its own words */
        return UD_WAIT;
    }
    return named;
}

static ud_err road_report(void *ctx, const struct ud_road_report *report)
{
    struct ud_http_road *road = ctx;
    ud_err err = be_known(road);
    if (err != UD_OK) {
        return err;
    }
    err = send_report(road, report);
    if (err == UD_OK && !ud_http_call_is_idle(&road->report)) {
        err = judge_report(road);
        ud_http_call_end(&road->http, &road->report);
    }
    if (err != UD_WAIT) {
        road->report_as_feedback = false;
    }
    return err;
}

static ud_err road_cancel_done(void *ctx, uint32_t action_id, bool given_up)
{
    struct ud_http_road *road = ctx;
    const struct ud_ddi_feedback say = {
        .action_id = action_id,
        .execution = given_up ? "closed" : "rejected",
        .finished = "success",
        .detail = given_up ? "given up" : "too late, the new image is already on trial",
    };
    ud_err err = be_known(road);
    if (err == UD_OK) {
        err = feedback(road, &road->cancel, "cancelAction", &say);
    }
    if (err == UD_OK) {
        err = ud_http_status_err(road->cancel.status);
        ud_http_call_end(&road->http, &road->cancel);
    }
    return err == UD_ERR_NOT_FOUND || err == UD_ERR_CONFLICT ? UD_ERR_GONE : err;
}

static uint32_t road_retry_after_ms(void *ctx)
{
    struct ud_http_road *road = ctx;
    const uint32_t asked = road->retry_after_ms;
    road->retry_after_ms = 0;
    return asked;
}

/* ---- open and close ---- */

static ud_err make_base(struct ud_http_road *road)
{
    const struct ud_http_road_config *config = &road->config;
    if (config->name[0] == '\0' || strlen(config->name) > UD_DEVICE_NAME_BYTES_MAX ||
        !ud_http_url_allowed(config->url) || (config->mirror != NULL && !ud_http_url_allowed(config->mirror)) ||
        (config->discover && strncmp(config->url, "https:", 6) != 0)) {
        return UD_ERR_CONFIG;
    }
    return ud_http_url_base(config->url, config->tenant, config->name, road->base, sizeof road->base);
}

ud_err ud_http_road_open(struct ud_http_road **out, const struct ud_http_road_config *config)
{
    struct ud_http_road *road = calloc(1, sizeof *road);
    if (road == NULL) {
        return UD_ERR_MEMORY;
    }
    road->config = *config;
    road->reach = (struct ud_reach){
        .finder = config->discover ? &ud_finder_avahi : NULL, .type = "_updraft._tcp", .scheme = "https"};
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
    ud_err err = ud_http_init(&road->http, config->ca_path);
    road->http.rate_max = config->rate_max;
    if (err == UD_OK) {
        err = make_base(road);
    }
    if (err == UD_OK) {
        err = load_credentials(road);
    }
    if (err != UD_OK) {
        ud_http_road_close(road);
        return err;
    }
    *out = road;
    return UD_OK;
}

void ud_http_road_close(struct ud_http_road *road)
{
    if (road == NULL) {
        return;
    }
    struct ud_http_call *const calls[] = {&road->enrol,  &road->poll,   &road->progress,
                                          &road->report, &road->cancel, &road->stream};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        ud_http_call_end(&road->http, calls[i]);
    }
    ud_http_deinit(&road->http);
    ud_reach_close(&road->reach);
    OPENSSL_cleanse(road->code, sizeof road->code);
    free(road);
}

const struct ud_road *ud_http_road_functions(struct ud_http_road *road)
{
    return &road->functions;
}

void ud_http_road_sleep(struct ud_http_road *road, uint32_t wait_ms, int fd, bool writes)
{
    struct curl_waitfd other = {.fd = fd,
                                .events = (short)(CURL_WAIT_POLLIN | (writes ? CURL_WAIT_POLLOUT : 0))};
    (void)curl_multi_poll(road->http.multi, &other, fd < 0 ? 0 : 1, (int)(wait_ms < 60000U ? wait_ms : 60000U),
                          NULL);
}
