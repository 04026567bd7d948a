/*
 * From tokens to a patch: the applier's own model (src/delta/token.h), deciding by what new needs. The state is a real
 * ud_delta whose callbacks read the images at hand; each unit's result is compared with new as it is made.
 */
#include <stdlib.h>

#include "core/crc32.h"
#include "delta/model.h"
#include "diff/diff.h"
#include "updraft/assert.h"

enum { DELTA_ENCODES = 1 };

struct encoder {
    struct ud_delta state;
    struct ud_delta trial; /* a copy that looks ahead */
    struct ud_delta_io io;
    struct ud_bytes old;
    struct ud_bytes new;
    bool dry; /* the trial is at work: nothing is written */
    uint64_t cost;
    uint8_t *out;
    size_t out_len;
    size_t out_cap;
    ud_err err;
};

static struct encoder *encoder_of(const struct ud_delta *d)
{
    return (struct encoder *)d->io->ctx;
}

static void write_byte(struct encoder *encoder, uint32_t byte)
{
    if (encoder->out_len == encoder->out_cap) {
        const size_t cap = encoder->out_cap * 2 + 4096;
        uint8_t *out = realloc(encoder->out, cap);
        if (out == NULL) {
            encoder->err = UD_ERR_MEMORY;
            return;
        }
        encoder->out = out;
        encoder->out_cap = cap;
    }
    encoder->out[encoder->out_len++] = (uint8_t)byte;
}

static void write_bytes(struct encoder *encoder, struct ud_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        write_byte(encoder, bytes.ptr[i]);
    }
}

/* 256 * -log2(p / 65536), for the statistics only */
static uint64_t cost_of(uint32_t p)
{
    const uint32_t bits = 31 - (uint32_t)__builtin_clz(p);
    return (16 - bits) * 256 - ((p << (31 - bits)) >> 23 & 255);
}

static bool decide(struct ud_delta *d, uint32_t p, bool want)
{
    struct encoder *encoder = encoder_of(d);
    if (encoder->dry) {
        return want;
    }
    encoder->cost += cost_of(want ? p : 65536 - p);
    const uint32_t span = d->high - d->low;
    const uint32_t middle = d->low + (uint32_t)((uint64_t)span * p >> 16);
    if (want) {
        d->high = middle;
    } else {
        d->low = middle + 1;
    }
    while ((d->low ^ d->high) >> 24 == 0) {
        write_byte(encoder, d->high >> 24);
        d->low <<= 8;
        d->high = d->high << 8 | 0xff;
    }
    return want;
}

static uint32_t wanted(const struct ud_delta *d, uint32_t len)
{
    const uint8_t *next = encoder_of(d)->new.ptr + d->made;
    uint32_t value = 0;
    while (len-- > 0) {
        value = value << 8 | next[len];
    }
    return value;
}

static bool calm_ahead(const struct ud_delta *d);

#include "delta/token.h"

/* Did the unit that began at `from` make what new has there? Its bytes are still in the page, or in the one before. */
static bool made_right(const struct ud_delta *d, uint32_t from)
{
    const uint8_t *new = encoder_of(d)->new.ptr;
    for (uint32_t i = 1; from + i <= d->made; i++) {
        if (d->page[(d->made - i) % UD_DELTA_PAGE_BYTES] != new[d->made - i]) {
            return false;
        }
    }
    return true;
}

/* Run the units that the flag would cover, on a copy. */
static bool calm_ahead(const struct ud_delta *d)
{
    struct encoder *encoder = encoder_of(d);
    struct ud_delta *trial = &encoder->trial;
    bool calm = true;
    *trial = *d;
    encoder->dry = true;
    while (calm && trial->calm > 0 && trial->left > 0) {
        const uint32_t from = trial->made;
        copy_unit(trial);
        calm = made_right(trial, from);
    }
    encoder->dry = false;
    return calm;
}

static ud_err read_image(struct ud_bytes image, uint32_t offset, uint8_t *out, uint32_t len)
{
    struct ud_bytes part;
    const bool inside = ud_bytes_slice(image, offset, len, &part);
    UD_ASSERT(inside);
    memcpy(out, part.ptr, len);
    return UD_OK;
}

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return read_image(((struct encoder *)ctx)->old, offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return read_image(((struct encoder *)ctx)->new, offset, out, len);
}

static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    (void)ctx, (void)offset, (void)data, (void)len;
    return UD_OK;
}

