/* Waiting on a condition until a moment of the monotonic clock, which nobody sets. */
#ifndef UD_SERVER_DEADLINE_H
#define UD_SERVER_DEADLINE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/** A condition whose timed waits take what ud_deadline_in() gives. */
void ud_deadline_cond_init(pthread_cond_t *cond);
/** The moment that many milliseconds from now. */
struct timespec ud_deadline_in(uint64_t wait_ms);

#endif
