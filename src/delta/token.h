/*
 * Tokens: literals, main copies, exact copies, until new is complete. One of the headers that coder.h explains.
 */
#ifndef UPDRAFT_DELTA_TOKEN_H
#define UPDRAFT_DELTA_TOKEN_H

#include "delta/copy.h"

/* What an encoder wants to write. */
struct token_plan {
    uint32_t kind;   /* enum token */
    uint32_t len;    /* bytes */
    uint32_t source; /* of a main copy, or an exact one, in old; of an exact one in new if from_new */
    bool from_new;
};

static uint32_t token_kind(struct ud_delta *d, uint32_t want)
{
    const uint32_t last = d->token;
    if (flag(d, FLAG_COPY + last, want == TOKEN_COPY)) {
        return TOKEN_COPY;
    }
    if (last == TOKEN_LITERAL || flag(d, FLAG_EXACT + last, want == TOKEN_EXACT)) {
        return TOKEN_EXACT;
    }
    return TOKEN_LITERAL;
}

/* Lengths are checked against what is left to make, sources against what they read. */
static bool room_for(const struct ud_delta *d, uint32_t len)
{
    return len <= d->head.new_bytes - d->made;
}

static bool inside_old(const struct ud_delta *d, uint32_t start, uint32_t len)
{
    return start <= d->head.old_bytes && len <= d->head.old_bytes - start;
}

static int32_t copy_shift(struct ud_delta *d, int32_t want)
{
    const int32_t same = (int32_t)(d->new_end - d->old_end);
    const int32_t goes_on = (int32_t)(d->made - d->old_end);
    const uint32_t after_literal = d->token == TOKEN_LITERAL ? 1 : 0;
    int32_t shift = 0;
    if (flag(d, FLAG_SAME_SHIFT + after_literal, want == same)) {
        return same;
    }
    if (flag(d, FLAG_GOES_ON + after_literal, want == goes_on)) {
        return goes_on;
    }
    if (listed_shift(d, LIST_COPY, want, &shift)) {
        return shift;
    }
    return goes_on - signed_number(d, NUMBER_COPY_PLACE, goes_on - want);
}

static void begin_copy(struct ud_delta *d, const struct token_plan *plan)
{
    const uint32_t len = number(d, NUMBER_COPY_LENGTH, DELTA_ENCODES ? plan->len - 1 : 0) + 1;
    const uint32_t start =
        d->made - (uint32_t)copy_shift(d, DELTA_ENCODES ? (int32_t)(d->made - plan->source) : 0);
    if (!room_for(d, len) || !inside_old(d, start, len)) {
        fail(d, UD_ERR_PATCH);
        return;
    }
    copy_begin(d, start, len);
    d->left = len;
}

static void begin_exact(struct ud_delta *d, const struct token_plan *plan)
{
    d->from_new = flag(d, FLAG_FROM_NEW, DELTA_ENCODES && plan->from_new);
    const uint32_t len =
        number(d, NUMBER_EXACT_LENGTH, DELTA_ENCODES ? plan->len - EXACT_BYTES_MIN : 0) + EXACT_BYTES_MIN;
    bool good = room_for(d, len);
    if (d->from_new) {
        const uint32_t back = number(d, NUMBER_EXACT_NEW, DELTA_ENCODES ? d->made - plan->source - 1 : 0) + 1;
        good = good && back <= d->made;
        d->source = d->made - back;
    } else {
        const uint32_t expected = d->old_end + d->made - d->new_end;
        const int32_t away =
            signed_number(d, NUMBER_EXACT_OLD, DELTA_ENCODES ? (int32_t)(plan->source - expected) : 0);
        d->source = expected + (uint32_t)away;
        good = good && inside_old(d, d->source, len);
    }
    if (!good) {
        fail(d, UD_ERR_PATCH);
        return;
    }
    d->left = len;
}

static void begin_literal(struct ud_delta *d, const struct token_plan *plan)
{
    const uint32_t len = number(d, NUMBER_LITERAL_LENGTH, DELTA_ENCODES ? plan->len - 1 : 0) + 1;
    if (!room_for(d, len)) {
        fail(d, UD_ERR_PATCH);
        return;
    }
    d->left = len;
}

/* Read or write the head of the next token. Afterwards `left` is above 0, or `err` says why not. */
static void token_begin(struct ud_delta *d, const struct token_plan *plan)
{
    d->token = (uint8_t)token_kind(d, DELTA_ENCODES ? plan->kind : 0);
    if (d->token == TOKEN_COPY) {
        begin_copy(d, plan);
    } else if (d->token == TOKEN_EXACT) {
        begin_exact(d, plan);
    } else {
        begin_literal(d, plan);
    }
}

/* A byte of new that is written already, or still in the page. */
static uint32_t new_byte(struct ud_delta *d, uint32_t at)
{
    const uint32_t page = d->made - d->made % UD_DELTA_PAGE_BYTES;
    if (at >= page) {
        return d->page[at - page];
    }
    if (at - d->new_at >= d->new_held) {
        const uint32_t rest = page - at;
        const uint32_t held = rest < UD_DELTA_NEW_WINDOW_BYTES ? rest : UD_DELTA_NEW_WINDOW_BYTES;
        fail(d, d->io->read_new(d->io->ctx, at, d->new_window, held));
        d->new_at = at;
        d->new_held = (uint8_t)held;
    }
    return d->new_window[at - d->new_at];
}

static void exact_unit(struct ud_delta *d)
{
    const uint32_t at = d->source++;
    put_byte(d, d->from_new ? new_byte(d, at) : old_bytes(d, at, 1));
}

/* The next 1..4 bytes of the token at work. */
static void token_unit(struct ud_delta *d)
{
    if (d->token == TOKEN_LITERAL) {
        literal_unit(d);
    } else if (d->token == TOKEN_EXACT) {
        exact_unit(d);
    } else {
        copy_unit(d);
        if (d->left == 0) {
            copy_end(d);
        }
    }
}

#endif
