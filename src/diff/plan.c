/*
 * Choosing tokens: one shortest path over the positions of new. At each position the path is in a literal run, on one
 * of a few open diagonals (a main copy with one shift), or at the end of a token ("closed"). Costs are in 1/256 bit,
 * integers, so that every machine chooses alike; they are measured averages of what the model needs, not its exact
 * prices. The first pass knows nothing; later ones know from the plan before where old content went, and so whether a
 * call or pointer will be predicted. Without that, tables of pointers match themselves at any distance.
 */
#include <stdlib.h>

#include "delta/model.h"
#include "delta/thumb.h"
#include "diff/diff.h"
#include "diff/marks.h"
#include "diff/match.h"
#include "diff/went.h"
#include "updraft/assert.h"

#define BITS(x) ((uint64_t)((x)*256 + 0.5))

enum {
    OPEN_MAX = 40,
    EXACT_MAX = 64, /* bytes of an exact copy that are tried; longer ones are joined from several */
    CHAIN_HASH_BITS = 18,
    SEED_MIN = 3,
    NORMAL_SEED_MIN = 7,
    FOLLOW_MIN = 32,   /* a match that was longer than this is followed, not sought again */
    CERTAIN_MIN = 512, /* a main copy that goes on equal for so long has no rival */
    PROGRESS_STEP = 1 << 14,
};

/* How hard to look, by the larger of the two images: time grows with the image, not with its square. */
struct effort {
    uint32_t bytes_max;
    uint32_t passes;     /* the later ones know where things went */
    uint32_t open;       /* diagonals, as long as they are within `behind` of the cheapest path */
    uint64_t behind;     /* 1/256 bit */
    uint32_t chain;      /* candidates in new for an exact copy */
    uint32_t neighbours; /* matches of equal length that are compared by their distance */
};
static const struct effort efforts[] = {
    {1u << 20, 3, OPEN_MAX, BITS(45), 64, 48},
    {4u << 20, 3, 16, BITS(40), 16, 16},
    {UINT32_MAX, 2, 12, BITS(32), 8, 8},
};

static const uint64_t never = UINT64_MAX / 4;

/* The end of a token at a position of new: how the cheapest path got there. */
struct closed {
    uint32_t start : 24; /* of the token */
    uint32_t kind : 7;
    uint32_t from_new : 1;
    uint32_t source;
    int32_t shift; /* of the last main copy on the path */
    uint32_t end;  /* of it, in new */
};

struct diagonal {
    int32_t shift;
    uint32_t start; /* in new */
    uint64_t cost;
    bool missed; /* the last byte was unequal */
};

/* Following a long match instead of seeking it at each byte. */
struct finder {
    struct delta_index index;
    struct delta_match last;
    delta_rank *ranks; /* [new.len] answers of the pass before */
};

struct planner {
    struct ud_bytes old;
    struct ud_bytes new;
    const struct delta_options *options;
    const struct effort *effort;
    struct ud_bytes new_normal;
    uint8_t *marks; /* one block: calls and pointers of old, then of new, then both normal forms */
    uint8_t *old_calls, *old_pointers, *new_calls, *new_pointers;
    struct finder plain;
    struct finder normal;

    /* what the pass before found */
    struct delta_went went;

    /* the pass at work */
    struct closed *closed;         /* [new.len + 1] */
    uint64_t ahead[EXACT_MAX + 1]; /* cost of closed[i], by i % (EXACT_MAX + 1) */
    struct diagonal open[OPEN_MAX + 5];
    size_t open_count;
    uint64_t literal_cost;
    uint32_t literal_start;
    uint32_t *chain_heads;
    uint32_t *chain; /* [new.len] position + 1 of the one before with the same hash */
    uint32_t pass;
};

/* 256 * log2(x + 1), straight between powers of two */
static uint64_t log_cost(uint32_t x)
{
    const uint32_t bits = 31 - (uint32_t)__builtin_clz(x + 1);
    return bits * 256 + ((x + 1) << (31 - bits) >> 23 & 255);
}

static uint32_t distance(int64_t a)
{
    return (uint32_t)(a < 0 ? -a : a);
}

static uint64_t *cost_at(struct planner *p, uint32_t at)
{
    return &p->ahead[at % (EXACT_MAX + 1)];
}

/* In place: is what this diagonal reads at `at` still there? */
static bool is_legal(const struct planner *p, uint32_t at, int64_t shift)
{
    const struct ud_delta_in_place_head *head = p->options->in_place;
    return head == NULL ||
           (int64_t)at - shift >= (int64_t)ud_delta_in_place_floor(head, (uint32_t)p->new.len, at);
}

