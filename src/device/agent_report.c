/* What became of it, signed. Also what runs after each start, so that nobody has to believe an old word. */
#include "device/agent_parts.h"
#include "device/backoff.h"
#include "device/boot_info.h"
#include "updraft/agent_reporting.h"

#define REPORTS_REFUSED_MAX 3 /* then something is wrong that another try does not mend */

/* ---- start and trial ---- */

static void report_running(struct ud_agent *agent)
{
    const struct ud_boot_info *boot = agent->config->boot;
    const bool lost = (boot->reason == UD_BOOT_REVERTED || boot->reason == UD_BOOT_FALLBACK ||
                       boot->reason == UD_BOOT_RECOVERY) &&
                      boot->outcome != UD_OK && boot->outcome != UD_ABSENT;
    agent->outcome = lost ? boot->outcome : UD_OK;
    agent->record = lost ? boot->record : (struct ud_suit_record){0};
    memcpy(agent->about, lost ? boot->attempted_digest : boot->manifest_digest, sizeof agent->about);
    agent->for_action = false;
    agent->report_ready = false;
    agent->status.last_err = agent->outcome;
    ud_agent_go(agent, UD_AGENT_REPORT);
}

/* The journal's action is answered now if its fate is known; an install that was cut goes on with its next offer. */
static void answer_for_the_past(struct ud_agent *agent)
{
    const struct ud_action_state *before = &ud_slots_state(agent->config->slots)->action;
    const ud_err known = ud_agent_known_outcome(agent, before->manifest_digest);
    if (!before->open || (before->flags & UD_ACTION_ANSWERED) != 0 || known == UD_ABSENT) {
        report_running(agent);
        return;
    }
    agent->action = *before;
    agent->status.action_id = before->id;
    ud_agent_finish(agent, known, known == UD_OK ? NULL : &agent->config->boot->record);
}

static bool is_on_trial(const struct ud_agent *agent)
{
    return agent->config->boot->reason == UD_BOOT_TRIAL &&
           ud_slots_state(agent->config->slots)->trial != UD_TRIAL_NONE;
}

ud_err ud_agent_step_start(struct ud_agent *agent, uint32_t *wait_ms)
{
    (void)wait_ms;
    const ud_err err = ud_slots_count_boot(agent->config->slots);
    if (err != UD_OK) {
        return err;
    }
    if (is_on_trial(agent)) {
        ud_agent_go(agent, UD_AGENT_TRIAL);
    } else {
        answer_for_the_past(agent);
    }
    return UD_WAIT;
}

ud_err ud_agent_step_trial(struct ud_agent *agent, uint32_t *wait_ms)
{
    if (is_on_trial(agent)) {
        *wait_ms = UD_AGENT_TRIAL_WAIT_MS;
    } else {
        answer_for_the_past(agent);
    }
    return UD_WAIT;
}

/* ---- report ---- */

static void claim(const struct ud_agent *agent, struct ud_report *report)
{
    const struct ud_boot_info *boot = agent->config->boot;
    const struct ud_layout *layout = agent->config->layout;
    for (uint8_t i = 0; i < boot->image_count && i < layout->component_count; i++) {
        report->claims[i] = (struct ud_report_claim){
            .component_id = layout->components[i].id,
            .digest = UD_BYTES_ARRAY(boot->images[i].digest),
            .image_size = boot->images[i].size_bytes,
            .sequence = boot->version.sequence,
            .epoch = boot->version.epoch,
        };
        report->claim_count++;
    }
}

/* The counter is durable before anything is signed with it: no two reports ever carry the same. */
static ud_err make_report(struct ud_agent *agent)
{
    const struct ud_slots_state *state = ud_slots_state(agent->config->slots);
    uint8_t measurement[UD_DIGEST_BYTES];
    ud_err err = ud_boot_info_measure(agent->config->boot, (struct ud_bytes){NULL, 0}, measurement);
    if (err != UD_OK) {
        return err;
    }
    struct ud_report report = {
        .reference_digest = UD_BYTES_ARRAY(agent->about),
        .result = agent->outcome,
        .record = agent->record,
        .boot_reason = agent->config->boot->reason,
        .measurement = UD_BYTES_ARRAY(measurement),
        .counter_err = agent->config->boot->counter_err,
        .boot_count = state->boot_count,
    };
    struct ud_buf out = {agent->report, sizeof agent->report, 0};
    if (agent->for_action && (agent->action.flags & UD_ACTION_HAS_NONCE) != 0) {
        report.nonce = UD_BYTES_ARRAY(agent->action.nonce);
    }
    claim(agent, &report);
    if (agent->config->reporting != NULL) {
        agent->config->reporting->ops->fill(agent, &report);
    }
    err = ud_slots_report_counter(agent->config->slots, &report.counter);
    if (err == UD_OK) {
        err = ud_report_write(&out, &report, agent->config->signer);
    }
    if (err == UD_OK) {
        agent->report_len = out.len;
        agent->report_ready = true;
    }
    return err;
}

