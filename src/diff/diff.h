/*
 * Making patches: from two images the tokens (plan.c), from tokens the patch (encode.c). Deterministic:
 * the same images and options give the same bytes on every machine. docs/design/delta.md has the why.
 */
#ifndef UPDRAFT_DIFF_DIFF_H
#define UPDRAFT_DIFF_DIFF_H

#include "updraft/delta_in_place.h"

/* How far a diff is; called now and then from the calling thread. */
struct delta_progress {
    void *ctx;
    bool (*report)(void *ctx, uint32_t done, uint32_t total); /* total is above 0. False: give up */
};

struct delta_options {
    uint8_t profile;
    uint8_t predictor; /* ud_delta_predictor */
    uint32_t base;
    const struct delta_progress *progress; /* NULL: silent */
    /* NULL: for two slots. Else old is read only where ud_delta_in_place_floor() lets it be. */
    const struct ud_delta_in_place_head *in_place;
};

/* Where the bytes of a patch go. Bits are those of the model, in 1/256. */
enum delta_part {
    DELTA_PART_HEADS,   /* kind, length and place of tokens */
    DELTA_PART_LITERAL, /* bytes that exist nowhere yet */
    DELTA_PART_CALLS,
    DELTA_PART_POINTERS,
    DELTA_PART_EQUAL,   /* saying that a unit is as predicted */
    DELTA_PART_CHANGED, /* units that are not */
    DELTA_PART_EXACT,   /* exact copies cost nothing but their heads */
    DELTA_PART_COUNT,
};

struct delta_stat {
    uint64_t cost[DELTA_PART_COUNT];  /* 1/256 bit */
    uint32_t bytes[DELTA_PART_COUNT]; /* of new that the part made */
    uint32_t tokens[3];               /* literal, main copy, exact copy */
};

/* One token of the plan, as src/delta/token.h writes it. */
struct delta_token {
    uint32_t kind;
    uint32_t len;
    uint32_t source;
    bool from_new;
};

struct delta_plan {
    struct delta_token *tokens; /* [count] ours until delta_plan_close() */
    size_t count;
};

/**
 * Choose the tokens: a shortest path over the positions of new, two or three times, since the later ones know where
 * things went. Large images are looked over with less effort, so that time grows with their size. UD_ERR_MEMORY; UD_ERR_CANCELED
 * when progress said so.
 *
 * Cost: about 16 bytes of memory per byte of old and 36 per byte of new; bench/delta has times
 */
ud_err delta_plan_open(struct delta_plan *plan, struct ud_bytes old, struct ud_bytes new,
                       const struct delta_options *options);
void delta_plan_close(struct delta_plan *plan);

/**
 * How a patch in place would best be laid out in a slot: the largest gap, and blocks that leave room for content to go
 * up by as much as the image grows.
 *
 * @return UD_OK; UD_ERR_IN_PLACE for sectors that are no power of two, 256 to 1 MiB, and a slot that does not hold either image
 */
ud_err delta_in_place_fit(struct ud_delta_in_place_head *head, uint32_t slot_bytes, uint32_t sector_bytes,
                          uint32_t old_bytes, uint32_t new_bytes);

/** The bytes that ud_delta_in_place_parse() reads. */
void delta_in_place_head_write(const struct ud_delta_in_place_head *head,
                               uint8_t out[UD_DELTA_IN_PLACE_HEAD_BYTES]);

/**
 * Make a patch.
 *
 * @param patch out: *patch_len bytes; free() them
 * @param stat  out, or NULL
 * @return UD_OK; UD_ERR_TOO_LARGE for an image over UD_DELTA_IMAGE_BYTES_MAX; UD_ERR_PATCH_PROFILE; UD_ERR_MEMORY;
 *         UD_ERR_CANCELED
 */
ud_err delta_diff(struct ud_bytes old, struct ud_bytes new, const struct delta_options *options,
                  uint8_t **patch, size_t *patch_len, struct delta_stat *stat);

/**
 * Apply a patch in memory, by the device's own applier; one in place in one piece of memory, too.
 *
 * @param new out: *new_len bytes; free() them
 * @return UD_OK; UD_ERR_MEMORY; those of ud_delta_init() and ud_delta_step()
 */
ud_err delta_patch(struct ud_bytes old, struct ud_bytes patch, uint8_t **new, size_t *new_len);

/** The most likely address of byte 0 of a Thumb image, from its pointers to functions; 0 if none stands out. */
uint32_t delta_guess_base(struct ud_bytes image);
/** Thumb, where enough of the image looks like calls into itself. */
ud_delta_predictor delta_guess_predictor(struct ud_bytes image);

#endif