/* The place in old that a new main copy at `at` would go on from. */
static int64_t goes_on_at(const struct closed *here)
{
    return (int64_t)here->end - here->shift;
}

static void enter(struct planner *p, uint32_t at, int64_t shift)
{
    const struct closed *here = &p->closed[at];
    const int64_t source = (int64_t)at - shift;
    if (source < 0 || source >= (int64_t)p->old.len || !is_legal(p, at, shift)) {
        return;
    }
    uint64_t cost = *cost_at(p, at) + BITS(9.5);
    if (shift == here->shift) {
        cost += BITS(1);
    } else if (source == goes_on_at(here)) {
        cost += BITS(2);
    } else {
        cost += BITS(3) + log_cost(distance(source - goes_on_at(here))) * 155 / 100;
    }
    const struct diagonal entry = {(int32_t)shift, at, cost, false};
    for (size_t i = 0; i < p->open_count; i++) {
        if (p->open[i].shift == shift) {
            if (cost < p->open[i].cost) {
                p->open[i] = entry;
            }
            return;
        }
    }
    p->open[p->open_count++] = entry;
}

static void close_at(struct planner *p, uint32_t at, uint64_t cost, struct closed how)
{
    if (cost < *cost_at(p, at)) {
        *cost_at(p, at) = cost;
        p->closed[at] = how;
    }
}

/* End the literal run or the cheapest diagonal here, if that beats the exact copies that end here. */
static void close_runs(struct planner *p, uint32_t at)
{
    if (p->literal_cost < never) {
        const struct closed *before = &p->closed[p->literal_start];
        close_at(
            p, at, p->literal_cost,
            (struct closed){p->literal_start & 0xffffff, TOKEN_LITERAL, false, 0, before->shift, before->end});
    }
    for (size_t i = 0; i < p->open_count; i++) {
        const struct diagonal *open = &p->open[i];
        const uint32_t source = open->start - (uint32_t)open->shift;
        close_at(p, at, open->cost,
                 (struct closed){open->start & 0xffffff, TOKEN_COPY, false, source, open->shift, at});
    }
}

static void offer_exact(struct planner *p, uint32_t at, uint32_t len, uint32_t source, bool from_new,
                        uint64_t far)
{
    const struct closed *here = &p->closed[at];
    const uint64_t cost = *cost_at(p, at) + BITS(8.5) + log_cost(len - EXACT_BYTES_MIN) * 120 / 100 + far;
    close_at(p, at + len, cost,
             (struct closed){at & 0xffffff, TOKEN_EXACT, from_new, source, here->shift, here->end});
}

/* Bytes from `at` on that may be read on this diagonal: at the beginning of a block more of old is gone. */
static uint32_t legal_bytes(const struct planner *p, uint32_t at, int64_t shift, uint32_t max)
{
    if (p->options->in_place == NULL) {
        return max;
    }
    const uint32_t block = p->options->in_place->block_bytes;
    uint32_t len = 0;
    while (len < max && is_legal(p, at + len, shift)) {
        len += block - (at + len) % block;
    }
    return len < max ? len : max;
}

static void exact_from_old(struct planner *p, uint32_t at, struct delta_match match)
{
    const int64_t expected = (int64_t)at - p->closed[at].shift;
    const uint64_t far = log_cost(distance((int64_t)match.at - expected)) * 125 / 100;
    const uint32_t longest =
        legal_bytes(p, at, (int64_t)at - match.at, match.len < EXACT_MAX ? match.len : EXACT_MAX);
    for (uint32_t len = EXACT_BYTES_MIN; len <= longest; len++) {
        offer_exact(p, at, len, match.at, false, far);
    }
}

static uint32_t common_in_new(const struct planner *p, uint32_t before, uint32_t at)
{
    const uint8_t *new = p->new.ptr;
    const uint32_t rest = (uint32_t)p->new.len - at;
    const uint32_t max = rest < EXACT_MAX ? rest : EXACT_MAX;
    uint32_t len = 0;
    while (len < max && new[before + len] == new[at + len]) {
        len++;
    }
    return len;
}

