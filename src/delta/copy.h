/*
 * The main copy: bytes of old, corrected. Calls, pointers and short branches are predicted from where their target
 * went; what is left differs by a coded difference. One of the headers that coder.h explains.
 */
#ifndef UPDRAFT_DELTA_COPY_H
#define UPDRAFT_DELTA_COPY_H

#include "delta/literal.h"
#include "delta/table.h"
#include "delta/thumb.h"

enum {
    CALM_UNITS = 16,         /* units that one flag "all equal" covers, at first */
    CALM_HISTORY = 0xff,     /* it is asked when so many units were equal */
    POINTER_REACH = 1 << 20, /* a changed pointer is one when it moved less */
    CLASS_WIDE = 29,         /* first halfword of a 32-bit instruction */
};

static uint32_t low_of(uint32_t a, uint32_t max)
{
    return a < max ? a : max;
}

/*
 * Old is read through a window that begins a little before what is asked: backward steps are short. What is gone may
 * still be in the window, but is not to be had: an encoder does not know windows.
 */
static uint32_t old_bytes(struct ud_delta *d, uint32_t at, uint32_t len)
{
    uint32_t in = at - d->old_at;
    if (at < d->floor) {
        fail(d, UD_ERR_PATCH);
        return 0;
    }
    if (in > d->old_held || d->old_held - in < len) {
        const uint32_t back = low_of(at - d->floor, UD_DELTA_NEW_WINDOW_BYTES);
        const uint32_t from = at - back;
        const uint32_t rest = d->head.old_bytes - from;
        const uint32_t held = rest < UD_DELTA_OLD_WINDOW_BYTES ? rest : UD_DELTA_OLD_WINDOW_BYTES;
        fail(d, d->io->read_old(d->io->ctx, from, d->old_window, held));
        d->old_at = from;
        d->old_held = (uint8_t)held;
        in = at - from;
    }
    uint32_t value = 0;
    for (uint32_t i = len; i-- > 0;) {
        value = value << 8 | d->old_window[in + i];
    }
    return value;
}

/* A shift that was not predicted. Distances of calls are even and wrap at 2^25. */
static int32_t unforeseen_shift(struct ud_delta *d, uint32_t list, int32_t predicted, int32_t want)
{
    static const uint8_t numbers[] = {NUMBER_CALL, NUMBER_FLASH, NUMBER_RAM};
    const int32_t unit = list == LIST_CALL ? 2 : 1;
    int32_t shift = 0;
    if (listed_shift(d, list, want, &shift)) {
        list_front(d->lists[list], list_find(d->lists[list], shift), shift);
        return shift;
    }
    const int32_t away = signed_number(d, numbers[list], DELTA_ENCODES ? (want - predicted) / unit : 0);
    shift = (int32_t)((uint32_t)predicted + (uint32_t)away * (uint32_t)unit);
    list_front(d->lists[list], UD_DELTA_RECENT_COUNT - 1, shift);
    return shift;
}

static void corrected(struct ud_delta *d, uint32_t word)
{
    d->source += 4;
    d->unequal <<= 1;
    d->second = false;
    put_word(d, word);
}

static bool call_unit(struct ud_delta *d, uint32_t word)
{
    if (!delta_is_call(word)) {
        return false;
    }
    const uint32_t from = d->made + 4;
    const uint32_t target = d->source + 4 + (uint32_t)delta_call_reach(word);
    const uint32_t want = DELTA_ENCODES ? wanted(d, 4) : 0;
    delta_sure sure;
    int32_t shift = delta_table_look(d, &d->flash, target, &sure) & ~1;
    const uint32_t guess = delta_call_with(word, target + (uint32_t)shift - from);
    const bool right = flag(d, FLAG_CALL + (uint32_t)sure + (d->call_misses & 7) * 4, want == guess);
    d->call_misses = d->call_misses << 1 | (right ? 0u : 1u);
    if (!right) {
        if (!flag(d, FLAG_STILL_CALL, DELTA_ENCODES && delta_same_call(word, want))) {
            return false;
        }
        int32_t want_shift = 0;
        if (DELTA_ENCODES) {
            const uint32_t away = (uint32_t)delta_call_reach(want) + from - target - (uint32_t)shift;
            want_shift = shift + ((int32_t)(away << 7) >> 7);
        }
        shift = unforeseen_shift(d, LIST_CALL, shift, want_shift);
    }
    corrected(d, delta_call_with(word, target + (uint32_t)shift - from));
    delta_table_learn(d, &d->flash, target, shift);
    return true;
}

