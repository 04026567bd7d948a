/* A device with a resident MCUboot (sim/mcuboot.h): made with a first image that nobody signed a manifest for. */
#ifndef UPDRAFT_TEST_HELPER_RESIDENT_H
#define UPDRAFT_TEST_HELPER_RESIDENT_H

#include "helper_fleet.h"
#include "mcuboot.h"

struct resident_shape {
    const char *name;
    ud_resident_way way;
    uint32_t write_size;
    uint8_t erased_value;
    uint32_t max_align;
    uint32_t sectors_max; /* as in struct ud_resident */
    uint32_t slot_sectors;
    uint8_t trial_boots_max; /* 0: 1 */
    bool for_good;
    bool notes_no_swap;
};

struct resident {
    struct device device; /* its boot is not used by device_boot(): see resident_boot() */
    struct ud_resident table;
    struct sim_mcuboot mcuboot;
    ud_mcuboot_swap swap; /* what MCUboot did at the last reset */
    uint32_t trial_starts;
    struct ud_signer author;
    struct ud_signer own;
    struct ud_key_pair *keys[2];
    struct release first; /* without a manifest on the device */
    struct release v2;    /* sequence 11 */
    struct release v3;    /* sequence 12 */
};

/** An image as imgtool lays it out: header, payload made from `fill`, hash, key hash, room for a signature. */
void resident_image(uint8_t *out, uint32_t image_bytes, uint8_t fill);
/** A release of such an image, by the author. */
void resident_release(const struct resident *resident, struct release *release, uint64_t sequence,
                      uint32_t image_bytes, uint8_t fill);

/** On the heap; the first image runs, the agent has reported it and rests. */
struct resident *resident_make(const struct resident_shape *shape);
/** Also checks that no rule of the flash was broken. */
void resident_drop(struct resident *resident);

/** A reset: MCUboot, then the application's start and its agent. */
ud_err resident_boot(struct resident *resident);
/** Only what the application does at its start. */
ud_err resident_start(struct resident *resident);
/** Offer, install, until a reset is wanted. */
void resident_install(struct resident *resident, const struct release *release, uint32_t action_id);
/** The trailer of a slot. */
struct ud_mcuboot_trailer resident_trailer(const struct resident *resident, size_t which);
/** Fail unless the primary slot holds this image, whole. */
void resident_expect_image(const struct resident *resident, const struct release *release);
/** Does it? */
bool resident_holds(const struct resident *resident, const struct release *release);

#endif
