/*
 * Power fails at every flash operation of install, move, trial, confirm and revert, in several manners of tearing,
 * and again during the recovery, and again (P2; attacks D1, D2, D3). What must hold at every boot after that:
 *
 *   - a release runs, whole, verified, and lying where it can run; the bootloader never says that there is no slot
 *   - the new one runs only if its install was complete, and stays only if it confirmed itself: no revert is lost
 *   - the stored version, and the hardware's counter, are that of a confirmed release
 *   - the next update goes through
 *
 * Configurations are the product of layouts and geometries. UD_TORTURE=1 takes every cut in twenty manners on all of
 * them, every pair on a small one of each layout and more random triples; SEED=n gives the random ones another start.
 * UD_PART=i/n does the i-th part of n, so that they can run side by side.
 *
 * What a device does depends on the bits of its flash, its counter, and how weak bits read. A state without weak bits
 * that was met before, at the same step of the story, is not gone through again: it would end as it did then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "helper_board.h"
#include "helper_counter.h"
#include "ports/openssl/keys.h"

/* ---- configurations ---- */

static const struct {
    uint32_t erase_size;
    uint32_t write_size;
    uint8_t erased_value;
    uint32_t journal_sectors;
} geometries[] = {
    {1024, 1, 0xff, 2},  {1024, 2, 0x00, 2}, {1024, 4, 0xff, 3},  {1024, 8, 0xff, 2}, {1024, 16, 0x00, 3},
    {1024, 32, 0xff, 2}, {2048, 8, 0x00, 2}, {2048, 32, 0xff, 3}, {4096, 4, 0xff, 2},
};
#define GEOMETRY_COUNT (sizeof geometries / sizeof geometries[0])

static const struct {
    const char *name;
    struct board_shape shape; /* what the geometry leaves open */
} layouts[] = {
    {"A/B", {.component_count = 1, .trial_boots_max = 1}},
    {"A/B, two components, two starts", {.component_count = 2, .trial_boots_max = 2}},
    {"swap", {.component_count = 1, .trial_boots_max = 1, .mover = &ud_move_swap}},
    {"swap, two components", {.component_count = 2, .trial_boots_max = 1, .mover = &ud_move_swap}},
    {"swap with a chip of small sectors",
     {.component_count = 1,
      .trial_boots_max = 1,
      .mover = &ud_move_swap,
      .second_erase_size = 512,
      .second_write_size = 1,
      .second_erased_value = 0xff}},
    {"swap with a chip of large sectors, two starts",
     {.component_count = 1,
      .trial_boots_max = 2,
      .mover = &ud_move_swap,
      .second_erase_size = 4096,
      .second_write_size = 16,
      .second_erased_value = 0x00}},
    {"swap, encrypted at rest",
     {.component_count = 1, .trial_boots_max = 1, .mover = &ud_move_swap, .has_cipher = true}},
    {"RAM", {.component_count = 1, .trial_boots_max = 1, .mover = &ud_move_ram}},
    {"overwrite",
     {.component_count = 1, .trial_boots_max = 1, .mover = &ud_move_overwrite, .has_recovery = true}},
};
#define LAYOUT_COUNT (sizeof layouts / sizeof layouts[0])
#define CONFIG_COUNT (LAYOUT_COUNT * GEOMETRY_COUNT)
_Static_assert(CONFIG_COUNT >= 40, "as many as the design page promises");

enum { LAYOUT_SWAP = 2, GEOMETRY_SMALL = 8 }; /* few sectors, so few operations: every pair of cuts */

/* The whole story takes four power cycles: install, trial, revert if it must, normal. One more leaves it as it is. */
enum { STORY_CYCLES = 4, RECOVERY_CYCLES = 5, KNOWN_MAX = 1 << 16 };

static struct board_shape shape_of(size_t layout, size_t geometry)
{
    struct board_shape shape = layouts[layout].shape;
    shape.name = layouts[layout].name;
    shape.erase_size = geometries[geometry].erase_size;
    shape.write_size = geometries[geometry].write_size;
    shape.erased_value = geometries[geometry].erased_value;
    shape.journal_sectors = geometries[geometry].journal_sectors;
    return shape;
}

/* ---- the story ---- */

struct cast {
    struct ud_key_pair *pair;
    struct ud_signer author;
    uint32_t visited; /* states, of all tests together */
    uint32_t again;   /* of them, those that came to one that had been gone through */
};

