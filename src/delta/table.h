/*
 * The address model: for a place in old (or in RAM) the shift with which its content moved. Regions remember a shift
 * and how sure it is, exact pairs remember single addresses.
 */
#ifndef UPDRAFT_DELTA_TABLE_H
#define UPDRAFT_DELTA_TABLE_H

#include "updraft/delta.h"

/* How a shift was found; a context of the flag "the prediction is right". */
typedef enum delta_sure {
    DELTA_SURE_GUESS,
    DELTA_SURE_REGION,
    DELTA_SURE_EXACT,
} delta_sure;

/** What of both models follows from the head's profile and the size of old alone. */
void delta_table_shape(struct ud_delta *delta);
/** Lay out both models for the head's profile and the size of old. */
void delta_table_init(struct ud_delta *delta);
int32_t delta_table_look(const struct ud_delta *delta, const struct ud_delta_map *map, uint32_t key,
                         delta_sure *sure);
void delta_table_learn(struct ud_delta *delta, struct ud_delta_map *map, uint32_t key, int32_t shift);
/** A main copy is done: its regions take its shift (flash model). */
void delta_table_cover(struct ud_delta *delta, const struct ud_delta_segment *segment);

#endif
