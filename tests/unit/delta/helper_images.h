/* Images and files for the tests of patches. */
#ifndef UD_TEST_DELTA_IMAGES_H
#define UD_TEST_DELTA_IMAGES_H

#include "updraft/bytes.h"

/* A real pair of releases, from the shared data. */
struct shared_pair {
    const char *name;
    uint32_t base;
};
extern const struct shared_pair shared_pairs[];
extern const size_t shared_pair_count;

/** The whole of a shared file; free() it. ptr is NULL where the shared data is absent. */
struct ud_bytes shared_image(const char *pair, const char *file);

/**
 * Made-up Thumb code: functions with calls among each other, short branches, literal pools and tables of pointers.
 * `seed` chooses the instructions; `gap` more bytes stand before every 16th function, so that everything moves.
 * free() it.
 */
struct ud_bytes thumb_image(uint32_t seed, uint32_t base, uint32_t functions, uint32_t gap);

/** xorshift32; *state is above 0. */
uint32_t next_random(uint32_t *state);

#endif
