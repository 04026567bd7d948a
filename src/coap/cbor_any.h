/*
 * Inside the CoAP module: any well-formed CBOR, as other implementations send it: floats of every width, indefinite
 * arrays and maps, heads longer than need be. (updraft/cbor.h reads the deterministic subset that signatures need.)
 */
#ifndef COAP_CBOR_ANY_H
#define COAP_CBOR_ANY_H

#include "coap/decimal.h"

#define UD_ANY_DEPTH_MAX 8 /* containers and tags within each other, in items that are skipped */

typedef enum ud_any_type {
    UD_ANY_INT, /* number, within int64_t */
    UD_ANY_REAL,
    UD_ANY_BYTES,
    UD_ANY_TEXT,
    UD_ANY_ARRAY, /* count of items, or indefinite */
    UD_ANY_MAP,   /* count of pairs, or indefinite */
    UD_ANY_TAG,   /* count is its number; the item follows */
    UD_ANY_TRUE,
    UD_ANY_FALSE,
    UD_ANY_NULL, /* undefined too */
    UD_ANY_BREAK,
    UD_ANY_END, /* no bytes are left */
} ud_any_type;

struct ud_any {
    ud_any_type type;
    bool indefinite;
    uint64_t count;
    struct ud_number number;
    struct ud_bytes bytes;
};

/** Split off one item; of a container only the head. UD_ERR_TRUNCATED, UD_ERR_SHAPE, UD_ERR_NUMBER_RANGE. */
ud_err ud_any_take(struct ud_bytes *from, struct ud_any *item);
/** Walk over one item whole. UD_ERR_DEPTH beyond UD_ANY_DEPTH_MAX. */
ud_err ud_any_skip(struct ud_bytes *from);

#endif
