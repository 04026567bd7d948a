/*
 * A clock that may be set back. What asks it for the time gets one that never goes back behind the latest that was seen,
 * over restarts too, so that what is over stays over (attack A18).
 *
 * The latest time seen is the floor. A clock that is wrong forwards must not raise it for ever: it stops at `bound_s`,
 * which the author signed (the trust store's expiry), and a new store lifts it. Without a bound there is no floor: nothing
 * else would undo one wrong time.
 *
 * The port gives the clock and a place for eight bytes. No heap, bounded work.
 */
#ifndef UPDRAFT_CLOCK_H
#define UPDRAFT_CLOCK_H

#include <stdint.h>

#include "updraft/err.h"

#define UD_CLOCK_GRAIN_S 3600U /* the floor is kept at most so often: a clock set back gains so much */

/* Set all but the floor before use; the floor is what was kept last, 0 at first. */
struct ud_clock {
    /* seconds since 1970 from a clock that no road sets; 0: not known now */
    uint64_t (*ask)(void *ctx);
    /* durable before it returns; an error leaves the old floor, and the next call tries again */
    ud_err (*keep)(void *ctx, uint64_t floor_s);
    void *ctx;
    uint64_t floor_s;
    uint64_t bound_s; /* the floor goes no further; 0: there is no floor */
};

/**
 * The time to judge an expiry by, for ud_agent_config.time_s: the clock's, or the floor where that is later. Also to be
 * called now and then, so that time that passes without an install is seen.
 *
 * @param clock a struct ud_clock
 * @return 0 when nothing is known
 */
uint64_t ud_clock_now(void *clock);
/**
 * The same for ud_suit_um_ops.clock, where a manifest must be used before a time: a floor alone is not a time.
 * UD_OK; UD_ERR_STATE while the clock does not know.
 */
ud_err ud_clock_trusted(void *clock, uint64_t *now_s);

#endif
