/* Ed25519 keys in PEM files, for hosts: as keys.h does for P-256. */
#ifndef UPDRAFT_PORTS_OPENSSL_ED25519_KEY_H
#define UPDRAFT_PORTS_OPENSSL_ED25519_KEY_H

#include "updraft/crypto.h"

struct ud_ed25519_pair; /* the private half is overwritten when it is closed */

/** Make a new key pair from the system's random source. UD_ERR_CRYPTO, UD_ERR_MEMORY. */
ud_err ud_ed25519_generate(struct ud_ed25519_pair **pair);
/** Read PKCS#8 PEM. UD_ERR_KEY for anything but an unencrypted Ed25519 key; UD_ERR_MEMORY. */
ud_err ud_ed25519_parse(struct ud_bytes pem, struct ud_ed25519_pair **pair);
/** Make a pair of its 32 secret bytes. UD_ERR_KEY, UD_ERR_MEMORY. */
ud_err ud_ed25519_of_secret(const uint8_t secret[32], struct ud_ed25519_pair **pair);
/** Append PKCS#8 PEM; a secret. UD_ERR_BUFFER, UD_ERR_CRYPTO. */
ud_err ud_ed25519_write(const struct ud_ed25519_pair *pair, struct ud_buf *out);
/** Fill `signer`; it borrows the pair. UD_ERR_ALGORITHM for any but UD_ALG_ED25519. */
ud_err ud_ed25519_signer(struct ud_ed25519_pair *pair, ud_alg alg, struct ud_signer *signer);
/** NULL is allowed. */
void ud_ed25519_close(struct ud_ed25519_pair *pair);

/** Read SubjectPublicKeyInfo PEM. UD_ERR_KEY for anything but an Ed25519 public key. */
ud_err ud_ed25519_public_parse(struct ud_bytes pem, uint8_t pub[UD_ED25519_PUBLIC_BYTES]);
/** Append SubjectPublicKeyInfo PEM text, without a NUL. UD_ERR_KEY, UD_ERR_BUFFER. */
ud_err ud_ed25519_public_write(struct ud_buf *out, const uint8_t pub[UD_ED25519_PUBLIC_BYTES]);

#endif
