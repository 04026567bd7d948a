#include "updraft/agent.h"

#include "device/agent_parts.h"
#include "device/backoff.h"
#include "updraft/agent_decrypt.h"
#include "updraft/agent_patch.h"
#include "updraft/assert.h"

#define POLL_MS 300000U
#define RETRY_MIN_MS 1000U
#define RETRY_MAX_MS 300000U
#define RATE_MIN 64U
#define RATE_WINDOW_MS 60000U
#define TRIES_MAX 10U
#define ENVELOPE_BYTES_MIN 512U
#define POLL_MS_MIN 1000U /* whatever a road wishes */

static void set_default(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0) {
        *value = otherwise;
    }
}

static struct ud_agent_policy complete(struct ud_agent_policy policy)
{
    set_default(&policy.poll_ms, POLL_MS);
    set_default(&policy.retry_min_ms, RETRY_MIN_MS);
    set_default(&policy.retry_max_ms, RETRY_MAX_MS);
    set_default(&policy.rate_min, RATE_MIN);
    set_default(&policy.rate_window_ms, RATE_WINDOW_MS);
    if (policy.tries_max == 0) {
        policy.tries_max = TRIES_MAX;
    }
    return policy;
}

ud_err ud_agent_init(struct ud_agent *agent, const struct ud_agent_config *config)
{
    const struct ud_agent_policy policy = complete(config->policy);
    if (config->slots == NULL || config->layout == NULL || config->boot == NULL || config->trust == NULL ||
        config->signer == NULL || config->road == NULL || config->envelope == NULL ||
        config->envelope_cap < ENVELOPE_BYTES_MIN || policy.retry_min_ms > policy.retry_max_ms) {
        return UD_ERR_CONFIG;
    }
    *agent = (struct ud_agent){.config = config, .policy = policy, .poll_ms = policy.poll_ms};
    ud_backoff_init(&agent->backoff, policy.retry_min_ms, policy.retry_max_ms, config->seed);
    ud_agent_ops(&agent->ops, config);
    return UD_OK;
}

void ud_agent_go(struct ud_agent *agent, ud_agent_state state)
{
    agent->status.state = state;
}

void ud_agent_release(struct ud_agent *agent)
{
    agent->config->road->fetch_stop(agent->config->road->ctx);
    ud_hash_abort(&agent->hash);
    if (agent->config->decrypting != NULL) {
        agent->config->decrypting->ops->stop(agent);
    }
    agent->fetching = false;
    agent->pending = (struct ud_bytes){NULL, 0};
}

void ud_agent_finish(struct ud_agent *agent, ud_err outcome, const struct ud_suit_record *record)
{
    ud_agent_release(agent);
    agent->has_to_say = false;
    agent->status.last_err = outcome;
    agent->outcome = outcome;
    agent->record = record == NULL ? (struct ud_suit_record){0} : *record;
    memcpy(agent->about, agent->action.manifest_digest, sizeof agent->about);
    agent->for_action = true;
    agent->report_ready = false;
    agent->reports_refused = 0;
    ud_agent_go(agent, UD_AGENT_REPORT);
}

void ud_agent_say(struct ud_agent *agent, ud_road_phase phase, uint64_t done, uint64_t total)
{
    agent->status.done_bytes = done;
    agent->status.total_bytes = total;
    agent->saying = (struct ud_road_progress){agent->action.id, phase, done, total};
    agent->has_to_say = true;
}

ud_err ud_agent_known_outcome(const struct ud_agent *agent, const uint8_t digest[UD_SHA256_BYTES])
{
    const struct ud_slots_state *state = ud_slots_state(agent->config->slots);
    if (state->trial != UD_TRIAL_NONE) {
        return UD_ABSENT;
    }
    if (memcmp(digest, agent->config->boot->manifest_digest, UD_SHA256_BYTES) == 0) {
        return UD_OK;
    }
    if (memcmp(digest, state->attempted, UD_SHA256_BYTES) == 0 && state->outcome != UD_OK) {
        return state->outcome;
    }
    return UD_ABSENT;
}

/* ---- idle, poll, cancel ---- */

