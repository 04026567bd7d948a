/* Where in old do the next bytes of new stand? A suffix array of old, plain or in normal form. */
#ifndef UPDRAFT_DIFF_MATCH_H
#define UPDRAFT_DIFF_MATCH_H

#include "updraft/bytes.h"
#include "updraft/err.h"

struct delta_index {
    struct ud_bytes text; /* borrowed */
    int32_t *suffixes;    /* ours, [text.len] */
};

struct delta_match {
    uint32_t at;  /* in the text */
    uint32_t len; /* 0: no match of 3 bytes or more */
};

/** UD_ERR_MEMORY. 4 bytes per byte of text. */
ud_err delta_index_open(struct delta_index *index, struct ud_bytes text);
void delta_index_close(struct delta_index *index);
/* A question asked before: where in the order of suffixes its answer stood. Zero: never asked. */
typedef uint32_t delta_rank;

/**
 * The longest match of the start of `query`; among equally long ones that nearest to `expected`, of `neighbours` at most
 * on each side in the order of suffixes.
 *
 * @param rank in and out: makes the same query quick when it is asked again with another `expected`
 *
 * Cost: 24 comparisons of strings in 16 MiB, none when `rank` knows; then up to 2 * neighbours
 */
struct delta_match delta_index_find(const struct delta_index *index, struct ud_bytes query, int32_t expected,
                                    uint32_t neighbours, delta_rank *rank);

#endif
