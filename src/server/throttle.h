/*
 * Wrong attempts, counted by who makes them: after `most` within a window the next ones are refused unseen until the
 * window ends. A fixed table: an entry that is in the way is the oldest of its few neighbours and goes, so memory is
 * bounded and a flood of addresses costs at worst a count.
 *
 * In memory only: a restart forgets, and each of several servers counts for itself.
 */
#ifndef UD_SERVER_THROTTLE_H
#define UD_SERVER_THROTTLE_H

#include "updraft/bytes.h"
#include "updraft/err.h"

struct ud_throttle;

/** `most` attempts in `window_ms`. UD_ERR_MEMORY. */
ud_err ud_throttle_open(struct ud_throttle **throttle, uint32_t most, int64_t window_ms);
void ud_throttle_close(struct ud_throttle *throttle);
/** UD_ERR_LOCKED, with *wait_ms until the window ends, when `key` has used up its attempts. */
ud_err ud_throttle_ask(struct ud_throttle *throttle, struct ud_bytes key, int64_t now_ms, int64_t *wait_ms);
/** One more wrong attempt. */
void ud_throttle_count(struct ud_throttle *throttle, struct ud_bytes key, int64_t now_ms);
/** A right one: the earlier ones are forgiven. */
void ud_throttle_forgive(struct ud_throttle *throttle, struct ud_bytes key);

#endif
