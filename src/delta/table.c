#include "delta/table.h"

#define NEIGHBOURS_MAX 23 /* regions on each side that may answer for an unknown one */
#define SURENESS_MAX 3
#define RAM_BITS 17 /* of an address in a RAM window */

/*
 * A region is one word: shift << 2 | sureness, 0 for unknown. The shift loses its two top bits, which no shift within
 * UD_DELTA_IMAGE_BYTES_MAX needs; both sides lose them alike.
 */
static int32_t shift_of(int32_t region)
{
    return region >> 2;
}

static int32_t region_with(int32_t shift, uint32_t sureness)
{
    return (int32_t)((uint32_t)shift << 2 | sureness);
}

static uint32_t region_index(const struct ud_delta_map *map, uint32_t key)
{
    return map->region_first + (key >> map->grain & (map->region_count - 1u));
}

static uint32_t exact_index(const struct ud_delta_map *map, uint32_t key)
{
    return map->exact_first + (key * 0x9e3779b1u >> (32 - map->exact_bits));
}

static void map_init(struct ud_delta_map *map, unsigned region_bits, unsigned exact_bits, uint32_t size)
{
    map->region_count = (uint16_t)(1u << region_bits);
    map->exact_bits = (uint8_t)exact_bits;
    map->grain = 0;
    while (size >> map->grain >= map->region_count) {
        map->grain++;
    }
}

void delta_table_shape(struct ud_delta *delta)
{
    const unsigned profile = delta->head.profile;
    const unsigned exact_bits = UD_DELTA_EXACT_BITS(profile);
    map_init(&delta->flash, UD_DELTA_FLASH_BITS(profile), exact_bits, delta->head.old_bytes);
    map_init(&delta->ram, UD_DELTA_RAM_BITS(profile), exact_bits, 1u << RAM_BITS);
    delta->flash.region_first = delta->flash.exact_first = 0;
    delta->ram.region_first = delta->flash.region_count;
    delta->ram.exact_first = (uint16_t)(1u << exact_bits);
}

void delta_table_init(struct ud_delta *delta)
{
    delta_table_shape(delta);
    for (uint32_t i = 0; i < 2u << delta->flash.exact_bits; i++) {
        delta->exact[i].key = UINT32_MAX; /* no key: flash keys are even, RAM keys short */
    }
}

int32_t delta_table_look(const struct ud_delta *delta, const struct ud_delta_map *map, uint32_t key,
                         delta_sure *sure)
{
    const struct ud_delta_exact *exact = &delta->exact[exact_index(map, key)];
    if (exact->key == key) {
        *sure = DELTA_SURE_EXACT;
        return exact->shift;
    }
    const uint32_t first = map->region_first;
    const uint32_t end = first + map->region_count;
    const uint32_t at = region_index(map, key);
    *sure = delta->regions[at] != 0 ? DELTA_SURE_REGION : DELTA_SURE_GUESS;
    for (uint32_t away = 0; away <= NEIGHBOURS_MAX; away++) {
        if (at - first >= away && delta->regions[at - away] != 0) {
            return shift_of(delta->regions[at - away]);
        }
        if (end - at > away && delta->regions[at + away] != 0) {
            return shift_of(delta->regions[at + away]);
        }
    }
    return map->last;
}

/* A region gives in only when it was contradicted as often as confirmed: one pointer that truly changed must not
 * re-route all of its neighbours. */
static int32_t region_learned(int32_t region, int32_t shift)
{
    const uint32_t sureness = (uint32_t)region & SURENESS_MAX;
    if (sureness == 0) {
        return region_with(shift, 1);
    }
    if (region_with(shift, sureness) == region) {
        return sureness < SURENESS_MAX ? region + 1 : region;
    }
    return sureness > 1 ? region - 1 : region_with(shift, 1);
}

void delta_table_learn(struct ud_delta *delta, struct ud_delta_map *map, uint32_t key, int32_t shift)
{
    int32_t *region = &delta->regions[region_index(map, key)];
    *region = region_learned(*region, shift);
    map->last = shift;
    delta->exact[exact_index(map, key)] = (struct ud_delta_exact){key, shift};
}

void delta_table_cover(struct ud_delta *delta, const struct ud_delta_segment *segment)
{
    struct ud_delta_map *map = &delta->flash;
    for (uint32_t at = segment->start; at < segment->end; at += 1u << map->grain) {
        delta->regions[region_index(map, at)] = region_with(segment->shift, 1);
    }
    map->last = segment->shift;
}
