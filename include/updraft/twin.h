/*
 * One blob in two copies in flash, replaced so that power may fail anywhere: after every cut the old or the new one is
 * there, whole, and once somebody has acted on the new one the old one does not come back. Knows bytes and a number;
 * what they mean, and whether they are genuine, its user verifies.
 *
 *     ud_twin_mount(&twin, areas);
 *     for (rank = 0; ud_twin_candidate(&twin, rank, &copy) == UD_OK; rank++) {
 *         ud_twin_read(&twin, copy, &buf);
 *         if (verifies(buf)) { ud_twin_settle(&twin, copy, buf); use it; break; }
 *     }
 *
 * docs/design/trust-store.md has the states and why they are so; bytes: docs/formats.md section 20.
 */
#ifndef UPDRAFT_TWIN_H
#define UPDRAFT_TWIN_H

#include "updraft/flash.h"

#define UD_TWIN_COPIES 2

struct ud_twin {
    /* private */
    struct ud_area area[UD_TWIN_COPIES];
    struct ud_twin_copy {
        bool valid; /* whole: head and CRC are right */
        bool sealed;
        uint32_t number;
        uint32_t len;
        uint32_t crc;
    } copy[UD_TWIN_COPIES];
    const struct ud_twin_notes *notes;
    uint8_t noted; /* a bit for each copy that may be half erased or half written, as it is noted */
};

/* Keeps outside of both copies which of them may be half erased: a bit for each, 1 of copy 0, 2 of copy 1. */
struct ud_twin_notes {
    ud_err (*put)(void *ctx, uint8_t copies); /* durable when it says UD_OK, and no copy is touched otherwise */
    void *ctx;
};

/**
 * Look at both copies; writes nothing.
 * UD_ERR_LIMIT for areas that are not of whole sectors of a sound flash, or too small for a head; UD_ERR_FLASH only when
 * neither can be read (one that cannot be read is not valid).
 */
ud_err ud_twin_mount(struct ud_twin *twin, const struct ud_area areas[UD_TWIN_COPIES]);
/**
 * After ud_twin_mount(): from now on note what is being written, and believe no seal of a copy that is noted. Without it
 * two cuts are always survived; three of a certain kind may leave no copy (docs/design/trust-store.md section 4).
 * `noted`: as put last, 0 at first. `notes` is borrowed; those in the journal are in updraft/twin_journal.h.
 */
void ud_twin_note_with(struct ud_twin *twin, const struct ud_twin_notes *notes, uint8_t noted);
/** Bytes that both copies have room for. */
uint32_t ud_twin_capacity(const struct ud_twin *twin);
/** The copies worth looking at, best first: sealed before unsealed, then by number. UD_ABSENT: no more of them. */
ud_err ud_twin_candidate(const struct ud_twin *twin, size_t rank, uint8_t *copy);
/** The number that a copy was written under: input like the rest of it. */
uint32_t ud_twin_number(const struct ud_twin *twin, uint8_t copy);
/** Append its content. UD_ERR_BUFFER, UD_ERR_FLASH. */
ud_err ud_twin_read(const struct ud_twin *twin, uint8_t copy, struct ud_buf *out);
/**
 * To be called with the copy that was found good, before anything is done because of it: make the other one the same.
 * Writes nothing when it is. `content` is what ud_twin_read() gave.
 */
ud_err ud_twin_settle(struct ud_twin *twin, uint8_t copy, struct ud_bytes content);
/** Replace both. UD_ERR_SPACE, UD_ERR_FLASH. After an error or a cut, mount again: the old or the new one is there. */
ud_err ud_twin_replace(struct ud_twin *twin, uint32_t number, struct ud_bytes content);
/** Neither is there any more, mounted or not. UD_ERR_FLASH */
ud_err ud_twin_forget(const struct ud_area areas[UD_TWIN_COPIES]);

#endif
