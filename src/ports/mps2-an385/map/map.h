/*
 * The boards mps2-an385 (Cortex-M3) and mps2-an386 (Cortex-M4), which have one map. Application note AN385; map.ld states the
 * same numbers.
 */
#ifndef UPDRAFT_MPS2_MAP_H
#define UPDRAFT_MPS2_MAP_H

#define UD_MPS2_ROM_BASE 0x00000000U
#define UD_MPS2_ROM_LOG2 22U
#define UD_MPS2_PROVISION_BASE 0x01000000U
#define UD_MPS2_APP_BASE 0x20100000U
#define UD_MPS2_FLASH_BASE 0x21000000U

#define UD_MPS2_UART0_BASE 0x40004000U
#define UD_MPS2_UART0_RX_INTERRUPT 0U
#define UD_MPS2_WATCHDOG_BASE 0x40008000U
#define UD_MPS2_FPGAIO_COUNTER 0x40028018U /* 20 MHz, from reset */
#define UD_MPS2_TICKS_PER_MS 25000U        /* of the processor, system timer, watchdog */

#endif
