/* Progress of an install of more than four components: what the journal keeps of it, and where each goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flash.h"
#include "layout.h"
#include "updraft/slots.h"

#define COMPONENTS 8
#define IMAGE_BYTES_MAX 12288

static const uint8_t digest[UD_DIGEST_BYTES] = {0xd};

struct rig {
    struct sim_flash sim;
    struct ud_layout layout;
    struct ud_slots slots;
    uint32_t size_bytes[UD_COMPONENTS_MAX];
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
};

static void rig_init(struct rig *rig, uint8_t components, uint32_t erase_size)
{
    const struct sim_layout_shape shape = {.journal_sectors = 2,
                                           .image_sectors = IMAGE_BYTES_MAX / erase_size,
                                           .envelope_sectors = 1,
                                           .component_count = components,
                                           .trial_boots_max = 1};
    sim_flash_init(&rig->sim, sim_layout_bytes(&shape, erase_size), erase_size, 8, 0xff);
    sim_layout(&rig->layout, &rig->sim.flash, &shape);
    assert_int_equal(ud_slots_format(&rig->slots, &rig->layout), UD_OK);
    assert_int_equal(ud_slots_adopt(&rig->slots, 1, (struct ud_version){0, 1}), UD_OK);
    for (uint32_t i = 0; i < UD_COMPONENTS_MAX; i++) {
        rig->size_bytes[i] = 9001 + 100 * i;
    }
}

static void rig_deinit(struct rig *rig)
{
    assert_int_equal(rig->sim.violations, 0);
    sim_flash_deinit(&rig->sim);
}

static uint8_t byte_of(uint8_t component, uint32_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) + component * 57U);
}

static ud_err begin_again(struct rig *rig)
{
    sim_flash_power_on(&rig->sim);
    assert_int_equal(ud_slots_mount(&rig->slots, &rig->layout), UD_OK);
    return ud_slots_install_begin(&rig->slots, 1, digest, rig->size_bytes, rig->resume_bytes);
}

static ud_err write_to(struct rig *rig, uint8_t component, uint32_t from, uint32_t end)
{
    ud_err err = UD_OK;
    for (uint32_t at = from; err == UD_OK && at < end; at += 100) {
        uint8_t piece[100];
        const uint32_t n = end - at < sizeof piece ? end - at : (uint32_t)sizeof piece;
        for (uint32_t i = 0; i < n; i++) {
            piece[i] = byte_of(component, at + i);
        }
        err = ud_slots_install_write(&rig->slots, component, (struct ud_bytes){piece, n});
    }
    return err;
}

static void assert_holds(struct rig *rig, uint8_t component)
{
    uint8_t there[IMAGE_BYTES_MAX];
    const uint32_t len = rig->size_bytes[component];
    assert_int_equal(ud_slots_read(&rig->slots, 0, component, 0, there, len), UD_OK);
    for (uint32_t at = 0; at < len; at++) {
        assert_int_equal(there[at], byte_of(component, at));
    }
}

static void test_an_install_of_eight_goes_on_with_each_where_it_was(void **state)
{
    (void)state;
    static const struct {
        uint32_t erase_size;
        uint32_t written; /* of component 5 */
        uint32_t resumed;
    } rows[] = {
        {1024, 4095, 0},    {1024, 4096, 4096}, {1024, 8191, 4096}, {1024, 9000, 8192},
        {4096, 4096, 4096}, {4096, 9000, 8192}, {2048, 6144, 4096}, {1024, 0, 0},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        static struct rig rig;
        rig_init(&rig, COMPONENTS, rows[row].erase_size);
        assert_int_equal(begin_again(&rig), UD_OK);
        for (uint8_t i = 0; i < 5; i++) {
            assert_int_equal(rig.resume_bytes[i], 0);
            assert_int_equal(write_to(&rig, i, 0, rig.size_bytes[i]), UD_OK);
        }
        assert_int_equal(write_to(&rig, 5, 0, rows[row].written), UD_OK);
        assert_int_equal(begin_again(&rig), UD_OK);
        for (uint8_t i = 0; i < 5; i++) {
            assert_int_equal(rig.resume_bytes[i], rig.size_bytes[i]);
        }
        assert_int_equal(rig.resume_bytes[5], rows[row].resumed);
        assert_int_equal(rig.resume_bytes[6], 0);
        assert_int_equal(rig.resume_bytes[7], 0);
        for (uint8_t i = 5; i < COMPONENTS; i++) {
            assert_int_equal(write_to(&rig, i, rig.resume_bytes[i], rig.size_bytes[i]), UD_OK);
        }
        assert_int_equal(begin_again(&rig), UD_OK);
        for (uint8_t i = 0; i < COMPONENTS; i++) {
            assert_int_equal(rig.resume_bytes[i], rig.size_bytes[i]);
            assert_holds(&rig, i);
        }
        rig_deinit(&rig);
    }
}

