#include "server/coap/pace.h"

#define NETWORK_BYTES 8 /* of an IPv6 address: who has one has all behind it */

ud_err ud_pace_open(struct ud_pace *pace, uint64_t now_ms)
{
    *pace = (struct ud_pace){.filled_ms = now_ms, .left = UD_PACE_MISSES_PER_S};
    return ud_throttle_open(&pace->sources, UD_PACE_SOURCE_MISSES, UD_PACE_SOURCE_WINDOW_MS);
}

void ud_pace_close(struct ud_pace *pace)
{
    ud_throttle_close(pace->sources);
    pace->sources = NULL;
}

static struct ud_bytes source_of(const struct ud_address *from)
{
    return (struct ud_bytes){from->ip, from->v6 ? NETWORK_BYTES : sizeof(struct in_addr)};
}

static void refill(struct ud_pace *pace, uint64_t now_ms)
{
    const uint64_t passed_ms = now_ms - pace->filled_ms;
    const uint64_t more = passed_ms >= 1000 ? UD_PACE_MISSES_PER_S : passed_ms * UD_PACE_MISSES_PER_S / 1000;
    if (more > 0) { /* else the time that passed still counts */
        const uint64_t left = pace->left + more;
        pace->left = left < UD_PACE_MISSES_PER_S ? (uint32_t)left : UD_PACE_MISSES_PER_S;
        pace->filled_ms = now_ms;
    }
}

bool ud_pace_may(struct ud_pace *pace, const struct ud_address *from, uint64_t now_ms)
{
    int64_t wait_ms;
    refill(pace, now_ms);
    return pace->left > 0 &&
           ud_throttle_ask(pace->sources, source_of(from), (int64_t)now_ms, &wait_ms) == UD_OK;
}

void ud_pace_missed(struct ud_pace *pace, const struct ud_address *from, uint64_t now_ms)
{
    pace->left -= pace->left > 0 ? 1 : 0;
    ud_throttle_count(pace->sources, source_of(from), (int64_t)now_ms);
}
