/*
 * The emulator's side door: end with a status, and read the words that a test gave. This board is a machine for tests; a
 * product's port has no such file, since semihosting opens the host's files to the firmware.
 */
#ifndef UPDRAFT_MPS2_SEMIHOST_H
#define UPDRAFT_MPS2_SEMIHOST_H

#include <stddef.h>
#include <stdint.h>

/** End the emulator with this status, 0..255. */
_Noreturn void ud_semihost_exit(uint32_t status);

/** Bytes from the host's random source. Ends the emulator when there is none. */
void ud_semihost_random(uint8_t *out, size_t len);

/** The N of a word cut=N on the command line; 0 without one. */
uint32_t ud_semihost_cut(void);

#endif