/* Where the newest record's body begins, found by what formats section 11 says and nothing else. */
static const uint8_t *newest_body(const struct rig *rig, uint8_t bytes[2 * 4096])
{
    const uint32_t place = 8 + 192 + 8; /* head, body and seal, padded to units of 8 */
    const uint8_t *newest = NULL;
    const struct ud_flash *flash = &rig->sim.flash;
    assert_int_equal(flash->read(flash->ctx, rig->layout.journal.offset, bytes, 2 * 4096), UD_OK);
    for (uint32_t at = 0; at + place <= 2 * 4096;
         at += at % 4096 + 2 * place > 4096 ? 4096 - at % 4096 : place) {
        const uint8_t *body = bytes + at + 8;
        if (memcmp(bytes + at, "UDJR", 4) == 0 && (newest == NULL || memcmp(body, newest, 2) > 0)) {
            newest = body;
        }
    }
    assert_non_null(newest);
    return newest;
}

/* Few components: four numbers of four bytes; more: eight of two, in units of 4096, rounded up, and a flag. */
static void test_the_record_says_how_it_counts(void **state)
{
    (void)state;
    static const struct {
        uint8_t components;
        uint8_t flags;
        uint8_t progress[16];
    } rows[] = {
        {4, 2, {0x29, 0x23, 0, 0, 0x00, 0x10}}, /* 9001, 4096 */
        {5, 2 | 8, {3, 0, 1, 0}},
        {8, 2 | 8, {3, 0, 1, 0}},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        static struct rig rig;
        uint8_t bytes[2 * 4096];
        rig_init(&rig, rows[row].components, 4096);
        assert_int_equal(begin_again(&rig), UD_OK);
        assert_int_equal(write_to(&rig, 0, 0, rig.size_bytes[0]), UD_OK);
        assert_int_equal(write_to(&rig, 1, 0, 5000), UD_OK);
        const uint8_t *body = newest_body(&rig, bytes);
        assert_int_equal(body[7], rows[row].flags);
        assert_memory_equal(body + 68, digest, sizeof digest);
        assert_memory_equal(body + 100, rows[row].progress, 16);
        rig_deinit(&rig);
    }
}

static void test_an_image_beyond_what_the_journal_counts_is_refused(void **state)
{
    (void)state;
    static struct rig rig;
    rig_init(&rig, COMPONENTS, 1024);
    rig.size_bytes[7] = IMAGE_BYTES_MAX;
    assert_int_equal(begin_again(&rig), UD_OK);
    rig.size_bytes[7] = IMAGE_BYTES_MAX + 1;
    assert_int_equal(begin_again(&rig), UD_ERR_SPACE);
    rig.size_bytes[7] = UINT32_MAX;
    assert_int_equal(begin_again(&rig), UD_ERR_SPACE);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_install_of_eight_goes_on_with_each_where_it_was),
        cmocka_unit_test(test_the_record_says_how_it_counts),
        cmocka_unit_test(test_an_image_beyond_what_the_journal_counts_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
