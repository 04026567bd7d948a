/*
 * A device that keeps the MCUboot it came with: two slots are MCUboot's, everything else (journal, envelopes) is ours and
 * lies outside them. The agent works as on every device; the bootloader is asked by its trailer.
 *
 *     static const struct ud_resident resident = {.mover = UD_RESIDENT_MOVER, .way = UD_RESIDENT_MOVE, .max_align = 8};
 *     layout.mover = &resident.mover;                   // image[0] primary, image[1] secondary
 *     ud_boot_init(&boot, &layout, &trust, &identity, ram, sizeof ram);
 *     err = ud_resident_start(&boot, &info);            // first thing in the application: what runs, and why
 *     err = ud_slots_mount(&slots, &layout);            // then the agent, as ever
 *     err = ud_slots_confirm(&slots, info.slot);        // healthy: MCUboot's flag, then the journal
 *
 * A release is an image that imgtool signed, whole and as it is, under a manifest of ours: the agent checks the manifest,
 * MCUboot the image. What runs is never believed of a trailer or of the journal, but measured. docs/design/resident.md has
 * states, invariants and what each cut leaves. Limits: one component, plain images, UD_COMPONENTS_MAX of the rest as ever.
 */
#ifndef UPDRAFT_RESIDENT_H
#define UPDRAFT_RESIDENT_H

#include "updraft/boot.h"
#include "updraft/mcuboot.h"

#define UD_RESIDENT_SECTORS 128 /* BOOT_MAX_IMG_SECTORS, where a table does not say another */

/* How that MCUboot was built to change two images. */
typedef enum ud_resident_way {
    UD_RESIDENT_SCRATCH,   /* swap by a scratch area */
    UD_RESIDENT_MOVE,      /* swap using move: one sector of the primary slot stays free */
    UD_RESIDENT_OFFSET,    /* swap using offset: an image is put one sector into the secondary slot */
    UD_RESIDENT_OVERWRITE, /* overwrite only: the old image is lost, nothing reverts */
} ud_resident_way;

/* One table for a kind of device; `mover` first, so that a layout can name it. */
struct ud_resident {
    struct ud_mover mover; /* UD_RESIDENT_MOVER */
    ud_resident_way way;
    uint32_t max_align;   /* BOOT_MAX_ALIGN: 8, 16 or 32 */
    uint32_t sectors_max; /* BOOT_MAX_IMG_SECTORS; 0: UD_RESIDENT_SECTORS */
    uint32_t
        image_bytes_max; /* the largest image that this MCUboot takes, where its build says so; 0: computed */
    bool for_good;       /* ask for a swap without a test: no revert */
};

/* Bytes at the end of a slot that MCUboot keeps for itself; those that `imgtool sign --pad` leaves free. */
uint32_t ud_resident_trailer_bytes(const struct ud_resident *resident, uint32_t write_size);

/**
 * What runs, and why, as the bootloader of other devices says it: by the envelopes that are stored here, over the image as
 * it lies in the primary slot. Settles what a reset has interrupted, and notes a trial, a revert, a refusal. On a device
 * without a journal it begins one; an image without an envelope runs as version 0, with its own digest.
 *
 * @param boot  fresh from ud_boot_init(), with a layout whose mover is of a struct ud_resident
 * @param info  out: for the agent; info.slot is what ud_slots_confirm() asks for. Unknown image: a manifest digest of zeros
 * @return UD_OK; UD_ERR_CONFIG: no such layout; errors of ud_layout_check() and of the flash: do not confirm then
 *
 * Cost: hashes the image once, twice where a trial began or ended; one signature for each
 */
ud_err ud_resident_start(struct ud_boot *boot, struct ud_boot_info *info);

/* The functions of UD_RESIDENT_MOVER, in the order of struct ud_mover. */
ud_err ud_resident_check(const struct ud_layout *layout);
uint32_t ud_resident_capacity(const struct ud_layout *layout, uint8_t component);
ud_err ud_resident_read(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                        uint8_t *out, uint32_t len);
struct ud_area ud_resident_target(const struct ud_slots *slots, uint8_t component);
uint8_t ud_resident_home(const struct ud_slots *slots);
void ud_resident_rest(struct ud_slots_state *state, uint8_t home);
ud_err ud_resident_settle(struct ud_slots *slots);
ud_err ud_resident_bring(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes);
ud_err ud_resident_begin(const struct ud_slots *slots);
ud_err ud_resident_request(struct ud_slots *slots);
ud_err ud_resident_confirm(struct ud_slots *slots);

#define UD_RESIDENT_MOVER                                                                                      \
    {                                                                                                          \
        .check = ud_resident_check, .capacity = ud_resident_capacity, .read = ud_resident_read,                \
        .target = ud_resident_target, .resident = ud_resident_home, .rest = ud_resident_rest,                  \
        .settle = ud_resident_settle, .bring = ud_resident_bring, .begin = ud_resident_begin,                  \
        .request = ud_resident_request, .confirm = ud_resident_confirm,                                        \
    }

#endif
