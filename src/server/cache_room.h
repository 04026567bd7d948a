/* Room in a folder of copies that can be made again: those that were asked for longest ago go first. */
#ifndef UD_SERVER_CACHE_ROOM_H
#define UD_SERVER_CACHE_ROOM_H

#include "updraft/err.h"

#include <stdint.h>

/**
 * Remove files one folder below `root`, by their times of change, until `bytes` more fit within `bytes_max`, or nothing is
 * left. Who reads one that goes reads on.
 */
void ud_cache_room(const char *root, uint64_t bytes, uint64_t bytes_max);

#endif
