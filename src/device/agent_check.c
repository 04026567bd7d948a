/* Does the envelope apply to this device? Everything here happens before the first byte of an image is asked for. */
#include "device/agent_parts.h"
#include "device/keep.h"
#include "updraft/agent_decrypt.h"
#include "updraft/agent_domains.h"
#include "updraft/agent_patch.h"
#include "updraft/agent_reporting.h"

static ud_err compare(struct ud_bytes mine, struct ud_bytes theirs, ud_err otherwise)
{
    return mine.len != 0 && ud_bytes_equal(mine, theirs) ? UD_OK : otherwise;
}

static ud_err op_vendor(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_agent *agent = ctx;
    (void)component;
    return compare(agent->config->vendor_id, params->vendor_id, UD_ERR_VENDOR);
}

static ud_err op_class(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_agent *agent = ctx;
    (void)component;
    return compare(agent->config->class_id, params->class_id, UD_ERR_CLASS);
}

static ud_err op_device(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_agent *agent = ctx;
    (void)component;
    return compare(agent->config->device_id, params->device_id, UD_ERR_DEVICE_ID);
}

static ud_err op_slot(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_agent *agent = ctx;
    (void)component;
    return params->slot == ud_slots_inactive(agent->config->slots) ? UD_OK : UD_ERR_CONDITION;
}

/* What is NULL here this device cannot do: a manifest that asks for it is refused by name. */
void ud_agent_ops(struct ud_suit_ops *ops, const struct ud_agent_config *config)
{
    *ops = (struct ud_suit_ops){
        .vendor = op_vendor,
        .class_id = op_class,
        .device_id = op_device,
        .component_slot = op_slot,
        .image_match = ud_agent_op_image_match,
        .fetch = ud_agent_op_fetch,
    };
    if (config->decrypting != NULL) {
        config->decrypting->ops->add(ops);
    }
    if (config->patching != NULL) {
        config->patching->ops->add(config->patching, ops);
    }
    if (config->reporting != NULL) {
        config->reporting->ops->add(ops);
    }
}

/* Authenticate, and only then parse. */
static ud_err read_envelope(struct ud_agent *agent)
{
    const struct ud_bytes received = {agent->config->envelope, agent->envelope_len};
    ud_err err = ud_suit_envelope_parse(&agent->env, received, NULL);
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&agent->env, agent->config->trust, NULL);
    }
    if (err != UD_OK) {
        return err;
    }
    const struct ud_bytes offered = {agent->offer.manifest_digest, UD_SHA256_BYTES};
    if (agent->offer.has_digest && !ud_bytes_equal(offered, agent->env.digest)) {
        return UD_ERR_DIGEST;
    }
    memcpy(agent->action.manifest_digest, agent->env.digest.ptr, UD_SHA256_BYTES);
    return ud_suit_manifest_parse(&agent->man, &agent->env, NULL);
}

static ud_err find_place(struct ud_agent *agent, uint8_t component)
{
    const struct ud_agent_patching *patching = agent->config->patching;
    struct ud_bytes id;
    const ud_err err = ud_suit_component_id(&agent->man, component, &id);
    if (err == UD_OK && patching != NULL && patching->ops->stages(patching, id)) {
        agent->device_component[component] = UD_AGENT_STAGING;
        return UD_OK;
    }
    return err == UD_OK ? ud_slots_component_find(agent->config->slots, id, &agent->device_component[component])
                        : err;
}

ud_err ud_agent_may_write(const struct ud_agent *agent, const struct ud_trust *trust, ud_trust_set signers,
                          struct ud_bytes id)
{
    const struct ud_agent_config *config = agent->config;
    return ud_trust_may_write(trust, signers, ud_slots_writers(config->slots, id), id, config->vendor_id,
                              config->class_id);
}

/* Component i of the manifest: known here, signed for by somebody who may, image of a known size that fits. */
static ud_err check_component(struct ud_agent *agent, uint8_t i)
{
    const struct ud_agent_config *config = agent->config;
    struct ud_suit_params params;
    ud_err err = ud_suit_run_params(&agent->run, i, &params);
    if (err == UD_OK) {
        err = find_place(agent, i);
    }
    const uint8_t place = agent->device_component[i];
    if (err == UD_OK && place == UD_AGENT_STAGING) {
        return UD_OK; /* no part of the device; what is made of it is one */
    }
    if (err == UD_OK) {
        err =
            ud_agent_may_write(agent, config->trust, agent->env.signers, config->layout->components[place].id);
    }
    if (err != UD_OK) {
        return err;
    }
    if ((params.has & UD_SUIT_HAS_DIGEST) == 0 || (params.has & UD_SUIT_HAS_SIZE) == 0) {
        return UD_ERR_PARAMETER_UNSET;
    }
    if (params.image_size == 0 || params.image_size > ud_slots_capacity(config->slots, place)) {
        return UD_ERR_SPACE;
    }
    agent->size_bytes[place] = (uint32_t)params.image_size;
    return UD_OK;
}

/* All components of the device switch together, so a manifest names them all. */
static ud_err check_components(struct ud_agent *agent)
{
    const uint8_t count = agent->config->layout->component_count;
    memset(agent->size_bytes, 0, sizeof agent->size_bytes);
    for (uint8_t i = 0; i < agent->man.component_count; i++) {
        const ud_err err = check_component(agent, i);
        if (err != UD_OK) {
            return err;
        }
    }
    for (uint8_t i = 0; i < count; i++) {
        if (agent->size_bytes[i] == 0) {
            return UD_ERR_COMPONENT;
        }
    }
    return UD_OK;
}