/* Remembered over a reset: an action is not answered twice, and what it installed is not tried twice. */
static ud_err remember_answer(struct ud_agent *agent)
{
    struct ud_action_state answered = ud_slots_state(agent->config->slots)->action;
    if (!agent->for_action || !answered.open || (answered.flags & UD_ACTION_ANSWERED) != 0 ||
        memcmp(answered.manifest_digest, agent->about, sizeof agent->about) != 0) {
        return UD_OK;
    }
    answered.flags |= UD_ACTION_ANSWERED;
    return ud_slots_action_put(agent->config->slots, &answered);
}

/* After a new answer there may be new work at once; one that was given before waits for the next regular poll. */
static ud_err leave(struct ud_agent *agent)
{
    const ud_err err = remember_answer(agent);
    if (err != UD_OK) {
        return err;
    }
    const bool repeated = agent->for_action && agent->has_answered && agent->answered_id == agent->action.id;
    if (!repeated) {
        agent->next_poll_ms = agent->now_ms;
    }
    if (agent->for_action) {
        agent->has_answered = true;
        agent->answered_id = agent->action.id;
    }
    ud_backoff_reset(&agent->backoff);
    agent->report_ready = false;
    ud_agent_go(agent, agent->reset_wanted ? UD_AGENT_RESET : UD_AGENT_IDLE);
    return UD_WAIT;
}

typedef enum answer_kind {
    ANSWER_LATER,
    ANSWER_NEW_COUNTER,
    ANSWER_WITHOUT_ACTION,
    ANSWER_GIVE_UP
} answer_kind;

static answer_kind judge(const struct ud_agent *agent, ud_err err)
{
    static const struct {
        ud_err err;
        answer_kind kind;
    } rows[] = {
        {UD_ERR_COUNTER, ANSWER_NEW_COUNTER}, {UD_ERR_NONCE, ANSWER_WITHOUT_ACTION},
        {UD_ERR_GONE, ANSWER_WITHOUT_ACTION}, {UD_ERR_SIGNATURE, ANSWER_GIVE_UP},
        {UD_ERR_IDENTITY, ANSWER_GIVE_UP},    {UD_ERR_SHAPE, ANSWER_GIVE_UP},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].err == err) {
            return agent->reports_refused < REPORTS_REFUSED_MAX ? rows[i].kind : ANSWER_GIVE_UP;
        }
    }
    return ANSWER_LATER;
}

static ud_err after_refusal(struct ud_agent *agent, ud_err err, uint32_t *wait_ms)
{
    const struct ud_road *road = agent->config->road;
    const answer_kind kind = judge(agent, err);
    agent->status.last_err = err;
    if (kind == ANSWER_LATER) {
        const uint32_t asked = road->retry_after_ms(road->ctx);
        const uint32_t pause = ud_backoff_next_ms(&agent->backoff);
        agent->not_before_ms = agent->now_ms + (asked > pause ? asked : pause);
        *wait_ms = asked > pause ? asked : pause;
        return UD_WAIT;
    }
    agent->reports_refused++;
    agent->report_ready = false;
    if (kind == ANSWER_GIVE_UP) {
        agent->answered_id = agent->action.id; /* the next poll is a regular one */
        agent->has_answered = agent->for_action;
        return leave(agent);
    }
    if (kind == ANSWER_WITHOUT_ACTION) { /* the action is closed; what runs is still worth telling */
        const ud_err remembered = remember_answer(agent);
        report_running(agent);
        return remembered == UD_OK ? UD_WAIT : remembered;
    }
    return UD_WAIT;
}

ud_err ud_agent_step_report(struct ud_agent *agent, uint32_t *wait_ms)
{
    const struct ud_road *road = agent->config->road;
    if (!agent->report_ready) {
        const ud_err err = make_report(agent);
        agent->not_before_ms = agent->now_ms;
        return err == UD_OK ? UD_WAIT : err;
    }
    if (agent->now_ms < agent->not_before_ms) {
        const uint64_t left = agent->not_before_ms - agent->now_ms;
        *wait_ms = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
        return UD_WAIT;
    }
    const struct ud_road_report report = {
        .action_id = agent->for_action ? agent->action.id : 0,
        .result = agent->outcome,
        .signed_bytes = {agent->report, agent->report_len},
    };
    const ud_err err = road->report(road->ctx, &report);
    if (err == UD_WAIT) {
        *wait_ms = UD_AGENT_ROAD_WAIT_MS;
        return err;
    }
    return err == UD_OK ? leave(agent) : after_refusal(agent, err, wait_ms);
}
