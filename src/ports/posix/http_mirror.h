/*
 * Another place for images: anything that serves files under the name of their SHA-256. What the server does not give is
 * asked for there, and the other way round. A mirror is not trusted and learns nothing but names: no token goes to it, no
 * offer, envelope or report comes over it, and what it serves must have the digest that was signed.
 */
#ifndef UPDRAFT_POSIX_HTTP_MIRROR_H
#define UPDRAFT_POSIX_HTTP_MIRROR_H

#include "updraft/bytes.h"
#include "updraft/limits.h"

#define UD_HTTP_MIRROR_BYTES_MAX (UD_URI_BYTES_MAX + 1)

/**
 * Where a mirror has the resource that the server has here.
 *
 * @param base of the mirror, an allowed address (http_url.h); NULL: there is no mirror
 * @param out  written, with a NUL, when there is such a place
 * @return false: there is no mirror, the resource is not named by a digest, or the address is too long
 */
bool ud_http_mirror_url(const char *base, struct ud_bytes uri, char out[UD_HTTP_MIRROR_BYTES_MAX]);

#endif
