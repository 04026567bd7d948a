/*
 * Delta: make the new image from the old one and a patch, on the device (src/delta; docs/design/delta.md says why it
 * is as it is, docs/formats.md holds the bytes).
 *
 * Old is read at random, the patch once from front to back, new is written page by page in ascending order. No heap,
 * no recursion, no clock: the caller owns the state and gives four callbacks. A patch is never trusted: whatever it
 * holds, reads stay inside old, the patch and what was already written, writes inside the promised size, and every
 * step makes progress. Whether the result is the right image, only its digest decides: check that before use.
 *
 *     static struct ud_delta delta;
 *     const struct ud_delta_job job = {&io, patch_bytes, old_bytes, new_bytes};
 *     ud_err err = ud_delta_init(&delta, &job);
 *     while (err == UD_OK || err == UD_WAIT) {
 *         err = ud_delta_step(&delta);
 *         if (err == UD_OK) {
 *             break; // all of new is written: now check its digest
 *         }
 *     }
 *
 * Power loss, two slots: nothing is saved. The applier is deterministic and old is intact, so after a reset it runs
 * from the start, and write_new skips a page that is in place already.
 */
#ifndef UPDRAFT_DELTA_H
#define UPDRAFT_DELTA_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_DELTA_FORMAT 0xd6
#define UD_DELTA_HEAD_BYTES 16
#define UD_DELTA_IMAGE_BYTES_MAX 0xffffffu /* 16 MiB - 1, of old and of new */
#define UD_DELTA_PAGE_BYTES 256            /* unit of write_new; the last page may be shorter */
#define UD_DELTA_PROFILE_COUNT 6

/* The largest profile that this build takes; smaller ones work too. Sizes of struct ud_delta: docs/design/delta.md. */
#ifndef UD_DELTA_PROFILE_MAX
#define UD_DELTA_PROFILE_MAX 3
#endif

typedef enum ud_delta_predictor {
    UD_DELTA_PREDICTOR_NONE = 0,
    UD_DELTA_PREDICTOR_THUMB = 1, /* Arm Thumb-1 and Thumb-2 */
    UD_DELTA_PREDICTOR_COUNT = 2, /* 2 and up: other instruction sets, refused until built */
} ud_delta_predictor;

/* What the first 16 bytes of a patch say. */
struct ud_delta_head {
    uint8_t profile;   /* 0..UD_DELTA_PROFILE_COUNT - 1 */
    uint8_t predictor; /* ud_delta_predictor */
    uint32_t old_bytes;
    uint32_t new_bytes;
    uint32_t base;    /* address of byte 0 of the image: an address word w points to offset w - base */
    uint32_t old_crc; /* CRC-32 of old: catches the wrong precursor early, proves nothing */
};

/* Each gives UD_OK or an error, which ends the run and comes out of ud_delta_step() as it is. len is 1..256. */
struct ud_delta_io {
    void *ctx;
    ud_err (*read_old)(void *ctx, uint32_t offset, uint8_t *out, uint32_t len);
    ud_err (*read_new)(void *ctx, uint32_t offset, uint8_t *out,
                       uint32_t len); /* only what write_new was given */
    ud_err (*write_new)(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len); /* ascending, no gaps */
    ud_err (*read_patch)(void *ctx, uint32_t offset, uint8_t *out, uint32_t len);       /* ascending, no gaps */
};

/* What is at hand and what must come out; the sizes come from the signed manifest, not from the patch. */
struct ud_delta_job {
    const struct ud_delta_io *io; /* borrowed for the life of the applier */
    uint32_t patch_bytes;
    uint32_t old_bytes;
    uint32_t new_bytes;
};