ud_err ud_agent_check_version(const struct ud_agent *agent)
{
    const struct ud_agent_config *config = agent->config;
    const uint64_t now_s = config->time_s == NULL ? 0 : config->time_s(config->time_ctx);
    const ud_err err = ud_trust_may_install(config->trust, agent->man.sequence, now_s);
    if (err != UD_OK) {
        return err;
    }
    const struct ud_version offered = {agent->config->trust->epoch, agent->man.sequence};
    const struct ud_version stored = ud_slots_state(agent->config->slots)->stored;
    return ud_version_compare(offered, stored) > 0 ? UD_OK : UD_ERR_STALE;
}

static ud_err check_space_for_envelope(const struct ud_agent *agent)
{
    size_t kept = 0;
    const ud_err err = ud_envelope_kept_bytes(&agent->env, &kept);
    if (ud_agent_installs_otherwise(agent)) {
        kept = agent->env.whole.len;
    }
    if (err != UD_OK) {
        return err;
    }
    return kept <= ud_slots_envelope_capacity(agent->config->slots) ? UD_OK : UD_ERR_SPACE;
}

/* An offer that comes again after its trial was lost: the answer stays what it was; a new action may try again. */
static bool was_lost_before(const struct ud_agent *agent, ud_err known)
{
    const struct ud_action_state *before = &ud_slots_state(agent->config->slots)->action;
    return known != UD_OK && known != UD_ABSENT && before->open && before->id == agent->action.id &&
           memcmp(before->manifest_digest, agent->action.manifest_digest, UD_SHA256_BYTES) == 0;
}

/* In the journal before the first byte is installed: whichever image boots next answers for it. */
static ud_err remember_action(struct ud_agent *agent)
{
    const struct ud_action_state *before = &ud_slots_state(agent->config->slots)->action;
    const struct ud_action_state *now = &agent->action;
    if (before->open && before->id == now->id && before->flags == now->flags &&
        memcmp(before->nonce, now->nonce, sizeof now->nonce) == 0 &&
        memcmp(before->manifest_digest, now->manifest_digest, UD_SHA256_BYTES) == 0) {
        return UD_OK; /* a resume wears no flash */
    }
    return ud_slots_action_put(agent->config->slots, now);
}

/* ---- a manifest that depends on no other ---- */

static ud_err run_alone(struct ud_agent *agent, ud_suit_procedure procedure)
{
    return ud_suit_run_init(&agent->run, &agent->man, procedure, &agent->ops, agent, NULL);
}

static ud_err check_alone(struct ud_agent *agent)
{
    ud_err err = check_components(agent);
    if (err == UD_OK) {
        err = ud_agent_check_version(agent);
    }
    return err == UD_OK ? check_space_for_envelope(agent) : err;
}

static ud_err keep_alone(struct ud_agent *agent, struct ud_bytes *kept)
{
    return ud_envelope_keep(agent->config->envelope, &agent->env, kept);
}

static const struct ud_agent_way alone = {run_alone, check_alone, find_place, keep_alone};

static ud_err begin_check(struct ud_agent *agent)
{
    ud_err err = read_envelope(agent);
    agent->way = &alone;
    if (err == UD_OK && agent->config->domains != NULL) {
        agent->config->domains->ops->begin(agent);
    }
    ud_agent_facts(agent);
    if (err == UD_OK) {
        err = agent->way->run(agent, UD_SUIT_CHECK);
    }
    if (err == UD_OK) {
        err = ud_suit_run_able(&agent->run, NULL); /* before a download, not in the middle of an install */
    }
    agent->running = err == UD_OK;
    return err;
}

static ud_err accept(struct ud_agent *agent)
{
    ud_err err = agent->way->check(agent);
    if (err == UD_OK) {
        err = remember_action(agent);
    }
    if (err == UD_OK) {
        agent->running = false;
        ud_agent_go(agent, UD_AGENT_INSTALL);
    }
    return err;
}

static ud_err applies(struct ud_agent *agent)
{
    const ud_err known = ud_agent_known_outcome(agent, agent->action.manifest_digest);
    if (known == UD_OK) {
        ud_agent_finish(agent, UD_OK, NULL); /* it runs already */
        return UD_OK;
    }
    return was_lost_before(agent, known) ? known : accept(agent);
}

static bool is_trust_store(const struct ud_agent *agent)
{
    const struct ud_bytes received = {agent->config->envelope, agent->envelope_len};
    return agent->config->trust_store != NULL && ud_trust_store_is_one(received);
}

ud_err ud_agent_step_check(struct ud_agent *agent, uint32_t *wait_ms)
{
    const bool in_run = agent->running;
    if (!in_run && is_trust_store(agent)) {
        agent->config->trust_store->take(agent);
        return UD_WAIT;
    }
    agent->wait_ms = 0;
    ud_err err = in_run ? ud_suit_run_step(&agent->run, NULL) : begin_check(agent);
    *wait_ms = agent->wait_ms;
    if (err == UD_WAIT || (err == UD_OK && !in_run)) {
        return UD_WAIT;
    }
    const struct ud_suit_record *where = in_run && err != UD_OK ? &agent->run.record : NULL;
    if (err == UD_OK) {
        err = applies(agent);
    }
    if (err != UD_OK && err != UD_WAIT) {
        ud_agent_finish(agent, err, where);
    }
    return UD_WAIT;
}
