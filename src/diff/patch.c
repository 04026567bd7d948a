/* Applying a patch in memory, by the applier that devices run. */
#include <stdlib.h>

#include "diff/diff.h"
#include "updraft/assert.h"

struct patching {
    struct ud_bytes old;
    struct ud_bytes patch;
    struct ud_buf new;
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
    return read_part(((struct patching *)ctx)->patch, offset, out, len);
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct ud_buf *new = &((struct patching *)ctx)->new;
    UD_ASSERT(offset == new->len);
    return ud_buf_put(new, (struct ud_bytes){data, len}) ? UD_OK : UD_ERR_INTERNAL;
}

static ud_err apply(struct ud_delta *delta, struct patching *work, const struct ud_delta_head *head)
{
    const struct ud_delta_io io = {work, read_old, read_new, write_new, read_patch};
    const struct ud_delta_job job = {&io, (uint32_t)work->patch.len, (uint32_t)work->old.len, head->new_bytes};
    ud_err err = ud_delta_init(delta, &job);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_delta_step(delta);
    } while (err == UD_WAIT);
    return err;
}

ud_err delta_patch(struct ud_bytes old, struct ud_bytes patch, uint8_t **new, size_t *new_len)
{
    struct ud_delta_head head;
    ud_err err = ud_delta_parse_head(patch, &head);
    if (err != UD_OK) {
        return err;
    }
    if (old.len > UD_DELTA_IMAGE_BYTES_MAX || patch.len > UINT32_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    struct ud_delta *delta = malloc(sizeof *delta);
    struct patching work = {old, patch, {malloc(head.new_bytes + 1u), head.new_bytes, 0}};
    err = delta == NULL || work.new.ptr == NULL ? UD_ERR_MEMORY : apply(delta, &work, &head);
    free(delta);
    if (err != UD_OK) {
        free(work.new.ptr);
        return err;
    }
    *new = work.new.ptr;
    *new_len = work.new.len;
    return UD_OK;
}
