/*
 * Counters, mixing, numbers, lists: the arithmetic under the patch stream.
 *
 * This header and the three that build on it (copy.h, literal.h, token.h) describe the stream once, for both
 * directions. Two C files include them: apply.c, where decide() reads a bit, and diff/encode.c, where it writes
 * the bit that is wanted. So the two cannot disagree about the model. An includer gives, before the first of them:
 *
 *     enum { DELTA_ENCODES = 0 or 1 };
 *     static bool decide(struct ud_delta *d, uint32_t p, bool want); // P(true) = p / 65536
 *     static uint32_t wanted(const struct ud_delta *d, uint32_t len); // next bytes of new, when encoding
 *     static bool calm_ahead(const struct ud_delta *d); // do the next `calm` units need no flag? when encoding
 *
 * Everything that only an encoder computes stands behind DELTA_ENCODES, a constant, so the applier carries none of it.
 */
#ifndef UPDRAFT_DELTA_CODER_H
#define UPDRAFT_DELTA_CODER_H

#include "delta/model.h"
#include "updraft/delta.h"

static uint32_t counter_chance(uint16_t counter)
{
    return (counter & 0xfff0u) | 8;
}

/* Upper 12 bits a probability, lower 4 how often it was used: fast at first, then nearly constant. */
static void counter_update(uint16_t *counter, bool bit, uint32_t limit)
{
    /* 32768 divided by 1.6, 2.6, 3.6, 4.6, 5.6, 7, 9, 11, 14, 18, 24, 32, 45, 64, 90, 128 */
    static const uint16_t rates[16] = {20480, 12603, 9102, 7123, 5851, 4681, 3640, 2978,
                                       2340,  1820,  1365, 1024, 728,  512,  364,  256};
    const uint32_t used = *counter & 15u;
    const int32_t chance = (int32_t)counter_chance(*counter);
    const int32_t way = bit ? 65535 - chance : -chance;
    const uint32_t moved = (uint32_t)(chance + (way * (int32_t)rates[used] >> 15));
    *counter = (uint16_t)((moved & 0xfff0u) | (used < limit ? used + 1 : used));
}

/* A decision by one counter. */
static bool direct(struct ud_delta *d, uint16_t *counter, uint32_t limit, bool want)
{
    uint32_t chance = counter_chance(*counter);
    chance = chance < 24 ? 24 : chance > 65512 ? 65512 : chance;
    const bool bit = decide(d, chance, want);
    counter_update(counter, bit, limit);
    return bit;
}

static bool flag(struct ud_delta *d, uint32_t index, bool want)
{
    return direct(d, &d->flags[index], LIMIT_FLAGS, want);
}

/* 256 * log2(x), x > 0, the mantissa taken as straight */
static int32_t log2_256(uint32_t x)
{
    const uint32_t zeros = (uint32_t)__builtin_clz(x);
    return (int32_t)((31 - zeros) * 256 + ((x << zeros) >> 23 & 255));
}

/* ln(p / (1 - p)) in 1/256, p of 16 bits, from logarithms rather than a table */
static int32_t stretch(uint32_t chance)
{
    return (log2_256(chance) - log2_256(65536 - chance)) * 177 >> 8;
}

/* The inverse: 12 bits. */
static uint32_t squash(int32_t x)
{
    static const uint16_t points[33] = {1,    2,    3,    6,    10,   16,   27,   45,   73,   120,  194,
                                        310,  488,  747,  1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
                                        3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094};
    const uint32_t at = (uint32_t)(x + 2048);
    const uint32_t part = at & 127;
    const uint16_t *point = &points[at >> 7];
    return (point[0] * (128 - part) + point[1] * part + 64) >> 7;
}

/* One decision by two counters: their opinions, stretched, are added with weights that learn. */
struct mix {
    uint16_t *counters; /* 2^bits */
    uint32_t shift;     /* 32 - bits */
    uint32_t limit;
    int32_t *weights;
    uint32_t hash[UD_DELTA_MIX_INPUTS];
};

static uint32_t context_hash(uint32_t context)
{
    const uint32_t h = context * 0x9e3779b1u;
    return (h ^ h >> 15) * 0x85ebca6bu;
}

static void mix_hash(struct mix *mix)
{
    for (uint32_t i = 0; i < UD_DELTA_MIX_INPUTS; i++) {
        mix->hash[i] = context_hash(mix->hash[i]);
    }
}

/* node tells the places of a byte tree apart; 0 for a flag. Collisions are not checked. */
static bool mix_decide(struct ud_delta *d, const struct mix *mix, uint32_t node, bool want)
{
    uint16_t *counters[UD_DELTA_MIX_INPUTS];
    int32_t opinions[UD_DELTA_MIX_INPUTS];
    const uint32_t add = node * 0x9e3779b1u;
    int64_t sum = 0;
    for (uint32_t i = 0; i < UD_DELTA_MIX_INPUTS; i++) {
        counters[i] = &mix->counters[(mix->hash[i] + add) >> mix->shift];
        opinions[i] = stretch(counter_chance(*counters[i]) | 1);
        sum += (int64_t)mix->weights[i] * opinions[i];
    }
    int32_t total = (int32_t)(sum >> 16);
    total = total > 2047 ? 2047 : total < -2047 ? -2047 : total;
    const uint32_t chance = squash(total);
    const bool bit = decide(d, chance * 16 + 8, want);
    const int32_t error = ((bit ? 4096 : 0) - (int32_t)chance) * 12;
    for (uint32_t i = 0; i < UD_DELTA_MIX_INPUTS; i++) {
        mix->weights[i] +=
            (opinions[i] * error + 8192) >> 14; /* the clamp above bounds error, so weights stay small */
        counter_update(counters[i], bit, mix->limit);
    }
    return bit;
}

