/*
 * Memory of one request, freed in one place. The first block lies inside the object, so a small request (a poll)
 * costs no further allocation.
 */
#ifndef UD_SERVER_ARENA_H
#define UD_SERVER_ARENA_H

#include <stddef.h>

#define UD_ARENA_INLINE_BYTES 1536

struct ud_arena_block;

struct ud_arena {
    /* private */
    size_t used;
    struct ud_arena_block *blocks;
    _Alignas(max_align_t) unsigned char first[UD_ARENA_INLINE_BYTES];
};

void ud_arena_init(struct ud_arena *arena);
/** Zeroed, aligned for anything, valid until ud_arena_free(). NULL when memory is out. */
void *ud_arena_alloc(struct ud_arena *arena, size_t bytes);
void ud_arena_free(struct ud_arena *arena);

#endif
