/*
 * Notes about the trust store's two copies, in the journal: it survives what may happen to either copy.
 *
 *     struct ud_twin_journal journal = {&slots->journal, &slots->state};
 *     const struct ud_twin_notes notes = {ud_twin_journal_put, &journal};
 *     ud_twin_note_with(&twin, &notes, ud_twin_journal_noted(&slots->state));
 */
#ifndef UPDRAFT_TWIN_JOURNAL_H
#define UPDRAFT_TWIN_JOURNAL_H

#include "updraft/journal.h"
#include "updraft/twin.h"

/* Both as mounted; nobody else writes the journal meanwhile. */
struct ud_twin_journal {
    struct ud_journal *journal;
    struct ud_slots_state *state;
};

/** For ud_twin_notes: one record. Errors of ud_journal_put(), the state is as it was then. */
ud_err ud_twin_journal_put(void *ctx, uint8_t copies);
/** What was put last. */
static inline uint8_t ud_twin_journal_noted(const struct ud_slots_state *state)
{
    return (uint8_t)(state->trust_weak[0] | state->trust_weak[1] << 1);
}

#endif
