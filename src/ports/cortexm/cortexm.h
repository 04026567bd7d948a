/*
 * What every Cortex-M has: start-up, reset, the memory protection unit, and the jump into another image. The board gives
 * the two handlers; the linker script gives ud_stack_top and the ends of .data and .bss. The memory protection unit is of
 * two kinds: fence_v7m.c (M3, M4) and fence_v8m.c (M33).
 */
#ifndef UPDRAFT_PORTS_CORTEXM_H
#define UPDRAFT_PORTS_CORTEXM_H

#include <stdint.h>

/** The board's: a fault was taken. Not to return; nothing that is in RAM may be trusted. */
_Noreturn void ud_board_fault(void);
/** The board's: non-maskable interrupt, here the watchdog's warning. */
void ud_board_warning(void);

/** Reset of the whole system: peripherals, memory protection, and the vector table back at 0. */
_Noreturn void ud_cortexm_reset(void);

/** Sleep until an interrupt is pending. Interrupts stay masked: they wake, no handler runs. */
void ud_cortexm_sleep(void);

/** Wake ud_cortexm_sleep() by this external interrupt. */
void ud_cortexm_wake_by(uint32_t interrupt);
/** It was dealt with; its source must be quiet by now. */
void ud_cortexm_wake_done(uint32_t interrupt);

/** Let the system timer run round every so many ticks of the processor's clock, below 2^24, without an interrupt. */
void ud_cortexm_tick(uint32_t ticks);

/**
 * From now to the next reset, nobody writes here by accident. Privileged code may lift it, so it is a fence, not a wall.
 * @param region  0..7
 * @param base  a multiple of the size
 * @param size_log2  5..32, bytes
 */
void ud_cortexm_read_only(uint32_t region, uint32_t base, uint32_t size_log2);

/** Leave for the image whose vector table is here, as a reset would: its stack, then its reset handler. */
_Noreturn void ud_cortexm_start(uint32_t vectors);

#endif
