/* Base64 (RFC 4648), for formats that carry bytes as text. */
#ifndef UD_CORE_BASE64_H
#define UD_CORE_BASE64_H

#include "updraft/bytes.h"
#include "updraft/err.h"

/** Either alphabet, with or without padding. UD_ERR_SHAPE; UD_ERR_BUFFER. Left-over bits must be 0. */
ud_err ud_base64_decode(struct ud_bytes text, struct ud_buf *out);
/** url: the alphabet with - and _, without padding; else + and /, padded. False when it does not fit. */
bool ud_base64_encode(struct ud_bytes bytes, bool url, struct ud_buf *out);

#endif
