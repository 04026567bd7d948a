/*
 * The bootloader's core: which slot runs now, and why (promises P1, P2). No network, no heap, no clock.
 *
 *     static struct ud_boot boot;                      // large, so static
 *     ud_boot_init(&boot, &layout, &trust, &identity, envelope_ram, sizeof envelope_ram);
 *     err = ud_boot_choose(&boot, UD_OK, &info);       // verifies, records, decides
 *     if (err == UD_OK && ud_boot_allows(&boot, &info) == UD_SURE_YES) { start info.slot }
 *
 * Every boot verifies again: the envelope (copied to RAM first, so that it cannot change between check and
 * use), its signatures against `trust`, vendor and class, the version against the stored one, every image
 * against digest and size. A trial is recorded before it starts; one that did not confirm is reverted.
 * docs/design/slots.md has the table.
 */
#ifndef UPDRAFT_BOOT_H
#define UPDRAFT_BOOT_H

#include "updraft/provision.h"
#include "updraft/report.h"
#include "updraft/slots.h"
#include "updraft/suit.h"
#include "updraft/sure.h"
#include "updraft/trust_store.h"
#include "updraft/twin.h"

_Static_assert(UD_DIGEST_BYTES == UD_SHA256_BYTES, "the journal holds SHA-256 digests");

#ifndef UD_BOOT_CHUNK_BYTES
#define UD_BOOT_CHUNK_BYTES 256 /* of an image hashed at a time */
#endif

/* Who this device is. Borrowed; device_id may be empty: then a manifest that asks for one is refused. */
struct ud_boot_identity {
    struct ud_bytes vendor_id; /* UD_UUID_BYTES */
    struct ud_bytes class_id;  /* UD_UUID_BYTES */
    struct ud_bytes device_id; /* UD_UUID_BYTES or empty */
};

struct ud_boot;
struct ud_boot_info;

/*
 * A number that only grows, in hardware that flash's content does not change: fuses, a secure element, RPMB. Optional.
 * It keeps the device from going back when somebody puts an old copy of the whole flash there, journal included.
 */
struct ud_counter {
    void *ctx;
    /* UD_OK; UD_ABSENT: never advanced; any other: cannot be read now */
    ud_err (*read)(void *ctx, struct ud_version *value);
    /* After a cut: the old or the new value, or one that read refuses. Errors: full, failing; the old value stays. */
    ud_err (*advance)(void *ctx, struct ud_version value);
    /* private */
    void (*count)(struct ud_boot *boot, const struct ud_boot_info *chosen);
    struct ud_version least; /* what it said at this boot */
    ud_err err;
};

struct ud_boot_image {
    uint8_t digest[UD_DIGEST_BYTES]; /* measured over the flash at this boot */
    uint32_t size_bytes;
};

/* What the bootloader found; handed to the image, and from there into the signed report. */
struct ud_boot_info {
    uint8_t slot; /* to start; UD_SLOT_RECOVERY with reason UD_BOOT_RECOVERY only */
    ud_boot_reason reason;
    ud_err outcome; /* of the last trial, or why the chosen slot was left; UD_OK: fine */
    uint8_t attempted_digest[UD_DIGEST_BYTES]; /* manifest that `outcome` speaks of; zero where there is none */
    struct ud_suit_record record; /* where that manifest failed at this boot; command 0 = no such place */
    uint8_t manifest_digest[UD_DIGEST_BYTES]; /* of the slot to start */
    struct ud_version version;                /* of that manifest */
    uint8_t image_count;
    struct ud_boot_image images[UD_COMPONENTS_MAX]; /* in the order of the device's component table */
    uint32_t boot_count;
    uint32_t confirm_deadline_ms; /* when reason is UD_BOOT_TRIAL: reset if not confirmed by then */
    ud_err counter_err;           /* of the anti-rollback counter: UD_OK, also without one */
};

struct ud_boot_domains;

struct ud_boot {
    /* private */
    const struct ud_layout *layout;
    const struct ud_trust *trust;
    struct ud_boot_domains *domains; /* boot_domains.h; NULL: no manifest with dependencies starts */
    struct ud_boot_identity identity;
    uint8_t *envelope_ram;
    size_t envelope_ram_bytes;
    struct ud_slots slots;
    ud_err (*ready)(struct ud_boot *boot, uint8_t slot); /* examine, where it can run */
    struct ud_counter *counter;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_suit_run run;
    uint8_t chunk[UD_BOOT_CHUNK_BYTES];
    /* the slot under examination */
    struct ud_boot_info seen;
    struct ud_bytes signed_digest[UD_COMPONENTS_MAX]; /* in envelope_ram; empty until the image matched */
    uint32_t unsigned_bytes; /* behind what is measured, and moved with it: an image's own signature */
    bool invoked;
    bool for_trial;    /* nobody relied on it yet: the trust store's terms for an install hold */
    ud_sure verdict;   /* of the run of the manifest */
    ud_sure confirmed; /* of the second look, by another path */
};

