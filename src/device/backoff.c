#include "device/backoff.h"

#include "updraft/assert.h"

#define FAILURES_MAX 31

void ud_backoff_init(struct ud_backoff *backoff, uint32_t min_ms, uint32_t max_ms, uint32_t seed)
{
    UD_ASSERT(min_ms >= 1 && min_ms <= max_ms);
    *backoff = (struct ud_backoff){.min_ms = min_ms, .max_ms = max_ms, .random = seed == 0 ? 1 : seed};
}

uint32_t ud_backoff_random(struct ud_backoff *backoff, uint32_t limit)
{
    uint32_t x = backoff->random; /* xorshift32: never 0 when it did not start there */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    backoff->random = x;
    return limit == UINT32_MAX ? x : x % (limit + 1);
}

uint32_t ud_backoff_next_ms(struct ud_backoff *backoff)
{
    const uint64_t doubled = (uint64_t)backoff->min_ms << backoff->failures;
    const uint32_t pause = doubled < backoff->max_ms ? (uint32_t)doubled : backoff->max_ms;
    if (backoff->failures < FAILURES_MAX) {
        backoff->failures++;
    }
    return pause / 2 + ud_backoff_random(backoff, pause - pause / 2);
}

void ud_backoff_reset(struct ud_backoff *backoff)
{
    backoff->failures = 0;
}
