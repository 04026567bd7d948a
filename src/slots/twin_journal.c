#include "updraft/twin_journal.h"

ud_err ud_twin_journal_put(void *ctx, uint8_t copies)
{
    const struct ud_twin_journal *to = ctx;
    const uint8_t before = ud_twin_journal_noted(to->state);
    to->state->trust_weak[0] = (copies & 1) != 0;
    to->state->trust_weak[1] = (copies & 2) != 0;
    const ud_err err = ud_journal_put(to->journal, to->state);
    if (err != UD_OK) {
        to->state->trust_weak[0] = (before & 1) != 0;
        to->state->trust_weak[1] = (before & 2) != 0;
    }
    return err;
}
