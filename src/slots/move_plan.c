/* Geometry of a move, where each block lies, and the plan: what differs, written before the first step. */
#include "slots/area.h"
#include "slots/le.h"
#include "slots/move.h"
#include "updraft/assert.h"

#define COMPARE_BYTES 64
#define BLOCKS_PER_BYTE 4 /* two bits each */

/* of a move's first four bytes; bit 0 is home */
enum { PLANNED = 1 << 1, MARKING = 1 << 2, RETURNING = 1 << 3, GOING_SHIFT = 8 };

enum { RUNNING, STORED };

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- geometry ---- */

uint32_t ud_move_block_bytes(const struct ud_layout *layout, uint8_t component)
{
    const struct ud_area *image = layout->components[component].image;
    return larger(image[RUNNING].flash->erase_size, image[STORED].flash->erase_size);
}

static uint32_t blocks_of(const struct ud_layout *layout, uint8_t component)
{
    const struct ud_area *image = layout->components[component].image;
    const uint32_t block_bytes = ud_move_block_bytes(layout, component);
    const uint32_t stored = image[STORED].size / block_bytes;
    const uint32_t spare = ud_layout_mover(layout)->spare_blocks;
    return smaller(image[RUNNING].size / block_bytes, stored > spare ? stored - spare : 0);
}

static uint32_t move_capacity(const struct ud_layout *layout, uint8_t component)
{
    return blocks_of(layout, component) * ud_move_block_bytes(layout, component);
}

uint32_t ud_move_first_block(const struct ud_layout *layout, uint8_t component)
{
    uint32_t first = 0;
    for (uint8_t i = 0; i < component; i++) {
        first += blocks_of(layout, i);
    }
    return first;
}

uint32_t ud_move_block_count(const struct ud_layout *layout)
{
    return ud_move_first_block(layout, ud_layout_components(layout));
}

struct ud_block ud_move_block(const struct ud_layout *layout, uint32_t block)
{
    struct ud_block found = {0, block, 0};
    while (found.index >= blocks_of(layout, found.component)) {
        found.index -= blocks_of(layout, found.component);
        found.component++;
        UD_ASSERT(found.component < ud_layout_components(layout));
    }
    found.bytes = ud_move_block_bytes(layout, found.component);
    return found;
}

uint32_t ud_move_plan_bytes(const struct ud_layout *layout)
{
    const uint32_t bytes = ud_move_block_count(layout) / BLOCKS_PER_BYTE + 1;
    return ud_area_round_up(bytes, layout->move.flash->erase_size);
}

/* Areas were checked one by one. */
static ud_err move_check(const struct ud_layout *layout)
{
    for (uint8_t i = 0; i < ud_layout_components(layout); i++) {
        const struct ud_area *image = layout->components[i].image;
        const uint32_t a = image[RUNNING].flash->erase_size;
        const uint32_t b = image[STORED].flash->erase_size;
        if (larger(a, b) % smaller(a, b) != 0 || blocks_of(layout, i) == 0) {
            return UD_ERR_LIMIT;
        }
    }
    return ud_area_check(&layout->move) == UD_OK && layout->move.size > ud_move_plan_bytes(layout)
               ? UD_OK
               : UD_ERR_LIMIT;
}

/* ---- places ---- */

struct ud_place ud_move_running(const struct ud_layout *layout, const struct ud_block *block)
{
    return (struct ud_place){
        .area = &layout->components[block->component].image[RUNNING],
        .offset = block->index * block->bytes,
    };
}

struct ud_place ud_move_stored(const struct ud_layout *layout, const struct ud_block *block, uint8_t slot,
                               uint32_t shift)
{
    return (struct ud_place){
        .area = &layout->components[block->component].image[STORED],
        .offset = (block->index + shift) * block->bytes,
        .cipher = ud_layout_cipher(layout),
        .slot = slot,
        .component = block->component,
        .image_offset = block->index * block->bytes,
    };
}

ud_err ud_place_apply(const struct ud_place *place, uint32_t at, uint8_t *data, uint32_t len)
{
    if (UD_CIPHER_NONE || place->cipher == NULL) {
        return UD_OK;
    }
    return place->cipher->apply(place->cipher->ctx, place->slot, place->component, place->image_offset + at,
                                data, len);
}

ud_err ud_place_read(const struct ud_place *place, uint32_t at, uint8_t *out, uint32_t len)
{
    const ud_err err = ud_area_read(place->area, place->offset + at, out, len);
    return err == UD_OK ? ud_place_apply(place, at, out, len) : err;
}

