/*
 * What a byte of an image belongs to, and the image's normal form: distances in calls and addresses in pointers
 * blanked, so that code which only moved is equal.
 */
#ifndef UPDRAFT_DIFF_MARKS_H
#define UPDRAFT_DIFF_MARKS_H

#include "diff/diff.h"

/* A mark: 1..4, the byte's place in its word, and what that is. 0: neither. */
enum {
    MARK_PLACE = 7,
    MARK_CALL = 8,
    MARK_FLASH = 16,
    MARK_RAM = 32,
};

/** calls and pointers [image.len] each: a byte may be marked in both. */
void delta_marks_make(struct ud_bytes image, const struct delta_options *options, uint8_t *calls,
                      uint8_t *pointers);
/** normal [image.len] */
void delta_marks_normal(struct ud_bytes image, const uint8_t *calls, const uint8_t *pointers, uint8_t *normal);

uint32_t delta_word_at(struct ud_bytes image, uint32_t at);

#endif