static struct mix mix_of_bytes(struct ud_delta *d, uint32_t row)
{
    return (struct mix){.counters = d->byte_counters,
                        .shift = 32 - UD_DELTA_BYTE_BITS((uint32_t)d->head.profile),
                        .limit = LIMIT_BYTES,
                        .weights = d->weights[row]};
}

/* Eight decisions down a tree. */
static uint32_t mix_byte(struct ud_delta *d, struct mix *mix, uint32_t want)
{
    mix_hash(mix);
    uint32_t node = 1;
    for (uint32_t mask = 0x80; mask != 0; mask >>= 1) {
        node = node * 2 + (mix_decide(d, mix, node, (want & mask) != 0) ? 1u : 0u);
    }
    return node & 0xff;
}

/* The same by one context alone: half the time, where a second one tells little. */
static uint32_t direct_byte(struct ud_delta *d, uint32_t context, uint32_t want)
{
    const uint32_t hash = context_hash(context);
    const uint32_t shift = 32 - UD_DELTA_BYTE_BITS((uint32_t)d->head.profile);
    uint32_t node = 1;
    for (uint32_t mask = 0x80; mask != 0; mask >>= 1) {
        uint16_t *counter = &d->byte_counters[(hash + node * 0x9e3779b1u) >> shift];
        node = node * 2 + (direct(d, counter, LIMIT_BYTES, (want & mask) != 0) ? 1u : 0u);
    }
    return node & 0xff;
}

static uint32_t floor_log2(uint32_t x)
{
    return 31 - (uint32_t)__builtin_clz(x);
}

/* 0 .. 2^25 - 2: the length of value + 1 in unary, then its bits, of which the first is modelled. */
static uint32_t number(struct ud_delta *d, uint32_t kind, uint32_t want)
{
    uint16_t *counters = d->numbers[kind];
    const uint32_t want_bits = DELTA_ENCODES ? floor_log2(want + 1) : 0;
    uint32_t bits = 0;
    while (direct(d, &counters[bits], LIMIT_NUMBERS, bits < want_bits)) {
        if (++bits > UNARY_MAX) {
            fail(d, UD_ERR_PATCH);
            return 0;
        }
    }
    if (bits == 0) {
        return 0;
    }
    const uint32_t first = bits - 1;
    uint32_t value =
        2 + (direct(d, &counters[UNARY_MAX + bits], LIMIT_NUMBERS, (want + 1) >> first & 1) ? 1u : 0u);
    for (uint32_t i = first; i-- > 0;) {
        value = value * 2 + (decide(d, HALF, (want + 1) >> i & 1) ? 1u : 0u);
    }
    return value - 1;
}

static int32_t signed_number(struct ud_delta *d, uint32_t kind, int32_t want)
{
    const uint32_t folded = number(d, kind, want < 0 ? (uint32_t)-want * 2 - 1 : (uint32_t)want * 2);
    return (folded & 1) != 0 ? -(int32_t)(folded / 2) - 1 : (int32_t)(folded / 2);
}

/* Position 0..7 in a list of recent shifts. */
static uint32_t tree_of_eight(struct ud_delta *d, uint32_t flags, uint32_t want)
{
    uint32_t node = 1;
    for (uint32_t mask = 4; mask != 0; mask >>= 1) {
        node = node * 2 + (flag(d, flags + node, (want & mask) != 0) ? 1u : 0u);
    }
    return node & 7;
}

static void list_front(int32_t *list, uint32_t from, int32_t value)
{
    for (uint32_t i = from; i > 0; i--) {
        list[i] = list[i - 1];
    }
    list[0] = value;
}

/* Where the value stands; UD_DELTA_RECENT_COUNT if nowhere. */
static uint32_t list_find(const int32_t *list, int32_t value)
{
    uint32_t i = 0;
    while (i < UD_DELTA_RECENT_COUNT && list[i] != value) {
        i++;
    }
    return i;
}

/* A shift from the list of this sort, if it is there. */
static bool listed_shift(struct ud_delta *d, uint32_t list, int32_t want, int32_t *shift)
{
    const uint32_t flags = FLAG_LIST + list * 9;
    const uint32_t place = DELTA_ENCODES ? list_find(d->lists[list], want) : 0;
    if (!flag(d, flags, place < UD_DELTA_RECENT_COUNT)) {
        return false;
    }
    *shift = d->lists[list][tree_of_eight(d, flags + 1, place)];
    return true;
}

#endif
