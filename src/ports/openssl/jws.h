/* Signatures of JSON Web Tokens (RFC 7515), of the two algorithms that every identity provider has. */
#ifndef UPDRAFT_PORTS_OPENSSL_JWS_H
#define UPDRAFT_PORTS_OPENSSL_JWS_H

#include "updraft/bytes.h"
#include "updraft/err.h"

/** RS256. `n` and `e` big endian; 2048 to 8192 bits. UD_ERR_KEY, UD_ERR_SIGNATURE, UD_ERR_CRYPTO. */
ud_err ud_jws_rs256(struct ud_bytes n, struct ud_bytes e, struct ud_bytes data, struct ud_bytes signature);
/** ES256: x, y of 32 bytes, signature of 64. UD_ERR_KEY, UD_ERR_SIGNATURE, UD_ERR_CRYPTO. */
ud_err ud_jws_es256(struct ud_bytes x, struct ud_bytes y, struct ud_bytes data, struct ud_bytes signature);
/** Unpadded base64url of RFC 7515 section 2, nothing else. UD_ERR_TEXT; UD_ERR_BUFFER beyond `room`. */
ud_err ud_base64url_read(struct ud_bytes text, uint8_t *out, size_t room, size_t *len);
/** The same way back; out has room for (len * 4 + 2) / 3 + 1 characters. */
void ud_base64url_write(const uint8_t *bytes, size_t len, char *out);

#endif
