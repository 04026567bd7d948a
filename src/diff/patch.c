/* Applying a patch in memory, by the applier that devices run. */
#include <stdlib.h>

#include "diff/diff.h"
#include "updraft/assert.h"

struct patching {
    struct ud_bytes old;
    struct ud_bytes patch;
    struct ud_buf new;
    const struct ud_delta_in_place_head *in_place; /* NULL: old and new lie apart */
};

static ud_err read_part(struct ud_bytes whole, uint32_t offset, uint8_t *out, uint32_t len)
{
    struct ud_bytes part;
    const bool inside = ud_bytes_slice(whole, offset, len, &part);
    UD_ASSERT(inside); /* the applier promises it, whatever the patch */
    memcpy(out, part.ptr, len);
    return UD_OK;
}

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return read_part(((struct patching *)ctx)->old, offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return read_part(ud_buf_bytes(&((struct patching *)ctx)->new), offset, out, len);
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct patching *work = ctx;
    const ud_err err = read_part(work->patch, offset, out, len);
    if (work->in_place != NULL && offset == 0) {
        ud_delta_in_place_complete(out);
    }
    return err;
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct ud_buf *new = &((struct patching *)ctx)->new;
    UD_ASSERT(offset == new->len);
    return ud_buf_put(new, (struct ud_bytes){data, len}) ? UD_OK : UD_ERR_INTERNAL;
}

static ud_err apply(struct ud_delta *delta, struct patching *work, const struct ud_delta_head *head)
{
    const struct ud_delta_in_place_head *in_place = work->in_place;
    const struct ud_delta_io io = {work, read_old, read_new, write_new, read_patch};
    const struct ud_delta_job job = {&io, (uint32_t)work->patch.len, (uint32_t)work->old.len, head->new_bytes};
    ud_err err = ud_delta_init(delta, &job);
    if (err != UD_OK) {
        return err;
    }
    do {
        if (in_place != NULL) {
            delta->floor = ud_delta_in_place_floor(in_place, head->new_bytes, ud_delta_made(delta));
        }
        err = ud_delta_step(delta);
    } while (err == UD_WAIT);
    return err;
}

/* Room for new. In place it is one piece of memory, as the slot: old moved up, new written from below over it. */
static ud_err prepare(struct patching *work, const struct ud_delta_head *head)
{
    const size_t up = work->in_place == NULL ? 0 : work->in_place->gap_bytes;
    const size_t moved_end = work->in_place == NULL ? 0 : up + work->old.len;
    uint8_t *slot = malloc((moved_end > head->new_bytes ? moved_end : head->new_bytes) + 1u);
    if (slot == NULL) {
        return UD_ERR_MEMORY;
    }
    if (moved_end > up) {
        memcpy(slot + up, work->old.ptr, work->old.len);
        work->old.ptr = slot + up;
    }
    work->new = (struct ud_buf){slot, head->new_bytes, 0};
    return UD_OK;
}

/* What stands before the first byte of the patch proper, if anything, and that patch's head. */
static ud_err look_at_heads(struct patching *work, struct ud_delta_in_place_head *place,
                            struct ud_delta_head *head)
{
    uint8_t raw[UD_DELTA_HEAD_BYTES];
    struct ud_bytes first;
    if (work->patch.len > 0 && work->patch.ptr[0] == UD_DELTA_IN_PLACE_FORMAT) {
        const ud_err err = ud_delta_in_place_parse(work->patch, place);
        if (err != UD_OK) {
            return err;
        }
        (void)ud_bytes_take(&work->patch, UD_DELTA_IN_PLACE_PATCH_AT, &first); /* it was there to be parsed */
        work->in_place = place;
    }
    if (!ud_bytes_slice(work->patch, 0, sizeof raw, &first)) {
        return UD_ERR_TRUNCATED;
    }
    (void)read_patch(work, 0, raw, sizeof raw);
    return ud_delta_parse_head(UD_BYTES_ARRAY(raw), head);
}

ud_err delta_patch(struct ud_bytes old, struct ud_bytes patch, uint8_t **new, size_t *new_len)
{
    struct ud_delta_head head;
    struct ud_delta_in_place_head place;
    struct patching work = {.old = old, .patch = patch};
    ud_err err = look_at_heads(&work, &place, &head);
    if (err != UD_OK) {
        return err;
    }
    if (old.len > UD_DELTA_IMAGE_BYTES_MAX || patch.len > UINT32_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    struct ud_delta *delta = malloc(sizeof *delta);
    err = delta == NULL ? UD_ERR_MEMORY : prepare(&work, &head);
    err = err == UD_OK ? apply(delta, &work, &head) : err;
    free(delta);
    if (err != UD_OK) {
        free(work.new.ptr);
        return err;
    }
    *new = work.new.ptr;
    *new_len = work.new.len;
    return UD_OK;
}
