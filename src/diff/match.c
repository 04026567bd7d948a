#include <divsufsort.h>
#include <stdlib.h>

#include "diff/match.h"

enum {
    COMPARE_MAX = 2048, /* bytes; longer matches are found piece by piece */
    MATCH_MIN = 3,
};

ud_err delta_index_open(struct delta_index *index, struct ud_bytes text)
{
    *index = (struct delta_index){text, NULL};
    if (text.len == 0) {
        return UD_OK;
    }
    index->suffixes = malloc(text.len * sizeof index->suffixes[0]);
    if (index->suffixes == NULL || divsufsort(text.ptr, index->suffixes, (int32_t)text.len) != 0) {
        delta_index_close(index);
        return UD_ERR_MEMORY;
    }
    return UD_OK;
}

void delta_index_close(struct delta_index *index)
{
    free(index->suffixes);
    index->suffixes = NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Common bytes of the query and the suffix of this rank; 0 for a rank outside. */
static size_t common(const struct delta_index *index, struct ud_bytes query, ptrdiff_t rank)
{
    if (rank < 0 || (size_t)rank >= index->text.len) {
        return 0;
    }
    const size_t at = (size_t)index->suffixes[rank];
    const size_t end = least(query.len, index->text.len - at);
    size_t len = 0;
    while (len < end && index->text.ptr[at + len] == query.ptr[len]) {
        len++;
    }
    return len;
}

/* The first suffix that is not below the query. */
static ptrdiff_t rank_of(const struct delta_index *index, struct ud_bytes query)
{
    size_t low = 0;
    size_t high = index->text.len;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const size_t at = (size_t)index->suffixes[middle];
        const size_t rest = index->text.len - at;
        const int order = memcmp(index->text.ptr + at, query.ptr, least(rest, query.len));
        if (order < 0 || (order == 0 && rest < query.len)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (ptrdiff_t)low;
}

/* Does the suffix of this rank begin with the query? */
static bool begins(const struct delta_index *index, struct ud_bytes query, ptrdiff_t rank)
{
    if (rank < 0 || (size_t)rank >= index->text.len) {
        return false;
    }
    const size_t at = (size_t)index->suffixes[rank];
    return index->text.len - at >= query.len && memcmp(index->text.ptr + at, query.ptr, query.len) == 0;
}

/* `query` is as long as the best match. */
static void look_around(const struct delta_index *index, struct ud_bytes query, int32_t expected,
                        uint32_t neighbours, ptrdiff_t rank, int step, struct delta_match *best)
{
    for (uint32_t i = 0; i < neighbours && begins(index, query, rank); i++, rank += step) {
        const int32_t at = index->suffixes[rank];
        if (best->at == UINT32_MAX || labs((long)at - expected) < labs((long)best->at - expected)) {
            best->at = (uint32_t)at;
        }
    }
}

struct delta_match delta_index_find(const struct delta_index *index, struct ud_bytes query, int32_t expected,
                                    uint32_t neighbours, delta_rank *rank)
{
    struct delta_match none = {0, 0};
    if (index->text.len == 0) {
        return none;
    }
    query.len = least(query.len, COMPARE_MAX);
    if (*rank == 0) {
        *rank = (delta_rank)rank_of(index, query) + 1;
    }
    const ptrdiff_t above = (ptrdiff_t)*rank - 1;
    const size_t len = most(common(index, query, above), common(index, query, above - 1));
    if (len < MATCH_MIN) {
        return none;
    }
    struct delta_match best = {UINT32_MAX, (uint32_t)len};
    query.len = len;
    look_around(index, query, expected, neighbours, above, 1, &best);
    look_around(index, query, expected, neighbours, above - 1, -1, &best);
    return best;
}
