/*
 * Two slots, one of which runs: install into the other, try it, confirm it or go back (promises P1, P2).
 *
 * A slot holds one image per component and the envelope that signed for them; all of a slot switch together, by
 * one journal record. This module knows flash and order; it verifies nothing: bootloader and agent do, with the
 * envelope that is stored here. Both use it, never at the same time.
 *
 *     agent:       ud_slots_mount -> ud_slots_install_begin -> ud_slots_install_write ... -> (hash, match)
 *                  -> ud_slots_envelope_write -> ud_slots_trial_request -> reset
 *     bootloader:  ud_slots_mount -> verify -> ud_slots_trial_start -> starts the image
 *     application: healthy -> ud_slots_confirm;  else, at the next reset, bootloader: ud_slots_trial_end
 *
 * Every change is one journal record: power may fail anywhere. States, invariants and what may be trusted in
 * each: docs/design/slots.md. Limits: UD_COMPONENTS_MAX components, images below 4 GiB, one install at a time.
 */
#ifndef UPDRAFT_SLOTS_H
#define UPDRAFT_SLOTS_H

#include "updraft/journal.h"

#define UD_SLOT_COUNT 2
#define UD_SLOT_RECOVERY                                                                                       \
    2 /* the recovery image's number where a slot is named; never installed to, never on trial */

struct ud_slots;
struct ud_layout;

struct ud_layout_component {
    struct ud_bytes id; /* encoded component id, borrowed, 1..UD_COMPONENT_ID_BYTES_MAX */
    /* With a mover: [0] where images run, [1] where they are installed to and kept. Without: slot 0, slot 1. */
    struct ud_area image[UD_SLOT_COUNT];
};

/* Of the images of both slots, as far as they must be kept. */
struct ud_image_sizes {
    uint32_t bytes[UD_SLOT_COUNT][UD_COMPONENTS_MAX];
};

/*
 * How images get to where they can run, as a const table. A layout without one runs each image from the slot it was
 * installed to (A/B, remapped banks). A build links the code of those tables only that it names.
 */
struct ud_mover {
    uint8_t
        spare_blocks; /* kept free beside the images, so that two can change places; 0: the old one is lost */
    ud_err (*check)(const struct ud_layout *layout);
    uint32_t (*capacity)(const struct ud_layout *layout, uint8_t component);
    ud_err (*read)(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset, uint8_t *out,
                   uint32_t len);
    struct ud_area (*target)(const struct ud_slots *slots, uint8_t component); /* of an install */
    /* The rest is NULL where images run from where they were installed. */
    uint8_t (*resident)(const struct ud_slots *slots);
    void (*rest)(struct ud_slots_state *state, uint8_t home); /* the install has ended; home's images can run */
    ud_err (*settle)(struct ud_slots *slots);
    ud_err (*bring)(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes);
    ud_err (*begin)(const struct ud_slots *slots); /* before another install is open; may be NULL */
    /* For a bootloader that does not read the journal; both NULL otherwise. */
    ud_err (*request)(struct ud_slots *slots); /* the journal asks for a trial: ask the bootloader */
    ud_err (*confirm)(struct ud_slots *slots); /* tell the bootloader first, then the journal */
};

/*
 * Two images change places, sector by sector, without a scratch area: for chips that execute from one address, also
 * with the second area on another flash of other geometry. Two erases for each sector that differs, none for one that
 * does not. Needs `move`: the plan (two bits a block) in whole sectors, the rest for marks (one write unit for each
 * step), one sector at least; a second area larger than the first by a block is used to the full.
 */
extern const struct ud_mover ud_move_swap;
/* The new image replaces the old one, which is lost: no revert; see ud_recovery_image. Needs `move` as above. */
extern const struct ud_mover ud_move_overwrite;
/* Bootloader only: each image is read to RAM once, measured there, and runs from there. Needs `ram`. */
extern const struct ud_mover ud_move_ram;

/* Images in the second area are encrypted: a stream that depends on slot, component and offset only. See at_rest.h. */
struct ud_cipher {
    void *ctx;
    /*
     * Encrypt or decrypt in place, which is the same. Leaves data alone for a slot that holds a plain image. What it
     * refuses ends a move, as flash that refuses does.
     */
    ud_err (*apply)(void *ctx, uint8_t slot, uint8_t component, uint32_t offset, uint8_t *data, uint32_t len);
    /* Install plain bytes, encrypted; NULL: whoever installs gives them as they are to lie there. */
    ud_err (*write)(void *ctx, struct ud_slots *slots, uint8_t component, struct ud_bytes data);
};

