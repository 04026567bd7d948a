/* What measures on the emulated Cortex-M3: from reset to bench(), words to the terminal, the way out. */
#include "start.h"

#include <string.h>

#include "updraft/assert.h"

extern uint32_t stack_top[];
extern char _sidata[], _sdata[], _edata[], _sbss[], _ebss[];

static void host(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void bench_print(const char *name, uint32_t value)
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

__attribute__((noreturn)) static void end(uint32_t status)
{
    const uint32_t block[2] = {0x20026, status};
    host(0x20, block);
    for (;;) {
    }
}

void reset(void)
{
    memcpy(_sdata, _sidata, (size_t)(_edata - _sdata));
    memset(_sbss, 0, (size_t)(_ebss - _sbss));
    BENCH_TIMER[2] = UINT32_MAX; /* reload */
    BENCH_TIMER[1] = UINT32_MAX; /* value, counting down */
    BENCH_TIMER[0] = 1;
    end(bench() ? 0 : 1);
}

static void fault(void)
{
    end(100);
}

void ud_panic(const char *file, int line, const char *what)
{
    (void)file, (void)line, (void)what;
    end(101);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};
