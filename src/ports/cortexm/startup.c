/* Vector table and reset handler, for bootloader and applications alike. */
#include <string.h>

#include "ports/cortexm/cortexm.h"

#define WITH_THE_BOARDS 48 /* 16 of the core, 32 of the board */
#ifndef UD_CORTEXM_VECTORS
#define UD_CORTEXM_VECTORS WITH_THE_BOARDS
#endif

typedef void (*handler)(void);

struct vectors {
    const uint32_t *stack_top;
    handler handlers[UD_CORTEXM_VECTORS - 1];
};

/* The linker script's. */
extern const uint32_t ud_stack_top[];
extern const uint8_t ud_data_load[];
extern uint8_t ud_data_start[];
extern uint8_t ud_data_end[];
extern uint8_t ud_bss_start[];
extern uint8_t ud_bss_end[];

int main(void);
void ud_reset_handler(void);

void ud_reset_handler(void)
{
    if (UD_CORTEXM_VECTORS < WITH_THE_BOARDS) { /* what has no vector is not taken, enabled or not */
        __asm__ volatile("cpsid i" ::: "memory");
    }
    /* an application is loaded with its data in place */
    if (&ud_data_load[0] != &ud_data_start[0]) {
        memcpy(ud_data_start, ud_data_load, (size_t)(ud_data_end - ud_data_start));
    }
    memset(ud_bss_start, 0, (size_t)(ud_bss_end - ud_bss_start));
    (void)main();
    ud_cortexm_reset();
}

/* Interrupts are never enabled here, so one that comes is a fault like any other. */
extern const struct vectors ud_vectors;
__attribute__((section(".vectors"), used)) const struct vectors ud_vectors = {
    .stack_top = ud_stack_top,
    .handlers = {[0] = ud_reset_handler,
                 [1] = ud_board_warning,
                 [2] = ud_board_fault,
                 [3] = ud_board_fault,
                 [4] = ud_board_fault,
                 [5] = ud_board_fault,
                 [6] = ud_board_fault,
                 [10] = ud_board_fault,
                 [13] = ud_board_fault,
                 [14] = ud_board_fault},
};