/* Table sizes by profile p, as powers of two. */
#define UD_DELTA_BYTE_BITS(p) (7 + (p))                        /* counters of literal and changed bytes */
#define UD_DELTA_EQUAL_BITS(p) ((p) < 2 ? 7 : (p) < 5 ? 8 : 9) /* counters of "this unit is equal" */
#define UD_DELTA_FLASH_BITS(p) ((p) < 4 ? 5 + (p) : 4 + (p))   /* regions of the flash address model */
#define UD_DELTA_RAM_BITS(p) (UD_DELTA_FLASH_BITS(p) - 1)      /* regions of the RAM address model */
#define UD_DELTA_EXACT_BITS(p) ((p) < 2 ? 4 + (p) : 3 + (p))   /* exact addresses remembered, each model */

/* Sizes that do not depend on the profile. */
enum {
    UD_DELTA_FLAG_COUNT = 304,
    UD_DELTA_NUMBER_COUNT = 9,
    UD_DELTA_NUMBER_COUNTERS = 49, /* 25 of the unary part, 24 of the first bit behind it */
    UD_DELTA_MIX_ROWS = 8,
    UD_DELTA_MIX_INPUTS = 2,
    UD_DELTA_LIST_COUNT = 4,
    UD_DELTA_RECENT_COUNT = 8,
    UD_DELTA_CLASS_COUNT = 32,
    UD_DELTA_DIFFERENCE_COUNT = 4,
    UD_DELTA_OLD_WINDOW_BYTES = 64,
    UD_DELTA_NEW_WINDOW_BYTES = 16,
    UD_DELTA_PATCH_WINDOW_BYTES = 64,
};

/* One address model: where the content at an address moved to. Regions and exact pairs lie in struct ud_delta. */
struct ud_delta_map {
    uint16_t region_first;
    uint16_t region_count; /* a power of two */
    uint16_t exact_first;
    uint8_t exact_bits;
    uint8_t grain; /* region of a key: key >> grain */
    int32_t last;  /* shift learned last */
};

/* A main copy that is done: old [start, end) went to start + shift. */
struct ud_delta_segment {
    uint32_t start;
    uint32_t end;
    int32_t shift;
};

struct ud_delta_exact {
    uint32_t key;
    int32_t shift;
};

/* The applier. The caller's memory; read nothing in it, ud_delta_made() tells how far it is. */
struct ud_delta {
    /* private */
    const struct ud_delta_io *io;
    struct ud_delta_head head;
    ud_err err;
    uint32_t patch_bytes;
    uint32_t patch_at; /* of the next window */
    uint32_t crc;      /* of old, as far as checked */
    uint32_t checked;  /* bytes of old that the CRC covers */
    bool old_good;     /* all of them, and it is right */
    uint32_t made;     /* bytes of new produced */
    uint32_t floor;    /* in place: lower places of old are gone; 0 otherwise */
    uint8_t patch_used;
    uint8_t patch_held;
    uint8_t beyond; /* zero bytes read behind the patch's end */

    /* range coder */
    uint32_t low;
    uint32_t high;
    uint32_t code;

    /* the token at work */
    uint8_t token; /* type of this, or of the last when left is 0 */
    bool from_new; /* exact copy */
    bool second;   /* main copy: the next halfword is the second of a 32-bit instruction */
    uint8_t calm;  /* main copy: units that are equal without being asked */
    uint8_t alarm; /* main copy: one of so many next units is unequal */
    uint8_t calm_runs;
    uint32_t left;        /* bytes to go */
    uint32_t source;      /* position in old (exact copy: in old or new) of the next byte */
    uint32_t units;       /* main copy: plain units so far */
    uint32_t unequal;     /* main copy: history, one bit per plain unit, newest lowest */
    uint32_t call_misses; /* main copy: history of predictions of calls */
    uint32_t pointer_misses;
    uint32_t old_end; /* of the last main copy */
    uint32_t new_end;
    struct ud_delta_segment segment; /* the main copy at work */
    struct ud_delta_segment ring[UD_DELTA_RECENT_COUNT];
    uint32_t ring_at;

