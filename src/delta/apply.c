/* The applier: the model of token.h, deciding by what the patch says. */
#include "updraft/delta.h"

#include "core/crc32.h"
#include "delta/model.h"

enum { DELTA_ENCODES = 0 };

static void fill_patch_window(struct ud_delta *d)
{
    const uint32_t rest = d->patch_bytes - d->patch_at;
    const uint32_t held = rest < UD_DELTA_PATCH_WINDOW_BYTES ? rest : UD_DELTA_PATCH_WINDOW_BYTES;
    d->patch_used = 0;
    d->patch_held = (uint8_t)held;
    if (held > 0) {
        fail(d, d->io->read_patch(d->io->ctx, d->patch_at, d->patch_window, held));
        d->patch_at += held;
    }
}

static uint32_t next_byte(struct ud_delta *d)
{
    if (d->patch_used == d->patch_held) {
        fill_patch_window(d);
    }
    if (d->patch_held == 0) {
        if (d->beyond >= BEYOND_MAX) {
            fail(d, UD_ERR_TRUNCATED);
        } else {
            d->beyond++;
        }
        return 0;
    }
    return d->patch_window[d->patch_used++];
}

static bool decide(struct ud_delta *d, uint32_t p, bool want)
{
    (void)want;
    const uint32_t span = d->high - d->low;
    const uint32_t middle = d->low + (uint32_t)((uint64_t)span * p >> 16);
    const bool bit = d->code <= middle;
    if (bit) {
        d->high = middle;
    } else {
        d->low = middle + 1;
    }
    while ((d->low ^ d->high) >> 24 == 0) {
        d->low <<= 8;
        d->high = d->high << 8 | 0xff;
        d->code = d->code << 8 | next_byte(d);
    }
    return bit;
}

static uint32_t wanted(const struct ud_delta *d, uint32_t len)
{
    (void)d, (void)len;
    return 0;
}

static bool calm_ahead(const struct ud_delta *d)
{
    (void)d;
    return false;
}

#include "delta/token.h"

ud_err ud_delta_init(struct ud_delta *delta, const struct ud_delta_job *job)
{
    uint8_t raw[UD_DELTA_HEAD_BYTES];
    struct ud_delta_head head;
    if (job->old_bytes > UD_DELTA_IMAGE_BYTES_MAX || job->new_bytes > UD_DELTA_IMAGE_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    if (job->patch_bytes < sizeof raw) {
        return UD_ERR_TRUNCATED;
    }
    ud_err err = job->io->read_patch(job->io->ctx, 0, raw, sizeof raw);
    if (err == UD_OK) {
        err = ud_delta_parse_head(UD_BYTES_ARRAY(raw), &head);
    }
    if (err != UD_OK) {
        return err;
    }
    if (head.old_bytes != job->old_bytes) {
        return UD_ERR_PRECURSOR;
    }
    if (head.new_bytes != job->new_bytes) {
        return UD_ERR_PATCH;
    }
    delta_model_init(delta, &head);
    delta->io = job->io;
    delta->patch_bytes = job->patch_bytes;
    delta->patch_at = UD_DELTA_HEAD_BYTES;
    for (unsigned i = 0; i < 4; i++) {
        delta->code = delta->code << 8 | next_byte(delta);
    }
    return delta->err;
}

/* The page stands in for a buffer: nothing is made yet. */
static void check_old(struct ud_delta *d)
{
    const uint32_t rest = d->head.old_bytes - d->checked;
    const uint32_t len = rest < UD_DELTA_PAGE_BYTES ? rest : UD_DELTA_PAGE_BYTES;
    if (len > 0) {
        fail(d, d->io->read_old(d->io->ctx, d->checked, d->page, len));
        d->crc = ud_crc32_more(d->crc, (struct ud_bytes){d->page, len});
        d->checked += len;
    }
    if (d->checked == d->head.old_bytes) {
        d->old_good = d->crc == d->head.old_crc;
        fail(d, d->old_good ? UD_OK : UD_ERR_PRECURSOR);
    }
}

static void make_page(struct ud_delta *d)
{
    const uint32_t page = d->made / UD_DELTA_PAGE_BYTES;
    while (d->err == UD_OK && d->made < d->head.new_bytes && d->made / UD_DELTA_PAGE_BYTES == page) {
        if (d->left == 0) {
            token_begin(d, NULL);
        } else {
            token_unit(d);
        }
    }
    const bool unread = d->patch_used < d->patch_held || d->patch_at < d->patch_bytes;
    if (d->made == d->head.new_bytes && unread) {
        fail(d, UD_ERR_TRAILING);
    }
}

ud_err ud_delta_step(struct ud_delta *delta)
{
    if (delta->err != UD_OK) {
        return delta->err;
    }
    if (!delta->old_good) {
        check_old(delta);
    } else {
        make_page(delta);
    }
    if (delta->err != UD_OK) {
        return delta->err;
    }
    return delta->old_good && delta->made == delta->head.new_bytes ? UD_OK : UD_WAIT;
}

uint32_t ud_delta_made(const struct ud_delta *delta)
{
    return delta->made;
}
