/*
 * Hostile flash: two copies of whatever the input says. What is found is within bounds and reads back; settling ends with both
 * copies alike, and a replacement is found again.
 */
#include "flash.h"
#include "updraft/assert.h"
#include "updraft/twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COPY_BYTES = 512, SECTOR_BYTES = 256 };

static void fill(struct sim_flash *sim, struct ud_bytes in)
{
    for (uint32_t at = 0; at < 2 * COPY_BYTES && at < in.len; at += 8) {
        uint8_t unit[8] = {0};
        memcpy(unit, in.ptr + at, in.len - at < sizeof unit ? in.len - at : sizeof unit);
        UD_ASSERT(sim->flash.program(sim->flash.ctx, at, unit, sizeof unit) == UD_OK);
    }
}

static void check(struct ud_twin *twin, const struct ud_area areas[UD_TWIN_COPIES])
{
    uint8_t content[COPY_BYTES];
    uint8_t copy = 0;
    for (size_t rank = 0; ud_twin_candidate(twin, rank, &copy) == UD_OK; rank++) {
        struct ud_buf buf = {content, sizeof content, 0};
        const uint32_t number = ud_twin_number(twin, copy);
        UD_ASSERT(ud_twin_read(twin, copy, &buf) == UD_OK && buf.len <= ud_twin_capacity(twin));
        UD_ASSERT(ud_twin_settle(twin, copy, ud_buf_bytes(&buf)) == UD_OK);
        UD_ASSERT(ud_twin_mount(twin, areas) == UD_OK);
        UD_ASSERT(ud_twin_candidate(twin, 1, &copy) == UD_OK && ud_twin_number(twin, copy) == number);
    }
    UD_ASSERT(ud_twin_replace(twin, 5, UD_BYTES_LITERAL("content")) == UD_OK &&
              ud_twin_mount(twin, areas) == UD_OK);
    UD_ASSERT(ud_twin_candidate(twin, 0, &copy) == UD_OK && ud_twin_number(twin, copy) == 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_flash sim;
    struct ud_twin twin;
    sim_flash_init(&sim, 2 * COPY_BYTES, SECTOR_BYTES, 8, 0xff);
    fill(&sim, (struct ud_bytes){data, size});
    const struct ud_area areas[UD_TWIN_COPIES] = {{&sim.flash, 0, COPY_BYTES},
                                                  {&sim.flash, COPY_BYTES, COPY_BYTES}};
    UD_ASSERT(ud_twin_mount(&twin, areas) == UD_OK);
    check(&twin, areas);
    UD_ASSERT(sim.violations == 0);
    sim_flash_deinit(&sim);
    return 0;
}
