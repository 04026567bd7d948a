#include "updraft/agent_in_place.h"

#include "device/agent_parts.h"
#include "updraft/delta_in_place.h"

#define COMPONENT 0 /* the layout has one */
#define WAITING 1

static bool is_rescue(const struct ud_agent *agent)
{
    return agent->config->boot->slot == UD_SLOT_RECOVERY;
}

static bool is_staging(const struct ud_agent *agent, uint64_t component)
{
    return component < UD_SUIT_COMPONENTS_MAX && agent->device_component[component] == UD_AGENT_STAGING;
}

/* ---- fetch: what is installed is the patch ---- */

static ud_err begin_patch(struct ud_agent *agent, const struct ud_suit_params *params)
{
    const struct ud_layout *layout = agent->config->layout;
    uint32_t sizes[UD_COMPONENTS_MAX] = {0};
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
    if ((params->has & UD_SUIT_HAS_SIZE) == 0 || (params->has & UD_SUIT_HAS_ENCRYPTION) != 0) {
        return UD_ERR_PARAMETER;
    }
    if (params->image_size == 0 || params->image_size > layout->components[COMPONENT].image[WAITING].size) {
        return UD_ERR_SPACE;
    }
    agent->size_bytes[COMPONENT] = sizes[COMPONENT] = (uint32_t)params->image_size;
    return ud_slots_install_begin(agent->config->slots, agent->config->boot->slot, agent->env.digest.ptr, sizes,
                                  resume_bytes);
}

/* By the steps of any fetch, as if it were the component's image. */
static ud_err op_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                       struct ud_bytes integrated)
{
    struct ud_agent *agent = ctx;
    if (!is_staging(agent, component)) {
        return is_rescue(agent) ? ud_agent_op_fetch(agent, component, params, integrated) : UD_ERR_IN_PLACE;
    }
    if (is_rescue(agent)) {
        return UD_OK; /* it makes nothing of patches: the condition on this one fails, and the whole image is next */
    }
    ud_err err = agent->fetching ? UD_OK : begin_patch(agent, params);
    if (err != UD_OK) {
        return err;
    }
    agent->device_component[component] = COMPONENT;
    err = ud_agent_op_fetch(agent, component, params, integrated);
    agent->device_component[component] = UD_AGENT_STAGING;
    return err;
}

static ud_err op_image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_agent *agent = ctx;
    if (!is_staging(agent, component)) {
        return !is_rescue(agent) && ud_agent_runs(agent, component, params)
                   ? UD_OK
                   : ud_agent_op_image_match(agent, component, params);
    }
    if (is_rescue(agent)) {
        return UD_ERR_IMAGE_MISMATCH;
    }
    agent->device_component[component] = COMPONENT;
    const ud_err err = ud_agent_op_image_match(agent, component, params);
    agent->device_component[component] = UD_AGENT_STAGING;
    return err;
}

/* ---- copy: promised, and made by the bootloader, which looks at all of it again ---- */

static ud_err op_copy(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_agent *agent = ctx;
    const struct ud_slots *slots = agent->config->slots;
    const uint32_t wanted = UD_SUIT_HAS_SIZE | UD_SUIT_HAS_DIGEST | UD_SUIT_HAS_PATCH;
    struct ud_delta_in_place_head head;
    uint8_t first[UD_DELTA_IN_PLACE_HEAD_BYTES];
    if ((params->has & wanted) != wanted || params->patch != UD_SUIT_PATCH_UPDRAFT ||
        params->digest.len != UD_SHA256_BYTES) {
        return UD_ERR_PARAMETER;
    }
    if (is_rescue(agent) || is_staging(agent, component) || !is_staging(agent, params->source) ||
        !agent->matched[params->source]) {
        return UD_ERR_COMMAND;
    }
    ud_err err = ud_slots_read(slots, ud_slots_inactive(slots), COMPONENT, 0, first, sizeof first);
    err = err == UD_OK ? ud_delta_in_place_parse(UD_BYTES_ARRAY(first), &head) : err;
    if (err != UD_OK) {
        return err; /* a patch for two slots is UD_ERR_VERSION here */
    }
    memcpy(agent->streamed_digest[component], params->digest.ptr, UD_SHA256_BYTES);
    agent->streamed[component] = true;
    agent->matched[component] = true;
    agent->status.patch_bytes = agent->size_bytes[COMPONENT];
    return UD_OK;
}

/* ---- the part ---- */

static void in_place_offer(struct ud_agent_patching *patching)
{
    patching->stage = UD_PATCH_NONE;
}

static bool in_place_begin(struct ud_agent *agent, uint8_t place, uint32_t bytes)
{
    (void)agent;
    (void)place;
    (void)bytes;
    return false;
}

static ud_err in_place_patch(struct ud_agent *agent, const struct ud_suit_params *params)
{
    (void)agent;
    (void)params;
    return UD_ABSENT;
}

static bool in_place_blame(struct ud_agent_patching *patching)
{
    (void)patching;
    return false;
}

static void in_place_add(struct ud_agent_patching *patching, struct ud_suit_ops *ops)
{
    (void)patching;
    ops->fetch = op_fetch;
    ops->copy = op_copy;
    ops->image_match = op_image_match;
    ops->obeys |= UD_SUIT_HAS_PATCH;
}

static bool in_place_stages(const struct ud_agent_patching *patching, struct ud_bytes id)
{
    return patching->staging.len > 0 && ud_bytes_equal(patching->staging, id);
}

/* What is installed, and how long it is, the manifest says when it is fetched; the recovery image knows before. */
static bool in_place_installs(const struct ud_agent *agent)
{
    return !is_rescue(agent);
}

const struct ud_agent_patching_ops ud_agent_in_place_ops = {in_place_offer,   in_place_begin, in_place_patch,
                                                            in_place_blame,   in_place_add,   in_place_stages,
                                                            in_place_installs};