/* An encoder takes a word for the pointer that it was only where the move is small and can be written. */
static bool pointer_moved(uint32_t word, uint32_t want, int32_t shift)
{
    const uint32_t reach = POINTER_REACH;
    const uint32_t moved = want - word;
    const uint32_t away = moved - (uint32_t)shift;
    return moved + reach < 2 * reach && away + UD_DELTA_IMAGE_BYTES_MAX <= 2 * UD_DELTA_IMAGE_BYTES_MAX;
}

static bool pointer_unit(struct ud_delta *d, uint32_t word)
{
    const uint32_t offset = word - d->head.base;
    const bool flash = offset < d->head.old_bytes && offset > POINTER_LOWEST;
    if (!flash && !delta_in_ram(word)) {
        return false;
    }
    struct ud_delta_map *map = flash ? &d->flash : &d->ram;
    const uint32_t key = flash ? offset & ~1u : word & 0x1ffff;
    const uint32_t want = DELTA_ENCODES ? wanted(d, 4) : 0;
    delta_sure sure;
    int32_t shift = delta_table_look(d, map, key, &sure);
    const uint32_t context = (uint32_t)sure + (flash ? 4u : 0u) + (d->pointer_misses & 3) * 8;
    const bool right = flag(d, FLAG_POINTER + context, want == word + (uint32_t)shift);
    d->pointer_misses = d->pointer_misses << 1 | (right ? 0u : 1u);
    if (!right) {
        const bool moved = DELTA_ENCODES && pointer_moved(word, want, shift);
        if (!flag(d, FLAG_STILL_POINTER + (flash ? 1u : 0u), moved)) {
            return false;
        }
        shift = unforeseen_shift(d, flash ? LIST_FLASH : LIST_RAM, shift, (int32_t)(want - word));
    }
    corrected(d, word + (uint32_t)shift);
    delta_table_learn(d, map, key, shift);
    return true;
}

/* What is known about a short branch; a context of "equal". */
enum aim { AIM_NONE, AIM_INSIDE, AIM_BELOW, AIM_ELSEWHERE, AIM_FOLLOWED };

/* Correct a short branch or literal load whose target lies in one of the last main copies. */
static uint32_t localise(struct ud_delta *d, uint32_t *half)
{
    const delta_local kind = delta_local_kind(*half);
    if (kind == DELTA_LOCAL_NONE) {
        return AIM_NONE;
    }
    const int32_t target = delta_local_target(kind, *half, d->source);
    if (target >= (int32_t)d->segment.start && target < (int32_t)d->segment.end) {
        return AIM_INSIDE;
    }
    for (uint32_t i = 1; i <= UD_DELTA_RECENT_COUNT; i++) {
        const struct ud_delta_segment *near = &d->ring[(d->ring_at - i) % UD_DELTA_RECENT_COUNT];
        if (target >= (int32_t)near->start && target < (int32_t)near->end) {
            const uint32_t moved = (uint32_t)target + (uint32_t)near->shift;
            return delta_local_aim(kind, half, d->made, moved) ? AIM_FOLLOWED : AIM_ELSEWHERE;
        }
    }
    return target < (int32_t)d->segment.start ? AIM_BELOW : AIM_ELSEWHERE;
}

