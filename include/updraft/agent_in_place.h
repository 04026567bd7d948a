/*
 * The agent's part for devices with one slot (in_place_layout.h): an update is a patch that the manifest names and brings
 * (examples/manifests/delta.ini). It is fetched to where patches wait, resumed to the byte, and read back; the bootloader makes
 * the image of it (boot_in_place.h). A whole image is UD_ERR_IN_PLACE here, and what the recovery image installs.
 *
 *     static struct ud_agent_patching patching = {.ops = &ud_agent_in_place_ops, .staging = staging_id};
 *     config.patching = &patching;
 *
 * Patches of a server's own making are not asked for: what is not signed for erases nothing.
 */
#ifndef UPDRAFT_AGENT_IN_PLACE_H
#define UPDRAFT_AGENT_IN_PLACE_H

#include "updraft/agent_patch.h"

extern const struct ud_agent_patching_ops ud_agent_in_place_ops;

#endif
