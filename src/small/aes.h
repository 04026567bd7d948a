/*
 * AES-128 (FIPS 197), encryption only, in about 600 bytes, 256 of them the table: what a stream in counter mode needs. Round keys are
 * made as they are used, so nothing is kept but the key. For processors without a data cache: a table looked up by secret
 * bytes takes the same time everywhere there.
 */
#ifndef UPDRAFT_SMALL_AES_H
#define UPDRAFT_SMALL_AES_H

#include "updraft/bytes.h"

#define UD_AES_BLOCK_BYTES 16
#define UD_AES128_KEY_BYTES 16

/** Encrypt one block in place. Under 100 bytes of stack. */
void ud_aes128_encrypt(const uint8_t key[UD_AES128_KEY_BYTES], uint8_t block[UD_AES_BLOCK_BYTES]);

#endif
