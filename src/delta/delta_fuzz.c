#include <stdlib.h>
#include <string.h>

#include "core/crc32.h"
#include "delta/model.h"
#include "updraft/assert.h"

/*
 * Whatever the patch: reads and writes stay inside, writes ascend without gaps, every step makes progress, and at the
 * end the promised number of bytes is there or an error is. The first byte of the input chooses what of the head is
 * made right, so that the stream behind it is reached: bit 0 all of it; bits 1-4 profile and predictor.
 */
enum { OLD_BYTES = 2048, NEW_BYTES_MAX = 3000 };

struct world {
    uint8_t old[OLD_BYTES];
    const uint8_t *patch;
    uint32_t patch_bytes;
    uint32_t new_bytes;
    uint32_t written;
    uint8_t *new; /* [new_bytes], exact, for the sanitizer */
};

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    UD_ASSERT(len <= OLD_BYTES && offset <= OLD_BYTES - len);
    memcpy(out, ((struct world *)ctx)->old + offset, len);
    return UD_OK;
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    struct world *world = ctx;
    UD_ASSERT(len <= world->written && offset <= world->written - len);
    memcpy(out, world->new + offset, len);
    return UD_OK;
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct world *world = ctx;
    UD_ASSERT(offset == world->written && len <= world->new_bytes - offset);
    memcpy(world->new + offset, data, len);
    world->written += len;
    return UD_OK;
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    struct world *world = ctx;
    UD_ASSERT(len <= world->patch_bytes && offset <= world->patch_bytes - len);
    memcpy(out, world->patch + offset, len);
    return UD_OK;
}

/* Calls, short branches, pointers: everything that a copy treats in its own way. */
static void make_old(uint8_t *old)
{
    static const uint8_t words[8][4] = {
        {0x10, 0xb5, 0x02, 0x48}, {0x00, 0xf0, 0x20, 0xf8}, {0xfe, 0xd0, 0x00, 0xb9}, {0x01, 0x02, 0x00, 0x08},
        {0x00, 0x10, 0x00, 0x20}, {0xff, 0xf7, 0xf0, 0xbf}, {0x08, 0xe0, 0x10, 0xbd}, {0x40, 0xf2, 0x34, 0x10}};
    for (uint32_t i = 0; i < OLD_BYTES; i++) {
        old[i] = (uint8_t)(words[i / 4 % 8][i % 4] ^ (i % 4 == 0 ? i / 32 : 0));
    }
}

static void mend_head(uint8_t *patch, uint8_t choice, const struct world *world)
{
    const struct ud_delta_head head = {
        .profile = (uint8_t)(choice >> 1 & 7) % (UD_DELTA_PROFILE_MAX + 1),
        .predictor = choice >> 4 & 1,
        .old_bytes = OLD_BYTES,
        .new_bytes = world->new_bytes,
        .base = 0x08000000,
        .old_crc = ud_crc32((struct ud_bytes){world->old, OLD_BYTES}),
    };
    delta_head_write(&head, patch);
}

static void apply(struct world *world)
{
    static struct ud_delta delta;
    const struct ud_delta_io io = {world, read_old, read_new, write_new, read_patch};
    const struct ud_delta_job job = {&io, world->patch_bytes, OLD_BYTES, world->new_bytes};
    ud_err err = ud_delta_init(&delta, &job);
    if (err != UD_OK) {
        UD_ASSERT(world->written == 0);
        return;
    }
    uint32_t steps = 0;
    do {
        err = ud_delta_step(&delta);
        UD_ASSERT(++steps <= (OLD_BYTES + NEW_BYTES_MAX) / UD_DELTA_PAGE_BYTES + 4);
    } while (err == UD_WAIT);
    UD_ASSERT(err != UD_OK || world->written == world->new_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 1 << 16) {
        return 0;
    }
    static struct world world;
    make_old(world.old);
    world.written = 0;
    world.new_bytes = (data[1] | (uint32_t)data[2] << 8) % (NEW_BYTES_MAX + 1);
    world.patch_bytes = (uint32_t)size - 3;
    uint8_t *patch = malloc(world.patch_bytes + 1);
    world.new = malloc(world.new_bytes + 1);
    if (patch != NULL && world.new != NULL) {
        memcpy(patch, data + 3, world.patch_bytes);
        if ((data[0] & 1) != 0 && world.patch_bytes >= UD_DELTA_HEAD_BYTES) {
            mend_head(patch, data[0], &world);
        }
        world.patch = patch;
        apply(&world);
    }
    free(patch);
    free(world.new);
    return 0;
}
