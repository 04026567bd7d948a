/* Every transition is one journal record: change a copy, write it, and only then believe it. */
#ifndef UD_SLOTS_COMMIT_H
#define UD_SLOTS_COMMIT_H

#include "updraft/slots.h"

ud_err ud_slots_commit(struct ud_slots *slots, const struct ud_slots_state *next);

/** In `next`, an install that is open ends; with a mover, `home` has its images where they can run. */
void ud_slots_close_install(const struct ud_slots *slots, struct ud_slots_state *next, uint8_t home);

#endif
