/*
 * One blob in two copies, with notes in the journal of which is being written: what two cuts cannot break without notes,
 * three cannot break with them. Each life of a device is a start, as a bootloader makes it, and a replacement.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flash.h"
#include "updraft/twin_journal.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SECTOR_BYTES 1024U
#define JOURNAL_SECTORS 3U
#define CONTENT_BYTES 90U
#define NEVER UINT64_MAX
#define MANNERS 3U /* how weak bits read: as if programmed, as if erased, mixed (sim/flash.c) */

static const struct geometry {
    uint32_t write_size;
    uint8_t erased_value;
} geometries[] = {{8, 0xff}, {32, 0x00}, {1, 0xff}};

struct board {
    struct sim_flash sim;
    struct ud_area journal;
    struct ud_area copies[UD_TWIN_COPIES];
    uint32_t seen; /* what was acted on: the highest number that a start without a cut decided by */
    uint32_t last; /* highest that was ever put */
    bool notes;
};

static void lay_out(struct board *board)
{
    const struct ud_flash *flash = &board->sim.flash;
    board->journal = (struct ud_area){flash, 0, JOURNAL_SECTORS * SECTOR_BYTES};
    for (uint32_t i = 0; i < UD_TWIN_COPIES; i++) {
        board->copies[i] = (struct ud_area){flash, (JOURNAL_SECTORS + i) * SECTOR_BYTES, SECTOR_BYTES};
    }
}

static void board_copy(struct board *to, const struct board *from)
{
    *to = *from;
    sim_flash_copy(&to->sim, &from->sim);
    lay_out(to);
}

static struct ud_bytes blob(uint32_t n, uint8_t out[CONTENT_BYTES])
{
    for (size_t i = 0; i < CONTENT_BYTES; i++) {
        out[i] = (uint8_t)(n * 31 + i * 7);
    }
    return (struct ud_bytes){out, CONTENT_BYTES};
}

struct mounted {
    struct ud_journal journal;
    struct ud_slots_state state;
    struct ud_twin_journal to;
    struct ud_twin_notes notes;
    struct ud_twin twin;
};

static void mount(const struct board *board, struct mounted *m)
{
    m->to = (struct ud_twin_journal){&m->journal, &m->state};
    m->notes = (struct ud_twin_notes){ud_twin_journal_put, &m->to};
    assert_int_equal(ud_journal_mount(&m->journal, &board->journal, &m->state), UD_OK);
    if (board->sim.off) {
        return; /* the mount wrote, and that was cut */
    }
    assert_int_equal(ud_twin_mount(&m->twin, board->copies), UD_OK);
    if (board->notes) {
        ud_twin_note_with(&m->twin, &m->notes, ud_twin_journal_noted(&m->state));
    }
}

/* @return the number that the start decides by; 0: there is none */
static uint32_t start(struct board *board, struct mounted *m)
{
    uint8_t copy = 0;
    mount(board, m);
    for (size_t rank = 0; !board->sim.off && ud_twin_candidate(&m->twin, rank, &copy) == UD_OK; rank++) {
        uint8_t got[CONTENT_BYTES];
        uint8_t want[CONTENT_BYTES];
        struct ud_buf buf = {got, sizeof got, 0};
        const uint32_t number = ud_twin_number(&m->twin, copy);
        if (ud_twin_read(&m->twin, copy, &buf) == UD_OK &&
            ud_bytes_equal(ud_buf_bytes(&buf), blob(number, want))) {
            (void)ud_twin_settle(&m->twin, copy, ud_buf_bytes(&buf));
            return number;
        }
    }
    return 0;
}

/*
 * Power on, a start, a replacement by the next number: cut after so many operations.
 * @return false: the cut was not reached; otherwise the power is off
 */
static bool live(struct board *board, uint64_t cut, uint32_t draw, uint32_t manner, bool *kept)
{
    struct mounted m;
    uint8_t bytes[CONTENT_BYTES];
    sim_flash_power_on(&board->sim);
    board->sim.noise -= board->sim.noise % MANNERS;
    board->sim.noise += manner;
    if (cut != NEVER) {
        sim_flash_cut_after(&board->sim, cut, draw);
    }
    const uint32_t said = start(board, &m);
    if (!board->sim.off) {
        *kept = said >= board->seen && said <= board->last && said != 0;
        board->seen = said;
        board->last = said + 1;
        if (*kept) {
            const ud_err err = ud_twin_replace(&m.twin, said + 1, blob(said + 1, bytes));
            assert_true(err == UD_OK || board->sim.off);
        }
    }
    const bool off = board->sim.off;
    sim_flash_cut_never(&board->sim);
    return off;
}

