/*
 * Where content of old went, by the plan of the pass before: by it the next pass knows which calls and pointers will be predicted.
 */
#ifndef UD_DIFF_WENT_H
#define UD_DIFF_WENT_H

#include "diff/diff.h"

#define DELTA_RAM_KEYS (1 << 17)
#define DELTA_WENT_UNKNOWN INT32_MIN

struct delta_went {
    bool knows; /* there was a pass before */
    int32_t *
        old; /* [old.len] shift of the content at this place, by the longest copy that carried it; or unknown */
    int32_t *
        ram; /* [DELTA_RAM_KEYS] by how much a pointer into RAM moved, by most of those that copies carried along */
};

/** UD_ERR_MEMORY; then close it all the same. */
ud_err delta_went_open(struct delta_went *went, size_t old_bytes);
void delta_went_close(struct delta_went *went);
/** UD_ERR_MEMORY */
ud_err delta_went_learn(struct delta_went *went, struct ud_bytes old, struct ud_bytes new,
                        const struct delta_plan *plan);

#endif
