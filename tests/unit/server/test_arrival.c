/* One fetch for many: who is told when, what is held back, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/arrival.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define SIZE UINT64_C(100000)

static const uint8_t one[UD_SHA256_BYTES] = {1};
static const uint8_t other[UD_SHA256_BYTES] = {2};

struct asker {
    struct ud_arrival_wait wait; /* first */
    unsigned set_aside;
    unsigned told;
    ud_err err;
};

static void set_aside(struct ud_arrival_wait *wait)
{
    ((struct asker *)(void *)wait)->set_aside++;
}

static void tell(struct ud_arrival_wait *wait, ud_err err)
{
    struct asker *asker = (struct asker *)(void *)wait;
    asker->told++;
    asker->err = err;
}

static struct asker asker_at(uint64_t at, int64_t until_ms)
{
    return (struct asker){
        .wait = {.at = at, .size = SIZE, .until_ms = until_ms, .set_aside = set_aside, .tell = tell}};
}

static struct ud_arrivals *open_all(void)
{
    struct ud_arrivals *arrivals = NULL;
    assert_int_equal(ud_arrivals_open(&arrivals), UD_OK);
    return arrivals;
}

static void test_one_fetch_for_all_who_want_the_same(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    bool is_new = false;
    (void)state;
    struct ud_arrival *first = ud_arrival_join(arrivals, one, &is_new);
    assert_true(is_new);
    assert_ptr_equal(ud_arrival_join(arrivals, one, &is_new), first);
    assert_false(is_new);
    struct ud_arrival *second = ud_arrival_join(arrivals, other, &is_new);
    assert_true(is_new);
    assert_ptr_not_equal(second, first);
    assert_true(ud_arrival_take(first));
    assert_false(ud_arrival_take(first)); /* by the first who comes */
    ud_arrival_end(first, UD_OK);
    assert_false(ud_arrival_take(first));
    struct ud_arrival *again = ud_arrival_join(arrivals, one, &is_new);
    assert_true(is_new); /* what is over is not joined */
    ud_arrival_leave(again);
    ud_arrival_leave(first);
    ud_arrival_leave(first);
    ud_arrival_leave(second);
    ud_arrivals_close(arrivals);
}

static void test_who_waits_is_told_as_soon_as_its_part_is_here(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    struct asker early = asker_at(0, INT64_MAX);
    struct asker late = asker_at(50000, INT64_MAX);
    uint64_t bytes = 0;
    bool is_new;
    (void)state;
    struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
    assert_int_equal(ud_arrival_ask(arrival, &early.wait, &bytes), UD_WAIT);
    assert_int_equal(ud_arrival_ask(arrival, &late.wait, &bytes), UD_WAIT);
    assert_int_equal(early.set_aside + late.set_aside, 2);
    assert_true(ud_arrival_take(arrival));
    ud_arrival_grow(arrival, 50000);
    ud_arrivals_tick(arrivals, 0); /* growth may be told a little later */
    assert_int_equal(early.told, 1);
    assert_int_equal(early.err, UD_OK);
    assert_int_equal(late.told, 0);
    assert_int_equal(ud_arrival_ask(arrival, &early.wait, &bytes), UD_OK);
    assert_int_equal(bytes, 50000);
    ud_arrival_grow(arrival, 50001);
    ud_arrivals_tick(arrivals, 0);
    assert_int_equal(late.told, 1);
    assert_int_equal(ud_arrival_ask(arrival, &late.wait, &bytes), UD_OK);
    assert_int_equal(bytes, 1);
    ud_arrival_end(arrival, UD_OK);
    ud_arrival_leave(arrival);
    ud_arrivals_close(arrivals);
}

static void test_growth_of_one_turn_is_told_at_once(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    struct asker asker = asker_at(0, INT64_MAX);
    uint64_t bytes = 0;
    bool is_new;
    (void)state;
    asker.wait.size = 1000000;
    struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
    ud_arrival_grow(arrival, 10);
    asker.wait.at = 10;
    assert_int_equal(ud_arrival_ask(arrival, &asker.wait, &bytes), UD_WAIT);
    ud_arrival_grow(arrival, 10 + 131072);
    assert_int_equal(asker.told, 1);
    ud_arrival_leave(arrival);
    ud_arrivals_close(arrivals);
}

static void test_the_end_is_held_back_until_it_was_compared(void **state)
{
    static const struct {
        ud_err end;
        ud_err asked_before;
        uint64_t bytes;
    } rows[] = {{UD_OK, UD_OK, UD_ARRIVAL_HELD_BYTES},
                {UD_ERR_DIGEST, UD_ERR_DIGEST, 0},
                {UD_ERR_RETRY_LATER, UD_OK, 0}}; /* what had come is read to its end */
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_arrivals *arrivals = open_all();
        struct asker before = asker_at(SIZE - UD_ARRIVAL_HELD_BYTES - 1, INT64_MAX);
        struct asker held = asker_at(SIZE - UD_ARRIVAL_HELD_BYTES, INT64_MAX);
        uint64_t bytes = 0;
        bool is_new;
        struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
        assert_true(ud_arrival_take(arrival));
        ud_arrival_grow(arrival, SIZE + 7); /* the storage has more than it should */
        assert_int_equal(ud_arrival_ask(arrival, &before.wait, &bytes), UD_OK);
        assert_int_equal(bytes, 1);
        assert_int_equal(ud_arrival_ask(arrival, &held.wait, &bytes), UD_WAIT);
        ud_arrival_end(arrival, rows[i].end);
        assert_int_equal(held.told, 1);
        assert_int_equal(held.err, rows[i].end);
        bytes = 0;
        assert_int_equal(ud_arrival_ask(arrival, &held.wait, &bytes), rows[i].end);
        assert_int_equal(bytes, rows[i].bytes);
        assert_int_equal(ud_arrival_ask(arrival, &before.wait, &bytes), rows[i].asked_before);
        ud_arrival_leave(arrival);
        ud_arrivals_close(arrivals);
    }
}

