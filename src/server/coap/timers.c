#include "server/coap/timers.h"

#include "updraft/assert.h"

#include <stdlib.h>

#define ROOM_MIN 1024
#define RUN_MAX 4096 /* in one round, so that datagrams are not kept waiting */

void ud_timers_free(struct ud_timers *timers)
{
    free(timers->heap);
    *timers = (struct ud_timers){NULL, 0, 0, 0};
}

ud_err ud_timers_reserve(struct ud_timers *timers)
{
    if (timers->reserved == timers->room) {
        const uint32_t room = timers->room == 0 ? ROOM_MIN : timers->room * 2;
        struct ud_timer **heap = realloc(timers->heap, (size_t)room * sizeof *heap);
        if (heap == NULL) {
            return UD_ERR_MEMORY;
        }
        timers->heap = heap;
        timers->room = room;
    }
    timers->reserved++;
    return UD_OK;
}

static void put(struct ud_timers *timers, uint32_t at, struct ud_timer *timer)
{
    timers->heap[at] = timer;
    timer->place = at + 1;
}

/* The timer at `at` may stand too low or too high: move it to where it belongs. */
static void settle(struct ud_timers *timers, uint32_t at)
{
    struct ud_timer *timer = timers->heap[at];
    while (at > 0 && timers->heap[(at - 1) / 2]->at_ms > timer->at_ms) {
        put(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= timers->count) {
            break;
        }
        if (child + 1 < timers->count && timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms) {
            child++;
        }
        if (timers->heap[child]->at_ms >= timer->at_ms) {
            break;
        }
        put(timers, at, timers->heap[child]);
        at = child;
    }
    put(timers, at, timer);
}

void ud_timer_set(struct ud_timers *timers, struct ud_timer *timer, uint64_t at_ms)
{
    timer->at_ms = at_ms;
    if (timer->place == 0) {
        UD_ASSERT(timers->count < timers->reserved && timer->due != NULL);
        put(timers, timers->count++, timer);
    }
    settle(timers, timer->place - 1);
}

void ud_timer_clear(struct ud_timers *timers, struct ud_timer *timer)
{
    if (timer->place == 0) {
        return;
    }
    const uint32_t at = timer->place - 1;
    timer->place = 0;
    timers->count--;
    if (at < timers->count) {
        put(timers, at, timers->heap[timers->count]);
        settle(timers, at);
    }
}

void ud_timers_unreserve(struct ud_timers *timers, struct ud_timer *timer)
{
    ud_timer_clear(timers, timer);
    UD_ASSERT(timers->reserved > 0);
    timers->reserved--;
}

uint32_t ud_timers_run(struct ud_timers *timers, uint64_t now_ms, uint32_t most_ms, void *ctx)
{
    for (int n = 0; n < RUN_MAX && timers->count > 0 && timers->heap[0]->at_ms <= now_ms; n++) {
        struct ud_timer *timer = timers->heap[0];
        ud_timer_clear(timers, timer);
        timer->due(timer, ctx);
    }
    if (timers->count == 0) {
        return most_ms;
    }
    const uint64_t at_ms = timers->heap[0]->at_ms;
    return at_ms <= now_ms ? 0 : at_ms - now_ms < most_ms ? (uint32_t)(at_ms - now_ms) : most_ms;
}
