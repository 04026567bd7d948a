/* What a layout must keep to, one broken rule at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flash.h"
#include "layout.h"
#include "updraft/slots.h"

static void break_nothing(struct ud_layout *layout)
{
    (void)layout;
}

static void break_no_component(struct ud_layout *layout)
{
    layout->component_count = 0;
}

static void break_many_components(struct ud_layout *layout)
{
    layout->component_count = UD_COMPONENTS_MAX + 1;
}

static void break_trials(struct ud_layout *layout)
{
    layout->trial_boots_max = 0;
}

static void break_id_empty(struct ud_layout *layout)
{
    layout->components[0].id.len = 0;
}

static void break_id_long(struct ud_layout *layout)
{
    layout->components[0].id.len = UD_COMPONENT_ID_BYTES_MAX + 1;
}

static void break_id_twice(struct ud_layout *layout)
{
    layout->components[1].id = layout->components[0].id;
}

static void break_overlap(struct ud_layout *layout)
{
    layout->components[0].image[1].offset = layout->components[0].image[0].offset + 2048;
}

static void break_journal_over_envelope(struct ud_layout *layout)
{
    layout->envelope[1].offset = 1024;
}

static void break_outside(struct ud_layout *layout)
{
    layout->envelope[1].size += 1024;
}

static void break_unaligned(struct ud_layout *layout)
{
    layout->components[1].image[0].offset += 8;
}

static void break_short_journal(struct ud_layout *layout)
{
    layout->journal.size = 1024;
}

static void test_a_layout_that_does_not_hold_together_is_refused(void **unused)
{
    static const struct {
        const char *name;
        void (*break_it)(struct ud_layout *layout);
        ud_err want;
    } rows[] = {
        {"as made", break_nothing, UD_OK},
        {"no component", break_no_component, UD_ERR_LIMIT},
        {"too many components", break_many_components, UD_ERR_LIMIT},
        {"no trial boot", break_trials, UD_ERR_LIMIT},
        {"empty id", break_id_empty, UD_ERR_LIMIT},
        {"id too long", break_id_long, UD_ERR_LIMIT},
        {"one id twice", break_id_twice, UD_ERR_DUPLICATE},
        {"slots overlap", break_overlap, UD_ERR_CONFLICT},
        {"envelope in the journal", break_journal_over_envelope, UD_ERR_CONFLICT},
        {"past the end of the flash", break_outside, UD_ERR_LIMIT},
        {"inside a sector", break_unaligned, UD_ERR_LIMIT},
        {"journal of one sector", break_short_journal, UD_ERR_LIMIT},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sim_layout_shape shape = {.journal_sectors = 2,
                                               .image_sectors = 3,
                                               .envelope_sectors = 1,
                                               .component_count = 2,
                                               .trial_boots_max = 1};
        struct sim_flash sim;
        struct ud_layout layout;
        struct ud_slots slots;
        sim_flash_init(&sim, sim_layout_bytes(&shape, 1024), 1024, 8, 0xff);
        sim_layout(&layout, &sim.flash, &shape);
        assert_int_equal(ud_slots_format(&slots, &layout), UD_OK);
        rows[i].break_it(&layout);
        if (ud_layout_check(&layout) != rows[i].want || ud_slots_mount(&slots, &layout) != rows[i].want) {
            fail_msg("%s: not %s", rows[i].name, ud_err_name(rows[i].want));
        }
        sim_flash_deinit(&sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_layout_that_does_not_hold_together_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
