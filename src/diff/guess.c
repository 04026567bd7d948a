/* What a firmware image is, by looking at it. A wrong guess costs patch size, never correctness. */
#include <stdlib.h>

#include "delta/thumb.h"
#include "diff/diff.h"
#include "diff/marks.h"

enum {
    LOOKED_AT = 1 << 19, /* bytes from the start */
    WORDS_MAX = 1 << 14,
    PUSHES_MAX = 1 << 14,
    BUCKET_BITS = 20,
    CALL_EVERY = 256, /* bytes per call into the image itself that Thumb code has at least */
};

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Words that may be addresses of functions, each once: a table's default entry would outvote everything. */
static size_t odd_words(struct ud_bytes image, uint32_t *words)
{
    size_t count = 0;
    for (uint32_t at = 0; at + 4 <= image.len && count < WORDS_MAX; at += 4) {
        const uint32_t word = delta_word_at(image, at);
        if ((word & 1) != 0 && word < 0x20000000) {
            words[count++] = word - 1;
        }
    }
    qsort(words, count, sizeof words[0], by_value);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || words[i] != words[i - 1]) {
            words[kept++] = words[i];
        }
    }
    return kept;
}

/* Where functions begin: PUSH {.., lr}, narrow or wide. */
static size_t pushes(struct ud_bytes image, uint32_t *places)
{
    size_t count = 0;
    for (uint32_t at = 0; at + 2 <= image.len && count < PUSHES_MAX; at += 2) {
        const uint32_t half = image.ptr[at] | (uint32_t)image.ptr[at + 1] << 8;
        if ((half & 0xff00) == 0xb500 || half == 0xe92d) {
            places[count++] = at;
        }
    }
    return count;
}

static uint32_t bucket_of(uint32_t base)
{
    return base * 0x9e3779b1u >> (32 - BUCKET_BITS);
}

struct election {
    uint32_t *words;
    uint32_t *places;
    uint32_t *votes; /* by bucket */
    size_t word_count;
    size_t place_count;
};

static uint32_t votes_for(const struct election *election, uint32_t base)
{
    uint32_t votes = 0;
    for (size_t i = 0; i < election->place_count; i++) {
        const uint32_t word = base + election->places[i];
        votes += bsearch(&word, election->words, election->word_count, sizeof word, by_value) != NULL ? 1 : 0;
    }
    return votes;
}

/* Each pair of word and place votes for a bucket; the candidates in the fullest bucket are then counted one by one. */
static uint32_t elect(const struct election *election)
{
    uint32_t fullest = 0;
    for (size_t i = 0; i < election->word_count; i++) {
        for (size_t k = 0; k < election->place_count; k++) {
            const uint32_t base = election->words[i] - election->places[k];
            if (election->places[k] <= election->words[i] && base % 4 == 0) {
                const uint32_t bucket = bucket_of(base);
                election->votes[bucket]++;
                fullest = election->votes[bucket] > election->votes[fullest] ? bucket : fullest;
            }
        }
    }
    uint32_t best = 0;
    uint32_t best_votes = votes_for(election, best); /* many images begin at 0 */
    for (size_t i = 0; i < election->word_count; i++) {
        for (size_t k = 0; k < election->place_count; k++) {
            const uint32_t base = election->words[i] - election->places[k];
            if (election->places[k] > election->words[i] || base % 4 != 0 || base == best ||
                bucket_of(base) != fullest) {
                continue;
            }
            const uint32_t votes = votes_for(election, base);
            if (votes > best_votes || (votes == best_votes && base < best)) {
                best = base;
                best_votes = votes;
            }
        }
    }
    return best;
}

uint32_t delta_guess_base(struct ud_bytes image)
{
    image.len = image.len < LOOKED_AT ? image.len : LOOKED_AT;
    struct election election = {.words = malloc(WORDS_MAX * sizeof(uint32_t)),
                                .places = malloc(PUSHES_MAX * sizeof(uint32_t)),
                                .votes = calloc((size_t)1 << BUCKET_BITS, sizeof(uint32_t))};
    uint32_t base = 0;
    if (election.words != NULL && election.places != NULL && election.votes != NULL) {
        election.word_count = odd_words(image, election.words);
        election.place_count = pushes(image, election.places);
        base = elect(&election);
    }
    free(election.words);
    free(election.places);
    free(election.votes);
    return base;
}

ud_delta_predictor delta_guess_predictor(struct ud_bytes image)
{
    size_t calls = 0;
    for (uint32_t at = 0; at + 4 <= image.len; at += 2) {
        const uint32_t word = delta_word_at(image, at);
        const int64_t target = (int64_t)at + 4 + delta_call_reach(word);
        if (delta_is_call(word) && target >= 0 && target < (int64_t)image.len) {
            calls++;
        }
    }
    return calls > image.len / CALL_EVERY ? UD_DELTA_PREDICTOR_THUMB : UD_DELTA_PREDICTOR_NONE;
}
