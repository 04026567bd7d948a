/* Every transition is one journal record: change a copy, write it, and only then believe it. */
#ifndef UD_SLOTS_COMMIT_H
#define UD_SLOTS_COMMIT_H

#include "updraft/slots.h"

#define UD_ENVELOPE_HEADER_BYTES 12 /* in front of a stored envelope, padded to whole units */

ud_err ud_slots_commit(struct ud_slots *slots, const struct ud_slots_state *next);

/** In `next`, an install that is open ends; with a mover, `home` has its images where they can run. */
void ud_slots_close_install(const struct ud_slots *slots, struct ud_slots_state *next, uint8_t home);

/** ud_slots_install_write() of what lies in the slot as it is given, whatever the layout's cipher. */
ud_err ud_slots_install_put(struct ud_slots *slots, uint8_t component, struct ud_bytes data);

#endif
