/*
 * Arm Thumb instructions whose bits hold a distance: what a main copy corrects when content moved. Words are read
 * little endian, so the first halfword is the low one. Distances are modulo their field; nothing here can fail on
 * odd input, it only predicts badly.
 */
#ifndef UPDRAFT_DELTA_THUMB_H
#define UPDRAFT_DELTA_THUMB_H

#include <stdbool.h>
#include <stdint.h>

/** BL, BLX or B.W: a 32-bit instruction with a 25-bit displacement. */
bool delta_is_call(uint32_t word);
/** Are both calls, of the same sort? */
bool delta_same_call(uint32_t word, uint32_t other);
/** The displacement, relative to the address of the instruction + 4. */
int32_t delta_call_reach(uint32_t word);
/** The same instruction with another displacement, modulo 2^25. */
uint32_t delta_call_with(uint32_t word, uint32_t reach);

/* 16-bit instructions with a short displacement. */
typedef enum delta_local {
    DELTA_LOCAL_NONE,
    DELTA_LOCAL_LITERAL,     /* LDR literal, ADR */
    DELTA_LOCAL_CONDITIONAL, /* B<cond> */
    DELTA_LOCAL_BRANCH,      /* B */
    DELTA_LOCAL_COMPARE,     /* CBZ, CBNZ */
} delta_local;

delta_local delta_local_kind(uint32_t half);
/** Where the instruction at `at` points; may lie outside of the image. */
int32_t delta_local_target(delta_local kind, uint32_t half, uint32_t at);
/** Make it point to `target` from `at`. False, with nothing touched, where the field cannot hold that. */
bool delta_local_aim(delta_local kind, uint32_t *half, uint32_t at, uint32_t target);

#endif
