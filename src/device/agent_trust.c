/*
 * A trust store instead of an envelope: verified from the provisioned roots, compared with the one in force, and written in
 * both its copies. Then a report and a reset, because the bootloader decides by it first.
 */
#include "device/agent_parts.h"
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

/* The envelope of the image that runs, behind the store in the same buffer. */
static ud_err read_running(struct ud_agent *agent)
{
    const struct ud_agent_config *config = agent->config;
    struct ud_buf room = {config->envelope + agent->envelope_len, config->envelope_cap - agent->envelope_len,
                          0};
    const ud_err err = ud_slots_envelope_read(config->slots, config->boot->slot, &room);
    if (err != UD_OK) {
        return err == UD_ERR_BUFFER ? UD_ERR_TOO_LARGE : err;
    }
    return ud_suit_envelope_parse(&agent->env, ud_buf_bytes(&room), NULL);
}

/* Did who signed the running image have the right to, by the new store? */
static ud_err check_rights(struct ud_agent *agent, const struct ud_trust *trust)
{
    const struct ud_agent_config *config = agent->config;
    ud_err err = ud_suit_manifest_parse(&agent->man, &agent->env, NULL);
    for (size_t i = 0; err == UD_OK && i < agent->man.component_count; i++) {
        struct ud_bytes id;
        err = ud_suit_component_id(&agent->man, i, &id);
        if (err == UD_OK) {
            err = ud_trust_may_write(trust, agent->env.signers, id, config->vendor_id, config->class_id);
        }
    }
    return err;
}

/* A store under which this device would not boot any more is not taken, whoever signed it (docs/design, T5). */
static ud_err check_not_stranded(struct ud_agent *agent, const struct ud_trust *trust)
{
    ud_err err = read_running(agent);
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&agent->env, trust, NULL);
        err = err == UD_OK ? err : ud_suit_envelope_keep(&agent->env, trust);
    }
    err = err == UD_OK ? check_rights(agent, trust) : err;
    if (err == UD_OK && agent->config->domains != NULL) {
        err = agent->config->domains->ops->check_trust(agent, &agent->env, trust);
    }
    return err == UD_OK || err == UD_ERR_TOO_LARGE ? err : UD_ERR_STRANDED;
}

static bool is_in_force(const struct ud_agent *agent)
{
    const struct ud_trust_store *now = agent->config->trust_store->now;
    return now != NULL && ud_bytes_equal(now->whole, received(agent));
}

static ud_err take_store(struct ud_agent *agent)
{
    const struct ud_agent_config *config = agent->config;
    const struct ud_agent_trust *work = config->trust_store;
    ud_err err = name_store(agent);
    if (err != UD_OK || is_in_force(agent)) {
        return err;
    }
    err = ud_trust_store_verify(work->next, received(agent), work->roots, NULL);
    err = err == UD_OK ? ud_trust_store_applies(work->next, config->vendor_id, config->class_id) : err;
    err = err == UD_OK ? ud_trust_store_follows(work->next, work->now, config->trust->epoch) : err;
    err = err == UD_OK ? check_not_stranded(agent, &work->next->trust) : err;
    if (err == UD_OK) {
        err = ud_twin_replace(work->twin, work->next->trust.number, received(agent));
        agent->reset_wanted = err == UD_OK;
    }
    return err;
}

void ud_agent_take_trust_store(struct ud_agent *agent)
{
    ud_agent_finish(agent, take_store(agent), NULL);
}