static void test_a_small_or_empty_one_is_held_back_whole(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    struct asker asker = asker_at(0, INT64_MAX);
    uint64_t bytes = 9;
    bool is_new;
    (void)state;
    asker.wait.size = UD_ARRIVAL_HELD_BYTES;
    struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
    ud_arrival_grow(arrival, UD_ARRIVAL_HELD_BYTES);
    assert_int_equal(ud_arrival_ask(arrival, &asker.wait, &bytes), UD_WAIT);
    ud_arrival_end(arrival, UD_OK);
    asker.wait.size = 0;
    assert_int_equal(ud_arrival_ask(arrival, &asker.wait, &bytes), UD_OK);
    assert_int_equal(bytes, 0);
    ud_arrival_leave(arrival);
    ud_arrivals_close(arrivals);
}

static void test_who_waits_too_long_is_sent_away_and_the_fetch_goes_on(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    struct asker patient = asker_at(0, INT64_MAX);
    struct asker bounded = asker_at(0, 5000);
    uint64_t bytes = 0;
    bool is_new;
    (void)state;
    struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
    assert_int_equal(ud_arrival_ask(arrival, &patient.wait, &bytes), UD_WAIT);
    assert_int_equal(ud_arrival_ask(arrival, &bounded.wait, &bytes), UD_WAIT);
    ud_arrivals_tick(arrivals, 4999);
    assert_int_equal(bounded.told, 0);
    ud_arrivals_tick(arrivals, 5000);
    assert_int_equal(bounded.told, 1);
    assert_int_equal(bounded.err, UD_ERR_RETRY_LATER);
    assert_int_equal(patient.told, 0);
    assert_true(ud_arrival_take(arrival));
    ud_arrival_end(arrival, UD_OK);
    assert_int_equal(bounded.told, 1); /* once */
    assert_int_equal(patient.told, 1);
    ud_arrival_leave(arrival);
    ud_arrivals_close(arrivals);
}

static void test_who_forgot_to_wait_is_not_told(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    struct asker stays = asker_at(0, INT64_MAX);
    struct asker goes = asker_at(0, INT64_MAX);
    uint64_t bytes = 0;
    bool is_new;
    (void)state;
    struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
    assert_int_equal(ud_arrival_ask(arrival, &stays.wait, &bytes), UD_WAIT);
    assert_int_equal(ud_arrival_ask(arrival, &goes.wait, &bytes), UD_WAIT);
    ud_arrival_forget(arrival, &goes.wait);
    ud_arrival_forget(arrival, &goes.wait); /* also when it does not wait */
    ud_arrival_end(arrival, UD_ERR_RETRY_LATER);
    assert_int_equal(goes.told, 0);
    assert_int_equal(stays.told, 1);
    ud_arrival_leave(arrival);
    ud_arrivals_close(arrivals);
}

static void test_its_file_is_closed_when_the_last_one_left(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    bool is_new;
    (void)state;
    struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
    assert_ptr_equal(ud_arrival_join(arrivals, one, &is_new), arrival);
    assert_int_equal(ud_arrival_fd(arrival), -1);
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ud_arrival_file(arrival, fd);
    assert_int_equal(ud_arrival_fd(arrival), fd);
    ud_arrival_end(arrival, UD_OK);
    ud_arrival_leave(arrival);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    ud_arrival_leave(arrival);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    ud_arrivals_close(arrivals);
}

static void *await(void *ctx)
{
    static ud_err err;
    err = ud_arrival_await(ctx);
    return &err;
}

static void test_a_thread_that_does_not_fetch_waits_for_the_one_that_does(void **state)
{
    struct ud_arrivals *arrivals = open_all();
    pthread_t thread;
    void *err = NULL;
    bool is_new;
    (void)state;
    struct ud_arrival *arrival = ud_arrival_join(arrivals, one, &is_new);
    assert_true(ud_arrival_take(arrival));
    assert_int_equal(pthread_create(&thread, NULL, await, arrival), 0);
    ud_arrival_grow(arrival, 1);
    ud_arrival_end(arrival, UD_ERR_DISK_FULL);
    assert_int_equal(pthread_join(thread, &err), 0);
    assert_int_equal(*(ud_err *)err, UD_ERR_DISK_FULL);
    ud_arrival_leave(arrival);
    ud_arrivals_close(arrivals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_fetch_for_all_who_want_the_same),
        cmocka_unit_test(test_who_waits_is_told_as_soon_as_its_part_is_here),
        cmocka_unit_test(test_growth_of_one_turn_is_told_at_once),
        cmocka_unit_test(test_the_end_is_held_back_until_it_was_compared),
        cmocka_unit_test(test_a_small_or_empty_one_is_held_back_whole),
        cmocka_unit_test(test_who_waits_too_long_is_sent_away_and_the_fetch_goes_on),
        cmocka_unit_test(test_who_forgot_to_wait_is_not_told),
        cmocka_unit_test(test_its_file_is_closed_when_the_last_one_left),
        cmocka_unit_test(test_a_thread_that_does_not_fetch_waits_for_the_one_that_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