/* A byte that is not old's: the difference, known from those of its class. */
static uint32_t changed_byte(struct ud_delta *d, uint32_t old, uint32_t class, uint32_t high, uint32_t want)
{
    const uint32_t tag = (8 + high) << 24;
    const uint32_t last = d->last_difference[class];
    struct mix mix = mix_of_bytes(d, ROW_DIFFERENCE + high);
    mix.hash[0] = tag | class << 8;
    mix.hash[1] = tag | last << 8 | 3;
    const uint32_t difference = mix_byte(d, &mix, (want - old) & 0xff);
    d->last_difference[class] = (uint8_t)difference;
    return (old + difference) & 0xff;
}

/* Does the unit equal what old says? Long equal stretches are agreed upon at once. */
static bool unit_is_equal(struct ud_delta *d, struct mix *mix, bool want)
{
    if (d->calm == 0 && d->alarm == 0 && (d->unequal & CALM_HISTORY) == 0) {
        const uint32_t runs = low_of(d->calm_runs, 3);
        const uint32_t room = low_of(d->left / 16, 3);
        const uint32_t units = (uint32_t)CALM_UNITS << runs;
        d->calm = (uint8_t)units;
        if (flag(d, FLAG_CALM + runs * 4 + room, DELTA_ENCODES && calm_ahead(d))) {
            d->calm_runs = (uint8_t)low_of(runs + 1, 3);
        } else {
            d->calm = 0;
            d->alarm = (uint8_t)units;
            d->calm_runs = 0;
        }
    }
    if (d->calm > 0) {
        d->calm--;
        return true;
    }
    bool equal = false;
    if (d->alarm != 1) { /* the last place left for the unit that must differ */
        mix_hash(mix);
        equal = mix_decide(d, mix, 0, want);
    }
    d->alarm = equal && d->alarm > 0 ? (uint8_t)(d->alarm - 1) : 0;
    return equal;
}

static struct mix mix_of_equal(struct ud_delta *d, uint32_t row)
{
    return (struct mix){.counters = d->equal_counters,
                        .shift = 32 - UD_DELTA_EQUAL_BITS((uint32_t)d->head.profile),
                        .limit = LIMIT_FLAGS,
                        .weights = d->weights[row]};
}

/* The halfword differs: by a difference that this class had lately, or byte by byte. */
static uint32_t changed_half(struct ud_delta *d, uint32_t old, uint32_t class, bool second, uint32_t want)
{
    uint16_t *recent = d->differences[class];
    uint32_t place = 0;
    if (DELTA_ENCODES) {
        while (place < UD_DELTA_DIFFERENCE_COUNT && recent[place] != ((want - old) & 0xffff)) {
            place++;
        }
    }
    uint32_t from = UD_DELTA_DIFFERENCE_COUNT - 1;
    uint32_t half = 0;
    if (flag(d, FLAG_REPEAT + class + (second ? 32u : 0u), place < UD_DELTA_DIFFERENCE_COUNT)) {
        uint32_t i = 0;
        while (i < UD_DELTA_DIFFERENCE_COUNT - 1 && !flag(d, FLAG_REPEAT_WHICH + i, place == i)) {
            i++;
        }
        from = i;
        d->last_difference[class] = (uint8_t)recent[i];
        half = (old + recent[i]) & 0xffff;
    } else {
        const bool low_differs = flag(d, FLAG_LOW + class, ((want ^ old) & 0xff) != 0);
        const bool high_differs = !low_differs || flag(d, FLAG_HIGH + class, ((want ^ old) & 0xff00) != 0);
        uint32_t high = old >> 8;
        uint32_t low = old & 0xff;
        if (high_differs) {
            high = changed_byte(d, high, class, 1, want >> 8);
        }
        if (low_differs) {
            low = changed_byte(d, low, class, 0, want & 0xff);
        }
        half = high << 8 | low;
    }
    for (uint32_t i = from; i > 0; i--) {
        recent[i] = recent[i - 1];
    }
    recent[0] = (uint16_t)(half - old);
    return half;
}

