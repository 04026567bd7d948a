/*
 * The steps of a move, and how far it came. The journal knows where it began; each step after that leaves a mark, and
 * after a reset the marks are counted once and the sum is journaled before anything is written (M3). No marks, or no
 * room for them: each step is journaled.
 */
#include "slots/move.h"

#include "slots/area.h"
#include "slots/commit.h"
#include "updraft/assert.h"

#define COPY_BYTES 256 /* at a time; on the stack */

/* A move under way in this run of the program. */
struct progress {
    struct ud_slots *slots;
    struct ud_move_state now; /* ahead of the journal by the marks */
    bool journaled_marking;   /* the journal says that marks count */
    uint32_t mark;            /* next free unit of the mark area */
};

/* ---- marks ---- */

static uint32_t mark_count(const struct ud_layout *layout)
{
    return (layout->move.size - ud_move_plan_bytes(layout)) / layout->move.flash->write_size;
}

static uint32_t mark_offset(const struct ud_layout *layout, uint32_t mark)
{
    return ud_move_plan_bytes(layout) + mark * layout->move.flash->write_size;
}

/* Anything that is not blank is a mark: it was begun after its step was done. */
static bool has_mark(const struct ud_layout *layout, uint32_t mark)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    const struct ud_flash *flash = layout->move.flash;
    if (ud_area_read(&layout->move, mark_offset(layout, mark), unit, flash->write_size) != UD_OK) {
        return true;
    }
    for (uint32_t i = 0; i < flash->write_size; i++) {
        if (unit[i] != flash->erased_value) {
            return true;
        }
    }
    return false;
}

static ud_err put_mark(const struct progress *progress)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    const struct ud_layout *layout = progress->slots->layout;
    memset(unit, (uint8_t)~layout->move.flash->erased_value, sizeof unit);
    const ud_err err = ud_area_program(&layout->move, mark_offset(layout, progress->mark), unit,
                                       layout->move.flash->write_size);
    return err == UD_OK ? ud_area_sync(&layout->move) : err;
}

static ud_err erase_marks(const struct ud_layout *layout)
{
    ud_err err = UD_OK;
    for (uint32_t at = mark_offset(layout, 0); err == UD_OK && at < layout->move.size;
         at += layout->move.flash->erase_size) {
        err = ud_area_erase(&layout->move, at);
    }
    return err == UD_OK ? ud_area_sync(&layout->move) : err;
}

static ud_err put_move(struct progress *progress)
{
    struct ud_slots_state next = progress->slots->state;
    ud_move_set(&next, &progress->now);
    const ud_err err = ud_slots_commit(progress->slots, &next);
    if (err == UD_OK) {
        progress->journaled_marking = progress->now.marking;
    }
    return err;
}

/* Where we are, in the journal, and blank marks for what follows. While they are erased nobody counts them (M4). */
static ud_err fix(struct progress *progress)
{
    ud_err err = UD_OK;
    progress->now.marking = false;
    progress->mark = 0;
    if (progress->journaled_marking) {
        err = put_move(progress);
    }
    if (err != UD_OK) {
        return err;
    }
    progress->now.marking = erase_marks(progress->slots->layout) == UD_OK;
    return put_move(progress);
}

/* A step is done. */
static ud_err note(struct progress *progress)
{
    const struct ud_slots *slots = progress->slots;
    if (progress->now.marking && progress->mark < mark_count(slots->layout) && put_mark(progress) == UD_OK) {
        progress->mark++;
        return UD_OK;
    }
    return fix(progress);
}

/* ---- steps ---- */

static ud_err copy_bytes(const struct ud_place *to, const struct ud_place *from, uint32_t at, uint32_t end)
{
    uint8_t chunk[COPY_BYTES];
    ud_err err = UD_OK;
    for (; err == UD_OK && at < end; at += COPY_BYTES) {
        const uint32_t n = end - at < COPY_BYTES ? end - at : COPY_BYTES;
        err = ud_place_read(from, at, chunk, n);
        if (err == UD_OK) {
            err = ud_place_apply(to, at, chunk, n);
        }
        if (err == UD_OK) {
            err = ud_area_program(to->area, to->offset + at, chunk, n);
        }
    }
    return err;
}

/* Sector by sector: one that refuses, and holds the right bytes already, is as good as one that took them. */
static ud_err copy_block(const struct ud_place *to, const struct ud_place *from, uint32_t len)
{
    const uint32_t sector = to->area->flash->erase_size;
    for (uint32_t at = 0; at < len; at += sector) {
        ud_err err = ud_area_erase(to->area, to->offset + at);
        if (err == UD_OK) {
            err = copy_bytes(to, from, at, at + sector);
        }
        if (err != UD_OK && ud_place_compare(to, from, at, at + sector) != UD_OK) {
            return err;
        }
    }
    return ud_area_sync(to->area);
}

/* The step between `below` and below + 1, up or down; see move.h. It writes where nothing is kept (M1). */
struct step {
    bool wanted; /* by the plan */
    bool saves;  /* from where it runs to the second area */
    struct ud_place to;
    struct ud_place from;
    uint32_t bytes;
};

