/*
 * Tokens, codes and nonces: random, shown once, stored as SHA-256. The tokens carry 190 bits or more, so a plain
 * hash is enough; there is nothing to guess.
 */
#ifndef UD_SERVER_SECRET_H
#define UD_SERVER_SECRET_H

#include "ports/openssl/keys.h" /* ud_random */
#include "updraft/bytes.h"
#include "updraft/crypto.h"
#include "updraft/err.h"

#define UD_TOKEN_CHARS 32       /* target token of a device, as DDI clients expect it: 190 bits */
#define UD_ADMIN_TOKEN_CHARS 44 /* management token: 261 bits */
#define UD_CODE_CHARS 24        /* one-time enrolment code: 142 bits */
#define UD_SECRET_CHARS_MAX 128

/** `chars` letters and digits, NUL behind them: text has room for chars + 1. */
ud_err ud_secret_make(char *text, size_t chars);
/** SHA-256 of a secret as given by a client. */
ud_err ud_secret_hash(struct ud_bytes secret, uint8_t hash[UD_SHA256_BYTES]);
/** Lower case hex of len bytes; text has room for 2 * len + 1. */
void ud_hex_write(char *text, const uint8_t *bytes, size_t len);
/** 0 to 15; -1: not one. */
int ud_hex_digit(uint8_t c);
/** Exactly 2 * len hex digits, lower or upper case. False, with nothing written, otherwise. */
bool ud_hex_read(uint8_t *bytes, size_t len, struct ud_bytes text);

#endif