/**
 * The layout that a provisioning file describes, on this flash. `provision` is borrowed as long as the layout
 * is used. The flash must have the geometry that stands in it: UD_ERR_CONFIG otherwise; those of
 * ud_layout_check().
 */
ud_err ud_boot_layout(struct ud_layout *layout, const struct ud_provision *provision,
                      const struct ud_flash *flash);
/**
 * The same for a build that has this mover. UD_ERR_CONFIG also when the file asks for one and none is given, or the other
 * way round; the caller picks the one that provision->mover names. Cipher, RAM and recovery image are the caller's to add.
 */
ud_err ud_boot_layout_with(struct ud_layout *layout, const struct ud_provision *provision,
                           const struct ud_flash *flash, const struct ud_mover *mover);

/* Which keys a device trusts now; large, so static. */
struct ud_boot_trust {
    struct ud_trust_store
        store;             /* store.trust is for ud_boot_init() and the agent, whether from a store or not */
    struct ud_trust roots; /* number 0 */
    struct ud_twin twin;
    bool replaceable; /* the device was made with roots and a place for stores */
    bool in_force;    /* `store` is one; else store.trust is the provisioned table */
    ud_err outcome;   /* UD_OK a store; UD_ABSENT none yet; why there is none although something is there */
};

/**
 * Find the trust store in flash, verify it from the provisioned roots, and settle its copies; without one, the
 * provisioned table. Before others mount the journal: what it notes about the copies is read here, and changed when they
 * are settled. Never a reason not to boot: what is damaged beyond both copies counts as none, and the stored version in the
 * journal still keeps older images out.
 *
 * @param provision, ram borrowed as long as `bt` is used; ram: UD_TRUST_STORE_BYTES_MAX is always enough
 * @return UD_OK; errors of ud_trust_roots_parse(), which ud_provision_parse() had found first
 *
 * Cost: one signature verification for every signer of the store and of its links
 */
ud_err ud_boot_trust_load(struct ud_boot_trust *bt, const struct ud_provision *provision,
                          const struct ud_flash *flash, uint8_t *ram, size_t ram_bytes);

/** All borrowed as long as `boot` is used. envelope_ram: the envelope area's capacity is always enough. */
void ud_boot_init(struct ud_boot *boot, const struct ud_layout *layout, const struct ud_trust *trust,
                  const struct ud_boot_identity *identity, uint8_t *envelope_ram, size_t envelope_ram_bytes);

/**
 * For a layout whose mover brings images to where they run (ud_move_swap, ud_move_overwrite). After ud_boot_init();
 * without it such a layout is UD_ERR_CONFIG.
 */
void ud_boot_move(struct ud_boot *boot);

/**
 * Ask this counter, too: nothing older than it says boots. It is advanced by the first boot of an image after that was
 * confirmed, never before. When it cannot be read, or holds all ones, no trial is started; the confirmed image boots,
 * and info.counter_err says why. Borrowed. After ud_boot_init().
 */
void ud_boot_count_with(struct ud_boot *boot, struct ud_counter *counter);

/**
 * Decide what to start, and record it first where it matters.
 *
 * @param ended  how the last start ended, as far as the port knows: UD_OK for a plain reset or power up;
 *               UD_ERR_CRASHED or UD_ERR_UNCONFIRMED give a failed trial its reason (UD_ERR_UNCONFIRMED
 *               otherwise)
 * @param info  out: complete on UD_OK; on UD_ERR_NO_SLOT reason, outcome and attempted_digest are set
 * @return UD_OK; UD_ERR_NO_SLOT: nothing here may run (reason UD_BOOT_RECOVERY), no recovery image either; errors of
 *         ud_layout_check()
 *
 * With a mover the images of info.slot are where they can run: components[].image[0], or `ram`. The recovery image
 * runs where it lies. It is signed, for this device, and of any version.
 *
 * A journal that is lost (UD_ERR_JOURNAL) is begun anew with the highest version that verifies, reason
 * UD_BOOT_FALLBACK. One that cannot be written any more: a trial is not started, the active slot is.
 *
 * Cost: hashes one slot, two in the boot that refuses one; one signature verification for each of them. A boot in
 *       which images change places: three
 */
ud_err ud_boot_choose(struct ud_boot *boot, ud_err ended, struct ud_boot_info *info);

/**
 * Second look before the jump, on another path: both verdicts, and the slot is the one they were made for.
 * UD_SURE_YES only after ud_boot_choose() said UD_OK with this info.
 */
ud_sure ud_boot_allows(const struct ud_boot *boot, const struct ud_boot_info *info);

/**
 * Verify one slot as a boot would, without deciding or recording: for the factory and for tests.
 * `boot->slots` must be mounted or formatted. The info's reason is UD_BOOT_UNKNOWN.
 */
ud_err ud_boot_verify(struct ud_boot *boot, uint8_t slot, struct ud_boot_info *info);

#endif
