/* The image that runs, which a patch is made from. */
#include "device/agent_parts.h"
#include "updraft/agent_patch.h"

const struct ud_boot_image *ud_agent_precursor(const struct ud_agent *agent, uint8_t place)
{
    const struct ud_boot_info *boot = agent->config->boot;
    return place < boot->image_count ? &boot->images[place] : NULL;
}

bool ud_agent_runs(const struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params)
{
    const struct ud_boot_image *image = ud_agent_precursor(agent, agent->device_component[component]);
    return image != NULL && !agent->streamed[component] &&
           agent->run.frames[0].where.section != UD_SUIT_VALIDATE &&
           ud_bytes_equal(UD_BYTES_ARRAY(image->digest), params->digest) &&
           ((params->has & UD_SUIT_HAS_SIZE) == 0 || params->image_size == image->size_bytes);
}

bool ud_agent_installs_otherwise(const struct ud_agent *agent)
{
    const struct ud_agent_patching *patching = agent->config->patching;
    return patching != NULL && patching->ops->installs != NULL && patching->ops->installs(agent);
}
