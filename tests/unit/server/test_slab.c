/* Many things of one size: each place is its holder's alone, all zero when taken, on a cache line; chunks come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/slab.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EACH_BYTES 200 /* no whole number of cache lines */
#define PLACES 25000   /* in three chunks */
#define STEPS 60000

struct holder {
    unsigned char *place; /* NULL: has none */
    uint32_t mark;
};

static uint32_t next(uint32_t *random)
{
    *random = *random * 1664525U + 1013904223U;
    return *random >> 8;
}

static void take(struct ud_slab *slab, struct holder *holder, uint32_t mark)
{
    static const unsigned char zeros[EACH_BYTES];
    holder->place = ud_slab_take(slab);
    holder->mark = mark;
    assert_non_null(holder->place);
    assert_int_equal((uintptr_t)holder->place % 64, 0);
    assert_memory_equal(holder->place, zeros, EACH_BYTES);
    for (size_t i = 0; i + sizeof mark <= EACH_BYTES; i += sizeof mark) {
        memcpy(holder->place + i, &mark, sizeof mark);
    }
}

static void give(struct ud_slab *slab, struct holder *holder)
{
    for (size_t i = 0; i + sizeof holder->mark <= EACH_BYTES; i += sizeof holder->mark) {
        assert_memory_equal(holder->place + i, &holder->mark, sizeof holder->mark); /* nobody wrote there */
    }
    ud_slab_give(slab, holder->place);
    holder->place = NULL;
}

static void test_a_place_is_its_holders_alone(void **state)
{
    struct holder *holders = calloc(PLACES, sizeof *holders);
    struct ud_slab slab;
    uint32_t random = 7;
    (void)state;
    assert_non_null(holders);
    ud_slab_init(&slab, EACH_BYTES);
    for (uint32_t i = 0; i < PLACES; i++) {
        take(&slab, &holders[i], i);
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        struct holder *holder = &holders[next(&random) % PLACES];
        if (holder->place != NULL) {
            give(&slab, holder);
        } else {
            take(&slab, holder, PLACES + i);
        }
    }
    for (uint32_t i = 0; i < PLACES; i++) {
        if (holders[i].place != NULL) {
            give(&slab, &holders[i]);
        }
    }
    assert_null(slab.roomy); /* every chunk went back */
    free(holders);
}

static void test_what_was_given_back_is_taken_before_new_memory(void **state)
{
    struct ud_slab slab;
    void *first;
    void *second;
    (void)state;
    ud_slab_init(&slab, UD_SLAB_EACH_BYTES_MAX);
    first = ud_slab_take(&slab);
    second = ud_slab_take(&slab);
    assert_true(first != NULL && second != NULL && first != second);
    ud_slab_give(&slab, first);
    assert_ptr_equal(ud_slab_take(&slab), first);
    ud_slab_give(&slab, first);
    ud_slab_give(&slab, second);
    assert_null(slab.roomy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_place_is_its_holders_alone),
        cmocka_unit_test(test_what_was_given_back_is_taken_before_new_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