/* Before a power cycle of the story that nothing disturbs. */
struct moment {
    uint64_t operations;
    struct sim_flash flash;
    struct counter counter;
};

/* The releases of one run: 5 runs, 6 is on its way, 7 is the update after the accident. */
struct scene {
    struct board_shape shape;
    struct board board;
    struct moment moments[STORY_CYCLES];
    uint64_t operations; /* of that story */
    struct counter counter;
    uint64_t *known; /* [KNOWN_MAX] hashes of states that were gone through from here to the end; 0: free */
    uint32_t again;
    struct release rescue;
    struct release five;
    struct release six;
    struct release seven;
    bool confirms;         /* six is healthy */
    uint32_t stayed_count; /* stories that ended with six */
};

static bool long_form(void)
{
    return getenv("UD_TORTURE") != NULL;
}

static uint64_t seed(void)
{
    const char *given = getenv("SEED");
    return given == NULL ? 1 : strtoull(given, NULL, 10);
}

/* Is this piece of work in our part? */
static bool is_ours(size_t number)
{
    const char *part = getenv("UD_PART");
    unsigned long index = 0;
    unsigned long count = 1;
    if (part != NULL) {
        char *rest;
        index = strtoul(part, &rest, 10);
        assert_int_equal(*rest, '/');
        count = strtoul(rest + 1, NULL, 10);
        assert_true(index < count);
    }
    return number % count == index;
}

static bool can_revert(const struct scene *scene)
{
    return scene->shape.mover != &ud_move_overwrite;
}

/* The first sector is the same in all of them: a move leaves it alone. */
static struct release make_release(const struct scene *scene, uint64_t sequence, uint32_t image_bytes,
                                   const struct ud_signer *signer)
{
    struct release release = release_plain(sequence, image_bytes);
    release.component_count = scene->shape.component_count;
    release.same_bytes = 1024;
    release_make(&release, signer);
    return release;
}

static void make_rescue(struct scene *scene, const struct ud_signer *author)
{
    scene->rescue = release_plain(1, 500);
    release_make(&scene->rescue, author);
    board_put_recovery(&scene->board, &scene->rescue);
}

static bool is_off(const struct scene *scene)
{
    return sim_flash_is_off(&scene->board.sim);
}

/* Nothing but what was confirmed may move the counter; the first boot after that does. */
static void assert_counter(const struct scene *scene)
{
    const struct ud_version counted = scene->counter.value;
    assert_int_equal(counted.epoch, 0);
    assert_true(counted.sequence == 5 || (counted.sequence == 6 && scene->confirms));
}

/*
 * One power cycle of a device in the field: boot; then what the image that runs does. False when power failed.
 */
static bool live(struct scene *scene)
{
    struct ud_boot_info info;
    struct board *board = &scene->board;
    const ud_err err = board_boot(board, UD_OK, &info);
    assert_counter(scene);
    if (is_off(scene)) {
        return false;
    }
    assert_int_equal(err, UD_OK);
    assert_true(info.slot != UD_SLOT_RECOVERY || !can_revert(scene));
    if (info.reason == UD_BOOT_TRIAL) {
        assert_int_equal(info.version.sequence, 6);
        if (scene->confirms) {
            (void)board_confirm(board, info.slot);
        }
    } else if (info.reason == UD_BOOT_NORMAL && info.version.sequence == 5 && info.outcome == UD_OK) {
        (void)board_try_install(board, &scene->six);
    }
    return !is_off(scene);
}

static bool live_to_the_end(struct scene *scene, int cycle)
{
    for (; cycle < STORY_CYCLES; cycle++) {
        if (!live(scene)) {
            return false;
        }
        sim_flash_power_on(&scene->board.sim);
    }
    return true;
}

static void remember_the_story(struct scene *scene)
{
    struct sim_flash *sim = &scene->board.sim;
    sim->operations = 0;
    for (int cycle = 0; cycle < STORY_CYCLES; cycle++) {
        struct moment *moment = &scene->moments[cycle];
        moment->operations = sim->operations;
        moment->counter = scene->counter;
        sim_flash_copy(&moment->flash, sim);
        assert_true(sim_flash_is_firm(sim));
        assert_true(live(scene));
        sim_flash_power_on(sim);
    }
    scene->operations = sim->operations;
}

