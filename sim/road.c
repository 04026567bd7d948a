#include "road.h"

#include <stdio.h>
#include <stdlib.h>

/* Count `waits` calls before the answer is there. */
static bool is_waiting(struct sim_road *sim, uint32_t waits)
{
    if (sim->waited < waits) {
        sim->waited++;
        return true;
    }
    sim->waited = 0;
    return false;
}

static ud_err sim_poll(void *ctx, struct ud_road_news *news)
{
    struct sim_road *sim = ctx;
    if (is_waiting(sim, sim->waits)) {
        return UD_WAIT;
    }
    sim->polls++;
    if (sim->poll_err == UD_OK) {
        *news = sim->news;
    }
    return sim->poll_err;
}

static struct sim_resource *find(struct sim_road *sim, struct ud_bytes uri)
{
    for (uint8_t i = 0; i < sim->resource_count; i++) {
        const struct ud_bytes here = {(const uint8_t *)sim->resources[i].uri, strlen(sim->resources[i].uri)};
        if (ud_bytes_equal(here, uri)) {
            return &sim->resources[i];
        }
    }
    return NULL;
}

static ud_err serve(struct sim_road *sim, struct sim_resource *resource, uint64_t offset,
                    struct ud_bytes *chunk)
{
    const uint64_t left = offset < resource->bytes.len ? resource->bytes.len - offset : 0;
    size_t n = left < sim->chunk_bytes ? (size_t)left : sim->chunk_bytes;
    if (offset > resource->bytes.len && !resource->endless) {
        return UD_ERR_RANGE;
    }
    if (n > 0) {
        memcpy(sim->chunk, resource->bytes.ptr + offset, n);
    } else if (resource->endless) {
        n = sim->chunk_bytes;
        memset(sim->chunk, 'x', n);
    }
    resource->served_bytes += n;
    *chunk = (struct ud_bytes){sim->chunk, n};
    return UD_OK;
}

static ud_err sim_fetch(void *ctx, struct ud_bytes uri, uint64_t offset_bytes, struct ud_bytes *chunk)
{
    struct sim_road *sim = ctx;
    if (is_waiting(sim, sim->waits + sim->stall_waits)) {
        return UD_WAIT;
    }
    if (sim->fetch_failures > 0) {
        sim->fetch_failures--;
        return sim->fetch_err;
    }
    struct sim_resource *resource = find(sim, uri);
    return resource == NULL ? UD_ERR_NOT_FOUND : serve(sim, resource, offset_bytes, chunk);
}

static void sim_fetch_stop(void *ctx)
{
    struct sim_road *sim = ctx;
    memset(sim->chunk, 0xdd, sizeof sim->chunk); /* what was lent is gone */
}

static ud_err sim_progress(void *ctx, const struct ud_road_progress *progress)
{
    struct sim_road *sim = ctx;
    sim->progresses++;
    sim->last_progress = *progress;
    return UD_OK;
}

static void keep_report(struct sim_road *sim, const struct ud_road_report *report)
{
    if (report->signed_bytes.len > sizeof sim->last_report) {
        abort();
    }
    sim->reports++;
    sim->last_result = report->result;
    sim->last_report_action_id = report->action_id;
    sim->last_report_len = report->signed_bytes.len;
    memcpy(sim->last_report, report->signed_bytes.ptr, report->signed_bytes.len);
}

static ud_err sim_report(void *ctx, const struct ud_road_report *report)
{
    struct sim_road *sim = ctx;
    if (is_waiting(sim, sim->waits)) {
        return UD_WAIT;
    }
    keep_report(sim, report);
    if (sim->report_refusals > 0) {
        sim->report_refusals--;
        return sim->report_err;
    }
    if (report->action_id != 0 && report->action_id == sim->news.offer.action_id && !sim->keep_offering) {
        sim->news = (struct ud_road_news){.kind = UD_ROAD_NOTHING, .poll_ms = sim->news.poll_ms};
    }
    if (sim->lost_acknowledgements > 0) {
        sim->lost_acknowledgements--;
        return UD_ERR_TIMEOUT;
    }
    return UD_OK;
}

static ud_err sim_cancel_done(void *ctx, uint32_t action_id, bool given_up)
{
    struct sim_road *sim = ctx;
    if (is_waiting(sim, sim->waits)) {
        return UD_WAIT;
    }
    if (sim->news.kind != UD_ROAD_CANCEL || sim->news.cancel_action_id != action_id) {
        return UD_ERR_GONE;
    }
    sim->cancels_done += given_up ? 1 : 0;
    sim->news = (struct ud_road_news){.kind = UD_ROAD_NOTHING, .poll_ms = sim->news.poll_ms};
    return UD_OK;
}

static uint32_t sim_retry_after_ms(void *ctx)
{
    const struct sim_road *sim = ctx;
    return sim->retry_after_ms;
}

void sim_road_init(struct sim_road *sim)
{
    *sim = (struct sim_road){.chunk_bytes = 1000};
    sim->road = (struct ud_road){
        .ctx = sim,
        .poll = sim_poll,
        .fetch = sim_fetch,
        .fetch_stop = sim_fetch_stop,
        .progress = sim_progress,
        .report = sim_report,
        .cancel_done = sim_cancel_done,
        .retry_after_ms = sim_retry_after_ms,
    };
}

struct sim_resource *sim_road_put(struct sim_road *sim, const char *name, struct ud_bytes bytes)
{
    struct sim_resource fresh = {.bytes = bytes};
    (void)snprintf(fresh.uri, sizeof fresh.uri, SIM_ROAD_PLACE "%s", name);
    struct sim_resource *place = find(sim, (struct ud_bytes){(const uint8_t *)fresh.uri, strlen(fresh.uri)});
    if (place == NULL) {
        if (sim->resource_count == SIM_ROAD_RESOURCES_MAX) {
            abort();
        }
        place = &sim->resources[sim->resource_count++];
    }
    *place = fresh;
    return place;
}

void sim_road_offer(struct sim_road *sim, uint32_t action_id, const char *name, const uint8_t *nonce)
{
    struct ud_offer offer = {.action_id = action_id, .has_nonce = nonce != NULL};
    offer.uri_bytes = (uint16_t)snprintf(offer.uri, sizeof offer.uri, SIM_ROAD_PLACE "%s", name);
    if (nonce != NULL) {
        memcpy(offer.nonce, nonce, sizeof offer.nonce);
    }
    sim->news.kind = UD_ROAD_OFFER;
    sim->news.offer = offer;
}

void sim_road_cancel(struct sim_road *sim, uint32_t action_id)
{
    sim->news.kind = UD_ROAD_CANCEL;
    sim->news.cancel_action_id = action_id;
}
