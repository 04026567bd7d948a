/* The simulated flash itself: a power-cut test is worth what its flash is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flash.h"

static const uint8_t data[16] = {0x5a, 0x00, 0xff, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static ud_err program(struct sim_flash *sim, uint32_t address, uint32_t len)
{
    return sim->flash.program(sim, address, data, len);
}

static void read_back(struct sim_flash *sim, uint8_t there[16])
{
    assert_int_equal(sim->flash.read(sim, 0, there, 16), UD_OK);
}

static void test_it_keeps_nor_rules(void **unused)
{
    (void)unused;
    for (int erased = 0; erased < 2; erased++) {
        struct sim_flash sim;
        uint8_t there[16];
        sim_flash_init(&sim, 2048, 1024, 8, erased ? 0xff : 0x00);
        assert_int_equal(program(&sim, 0, 16), UD_OK);
        read_back(&sim, there);
        assert_memory_equal(there, data, 16);
        assert_int_equal(program(&sim, 8, 8), UD_ERR_FLASH_RULE); /* once between erases */
        assert_int_equal(program(&sim, 20, 8), UD_ERR_FLASH_RULE);
        assert_int_equal(program(&sim, 24, 4), UD_ERR_FLASH_RULE);
        assert_int_equal(program(&sim, 2040, 16), UD_ERR_FLASH_RULE);
        assert_int_equal(sim.flash.erase(&sim, 8), UD_ERR_FLASH_RULE);
        assert_int_equal(sim.flash.erase(&sim, 2048), UD_ERR_FLASH_RULE);
        assert_int_equal(sim.violations, 6);
        assert_int_equal(sim.flash.erase(&sim, 0), UD_OK);
        assert_int_equal(program(&sim, 8, 8), UD_OK);
        assert_int_equal(sim.operations, 3);
        sim_flash_deinit(&sim);
    }
}

static void test_after_a_cut_nothing_answers_until_power_is_back(void **unused)
{
    struct sim_flash sim;
    uint8_t there[16];
    (void)unused;
    sim_flash_init(&sim, 2048, 1024, 8, 0xff);
    sim_flash_cut_after(&sim, 1, 0);
    assert_int_equal(program(&sim, 0, 8), UD_OK);
    assert_int_equal(program(&sim, 8, 8), UD_ERR_FLASH);
    assert_true(sim_flash_is_off(&sim));
    assert_int_equal(sim.flash.read(&sim, 0, there, 8), UD_ERR_FLASH);
    assert_int_equal(program(&sim, 16, 8), UD_ERR_FLASH);
    assert_int_equal(sim.flash.erase(&sim, 0), UD_ERR_FLASH);
    sim_flash_power_on(&sim);
    assert_int_equal(sim.flash.read(&sim, 0, there, 8), UD_OK);
    assert_memory_equal(there, data, 8);
    sim_flash_deinit(&sim);
}

