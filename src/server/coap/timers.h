/*
 * Timers of the CoAP thread: a heap by time. Setting one never fails, because room for it was reserved when its owner
 * was made. An owner whose deadline moves later all the time (a registration's lifetime) leaves its timer alone and
 * looks at the deadline when it is due.
 */
#ifndef UD_SERVER_COAP_TIMERS_H
#define UD_SERVER_COAP_TIMERS_H

#include "updraft/err.h"

struct ud_timer {
    void (*due)(struct ud_timer *timer, void *ctx); /* set by the owner before the first use */
    /* private */
    uint64_t at_ms;
    uint32_t place; /* in the heap, from 1; 0 = not set */
};

struct ud_timers {
    /* private */
    struct ud_timer **heap;
    uint32_t count;
    uint32_t room;
    uint32_t reserved;
};

void ud_timers_free(struct ud_timers *timers);
/** Room for one more timer. UD_ERR_MEMORY. */
ud_err ud_timers_reserve(struct ud_timers *timers);
/** Clears the timer and gives its room back. */
void ud_timers_unreserve(struct ud_timers *timers, struct ud_timer *timer);
/** Set, or set again. */
void ud_timer_set(struct ud_timers *timers, struct ud_timer *timer, uint64_t at_ms);
void ud_timer_clear(struct ud_timers *timers, struct ud_timer *timer);
/** Runs what is due. @return milliseconds until the next one, at most `most_ms` */
uint32_t ud_timers_run(struct ud_timers *timers, uint64_t now_ms, uint32_t most_ms, void *ctx);

#endif
