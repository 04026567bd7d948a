#include "server/slab.h"

#include "updraft/assert.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_BYTES 64

/* A place that was given back is read by nobody: under ASan that is checked. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

/* In a free place. */
struct hole {
    struct hole *next;
};

/* At the begin of a chunk, which begins at a multiple of its size. */
struct ud_slab_chunk {
    struct ud_slab_chunk *next; /* of those with a free place */
    struct ud_slab_chunk *prev;
    struct hole *holes; /* given back; behind `fresh` all is as the system gave it */
    uint32_t used;
    uint32_t fresh; /* places that were never taken begin here */
};

_Static_assert(sizeof(struct ud_slab_chunk) <= LINE_BYTES, "the first place begins behind one line");

static uint32_t places(const struct ud_slab *slab)
{
    return (uint32_t)((UD_SLAB_CHUNK_BYTES - LINE_BYTES) / slab->each_bytes);
}

static unsigned char *place_at(const struct ud_slab *slab, struct ud_slab_chunk *chunk, uint32_t index)
{
    return (unsigned char *)chunk + LINE_BYTES + index * slab->each_bytes;
}

void ud_slab_init(struct ud_slab *slab, size_t each_bytes)
{
    UD_ASSERT(each_bytes > 0 && each_bytes <= UD_SLAB_EACH_BYTES_MAX);
    *slab = (struct ud_slab){.each_bytes = (each_bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES};
}

static void link_chunk(struct ud_slab *slab, struct ud_slab_chunk *chunk)
{
    chunk->prev = NULL;
    chunk->next = slab->roomy;
    if (slab->roomy != NULL) {
        slab->roomy->prev = chunk;
    }
    slab->roomy = chunk;
}

static void unlink_chunk(struct ud_slab *slab, struct ud_slab_chunk *chunk)
{
    *(chunk->prev != NULL ? &chunk->prev->next : &slab->roomy) = chunk->next;
    if (chunk->next != NULL) {
        chunk->next->prev = chunk->prev;
    }
}

/* Twice as much is mapped, and what lies before and behind the multiple of its size goes back at once. */
static struct ud_slab_chunk *make_chunk(struct ud_slab *slab)
{
    const size_t bytes = UD_SLAB_CHUNK_BYTES;
    unsigned char *at = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    const size_t before = (bytes - (uintptr_t)at % bytes) % bytes;
    if (before > 0) {
        munmap(at, before);
    }
    munmap(at + before + bytes, bytes - before);
    struct ud_slab_chunk *chunk = (struct ud_slab_chunk *)(void *)(at + before);
    (void)madvise(chunk, bytes, MADV_HUGEPAGE); /* without it small pages serve */
    ASAN_POISON_MEMORY_REGION(at + before + LINE_BYTES, bytes - LINE_BYTES);
    link_chunk(slab, chunk);
    return chunk;
}

void *ud_slab_take(struct ud_slab *slab)
{
    struct ud_slab_chunk *chunk = slab->roomy != NULL ? slab->roomy : make_chunk(slab);
    unsigned char *place;
    if (chunk == NULL) {
        return NULL;
    }
    if (chunk->holes != NULL) {
        struct hole *hole = chunk->holes;
        place = (unsigned char *)hole;
        ASAN_UNPOISON_MEMORY_REGION(place, slab->each_bytes);
        chunk->holes = hole->next;
        memset(place, 0, slab->each_bytes);
    } else {
        place = place_at(slab, chunk, chunk->fresh++);
        ASAN_UNPOISON_MEMORY_REGION(place, slab->each_bytes);
    }
    chunk->used++;
    if (chunk->used == places(slab)) {
        unlink_chunk(slab, chunk);
    }
    return place;
}

void ud_slab_give(struct ud_slab *slab, void *place)
{
    struct hole *hole = place;
    const size_t offset = (uintptr_t)place % UD_SLAB_CHUNK_BYTES;
    struct ud_slab_chunk *chunk = (struct ud_slab_chunk *)(void *)((unsigned char *)place - offset);
    UD_ASSERT(offset >= LINE_BYTES && (offset - LINE_BYTES) % slab->each_bytes == 0 && chunk->used > 0);
    if (chunk->used == places(slab)) {
        link_chunk(slab, chunk);
    }
    chunk->used--;
    if (chunk->used == 0) {
        unlink_chunk(slab, chunk);
        ASAN_UNPOISON_MEMORY_REGION(chunk, UD_SLAB_CHUNK_BYTES);
        munmap(chunk, UD_SLAB_CHUNK_BYTES);
        return;
    }
    hole->next = chunk->holes;
    chunk->holes = hole;
    ASAN_POISON_MEMORY_REGION(place, slab->each_bytes);
}
