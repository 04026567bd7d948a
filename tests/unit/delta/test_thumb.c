#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delta/thumb.h"

/* From the Arm manual's encodings, put together by hand; the low halfword comes first. */
static const struct {
    const char *name;
    uint32_t word;
    bool call;
    int32_t reach;
} calls[] = {
    {"BL to the next instruction", 0xf800f000u, true, 0},
    {"BL to itself", 0xfffef7ffu, true, -4},
    {"BL the farthest forward", 0xd7fff3ffu, true, 0xfffffe},
    {"BL the farthest back", 0xd000f400u, true, -0x1000000},
    {"B.W to itself", 0xbffef7ffu, true, -4},
    {"BLX to the next instruction", 0xe800f000u, true, 0},
    {"BLX with its lowest bit set is none", 0xe801f000u, false, 0},
    {"B<cond>.W is none", 0x8000f000u, false, 0},
    {"MOVW is none", 0x0000f240u, false, 0},
    {"two narrow instructions are none", 0xb510bd10u, false, 0},
};

static void test_calls_are_known_and_their_reach_is_the_manuals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (delta_is_call(calls[i].word) != calls[i].call) {
            fail_msg("%s", calls[i].name);
        }
        if (calls[i].call && delta_call_reach(calls[i].word) != calls[i].reach) {
            fail_msg("%s: %d", calls[i].name, (int)delta_call_reach(calls[i].word));
        }
    }
}

static void test_a_call_keeps_its_sort_and_takes_any_even_reach(void **state)
{
    (void)state;
    static const uint32_t words[] = {0xf800f000u, 0xbffef7ffu, 0xe800f000u};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (int32_t reach = -0x1000000; reach < 0x1000000; reach += 0x3ffe) {
            const uint32_t moved = delta_call_with(words[i], (uint32_t)reach);
            if (delta_call_reach(moved) != reach || ((moved ^ words[i]) & 0xd000f800u) != 0) {
                fail_msg("%08x by %d gives %08x", (unsigned)words[i], (int)reach, (unsigned)moved);
            }
        }
        assert_true(delta_same_call(words[i], delta_call_with(words[i], 2468)));
    }
    assert_false(delta_same_call(words[0], words[1]));
}

static const struct {
    const char *name;
    uint32_t half;
    uint32_t at;
    delta_local kind;
    int32_t target;
    int32_t lowest; /* targets that the field can hold, from `at` */
    int32_t highest;
    int32_t grain;
} locals[] = {
    {"LDR r0, [pc, #8]", 0x4802, 0x100, DELTA_LOCAL_LITERAL, 0x10c, 0x104, 0x104 + 1020, 4},
    {"LDR at an odd halfword counts from the word", 0x4802, 0x102, DELTA_LOCAL_LITERAL, 0x10c, 0x104, 0x500, 4},
    {"ADR r1, #4", 0xa101, 0x100, DELTA_LOCAL_LITERAL, 0x108, 0x104, 0x104 + 1020, 4},
    {"BEQ to itself", 0xd0fe, 0x100, DELTA_LOCAL_CONDITIONAL, 0x100, 0x104 - 256, 0x104 + 254, 2},
    {"B to itself", 0xe7fe, 0x1000, DELTA_LOCAL_BRANCH, 0x1000, 0x1004 - 2048, 0x1004 + 2046, 2},
    {"CBZ r0, the farthest", 0xb3f8, 0x100, DELTA_LOCAL_COMPARE, 0x104 + 126, 0x104, 0x104 + 126, 2},
    {"CBNZ r7, the next but one", 0xb907, 0x100, DELTA_LOCAL_COMPARE, 0x104, 0x104, 0x104 + 126, 2},
    {"UDF is none", 0xde00, 0, DELTA_LOCAL_NONE, 0, 0, 0, 0},
    {"SVC is none", 0xdf00, 0, DELTA_LOCAL_NONE, 0, 0, 0, 0},
    {"PUSH is none", 0xb510, 0, DELTA_LOCAL_NONE, 0, 0, 0, 0},
    {"ADD rd, sp is none", 0xa801, 0, DELTA_LOCAL_NONE, 0, 0, 0, 0},
};

static void test_short_branches_are_known_and_point_where_the_manual_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof locals / sizeof locals[0]; i++) {
        const delta_local kind = delta_local_kind(locals[i].half);
        if (kind != locals[i].kind) {
            fail_msg("%s: kind %d", locals[i].name, (int)kind);
        }
        if (kind != DELTA_LOCAL_NONE &&
            delta_local_target(kind, locals[i].half, locals[i].at) != locals[i].target) {
            fail_msg("%s", locals[i].name);
        }
    }
}

static void test_a_short_branch_is_aimed_within_its_field_and_not_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof locals / sizeof locals[0]; i++) {
        if (locals[i].kind == DELTA_LOCAL_NONE) {
            continue;
        }
        for (int32_t to = locals[i].lowest - 8; to <= locals[i].highest + 8; to++) {
            uint32_t half = locals[i].half;
            const bool fits = to >= locals[i].lowest && to <= locals[i].highest &&
                              (to - locals[i].lowest) % locals[i].grain == 0;
            if (delta_local_aim(locals[i].kind, &half, locals[i].at, (uint32_t)to) != fits) {
                fail_msg("%s to %d", locals[i].name, (int)to);
            }
            const int32_t now = delta_local_target(locals[i].kind, half, locals[i].at);
            if (now != (fits ? to : locals[i].target) || delta_local_kind(half) != locals[i].kind) {
                fail_msg("%s to %d points to %d", locals[i].name, (int)to, (int)now);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_known_and_their_reach_is_the_manuals),
        cmocka_unit_test(test_a_call_keeps_its_sort_and_takes_any_even_reach),
        cmocka_unit_test(test_short_branches_are_known_and_point_where_the_manual_says),
        cmocka_unit_test(test_a_short_branch_is_aimed_within_its_field_and_not_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
