/* What one version of the sample application says of itself now and then, and another does not: a difference for a patch. */
#ifndef STATUS_H
#define STATUS_H

#include "updraft/agent.h"

/** Call often; says something once in a while. */
void status_say(const struct ud_agent_status *status, uint64_t now_ms);

#endif
