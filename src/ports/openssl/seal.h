/* Encrypting for others: content in a stream, the content key for each recipient. Hosts only; devices decrypt. */
#ifndef UPDRAFT_PORTS_OPENSSL_SEAL_H
#define UPDRAFT_PORTS_OPENSSL_SEAL_H

#include "updraft/crypto.h"

enum {
    UD_SEAL_KEY_BYTES_MAX = 32,
    UD_SEAL_IV_BYTES_MAX = 16,
    UD_SEAL_TAG_BYTES = 16,
    UD_SEAL_CHUNK_BYTES = 65536
};

/* Content encryption (COSE ids: RFC 9053, RFC 9459). */
struct ud_seal_cipher {
    const char *name;
    int32_t alg;
    uint8_t key_bytes;
    uint8_t iv_bytes;
    uint8_t tag_bytes; /* 0: nothing but a digest tells whether it was altered */
};
extern const struct ud_seal_cipher ud_seal_ciphers[]; /* ends with a NULL name */

struct ud_seal;

/** Begin. aad is empty for a cipher without a tag. UD_ERR_CRYPTO, UD_ERR_MEMORY. */
ud_err ud_seal_open(struct ud_seal **seal, const struct ud_seal_cipher *cipher, const uint8_t *key,
                    const uint8_t *iv, struct ud_bytes aad);
/** Encrypt the next piece, at most UD_SEAL_CHUNK_BYTES; `out` has as much room. UD_ERR_CRYPTO. */
ud_err ud_seal_update(struct ud_seal *seal, struct ud_bytes plain, uint8_t *out);
/** End: `tag` gets the cipher's tag, where it has one. UD_ERR_CRYPTO. */
ud_err ud_seal_final(struct ud_seal *seal, uint8_t tag[UD_SEAL_TAG_BYTES]);
/** NULL is allowed. */
void ud_seal_close(struct ud_seal *seal);

/**
 * AES key wrap (RFC 3394): `out` gets key.len + 8 bytes.
 * @param kek 16 or 32 bytes; key 16, 24 or 32. UD_ERR_KEY, UD_ERR_CRYPTO
 */
ud_err ud_seal_wrap(struct ud_bytes kek, struct ud_bytes key, uint8_t *out);
/**
 * ECDH with a key made for this once: z gets the shared x coordinate, ephemeral our x || y.
 * @param pub of the recipient. UD_ERR_KEY for a point off the curve; UD_ERR_CRYPTO
 */
ud_err ud_seal_agree(const uint8_t pub[UD_P256_PUBLIC_BYTES], uint8_t ephemeral[UD_P256_PUBLIC_BYTES],
                     uint8_t z[32]);

#endif
