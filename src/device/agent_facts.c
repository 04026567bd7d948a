/* What conditions of update management ask: answered by the application, through the agent's configuration. */
#include "device/agent_parts.h"

static ud_err ask_clock(void *ctx, uint64_t *now_s)
{
    const struct ud_agent_config *config = ((const struct ud_agent *)ctx)->config;
    return config->facts->clock(config->facts_ctx, now_s);
}

static ud_err ask_battery(void *ctx, uint64_t *charge_mwh)
{
    const struct ud_agent_config *config = ((const struct ud_agent *)ctx)->config;
    return config->facts->battery(config->facts_ctx, charge_mwh);
}

static ud_err ask_consent(void *ctx, int64_t priority)
{
    const struct ud_agent_config *config = ((const struct ud_agent *)ctx)->config;
    return config->facts->authorized(config->facts_ctx, priority);
}

/* By the device's own number of the component. */
static ud_err ask_version(void *ctx, uint8_t component, int64_t *numbers, size_t *count)
{
    struct ud_agent *agent = ctx;
    const struct ud_agent_config *config = agent->config;
    const ud_err err = agent->way->place(agent, component);
    return err == UD_OK
               ? config->facts->version(config->facts_ctx, agent->device_component[component], numbers, count)
               : err;
}

static ud_err ask_event(void *ctx, ud_suit_event event, int64_t number, struct ud_bytes item)
{
    const struct ud_agent_config *config = ((const struct ud_agent *)ctx)->config;
    return config->facts->event(config->facts_ctx, event, number, item);
}

void ud_agent_facts(struct ud_agent *agent)
{
    const struct ud_suit_um_ops *facts = agent->config->facts;
    agent->ops.um = NULL;
    if (facts == NULL) {
        return;
    }
    agent->um = (struct ud_suit_um_ops){
        .clock = facts->clock == NULL ? NULL : ask_clock,
        .battery = facts->battery == NULL ? NULL : ask_battery,
        .authorized = facts->authorized == NULL ? NULL : ask_consent,
        .version = facts->version == NULL ? NULL : ask_version,
        .event = facts->event == NULL ? NULL : ask_event,
    };
    agent->ops.um = &agent->um;
}