static void scene_init(struct scene *scene, const struct board_shape *shape, const struct ud_signer *author,
                       bool confirms)
{
    memset(scene, 0, sizeof *scene);
    scene->shape = *shape;
    board_init(&scene->board, shape, author);
    if (shape->has_recovery) {
        make_rescue(scene, author);
    }
    scene->five = make_release(scene, 5, 2900, author);
    scene->six = make_release(scene, 6, 4096, author);
    scene->seven = make_release(scene, 7, 1300, author);
    board_factory(&scene->board, &scene->five);
    counter_init(&scene->counter, &scene->board.sim);
    scene->board.counter = &scene->counter.port;
    board_expect(&scene->board, &scene->five, UD_BOOT_NORMAL, UD_OK, "from the factory");
    scene->confirms = confirms;
    scene->known = calloc(KNOWN_MAX, sizeof scene->known[0]);
    assert_non_null(scene->known);
    remember_the_story(scene);
}

static void scene_deinit(struct scene *scene)
{
    for (int cycle = 0; cycle < STORY_CYCLES; cycle++) {
        sim_flash_deinit(&scene->moments[cycle].flash);
    }
    free(scene->known);
    board_deinit(&scene->board);
}

static struct ud_slots_state state_of(struct scene *scene)
{
    struct ud_slots slots;
    assert_int_equal(ud_slots_mount(&slots, &scene->board.layout), UD_OK);
    return *ud_slots_state(&slots);
}

static void assert_stored_is_confirmed(struct scene *scene)
{
    const struct ud_slots_state state = state_of(scene);
    const uint64_t stored = state.stored.sequence;
    assert_true(stored == 5 || (stored == 6 && scene->confirms));
    /* slot 0 came from the factory with 5; 6 always went to slot 1 */
    assert_int_equal(state.active, stored == 6 ? 1 : 0);
}

/*
 * A healthy image whose trial lost power before it confirmed is reverted, and says so; every other one stays. Where
 * nothing is left to go back to, the recovery image runs.
 */
static void expect_end(struct scene *scene)
{
    const bool stayed = state_of(scene).active == 1;
    assert_true(scene->confirms || !stayed);
    scene->stayed_count += stayed;
    if (stayed) {
        board_expect(&scene->board, &scene->six, UD_BOOT_NORMAL, UD_OK, "confirmed");
        assert_int_equal(scene->counter.value.sequence, 6);
    } else if (can_revert(scene)) {
        board_expect(&scene->board, &scene->five, UD_BOOT_NORMAL, UD_ERR_UNCONFIRMED, "reverted");
    } else {
        struct ud_boot_info info;
        assert_int_equal(board_boot(&scene->board, UD_OK, &info), UD_OK);
        assert_int_equal(info.slot, UD_SLOT_RECOVERY);
        assert_memory_equal(info.manifest_digest, scene->rescue.manifest_digest, UD_SHA256_BYTES);
        scene->board.running = UD_SLOT_RECOVERY;
    }
    assert_counter(scene);
}

/* Was all that follows from this state seen before? If not, it is going to be. */
static bool is_known(struct scene *scene, int cycle)
{
    const struct counter *counter = &scene->counter;
    if (!sim_flash_is_firm(&scene->board.sim)) {
        return false;
    }
    const uint64_t rest = counter->value.sequence << 8 | (uint64_t)counter->is_written << 7 | (uint64_t)cycle;
    const uint64_t hash = sim_flash_hash(&scene->board.sim, rest) | 1; /* never 0 */
    uint32_t at = (uint32_t)(hash >> 32) % KNOWN_MAX;
    for (int tries = 0; tries < 64; tries++, at = (at + 1) % KNOWN_MAX) {
        if (scene->known[at] == hash) {
            scene->again++;
            return true;
        }
        if (scene->known[at] == 0) {
            scene->known[at] = hash;
            return false;
        }
    }
    return false; /* no room: gone through once more */
}

/* Power stays now. The story goes on to its end, however weak bits read, and then the next update is made. */
static void assert_recovers(struct scene *scene)
{
    struct board *board = &scene->board;
    struct ud_boot_info info;
    sim_flash_power_on(&board->sim);
    for (int cycle = 0; cycle < RECOVERY_CYCLES; cycle++) {
        assert_int_equal(board->sim.violations, 0);
        if (is_known(scene, cycle)) {
            return;
        }
        assert_true(live(scene));
        assert_stored_is_confirmed(scene);
        sim_flash_power_on(&board->sim);
    }
    expect_end(scene);
    assert_true(board_install(board, &scene->seven));
    sim_flash_power_on(&board->sim);
    board_expect(board, &scene->seven, UD_BOOT_TRIAL, UD_OK, "the next update");
    assert_int_equal(board_boot(board, UD_ERR_CRASHED, &info), UD_OK);
    assert_int_equal(board->sim.violations, 0);
}

