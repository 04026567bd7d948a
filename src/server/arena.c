#include "server/arena.h"

#include <stdlib.h>
#include <string.h>

struct ud_arena_block {
    struct ud_arena_block *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

void ud_arena_init(struct ud_arena *arena)
{
    arena->used = 0;
    arena->blocks = NULL;
}

static void *own_block(struct ud_arena *arena, size_t bytes)
{
    struct ud_arena_block *block = calloc(1, sizeof *block + bytes);
    if (block == NULL) {
        return NULL;
    }
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

void *ud_arena_alloc(struct ud_arena *arena, size_t bytes)
{
    const size_t align = _Alignof(max_align_t);
    if (bytes > UD_ARENA_INLINE_BYTES - arena->used) {
        return own_block(arena, bytes);
    }
    /* the inline block's size is a multiple of the alignment, so rounding up stays inside */
    const size_t rounded = (bytes + align - 1) / align * align;
    void *taken = arena->first + arena->used;
    arena->used += rounded;
    memset(taken, 0, rounded);
    return taken;
}

void ud_arena_free(struct ud_arena *arena)
{
    while (arena->blocks != NULL) {
        struct ud_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->used = 0;
}
