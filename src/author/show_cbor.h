/* CBOR from somebody else as JSON, for showing: whatever it holds, and with names where we know them. */
#ifndef UPDRAFT_AUTHOR_SHOW_CBOR_H
#define UPDRAFT_AUTHOR_SHOW_CBOR_H

#include <jansson.h>

#include "updraft/bytes.h"

/* What a label of a map is called, and what its value holds. Ends with a NULL name. */
struct show_name {
    int64_t label;
    const char *name;
    const struct show_name *inside; /* names within the value; NULL: none */
    bool wrapped;                   /* the value is a byte string with CBOR in it */
    bool id;                        /* a component id */
};

/**
 * Show one item. Byte strings become hex, maps objects with their labels or names as keys, tags their content.
 *
 * @param names of the outermost map, or of each map in an array; NULL: none
 * @return NULL when it is not well-formed to the end, or memory is short
 */
json_t *show_cbor(struct ud_bytes item, const struct show_name *names);
/** Print it as indented lines. */
void show_lines(const json_t *json, int depth);

#endif