static ud_err step_of(const struct progress *progress, struct step *step)
{
    const struct ud_layout *layout = progress->slots->layout;
    const uint8_t home = progress->now.home;
    const bool up = progress->now.going == UD_MOVE_UP;
    const uint32_t below = progress->now.steps_done - (up ? 0 : 1);
    const bool first =
        below % 2 == 0; /* of the block's two: home's image between running and stored, unshifted */
    const struct ud_block block = ud_move_block(layout, below / 2);
    const struct ud_place running = ud_move_running(layout, &block);
    const struct ud_place stored =
        first ? ud_move_stored(layout, &block, home, 0)
              : ud_move_stored(layout, &block, (uint8_t)(1 - home), ud_layout_mover(layout)->spare_blocks);
    const bool saves = first == up;
    uint8_t what = 0;
    const ud_err err = ud_move_plan_read(layout, below / 2, &what);
    *step = (struct step){
        .wanted = (what & (first ? UD_PLAN_SAVE : UD_PLAN_LOAD)) != 0,
        .saves = saves,
        .to = saves ? stored : running,
        .from = saves ? running : stored,
        .bytes = block.bytes,
    };
    return err;
}

static bool is_at_end(const struct progress *progress)
{
    const uint32_t end =
        progress->now.going == UD_MOVE_UP ? 2 * ud_move_block_count(progress->slots->layout) : 0;
    return progress->now.steps_done == end;
}

static void advance(struct progress *progress)
{
    progress->now.steps_done += progress->now.going == UD_MOVE_UP ? 1U : UINT32_MAX;
}

static ud_err run_steps(struct progress *progress)
{
    ud_err err = UD_OK;
    while (err == UD_OK && !is_at_end(progress)) {
        struct step step;
        err = step_of(progress, &step);
        if (err != UD_OK) {
            return err;
        }
        if (!step.wanted) {
            advance(progress);
            continue;
        }
        err = copy_block(&step.to, &step.from, step.bytes);
        if (err == UD_OK ||
            (progress->now.returning && step.saves)) { /* what is not returned to may be lost (M1) */
            advance(progress);
            err = note(progress);
        }
    }
    return err;
}

/* To the end; from there all components switch, by one record (M5). */
static ud_err run(struct progress *progress)
{
    const ud_err err = run_steps(progress);
    if (err != UD_OK) {
        return err;
    }
    progress->now.returning = false;
    progress->now.marking = false;
    progress->now.going = UD_MOVE_NONE;
    if (put_move(progress) != UD_OK) { /* the images are in place, and the next boot finds that by the marks */
        ud_move_set(&progress->slots->state, &progress->now);
    }
    return UD_OK;
}

/*
 * What the flash refused is undone: at any moment both images are whole, and the way back is as good as the way on. If it
 * refuses on the way back, too, the image that is returned to comes first.
 */
static ud_err run_or_return(struct progress *progress)
{
    const ud_err err = run(progress);
    if (err == UD_OK || progress->now.returning ||
        ud_layout_mover(progress->slots->layout)->spare_blocks == 0) {
        return err;
    }
    progress->now.returning = true;
    progress->now.going = progress->now.going == UD_MOVE_UP ? UD_MOVE_DOWN : UD_MOVE_UP;
    if (fix(progress) == UD_OK) {
        (void)run(progress); /* not even that: the next boot tries again */
    }
    return err;
}

/* ---- after a reset ---- */

/* Each mark stands for one step that was wanted. */
static ud_err count_steps(struct progress *progress)
{
    const struct ud_layout *layout = progress->slots->layout;
    uint32_t marks = 0;
    while (progress->now.marking && marks < mark_count(layout) && has_mark(layout, marks)) {
        marks++;
    }
    while (marks > 0 && !is_at_end(progress)) {
        struct step step;
        const ud_err err = step_of(progress, &step);
        if (err != UD_OK) {
            return err;
        }
        marks -= step.wanted;
        advance(progress);
    }
    return UD_OK;
}

/* Flash is input, too: a move that this program would not have written is none that it can go on with. */
ud_err ud_move_settle(struct ud_slots *slots)
{
    struct progress progress = {.slots = slots, .now = ud_move_get(slots)};
    const struct ud_move_state *now = &progress.now;
    if (now->going == UD_MOVE_NONE) {
        return UD_OK;
    }
    if (now->going == UD_MOVE_BAD || !now->planned ||
        now->steps_done > 2 * ud_move_block_count(slots->layout)) {
        return UD_ERR_STATE;
    }
    progress.journaled_marking = now->marking;
    ud_err err = count_steps(&progress);
    if (err == UD_OK) {
        err = fix(&progress);
    }
    return err == UD_OK ? run_or_return(&progress) : err;
}

/* ---- begin ---- */

/* A plan is good for there and back, until the next install; a partial install is no image to move. */
ud_err ud_move_bring(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes)
{
    const struct ud_move_state before = ud_move_get(slots);
    struct progress progress = {.slots = slots, .now = before};
    struct ud_move_state *now = &progress.now;
    if (now->going != UD_MOVE_NONE) {
        return UD_ERR_STATE;
    }
    if (ud_slots_resident(slots, slot) == slot) {
        return UD_OK;
    }
    if (now->steps_done != 0 && now->steps_done != 2 * ud_move_block_count(slots->layout)) {
        return UD_ERR_STATE; /* between moves all of it is done or nothing; flash is input (as in ud_move_settle) */
    }
    now->going = now->steps_done == 0 ? UD_MOVE_UP : UD_MOVE_DOWN;
    if (now->going == UD_MOVE_DOWN && ud_layout_mover(slots->layout)->spare_blocks == 0) {
        return UD_ERR_STATE; /* it was overwritten */
    }
    ud_err err = now->planned ? UD_OK : ud_move_plan_make(slots, now->home, sizes);
    if (err != UD_OK) {
        return err;
    }
    now->planned = true;
    slots->writing = false;
    ud_move_set(&slots->state, &before);
    err = fix(&progress); /* says that a move is under way; until it is written nothing has moved */
    return err == UD_OK ? run_or_return(&progress) : err;
}
