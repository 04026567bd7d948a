/*
 * P-256 keys in PEM files, for hosts: the author's keys and a POSIX device's own. Private keys are PKCS#8 files of
 * mode 0600; one that others can read is refused. Random bytes, too, because keys need them.
 *
 *     struct ud_key_pair *pair;
 *     struct ud_signer signer;
 *     err = ud_key_pair_load(&pair, "author.key");
 *     err = ud_key_pair_signer(pair, UD_ALG_ES256, &signer);   // valid until ud_key_pair_close(pair)
 */
#ifndef UPDRAFT_PORTS_OPENSSL_KEYS_H
#define UPDRAFT_PORTS_OPENSSL_KEYS_H

#include "updraft/crypto.h"

#define UD_PEM_BYTES_MAX 16384

struct ud_key_pair; /* the private half is overwritten when it is closed */

/** Make a new key pair from the system's random source. UD_ERR_CRYPTO. */
ud_err ud_key_pair_generate(struct ud_key_pair **pair);
/**
 * Load a PKCS#8 or SEC 1 PEM file.
 *
 * @return UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_EXPOSED (group or others may read it), UD_ERR_LIMIT,
 *         UD_ERR_KEY (no key, an encrypted one, another curve, halves that do not belong together)
 */
ud_err ud_key_pair_load(struct ud_key_pair **pair, const char *path);
/** Make a pair of its secret number and x || y. UD_ERR_KEY when they do not belong together; UD_ERR_MEMORY. */
ud_err ud_key_pair_of_secret(const uint8_t secret[32], const uint8_t pub[UD_P256_PUBLIC_BYTES],
                             struct ud_key_pair **pair);
/**
 * Write PKCS#8 PEM, mode 0600 from the first moment on, on disk when it returns.
 *
 * @param replace false: an existing file stays as it is and the answer is UD_ERR_CONFLICT; true: it is replaced as
 *                a whole, by rename
 */
ud_err ud_key_pair_save(const struct ud_key_pair *pair, const char *path, bool replace);
/** Fill `signer`; it borrows the pair. UD_ERR_ALGORITHM. */
ud_err ud_key_pair_signer(struct ud_key_pair *pair, ud_alg alg, struct ud_signer *signer);
void ud_key_pair_public(const struct ud_key_pair *pair, uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** The pair whose private half is this number, big-endian. UD_ERR_KEY for one that is none; UD_ERR_MEMORY. */
ud_err ud_key_pair_from_private(const uint8_t number[UD_P256_PUBLIC_BYTES / 2], struct ud_key_pair **pair);
/** NULL is allowed. */
void ud_key_pair_close(struct ud_key_pair *pair);

/** Read SubjectPublicKeyInfo PEM. UD_ERR_KEY for anything but a P-256 public key; private keys are refused too. */
ud_err ud_public_key_parse(struct ud_bytes pem, uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** Append SubjectPublicKeyInfo PEM text, without a NUL. UD_ERR_KEY, UD_ERR_BUFFER. */
ud_err ud_public_key_write(struct ud_buf *out, const uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** ud_public_key_parse() of a file. UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_LIMIT, UD_ERR_KEY. */
ud_err ud_public_key_load(const char *path, uint8_t pub[UD_P256_PUBLIC_BYTES]);
/** ud_public_key_write() to a file, mode 0644 less the umask; `replace` as for ud_key_pair_save(). */
ud_err ud_public_key_save(const uint8_t pub[UD_P256_PUBLIC_BYTES], const char *path, bool replace);

/** Bytes from the system's random source, fit for keys, nonces and tokens. UD_ERR_CRYPTO. */
ud_err ud_random(uint8_t *out, size_t len);

#endif