static void exact_from_new(struct planner *p, uint32_t at)
{
    if (p->new.len - at < EXACT_BYTES_MIN) {
        return;
    }
    const uint8_t *next = p->new.ptr + at;
    const uint32_t key = next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16;
    uint32_t *head = &p->chain_heads[key * 0x9e3779b1u >> (32 - CHAIN_HASH_BITS)];
    uint32_t best = EXACT_BYTES_MIN - 1;
    uint32_t before = *head;
    const uint32_t tries = p->plain.last.len > FOLLOW_MIN ? p->effort->chain / 8 : p->effort->chain;
    for (unsigned i = 0; i < tries && before != 0 && best < EXACT_MAX; i++, before = p->chain[before - 1]) {
        const uint32_t found = common_in_new(p, before - 1, at);
        const uint64_t far = log_cost(at - (before - 1)) * 105 / 100;
        for (; best < found; best++) {
            offer_exact(p, at, best + 1, before - 1, true, far);
        }
    }
    p->chain[at] = *head;
    *head = at + 1;
}

static struct delta_match seek(const struct planner *p, struct finder *finder, struct ud_bytes from,
                               uint32_t at, int32_t expected)
{
    struct delta_match *last = &finder->last;
    if (last->len > FOLLOW_MIN) {
        last->len--;
        last->at++;
    } else {
        const struct ud_bytes rest = {from.ptr + at, from.len - at};
        *last = delta_index_find(&finder->index, rest, expected, p->effort->neighbours, &finder->ranks[at]);
    }
    return *last;
}

static void open_token(struct planner *p, uint32_t at)
{
    const struct closed *here = &p->closed[at];
    const uint64_t run = *cost_at(p, at) + BITS(5);
    if ((at == 0 || here->kind != TOKEN_LITERAL) && run < p->literal_cost) {
        p->literal_cost = run;
        p->literal_start = at;
    }
    const int32_t expected = (int32_t)at - here->shift;
    const struct delta_match plain = seek(p, &p->plain, p->new, at, expected);
    if (plain.len >= SEED_MIN) {
        enter(p, at, (int64_t)at - plain.at);
    }
    const struct delta_match normal = seek(p, &p->normal, p->new_normal, at, expected);
    if (normal.len >= NORMAL_SEED_MIN) {
        enter(p, at, (int64_t)at - normal.at);
    }
    enter(p, at, here->shift);
    enter(p, at, (int64_t)at - goes_on_at(here));
    exact_from_old(p, at, plain);
    exact_from_new(p, at);
}

/* The first byte of a call in both images, at even places: what the whole call will cost. */
static uint64_t call_cost(const struct planner *p, uint32_t source, uint32_t at)
{
    const uint32_t old_word = delta_word_at(p->old, source);
    const uint32_t new_word = delta_word_at(p->new, at);
    const int64_t target = (int64_t)source + 4 + delta_call_reach(old_word);
    const int64_t goal = (int64_t)at + 4 + delta_call_reach(new_word);
    if (target >= 0 && target < (int64_t)p->old.len && p->went.old[target] != DELTA_WENT_UNKNOWN) {
        return target + p->went.old[target] == goal ? BITS(0.3) : BITS(12);
    }
    return old_word == new_word ? BITS(3) : BITS(6);
}

static uint64_t pointer_cost(const struct planner *p, uint32_t source, uint32_t at)
{
    const uint32_t word = delta_word_at(p->old, source);
    const int32_t moved = (int32_t)(delta_word_at(p->new, at) - word);
    const bool ram = (p->old_pointers[source] & MARK_RAM) != 0;
    const int32_t went =
        ram ? p->went.ram[word & (DELTA_RAM_KEYS - 1)] : p->went.old[(word - p->options->base) & ~1u];
    if (went == DELTA_WENT_UNKNOWN) {
        return ram ? BITS(4) : BITS(5);
    }
    return went == moved ? BITS(0.3) : BITS(9);
}

static void advance_plain(const struct planner *p, struct diagonal *open, uint32_t source, uint32_t at)
{
    if (p->new.ptr[at] == p->old.ptr[source]) {
        open->cost += open->missed ? BITS(1) : BITS(0.04);
        open->missed = false;
    } else if (p->new_calls[at] != 0 && p->new_calls[at] == p->old_calls[source]) {
        open->cost += BITS(0.5);
        open->missed = false;
    } else if (p->new_pointers[at] != 0 && p->new_pointers[at] == p->old_pointers[source]) {
        open->cost += BITS(0.9);
        open->missed = false;
    } else {
        open->cost += open->missed ? BITS(8.5) : BITS(11);
        open->missed = true;
    }
}

