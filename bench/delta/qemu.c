/*
 * The applier on an emulated Cortex-M3 (QEMU's mps2-an385): counts instructions. The images lie where bench.py had the
 * emulator load them; the callbacks copy memory. With `-icount shift=0` one tick of the timer is 40 instructions.
 */
#include <stdint.h>

#include "updraft/delta.h"

#define TICK_INSTRUCTIONS 40u
#define TIMER ((volatile uint32_t *)0x40000000)
#define PLACE_OLD ((const uint8_t *)0x21000000)
#define PLACE_PATCH ((const uint8_t *)0x21400000)
#define PLACE_WANT ((const uint8_t *)0x21600000)
#define PLACE_NEW ((uint8_t *)0x21a00000)
#define PLACE_SIZES ((const uint32_t *)0x21e00000) /* of old, patch, new */

extern uint32_t stack_top[];
extern char _sidata[], _sdata[], _edata[], _sbss[], _ebss[];

static void host(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void print(const char *name, uint32_t value)
{
    char digits[12] = "";
    unsigned at = sizeof digits - 1;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    host(4, name);
    host(4, digits + at);
    host(4, "\n");
}

static void end(uint32_t status)
{
    const uint32_t block[2] = {0x20026, status};
    host(0x20, block);
    for (;;) {
    }
}

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

void reset(void)
{
    memcpy(_sdata, _sidata, (size_t)(_edata - _sdata));
    memset(_sbss, 0, (size_t)(_ebss - _sbss));
    TIMER[2] = UINT32_MAX; /* reload */
    TIMER[1] = UINT32_MAX; /* value, counting down */
    TIMER[0] = 1;
    const uint32_t begin = TIMER[1];
    const ud_err err = apply();
    const uint32_t ticks = begin - TIMER[1];
    print("error ", (uint32_t)err);
    print("kilo-instructions ", (uint32_t)((uint64_t)ticks * TICK_INSTRUCTIONS / 1000));
    end(err == UD_OK && memcmp(PLACE_NEW, PLACE_WANT, PLACE_SIZES[2]) == 0 ? 0 : 1);
}

static void fault(void)
{
    end(100);
}

void ud_panic(const char *what, const char *file, int line)
{
    (void)what, (void)file, (void)line;
    end(101);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};