/* Draw 1 leaves the last unit weak: over some power cycles it reads whole, erased and in between. */
static void test_a_torn_unit_reads_whole_or_erased_or_mixed_from_one_power_cycle_to_the_next(void **unused)
{
    struct sim_flash sim;
    uint8_t there[16];
    uint8_t again[16];
    const uint8_t erased[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    int whole = 0;
    int blank = 0;
    int mixed = 0;
    (void)unused;
    sim_flash_init(&sim, 2048, 1024, 8, 0xff);
    sim_flash_cut_after(&sim, 0, 1);
    assert_int_equal(program(&sim, 0, 16), UD_ERR_FLASH);
    for (int cycle = 0; cycle < 60; cycle++) {
        sim_flash_power_on(&sim);
        read_back(&sim, there);
        read_back(&sim, again);
        assert_memory_equal(there, again, 16); /* steady within one cycle */
        assert_memory_equal(there, data, 8);   /* the unit before it is firm */
        const bool is_whole = memcmp(there + 8, data + 8, 8) == 0;
        const bool is_blank = memcmp(there + 8, erased, 8) == 0;
        whole += is_whole;
        blank += is_blank;
        mixed += !is_whole && !is_blank;
    }
    assert_true(whole > 5 && blank > 5 && mixed > 5);
    sim_flash_deinit(&sim);
}

static void test_weak_bits_can_flicker_at_every_read(void **unused)
{
    struct sim_flash sim;
    uint8_t first[16];
    uint8_t there[16];
    int different = 0;
    (void)unused;
    sim_flash_init(&sim, 2048, 1024, 8, 0xff);
    sim.flicker = true;
    sim_flash_cut_after(&sim, 0, 1);
    assert_int_equal(program(&sim, 0, 16), UD_ERR_FLASH);
    sim_flash_power_on(&sim);
    read_back(&sim, first);
    for (int i = 0; i < 50; i++) {
        read_back(&sim, there);
        different += memcmp(there, first, 16) != 0;
    }
    assert_true(different > 10);
    sim_flash_deinit(&sim);
}

/* A unit of weak bits is refused now and then, and nobody's fault; one that holds a firm bit is its writer's. */
static void test_who_programs_over_bits_that_flicker_breaks_no_rule_but_over_firm_ones(void **unused)
{
    struct sim_flash sim;
    int refused = 0;
    (void)unused;
    for (int i = 0; i < 50; i++) {
        sim_flash_init(&sim, 2048, 1024, 8, 0xff);
        sim_flash_seed(&sim, (uint64_t)i);
        sim.flicker = true;
        sim_flash_cut_after(&sim, 0, 0);
        assert_int_equal(program(&sim, 0, 8), UD_ERR_FLASH);
        sim_flash_power_on(&sim);
        const ud_err err = program(&sim, 0, 8);
        assert_true(err == UD_OK || err == UD_ERR_FLASH_RULE);
        refused += err != UD_OK;
        assert_int_equal(sim.violations, 0);
        sim_flash_deinit(&sim);
    }
    assert_true(refused > 5);
    sim_flash_init(&sim, 2048, 1024, 8, 0xff);
    sim.flicker = true;
    assert_int_equal(program(&sim, 0, 8), UD_OK);
    assert_int_equal(program(&sim, 0, 8), UD_ERR_FLASH_RULE);
    assert_int_equal(sim.violations, 1);
    sim_flash_deinit(&sim);
}

static void test_an_erase_makes_weak_bits_firm_and_a_program_only_those_it_programs(void **unused)
{
    struct sim_flash sim;
    uint8_t there[16];
    (void)unused;
    sim_flash_init(&sim, 2048, 1024, 8, 0xff);
    for (int erase = 0; erase < 2; erase++) {
        sim_flash_cut_after(&sim, 0, 1);
        assert_int_equal(program(&sim, 0, 16), UD_ERR_FLASH);
        sim_flash_power_on(&sim);
        if (erase != 0) {
            assert_int_equal(sim.flash.erase(&sim, 0), UD_OK);
            assert_int_equal(program(&sim, 0, 16), UD_OK);
        } else {
            read_back(&sim, there);
            while (there[8] != 0xff || memcmp(there + 8, there + 9, 7) != 0) { /* until it reads erased */
                sim_flash_power_on(&sim);
                read_back(&sim, there);
            }
            assert_int_equal(program(&sim, 8, 8), UD_OK); /* the program puts data[0..7] there */
        }
        for (int cycle = 0; erase != 0 && cycle < 30; cycle++) {
            sim_flash_power_on(&sim);
            read_back(&sim, there);
            assert_memory_equal(there, data, 16);
        }
        if (erase == 0) {
            int damaged = 0;
            for (int cycle = 0; cycle < 30; cycle++) {
                sim_flash_power_on(&sim);
                read_back(&sim, there);
                damaged += memcmp(there + 8, data, 8) != 0;
            }
            assert_true(damaged > 0); /* other bits were weak there: they come back */
            assert_int_equal(sim.flash.erase(&sim, 0), UD_OK);
        }
    }
    assert_int_equal(sim.violations, 0);
    sim_flash_deinit(&sim);
}

static void test_one_seed_gives_one_history(void **unused)
{
    uint8_t there[2][16];
    (void)unused;
    for (int run = 0; run < 2; run++) {
        struct sim_flash sim;
        sim_flash_init(&sim, 2048, 1024, 8, 0xff);
        sim_flash_seed(&sim, 42);
        sim_flash_cut_after(&sim, 0, 9);
        assert_int_equal(program(&sim, 0, 16), UD_ERR_FLASH);
        sim_flash_power_on(&sim);
        read_back(&sim, there[run]);
        sim_flash_deinit(&sim);
    }
    assert_memory_equal(there[0], there[1], 16);
}

static void test_content_has_a_number_and_weak_bits_count(void **unused)
{
    struct sim_flash sim;
    struct sim_flash copy;
    (void)unused;
    sim_flash_init(&sim, 2048, 1024, 8, 0xff);
    assert_int_equal(program(&sim, 0, 16), UD_OK);
    sim_flash_copy(&copy, &sim);
    assert_true(sim_flash_is_firm(&sim));
    const uint64_t number = sim_flash_hash(&sim, 1);
    assert_true(sim_flash_hash(&copy, 1) == number && sim_flash_hash(&copy, 2) != number);
    sim_flash_flip(&copy, 2047, 7);
    assert_true(sim_flash_hash(&copy, 1) != number);
    sim_flash_cut_after(&sim, 0, 0);
    assert_int_equal(program(&sim, 16, 8), UD_ERR_FLASH);
    assert_false(sim_flash_is_firm(&sim));
    assert_true(sim_flash_hash(&sim, 1) != number);
    sim_flash_deinit(&copy);
    sim_flash_deinit(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_keeps_nor_rules),
        cmocka_unit_test(test_after_a_cut_nothing_answers_until_power_is_back),
        cmocka_unit_test(test_a_torn_unit_reads_whole_or_erased_or_mixed_from_one_power_cycle_to_the_next),
        cmocka_unit_test(test_weak_bits_can_flicker_at_every_read),
        cmocka_unit_test(test_who_programs_over_bits_that_flicker_breaks_no_rule_but_over_firm_ones),
        cmocka_unit_test(test_an_erase_makes_weak_bits_firm_and_a_program_only_those_it_programs),
        cmocka_unit_test(test_one_seed_gives_one_history),
        cmocka_unit_test(test_content_has_a_number_and_weak_bits_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
