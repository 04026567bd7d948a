/* CRC-32 (IEEE 802.3, reflected): tells a torn record from a whole one, the wrong old image from the right one. No protection
 * against anybody. */
#ifndef UD_CORE_CRC32_H
#define UD_CORE_CRC32_H

#include "updraft/bytes.h"

uint32_t ud_crc32(struct ud_bytes bytes);
/** Go on: ud_crc32_more(ud_crc32(a), b) is the CRC of a and b together. */
uint32_t ud_crc32_more(uint32_t crc, struct ud_bytes bytes);

#endif
