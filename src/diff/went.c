#include "diff/went.h"

#include <stdlib.h>

#include "delta/model.h"
#include "delta/thumb.h"
#include "diff/marks.h"

/* A pointer into RAM that a copy carried along, and by how much it moved. */
struct ram_vote {
    uint32_t key;
    int32_t moved;
};

static int by_key(const void *a, const void *b)
{
    const struct ram_vote *x = a;
    const struct ram_vote *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return x->moved < y->moved ? -1 : x->moved > y->moved;
}

static void count_ram_votes(struct delta_went *went, struct ram_vote *votes, size_t count)
{
    qsort(votes, count, sizeof votes[0], by_key);
    size_t most = 0;
    for (size_t i = 0, run = 0; i < count; i++) {
        const bool same_key = i > 0 && votes[i].key == votes[i - 1].key;
        most = same_key ? most : 0;
        run = same_key && votes[i].moved == votes[i - 1].moved ? run + 1 : 1;
        if (run > most) {
            most = run;
            went->ram[votes[i].key] = votes[i].moved;
        }
    }
}

static size_t ram_votes_of(struct ud_bytes old, struct ud_bytes new, const struct delta_token *token,
                           uint32_t made, struct ram_vote *votes)
{
    size_t count = 0;
    for (uint32_t i = -made & 3u; i + 4 <= token->len && ((token->source + i) & 3) == 0; i += 4) {
        const uint32_t word = delta_word_at(old, token->source + i);
        if (delta_in_ram(word)) {
            const int32_t moved = (int32_t)(delta_word_at(new, made + i) - word);
            votes[count++] = (struct ram_vote){word & (DELTA_RAM_KEYS - 1), moved};
        }
    }
    return count;
}

ud_err delta_went_learn(struct delta_went *went, struct ud_bytes old, struct ud_bytes new,
                        const struct delta_plan *plan)
{
    uint32_t *weight = calloc(old.len + 1, sizeof *weight);
    struct ram_vote *votes = calloc(new.len / 4 + 1, sizeof *votes);
    if (weight == NULL || votes == NULL) {
        free(weight);
        free(votes);
        return UD_ERR_MEMORY;
    }
    for (size_t i = 0; i < old.len; i++) {
        went->old[i] = DELTA_WENT_UNKNOWN;
    }
    for (size_t i = 0; i < DELTA_RAM_KEYS; i++) {
        went->ram[i] = DELTA_WENT_UNKNOWN;
    }
    uint32_t made = 0;
    size_t count = 0;
    for (size_t i = 0; i < plan->count; made += plan->tokens[i].len, i++) {
        const struct delta_token *token = &plan->tokens[i];
        if (token->kind != TOKEN_COPY) {
            continue;
        }
        for (uint32_t at = token->source; at < token->source + token->len; at++) {
            if (token->len > weight[at]) {
                weight[at] = token->len;
                went->old[at] = (int32_t)(made - token->source);
            }
        }
        count += ram_votes_of(old, new, token, made, votes + count);
    }
    count_ram_votes(went, votes, count);
    went->knows = true;
    free(weight);
    free(votes);
    return UD_OK;
}

ud_err delta_went_open(struct delta_went *went, size_t old_bytes)
{
    went->knows = false;
    went->old = calloc(old_bytes + 1, sizeof went->old[0]);
    went->ram = calloc(DELTA_RAM_KEYS, sizeof went->ram[0]);
    return went->old == NULL || went->ram == NULL ? UD_ERR_MEMORY : UD_OK;
}

void delta_went_close(struct delta_went *went)
{
    free(went->old);
    free(went->ram);
    *went = (struct delta_went){.old = NULL};
}
