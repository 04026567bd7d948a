/*
 * A trust store instead of an envelope: verified from the provisioned roots, compared with the one in force, and written in
 * both its copies. Then a report and a reset, because the bootloader decides by it first.
 */
#include "device/agent_parts.h"
#include "device/trust_check.h"
#include "updraft/agent_domains.h"

/* Where the store is that is at work: in front in the envelope's buffer. */
static struct ud_bytes received(const struct ud_agent *agent)
{
    return (struct ud_bytes){agent->config->envelope, agent->envelope_len};
}

/* Its name for the offer, the report and the journal. */
static ud_err name_store(struct ud_agent *agent)
{
    const struct ud_bytes whole = received(agent);
    const struct ud_bytes offered = {agent->offer.manifest_digest, UD_SHA256_BYTES};
    const ud_err err = ud_sha256(&whole, 1, agent->action.manifest_digest);
    if (err != UD_OK) {
        return err;
    }
    const bool same = ud_bytes_equal(offered, UD_BYTES_ARRAY(agent->action.manifest_digest));
    return agent->offer.has_digest && !same ? UD_ERR_DIGEST : UD_OK;
}

/* The envelope of the image that runs lands behind the store in the same buffer. */
static ud_err check_store(struct ud_agent *agent)
{
    const struct ud_agent_config *config = agent->config;
    const struct ud_agent_trust *work = config->trust_store;
    struct ud_trust_check check = {
        .roots = work->roots,
        .now = work->now,
        .provisioned_epoch = config->trust->epoch,
        .vendor_id = config->vendor_id,
        .class_id = config->class_id,
        .slots = config->slots,
        .slot = config->boot->slot,
        .env = &agent->env,
        .man = &agent->man,
        .room = {config->envelope + agent->envelope_len, config->envelope_cap - agent->envelope_len, 0},
    };
    return ud_trust_check(&check, received(agent), work->next);
}

/* Nor one under which a manifest that the running one depends on would not count any more. */
static ud_err check_domains(struct ud_agent *agent, const struct ud_trust *trust)
{
    const struct ud_agent_config *config = agent->config;
    const ud_err err =
        config->domains == NULL ? UD_OK : config->domains->ops->check_trust(agent, &agent->env, trust);
    return err == UD_OK || err == UD_ERR_TOO_LARGE ? err : UD_ERR_STRANDED;
}

static bool is_in_force(const struct ud_agent *agent)
{
    const struct ud_trust_store *now = agent->config->trust_store->now;
    return now != NULL && ud_bytes_equal(now->whole, received(agent));
}

static ud_err take_store(struct ud_agent *agent)
{
    const struct ud_agent_trust *work = agent->config->trust_store;
    ud_err err = name_store(agent);
    if (err != UD_OK || is_in_force(agent)) {
        return err;
    }
    err = check_store(agent);
    err = err == UD_OK ? check_domains(agent, &work->next->trust) : err;
    if (err == UD_OK) {
        err = ud_trust_put(agent->config->slots, work->twin, work->next->trust.number, received(agent));
        agent->reset_wanted = err == UD_OK;
    }
    return err;
}

void ud_agent_take_trust_store(struct ud_agent *agent)
{
    ud_agent_finish(agent, take_store(agent), NULL);
}
