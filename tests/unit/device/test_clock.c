/* A clock that somebody sets, and a place that may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updraft/clock.h"
#include "updraft/trust.h"

struct place {
    uint64_t now_s;
    uint64_t kept_s;
    unsigned writes;
    ud_err err;
};

static uint64_t ask(void *ctx)
{
    return ((struct place *)ctx)->now_s;
}

static ud_err keep(void *ctx, uint64_t floor_s)
{
    struct place *place = ctx;
    place->writes++;
    if (place->err == UD_OK) {
        place->kept_s = floor_s;
    }
    return place->err;
}

/* As after a restart: the floor is what was kept. */
static struct ud_clock started(struct place *place, uint64_t bound_s)
{
    return (struct ud_clock){
        .ask = ask, .keep = keep, .ctx = place, .floor_s = place->kept_s, .bound_s = bound_s};
}

static uint64_t at(struct ud_clock *clock, struct place *place, uint64_t now_s)
{
    place->now_s = now_s;
    return ud_clock_now(clock);
}

static void test_a18_a_clock_set_back_tells_the_latest_time_that_was_seen(void **state)
{
    (void)state;
    struct place place = {.err = UD_OK};
    struct ud_clock clock = started(&place, 10000000);
    uint64_t now_s = 0;
    assert_int_equal(at(&clock, &place, 5000000), 5000000);
    assert_int_equal(at(&clock, &place, 1), 5000000);
    clock = started(&place, 10000000);
    assert_int_equal(at(&clock, &place, 4000000), 5000000);
    assert_int_equal(at(&clock, &place, 0), 5000000); /* no time at all is no way round it */
    assert_int_equal(ud_clock_trusted(&clock, &now_s), UD_ERR_STATE);
    place.now_s = 3;
    assert_int_equal(ud_clock_trusted(&clock, &now_s), UD_OK);
    assert_int_equal(now_s, 5000000);
    assert_int_equal(at(&clock, &place, 6000000), 6000000);
}

/* What was over once stays over: the last step to the bound is kept at once, however small. */
static void test_a18_what_expired_stays_expired_until_a_new_store(void **state)
{
    (void)state;
    const struct ud_trust trust = {.expires_s = 1000000};
    const struct ud_trust next = {.expires_s = 2000000};
    struct place place = {.err = UD_OK};
    struct ud_clock clock = started(&place, trust.expires_s + 1);
    assert_int_equal(ud_trust_may_install(&trust, 1, at(&clock, &place, 1000000)), UD_OK);
    assert_int_equal(ud_trust_may_install(&trust, 1, at(&clock, &place, 1000001)), UD_ERR_TRUST_EXPIRED);
    clock = started(&place, trust.expires_s + 1);
    assert_int_equal(ud_trust_may_install(&trust, 1, at(&clock, &place, 5)), UD_ERR_TRUST_EXPIRED);
    assert_int_equal(ud_trust_may_install(&trust, 1, at(&clock, &place, 0)), UD_ERR_TRUST_EXPIRED);
    clock = started(&place, next.expires_s + 1);
    assert_int_equal(ud_trust_may_install(&next, 1, at(&clock, &place, 5)), UD_OK);
}

/* Wrong forwards: it counts while it says so, and what remains of it is no later than what the author signed. */
static void test_a18_a_clock_set_forwards_leaves_no_more_than_the_signed_bound(void **state)
{
    (void)state;
    struct place place = {.err = UD_OK};
    struct ud_clock clock = started(&place, 1001);
    assert_int_equal(at(&clock, &place, UINT64_MAX), UINT64_MAX);
    assert_int_equal(place.kept_s, 1001);
    assert_int_equal(at(&clock, &place, 500), 1001);

    place = (struct place){.err = UD_OK}; /* nobody signed a bound: nothing remains */
    clock = started(&place, 0);
    assert_int_equal(at(&clock, &place, UINT64_MAX), UINT64_MAX);
    assert_int_equal(at(&clock, &place, 500), 500);
    assert_int_equal(place.writes, 0);
}

static void test_a_floor_is_kept_seldom_and_an_error_leaves_the_old_one(void **state)
{
    (void)state;
    struct place place = {.err = UD_OK};
    struct ud_clock clock = started(&place, UINT64_MAX);
    for (uint64_t now_s = 1000000; now_s < 1000000 + 10ULL * UD_CLOCK_GRAIN_S; now_s += 60) {
        assert_int_equal(at(&clock, &place, now_s), now_s);
    }
    assert_int_equal(place.writes, 10);
    place.err = UD_ERR_IO;
    assert_int_equal(at(&clock, &place, 9000000), 9000000);
    assert_true(clock.floor_s < 9000000);
    place.err = UD_OK;
    assert_int_equal(at(&clock, &place, 9000001), 9000001);
    assert_int_equal(place.kept_s, 9000001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a18_a_clock_set_back_tells_the_latest_time_that_was_seen),
        cmocka_unit_test(test_a18_what_expired_stays_expired_until_a_new_store),
        cmocka_unit_test(test_a18_a_clock_set_forwards_leaves_no_more_than_the_signed_bound),
        cmocka_unit_test(test_a_floor_is_kept_seldom_and_an_error_leaves_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