static enum delta_part part_of_unit(const struct encoder *encoder, uint32_t from, uint32_t source,
                                    uint64_t changed)
{
    const struct ud_delta *d = &encoder->state;
    if (d->token == TOKEN_LITERAL) {
        return DELTA_PART_LITERAL;
    }
    if (d->token == TOKEN_EXACT) {
        return DELTA_PART_EXACT;
    }
    if (d->made - from == 4) {
        struct ud_bytes word;
        const bool inside = ud_bytes_slice(encoder->old, source, 4, &word);
        UD_ASSERT(inside);
        const uint32_t value = word.ptr[0] | (uint32_t)word.ptr[1] << 8 | (uint32_t)word.ptr[2] << 16 |
                               (uint32_t)word.ptr[3] << 24;
        return delta_is_call(value) ? DELTA_PART_CALLS : DELTA_PART_POINTERS;
    }
    return changed != 0 ? DELTA_PART_CHANGED : DELTA_PART_EQUAL;
}

static void encode_token(struct encoder *encoder, const struct delta_token *token, struct delta_stat *stat)
{
    struct ud_delta *d = &encoder->state;
    const struct token_plan plan = {token->kind, token->len, token->source, token->from_new};
    uint64_t before = encoder->cost;
    token_begin(d, &plan);
    UD_ASSERT(d->err == UD_OK && d->left == token->len);
    stat->cost[DELTA_PART_HEADS] += encoder->cost - before;
    stat->tokens[token->kind]++;
    while (d->left > 0) {
        const uint32_t from = d->made;
        const uint32_t source = d->source;
        before = encoder->cost;
        token_unit(d);
        UD_ASSERT(made_right(d, from));
        const enum delta_part part = part_of_unit(encoder, from, source, d->unequal & 1);
        stat->cost[part] += encoder->cost - before;
        stat->bytes[part] += d->made - from;
    }
}

static void encode(struct encoder *encoder, const struct delta_plan *plan, const struct ud_delta_head *head,
                   const struct ud_delta_in_place_head *in_place, struct delta_stat *stat)
{
    uint8_t raw[UD_DELTA_HEAD_BYTES];
    struct ud_bytes rest = UD_BYTES_ARRAY(raw);
    delta_head_write(head, raw);
    if (in_place != NULL) {
        uint8_t before[UD_DELTA_IN_PLACE_HEAD_BYTES];
        struct ud_bytes format;
        delta_in_place_head_write(in_place, before);
        write_bytes(encoder, UD_BYTES_ARRAY(before));
        (void)ud_bytes_take(&rest, 1, &format); /* said already */
    }
    write_bytes(encoder, rest);
    encoder->io = (struct ud_delta_io){encoder, read_old, read_new, write_new, NULL};
    delta_model_init(&encoder->state, head);
    encoder->state.io = &encoder->io;
    for (size_t i = 0; i < plan->count && encoder->err == UD_OK; i++) {
        encode_token(encoder, &plan->tokens[i], stat);
    }
    UD_ASSERT(encoder->err != UD_OK || encoder->state.made == head->new_bytes);
    write_byte(encoder, (encoder->state.low >> 24) + 1); /* lies between low and high, whose top bytes differ */
}

ud_err delta_diff(struct ud_bytes old, struct ud_bytes new, const struct delta_options *options,
                  uint8_t **patch, size_t *patch_len, struct delta_stat *stat)
{
    if (old.len > UD_DELTA_IMAGE_BYTES_MAX || new.len > UD_DELTA_IMAGE_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    if (options->profile > UD_DELTA_PROFILE_MAX || options->predictor >= UD_DELTA_PREDICTOR_COUNT) {
        return UD_ERR_PATCH_PROFILE;
    }
    struct delta_stat unused = {0};
    struct delta_plan plan;
    struct encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL) {
        return UD_ERR_MEMORY;
    }
    ud_err err = delta_plan_open(&plan, old, new, options);
    if (err == UD_OK) {
        encoder->old = old;
        encoder->new = new;
        const struct ud_delta_head head = {.profile = options->profile,
                                           .predictor = options->predictor,
                                           .old_bytes = (uint32_t)old.len,
                                           .new_bytes = (uint32_t) new.len,
                                           .base = options->base,
                                           .old_crc = ud_crc32(old)};
        encode(encoder, &plan, &head, options->in_place, stat != NULL ? stat : &unused);
        err = encoder->err;
        delta_plan_close(&plan);
    }
    if (err == UD_OK) {
        *patch = encoder->out;
        *patch_len = encoder->out_len;
    } else {
        free(encoder->out);
    }
    free(encoder);
    return err;
}
