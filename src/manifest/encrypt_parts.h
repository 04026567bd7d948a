/* Between the files that decrypt and encrypt. */
#ifndef UPDRAFT_MANIFEST_ENCRYPT_PARTS_H
#define UPDRAFT_MANIFEST_ENCRYPT_PARTS_H

#include "updraft/cbor.h"
#include "updraft/encrypt.h"

#define ENCRYPT_AAD_BYTES_MAX (1 + 8 + 2 + UD_ENCRYPT_PROTECTED_BYTES_MAX + 1)
#define ENCRYPT_KDF_CONTEXT_BYTES_MAX 96

/** The row of this algorithm, or NULL. */
const struct ud_content_algorithm *encrypt_algorithm(int64_t alg);
/** The item under this label of a header map that was read already; empty where there is none. */
struct ud_bytes encrypt_header(struct ud_bytes map, int64_t label);
/** What a key stream begins with at block n of the content. */
void encrypt_first_block(const struct ud_content_algorithm *algorithm, const uint8_t *iv, uint64_t n,
                         uint8_t block[UD_CIPHER_BLOCK_BYTES]);
/** What an AEAD authenticates beside the content; `out` has ENCRYPT_AAD_BYTES_MAX. */
void encrypt_additional_data(struct ud_bytes protected_bytes, struct ud_buf *out);
/** From the shared secret to the key-encryption key. @param kek out: [16] */
ud_err encrypt_derive(struct ud_bytes shared, struct ud_bytes salt, struct ud_bytes recipient_protected,
                      uint8_t *kek);

#endif