static void board_open(struct board *board, const struct geometry *g, bool notes)
{
    struct mounted m = {.state = {.outcome = UD_ABSENT}};
    uint8_t bytes[CONTENT_BYTES];
    memset(board, 0, sizeof *board);
    sim_flash_init(&board->sim, (JOURNAL_SECTORS + UD_TWIN_COPIES) * SECTOR_BYTES, SECTOR_BYTES, g->write_size,
                   g->erased_value);
    lay_out(board);
    board->notes = notes;
    assert_int_equal(ud_journal_format(&m.journal, &board->journal, &m.state), UD_OK);
    mount(board, &m);
    assert_int_equal(ud_twin_replace(&m.twin, 1, blob(1, bytes)), UD_OK);
    board->seen = 1;
    board->last = 1;
}

struct search {
    const struct geometry *g;
    uint32_t depth; /* cuts, one in each life */
    uint32_t draw;
    uint32_t manners; /* of each power cycle, in base 3 */
    uint64_t lost;    /* lives in which neither the old nor the new one was there, or the old one came back */
    uint64_t lives;
    uint64_t at[3];
};

/* Two more lives without a cut: what is there stays. */
static bool rests(struct board *board, const struct search *s)
{
    bool kept = true;
    bool all = true;
    for (uint32_t i = 0; i < 2; i++) {
        assert_false(live(board, NEVER, 0, (s->manners + i) % MANNERS, &kept));
        all = all && kept;
    }
    assert_int_equal(board->sim.violations, 0);
    return all;
}

/* Every cut of this life, and after each every cut of the next; the flash before it is shared by all of them. */
static void search(struct search *s, const struct board *before, uint32_t depth)
{
    uint32_t manner = s->manners;
    for (uint32_t i = 0; i < depth; i++) {
        manner /= MANNERS;
    }
    bool reached = true;
    for (uint64_t cut = 0; reached; cut++) {
        struct board board;
        bool kept = true;
        board_copy(&board, before);
        s->at[depth] = cut;
        s->lives++;
        reached = live(&board, cut, s->draw, manner % MANNERS, &kept);
        if (kept && depth + 1 < s->depth && reached) {
            search(s, &board, depth + 1);
        } else if (!kept || !rests(&board, s)) {
            if (before->notes) {
                fail_msg("write %u, draw %u, manners %u: cut at %llu, %llu, %llu: seen %u", s->g->write_size,
                         s->draw, s->manners, (unsigned long long)s->at[0], (unsigned long long)s->at[1],
                         (unsigned long long)s->at[2], board.seen);
            }
            s->lost++;
        }
        sim_flash_deinit(&board.sim);
    }
}

static struct search search_all(const struct geometry *g, uint32_t depth, uint32_t draw, uint32_t manners,
                                bool notes)
{
    struct board board;
    struct search s = {.g = g, .depth = depth, .draw = draw, .manners = manners};
    board_open(&board, g, notes);
    sim_flash_seed(&board.sim, 1 + draw + manners * 97);
    search(&s, &board, 0);
    sim_flash_deinit(&board.sim);
    return s;
}

static bool is_long(void)
{
    return getenv("UD_TORTURE") != NULL;
}

/* `manners`: one of 0 to 2 for each power cycle; draws 0 to 2 are the corners, those behind tear anywhere. */
static void test_every_cut_and_every_pair_of_cuts_leaves_the_old_or_the_new_one(void **state)
{
    (void)state;
    const uint32_t draws = is_long() ? 24 : SIM_FLASH_CORNERS - 1;
    for (size_t g = 0; g < COUNT(geometries); g++) {
        for (uint32_t draw = 0; draw < (g == 0 || is_long() ? draws : 1); draw++) {
            for (uint32_t manners = 0; manners < MANNERS * MANNERS; manners++) {
                (void)search_all(&geometries[g], 2, draw, manners, true);
            }
        }
    }
}

#define HURTS 9U /* manners under which, without notes, three cuts leave no copy */

/* Three cuts, one in each of three lives: each in every operation of the start and of the replacement behind it. */
static void test_every_three_cuts_leave_the_old_or_the_new_one(void **state)
{
    (void)state;
    if (!is_long()) {
        (void)search_all(&geometries[0], 3, 0, HURTS, true);
        return;
    }
    for (size_t g = 0; g < COUNT(geometries); g++) {
        for (uint32_t draw = 0; draw < SIM_FLASH_CORNERS + 3; draw++) {
            for (uint32_t manners = 0; manners < MANNERS * MANNERS * MANNERS; manners++) {
                (void)search_all(&geometries[g], 3, draw, manners, true);
            }
        }
    }
}

/* The same search finds the hole where nothing is noted; found nowhere, it would prove nothing. */
static void test_without_notes_three_cuts_may_leave_none(void **state)
{
    (void)state;
    assert_true(search_all(&geometries[0], 3, 0, HURTS, false).lost > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_and_every_pair_of_cuts_leaves_the_old_or_the_new_one),
        cmocka_unit_test(test_every_three_cuts_leave_the_old_or_the_new_one),
        cmocka_unit_test(test_without_notes_three_cuts_may_leave_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
