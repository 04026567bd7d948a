/* Private keys as COSE_Key files (RFC 9052 section 7): what ud_cose_key_read() refuses, for it reads public ones. */
#ifndef UPDRAFT_AUTHOR_KEY_COSE_H
#define UPDRAFT_AUTHOR_KEY_COSE_H

#include "updraft/crypto.h"

struct key_cose {
    ud_key_type type; /* P-256, Ed25519 or HMAC 256/256 */
    uint8_t secret[32];
    uint8_t pub[UD_P256_PUBLIC_BYTES]; /* of P-256 and Ed25519 */
};

/** UD_ERR_KEY for a public key, another kind, lengths that do not fit; errors of the CBOR reader. */
ud_err key_cose_parse(struct ud_bytes in, struct key_cose *key);
/** Append the deterministic encoding; a secret. UD_ERR_BUFFER. */
ud_err key_cose_write(struct ud_buf *out, const struct key_cose *key);

#endif
