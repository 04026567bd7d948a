/* Reading handles: no more than allowed are open, and whoever waits gets the next one that comes free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/store_events.h"
#include "server/store_pool.h"

#include <pthread.h>

static void test_handles_are_used_again(void **state)
{
    const struct place *place = *state;
    struct ud_store_pool *pool = NULL;
    struct ud_store *first = NULL;
    struct ud_store *second = NULL;
    assert_int_equal(ud_store_pool_open(&pool, place->where, 2), UD_OK);
    assert_int_equal(ud_store_pool_take(pool, &first), UD_OK);
    assert_int_equal(ud_store_pool_take(pool, &second), UD_OK);
    assert_ptr_not_equal(first, second);
    ud_store_pool_give(pool, first);
    ud_store_pool_give(pool, NULL);
    struct ud_store *again = NULL;
    assert_int_equal(ud_store_pool_take(pool, &again), UD_OK);
    assert_ptr_equal(again, first);
    ud_store_pool_give(pool, again);
    ud_store_pool_give(pool, second);
    ud_store_pool_close(pool);
}

/* A database that was started again, or a firewall that forgot us, costs no request: what is prepared is so once more. */
static void test_a_reader_whose_connection_was_closed_reads_on(void **state)
{
    struct place *place = *state;
    struct ud_store_pool *pool = NULL;
    struct ud_store *reader = NULL;
    int64_t newest = -1;
    assert_int_equal(ud_store_pool_open(&pool, place->where, 1), UD_OK);
    assert_int_equal(ud_store_pool_take(pool, &reader), UD_OK);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) { /* the second time it is prepared */
            newest = -1;
            assert_int_equal(ud_store_event_newest(reader, &newest), UD_OK);
            assert_int_equal(newest, 0);
        }
        place_sql(place, "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE application_name='updraftd'; END $$");
    }
    ud_store_pool_give(pool, reader);
    ud_store_pool_close(pool);
}

struct waiter {
    pthread_t thread;
    struct ud_store_pool *pool;
    struct ud_store *only; /* the handle that there is */
    ud_err err;
};

static void *wait_for_one(void *ctx)
{
    struct waiter *waiter = ctx;
    for (int i = 0; i < 50 && waiter->err == UD_OK; i++) {
        struct ud_store *taken = NULL;
        waiter->err = ud_store_pool_take(waiter->pool, &taken);
        waiter->err = waiter->err == UD_OK && taken != waiter->only ? UD_ERR_INTERNAL : waiter->err;
        ud_store_pool_give(waiter->pool, taken);
    }
    return NULL;
}

/* Eight threads and one handle: each gets it in turn, and no second one is opened. */
static void test_who_waits_gets_what_is_given_back(void **state)
{
    const struct place *place = *state;
    struct ud_store_pool *pool = NULL;
    struct waiter waiters[8];
    struct ud_store *only = NULL;
    assert_int_equal(ud_store_pool_open(&pool, place->where, 1), UD_OK);
    assert_int_equal(ud_store_pool_take(pool, &only), UD_OK);
    for (size_t i = 0; i < 8; i++) {
        waiters[i] = (struct waiter){.pool = pool, .only = only, .err = UD_OK};
        assert_int_equal(pthread_create(&waiters[i].thread, NULL, wait_for_one, &waiters[i]), 0);
    }
    ud_store_pool_give(pool, only);
    for (size_t i = 0; i < 8; i++) {
        pthread_join(waiters[i].thread, NULL);
        assert_int_equal(waiters[i].err, UD_OK);
    }
    ud_store_pool_close(pool);
}

static void test_a_store_that_cannot_be_opened_takes_no_place(void **state)
{
    (void)state;
    struct ud_store_pool *pool = NULL;
    struct ud_store *store = NULL;
    assert_int_equal(ud_store_pool_open(&pool, "/tmp/updraft-no-such-folder", 1), UD_OK);
    for (int i = 0; i < 3; i++) { /* the second would wait for ever if the first had kept the only place */
        assert_int_equal(ud_store_pool_take(pool, &store), UD_ERR_STORE);
    }
    ud_store_pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_handles_are_used_again),
        PLACE_TEST(test_who_waits_gets_what_is_given_back),
        cmocka_unit_test_setup_teardown(test_a_reader_whose_connection_was_closed_reads_on, place_setup_pg,
                                        place_teardown),
        cmocka_unit_test(test_a_store_that_cannot_be_opened_takes_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
