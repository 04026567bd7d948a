/*
 * The applier on an emulated Cortex-M3 (QEMU's mps2-an385): counts instructions. The images lie where bench.py had the
 * emulator load them; the callbacks copy memory.
 */
#include <stdint.h>
#include <string.h>

#include "start.h"
#include "updraft/delta.h"

#define PLACE_OLD ((const uint8_t *)0x21000000)
#define PLACE_PATCH ((const uint8_t *)0x21400000)
#define PLACE_WANT ((const uint8_t *)0x21600000)
#define PLACE_NEW ((uint8_t *)0x21a00000)
#define PLACE_SIZES ((const uint32_t *)0x21e00000) /* of old, patch, new */

static ud_err read_from(const uint8_t *place, uint32_t offset, uint8_t *out, uint32_t len)
{
    memcpy(out, place + offset, len);
    return UD_OK;
}

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    (void)ctx;
    return read_from(PLACE_OLD, offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    (void)ctx;
    return read_from(PLACE_NEW, offset, out, len);
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    (void)ctx;
    return read_from(PLACE_PATCH, offset, out, len);
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    (void)ctx;
    memcpy(PLACE_NEW + offset, data, len);
    return UD_OK;
}

static ud_err apply(void)
{
    static struct ud_delta delta;
    static const struct ud_delta_io io = {NULL, read_old, read_new, write_new, read_patch};
    const struct ud_delta_job job = {&io, PLACE_SIZES[1], PLACE_SIZES[0], PLACE_SIZES[2]};
    ud_err err = ud_delta_init(&delta, &job);
    err = err == UD_OK ? UD_WAIT : err;
    while (err == UD_WAIT) {
        err = ud_delta_step(&delta);
    }
    return err;
}

bool bench(void)
{
    const uint32_t begin = BENCH_TIMER[1];
    const ud_err err = apply();
    const uint32_t ticks = begin - BENCH_TIMER[1];
    bench_print("error ", (uint32_t)err);
    bench_print("kilo-instructions ", (uint32_t)((uint64_t)ticks * BENCH_TICK_INSTRUCTIONS / 1000));
    return err == UD_OK && memcmp(PLACE_NEW, PLACE_WANT, PLACE_SIZES[2]) == 0;
}