/* At the last moment that was remembered and is not behind operation `first`. @return its power cycle */
static int start_over(struct scene *scene, uint64_t number, uint64_t first)
{
    int cycle = STORY_CYCLES - 1;
    while (scene->moments[cycle].operations > first) {
        cycle--;
    }
    sim_flash_load(&scene->board.sim, &scene->moments[cycle].flash);
    sim_flash_seed(&scene->board.sim, seed() * 0x10000 + number);
    scene->counter = scene->moments[cycle].counter;
    scene->board.running = BOARD_RUNS_ACTIVE;
    return cycle;
}

/* ---- one cut, two, three ---- */

/* A test that fails says which state it was in. */
static void cut_once(struct scene *scene, uint64_t cut, uint32_t draw)
{
    const int cycle = start_over(scene, cut * 64 + draw, cut);
    sim_flash_cut_after(&scene->board.sim, cut - scene->moments[cycle].operations, draw);
    assert_false(live_to_the_end(scene, cycle));
    assert_recovers(scene);
}

/* @return states visited. `step`: each that-many-th operation; the first one differs from draw to draw */
static uint32_t cut_everywhere_once(struct scene *scene, uint32_t draws, uint64_t step)
{
    uint32_t visited = 0;
    for (uint32_t draw = 0; draw < draws; draw++) {
        for (uint64_t cut = draw % step; cut < scene->operations; cut += step) {
            cut_once(scene, cut, draw);
            visited++;
        }
    }
    return visited;
}

/* Further cuts so many operations after power came back each time. @return false when the story ended before the last */
static bool cut_again(struct scene *scene, uint64_t number, const uint64_t *cuts, uint32_t count)
{
    int cycle = start_over(scene, number, cuts[0]);
    const uint64_t after = cuts[0] - scene->moments[cycle].operations;
    for (uint32_t i = 0; i < count; i++) {
        sim_flash_power_on(&scene->board.sim);
        sim_flash_cut_after(&scene->board.sim, i == 0 ? after : cuts[i], (uint32_t)(number + i * 5) % 9);
        if (live_to_the_end(scene, cycle)) {
            return false;
        }
        cycle = 0;
    }
    assert_recovers(scene);
    return true;
}

static uint32_t cut_everywhere_twice(struct scene *scene, uint64_t step)
{
    uint32_t visited = 0;
    for (uint64_t cut = 0; cut < scene->operations; cut++) {
        uint64_t cuts[2] = {cut, cut % step};
        while (cut_again(scene, cut * 4096 + cuts[1], cuts, 2)) {
            cuts[1] += step;
            visited++;
        }
    }
    return visited;
}

static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15u;
    return (x ^ (x >> 29)) >> 8;
}

static uint32_t cut_three_times_at_random(struct scene *scene, uint32_t samples)
{
    uint32_t visited = 0;
    for (uint32_t i = 0; i < samples; i++) {
        const uint64_t random = mixed(seed() * 1000003 + i);
        const uint64_t cuts[3] = {random % scene->operations, mixed(random) % 12, mixed(random + 1) % 9};
        scene->board.sim.flicker = i % 4 == 0; /* weak bits that read differently twice in one boot */
        visited += cut_again(scene, random % 0x10000, cuts, 3);
    }
    scene->board.sim.flicker = false;
    return visited;
}

/* ---- the tests ---- */

typedef uint32_t (*explorer)(struct scene *scene);

static void on_every_configuration(struct cast *cast, explorer explore, bool confirms)
{
    uint32_t visited = 0;
    uint32_t configurations = 0;
    for (size_t config = 0; config < CONFIG_COUNT; config++) {
        struct scene scene;
        if (!is_ours(config)) {
            continue;
        }
        configurations++;
        const struct board_shape shape = shape_of(config % LAYOUT_COUNT, config / LAYOUT_COUNT);
        scene_init(&scene, &shape, &cast->author, confirms);
        const uint32_t states = explore(&scene);
        cast->again += scene.again;
        if (states == 0 || (scene.stayed_count > 0) != confirms) {
            fail_msg("%s: %u states, %u kept the new image", shape.name, states, scene.stayed_count);
        }
        visited += states;
        scene_deinit(&scene);
    }
    print_message("          %u states in %u configurations\n", visited, configurations);
    cast->visited += visited;
}

