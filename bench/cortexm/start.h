/*
 * A program that measures on an emulated Cortex-M3 (QEMU's mps2-an385, image.ld): bench() runs after reset, its figures go to the
 * terminal by semihosting. With `-icount shift=0` one tick of the timer is 40 instructions.
 */
#ifndef BENCH_CORTEXM_START_H
#define BENCH_CORTEXM_START_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_TICK_INSTRUCTIONS 40u
#define BENCH_TIMER ((volatile uint32_t *)0x40000000) /* control, value (counting down), reload */

/** The measurement; false ends the emulator with status 1. */
bool bench(void);

/** One line: the name, which ends in a space, and the figure. */
void bench_print(const char *name, uint32_t value);

#endif