static void plan_poll(struct ud_agent *agent, uint64_t pause_ms)
{
    const uint32_t spread = pause_ms / 8 < UINT32_MAX ? (uint32_t)(pause_ms / 8) : UINT32_MAX;
    agent->next_poll_ms = agent->now_ms + pause_ms + ud_backoff_random(&agent->backoff, spread);
}

static ud_err step_idle(struct ud_agent *agent, uint32_t *wait_ms)
{
    agent->status.action_id = 0;
    if (agent->now_ms < agent->next_poll_ms) {
        const uint64_t left = agent->next_poll_ms - agent->now_ms;
        *wait_ms = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
        return UD_WAIT;
    }
    ud_agent_go(agent, UD_AGENT_POLL);
    return UD_WAIT;
}

/* One call to the road's poll. UD_OK: agent->news is new, and the next poll is planned. */
static ud_err poll_road(struct ud_agent *agent)
{
    const struct ud_road *road = agent->config->road;
    const ud_err err = road->poll(road->ctx, &agent->news);
    if (err == UD_WAIT) {
        return err;
    }
    if (err == UD_OK) {
        if (agent->news.poll_ms != 0) {
            agent->poll_ms = agent->news.poll_ms < POLL_MS_MIN ? POLL_MS_MIN : agent->news.poll_ms;
        }
        plan_poll(agent, agent->poll_ms);
        return err;
    }
    const uint32_t asked = road->retry_after_ms(road->ctx);
    const uint32_t pause = ud_backoff_next_ms(&agent->backoff);
    agent->status.last_err = err;
    plan_poll(agent, asked > pause ? asked : pause);
    return err;
}

static void take_offer(struct ud_agent *agent)
{
    agent->offer = agent->news.offer;
    agent->action = (struct ud_action_state){.open = true, .id = agent->offer.action_id};
    if (agent->offer.has_nonce) {
        agent->action.flags = UD_ACTION_HAS_NONCE;
        memcpy(agent->action.nonce, agent->offer.nonce, sizeof agent->action.nonce);
    }
    if (agent->offer.has_digest) {
        memcpy(agent->action.manifest_digest, agent->offer.manifest_digest, UD_SHA256_BYTES);
    }
    agent->status.action_id = agent->offer.action_id;
    agent->status.done_bytes = 0;
    agent->status.total_bytes = 0;
    agent->status.last_err = UD_OK;
    agent->envelope_len = 0;
    agent->env = (struct ud_suit_envelope){0};
    agent->content_retried = false;
    if (agent->config->patching != NULL) {
        agent->config->patching->ops->offer(agent->config->patching);
    }
    ud_agent_download_begin(agent);
    ud_agent_go(agent, UD_AGENT_ENVELOPE);
}

static ud_err step_poll(struct ud_agent *agent, uint32_t *wait_ms)
{
    const ud_err err = poll_road(agent);
    if (err == UD_WAIT) {
        *wait_ms = UD_AGENT_ROAD_WAIT_MS;
        return UD_WAIT;
    }
    ud_agent_go(agent, UD_AGENT_IDLE);
    if (err != UD_OK) {
        return UD_WAIT;
    }
    ud_backoff_reset(&agent->backoff);
    switch (agent->news.kind) {
    case UD_ROAD_NOTHING:
        agent->status.last_err = UD_OK;
        break;
    case UD_ROAD_OFFER:
        take_offer(agent);
        break;
    case UD_ROAD_CANCEL:
        ud_agent_go(agent, UD_AGENT_CANCEL);
        break;
    }
    return UD_WAIT;
}

/* Nothing of this action may be installed any more; what is in the other slot is worth nothing. */
static ud_err forget_action(struct ud_agent *agent)
{
    const struct ud_slots_state *state = ud_slots_state(agent->config->slots);
    if (state->trial != UD_TRIAL_NONE || !state->action.open ||
        state->action.id != agent->news.cancel_action_id) {
        return UD_OK;
    }
    const ud_err err = ud_slots_install_abort(agent->config->slots);
    return err == UD_OK ? ud_slots_action_put(agent->config->slots, &(struct ud_action_state){0}) : err;
}

