/* Pauses between tries: doubled after each failure up to a maximum, the upper half of each left to chance, so that a
 * fleet that lost its server does not come back in step. No clock, no random source: a seed. */
#ifndef UPDRAFT_DEVICE_BACKOFF_H
#define UPDRAFT_DEVICE_BACKOFF_H

#include <stdint.h>

#include "updraft/agent.h"

/** @param min_ms 1..max_ms */
void ud_backoff_init(struct ud_backoff *backoff, uint32_t min_ms, uint32_t max_ms, uint32_t seed);
/** One more failure. @return the pause that follows it, within [min_ms / 2, max_ms] */
uint32_t ud_backoff_next_ms(struct ud_backoff *backoff);
/** All is well again. */
void ud_backoff_reset(struct ud_backoff *backoff);
/** A number in 0..limit, both included. */
uint32_t ud_backoff_random(struct ud_backoff *backoff, uint32_t limit);

#endif
