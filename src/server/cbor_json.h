/*
 * JSON values as CBOR and back, for DDI's clients that speak application/cbor: text keys, text, integers, reals, truth values,
 * null, arrays, maps. Byte strings and tags have no JSON: refused.
 */
#ifndef UD_SERVER_CBOR_JSON_H
#define UD_SERVER_CBOR_JSON_H

#include "server/text.h"
#include "updraft/err.h"

#include <jansson.h>

#define UD_CBOR_JSON_DEPTH_MAX 16

/** UD_ERR_SHAPE, UD_ERR_TRUNCATED, UD_ERR_TRAILING, UD_ERR_DEPTH, UD_ERR_TEXT, UD_ERR_NUMBER_RANGE, UD_ERR_MEMORY. *json is the caller's. */
ud_err ud_cbor_to_json(struct ud_bytes in, json_t **json);
/** Appends. UD_ERR_DEPTH, UD_ERR_MEMORY. */
ud_err ud_json_to_cbor(const json_t *json, struct ud_text *out);

#endif