/* An image for when no slot is valid, at its own address. Its component is the device's first. */
struct ud_recovery_image {
    struct ud_area image;
    struct ud_area envelope;
};

struct ud_ram {
    uint8_t *ptr;
    uint32_t size_bytes;
};

/* Where everything lies. Numbers come from the provisioning file; areas may lie on different flashes. */
struct ud_layout {
    struct ud_layout_component components[UD_COMPONENTS_MAX];
    /* Of each: groups of keys of which each must have signed what is written there, a bit each; 0: none in particular. The
       last is of no component, and 0. */
    uint8_t writers[UD_COMPONENTS_MAX + 1];
    uint8_t component_count; /* 1..UD_COMPONENTS_MAX */
    struct ud_area envelope[UD_SLOT_COUNT];
    struct ud_area journal;
    const struct ud_mover *mover;             /* NULL: images run where they were installed */
    struct ud_area move;                      /* where a mover wants it; size 0 otherwise */
    const struct ud_cipher *cipher;           /* of a mover's second area; NULL: plain */
    const struct ud_recovery_image *recovery; /* NULL: none */
    const struct ud_ram *ram;                 /* [component_count], ud_move_ram only */
    uint32_t progress_bytes;      /* install progress is made durable this often; 0 = every sector */
    uint32_t confirm_deadline_ms; /* a trial that runs longer unconfirmed is to be reset by the port */
    uint8_t trial_boots_max;      /* 1..255 starts before a revert */
};

/*
 * What a build has no use for, so that compilers leave it out; ud_layout_check() refuses a layout that has it.
 *   UD_MOVER_NONE    images run from where they were installed
 *   UD_MOVER_ONLY    the one mover of every layout, as in -DUD_MOVER_ONLY=ud_move_swap
 *   UD_CIPHER_NONE=1 no image rests encrypted
 *   UD_BOOT_LEAST=1  a bootloader that links neither src/boot/counter.c nor domains.c, and no update management
 *                    (src/manifest/profiles); and no recovery image, unless UD_RECOVERY_NONE=0 says that there is one
 */
#ifndef UD_CIPHER_NONE
#define UD_CIPHER_NONE 0
#endif
#ifndef UD_BOOT_LEAST
#define UD_BOOT_LEAST 0
#endif
#ifndef UD_RECOVERY_NONE
#define UD_RECOVERY_NONE UD_BOOT_LEAST
#endif
#ifdef UD_MOVER_ONLY
extern const struct ud_mover UD_MOVER_ONLY;
#endif
static inline const struct ud_mover *ud_layout_mover(const struct ud_layout *layout)
{
#if defined UD_MOVER_NONE
    (void)layout;
    return NULL;
#elif defined UD_MOVER_ONLY
    (void)layout;
    return &UD_MOVER_ONLY;
#else
    return layout->mover;
#endif
}

static inline const struct ud_recovery_image *ud_layout_recovery(const struct ud_layout *layout)
{
    return UD_RECOVERY_NONE ? NULL : layout->recovery;
}

static inline const struct ud_cipher *ud_layout_cipher(const struct ud_layout *layout)
{
    return UD_CIPHER_NONE ? NULL : layout->cipher;
}

/** How many components: of a layout that ud_layout_check() has accepted. */
static inline uint8_t ud_layout_components(const struct ud_layout *layout)
{
    return UD_COMPONENTS_MAX == 1 ? 1 : layout->component_count;
}

struct ud_slots {
    /* private */
    const struct ud_layout *layout;
    struct ud_journal journal;
    struct ud_slots_state state;
    /* the install under way in this run of the program */
    uint32_t size_bytes[UD_COMPONENTS_MAX];
    uint32_t written_bytes; /* of the component being written, handed to the flash */
    uint32_t fill_bytes;    /* waiting in unit[] */
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    uint8_t component;
    bool writing;       /* install_begin was called since mount */
    bool from_recovery; /* ... by the recovery image */
    bool envelope_stored;
};

/**
 * Every area of whole sectors inside its flash, no two overlap, ids unique, journal large enough,
 * trial_boots_max at least 1. UD_ERR_LIMIT; UD_ERR_DUPLICATE for two equal ids; UD_ERR_CONFLICT for an overlap; UD_ERR_CONFIG for
 * what this build does without.
 */