/* One byte further on a diagonal. */
static void advance(const struct planner *p, struct diagonal *open, uint32_t at)
{
    const uint32_t source = at - (uint32_t)open->shift;
    if (source >= p->old.len || !is_legal(p, at, open->shift)) {
        open->cost = never;
        return;
    }
    const uint8_t call = p->new_calls[at];
    const uint8_t pointer = p->new_pointers[at];
    if (p->went.knows && call != 0 && call == p->old_calls[source]) {
        if ((call & MARK_PLACE) == 1) {
            open->cost += call_cost(p, source, at);
            open->missed = false;
        }
    } else if (p->went.knows && pointer != 0 && pointer == p->old_pointers[source]) {
        if ((pointer & MARK_PLACE) == 1) {
            open->cost += pointer_cost(p, source, at);
        }
        open->missed = false;
    } else {
        advance_plain(p, open, source, at);
    }
}

static int by_cost(const void *a, const void *b)
{
    const struct diagonal *x = a;
    const struct diagonal *y = b;
    if (x->cost != y->cost) {
        return x->cost < y->cost ? -1 : 1;
    }
    return x->shift < y->shift ? -1 : x->shift > y->shift;
}

static void advance_all(struct planner *p, uint32_t at)
{
    p->literal_cost += p->literal_cost < never ? BITS(7.0) : 0;
    uint64_t best = p->literal_cost;
    for (size_t i = 0; i < p->open_count; i++) {
        advance(p, &p->open[i], at);
        best = p->open[i].cost < best ? p->open[i].cost : best;
    }
    size_t kept = 0;
    for (size_t i = 0; i < p->open_count; i++) {
        if (p->open[i].cost < best + p->effort->behind && p->open[i].cost < never) {
            p->open[kept++] = p->open[i];
        }
    }
    if (kept > p->effort->open) {
        qsort(p->open, kept, sizeof p->open[0], by_cost);
        kept = p->effort->open * 4 / 5;
    }
    p->open_count = kept;
}

/*
 * The cheapest way here is a main copy, and old and new stay equal on it for long: go there at once, on it alone.
 * Returns the bytes passed over, 0 where nothing is certain.
 */
static uint32_t pass_over(struct planner *p, uint32_t at)
{
    const struct delta_match *match = &p->plain.last;
    if (match->len < 2 * CERTAIN_MIN || p->open_count == 0) {
        return 0;
    }
    size_t cheapest = 0;
    for (size_t i = 1; i < p->open_count; i++) {
        cheapest = p->open[i].cost < p->open[cheapest].cost ? i : cheapest;
    }
    const struct diagonal on = p->open[cheapest];
    if (on.missed || at - match->at != (uint32_t)on.shift) {
        return 0;
    }
    const uint32_t len = legal_bytes(p, at + 1, on.shift, match->len - CERTAIN_MIN);
    if (len == 0) {
        return 0;
    }
    p->open[0] = on;
    p->open[0].cost += len * BITS(0.04);
    p->open_count = 1;
    p->literal_cost = never;
    for (size_t i = 0; i <= EXACT_MAX; i++) {
        p->ahead[i] = never;
    }
    p->plain.last.at += len;
    p->plain.last.len -= len;
    p->normal.last.len = 0;
    return len;
}

/* False: the caller does not want to wait any longer. */
static bool report(const struct planner *p, uint32_t at)
{
    const struct delta_progress *progress = p->options->progress;
    if (progress == NULL || at % PROGRESS_STEP != 0) {
        return true;
    }
    const uint32_t per_pass = 1000;
    const uint64_t part = p->new.len == 0 ? 0 : (uint64_t)at *per_pass / p->new.len;
    return progress->report(progress->ctx, p->pass * per_pass + (uint32_t)part, p->effort->passes * per_pass);
}

static ud_err pass(struct planner *p)
{
    const uint32_t end = (uint32_t)p->new.len;
    for (size_t i = 0; i <= EXACT_MAX; i++) {
        p->ahead[i] = never;
    }
    memset(p->chain_heads, 0, sizeof p->chain_heads[0] << CHAIN_HASH_BITS);
    p->open_count = 0;
    p->literal_cost = never;
    p->plain.last = p->normal.last = (struct delta_match){0, 0};
    p->closed[0] = (struct closed){0, TOKEN_EXACT, false, 0, 0, 0};
    *cost_at(p, 0) = 0;
    for (uint32_t at = 0; at < end; at++) {
        close_runs(p, at);
        open_token(p, at);
        *cost_at(p, at) = never; /* the place of at + EXACT_MAX + 1 from here on */
        advance_all(p, at);
        if (!report(p, at)) {
            return UD_ERR_CANCELED;
        }
        at += pass_over(p, at);
    }
    close_runs(p, end);
    return UD_OK;
}