ud_err ud_place_compare(const struct ud_place *a, const struct ud_place *b, uint32_t at, uint32_t end)
{
    uint8_t left[COMPARE_BYTES];
    uint8_t right[COMPARE_BYTES];
    for (; at < end; at += COMPARE_BYTES) {
        const uint32_t n = smaller(end - at, COMPARE_BYTES);
        ud_err err = ud_place_read(a, at, left, n);
        if (err == UD_OK) {
            err = ud_place_read(b, at, right, n);
        }
        if (err != UD_OK || memcmp(left, right, n) != 0) {
            return err != UD_OK ? err : UD_ERR_IMAGE_MISMATCH;
        }
    }
    return UD_OK;
}

/* ---- the plan ---- */

ud_err ud_move_plan_read(const struct ud_layout *layout, uint32_t block, uint8_t *what)
{
    uint8_t byte = 0;
    const ud_err err = ud_area_read(&layout->move, block / BLOCKS_PER_BYTE, &byte, 1);
    *what = (uint8_t)(byte >> (2 * (block % BLOCKS_PER_BYTE)) & (UD_PLAN_SAVE | UD_PLAN_LOAD));
    return err;
}

/* A block that reaches neither image stays, and one that is the same in both. */
static ud_err plan_block(const struct ud_slots *slots, uint8_t home, uint32_t number,
                         const struct ud_image_sizes *sizes, uint8_t *what)
{
    const struct ud_layout *layout = slots->layout;
    const uint8_t other = (uint8_t)(1 - home);
    const struct ud_block block = ud_move_block(layout, number);
    const uint32_t start = block.index * block.bytes;
    const uint32_t ours = sizes->bytes[home][block.component];
    const uint32_t theirs = sizes->bytes[other][block.component];
    const uint32_t end = larger(ours, theirs);
    const uint8_t save = ud_layout_mover(layout)->spare_blocks > 0 && ours > start ? UD_PLAN_SAVE : 0;
    *what = save | (theirs > start ? UD_PLAN_LOAD : 0);
    if (end <= start) {
        return UD_OK;
    }
    const struct ud_place running = ud_move_running(layout, &block);
    const struct ud_place stored = ud_move_stored(layout, &block, other, ud_layout_mover(layout)->spare_blocks);
    const ud_err err = ud_place_compare(&running, &stored, 0, smaller(end - start, block.bytes));
    if (err == UD_OK) {
        *what = 0;
    }
    return err == UD_ERR_IMAGE_MISMATCH ? UD_OK : err;
}

static ud_err plan_unit(const struct ud_slots *slots, uint8_t home, uint32_t first,
                        const struct ud_image_sizes *sizes)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX] = {0};
    const struct ud_area *area = &slots->layout->move;
    const uint32_t end =
        smaller(first + area->flash->write_size * BLOCKS_PER_BYTE, ud_move_block_count(slots->layout));
    for (uint32_t block = first; block < end; block++) {
        uint8_t what = 0;
        const ud_err err = plan_block(slots, home, block, sizes, &what);
        if (err != UD_OK) {
            return err;
        }
        unit[(block - first) / BLOCKS_PER_BYTE] |= (uint8_t)(what << (2 * (block % BLOCKS_PER_BYTE)));
    }
    return ud_area_program(area, first / BLOCKS_PER_BYTE, unit, area->flash->write_size);
}

ud_err ud_move_plan_make(const struct ud_slots *slots, uint8_t home, const struct ud_image_sizes *sizes)
{
    const struct ud_area *area = &slots->layout->move;
    const uint32_t unit_blocks = area->flash->write_size * BLOCKS_PER_BYTE;
    ud_err err = UD_OK;
    for (uint32_t at = 0; err == UD_OK && at < ud_move_plan_bytes(slots->layout);
         at += area->flash->erase_size) {
        err = ud_area_erase(area, at);
    }
    for (uint32_t block = 0; err == UD_OK && block < ud_move_block_count(slots->layout); block += unit_blocks) {
        err = plan_unit(slots, home, block, sizes);
    }
    return err == UD_OK ? ud_area_sync(area) : err;
}

/* ---- reading and installing while two images share two areas ---- */

struct ud_move_state ud_move_get(const struct ud_slots *slots)
{
    const struct ud_slots_state *state = &slots->state;
    struct ud_bytes in = {state->install.manifest_digest, sizeof state->install.manifest_digest};
    if (state->install.open) { /* blank: the factory's install goes straight to where it runs */
        return (struct ud_move_state){.home = state->blank ? ud_slots_inactive(slots) : state->active};
    }
    const uint32_t bits = ud_le_take(&in, 4);
    return (struct ud_move_state){
        .home = bits & 1,
        .planned = (bits & PLANNED) != 0,
        .marking = (bits & MARKING) != 0,
        .returning = (bits & RETURNING) != 0,
        .going = (ud_move)(bits >> GOING_SHIFT & UD_MOVE_BAD),
        .steps_done = ud_le_take(&in, 4),
    };
}

