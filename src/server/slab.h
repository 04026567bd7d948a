/*
 * Memory for very many things of one size that are met in no order: in chunks of 2 MiB, which the kernel is asked to map
 * as one page each. A hundred thousand things of malloc() lie in ten thousand pages, and a processor keeps the places of
 * two thousand; the walk for one more costs as much as the thing. Each begins on a cache line of its own. One thread's.
 *
 *     struct ud_slab slab;
 *     ud_slab_init(&slab, sizeof(struct thing));
 *     struct thing *thing = ud_slab_take(&slab);
 *     ud_slab_give(&slab, thing);
 */
#ifndef UD_SERVER_SLAB_H
#define UD_SERVER_SLAB_H

#include <stddef.h>

#define UD_SLAB_CHUNK_BYTES ((size_t)2 << 20)
#define UD_SLAB_EACH_BYTES_MAX 4096

struct ud_slab_chunk;

struct ud_slab {
    /* private */
    size_t each_bytes;
    struct ud_slab_chunk *roomy; /* chunks with a free place */
};

/** @param each_bytes of one thing, at most UD_SLAB_EACH_BYTES_MAX; rounded up to cache lines */
void ud_slab_init(struct ud_slab *slab, size_t each_bytes);
/** A place, all zero. NULL: no memory. */
void *ud_slab_take(struct ud_slab *slab);
/** Give it back. A chunk goes back to the system when its last place does; who gave all has nothing to close. */
void ud_slab_give(struct ud_slab *slab, void *place);

#endif
