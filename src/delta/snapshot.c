#include "delta/snapshot.h"

#include "delta/model.h"
#include "delta/table.h"

enum { WEIGHT_MAX = 1 << 28 }; /* learning stays far below; a step beyond it cannot overflow either */

/* Any other value of a bool is none at all. */
static bool is_bool(const bool *value)
{
    uint8_t byte;
    memcpy(&byte, value, 1);
    return byte <= 1;
}

static bool within(uint32_t start, uint32_t len, uint32_t end)
{
    return start <= end && len <= end - start;
}

/* Windows are read again. */
static void empty_windows(struct ud_delta *d)
{
    d->patch_at += (uint32_t)d->patch_used - d->patch_held;
    d->patch_used = d->patch_held = 0;
    d->old_held = d->new_held = 0;
}

static bool token_is_sound(const struct ud_delta *d)
{
    if (d->token > TOKEN_EXACT || !is_bool(&d->from_new) || !is_bool(&d->second) ||
        !within(d->made, d->left, d->head.new_bytes) || d->old_end > d->head.old_bytes ||
        d->new_end > d->made || d->segment.start > d->segment.end || d->segment.end > d->head.old_bytes) {
        return false;
    }
    if (d->left == 0 || d->token == TOKEN_LITERAL) {
        return true;
    }
    return d->token == TOKEN_EXACT && d->from_new ? d->source < d->made
                                                  : within(d->source, d->left, d->head.old_bytes);
}

static bool weights_are_sound(const struct ud_delta *d)
{
    const int32_t *weight = d->weights[0];
    for (uint32_t i = 0; i < UD_DELTA_MIX_ROWS * UD_DELTA_MIX_INPUTS; i++) {
        if ((uint32_t)weight[i] + WEIGHT_MAX > 2u * WEIGHT_MAX) {
            return false;
        }
    }
    return true;
}

bool delta_snapshot_mend(struct ud_delta *delta, const struct ud_delta_head *head,
                         const struct ud_delta_job *job)
{
    delta->io = job->io;
    delta->head = *head;
    delta->err = UD_OK;
    delta->patch_bytes = job->patch_bytes;
    delta->old_good = true;
    delta_table_shape(delta);
    empty_windows(delta);
    return delta->patch_at <= delta->patch_bytes && token_is_sound(delta) && weights_are_sound(delta);
}