void ud_move_set(struct ud_slots_state *state, const struct ud_move_state *move)
{
    struct ud_buf out = {state->install.manifest_digest, sizeof state->install.manifest_digest, 0};
    memset(&state->install, 0, sizeof state->install);
    ud_le_put(&out,
              move->home | (move->planned ? PLANNED : 0U) | (move->marking ? MARKING : 0U) |
                  (move->returning ? RETURNING : 0U) | (uint32_t)move->going << GOING_SHIFT,
              4);
    ud_le_put(&out, move->steps_done, 4);
}

void ud_move_rest(struct ud_slots_state *state, uint8_t home)
{
    const struct ud_move_state move = {.home = home};
    ud_move_set(state, &move);
}

static uint8_t move_resident(const struct ud_slots *slots)
{
    const struct ud_move_state move = ud_move_get(slots);
    if (move.going != UD_MOVE_NONE) {
        return UINT8_MAX;
    }
    return move.steps_done == 0 ? move.home : (uint8_t)(1 - move.home);
}

/* The image that is not where it runs: of what the plan says is the same in both, there is one copy. */
static ud_err locate(const struct ud_slots *slots, uint8_t slot, uint32_t number, struct ud_place *place)
{
    const struct ud_move_state now = ud_move_get(slots);
    const struct ud_block block = ud_move_block(slots->layout, number);
    const bool moved = now.steps_done != 0;
    uint8_t what = UD_PLAN_SAVE | UD_PLAN_LOAD;
    ud_err err = UD_OK;
    if (now.planned) {
        err = ud_move_plan_read(slots->layout, number, &what);
    }
    if ((what & (moved ? UD_PLAN_SAVE : UD_PLAN_LOAD)) == 0) {
        *place = ud_move_running(slots->layout, &block);
    } else {
        *place = ud_move_stored(slots->layout, &block, slot,
                                moved ? 0 : ud_layout_mover(slots->layout)->spare_blocks);
    }
    return err;
}

static ud_err read_stored(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                          uint8_t *out, uint32_t len)
{
    const uint32_t block_bytes = ud_move_block_bytes(slots->layout, component);
    const uint32_t first = ud_move_first_block(slots->layout, component);
    ud_err err = UD_OK;
    while (err == UD_OK && len > 0) {
        struct ud_place place;
        const uint32_t at = offset % block_bytes;
        const uint32_t n = smaller(len, block_bytes - at);
        err = locate(slots, slot, first + offset / block_bytes, &place);
        if (err == UD_OK) {
            err = ud_place_read(&place, at, out, n);
        }
        offset += n;
        out += n;
        len -= n;
    }
    return err;
}

static ud_err move_read(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                        uint8_t *out, uint32_t len)
{
    const uint32_t end = move_capacity(slots->layout, component);
    if (ud_move_get(slots).going != UD_MOVE_NONE) {
        return UD_ERR_STATE;
    }
    if (offset > end || len > end - offset) {
        return UD_ERR_RANGE;
    }
    if (slot == move_resident(slots)) {
        return ud_area_read(&slots->layout->components[component].image[RUNNING], offset, out, len);
    }
    return read_stored(slots, slot, component, offset, out, len);
}

static struct ud_area move_target(const struct ud_slots *slots, uint8_t component)
{
    const struct ud_area *image = slots->layout->components[component].image;
    const uint8_t slot = ud_slots_inactive(slots);
    if (slot == move_resident(slots)) {
        return image[RUNNING];
    }
    const uint32_t shift =
        ud_layout_mover(slots->layout)->spare_blocks * ud_move_block_bytes(slots->layout, component);
    return (struct ud_area){image[STORED].flash, image[STORED].offset + shift, image[STORED].size - shift};
}

const struct ud_mover ud_move_swap = {
    .spare_blocks = 1,
    .check = move_check,
    .capacity = move_capacity,
    .read = move_read,
    .target = move_target,
    .resident = move_resident,
    .rest = ud_move_rest,
    .settle = ud_move_settle,
    .bring = ud_move_bring,
};

const struct ud_mover ud_move_overwrite = {
    .spare_blocks = 0,
    .check = move_check,
    .capacity = move_capacity,
    .read = move_read,
    .target = move_target,
    .resident = move_resident,
    .rest = ud_move_rest,
    .settle = ud_move_settle,
    .bring = ud_move_bring,
};
