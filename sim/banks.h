/*
 * Flash of two banks that a register of the chip lets change places: the processor sees one of them at the lower address,
 * where every image is linked for, and the other one at the upper. A reset brings the register back.
 *
 *     sim_banks_init(&banks, &sim.flash, low, high, bytes);   // everything else of the flash stays where it is
 *     banks.lower = 1;                                        // the chip's register: bank 1 at the lower address
 *     ... &banks.flash ...                                    // as the processor sees it
 *     banks.lower = 0;                                        // reset
 */
#ifndef UD_SIM_BANKS_H
#define UD_SIM_BANKS_H

#include "updraft/flash.h"

#define SIM_BANKS 2

struct sim_banks {
    struct ud_flash flash; /* give this to the code under test; of the chip's size and geometry */
    uint8_t lower;         /* which bank is at the lower address: 0 or 1 */
    /* private */
    const struct ud_flash *chip;
    uint32_t at[SIM_BANKS]; /* in the chip, and where they are seen while bank 0 is the lower one */
    uint32_t bytes;
};

/** Two areas of `bytes` in the chip, which do not overlap. The struct must not move. */
void sim_banks_init(struct sim_banks *banks, const struct ud_flash *chip, uint32_t low, uint32_t high,
                    uint32_t bytes);

#endif
