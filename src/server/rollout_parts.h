/* What the files of the tick share. */
#ifndef UD_SERVER_ROLLOUT_PARTS_H
#define UD_SERVER_ROLLOUT_PARTS_H

#include "server/rollouts.h"

void ud_tick_note(struct ud_tick *tick, const char *what, int32_t rollout, uint32_t group, int64_t device,
                  const char *state);
/** This device's offers changed: who waits for news of it is to be told. At most UD_TICK_DEVICES_MAX in a tick. */
void ud_tick_touch(struct ud_tick *tick, int64_t device);
/** There is something to be done then, if not sooner. */
void ud_tick_wake_at(struct ud_tick *tick, int64_t when_ms);
/** What a tenant's filters call now and overdue. */
struct ud_moment ud_tick_moment(const struct ud_tick *tick, int64_t tenant);
/** A device is new, or changed: it joins the dynamic rollouts that it meets and is no member of. */
ud_err ud_rollout_join(struct ud_store *store, struct ud_tick *tick, const struct ud_row_fact *event);
/** One slice of filling a rollout that is being created. */
ud_err ud_rollout_fill(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout);
/** Offers to those of a running group who wait, each offered, blocked or skipped; the rollout's bucket says how many. */
ud_err ud_rollout_offer(struct ud_store *store, struct ud_tick *tick, struct ud_row_rollout *rollout,
                        const struct ud_row_release *release, const struct ud_row_group *group);

#endif
