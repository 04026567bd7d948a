/*
 * Builds that do without (updraft/slots.h): a layout that has what they leave out is refused and not taken for another. Linked
 * three times, with src/slots/layout.c made for hosts, for images that stay, and for a swap alone (cmake/tests.cmake).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flash.h"
#include "layout.h"
#include "updraft/slots.h"

/* Which build this is; the tables below say what each of them takes. */
#if defined UD_MOVER_NONE
enum { BUILD = 1 };
#elif defined UD_MOVER_ONLY
enum { BUILD = 2 };
#else
enum { BUILD = 0 };
#endif

static const struct {
    const char *name;
    const struct ud_mover *mover;
    bool has_recovery;
    bool has_cipher;
    ud_err want[3];
} rows[] = {
    {"images that stay", NULL, false, false, {UD_OK, UD_OK, UD_ERR_CONFIG}},
    {"swap", &ud_move_swap, false, false, {UD_OK, UD_ERR_CONFIG, UD_OK}},
    {"overwrite", &ud_move_overwrite, false, false, {UD_OK, UD_ERR_CONFIG, UD_ERR_CONFIG}},
    {"a recovery image", NULL, true, false, {UD_OK, UD_ERR_CONFIG, UD_ERR_CONFIG}},
    {"swap with a recovery image", &ud_move_swap, true, false, {UD_OK, UD_ERR_CONFIG, UD_ERR_CONFIG}},
    {"swap of images that rest encrypted", &ud_move_swap, false, true, {UD_OK, UD_ERR_CONFIG, UD_ERR_CONFIG}},
};

static void test_a_layout_that_this_build_does_without_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sim_layout_shape shape = {
            .journal_sectors = 2,
            .image_sectors = 3,
            .envelope_sectors = 2,
            .component_count = 1,
            .trial_boots_max = 1,
            .mover = rows[i].mover,
            .move_sectors = rows[i].mover != NULL ? 2 : 0,
            .recovery_sectors = rows[i].has_recovery ? 3 : 0,
        };
        struct sim_flash sim;
        struct ud_layout layout;
        struct ud_recovery_image recovery;
        sim_flash_init(&sim, sim_layout_bytes(&shape, 1024), 1024, 8, 0xff);
        sim_layout(&layout, &sim.flash, &shape);
        if (rows[i].has_recovery) {
            sim_layout_recovery(&layout, &recovery, &shape);
        }
        const struct ud_cipher cipher = {.ctx = NULL};
        if (rows[i].has_cipher) {
            layout.cipher = &cipher;
        }
        const ud_err err = ud_layout_check(&layout);
        if (err != rows[i].want[BUILD]) {
            fail_msg("%s: %s, want %s", rows[i].name, ud_err_name(err), ud_err_name(rows[i].want[BUILD]));
        }
        assert_ptr_equal(ud_layout_mover(&layout), BUILD == 1   ? NULL
                                                   : BUILD == 2 ? &ud_move_swap
                                                                : layout.mover);
        assert_ptr_equal(ud_layout_recovery(&layout), BUILD == 0 ? layout.recovery : NULL);
        assert_ptr_equal(ud_layout_cipher(&layout), BUILD == 0 ? layout.cipher : NULL);
        sim_flash_deinit(&sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_layout_that_this_build_does_without_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
