/* Patches for the sample application's agent (updraft/agent_patch.h): a patch waits in RAM until it is complete. */
#ifndef PATCH_STORE_H
#define PATCH_STORE_H

#include "updraft/agent_patch.h"

/** For struct ud_agent_config. What it works with is static: one agent. */
struct ud_agent_patching *patch_store_open(void);

#endif