static void half_unit(struct ud_delta *d, uint32_t half)
{
    const bool second = d->second;
    const uint32_t aim = second ? (uint32_t)AIM_NONE : localise(d, &half);
    const uint32_t class = second ? 31 - (half >> 15) : half >> 11;
    const uint32_t want = DELTA_ENCODES ? wanted(d, 2) : 0;
    const uint32_t history = d->unequal;
    const uint32_t of_class = d->class_unequal[class];
    const uint32_t two = second ? 1 : 0;
    struct mix mix = mix_of_equal(d, ROW_HALF + (history != 0 ? 1u : 0u) + 2 * two);
    mix.hash[0] = 2u << 24 | class | (history & 7) << 5 | two << 8 | aim << 9;
    mix.hash[1] = 3u << 24 | half >> 8 | (of_class & 3) << 8 | two << 10 | aim << 11;
    const bool equal = unit_is_equal(d, &mix, want == half);
    const uint32_t unequal = equal ? 0 : 1;
    d->second = !second && class >= CLASS_WIDE;
    d->units++;
    d->class_unequal[class] = (uint8_t)(of_class << 1 | unequal);
    d->unequal = history << 1 | unequal;
    d->source += 2;
    put_half(d, equal ? half : changed_half(d, half, class, second, want));
}

static void byte_unit(struct ud_delta *d)
{
    const uint32_t old = old_bytes(d, d->source, 1);
    const uint32_t want = DELTA_ENCODES ? wanted(d, 1) : 0;
    const uint32_t history = d->unequal;
    struct mix mix = mix_of_equal(d, ROW_BYTE + (history != 0 ? 1u : 0u));
    mix.hash[0] = 5u << 24 | (history & 0xff);
    mix.hash[1] = 6u << 24 | old | (history & 3) << 8;
    const bool equal = unit_is_equal(d, &mix, want == old);
    d->unequal = history << 1 | (equal ? 0u : 1u);
    d->second = false;
    d->units++;
    d->source++;
    put_byte(d, equal ? old : changed_byte(d, old, 16 + (d->made & 1), 0, want));
}

static void copy_unit(struct ud_delta *d)
{
    const uint32_t places = d->source | d->made;
    const bool whole = d->left >= 4 && d->head.old_bytes - d->source >= 4;
    const bool thumb = d->head.predictor == UD_DELTA_PREDICTOR_THUMB && (places & 1) == 0;
    const uint32_t word = whole ? old_bytes(d, d->source, 4) : 0;
    if (whole && thumb && !d->second && call_unit(d, word)) {
        return;
    }
    if (whole && (places & 3) == 0 && pointer_unit(d, word)) {
        return;
    }
    if (thumb && d->left >= 2 && d->head.old_bytes - d->source >= 2) {
        half_unit(d, whole ? word & 0xffff : old_bytes(d, d->source, 2));
    } else {
        byte_unit(d);
    }
}

static void copy_begin(struct ud_delta *d, uint32_t start, uint32_t len)
{
    d->source = start;
    d->segment = (struct ud_delta_segment){start, start + len, (int32_t)(d->made - start)};
    d->unequal = 0;
    d->units = 0;
    d->call_misses = 0;
    d->second = false;
    d->calm = 0;
    d->alarm = 0;
    d->calm_runs = 0;
}

static void copy_end(struct ud_delta *d)
{
    const int32_t shift = d->segment.shift;
    int32_t *list = d->lists[LIST_COPY];
    delta_table_cover(d, &d->segment);
    d->ring[d->ring_at++ % UD_DELTA_RECENT_COUNT] = d->segment;
    d->old_end = d->segment.end;
    d->new_end = d->made;
    list_front(list, low_of(list_find(list, shift), UD_DELTA_RECENT_COUNT - 1), shift);
}

#endif