static ud_err step_cancel(struct ud_agent *agent, uint32_t *wait_ms)
{
    const struct ud_road *road = agent->config->road;
    ud_err err = forget_action(agent);
    if (err != UD_OK) {
        return err;
    }
    err = road->cancel_done(road->ctx, agent->news.cancel_action_id, true);
    if (err == UD_WAIT) {
        *wait_ms = UD_AGENT_ROAD_WAIT_MS;
        return UD_WAIT;
    }
    agent->status.last_err = err == UD_OK || err == UD_ERR_GONE ? UD_ERR_CANCELED : err;
    if (err == UD_OK) {
        agent->next_poll_ms = agent->now_ms; /* its successor may be waiting */
    }
    ud_agent_go(agent, UD_AGENT_IDLE);
    return UD_WAIT;
}

/* ---- while an action is at work ---- */

static void drop_work(struct ud_agent *agent, ud_agent_state next)
{
    ud_agent_release(agent);
    agent->has_to_say = false;
    ud_agent_go(agent, next);
}

void ud_agent_give_up(struct ud_agent *agent)
{
    agent->next_poll_ms = agent->now_ms;
    agent->status.last_err = UD_ERR_GONE;
    drop_work(agent, UD_AGENT_IDLE);
}

/* Does the peer still want this? A cancel, another action or none at all ends the work; an error says nothing. */
static void poll_beside(struct ud_agent *agent)
{
    if (agent->action.id == 0 || agent->now_ms < agent->next_poll_ms) {
        return;
    }
    if (poll_road(agent) != UD_OK) {
        return;
    }
    switch (agent->news.kind) {
    case UD_ROAD_CANCEL:
        drop_work(agent, UD_AGENT_CANCEL);
        return;
    case UD_ROAD_OFFER:
        if (agent->news.offer.action_id == agent->action.id) {
            return;
        }
        break;
    case UD_ROAD_NOTHING:
        break;
    }
    ud_agent_give_up(agent);
}

static void say_it(struct ud_agent *agent)
{
    const struct ud_road *road = agent->config->road;
    if (agent->has_to_say && road->progress(road->ctx, &agent->saying) != UD_WAIT) {
        agent->has_to_say = false;
    }
}

static bool is_interruptible(ud_agent_state state)
{
    return state == UD_AGENT_ENVELOPE || state == UD_AGENT_CHECK || state == UD_AGENT_INSTALL;
}

static ud_err step_reset(struct ud_agent *agent, uint32_t *wait_ms)
{
    (void)agent;
    *wait_ms = 0;
    return UD_OK;
}

static const struct {
    const char *name;
    ud_err (*work)(struct ud_agent *agent, uint32_t *wait_ms);
} states[UD_AGENT_STATE_COUNT] = {
    [UD_AGENT_START] = {"start", ud_agent_step_start},
    [UD_AGENT_TRIAL] = {"trial", ud_agent_step_trial},
    [UD_AGENT_REPORT] = {"report", ud_agent_step_report},
    [UD_AGENT_IDLE] = {"idle", step_idle},
    [UD_AGENT_POLL] = {"poll", step_poll},
    [UD_AGENT_CANCEL] = {"cancel", step_cancel},
    [UD_AGENT_ENVELOPE] = {"envelope", ud_agent_step_envelope},
    [UD_AGENT_CHECK] = {"check", ud_agent_step_check},
    [UD_AGENT_INSTALL] = {"install", ud_agent_step_install},
    [UD_AGENT_STORE] = {"store", ud_agent_step_store},
    [UD_AGENT_RESET] = {"reset", step_reset},
};

const char *ud_agent_state_name(ud_agent_state state)
{
    return state < UD_AGENT_STATE_COUNT ? states[state].name : "?";
}

ud_err ud_agent_step(struct ud_agent *agent, uint64_t now_ms, uint32_t *wait_ms)
{
    agent->now_ms = now_ms;
    *wait_ms = 0;
    say_it(agent);
    if (is_interruptible(agent->status.state)) {
        poll_beside(agent);
    }
    return states[agent->status.state].work(agent, wait_ms);
}

void ud_agent_poll_now(struct ud_agent *agent)
{
    agent->next_poll_ms = agent->now_ms;
}

struct ud_bytes ud_agent_last_report(const struct ud_agent *agent)
{
    return (struct ud_bytes){agent->report, agent->report_len};
}

const struct ud_agent_status *ud_agent_status(const struct ud_agent *agent)
{
    return &agent->status;
}
