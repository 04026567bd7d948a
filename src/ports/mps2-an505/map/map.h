/*
 * The board mps2-an505 (Cortex-M33), all of it secure: the addresses with bit 28 set. Application note AN505; map.ld states
 * the same numbers. Its regions of memory protection must not overlap, so ROM ends before the provisioning file.
 */
#ifndef UPDRAFT_MPS2_MAP_H
#define UPDRAFT_MPS2_MAP_H

#define UD_MPS2_ROM_BASE 0x10000000U
#define UD_MPS2_ROM_LOG2 21U
#define UD_MPS2_PROVISION_BASE 0x10200000U
#define UD_MPS2_APP_BASE 0x38100000U
#define UD_MPS2_FLASH_BASE 0x80000000U

#define UD_MPS2_UART0_BASE 0x50200000U
#define UD_MPS2_UART0_RX_INTERRUPT 32U
#define UD_MPS2_WATCHDOG_BASE 0x50081000U
#define UD_MPS2_FPGAIO_COUNTER 0x50302018U /* 20 MHz, from reset */
#define UD_MPS2_TICKS_PER_MS 20000U        /* of the processor, system timer, watchdog */

#endif