ud_err ud_layout_check(const struct ud_layout *layout);

/**
 * Read the journal. `layout` is borrowed as long as `slots` is used. May write: see ud_journal_mount().
 *
 * @return those of ud_layout_check() and ud_journal_mount(); UD_ERR_JOURNAL on a blank or ruined device
 */
ud_err ud_slots_mount(struct ud_slots *slots, const struct ud_layout *layout);

/**
 * Begin a new journal on a device that has none: slot 1 counts as active, empty, so an install goes to slot 0,
 * and ud_slots_adopt() ends it. For manufacture; the bootloader uses it when the journal is lost.
 */
ud_err ud_slots_format(struct ud_slots *slots, const struct ud_layout *layout);

/**
 * Make `slot` the active one without a trial. Only after ud_slots_format(), by who has verified that slot
 * (factory, bootloader after the journal was lost), where it can run. UD_ERR_STATE on a device that ever confirmed
 * anything. Ends an open install.
 */
ud_err ud_slots_adopt(struct ud_slots *slots, uint8_t slot, struct ud_version version);

/* ---- asking; no flash access but in the reads ---- */

/** Borrowed; changes with every call that writes. */
const struct ud_slots_state *ud_slots_state(const struct ud_slots *slots);
/** The slot that an install goes to: not the active one. */
uint8_t ud_slots_inactive(const struct ud_slots *slots);
/**
 * May this version be installed or booted? UD_OK when not below the stored one (equal is fine); UD_ERR_STALE.
 */
ud_err ud_slots_fresh(const struct ud_slots *slots, struct ud_version version);
/** <0, 0, >0 as a is below, equal, above b. */
int ud_version_compare(struct ud_version a, struct ud_version b);
/** Index of the component with this encoded id. UD_ERR_COMPONENT. */
ud_err ud_slots_component_find(const struct ud_slots *slots, struct ud_bytes id, uint8_t *component);
/** Whose signatures the device's table asks for (writers of ud_trust_may_write()); 0 for what is no component of it. */
static inline uint8_t ud_slots_writers(const struct ud_slots *slots, struct ud_bytes id)
{
    uint8_t component = UD_COMPONENTS_MAX;
    (void)ud_slots_component_find(slots, id, &component);
    return slots->layout->writers[component];
}
/** Largest image, bytes: of the smaller of the two slots. `component` below layout->component_count. */
uint32_t ud_slots_capacity(const struct ud_slots *slots, uint8_t component);
/** Largest envelope, bytes: area minus its header, of the smaller of the two. */
uint32_t ud_slots_envelope_capacity(const struct ud_slots *slots);
/** Read image bytes of any slot. UD_ERR_RANGE outside the area; UD_ERR_COMPONENT; UD_ERR_FLASH. */
ud_err ud_slots_read(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                     uint8_t *out, uint32_t len);
/**
 * Append the stored envelope to `out`. Bytes only: authenticate what is in `out`, never the flash, so that it
 * cannot change between check and use. UD_ABSENT: none stored; UD_ERR_BUFFER: larger than out; UD_ERR_FLASH.
 */
ud_err ud_slots_envelope_read(const struct ud_slots *slots, uint8_t slot, struct ud_buf *out);

/* ---- moving: bootloader ---- */

/**
 * The slot whose images lie where they can run; without a mover that is every slot, so `wanted`. No slot, UINT8_MAX,
 * while a move is under way.
 */
uint8_t ud_slots_resident(const struct ud_slots *slots, uint8_t wanted);
/**
 * Where the journal is lost: take the images of `home` to be where they can run, the others as they were installed.
 * Nothing is written; ud_slots_adopt() does that once something has been verified.
 */
void ud_slots_assume(struct ud_slots *slots, uint8_t home);
/**
 * End a move that a reset has interrupted; nothing to do without one. Before anything else is asked: until then
 * images cannot be read. UD_ERR_FLASH: it could go neither on nor back.
 */
ud_err ud_slots_settle(struct ud_slots *slots);
/**
 * Put the images of `slot` where they can run; nothing to do when they are. A reset at any moment: settle goes on.
 * When the flash refuses, everything is put back as it was.
 *
 * @return UD_OK; UD_ERR_FLASH; UD_ERR_STATE when a move is under way or the slot's images are not there any more
 *
 * Cost: 2 erases for each differing block, of the larger of the two sector sizes; 2 of the move area; the journal's.
 *       About 700 bytes of stack
 */
