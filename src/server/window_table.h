/*
 * Windows and zones by their texts, parsed once and kept: devices in memory point to them. Not for several threads at a
 * time; what it gave out may be read by any.
 */
#ifndef UD_SERVER_WINDOW_TABLE_H
#define UD_SERVER_WINDOW_TABLE_H

#include "server/store.h"

struct ud_window_table;

ud_err ud_window_table_open(struct ud_window_table **table);
void ud_window_table_close(struct ud_window_table *table);
/** NULL for terms without a window. One that is not understood (a zone that this machine lost) never opens. */
const struct ud_window *ud_window_table_find(struct ud_window_table *table, const struct ud_terms *terms);
/** UTC for no zone, and for one that is not understood. */
const struct ud_zone *ud_zone_table_find(struct ud_window_table *table, const char *zone);

#endif
