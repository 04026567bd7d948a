/* The heap of timers: whatever is set, moved and cleared, they run in the order of their times, each once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/coap/timers.h"

#include <stdlib.h>

#define COUNT 500

struct item {
    struct ud_timer timer;
    uint64_t want_ms; /* 0 = not set */
};

struct bench {
    struct ud_timers timers;
    struct item items[COUNT];
    uint64_t now_ms;
    uint64_t last_ms;
    int ran;
};

static void due(struct ud_timer *timer, void *ctx)
{
    struct bench *bench = ctx;
    struct item *item = (struct item *)(void *)timer;
    assert_true(item->want_ms != 0 && item->want_ms <= bench->now_ms);
    assert_true(item->want_ms >= bench->last_ms);
    bench->last_ms = item->want_ms;
    item->want_ms = 0;
    bench->ran++;
}

static void set(struct bench *bench, int i, uint64_t at_ms)
{
    bench->items[i].want_ms = at_ms;
    ud_timer_set(&bench->timers, &bench->items[i].timer, at_ms);
}

static uint64_t soonest(const struct bench *bench)
{
    uint64_t at_ms = UINT64_MAX;
    for (int i = 0; i < COUNT; i++) {
        const uint64_t want_ms = bench->items[i].want_ms;
        at_ms = want_ms != 0 && want_ms < at_ms ? want_ms : at_ms;
    }
    return at_ms;
}

static void test_timers_run_in_their_order_however_they_were_moved(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    uint32_t random = 1;
    (void)state;
    assert_non_null(bench);
    for (int i = 0; i < COUNT; i++) {
        bench->items[i].timer.due = due;
        assert_int_equal(ud_timers_reserve(&bench->timers), UD_OK);
    }
    for (int round = 0; round < 20000; round++) {
        random = random * 1664525U + 1013904223U;
        const int i = (int)(random >> 8) % COUNT;
        if (random % 7 == 0) {
            bench->items[i].want_ms = 0;
            ud_timer_clear(&bench->timers, &bench->items[i].timer);
        } else if (random % 11 == 0) {
            bench->now_ms += random >> 26;
            bench->last_ms = 0;
            const uint32_t wait_ms = ud_timers_run(&bench->timers, bench->now_ms, 1000, bench);
            const uint64_t next_ms = soonest(bench);
            assert_true(next_ms > bench->now_ms); /* everything due has run */
            assert_int_equal(wait_ms, next_ms - bench->now_ms < 1000 ? next_ms - bench->now_ms : 1000);
        } else {
            set(bench, i, bench->now_ms + 1 + (random >> 20) % 500);
        }
    }
    assert_true(bench->ran > 1000);
    for (int i = 0; i < COUNT; i++) {
        ud_timers_unreserve(&bench->timers, &bench->items[i].timer);
    }
    bench->now_ms += 10000;
    const int before = bench->ran;
    assert_int_equal(ud_timers_run(&bench->timers, bench->now_ms, 77, bench), 77);
    assert_int_equal(bench->ran, before); /* what was cleared does not run */
    ud_timers_free(&bench->timers);
    free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_run_in_their_order_however_they_were_moved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
