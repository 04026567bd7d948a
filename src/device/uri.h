/*
 * Where a payload is (design: one signature serves every road, mirror and stick). A URI in a signed manifest is
 * relative and resolves against the place that the envelope came from; nothing else may widen that place.
 */
#ifndef UPDRAFT_DEVICE_URI_H
#define UPDRAFT_DEVICE_URI_H

#include "updraft/bytes.h"
#include "updraft/err.h"
#include "updraft/limits.h"

/**
 * Resolve `reference` against `base` (RFC 3986 section 5, narrowed to what cannot escape).
 *
 * @param base      absolute, with authority and path: scheme://host[:port]/folder/manifest.suit. Its query is dropped
 * @param reference relative path of unreserved characters and '/', or absolute with the same scheme and authority as
 *                  the base. Refused: empty, `.` and `..` segments, empty segments, a leading '/', percent signs,
 *                  backslashes, query, fragment, user names, control characters
 * @param out       the absolute URI is appended; untouched on error
 * @return UD_ERR_URI; UD_ERR_LIMIT when the result is longer than UD_URI_BYTES_MAX; UD_ERR_BUFFER
 *
 * Source: attacks B5 (NET.REDIRECT); design section 6
 */
ud_err ud_uri_resolve(struct ud_bytes base, struct ud_bytes reference, struct ud_buf *out);

/** Do both start with the same scheme and authority, case aside? False when one of them has none. */
bool ud_uri_same_origin(struct ud_bytes a, struct ud_bytes b);

#endif
