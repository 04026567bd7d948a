#include "updraft/clock.h"

/* Kept on a grain, except the last step to the bound: that one decides. */
static void raise_floor(struct ud_clock *clock, uint64_t now_s)
{
    const uint64_t to_s = now_s < clock->bound_s ? now_s : clock->bound_s;
    if (to_s <= clock->floor_s || (to_s < clock->bound_s && to_s - clock->floor_s < UD_CLOCK_GRAIN_S)) {
        return;
    }
    if (clock->keep(clock->ctx, to_s) == UD_OK) {
        clock->floor_s = to_s;
    }
}

uint64_t ud_clock_now(void *ctx)
{
    struct ud_clock *clock = ctx;
    const uint64_t now_s = clock->ask(clock->ctx);
    if (clock->bound_s == 0) {
        return now_s;
    }
    raise_floor(clock, now_s);
    return now_s > clock->floor_s ? now_s : clock->floor_s;
}

ud_err ud_clock_trusted(void *ctx, uint64_t *now_s)
{
    struct ud_clock *clock = ctx;
    if (clock->ask(clock->ctx) == 0) {
        return UD_ERR_STATE;
    }
    *now_s = ud_clock_now(clock);
    return UD_OK;
}
