/* Passwords as they are stored: scrypt (RFC 7914) with a salt, and what it cost when it was made. */
#ifndef UPDRAFT_PORTS_OPENSSL_PASSWORD_H
#define UPDRAFT_PORTS_OPENSSL_PASSWORD_H

#include "updraft/bytes.h"
#include "updraft/err.h"

#define UD_PASSWORD_STORED_BYTES 64
#define UD_PASSWORD_BYTES_MIN 12
#define UD_PASSWORD_BYTES_MAX 128

/**
 * Stored form of a new password: 01, log2 N, r, p, salt (16), key (32), zeros. Takes about 50 ms and 32 MiB.
 *
 * @return UD_ERR_PASSWORD for one that is too short or too long; UD_ERR_CRYPTO
 */
ud_err ud_password_store(struct ud_bytes password, uint8_t stored[UD_PASSWORD_STORED_BYTES]);
/**
 * Compare in constant time. `stored` NULL: the same work for nothing, so that an unknown name takes as long.
 *
 * @return UD_ERR_AUTH; UD_ERR_CRYPTO also for a stored form that asks for more work than ours
 */
ud_err ud_password_check(struct ud_bytes password, const uint8_t *stored);

/** HMAC-SHA-256 over the parts, back to back. UD_ERR_CRYPTO. */
ud_err ud_hmac_sha256(struct ud_bytes key, const struct ud_bytes *parts, size_t count, uint8_t mac[32]);

#endif