static uint32_t explore_single(struct scene *scene)
{
    return long_form() ? cut_everywhere_once(scene, 20, 1) : cut_everywhere_once(scene, 6, 16);
}

static uint32_t explore_triples(struct scene *scene)
{
    return cut_three_times_at_random(scene, long_form() ? 400 : 4);
}

static void test_d1_d3_an_update_that_confirms_survives_a_cut_anywhere(void **state)
{
    on_every_configuration(*state, explore_single, true);
}

static void test_d1_d3_an_update_that_reverts_survives_a_cut_anywhere(void **state)
{
    on_every_configuration(*state, explore_single, false);
}

static void test_d2_an_update_that_confirms_survives_three_cuts(void **state)
{
    on_every_configuration(*state, explore_triples, true);
}

static void test_d2_an_update_that_reverts_survives_three_cuts(void **state)
{
    on_every_configuration(*state, explore_triples, false);
}

static void every_pair(struct cast *cast, size_t layout, bool confirms)
{
    struct scene scene;
    const struct board_shape shape = shape_of(layout, GEOMETRY_SMALL);
    if (!is_ours(layout)) {
        return;
    }
    scene_init(&scene, &shape, &cast->author, confirms);
    const uint32_t visited = cut_everywhere_twice(&scene, long_form() ? 1 : 8);
    assert_true(visited > 20);
    print_message("          %s: %u states after two cuts\n", shape.name, visited);
    cast->visited += visited;
    cast->again += scene.again;
    scene_deinit(&scene);
}

static void test_d2_every_second_cut_in_the_recovery_of_an_update_is_survived(void **state)
{
    for (size_t layout = 0; layout < LAYOUT_COUNT; layout++) {
        if (long_form() || layout == 0 || layout == LAYOUT_SWAP) {
            every_pair(*state, layout, true);
            every_pair(*state, layout, false);
        }
    }
}

/* Brown-out: power fails in each of many successive starts, soon after the boot. It must not end in nothing. */
static void test_a_device_that_loses_power_at_every_start_still_boots_when_it_is_back(void **state)
{
    struct cast *cast = *state;
    const uint64_t rounds = long_form() ? 3000 : 60;
    for (uint64_t round = 0; round < rounds; round++) {
        struct scene scene;
        struct ud_boot_info info;
        if (!is_ours(round)) {
            continue;
        }
        const struct board_shape shape = shape_of(round % LAYOUT_COUNT, round / LAYOUT_COUNT % GEOMETRY_COUNT);
        scene_init(&scene, &shape, &cast->author, round % 2 == 0);
        (void)start_over(&scene, round, 0);
        for (uint32_t start = 0; start < 12; start++) {
            sim_flash_cut_after(&scene.board.sim, (round * 7 + start * 3) % 5, (uint32_t)(round + start) % 9);
            (void)live(&scene);
            sim_flash_power_on(&scene.board.sim);
        }
        sim_flash_cut_never(&scene.board.sim);
        assert_int_equal(board_boot(&scene.board, UD_OK, &info), UD_OK);
        assert_true(info.version.sequence == 5 || info.version.sequence == 6 || info.slot == UD_SLOT_RECOVERY);
        cast->visited++;
        scene_deinit(&scene);
    }
}

static int make_cast(void **state)
{
    static struct cast cast;
    *state = &cast;
    return ud_key_pair_generate(&cast.pair) != UD_OK ||
           ud_key_pair_signer(cast.pair, UD_ALG_ES256, &cast.author) != UD_OK;
}

static int drop_cast(void **state)
{
    struct cast *cast = *state;
    print_message("torture: %u states visited, %u led to one known before, SEED=%llu%s\n", cast->visited,
                  cast->again, (unsigned long long)seed(),
                  long_form() ? "" : " (short form; `make torture` is the long one)");
    ud_key_pair_close(cast->pair);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_d1_d3_an_update_that_confirms_survives_a_cut_anywhere),
        cmocka_unit_test(test_d1_d3_an_update_that_reverts_survives_a_cut_anywhere),
        cmocka_unit_test(test_d2_an_update_that_confirms_survives_three_cuts),
        cmocka_unit_test(test_d2_an_update_that_reverts_survives_three_cuts),
        cmocka_unit_test(test_d2_every_second_cut_in_the_recovery_of_an_update_is_survived),
        cmocka_unit_test(test_a_device_that_loses_power_at_every_start_still_boots_when_it_is_back),
    };
    return cmocka_run_group_tests(tests, make_cast, drop_cast);
}
