/* How long a device is told to sleep: by the first filter of its tenant's polling line that it meets. */
#ifndef UD_SERVER_POLL_INTERVAL_H
#define UD_SERVER_POLL_INTERVAL_H

#include "server/http.h"

/**
 * The interval of the device that calls. Which filter it meets is kept in the fleet's memory, and asked of the store
 * again when the device, the line or anything that people change was changed at this server, and after two minutes at
 * most. When the store does not answer: the usual one.
 */
void ud_poll_interval(struct ud_call *call, struct ud_interval *interval);

#endif
