#include "device/agent_parts.h"
#include "device/backoff.h"

static void open_window(struct ud_agent *agent, uint64_t at_ms)
{
    agent->window_start_ms = at_ms;
    agent->window_bytes = 0;
}

void ud_agent_download_begin(struct ud_agent *agent)
{
    agent->config->road->fetch_stop(agent->config->road->ctx);
    agent->tries = 0;
    agent->not_before_ms = agent->now_ms;
    ud_backoff_reset(&agent->backoff);
    open_window(agent, agent->now_ms);
}

static bool is_final(ud_err err)
{
    static const ud_err final[] = {UD_ERR_NOT_FOUND, UD_ERR_RANGE, UD_ERR_TOO_LARGE, UD_ERR_URI, UD_ERR_GONE};
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        if (final[i] == err) {
            return true;
        }
    }
    return false;
}

/* One try is lost. UD_WAIT as long as there is another. */
static ud_err lose_try(struct ud_agent *agent, ud_err err, uint32_t *wait_ms)
{
    const struct ud_road *road = agent->config->road;
    road->fetch_stop(road->ctx);
    agent->status.last_err = err;
    agent->tries++;
    if (is_final(err) || agent->tries >= agent->policy.tries_max) {
        return err;
    }
    const uint32_t asked = road->retry_after_ms(road->ctx);
    const uint32_t pause = ud_backoff_next_ms(&agent->backoff);
    *wait_ms = asked > pause ? asked : pause;
    agent->not_before_ms = agent->now_ms + *wait_ms;
    open_window(agent, agent->not_before_ms);
    return UD_WAIT;
}

/* A peer that only trickles costs tries like one that is gone; one that delivers earns them back. */
static bool is_too_slow(struct ud_agent *agent)
{
    const uint64_t window_ms = agent->policy.rate_window_ms;
    if (agent->now_ms - agent->window_start_ms < window_ms) {
        return false;
    }
    if (agent->window_bytes * 1000U < window_ms * agent->policy.rate_min) {
        return true;
    }
    agent->tries = 0;
    ud_backoff_reset(&agent->backoff);
    open_window(agent, agent->now_ms);
    return false;
}

ud_err ud_agent_download(struct ud_agent *agent, struct ud_bytes uri, uint64_t offset, struct ud_bytes *chunk,
                         uint32_t *wait_ms)
{
    const struct ud_road *road = agent->config->road;
    if (agent->now_ms < agent->not_before_ms) {
        const uint64_t left = agent->not_before_ms - agent->now_ms;
        *wait_ms = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
        return UD_WAIT;
    }
    if (is_too_slow(agent)) {
        return lose_try(agent, UD_ERR_TIMEOUT, wait_ms);
    }
    const ud_err err = road->fetch(road->ctx, uri, offset, chunk);
    if (err == UD_WAIT) {
        *wait_ms = UD_AGENT_ROAD_WAIT_MS;
        return err;
    }
    if (err != UD_OK) {
        return lose_try(agent, err, wait_ms);
    }
    agent->window_bytes += chunk->len;
    return UD_OK;
}

/* A refusal before anything was parsed must name something: what the offer named, or what was received. */
static ud_err name_by_content(struct ud_agent *agent)
{
    const struct ud_bytes received = {agent->config->envelope, agent->envelope_len};
    return agent->offer.has_digest ? UD_OK : ud_sha256(&received, 1, agent->action.manifest_digest);
}

static void refuse(struct ud_agent *agent, ud_err err)
{
    const ud_err named = name_by_content(agent);
    ud_agent_finish(agent, named == UD_OK ? err : named, NULL);
}

ud_err ud_agent_step_envelope(struct ud_agent *agent, uint32_t *wait_ms)
{
    const struct ud_agent_config *config = agent->config;
    const struct ud_bytes uri = {(const uint8_t *)agent->offer.uri, agent->offer.uri_bytes};
    struct ud_bytes chunk;
    if (uri.len == 0 || uri.len > sizeof agent->offer.uri) {
        refuse(agent, uri.len == 0 ? UD_ERR_UNSIGNED : UD_ERR_URI);
        return UD_WAIT;
    }
    const ud_err err = ud_agent_download(agent, uri, agent->envelope_len, &chunk, wait_ms);
    if (err == UD_WAIT) {
        return err;
    }
    if (err != UD_OK || chunk.len > config->envelope_cap - agent->envelope_len) {
        refuse(agent, err != UD_OK ? err : UD_ERR_TOO_LARGE);
        return UD_WAIT;
    }
    if (chunk.len > 0) {
        memcpy(config->envelope + agent->envelope_len, chunk.ptr, chunk.len);
        agent->envelope_len += chunk.len;
        return UD_WAIT;
    }
    config->road->fetch_stop(config->road->ctx);
    agent->running = false;
    ud_agent_go(agent, UD_AGENT_CHECK);
    return name_by_content(agent) == UD_OK ? UD_WAIT : UD_ERR_CRYPTO;
}
