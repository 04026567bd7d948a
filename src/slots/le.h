/*
 * Little-endian numbers as the journal and the envelope header store them: a cursor each way over bounded
 * memory.
 */
#ifndef UD_SLOTS_LE_H
#define UD_SLOTS_LE_H

#include "updraft/bytes.h"

/** Append the lowest `bytes` of the value, which fit. */
void ud_le_put(struct ud_buf *out, uint32_t value, size_t bytes);
/** Take a number of so many bytes, which are there. */
uint32_t ud_le_take(struct ud_bytes *in, size_t bytes);

#endif
