/*
 * A patch in the only slot there is, over power cuts (docs/design/delta.md section 8): for devices with one slot, a place
 * for the patch and a place for records. Old is destroyed while new is made, so this is for who runs elsewhere: a
 * bootloader or a recovery image. Nothing reverts by itself afterwards; that is why it refuses without a recovery image.
 *
 *     err = ud_delta_in_place_init(&in_place, &job);
 *     while (err == UD_OK || err == UD_WAIT) {
 *         err = ud_delta_in_place_step(&in_place);
 *         if (err == UD_OK) {
 *             break; // new is in the slot, and its digest is right
 *         }
 *     }
 *
 * Who writes a whole image into the slot forgets the records: ud_twin_forget().
 *
 * The first thing written is a record, and that only after the whole patch and the whole old image had the digests that
 * the signed manifest gives. After a reset the same call goes on; it needs the same job.
 *
 *   PATCH --digest--> OLD --digest, CRC, record--> MOVE --record every gap--> MOVED --CRC, snapshot--> MAKE --snapshot every
 *   block--> NEW --digest--> done        (a start with a record of this patch goes from PATCH to where the record says)
 *
 * In MAKE, every byte of old that the block at work and later ones need lies above that block, so a block may be made
 * again from the snapshot at its beginning, whatever of it was written.
 */
#ifndef UPDRAFT_DELTA_IN_PLACE_H
#define UPDRAFT_DELTA_IN_PLACE_H

#include "updraft/crypto.h"
#include "updraft/delta.h"
#include "updraft/twin.h"

#define UD_DELTA_IN_PLACE_FORMAT 0xd7
#define UD_DELTA_IN_PLACE_HEAD_BYTES 4
/* Where a patch as of delta.h would begin; its first byte, the format, is left out. */
#define UD_DELTA_IN_PLACE_PATCH_AT (UD_DELTA_IN_PLACE_HEAD_BYTES - 1)

/* What the first bytes of such a patch say of the flash that it is for. */
struct ud_delta_in_place_head {
    uint32_t gap_bytes;    /* old is moved up by this much first: whole sectors */
    uint32_t sector_bytes; /* a power of two, 2^8..2^20 */
    uint32_t block_bytes;  /* a snapshot each; a power of two, up to 2^24 */
};

struct ud_recovery_image; /* slots.h */

/* Where things are, and the sizes and digests that the signed manifest gives. */
struct ud_delta_in_place_job {
    struct ud_area slot;  /* old lies at its start, new will */
    struct ud_area patch; /* the patch, complete, at its start; not written */
    struct ud_area
        records[UD_TWIN_COPIES]; /* UD_DELTA_IN_PLACE_RECORD_BYTES and a twin's head each, nobody else's */
    const struct ud_recovery_image *recovery; /* of the layout; NULL is refused */
    uint32_t old_bytes;
    uint32_t new_bytes;
    uint32_t patch_bytes;
    uint8_t old_digest[UD_SHA256_BYTES];
    uint8_t new_digest[UD_SHA256_BYTES];
    uint8_t patch_digest[UD_SHA256_BYTES];
};

struct ud_delta_in_place {
    /* private */
    const struct ud_delta_in_place_job *job;
    struct ud_delta_in_place_head head;
    struct ud_delta_io io;
    struct ud_delta_job applier;
    struct ud_twin twin;
    struct ud_hash hash;
    uint32_t hashed; /* bytes, of what is looked at */
    uint32_t moved;  /* sectors, in this run: at least what the note says */
    struct ud_delta_head patch_head;
    uint8_t stage;
    bool was_made; /* a record says so */
    ud_err err;
    struct ud_delta_in_place_record {
        struct ud_delta_in_place_note {
            uint8_t patch_digest[UD_SHA256_BYTES];
            uint32_t shape; /* of struct ud_delta in the program that wrote it */
            uint32_t phase;
            uint32_t moved; /* sectors of old, from its end, that lie where they are to lie */
        } note;
        struct ud_delta delta; /* from the first snapshot on */
    } record;
};
#define UD_DELTA_IN_PLACE_RECORD_BYTES sizeof(struct ud_delta_in_place_record)

/**
 * Read the head of a patch in place.
 *
 * @return UD_OK; UD_ERR_TRUNCATED; UD_ERR_VERSION for another format; UD_ERR_SHAPE for sizes that cannot be
 */
ud_err ud_delta_in_place_parse(struct ud_bytes bytes, struct ud_delta_in_place_head *head);

/** In a copy of the first bytes of the patch proper: the one that was left out. */
static inline void ud_delta_in_place_complete(uint8_t *first)
{
    *first = UD_DELTA_FORMAT;
}

/** The lowest place of old that may be read while byte `made` of new is made. The same for encoder and applier. */
uint32_t ud_delta_in_place_floor(const struct ud_delta_in_place_head *head, uint32_t new_bytes, uint32_t made);

/**
 * Begin, or go on after a reset; it is the same. Writes nothing.
 *
 * @param job    borrowed for the run
 * @return UD_OK; UD_ERR_IN_PLACE: no recovery image, a slot or records too small, sectors that do not fit the patch's;
 *         those of ud_delta_in_place_parse(), ud_twin_mount()
 */
ud_err ud_delta_in_place_init(struct ud_delta_in_place *in_place, const struct ud_delta_in_place_job *job);

/**
 * One bounded piece of work: a page looked at or made, a sector moved; sometimes two records written.
 *
 * @return UD_WAIT while there is more; UD_OK when new is in the slot. Before the first write: UD_ERR_DIGEST, the patch is not
 *         the one that was signed; UD_ERR_PRECURSOR, another image is installed; UD_ERR_VERSION, UD_ERR_PATCH_PROFILE,
 *         UD_ERR_PATCH. Afterwards the slot holds no image any more, and the recovery image must load one: UD_ERR_PATCH_RECORD;
 *         UD_ERR_IMAGE_MISMATCH, new has another digest; those of ud_delta_step(); UD_ERR_FLASH. An error stays.
 */
ud_err ud_delta_in_place_step(struct ud_delta_in_place *in_place);

#endif