/* Exact copies that go on where the one before ended are one. */
static size_t join_exact(struct delta_token *tokens, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct delta_token *before = kept > 0 ? &tokens[kept - 1] : NULL;
        const struct delta_token token = tokens[i];
        const bool goes_on = before != NULL && token.kind == TOKEN_EXACT && before->kind == TOKEN_EXACT &&
                             before->from_new == token.from_new && before->source + before->len == token.source;
        if (goes_on) {
            before->len += token.len;
        } else {
            tokens[kept++] = token;
        }
    }
    return kept;
}

static ud_err collect(const struct planner *p, struct delta_plan *plan)
{
    size_t count = 0;
    for (uint32_t at = (uint32_t)p->new.len; at > 0; at = p->closed[at].start) {
        count++;
    }
    struct delta_token *tokens = calloc(count + 1, sizeof *tokens);
    if (tokens == NULL) {
        return UD_ERR_MEMORY;
    }
    free(plan->tokens);
    *plan = (struct delta_plan){tokens, count};
    for (uint32_t at = (uint32_t)p->new.len; at > 0; at = p->closed[at].start) {
        const struct closed *end = &p->closed[at];
        tokens[--count] = (struct delta_token){end->kind, at - end->start, end->source, end->from_new != 0};
    }
    plan->count = join_exact(tokens, plan->count);
    return UD_OK;
}

static ud_err planner_open(struct planner *p)
{
    const size_t old = p->old.len;
    const size_t new = p->new.len;
    p->marks = calloc(1, 3 * (old + new) + 1);
    ud_err err = delta_went_open(&p->went, old);
    p->closed = calloc(new + 1, sizeof p->closed[0]);
    p->chain_heads = calloc((size_t)1 << CHAIN_HASH_BITS, sizeof p->chain_heads[0]);
    p->chain = calloc(new + 1, sizeof p->chain[0]);
    p->plain.ranks = calloc(new + 1, sizeof p->plain.ranks[0]);
    p->normal.ranks = calloc(new + 1, sizeof p->normal.ranks[0]);
    if (err != UD_OK || p->marks == NULL || p->closed == NULL || p->chain_heads == NULL || p->chain == NULL ||
        p->plain.ranks == NULL || p->normal.ranks == NULL) {
        return UD_ERR_MEMORY;
    }
    p->old_calls = p->marks;
    p->old_pointers = p->old_calls + old;
    p->new_calls = p->old_pointers + old;
    p->new_pointers = p->new_calls + new;
    uint8_t *old_normal = p->new_pointers + new;
    uint8_t *new_normal = old_normal + old;
    delta_marks_make(p->old, p->options, p->old_calls, p->old_pointers);
    delta_marks_make(p->new, p->options, p->new_calls, p->new_pointers);
    delta_marks_normal(p->old, p->old_calls, p->old_pointers, old_normal);
    delta_marks_normal(p->new, p->new_calls, p->new_pointers, new_normal);
    p->new_normal = (struct ud_bytes){new_normal, new};
    err = delta_index_open(&p->plain.index, p->old);
    if (err == UD_OK) {
        err = delta_index_open(&p->normal.index, (struct ud_bytes){old_normal, old});
    }
    return err;
}

static void planner_close(struct planner *p)
{
    delta_index_close(&p->plain.index);
    delta_index_close(&p->normal.index);
    free(p->marks);
    delta_went_close(&p->went);
    free(p->closed);
    free(p->chain_heads);
    free(p->chain);
    free(p->plain.ranks);
    free(p->normal.ranks);
}

ud_err delta_plan_open(struct delta_plan *plan, struct ud_bytes old, struct ud_bytes new,
                       const struct delta_options *options)
{
    struct planner planner = {.old = old, .new = new, .options = options, .effort = efforts};
    while (old.len > planner.effort->bytes_max || new.len > planner.effort->bytes_max) {
        planner.effort++;
    }
    struct delta_plan made = {NULL, 0};
    ud_err err = planner_open(&planner);
    for (; err == UD_OK && planner.pass < planner.effort->passes; planner.pass++) {
        if (planner.pass > 0) {
            err = delta_went_learn(&planner.went, planner.old, planner.new, &made);
        }
        err = err == UD_OK ? pass(&planner) : err;
        err = err == UD_OK ? collect(&planner, &made) : err;
    }
    planner_close(&planner);
    if (err != UD_OK) {
        delta_plan_close(&made);
        return err;
    }
    *plan = made;
    return UD_OK;
}

void delta_plan_close(struct delta_plan *plan)
{
    free(plan->tokens);
    *plan = (struct delta_plan){NULL, 0};
}
