#include "updraft/twin_journal.h"

ud_err ud_twin_journal_put(void *ctx, uint8_t copies)
{
    const struct ud_twin_journal *to = ctx;
    struct ud_slots_state next = *to->state;
    for (uint8_t i = 0; i < UD_TWIN_COPIES; i++) {
        next.trust_weak[i] = (copies >> i & 1) != 0;
    }
    const ud_err err = ud_journal_put(to->journal, &next);
    if (err == UD_OK) {
        *to->state = next;
    }
    return err;
}

uint8_t ud_twin_journal_noted(const struct ud_slots_state *state)
{
    return (uint8_t)((state->trust_weak[0] ? 1 : 0) | (state->trust_weak[1] ? 2 : 0));
}