ud_err ud_slots_bring(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes);

/* ---- installing: the agent ---- */

/**
 * Begin, or go on with, the install of this manifest into the inactive slot.
 *
 * Goes on when the journal holds an open install of the same manifest (resume_bytes says from where, per
 * component; a multiple of the sector, or the size when complete), and starts at zero otherwise, forgetting the
 * other one. Nothing is erased yet: each sector is, just before it is written. The caller hashes again what is
 * there (ud_slots_read).
 *
 * @param running  the slot this program runs from; it is never written. UD_SLOT_RECOVERY: neither slot runs
 * @param manifest_digest  [UD_DIGEST_BYTES]
 * @param size_bytes  [layout->component_count], 1.. each: an update carries every component of the device
 * @param resume_bytes  out: [layout->component_count]
 * @return UD_OK; UD_ERR_SPACE; UD_ERR_LIMIT for size 0; UD_ERR_BUSY while a trial is requested or on;
 *         UD_ERR_STATE when `running` is not the active slot; UD_ERR_FLASH
 */
ud_err ud_slots_install_begin(struct ud_slots *slots, uint8_t running, const uint8_t *manifest_digest,
                              const uint32_t *size_bytes, uint32_t *resume_bytes);

/**
 * The next bytes of a component's image, any number of them. One component after the other, any order; the last
 * bytes are flushed, padded with the erased value, when the size is reached. Progress is journaled every
 * progress_bytes.
 *
 * @return UD_OK; UD_ERR_SPACE: more than the size given; UD_ERR_STATE: no install begun, or another component
 *         is not complete; UD_ERR_COMPONENT; UD_ERR_FLASH: also when the bytes do not read back
 */
ud_err ud_slots_install_write(struct ud_slots *slots, uint8_t component, struct ud_bytes data);

/** Bytes of this component that the inactive slot has taken in this install, buffered ones included. */
uint32_t ud_slots_install_offset(const struct ud_slots *slots, uint8_t component);

/**
 * Store the envelope for the inactive slot. UD_ERR_SPACE beyond ud_slots_envelope_capacity(); UD_ERR_STATE
 * before ud_slots_install_begin(); UD_ERR_FLASH.
 */
ud_err ud_slots_envelope_write(struct ud_slots *slots, struct ud_bytes envelope);

/** Forget the open install; harmless without one. UD_ERR_FLASH. */
ud_err ud_slots_install_abort(struct ud_slots *slots);

/**
 * The commit point: the next boot tries the inactive slot. UD_ERR_STATE unless every component is complete and
 * the envelope stored in this run of the program. Ends the install.
 */
ud_err ud_slots_trial_request(struct ud_slots *slots);

/* ---- trial: bootloader, application ---- */

/**
 * Bootloader: one more start of the other slot, recorded before it happens. UD_ERR_STATE without a trial, or
 * when the attempts are used up. @param version  of the manifest just verified; confirm stores it
 */
ud_err ud_slots_trial_start(struct ud_slots *slots, struct ud_version version);

/**
 * Bootloader: the trial is over, the active slot stays. @param outcome  why, not UD_OK. UD_ERR_STATE without a
 * trial.
 */
ud_err ud_slots_trial_end(struct ud_slots *slots, ud_err outcome);

/**
 * Bootloader: the active slot does not verify, the other one does. No trial may be open. @param outcome  why
 */
ud_err ud_slots_fall_back(struct ud_slots *slots, ud_err outcome);

/**
 * Application: this image is healthy. One record: it becomes active, the stored version becomes that of its
 * manifest. Again from the same image: UD_OK, nothing is written. UD_ERR_STATE from any other image (the old
 * one during a trial, a reverted one) and before the bootloader started the trial.
 */
ud_err ud_slots_confirm(struct ud_slots *slots, uint8_t running);

/* ---- agent's memory ---- */

/** Remember the action, or forget it (action->open false). Ends when the agent says so. */
ud_err ud_slots_action_put(struct ud_slots *slots, const struct ud_action_state *action);
/** Reserve the next report counter, durable before it is handed out: sign only after UD_OK. */
ud_err ud_slots_report_counter(struct ud_slots *slots, uint64_t *counter);
/**
 * Agent, once per start. The bootloader counts only boots that it records anyway: a clean boot writes nothing.
 */
ud_err ud_slots_count_boot(struct ud_slots *slots);

#endif
