/* The memory that mbedTLS works in on small chips: blocks lie apart, keep what is in them, and all of it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ports/mbedtls/heap/heap.h"

#define HEAP_BYTES 1024U
#define HEADS 8U /* of the array, that are in no block */
#define LARGEST (HEAP_BYTES - HEADS - 4U)
#define BLOCKS 24U
#define STEPS 20000U
#define SIZE_MOST 90U

static _Alignas(8) uint8_t memory[HEAP_BYTES];

static int fresh(void **state)
{
    (void)state;
    memset(memory, 0xa5, sizeof memory);
    ud_mbedtls_heap(memory, sizeof memory);
    return 0;
}

static void test_a_block_is_zero_aligned_and_inside(void **state)
{
    (void)state;
    uint8_t *block = ud_mbedtls_calloc(3, 7);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 8, 0);
    assert_true(block > memory && block + 21 <= memory + sizeof memory);
    for (size_t i = 0; i < 21; i++) {
        assert_int_equal(block[i], 0);
    }
}

static void test_what_does_not_fit_is_refused_and_costs_nothing(void **state)
{
    (void)state;
    assert_null(ud_mbedtls_calloc(1, LARGEST + 1));
    assert_null(ud_mbedtls_calloc(0, 1));
    assert_null(ud_mbedtls_calloc(1, 0));
    assert_null(ud_mbedtls_calloc(SIZE_MAX, SIZE_MAX));
    assert_null(ud_mbedtls_calloc(SIZE_MAX / 2 + 1, 2));
    assert_null(ud_mbedtls_calloc(1, SIZE_MAX - 2));
    void *all = ud_mbedtls_calloc(1, LARGEST);
    assert_non_null(all);
    assert_null(ud_mbedtls_calloc(1, 1));
    ud_mbedtls_free(NULL);
    ud_mbedtls_free(all);
    assert_ptr_equal(ud_mbedtls_calloc(LARGEST, 1), all);
}

static void test_free_neighbours_become_one_whichever_went_first(void **state)
{
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        void *blocks[3];
        for (size_t k = 0; k < 3; k++) {
            blocks[k] = ud_mbedtls_calloc(1, LARGEST / 3 - 8);
            assert_non_null(blocks[k]);
        }
        for (size_t k = 0; k < 3; k++) {
            ud_mbedtls_free(blocks[orders[i][k]]);
        }
        void *all = ud_mbedtls_calloc(1, LARGEST);
        assert_non_null(all);
        ud_mbedtls_free(all);
    }
}

struct block {
    uint8_t *ptr;
    size_t len;
    uint8_t fill;
};

static void give_back(struct block *block)
{
    for (size_t i = 0; i < block->len; i++) {
        assert_int_equal(block->ptr[i], block->fill);
    }
    ud_mbedtls_free(block->ptr);
    *block = (struct block){NULL, 0, 0};
}

static void test_blocks_keep_what_is_in_them_over_many_steps(void **state)
{
    (void)state;
    struct block blocks[BLOCKS] = {{NULL, 0, 0}};
    uint32_t random = 1;
    size_t refused = 0;
    for (size_t step = 0; step < STEPS; step++) {
        random = random * 1664525U + 1013904223U; /* Numerical Recipes' generator */
        struct block *block = &blocks[(random >> 16) % BLOCKS];
        if (block->ptr != NULL) {
            give_back(block);
            continue;
        }
        block->len = 1 + (random >> 8) % SIZE_MOST;
        block->fill = (uint8_t)(random >> 24);
        block->ptr = ud_mbedtls_calloc(1, block->len);
        if (block->ptr == NULL) {
            refused++;
            block->len = 0;
            continue;
        }
        memset(block->ptr, block->fill, block->len);
    }
    assert_true(refused > 0 && refused < STEPS / 4);
    for (size_t i = 0; i < BLOCKS; i++) {
        give_back(&blocks[i]);
    }
    assert_non_null(ud_mbedtls_calloc(1, LARGEST));
}

static void test_an_array_too_small_for_a_block_has_none(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 16; bytes++) {
        ud_mbedtls_heap(memory, bytes);
        assert_null(ud_mbedtls_calloc(1, 1));
    }
    ud_mbedtls_heap(memory, 16);
    assert_non_null(ud_mbedtls_calloc(1, 4));
    assert_null(ud_mbedtls_calloc(1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_block_is_zero_aligned_and_inside, fresh),
        cmocka_unit_test_setup(test_what_does_not_fit_is_refused_and_costs_nothing, fresh),
        cmocka_unit_test_setup(test_free_neighbours_become_one_whichever_went_first, fresh),
        cmocka_unit_test_setup(test_blocks_keep_what_is_in_them_over_many_steps, fresh),
        cmocka_unit_test_setup(test_an_array_too_small_for_a_block_has_none, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
