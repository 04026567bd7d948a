/*
 * What a resident MCUboot does at a reset, as its design document says it: reads two trailers, verifies the image in the
 * secondary slot, changes the images and says so in the primary's trailer. A stand-in for tests, from that description and
 * not from its code: it does not go on with a swap that power has cut, which is MCUboot's own affair.
 *
 *     static struct sim_mcuboot mcuboot = {.layout = &layout, .verify = verify};
 *     err = sim_mcuboot_boot(&mcuboot, &swap);       // then start the image in layout.components[0].image[0]
 */
#ifndef UD_SIM_MCUBOOT_H
#define UD_SIM_MCUBOOT_H

#include "updraft/resident.h"

#define SIM_MCUBOOT_SECTOR_MAX 4096U

struct sim_mcuboot {
    const struct ud_layout *layout; /* its mover is of a struct ud_resident; one sector size in both slots */
    /* Would this MCUboot start the image at the start of this area? */
    bool (*verify)(void *ctx, const struct ud_area *area);
    void *ctx;
    bool notes_no_swap; /* versions of MCUboot that do not write the kind of swap */
    /* private */
    uint8_t sector[2][SIM_MCUBOOT_SECTOR_MAX];
};

/**
 * @param swap  out: what was done; UD_MCUBOOT_SWAP_NONE also where an image was refused, which is erased then
 * @return UD_OK: the image in the primary slot would be started; UD_ERR_NO_SLOT: it does not verify; UD_ERR_FLASH
 */
ud_err sim_mcuboot_boot(struct sim_mcuboot *mcuboot, ud_mcuboot_swap *swap);

#endif