    /* address models, lists */
    struct ud_delta_map flash;
    struct ud_delta_map ram;
    int32_t lists[UD_DELTA_LIST_COUNT][UD_DELTA_RECENT_COUNT];
    uint16_t differences[UD_DELTA_CLASS_COUNT][UD_DELTA_DIFFERENCE_COUNT];
    uint8_t last_difference[UD_DELTA_CLASS_COUNT];
    uint8_t class_unequal[UD_DELTA_CLASS_COUNT];

    /* the context model */
    int32_t weights[UD_DELTA_MIX_ROWS][UD_DELTA_MIX_INPUTS];
    uint16_t flags[UD_DELTA_FLAG_COUNT];
    uint16_t numbers[UD_DELTA_NUMBER_COUNT][UD_DELTA_NUMBER_COUNTERS];
    uint16_t equal_counters[1 << UD_DELTA_EQUAL_BITS(UD_DELTA_PROFILE_MAX)];
    uint16_t byte_counters[1 << UD_DELTA_BYTE_BITS(UD_DELTA_PROFILE_MAX)];
    int32_t regions[(1 << UD_DELTA_FLASH_BITS(UD_DELTA_PROFILE_MAX)) +
                    (1 << UD_DELTA_RAM_BITS(UD_DELTA_PROFILE_MAX))];
    struct ud_delta_exact exact[2 << UD_DELTA_EXACT_BITS(UD_DELTA_PROFILE_MAX)];

    /* windows: of old, of new behind the page, of the patch; the page being made */
    uint32_t old_at;
    uint32_t new_at;
    uint8_t old_held;
    uint8_t new_held;
    uint8_t old_window[UD_DELTA_OLD_WINDOW_BYTES];
    uint8_t new_window[UD_DELTA_NEW_WINDOW_BYTES];
    uint8_t patch_window[UD_DELTA_PATCH_WINDOW_BYTES];
    uint8_t page[UD_DELTA_PAGE_BYTES];
};

/**
 * Read the head of a patch.
 *
 * @param bytes at least UD_DELTA_HEAD_BYTES; what follows is not looked at
 * @param head  out; untouched on error
 * @return UD_OK; UD_ERR_TRUNCATED; UD_ERR_VERSION for another format; UD_ERR_PATCH_PROFILE for a profile above
 *         UD_DELTA_PROFILE_MAX or an unknown predictor; UD_ERR_SHAPE for reserved bits
 */
ud_err ud_delta_parse_head(struct ud_bytes bytes, struct ud_delta_head *head);

/**
 * Start over: read the head of the patch and forget everything else. Nothing is written.
 *
 * @return UD_OK; those of ud_delta_parse_head(); UD_ERR_PRECURSOR when the patch is for an old image of another size;
 *         UD_ERR_PATCH when it promises another size of new; UD_ERR_TOO_LARGE for images over
 *         UD_DELTA_IMAGE_BYTES_MAX; what read_patch gave
 *
 * Cost: one read of 16 bytes; clears the state
 */
ud_err ud_delta_init(struct ud_delta *delta, const struct ud_delta_job *job);

/**
 * Do one bounded piece of work: first the CRC of old, UD_DELTA_PAGE_BYTES at a time, then one page of new each.
 *
 * @return UD_WAIT while there is more; UD_OK when all of new is written (and again if called again);
 *         UD_ERR_PRECURSOR when old is another image: nothing was written; UD_ERR_TRUNCATED; UD_ERR_PATCH; what a
 *         callback gave. An error stays: the state must be made new by ud_delta_init().
 *
 * Cost: at most UD_DELTA_PAGE_BYTES + 3 bytes produced, one write_new; docs/design/delta.md has instructions
 * Source: docs/formats.md section 12
 */
ud_err ud_delta_step(struct ud_delta *delta);

/** Bytes of new produced, for progress; those of the page at work are not written yet. */
uint32_t ud_delta_made(const struct ud_delta *delta);

#endif
